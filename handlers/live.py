"""The live socket: lets readers in and hands them the frames that server/live builds."""

from __future__ import annotations

import random
import socket
from typing import Any
from urllib.parse import urlsplit

import tornado.websocket
from tornado.iostream import StreamBufferFullError, StreamClosedError

from handlers.base import BaseHandler
from handlers.staff import COOKIE as STAFF_COOKIE
from server.errors import Forbidden, NotAuthorised, Refusal

# Readers send nothing but pongs and closes; anything longer is not one of ours.
MAX_MESSAGE_BYTES = 4096
# WeChat's and nginx's idle limits are 60 s; jitter spreads the pings of readers who came in the same second.
PING_SECONDS = (25.0, 45.0)
# What one socket may hold unsent in this process. A snapshot of 120 minutes and 100 regions is 8 KB, of 3,000
# towns 60 KB, and nothing is added while any of it waits; this only bounds the unforeseen.
# The kernel's part is kept small, so that a slow reader is seen soon.
MAX_UNSENT_BYTES = 1024 * 1024
KERNEL_BUFFER_BYTES = 16 * 1024
MINIPROGRAM_HOST = "servicewechat.com"


def origin_allowed(origin: str | None, request_host: str, hosts: frozenset[str]) -> bool:
    """Our own pages, mini-programs, and programs that send no Origin."""
    if not origin:
        return True
    try:
        host = urlsplit(origin).hostname or ""
        own = (urlsplit("//" + request_host).hostname or "") if request_host else ""
    except ValueError:
        return False
    return bool(host) and (host in hosts or host in (own, MINIPROGRAM_HOST) or host.endswith("." + MINIPROGRAM_HOST))


class CampaignSocket(BaseHandler, tornado.websocket.WebSocketHandler):
    """A reader of server/live. Its frames are written to the stream as they are: one copy of the bytes for all readers."""

    async def prepare(self) -> None:  # type: ignore[override]
        super().prepare()
        if self.request.headers.get("Upgrade", "").lower() != "websocket":
            raise Refusal("UPGRADE_REQUIRED", "这个地址只提供实时连接")
        if not self.check_origin(self.request.headers.get("Origin", "")):
            raise Forbidden("ORIGIN_REFUSED", "不接受来自其他网站的实时连接")
        await self.services.live.admit(self.path_args[0], self.is_staff)

    async def get(self, *args: Any, **kwargs: Any) -> None:
        """Follow the campaign's figures: a snapshot, then numbered changes."""
        await super().get(*args, **kwargs)

    async def is_staff(self) -> bool:
        """Whether this is a wall or a console, which have a place even where the process is full."""
        try:
            await self.services.staff.of_session(self.get_cookie(STAFF_COOKIE), self.now())
        except NotAuthorised:
            return False
        return True

    def check_origin(self, origin: str) -> bool:
        return origin_allowed(origin, self.request.host, self.settings.get("hosts", frozenset()))

    def get_compression_options(self) -> None:
        return None  # 300 KB a socket for frames of 100 bytes

    @property
    def ping_interval(self) -> float:
        return random.uniform(*PING_SECONDS)  # asked once, when the connection is accepted

    @property
    def ping_timeout(self) -> float:
        return PING_SECONDS[0]

    @property
    def max_message_size(self) -> int:
        return MAX_MESSAGE_BYTES

    def open(self, *args: str, **kwargs: str) -> None:
        connection = self.ws_connection
        assert connection is not None and connection.stream is not None
        self.stream = connection.stream
        if self.stream.closed():
            return
        self.stream.max_write_buffer_size = MAX_UNSENT_BYTES
        self.stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, KERNEL_BUFFER_BYTES)
        self.set_nodelay(True)
        self.services.live.join(args[0], self)

    def on_message(self, message: str | bytes) -> None:
        """Readers have nothing to say; what they send is dropped."""

    def on_close(self) -> None:
        self.services.live.leave(self.path_args[0], self)

    # --- server.live.Reader ---

    def ready(self) -> bool:
        return self.stream.closed() or not self.stream.writing()

    def send(self, frame: bytes) -> None:
        if self.ws_connection is None or self.ws_connection.is_closing():
            return  # after a close frame nothing may follow; on_close comes by itself
        try:
            if (sent := self._send_at_once(frame)) < len(frame):
                self.stream.write(memoryview(frame)[sent:])
        except (StreamClosedError, StreamBufferFullError, OSError):
            self.stream.close()

    def _send_at_once(self, frame: bytes) -> int:
        """Straight to the socket while nothing waits before it: two thirds of the cost of a stream's write with its future."""
        if self.stream.writing():
            return 0
        try:
            return self.stream.write_to_fd(memoryview(frame))
        except BlockingIOError:
            return 0
