"""Bytes that no browser sends: whatever comes, the intake answers or closes in time, and nothing stays behind."""

from __future__ import annotations

import asyncio
import os
import re
import time
from collections import Counter

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from server.rehearsal.kills import resident_bytes
from tests.app_world import SLUG
from tests.product import Product

PATH = f"/api/v1/campaigns/{SLUG}/participations".encode()
STATUSES = {200, 201, 204, 400, 401, 403, 404, 405, 409, 413, 422, 431, 503, 100}
ANSWER_SECONDS = 5.0
# Python's own arenas come and go by some megabytes; a leak of one small object an input would show in the long run.
MOST_GROWTH_BYTES = 24 * 1024 * 1024

words = st.binary(max_size=40)
methods = st.sampled_from([b"POST", b"POST", b"POST",
                           b"GET", b"HEAD", b"OPTIONS", b"PUT", b"DELETE", b"CONNECT", b"PRI", b"", b"post", b"P\0ST"])
paths = st.one_of(st.just(PATH), st.just(PATH), st.just(PATH), words.map(lambda word: PATH + word), words.map(lambda word: b"/" + word),
                  st.sampled_from([b"*", b"http://x" + PATH, PATH + b"?" + b"a" * 9000, b"//", b"/%00", PATH.replace(b"api", b"%61pi")]))
versions = st.sampled_from([b"HTTP/1.1", b"HTTP/1.1", b"HTTP/1.1", b"HTTP/1.0", b"HTTP/2.0", b"HTTP/9.9", b"HTTP", b""])
bodies = st.one_of(
    st.just(b'{"activity":"salute","region":"350602"}'), st.just(b'{"activity":"salute","region":"350602"}'), words,
    st.sampled_from([b"", b"{}", b"[]", b"null", b"{" * 500, b"[" * 5000, b'{"activity":"\xff"}', b'{"activity":"sal\\u0000ute"}', b"1e999",
                     b'{"activity":1}', b'{"activity":"salute","region":"' + b"9" * 3000 + b'"}', b"x" * 9000, b'{"activity":"salute",' * 9,
                     b'{"activity":"salute","region":"350602","receipt":"' + b"A" * 400 + b'"}', b'\xef\xbb\xbf{"activity":"salute"}']))


@st.composite
def requests(draw, token: str) -> bytes:
    body = draw(bodies)
    length = str(len(body)).encode()
    lines = draw(st.lists(st.sampled_from([
        b"Authorization: Bearer " + token.encode(), b"Authorization: Bearer " + token.encode(), b"Authorization: Bearer x",
        b"Authorization: Basic eA==", b"Cookie: wenming_citizen=" + token.encode(), b"Cookie: " + b"a=b; " * 300, b"Expect: 100-continue",
        b"Expect: nonsense", b"Connection: close", b"Connection: upgrade", b"Upgrade: h2c", b"Transfer-Encoding: chunked",
        b"Transfer-Encoding: gzip", b"Content-Length: -1", b"Content-Length: 99999999999999999999", b"Content-Length: 0x10",
        b"Content-Length: " + length, b"Content-Length: 5", b"X: " + b"y" * 7000, b": no name", b"No colon", b" Folded: yes", b"X\0Y: z",
        b"Origin: http://127.0.0.1:8888", b"Content-Type: text/plain", b"X-Forwarded-For: 1.2.3.4"]), max_size=7))
    if draw(st.booleans()):
        lines.append(b"Content-Length: " + length)
    if draw(st.sampled_from([True, True, True, False])):  # a good salute but for what was drawn
        lines = [b"Host: h", b"Authorization: Bearer " + token.encode(), *lines[:draw(st.integers(0, 3))], b"Content-Length: " + length]
    elif draw(st.booleans()):
        lines.append(b"Host: h")
    if draw(st.integers(0, 40)) == 0:
        lines += [b"X-%d: y" % n for n in range(2000)]
    newline = draw(st.sampled_from([b"\r\n", b"\r\n", b"\r\n", b"\r\n", b"\n", b"\r"]))
    head = newline.join([b" ".join([draw(methods), draw(paths), draw(versions)]), *lines, b"", b""])
    return head + body


@st.composite
def inputs(draw, token: str) -> list[bytes]:
    """Up to four requests on one connection, with bytes changed, cut out or put in, sent in pieces."""
    data = bytearray(b"".join(draw(st.lists(requests(token), min_size=1, max_size=4))))
    for _ in range(draw(st.sampled_from([0, 0, 0, 1, 2, 8]))):
        at = draw(st.integers(0, max(0, len(data) - 1)))
        data[at:at + draw(st.integers(0, 3))] = draw(st.binary(max_size=3))
    cuts = sorted(draw(st.lists(st.integers(0, len(data)), max_size=3)))
    return [bytes(data[a:b]) for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True) if b > a]


async def ask(host: str, port: int, pieces: list[bytes]) -> bytes:
    """Everything that comes back until the intake closes. Raises TimeoutError when it does neither."""
    reader, writer = await asyncio.open_connection(host, port)
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            for n, piece in enumerate(pieces):
                if n:
                    await asyncio.sleep(0)
                writer.write(piece)
            writer.write_eof()
            return await reader.read()
    except TimeoutError:
        raise
    except OSError:
        return b""  # it was closed under our hands, which is an answer too
    finally:
        writer.close()


@pytest.fixture
def product(tmp_path):
    """A process of its own: what hypothesis remembers must not be taken for what the intake keeps."""
    made = Product(tmp_path / "data")
    made.start()
    yield made
    made.kill()


def fuzz(io_loop, product: Product, examples: int) -> Counter[int]:
    [token] = product.tokens(1)
    seen: Counter[int] = Counter()
    marks: list[tuple[int, int]] = []

    def measure() -> tuple[int, int]:
        """Memory and open files of the server."""
        pid = product.process.pid
        return resident_bytes(pid), len(os.listdir(f"/proc/{pid}/fd"))

    # No shrinking: it would ask the same server a thousand times more, and the failing input is printed whole.
    @settings(max_examples=examples, derandomize=True, phases=[Phase.generate], deadline=None, database=None,
              suppress_health_check=list(HealthCheck))
    @given(inputs(token))
    def one(pieces: list[bytes]) -> None:
        answer = io_loop.run_sync(lambda: ask("127.0.0.1", product.intake, pieces))
        statuses = [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) [A-Z]", answer)]
        assert set(statuses) <= STATUSES, (pieces, answer)
        seen.update(statuses or [0])
        seen["inputs"] += 1
        if seen["inputs"] == 1000:
            marks.append(measure())

    one()
    time.sleep(1)
    (before, files), (after, files_left) = marks[0], measure()
    assert after - before < MOST_GROWTH_BYTES, f"{after - before} bytes were kept"
    assert files_left <= files + 8, f"{files_left - files} files stay open"
    report = product.audit()  # one token: whatever was understood of all that, it was one citizen
    assert report["ok"] and report["participants"]["cells"] == 1, report
    return seen


@pytest.mark.timeout(250)
def test_5000_inputs(io_loop, product):
    seen = fuzz(io_loop, product, 5000)
    # It was no wall: every kind of refusal was reached, and some salutes were good.
    assert {200, 201, 400, 401, 404, 405, 413, 422, 431} <= set(seen), seen


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_200000_inputs(io_loop, product):
    fuzz(io_loop, product, 200_000)
