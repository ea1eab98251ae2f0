"""Repeats: one message has one effect and one answer, however often and wherever it arrives.

Owns: the marks of messages in Redis. The first to claim a message answers it; others, in any process, wait for that
answer and give the same. A signature and nonce are good for one body alone.

Failure policy: fails open: without Redis a repeat is answered anew, because silence would be worse for the citizen.
"""

from __future__ import annotations

import asyncio
import logging
from hashlib import blake2b

import msgspec

from server import keys
from server.stores import RedisClient, RedisError
from server.wechat.crypto import CallbackRefused
from server.wechat.messages import Reply

logger = logging.getLogger(__name__)

# Past the oldest callback that is taken, with room for clocks.
GRACE_SECONDS = 60
ANY_AGE_SECONDS = 24 * 3600
# A claim whose process died is free again before the platform's next try ends.
CLAIM_SECONDS = 6
POLL_SECONDS = 0.05
NOTHING = b"-"


class Repeats:
    def __init__(self, redis: RedisClient, secret_key: bytes, max_age_seconds: int) -> None:
        self._redis = redis
        self._key = blake2b(secret_key, digest_size=32, person=b"wenming-callback").digest()
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
            first = await self._redis.set(name, mark, nx=True, ex=self._kept_seconds)
            known = None if first else await self._redis.get(name)
        except (RedisError, OSError, TimeoutError) as error:
            logger.warning("callback bodies are not compared: %s", type(error).__name__)
            return
        if known is not None and known != mark:
            raise CallbackRefused("CALLBACK_REPLAYED", "签名已用于另一条消息", status=403)

    async def claim(self, name: str) -> bool:
        """Whether this call is the one that answers."""
        try:
            return bool(await self._redis.set(keys.callback_answer(name), NOTHING, nx=True, ex=CLAIM_SECONDS))
        except (RedisError, OSError, TimeoutError) as error:
            logger.warning("repeats are not known: %s", type(error).__name__)
            return True

    async def settle(self, name: str, reply: Reply | None) -> None:
        """Keep the answer for the repeats."""
        try:
            await self._redis.set(keys.callback_answer(name), msgspec.json.encode(reply), ex=self._kept_seconds)
        except (RedisError, OSError, TimeoutError) as error:
            logger.warning("an answer is not kept: %s", type(error).__name__)

    async def answer_of(self, name: str) -> Reply | None:
        """The answer that the first one gave; waits for it. Raises Freed where the first one died."""
        while True:
            try:
                known = await self._redis.get(keys.callback_answer(name))
            except (RedisError, OSError, TimeoutError):
                return None
            if known is None:
                raise Freed
            if known != NOTHING:
                return msgspec.json.decode(known, type=Reply | None)
            await asyncio.sleep(POLL_SECONDS)


class Freed(Exception):
    """The claim ended without an answer: it may be claimed again."""
