"""Fourteen thousand readers of the live figures, a thousand salutes a second, and a restart. `make bench-live` runs it (some two minutes).

A product of its own, and one more process of the role `live` that has all the readers; they are two other processes on this
machine, over loopback. Processor time is the live process's own, so that it holds on a machine that others use too; times of delivery
also hold what the readers and whoever else is there take of the cores.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from bisect import bisect_left
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import tornado.websocket
import uvloop

from server.embedded import free_port
from server.plan import figures
from server.rehearsal.kills import cpu_seconds, resident_bytes
from server.rehearsal.lines import Line, request
from tests.bench.bench_live.deliveries import deliveries, percentile
from tests.bench.bench_live.readers import SLUG, Records
from tests.live_process import LiveProcess
from tests.product import ROOT, Product

# As the issue of all this has it; a process of readers holds half.
READERS, PROCESSES = 14_000, 2
SALUTES_PER_SECOND = 1000
COME_SECONDS, CROWD_SECONDS, STORM_SECONDS = 15, 25, 25
STORM_JITTER_SECONDS = 10
# Enough that each second's salutes find a free one.
LINES = 64
# Of a process: its own files, beside one a reader.
OTHER_FILES = 64
READY_SECONDS = 30
GOALS = {"p99_ms": 500, "cpu_seconds_per_tick": 0.35, "kb_per_socket": 20, "lag_p95_seconds": 2}
REGION = "350602"


class Wall:
    """One more reader, that reads what the frames say."""

    def __init__(self, port: int) -> None:
        self.url = f"ws://127.0.0.1:{port}/live/campaigns/{SLUG}"
        self.times: list[float] = []
        self.totals: list[int] = []

    async def watch(self) -> None:
        while True:
            try:
                socket = await tornado.websocket.websocket_connect(self.url)
                while (message := await socket.read_message()) is not None:
                    self._hear(json.loads(message))
            except OSError:
                pass  # it is being restarted
            await asyncio.sleep(0.5)

    def _hear(self, told: dict[str, Any]) -> None:
        if (total := told.get("participants")) is not None:
            self.times.append(time.monotonic())
            self.totals.append(total)

    def lags(self, answers: list[tuple[float, int]]) -> list[float]:
        """How long after each answer (time, ordinal) the wall had it, sorted. One shard gives ordinals as totals."""
        found = []
        for at, ordinal in answers:
            where = bisect_left(self.totals, ordinal)
            found.append(max(0.0, self.times[where] - at) if where < len(self.totals) else float("inf"))
        return sorted(found)


class Salutes:
    """So many new citizens a second at the intake, whatever the answers take."""

    def __init__(self, port: int, tokens: list[str]) -> None:
        self.port, self.tokens = port, tokens
        self.answers: list[tuple[float, int]] = []
        self.refused = self.late = 0

    async def come(self, per_second: int, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        lines = [Line("127.0.0.1", self.port) for _ in range(LINES)]
        began, sent = loop.time(), 0
        while (elapsed := loop.time() - began) < seconds:
            for line in lines:
                line.look()
            idle = [line for line in lines if line.idle]
            due = int(elapsed * per_second) - sent
            self.late = max(self.late, due - len(idle))
            for line in idle[:due]:
                line.send(self._salute(), self._answered)
                sent += 1
            await asyncio.sleep(0.005)
        until = loop.time() + 8
        while any(not line.idle for line in lines) and loop.time() < until:
            await asyncio.sleep(0.05)
        for line in lines:
            line.close()

    def _salute(self) -> bytes:
        body = json.dumps({"activity": "salute", "region": REGION}).encode()
        return request("POST", f"/api/v1/campaigns/{SLUG}/participations", "127.0.0.1", self.tokens.pop(), body)

    def _answered(self, status: int, retry_after: int, body: bytes, seconds: float) -> None:
        if status == 201:
            self.answers.append((time.monotonic(), json.loads(body)["ordinal"]))
        else:
            self.refused += 1


class Crowds:
    """The processes of readers."""

    def __init__(self, port: int, readers: int, folder: Path) -> None:
        share = readers // PROCESSES
        self.outs = [folder / f"readers-{number}" for number in range(PROCESSES)]
        self.processes = [subprocess.Popen([sys.executable, "-m", "tests.bench.bench_live.readers", str(port), str(share), str(out)],
                                           cwd=ROOT, stdin=subprocess.PIPE) for out in self.outs]

    def say(self, line: str) -> None:
        for process in self.processes:
            assert process.stdin is not None
            process.stdin.write(line.encode() + b"\n")
            process.stdin.flush()

    def records(self) -> list[Records]:
        """End them, and what they wrote down."""
        for process in self.processes:
            process.stdin.close()  # type: ignore[union-attr]
        for process in self.processes:
            assert process.wait(30) == 0
        return [Records.read(out) for out in self.outs]

    def kill(self) -> None:
        for process in self.processes:
            process.kill()
            process.wait(10)


def main() -> int:
    options = argparse.ArgumentParser(prog="python -m tests.bench.bench_live", description=__doc__)
    options.add_argument("--readers", type=int, default=READERS)
    options.add_argument("--out", type=Path)
    options.add_argument("--figures", type=Path, help="write what the plan needs into this file, such as server/plan/figures.json")
    asked = options.parse_args()
    readers = within_limits(asked.readers)
    with tempfile.TemporaryDirectory(prefix="wenming-bench-") as name:
        product = Product(Path(name) / "data", WENMING_LOG_LEVEL="WARNING")
        product.start()
        try:
            report = uvloop.run(measure(product, readers, Path(name)))
        finally:
            product.kill()
    print(table(report))
    if asked.out:
        asked.out.write_text(json.dumps(report, ensure_ascii=False, indent=1), "utf-8")
    if asked.figures:
        figures.note(asked.figures, for_plan(report, readers), "make bench-live", date.today(),
                     {"live_us": f"{report['cpu_seconds_per_tick']} s a tick for {readers:,} readers"})
    return 0


def for_plan(report: dict[str, Any], readers: int) -> dict[str, float]:
    """What one frame to one socket costs, and a socket."""
    return {"live_us": round(1e6 * report["cpu_seconds_per_tick"] / readers, 1), "live_sockets": readers,
            "socket_kb": report["kb_per_socket"]}


def within_limits(wanted: int) -> int:
    """As many readers as one process may have sockets here; says so where that is fewer."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard - min(4096, hard // 4) - OTHER_FILES)
    if most < wanted:
        print(f"only {most:,} of {wanted:,} readers: a process may open {hard:,} files here (ulimit -Hn)", file=sys.stderr)
    return most


async def measure(product: Product, readers: int, folder: Path) -> dict[str, Any]:
    port = free_port()
    tokens = await asyncio.to_thread(product.tokens, SALUTES_PER_SECOND * (CROWD_SECONDS + STORM_SECONDS))
    live, crowds = LiveProcess(product, port), Crowds(port, readers, folder)
    salutes, wall, successor = Salutes(product.intake, tokens), Wall(port), None
    report: dict[str, Any] = {"readers": readers, "load_average": os.getloadavg()[0]}
    watching = asyncio.create_task(wall.watch())
    try:
        await until(live.listens, "the live process does not listen")
        await until(lambda: bool(wall.totals), "no snapshot")
        await connect(crowds, live, readers, report)
        marks = await crowd(salutes, live, report)
        await at_rest(product, salutes, wall, report)
        successor, came = await storm(product, salutes, crowds, live, port, report)
        records = await asyncio.to_thread(crowds.records)
    finally:
        watching.cancel()
        crowds.kill()
        for one in filter(None, (live, successor)):
            one.end()
    report["lag_seconds"] = {name: round(percentile(wall.lags(salutes.answers[:marks[2]]), share), 2)
                             for name, share in (("p50", 0.5), ("p95", 0.95), ("most", 1.0))}
    judge_ticks(records, marks, came[0], report)
    judge_storm(records, came, readers, report)
    return report


async def until(what: Callable[[], bool], problem: str, seconds: float = READY_SECONDS) -> None:
    async with asyncio.timeout(seconds):
        while not await asyncio.to_thread(what):
            await asyncio.sleep(0.1)
    assert what(), problem


async def connect(crowds: Crowds, live: LiveProcess, readers: int, report: dict[str, Any]) -> None:
    say(f"{readers:,} readers come within {COME_SECONDS} s")
    files, memory, cpu = live.files(), resident_bytes(live.pid), cpu_seconds(live.pid)
    crowds.say(f"come {COME_SECONDS}")
    await until(lambda: live.files() >= files + readers, "not all came", 60)
    await asyncio.sleep(2)
    report["kb_per_socket"] = round((resident_bytes(live.pid) - memory) / readers / 1024, 1)
    report["cpu_ms_per_handshake"] = round(1000 * (cpu_seconds(live.pid) - cpu) / readers, 2)


async def crowd(salutes: Salutes, live: LiveProcess, report: dict[str, Any]) -> tuple[float, float, int]:
    """The thousand a second; gives when it began and ended, and how many were answered."""
    say(f"{SALUTES_PER_SECOND:,} salutes a second for {CROWD_SECONDS} s")
    began, cpu = time.monotonic(), cpu_seconds(live.pid)
    await salutes.come(SALUTES_PER_SECOND, CROWD_SECONDS)
    ended = time.monotonic()
    report |= {"live_cpu_seconds": cpu_seconds(live.pid) - cpu, "answered": len(salutes.answers), "refused": salutes.refused,
               "late": salutes.late}
    return began, ended, len(salutes.answers)


async def at_rest(product: Product, salutes: Salutes, wall: Wall, report: dict[str, Any]) -> None:
    say("at rest: the wall beside the ledger")
    await until(lambda: wall.totals[-1] >= len(salutes.answers), "the wall never had all")
    await asyncio.sleep(2)
    audit = await asyncio.to_thread(product.audit)
    report["at_rest"] = {"wall": wall.totals[-1], "ledger": audit["participants"]["documents"], "audit_ok": audit["ok"],
                         "fell": any(b < a for a, b in zip(wall.totals, wall.totals[1:], strict=False))}


async def storm(product: Product, salutes: Salutes, crowds: Crowds, live: LiveProcess, port: int,
                report: dict[str, Any]) -> tuple[LiveProcess, tuple[float, float]]:
    """A new process beside the old, which is then stopped: everybody comes back while the salutes go on."""
    say(f"restart: all come back within {STORM_JITTER_SECONDS} s")
    crowds.say(f"jitter {STORM_JITTER_SECONDS}")  # none is lost before, so nobody has used another
    successor = LiveProcess(product, port)
    await until(successor.listens, "the new process does not listen")
    coming = asyncio.create_task(salutes.come(SALUTES_PER_SECOND, STORM_SECONDS))
    await asyncio.sleep(2)
    began, cpu = time.monotonic(), cpu_seconds(successor.pid)
    live.process.send_signal(signal.SIGTERM)
    await coming
    report["storm"] = {"new_process_cpu_seconds": round(cpu_seconds(successor.pid) - cpu, 1),
                       "old_process_ended": live.process.poll() == 0}
    return successor, (began, time.monotonic())


def judge_ticks(records: list[Records], marks: tuple[float, float, int], restart: float, report: dict[str, Any]) -> None:
    opened = [{reader: at for at, what, reader in record.events if what == "open" and at < marks[0]} for record in records]
    found = deliveries(records, opened, marks[0], marks[1], restart)
    report["ticks"] = {"line": found.line, "ticks": found.ticks, "wanted": found.wanted, "lost": found.lost, "skipped": found.skipped,
                       "p50_ms": round(1000 * percentile(found.delays, 0.5)), "p99_ms": round(1000 * percentile(found.delays, 0.99))}
    report["cpu_seconds_per_tick"] = round(report.pop("live_cpu_seconds") / max(1, found.ticks), 3)


def judge_storm(records: list[Records], came: tuple[float, float], readers: int, report: dict[str, Any]) -> None:
    events = [event for record in records for event in record.events if event[0] >= came[0]]
    counts = {what: sum(said == what for _, said, _ in events) for what in sorted({said for _, said, _ in events})}
    back = [{reader: at for at, what, reader in record.events if what == "open" and at >= came[0]} for record in records]
    times = sorted(at - came[0] for one in back for at in one.values())
    found = deliveries(records, back, came[0], came[1] - 2, float("inf"))
    report["storm"] |= {"events": counts, "back": len(times), "p50_back_seconds": round(percentile(times, 0.5), 1),
                        "all_back_seconds": round(times[-1], 1) if len(times) == readers else None, "line": found.line,
                        "lost": found.lost}


def say(line: str) -> None:
    print(f"  {line}", file=sys.stderr, flush=True)


def table(report: dict[str, Any]) -> str:
    storm_, rest, lag = report["storm"], report["at_rest"], report["lag_seconds"]
    return "\n".join([
        f"{os.cpu_count()} cores, load average {report['load_average']:.1f} before it began; {report['readers']:,} readers in {PROCESSES} "
        "other processes over loopback",
        f"ticks             {report['ticks']['line']}  (goal: lost 0, p99 <= {GOALS['p99_ms']} ms)",
        f"processor         {report['cpu_seconds_per_tick']} s a tick of the live process (goal <= {GOALS['cpu_seconds_per_tick']}), "
        f"{report['cpu_ms_per_handshake']} ms a handshake",
        f"memory            {report['kb_per_socket']} KB a socket in the live process (goal <= {GOALS['kb_per_socket']})",
        f"salutes           {report['answered']:,} answered, {report['refused']} refused, at most {report['late']} behind the clock",
        f"lag of the wall   p50 {lag['p50']} s, p95 {lag['p95']} s, longest {lag['most']} s (goal p95 <= {GOALS['lag_p95_seconds']} s)",
        f"at rest           wall {rest['wall']:,}, ledger {rest['ledger']:,}, audit {'ok' if rest['audit_ok'] else 'NOT ok'}, "
        f"the total {'FELL' if rest['fell'] else 'never fell'}",
        f"restart           {storm_['back']:,} back, half after {storm_['p50_back_seconds']} s, all after {storm_['all_back_seconds']} s; "
        f"{storm_['new_process_cpu_seconds']} s of processor; {storm_['events']}",
        f"                  to those who were back: {storm_['line']}"])


if __name__ == "__main__":
    sys.exit(main())
