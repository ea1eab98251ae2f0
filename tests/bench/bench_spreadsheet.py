"""The largest file that an export may be, without the stores: `python -m tests.bench.bench_spreadsheet [ROWS] [xlsx|csv]`.

Rows as an export gives them go to a worker as they do in the product, and its file comes back in pieces, which are counted and dropped.
Memory is the highest resident size (VmHWM) of this process and of the worker. What MongoDB adds is measured by `bench_export`.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

from server.reports.exports import COLUMNS, WIDTHS
from server.spreadsheets.wire import Given, Rows, Sheet
from server.spreadsheets.workers import Workers
from tests.bench.bench_export import highest_megabytes, processor_seconds

PAGE = 1000


async def given(rows: int) -> AsyncGenerator[Given, None]:
    yield Sheet("水印", ["导出说明"], [140])
    yield Sheet("参与记录", COLUMNS, WIDTHS)
    for start in range(0, rows, PAGE):
        yield Rows([[f"****{n % 10_000:04d}", n + 1, f"2026-10-{1 + n % 7:02d}T08:{n // 60 % 60:02d}:{n % 60:02d}+08:00", "芗城区",
                     f"第{n % 2000 + 1}小学", "礼敬国旗"] for n in range(start, min(rows, start + PAGE))])


async def main(rows: int, kind: Any) -> None:
    with tempfile.TemporaryDirectory(prefix="wenming-bench-") as folder:
        pids: list[int] = []
        workers = Workers(Path(folder), lambda worker: pids.append(worker.pid or 0))
        began, used, size, peak, worked = time.monotonic(), processor_seconds("self"), 0, 0.0, 0.0
        first = 0.0
        async for piece in workers.file(kind, given(rows)):
            first = first or time.monotonic() - began
            size, peak, worked = size + len(piece), max(peak, highest_megabytes(pids[0])), processor_seconds(pids[0])
        seconds = time.monotonic() - began
        print(f"{kind}: {rows:,} rows in {seconds:.0f} s, {rows / seconds:,.0f} rows/s, {size / 1e6:.0f} MB, the first piece after "
              f"{first:.0f} s; highest memory: here {highest_megabytes('self'):.0f} MB, worker {peak:.0f} MB; processor time: here "
              f"{processor_seconds('self') - used:.0f} s, worker {worked:.0f} s")


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 2_000_000, sys.argv[2] if len(sys.argv) > 2 else "xlsx"))
