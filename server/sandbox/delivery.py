"""Sending a callback: five seconds, three tries, the same bytes each time.

Owns: the tries and what counts as an answer.
Does not own: what the callback says.
Invariant: an answer of any kind ends the tries; only silence (no connection, cut, or five seconds) leads to another.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Any

from tornado.httpclient import AsyncHTTPClient, HTTPClientError, HTTPRequest
from tornado.simple_httpclient import SimpleAsyncHTTPClient

from server.sandbox.callbacks import Callback, ReplyError, read_reply

CUT_SECONDS = 5.0
TRIES = 3
# Callbacks under way at once: more than any test sends, so that none waits here and loses its five seconds.
MAX_CLIENTS = 2000
# An answer longer than this is not a reply.
MAX_REPLY_BYTES = 256 * 1024
OUT_OF_ORDER = "该公众号暂时无法提供服务，请稍后再试"


@dataclass
class Outcome:
    """What became of one callback."""

    reply: dict[str, Any] | None
    tries: int
    status: int | None
    error: str | None
    seconds: float

    def view(self) -> dict[str, Any]:
        return {"reply": self.reply, "tries": self.tries, "status": self.status, "error": self.error,
                "shown": OUT_OF_ORDER if self.error else None, "seconds": round(self.seconds, 3)}


class Delivery:
    """Sends callbacks. `cut_seconds` is the platform's five; tests of the tries may shorten it."""

    def __init__(self, cut_seconds: float = CUT_SECONDS) -> None:
        self._client: AsyncHTTPClient = SimpleAsyncHTTPClient(
            force_instance=True, max_clients=MAX_CLIENTS, max_body_size=MAX_REPLY_BYTES)
        self._cut_seconds = cut_seconds

    def close(self) -> None:
        self._client.close()

    async def send(self, callback: Callback) -> Outcome:
        """Send until there is an answer, at most three times. Never raises for what the product does wrong."""
        began, error, status = time.monotonic(), "", None
        for attempt in range(1, TRIES + 1):
            request = HTTPRequest(
                callback.url, method="POST", body=callback.body, follow_redirects=False, connect_timeout=self._cut_seconds,
                request_timeout=self._cut_seconds, headers={"Content-Type": callback.content_type, "User-Agent": "Mozilla/4.0"})
            try:
                response = await asyncio.wait_for(self._client.fetch(request, raise_error=False), self._cut_seconds + 1)
            except (OSError, HTTPClientError, TimeoutError) as failure:
                error = f"no answer: {failure or type(failure).__name__}"
                continue
            if response.code == 599:  # Tornado's number for a connection that failed, was cut or timed out
                error = f"no answer: {response.error}"
                continue
            status = response.code
            if status != 200:
                return Outcome(None, attempt, status, f"HTTP {status}", time.monotonic() - began)
            try:
                return Outcome(read_reply(callback, response.body or b""), attempt, status, None, time.monotonic() - began)
            except ReplyError as refused:
                return Outcome(None, attempt, status, str(refused), time.monotonic() - began)
        return Outcome(None, TRIES, status, error, time.monotonic() - began)
