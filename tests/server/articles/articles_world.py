"""Processes of one official account over a sandbox, and the events that the platform sends, taken by the real callback code."""

from __future__ import annotations

import asyncio
import time
from types import SimpleNamespace
from typing import Any, cast

from server.articles import Article, ArticleReports, Drafts, DraftStore, MassSend, MassSends, Publication, Publishing, RecordStore
from server.materials import Described, Material, Materials, MaterialStore, Uploads
from server.metrics import Metrics
from server.official import OfficialCallbacks
from server.official.repeats import Repeats
from server.replies.effects import EFFECTS
from server.wechat import Account
from server.wechat.client import Client
from server.wechat.transport import Transport
from tests.sandbox.sandbox_world import OFFICIAL
from tests.server.materials.files import JPG, file_of, whole

# 1 October 2026, noon in Shanghai.
NOW = 1_790_827_200.0
APPID = OFFICIAL["appid"]
ACCOUNT = Account(APPID, OFFICIAL["secret"], OFFICIAL["token"], OFFICIAL["aes_key"])
TITLE = "国庆升旗仪式安排"


class Process:
    """The services of one process."""

    def __init__(self, world, answer_seconds):
        stores = world.stores
        self.client = Client(ACCOUNT, Transport(world.sandbox.base, stores.redis, Metrics(), lambda: NOW, answer_seconds=answer_seconds),
                             stores.redis, lambda: NOW)
        publications = RecordStore(stores.mongo, "publications", Publication)
        sends = RecordStore(stores.mongo, "mass_sends", MassSend)
        self.materials = Materials(MaterialStore(stores.mongo), self.client, Uploads(world.folder / "uploads"), whole)
        self.drafts = Drafts(DraftStore(stores.mongo), self.client, self.materials)
        self.publishing = Publishing(publications, self.drafts, self.client)
        self.mass_sends = MassSends(sends, self.drafts, self.client, world.openid_of)
        self.reports = ArticleReports(publications, sends)
        self.callbacks = OfficialCallbacks(ACCOUNT, Repeats(stores.counting, b"k" * 32, 600), self._context, None, Metrics(),
                                           max_age_seconds=600, answer_with=self._effect)

    def _context(self, now):
        return cast(Any, SimpleNamespace(article_reports=self.reports, now=NOW))

    async def _effect(self, message, context):
        await EFFECTS[message.event](message, context)
        return ()


class World:
    def __init__(self, stores, sandbox, folder):
        self.stores, self.sandbox, self.folder = stores, sandbox, folder
        self.openids: dict[int, str] = {}
        self.processes: list[Process] = []
        self.delivered = 0

    def process(self, answer_seconds=4.0):
        self.processes.append(Process(self, answer_seconds))
        return self.processes[-1]

    async def openid_of(self, citizen, appid):
        return self.openids.get(citizen)

    async def people(self, count, *, following=True):
        for citizen in range(1, count + 1):
            made = await self.sandbox.citizen(f"市民{citizen}")
            self.openids[citizen] = made["openid"]
            if following:
                self.sandbox.platform.store.follow(APPID, made["key"], "", NOW)

    async def thumb(self, process) -> Material:
        """The cover of every draft; uploaded once."""
        content = file_of(JPG)
        incoming = await process.materials.begin("thumb", Described("封面"), len(content), permanent=True)
        await incoming.add(content)
        return (await process.materials.keep(incoming, "thumb", Described("封面"), "bianji", NOW, permanent=True))[0]

    async def article(self, process, **changes):
        fields = {"title": TITLE, "content": "<p>早上六点</p>", "thumb_media_id": (await self.thumb(process)).media_id}
        return Article(**{**fields, **changes})

    async def draft(self, process, writer="bianji", **changes):
        return await process.drafts.add([await self.article(process, **changes)], writer, NOW)

    async def fault(self, path, **what):
        await self.sandbox.told("/sandbox/faults", {"path": path, "times": 1, **what})

    async def events(self, process, count=1):
        """Wait until so many more events were sent, and hand them to a process as they came."""
        await until(lambda: len(self.sandbox.received) >= self.delivered + count)
        for request in self.sandbox.received[self.delivered:]:
            query = {name: values[0].decode() for name, values in request.query_arguments.items()}
            assert await process.callbacks.receive(query, request.body, time.time()) == b"success"
        self.delivered = len(self.sandbox.received)

    def chat(self, citizen):
        """Titles of the articles on a phone."""
        lines = self.sandbox.platform.store.lines(self.sandbox.platform.store.find_citizen(self.openids[citizen]).key)
        return [line["articles"][0]["title"] for line in lines if line["type"] == "news"]

    def pages(self):
        return len(self.sandbox.platform.store.things("page", APPID))


async def until(is_so, seconds=10.0):
    """Wait for what comes by itself."""
    async with asyncio.timeout(seconds):
        while not is_so():
            await asyncio.sleep(0.02)
