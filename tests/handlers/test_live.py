"""The live socket over a real port: admission, origins, frames, slow readers, drain."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
import tornado.web
from tornado.httpclient import HTTPClientError, HTTPRequest
from tornado.websocket import websocket_connect

from handlers.live import CampaignSocket, origin_allowed
from handlers.live_socket import MAX_MESSAGE_BYTES
from server.errors import NotAuthorised
from server.kiosks import KioskClosed
from tests.server.live_world import FIGURES, Source, until

HOSTS = frozenset({"h5.example.cn"})
UPGRADE = (b"GET /live/campaigns/salute-the-flag HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
           b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
           b"Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n")


@pytest.fixture
def source() -> Source:
    return Source()


class FakeKiosks:
    """Knows one link."""

    async def look(self, token: str, slug: str, view: str, now: float) -> object:
        if (token, slug, view) != ("hall", "salute-the-flag", "wall"):
            raise KioskClosed()
        return object()


class FakeStaff:
    """Knows one session."""

    async def of_session(self, secret: str | None, now: float) -> object:
        if secret != "wall":
            raise NotAuthorised("STAFF_SESSION_MISSING", "请先登录")
        return object()


@pytest.fixture
def app(source: Source, io_loop: Any) -> Iterator[tornado.web.Application]:
    live = source.live(tick_seconds=0.02, heartbeat_seconds=0.2)
    yield tornado.web.Application(
        [(r"/live/campaigns/([a-z0-9-]+)", CampaignSocket)],
        services=SimpleNamespace(live=live, staff=FakeStaff(), kiosks=FakeKiosks()), clock=lambda: source.now, hosts=HOSTS)
    io_loop.run_sync(live.close)


def url(http_port: int, slug: str = "salute-the-flag") -> str:
    return f"ws://127.0.0.1:{http_port}/live/campaigns/{slug}"


async def read(connection: Any) -> dict[str, Any]:
    message = await asyncio.wait_for(connection.read_message(), 2)
    assert message is not None, "the server closed"
    return dict(json.loads(message))


async def refusal(request: HTTPRequest | str) -> tuple[int, str]:
    with pytest.raises(HTTPClientError) as refused:
        await websocket_connect(request)
    return refused.value.code, refused.value.response.headers.get("Retry-After", "")


@pytest.mark.gen_test
async def test_a_reader_gets_a_snapshot_then_deltas(http_server: Any, http_port: int, app: Any, source: Source) -> None:
    connection = await websocket_connect(url(http_port))
    first = await read(connection)
    assert (first["type"], first["participants"]) == ("snapshot", 10)
    source.figures = replace(FIGURES, participants=11, by_region={"350602": 11})
    second = await read(connection)
    assert {key: second[key] for key in second if key != "as_of"} == {
        "type": "delta", "id": first["id"] + 1, "participants": 11, "by_region": {"350602": 11}}
    assert (await read(connection))["type"] == "heartbeat"
    connection.close()
    await until(lambda: app.settings["services"].live._sockets == 0)


@pytest.mark.gen_test
async def test_a_long_frame_arrives_whole(http_server: Any, http_port: int, source: Source) -> None:
    source.figures = replace(FIGURES, by_region={f"{i:06d}": i for i in range(8000)})
    connection = await websocket_connect(url(http_port))
    assert len((await read(connection))["by_region"]) == 8002
    connection.close()


@pytest.mark.parametrize(("origin", "allowed"), [
    (None, True), ("", True), ("https://h5.example.cn", True), ("http://127.0.0.1:1234", True),
    ("https://servicewechat.com", True), ("https://wx1.servicewechat.com", True), ("https://evilservicewechat.com", False),
    ("https://servicewechat.com.evil.cn", False), ("https://evil.cn", False), ("null", False), ("http://[", False)])
def test_origins(origin: str | None, allowed: bool) -> None:
    assert origin_allowed(origin, "127.0.0.1:8888", HOSTS) is allowed


@pytest.mark.gen_test
async def test_refusals_come_before_the_upgrade(http_server: Any, http_port: int, http_client: Any) -> None:
    assert (await refusal(HTTPRequest(url(http_port), headers={"Origin": "https://evil.cn"})))[0] == 403
    assert (await refusal(url(http_port, "another")))[0] == 404
    answer = await http_client.fetch(url(http_port).replace("ws:", "http:"), raise_error=False)
    assert (answer.code, json.loads(answer.body)["error"]["code"]) == (400, "UPGRADE_REQUIRED")


@pytest.mark.gen_test
async def test_a_full_process_answers_503_at_the_upgrade(http_server: Any, http_port: int) -> None:
    connections = [await websocket_connect(url(http_port)) for _ in range(3)]
    for connection in connections:
        await read(connection)
    assert await refusal(url(http_port)) == (503, "5")
    wall = await websocket_connect(HTTPRequest(url(http_port), headers={"Cookie": "wenming_staff=wall"}))
    assert (await read(wall))["type"] == "snapshot"
    hall = await websocket_connect(HTTPRequest(url(http_port), headers={"Cookie": "wenming_kiosk_wall_salute-the-flag=hall"}))
    assert (await read(hall))["type"] == "snapshot"
    revoked = HTTPRequest(url(http_port), headers={"Cookie": "wenming_kiosk_wall_salute-the-flag=revoked"})
    assert await refusal(revoked) == (503, "5")
    hall.close()
    wall.close()
    await asyncio.sleep(0.05)
    connections[0].close()
    await asyncio.sleep(0.05)
    (await websocket_connect(url(http_port))).close()


@pytest.mark.gen_test
async def test_drain_closes_with_restarting(http_server: Any, http_port: int, app: Any) -> None:
    connection = await websocket_connect(url(http_port))
    await read(connection)
    await app.settings["services"].live.close()
    while await connection.read_message() is not None:
        pass
    assert connection.close_code == 1012
    assert (await refusal(url(http_port)))[0] == 503


@pytest.mark.gen_test
async def test_a_reader_that_vanished_or_talks_too_much_is_dropped(
        http_server: Any, http_port: int, app: Any, source: Source) -> None:
    live = app.settings["services"].live
    talker = await websocket_connect(url(http_port))
    await read(talker)
    await talker.write_message("x" * 100)
    await talker.write_message("x" * (MAX_MESSAGE_BYTES + 1))
    await until(lambda: live._sockets == 0)
    reader, writer = await asyncio.open_connection("127.0.0.1", http_port)
    writer.write(UPGRADE)
    head = await reader.readuntil(b"\r\n\r\n")
    assert b"101" in head
    assert b"permessage-deflate" not in head
    await until(lambda: live._sockets == 1)
    writer.transport.abort()
    source.figures = replace(FIGURES, participants=12)
    await until(lambda: live._sockets == 0)


@pytest.mark.gen_test
async def test_a_reader_that_does_not_read_holds_little_and_continues_at_the_newest(
        http_server: Any, http_port: int, app: Any, source: Source) -> None:
    raw = socket.socket()
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    raw.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(raw, ("127.0.0.1", http_port))
    await loop.sock_sendall(raw, UPGRADE)
    live = app.settings["services"].live
    await until(lambda: live._sockets == 1)
    channel = live._channels["salute-the-flag"]
    (reader,) = channel.readers
    await until(lambda: channel.view is not None)
    number = 0
    while not channel.behind and number < 400:
        number += 1
        source.figures = replace(FIGURES, participants=100 + number, by_region={f"{i:06d}": i + number for i in range(300)})
        await asyncio.sleep(0.02)
    assert channel.behind == {reader}
    held = reader._transport.get_write_buffer_size()
    assert held < 64 * 1024
    source.figures = replace(source.figures, participants=999)
    await asyncio.sleep(0.1)
    assert reader._transport.get_write_buffer_size() <= held, "frames pile up for a slow reader"
    received = b""
    async with asyncio.timeout(5):
        while b'"participants":999' not in received:
            received += await loop.sock_recv(raw, 65536)
    assert received.rfind(b'"type":"snapshot"') > received.find(b'"type":"delta"')
    raw.close()
    await until(lambda: live._sockets == 0)
