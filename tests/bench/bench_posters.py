"""How long a poster takes on this machine: `python -m tests.bench.bench_posters [COUNT]`.

Prints the first poster of a campaign, further ones in one process, and through the service with its queue.
Bounded: COUNT posters (200), then it ends.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

from server.campaigns import Activity, Campaign
from server.metrics import Metrics
from server.posters.draw import Painter
from server.posters.fonts import Fonts, font_names
from server.posters.service import Posters
from server.posters.wire import Job

ASSETS = Path(__file__).parents[2] / "assets"
LINK = "https://h5.example.gov.cn/s/k3Jx9Q"
# 2026-10-01 07:32:00 in Shanghai.
AT = 1_790_811_120
# What the queue holds by default.
QUEUE = 64


def milliseconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return (time.perf_counter() - started) * 1000


def job(ordinal: int) -> Job:
    campaign = {"title": "向国旗敬礼", "activities": "礼敬国旗 · 致敬先烈 · 童心向党", "organiser": "演示组织者",
                "subtitle": "", "demo": "演示"}
    return Job("salute", campaign, {"name": "欧阳娜娜", "lead": "您是第", "ordinal": f"{ordinal:,}", "date": "2026年10月1日",
                                    "time": "07:32", "region": "芗城区"}, LINK)


def in_one_process(count: int) -> None:
    painter = Painter(ASSETS, Fonts())
    print(f"font                        {Path(font_names()[0]).name}")
    print(f"first poster of a campaign  {milliseconds(lambda: painter.draw(job(1))):8.1f} ms")
    times = sorted(milliseconds(lambda n=n: painter.draw(job(1_000_000 + n))) for n in range(count))
    print(f"one poster, median          {statistics.median(times):8.1f} ms")
    print(f"one poster, 99th percentile {times[int(len(times) * 0.99)]:8.1f} ms")
    print(f"size                        {len(painter.draw(job(1_234_567))) / 1024:8.1f} KiB")


async def through_the_service(count: int) -> None:
    campaign = Campaign("salute-the-flag", "向国旗敬礼", "open", 0, 2 * AT, (Activity("salute", "礼敬国旗", "敬礼"),))
    service = Posters(None, None, None, None, Metrics(), assets=ASSETS, workers=1, queue=QUEUE)
    waits: list[float] = []

    async def citizen(numbers: range) -> None:
        for number in numbers:
            started = time.perf_counter()
            await service.poster(campaign, "all", number, AT, "芗城区", None, LINK)
            waits.append((time.perf_counter() - started) * 1000)

    try:
        await service.poster(campaign, "all", 1, AT, "", None, LINK)
        started = time.perf_counter()
        await asyncio.gather(*(citizen(range(2 + lane, 2 + count, QUEUE)) for lane in range(QUEUE)))
        seconds = time.perf_counter() - started
    finally:
        await service.close()
    print(f"service, 1 process          {len(waits) / seconds:8.1f} posters/s, {QUEUE} people waiting at once")
    print(f"service, longest wait       {max(waits):8.1f} ms")


if __name__ == "__main__":
    posters = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    in_one_process(posters)
    asyncio.run(through_the_service(posters))
