"""A crowd that counts over one world, keeps a log of every answer, and proves from it what must hold after any fault.

I1 nobody is counted twice; I2 who was told "durable" is in MongoDB; I3 who was answered is there once she has sent her
receipt again; I4 the shards' sum is the number of people. (I5, stock and grabs, has no service yet.)
"""

from __future__ import annotations

import asyncio
import random
import time

from server.counting import Taken
from server.errors import Unavailable
from tests.server.counting.world import World


class Crowd:
    """Citizens who salute until they are answered, keep their receipts, and send them again until durable."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.answers: dict[int, list[Taken]] = {}
        self.refused: list[tuple[float, int]] = []  # when, and who
        self.slowest_seconds = 0.0

    async def salute(self, citizen: int) -> Taken | None:
        """One try."""
        earlier = self.answers.get(citizen)
        began = time.monotonic()
        try:
            taken = await self.world.salute(citizen, receipt=earlier[0].receipt if earlier else "")
        except Unavailable:
            self.refused.append((time.monotonic(), citizen))
            return None
        self.slowest_seconds = max(self.slowest_seconds, time.monotonic() - began)
        self.answers.setdefault(citizen, []).append(taken)
        return taken

    async def until_answered(self, citizen: int, seconds: float = 40) -> None:
        until = time.monotonic() + seconds
        while await self.salute(citizen) is None:
            assert time.monotonic() < until, f"citizen {citizen} was never answered"
            await asyncio.sleep(0.2)

    async def come(self, citizens: range, seconds: float) -> None:
        """All of them, spread over some seconds, in any order."""
        chance = random.Random(7)

        async def one(citizen: int) -> None:
            await asyncio.sleep(chance.random() * seconds)
            await self.until_answered(citizen)

        await asyncio.gather(*(one(citizen) for citizen in citizens))

    async def until_durable(self, seconds: float = 60) -> None:
        """Send receipts again until MongoDB has everything, as pages do."""
        waiting = set(self.answers)
        until = time.monotonic() + seconds
        while waiting:
            assert time.monotonic() < until, f"{len(waiting)} are not durable"
            for citizen in sorted(waiting):
                taken = await self.salute(citizen)
                if taken and taken.durable:
                    waiting.discard(citizen)
            await asyncio.sleep(0.1)

    def prove(self) -> None:
        """I1, from outside: one ordinal and time each, nobody's twice, one answer at most that calls itself the first."""
        for citizen, answers in self.answers.items():
            assert len({(a.ordinal, a.participated_at) for a in answers}) == 1, (citizen, answers)
            assert sum(a.first for a in answers) <= 1, (citizen, answers)
        ordinals = [answers[0].ordinal for answers in self.answers.values()]
        assert len(set(ordinals)) == len(ordinals)

    async def prove_durable(self) -> None:
        """I2: at any moment, whoever was told "durable" has her document, with the ordinal that she was told."""
        told = {citizen: answers[0].ordinal for citizen, answers in self.answers.items() if any(a.durable for a in answers)}
        for citizen, ordinal in told.items():
            documents = await self.world.documents.of_citizen("flag", "all", citizen, ["salute"])
            assert [document.ordinal for document in documents] == [ordinal], citizen


async def settle(world: World, crowd: Crowd) -> None:
    """Everybody durable, and the audit of cells, totals and documents clean: I1 to I4."""
    await crowd.until_durable()
    crowd.prove()
    await crowd.prove_durable()
    report = await world.audit()
    assert report["ok"], report
    count = len(crowd.answers)
    assert report["participants"] == {"cells": count, "totals": count, "documents": count}
