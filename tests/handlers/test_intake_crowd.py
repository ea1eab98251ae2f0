"""A crowd at the intake port, and one greedy client in it: nobody is lost in the line, nobody holds the loop."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time

import pytest

from handlers import intake
from handlers.intake import connection
from server.counting import admission
from tests.handlers.wire import BODY, Wire, participants, raw, request

pytestmark = pytest.mark.gen_test(timeout=40)


class TestTurns:
    """A crowd is read in turns: nobody is lost in the line, nobody overtakes, nobody holds the loop."""

    @pytest.fixture(autouse=True)
    def every_turn_is_over_at_once(self, monkeypatch):
        monkeypatch.setattr(intake, "TURN_PIECES", 1)

    async def test_everybody_in_line_is_answered(self, app):
        async def one(n):
            wire = await Wire.to(app)
            await wire.send(request((await app.citizen())["Authorization"]))
            found = await wire.answer()
            await wire.close()
            return found[0]

        assert set(await asyncio.gather(*(one(n) for n in range(40)))) == {201}
        assert await participants(app) == 40

    async def test_answers_stay_in_their_order(self, app, wire):
        citizens = [(await app.citizen())["Authorization"] for _ in range(30)]
        wrong = b'{"activity":"none","region":"350602"}'
        for n, citizen in enumerate(citizens):
            await wire.send(request(citizen, BODY if n % 3 else wrong))
        assert [(await wire.answer())[0] for _ in citizens] == [201 if n % 3 else 422 for n in range(30)]

    async def test_who_closes_her_half_in_line_gets_her_answer(self, app, wire, wang):
        await wire.send(request(wang))
        wire.writer.write_eof()
        assert (await wire.answer())[0] == 201
        assert await wire.ended() == b""

    async def test_who_waited_too_long_in_line_is_told_so(self, app, wire, wang, monkeypatch):
        monkeypatch.setattr(intake.Intake, "may_read", lambda *_: False)
        monkeypatch.setattr(admission, "MAX_WAIT_SECONDS", 0.0)
        await wire.send(request(wang))
        status, headers, body = await wire.answer()
        assert status == 503 and headers["retry-after"] and json.loads(body)["error"]["code"] == "BUSY"
        assert await participants(app) == 0


class TestLateLine:
    """Past what the process can do, somebody is still served: were only the oldest read, everybody would be too late for ever."""

    class Waiting:
        def __init__(self, name, waited_seconds, served):
            self.in_line_since = time.monotonic() - waited_seconds
            self.take_turn = lambda: served.append(name)

    def served(self, app, waits):
        door, served = intake.Intake(app.services, time.time), []
        for name, seconds in enumerate(waits):
            door._line.append(self.Waiting(name, seconds, served))
        door._read_line()
        return served, door

    async def test_while_nobody_waits_too_long_the_order_of_coming_holds(self, app):
        served, _ = self.served(app, [0.01, 0.008, 0.005, 0.001])
        assert served == [0, 1, 2, 3]

    async def test_once_the_oldest_are_late_every_other_is_the_newest(self, app):
        served, door = self.served(app, [9, 8, 7, 0.002, 0.001])
        assert served == [4, 0, 3, 1, 2] and not door._line

    async def test_who_has_more_to_be_read_stands_behind_all_others(self, app, monkeypatch):
        monkeypatch.setattr(intake, "TURN_PIECES", 2)
        door, served = intake.Intake(app.services, time.time), []
        door.turn_is_called = True
        greedy, other, third = (self.Waiting(name, 0, served) for name in ("greedy", "other", "third"))
        greedy.take_turn = lambda: (served.append("greedy"), door.line_up(greedy))
        door._line.extend((greedy, other, third))
        door._read_line()
        assert served == ["greedy", "other"] and list(door._line) == [third, greedy]

    async def test_one_whose_turn_fails_loses_nobody_the_place(self, app):
        door, served = intake.Intake(app.services, time.time), []

        def fails():
            raise RuntimeError("a bug")

        broken, other = (self.Waiting(name, 0, served) for name in ("broken", "other"))
        broken.take_turn = fails
        door._line.extend((broken, other))
        with pytest.raises(RuntimeError):
            door._read_line()
        assert list(door._line) == [other]


class TestOneGreedyClient:
    @pytest.mark.parametrize("head", ["Content-Length: 5\r\nX-Endless: ", "Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nX-Endless: "])
    async def test_a_field_without_end_is_refused(self, app, wire, wang, head):
        await wire.send(raw(wang).removesuffix(b"\r\n") + head.encode())
        answer = asyncio.create_task(wire.answer())
        for _ in range(2 * connection.MAX_REQUEST_BYTES // 4096):
            await wire.send(b"a" * 4096)
            await asyncio.sleep(0.005)
            if answer.done():
                break
        assert (await answer)[0] == 431 and await participants(app) == 0

    async def test_a_body_in_single_bytes_is_kept_as_one(self, app, wire, wang):
        """Else each piece of it would walk over all that came before: a turn of a few bytes would take a tenth of a second."""
        await wire.send(raw(wang, "Transfer-Encoding: chunked"))
        await asyncio.sleep(0.05)
        await wire.send(b"1\r\n \r\n" * 8000)
        [one] = app.intake_connections
        while sum(map(len, one._body)) < 8000:
            await asyncio.sleep(0.01)
        await wire.send(b"1")
        await asyncio.sleep(0.05)
        assert [len(part) for part in one._body] == [8000]
        await wire.send(b"\r\n \r\n0\r\n\r\n")
        assert (await wire.answer())[0] == 422

    async def test_thousands_of_requests_at_once_are_a_few_at_a_time(self, app, wire, monkeypatch):
        most, tiny = 0, b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n"
        real = app.services.counting.count

        def count(callers, now):
            nonlocal most
            most = max(most, *(len(c._unanswered) for c in app.intake_connections))
            real(callers, now)

        monkeypatch.setattr(app.services.counting, "count", count, raising=False)
        citizen = (await app.citizen())["Authorization"]
        sending = asyncio.create_task(wire.send(request(citizen) * 2000 + tiny * 3000))
        statuses = [(await wire.answer())[0] for _ in range(5000)]
        await sending
        assert set(statuses[:2000]) <= {200, 201, 503} and set(statuses[2000:]) <= {404, 503}
        assert 0 < most <= connection.MAX_PIPELINED + connection.PIECE_BYTES // len(tiny) + 1

    async def test_one_who_reads_no_answers_is_cut(self, app, wire, wang, monkeypatch):
        monkeypatch.setattr(connection, "REQUEST_TIMEOUT_SECONDS", 0.2)
        with contextlib.suppress(ConnectionError, TimeoutError):
            for _ in range(100):
                await asyncio.wait_for(wire.send(request("Bearer wrong") * 500), 2)
        assert app.intake_connections
        until = time.monotonic() + 15
        while app.intake_connections and time.monotonic() < until:
            await asyncio.sleep(0.1)
        assert not app.intake_connections
