"""The intake port: salutes alone, on a protocol of its own, because two million people come at once.

Owns: HTTP/1.1 for one route (`POST /api/v1/campaigns/{slug}/participations`), its limits and timeouts.
Does not own any rule: what a salute asks is read as at the web port, and the counting service answers both.
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
from collections.abc import Callable
from functools import lru_cache, partial
from typing import TYPE_CHECKING, cast

import httptools
import msgspec

from handlers.base import COOKIE, MAX_BODY_BYTES, as_wenming_error, error_body, new_request_id
from handlers.origins import Origins
from handlers.participations import read_ask, record_view
from server.counting import Taken
from server.errors import BodyTooLarge, MethodNotAllowed, NotFound, Refusal, WenmingError

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

# So long at a time the intake reads requests, then the loop turns: answers of Redis, live frames and the ledger wait no longer
# than this. Some 250 salutes, half a batch.
TURN_SECONDS = 0.005
# Where nothing was read for so long, the loop has turned meanwhile. Reading one request takes a fiftieth of it.
NEW_TURN_SECONDS = 0.001
# Read at once at most: some hundred pipelined requests at the worst, where a socket may bring 256 KB.
PIECE_BYTES = 8 * 1024
# A client that sends more than this ahead of its turn waits.
MAX_HELD_BYTES = 64 * 1024
# One request with everything around it, such as the sizes of a body in chunks of a byte. The parser tells of a header field only when
# the whole of it has come, so that an endless one is seen here alone.
MAX_REQUEST_BYTES = MAX_HEADER_BYTES + 8 * MAX_BODY_BYTES

REASONS = {200: b"OK", 201: b"Created", 400: b"Bad Request", 401: b"Unauthorized", 403: b"Forbidden", 404: b"Not Found",
           405: b"Method Not Allowed", 409: b"Conflict", 413: b"Content Too Large", 422: b"Unprocessable Content",
           431: b"Request Header Fields Too Large", 500: b"Internal Server Error", 503: b"Service Unavailable"}

_encode = msgspec.json.Encoder().encode


class Exchange:
    """One request of a connection, and its answer once there is one. The values here stand until the request says otherwise."""

    path = b""
    authorization: str | None = None
    cookie: str | None = None
    origin: str | None = None
    body = b""
    header_bytes = 0
    expects = False
    keep_alive = True
    received_at = 0.0  # monotonic
    answer: bytes | None = None


def _authorization(exchange: Exchange, value: bytes) -> None:
    exchange.authorization = value.decode("latin-1")


def _origin(exchange: Exchange, value: bytes) -> None:
    exchange.origin = value.decode("latin-1")


def _cookie(exchange: Exchange, value: bytes) -> None:
    for part in value.decode("latin-1").split(";"):
        name, equals, found = part.strip().partition("=")
        if equals and name == COOKIE:
            exchange.cookie = found
            return


def _expect(exchange: Exchange, value: bytes) -> None:
    exchange.expects = value.lower() == b"100-continue"


def _content_length(exchange: Exchange, value: bytes) -> None:
    if value.isdigit() and int(value) > MAX_BODY_BYTES:
        raise BodyTooLarge()


ReadHeader = Callable[[Exchange, bytes], None]
READ: dict[bytes, ReadHeader] = {b"authorization": _authorization, b"origin": _origin, b"cookie": _cookie, b"expect": _expect,
                                 b"content-length": _content_length}
# By name as browsers and nginx write it, also what nobody here reads (None); any other spelling is found in small letters.
HEADERS: dict[bytes, ReadHeader | None] = {
    spelling: READ.get(name.lower()) for name in (
        b"Authorization", b"Origin", b"Cookie", b"Expect", b"Content-Length", b"Host", b"User-Agent", b"Accept", b"Accept-Language",
        b"Accept-Encoding", b"Content-Type", b"Connection", b"X-Real-IP", b"X-Forwarded-For", b"X-Forwarded-Proto", b"Referer")
    for spelling in (name, name.lower())}


class HeadersTooLarge(Refusal):
    status = 431
    code = "HEADERS_TOO_LARGE"
    message = "请求头过大"


class IntakeProtocol(asyncio.Protocol):
    """One connection."""

    def __init__(self, intake: Intake) -> None:
        self._intake = intake
        self._parser = httptools.HttpRequestParser(self)
        self._exchange = Exchange()
        self._unanswered: deque[Exchange] = deque()
        self._transport: asyncio.Transport | None = None
        self._can_write = True
        self._is_reading = True
        self._closing = False
        self._held: deque[bytes] = deque()  # received and to be read in a later turn; b"" is the end of what comes
        self._held_bytes = 0
        self._in_line_since = 0.0  # monotonic, for a turn of the intake; 0: not in line
        self._received_at = 0.0  # monotonic, of what is being read
        self._reading_since = 0.0  # monotonic; 0: between requests
        self._request_bytes = 0  # of the request being read, but for the piece that it began in
        self._quiet_since = time.monotonic()
        self._stuck_since = 0.0  # monotonic; 0: the client reads its answers

    # asyncio

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's own class, which names no base
        self._intake.connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._intake.connections.discard(self)
        self._transport = None
        self._unanswered.clear()
        self._held.clear()

    def eof_received(self) -> bool:
        """A client that closed its half still gets what it asked for."""
        if self._held:
            self._hold(b"")
            return True
        self._closing = True
        return bool(self._unanswered)

    def pause_writing(self) -> None:
        self._can_write = False
        self._stuck_since = time.monotonic()

    def resume_writing(self) -> None:
        self._can_write = True
        self._stuck_since = 0.0
        self._flush()

    def data_received(self, data: bytes) -> None:
        now = time.monotonic()
        if not self._held and len(data) <= PIECE_BYTES and not self._is_full and self._intake.has_time(now):
            self._read(now, data)
            return
        for start in range(0, len(data), PIECE_BYTES):
            self._hold(data[start:start + PIECE_BYTES])

    # in turns

    @property
    def _is_full(self) -> bool:
        return len(self._unanswered) >= MAX_PIPELINED

    def _hold(self, data: bytes) -> None:
        self._held.append(data)
        self._held_bytes += len(data)
        self._line_up()

    def _line_up(self) -> None:
        """Where something is held and may be read: whoever waits for her own answers is not in the line of the crowd."""
        if self._held and not self._is_full and not self._in_line_since:
            self._in_line_since = time.monotonic()
            self._intake.line_up(self)
        self._read_or_pause()

    def take_turn(self) -> None:
        """Read the next piece of what is held."""
        since, self._in_line_since = self._in_line_since, 0.0
        if self._held:
            data = self._held.popleft()
            self._held_bytes -= len(data)
            self._read(since, data)
            self._line_up()

    def _read(self, received_at: float, data: bytes) -> None:
        if self._closing or self._transport is None:
            return
        if not data:
            self._closing = True
            self._flush()
            return
        self._received_at = received_at
        exchange = self._exchange if self._reading_since else None
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._refuse(Refusal("BAD_REQUEST", "请求格式不对"))
        except httptools.HttpParserError as error:
            cause = error.__context__
            self._refuse(cause if isinstance(cause, WenmingError) else Refusal("BAD_REQUEST", "请求格式不对"))
        if self._reading_since and self._exchange is exchange:
            self._request_bytes += len(data)
            if self._request_bytes > MAX_REQUEST_BYTES and not self._closing:
                self._refuse(HeadersTooLarge())

    # httptools

    def on_message_begin(self) -> None:
        self._exchange = Exchange()
        self._reading_since = self._received_at
        self._request_bytes = 0

    def on_url(self, url: bytes) -> None:
        exchange = self._exchange
        exchange.path += url
        exchange.header_bytes += len(url)
        if exchange.header_bytes > MAX_HEADER_BYTES:
            raise HeadersTooLarge()

    def on_header(self, name: bytes, value: bytes) -> None:
        exchange = self._exchange
        exchange.header_bytes += len(name) + len(value)
        if exchange.header_bytes > MAX_HEADER_BYTES:
            raise HeadersTooLarge()
        try:
            read = HEADERS[name]
        except KeyError:
            read = READ.get(name.lower())
        if read is not None:
            read(exchange, value)

    def on_headers_complete(self) -> None:
        if self._exchange.expects and self._transport:
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        exchange = self._exchange
        exchange.body += body
        if len(exchange.body) > MAX_BODY_BYTES:
            raise BodyTooLarge()

    def on_message_complete(self) -> None:
        exchange = self._exchange
        self._reading_since = 0.0
        exchange.received_at = self._received_at
        exchange.keep_alive = self._parser.should_keep_alive()
        self._unanswered.append(exchange)
        if not exchange.keep_alive:
            self._closing = True
        self._take(exchange, self._parser.get_method())

    # answers

    def _take(self, exchange: Exchange, method: bytes) -> None:
        intake = self._intake
        try:
            # Before anything is done for it: a refusal must cost far less than a salute, or refusing would not help.
            intake.services.counting.admission.check(time.monotonic() - exchange.received_at)
            slug = slug_in(exchange.path)
            if not slug:
                raise NotFound()
            if method == b"POST":
                now = intake.clock()
                ask = read_ask(intake.services, slug, exchange.authorization, exchange.cookie, exchange.body, now)
                intake.services.counting.begin(ask, now, partial(self._answer, exchange))
            elif method == b"OPTIONS":
                self._finish(exchange, 204, _no_content(exchange.keep_alive, intake.origins.headers(exchange.origin)))
            else:
                raise MethodNotAllowed()
        except WenmingError as error:
            self._answer_error(exchange, error, is_head=method == b"HEAD")
        except Exception as error:
            logger.exception("a request failed")
            self._answer_error(exchange, error)

    def _answer(self, exchange: Exchange, outcome: Taken | Exception) -> None:
        """The reply of a salute."""
        if isinstance(outcome, Exception):
            if as_wenming_error(outcome, 500).status == 500:
                logger.error("a salute failed", exc_info=outcome)
            self._answer_error(exchange, outcome)
            return
        allowed = self._intake.origins.headers(exchange.origin)
        self._finish(exchange, outcome.status, _response(outcome.status, _encode(record_view(outcome)), exchange.keep_alive, allowed))

    def _answer_error(self, exchange: Exchange, error: Exception, is_head: bool = False) -> None:
        known = as_wenming_error(error, 500)
        allowed = self._intake.origins.headers(exchange.origin)
        self._finish(exchange, known.status, _error(known, exchange.keep_alive, allowed, is_head))

    def _refuse(self, error: WenmingError) -> None:
        """Answer what cannot be read further, after everything before it, and close."""
        self._closing = True
        exchange = Exchange()
        exchange.received_at, exchange.keep_alive = self._received_at, False
        self._unanswered.append(exchange)
        self._finish(exchange, error.status, _error(error, keep_alive=False))

    def _finish(self, exchange: Exchange, status: int, answer: bytes) -> None:
        exchange.answer = answer
        self._quiet_since = now = time.monotonic()
        self._intake.answered(status, now - exchange.received_at)
        self._flush()

    def _flush(self) -> None:
        """Write what is answered, as far as everything before it is."""
        transport, unanswered = self._transport, self._unanswered
        if transport is None or not self._can_write:
            return
        while unanswered and (answer := unanswered[0].answer) is not None:
            transport.write(answer)
            unanswered.popleft()
        if self._closing and not unanswered:
            transport.close()
        elif self._held or not self._is_reading:
            self._line_up()

    def _read_or_pause(self) -> None:
        """A client that sends faster than it is answered waits."""
        wanted = self._held_bytes <= MAX_HELD_BYTES
        if wanted == self._is_reading or self._transport is None or self._transport.is_closing():
            return
        self._is_reading = wanted
        if wanted:
            self._transport.resume_reading()
        else:
            self._transport.pause_reading()

    # the house-keeping of Intake

    def check(self, now: float) -> None:
        """Cut a connection that sends or reads too slowly, or has been quiet for too long."""
        transport = self._transport
        if transport is None:
            return
        slow = self._reading_since and now - self._reading_since > REQUEST_TIMEOUT_SECONDS
        stuck = self._stuck_since and now - self._stuck_since > REQUEST_TIMEOUT_SECONDS
        idle_seconds = 0.0 if self._reading_since or self._unanswered or self._held else now - self._quiet_since
        # What was closed a while ago and is still here has a client that does not take its last answer.
        if slow or stuck or idle_seconds > IDLE_TIMEOUT_SECONDS + REQUEST_TIMEOUT_SECONDS or (
                transport.is_closing() and now - self._quiet_since > REQUEST_TIMEOUT_SECONDS):
            transport.abort()
        elif idle_seconds > IDLE_TIMEOUT_SECONDS:
            transport.close()

    def finish(self) -> None:
        """Close once what was accepted is answered."""
        if self._held:
            self._hold(b"")
            return
        self._closing = True
        if not self._unanswered and self._transport:
            self._transport.close()

    def abort(self) -> None:
        """Hang up, whatever is on its way."""
        if self._transport:
            self._transport.abort()


class Intake:
    """The listening side of the intake port."""

    def __init__(self, services: Services, clock: Callable[[], float], origins: Origins | None = None) -> None:
        self.services = services
        self.clock = clock
        self.origins = origins or Origins()
        self.connections: set[IntakeProtocol] = set()
        # Found once: each request adds to them.
        self._answered = {number: services.metrics.series("requests_answered_total", f"{number}xx") for number in range(1, 6)}
        self._served_seconds = services.metrics.buckets("requests_served_seconds")
        self._line: deque[IntakeProtocol] = deque()
        self._turns_are_called = False
        self._turn_began = self._last_read = float("-inf")
        self._server: asyncio.Server | None = None
        self._checker: asyncio.Task[None] | None = None

    async def listen(self, host: str, port: int, *, reuse_port: bool = False) -> int:
        """Listen; returns the port in use."""
        self._server = await asyncio.get_running_loop().create_server(
            lambda: IntakeProtocol(self), host, port, backlog=4096, reuse_port=reuse_port)
        self._checker = asyncio.create_task(self._check())
        listening: int = self._server.sockets[0].getsockname()[1]
        return listening

    def has_time(self, now: float) -> bool:
        """Whether what comes now may be read at once: nobody stands in line, and this turn of the loop is not used up."""
        if now - self._last_read > NEW_TURN_SECONDS:
            self._turn_began = now
        self._last_read = now
        return not self._line and now - self._turn_began <= TURN_SECONDS

    def line_up(self, connection: IntakeProtocol) -> None:
        """The connection gets a turn after all who came before it."""
        self._line.append(connection)
        self._call_turns()

    def _call_turns(self) -> None:
        if not self._turns_are_called:
            self._turns_are_called = True
            asyncio.get_running_loop().call_soon(self._take_turns)

    def _take_turns(self) -> None:
        self._turn_began = now = time.monotonic()
        try:
            while self._line and now - self._turn_began <= TURN_SECONDS:
                self._line.popleft().take_turn()
                self._last_read = now = time.monotonic()
        finally:  # whatever happened to one, the others get theirs
            self._turns_are_called = False
            if self._line:
                self._call_turns()

    def answered(self, status: int, seconds: float) -> None:
        """Access figures, in place of access lines."""
        self._answered[status // 100].value += 1
        self._served_seconds.add(seconds)

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
        for connection in list(self.connections):
            connection.abort()


@lru_cache(maxsize=64)  # the campaigns of a city; what else is asked for passes through
def slug_in(path: bytes) -> str:
    """The campaign that a path names, "" for any other path."""
    match = PATH.match(path)
    return match[1].decode() if match else ""


_HEADS = {status: b"HTTP/1.1 %d %s\r\nContent-Type: application/json; charset=UTF-8\r\nCache-Control: no-store\r\nContent-Length: "
          % (status, reason) for status, reason in REASONS.items()}


def _response(status: int, body: bytes, keep_alive: bool, extra: bytes = b"") -> bytes:
    """`status` is one of REASONS."""
    return b"%b%d\r\n%b%b\r\n%b" % (_HEADS[status], len(body), extra, b"" if keep_alive else b"Connection: close\r\n", body)


def _no_content(keep_alive: bool, extra: bytes) -> bytes:
    return b"HTTP/1.1 204 No Content\r\nAllow: POST, OPTIONS\r\n%b%b\r\n" % (extra, b"" if keep_alive else b"Connection: close\r\n")


def _error(error: WenmingError, keep_alive: bool, extra: bytes = b"", is_head: bool = False) -> bytes:
    request_id = new_request_id()
    extra += b"X-Request-Id: %b\r\n" % request_id.encode()
    if error.retry_after_seconds is not None:
        extra += b"Retry-After: %d\r\n" % error.retry_after_seconds
    if error.status == 405:
        extra += b"Allow: POST, OPTIONS\r\n"
    response = _response(error.status, error_body(error, request_id), keep_alive, extra)
    return response[:response.index(b"\r\n\r\n") + 4] if is_head else response
