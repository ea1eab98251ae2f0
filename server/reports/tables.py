"""The tables of a report: figures by district and day, school and day, hour, activity and channel, as rows for people.

Invariants: 人数, 人次 and 集体上报 stand in columns of their own and are never added up; a place appears where somebody counted, and one
with nobody only where the campaign's settings say so; rows follow the order of the places, never that of the figures: nothing is ranked.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import lru_cache

from server.campaigns import Campaign
from server.counting.cells import ACTIVITY_BITS
from server.places import PlaceIndex
from server.reports.census import Counted
from server.reports.group_reports import GroupFigure
from server.spreadsheets.wire import Cell

# Shanghai, as in server/clock.py: one offset without daylight saving.
OFFSET_SECONDS, DAY_SECONDS, HOUR_SECONDS = 8 * 3600, 86_400, 3600
# Years 1970 to 2099.
ALL_DAYS = (0, 47_482)
# 2,000 schools over 100 days; 60 MB while it is counted, and more pages than anybody prints.
MAX_CELLS = 200_000
PERSONS, TIMES, GROUP = "人数", "人次", "集体上报"
UNKNOWN = "未注明"
NOBODY = "（无）"
CHANNELS = {"menu": "菜单", "follow": "关注回复", "keyword": "关键词回复", "poster": "海报", "share": "分享给朋友", "timeline": "朋友圈",
            "link": "短链接", "school": "学校链接", "class": "班级链接", "scan": "扫码", "other": "其他"}


class TooManyCells(Exception):
    """More schools and days than a table may have."""


@dataclass(frozen=True)
class Table:
    name: str
    title: str
    columns: tuple[str, ...]
    rows: list[list[Cell]]


def day_index(second: int) -> int:
    """The Shanghai calendar day, counted from 1970."""
    return (second + OFFSET_SECONDS) // DAY_SECONDS


@lru_cache(maxsize=1024)
def day_name(index: int) -> str:
    return (date(1970, 1, 1) + timedelta(days=index)).isoformat()


def index_of_day(day: str) -> int:
    """Of a day such as 20261001. Raises ValueError."""
    return (date.fromisoformat(day) - date(1970, 1, 1)).days


def days_between(first_day: str, last_day: str) -> tuple[int, int]:
    """The first and the last day that count; an end that is not named is that of all days."""
    return index_of_day(first_day) if first_day else ALL_DAYS[0], index_of_day(last_day) if last_day else ALL_DAYS[1]


def _three() -> list[int]:
    return [0, 0, 0]


@dataclass
class Tally:
    """Figures as persons, times and group-reported. `days`: the first and the last that count."""

    activities: tuple[str, ...]
    days: tuple[int, int]
    total: list[int] = field(default_factory=_three)
    by_place: dict[tuple[int, str, str], list[int]] = field(default_factory=lambda: defaultdict(_three))
    by_hour: dict[tuple[int, int], list[int]] = field(default_factory=lambda: defaultdict(_three))
    by_activity: dict[str, list[int]] = field(default_factory=lambda: defaultdict(_three))

    def add(self, people: Iterable[Counted]) -> None:
        """Raises TooManyCells."""
        for one in people:
            self._add(one.second, one.region, one.unit, (1, (one.bits & ACTIVITY_BITS).bit_count(), 0),
                      [activity for bit, activity in enumerate(self.activities) if one.bits >> bit & 1], (1, 1, 0))

    def add_groups(self, reports: Iterable[GroupFigure]) -> None:
        """Raises TooManyCells."""
        for one in reports:
            self._add(one.second, one.region, one.unit, (0, 0, one.people), [one.activity], (0, 0, one.people))

    def _add(self, second: int, region: str, unit: str, figures: tuple[int, int, int], activities: list[str],
             of_activity: tuple[int, int, int]) -> None:
        day = day_index(second)
        if not self.days[0] <= day <= self.days[1]:
            return
        hour = (second + OFFSET_SECONDS) % DAY_SECONDS // HOUR_SECONDS
        for cell in (self.total, self.by_place[day, region, unit], self.by_hour[day, hour]):
            for column in range(3):
                cell[column] += figures[column]
        for activity in activities:
            for column in range(3):
                self.by_activity[activity][column] += of_activity[column]
        if len(self.by_place) > MAX_CELLS:
            raise TooManyCells()


def tables(campaign: Campaign, tally: Tally, places: PlaceIndex, visits: Sequence[dict[str, object]], *,
           zero_units: bool) -> Iterator[Table]:
    """The tables of a report, one after the other."""
    yield _regions(tally, places)
    yield _units(tally, places, zero_units)
    yield _hours(tally)
    yield Table("activities", "按主题活动", ("主题活动", PERSONS, TIMES, GROUP),
                [[activity.title, *tally.by_activity[activity.code]] for activity in campaign.activities])
    yield _channels(tally, visits)


def _region_order(places: PlaceIndex, region: str) -> tuple[int, str]:
    known = places.regions.get(region)
    return (known.order if known else 1 << 31, region)


def _region_name(places: PlaceIndex, region: str) -> str:
    known = places.regions.get(region)
    return known.name if known else region or UNKNOWN


def _regions(tally: Tally, places: PlaceIndex) -> Table:
    cells: dict[tuple[int, str], list[int]] = defaultdict(_three)
    for (day, region, _), figures in tally.by_place.items():
        for column in range(3):
            cells[day, region][column] += figures[column]
    rows: list[list[Cell]] = [[day_name(day), region, _region_name(places, region), *cells[day, region]]
                              for day, region in sorted(cells, key=lambda key: (key[0], _region_order(places, key[1])))]
    return Table("regions", "区县每日", ("日期", "区县代码", "区县", PERSONS, TIMES, GROUP), rows)


def _units(tally: Tally, places: PlaceIndex, zero_units: bool) -> Table:
    """A unit's days stand together."""
    counted = [key for key in tally.by_place if key[2]]
    seen = {unit for _, _, unit in counted}
    none = [(-1, unit.region, unit.code) for unit in places.units.values() if unit.code not in seen] if zero_units else []

    def order(key: tuple[int, str, str]) -> tuple[object, ...]:
        known = places.units.get(key[2])
        return (*_region_order(places, key[1]), known.initials if known else "", key[2], key[0])

    rows: list[list[Cell]] = []
    for key in sorted(counted + none, key=order):
        day, region, unit = key
        known = places.units.get(unit)
        rows.append([day_name(day) if day >= 0 else NOBODY, _region_name(places, region), unit, known.name if known else unit,
                     *(tally.by_place[key] if day >= 0 else _three())])
    return Table("units", "单位每日", ("日期", "区县", "单位代码", "单位", PERSONS, TIMES, GROUP), rows)


def _hours(tally: Tally) -> Table:
    return Table("hours", "按时段", ("日期", "时段", PERSONS, TIMES, GROUP),
                 [[day_name(day), f"{hour:02d}:00–{hour + 1:02d}:00", *tally.by_hour[day, hour]] for day, hour in sorted(tally.by_hour)])


def _channels(tally: Tally, visits: Sequence[dict[str, object]]) -> Table:
    rows: list[list[Cell]] = []
    for one in visits:
        day, channels = str(one["day"]), one["channels"]
        if isinstance(channels, dict) and tally.days[0] <= index_of_day(day) <= tally.days[1]:
            rows += [[day_name(index_of_day(day)), CHANNELS.get(name) or str(name), int(n)] for name, n in channels.items() if n]
    return Table("channels", "访问渠道", ("日期", "渠道", "访问次数"), rows)
