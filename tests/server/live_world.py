"""What tests of the live counters stand on: counters, campaigns and places of their own, and readers that keep what they get."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

from server.campaigns import Activity, Campaign
from server.clock import day_bounds
from server.counting.figures import Figures
from server.errors import NotFound
from server.live import Live
from server.metrics import Metrics

OPENING, _ = day_bounds("20261001")
NOW = float(OPENING + 8 * 3600)
CAMPAIGN = Campaign("salute-the-flag", "向国旗敬礼", "open", OPENING, OPENING + 7 * 86400,
                    (Activity("salute", "礼敬国旗", "敬礼"), Activity("heroes", "致敬先烈", "致敬")))
REGIONS = {"350602": "芗城区", "350603": "龙文区"}
FIGURES = Figures(participants=10, participations=12, by_activity={"salute": 10, "heroes": 2}, by_region={"350602": 10},
                  by_minute=((OPENING, 10),), as_of=NOW)


class Source:
    """Counters, campaigns and places in one: everything that Live reads."""

    def __init__(self) -> None:
        self.figures = FIGURES
        self.campaign = CAMPAIGN
        self.problem: Exception | None = None
        self.campaigns_problem: Exception | None = None
        self.reads = 0
        self.minutes: list[int] = []
        self.hold: asyncio.Event | None = None
        self.now = NOW

    async def read(self, slug: str, period: str, now: float, *, minutes: int) -> Figures:
        self.reads += 1
        self.minutes.append(minutes)
        if self.hold:
            await self.hold.wait()
        if self.problem:
            raise self.problem
        return replace(self.figures, by_minute=self.figures.by_minute[-minutes:])

    async def get(self, slug: str) -> Campaign:
        if self.campaigns_problem:
            raise self.campaigns_problem
        if slug != self.campaign.slug:
            raise NotFound("CAMPAIGN_NOT_FOUND", "没有这个活动")
        return self.campaign

    async def of(self, campaign: Campaign) -> Any:
        return SimpleNamespace(regions=REGIONS)

    def live(self, **options: Any) -> Live:
        return Live(self.read, self, self, lambda: self.now, Metrics(), **{"max_sockets": 3, "tick_seconds": 0.01} | options)


class FakeReader:
    """A socket that keeps what it was sent; `slow` says that it has not taken the last frame yet."""

    def __init__(self) -> None:
        self.frames: list[bytes] = []
        self.slow = False
        self.code = 0

    def ready(self) -> bool:
        return not self.slow

    def send(self, frame: bytes) -> None:
        self.frames.append(frame)

    def close(self, code: int) -> None:
        self.code = code

    @property
    def messages(self) -> list[dict[str, Any]]:
        return [unframed(frame) for frame in self.frames]


async def nobody() -> bool:
    return False


async def staff() -> bool:
    return True


def unframed(frame: bytes) -> dict[str, Any]:
    assert frame[0] == 0x81
    start, size = (2, frame[1]) if frame[1] < 126 else (4, int.from_bytes(frame[2:4], "big"))
    assert len(frame) == start + size
    return dict(json.loads(frame[start:]))


async def until(what: Any, seconds: float = 2.0) -> None:
    """Wait until `what()` holds."""
    async with asyncio.timeout(seconds):
        while not what():  # what is waited for belongs to the code under test
            await asyncio.sleep(0.002)
