"""The way out to platforms: straight, or by a tunnel (CONNECT) through WENMING_OUTBOUND_PROXY, so that TLS ends at the platform.

Owns: the HTTP client that outside calls are made with. Does not own: limits and tries, each caller's.
Invariants: what is called on this machine (the sandbox, a provider beside us) and the stores never go through it; it sees host and
port alone; its address may hold a password and stands in no log.

Failure policy: the caller's own: a proxy that does not answer, or refuses, is an OSError like a platform that cannot be reached.
"""

from __future__ import annotations

import asyncio
import base64
import datetime
import functools
import ipaddress
import socket
import ssl
from typing import Any
from urllib.parse import unquote, urlsplit

from tornado.httpclient import AsyncHTTPClient
from tornado.iostream import IOStream
from tornado.simple_httpclient import SimpleAsyncHTTPClient
from tornado.tcpclient import TCPClient

# A proxy answers a CONNECT with a line and a few headers.
MAX_HEAD_BYTES = 16 * 1024


class ProxyRefused(OSError):
    """The proxy answered, and did not connect us."""


class Tunnel(TCPClient):
    """Connects through a proxy, but for addresses of this machine. A caller's limit holds for all of it: proxy, its answer, handshake."""

    def __init__(self, proxy: str) -> None:
        super().__init__()
        url = urlsplit(proxy)
        self._host, self._port = url.hostname or "", url.port or 0  # settings.py refuses one without
        user = f"{unquote(url.username)}:{unquote(url.password or '')}" if url.username else ""
        self._login = f"Proxy-Authorization: Basic {base64.b64encode(user.encode()).decode()}\r\n" if user else ""

    async def connect(self, host: str, port: int, af: socket.AddressFamily = socket.AF_UNSPEC,
                      ssl_options: dict[str, Any] | ssl.SSLContext | None = None, max_buffer_size: int | None = None,
                      source_ip: str | None = None, source_port: int | None = None,
                      timeout: float | datetime.timedelta | None = None) -> IOStream:  # noqa: ASYNC109 Tornado's own signature
        """Raises OSError."""
        if is_here(host):
            return await super().connect(host, port, af, ssl_options, max_buffer_size, source_ip, source_port, timeout)
        seconds = timeout.total_seconds() if isinstance(timeout, datetime.timedelta) else timeout
        until = None if seconds is None else asyncio.get_running_loop().time() + seconds
        stream = await super().connect(self._host, self._port, af, None, max_buffer_size, source_ip, source_port, seconds)
        # What is left of the time. Being cancelled closes a handshake, and the socket with it, which is the new stream's by then.
        async with asyncio.timeout_at(until):
            try:
                await self._ask(stream, host, port)
            except BaseException:
                stream.close()
                raise
            return stream if ssl_options is None else await stream.start_tls(False, ssl_options, server_hostname=host)

    async def _ask(self, stream: IOStream, host: str, port: int) -> None:
        name = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        await stream.write(f"CONNECT {name} HTTP/1.1\r\nHost: {name}\r\n{self._login}\r\n".encode("ascii"))
        head = await stream.read_until(b"\r\n\r\n", MAX_HEAD_BYTES)
        words = head.split(b"\r\n", 1)[0].split(b" ", 2)
        if len(words) < 2 or not words[0].startswith(b"HTTP/1.") or words[1] != b"200":
            raise ProxyRefused("the outbound proxy did not connect us")


class Outbound(SimpleAsyncHTTPClient):
    """Tornado's own client, with a tunnel for its connections where there is a proxy."""

    def initialize(self, *, proxy: str = "", **kwargs: Any) -> None:  # type: ignore[override]
        super().initialize(**kwargs)
        if proxy:
            self.tcp_client = Tunnel(proxy)


def client(proxy: str, *, max_clients: int, max_body_size: int) -> AsyncHTTPClient:
    """An HTTP client of one's own. Made inside the running loop."""
    return Outbound(force_instance=True, proxy=proxy, max_clients=max_clients, max_body_size=max_body_size)


@functools.lru_cache(maxsize=64)
def is_here(host: str) -> bool:
    """Whether an address is this machine's own; names are not looked up."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


__all__ = ["Outbound", "ProxyRefused", "client"]
