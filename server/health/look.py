"""What one process sees of the product in one turn: stores, shards, ledgers, accounts, rows of the others.

Owns: what is remembered between two looks so that a rate or an age can be told. Does not own: what it means (parts.py).
Invariants: each question is bounded in time and number; a look changes nothing, and asks nothing of the platform.
Failure policy: open: what does not answer is said to be unknown, with the reason; of campaigns and shards the last known list is used.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from server import keys
from server.accounts import Accounts
from server.campaigns import LATE_SECONDS, Campaign
from server.clock import day_of
from server.counting import Counting
from server.counting.figures import ShardFigures
from server.counting.rules import period_of
from server.errors import WenmingError
from server.health.census import Census, Comparison
from server.health.certificate import Certificate, Found
from server.health.rows import Row, RowStore
from server.participations import ParticipationStore
from server.readiness import Answer, Readiness
from server.robots import Robots, RobotState
from server.stores import PyMongoError, RedisClient, RedisError

logger = logging.getLogger(__name__)

OUTAGE = (RedisError, PyMongoError, OSError, TimeoutError)
# Shards that are read at once, and in all: a cluster of eight masters has 32 a period.
SHARDS_AT_ONCE, MAX_SHARDS = 16, 256
# Ten minutes of looks: a ledger that is further behind is red anyway.
SAMPLES = 120
# Recoveries of the last hour are told.
RAISED_SECONDS = 3600
# The platform gives a token for so long.
TOKEN_SECONDS = 7200
MAX_POISON = 100


@dataclass(frozen=True)
class ShardSeen:
    """One shard. `figures` None: it did not answer. `lag_seconds`: age of the oldest change that MongoDB lacks; `still_seconds`: how long
    the watermark has stood while something waited."""

    id: str
    server: str
    epoch: int
    figures: ShardFigures | None
    journal_bytes: int = 0
    lag_seconds: float = 0.0
    still_seconds: float = 0.0

    @property
    def ready(self) -> bool:
        return self.figures is not None and self.figures.ready

    @property
    def state(self) -> str:
        return "没有应答" if self.figures is None else "就绪" if self.ready else "未就绪"


@dataclass
class Seen:
    """One look. None: not known."""

    at: float
    stores: dict[str, Answer] = field(default_factory=dict)
    rows: list[Row] | None = None
    shards: list[ShardSeen] | None = None
    missing_shards: int = 0
    raised: int = 0
    max_changes: int = 1
    poison: int | None = None
    comparisons: list[Comparison] | None = None
    tokens: dict[str, tuple[float | None, str]] = field(default_factory=dict)  # name: age in seconds, and what stopped it
    shut: dict[str, list[str]] | None = None
    certificate: Found = field(default_factory=lambda: Found(None))
    robots: dict[str, RobotState] | None = None
    robots_total: int = 0


@dataclass
class Trail:
    """What was seen of a shard before."""

    samples: deque[tuple[float, int]] = field(default_factory=lambda: deque(maxlen=SAMPLES))  # when, sequence
    watermark: int = -1
    moved_at: float = 0.0


class Look:
    def __init__(self, readiness: Readiness, rows: RowStore, counting: Counting, running: Callable[[], Awaitable[list[Campaign]]],
                 shards_of: Callable[[str], Awaitable[list[dict[str, Any]]]], documents: ParticipationStore, accounts: Accounts,
                 redis: RedisClient, certificate: Certificate, robots: Robots, *, max_changes: int) -> None:
        self._readiness = readiness
        self._rows = rows
        self._counting = counting
        self._running = running
        self._shards_of = shards_of
        self._documents = documents
        self._accounts = accounts
        self._redis = redis
        self._certificate = certificate
        self._robots = robots
        self._max_changes = max_changes
        self._census = Census(documents)
        self._known: list[tuple[Campaign, dict[str, Any]]] = []
        self._missing = 0
        self._trails: dict[str, Trail] = {}
        self.epochs: dict[str, int] = {}
        self.raises: list[float] = []

    async def once(self, now: float) -> Seen:
        """Everything, at one moment or nearly so. Raises nothing that a store does."""
        seen = Seen(now, max_changes=self._max_changes, robots_total=len(self._robots.all))
        seen.stores = (await self._readiness.report()).stores
        seen.rows = await self._or_none(self._rows.all(now))
        await self._look_at_shards(seen, now)
        seen.poison, seen.comparisons = await self._or_none(self._poison()), await self._or_none(self._compare(seen, now))
        await self._look_at_accounts(seen, now)
        seen.certificate = await self._certificate.look(now)
        seen.robots = await self._or_none(self._robots.states())
        return seen

    async def _or_none(self, asking: Awaitable[Any]) -> Any:
        try:
            return await asking
        except OUTAGE as error:
            logger.info("not seen: %s", type(error).__name__)
            return None

    # shards

    async def _look_at_shards(self, seen: Seen, now: float) -> None:
        current = await self._or_none(self._wanted(now))
        if current is not None:
            self._known, self._missing = current
        turns = asyncio.Semaphore(SHARDS_AT_ONCE)

        async def one(campaign: Campaign, document: dict[str, Any]) -> ShardSeen:
            async with turns:
                return await self._shard(campaign, document, now)

        seen.shards = list(await asyncio.gather(*(one(*known) for known in self._known)))
        seen.missing_shards = self._missing
        self._learn_epochs(seen.shards, now)
        seen.raised = len(self.raises)

    async def _wanted(self, now: float) -> tuple[list[tuple[Campaign, dict[str, Any]]], int]:
        """The shards of running campaigns: of the current period, and of the one before while late salutes still come."""
        found, missing = [], 0
        for campaign in await self._running():
            current = period_of(campaign, now)
            periods = {current} | ({day_of(now - LATE_SECONDS)} if campaign.period_rule == "daily" else set())
            documents = [one for one in await self._shards_of(campaign.slug) if one["period"] in periods]
            missing += campaign.shards - sum(1 for one in documents if one["period"] == current)
            found += [(campaign, one) for one in sorted(documents, key=lambda one: (one["period"], one["shard"]))]
        return found[:MAX_SHARDS], max(0, missing)

    async def _shard(self, campaign: Campaign, document: dict[str, Any], now: float) -> ShardSeen:
        shard = self._counting.period(campaign, document["period"]).handles[document["shard"]].shard
        server = self._counting.server_of(shard)
        try:
            figures, journal_bytes = await shard.figures(minutes=0), await shard.journal_bytes()
        except OUTAGE as error:
            logger.info("shard %s is not seen: %s", shard.id, type(error).__name__)
            return ShardSeen(shard.id, server, document["epoch"], None)
        return ShardSeen(shard.id, server, document["epoch"], figures, journal_bytes, *self._ages(shard.id, figures, now))

    def _ages(self, shard_id: str, figures: ShardFigures, now: float) -> tuple[float, float]:
        trail = self._trails.setdefault(shard_id, Trail())
        if figures.watermark != trail.watermark or figures.watermark >= figures.seq:
            trail.watermark, trail.moved_at = figures.watermark, now
        trail.samples.append((now, figures.seq))
        if not figures.backlog:
            return 0.0, 0.0
        # The first look at which a change was there that MongoDB lacks now.
        waiting_since = next((at for at, seq in trail.samples if seq > figures.watermark), now)
        return now - waiting_since, now - trail.moved_at

    def _learn_epochs(self, shards: Sequence[ShardSeen], now: float) -> None:
        known = {shard.id: shard.epoch for shard in shards}
        self.raises += [now for shard, epoch in known.items() if epoch > self.epochs.get(shard, epoch)]
        self.raises = [at for at in self.raises if now - at <= RAISED_SECONDS][-MAX_SHARDS:]
        self.epochs |= known
        for gone in [shard for shard in self.epochs if shard not in known]:
            del self.epochs[gone]
            self._trails.pop(gone, None)

    # documents

    async def _poison(self) -> int:
        return sum([len(await self._documents.poison(document["_id"], MAX_POISON)) for _, document in self._known])

    async def _compare(self, seen: Seen, now: float) -> list[Comparison]:
        figures = {shard.id: shard.figures for shard in seen.shards or ()}
        self._census.keep_only({document["_id"] for _, document in self._known})
        return [await self._census.compare(document["_id"], campaign, known, document, now)
                for campaign, document in self._known if (known := figures.get(document["_id"])) is not None]

    # accounts

    async def _look_at_accounts(self, seen: Seen, now: float) -> None:
        for one in self._accounts:
            appid, name = one.appid, one.account.name or one.appid
            left = await self._or_none(self._redis.ttl(keys.platform_value(appid, "access_token")))
            stopped = await self._or_none(self._redis.get(keys.platform_stopped(appid)))
            age = None if left is None or left < 0 else max(0.0, float(TOKEN_SECONDS - left))
            seen.tokens[name] = age, bytes(stopped).decode(errors="replace").partition(" ")[0] if stopped else ""
        try:
            seen.shut = {one.account.name or one.appid: sorted(await one.client.shut_paths()) for one in self._accounts}
        except (WenmingError, *OUTAGE) as error:
            logger.info("shut endpoints are not seen: %s", type(error).__name__)
