"""How much memory an export takes and how many rows it writes a second: `python -m tests.bench.bench_export [ROWS] [xlsx|csv]`.

It runs over an embedded MongoDB and Redis of its own, with made-up participations. Memory is the highest resident size (VmHWM) of the
process that runs the job and of the worker that writes the file, as the kernel tells it. Where others use the machine, look at the
processor time: it stays the same.
"""

from __future__ import annotations

import asyncio
import os
import re
import sys
import time
from pathlib import Path
from typing import Any

from server.participations import Participation
from server.reports import Export
from server.staff import Member
from server.stores import open_stores
from tests.bench.own_stores import own_stores
from tests.server.reports.world import FiguresWorld, at, campaign

BATCH = 1000
FIRST = at("2026-10-01 00:00:00")


def highest_megabytes(pid: int | str) -> float:
    return int(re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())[1]) / 1024  # type: ignore[index]


def processor_seconds(pid: int | str) -> float:
    """What a process has used of its processors, which a machine that is shared does not change."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def forget_the_highest() -> None:
    """What filling the store took is not what is measured."""
    Path("/proc/self/clear_refs").write_text("5")


async def fill(world: FiguresWorld, rows: int) -> None:
    for start in range(0, rows, BATCH):
        await world.documents.insert([
            Participation("flag", "all", 0, n + 1, n, "salute", n + 1, FIRST + n % 600_000, "350602", f"school-{n % 3 + 1}")
            for n in range(start, min(rows, start + BATCH))])
    await world.epochs.find_or_create("flag", "all", 0, 1, world.now)
    await world.epochs.saw("flag:all:0", rows, rows)
    await world.epochs.written("flag:all:0", rows, 1, rows, {"by_activity": {"salute": rows}}, 0.0)


async def measure(world: FiguresWorld, rows: int, format: Any) -> None:
    began = time.monotonic()
    await fill(world, rows)
    print(f"{rows:,} documents written in {time.monotonic() - began:.0f} s")
    export = await world.exports.ask(world.campaign, Member("bianji", "editor", ""), Export("", "", format, "测量", "", world.now))
    await world.exports.decide(export.id, Member("shenji", "auditor", ""), True, world.now)
    pids: list[int] = []
    worker_peak = worker_seconds = 0.0
    world.workers.on_start = lambda worker: pids.append(worker.pid or 0)
    exporter = world.exporter()
    keep = exporter._store.parts.keep

    async def looked(*arguments: Any) -> None:
        nonlocal worker_peak, worker_seconds
        worker_peak, worker_seconds = max(worker_peak, highest_megabytes(pids[0])), processor_seconds(pids[0])
        await keep(*arguments)

    exporter._store.parts.keep = looked  # type: ignore[method-assign]
    forget_the_highest()
    began, used = time.monotonic(), processor_seconds("self")
    await exporter.tick(world.now)
    seconds = time.monotonic() - began
    export = await world.exports.find(export.id)
    assert export.rows == rows, export
    print(f"{format}: {rows:,} rows in {seconds:.0f} s, {rows / seconds:,.0f} rows/s, {export.size_bytes / 1e6:.0f} MB; "
          f"highest memory: job {highest_megabytes('self'):.0f} MB, worker {worker_peak:.0f} MB; "
          f"processor time: job {processor_seconds('self') - used:.0f} s, worker {worker_seconds:.0f} s")


async def main(rows: int, format: str) -> None:
    with own_stores() as (redis_url, mongodb_uri, folder):
        stores = open_stores(mongodb_uri, redis_url)
        try:
            await measure(await FiguresWorld(stores, folder, campaign()).ready(), rows, format)
        finally:
            await stores.close()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 200_000, sys.argv[2] if len(sys.argv) > 2 else "xlsx"))
