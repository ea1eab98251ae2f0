"""Presence: who has a campaign's draft open, told to whoever else opens it. It keeps nobody out: that is what `rev` is for.

Owns: the Redis key of `keys.editing`. Failure policy: open; without Redis nobody is named.
"""

from __future__ import annotations

import logging

from server import keys
from server.stores import RedisClient, RedisError

logger = logging.getLogger(__name__)


class Presence:
    def __init__(self, redis: RedisClient) -> None:
        self._redis = redis

    async def come(self, slug: str, name: str, now: float) -> list[str]:
        """She has it open for the next 60 s; also the others who have."""
        try:
            await self._redis.hset(keys.editing(slug), name, int(now) + keys.EDITING_SECONDS)
            await self._redis.expire(keys.editing(slug), keys.EDITING_SECONDS)
            return await self._others(slug, name, now)
        except (RedisError, OSError, TimeoutError) as error:
            logger.info("nobody is named as editing: %s", type(error).__name__)
            return []

    async def go(self, slug: str, name: str) -> None:
        try:
            await self._redis.hdel(keys.editing(slug), name)
        except (RedisError, OSError, TimeoutError) as error:
            logger.info("an editor's leaving was not noted: %s", type(error).__name__)

    async def _others(self, slug: str, name: str, now: float) -> list[str]:
        found = await self._redis.hgetall(keys.editing(slug))
        return sorted(who.decode() for who, until in found.items() if int(until) > now and who.decode() != name)
