"""The protocol of a live socket: what clients may send, what they are told, and who is still there. Bytes over real sockets."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
import tornado.web
from hypothesis import given, settings
from hypothesis import strategies as made

from handlers import live_socket
from handlers.live import CampaignSocket
from handlers.live_socket import MAX_FRAMES_BETWEEN_PINGS, MAX_MESSAGE_BYTES, PING_SECONDS, PONG_SECONDS, Socket
from tests.server.live_world import FIGURES, Source, unframed, until

UPGRADE = (b"GET /live/campaigns/salute-the-flag HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n"
           b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n")
TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


@pytest.fixture
def source() -> Source:
    return Source()


@pytest.fixture
def app(source: Source, io_loop: Any) -> Iterator[tornado.web.Application]:
    live = source.live(tick_seconds=0.02, heartbeat_seconds=0.2, max_sockets=1000)
    yield tornado.web.Application([(r"/live/campaigns/([a-z0-9-]+)", CampaignSocket)], services=SimpleNamespace(live=live),
                                  clock=lambda: source.now, hosts=frozenset())
    io_loop.run_sync(live.close)


def frame(opcode: int, payload: bytes = b"", *, final: bool = True, mask: bytes = b"\1\2\3\4", masked: bool = True) -> bytes:
    """A frame as clients send it."""
    flag, size = 128 * masked, len(payload)
    head = bytes((128 * final | opcode, flag | size)) if size < 126 else (
        bytes((128 * final | opcode, flag | 126)) + size.to_bytes(2, "big") if size < 65536 else
        bytes((128 * final | opcode, flag | 127)) + size.to_bytes(8, "big"))
    return head + (mask + bytes(byte ^ mask[n % 4] for n, byte in enumerate(payload)) if masked else payload)


class Client:
    """A reader by hand."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, head: bytes) -> None:
        self.reader, self.writer, self.head = reader, writer, head

    @classmethod
    async def come(cls, port: int, *lines: bytes) -> Client:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(UPGRADE + b"".join(line + b"\r\n" for line in lines) + b"\r\n")
        return cls(reader, writer, await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 2))

    async def frame(self) -> tuple[int, bytes]:
        """The next frame of the server: opcode and payload."""
        async with asyncio.timeout(5):
            head = await self.reader.readexactly(2)
            size = head[1]
            if size == 126:
                size = int.from_bytes(await self.reader.readexactly(2), "big")
            return head[0] & 15, await self.reader.readexactly(size)

    async def until(self, opcode: int) -> bytes:
        while (found := await self.frame())[0] != opcode:
            pass
        return found[1]

    async def closed_with(self) -> int:
        """The code of the close frame; after it there must be nothing but the end."""
        code = int.from_bytes((await self.until(CLOSE))[:2], "big")
        async with asyncio.timeout(5):
            assert await self.reader.read() == b""
        return code


Come = Callable[..., Awaitable[Client]]


@pytest.fixture
def come(http_server: Any, http_port: int, io_loop: Any) -> Iterator[Come]:
    """Brings a reader, who goes at the end of the test."""
    clients: list[Client] = []

    async def one(*lines: bytes) -> Client:
        clients.append(await Client.come(http_port, *lines))
        return clients[-1]

    yield one
    for client in clients:
        client.writer.transport.abort()
    io_loop.run_sync(lambda: asyncio.sleep(0.01))


def live_of(app: Any) -> Any:
    return app.settings["services"].live


@pytest.mark.gen_test
async def test_the_handshake_is_the_protocols_own_example(come: Come) -> None:
    client = await come(b"Sec-WebSocket-Extensions: permessage-deflate", b"Origin: https://servicewechat.com")
    head = client.head.lower()
    assert head.startswith(b"http/1.1 101 ")
    assert b"sec-websocket-accept: " + b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=".lower() in head  # RFC 6455, 1.3
    assert b"permessage-deflate" not in head
    assert (await client.frame())[0] == TEXT


@pytest.mark.parametrize("line", [(b"Version: 13", b"Version: 8"), (b"dGhlIHNhbXBsZSBub25jZQ==", b"dGhlIHNhbXBs"),
                                  (b"dGhlIHNhbXBsZSBub25jZQ==", b"\xe4\xb8\xad"), (b", Upgrade", b"")])
@pytest.mark.gen_test
async def test_other_handshakes_are_told_which_one_is_spoken(http_server: Any, http_port: int, line: tuple[bytes, bytes]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", http_port)
    writer.write(UPGRADE.replace(*line) + b"\r\n")
    head = (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 2)).lower()
    assert head.startswith(b"http/1.1 400 ")
    assert b"sec-websocket-version: 13" in head
    writer.close()


@pytest.mark.parametrize("sent", [
    frame(TEXT, b"x" * (MAX_MESSAGE_BYTES + 1)), frame(BINARY, os.urandom(1 << 20)),
    frame(TEXT, b"x" * 4000, final=False) + frame(PONG) + frame(0, b"x" * 97),
    bytes((0x81, 0xFF)) + (1 << 62).to_bytes(8, "big")], ids=["one byte", "a megabyte", "in pieces", "said to be endless"])
@pytest.mark.gen_test
async def test_a_message_over_four_kilobytes_closes_with_1009(come: Come, app: Any, sent: bytes) -> None:
    client = await come()
    client.writer.write(sent)
    assert await client.closed_with() == 1009
    client.writer.close()
    await until(lambda: live_of(app)._sockets == 0)


@pytest.mark.parametrize("sent", [
    frame(TEXT, b"hello", masked=False), bytes((0xC1, 0x80, 0, 0, 0, 0)), frame(3), frame(11), frame(PING, final=False),
    frame(PING, b"x" * 126)], ids=["unmasked", "compressed", "unknown", "unknown control", "control in pieces", "long control"])
@pytest.mark.gen_test
async def test_what_is_no_websocket_closes_with_1002(come: Come, sent: bytes) -> None:
    client = await come()
    client.writer.write(sent)
    assert await client.closed_with() == 1002


@pytest.mark.gen_test
async def test_a_flood_of_small_frames_closes_with_1008(come: Come) -> None:
    client = await come()
    client.writer.write(frame(TEXT) * MAX_FRAMES_BETWEEN_PINGS)
    client.writer.write(frame(PING, b"still here"))
    assert await client.closed_with() == 1008


@pytest.mark.gen_test
async def test_words_are_dropped_pings_answered_and_a_close_returned(come: Come, app: Any) -> None:
    client = await come()
    said = (frame(TEXT, b"x" * MAX_MESSAGE_BYTES) + frame(TEXT, b"a" * 2000, final=False) + frame(0, b"b" * 2096)
            + frame(PING, b"are you there"))
    for n in range(0, len(said), 700):  # as a network cuts it
        client.writer.write(said[n:n + 700])
        await asyncio.sleep(0)
    assert await client.until(PONG) == b"are you there"
    client.writer.write(frame(CLOSE, (1001).to_bytes(2, "big") + b"bye"))
    assert await client.closed_with() == 1001
    await until(lambda: live_of(app)._sockets == 0)


@pytest.mark.gen_test
async def test_a_close_without_a_code_is_returned_so(come: Come) -> None:
    client = await come()
    client.writer.write(frame(CLOSE))
    assert await client.until(CLOSE) == b""


@pytest.mark.gen_test
async def test_who_answers_pings_stays_and_who_never_reads_is_dropped(
        come: Come, app: Any, source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_socket, "PING_SECONDS", (0.15, 0.2))
    monkeypatch.setattr(live_socket, "PONG_SECONDS", 0.1)
    polite, deaf = await come(), await come()
    deaf.writer.transport.pause_reading()
    for _ in range(3):
        await polite.until(PING)
        polite.writer.write(frame(PONG))
    await until(lambda: live_of(app)._sockets == 1)
    source.figures = replace(FIGURES, participants=77)
    while b'"participants":77' not in await polite.until(TEXT):
        pass


@pytest.mark.gen_test
async def test_hundreds_who_do_not_read_hold_a_frame_each_and_nobody_up(
        come: Come, app: Any, source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_socket, "KERNEL_BUFFER_BYTES", 4096)
    quick = await come()
    deaf = [await come() for _ in range(200)]
    for client in deaf:
        client.writer.transport.pause_reading()
    live = live_of(app)
    channel = live._channels["salute-the-flag"]
    sizes, participants = set(), 100
    while len(channel.behind) < len(deaf):  # until the kernel's buffers of all of them are full; each change is 8 KB
        participants += 1
        source.figures = replace(FIGURES, participants=participants, by_region={f"{n:06d}": n + participants for n in range(400)})
        while b'"participants":%d' % participants not in (told := await quick.until(TEXT)):
            pass
        sizes.add(len(told))
        assert participants < 2000, "they swallow everything"
    held = [reader._transport.get_write_buffer_size() for reader in channel.readers]
    assert max(held) <= max(sizes) + 64
    for client in deaf:
        client.writer.transport.abort()
    await until(lambda: live._sockets == 1)


@pytest.mark.gen_test
async def test_hundreds_who_come_at_once_all_get_a_place_and_nobody_misses_a_tick(come: Come, source: Source) -> None:
    first = await come()
    number = json.loads(await first.until(TEXT))["id"]
    coming = asyncio.gather(*(come() for _ in range(300)))
    participants = FIGURES.participants
    while not coming.done():
        participants += 1
        source.figures = replace(FIGURES, participants=participants)
        told = json.loads(await first.until(TEXT))
        assert (told["type"], told["id"]) == ("delta", number + 1)
        number += 1
    for client in await coming:
        assert json.loads(await client.until(TEXT))["type"] == "snapshot"


def test_pings_come_under_a_minute_with_their_answers_between() -> None:
    assert 0 < PONG_SECONDS < PING_SECONDS[0] < PING_SECONDS[1] < 60
    assert PING_SECONDS[1] - PING_SECONDS[0] >= 10  # readers who came in one second are spread over many


class FakeTransport:
    """Takes everything, keeps what was said."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.ended = False

    def set_write_buffer_limits(self, high: int) -> None:
        assert high == 0

    def setsockopt(self, *option: int) -> None:
        pass

    def send(self, data: bytes) -> int:
        self.sent.append(data)
        return len(data)

    def is_closing(self) -> bool:
        return False

    def end(self) -> None:
        self.ended = True

    write_eof = close = abort = end


FRAMES = made.builds(frame, made.integers(0, 15), made.binary(max_size=200), final=made.booleans(), masked=made.booleans())


@settings(max_examples=300, deadline=None)
@given(made.lists(FRAMES | made.binary(max_size=40), max_size=30), made.lists(made.integers(1, 200), min_size=1, max_size=5))
def test_nothing_that_is_sent_breaks_it_or_is_kept(pieces: list[bytes], cuts: list[int]) -> None:
    async def play() -> None:
        source, transport = Source(), FakeTransport()
        live = source.live()
        reader = Socket(live, "salute-the-flag", transport)  # type: ignore[arg-type]
        reader.connection_made(transport)  # type: ignore[arg-type]
        data, n = b"".join(pieces), 0
        while data:
            cut = cuts[n % len(cuts)]
            reader.data_received(data[:cut])
            data, n = data[cut:], n + 1
            assert len(reader._unread) <= MAX_MESSAGE_BYTES + 14
        closes = [sent for sent in transport.sent if sent[0] == 0x88]
        assert len(closes) <= 1
        assert bool(closes) == transport.ended == reader._closing
        if closes:
            assert transport.sent[-1] is closes[0]
        assert all(unframed(sent) for sent in transport.sent if sent[0] == 0x81)
        reader.connection_lost(None)
        assert live._sockets == 0
        await live.close()

    asyncio.run(play())
