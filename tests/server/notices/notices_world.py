"""A sandbox with citizens who follow, and processes that keep and send notices; `now` moves by hand, here and there."""

from __future__ import annotations

from itertools import count

from server.metrics import Metrics
from server.notices import Batch, GrantStore, Notices, NoticeSender, NoticeStore
from server.wechat import Account
from server.wechat.client import Client
from server.wechat.details import Grant, Grants
from server.wechat.messages import InboundMessage
from server.wechat.transport import Transport
from tests.command_listener import LOOKING
from tests.sandbox.sandbox_world import MINI, OFFICIAL
from tests.sandbox.sandbox_world import World as Sandbox

NOW = 1_790_827_200.0
APPID = OFFICIAL["appid"]
TEMPLATE = "/cgi-bin/message/template/send"
SUBSCRIPTION = "/cgi-bin/message/subscribe/bizsend"


def batch(kind="template", **changes):
    fields = {"id": "patrol-1", "kind": kind, "appid": MINI["appid"] if kind.startswith("mini") else APPID, "template_id": "t1",
              "data": {"thing1": "文明巡访集合", "time2": "2026-10-01 08:00"}}
    return Batch(**{**fields, **changes})


class Process:
    """One process of ours: what it knows of merges is its own."""

    def __init__(self, world, signer=None):
        self.world, self.merged = world, {}
        self.notices, self.grants = NoticeStore(world.stores.mongo), GrantStore(world.stores.mongo)
        self.service = Notices(self.notices, self.grants, world.identify, self.numbers_of, lambda: "http://127.0.0.1:8888")
        self.clients = {account["appid"]: Client(
            Account(account["appid"], account["secret"], account["token"], account["aes_key"]),
            Transport(world.sandbox.base, world.stores.redis, Metrics(), lambda: world.now, signer=signer), world.stores.redis,
            lambda: world.now) for account in (OFFICIAL, MINI)}
        self.sender = NoticeSender(self.notices, self.grants, self.clients, world.openid_of, self.numbers_of, Metrics(),
                                   lambda: world.now, per_second=1000)

    def numbers_of(self, citizen):
        counts = self.merged.get(citizen, citizen)
        return [counts, *sorted(loser for loser, survivor in self.merged.items() if survivor == counts)]

    async def tick(self):
        return await self.sender.tick(self.world.now)


class World:
    def __init__(self, stores, sandbox):
        self.stores, self.sandbox, self.now = stores, sandbox, NOW
        sandbox.platform.clock = lambda: self.now
        self.openids: dict[tuple[int, str], str] = {}
        self.looked_up: list[int] = []
        self.processes: list[Process] = []
        self.events = count(int(NOW))
        first = self.process()
        self.notices, self.grants, self.service, self.tick = first.notices, first.grants, first.service, first.tick

    def process(self, signer=None):
        self.processes.append(Process(self, signer))
        return self.processes[-1]

    async def close(self):
        for process in self.processes:
            for client in process.clients.values():
                await client.close()
        self.sandbox.close()

    async def openid_of(self, citizen, appid):
        self.looked_up.append(citizen)
        return self.openids.get((citizen, appid))

    async def identify(self, appid, openid, unionid, now):
        return next(citizen for (citizen, account), known in self.openids.items() if (account, known) == (appid, openid))

    async def people(self, count, *, follow=True):
        for citizen in range(1, count + 1):
            made = await self.sandbox.citizen(f"市民{citizen}")
            key = self.sandbox.platform.store.find_citizen(made["openid"]).key
            for account in (OFFICIAL, MINI):
                self.openids[citizen, account["appid"]] = self.sandbox.platform.store.openid(key, account["appid"])
            if follow:
                self.sandbox.platform.store.follow(APPID, key, "", NOW)

    def one_person(self, citizen, other):
        """Both numbers are hers, which no process knows yet."""
        for account in (OFFICIAL, MINI):
            self.openids[other, account["appid"]] = self.openids[citizen, account["appid"]]

    async def allow(self, *citizens, appid=APPID, times=1):
        for citizen in citizens:
            for _ in range(times):
                await self.grants.add(appid, "t1", citizen, str(next(self.events)))
                key = self.sandbox.platform.store.find_citizen(self.openids[citizen, appid]).key
                allowed = self.sandbox.platform.allowed
                allowed[appid, "t1", key] = allowed.get((appid, "t1", key), 0) + 1

    def told(self, change, *lines, citizen=1, at=NOW):
        """What she answered, changed or got, as it is understood."""
        return InboundMessage("event", APPID, self.openids[citizen, APPID], "gh", int(at), event=f"subscribe_msg_{change}_event",
                              details=Grants(change, tuple(Grant(*line) for line in lines)))

    def shown(self, openid):
        """How many notices a phone shows."""
        lines = self.sandbox.platform.store.lines(self.sandbox.platform.store.find_citizen(openid).key, 0)
        return sum(line["sender"] == "notice" for line in lines)

    async def arrived(self):
        """How many notices each citizen's phone shows."""
        return {citizen: self.shown(openid) for (citizen, appid), openid in self.openids.items() if appid == APPID}

    async def states(self):
        return (await self.service.view("patrol-1"))[1].states

    async def kept(self, name="notices"):
        found = await self.stores.mongo[name].find({}, comment=LOOKING).to_list(None)
        return sorted(found, key=lambda document: str(document["_id"]))

    async def fault(self, path, errcode=None, times=1, **more):
        await self.sandbox.told("/sandbox/faults", {"path": path, "errcode": errcode, "times": times, **more})


def made(stores, folder, official=None):
    return World(stores, Sandbox(folder, official))
