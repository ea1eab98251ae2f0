"""Files that a job makes, in documents of 1 MB: any server can give them, and what a killed try left is found by its number.

Owns: the form of a part's `_id` (name:attempt:number) and the order of parts. Whose collection it is says what the file is, and when it
goes.
Invariant: parts of one try are numbered from 0 without a gap, so the first stretch without any is its end.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterable
from functools import partial

from server.stores import Collection

# As many as one call removes.
PARTS_AT_ONCE = 16


class FileParts:
    """The parts of one collection; each method but `write`, `read` and `drop` one atomic step."""

    def __init__(self, parts: Collection) -> None:
        self._parts = parts

    async def keep(self, name: str, attempt: int, number: int, data: bytes) -> None:
        await self._parts.update_one({"_id": part_id(name, attempt, number)}, {"$set": {"data": data}}, upsert=True)

    async def part(self, name: str, attempt: int, number: int) -> bytes | None:
        found = await self._parts.find_one({"_id": part_id(name, attempt, number)})
        return None if found is None else bytes(found["data"])

    async def write(self, name: str, attempt: int, pieces: AsyncGenerator[bytes, None]) -> tuple[int, int]:
        """Keep what comes; how many parts, and how long they are. Raises what the making raises."""
        parts = size = 0
        async for piece in pieces:
            await self.keep(name, attempt, parts, piece)
            parts, size = parts + 1, size + len(piece)
        return parts, size

    async def read(self, name: str, attempt: int, parts: int, gone: Callable[[], Exception]) -> AsyncGenerator[bytes, None]:
        """The file in its pieces. Raises `gone()` where it was removed meanwhile."""
        for number in range(parts):
            part = await self.part(name, attempt, number)
            if part is None:
                raise gone()
            yield part

    async def drop(self, name: str, attempts: Iterable[int]) -> None:
        """What these tries left."""
        for attempt in attempts:
            await drop_following(self._parts, partial(part_id, name, attempt))


async def drop_following(parts: Collection, id_of: Callable[[int], str]) -> None:
    """Remove parts that are numbered from 0; they follow one another, so the first stretch without any is the end."""
    number = 0
    while (await parts.delete_many({"_id": {"$in": list(map(id_of, range(number, number + PARTS_AT_ONCE)))}})).deleted_count:
        number += PARTS_AT_ONCE


def part_id(name: str, attempt: int, number: int) -> str:
    return f"{name}:{attempt}:{number}"
