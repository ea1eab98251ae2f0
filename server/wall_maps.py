"""The map on the wall 标准地图: a standard map picture as the map authority publishes it, and its approval number 审图号.

Owns: `wall_maps` and `wall_map_parts`. Invariants: the bytes are given out exactly as they came; nothing is drawn over them, by us or by
the wall; a map without an approval number is not kept; the number is shown beside it wherever it is shown.
"""

from __future__ import annotations

import asyncio
import hashlib
import io
import re
import secrets
from collections.abc import AsyncGenerator

import msgspec
from PIL import Image, UnidentifiedImageError

from server.errors import InvalidBody, NotFound
from server.made_files import FileParts
from server.stores import Database

# The authority's pictures for screens are 1 to 4 MB.
MAX_BYTES = 4 * 1024 * 1024
PART_BYTES = 1024 * 1024
# A wall of 3840 by 1080 shows no more; the authority's largest for printing are 7,000 wide.
MAX_PIXELS = 60_000_000
# GS(2023)2767号, 闽S〔2021〕第001号: issuer, year, number.
NUMBER = re.compile(r"[A-Z\u4e00-\u9fff]{1,8}\s?[（(〔\[]\s?20\d{2}\s?[）)〕\]]\s?第?\s?\d{1,6}\s?号")
TYPES = {"PNG": "image/png", "JPEG": "image/jpeg"}


class WallMap(msgspec.Struct, frozen=True):
    """`mark` changes with the bytes; `attempt` counts what was kept, so that a new map never mixes with the old one."""

    number: str
    type: str
    width: int
    height: int
    bytes: int
    mark: str
    attempt: int
    parts: int
    by: str
    at: float


class MapGone(NotFound):
    code = "MAP_NOT_FOUND"
    message = "这个活动没有上传标准地图"


class WallMapStore:
    """The only code that touches `wall_maps` and `wall_map_parts`."""

    def __init__(self, mongo: Database) -> None:
        self._maps = mongo["wall_maps"]
        self.parts = FileParts(mongo["wall_map_parts"])

    async def find(self, campaign: str) -> WallMap | None:
        found = await self._maps.find_one({"_id": campaign})
        return msgspec.convert(found, WallMap) if found else None

    async def keep(self, campaign: str, kept: WallMap) -> WallMap | None:
        """What was there before."""
        before = await self._maps.find_one_and_update({"_id": campaign}, {"$set": msgspec.to_builtins(kept)}, upsert=True)
        return msgspec.convert(before, WallMap) if before else None

    async def remove(self, campaign: str) -> WallMap | None:
        """What was there, None where nothing was."""
        before = await self._maps.find_one_and_delete({"_id": campaign})
        return msgspec.convert(before, WallMap) if before else None


class WallMaps:
    def __init__(self, store: WallMapStore) -> None:
        self._store = store

    async def of(self, campaign: str) -> WallMap | None:
        return await self._store.find(campaign)

    async def keep(self, campaign: str, data: bytes, number: str, who: str, now: float) -> WallMap:
        """Show this picture, as it is, from now on. Raises InvalidBody: MAP_NUMBER_MISSING, MAP_WRONG."""
        if not NUMBER.fullmatch(number := number.strip()):
            raise InvalidBody("MAP_NUMBER_MISSING", "请填写地图上的审图号，例如 GS(2023)2767号", field="number")
        kind, width, height = await asyncio.to_thread(looked_at, data)
        attempt = secrets.randbits(40)  # two who upload at once never write into each other's parts
        parts, size = await self._store.parts.write(campaign, attempt, pieces_of(data))
        kept = WallMap(number, kind, width, height, size, hashlib.sha256(data).hexdigest()[:16], attempt, parts, who, now)
        if old := await self._store.keep(campaign, kept):
            await self._store.parts.drop(campaign, [old.attempt])
        return kept

    async def remove(self, campaign: str) -> None:
        """Raises MapGone."""
        old = await self._store.remove(campaign)
        if old is None:
            raise MapGone()
        await self._store.parts.drop(campaign, [old.attempt])

    async def open(self, campaign: str) -> tuple[WallMap, bytes]:
        """The picture as it came. Raises MapGone."""
        kept = await self._store.find(campaign)
        if kept is None:
            raise MapGone()
        return kept, b"".join([piece async for piece in self._store.parts.read(campaign, kept.attempt, kept.parts, MapGone)])


async def pieces_of(data: bytes) -> AsyncGenerator[bytes, None]:
    for start in range(0, len(data), PART_BYTES):
        yield data[start:start + PART_BYTES]


def looked_at(data: bytes) -> tuple[str, int, int]:
    """Type and size of a picture that can be shown. Raises InvalidBody MAP_WRONG."""
    wrong = InvalidBody("MAP_WRONG", f"请上传标准地图服务网站下载的原图：JPG 或 PNG，不超过 {MAX_BYTES >> 20} MB", field="file")
    if not data or len(data) > MAX_BYTES:
        raise wrong
    try:
        with Image.open(io.BytesIO(data), formats=tuple(TYPES)) as picture:
            (width, height), kind = picture.size, TYPES[picture.format or ""]
            if width * height > MAX_PIXELS:
                raise wrong
            picture.load()
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, KeyError, Image.DecompressionBombError) as error:
        raise wrong from error
    return kind, width, height
