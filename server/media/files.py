"""Files 文件: bytes that the public gets, under an address made of their own hash.

Owns: `media_contents`, one document for each; `media_refs`, which media show it; their parts of 1 MB in `media_parts`, `_id` sha256:part.
Invariants: the bytes of an address never change, so whoever has them may keep them for good; two media with the same bytes share them; a
file is shown while a medium of the library shows it, and is not while it only waits to be removed (`remove_at`); its parts are removed by
one who has marked it first (`removing`), and then nobody takes it up again. Whoever makes a medium tells of it before (`media_refs`), so
that what is shared is not removed in between. A process that died leaves a file that waits for a day.

Failure policy: open for reading: what this process has read lately is served while MongoDB is away. Closed for writing.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from pathlib import Path
from typing import BinaryIO, TypeVar

import msgspec

from server.errors import NotFound, StoreUnavailable, Unavailable
from server.media.medium import BIN_SECONDS, ID_CHARACTERS, MediaBusy, Variant
from server.media.uploads import PART_BYTES, part_id, parts_of, read_part, remove_parts
from server.media.wire import Made
from server.shared_reads import HotBytes
from server.stores import Database, Document, DuplicateKeyError, PyMongoError

logger = logging.getLogger(__name__)
Value = TypeVar("Value")

# How long a file waits that no medium shows yet: a film's medium is made within minutes.
UNBORN_SECONDS = 86400
# Every process learns within this that a file was taken away.
FRESH_SECONDS = 5.0
# Names that are remembered, those of nothing too; anybody can make some up.
MOST_KNOWN = 2000
# The pictures of the campaigns that are open, and the parts of a film that many watch at once.
HOT_BYTES = 32 << 20
# Reads of MongoDB at once for the public; the pool of connections has 16 for everybody.
READS_AT_ONCE, READS_WAITING = 8, 400
# Answers that are being sent; a slow reader holds a part of 1 MB.
SENT_AT_ONCE = 256
REFS_READ = 100
REMOVED_AT_ONCE = 20

# Which of these media show a file now.
Showing = Callable[[str, list[str]], Awaitable[bool]]


class FileNotFound(NotFound):
    code = "MEDIA_FILE_NOT_FOUND"
    message = "没有这个文件，或已被删除"


class File(msgspec.Struct, frozen=True):
    """`remove_at`: 0 for one that is shown."""

    name: str
    sha256: str
    bytes: int
    form: str
    ready: int = 0
    remove_at: int = 0
    removing: int = 0

    @property
    def is_shown(self) -> bool:
        return bool(self.ready) and not self.remove_at


class FileStore:
    """The only code that touches `media_contents`, `media_refs` and the parts of files."""

    def __init__(self, mongo: Database) -> None:
        self._files = mongo["media_contents"]
        self._refs = mongo["media_refs"]
        self._parts = mongo["media_parts"]

    async def find(self, name: str) -> File | None:
        found = await self._files.find_one({"_id": name})
        return None if found is None else msgspec.convert({"name": found["_id"], **found}, File, strict=False)

    async def reserve(self, made: Made, remove_at: int) -> File:
        """The file as it is known; a new one waits to be removed until somebody shows it."""
        name = made.sha256[:ID_CHARACTERS]
        file = File(name, made.sha256, made.bytes, made.form, remove_at=remove_at)
        fields: Document = msgspec.to_builtins(file)
        try:
            await self._files.insert_one({"_id": fields.pop("name"), **fields})
        except DuplicateKeyError:
            return await self.find(name) or file
        return file

    async def change(self, name: str, fields: Document) -> bool:
        """False where it is being removed, or gone."""
        return (await self._files.update_one({"_id": name, "removing": 0}, {"$set": fields})).matched_count == 1

    async def due(self, now: float, limit: int) -> list[File]:
        found = await self._files.find({"remove_at": {"$gt": 0, "$lte": now}}).sort("remove_at", 1).limit(limit).to_list(None)
        return [msgspec.convert({"name": document["_id"], **document}, File, strict=False) for document in found]

    async def mark_removing(self, file: File) -> bool:
        """Nobody takes it up again. False where somebody just did."""
        asked = {"_id": file.name, "remove_at": file.remove_at}
        return (await self._files.update_one(asked, {"$set": {"removing": 1}})).matched_count == 1

    async def remove(self, file: File) -> None:
        await remove_parts(self._parts, file.sha256, file.bytes)
        await self._files.delete_one({"_id": file.name})

    async def refer(self, name: str, medium: str) -> None:
        await self._refs.update_one({"_id": f"{name}:{medium}"}, {"$set": {"file": name, "medium": medium}}, upsert=True)

    async def referring(self, name: str) -> list[str]:
        return [str(d["medium"]) for d in await self._refs.find({"file": name}).limit(REFS_READ).to_list(None)]

    async def forget(self, name: str, media: Iterable[str]) -> None:
        await self._refs.delete_many({"_id": {"$in": [f"{name}:{medium}" for medium in media]}})

    async def write_part(self, sha256: str, part: int, data: bytes) -> None:
        await self._parts.update_one({"_id": part_id(sha256, part)}, {"$set": {"data": data}}, upsert=True)

    async def read_part(self, sha256: str, part: int) -> bytes:
        return await read_part(self._parts, sha256, part)


class MediaFiles:
    def __init__(self, store: FileStore) -> None:
        self._store = store
        self._known: OrderedDict[str, tuple[float, File | None]] = OrderedDict()  # read when, by the monotonic clock
        self._hot = HotBytes(HOT_BYTES)
        self._reads = asyncio.Semaphore(READS_AT_ONCE)
        self._inside = 0
        self._sending = 0
        # Set by whoever knows the media: whether any of these shows the file.
        self.showing: Showing = _nobody

    # For the public

    async def open(self, name: str, form: str) -> File:
        """A file that is shown. Raises FileNotFound, Unavailable."""
        file = await self._find(name)
        if file is None or file.form != form or not file.is_shown:
            raise FileNotFound()
        return file

    async def pieces(self, file: File, start: int, end: int) -> AsyncGenerator[memoryview, None]:
        """The bytes from `start` until before `end`, a part at a time. Close it when you leave. Raises Unavailable."""
        if self._sending >= SENT_AT_ONCE:
            raise MediaBusy()
        self._sending += 1
        try:
            for part in range(start // PART_BYTES, parts_of(end)):
                data = memoryview(await self._part(file, part))
                yield data[max(0, start - part * PART_BYTES):end - part * PART_BYTES]
        finally:
            self._sending -= 1

    async def _find(self, name: str) -> File | None:
        now = time.monotonic()
        read_at, known = self._known.get(name, (float("-inf"), None))
        if now - read_at < FRESH_SECONDS:
            return known
        try:
            found = await self._read(lambda: self._store.find(name))
        except PyMongoError as error:
            if known is None:
                raise
            logger.warning("file %s is served as last known: %s", name, type(error).__name__)
            found = known
        self._known[name] = now, found
        self._known.move_to_end(name)
        while len(self._known) > MOST_KNOWN:
            self._known.popitem(last=False)
        return found

    async def _part(self, file: File, part: int) -> bytes:
        """A part, read once however many wait for it."""
        return await self._hot.get(part_id(file.sha256, part), lambda: self._read_part(file, part))

    async def _read_part(self, file: File, part: int) -> bytes:
        data = await self._read(lambda: self._store.read_part(file.sha256, part))
        if len(data) != min(PART_BYTES, file.bytes - part * PART_BYTES):
            logger.error("part %d of file %s is missing", part, file.name)
            raise StoreUnavailable()
        return data

    async def _read(self, read: Callable[[], Awaitable[Value]]) -> Value:
        """Ask the store, few at once. Raises Unavailable where too many wait."""
        if self._inside >= READS_WAITING:
            raise Unavailable()
        self._inside += 1
        try:
            async with self._reads:
                return await read()
        finally:
            self._inside -= 1

    # For the library

    async def keep(self, made: list[Made], medium: str, now: float) -> dict[str, Variant]:
        """Write what the workshop made, as this medium's; it is shown after `show`. Raises MediaBusy."""
        variants: dict[str, Variant] = {}
        for one in made:
            await self._store.refer(one.sha256[:ID_CHARACTERS], medium)
            file = await self._store.reserve(one, int(now) + UNBORN_SECONDS)
            if not file.ready:
                await self._write(Path(one.path), one.sha256)
            if not await self._store.change(file.name, {"ready": 1}):
                raise MediaBusy()  # the same bytes are just being removed
            variants[one.variant] = Variant(file.name, file.form, file.bytes, one.width, one.height)
        return variants

    async def show(self, names: Iterable[str]) -> None:
        """Their medium stands in the library. Raises MediaBusy."""
        for name in names:
            if not await self._store.change(name, {"remove_at": 0}):
                raise MediaBusy()
            self._known.pop(name, None)

    async def hide(self, names: Iterable[str], now: float) -> None:
        """Their medium does not show them any more: where nobody else does, they wait as long as the recycle bin does."""
        for name in names:
            media = await self._store.referring(name)
            if await self.showing(name, media):
                continue
            await self._store.change(name, {"remove_at": int(now) + BIN_SECONDS})
            self._known.pop(name, None)
            if await self.showing(name, await self._store.referring(name)):  # somebody took it up meanwhile
                await self._store.change(name, {"remove_at": 0})

    async def write_to(self, name: str, path: Path) -> None:
        """A file onto the disk, a part at a time. Raises FileNotFound."""
        file = await self._store.find(name)
        if file is None:
            raise FileNotFound()
        with path.open("wb") as out:
            for part in range(parts_of(file.bytes)):
                await asyncio.to_thread(out.write, await self._store.read_part(file.sha256, part))

    async def tidy(self, now: float) -> int:
        """Remove what nobody shows any more; how many were removed."""
        removed = 0
        for file in await self._store.due(now, REMOVED_AT_ONCE):
            media = await self._store.referring(file.name)
            if not file.removing and await self.showing(file.name, media):
                await self._store.change(file.name, {"remove_at": 0})  # whoever shows it died before saying so
                continue
            if not await self._store.mark_removing(file):
                continue
            await self._store.remove(file)
            await self._store.forget(file.name, media)
            removed += 1
        return removed

    async def _write(self, path: Path, sha256: str) -> None:
        with path.open("rb") as source:
            part = 0
            while data := await asyncio.to_thread(_next, source):
                await self._store.write_part(sha256, part, data)
                part += 1


def _next(source: BinaryIO) -> bytes:
    return source.read(PART_BYTES)


async def _nobody(name: str, media: list[str]) -> bool:
    return False
