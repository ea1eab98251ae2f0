"""A process that stops: whoever was let in, or stands at the door, is answered; the answers say that the connection ends."""

from __future__ import annotations

import asyncio
import errno
import json
import socket
import time

import pytest
import tornado.web

from handlers import doors, intake
from handlers.doors import WebServer
from tests.handlers.wire import BODY, Wire, participants, request

pytestmark = pytest.mark.gen_test(timeout=40)
CROWD = 40


class Slow(tornado.web.RequestHandler):
    """Answers when it is let go."""

    async def get(self) -> None:
        waiting: asyncio.Event = self.application.settings["asked"]
        waiting.set()
        await self.application.settings["go"].wait()
        self.finish("answered")


@pytest.fixture
def door(app, io_loop):
    made = intake.Intake(app.services, time.time)
    made.port = io_loop.run_sync(lambda: made.listen("127.0.0.1", 0, reuse_port=True))
    yield made
    io_loop.run_sync(lambda: made.close(quiet_seconds=0))


@pytest.fixture
def web(io_loop):
    async def opened() -> WebServer:
        made = WebServer(tornado.web.Application([("/slow", Slow)], asked=asyncio.Event(), go=asyncio.Event()))
        made.open("127.0.0.1", 0)
        made.port = made._listening[0].getsockname()[1]
        return made

    made = io_loop.run_sync(opened)
    yield made
    io_loop.run_sync(lambda: made.drain(0, 0))


async def connect(port: int) -> Wire:
    return Wire(*await asyncio.open_connection("127.0.0.1", port))


def at_the_door(port: int, data: bytes) -> socket.socket:
    """Somebody whom the kernel has let in, and this loop, which is not let go here, has not."""
    one = socket.create_connection(("127.0.0.1", port), 5)
    one.sendall(data)
    one.setblocking(False)
    return one


async def all_of(one: socket.socket) -> bytes:
    """Everything that comes until the other side hangs up. Raises ConnectionResetError."""
    loop, got = asyncio.get_running_loop(), b""
    try:
        while piece := await asyncio.wait_for(loop.sock_recv(one, 65536), 10):
            got += piece
    finally:
        one.close()
    return got


class TestIntake:
    async def test_one_that_leaves_serves_on_and_tells_each_connection_that_it_ends(self, app, door, wang):
        before = await connect(door.port)
        await before.send(request(wang))
        status, headers, _ = await before.answer()
        assert status == 201 and "connection" not in headers
        door.leave()
        after = await connect(door.port)
        for wire in (before, after):
            await wire.send(request(wang))
            status, headers, _ = await wire.answer()
            assert (status, headers["connection"]) == (200, "close") and await wire.ended() == b""
            await wire.close()

    async def test_all_that_came_together_is_answered_and_only_the_last_says_so(self, app, door, wang):
        door.leave()
        wire = await connect(door.port)
        await wire.send(request(wang) * 3)
        answers = [await wire.answer() for _ in range(3)]
        assert [status for status, _, _ in answers] == [201, 200, 200]
        assert [headers.get("connection") for _, headers, _ in answers] == [None, None, "close"]
        assert await wire.ended() == b""
        await wire.close()

    async def test_a_request_that_was_half_sent_is_waited_for(self, app, door, wang):
        wire = await connect(door.port)
        whole = request(wang)
        await wire.send(whole[:-10])
        await asyncio.sleep(0.05)
        closing = asyncio.create_task(door.close(quiet_seconds=0))
        await asyncio.sleep(0.05)
        await wire.send(whole[-10:])
        status, headers, _ = await wire.answer()
        assert (status, headers["connection"]) == (201, "close")
        assert await closing == 0
        await wire.close()

    async def test_who_stands_at_the_door_is_let_in_before_it_closes(self, app, door):
        citizens = [(await app.citizen())["Authorization"] for _ in range(CROWD)]
        crowd = [at_the_door(door.port, request(citizen)) for citizen in citizens]
        assert await door.close() == 0
        answers = await asyncio.gather(*map(all_of, crowd))
        assert all(answer.startswith(b"HTTP/1.1 201 ") and b"\r\nConnection: close\r\n" in answer for answer in answers)
        assert await participants(app) == CROWD

    async def test_who_never_ends_is_cut_and_counted(self, app, door, wang):
        wire = await connect(door.port)
        await wire.send(request(wang)[:-10])
        await asyncio.sleep(0.05)
        assert await door.close(grace_seconds=0.1) == 1
        await wire.close()


class TestWeb:
    async def test_what_is_being_answered_is_answered_to_its_end(self, web):
        wire, quiet = await connect(web.port), await connect(web.port)
        await wire.send(request(method="GET", path="/slow", body=b""))
        await web.request_callback.settings["asked"].wait()
        draining = asyncio.create_task(web.drain(10, 0))
        assert await quiet.ended() == b""
        with pytest.raises(OSError):
            await connect(web.port)
        web.request_callback.settings["go"].set()
        assert (await wire.answer())[2] == b"answered"
        assert await draining == 0
        await wire.close()
        await quiet.close()

    async def test_one_that_leaves_serves_on_and_tells_each_connection_that_it_ends(self, web):
        web.request_callback.settings["go"].set()
        wire = await connect(web.port)
        await wire.send(request(method="GET", path="/slow", body=b""))
        assert "connection" not in (await wire.answer())[1]
        web.leave()
        await wire.send(request(method="GET", path="/slow", body=b""))
        status, headers, _ = await wire.answer()
        assert (status, headers["connection"]) == (200, "close") and await wire.ended() == b""
        await wire.close()

    async def test_who_stands_at_the_door_is_let_in_before_it_closes(self, web):
        web.request_callback.settings["go"].set()
        crowd = [at_the_door(web.port, request(method="GET", path="/slow", body=b"")) for _ in range(CROWD)]
        assert await web.drain(10) == 0
        assert all(answer.endswith(b"answered") for answer in await asyncio.gather(*map(all_of, crowd)))

    async def test_who_never_ends_is_cut_and_counted(self, web):
        wire = await connect(web.port)
        await wire.send(request(method="GET", path="/slow", body=b""))
        await web.request_callback.settings["asked"].wait()
        assert await web.drain(0.1, 0) == 1
        assert await wire.ended() == b""
        await wire.close()


async def test_two_at_one_port_lose_nobody_when_one_stops(app):
    """The kernel shares newcomers out over both; those of the one which stops are answered by it, all others by the other."""
    first, second = intake.Intake(app.services, time.time), intake.Intake(app.services, time.time)
    port = await first.listen("127.0.0.1", 0, reuse_port=True)
    await second.listen("127.0.0.1", port, reuse_port=True)
    citizens = [(await app.citizen())["Authorization"] for _ in range(CROWD)]
    crowd = [at_the_door(port, request(citizen, BODY, extra="Connection: close")) for citizen in citizens]
    assert await first.close() == 0
    crowd += [at_the_door(port, request(citizen, BODY, extra="Connection: close")) for citizen in citizens]
    answers = await asyncio.gather(*map(all_of, crowd))
    assert all(answer.startswith((b"HTTP/1.1 201 ", b"HTTP/1.1 200 ")) for answer in answers)
    ordinals = [json.loads(answer.partition(b"\r\n\r\n")[2])["ordinal"] for answer in answers]
    assert ordinals[:CROWD] == ordinals[CROWD:] and sorted(set(ordinals)) == list(range(1, CROWD + 1))
    await second.close(quiet_seconds=0)


async def test_whom_the_kernel_let_in_is_found_and_nobody_else():
    listening = doors.listening("127.0.0.1", 0)
    port = listening[0].getsockname()[1]
    assert doors.waiting_at(listening) == []
    crowd = [at_the_door(port, b"x") for _ in range(3)]
    found = doors.waiting_at(listening)
    assert sorted(one.getpeername() for one in found) == sorted(one.getsockname() for one in crowd)
    for one in (*found, *crowd, *listening):
        one.close()


async def test_a_process_without_a_file_left_lets_nobody_in_and_closes_all_the_same():
    class Full(socket.socket):
        def accept(self):
            raise OSError(errno.EMFILE, "too many open files")

    with Full() as one:
        assert doors.waiting_at([one]) == []
