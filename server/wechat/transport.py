"""One HTTP call to the platform: time limits, no redirects, raw UTF-8, and the errcode policy's part that needs no token.

Failure policy: closed. A call that did not succeed raises a WeChatError; only calls that may be repeated are tried
again, at most three times, when the platform is busy or does not answer.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import msgspec
from tornado.httpclient import AsyncHTTPClient, HTTPClientError, HTTPRequest

from server.wechat.errors import PlatformBusy, PlatformUnreachable, error_of

logger = logging.getLogger(__name__)

# The platform answers in some 100 ms; a callback has 4.5 s in all, so one call may not take longer than this.
CONNECT_SECONDS, REQUEST_SECONDS = 2.0, 4.0
# Tries of a call that may be repeated, and the first pause; each next pause is twice as long, with jitter.
TRIES, PAUSE_SECONDS = 3, 0.2
# More calls at once than a callback burst needs; the platform limits by the minute anyhow.
MAX_CLIENTS = 32
# JSON answers are small; a list of followers is 10,000 openids.
MAX_ANSWER_BYTES = 1024 * 1024


class Transport:
    """`base_url` is the platform's, or the sandbox's."""

    def __init__(self, base_url: str) -> None:
        self._base_url = base_url.rstrip("/")
        self._client: AsyncHTTPClient | None = None

    async def call(self, method: str, path: str, params: Mapping[str, Any], body: Any = None, *,
                   repeatable: bool = False) -> dict[str, Any]:
        """The JSON answer of a call whose errcode is 0 or missing. Raises WeChatError."""
        tries = TRIES if repeatable else 1
        for attempt in range(tries):
            try:
                return await self._once(method, path, params, body)
            except PlatformBusy as error:
                if attempt == tries - 1:
                    raise
                logger.info("%s is asked again after %s", path, error.code)
                await asyncio.sleep(PAUSE_SECONDS * 2 ** attempt * (1 + random.random()))
        raise AssertionError("unreachable")

    async def _once(self, method: str, path: str, params: Mapping[str, Any], body: Any) -> dict[str, Any]:
        if self._client is None:  # it belongs to the running loop
            self._client = AsyncHTTPClient(force_instance=True, max_clients=MAX_CLIENTS, defaults={"user_agent": "wenming"},
                                           max_body_size=MAX_ANSWER_BYTES)
        # \uXXXX escapes are refused by some endpoints (40033): msgspec writes raw UTF-8.
        data = None if method == "GET" else body if isinstance(body, bytes) else msgspec.json.encode(body if body is not None else {})
        request = HTTPRequest(f"{self._base_url}{path}?{urlencode(dict(params))}", method, body=data, follow_redirects=False,
                              connect_timeout=CONNECT_SECONDS, request_timeout=REQUEST_SECONDS, decompress_response=False,
                              headers={"Content-Type": "application/json"} if data is not None else None)
        try:
            response = await self._client.fetch(request)
            answer = msgspec.json.decode(response.body)
        except (HTTPClientError, OSError, TimeoutError, msgspec.DecodeError) as error:
            # No traceback and no text of the error: they quote the address, which holds a token.
            logger.warning("%s could not be called: %s", path, type(error).__name__)
            raise PlatformUnreachable() from None
        if not isinstance(answer, dict):
            raise PlatformUnreachable()
        errcode = int(answer.get("errcode", 0) or 0)
        if errcode:
            logger.warning("%s refused with errcode %d", path, errcode)
            raise error_of(errcode)
        return answer

    def close(self) -> None:
        if self._client is not None:
            self._client.close()
