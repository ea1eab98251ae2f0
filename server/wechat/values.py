"""Values that the platform gives for two hours and all processes share: access_token and jsapi_ticket.

Owns: their keys in Redis, the lock around fetching, renewal ahead of expiry, and comparing before renewing.
Does not own: how a value is fetched (client.py gives a callable).
Invariants: a value that somebody renewed meanwhile is never renewed again; whoever waits for the lock looks into the store, not
at the platform; no lock is held around anything but the fetch; an account that is configured wrongly is not asked again for 300 s.

Failure policy: without Redis each process goes on with its own copy until that expires, and fetches one itself at most every
30 s. That is safe because stable_token gives all callers the same token; a renewal by force is refused then.
"""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from server import keys
from server.clock import Clock, day_of
from server.stores import RedisClient, RedisError
from server.wechat.errors import Misconfigured, PlatformBusy, TokenRejected, WeChatError

logger = logging.getLogger(__name__)

# stable_token gives the next token from 5 minutes before expiry on, and the old one stays good until its end.
RENEW_AHEAD_SECONDS = 300
# A value is not used in its last seconds: the call that carries it takes time too.
SPARE_SECONDS = 10
# How soon a process tries again to renew in the background.
BACKGROUND_PAUSE_SECONDS = 15
# Three tries of 4 s and their pauses; a process that died lets go after this.
LOCK_SECONDS = 20
# How long others wait for the one that fetches, and how often they look.
WAIT_SECONDS = 6.0
LOOK_SECONDS = 0.1
# How long a wrongly configured account is left alone; a repaired one works again by itself. A minute: who repairs it is watching.
STOPPED_SECONDS = 60
# Between fetches of one process while Redis is away.
ALONE_SECONDS = 30
# The platform allows 20 renewals by force a day, 30 s apart; the rest is left for people.
FORCED_PER_DAY = 15
FORCED_PAUSE_SECONDS = 60

# (by force) -> value and seconds that it lives.
Fetch = Callable[[bool], Awaitable[tuple[str, int]]]

RELEASE = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"


@dataclass(frozen=True)
class _Held:
    value: str = field(repr=False)
    expires_at: float

    def usable(self, now: float, failed: str) -> bool:
        return self.value != failed and self.expires_at - SPARE_SECONDS > now


class SharedValue:
    """One value of one account. `name` is its part of the key; `can_force` whether the platform renews it by force."""

    def __init__(self, redis: RedisClient, appid: str, name: str, fetch: Fetch, clock: Clock, *,
                 can_force: bool = False) -> None:
        self._redis = redis
        self._appid = appid
        self._name = name
        self._fetch = fetch
        self._clock = clock
        self._can_force = can_force
        self._own: _Held | None = None
        self._one_at_a_time = asyncio.Lock()
        self._background: asyncio.Task[None] | None = None
        self._background_from = 0.0
        self._alone_from = 0.0
        self._stopped_until = 0.0
        self._stopped_by = ""

    def held_seconds(self) -> float:
        """For how long the value that this process last saw still holds; 0 where there is none."""
        return max(0.0, self._own.expires_at - self._clock()) if self._own else 0.0

    async def get(self) -> str:
        """The value in force. Raises WeChatError when there is none and none can be had."""
        now = self._clock()
        try:
            held = await self._read()
        except (RedisError, OSError) as error:
            return await self._get_alone(error, "")
        if held is None or not held.usable(now, ""):
            return await self.renew("")
        if held.expires_at - RENEW_AHEAD_SECONDS < now:
            self._renew_soon(now)
        return held.value

    async def renew(self, failed: str) -> str:
        """Another value than the one that the platform just refused. Raises WeChatError."""
        async with self._one_at_a_time:
            try:
                held = await self._read()
                if held and held.usable(self._clock(), failed):
                    return held.value
                return await self._renew_together(failed, lambda now_held: now_held.usable(self._clock(), failed))
            except (RedisError, OSError) as error:
                return await self._get_alone(error, failed)

    async def close(self) -> None:
        if self._background:
            self._background.cancel()
            await asyncio.gather(self._background, return_exceptions=True)

    # Together, through Redis

    async def _read(self) -> _Held | None:
        raw = await self._redis.get(keys.platform_value(self._appid, self._name))
        if raw is None:
            return None
        kept = json.loads(raw)
        self._own = _Held(kept["value"], kept["expires_at"])
        return self._own

    async def _renew_together(self, failed: str, good: Callable[[_Held], bool]) -> str:
        """Fetch under the lock, or take what its holder fetched: `good` tells whether a stored value will do."""
        owner, lock = secrets.token_hex(8), keys.platform_lock(self._appid, self._name)
        for _ in range(int(WAIT_SECONDS / LOOK_SECONDS)):
            if await self._redis.set(lock, owner, nx=True, ex=LOCK_SECONDS):
                break
            await asyncio.sleep(LOOK_SECONDS)
            held = await self._read()
            if held and good(held):
                return held.value
        else:
            raise PlatformBusy()
        try:
            held = await self._read()  # the holder before us may have been fetching
            if held and good(held):
                return held.value
            await self._refuse_when_stopped()
            return await self._fetch_and_keep(failed)
        finally:
            await self._release(lock, owner)

    async def _fetch_and_keep(self, failed: str) -> str:
        try:
            value, lives_seconds = await self._fetch(False)
            if failed and value == failed:
                # The platform refused this value and still gives it out: only force makes another.
                await self._spend_force()
                value, lives_seconds = await self._fetch(True)
        except Misconfigured as error:
            await self._stop(error)
            raise
        self._own = _Held(value, self._clock() + lives_seconds)
        await self._redis.set(keys.platform_value(self._appid, self._name), ex=max(1, lives_seconds),
                              value=json.dumps({"value": value, "expires_at": self._own.expires_at}))
        logger.info("%s of %s renewed for %d s", self._name, self._appid, lives_seconds)
        return value

    async def _release(self, lock: str, owner: str) -> None:
        try:
            await self._redis.eval(RELEASE, 1, lock, owner)
        except (RedisError, OSError) as error:
            logger.warning("the lock of %s lapses by itself: %s", self._name, type(error).__name__)

    async def _spend_force(self) -> None:
        """Raises TokenRejected when today's renewals by force are used up, or one was made just now."""
        if not self._can_force or not await self._redis.set(keys.platform_forced_lately(self._appid), b"1", nx=True,
                                                            ex=FORCED_PAUSE_SECONDS):
            raise TokenRejected(40001)
        day = keys.platform_forced(self._appid, day_of(self._clock()))
        spent = await self._redis.incr(day)
        await self._redis.expire(day, 2 * 86400)
        if spent > FORCED_PER_DAY:
            raise TokenRejected(40001)
        logger.warning("the token of %s is renewed by force, %d of %d today", self._appid, spent, FORCED_PER_DAY)

    async def _stop(self, error: WeChatError) -> None:
        logger.error("account %s is configured wrongly (errcode %d): no fetching for %d s", self._appid, error.errcode, STOPPED_SECONDS)
        self._stopped_until, self._stopped_by = self._clock() + STOPPED_SECONDS, f"{error.errcode} {error.address}"
        await self._redis.set(keys.platform_stopped(self._appid), self._stopped_by, ex=STOPPED_SECONDS)

    async def _refuse_when_stopped(self) -> None:
        if self._clock() < self._stopped_until:
            raise _misconfigured(self._stopped_by)
        told = await self._redis.get(keys.platform_stopped(self._appid))
        if told is not None:
            raise _misconfigured(bytes(told).decode())

    # Ahead of expiry, with nobody waiting

    def _renew_soon(self, now: float) -> None:
        if now >= self._background_from and (self._background is None or self._background.done()):
            self._background_from = now + BACKGROUND_PAUSE_SECONDS
            self._background = asyncio.create_task(self._renew_ahead())

    async def _renew_ahead(self) -> None:
        async with self._one_at_a_time:
            try:
                await self._renew_together("", lambda held: held.expires_at - RENEW_AHEAD_SECONDS > self._clock())
            except (WeChatError, RedisError, OSError) as error:
                logger.warning("%s of %s is not renewed yet: %s", self._name, self._appid, type(error).__name__)

    # Alone, without Redis

    async def _get_alone(self, outage: Exception, failed: str) -> str:
        now = self._clock()
        if self._own and self._own.usable(now, failed):
            return self._own.value
        logger.warning("%s of %s without Redis: %s", self._name, self._appid, type(outage).__name__)
        if now < max(self._alone_from, self._stopped_until):
            raise PlatformBusy()
        self._alone_from = now + ALONE_SECONDS
        try:
            value, lives_seconds = await self._fetch(False)
        except Misconfigured as error:
            self._stopped_until, self._stopped_by = now + STOPPED_SECONDS, f"{error.errcode} {error.address}"
            raise
        if value == failed:
            raise TokenRejected(40001)
        self._own = _Held(value, now + lives_seconds)
        return value


def _misconfigured(stopped_by: str) -> Misconfigured:
    """What stopped the fetching, told again: the errcode, and the address that was refused, if one was."""
    errcode, _, address = stopped_by.partition(" ")
    return Misconfigured(int(errcode or 0), retry_after_seconds=STOPPED_SECONDS, address=address)
