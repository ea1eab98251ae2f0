"""The proxy does what a test tells it, and nothing else."""

from __future__ import annotations

import asyncio

import pytest

from tests.faults.tcp_proxy import TcpProxy, Trouble, upstream_of

pytestmark = pytest.mark.gen_test(timeout=20)


@pytest.fixture
def echo(io_loop):
    """A server that says everything back, and a proxy before it."""
    heard = []

    async def serve(reader, writer):
        while data := await reader.read(1000):
            heard.append(data)
            writer.write(data)
        writer.close()

    async def opened():
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        proxy = await TcpProxy(("127.0.0.1", server.sockets[0].getsockname()[1])).listen()
        proxy.heard = heard
        return server, proxy

    server, proxy = io_loop.run_sync(opened)
    yield proxy

    async def closed():
        await proxy.close()
        server.close()
        await asyncio.sleep(0.05)

    io_loop.run_sync(closed)


async def say(proxy: TcpProxy, word: bytes = b"hello") -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    try:
        writer.write(word)
        return await reader.read(100)
    except OSError:
        return b""
    finally:
        writer.close()


async def test_it_passes_everything_on(echo):
    assert await say(echo, b"abc") == b"abc"


async def test_an_answer_can_be_lost_after_it_was_given(echo):
    echo.trouble = Trouble(lost_answers=1.0)
    assert await say(echo) == b"" and echo.heard == [b"hello"] and echo.answers_lost == 1


async def test_a_stall_holds_everything_and_lets_it_go(echo):
    echo.trouble = Trouble(stalled=True)
    asked = asyncio.ensure_future(say(echo))
    await asyncio.sleep(0.1)
    assert not asked.done() and not echo.heard
    echo.trouble = Trouble()
    assert await asked == b"hello"


async def test_a_cut_ends_every_connection_and_a_refusal_every_new_one(echo):
    echo.trouble = Trouble(stalled=True)
    asked = asyncio.ensure_future(say(echo))
    await asyncio.sleep(0.05)
    echo.cut()
    assert await asked == b""
    echo.trouble = Trouble(refused=True)
    assert await say(echo) == b"" and not echo.heard


@pytest.mark.parametrize(("url", "upstream"), [
    ("unix://:secret@/tmp/a%20b/redis.sock", ("/tmp/a b/redis.sock", ":secret@")), ("redis://127.0.0.1:7000", (("127.0.0.1", 7000), "")),
    ("redis://me:it@10.0.0.1:7000/0", (("10.0.0.1", 7000), "me:it@"))])
async def test_it_finds_its_way_from_a_url(url, upstream):
    assert upstream_of(url) == upstream
