"""The intake port: salutes alone, on a protocol of its own, because two million people come at once.

Owns: HTTP/1.1 for one route (`POST /api/v1/campaigns/{slug}/participations`), its limits and timeouts.
Does not own any rule: it answers what `participations.take` answers, as the web port does.
Invariants: answers leave in the order of their requests; a connection holds a bounded number of requests and
bytes; whatever breaks a limit is answered once and closed. It writes no access lines, only figures, and reads no
address: X-Forwarded-For changes nothing here, from whomever it comes.
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections import deque
from collections.abc import Callable, Coroutine
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import httptools
import msgspec

from handlers.base import COOKIE, MAX_BODY_BYTES, as_wenming_error, error_body, new_request_id
from handlers.origins import Origins
from handlers.participations import take
from server.errors import BodyTooLarge, MethodNotAllowed, NotFound, Refusal, Unavailable, WenmingError

if TYPE_CHECKING:
    from server.services import Services

logger = logging.getLogger(__name__)

PATH = re.compile(rb"/api/v1/campaigns/([a-z0-9][a-z0-9-]{0,31})/participations(?:\?.*)?\Z")
# A phone's headers are under 2 KB, cookies of WeChat's browser included.
MAX_HEADER_BYTES = 16 * 1024
# More requests on their way on one connection than any browser or nginx keeps.
MAX_PIPELINED = 64
# A phone on a weak network sends its request within seconds; slower ones are cut (fault table, row 17).
REQUEST_TIMEOUT_SECONDS = 10.0
IDLE_TIMEOUT_SECONDS = 60.0
CHECK_SECONDS = 5.0

REASONS = {200: b"OK", 201: b"Created", 400: b"Bad Request", 401: b"Unauthorized", 403: b"Forbidden", 404: b"Not Found",
           405: b"Method Not Allowed", 409: b"Conflict", 413: b"Content Too Large", 422: b"Unprocessable Content",
           431: b"Request Header Fields Too Large", 500: b"Internal Server Error", 503: b"Service Unavailable"}

STATUS_CLASSES = ("", "1xx", "2xx", "3xx", "4xx", "5xx")

_encode = msgspec.json.Encoder().encode


class Request:
    """What a parsed request needs for its answer."""

    __slots__ = ("authorization", "body", "body_bytes", "cookie", "error", "expects", "header_bytes", "length", "origin", "path")

    def __init__(self) -> None:
        self.path = b""
        self.authorization: str | None = None
        self.cookie: str | None = None
        self.origin: str | None = None
        self.body: list[bytes] = []
        self.body_bytes = 0
        self.header_bytes = 0
        self.length = 0
        self.expects = False
        self.error: WenmingError | None = None


def _authorization(request: Request, value: bytes) -> None:
    request.authorization = value.decode("latin-1")


def _origin(request: Request, value: bytes) -> None:
    request.origin = value.decode("latin-1")


def _cookie(request: Request, value: bytes) -> None:
    for part in value.decode("latin-1").split(";"):
        name, equals, found = part.strip().partition("=")
        if equals and name == COOKIE:
            request.cookie = found
            return


def _expect(request: Request, value: bytes) -> None:
    request.expects = value.lower() == b"100-continue"


def _content_length(request: Request, value: bytes) -> None:
    request.length = int(value) if value.isdigit() else 0


def _nothing(request: Request, value: bytes) -> None:
    """What every browser sends and nobody here reads."""


# By name as browsers and nginx write it; any other spelling is found in small letters.
HEADERS: dict[bytes, Callable[[Request, bytes], None]] = {
    spelling: take_header for name, take_header in (
        (b"Authorization", _authorization), (b"Origin", _origin), (b"Cookie", _cookie), (b"Expect", _expect),
        (b"Content-Length", _content_length), (b"Host", _nothing), (b"User-Agent", _nothing), (b"Accept", _nothing),
        (b"Accept-Language", _nothing), (b"Accept-Encoding", _nothing), (b"Content-Type", _nothing), (b"Connection", _nothing),
        (b"X-Real-IP", _nothing), (b"X-Forwarded-For", _nothing), (b"X-Forwarded-Proto", _nothing), (b"Referer", _nothing))
    for spelling in (name, name.lower())}


class Slot:
    """A place in the line of answers of one connection: when its request was read, and its answer once there is one."""

    __slots__ = ("began", "data", "task")

    def __init__(self, began: float) -> None:
        self.began = began
        self.data: bytes | None = None
        self.task: asyncio.Task[None] | None = None


class HeadersTooLarge(Refusal):
    status = 431
    code = "HEADERS_TOO_LARGE"
    message = "请求头过大"


class IntakeProtocol(asyncio.Protocol):
    """One connection."""

    def __init__(self, intake: Intake) -> None:
        self._intake = intake
        self._parser = httptools.HttpRequestParser(self)
        self._request = Request()
        self._slots: deque[Slot] = deque()
        self._transport: asyncio.Transport | None = None
        self._can_write = True
        self._is_reading = True
        self._closing = False
        self._reading_since = 0.0  # 0: between requests
        self._quiet_since = time.monotonic()

    # asyncio

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's own class, which names no base
        self._intake.connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._intake.connections.discard(self)
        self._transport = None
        self._slots.clear()

    def eof_received(self) -> bool:
        """A client that closed its half still gets what it asked for."""
        self._closing = True
        return bool(self._slots)

    def pause_writing(self) -> None:
        self._can_write = False

    def resume_writing(self) -> None:
        self._can_write = True
        self._flush()

    def data_received(self, data: bytes) -> None:
        if self._closing:
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._refuse(Refusal("BAD_REQUEST", "请求格式不对"))
        except httptools.HttpParserError as error:
            cause = error.__context__
            self._refuse(cause if isinstance(cause, WenmingError) else Refusal("BAD_REQUEST", "请求格式不对"))

    # httptools

    def on_message_begin(self) -> None:
        self._request = Request()
        self._reading_since = time.monotonic()

    def on_url(self, url: bytes) -> None:
        request = self._request
        request.path += url
        request.header_bytes += len(url)
        if request.header_bytes > MAX_HEADER_BYTES:
            raise HeadersTooLarge()

    def on_header(self, name: bytes, value: bytes) -> None:
        request = self._request
        request.header_bytes += len(name) + len(value)
        if request.header_bytes > MAX_HEADER_BYTES:
            raise HeadersTooLarge()
        take_header = HEADERS.get(name) or HEADERS.get(name.lower())
        if take_header is not None:
            take_header(request, value)

    def on_headers_complete(self) -> None:
        request = self._request
        if request.length > MAX_BODY_BYTES:
            request.error = BodyTooLarge()
            raise request.error
        if request.expects and self._transport:
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        request = self._request
        request.body_bytes += len(body)
        if request.body_bytes > MAX_BODY_BYTES:
            raise BodyTooLarge()
        request.body.append(body)

    def on_message_complete(self) -> None:
        self._reading_since = 0.0
        request, method, keep = self._request, self._parser.get_method(), self._parser.should_keep_alive()
        slot = Slot(time.monotonic())
        self._slots.append(slot)
        if not keep:
            self._closing = True
        if len(self._slots) >= MAX_PIPELINED and self._transport:
            self._is_reading = False
            self._transport.pause_reading()
        try:
            # Before anything is done for it: a refusal must cost far less than a salute, or refusing would not help.
            self._intake.services.counting.admission.check()
        except Unavailable as error:
            self._finish(slot, 503, _error(error, keep, self._intake.origins.headers(request.origin)))
        else:
            self._start(slot, request, method, keep)

    # answers

    def _start(self, slot: Slot, request: Request, method: bytes, keep: bool) -> None:
        """Answer the request. Where everything is at hand, the first wait of a salute is that for its batch: then it is run up to
        there at once, and on from there when the batch is counted, without a task of its own (a tenth of its whole time)."""
        match = PATH.match(request.path)
        slug = match[1].decode() if match else ""
        answering = self._answer(slot, request, slug, method, keep)
        if self._intake.services.campaigns.at_hand(slug) is None:
            slot.task = asyncio.get_running_loop().create_task(answering)
        else:
            self._step(slot, answering)

    def _step(self, slot: Slot, answering: Coroutine[asyncio.Future[Any], None, None], waited: asyncio.Future[Any] | None = None) -> None:
        try:
            awaited = answering.send(None)
        except StopIteration:
            return
        awaited._asyncio_future_blocking = False  # as asyncio.Task marks that it has seen to it
        if waited is None:
            awaited.add_done_callback(partial(self._step, slot, answering))
        else:  # a second wait is none of the straight way: a task from here on
            awaited.add_done_callback(lambda done: setattr(slot, "task", asyncio.get_running_loop().create_task(answering)))

    async def _answer(self, slot: Slot, request: Request, slug: str, method: bytes, keep: bool) -> None:
        intake = self._intake
        allowed = intake.origins.headers(request.origin)
        try:
            if not slug:
                raise NotFound()
            if method == b"OPTIONS":
                self._finish(slot, 204, _no_content(keep, allowed))
                return
            if method != b"POST":
                raise MethodNotAllowed()
            status, answer = await take(intake.services, slug, request.authorization, request.cookie,
                                        b"".join(request.body), intake.clock())
            self._finish(slot, status, _response(status, _encode(answer), keep, allowed))
        except Exception as error:
            known = as_wenming_error(error, 500)
            if known.status == 500:
                logger.exception("a salute failed")
            self._finish(slot, known.status, _error(known, keep, allowed, head=method == b"HEAD"))

    def _finish(self, slot: Slot, status: int, data: bytes) -> None:
        slot.data = data
        self._intake.answered(status, slot.began)
        self._flush()

    def _flush(self) -> None:
        """Write what is answered, as far as everything before it is."""
        transport, slots = self._transport, self._slots
        if transport is None or not self._can_write:
            return
        while slots and (data := slots[0].data) is not None:
            transport.write(data)
            slots.popleft()
            self._quiet_since = time.monotonic()
        if self._closing and not slots:
            transport.close()
        elif not self._is_reading and len(slots) < MAX_PIPELINED and not self._closing:
            self._is_reading = True
            transport.resume_reading()

    def _refuse(self, error: WenmingError) -> None:
        """Answer what cannot be read further, after everything before it, and close."""
        self._closing = True
        slot = Slot(time.monotonic())
        self._slots.append(slot)
        self._finish(slot, error.status, _error(error, keep=False))

    # the house-keeping of Intake

    def check(self, now: float) -> None:
        """Cut a connection that sends too slowly or has been quiet for too long."""
        if self._transport is None:
            return
        slow = self._reading_since and now - self._reading_since > REQUEST_TIMEOUT_SECONDS
        idle = not self._reading_since and not self._slots and now - self._quiet_since > IDLE_TIMEOUT_SECONDS
        if slow or idle:
            self._transport.abort() if slow else self._transport.close()

    def finish(self) -> None:
        """Close once what was accepted is answered."""
        self._closing = True
        if not self._slots and self._transport:
            self._transport.close()


class Intake:
    """The listening side of the intake port."""

    def __init__(self, services: Services, clock: Callable[[], float], origins: Origins | None = None) -> None:
        self.services = services
        self.clock = clock
        self.origins = origins or Origins()
        self.connections: set[IntakeProtocol] = set()
        self._server: asyncio.Server | None = None
        self._checker: asyncio.Task[None] | None = None

    async def listen(self, host: str, port: int, *, reuse_port: bool = False) -> int:
        """Listen; returns the port in use."""
        self._server = await asyncio.get_running_loop().create_server(
            lambda: IntakeProtocol(self), host, port, backlog=4096, reuse_port=reuse_port)
        self._checker = asyncio.create_task(self._check())
        listening: int = self._server.sockets[0].getsockname()[1]
        return listening

    def answered(self, status: int, began: float) -> None:
        """Access figures, in place of access lines."""
        self.services.metrics.record("requests_answered_total", STATUS_CLASSES[status // 100])
        self.services.metrics.observe("requests_served_seconds", time.monotonic() - began)

    async def _check(self) -> None:
        while True:
            await asyncio.sleep(CHECK_SECONDS)
            now = time.monotonic()
            for connection in list(self.connections):
                connection.check(now)

    async def close(self, grace_seconds: float = 5.0) -> None:
        """Stop listening, answer what was accepted, close."""
        if self._server is None or self._checker is None:
            return
        self._server.close()
        self._checker.cancel()
        for connection in list(self.connections):
            connection.finish()
        until = time.monotonic() + grace_seconds
        while self.connections and time.monotonic() < until:  # noqa: ASYNC110 many things end it, once in a process's life
            await asyncio.sleep(0.02)


def _response(status: int, body: bytes, keep: bool, extra: bytes = b"") -> bytes:
    return (b"HTTP/1.1 %d %s\r\nContent-Type: application/json; charset=UTF-8\r\nCache-Control: no-store\r\nContent-Length: %d\r\n%s%s\r\n"
            % (status, REASONS.get(status, b"Error"), len(body), extra, b"" if keep else b"Connection: close\r\n")) + body


def _no_content(keep: bool, extra: bytes) -> bytes:
    return b"HTTP/1.1 204 No Content\r\nAllow: POST, OPTIONS\r\n%s%s\r\n" % (extra, b"" if keep else b"Connection: close\r\n")


def _error(error: WenmingError, keep: bool, extra: bytes = b"", head: bool = False) -> bytes:
    request_id = new_request_id()
    extra += b"X-Request-Id: %s\r\n" % request_id.encode()
    if error.retry_after_seconds is not None:
        extra += b"Retry-After: %d\r\n" % error.retry_after_seconds
    if error.status == 405:
        extra += b"Allow: POST, OPTIONS\r\n"
    response = _response(error.status, error_body(error, request_id), keep, extra)
    return response[:response.index(b"\r\n\r\n") + 4] if head else response
