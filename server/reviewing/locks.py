"""Locks: which reviewer has which item before her, so that two do not work on the same one unseen.

Owns: the Redis hash of `keys.review_locks`. Invariants: one owner at a time; a lock ends by itself, without any act, and its owner is
named to whoever comes second. Failure policy: open; without Redis nobody is named, and of two verdicts still one counts. Its end is told
by the clock of the process that took it: where two machines' clocks differ a lock is longer or shorter for the other by as much.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from server import keys
from server.stores import RedisClient, RedisError

logger = logging.getLogger(__name__)

# Long enough to read an item and to look something up; a page that is still there renews it.
LOCK_SECONDS = 60
# As many locks as reviewers could leave behind in a minute; past it those that ended are removed.
MANY = 500
# KEYS[1]: the hash. ARGV: field, owner, now and until in milliseconds, life of the hash, MANY.
TAKE = """
local held = redis.call('HGET', KEYS[1], ARGV[1])
if held then
  local till, owner = string.match(held, '^(%d+) (.*)$')
  if owner ~= ARGV[2] and tonumber(till) > tonumber(ARGV[3]) then return held end
end
if redis.call('HLEN', KEYS[1]) > tonumber(ARGV[6]) then
  local all = redis.call('HGETALL', KEYS[1])
  for i = 1, #all, 2 do
    if tonumber(string.match(all[i + 1], '^%d+')) <= tonumber(ARGV[3]) then redis.call('HDEL', KEYS[1], all[i]) end
  end
end
local mine = ARGV[4] .. ' ' .. ARGV[2]
redis.call('HSET', KEYS[1], ARGV[1], mine)
redis.call('EXPIRE', KEYS[1], ARGV[5])
return mine
"""
FREE = """
local held = redis.call('HGET', KEYS[1], ARGV[1])
if held and string.match(held, '^%d+ (.*)$') == ARGV[2] then redis.call('HDEL', KEYS[1], ARGV[1]) end
return 1
"""


@dataclass(frozen=True)
class Lock:
    owner: str
    until: float


class Locks:
    def __init__(self, redis: RedisClient) -> None:
        self._redis = redis

    async def take(self, campaign: str, token: str, owner: str, now: float) -> Lock | None:
        """The lock as it is now: hers, or another's. None: nobody knows."""
        until = int((now + LOCK_SECONDS) * 1000)
        try:
            held = await self._redis.eval(TAKE, 1, keys.review_locks(campaign), token, owner, int(now * 1000), until,
                                          keys.REVIEW_LOCKS_SECONDS, MANY)
        except (RedisError, OSError, TimeoutError) as error:
            logger.info("nobody is named as reviewing: %s", type(error).__name__)
            return None
        return _lock(held)

    async def free(self, campaign: str, token: str, owner: str) -> None:
        try:
            await self._redis.eval(FREE, 1, keys.review_locks(campaign), token, owner)
        except (RedisError, OSError, TimeoutError) as error:
            logger.info("a lock ends by itself: %s", type(error).__name__)

    async def others(self, campaign: str, tokens: Sequence[str], name: str, now: float) -> dict[str, Lock]:
        """Which of them others have before them."""
        if not tokens:
            return {}
        try:
            found = await self._redis.hmget(keys.review_locks(campaign), list(tokens))
        except (RedisError, OSError, TimeoutError) as error:
            logger.info("nobody is named as reviewing: %s", type(error).__name__)
            return {}
        locks = {token: _lock(held) for token, held in zip(tokens, found, strict=True) if held is not None}
        return {token: lock for token, lock in locks.items() if lock.owner != name and lock.until > now}


def _lock(held: bytes) -> Lock:
    until, _, owner = held.decode().partition(" ")
    return Lock(owner, int(until) / 1000)
