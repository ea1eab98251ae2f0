"""What each process tells of itself: one row in one hash, each few seconds, gone a quarter of an hour after the last.

Owns: the key of the rows. Does not own: what follows from them (parts.py, server/processes.py).
Invariants: rates are those of the last minute, `figures` all since the start; a row holds no person and no path.
Failure policy: open: without Redis nobody's row is known, and the parts that come from rows are unknown.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from server import keys
from server.metrics import METRICS, Metrics
from server.stores import RedisClient, RedisError

logger = logging.getLogger(__name__)

# A process that told nothing for three rows is silent: one that is busy misses one.
EVERY_SECONDS, SILENT_SECONDS = 5, 15
# A silent process is named so long; then it was replaced, or somebody was told long ago.
NAMED_SECONDS = 600
# More processes than any installation has; a row is some 6 KB.
MAX_ROWS = 512
# Rates and percentiles are of the last minute: twelve rows and the one before them.
WINDOW = 60 // EVERY_SECONDS + 1
# Why a request was answered 503.
REASONS = next(metric.labels["reason"] for metric in METRICS if metric.name == "requests_refused_total")


class Row(msgspec.Struct, frozen=True):
    """One process. `address`: where its /metrics is, "" for nowhere; `served`: how many requests fell into each bucket of
    requests_served_seconds in the last minute; `figures`: Metrics.figures()."""

    process: str
    roles: tuple[str, ...]
    at: float
    started_at: float
    address: str = ""
    served: tuple[int, ...] = ()
    answered: int = 0
    failed: int = 0
    unavailable: int = 0
    queue_age_ms: float = 0.0
    sockets: int = 0
    max_sockets: int = 0
    posters_waiting: int = 0
    posters_queue: int = 0
    figures: dict[str, list[float]] = {}

    def is_silent(self, now: float) -> bool:
        return now - self.at > SILENT_SECONDS


class RowStore:
    """The only code that touches the key; each method one command, or two that may be repeated. Raises RedisError."""

    def __init__(self, redis: RedisClient) -> None:
        self._redis = redis

    async def put(self, row: Row) -> None:
        await self._redis.hset(keys.PROCESSES, row.process, msgspec.json.encode(row))
        await self._redis.expire(keys.PROCESSES, keys.PROCESSES_SECONDS)

    async def remove(self, processes: Sequence[str]) -> None:
        if processes:
            await self._redis.hdel(keys.PROCESSES, *processes)

    async def all(self, now: float) -> list[Row]:
        """Every row that is young enough to be named; the others, and what is none, are removed."""
        rows, gone = [], []
        for name, raw in (await self._redis.hgetall(keys.PROCESSES)).items():
            try:
                row = msgspec.json.decode(raw, type=Row)
            except msgspec.MsgspecError:
                gone.append(name.decode(errors="replace"))
                continue
            if abs(now - row.at) <= NAMED_SECONDS:
                rows.append(row)
            else:
                gone.append(row.process)
        await self.remove(gone[:MAX_ROWS])
        return sorted(rows, key=lambda row: row.process)[:MAX_ROWS]


@dataclass(frozen=True)
class Counted:
    """What this process had answered in all at one moment."""

    served: tuple[int, ...]
    answered: int
    failed: int
    unavailable: int


@dataclass(frozen=True)
class Limits:
    """How much a process takes on."""

    max_sockets: int
    posters_queue: int


class Reporter:
    """Writes this process's row. `process` is its name in leases, such as host:pid:mark; `address` is set once its port is open."""

    def __init__(self, rows: RowStore, metrics: Metrics, limits: Limits, process: str) -> None:
        self._rows = rows
        self._metrics = metrics
        self._limits = limits
        self._process = process
        self.address = ""
        self._has_looked = False
        self._started_at = 0.0
        self._has_told = False
        self._window: deque[Counted] = deque(maxlen=WINDOW)

    async def tick(self, now: float, roles: Sequence[str]) -> Row:
        """Raises RedisError; the next row says all of it anew."""
        self._started_at = self._started_at or now
        row = self._row(now, roles)
        await self._rows.put(row)
        self._has_told = True
        if self.address and not self._has_looked:
            self._has_looked = True  # whoever comes later sees who was there
            await self._warn(now)
        return row

    async def _warn(self, now: float) -> None:
        if sum(row.address == self.address and not row.is_silent(now) for row in await self._rows.all(now)) > 1:
            logger.warning("several processes answer at %s, so that metrics read there are of any of them: set WENMING_METRICS_PORT",
                           self.address)

    async def close(self) -> None:
        """A clean stop is no silence."""
        if self._has_told:
            try:
                await self._rows.remove([self._process])
            except (RedisError, OSError) as error:
                logger.info("the row of this process stays until it is old: %s", type(error).__name__)

    def _row(self, now: float, roles: Sequence[str]) -> Row:
        figures = self._metrics.figures()
        served = tuple(self._metrics.buckets("requests_served_seconds").counts)
        of_class = {n: int(self._metrics.value("requests_answered_total", f"{n}xx")) for n in range(1, 6)}
        unavailable = sum(int(self._metrics.value("requests_refused_total", reason)) for reason in REASONS)
        self._window.append(Counted(served, sum(of_class.values()), of_class[5] - unavailable, unavailable))
        first, last, limits = self._window[0], self._window[-1], self._limits
        return Row(
            self._process, tuple(sorted(roles)), now, self._started_at, self.address,
            tuple(b - a for a, b in zip(first.served, last.served, strict=True)),
            last.answered - first.answered, last.failed - first.failed, last.unavailable - first.unavailable,
            round(self._metrics.value("queues_aged_seconds") * 1000, 1), int(self._metrics.value("sockets_connected_count")),
            limits.max_sockets, int(self._metrics.value("posters_waiting_count")), limits.posters_queue, figures)
