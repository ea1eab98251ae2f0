"""Callbacks of WeChat: from a signed request to an answer, in time, once.

Owns: the order of steps over door.py and repeats.py, the time limit, and what is said afterwards by customer-service message.
Does not own: what is answered (server/replies).
Invariants: nothing that passed the door ever gets an error page; no answer later than 4.5 s: then "success", and the
answer follows by message when it is ready; a message has one effect.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

from server.errors import NotFound, WenmingError
from server.metrics import Metrics
from server.official.door import Door
from server.official.repeats import Freed, Repeats
from server.replies import Context, answer
from server.stores import Database, translate
from server.wechat import Account
from server.wechat.crypto import CallbackRefused
from server.wechat.messages import InboundMessage, Reply

__all__ = ["CallbackRefused", "OfficialCallbacks", "Sender", "VerificationTexts"]

logger = logging.getLogger(__name__)

# The platform cuts after 5 s; this leaves its network half a second.
ANSWER_SECONDS = 4.5
# Answers that are still being made after "success"; past these the oldest promise is the platform's next try.
MAX_LATE = 1000
# A late answer is given up after this: the citizen has gone on.
LATE_SECONDS = 30.0


class Sender(Protocol):
    """What is needed of the client to say something later."""

    async def send(self, openid: str, reply: Reply) -> None: ...


class OfficialCallbacks:
    """The callbacks of one account. `context(now)` is what replies may ask; `sender` None: nothing can be said later."""

    def __init__(self, account: Account, repeats: Repeats, context: Callable[[float], Context], sender: Sender | None, metrics: Metrics, *,
                 max_age_seconds: int, answer_seconds: float = ANSWER_SECONDS,
                 answer_with: Callable[[InboundMessage, Context], Awaitable[Reply | None]] = answer) -> None:
        self._door = Door(account, max_age_seconds)
        self._appid = account.appid
        self._repeats = repeats
        self._context = context
        self._sender = sender
        self._metrics = metrics
        self._answer_seconds = answer_seconds
        self._answer = answer_with
        self._late: set[asyncio.Task[Reply | None] | asyncio.Task[None]] = set()

    def verify_url(self, query: Mapping[str, str], now: float) -> str:
        """The echostr of the platform's URL check. Raises CallbackRefused."""
        return self._door.verify_url(query, now)

    async def receive(self, query: Mapping[str, str], body: bytes, now: float) -> bytes:
        """The answer to a callback. Raises CallbackRefused for what is not let in; anything else is answered."""
        try:
            admitted = self._door.admit(query, body, now)
            await self._repeats.check_body(admitted.used, body)
        except CallbackRefused:
            self._metrics.record("callbacks_answered_total", "refused")
            raise
        reply = await self._in_time(admitted.message, now)
        return self._door.render(reply, admitted, now)

    async def close(self) -> None:
        """Let answers that are on their way end, a few seconds at most."""
        if self._late:
            await asyncio.wait(self._late, timeout=self._answer_seconds)

    async def _in_time(self, message: InboundMessage, now: float) -> Reply | None:
        name = self._repeats.digest(*message.identity())
        work: asyncio.Task[Reply | None] | None = None
        try:
            async with asyncio.timeout(self._answer_seconds):
                while not await self._repeats.claim(name):
                    try:
                        reply = await self._repeats.answer_of(name)
                    except Freed:
                        continue
                    self._metrics.record("callbacks_answered_total", "repeat")
                    return reply
                work = asyncio.create_task(self._work(message, name, now))
                reply = await asyncio.shield(work)
        except TimeoutError:
            self._metrics.record("callbacks_answered_total", "late")
            if work is not None and len(self._late) < MAX_LATE:
                self._late.add(work)
                work.add_done_callback(self._late.discard)
                self._send_later(work, message.openid)
            return None
        self._metrics.record("callbacks_answered_total", "replied" if reply else "empty")
        return reply

    async def _work(self, message: InboundMessage, name: str, now: float) -> Reply | None:
        """Make the answer and keep it for the repeats."""
        try:
            async with asyncio.timeout(LATE_SECONDS):
                reply = await self._answer(message, self._context(now))
        except Exception as error:
            self._metrics.record("callbacks_answered_total", "failed")
            if isinstance(error, (WenmingError, TimeoutError)) or translate(error):
                logger.warning("no answer to a %s: %s", message.event or message.kind, type(error).__name__)
            else:
                logger.exception("the answer to a %s failed", message.event or message.kind)
            reply = None
        await self._repeats.settle(name, reply)
        return reply

    def _send_later(self, work: asyncio.Task[Reply | None], openid: str) -> None:
        async def send() -> None:
            reply = await work
            if reply is None or self._sender is None:
                return
            try:
                await self._sender.send(openid, reply)
            except WenmingError as error:
                logger.warning("a late answer was not delivered: %s", error.code)

        task = asyncio.create_task(send())
        self._late.add(task)
        task.add_done_callback(self._late.discard)


class VerificationTexts:
    """The MP_verify texts that an admin entered, so that the platform believes that a host is ours."""

    def __init__(self, mongo: Database) -> None:
        self._texts = mongo["verification_texts"]

    async def enter(self, code: str, text: str) -> None:
        await self._texts.update_one({"_id": code}, {"$set": {"text": text}}, upsert=True)

    async def text(self, code: str) -> str:
        """Raises NotFound."""
        found = await self._texts.find_one({"_id": code})
        if found is None:
            raise NotFound()
        return str(found["text"])


