"""Whether this process can do its work: both stores answer, and it is not about to stop. Never depends on WeChat being reachable.

Owns: the probes and their time limit. Invariants: one probe at a time and at most one a second, however
often it is asked; a probe never waits longer than PROBE_SECONDS; it writes nothing.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from time import perf_counter

from server.errors import Unavailable
from server.stores import PyMongoError, RedisError, Stores

logger = logging.getLogger(__name__)

# A store that needs more than this for a ping will fail people too; load balancers ask every few seconds.
PROBE_SECONDS = 1.0
# Asked by several balancers and by people at once, the stores see one probe.
KEPT_SECONDS = 1.0

Probe = Callable[[], Awaitable[object]]


@dataclass(frozen=True)
class Answer:
    """What one store said."""

    ok: bool
    milliseconds: float
    problem: str = ""


@dataclass(frozen=True)
class Report:
    """All answers by the store's name. `leaving`: it still serves, and whoever chooses among processes should choose another."""

    stores: dict[str, Answer]
    leaving: bool = False

    @property
    def ready(self) -> bool:
        return not self.leaving and all(answer.ok for answer in self.stores.values())

    @property
    def status(self) -> str:
        return "ready" if self.ready else "leaving" if self.leaving else "not ready"


class Readiness:
    """Asks each store. Fails closed: no answer in time is not ready."""

    def __init__(self, probes: Mapping[str, Probe]) -> None:
        self._probes = dict(probes)
        self._report: Report | None = None
        self._asked_at = float("-inf")
        self._asking: asyncio.Task[Report] | None = None
        self._leaving = False

    def leave(self) -> None:
        """Not ready from here on."""
        self._leaving = True

    async def report(self) -> Report:
        """The stores' answers, at most a second old; of a process that leaves nobody asks for more."""
        return Report({}, leaving=True) if self._leaving else await self._stores()

    async def _stores(self) -> Report:
        now = asyncio.get_running_loop().time()
        if self._asking is not None:
            return await asyncio.shield(self._asking)
        if self._report is None or now - self._asked_at >= KEPT_SECONDS:
            self._asked_at = now
            self._asking = asyncio.create_task(self._ask())
            return await asyncio.shield(self._asking)
        return self._report

    async def _ask(self) -> Report:
        try:
            answers = await asyncio.gather(*(self._one(name, probe) for name, probe in self._probes.items()))
            self._report = Report(dict(zip(self._probes, answers, strict=True)))
            return self._report
        finally:
            self._asking = None

    async def _one(self, name: str, probe: Probe) -> Answer:
        started = perf_counter()
        try:
            await asyncio.wait_for(probe(), PROBE_SECONDS)
        except (RedisError, PyMongoError, Unavailable, OSError, TimeoutError) as error:
            logger.warning("%s is not ready: %r", name, error)
            return Answer(False, _milliseconds(started), type(error).__name__)
        return Answer(True, _milliseconds(started))


def _milliseconds(started: float) -> float:
    return round((perf_counter() - started) * 1000, 2)


def store_probes(stores: Stores) -> dict[str, Probe]:
    """A ping for each store; in a Redis Cluster every master is asked."""

    async def redis() -> None:
        await stores.redis.ping(target_nodes="primaries") if hasattr(stores.redis, "get_primaries") else await stores.redis.ping()

    async def mongodb() -> None:
        await stores.mongo.command("ping")

    return {"redis": redis, "mongodb": mongodb}
