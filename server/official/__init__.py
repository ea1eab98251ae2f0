"""Callbacks of WeChat: from a signed request to an answer, in time, once.

Owns: the order of steps over door.py and repeats.py, the time limit, and what is said afterwards by customer-service message.
Does not own: what is answered (server/replies).
Invariants: nothing that passed the door ever gets an error page; no answer later than 4.5 s: then "success", and the
answer follows by message when it is ready; a message has one effect, which an outage of a store delays and does not lose (owed.py).
A mini-program's message is never answered in the callback, where the platform takes nothing but success and a hand-over: its answers are
customer-service messages. [miniprogram/dev/framework/open-ability/customer-message/receive.html, trans.html]
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from typing import Any, Protocol

from server.errors import NotFound, WenmingError
from server.metrics import Metrics
from server.official.door import Door
from server.official.owed import Effect, Owed
from server.official.repeats import Freed, Repeats
from server.replies import Context, answer, own_words, take_effect
from server.stores import Database, translate
from server.wechat import Account
from server.wechat.crypto import CallbackRefused
from server.wechat.messages import InboundMessage, Reply

__all__ = ["CallbackRefused", "OfficialCallbacks", "Sender", "VerificationTexts"]

logger = logging.getLogger(__name__)

# The platform cuts after 5 s; this leaves its network half a second.
ANSWER_SECONDS = 4.5
# Answers that are still to be said by message; past these one more is not said: a thousand people wait already.
MAX_LATE = 1000
# A late answer is given up after this: the citizen has gone on.
LATE_SECONDS = 30.0
# The platform gives one file for each account and host; a city has a handful.
MAX_TEXTS = 100


# No answer, because making it failed; counted there. A list, so that it is none of the empty tuples that mean silence.
FAILED: list[Reply] = []


class Sender(Protocol):
    """What is needed of the client to say something later."""

    async def send(self, openid: str, reply: Reply) -> None: ...

    async def typing(self, openid: str) -> None: ...


class OfficialCallbacks:
    """The callbacks of one account. `context(now)` is what replies may ask; `sender` None: nothing can be said later."""

    def __init__(self, account: Account, repeats: Repeats, context: Callable[[float], Context], sender: Sender | None, metrics: Metrics, *,
                 max_age_seconds: int, answer_seconds: float = ANSWER_SECONDS,
                 answer_with: Callable[[InboundMessage, Context], Awaitable[Sequence[Reply]]] = answer,
                 effect_with: Effect = take_effect,
                 words_with: Callable[[InboundMessage, Context], Awaitable[Sequence[Reply] | None]] = own_words) -> None:
        self._door = Door(account, max_age_seconds)
        self._appid = account.appid
        self._repeats = repeats
        self._context = context
        self._sender = sender
        self._metrics = metrics
        self._answer_seconds = answer_seconds
        self._answer = answer_with
        self._words = words_with
        self._promised: set[str] = set()  # messages whose answer will be said by message
        self._owed = Owed(effect_with, context, metrics)
        self._says_in_answer = account.role == "official"
        self._late: set[asyncio.Task[Sequence[Reply]] | asyncio.Task[None]] = set()

    def verify_url(self, query: Mapping[str, str], now: float) -> str:
        """The echostr of the platform's URL check. Raises CallbackRefused."""
        return self._door.verify_url(query, now)

    async def receive(self, query: Mapping[str, str], body: bytes, now: float) -> bytes:
        """The answer to a callback. Raises CallbackRefused for what is not let in; anything else is answered."""
        try:
            admitted = self._door.admit(query, body, now)
            if admitted.used is not None:
                await self._repeats.check_body(admitted.used, body)
        except CallbackRefused:
            self._metrics.record("callbacks_answered_total", "refused")
            raise
        if not admitted.message.is_known:
            logger.warning("no answer is known to a %s %s", admitted.message.kind, admitted.message.event)
            self._metrics.record("callbacks_answered_total", "unknown")
            return self._door.render(None, admitted, now)
        reply = await self._in_time(admitted.message, now)
        return self._door.render(reply, admitted, now)

    async def close(self) -> None:
        """Let answers that are on their way end, a few seconds at most."""
        if self._late:
            await asyncio.wait(self._late, timeout=self._answer_seconds)
        await self._owed.close()

    async def _in_time(self, message: InboundMessage, now: float) -> Reply | None:
        name = self._repeats.digest(*message.identity())
        work: asyncio.Task[Sequence[Reply]] | None = None
        try:
            async with asyncio.timeout(self._answer_seconds):
                ready = await self._ready(message, now)
                while not await self._claim(name, ready):
                    try:
                        reply = await self._repeats.answer_of(name)
                    except Freed:
                        continue
                    self._metrics.record("callbacks_answered_total", "repeat")
                    return reply
                if ready is not None:
                    replies = ready
                else:
                    work = asyncio.create_task(self._work(message, name, now))
                    replies = await asyncio.shield(work)
        except TimeoutError:
            self._metrics.record("callbacks_answered_total", "late")
            if work is not None:
                if not work.done():
                    self._promised.add(name)
                self._send_later(work, message.openid, 0)
                self._until_done(self._repeats.settle(name, None))  # what she will hear by message, a repeat is not told as well
            return None
        said = self._in_answer(replies)
        if replies is not FAILED:
            self._metrics.record("callbacks_answered_total", "replied" if replies else "empty")
        if len(replies) > (said is not None):
            self._send_later(work or asyncio.create_task(_given(replies)), message.openid, int(said is not None))
        return said

    async def _ready(self, message: InboundMessage, now: float) -> Sequence[Reply] | None:
        """An answer that needs nobody, as most of what citizens write: it is claimed and kept in one step. None: it has to be made."""
        try:
            return await self._words(message, self._context(now))
        except Exception as error:  # noqa: BLE001 logged there
            return self._failed(message, error)

    async def _claim(self, name: str, ready: Sequence[Reply] | None) -> bool:
        if ready is None:
            return await self._repeats.claim(name)
        return await self._repeats.claim_answered(name, self._in_answer(ready))

    def _failed(self, message: InboundMessage, error: Exception) -> Sequence[Reply]:
        """Counted and logged: she gets no answer, and the platform no error."""
        self._metrics.record("callbacks_answered_total", "failed")
        if isinstance(error, (WenmingError, TimeoutError)) or translate(error):
            logger.warning("no answer to a %s: %s", message.event or message.kind, type(error).__name__)
        else:
            logger.error("the answer to a %s failed", message.event or message.kind, exc_info=error)
        return FAILED

    def _in_answer(self, replies: Sequence[Reply]) -> Reply | None:
        """What of it is said in the answer to the callback itself."""
        return replies[0] if replies and (self._says_in_answer or replies[0].kind == "transfer") else None

    async def _work(self, message: InboundMessage, name: str, now: float) -> Sequence[Reply]:
        """Make the answer and keep it for the repeats; what follows it is said once, by whom it was made."""
        let_go = self._repeats.hold(name)
        try:
            async with asyncio.timeout(LATE_SECONDS):
                await self._owed.take(message, now)
                replies = await self._answer(message, self._context(now))
        except Exception as error:  # noqa: BLE001 logged there
            replies = self._failed(message, error)
        finally:
            let_go()
        is_promised = name in self._promised
        self._promised.discard(name)
        await self._repeats.settle(name, None if is_promised else self._in_answer(replies))
        return replies

    def _send_later(self, work: asyncio.Task[Sequence[Reply]], openid: str, said: int) -> None:
        """By customer-service message, what the answer to the callback did not say: all but the first `said`."""
        if len(self._late) >= MAX_LATE:
            return
        self._late.add(work)
        work.add_done_callback(self._late.discard)

        async def send() -> None:
            if not work.done():
                await self._show_typing(openid)
            for reply in (await work)[said:]:
                if self._sender is None:
                    return
                try:
                    await self._sender.send(openid, reply)
                except WenmingError as error:
                    logger.warning("a late answer was not delivered: %s", error.code)
                    return  # the next would not arrive either, and they are read in their order

        self._until_done(send())

    def _until_done(self, work: Coroutine[Any, Any, None]) -> None:
        """Beside the answer, which does not wait for it; a stop does."""
        task = asyncio.create_task(work)
        self._late.add(task)
        task.add_done_callback(self._late.discard)

    async def _show_typing(self, openid: str) -> None:
        """Her chat shows that an answer is being written. Fails open: the answer comes all the same."""
        if self._sender is None:
            return
        try:
            await self._sender.typing(openid)
        except WenmingError as error:
            logger.info("a chat was not told that an answer is coming: %s", error)
            self._metrics.record("typing_shown_total", "failed")
        else:
            self._metrics.record("typing_shown_total", "shown")


async def _given(replies: Sequence[Reply]) -> Sequence[Reply]:
    return replies


class VerificationTexts:
    """The MP_verify texts that an admin entered, so that the platform believes that a host is ours."""

    def __init__(self, mongo: Database) -> None:
        self._texts = mongo["verification_texts"]

    async def enter(self, code: str, text: str) -> None:
        await self._texts.update_one({"_id": code}, {"$set": {"text": text}}, upsert=True)

    async def codes(self) -> list[str]:
        """Of which files a text was entered."""
        return sorted(str(found["_id"]) for found in await self._texts.find({}).limit(MAX_TEXTS).to_list(None))

    async def text(self, code: str) -> str:
        """Raises NotFound."""
        found = await self._texts.find_one({"_id": code})
        if found is None:
            raise NotFound()
        return str(found["text"])


