"""HTTP connections of the crowd: kept open, one request at a time on each, as light as the load needs."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast
from urllib.parse import urlsplit

import httptools

# A page gives a request up after this and sends it again.
REQUEST_SECONDS = 8.0
CONNECT_SECONDS = 2.0
LOST = 599

# status (599: no answer), headers' Retry-After in seconds or 0, body, seconds that it took
Answered = Callable[[int, int, bytes, float], None]


@dataclass(frozen=True)
class Doors:
    """Where the crowd goes. `name`: the host as it stands in requests."""

    host: str
    web_port: int
    intake_port: int
    name: str
    tls: ssl.SSLContext | None = None

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://{self.host}:{self.web_port}"

    @classmethod
    def through(cls, url: str) -> Doors:
        """One address for everything, as citizens have it: of nginx, or whatever stands in front. Raises ValueError for what is none.

        Certificates are checked as the machine does; SSL_CERT_FILE names others that are to be believed.
        """
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.path.strip("/") or parts.query:
            raise ValueError(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        return cls(parts.hostname, port, port, parts.netloc, ssl.create_default_context() if parts.scheme == "https" else None)


class Wire(asyncio.Protocol):
    """One TCP connection: parses answers and hands each to its line, as long as that has not hung up."""

    def __init__(self, line: Line) -> None:
        self._line: Line | None = line
        self._parser = httptools.HttpResponseParser(self)
        self.transport: asyncio.Transport | None = None
        self._body = b""
        self._retry_after = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._end(LOST)

    def on_message_begin(self) -> None:
        self._body, self._retry_after = b"", 0

    def on_header(self, name: bytes, value: bytes) -> None:
        if name.lower() == b"retry-after" and value.isdigit():
            self._retry_after = int(value)

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        status = self._parser.get_status_code()
        if self._parser.should_keep_alive():
            if self._line is not None:
                self._line.done(status, self._retry_after, self._body)
        else:
            self._end(status)

    def connection_lost(self, exc: Exception | None) -> None:
        self._end(LOST)

    def _end(self, status: int) -> None:
        line = self.hang_up()
        if line is not None:
            line.wire = None
            line.done(status, self._retry_after, self._body)

    def hang_up(self) -> Line | None:
        """Close; nothing of it reaches the line from here on."""
        line, self._line = self._line, None
        if self.transport is not None:
            self.transport.abort()
        return line


class Line:
    """One person's place at a door. `send` when it is `idle`; the answer goes to the callback, once. `tls`: whom to believe."""

    def __init__(self, host: str, port: int, tls: ssl.SSLContext | None = None) -> None:
        self._host, self._port, self._tls = host, port, tls
        self.wire: Wire | None = None
        self._answered: Answered | None = None
        self._began = 0.0
        self._connecting: asyncio.Task[None] | None = None
        self._loop = asyncio.get_running_loop()

    @property
    def idle(self) -> bool:
        return self._answered is None

    def send(self, data: bytes, answered: Answered) -> None:
        self._answered, self._began = answered, self._loop.time()
        if self.wire is not None and self.wire.transport is not None:
            self.wire.transport.write(data)
        else:
            self._connecting = self._loop.create_task(self._connect(data))

    async def _connect(self, data: bytes) -> None:
        self.wire = wire = Wire(self)
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await self._loop.create_connection(lambda: wire, self._host, self._port, ssl=self._tls)
        except OSError:
            if wire.hang_up() is not None:
                self.wire = None
                self.done(LOST, 0, b"")
            return
        if wire.transport is not None:
            wire.transport.write(data)

    def look(self) -> None:
        """Give up what has taken too long."""
        if self._answered is not None and self._loop.time() - self._began > REQUEST_SECONDS:
            self.close()
            self.done(LOST, 0, b"")

    def close(self) -> None:
        if self.wire is not None:
            self.wire.hang_up()
            self.wire = None

    def done(self, status: int, retry_after: int, body: bytes) -> None:
        answered, self._answered = self._answered, None
        if answered is not None:
            answered(status, retry_after, body, self._loop.time() - self._began)


def request(method: str, path: str, host: str, token: str = "", body: bytes = b"") -> bytes:
    """A request as WeChat's browser on an older Android phone sends it."""
    authorization = f"Authorization: Bearer {token}\r\n" if token else ""
    length = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n" if method == "POST" else ""
    return (f"{method} {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: {AGENT}\r\nAccept: */*\r\nAccept-Language: zh-CN,zh;q=0.9\r\n"
            f"{authorization}{length}\r\n").encode() + body


AGENT = ("Mozilla/5.0 (Linux; Android 8.1.0; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/86.0 Mobile Safari/537.36 "
         "MicroMessenger/8.0.42")
