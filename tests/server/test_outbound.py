"""Calls to platforms through a proxy: a real one that speaks CONNECT, with a platform behind it that speaks TLS, and one that does not."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal

import pytest
from tornado.httpclient import HTTPClientError
from tornado.simple_httpclient import HTTPTimeoutError

from server import outbound
from settings import SettingsError, load
from tests.deploy.nginx import make_certificate

pytestmark = pytest.mark.gen_test(timeout=30)
ROOT = Path(__file__).resolve().parents[2]
HOST = "platform.example.cn"


class Proxy:
    """Knows one host, wherever that is; `heads`: what it was asked; `is_silent`: it, or whom it leads to, never says a word; `left`: it
    was hung up on then.
    """

    def __init__(self) -> None:
        self.heads: list[str] = []
        self.to = 0
        self.refuses = False
        self.is_silent: Literal["", "proxy", "platform"] = ""
        self.left = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.closing(writer):
            self.heads.append((await reader.readuntil(b"\r\n\r\n")).decode())
            if self.refuses:
                writer.write(b"HTTP/1.1 407 Who are you\r\n\r\n")
                await writer.drain()
                return
            if self.is_silent:
                writer.write(b"HTTP/1.1 200 Connected\r\n\r\n" if self.is_silent == "platform" else b"")
                while await reader.read(65536):
                    pass
                self.left.set()
                return
            behind, there = await asyncio.open_connection("127.0.0.1", self.to)
            writer.write(b"HTTP/1.1 200 Connected\r\n\r\n")
            await asyncio.gather(pass_on(reader, there), pass_on(behind, writer))


async def pass_on(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with contextlib.closing(target), contextlib.suppress(OSError):
        while data := await source.read(65536):
            target.write(data)
            await target.drain()


async def platform(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.closing(writer), contextlib.suppress(asyncio.IncompleteReadError, OSError):
        head = await reader.readuntil(b"\r\n\r\n")
        body = head.split(b"\r\n", 1)[0]
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
        await writer.drain()


@asynccontextmanager
async def opened(proxy: Proxy, context: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    door = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    behind = await asyncio.start_server(platform, "127.0.0.1", 0, ssl=context)
    proxy.to = behind.sockets[0].getsockname()[1]
    try:
        yield door.sockets[0].getsockname()[1]
    finally:
        door.close()
        behind.close()


def made(address: str):
    return outbound.client(address, max_clients=4, max_body_size=65536)


async def test_tls_ends_at_the_platform_and_the_proxy_sees_host_and_port_alone(io_loop, tmp_path):
    certificate = make_certificate(tmp_path / "tls", [HOST])
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, certificate.parent / "privkey.pem")
    proxy = Proxy()
    async with opened(proxy, context) as port:
        client = made(f"http://us:p%40ss@127.0.0.1:{port}")
        answer = await client.fetch(f"https://{HOST}/cgi-bin/token?secret=hidden", ca_certs=str(certificate))
        client.close()
    assert answer.body == b"GET /cgi-bin/token?secret=hidden HTTP/1.1"
    [head] = proxy.heads
    assert head.startswith(f"CONNECT {HOST}:443 HTTP/1.1\r\n") and "hidden" not in head
    assert f"Basic {base64.b64encode(b'us:p@ss').decode()}" in head


async def test_a_certificate_of_somebody_else_is_refused_through_the_proxy_too(io_loop, tmp_path):
    certificate = make_certificate(tmp_path / "tls", ["other.example.cn"])
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, certificate.parent / "privkey.pem")
    async with opened(Proxy(), context) as port:
        client = made(f"http://127.0.0.1:{port}")
        with pytest.raises(ssl.SSLError):
            await client.fetch(f"https://{HOST}/", ca_certs=str(certificate))
        client.close()


async def test_plain_calls_go_through_it_and_this_machine_does_not(io_loop):
    proxy = Proxy()
    async with opened(proxy) as port:
        client = made(f"http://127.0.0.1:{port}")
        assert (await client.fetch(f"http://{HOST}/moderation")).body == b"GET /moderation HTTP/1.1"
        assert [head.split(" ")[1] for head in proxy.heads] == [f"{HOST}:80"]
        assert (await client.fetch(f"http://127.0.0.1:{proxy.to}/sandbox")).body == b"GET /sandbox HTTP/1.1"
        assert len(proxy.heads) == 1
        client.close()


async def test_a_proxy_that_refuses_is_a_platform_that_cannot_be_reached(io_loop):
    proxy = Proxy()
    proxy.refuses = True
    async with opened(proxy) as port:
        client = made(f"http://127.0.0.1:{port}")
        with pytest.raises((OSError, HTTPClientError)):
            await client.fetch(f"http://{HOST}/")
        client.close()
    assert len(proxy.heads) == 1


@pytest.mark.parametrize("silent", ["proxy", "platform"])
async def test_a_callers_limit_of_a_connection_holds_through_the_proxy_and_leaves_nothing_open(io_loop, silent):
    proxy = Proxy()
    proxy.is_silent = silent
    async with opened(proxy) as port:
        client = made(f"http://127.0.0.1:{port}")
        with pytest.raises(HTTPTimeoutError):
            # The guard is for a limit of the tunnel's own, which the caller's would have to wait for.
            await asyncio.wait_for(client.fetch(f"https://{HOST}/", connect_timeout=1), 3)
        await proxy.left.wait()
        client.close()


def test_every_client_of_the_product_is_made_there():
    """The rehearsal asks this machine alone, the sandbox is another program."""
    own = [path.relative_to(ROOT).as_posix() for folder in ("server", "handlers") for path in (ROOT / folder).rglob("*.py")
           if "AsyncHTTPClient(" in path.read_text("utf-8") and "sandbox" not in path.parts]
    assert sorted(own) == ["server/rehearsal/service.py"]


@pytest.mark.parametrize("wrong", ["proxy:3128", "socks5://proxy:1080", "http://proxy", "http://proxy:3128/path", "http://proxy:no"])
def test_an_address_that_is_no_proxy_is_refused(wrong):
    with pytest.raises(SettingsError, match="WENMING_OUTBOUND_PROXY"):
        load({"WENMING_OUTBOUND_PROXY": wrong}, env_file=None)


def test_its_password_is_not_shown():
    assert load({"WENMING_OUTBOUND_PROXY": "http://u:p@proxy:3128"}, env_file=None).shown()["WENMING_OUTBOUND_PROXY"] == "***"
