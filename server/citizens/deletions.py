"""Deletion 注销: what is recorded of it, the job that erases, and the list that a restore replays.

Owns: the `deletions` documents {_id: number, deleted_at, changed_at, erase_due?, erased_once?, forget_due?} and the
list file beside MongoDB's backups. Does not own what is erased: every aggregate gives an eraser.
Invariants: the record is written before anything is erased, and erasing is repeated until every eraser succeeded;
the record and the list hold a number and a time, nothing of a person.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

from server.citizens.changes import changed_since, pages_since
from server.stores import Database, Document

logger = logging.getLogger(__name__)

# (citizen, now): removes what one aggregate holds of the citizen; repeating it changes nothing.
Eraser = Callable[[int, float], Awaitable[None]]

# An erasure that failed, or whose process died, is taken up again so much later.
RETRY_SECONDS = 30.0
# Campaigns are archived by people, days after their end: a look a day is enough to forget in time.
FORGET_EVERY_SECONDS = 86400.0
# Deletions worked on by one run of a job: each is a dozen small commands.
BATCH = 100


class DeletionStore:
    """The only code that touches `deletions`."""

    def __init__(self, mongo: Database) -> None:
        self._deletions = mongo["deletions"]

    async def record(self, citizen: int, deleted_at: float, now: float) -> None:
        """A second deletion, after a return, moves the moment on; a replay of an older one does not move it back."""
        await self._deletions.update_one(
            {"_id": citizen}, {"$max": {"deleted_at": deleted_at}, "$set": {"changed_at": now, "erase_due": now},
                               "$unset": {"forget_due": "", "erased_once": ""}}, upsert=True)

    async def since(self, changed_at: float) -> list[Document]:
        return await changed_since(self._deletions, changed_at)

    def pages_since(self, changed_at: float) -> AsyncIterator[list[Document]]:
        return pages_since(self._deletions, changed_at)

    async def all(self) -> list[Document]:
        return await self.since(0.0)

    async def to_erase(self, now: float) -> list[Document]:
        return await self._due("erase_due", now)

    async def to_forget(self, now: float) -> list[Document]:
        return await self._due("forget_due", now)

    async def postpone_erasing(self, citizen: int, due: float) -> None:
        await self._deletions.update_one({"_id": citizen}, {"$set": {"erase_due": due}})

    async def erased_once(self, citizen: int, due: float) -> None:
        """Everything is erased, but other processes may not know yet: look again when due."""
        await self._deletions.update_one({"_id": citizen}, {"$set": {"erased_once": 1, "erase_due": due}})

    async def erased(self, citizen: int, deleted_at: float, forget_due: float) -> None:
        """All erasers succeeded for the deletion of `deleted_at`; a newer one stays due."""
        await self._deletions.update_one(
            {"_id": citizen, "deleted_at": deleted_at},
            {"$set": {"forget_due": forget_due}, "$unset": {"erase_due": "", "erased_once": ""}})

    async def postpone_forgetting(self, citizen: int, due: float) -> None:
        await self._deletions.update_one({"_id": citizen}, {"$set": {"forget_due": due}})

    async def forgotten(self, citizen: int) -> None:
        await self._deletions.update_one({"_id": citizen}, {"$unset": {"forget_due": ""}})

    async def _due(self, field: str, now: float) -> list[Document]:
        return await self._deletions.find({field: {"$lte": now}}).sort(field, 1).limit(BATCH).to_list(BATCH)


class DeletionList:
    """An append-only file of numbers and times, kept apart from MongoDB so that a restore cannot undo a deletion."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._writing = asyncio.Lock()

    async def append(self, citizen: int, deleted_at: float) -> None:
        """On disk when it returns; a repeat is a second line, which does no harm."""
        line = json.dumps({"citizen": citizen, "deleted_at": deleted_at}) + "\n"
        async with self._writing:
            await asyncio.get_running_loop().run_in_executor(None, self._append, line.encode())

    async def read(self) -> dict[int, float]:
        """The newest deletion of each number."""
        return await asyncio.get_running_loop().run_in_executor(None, self._read)

    def _append(self, line: bytes) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self._path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            size = os.fstat(descriptor).st_size
            if size and os.pread(descriptor, 1, size - 1) != b"\n":
                line = b"\n" + line  # a kill cut the line before: end it, so that ours stays whole
            os.write(descriptor, line)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def _read(self) -> dict[int, float]:
        newest: dict[int, float] = {}
        if self._path.exists():
            for citizen, deleted_at in _lines(self._path.read_text("utf-8")):
                newest[citizen] = max(deleted_at, newest.get(citizen, 0.0))
        return newest


def _lines(text: str) -> Iterator[tuple[int, float]]:
    for number, line in enumerate(text.splitlines(), 1):
        try:
            entry = json.loads(line)
            yield int(entry["citizen"]), float(entry["deleted_at"])
        except (ValueError, KeyError, TypeError):
            if line.strip():
                logger.warning("deletion list: line %d is not whole and is passed over", number)
