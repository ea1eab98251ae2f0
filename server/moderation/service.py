"""The job that has waiting texts judged: taken by their due time under a lease, asked at a bounded rate, settled once."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from server.clock import Clock
from server.metrics import Metrics
from server.moderation.verdict import Checker, NotYet, Overall, Piece, Verdict, overall

# Longer than the longest judging: two parts, each asked of the platform (three tries of 4 s, twice where its token was renewed) and of the
# provider (twice 3 s); far shorter than the two hours in which the platform would look.
LEASE_SECONDS = 120.0
# Read at once: a few seconds of work.
AT_ONCE = 100
# On their way at once; with answers in 200 ms more than the rate below.
CONNECTIONS = 16
# Each has at most two parts, which is 3,000 calls a minute; the platform takes 4,000.
PER_SECOND = 25.0
# At 0.5, 1, 2, 4 and 8 minutes; what has no verdict after a quarter of an hour has none, and people look at it without.
MOST_TRIES, FIRST_PAUSE_SECONDS = 6, 30.0


@dataclass(frozen=True)
class Waiting:
    """A citizen's text, in its parts. `due` is when it is to be looked at; `known` are verdicts of earlier tries."""

    id: str
    due: float
    tries: int
    pieces: tuple[Piece, ...] = ()
    known: tuple[Verdict, ...] = ()


class Texts(Protocol):
    """Where texts wait; each method one atomic step."""

    async def unjudged(self, now: float, limit: int) -> list[Waiting]:
        """What is due, the longest waiting first."""
        ...

    async def take(self, waiting: Waiting, until: float) -> bool:
        """Whether this caller has it judged; nobody else does until then. False also where it was decided or deleted meanwhile."""
        ...

    async def judge_later(self, waiting: Waiting, until: float, due: float, known: Sequence[Verdict]) -> None:
        """Look at it again when `due`. Changes nothing where the lease `until` ran out."""
        ...

    async def judged(self, waiting: Waiting, until: float, result: Overall, verdicts: Sequence[Verdict], now: float) -> None:
        """Settle it. Changes nothing where the lease ran out, or it was decided or deleted meanwhile."""
        ...


class Moderation:
    """`checkers` in their order: the first that blocks ends it."""

    def __init__(self, texts: Texts, checkers: Sequence[Checker], metrics: Metrics, clock: Clock, *,
                 per_second: float = PER_SECOND) -> None:
        self._texts = texts
        self._checkers = tuple(checkers)
        self._metrics = metrics
        self._clock = clock
        self._per_second = per_second

    async def tick(self, now: float) -> int:
        """Have judged what is due, until nothing is; how many were looked at."""
        looked_at, at_once = 0, asyncio.Semaphore(CONNECTIONS)

        async def one(waiting: Waiting) -> bool:
            try:
                return await self._one(waiting)
            finally:
                at_once.release()

        while due := await self._texts.unjudged(self._clock(), AT_ONCE):
            on_their_way: list[asyncio.Task[bool]] = []
            try:
                for waiting in due:
                    await at_once.acquire()
                    on_their_way.append(asyncio.create_task(one(waiting)))
                    await asyncio.sleep(1 / self._per_second)
                ended = await asyncio.gather(*on_their_way, return_exceptions=True)
            finally:
                for task in on_their_way:  # at a stop, those that are still asking
                    task.cancel()
            for one_ended in ended:
                if isinstance(one_ended, BaseException):
                    raise one_ended  # a store's outage or a bug: the job logs it, and the leases run out
            taken = sum(map(bool, ended))
            looked_at += taken
            if not taken:  # all of them are another process's
                break
        return looked_at

    async def close(self) -> None:
        for checker in self._checkers:
            await checker.close()

    async def _one(self, waiting: Waiting) -> bool:
        """Whether it was ours."""
        # To the millisecond: the embedded store keeps 15 digits of a number that an update sets, and the lease is compared later.
        until = round(self._clock() + LEASE_SECONDS, 3)
        if not await self._texts.take(waiting, until):
            return False
        given, pause_seconds = await self._judge(waiting)
        now = self._clock()
        if pause_seconds and waiting.tries + 1 < MOST_TRIES:
            pause_seconds = max(pause_seconds, FIRST_PAUSE_SECONDS * float(1 << waiting.tries))
            await self._texts.judge_later(waiting, until, now + pause_seconds, given)
            return True
        given += self._missing(waiting, given) if pause_seconds else []
        await self._texts.judged(waiting, until, overall(given, [piece.part for piece in waiting.pieces]), given, now)
        return True

    async def _judge(self, waiting: Waiting) -> tuple[list[Verdict], float]:
        """The verdicts so far, and after how many seconds those may be asked that gave none; 0 where nobody is left to be asked."""
        given, pause_seconds = list(waiting.known), 0.0
        for checker in self._checkers:
            for piece in waiting.pieces:
                if any((verdict.source, verdict.part) == (checker.source, piece.part) for verdict in given):
                    continue
                try:
                    verdict = await checker.look(piece)
                except NotYet as not_yet:
                    pause_seconds = max(pause_seconds, not_yet.pause_seconds)
                    continue
                given.append(self._recorded(verdict))
                if verdict.result == "block":  # nothing that the others say would change it, so they are not shown her words
                    return given, 0.0
        return given, pause_seconds

    def _missing(self, waiting: Waiting, given: Sequence[Verdict]) -> list[Verdict]:
        known = {(verdict.source, verdict.part) for verdict in given}
        return [self._recorded(Verdict(checker.source, piece.part, "none")) for checker in self._checkers for piece in waiting.pieces
                if (checker.source, piece.part) not in known]

    def _recorded(self, verdict: Verdict) -> Verdict:
        self._metrics.record("verdicts_given_total", verdict.result, verdict.source)
        return verdict
