"""One call to the platform: time limits, bounded retries, the daily quota, and errcodes as errors.

Owns: the HTTP client and the policy around a call. Does not own: tokens (values.py), which calls there are (client.py).
Invariants: every call has a time limit; no redirect is followed, so that no token goes anywhere else; what may have been applied
is not sent twice; an address, which carries tokens and secrets, is never logged.

Failure policy: no answer in time, or errcode -1, is tried at most three times where the call may be repeated, else it fails with
PlatformBusy. A spent daily quota shuts that endpoint for all processes until the next Shanghai midnight; without Redis, for this
process alone (fails open).
"""

from __future__ import annotations

import asyncio
import json
import logging
import random
from typing import Any
from urllib.parse import urlencode

from tornado.httpclient import AsyncHTTPClient, HTTPClientError, HTTPRequest

from server import keys
from server.clock import Clock, day_bounds, day_of
from server.metrics import Metrics
from server.stores import RedisClient, RedisError
from server.wechat.errors import PlatformBusy, PlatformUnreachable, QuotaSpent, WeChatError, error_of

logger = logging.getLogger(__name__)

# The platform answers within 200 ms as a rule; whoever waits for us (a page, a callback of 4.5 s) waits no longer than this.
CONNECT_SECONDS = 2.0
ANSWER_SECONDS = 4.0
# Tries of a call that may be repeated, and the first pause between them; it doubles, with jitter so that processes spread.
TRIES = 3
FIRST_PAUSE_SECONDS = 0.2
# Answers of the API are a few KB; the longest list (10,000 openids) is under 400 KB.
MAX_ANSWER_BYTES = 1024 * 1024
# Calls of one process at once; the platform's own limits are thousands a minute.
MAX_CALLS = 32


class Transport:
    """`base_url` is the platform's address, or the sandbox's, without a trailing slash. Made inside the running loop."""

    def __init__(self, base_url: str, redis: RedisClient, metrics: Metrics, clock: Clock, *,
                 answer_seconds: float = ANSWER_SECONDS) -> None:
        self.base_url = base_url.rstrip("/")
        self._redis = redis
        self._metrics = metrics
        self._clock = clock
        self._answer_seconds = answer_seconds
        self._http = AsyncHTTPClient(force_instance=True, max_clients=MAX_CALLS, max_body_size=MAX_ANSWER_BYTES)
        self._spent_until: dict[tuple[str, str], float] = {}

    def close(self) -> None:
        self._http.close()

    async def call(self, appid: str, method: str, path: str, params: dict[str, Any], body: bytes | None = None, *,
                   may_repeat: bool) -> dict[str, Any]:
        """The platform's JSON answer of `/path` for an account. Raises WeChatError by errcode, PlatformUnreachable, QuotaSpent."""
        await self._check_quota(appid, path)
        for attempt in range(TRIES if may_repeat else 1):
            if attempt:
                await asyncio.sleep(FIRST_PAUSE_SECONDS * 2 ** (attempt - 1) * random.uniform(0.5, 1.5))
            try:
                return await self._once(method, path, params, body)
            except PlatformBusy as error:
                failure: WeChatError = error
            except QuotaSpent:
                await self._shut(appid, path)
                raise
        raise failure

    async def _once(self, method: str, path: str, params: dict[str, Any], body: bytes | None) -> dict[str, Any]:
        request = HTTPRequest(
            f"{self.base_url}/{path}?{urlencode(params)}", method=method.upper(), body=body, connect_timeout=CONNECT_SECONDS,
            request_timeout=self._answer_seconds, follow_redirects=False, allow_nonstandard_methods=True,
            headers={"Content-Type": "application/json; charset=UTF-8"} if body is not None else {})
        loop = asyncio.get_running_loop()
        started = loop.time()
        try:
            answer, errcode = _decode((await self._http.fetch(request)).body)
        except (HTTPClientError, OSError, ValueError, RecursionError) as error:
            # A redirect is an HTTPClientError of its own here. The cause is left out: it may hold the address.
            self._metrics.record("platform_called_total", "unreachable")
            logger.warning("no answer from the platform for %s: %s", path, _words(error))
            raise PlatformUnreachable() from None
        finally:
            self._metrics.observe("platform_answered_seconds", loop.time() - started)
        self._metrics.record("platform_called_total", "refused" if errcode else "ok")
        if errcode:
            logger.warning("the platform refused %s: errcode %d", path, errcode)
            raise error_of(errcode)
        return answer

    async def _check_quota(self, appid: str, path: str) -> None:
        """Fails open: without Redis only this process's own knowledge counts."""
        now = self._clock()
        if now >= self._spent_until.get((appid, path), 0.0):
            self._spent_until.pop((appid, path), None)
            try:
                if not await self._redis.exists(keys.platform_quota(appid, path)):
                    return
            except (RedisError, OSError) as error:
                logger.warning("spent quotas cannot be read: %s", type(error).__name__)
                return
        raise QuotaSpent(45009, retry_after_seconds=_seconds_to_midnight(now))

    async def _shut(self, appid: str, path: str) -> None:
        now = self._clock()
        logger.error("the daily quota of %s is spent; no more calls until midnight", path)
        self._spent_until[appid, path] = now + _seconds_to_midnight(now)
        try:
            await self._redis.set(keys.platform_quota(appid, path), b"1", ex=_seconds_to_midnight(now))
        except (RedisError, OSError) as error:
            logger.warning("a spent quota cannot be told to other processes: %s", type(error).__name__)


def _decode(body: bytes) -> tuple[dict[str, Any], int]:
    """The answer and its errcode, which some APIs wrap in base_resp and some write as a text. Raises ValueError, RecursionError."""
    # Not strict: nicknames come with raw control characters.
    answer = json.loads(body.decode("utf-8", "replace"), strict=False)
    if not isinstance(answer, dict):
        raise ValueError("no object")
    inner = answer.get("base_resp")
    errcode = (inner if isinstance(inner, dict) else answer).get("errcode", 0)
    if not isinstance(errcode, (int, str)):
        raise ValueError("errcode")
    return answer, int(errcode)


def _words(error: Exception) -> str:
    return f"HTTP {error.code}" if isinstance(error, HTTPClientError) else type(error).__name__


def _seconds_to_midnight(now: float) -> int:
    """At least one, so that it can be a lifetime."""
    return max(1, int(day_bounds(day_of(now))[1] - now) + 1)
