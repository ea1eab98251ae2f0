"""The whole web application on a clock of its own, for a wall that is watched over midnight: real Redis, behind a door that can be cut.

It runs in a thread, since the browser is driven from the test's own; `run` hands a coroutine over.
"""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import time
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

import pytest
import redis
from tornado.httpclient import AsyncHTTPClient, HTTPRequest
from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port

from server import services as wiring
from server.app import job_table, make_app, options_of
from server.campaigns import Campaign
from server.clock import day_bounds, day_of
from server.counting.shards import Shard
from server.embedded import Supervisor, mongodb_child, redis_child
from server.jobs import Jobs
from server.stores import ensure_indexes, open_stores
from settings import load
from tests.app_world import ACCOUNTS, add_campaign, campaign
from tests.faults.tcp_proxy import TcpProxy

Value = TypeVar("Value")
ROLES = frozenset({"web", "live", "ledger", "jobs"})
PATIENCE_SECONDS = 60
# Half of a citizen's own patience: a Redis that is restarting answers 503 until then.
RETRY_SECONDS = 0.3
# How far before midnight the day of the test begins.
EVENING_SECONDS = 600
DAY_SECONDS = 86400
CITIZENS_AT_ONCE = 40


class WallWorld:
    """`proxy` is the only way from the browser to the server; `offset` sets the server's clock, and that of its shards."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.offset = day_bounds(day_of(time.time()))[1] - EVENING_SECONDS - time.time()
        child, self.redis_url = redis_child(folder / "r", folder)
        mongo, self._mongo_url = mongodb_child(folder / "m", folder)
        self._children = Supervisor([child, mongo])
        # The script reads this on each call; else it goes by the server's TIME.
        patch.setattr(Shard, "clock", property(lambda _: str(int(self.clock())), lambda _, given: None), raising=False)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def clock(self) -> float:
        return time.time() + self.offset

    def run(self, work: Coroutine[Any, Any, Value]) -> Value:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(PATIENCE_SECONDS)

    def start(self) -> WallWorld:
        self._children.start()
        self._thread.start()
        self.run(self._open())
        return self

    async def _open(self) -> None:
        settings = load({**ACCOUNTS, "WENMING_SECRET_KEY": "k" * 32, "WENMING_DATA_DIR": str(self.folder / "data"), "WENMING_SHARDS": "2"},
                        env_file=None)
        self.stores = open_stores(self._mongo_url, self.redis_url)
        await ensure_indexes(self.stores.mongo)
        self.services = wiring.build(self.stores, options_of(settings), self.clock)
        app = make_app(self.services, settings)
        app.settings["clock"] = self.clock
        socket, self.port = bind_unused_port()
        self._server = HTTPServer(app)
        self._server.add_socket(socket)
        self.proxy = await TcpProxy(("127.0.0.1", self.port)).listen()
        self.base = f"http://127.0.0.1:{self.proxy.port}"
        self._jobs = Jobs(job_table(self.services, ROLES), self.clock)
        self._jobs.start()
        self._http = AsyncHTTPClient(force_instance=True, max_clients=CITIZENS_AT_ONCE)

    async def add(self, wanted: Campaign, *states: str) -> None:
        await add_campaign(self.services, wanted, to=states)

    def daily(self) -> Campaign:
        now = int(self.clock())
        return campaign(period_rule="daily", opens_at=now - DAY_SECONDS, closes_at=now + 3 * DAY_SECONDS)

    async def salutes(self, count: int) -> None:
        """So many new citizens at once, each of whom keeps her salute until it is taken."""
        await asyncio.gather(*[self._salute(number) for number in await self.services.citizens.reserve(count)])

    async def _salute(self, number: int) -> None:
        until = time.monotonic() + PATIENCE_SECONDS
        while True:
            answer = await self._http.fetch(HTTPRequest(
                f"http://127.0.0.1:{self.port}/api/v1/campaigns/salute-the-flag/participations", "POST",
                {"Authorization": f"Bearer {self.services.tokens.issue(number, self.clock())}"},
                b'{"activity": "salute", "region": "350602"}', request_timeout=10), raise_error=False)
            if answer.code in (200, 201):
                return
            assert answer.code in (503, 599), answer.body
            assert time.monotonic() < until, "a salute was never taken"
            await asyncio.sleep(RETRY_SECONDS)

    async def audited(self) -> dict[str, int]:
        """Participants of each day with any, once arrays, totals and documents agree. Raises AssertionError if they never do."""
        until = time.monotonic() + PATIENCE_SECONDS
        audited = await self.services.campaigns.get_any("salute-the-flag")
        while not all(one.ok and not one.pending for one in await self.services.audit.campaign(audited)):
            assert time.monotonic() < until, await self.services.audit.campaign(audited)
            await asyncio.sleep(RETRY_SECONDS)
        found: dict[str, int] = {}
        for one in await self.services.audit.campaign(audited):
            _, period, _ = one.shard.split(":")
            found[period] = found.get(period, 0) + one.participants["documents"]
        return {period: n for period, n in found.items() if n}  # the next day's shards stand ready

    def restart_redis(self) -> None:
        """kill -9; whoever watches over it starts it again, with what it wrote down."""
        with redis.Redis.from_url(self.redis_url) as client:
            os.kill(client.info("server")["process_id"], signal.SIGKILL)

    def stop(self) -> None:
        self.run(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._children.stop()

    async def _close(self) -> None:
        await self._jobs.close()
        self._http.close()
        self._server.stop()
        await self.services.live.close()
        await self._server.close_all_connections()
        await self.proxy.close()
        await self.services.close()
        await self.stores.close()
