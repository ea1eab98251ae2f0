"""The intake port, byte by byte: HTTP/1.1 as phones, proxies and attackers speak it."""

from __future__ import annotations

import asyncio
import json
import time

import pytest

from handlers import intake
from handlers.intake import connection
from tests.app_world import open_app
from tests.handlers.wire import BODY, PATH, Wire, participants, raw, request

pytestmark = pytest.mark.gen_test(timeout=40)

class TestConnections:
    async def test_one_connection_serves_many(self, app, wire, wang):
        for expected in (201, 200, 200):
            await wire.send(request(wang))
            assert (await wire.answer())[0] == expected

    async def test_pipelined_requests_are_answered_in_their_order(self, app, wire):
        citizens = [(await app.citizen())["Authorization"] for _ in range(20)]
        wrong = b'{"activity":"none","region":"350602"}'
        await wire.send(b"".join(request(citizen, BODY if n % 3 else wrong) for n, citizen in enumerate(citizens)))
        assert [(await wire.answer())[0] for _ in citizens] == [201 if n % 3 else 422 for n in range(20)]

    async def test_more_than_it_holds_wait_and_none_is_lost(self, app, wire):
        citizens = [(await app.citizen())["Authorization"] for _ in range(connection.MAX_PIPELINED * 3)]
        sending = asyncio.create_task(wire.send(b"".join(map(request, citizens))))
        assert {(await wire.answer())[0] for _ in citizens} == {201}
        await sending
        assert await participants(app) == len(citizens)

    async def test_a_request_in_single_bytes_is_a_request(self, app, wire, wang):
        for byte in request(wang):
            await wire.send(bytes([byte]))
        assert (await wire.answer())[0] == 201

    @pytest.mark.parametrize(("version", "extra", "stays"), [
        ("1.1", "", True), ("1.1", "Connection: close", False), ("1.1", "Connection: Close", False), ("1.0", "", False),
        ("1.0", "Connection: keep-alive", True)])
    async def test_it_stays_open_as_the_client_wants(self, app, wire, wang, version, extra, stays):
        await wire.send(request(wang, version=version, extra=extra))
        status, headers, _ = await wire.answer()
        said = {("1.1", True): None, ("1.0", True): "keep-alive"}.get((version, stays), "close")
        assert (status, headers.get("connection")) == (201, said)
        if stays:
            await wire.send(request(wang))
            assert (await wire.answer())[0] == 200
        else:
            assert await wire.ended() == b""

    async def test_whoever_closes_her_half_still_gets_the_answer(self, app, wire, wang):
        await wire.send(request(wang))
        wire.writer.write_eof()
        assert (await wire.answer())[0] == 201

    async def test_who_hangs_up_at_once_is_counted_once_and_harms_nobody(self, app, wire, wang):
        await wire.send(request(wang))
        await wire.close()
        other = await Wire.to(app)
        await other.send(request(wang))
        assert (await other.answer())[0] in (200, 201)
        assert await participants(app) == 1
        await other.close()


    async def test_what_comes_behind_a_last_request_gets_no_answer(self, app, wire, wang):
        await wire.send(request(wang, extra="Connection: close") + request(wang))
        assert (await wire.answer())[0] == 201
        assert await wire.ended() == b""


class TestBodies:
    async def test_expect_100_is_met(self, app, wire, wang):
        await wire.send(raw(wang, "Expect: 100-continue", f"Content-Length: {len(BODY)}"))
        assert (await wire.answer())[0] == 100
        await wire.send(BODY)
        assert (await wire.answer())[0] == 201

    async def test_100_does_not_overtake_an_earlier_answer(self, app, wire, wang):
        await wire.send(request(wang) + raw(wang, "Expect: 100-continue", f"Content-Length: {len(BODY)}"))
        assert [(await wire.answer())[0] for _ in range(2)] == [201, 100]
        await wire.send(BODY)
        assert (await wire.answer())[0] == 200

    async def test_expect_100_with_a_body_that_is_too_large_is_413_before_it_comes(self, app, wire, wang):
        await wire.send(raw(wang, "Expect: 100-continue", "Content-Length: 9000"))
        assert (await wire.answer())[0] == 413
        assert await wire.ended() == b""

    async def test_chunks_are_a_body(self, app, wire, wang):
        await wire.send(raw(wang, "Transfer-Encoding: chunked", body=b"".join(b"1\r\n%c\r\n" % byte for byte in BODY) + b"0\r\n\r\n"))
        assert (await wire.answer())[0] == 201

    async def test_chunks_without_end_are_413(self, app, wire, wang):
        await wire.send(raw(wang, "Transfer-Encoding: chunked", body=b"1000\r\n" + b"x" * 4096 + b"\r\n"))
        await wire.send(b"1001\r\n" + b"x" * 4097 + b"\r\n")
        assert (await wire.answer())[0] == 413
        assert await participants(app) == 0

    @pytest.mark.parametrize("lines", [
        (f"Content-Length: {len(BODY)}", "Transfer-Encoding: chunked"), ("Transfer-Encoding: chunked", f"Content-Length: {len(BODY)}"),
        ("Content-Length: 5", f"Content-Length: {len(BODY)}"), (f"Content-Length: {len(BODY)}, 5",), ("Content-Length: -1",),
        ("Content-Length: +39",), ("Content-Length: 0x27",), ("Content-Length: ",), ("Content-Length: 99999999999999999999999",),
        ("Transfer-Encoding: gzip, chunked, x",), ("Transfer-Encoding: xchunked",), ("Transfer-Encoding : chunked",),
        ("A: b\x00c",), (" Folded: header",), ("NoColon",), (": empty",)])
    async def test_what_two_readers_could_read_in_two_ways_is_refused(self, app, wire, wang, lines):
        await wire.send(raw(wang, *lines, body=BODY) + request(wang, method="GET", path="/smuggled"))
        status, _, _ = await wire.answer()
        assert status in (400, 413)
        assert b"/smuggled" not in await wire.ended()
        assert await participants(app) == 0

    @pytest.mark.parametrize("body", [b"zz\r\n", b"-1\r\n", b"5\r\nabc", b"ffffffffffffffffff\r\n", b"3\nabc\n0\n\n",
                                      b"5 5\r\nabcde\r\n0\r\n\r\n"])
    async def test_chunks_that_are_none_count_nobody(self, app, wire, wang, body):
        await wire.send(raw(wang, "Transfer-Encoding: chunked", body=body))
        wire.writer.write_eof()
        await wire.ended()
        assert await participants(app) == 0

    async def test_a_body_that_ends_too_early_counts_nobody(self, app, wire, wang):
        await wire.send(raw(wang, "Content-Length: 100", body=BODY))
        wire.writer.write_eof()
        assert await wire.ended() == b""
        assert await participants(app) == 0


class TestMethodsAndLimits:
    async def test_options_say_what_may_be_asked(self, app, wire):
        await wire.send(request(method="OPTIONS", body=b""))
        status, headers, body = await wire.answer()
        assert (status, headers["allow"], body) == (204, "POST, OPTIONS", b"")

    async def test_head_is_405_without_a_body_and_the_connection_goes_on(self, app, wire, wang):
        await wire.send(request(method="HEAD", body=b""))
        status, headers, _ = await wire.answer(head=True)
        assert (status, headers["allow"]) == (405, "POST, OPTIONS") and int(headers["content-length"]) > 0
        await wire.send(request(wang))
        assert (await wire.answer())[0] == 201

    @pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "TRACE"])
    async def test_another_method_is_405(self, app, wire, method):
        await wire.send(request(method=method, body=b""))
        status, headers, body = await wire.answer()
        assert (status, headers["allow"], json.loads(body)["error"]["code"]) == (405, "POST, OPTIONS", "METHOD_NOT_ALLOWED")

    @pytest.mark.parametrize("data", [b"hello\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00", b"GET\r\n\r\n", b"POST / HTTP/9.9\r\n\r\n",
                                      b"\x00" * 100, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"CONNECT h:443 HTTP/1.1\r\nHost: h\r\n\r\n",
                                      b"GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"])
    async def test_another_protocol_is_answered_once_and_closed(self, app, wire, data):
        await wire.send(data)
        assert 400 <= (await wire.answer())[0] < 500
        await wire.ended()

    @pytest.mark.parametrize(("version", "lines", "expected"), [
        ("1.1", (), 400), ("1.0", (), 404), ("1.1", ("Host: a", "Host: b"), 400), ("1.1", ("hOST: a",), 404)])
    async def test_a_request_names_one_host(self, app, wire, version, lines, expected):
        await wire.send("\r\n".join([f"GET / HTTP/{version}", *lines, "", ""]).encode())
        assert (await wire.answer())[0] == expected

    async def test_a_whole_address_for_a_path_is_404(self, app, wire, wang):
        await wire.send(request(wang, path=f"http://evil.example{PATH}"))
        assert (await wire.answer())[0] == 404

    @pytest.mark.parametrize("many", [f"X: {'y' * 33_000}", "\r\n".join(f"X-{n}: {'y' * 100}" for n in range(320))])
    async def test_headers_past_twice_16_kb_are_431(self, app, wire, wang, many):
        await wire.send(request(wang, extra=many))
        status, _, body = await wire.answer()
        assert (status, json.loads(body)["error"]["code"]) == (431, "HEADERS_TOO_LARGE")
        await wire.ended()
        assert await participants(app) == 0

    async def test_an_address_past_twice_16_kb_is_431(self, app, wire):
        await wire.send(request(path=PATH + "?" + "x" * 33_000))
        assert (await wire.answer())[0] == 431

    @pytest.mark.parametrize("extra", [f"X: {'y' * 15_000}", "\r\n".join(f"X-{n}: {'y' * 100}" for n in range(140))])
    async def test_headers_within_16_kb_are_served(self, app, wire, wang, extra):
        await wire.send(request(wang, extra=extra))
        assert (await wire.answer())[0] == 201


class TestFields:
    async def test_any_spelling_of_a_field_is_that_field(self, app, wire, wang):
        await wire.send(request(wang).replace(b"Authorization", b"aUTHORIZATION").replace(b"Content-Length", b"CONTENT-lENGTH"))
        assert (await wire.answer())[0] == 201

    async def test_two_bearers_are_no_bearer(self, app, wire, wang):
        """As at the web port, which joins repeated fields: nobody chooses which of two citizens is counted."""
        other = (await app.citizen())["Authorization"]
        await wire.send(request(wang, extra=f"Authorization: {other}"))
        assert (await wire.answer())[0] == 401
        assert await participants(app) == 0

    async def test_what_comes_behind_a_body_is_no_field(self, app, wire, wang):
        chunked = b"%x\r\n%b\r\n0\r\nAuthorization: %b\r\n\r\n" % (len(BODY), BODY, wang.encode())
        await wire.send(f"POST {PATH} HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n".encode() + chunked)
        assert (await wire.answer())[0] == 401

    @pytest.mark.parametrize("changes", [
        {"extra": "Connection: Upgrade\r\nUpgrade: websocket"}, {"extra": "Connection: Upgrade, close\r\nUpgrade: websocket"},
        {"extra": "Connection: Upgrade\r\nUpgrade: h2c", "version": "1.0"}, {"method": "CONNECT"}, {"method": "CONNECT", "version": "1.0"}])
    async def test_who_asks_for_another_protocol_gets_one_answer_and_is_not_counted(self, app, wire, wang, changes):
        await wire.send(request(wang, **changes))
        status, _, _ = await wire.answer()
        assert status == 400 and await wire.ended() == b""
        assert await participants(app) == 0


class TestTime:
    """The limits are shortened here; that they are kept is what is tried."""

    @pytest.fixture
    def hasty(self, monkeypatch):
        monkeypatch.setattr(connection, "REQUEST_TIMEOUT_SECONDS", 0.3)
        monkeypatch.setattr(connection, "IDLE_TIMEOUT_SECONDS", 0.6)
        monkeypatch.setattr(intake, "CHECK_SECONDS", 0.05)

    @pytest.fixture
    def app(self, hasty, io_loop, stores, tmp_path):
        context = open_app(stores, tmp_path)
        yield io_loop.run_sync(context.__aenter__)
        io_loop.run_sync(lambda: context.__aexit__(None, None, None))

    async def test_who_dribbles_is_cut(self, app, wire, wang):
        async def dribble():
            for byte in request(wang):
                await wire.send(bytes([byte]))
                await asyncio.sleep(0.02)

        dribbling = asyncio.create_task(dribble())
        assert await wire.ended() == b""
        await asyncio.gather(dribbling, return_exceptions=True)
        assert await participants(app) == 0

    async def test_so_is_who_dribbles_behind_a_whole_request(self, app, wire, wang):
        await wire.send(request(wang) + request(wang)[:40])
        assert (await wire.answer())[0] == 201
        assert await wire.ended() == b""

    async def test_an_empty_line_behind_a_request_begins_none(self, app, wire, wang, monkeypatch):
        """Some clients of old send one; that connection is quiet, not slow."""
        monkeypatch.setattr(connection, "IDLE_TIMEOUT_SECONDS", 30)
        await wire.send(request(wang) + b"\r\n")
        assert (await wire.answer())[0] == 201
        await asyncio.sleep(0.6)
        await wire.send(request(wang))
        assert (await wire.answer())[0] == 200

    async def test_a_quiet_connection_is_closed(self, app, wire, wang):
        await wire.send(request(wang))
        await wire.answer()
        assert await wire.ended() == b""

    async def test_one_that_never_spoke_is_closed_too(self, app, wire):
        assert await wire.ended() == b""


class TestClosing:
    async def test_what_was_accepted_is_answered_and_nothing_more_is_taken(self, app, wire, wang):
        door = intake.Intake(app.services, time.time)
        port = await door.listen("127.0.0.1", 0)
        connection, quiet = Wire(*await asyncio.open_connection("127.0.0.1", port)), Wire(*await asyncio.open_connection("127.0.0.1", port))
        await connection.send(request(wang))
        await asyncio.sleep(0)
        closing = asyncio.create_task(door.close(quiet_seconds=0))
        try:
            assert (await connection.answer())[0] == 201
        except asyncio.IncompleteReadError:
            pass  # it closed before the request arrived: nothing was accepted
        else:
            assert await participants(app) == 1
        assert await connection.ended() == b"" and await quiet.ended() == b""
        await closing
        with pytest.raises(OSError):
            await asyncio.open_connection("127.0.0.1", port)
        await connection.close()
        await quiet.close()


class TestReplies:
    """Whenever the counting service replies, the request is answered, and in its turn."""

    @pytest.mark.parametrize("seconds", [None, 0, 0.02])
    async def test_however_late(self, app, wire, wang, monkeypatch, seconds):
        await wire.send(request(wang))
        await wire.answer()
        real = app.services.counting.count

        def count(callers, now):
            if seconds is None:
                real(callers, now)
            else:
                asyncio.get_running_loop().call_later(seconds, real, callers, now)

        monkeypatch.setattr(app.services.counting, "count", count, raising=False)
        await wire.send(request(wang) * 3)
        assert [(await wire.answer())[0] for _ in range(3)] == [200] * 3

    @pytest.mark.parametrize("is_late", [False, True])
    async def test_a_bug_is_a_500_and_the_line_goes_on(self, app, wire, wang, monkeypatch, is_late):
        await wire.send(request(wang))
        await wire.answer()

        def count(callers, now):
            for *_, reply in callers:
                asyncio.get_running_loop().call_later(0.01, reply, RuntimeError("a bug"))

        def salute(*_):
            raise RuntimeError("a bug")

        with monkeypatch.context() as patched:
            if is_late:
                patched.setattr(app.services.counting, "count", count, raising=False)
            else:
                patched.setattr(app.services.counting._rules, "salute", salute)
            await wire.send(request(wang))
            assert (await wire.answer())[0] == 500
        await wire.send(request(wang))
        assert (await wire.answer())[0] == 200

    async def test_a_bug_in_what_a_campaign_is_read_by_is_a_500_and_nobody_stays_inside(self, app, wire, wang, monkeypatch):
        async def get(slug):
            raise RuntimeError("a bug")

        with monkeypatch.context() as patched:
            patched.setattr(app.services.campaigns, "at_hand", lambda slug: None, raising=False)
            patched.setattr(app.services.campaigns, "get", get, raising=False)
            await wire.send(request(wang))
            assert (await wire.answer())[0] == 500
        assert app.services.counting.admission.inside == 0
        await wire.send(request(wang))
        assert (await wire.answer())[0] in (200, 201)
        assert app.services.counting.admission.inside == 0


    async def test_an_answer_that_cannot_be_written_costs_that_connection_alone(self, app, wire, wang, monkeypatch):
        real = intake.answers.counted

        def counted(outcome, *rest):
            if outcome.first:
                raise RuntimeError("a bug")
            return real(outcome, *rest)

        await wire.send(request(wang))
        await wire.answer()
        monkeypatch.setattr(intake.answers, "counted", counted)
        harmed = await Wire.to(app)
        await harmed.send(request((await app.citizen())["Authorization"]))
        await wire.send(request(wang))
        assert (await wire.answer())[0] == 200
        assert await harmed.ended() == b""
        await harmed.close()
