"""Numbers without gaps for documents that exist before they have one: reports, bulletins.

Owns: the form of a line's document (`_id` line, `last`, `last_for`). Whose collections they are says what a line is, and how a number is
written. Invariant: a number is given once and without gaps, also where whoever was given it dies before it stands in her document.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from server.stores import Collection, Document, DuplicateKeyError

# Past every process that may race for a number; each loses only when another wins.
TRIES = 200
# A line a year of reports, one a campaign of bulletins: past any city's.
MOST_LINES = 10_000


class NumberLines:
    """`fields(line, last)`: what the document that has the number `last` of a line is given, `number` among it."""

    def __init__(self, lines: Collection, items: Collection, fields: Callable[[str, int], Document]) -> None:
        self._lines = lines
        self._items = items
        self._fields = fields

    async def give(self, item_id: str, line: str, *, gone: Callable[[], Exception], contended: Callable[[], Exception]) -> Any:
        """The item's number, now and ever after: the line says for whom the last one was, and whoever takes the next first sees that she
        has it, so that none is left out. May be repeated. Raises `gone()` without such an item, `contended()` where too many race."""
        for _ in range(TRIES):
            current = await self._lines.find_one({"_id": line})
            if current is None:
                await self._start(line)
                continue
            if current["last"]:
                await self._items.update_one({"_id": current["last_for"]}, {"$set": self._fields(line, current["last"])})
            mine = await self._items.find_one({"_id": item_id})
            if mine is None:
                raise gone()
            if mine["number"]:
                return mine["number"]
            await self._lines.update_one({"_id": line, "last": current["last"]},
                                         {"$set": {"last": current["last"] + 1, "last_for": item_id}})
        raise contended()

    async def last(self, line: str) -> int:
        found = await self._lines.find_one({"_id": line})
        return int(found["last"]) if found else 0

    async def _start(self, line: str) -> None:
        try:
            await self._lines.insert_one({"_id": line, "last": 0, "last_for": ""})
        except DuplicateKeyError:
            return  # another began it


class Serials:
    """The last number of every line of some collections: what was printed with a number must not meet its like after a restore."""

    def __init__(self, collections: Mapping[str, Collection]) -> None:
        self._collections = collections

    async def all(self) -> dict[str, dict[str, int]]:
        """By collection and line: a line a year, or a campaign."""
        return {name: {str(line["_id"]): int(line["last"]) for line in await lines.find({}).limit(MOST_LINES).to_list(None)}
                for name, lines in self._collections.items()}

    async def go_on_after(self, name: str, line: str, last: int) -> None:
        """The next number is past this one; of whose it was nothing is left. May be repeated."""
        lines = self._collections.get(name)
        if lines is None or not last:
            return
        try:
            await lines.insert_one({"_id": line, "last": last, "last_for": ""})
        except DuplicateKeyError:
            await lines.update_one({"_id": line, "last": {"$lt": last}}, {"$set": {"last": last, "last_for": ""}})
