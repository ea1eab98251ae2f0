"""The intake port: salutes and WeChat's callbacks, on a protocol of its own, because two million people come at once.

Owns: two routes (`POST /api/v1/campaigns/{slug}/participations`; `/wechat/…`, since whoever opens the menu in the minutes of a peak is a
callback too), and the turns in which a crowd is served.
Does not own any rule: what a salute asks is read as at the web port, and the same services answer both.
Invariants: answers leave in the order of their requests; a connection holds a bounded number of requests and
bytes, and a turn of the loop a bounded number of both. It writes no access lines, only figures, and reads no address:
X-Forwarded-For changes nothing here, from whomever it comes.

The way of a request: its connection reads it -> `arrived` -> counting -> `decided` -> its connection writes. Each step is made for all
who are there before the next one: a loop over one thing to do stays in the processor's cache, which is an eighth of a salute's time.
"""

from __future__ import annotations

import asyncio
import logging
import re
import socket
from collections import deque
from collections.abc import Awaitable, Callable
from functools import lru_cache
from time import monotonic
from typing import TYPE_CHECKING, cast

from tornado.httputil import parse_cookie

from handlers import official
from handlers.access import turned_away
from handlers.base import COOKIE, as_wenming_error
from handlers.doors import BACKLOG, LOOK_SECONDS, QUIET_SECONDS, listening, waiting_at
from handlers.intake import answers
from handlers.intake.connection import CALLBACKS, Connection, Exchange
from handlers.origins import Origins
from handlers.participations import TRACED, read_ask, trace
from server.counting import Caller, Taken
from server.counting.admission import MAX_WAIT_SECONDS
from server.errors import MethodNotAllowed, NotFound
from server.logs import request_id
from server.wechat import Role

if TYPE_CHECKING:
    from server.services import Services

logger = logging.getLogger(__name__)

PATH = re.compile(rb"/api/v1/campaigns/([a-z0-9][a-z0-9-]{0,31})/participations(?:\?.*)?\Z")
CHECK_SECONDS = 5.0
# So many pieces are read in a turn of the loop, and so many requests taken: half a batch of a shard, some 6 ms. uvloop hands over every
# socket that is ready before anything else runs; answers of Redis, live frames and the ledger wait no longer than this.
TURN_PIECES = 256
# So many answers are written in a turn, also where a shard that hung lets go of thousands: a batch, some 5 ms.
TURN_ANSWERS = 512


class Intake:
    """The listening side, and the turns."""

    def __init__(self, services: Services, clock: Callable[[], float], origins: Origins | None = None) -> None:
        self.connections: set[Connection] = set()
        self.arrived: list[Exchange] = []
        self.decided: list[Exchange] = []
        self._services = services
        self._clock = clock
        self._origins = origins or Origins()
        # Found once: each request adds to them.
        self._answered = {number: services.metrics.series("requests_answered_total", f"{number}xx") for number in range(1, 6)}
        self._served_seconds = services.metrics.buckets("requests_served_seconds")
        self._traced = b"" if logger.isEnabledFor(logging.DEBUG) else TRACED.encode()
        self._line: deque[Connection] = deque()
        self._pieces = 0  # read in this turn
        self._callbacks: set[asyncio.Task[None]] = set()  # an event loop holds its tasks weakly
        self.turn_is_called = False
        self._sockets: list[socket.socket] = []
        self._servers: list[asyncio.Server] = []
        self._checker: asyncio.Task[None] | None = None
        self.is_leaving = False

    async def listen(self, host: str, port: int, *, reuse_port: bool = False) -> int:
        """Listen; returns the port in use."""
        self._sockets = listening(host, port, reuse_port=reuse_port)
        loop = asyncio.get_running_loop()
        self._servers = [await loop.create_server(lambda: Connection(self), sock=one, backlog=BACKLOG) for one in self._sockets]
        self._checker = asyncio.create_task(self._check())
        used: int = self._sockets[0].getsockname()[1]
        return used

    # reading, in turns

    def may_read(self) -> bool:
        """Whether what comes now may be read at once, which counts for this turn: nobody stands in line, and it is not used up."""
        if not self.turn_is_called:
            self.call_turn()
        if self._line or self._is_used_up:
            return False
        self._pieces += 1
        return True

    def line_up(self, connection: Connection) -> None:
        """The connection gets a turn after all who came before it."""
        self._line.append(connection)
        if not self.turn_is_called:
            self.call_turn()

    @property
    def _is_used_up(self) -> bool:
        return self._pieces >= TURN_PIECES or len(self.arrived) >= TURN_PIECES

    def call_turn(self) -> None:
        """At the next moment when the loop is free; unless `turn_is_called`, which who calls looks at first."""
        self.turn_is_called = True
        asyncio.get_running_loop().call_soon(self._turn)

    def _turn(self) -> None:
        """Let those in line be read, hand over all that was read, and answer what was decided."""
        self.turn_is_called = False
        self._pieces = 0
        try:
            self._read_line()
        finally:  # whatever happened to one, the others get theirs
            arrived, self.arrived = self.arrived, []
            self._hand_over(arrived)
            decided, self.decided = self.decided[:TURN_ANSWERS], self.decided[TURN_ANSWERS:]
            self._answer(decided)
            if (self._line or self.arrived or self.decided) and not self.turn_is_called:
                self.call_turn()

    def _read_line(self) -> None:
        """In the order of coming. Once the oldest have waited too long they will be told so, and every other one is the newest: were only
        the oldest read, everybody would be too late, and all of the time would go into refusals."""
        line, self._line = self._line, deque()  # who has more to be read stands in it again, behind all others
        now = monotonic()
        try:
            while line and not self._is_used_up:
                self._pieces += 1
                is_late = now - line[0].in_line_since > MAX_WAIT_SECONDS
                (line.pop() if is_late and self._pieces % 2 else line.popleft()).take_turn()
        finally:
            line.extend(self._line)
            self._line = line

    # all who are there

    def _hand_over(self, arrived: list[Exchange]) -> None:
        """Have the salutes counted; what is none is decided."""
        now, at = self._clock(), monotonic()
        callers: list[Caller] = []
        for exchange in arrived:
            try:
                slug = slug_in(exchange.path)
                if exchange.method == b"OPTIONS" and slug:
                    self.decided.append(exchange)
                    continue
                if not slug and exchange.path.startswith(CALLBACKS):
                    # Never refused for being late: the platform waits 5 s, and tells a refused citizen that the account is out of order.
                    self._take_callback(exchange, now)
                    continue
                # Before anything is done for it: a refusal must cost far less than a salute, or refusing would not help.
                self._services.counting.admission.check(at - exchange.received_at)
                if not slug:
                    raise NotFound()
                if exchange.method != b"POST":
                    raise MethodNotAllowed()
                bearer = exchange.authorization
                authorization, cookie = (None, _cookie(exchange)) if bearer is None else (bearer.decode("latin-1"), None)
                callers.append((slug, *read_ask(self._services, authorization, cookie, exchange.body, now), exchange.reply))
            except Exception as error:  # noqa: BLE001 answered below, and logged there where it is a bug
                exchange.outcome = error
                self.decided.append(exchange)
        self._services.counting.count(callers, now)

    def _take_callback(self, exchange: Exchange, now: float) -> None:
        """What the platform says; answered when the reply is there. Raises NotFound."""
        path, _, query = exchange.path.decode("latin-1").partition("?")
        match = official.PATH.fullmatch(path)
        if match is None:
            raise NotFound()
        role, appid = match.groups()
        task = asyncio.create_task(self._answer_callback(exchange, official.answer_of(
            self._services, exchange.method.decode("latin-1"), cast(Role, role), appid, query, exchange.body, now)))
        self._callbacks.add(task)
        task.add_done_callback(self._callbacks.discard)

    async def _answer_callback(self, exchange: Exchange, coming: Awaitable[bytes]) -> None:
        request_id.set(exchange.name())  # a task has a context of its own
        try:
            exchange.reply(await coming)
        except Exception as error:  # noqa: BLE001 answered, and logged there where it is a bug
            exchange.reply(error)

    def _answer(self, decided: list[Exchange]) -> None:
        at = monotonic()
        for exchange in decided:
            # Let go of at once: an error holds the frames that it came through, and whoever waited in them.
            outcome, exchange.outcome = exchange.outcome, None
            try:
                if isinstance(outcome, Taken):
                    if exchange.request_id is not None and exchange.request_id.endswith(self._traced):
                        trace(exchange.name(), slug_in(exchange.path), outcome)
                    self._finish(exchange, outcome.status, answers.counted(outcome, exchange.stays, self._allowed(exchange)), at)
                elif isinstance(outcome, bytes):
                    content_type = official.content_type_of(exchange.method.decode("latin-1"), outcome)
                    self._finish(exchange, 200, answers.said(outcome, content_type, exchange.stays), at)
                elif outcome is None:  # nothing was asked but what may be asked
                    self._finish(exchange, 204, answers.no_content(exchange.stays, self._allowed(exchange)), at)
                else:
                    if as_wenming_error(outcome, 500).status == 500:
                        token = request_id.set(exchange.name())  # a turn has many requests
                        logger.error("a request of the intake failed", exc_info=outcome)
                        request_id.reset(token)
                    self.refuse(exchange, outcome)
            except Exception:
                logger.exception("an answer could not be written")
                exchange.connection.abort()

    def refuse(self, exchange: Exchange, error: Exception) -> None:
        """Answer with an error."""
        known = as_wenming_error(error, 500)
        if known.status == 503:
            self._services.metrics.record("requests_refused_total", turned_away(known.code))
        verbs = b"GET, POST" if exchange.path.startswith(CALLBACKS) else b"POST, OPTIONS"
        answer = answers.refused(known, exchange.name(), exchange.stays, self._allowed(exchange), exchange.method == b"HEAD", verbs)
        self._finish(exchange, known.status, answer, monotonic())

    def _finish(self, exchange: Exchange, status: int, answer: bytes, at: float) -> None:
        """Keep the access figures, which stand in place of access lines, and write."""
        self._answered[status // 100].value += 1
        self._served_seconds.add(at - exchange.received_at)
        exchange.answer = answer
        exchange.connection.flush(at)

    def _allowed(self, exchange: Exchange) -> bytes:
        return b"" if exchange.origin is None else self._origins.headers(exchange.origin.decode("latin-1"))

    # house-keeping

    async def _check(self) -> None:
        while True:
            await asyncio.sleep(CHECK_SECONDS)
            now = monotonic()
            for connection in list(self.connections):
                connection.check(now)

    def leave(self) -> None:
        """From here on each answer says that its connection ends, and whoever asks more comes back through the door."""
        self.is_leaving = True

    async def close(self, grace_seconds: float = 5.0, quiet_seconds: float = QUIET_SECONDS) -> int:
        """Let in whoever stands at the door, close it, answer all that was asked, hang up. Returns how many were cut after the grace."""
        if self._checker is None:
            return 0
        self.leave()
        await self._shut()
        self._checker.cancel()
        until = monotonic() + grace_seconds
        while self.connections and (now := monotonic()) < until:
            for connection in list(self.connections):
                connection.finish(now, quiet_seconds)
            await asyncio.sleep(LOOK_SECONDS)
        cut = len(self.connections)
        for connection in list(self.connections):
            connection.abort()
        return cut

    async def _shut(self) -> None:
        waiting = waiting_at(self._sockets)
        for server in self._servers:
            server.close()
        self._sockets, self._servers = [], []
        loop = asyncio.get_running_loop()
        for one in waiting:
            try:
                await loop.connect_accepted_socket(lambda: Connection(self), one)
            except OSError as error:
                logger.info("whoever stood at the door is gone: %s", error)
                one.close()


@lru_cache(maxsize=64)  # the campaigns of a city; what else is asked for passes through
def slug_in(path: bytes) -> str:
    """The campaign that a path names, "" for any other path."""
    match = PATH.match(path)
    return match[1].decode() if match else ""


def _cookie(exchange: Exchange) -> str | None:
    """The citizen's token where a browser keeps it, read as at the web port."""
    return None if exchange.cookie is None else parse_cookie(exchange.cookie.decode("latin-1")).get(COOKIE)
