"""The pictures of photos: made by the workshop's processes, kept sealed, read again by an address."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from server.errors import StoreUnavailable, Unavailable
from server.media.wire import Job
from server.media.workshop import Workshop
from server.photos.photo import PhotoNotFound
from server.photos.store import PhotoStore
from server.seals import Seal, SealBroken
from server.shared_reads import HotBytes, Remembered
from server.stores import Database

Value = TypeVar("Value")

VARIANTS = ("photo", "tile")
# A photo's picture that nobody's photo names: whoever made it died in between.
UNBORN_SECONDS = 3600.0
REMOVED_AT_ONCE = 100
# Whether a photo is public is asked again after this, by every process; take-down within 2 s, with the second that phones may keep it.
FRESH_SECONDS = 0.9
# Addresses that are remembered, those of nothing too; anybody can make some up.
MOST_KNOWN = 5000
# Tiles of the first pages of the walls: 30 KB each.
HOT_BYTES = 16 << 20
READS_AT_ONCE, READS_WAITING = 8, 400


class PictureStore:
    """The only code that touches `photo_parts`. `born` is there until a photo names the token."""

    def __init__(self, mongo: Database, seal: Seal) -> None:
        self._parts = mongo["photo_parts"]
        self._seal = seal

    async def add(self, token: str, variant: str, data: bytes, now: float) -> None:
        part_id = f"{token}:{variant}"
        await self._parts.insert_one({"_id": part_id, "token": token, "born": int(now), "data": self._seal.close_bytes(data, part_id)})

    async def claim(self, token: str) -> None:
        await self._parts.update_many({"_id": {"$in": _ids(token)}}, {"$unset": {"born": ""}})

    async def read(self, token: str, variant: str) -> bytes:
        """Raises PhotoNotFound, StoreUnavailable where it was sealed with another key."""
        found = await self._parts.find_one({"_id": f"{token}:{variant}"})
        if found is None:
            raise PhotoNotFound()
        try:
            return self._seal.open_bytes(bytes(found["data"]), found["_id"])
        except SealBroken as error:
            raise StoreUnavailable() from error

    async def remove(self, token: str) -> None:
        await self._parts.delete_many({"_id": {"$in": _ids(token)}})

    async def unborn(self, before: float, limit: int) -> list[str]:
        """Tokens of pictures that no photo named so far."""
        found = await self._parts.find({"born": {"$gt": 0, "$lt": int(before)}}, {"token": 1}).limit(limit).to_list(None)
        return list(dict.fromkeys(d["token"] for d in found))


def _ids(token: str) -> list[str]:
    return [f"{token}:{variant}" for variant in VARIANTS]


class PhotoFiles:
    """`workshop`: a bench of its own, so that citizens' photos and editors' pictures do not wait for each other."""

    def __init__(self, store: PictureStore, photos: PhotoStore, workshop: Workshop) -> None:
        self._store = store
        self._photos = photos
        self._workshop = workshop
        self._known: Remembered[bool] = Remembered(FRESH_SECONDS, MOST_KNOWN)
        self._hot = HotBytes(HOT_BYTES)
        self._reads = asyncio.Semaphore(READS_AT_ONCE)
        self._inside = 0

    async def make(self, data: bytes, token: str, now: float) -> tuple[int, int]:
        """Check a photo and keep its pictures; width and height. Raises NotTaken with the reason, MediaBusy."""
        async with self._workshop.bench() as folder:
            path = folder / "original"
            await asyncio.to_thread(path.write_bytes, data)
            answer = await self._workshop.do(Job("photo", str(path), str(folder), "image", (0.5, 0.5)))
            for one in answer.made:
                await self._store.add(token, one.variant, await asyncio.to_thread(Path(one.path).read_bytes), now)
        whole = next(one for one in answer.made if one.variant == "photo")
        return whole.width, whole.height

    async def public(self, token: str, variant: str) -> bytes:
        """A picture that everybody may see now. Raises PhotoNotFound, Unavailable."""
        if not await self._is_public(token):
            self._forget(token)
            raise PhotoNotFound()
        return await self._hot.get(f"{token}:{variant}", lambda: self._in_turn(lambda: self._store.read(token, variant)))

    async def read(self, token: str, variant: str) -> bytes:
        """For staff, and for the platform's check, whatever its state. Raises PhotoNotFound, Unavailable."""
        return await self._in_turn(lambda: self._store.read(token, variant))

    async def claim(self, token: str) -> None:
        await self._store.claim(token)

    async def remove(self, token: str) -> None:
        self._forget(token)
        await self._store.remove(token)

    async def tidy(self, now: float) -> int:
        """Remove pictures that nobody's photo became; how many were looked at."""
        tokens = await self._store.unborn(now - UNBORN_SECONDS, REMOVED_AT_ONCE)
        for token in tokens:
            if await self._photos.by_token(token) is None:
                await self._store.remove(token)
            else:
                await self._store.claim(token)
        return len(tokens)

    async def _is_public(self, token: str) -> bool:
        async def read() -> bool:
            found = await self._in_turn(lambda: self._photos.by_token(token))
            return found is not None and found.state == "approved"

        return await self._known.get(token, read)

    async def _in_turn(self, read: Callable[[], Awaitable[Value]]) -> Value:
        """Ask a store, few at once. Raises Unavailable where too many wait."""
        if self._inside >= READS_WAITING:
            raise Unavailable()
        self._inside += 1
        try:
            async with self._reads:
                return await read()
        finally:
            self._inside -= 1

    def _forget(self, token: str) -> None:
        self._known.forget(token)
        for variant in VARIANTS:
            self._hot.forget(f"{token}:{variant}")
