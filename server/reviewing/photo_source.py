"""Photos of a photo wall, as reviewers decide on them.

Near-duplicates are found by what the picture looks like (a difference hash of 64 bits of its small form, kept when it becomes public), in
four bands of 16: two pictures that differ in three bits share one, and up to ten bits apart they are offered.
"""

from __future__ import annotations

import asyncio
import io
from collections.abc import Sequence
from typing import Any, Protocol

from PIL import Image, UnidentifiedImageError

from server.errors import WenmingError
from server.messages import Ruling
from server.moderation.verdict import OVERALLS, shown
from server.photos.photo import PICTURE_TEXTS, Photo
from server.photos.store import PhotoStore
from server.reviewing.item import NEWEST_FIRST, Item, List, Page
from server.stores import Database

KIND = "photo"
FIELDS = {"waiting": "queue", "public": "wall", "second": "second", "decided": "decided"}
# A difference hash compares each cell with its right neighbour: 9 x 8 cells give 64 bits.
CELLS = (9, 8)
BANDS, NEAR_BITS, CANDIDATES = 4, 10, 150
PLACE_DIGITS = 15


class PhotoPictures(Protocol):
    async def read(self, token: str, variant: str) -> bytes: ...


class PhotoHashes:
    """The only code that touches `photo_hashes`: `_id` the token, `bits`, and a band of them in each indexed field."""

    def __init__(self, mongo: Database) -> None:
        self._hashes = mongo["photo_hashes"]

    async def keep(self, campaign: str, token: str, bits: int) -> None:
        await self._hashes.update_one({"_id": token}, {"$set": {"bits": f"{bits:016x}", **_bands(campaign, bits)}}, upsert=True)

    async def near(self, campaign: str, bits: int) -> list[str]:
        """Tokens of pictures that look like it, the nearest first."""
        found: dict[str, int] = {}
        for field, mark in _bands(campaign, bits).items():
            some = await self._hashes.find({field: mark}).limit(CANDIDATES).to_list(None)
            found |= {document["_id"]: (int(document["bits"], 16) ^ bits).bit_count() for document in some}
        return sorted((token for token, distance in found.items() if distance <= NEAR_BITS), key=lambda token: found[token])

    async def forget(self, tokens: Sequence[str]) -> None:
        await self._hashes.delete_many({"_id": {"$in": list(tokens)}})


class PhotoSource:
    kind = KIND
    name = "照片"

    def __init__(self, store: PhotoStore, files: PhotoPictures, mongo: Database) -> None:
        self._store = store
        self._files = files
        self._hashes = PhotoHashes(mongo)

    async def page(self, which: List, campaign: str, cursor: str, limit: int) -> list[Item]:
        machine, is_newest_first = which.removeprefix("machine:"), which in NEWEST_FIRST
        field, start = ("by_machine", f"{campaign}:{machine}") if machine in OVERALLS else (FIELDS[which], campaign)
        prefix = f"{start}:"
        after, end = prefix + (cursor or (";" if is_newest_first else "")), prefix if is_newest_first else f"{start};"
        photos = await self._store.page(field, after, end, is_newest_first, limit)
        return [_item(photo, getattr(photo, field).removeprefix(prefix)) for photo in photos]

    async def places(self, which: Page, campaign: str, limit: int) -> list[str]:
        return await self._store.places(FIELDS[which], campaign, limit)

    async def find(self, campaign: str, token: str) -> Item | None:
        photo = await self._store.by_token(token)
        return None if photo is None or photo.campaign != campaign else _item(photo, "")

    async def decide(self, campaign: str, token: str, ruling: Ruling) -> bool:
        if not await self._store.decide(campaign, token, ruling):
            return False
        if ruling.approve and (bits := await self._bits(token)) is not None:
            await self._hashes.keep(campaign, token, bits)
            now = await self._store.by_token(token)
            if now is None or now.state == "withdrawn":  # while we looked at it
                await self.forget([token])
        return True

    async def take_down(self, campaign: str, token: str, ruling: Ruling) -> bool:
        return await self._store.take_down(campaign, token, ruling)

    async def hide(self, campaign: str, token: str, at: float) -> bool:
        """A photo wall knows no way back into its queue: reports of photos hide nothing by themselves."""
        return False

    async def confirm(self, campaign: str, token: str, by: str, at: float) -> bool:
        return await self._store.confirm(campaign, token, by)

    async def reverse(self, campaign: str, token: str, ruling: Ruling) -> bool:
        return await self._store.reverse(campaign, token, ruling)

    async def alike(self, item: Item, limit: int) -> list[Item]:
        bits = await self._bits(item.token)
        tokens = [] if bits is None else await self._hashes.near(item.campaign, bits)
        found = [await self.find(item.campaign, token) for token in tokens if token != item.token]
        return [one for one in found if one is not None and (one.is_public or one.state == "pending")][:limit]

    async def of_citizen(self, campaign: str, citizen: int, limit: int) -> list[Item]:
        own = sorted((p for p in await self._store.of_citizen(citizen) if p.campaign == campaign), key=lambda p: -p.at)[:limit]
        return [_item(photo, "") for photo in own]

    async def forget(self, tokens: Sequence[str]) -> None:
        """Before photos go: what is kept here of them."""
        await self._hashes.forget(tokens)

    async def _bits(self, token: str) -> int | None:
        """None where the picture is gone or cannot be read: then nothing is like it."""
        try:
            return await asyncio.to_thread(difference_hash, await self._files.read(token, "tile"))
        except (WenmingError, UnidentifiedImageError, OSError):
            return None


def difference_hash(data: bytes) -> int:
    """64 bits of what a picture looks like; the same for other sizes and qualities of it."""
    with Image.open(io.BytesIO(data)) as picture:
        cells = picture.convert("L").resize(CELLS, Image.Resampling.BOX).tobytes()
    bits = 0
    for row in range(CELLS[1]):
        for column in range(CELLS[0] - 1):
            bits = bits << 1 | (cells[row * CELLS[0] + column] > cells[row * CELLS[0] + column + 1])
    return bits


def _bands(campaign: str, bits: int) -> dict[str, str]:
    return {f"band{n}": f"{campaign}:{bits >> 16 * n & 0xFFFF:04x}" for n in range(BANDS)}


def _item(photo: Photo, place: str) -> Item:
    own_place = f"{int(photo.at * 1000):0{PLACE_DIGITS}d}:{photo.token}"
    return Item(
        kind=KIND, campaign=photo.campaign, token=photo.token, place=place or own_place, state=photo.state, citizen=photo.citizen,
        at=photo.at, parts={"caption": photo.caption} if photo.caption else {}, machine=_machine(photo),
        pictures=(f"/api/v1/staff/campaigns/{photo.campaign}/photos/{own_place}.jpg?size=tile",), is_public=bool(photo.wall),
        tile=f"/photos/{photo.token}-tile.jpg", decided_by=photo.decided_by, decided_at=photo.decided_at, reason=photo.reason,
        second_by=photo.second_by, waits_for_second=bool(photo.second))


def _machine(photo: Photo) -> dict[str, Any]:
    """What machines said of the caption, and after it of the picture."""
    said = shown(photo.machine, photo.verdicts)
    why = f"（{photo.picture_label}）" if photo.picture_label else ""
    check = {"source": "platform", "part": "picture", "result": photo.picture, "labels": [photo.picture_label] if why else [],
             "trace_id": "", "text": PICTURE_TEXTS[photo.picture] + why}
    return said | {"checks": [*said["checks"], check]}
