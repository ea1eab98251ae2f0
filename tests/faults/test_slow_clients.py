"""Clients that hold connections and send next to nothing: they are cut, others are served meanwhile, and nothing of them stays."""

from __future__ import annotations

import asyncio
import json
import os
import resource
from urllib.parse import urlsplit

import pytest

from handlers import intake
from handlers.intake import connection
from server.rehearsal.kills import resident_bytes
from tests.app_world import SLUG, open_app

pytestmark = pytest.mark.gen_test(timeout=110)
HEAD = f"POST /api/v1/campaigns/{SLUG}/participations HTTP/1.1\r\nHost: x\r\nContent-Length: 500\r\n".encode()
MOST_GROWTH_BYTES = 64 * 1024 * 1024
SALUTE = json.dumps({"activity": "salute", "region": "350602"}).encode()


@pytest.fixture
def app(monkeypatch, io_loop, stores, tmp_path):
    """The limits are shortened: what is tried is that they are kept, by many at once."""
    monkeypatch.setattr(connection, "REQUEST_TIMEOUT_SECONDS", 1.5)
    monkeypatch.setattr(intake, "CHECK_SECONDS", 0.25)
    context = open_app(stores, tmp_path)
    yield io_loop.run_sync(context.__aenter__)
    io_loop.run_sync(lambda: context.__aexit__(None, None, None))


async def slow(host: str, port: int, begin: bytes, drop: bytes) -> bytes:
    """Send the beginning, then a byte now and then; returns what came back before it was cut."""
    reader, writer = await asyncio.open_connection(host, port)
    writer.write(begin)
    cut = asyncio.ensure_future(reader.read())
    try:
        while not cut.done():
            writer.write(drop)
            await asyncio.wait({cut}, timeout=0.3)
        return cut.result()
    except OSError:
        return b""
    finally:
        writer.close()


async def siege(app, count: int) -> None:
    parts = urlsplit(app.intake)
    before, files = resident_bytes(os.getpid()), len(os.listdir("/proc/self/fd"))
    slow_ones = [asyncio.ensure_future(slow(parts.hostname, parts.port, begin, drop)) for _ in range(count // 2)
                 for begin, drop in ((HEAD, b"X"), (HEAD + b"\r\n{", b" "))]  # a header, and a body, that never end
    await asyncio.sleep(0.5)
    served = 0
    while not all(one.done() for one in slow_ones):
        answer = await app.fetch(f"/api/v1/campaigns/{SLUG}/participations", "POST", SALUTE, base=app.intake, **await app.citizen())
        # Where the machine itself is busy, the door may ask her to come again, as it asks everybody; the slow ones must not starve her.
        assert answer.code == 201 or (answer.code == 503 and "Retry-After" in answer.headers)
        served += answer.code == 201
        await asyncio.sleep(0.02)
    assert served > 3
    assert {one.result() for one in slow_ones} == {b""}
    await asyncio.sleep(0.3)
    assert len(os.listdir("/proc/self/fd")) <= files + 60  # those of the healthy client stay
    assert resident_bytes(os.getpid()) - before < MOST_GROWTH_BYTES


async def test_300_of_them(app):
    await siege(app, 300)


@pytest.mark.long
@pytest.mark.gen_test(timeout=300)
@pytest.mark.timeout(320)
async def test_5000_of_them(app):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(20_000, hard), hard))
    try:
        await siege(app, 5000)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.parametrize(("flood", "statuses"), [
    (HEAD.replace(b"500", b"9000") + b"\r\n" + b" " * 9000, {b"413"}),
    (HEAD + b"".join(b"X-%d: %s\r\n" % (n, b"y" * 100) for n in range(100_000)), {b"431"}),
    (HEAD + b"Content-Length: 7\r\n\r\n" + b" " * 500, {b"400"}),
    (HEAD + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", {b"400"}),
    (HEAD.replace(b"500", b"-1") + b"\r\n", {b"400"})], ids=["large body", "many headers", "two lengths", "length and chunks", "no length"])
async def test_what_is_too_large_or_says_two_things_is_refused_and_cut(app, flood, statuses):
    parts = urlsplit(app.intake)
    before = resident_bytes(os.getpid())
    for _ in range(5):
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        try:
            writer.write(flood)
            answer = await asyncio.wait_for(reader.read(), 10)
        except OSError:
            answer = b""  # cut while we still wrote
        finally:
            writer.close()
        assert not answer or answer.split(b" ", 2)[1] in statuses
    assert resident_bytes(os.getpid()) - before < MOST_GROWTH_BYTES
