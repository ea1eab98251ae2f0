"""access_token and jsapi_ticket: fetched once for all processes, kept in Redis, renewed before they end.

Owns: the two values of one account. Invariants: one process fetches at a time (a lock in Redis with an end); a value is
renewed after a rejection only while the stored one is still the rejected one; a wrong configuration stops fetching for
some minutes, so that a bad secret does not burn the platform's quota.

Failure policy: without Redis a process goes on with its own copy and fetches for itself at most once a minute
(stable_token gives every caller the same token, so this cannot start the ping-pong of old).
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from server import keys
from server.clock import day_of
from server.stores import RedisClient, RedisError
from server.wechat import Account
from server.wechat.errors import Misconfigured, PlatformUnreachable, WeChatError
from server.wechat.transport import Transport

logger = logging.getLogger(__name__)

# A value this close to its end is renewed; normal mode of stable_token gives a new one from 5 minutes before the end.
AHEAD_SECONDS = 300
# A fetch takes at most its own time limit; a lock whose owner died opens again after this.
LOCK_SECONDS = 20
# How long others wait for the one who fetches.
WAIT_SECONDS = 4.0
STOPPED_SECONDS = 300
# The platform allows 20 forced renewals a day, at least 30 s apart; we stay well under both.
FORCED_A_DAY, FORCED_APART_SECONDS = 15, 60
# Without Redis a process fetches no more often than this.
ALONE_SECONDS = 60

RELEASE = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"


@dataclass(frozen=True)
class Value:
    """`until`: seconds since 1970."""

    text: str
    until: float

    def fresh(self, now: float) -> bool:
        return now < self.until


class Values:
    def __init__(self, account: Account, redis: RedisClient, transport: Transport, clock: Callable[[], float] = time.time) -> None:
        self._account = account
        self._redis = redis
        self._transport = transport
        self._clock = clock
        self._own: dict[str, Value] = {}
        self._asked_alone: dict[str, float] = {}

    async def access_token(self, rejected: str = "") -> str:
        """The token of this account. `rejected`: one that the platform just refused. Raises WeChatError."""
        return await self._get("access_token", rejected, self._fetch_token)

    async def jsapi_ticket(self) -> str:
        """The ticket that JS-SDK signatures are made with. Raises WeChatError."""
        return await self._get("jsapi_ticket", "", self._fetch_ticket)

    async def _get(self, name: str, rejected: str, fetch: Callable[[bool], Awaitable[dict[str, Any]]]) -> str:
        if not self._account.appid:
            raise Misconfigured()
        own = self._own.get(name)
        if own and own.text != rejected and own.fresh(self._clock()):
            return own.text
        try:
            value = await self._shared(name, rejected, fetch)
        except (RedisError, OSError, TimeoutError) as error:
            logger.warning("%s without Redis: %s", name, type(error).__name__)
            value = await self._alone(name, rejected, fetch)
        self._own[name] = value
        return value.text

    async def _shared(self, name: str, rejected: str, fetch: Callable[[bool], Awaitable[dict[str, Any]]]) -> Value:
        place, lock = keys.platform_value(self._account.appid, name), keys.platform_lock(self._account.appid, name)
        mark, until = secrets.token_hex(8), time.monotonic() + WAIT_SECONDS
        while True:
            stored = _value(await self._redis.get(place))
            if stored and stored.text != rejected and stored.fresh(self._clock()):
                return stored
            if await self._redis.get(keys.platform_stopped(self._account.appid)):
                raise Misconfigured()
            if await self._redis.set(lock, mark, nx=True, ex=LOCK_SECONDS):
                break
            if time.monotonic() > until:
                raise PlatformUnreachable()
            await asyncio.sleep(0.05)
        try:
            again = _value(await self._redis.get(place))  # another may have fetched between the look and the lock
            if again and again.text != rejected and again.fresh(self._clock()):
                return again
            answer = await fetch(bool(rejected) and await self._may_force())
            fetched = self._of_answer(name, answer)
            await self._redis.set(place, msgspec.json.encode([fetched.text, fetched.until]), ex=max(1, int(fetched.until - self._clock())))
            return fetched
        except Misconfigured as error:
            await self._redis.set(keys.platform_stopped(self._account.appid), str(error.errcode), ex=STOPPED_SECONDS)
            raise
        finally:
            await self._redis.eval(RELEASE, 1, lock, mark)

    async def _alone(self, name: str, rejected: str, fetch: Callable[[bool], Awaitable[dict[str, Any]]]) -> Value:
        now = self._clock()
        if now - self._asked_alone.get(name, float("-inf")) < ALONE_SECONDS:
            raise PlatformUnreachable()
        self._asked_alone[name] = now
        return self._of_answer(name, await fetch(False))

    async def _may_force(self) -> bool:
        """Whether a renewal by force is within its bounds; counts it."""
        appid, day = self._account.appid, day_of(self._clock())
        if not await self._redis.set(keys.platform_forced_lately(appid), "1", nx=True, ex=FORCED_APART_SECONDS):
            return False
        used = await self._redis.incr(keys.platform_forced(appid, day))
        await self._redis.expire(keys.platform_forced(appid, day), 2 * 86400)
        return int(used) <= FORCED_A_DAY

    def _of_answer(self, name: str, answer: dict[str, Any]) -> Value:
        text = answer.get("access_token" if name == "access_token" else "ticket")
        expires_in = int(answer.get("expires_in", 0) or 0)
        if not isinstance(text, str) or not text or expires_in <= 0:
            raise WeChatError()
        return Value(text, self._clock() + max(expires_in - AHEAD_SECONDS, expires_in / 2))

    async def _fetch_token(self, force: bool) -> dict[str, Any]:
        body = {"grant_type": "client_credential", "appid": self._account.appid, "secret": self._account.secret, "force_refresh": force}
        return await self._transport.call("POST", "/cgi-bin/stable_token", {}, body, repeatable=True)

    async def _fetch_ticket(self, force: bool) -> dict[str, Any]:
        params = {"access_token": await self.access_token(), "type": "jsapi"}
        return await self._transport.call("GET", "/cgi-bin/ticket/getticket", params, repeatable=True)


def _value(raw: bytes | None) -> Value | None:
    if not raw:
        return None
    text, until = msgspec.json.decode(raw)
    return Value(text, until)
