"""A campaign that is counted, watched by as many processes as a test wants, with group robots that listen. The clock is the test's."""

from __future__ import annotations

import contextlib
import dataclasses
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from redis.asyncio import Redis

from server.accounts import Accounts
from server.embedded import Supervisor, redis_child
from server.metrics import Metrics
from server.notices import GrantStore, Notices, NoticeStore
from server.readiness import Readiness, store_probes
from server.redis_nodes import RedisNodes
from server.stores import RedisError, Stores
from server.watching import Watched, Watching, watching
from tests.robot_world import Platform
from tests.server.counting.world import World, campaign

RUNBOOK = Path(__file__).resolve().parents[3] / "deploy" / "runbook.md"
ROLES = ("intake", "jobs", "ledger", "web")
# Seconds between two looks, as the jobs have it.
TURN = 5


class Redises:
    """A Redis of a test's own, which it may stop and start again."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._supervisor: Supervisor | None = None
        self.url = ""

    def start(self) -> None:
        child, self.url = redis_child(self._folder / "r", self._folder)
        self._supervisor = Supervisor([child])
        self._supervisor.start()

    def stop(self) -> None:
        if self._supervisor is not None:
            self._supervisor.stop()
            self._supervisor = None

    def stores(self, stores: Stores) -> Stores:
        return dataclasses.replace(stores, redis=Redis.from_url(self.url, socket_timeout=1, socket_connect_timeout=1),
                                   counting=RedisNodes(self.url, cluster=False))


class WatchWorld:
    """`now` begins at the real time, since shards go by Redis's own."""

    def __init__(self, stores: Stores, folder: Path, platform: Platform, *, lists: int = 1, shards: int = 2) -> None:
        self.stores = stores
        self.platform = platform
        self.now = time.time()
        self.lists = lists
        self.counted = World(stores, folder, campaign(shards))
        platform.answers |= {"/list-2": {"code": 0}, "/list-3": {"code": 0}}

    def process(self, name: str, **changes: Any) -> Watching:
        """One more process of the product: it reports, and may judge."""
        robots = [{"kind": "feishu", "name": f"第 {n} 组", "url": self.platform.url("/feishu" if n == 1 else f"/list-{n}"), "list": n}
                  for n in range(1, self.lists + 1)]
        counted = self.counted
        watched = Watched(changes.pop("stores", self.stores), Metrics(), Readiness(store_probes(self.stores)), counted.counting,
                          counted.campaigns.running, counted.epochs, counted.documents, Accounts(()), self._notices())
        return watching(watched, owner=name, clock=lambda: self.now, base_url="http://wm.example", runbook=RUNBOOK, robots=tuple(robots),
                        max_changes=1000, live_max_sockets=100, poster_queue=10, authorities=self.platform.authorities)

    def _notices(self) -> Notices:
        async def nobody(*_: Any) -> int:
            return 0

        return Notices(NoticeStore(self.stores.mongo), GrantStore(self.stores.mongo), nobody, lambda number: [number])

    async def opened(self, people: int = 20) -> None:
        """So many salute, and MongoDB has them."""
        for citizen in range(people):
            await self.counted.salute_until_taken(citizen)
        await self.counted.carry_all()

    async def turns(self, seconds: float, *processes: Watching, every: float = TURN) -> None:
        """Time goes by: every process reports, and judges where it is its turn."""
        for _ in range(int(seconds / every)):
            self.now += every
            for process in processes:
                await self.tell(process)
                process.judge._look._readiness._asked_at = float("-inf")  # it keeps an answer for a second of the loop's own clock
                await process.judge.tick(self.now)

    async def tell(self, process: Watching) -> None:
        """As a job: what fails is tried again at the next turn."""
        with contextlib.suppress(RedisError, OSError):
            await process.reporter.tick(self.now, ROLES)

    async def parts(self, process: Watching) -> dict[str, SimpleNamespace]:
        return {one["part"]: SimpleNamespace(**one) for one in (await process.health.view(self.now))["items"]}

    async def close(self, *processes: Watching) -> None:
        for process in processes:
            await process.close()
        await self.counted.close()
