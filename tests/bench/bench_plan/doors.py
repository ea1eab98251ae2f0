"""Through the doors of a running product: what a page, a count, a login, a salute and a poster cost, in processor time and in bytes."""

from __future__ import annotations

import gzip
import json
import random
import socket
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

from server.clock import iso
from server.embedded import free_port
from server.live.view import SHOWN_MINUTES
from server.rehearsal.kills import cpu_seconds
from server.rehearsal.lines import request
from tests.product import ROOT, Product

# In rounds, of which the median stands: somebody else may use the machine in one of them.
ROUNDS, PAGES, LOGINS, READS = 5, 200, 60, 20
# What a process does anyway is taken off.
IDLE_SECONDS = 3.0
SLUG, REGION = "salute-the-flag", "350602"
NOON = 1_790_827_200
READY_SECONDS = 30
# On a machine that others fill, the first poster took longer than ten seconds.
ANSWER_SECONDS = 60


class Connection:
    """One connection kept open; counts what comes over it."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), ANSWER_SECONDS)
        self._host = f"127.0.0.1:{port}"

    def ask(self, method: str, path: str, token: str = "", body: bytes = b"") -> tuple[int, bytes, int, int]:
        """Status, body, bytes sent and bytes received."""
        text = request(method, path, self._host, token, body)
        if method == "GET":
            text = text.replace(b"\r\n\r\n", b"\r\nAccept-Encoding: gzip\r\n\r\n")
        self._socket.sendall(text)
        got = b""
        while b"\r\n\r\n" not in got:
            got += self._more()
        head, _, rest = got.partition(b"\r\n\r\n")
        fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
        while len(rest) < int(fields.get(b"content-length", 0)):
            rest += self._more()
        return int(head.split()[1]), rest, len(text), len(head) + 4 + len(rest)

    def _more(self) -> bytes:
        data = self._socket.recv(1 << 16)
        assert data, "it hung up"
        return data

    def close(self) -> None:
        self._socket.close()


def web_process(product: Product) -> tuple[subprocess.Popen[bytes], int]:
    """One more process of the web role, beside the product, and its port."""
    port, until = free_port(), time.monotonic() + READY_SECONDS
    process = subprocess.Popen([sys.executable, "-m", "server", "serve", "--role", "web"], cwd=ROOT, stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, env={**product.environ, "WENMING_PORT": str(port)})
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return process, port
        except OSError:
            assert time.monotonic() < until and process.poll() is None, "it is not ready"
            time.sleep(0.1)


class Meter:
    """Processor time of one process beyond what it takes while nobody asks."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        before = cpu_seconds(pid)
        time.sleep(IDLE_SECONDS)
        self._idle = (cpu_seconds(pid) - before) / IDLE_SECONDS

    def us_of(self, work: Callable[[], object], count: int) -> float:
        """Of one call of `work`, which is made so often."""
        used, began = cpu_seconds(self._pid), time.monotonic()
        for _ in range(count):
            work()
        return 1e6 * (cpu_seconds(self._pid) - used - self._idle * (time.monotonic() - began)) / count


def measured(folder: Path) -> dict[str, float]:
    product = Product(folder / "data", WENMING_LOG_LEVEL="WARNING")
    product.start()
    process, port = web_process(product)
    connection = Connection(port)
    try:
        tokens, meter = product.tokens(READS), Meter(process.pid)
        return {**page(connection, meter), **counters(connection), **login(connection, meter, product), **salute(product, tokens),
                **poster(connection, tokens[0])}
    finally:
        connection.close()
        process.terminate()
        process.wait(20)
        product.stop()


def page(connection: Connection, meter: Meter) -> dict[str, float]:
    """The campaign page as the web role makes it; a proxy cannot keep it, since it says who is signed in."""
    def once() -> None:
        assert connection.ask("GET", f"/c/{SLUG}")[0] == 200

    for _ in range(20):  # warm
        once()
    return {"page_us": round(statistics.median(meter.us_of(once, PAGES) for _ in range(ROUNDS))),
            "html_bytes": connection.ask("GET", f"/c/{SLUG}")[3]}


def counters(connection: Connection) -> dict[str, float]:
    """As it is in a crowd: every figure large, two hours of minutes, and compressed as nginx does it (gzip, level 1)."""
    status, body, _, size = connection.ask("GET", f"/api/v1/campaigns/{SLUG}/counters")
    assert status == 200
    told, chance = json.loads(body), random.Random(1)
    for name in ("by_activity", "by_region"):
        told[name] = {code: chance.randrange(10_000, 1_000_000) for code in told[name]}
    told |= {"participants": 2_198_200, "participations": 2_637_879,
             "by_minute": [[iso(NOON + 60 * n), chance.randrange(1000, 100_000)] for n in range(SHOWN_MINUTES)]}
    crowded = gzip.compress(json.dumps(told, separators=(",", ":")).encode(), 1)
    return {"counters_bytes": size - len(body) + len(crowded)}


def login(connection: Connection, meter: Meter, product: Product) -> dict[str, float]:
    """Somebody whom we have never seen: a code of the sandbox, asked of it over HTTP, a number and an identity."""
    def code() -> str:
        return sandbox(product, "login", {"openid": sandbox(product, "citizens", {})["openid"]})["code"]

    codes = iter([code() for _ in range(ROUNDS * LOGINS)])

    def once() -> None:
        status, body, _, _ = connection.ask("POST", "/api/v1/session/miniprogram", body=json.dumps({"code": next(codes)}).encode())
        assert status == 200, body

    return {"login_us": round(statistics.median(meter.us_of(once, LOGINS) for _ in range(ROUNDS)))}


def sandbox(product: Product, what: str, said: dict[str, str]) -> dict[str, str]:
    asked = urllib.request.Request(f"http://127.0.0.1:{product.sandbox}/sandbox/{what}", json.dumps(said).encode(),
                                   {"Content-Type": "application/json"})
    with urllib.request.urlopen(asked, timeout=10) as answer:
        found: dict[str, str] = json.load(answer)
    return found


def salute(product: Product, tokens: list[str]) -> dict[str, float]:
    connection = Connection(product.intake)
    sizes = []
    for token in tokens:
        body = json.dumps({"activity": "salute", "region": REGION}).encode()
        status, _, sent, received = connection.ask("POST", f"/api/v1/campaigns/{SLUG}/participations", token, body)
        assert status == 201
        sizes.append((sent, received))
    connection.close()
    return {"salute_in_bytes": max(sent for sent, _ in sizes), "salute_out_bytes": max(received for _, received in sizes)}


def poster(connection: Connection, token: str) -> dict[str, float]:
    until = time.monotonic() + READY_SECONDS
    while True:
        status, _, _, size = connection.ask("GET", f"/api/v1/campaigns/{SLUG}/posters/me.jpg", token)
        if status == 200:
            return {"poster_kb": round(size / 1024, 1)}
        assert status in (202, 503) and time.monotonic() < until, status
        time.sleep(0.5)

