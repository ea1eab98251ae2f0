"""Repeats: one message has one effect and one answer, however often and wherever it arrives.

Owns: the marks of messages in Redis. The first to claim a message answers it; others, in any process, wait for that
answer and give the same. A signature and nonce are good for one body alone.

Failure policy: fails open: without Redis a repeat is answered anew, because silence would be worse for the citizen.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from hashlib import blake2b

import msgspec

from server import keys
from server.redis_nodes import RedisNodes
from server.stores import RedisError
from server.wechat.crypto import CallbackRefused
from server.wechat.messages import Reply

logger = logging.getLogger(__name__)

# Past the oldest callback that is taken, with room for clocks.
GRACE_SECONDS = 60
ANY_AGE_SECONDS = 24 * 3600
# A claim whose process died is free again early enough for the platform's next try, which waits 4.5 s, to make the answer itself. Whoever
# lives and works longer holds it by renewing.
CLAIM_SECONDS = 2
RENEW_SECONDS = 0.7
POLL_SECONDS = 0.05
NOTHING = b"-"


class Repeats:
    """Asks Redis over the connection that counts: one or two commands for each callback, where redis-py would take half of its time."""

    def __init__(self, redis: RedisNodes, secret_key: bytes, max_age_seconds: int) -> None:
        self._redis = redis
        self._key = blake2b(secret_key, digest_size=32, person=b"wenming-callback").digest()
        self._renewing: set[asyncio.Task[None]] = set()
        self._kept_seconds = max_age_seconds + GRACE_SECONDS if max_age_seconds else ANY_AGE_SECONDS

    def digest(self, *parts: str) -> str:
        """A name that tells nobody whose message it is."""
        return blake2b("\0".join(parts).encode(), key=self._key, digest_size=16).hexdigest()

    async def check_body(self, used: tuple[str, str, str], body: bytes) -> None:
        """Raises CallbackRefused where this signature and nonce came with another body."""
        mark = blake2b(body, key=self._key, digest_size=16).hexdigest().encode()
        name = keys.callback_body(self.digest(*used))
        try:
            # Two commands, because NX and GET go together only from Redis 7 on; between them the mark cannot change.
            first = await self._redis.call(name, "SET", name, mark, "NX", "EX", self._kept_seconds)
            known = None if first else await self._redis.call(name, "GET", name)
        except (RedisError, OSError, TimeoutError) as error:
            logger.warning("callback bodies are not compared: %s", type(error).__name__)
            return
        if known is not None and known != mark:
            raise CallbackRefused("CALLBACK_REPLAYED", "签名已用于另一条消息", status=403)

    async def claim(self, name: str) -> bool:
        """Whether this call is the one that answers."""
        return await self._claim(name, NOTHING, CLAIM_SECONDS)

    async def claim_answered(self, name: str, reply: Reply | None) -> bool:
        """The same with an answer that is there already, in one step."""
        return await self._claim(name, msgspec.json.encode(reply), self._kept_seconds)

    async def _claim(self, name: str, mark: bytes, seconds: int) -> bool:
        try:
            key = keys.callback_answer(name)
            return bool(await self._redis.call(key, "SET", key, mark, "NX", "EX", seconds))
        except (RedisError, OSError, TimeoutError) as error:
            logger.warning("repeats are not known: %s", type(error).__name__)
            return True

    def hold(self, name: str) -> Callable[[], None]:
        """Keep a claim while the answer is being made. Call what is given when it is made."""
        loop = asyncio.get_running_loop()
        handle: asyncio.TimerHandle

        def renew() -> None:
            nonlocal handle
            task = loop.create_task(self._renew(name))
            self._renewing.add(task)
            task.add_done_callback(self._renewing.discard)
            handle = loop.call_later(RENEW_SECONDS, renew)

        handle = loop.call_later(RENEW_SECONDS, renew)
        return lambda: handle.cancel()

    async def _renew(self, name: str) -> None:
        """Fails open, as everything here."""
        try:
            key = keys.callback_answer(name)
            await self._redis.call(key, "EXPIRE", key, CLAIM_SECONDS)
        except (RedisError, OSError, TimeoutError) as error:
            logger.warning("a claim is not renewed: %s", type(error).__name__)

    async def settle(self, name: str, reply: Reply | None) -> None:
        """Keep the answer for the repeats."""
        try:
            key = keys.callback_answer(name)
            await self._redis.call(key, "SET", key, msgspec.json.encode(reply), "EX", self._kept_seconds)
        except (RedisError, OSError, TimeoutError) as error:
            logger.warning("an answer is not kept: %s", type(error).__name__)

    async def answer_of(self, name: str) -> Reply | None:
        """The answer that the first one gave; waits for it. Raises Freed where the first one died."""
        key = keys.callback_answer(name)
        while True:
            try:
                known: bytes | None = await self._redis.call(key, "GET", key)
            except (RedisError, OSError, TimeoutError):
                return None
            if known is None:
                raise Freed
            if known != NOTHING:
                return msgspec.json.decode(known, type=Reply | None)
            await asyncio.sleep(POLL_SECONDS)


class Freed(Exception):
    """The claim ended without an answer: it may be claimed again."""
