"""What both ports do at a stop: nobody who was let in, or stands at the door already, is sent away unanswered.

Owns: listening, and how it ends; the web port's server. Does not own: the intake's protocol (handlers/intake), nor when to stop.

The kernel resets whoever it let in and we did not: with several processes on one port, connections that wait for the one which stops are
lost although another could have answered. So they are all taken in before the port is closed. What comes in the microseconds
between the other processes take over where net.ipv4.tcp_migrate_req is 1 (Linux 5.14); else it is sent again by the proxy or the page.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterable
from time import monotonic
from typing import Any

import tornado.http1connection
import tornado.httpserver
from tornado.httputil import HTTPConnection, HTTPHeaders, HTTPMessageDelegate, RequestStartLine, ResponseStartLine
from tornado.iostream import IOStream
from tornado.netutil import bind_sockets

# Thousands come back within the same seconds after a restart, and the loop takes them as it can; the kernel cuts this to its own most.
BACKLOG = 4096
# Whoever uses a connection all the time asks again within this and is told, in the answer, that it ends; who was quiet for so long most
# likely has nothing on the way. Nothing tells for certain: a request may cross our close, and then it is sent again by whoever sent it.
QUIET_SECONDS = 1.0
LOOK_SECONDS = 0.02


def listening(host: str, port: int, *, reuse_port: bool = False) -> list[socket.socket]:
    """Sockets that listen, one for each family that the host has. Raises OSError."""
    return bind_sockets(port, host, backlog=BACKLOG, reuse_port=reuse_port)


def waiting_at(sockets: Iterable[socket.socket]) -> list[socket.socket]:
    """Everybody whom the kernel let in and nobody took yet. Close the sockets right after."""
    found = []
    for one in sockets:
        while True:
            try:
                found.append(one.accept()[0])
            except ConnectionAbortedError:
                continue  # gone again meanwhile
            except OSError:  # nobody more, or no file for one more
                break
    for one in found:
        one.setblocking(False)
    return found


class _Noticed(HTTPMessageDelegate):
    """A request on its way in, of which the server hears once its head is there."""

    def __init__(self, inner: HTTPMessageDelegate, has_begun: Callable[[], object]) -> None:
        self._inner = inner
        self._has_begun = has_begun

    def headers_received(self, start_line: RequestStartLine | ResponseStartLine, headers: HTTPHeaders) -> Awaitable[None] | None:
        self._has_begun()
        return self._inner.headers_received(start_line, headers)

    def data_received(self, chunk: bytes) -> Awaitable[None] | None:
        return self._inner.data_received(chunk)

    def finish(self) -> None:
        self._inner.finish()

    def on_connection_close(self) -> None:
        self._inner.on_connection_close()


class WebServer(tornado.httpserver.HTTPServer):
    """Tornado's, which at a stop lets requests end: its own close_all_connections cuts those that are being answered."""

    _listening: list[socket.socket]
    _quiet: dict[object, float]

    def initialize(self, *args: Any, **kwargs: Any) -> None:
        super().initialize(*args, **kwargs)
        self._listening = []
        self._quiet = {}  # connections between two requests, since when

    def open(self, host: str, port: int) -> None:
        """Listen, beside other processes on the same port. Raises OSError."""
        self._listening = listening(host, port, reuse_port=True)
        self.add_sockets(self._listening)

    def start_request(self, server_conn: object, request_conn: HTTPConnection) -> HTTPMessageDelegate:
        self._quiet[server_conn] = monotonic()
        return _Noticed(super().start_request(server_conn, request_conn), lambda: self._quiet.pop(server_conn, None))

    def on_close(self, server_conn: object) -> None:
        super().on_close(server_conn)
        self._quiet.pop(server_conn, None)

    def leave(self) -> None:
        """From here on each answer says that its connection ends, and whoever asks more comes back through the door."""
        self.conn_params.no_keep_alive = True

    def shut(self) -> None:
        """Let in whoever stands at the door, and close it."""
        waiting, self._listening = waiting_at(self._listening), []
        self.stop()
        for one in waiting:
            try:
                address = one.getpeername()
            except OSError:
                one.close()  # gone again
                continue
            self.handle_stream(IOStream(one, max_buffer_size=self.max_buffer_size, read_chunk_size=self.read_chunk_size), address)

    async def drain(self, grace_seconds: float, quiet_seconds: float = QUIET_SECONDS) -> int:
        """Shut the door, answer who is inside, hang up. Returns how many were cut after the grace."""
        self.leave()
        self.shut()
        until = monotonic() + grace_seconds
        while self._connections and (now := monotonic()) < until:
            for connection, since in list(self._quiet.items()):
                if now - since >= quiet_seconds and isinstance(connection, tornado.http1connection.HTTP1ServerConnection):
                    await connection.close()
            await asyncio.sleep(LOOK_SECONDS)
        cut = len(self._connections)
        await self.close_all_connections()
        return cut
