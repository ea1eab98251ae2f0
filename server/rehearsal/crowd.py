"""The crowd: who comes when, through which door, and what they do with the answer.

Owns: the requests on their way and those to be sent again. Invariant: a person who was not answered asks again until she is.
"""

from __future__ import annotations

import asyncio
import heapq
import json
import logging
import random
from array import array
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from itertools import accumulate

import msgspec

from server.rehearsal.lines import Doors, Line, request
from server.rehearsal.log import Log
from server.rehearsal.plan import Plan, Week

logger = logging.getLogger(__name__)

TICK_SECONDS = 0.005
# A product that answers nobody for this long does not come back.
GIVE_UP_SECONDS = 300.0
# A second try after this and a little more, where the answer does not say; the pages wait likewise.
RETRY_SECONDS = 1.0
# She opens the page again after so long at most, and her phone sends the receipt.
AGAIN_SECONDS = 5.0
# Latencies are kept in steps of a tenth, up to ten minutes: exact enough for a curve, small enough for every second of an hour.
LATENCY_STEPS_MS = [0.1 * 1.1 ** n for n in range(165)]
SALUTE, AGAIN, PAGE, COUNTERS, POSTER = "salute", "again", "page", "counters", "poster"
KINDS = (SALUTE, AGAIN, PAGE, COUNTERS, POSTER)
# Busy; and what a proxy says of a process that ended or hung while it had the request.
UNANSWERED = (502, 503, 504)
# Doors of the product that one request of the crowd goes to.
WEB = (PAGE, COUNTERS, POSTER)


class Answer(msgspec.Struct):
    """What of a salute's answer the log keeps."""

    ordinal: int
    first: bool
    participated_at: str
    durable: bool
    receipt: str


_answer = msgspec.json.Decoder(Answer).decode


class Tally:
    """One second of a rehearsal, and the sum of many."""

    def __init__(self) -> None:
        self.statuses: Counter[tuple[str, int]] = Counter()
        self.latencies: Counter[int] = Counter()  # of accepted salutes, by step
        self.seconds = 1.0  # that it lasted

    def add(self, kind: str, status: int, seconds: float) -> None:
        self.statuses[kind, status] += 1
        if kind in (SALUTE, AGAIN) and status in (200, 201):
            self.latencies[_step(seconds * 1000)] += 1

    def merge(self, other: Tally) -> None:
        self.statuses.update(other.statuses)
        self.latencies.update(other.latencies)

    def percentile(self, share: float) -> float:
        """Milliseconds of accepted salutes; 0 where there were none."""
        return percentile(self.latencies, share)

    def count(self, kinds: Sequence[str], statuses: Callable[[int], bool]) -> int:
        return sum(n for (kind, status), n in self.statuses.items() if kind in kinds and statuses(status))


def percentile(steps: Counter[int], share: float) -> float:
    """Milliseconds that this share of all did not exceed; 0 where there were none."""
    wanted, seen = share * sum(steps.values()), 0
    for step in sorted(steps):
        seen += steps[step]
        if seen >= wanted:
            return round(LATENCY_STEPS_MS[step], 2)
    return 0.0


def _step(milliseconds: float) -> int:
    return min(bisect_left(LATENCY_STEPS_MS, milliseconds), len(LATENCY_STEPS_MS) - 1)


class Crowd:
    """`citizens` and `token_of` give the number and the token of an index; `regions` are (code, weight)."""

    def __init__(self, plan: Plan, slug: str, log: Log, token_of: Callable[[int], str], regions: Sequence[tuple[str, int]],
                 activities: Sequence[str], doors: Doors) -> None:
        self.plan, self.log = plan, log
        self.second = Tally()
        self.total = Tally()
        self.seconds: list[Tally] = []
        self.refusals: Counter[str] = Counter()
        self._slug, self._token_of, self._host = slug, token_of, doors.name
        self._chance = random.Random(plan.seed)
        self._regions = [code for code, _ in regions]
        self._weights = list(accumulate(weight for _, weight in regions))
        self._activities = activities
        self._doors = {False: [Line(doors.host, doors.intake_port, doors.tls) for _ in range(plan.connections)],
                       True: [Line(doors.host, doors.web_port, doors.tls) for _ in range(max(4, plan.connections // 16))]}
        self._idle = {web: list(lines) for web, lines in self._doors.items()}
        self._later: list[tuple[float, int, str, int]] = []  # due, order, kind, index
        self._order = 0
        self.started = 0
        self.inside = 0
        # When each came, by the loop's clock, and how long she had to wait through every refusal, in steps as latencies are.
        self._came = array("d", bytes(8 * plan.participants))
        self.waits: Counter[int] = Counter()
        self._accepted = 0
        # Who had to send a salute again because no process decided it: busy (503) is apart from that.
        self.resent = bytearray(plan.participants)

    async def play(self) -> None:
        """Everybody comes once, in the week's rhythm; returns when all were answered, or nobody was for GIVE_UP_SECONDS."""
        week, stride = Week(), self.plan.stride()
        began = asyncio.get_running_loop().time()

        def come(now: float) -> bool:
            due = int(week.come((now - began) / (self.plan.minutes * 60)) * self.plan.participants + 0.5)
            while self.started < due and self._idle[False]:
                index = self.started * stride % self.plan.participants
                self.started += 1
                self._come(index, now)
            return self.started < self.plan.participants

        await self._serve(come)

    async def send_again(self, indices: Sequence[int]) -> None:
        """These send their receipts; returns when all were answered, or nobody was for GIVE_UP_SECONDS."""
        now = asyncio.get_running_loop().time()
        for index in indices:
            self._push(now, AGAIN, index)
        await self._serve(lambda now: False)

    async def _serve(self, come: Callable[[float], bool]) -> None:
        """Send what is due until `come` has nobody left and everything was answered."""
        loop = asyncio.get_running_loop()
        last_look = last_accepted = loop.time()
        accepted = self._accepted
        while come(now := loop.time()) or self._later or self.inside:
            self._send_due(now)
            if now - last_look > 1:
                self._look(now - last_look)
                last_look = now
            if self._accepted > accepted:
                accepted, last_accepted = self._accepted, now
            elif now - last_accepted > GIVE_UP_SECONDS:
                logger.error("nobody was answered for %d s: the play ends here", GIVE_UP_SECONDS)
                self._later.clear()
                return
            await asyncio.sleep(TICK_SECONDS)

    def _come(self, index: int, now: float) -> None:
        """One person: she may look at the page and the count first, tap twice, come again, and take her poster."""
        chance, plan = self._chance.random, self.plan
        self._came[index] = now
        self._start(SALUTE, index)
        if chance() < plan.duplicates / 2:
            self._push(now, SALUTE, index)  # a second tap, while the first is on its way
        if chance() < plan.duplicates / 2:
            self._push(now + chance() * AGAIN_SECONDS, AGAIN, index)
        for kind, share in ((PAGE, plan.pages), (COUNTERS, plan.counters)):
            if chance() < share:
                self._push(now, kind, index)
        if chance() < plan.posters:
            self._push(now + AGAIN_SECONDS, POSTER, index)

    def _push(self, due: float, kind: str, index: int) -> None:
        self._order += 1
        heapq.heappush(self._later, (due, self._order, kind, index))

    def _send_due(self, now: float) -> None:
        aside = []
        while self._later and self._later[0][0] <= now and (self._idle[False] or self._idle[True]):
            due, order, kind, index = heapq.heappop(self._later)
            if not self._idle[kind in WEB]:
                aside.append((due, order, kind, index))
                if len(aside) > 64:
                    break
                continue
            self._start(kind, index)
        for one in aside:
            heapq.heappush(self._later, one)

    def _start(self, kind: str, index: int) -> None:
        line = self._idle[kind in WEB].pop()
        self.inside += 1
        line.send(self._request(kind, index), partial(self._answered, line, kind, index))

    def _request(self, kind: str, index: int) -> bytes:
        if kind == PAGE:
            return request("GET", f"/c/{self._slug}", self._host)
        if kind == COUNTERS:
            return request("GET", f"/api/v1/campaigns/{self._slug}/counters", self._host)
        token = self._token_of(index)
        if kind == POSTER:
            return request("GET", f"/api/v1/campaigns/{self._slug}/posters/me.jpg", self._host, token)
        body = {"activity": self._activities[index % len(self._activities)], "region": self._region(index)}
        if kind == AGAIN:
            body["receipt"] = self.log.receipt(index)
        return request("POST", f"/api/v1/campaigns/{self._slug}/participations", self._host, token, json.dumps(body).encode())

    def _region(self, index: int) -> str:
        """Hers, the same each time, by population."""
        point = (index * 2654435761 & 0xFFFFFFFF) * self._weights[-1] >> 32
        return self._regions[bisect_right(self._weights, point)]

    def _answered(self, line: Line, kind: str, index: int, status: int, retry_after: int, body: bytes, seconds: float) -> None:
        self._idle[kind in WEB].append(line)
        self.inside -= 1
        self.second.add(kind, status, seconds)
        if status in (200, 201):
            if kind in (SALUTE, AGAIN):
                answer = _answer(body)
                self._accepted += 1
                if not self.log.ordinals[index]:
                    self.waits[_step((asyncio.get_running_loop().time() - self._came[index]) * 1000)] += 1
                self.log.take(index, answer.ordinal, answer.participated_at, answer.receipt, answer.first)
            return
        if status in UNANSWERED or status >= 599 or (kind == POSTER and status == 404):  # her salute is still on its way
            loop = asyncio.get_running_loop()
            if kind in (SALUTE, AGAIN) and status != 503:
                self.resent[index] = 1
            self._push(loop.time() + (retry_after or RETRY_SECONDS) * (1 + self._chance.random()), kind, index)
            return
        self.refusals[f"{kind} {status} {body[:120].decode('utf-8', 'replace')}"] += 1

    def _look(self, seconds: float = 1.0) -> None:
        """Each second: close the books of the last one, give up what takes too long."""
        self.second.seconds = seconds
        self.total.merge(self.second)
        self.seconds.append(self.second)
        self.second = Tally()
        for lines in self._doors.values():
            for line in lines:
                line.look()

    def close(self) -> None:
        self._look()
        for lines in self._doors.values():
            for line in lines:
                line.close()
