"""Citizen numbers 编号: small, nearly dense integers from 1 on, leased in blocks out of MongoDB.

Owns: the `citizen_blocks` documents: `next` (the first number never leased) and the remains that clean stops gave back.
Does not own: who has which number (identities.py).
Invariants: a number is handed out at most once, whatever is raced, killed or lost: a block is one atomic increment;
a remain is claimed by deleting its document, and only the deleter uses it; what fails half-way becomes a gap.
"""

from __future__ import annotations

import asyncio
import random
from itertools import pairwise

from server.citizens.errors import IdentityUnavailable
from server.stores import Database, DuplicateKeyError

# One lease a block keeps MongoDB out of 255 of 256 first sights, and a killed process loses at most so many numbers.
BLOCK_NUMBERS = 256
# Remains looked at together; the claimer picks one at random, so that processes starting together seldom collide.
REMAINS_SEEN = 16
# Lost claims before a new block is leased instead: the remains wait for the next lease.
CLAIM_TRIES = 4


class NumberStore:
    """The only code that touches `citizen_blocks`."""

    def __init__(self, mongo: Database) -> None:
        self._blocks = mongo["citizen_blocks"]

    async def lease(self, blocks: int) -> range:
        """New numbers, never leased before."""
        size = blocks * BLOCK_NUMBERS
        for _ in range(2):  # two first leases of all may race to insert the document: the loser finds it the second time
            try:
                before = await self._blocks.find_one_and_update({"_id": "next"}, {"$inc": {"next": size}}, upsert=True)
            except DuplicateKeyError:
                continue
            first = (int(before["next"]) if before else 0) + 1
            return range(first, first + size)
        raise IdentityUnavailable()

    async def claim_remains(self) -> range | None:
        """Numbers that a clean stop gave back, now the caller's alone; None where there are none."""
        for _ in range(CLAIM_TRIES):
            seen = await self._blocks.find({"free": 1}).limit(REMAINS_SEEN).to_list(REMAINS_SEEN)
            if not seen:
                return None
            remain = random.choice(seen)
            if (await self._blocks.delete_one({"_id": remain["_id"]})).deleted_count == 1:
                return range(remain["first"], remain["last"] + 1)
        return None

    async def give_back(self, numbers: range) -> None:
        """Never call it twice for the same numbers: somebody may have claimed them in between."""
        await self._blocks.insert_one({"_id": f"remain:{numbers[0]}", "first": numbers[0], "last": numbers[-1], "free": 1})

    async def go_on_after(self, number: int) -> None:
        """After a restore: nothing up to `number` is given again, and nothing that was free when the backup was taken. May be repeated."""
        try:
            await self._blocks.update_one({"_id": "next"}, {"$max": {"next": number}}, upsert=True)
        except DuplicateKeyError:
            await self._blocks.update_one({"_id": "next"}, {"$max": {"next": number}})
        await self._blocks.delete_many({"free": 1})

    async def bound(self) -> int:
        document = await self._blocks.find_one({"_id": "next"})
        return int(document["next"]) + 1 if document else 1


class Numbers:
    """This process's own stock of numbers."""

    def __init__(self, mongo: Database) -> None:
        self._store = NumberStore(mongo)
        self._stock: list[int] = []  # descending, so that pop() gives the smallest
        self._filling: asyncio.Task[None] | None = None
        self._closed = False

    async def take(self) -> int:
        """A number that nobody has."""
        while not self._stock:
            await self._fill(1)
        return self._stock.pop()

    async def take_many(self, count: int) -> list[int]:
        while len(self._stock) < count:
            await self._fill(count)
        return [self._stock.pop() for _ in range(count)]

    def put_back(self, number: int) -> None:
        """A taken number that nobody got: certainly not written anywhere."""
        self._stock.append(number)

    async def bound(self) -> int:
        """A number larger than every number given so far."""
        return await self._store.bound()

    async def close(self) -> None:
        """Give the rest back. A remain whose return fails is a gap, never a double."""
        self._closed = True
        if self._filling:
            await asyncio.wait([self._filling])
        rest, self._stock = sorted(self._stock), []
        for run in _runs(rest):
            await self._store.give_back(run)

    async def _fill(self, wanted: int) -> None:
        """Lease for everybody who waits, once; a waiter that gives up does not stop the others' lease."""
        if self._closed:
            raise IdentityUnavailable()
        if self._filling is None:
            self._filling = asyncio.create_task(self._lease(wanted))
            self._filling.add_done_callback(self._filled)
        await asyncio.shield(self._filling)

    def _filled(self, task: asyncio.Task[None]) -> None:
        self._filling = None
        if not task.cancelled():
            task.exception()  # every waiter got it; a lease without waiters may fail unseen

    async def _lease(self, wanted: int) -> None:
        more = await self._store.claim_remains()
        if more is None:
            missing = max(1, wanted - len(self._stock))
            more = await self._store.lease(-(-missing // BLOCK_NUMBERS))
        self._stock = sorted([*self._stock, *more], reverse=True)


def _runs(numbers: list[int]) -> list[range]:
    """Ascending numbers as unbroken runs."""
    if not numbers:
        return []
    ends = [i + 1 for i, (a, b) in enumerate(pairwise(numbers)) if b != a + 1]
    bounds = [0, *ends, len(numbers)]
    return [range(numbers[a], numbers[b - 1] + 1) for a, b in pairwise(bounds)]
