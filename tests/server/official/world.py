"""Callbacks as the platform makes them, given straight to the service. Signing, sealing and reading the reply back are the
sandbox's, which knows nothing of our own crypto."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from server.errors import StoreUnavailable
from server.metrics import Metrics
from server.official import OfficialCallbacks
from server.official.repeats import Repeats
from server.redis_nodes import RedisNodes
from server.sandbox import accounts
from server.sandbox.callbacks import Callback, build, read_reply
from server.stores import Stores
from server.wechat import Account, Mode, Role
from server.wechat.messages import InboundMessage, Reply
from tests.people import LI, WANG, Person

NOON = 1_790_827_200.0  # 2026-10-01 12:00 in Shanghai
TOKEN, AES_KEY, APPID = "token0token0", "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG", "wxofficial"
MAX_AGE_SECONDS = 600

Answering = Callable[[InboundMessage, Any], Awaitable[Sequence[Reply]]]


class Outbox:
    """What was sent later, as (openid, reply)."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, Reply]] = []
        self.shown: list[str] = []  # whose chats were told that an answer is being written, before anything was sent
        self.typing_failure: Exception | None = None

    async def send(self, openid: str, reply: Reply) -> None:
        self.sent.append((openid, reply))

    async def typing(self, openid: str) -> None:
        if self.typing_failure:
            raise self.typing_failure
        assert not self.sent
        self.shown.append(openid)


class World:
    """`process()` makes one process that takes callbacks; `effects` are the messages that were answered, in all of them."""

    def __init__(self, stores: Stores) -> None:
        self.redis = stores.redis
        self._nodes = stores.counting
        self.outbox = Outbox()
        self.metrics = Metrics()
        self.effects: list[InboundMessage] = []
        self.changes: list[InboundMessage] = []  # what had its effect
        self.outages = 0  # so many effects meet one
        self.gate: asyncio.Event | None = None  # answers wait for it
        self.reply: Reply | None = Reply("text", "欢迎您")
        self.more: tuple[Reply, ...] = ()  # said after it
        self.failure: Exception | None = None
        self.words_failure: Exception | None = None
        self.ready: list[Sequence[Reply]] = []  # what rules say in their own words, one after the other; empty: none of them does
        self._processes: list[OfficialCallbacks] = []

    async def effect(self, message: InboundMessage, context: Any) -> None:
        if self.outages:
            self.outages -= 1
            raise StoreUnavailable()
        self.changes.append(message)

    async def words(self, message: InboundMessage, context: Any) -> Sequence[Reply] | None:
        if self.words_failure:
            raise self.words_failure
        return self.ready.pop(0) if self.ready else None

    async def answer(self, message: InboundMessage, context: Any) -> Sequence[Reply]:
        self.effects.append(message)
        if self.gate:
            await self.gate.wait()
        if self.failure:
            raise self.failure
        return () if self.reply is None else (self.reply, *self.more)

    def process(self, mode: Mode = "safe", *, role: Role = "official", max_age_seconds: int = MAX_AGE_SECONDS, answer_seconds: float = 4.5,
                redis: RedisNodes | None = None, answer_with: Answering | None = None) -> OfficialCallbacks:
        made = OfficialCallbacks(
            Account(APPID, "secret", TOKEN, AES_KEY, mode, role), Repeats(redis or self._nodes, b"k" * 32, max_age_seconds),
            lambda now: None, self.outbox, self.metrics, max_age_seconds=max_age_seconds, answer_seconds=answer_seconds,  # type: ignore[arg-type, return-value]
            answer_with=answer_with or self.answer, effect_with=self.effect, words_with=self.words)
        self._processes.append(made)
        return made

    def outcomes(self, outcome: str) -> float:
        line = next(line for line in self.metrics.snapshot().decode().splitlines()
                    if line.startswith(f'wenming_callbacks_answered_total{{outcome="{outcome}"}}'))
        return float(line.rsplit(" ", 1)[1])

    def typing(self, outcome: str) -> float:
        return self.metrics.series("typing_shown_total", outcome).value

    async def close(self) -> None:
        if self.gate:
            self.gate.set()
        for process in self._processes:
            await process.close()


def text(words: str = "敬礼", person: Person = WANG, msg_id: int = 23_000_000_000_000_001, **changes: Any) -> dict[str, Any]:
    return {"ToUserName": "gh_official0000", "FromUserName": person.openid, "CreateTime": int(NOON), "MsgType": "text",
            "Content": words, "MsgId": msg_id, **changes}


def event(name: str, key: str = "", person: Person = LI, **changes: Any) -> dict[str, Any]:
    return {"ToUserName": "gh_official0000", "FromUserName": person.openid, "CreateTime": int(NOON), "MsgType": "event",
            "Event": name, "EventKey": key, **changes}


def callback(fields: dict[str, Any], mode: str = "safe", *, at: float = NOON, form: str = "xml", **more: Any) -> Callback:
    account = accounts.build("official", {"appid": APPID, "secret": "secret", "token": TOKEN, "aes_key": AES_KEY, "mode": mode})
    return build(account, fields.get("FromUserName", ""), fields, "http://here", timestamp=int(at), format=form, **more)


def query_of(made: Callback) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(made.url).query, keep_blank_values=True))


async def deliver(process: OfficialCallbacks, made: Callback, *, now: float = NOON, body: bytes | None = None, **query: str) -> bytes:
    """The answer's bytes; `query` replaces parameters."""
    return await process.receive(query_of(made) | query, made.body if body is None else body, now)


async def say(process: OfficialCallbacks, made: Callback, **more: Any) -> dict[str, Any] | None:
    """The reply as the citizen's phone understands it."""
    return read_reply(made, await deliver(process, made, **more))
