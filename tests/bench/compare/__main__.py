"""Runs every contender in turn, several rounds, and prints medians and ratios. `make bench` runs it.

The measured server has core 0 for itself; the load tool and Redis share core 1. One tool,
the same requests, the same Redis; five alternating rounds, so that a noisy minute falls on all alike. A ratio is taken
within each round, from runs of the same half minute, and its median is shown.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import redis

from server.embedded import free_port
from server.plan import figures
from server.rehearsal.kills import cpu_seconds
from tests.product import ROOT, Product

HERE = Path(__file__).parent
SERVER_CORE, OTHER_CORE = 0, max(os.sched_getaffinity(0))
# For each contender its own, so that none counts citizens whom another has counted.
TOKENS = 500_000
READY_SECONDS = 30
# Which ratio is wanted of whom to whom, as a goal of ours; the prototypes reached what stands in brackets.
GOALS = (("intake everysec", "starlette hello", 1.6), ("intake everysec", "fastapi same job", 12.0),
         ("intake everysec", "bare httptools", 0.33), ("intake always", "starlette hello", 0.9), ("intake always", "fastapi same job", 7.0),
         ("two intakes", "intake everysec", 0.85))
# Side by side on one core their rate says nothing; the time of a salute says whether twice the cores would be 1.7 times the rate.
TWO = ("two intakes", "intake everysec")


@dataclass
class Contender:
    """`pids` serve `port`; `fsync` is what Redis is told for the run."""

    name: str
    port: int
    pids: list[int]
    fsync: str = "everysec"
    rates: list[float] = field(default_factory=list)
    cpu_us: list[float] = field(default_factory=list)
    p99_ms: list[float] = field(default_factory=list)
    refused: int = 0
    tokens: Path = Path()

    def row(self) -> dict[str, Any]:
        return {"name": self.name, "requests_per_second": round(statistics.median(self.rates)),
                "cpu_us_per_request": round(statistics.median(self.cpu_us), 1), "p99_ms": round(statistics.median(self.p99_ms), 1),
                "refused": self.refused, "rates": [round(rate) for rate in self.rates]}


def main() -> int:
    options = argparse.ArgumentParser(prog="python -m tests.bench.compare", description=__doc__)
    options.add_argument("--seconds", type=int, default=4)
    options.add_argument("--runs", type=int, default=5)
    options.add_argument("--connections", type=int, default=512,
                         help="as many clients, each waiting for its answer before it asks again: what a proxy holds open in a crowd")
    options.add_argument("--only", default="", help="names of contenders, with commas; all of them else")
    options.add_argument("--out", type=Path)
    options.add_argument("--figures", type=Path, help="write what the plan needs into this file, such as server/plan/figures.json")
    asked = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="wenming-bench-") as name:
        product = Product(Path(name) / "data", WENMING_LOG_LEVEL="WARNING")
        product.start()
        try:
            with contenders(product, list(filter(None, asked.only.split(",")))) as field_:
                for contender in field_:
                    contender.tokens = Path(name) / f"tokens-{contender.name.replace(' ', '-')}"
                    made = product.command("tokens", "--count", str(TOKENS), "--out", str(contender.tokens))
                    assert made.returncode == 0, made.stderr
                # The ledger is another role, on another core where there is one; here it rests while the doors are measured, and
                # its journal grows. What it costs is measured by the rehearsal.
                os.kill(product.process.pid, signal.SIGSTOP)
                measure(field_, product, asked)
            report = {"machine": machine(Path(name)), "date": str(date.today()), "runs": asked.runs, "seconds": asked.seconds,
                      "connections": asked.connections,
                      "contenders": [one.row() for one in field_], "ratios": ratios(field_)}
        finally:
            product.kill()
    print(table(report))
    if asked.out:
        asked.out.write_text(json.dumps(report, ensure_ascii=False, indent=1), "utf-8")
    if asked.figures:
        figures.note(asked.figures, for_plan(report), "make bench", date.today())
    return 0


def for_plan(report: dict[str, Any]) -> dict[str, float]:
    """What one salute costs an intake, of those contenders that ran."""
    names = {"intake always": "intake_us_always", "intake everysec": "intake_us_everysec"}
    return {names[row["name"]]: row["cpu_us_per_request"] for row in report["contenders"] if row["name"] in names}


@contextmanager
def contenders(product: Product, only: list[str]) -> Iterator[list[Contender]]:
    """Every server up and pinned, each of ours in a process of its own beside the running product."""
    started: list[subprocess.Popen[bytes]] = []
    secret = product.run["secret_key"]
    log = product.folder.parent / "bench.log"

    def start(*words: str, **environ: str) -> int:
        with log.open("ab") as file:
            process = subprocess.Popen([sys.executable, *words], cwd=ROOT, env={**product.environ, **environ}, stdin=subprocess.DEVNULL,
                                       stdout=file, stderr=file)
        started.append(process)
        return process.pid

    def uvicorn(module: str, port: int, **environ: str) -> int:
        return start("-m", "uvicorn", f"tests.bench.compare.{module}:app", "--host", "127.0.0.1", "--port", str(port), "--loop", "uvloop",
                     "--http", "httptools", "--no-access-log", "--log-level", "warning", **environ)

    def role(name: str, port: int) -> int:
        return start("-m", "server", "serve", "--role", name, WENMING_PORT=str(free_port() if name == "intake" else port),
                     WENMING_INTAKE_PORT=str(port if name == "intake" else free_port()))

    try:
        ports = [free_port() for _ in range(6)]
        one, two = [role("intake", ports[0])], [role("intake", ports[1]), role("intake", ports[1])]
        made = [Contender("intake everysec", ports[0], one), Contender("intake always", ports[0], one, "always"),
                Contender("two intakes", ports[1], two), Contender("tornado door", ports[2], [role("web", ports[2])]),
                Contender("starlette hello", ports[3], [uvicorn("starlette_hello", ports[3])]),
                Contender("fastapi same job", ports[4],
                          [uvicorn("fastapi_job", ports[4], WENMING_SECRET_KEY=secret, PEER_REDIS_URL=product.run["redis_url"])]),
                Contender("bare httptools", ports[5], [start("-m", "tests.bench.compare.bare_hello", str(ports[5]))])]
        for contender in made:
            wait_for(contender.port, log)
        for process in started:
            pin(process.pid, SERVER_CORE)
        for pid in (product.process.pid, product.pid_of("redis-server"), product.pid_of("nx-27017")):
            pin(pid, OTHER_CORE)
        yield [contender for contender in made if not only or contender.name in only]
    finally:
        for process in started:
            process.kill()
        for process in started:
            process.wait(10)


def measure(field_: list[Contender], product: Product, asked: argparse.Namespace) -> None:
    client = redis.Redis.from_url(product.run["redis_url"])
    for number in range(asked.runs):
        for contender in field_:
            client.config_set("appendfsync", contender.fsync)
            load(contender, asked.connections, 1, seed=number * 100)  # warm
            before = sum(cpu_seconds(pid) for pid in contender.pids)
            said = load(contender, asked.connections, asked.seconds, seed=number * 100 + 1)
            used = sum(cpu_seconds(pid) for pid in contender.pids) - before
            contender.rates.append(said["requests"] / said["seconds"])
            contender.cpu_us.append(1e6 * used / said["requests"])
            contender.p99_ms.append(said["p99_ms"])
            contender.refused += said["refused"] + said["failed"]
            print(f"  {number + 1}/{asked.runs}  {contender.name:<18}{contender.rates[-1]:>8.0f}/s", file=sys.stderr, flush=True)


def load(contender: Contender, connections: int, seconds: int, seed: int) -> dict[str, Any]:
    done = subprocess.run(
        ["taskset", "-c", str(OTHER_CORE), "wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-s", str(HERE / "salute.lua"),
         f"http://127.0.0.1:{contender.port}"],
        env={**os.environ, "BENCH_TOKENS": str(contender.tokens), "BENCH_SEED": str(seed)}, capture_output=True, text=True,
        timeout=seconds + 60, check=True)
    said: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return said


def wait_for(port: int, log: Path) -> None:
    import socket

    until = time.monotonic() + READY_SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            assert time.monotonic() < until, log.read_text()
            time.sleep(0.1)


def pin(pid: int, core: int) -> None:
    for thread in os.listdir(f"/proc/{pid}/task"):
        os.sched_setaffinity(int(thread), {core})


def machine(folder: Path) -> dict[str, Any]:
    """Where this was measured, and what its disk takes to keep 4 KB for good."""
    known = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.split(":")[1].strip() for line in known if line.startswith("model name")), "")
    times = []
    with (folder / "fsync").open("wb") as file:
        for _ in range(200):
            file.write(os.urandom(4096))
            file.flush()
            began = time.perf_counter()
            os.fsync(file.fileno())
            times.append(time.perf_counter() - began)
    return {"cpu": model, "cores": os.cpu_count(), "python": platform.python_version(),
            "fsync_ms": round(1000 * statistics.median(times), 2)}


def ratios(field_: list[Contender]) -> list[dict[str, Any]]:
    """By rate, and by processor time: how much of the other's time one of ours takes. Medians over the rounds."""
    named = {one.name: one for one in field_}

    def median(numerators: list[float], denominators: list[float]) -> float:
        return round(statistics.median(a / b for a, b in zip(numerators, denominators, strict=True)), 2)

    return [{"ours": ours, "theirs": theirs, "goal": goal,
             "by_rate": None if (ours, theirs) == TWO else median(named[ours].rates, named[theirs].rates),
             "by_cpu": median(named[theirs].cpu_us, named[ours].cpu_us)}
            for ours, theirs, goal in GOALS if {ours, theirs} <= set(named)]


def table(report: dict[str, Any]) -> str:
    where = report["machine"]
    lines = [f"{where['cpu']}, {where['cores']} cores, Python {where['python']}, fsync of 4 KB {where['fsync_ms']} ms, {report['date']}",
             f"medians of {report['runs']} alternating runs of {report['seconds']} s, one server core, {report['connections']} connections",
             "",
             f"{'':<20}{'requests/s':>12}{'CPU µs each':>14}{'p99 ms':>9}{'not 2xx':>9}"]
    lines += [f"{row['name']:<20}{row['requests_per_second']:>12,}{row['cpu_us_per_request']:>14}{row['p99_ms']:>9}{row['refused']:>9}"
              for row in report["contenders"]]
    lines += ["", f"{'ratio':<40}{'by rate':>9}{'by CPU':>9}{'goal':>8}"]
    lines += [f"{ratio['ours'] + ' / ' + ratio['theirs']:<40}{ratio['by_rate'] or '-':>9}{ratio['by_cpu']:>9}{ratio['goal']:>8}"
              for ratio in report["ratios"]]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
