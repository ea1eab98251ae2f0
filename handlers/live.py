"""The door to the live figures: lets readers in and hands their sockets over to server/live."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
from typing import Any
from urllib.parse import urlsplit

from handlers.base import BaseHandler
from handlers.live_socket import Socket
from handlers.screens import has_link
from handlers.staff import COOKIE as STAFF_COOKIE
from server.errors import Forbidden, NotAuthorised, Refusal

MINIPROGRAM_HOST = "servicewechat.com"
# RFC 6455, 1.3: what a server proves its understanding with.
GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
KEY_BYTES = 16
VERSION = "13"


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


def is_key(text: str) -> bool:
    """Whether this is what a client's handshake carries: 16 bytes in base64."""
    try:
        return len(base64.b64decode(text, validate=True)) == KEY_BYTES
    except (binascii.Error, ValueError):
        return False


class CampaignSocket(BaseHandler):
    """The handshake is Tornado's and ours; after it the socket leaves Tornado, whose objects for one take five times the memory."""

    async def prepare(self) -> None:  # type: ignore[override]
        super().prepare()
        headers = self.request.headers
        words = [word.strip().lower() for word in headers.get("Connection", "").split(",")]
        if headers.get("Upgrade", "").lower() != "websocket" or "upgrade" not in words:
            raise Refusal("UPGRADE_REQUIRED", "这个地址只提供实时连接")
        if headers.get("Sec-WebSocket-Version") != VERSION or not is_key(headers.get("Sec-WebSocket-Key", "")):
            raise Refusal("UPGRADE_REQUIRED", "这个地址只提供第 13 版的 WebSocket 连接")
        if not origin_allowed(headers.get("Origin"), self.request.host, self.settings.get("hosts", frozenset())):
            raise Forbidden("ORIGIN_REFUSED", "不接受来自其他网站的实时连接")
        await self.services.live.admit(self.path_args[0], self.is_staff)

    async def get(self, slug: str) -> None:
        """Follow the campaign's figures: a snapshot, then numbered changes."""
        accept = hashlib.sha1(self.request.headers["Sec-WebSocket-Key"].encode() + GUID).digest()  # as the protocol has it
        self.set_status(101)
        self.set_header("Upgrade", "websocket")
        self.set_header("Connection", "Upgrade")
        self.set_header("Sec-WebSocket-Accept", base64.b64encode(accept).decode())
        self.finish()
        stream = self.detach()
        # A few hundred bytes always go out at once; what cannot take them reads nothing at all. Until it has the answer a client may
        # not send anything, so Tornado has read nothing ahead.
        stuck = stream.closed() or stream.writing()
        own = None if stuck else stream.socket.dup()
        stream.close()  # Tornado's name for it; the connection goes on under ours
        if own is not None:
            await asyncio.get_running_loop().connect_accepted_socket(lambda: Socket(self.services.live, slug, own), own)

    async def is_staff(self) -> bool:
        """Whether this is a wall or a console, which have a place even where the process is full."""
        try:
            await self.services.staff.of_session(self.get_cookie(STAFF_COOKIE), self.now())
        except NotAuthorised:
            return await has_link(self, self.path_args[0])
        return True

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        self.set_header("Sec-WebSocket-Version", VERSION)
        super().write_error(status_code, **kwargs)
