"""The figures of a bulletin as they stood at one moment: read once, so that its parts agree, and never again.

Owns nothing; reads the counters, and of earlier days what the ledger wrote last. Invariants: districts add up to the total, and so do
today's; districts stand in administrative order, never in that of their figures; people reported in groups stand apart and are never added;
where a part of the counters is silent there is no snapshot, since a frozen figure must not be a guess.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol

import msgspec

from server.campaigns import Campaign
from server.clock import day_bounds, day_of
from server.counting.figures import Figures
from server.counting.rules import period_of
from server.errors import Conflict, Unavailable
from server.places import PlaceIndex
from server.stores import Document

logger = logging.getLogger(__name__)

HOUR_SECONDS = 3600
# What the counters keep of minutes: a day.
KEPT_MINUTES = 1440
# A bar of the picture's curve: 144 of them stand side by side on a phone.
BAR_SECONDS = 600
# How a count is called that belongs to no district that we know.
UNPLACED = "未注明"


class FiguresIncomplete(Unavailable):
    code = "FIGURES_INCOMPLETE"
    message = "部分计数正在恢复，数字还不完整；系统恢复后再生成，一般在一分钟内"

    def __init__(self) -> None:
        super().__init__(retry_after_seconds=10)


class NothingCounted(Conflict):
    code = "CAMPAIGN_NOT_OPEN"
    message = "活动还没有开始，没有数字可以报"


class RegionFigure(msgspec.Struct, frozen=True):
    code: str
    name: str
    participants: int
    today: int = 0


class ActivityFigure(msgspec.Struct, frozen=True):
    code: str
    title: str
    participants: int
    today: int = 0


class Snapshot(msgspec.Struct, frozen=True):
    """`participants`: over the whole campaign; of a daily one the sum of its days. `today_times` is None where only persons are known by
    day. `hour`: who came in the 60 whole minutes before `hour_ends`. `bars`: new participants by ten minutes since midnight."""

    as_of: int
    state: str
    daily: bool
    participants: int
    times: int
    today: int
    today_times: int | None
    hour: int
    hour_ends: int
    peak: int
    peak_at: int
    regions: list[RegionFigure]
    activities: list[ActivityFigure]
    schools: int
    group_reported: int | None
    voids: int
    bars: list[int]


@dataclass
class Whole:
    """A campaign's figures over all its days: `now` of the current period, `before` of those that are over."""

    now: Figures
    participants: int = 0
    voids: int = 0
    by_activity: dict[str, int] = field(default_factory=dict)
    by_region: dict[str, int] = field(default_factory=dict)
    minutes: dict[int, int] = field(default_factory=dict)

    def add(self, figures: Figures) -> None:
        self._add(figures.participants, figures.voids, figures.by_activity, figures.by_region)
        for minute, n in figures.by_minute:
            self.minutes[minute] = self.minutes.get(minute, 0) + n

    def add_written(self, totals: Document) -> None:
        """What the ledger wrote last of a shard."""
        self._add(totals["participants"], totals["voids"], totals["by_activity"], totals["by_region"])

    def _add(self, participants: int, voids: int, by_activity: dict[str, int], by_region: dict[str, int]) -> None:
        self.participants += participants
        self.voids += voids
        for source, target in ((by_activity, self.by_activity), (by_region, self.by_region)):
            for code, n in source.items():
                target[code] = target.get(code, 0) + n

    def between(self, begins: int, ends: int) -> int:
        """New participants of the minutes within."""
        return sum(n for minute, n in self.minutes.items() if begins <= minute < ends)


class ReadFigures(Protocol):
    """Counting.figures."""

    def __call__(self, slug: str, period: str, now: float, *, minutes: int, units: bool) -> Awaitable[Figures]: ...


class Places(Protocol):
    async def of(self, campaign: Campaign) -> PlaceIndex: ...


# Every shard document of a campaign (EpochStore.of_campaign), and how many were reported in groups (None: nobody could say).
ReadWritten = Callable[[str], Awaitable[list[Document]]]
ReadGroups = Callable[[str, str], Awaitable[int | None]]


class Snapshots:
    """Reads a campaign's figures as a whole. Fails closed: a store that does not answer, or a silent shard, and there is none."""

    def __init__(self, figures: ReadFigures, written: ReadWritten, places: Places, group_reported: ReadGroups) -> None:
        self._figures = figures
        self._written = written
        self._places = places
        self._group_reported = group_reported

    async def whole(self, campaign: Campaign, now: float, *, minutes: int, units: bool = False) -> Whole:
        """The newest `minutes` are with it. Raises FiguresIncomplete, StoreUnavailable."""
        period = period_of(campaign, now)
        whole = Whole(await self._read(campaign, period, now, minutes, units))
        whole.add(whole.now)
        if campaign.period_rule == "daily":
            # Until half an hour after midnight people are still counted for yesterday, so that day is read where it is counted.
            yesterday = day_of(day_bounds(period)[0] - 1)
            if yesterday >= day_of(campaign.opens_at):
                whole.add(await self._read(campaign, yesterday, now, minutes, False))
            for document in await self._written(campaign.slug):
                if document["totals"] and document["period"] < yesterday:
                    whole.add_written(document["totals"])
        return whole

    async def _read(self, campaign: Campaign, period: str, now: float, minutes: int, units: bool) -> Figures:
        figures = await self._figures(campaign.slug, period, now, minutes=minutes, units=units)
        if figures.stale_shards:
            raise FiguresIncomplete()
        return figures

    async def take(self, campaign: Campaign, now: float, peak: tuple[int, int] = (0, 0)) -> Snapshot:
        """`peak`: the highest minute that is known from before, as (n, its first second). Raises NothingCounted, FiguresIncomplete."""
        if campaign.state in ("draft", "scheduled"):
            raise NothingCounted()
        groups = await self._group_reported(campaign.slug, "all")
        places = await self._places.of(campaign)
        whole = await self.whole(campaign, now, minutes=KEPT_MINUTES, units=True)
        return snapshot_of(campaign, whole, places, groups, int(whole.now.as_of or now), peak)


def snapshot_of(campaign: Campaign, whole: Whole, places: PlaceIndex, groups: int | None, as_of: int,
                peak: tuple[int, int]) -> Snapshot:
    """What was read, in the order in which people read it."""
    daily = campaign.period_rule == "daily"
    midnight, hour_ends = day_bounds(day_of(as_of))[0], as_of // 60 * 60
    is_today = daily and whole.now.period == day_of(as_of)
    today = whole.now if is_today else Figures()
    peak = max([peak, *((n, minute) for minute, n in whole.minutes.items())])
    return Snapshot(
        as_of=as_of, state=campaign.state, daily=daily, participants=whole.participants, times=sum(whole.by_activity.values()),
        today=today.participants if daily else whole.between(midnight, as_of + 1),
        today_times=today.participations if daily else None,
        hour=whole.between(hour_ends - HOUR_SECONDS, hour_ends), hour_ends=hour_ends, peak=peak[0], peak_at=peak[1] if peak[0] else 0,
        regions=_regions(campaign.slug, whole, today, places),
        activities=[ActivityFigure(one.code, one.title, whole.by_activity.get(one.code, 0), today.by_activity.get(one.code, 0))
                    for one in campaign.activities],
        schools=sum(n > 0 for n in whole.now.by_unit.values()), group_reported=groups, voids=whole.voids,
        bars=[whole.between(start, start + BAR_SECONDS) for start in range(midnight, as_of + 1, BAR_SECONDS)])


def _regions(slug: str, whole: Whole, today: Figures, places: PlaceIndex) -> list[RegionFigure]:
    """Districts with anybody in them, in administrative order; one that is in no list comes last, under its code."""
    order = [region.code for region in sorted(places.regions.values(), key=lambda one: (one.order, one.code))]
    order += sorted(whole.by_region.keys() - places.regions.keys())
    found = [RegionFigure(code, places.regions[code].name if code in places.regions else code, whole.by_region[code],
                          today.by_region.get(code, 0)) for code in order if whole.by_region.get(code)]
    missing = whole.participants - sum(one.participants for one in found)
    if missing:
        logger.error("the districts of %s and its total differ by %d", slug, missing)
        found.append(RegionFigure("", UNPLACED, missing, today.participants - sum(one.today for one in found)))
    return found
