"""One call to the platform: time limits, bounded retries, the daily quota, and errcodes as errors.

Owns: the HTTP client and the policy around a call; files that go up with it and pictures that come back. Does not own: tokens
(values.py), which calls there are (client.py).
Invariants: every call has a time limit; no redirect is followed, so that no token goes anywhere else; what may have been applied
is not sent twice; an address, which carries tokens and secrets, is never logged.

A call that `signer` takes goes out sealed and signed anew at each try, and its answer is believed only when it is signed.

Failure policy: no answer in time, or errcode -1, is tried at most three times where the call may be repeated, else it fails with
PlatformBusy. A spent daily quota shuts that endpoint for all processes until the next Shanghai midnight; without Redis, for this
process alone (fails open).
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
import logging
import random
import re
import secrets
import socket
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlencode

from tornado.httpclient import HTTPClientError, HTTPRequest, HTTPResponse
from tornado.httputil import HTTPHeaders

from server import keys, outbound
from server.clock import Clock, day_bounds, day_of
from server.metrics import Metrics
from server.stores import RedisClient, RedisError
from server.wechat.errors import (
    AlreadySent,
    AnswerUntrusted,
    PlatformBusy,
    PlatformNotAsked,
    PlatformUnreachable,
    QuotaSpent,
    WeChatError,
    error_of,
)

logger = logging.getLogger(__name__)

# The platform answers within 200 ms as a rule; whoever waits for us (a page, a callback of 4.5 s) waits no longer than this.
CONNECT_SECONDS = 2.0
ANSWER_SECONDS = 4.0
# Tries of a call that may be repeated, and the first pause between them; it doubles, with jitter so that processes spread.
TRIES = 3
FIRST_PAUSE_SECONDS = 0.2
# Answers of the API are a few KB; the longest list (10,000 openids) is under 400 KB.
MAX_ANSWER_BYTES = 1024 * 1024
# A video of 10 MB over a slow line of 2 Mbit/s; it is read in pieces that cost no memory.
UPLOAD_SECONDS, PIECE_BYTES = 60.0, 64 * 1024
# Calls of one process at once; the platform's own limits are thousands a minute.
MAX_CALLS = 32
# Of these nothing was sent: nobody listens there, or the name leads nowhere.
NO_CONNECTION = (ConnectionRefusedError, socket.gaierror)


@dataclass(frozen=True)
class Upload:
    """A file that goes along as multipart/form-data, read as it is sent. `fields`: texts beside it."""

    path: Path
    name: str
    content_type: str
    field: str = "media"
    fields: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def request(self, headers: Mapping[str, str]) -> dict[str, Any]:
        """What an HTTPRequest needs to send it. Raises OSError where the file is gone."""
        boundary = secrets.token_hex(16)
        parts = [f'Content-Disposition: form-data; name="{name}"\r\n\r\n{text}' for name, text in self.fields.items()]
        parts.append(f'Content-Disposition: form-data; name="{self.field}"; filename="{_quoted(self.name)}"\r\n'
                     f"Content-Type: {self.content_type}\r\n\r\n")
        head = "\r\n".join(f"--{boundary}\r\n{part}" for part in parts).encode()
        tail = f"\r\n--{boundary}--\r\n".encode()

        async def produce(write: Callable[[bytes], Awaitable[None]]) -> None:
            await write(head)
            with await asyncio.to_thread(self.path.open, "rb") as file:
                while piece := await asyncio.to_thread(file.read, PIECE_BYTES):
                    await write(piece)
            await write(tail)

        length = len(head) + self.path.stat().st_size + len(tail)
        return {"body_producer": produce, "request_timeout": UPLOAD_SECONDS, "headers": {
            **headers, "Content-Type": f"multipart/form-data; boundary={boundary}", "Content-Length": str(length)}}


@dataclass(frozen=True)
class Fetched:
    """An answer: its fields where it is JSON, and its bytes."""

    fields: dict[str, Any]
    body: bytes
    headers: HTTPHeaders


class Sealing(Protocol):
    """Signed and encrypted calls, as signing.py makes them."""

    def takes(self, method: str, path: str) -> bool: ...
    def seal(self, url: str, params: Mapping[str, Any], body: bytes, now: float) -> tuple[bytes, dict[str, str]]: ...
    def open(self, url: str, headers: Mapping[str, str], body: bytes, now: float) -> bytes: ...


class Transport:
    """`base_url` is the platform's address, or the sandbox's, without a trailing slash. Made inside the running loop."""

    def __init__(self, base_url: str, redis: RedisClient, metrics: Metrics, clock: Clock, *,
                 answer_seconds: float = ANSWER_SECONDS, signer: Sealing | None = None, proxy: str = "") -> None:
        self._signer = signer
        self.base_url = base_url.rstrip("/")
        self._redis = redis
        self._metrics = metrics
        self._clock = clock
        self._answer_seconds = answer_seconds
        self._http = outbound.client(proxy, max_clients=MAX_CALLS, max_body_size=MAX_ANSWER_BYTES)
        self._spent_until: dict[tuple[str, str], float] = {}

    def close(self) -> None:
        self._http.close()

    async def call(self, appid: str, method: str, path: str, params: dict[str, Any], body: bytes | Upload | None = None, *,
                   may_repeat: bool, headers: dict[str, str] | None = None) -> dict[str, Any]:
        """The platform's JSON answer of `/path` for an account. Raises WeChatError by errcode, PlatformUnreachable, QuotaSpent."""
        answer: dict[str, Any] = (await self.fetch(appid, method, path, params, body, may_repeat=may_repeat, headers=headers)).fields
        return answer

    async def fetch(self, appid: str, method: str, path: str, params: dict[str, Any], body: bytes | Upload | None = None, *,
                    may_repeat: bool, headers: dict[str, str] | None = None, binary: bool = False) -> Fetched:
        """The same; `binary`: what the platform answers may be a file, and is JSON only where it refuses."""
        await self._check_quota(appid, path)
        for attempt in range(TRIES if may_repeat else 1):
            if attempt:
                await asyncio.sleep(FIRST_PAUSE_SECONDS * 2 ** (attempt - 1) * random.uniform(0.5, 1.5))
            try:
                return await self._once(method, path, params, body, headers or {}, binary)
            except PlatformBusy as error:
                if not attempt or not isinstance(error, PlatformNotAsked):  # an earlier try may have arrived
                    failure: WeChatError = error
            except QuotaSpent as error:
                await self._shut(appid, path)
                raise QuotaSpent(error.errcode, retry_after_seconds=_seconds_to_midnight(self._clock()), rid=error.rid) from None
        raise failure

    async def _once(self, method: str, path: str, params: dict[str, Any], body: bytes | Upload | None, headers: dict[str, str],
                    binary: bool) -> Fetched:
        signer: Sealing | None = None
        if self._signer and not binary and not isinstance(body, Upload) and self._signer.takes(method, path):
            signer = self._signer
            # What stands in the address beside the token is sealed too.
            inside = {name: value for name, value in params.items() if name != "access_token"}
            body, signed = await asyncio.to_thread(signer.seal, f"{self.base_url}/{path}", inside, body or b"", self._clock())
            params, headers = {name: params[name] for name in params if name not in inside}, headers | signed
        more: dict[str, Any] = {"body": body, "headers": headers, "request_timeout": self._answer_seconds}
        if isinstance(body, Upload):
            more = body.request(headers)
        elif body is not None:
            more["headers"] = {"Content-Type": "application/json; charset=UTF-8", **headers}
        request = HTTPRequest(f"{self.base_url}/{path}?{urlencode(params)}", method=method.upper(), connect_timeout=CONNECT_SECONDS,
                              follow_redirects=False, allow_nonstandard_methods=True, **more)
        loop = asyncio.get_running_loop()
        started = loop.time()
        try:
            response = await self._http.fetch(request)
            content = response.body
            if signer:
                content = await asyncio.to_thread(signer.open, f"{self.base_url}/{path}", response.headers, content, self._clock())
            answer, errcode = _file_or_fields(response) if binary else _decode(content)
        except (HTTPClientError, OSError, ValueError, RecursionError) as error:
            # A redirect is an HTTPClientError of its own here. The cause is left out: it may hold the address.
            self._metrics.record("platform_called_total", "unreachable")
            logger.warning("no answer from the platform for %s: %s", path, _words(error))
            raise (PlatformNotAsked if isinstance(error, NO_CONNECTION) else PlatformUnreachable)() from None
        except AnswerUntrusted:
            self._metrics.record("platform_called_total", "unreachable")
            raise
        finally:
            self._metrics.observe("platform_answered_seconds", loop.time() - started)
        self._metrics.record("platform_called_total", "refused" if errcode else "ok")
        if errcode:
            refusal = error_of(errcode, str(answer.get("errmsg", "")), path)
            if isinstance(refusal, AlreadySent):
                refusal.msg_id = str(answer.get("msg_id") or "")
            logger.warning("the platform refused %s: errcode %d, rid %s", path, errcode, refusal.rid or "-")
            raise refusal
        return Fetched(answer, content, response.headers)

    async def _check_quota(self, appid: str, path: str) -> None:
        """Fails open: without Redis only this process's own knowledge counts."""
        now = self._clock()
        try:
            until = await self._redis.hget(keys.platform_quota(appid), path)
            if until is None or now >= int(until):
                self._spent_until.pop((appid, path), None)  # it is past midnight, or somebody cleared the quota
                return
        except (RedisError, OSError) as error:
            logger.warning("spent quotas cannot be read: %s", type(error).__name__)
            if now >= self._spent_until.get((appid, path), 0.0):
                return
        raise QuotaSpent(45009, retry_after_seconds=_seconds_to_midnight(now))

    async def _shut(self, appid: str, path: str) -> None:
        now = self._clock()
        logger.error("the daily quota of %s is spent; no more calls until midnight", path)
        until = int(now) + _seconds_to_midnight(now)
        self._spent_until[appid, path] = until
        try:
            await self._redis.hset(keys.platform_quota(appid), path, until)
            await self._redis.expire(keys.platform_quota(appid), _seconds_to_midnight(now))
        except (RedisError, OSError) as error:
            logger.warning("a spent quota cannot be told to other processes: %s", type(error).__name__)

    async def shut_paths(self, appid: str) -> set[str]:
        """The endpoints of an account that are shut now. Fails open: without Redis those that this process knows of."""
        now = self._clock()
        own = {path for (of, path), until in self._spent_until.items() if of == appid and now < until}
        try:
            told = await self._redis.hgetall(keys.platform_quota(appid))
        except (RedisError, OSError) as error:
            logger.warning("spent quotas cannot be read: %s", type(error).__name__)
            return own
        return {path.decode() for path, until in told.items() if now < int(until)}

    async def open_again(self, appid: str, paths: set[str]) -> None:
        """Let calls through again, in every process: their quota was cleared. Fails open: other processes try at the latest at midnight."""
        for path in paths:
            self._spent_until.pop((appid, path), None)
        try:
            if paths:
                await self._redis.hdel(keys.platform_quota(appid), *paths)
        except (RedisError, OSError) as error:
            logger.warning("a cleared quota cannot be told to other processes: %s", type(error).__name__)


def _quoted(name: str) -> str:
    return re.sub(r'[\x00-\x1f"\\\x7f]', "_", name)


def _file_or_fields(response: HTTPResponse) -> tuple[dict[str, Any], int]:
    """A refusal comes as JSON where a file was asked for, and not always with the content type that says so."""
    content_type = response.headers.get("Content-Type", "")
    if response.body[:1] == b"{" or "json" in content_type or content_type.startswith("text/"):
        return _decode(response.body)
    return {}, 0


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
