"""A sandbox with citizens who follow, and processes that keep followers of its official account; `now` moves by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from server.citizens import Citizens
from server.followers import FollowerEvents, Followers, FollowerStore
from server.metrics import Metrics
from server.seals import Seal
from server.stores import Stores
from server.wechat.details import Scene
from server.wechat.messages import InboundMessage
from tests.command_listener import LOOKING
from tests.sandbox.sandbox_world import OFFICIAL
from tests.sandbox.sandbox_world import World as Sandbox
from tests.server.accounts_world import client_of
from tests.server.citizens.people import SECRET, everything

NOW = 1_790_827_200.0
APPID = OFFICIAL["appid"]
UNCERTIFIED = {"kind": "subscription"}


def event(name: str, openid: str, at: float = NOW, scene: str = "", appid: str = APPID) -> InboundMessage:
    """A follow (subscribe) or a leaving (unsubscribe), as it is understood."""
    return InboundMessage("event", appid, openid, "gh_official", int(at), event=name, details=Scene(scene) if scene else None)


class Process:
    """One process of ours."""

    def __init__(self, world: World) -> None:
        self.metrics = Metrics()
        self.store = FollowerStore(world.stores.mongo)
        self.client = client_of(OFFICIAL, world.sandbox.base, world.stores, lambda: world.now)
        self.citizens = Citizens(world.stores.mongo, SECRET, deletion_list=world.folder / "deletions.jsonl", merge_counts=self.merge,
                                 erasers=[self.store.remove_of], in_unarchived_campaign=self.took_part)
        self.followers = Followers(self.store, self.client, self.citizens, Seal(SECRET, "follower at rest"), self.metrics)
        self.events = FollowerEvents(self.store, self.citizens, self.metrics)

    async def merge(self, loser: int, survivor: int, now: float) -> None:
        await self.store.merge(loser, survivor)

    async def took_part(self, citizen: int) -> bool:
        return True

    def counted(self, name: str, outcome: str) -> float:
        return self.metrics.series(name, outcome).value


class World:
    def __init__(self, stores: Stores, folder: Path, official: dict[str, Any] | None = None) -> None:
        self.stores, self.folder, self.now = stores, folder, NOW
        self.sandbox = Sandbox(folder, official)
        self.sandbox.platform.clock = lambda: self.now
        self._processes: list[Process] = []

    async def ready(self) -> World:
        return self

    def process(self) -> Process:
        made = Process(self)
        self._processes.append(made)
        return made

    async def close(self) -> None:
        for process in self._processes:
            await process.client.close()
            await process.citizens.close()
        self.sandbox.close()

    async def person(self, *, follows: bool = True) -> dict[str, Any]:
        """Somebody on the platform; whether she follows there, which nobody has told us yet."""
        made = await self.sandbox.citizen()
        if follows:
            self.follow(made["key"])
        return made

    def follow(self, key: str, *, appid: str = APPID, scene: str = "", at: float | None = None) -> None:
        self.sandbox.platform.store.follow(appid, key, scene, self.now if at is None else at)

    def leave(self, key: str) -> None:
        self.sandbox.platform.store.unfollow(APPID, key)

    async def people(self, process: Process, count: int) -> list[int]:
        """Numbers of so many who follow, here and there."""
        numbers = []
        for _ in range(count):
            person = await self.person()
            await process.events.followed(event("subscribe", person["openid"], self.now), self.now)
            numbers.append(await process.citizens.identify(APPID, person["openid"], None, self.now))
        return numbers

    async def documents(self, name: str = "followers") -> list[dict[str, Any]]:
        found = await self.stores.mongo[name].find(comment=LOOKING).to_list(None)
        return sorted(found, key=lambda document: str(document["_id"]))

    async def everything(self) -> bytes:
        return await everything(self.stores)

    async def fault(self, path: str, errcode: int, times: int = 1) -> None:
        await self.sandbox.told("/sandbox/faults", {"path": path, "errcode": errcode, "times": times})
