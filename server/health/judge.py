"""The judgement: each few seconds one process looks, gives every part its level, keeps it, and has alarms follow from it.

Owns: who judges, since when a part has its level. Invariants: one process judges at a time, by a lease that is renewed while it looks;
where MongoDB, which has the lease, is away, every process of the jobs judges, and alarms are told once all the same (server/alarms).
Failure policy: open: a judgement that cannot be kept is still acted on.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

from server.claims import Claims
from server.clock import Clock
from server.health.look import OUTAGE, Look, Seen
from server.health.parts import MAX_DETAILS, PARTS, RANKS
from server.health.store import HealthStore, Judged, Now
from server.leases import LeaseLost, while_held
from server.stores import PyMongoError

logger = logging.getLogger(__name__)

EVERY_SECONDS = 5
# Who judges is believed to be alive so long: three turns.
CLAIM, LEASE_SECONDS = "health", 15.0
TIDY_SECONDS = 600
# So many characters of a note or a detail are kept.
MAX_CHARACTERS = 200

Act = Callable[[dict[str, Judged], float], Awaitable[None]]


class Judge:
    """`act` is told of every judgement: part to what it is, and since when."""

    def __init__(self, look: Look, store: HealthStore, claims: Claims, act: Act, owner: str, clock: Clock) -> None:
        self._look = look
        self._store = store
        self._claims = claims
        self._act = act
        self._owner = owner
        self._clock = clock
        self._parts: dict[str, Judged] = {}
        self._is_leading = False
        self._tidy_at = 0.0

    async def tick(self, now: float) -> None:
        """One judgement, if it is ours to make."""
        if not await self._leads(now):
            self._is_leading = False
            return
        if not self._is_leading:
            await self._take_over()
        try:
            await while_held(self._judge(now), lambda: self._leads(self._clock()), EVERY_SECONDS)
        except LeaseLost:
            self._is_leading = False
            logger.info("another process judges now")

    async def close(self) -> None:
        if self._is_leading:
            try:
                await self._claims.leave(CLAIM, self._owner)
            except PyMongoError as error:
                logger.info("the judging is not handed over; its lease runs out: %s", type(error).__name__)

    async def _leads(self, now: float) -> bool:
        try:
            return await self._claims.keep(CLAIM, self._owner, now, LEASE_SECONDS)
        except PyMongoError as error:
            logger.warning("nobody tells who judges, so this process does: %s", type(error).__name__)
            return True

    async def _take_over(self) -> None:
        """Go on where the process before us was."""
        self._is_leading = True
        try:
            before = await self._store.now()
        except PyMongoError as error:
            logger.info("what was judged before is not known: %s", type(error).__name__)
            return
        if before is not None and not self._parts:
            self._parts, self._look.raises = dict(before.parts), list(before.raises)
            self._look.epochs = dict(before.epochs)

    async def _judge(self, now: float) -> None:
        seen = await self._look.once(now)
        self._parts = judged(seen, self._parts)
        try:
            await self._store.keep(Now(now, self._owner, self._parts, self._look.epochs, self._look.raises),
                                   {code: RANKS[one.level] for code, one in self._parts.items()})  # type: ignore[index]
            if now >= self._tidy_at:
                self._tidy_at = now + TIDY_SECONDS
                await self._store.tidy(now)
        except OUTAGE as error:
            logger.warning("a judgement is not kept: %s", type(error).__name__)
        await self._act(self._parts, now)


def judged(seen: Seen, before: dict[str, Judged]) -> dict[str, Judged]:
    """Every part's level, and since when it has it."""
    found = {}
    for part in PARTS:
        reading = part.read(seen)
        level, last = part.level(reading), before.get(part.code)
        since = last.since if last is not None and last.level == level else seen.at
        found[part.code] = Judged(part.code, level, since, reading.value, reading.note[:MAX_CHARACTERS],
                                  tuple(line[:MAX_CHARACTERS] for line in reading.details[:MAX_DETAILS]))
    return found
