"""Merges 合并: two numbers that turned out to be one unionid.

Owns: the `merges` documents {_id: loser, survivor, changed_at, due?, round} and the merged -> survivor map of this process.
Does not own: participations; they are moved by the `merge_counts` callback (server/counting).
Invariants: the survivor is the smaller number, so chains end; a loser has one survivor for ever; the record is written
before anything moves, and moving is repeated until it is finished, by whoever runs the jobs.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Awaitable, Callable

from server.citizens.changes import changed_since, pages_since
from server.errors import WenmingError
from server.stores import Database, Document, DuplicateKeyError, PyMongoError, RedisError

logger = logging.getLogger(__name__)

# (loser, survivor, now): moves or voids the loser's participations; repeating it changes nothing.
MergeCounts = Callable[[int, int, float], Awaitable[None]]

# When, after the record, participations are moved. Every process reads new merges each second, so at 5 s all of them choose
# the survivor's shard; the second round takes what a process that could not read for minutes counted under the loser.
ROUNDS_SECONDS = (5.0, 600.0)
# A round that failed, or whose process died, is taken up again so much later.
RETRY_SECONDS = 30.0
# Merges moved by one run of the job: each is a few script calls.
BATCH = 100


class MergeStore:
    """The only code that touches `merges`."""

    def __init__(self, mongo: Database) -> None:
        self._merges = mongo["merges"]

    async def record(self, loser: int, survivor: int, now: float) -> int:
        """The loser's survivor: the given one, or an earlier record's."""
        try:
            await self._merges.insert_one(
                {"_id": loser, "survivor": survivor, "changed_at": now, "round": 0, "due": now + ROUNDS_SECONDS[0]})
        except DuplicateKeyError:
            earlier = await self._merges.find_one({"_id": loser})
            return int(earlier["survivor"]) if earlier else survivor
        return survivor

    async def since(self, changed_at: float) -> list[Document]:
        return await changed_since(self._merges, changed_at)

    def pages_since(self, changed_at: float) -> AsyncIterator[list[Document]]:
        return pages_since(self._merges, changed_at)

    async def due(self, now: float) -> list[Document]:
        return await self._merges.find({"due": {"$lte": now}}).sort("due", 1).limit(BATCH).to_list(BATCH)

    async def postpone(self, loser: int, due: float) -> None:
        await self._merges.update_one({"_id": loser}, {"$set": {"due": due}})

    async def finish_round(self, loser: int, round_: int, due: float | None) -> None:
        change: dict[str, Document] = {"$max": {"round": round_}}
        change |= {"$set": {"due": due}} if due is not None else {"$unset": {"due": ""}}
        await self._merges.update_one({"_id": loser}, change)


class Merges:
    """The map, and the job that moves participations."""

    def __init__(self, mongo: Database, merge_counts: MergeCounts,
                 repoint: Callable[[int, int], Awaitable[None]]) -> None:
        self._store = MergeStore(mongo)
        self._merge_counts = merge_counts
        self._repoint = repoint
        self._survivors: dict[int, int] = {}
        self._losers: dict[int, set[int]] = {}
        self._seen = 0.0

    def resolve(self, citizen: int) -> int:
        """The number that counts for the citizen now."""
        survivors = self._survivors
        while citizen in survivors:
            citizen = survivors[citizen]
        return citizen

    def numbers_of(self, citizen: int) -> list[int]:
        """The survivor and every number merged into it."""
        numbers = [self.resolve(citizen)]
        for number in numbers:  # grows while it is walked: losers may have losers
            numbers += sorted(self._losers.get(number, ()))
        return numbers

    async def join(self, one: int, other: int, now: float) -> int:
        """Record that two numbers are one person; the number that survives."""
        one, other = self.resolve(one), self.resolve(other)
        while one != other:
            loser, survivor = max(one, other), min(one, other)
            recorded = await self._store.record(loser, survivor, now)
            self._learn(loser, recorded)
            logger.info("citizen %d is merged into %d", loser, recorded)
            one, other = self.resolve(recorded), self.resolve(survivor)
        return one

    async def refresh(self) -> None:
        """Learn what other processes recorded since the last time."""
        for merge in await self._store.since(self._seen):
            self._learn(int(merge["_id"]), int(merge["survivor"]))
            self._seen = max(self._seen, float(merge["changed_at"]))

    async def finish(self, now: float) -> int:
        """Move the participations of merges that are due; how many were moved. Resumes what a kill interrupted."""
        await self.refresh()
        done = 0
        for merge in await self._store.due(now):
            try:
                await self._finish_one(merge, now)
            except (WenmingError, PyMongoError, RedisError) as error:
                logger.warning("merge of citizen %d will be tried again: %s", merge["_id"], error)
            else:
                done += 1
        return done

    async def finish_now(self, numbers: list[int], now: float) -> None:
        """Move at once what these numbers still have elsewhere, whatever is due: a deletion must find everything."""
        for number in reversed(numbers):
            if number != self.resolve(number):
                await self._merge_counts(number, self.resolve(number), now)

    async def _finish_one(self, merge: Document, now: float) -> None:
        loser, survivor = int(merge["_id"]), self.resolve(int(merge["survivor"]))
        await self._store.postpone(loser, now + RETRY_SECONDS)
        await self._repoint(loser, survivor)
        await self._merge_counts(loser, survivor, now)
        round_ = int(merge["round"]) + 1
        more = round_ < len(ROUNDS_SECONDS)
        await self._store.finish_round(loser, round_, float(merge["changed_at"]) + ROUNDS_SECONDS[round_] if more else None)

    def _learn(self, loser: int, survivor: int) -> None:
        self._survivors[loser] = survivor
        self._losers.setdefault(survivor, set()).add(loser)
