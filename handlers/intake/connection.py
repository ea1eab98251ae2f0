"""One connection of the intake port: bytes into requests, answers into bytes, in the order of the requests.

Owns: HTTP/1.1, its limits and timeouts. Whatever breaks a limit is answered once and closed.
"""

from __future__ import annotations

import asyncio
from collections import deque
from time import monotonic
from typing import TYPE_CHECKING, cast

import httptools
import msgspec

from handlers.base import MAX_BODY_BYTES
from handlers.intake import answers
from server.counting import Taken
from server.errors import BodyTooLarge, Refusal, WenmingError
from server.logs import named
from server.wechat.messages import MAX_BODY_BYTES as MAX_CALLBACK_BYTES

if TYPE_CHECKING:
    from handlers.intake import Intake

# A phone's headers are under 2 KB, cookies of WeChat's browser included. Only whole pieces within them are counted, so that twice as
# much passes where it begins and ends in the middle of a piece.
MAX_HEADER_BYTES = 16 * 1024
READ_FIELDS = frozenset((b"host", b"authorization", b"cookie", b"origin", b"expect", b"content-length", b"x-request-id"))
# Fields that nobody reads, as browsers, HTTP/2 and nginx write them, so that these cost one look.
_UNREAD = (b"User-Agent", b"Accept", b"Accept-Language", b"Accept-Encoding", b"Referer", b"Content-Type", b"Connection",
           b"Cache-Control", b"Pragma", b"X-Real-IP", b"X-Forwarded-For", b"X-Forwarded-Proto", b"X-Requested-With", b"Sec-Fetch-Site",
           b"Sec-Fetch-Mode", b"Sec-Fetch-Dest")
UNREAD_FIELDS = frozenset((*_UNREAD, *map(bytes.lower, _UNREAD)))
# Where the platform calls; its messages are longer than salutes.
CALLBACKS = b"/wechat/"
# More requests on their way on one connection than any browser or nginx keeps.
MAX_PIPELINED = 64
# A phone on a weak network sends its request within seconds; slower ones are cut (fault table, row 17).
REQUEST_TIMEOUT_SECONDS = 10.0
IDLE_TIMEOUT_SECONDS = 60.0
# Read at once at most: some hundred pipelined requests at the worst, where a socket may bring 256 KB.
PIECE_BYTES = 8 * 1024
# A client that sends more than this ahead of its turn waits.
MAX_HELD_BYTES = 64 * 1024
# One request with everything around it, such as the sizes of a body in chunks of a byte. The parser tells of a header field only when
# the whole of it has come, so that an endless one is seen here alone.
MAX_REQUEST_BYTES = MAX_HEADER_BYTES + 8 * MAX_BODY_BYTES


class HeadersTooLarge(Refusal):
    status = 431
    code = "HEADERS_TOO_LARGE"
    message = "请求头过大"


class BadRequest(Refusal):
    status = 400
    code = "BAD_REQUEST"
    message = "请求格式不对"


class Exchange(msgspec.Struct, eq=False):
    """A request that was read whole, and its answer once there is one.

    `received_at`: monotonic. `stays`: what the answer says of the connection, a whole line or nothing.
    """

    connection: Connection
    received_at: float
    stays: bytes
    method: bytes = b""
    path: bytes = b""
    body: bytes = b""
    authorization: bytes | None = None
    cookie: bytes | None = None
    origin: bytes | None = None
    request_id: bytes | None = None  # as it came, until name() is asked
    outcome: Taken | bytes | Exception | None = None
    answer: bytes | None = None

    def name(self) -> str:
        """The request's, for logs and refusals: what came where that may be taken, else one made at the first asking."""
        name = named(self.request_id.decode("latin-1") if self.request_id else None)
        self.request_id = name.encode()
        return name

    def reply(self, outcome: Taken | bytes | Exception) -> None:
        """What became of the salute, or what is said to the platform."""
        self.outcome = outcome
        intake = self.connection.intake
        intake.decided.append(self)
        if not intake.turn_is_called:
            intake.call_turn()


class Connection(asyncio.Protocol):
    def __init__(self, intake: Intake) -> None:
        self.intake = intake
        # Of the request being read. The parser fills path and body by itself, without a call of Python; what a piece brought of the body
        # becomes one.
        self._path: list[bytes] = []
        self._body: list[bytes] = []
        self.on_url, self.on_body = self._path.append, self._body.append
        self._fields: dict[bytes, bytes] = {}  # those of READ_FIELDS, as they come
        self._head: dict[bytes, bytes] = {}  # those of the whole head
        self._parser = httptools.HttpRequestParser(self)
        self._unanswered: deque[Exchange] = deque()
        self._transport: asyncio.Transport | None = None
        self._can_write = True
        self._is_reading = True
        self._closing = False
        self._held: deque[bytes] = deque()  # received and to be read in a later turn; b"" is the end of what comes
        self._held_bytes = 0
        self.in_line_since = 0.0  # monotonic, for a turn of the intake; 0: not in line
        self._received_at = 0.0  # monotonic, of what is being read
        self._reading_since = 0.0  # monotonic; 0: between requests
        self._began = 0  # so many requests
        self._request_bytes = 0  # of the request being read, but for the piece that it began in
        self._max_body_bytes = MAX_BODY_BYTES
        self._quiet_since = monotonic()
        self._stuck_since = 0.0  # monotonic; 0: the client reads its answers

    # asyncio

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's own class, which names no base
        self.intake.connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self.intake.connections.discard(self)
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
        self._stuck_since = monotonic()

    def resume_writing(self) -> None:
        self._can_write = True
        self._stuck_since = 0.0
        self.flush(monotonic())

    def data_received(self, data: bytes) -> None:
        if not self._held and len(data) <= PIECE_BYTES and len(self._unanswered) < MAX_PIPELINED and self.intake.may_read():
            self._read(data, monotonic())
            return
        for start in range(0, len(data), PIECE_BYTES):
            self._hold(data[start:start + PIECE_BYTES])

    # in turns

    def _hold(self, data: bytes) -> None:
        self._held.append(data)
        self._held_bytes += len(data)
        self._line_up()

    def _line_up(self) -> None:
        """Where something is held and may be read: whoever waits for her own answers is not in the line of the crowd."""
        if self._held and len(self._unanswered) < MAX_PIPELINED and not self.in_line_since:
            self.in_line_since = monotonic()
            self.intake.line_up(self)
        self._read_or_pause()

    def take_turn(self) -> None:
        """Read the next piece of what is held."""
        since, self.in_line_since = self.in_line_since, 0.0
        if self._held:
            data = self._held.popleft()
            self._held_bytes -= len(data)
            self._read(data, since)
            self._line_up()

    def _read(self, data: bytes, received_at: float) -> None:
        if self._closing or self._transport is None:
            return
        if not data:
            self._closing = True
            self.flush(received_at)
            return
        self._received_at = received_at
        began = self._began if self._reading_since else -1
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:  # its body, if any, was not read
            self._refuse_newest(BadRequest())
        except httptools.HttpParserError as error:
            cause = error.__context__
            self._refuse(cause if isinstance(cause, WenmingError) else BadRequest())
        if self._reading_since and self._began == began and not self._closing:
            self._request_bytes += len(data)
            self._body[:] = [b"".join(self._body)]
            if len(self._body[0]) > self._max_body_bytes:
                self._refuse(BodyTooLarge())
            elif self._request_bytes > MAX_REQUEST_BYTES:
                self._refuse(HeadersTooLarge())
        if self.intake.is_leaving:
            self._leave()

    def _leave(self) -> None:
        """Have the newest answer say that it is the last, where nothing more is at hand and the answer is not made yet."""
        newest = self._unanswered[-1] if self._unanswered else None
        if newest is not None and newest.answer is None and not (self._held or self._reading_since or self._closing):
            newest.stays, self._closing = answers.CLOSES, True

    # httptools, beside what it fills by itself

    def on_message_begin(self) -> None:
        self._began += 1
        self._reading_since = self._received_at
        self._request_bytes = 0
        self._max_body_bytes = MAX_BODY_BYTES
        self._path.clear()
        self._body.clear()
        self._fields = {}

    def on_header(self, name: bytes, value: bytes) -> None:
        if name in UNREAD_FIELDS:
            return
        name = name.lower()
        if name in READ_FIELDS:
            before = self._fields.get(name)
            self._fields[name] = value if before is None else b"%b,%b" % (before, value)  # as Tornado joins them

    def on_headers_complete(self) -> None:
        if self._request_bytes >= MAX_HEADER_BYTES:
            raise HeadersTooLarge()
        self._head, self._fields = self._fields, {}  # what comes behind a body in pieces is none of it
        host = self._head.get(b"host")
        if b"," in host if host is not None else self._parser.get_http_version() != "1.0":
            raise BadRequest()
        length = self._head.get(b"content-length", b"")
        if len(self._path) > 1:  # it came in pieces
            self._path[:] = [b"".join(self._path)]
        if self._path and self._path[0].startswith(CALLBACKS):
            self._max_body_bytes = MAX_CALLBACK_BYTES
        if len(length) > 3 and length.isdigit() and int(length) > self._max_body_bytes:
            raise BodyTooLarge()
        if b"expect" in self._head and self._head[b"expect"].lower() == b"100-continue":
            self._unanswered.append(Exchange(self, self._received_at, b"", answer=answers.CONTINUE))  # after the answers before it
            self.flush(self._received_at)

    def on_message_complete(self) -> None:
        parser = self._parser
        self._reading_since = 0.0
        stays = b""
        if not parser.should_keep_alive():
            self._closing, stays = True, answers.CLOSES
        elif parser.get_http_version() == "1.0":
            stays = answers.STAYS
        head = self._head
        exchange = Exchange(self, self._received_at, stays, parser.get_method(), b"".join(self._path), b"".join(self._body),
                            head.get(b"authorization"), head.get(b"cookie"), head.get(b"origin"), head.get(b"x-request-id"))
        self._unanswered.append(exchange)
        self.intake.arrived.append(exchange)

    # answers

    def _refuse(self, error: WenmingError) -> None:
        """Answer what cannot be read further, after everything before it, and close; what comes behind a last request is not looked at."""
        if self._closing:
            return
        self._closing = True
        exchange = Exchange(self, self._received_at, answers.CLOSES)
        self._unanswered.append(exchange)
        self.intake.refuse(exchange, error)

    def _refuse_newest(self, error: WenmingError) -> None:
        """Answer with an error what was just read as a request, and close."""
        arrived = self.intake.arrived
        if not arrived or arrived[-1].connection is not self:
            self._refuse(error)
            return
        self._closing = True
        exchange = arrived.pop()
        exchange.stays = answers.CLOSES
        self.intake.refuse(exchange, error)

    def flush(self, now: float) -> None:
        """Write what is answered, as far as everything before it is."""
        transport, unanswered = self._transport, self._unanswered
        self._quiet_since = now
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

    def finish(self, now: float, quiet_seconds: float) -> None:
        """Close where nothing is on its way, nor was for so long that something may be."""
        busy = self._unanswered or self._held or self._reading_since
        if not busy and now - self._quiet_since >= quiet_seconds and self._transport and not self._transport.is_closing():
            self._closing = True
            self._transport.close()

    def abort(self) -> None:
        """Hang up, whatever is on its way."""
        if self._transport:
            self._transport.abort()
