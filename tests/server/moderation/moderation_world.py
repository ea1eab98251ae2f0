"""Messages that wait for machines, over the sandbox's platform and provider; `now` moves by hand."""

from __future__ import annotations

from typing import Any

from server.messages import Messages, MessageStore
from server.metrics import Metrics
from server.moderation import Moderation, OwnWords, Platform, Provider
from server.moderation.verdict import Checker
from server.reviewing.item import Item
from server.seals import Seal
from server.stores import Stores
from server.wechat.client import Client
from server.words import WordList, Words
from tests.command_listener import LOOKING
from tests.sandbox.sandbox_world import MINI, OFFICIAL
from tests.sandbox.sandbox_world import World as Sandbox
from tests.server.accounts_world import client_of
from tests.server.civic_world import DURING, campaign
from tests.server.waiting import source_of, waiting

OPEN = campaign(state="open", free_words=True)
KEY = OFFICIAL["secret"]
TEXT_CHECK, PROVIDER = "/wxa/msg_sec_check", "/sandbox/moderation"
ALICE, BOB, CAROL = 1, 2, 3


class World:
    def __init__(self, stores: Stores, sandbox: Sandbox) -> None:
        self.stores, self.sandbox = stores, sandbox
        self.now = DURING + 0.82884123  # as a clock gives it, with more digits than a store may keep
        self.words = Words(stores.mongo)
        self.store = MessageStore(stores.mongo, Seal(b"k" * 32, "message"))
        self.messages = Messages(self.store, self.words)
        self.source = source_of(stores, self.store)
        self.client: Client = client_of(MINI, sandbox.base, stores, lambda: self.now)
        self.openids: dict[tuple[int, str], str] = {}
        self.metrics = Metrics()
        self._processes: list[Moderation] = []

    async def ready(self) -> World:
        await self.words.keep(WordList((), ("奇怪",)))
        return self

    async def close(self) -> None:
        for process in self._processes:
            await process.close()
        await self.client.close()
        self.sandbox.close()

    def process(self, *, platform: bool = True, provider: bool = True, key: str = KEY, answer_seconds: float = 3.0) -> Moderation:
        """One that has texts judged."""

        async def openid_of(citizen: int, appid: str) -> str | None:
            return self.openids.get((citizen, appid))

        checkers: list[Checker] = [OwnWords(self.words)]
        if platform:
            checkers.append(Platform([self.client], openid_of))
        if provider:
            checkers.append(Provider(self.sandbox.base + PROVIDER, key, lambda: self.now, answer_seconds=answer_seconds))
        self._processes.append(Moderation(self.store, checkers, self.metrics, lambda: self.now, per_second=1000))
        return self._processes[-1]

    async def judge(self, process: Moderation | None = None) -> int:
        return await (process or self.process()).tick(self.now)

    async def visits(self, *citizens: int) -> None:
        """They open the mini-program."""
        for citizen in citizens:
            made = await self.sandbox.citizen(f"市民{citizen}")
            key = self.sandbox.platform.store.find_citizen(made["openid"]).key
            self.openids[citizen, MINI["appid"]] = self.sandbox.platform.store.openid(key, MINI["appid"])
            await self.sandbox.told("/sandbox/login", {"openid": made["openid"]})

    async def writes(self, citizen: int, text: str = "祖国万岁", name: str | None = None) -> None:
        await self.messages.post(OPEN, "all", citizen, ("salute",), self.now, message=text, name=name)

    async def fault(self, path: str, times: int = 1, **what: Any) -> None:
        await self.sandbox.told("/sandbox/faults", {"path": path, "times": times, **what})

    async def waiting(self, machine: str = "", after: str = "") -> list[Item]:
        return await waiting(self.source, machine, after)

    async def wall(self) -> list[str]:
        return [item["message"] for item in (await self.messages.wall(OPEN, ""))["items"]]

    async def kept(self) -> list[dict[str, Any]]:
        return await self.stores.mongo["messages"].find({}, comment=LOOKING).to_list(None)

    def counted(self, source: str, result: str) -> float:
        return self.metrics.series("verdicts_given_total", result, source).value


def said(item: Item) -> dict[str, str]:
    """What each source said of an item, such as {"words": "pass"}; of a name under "wechat name"."""
    return {check["source"] + (" name" if check["part"] == "name" else ""): check["result"] for check in item.machine["checks"]}
