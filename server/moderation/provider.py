"""A moderation provider over HTTP, in a shape of our own, so that any service stands behind a small adapter of the city's.

We send `POST WENMING_MODERATION_URL`, JSON in UTF-8, `X-Wenming-Signature: sha256=<hex>`: HMAC-SHA256 of the body's bytes under
WENMING_MODERATION_KEY:
    {"id": "3f…:message", "text": "祖国万岁", "kind": "message"}
`id` names the text, the same at every repetition, and tells nobody whose it is; `kind` is message, or name (a person's own name).
The answer, with status 200:
    {"verdict": "pass", "labels": []}
`verdict` is pass, review or block; `labels` are words for the reviewer, such as 广告: ten at most, of 32 characters. Who finds the
signature wrong answers 401 or 403. No redirect is followed, and nothing but this is sent: no openid, no number, no address.

Failure policy: each try has 3 s and there are two; what fails in both is asked again later, which leaves the text to people; after five
failures in a row nobody asks for half a minute, then one does.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
import random
from typing import Literal

import msgspec
from tornado.httpclient import HTTPClientError, HTTPRequest

from server import outbound
from server.clock import Clock
from server.moderation.verdict import NotYet, Piece, Source, Verdict

logger = logging.getLogger(__name__)

SIGNATURE_HEADER = "X-Wenming-Signature"
# Providers answer in 200 ms; the job has time, but a silent one must not hold up texts that others would judge.
ANSWER_SECONDS, CONNECT_SECONDS = 3.0, 2.0
TRIES, PAUSE_SECONDS = 2, 0.2
BREAKS_AFTER, BROKEN_SECONDS = 5, 30.0
MAX_ANSWER_BYTES = 64 * 1024
MAX_LABELS, MAX_LABEL_CHARACTERS = 10, 32
# More than are asked at once (server/moderation/service.py), so that none waits in the client and loses its 3 s.
MAX_CALLS = 32


class Answer(msgspec.Struct):
    verdict: Literal["pass", "review", "block"]
    labels: list[str] = []


class Failed(Exception):
    """No verdict came; `again`: at once asking again may help."""

    def __init__(self, words: str, *, again: bool) -> None:
        self.again = again
        super().__init__(words)


class Breaker:
    """After some failures in a row nobody asks for a while, then one; its answer decides for all."""

    def __init__(self) -> None:
        self._failures = 0
        self._closed_from = 0.0

    def admits(self, now: float) -> bool:
        if self._failures < BREAKS_AFTER:
            return True
        if now < self._closed_from:
            return False
        self._closed_from = now + BROKEN_SECONDS  # this one tries; the others go on waiting for what it finds
        return True

    def failed(self, now: float) -> None:
        self._failures += 1
        self._closed_from = now + BROKEN_SECONDS

    def succeeded(self) -> None:
        self._failures = 0


class Provider:
    """Made inside the running loop."""

    source: Source = "provider"

    def __init__(self, url: str, key: str, clock: Clock, *, answer_seconds: float = ANSWER_SECONDS, proxy: str = "") -> None:
        self._url = url
        self._key = key.encode()
        self._clock = clock
        self._answer_seconds = answer_seconds
        self._breaker = Breaker()
        self._http = outbound.client(proxy, max_clients=MAX_CALLS, max_body_size=MAX_ANSWER_BYTES)

    async def close(self) -> None:
        self._http.close()

    async def look(self, piece: Piece) -> Verdict:
        if not self._breaker.admits(self._clock()):
            raise NotYet(BROKEN_SECONDS)
        body = msgspec.json.encode({"id": piece.id, "text": piece.text, "kind": piece.part})
        for attempt in range(TRIES):
            if attempt:
                await asyncio.sleep(PAUSE_SECONDS * random.uniform(0.5, 1.5))
            try:
                answer = await self._ask(body)
            except Failed as failure:
                logger.warning("no verdict of the moderation provider: %s", failure)
                if not failure.again:
                    break
            else:
                self._breaker.succeeded()
                return Verdict(self.source, piece.part, answer.verdict, tuple(filter(None, map(_label, answer.labels[:MAX_LABELS]))))
        self._breaker.failed(self._clock())
        raise NotYet(BROKEN_SECONDS)

    async def _ask(self, body: bytes) -> Answer:
        """Raises Failed. The cause is left out: it may hold the address with a secret of the provider's in it."""
        headers = {"Content-Type": "application/json; charset=UTF-8", SIGNATURE_HEADER: signed(self._key, body)}
        request = HTTPRequest(self._url, "POST", headers, body, connect_timeout=CONNECT_SECONDS, request_timeout=self._answer_seconds,
                              follow_redirects=False)
        try:
            response = await self._http.fetch(request)
            return msgspec.json.decode(response.body, type=Answer)
        except HTTPClientError as error:
            raise Failed(f"HTTP {error.code}", again=error.code >= 500) from None
        except (OSError, ValueError, RecursionError) as error:
            # What msgspec refuses is a ValueError.
            raise Failed(type(error).__name__, again=isinstance(error, OSError)) from None


def signed(key: bytes, body: bytes) -> str:
    return "sha256=" + hmac.new(key, body, hashlib.sha256).hexdigest()


def _label(text: str) -> str:
    return "".join(filter(str.isprintable, text)).strip()[:MAX_LABEL_CHARACTERS]
