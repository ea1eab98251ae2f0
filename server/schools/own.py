"""What a school sees of herself, and of nobody else: her participants, her group reports by day and class, as a page and as a workbook.

Only classes that were reported are listed, so that nothing tells who has not taken part. Owns nothing. Failure policy: a source that is
away leaves its figure out and says so; the group reports must be there.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass

from server.campaigns import Campaign
from server.clock import day_of, spoken
from server.counting.figures import Figures
from server.errors import NotFound, Unavailable
from server.places import Unit
from server.reports import Reports
from server.schools.classes import class_name, class_order
from server.schools.group_reports import GroupReports
from server.schools.record import KIND_NAMES, SchoolDay
from server.spreadsheets.wire import Cell, Given, Rows, Sheet
from server.spreadsheets.workers import Workers

FiguresOf = Callable[..., Awaitable[Figures]]
NOTES = (
    "人数：自己用微信敬礼、并选了本单位的人，每人在一个统计周期内只计一次。",
    "集体上报：老师按班上报的人数，单独列示，不计入也不与人数相加。",
    "只列已上报的班级；没有列出的不代表任何评价。",
)


@dataclass(frozen=True)
class Own:
    """`participants`: who chose the unit, None where the counters do not answer. `by_day`: rows of the campaign's newest report."""

    unit: Unit
    participants: int | None
    group_people: int
    days: list[SchoolDay]
    by_day: list[list[Cell]]
    by_day_as_of: str
    as_of: float


class OwnFigures:
    def __init__(self, groups: GroupReports, reports: Reports, figures: FiguresOf, workers: Workers) -> None:
        self._groups = groups
        self._reports = reports
        self._figures = figures
        self._workers = workers

    async def of(self, campaign: Campaign, unit: Unit, now: float, *, by_day: bool = False) -> Own:
        """A unit's own figures; `by_day` reads the newest report's table of all units. Whoever opens this must have been found to
        belong to the unit."""
        days = await self._groups.of_unit(campaign, unit.code, now)
        rows: list[list[Cell]] = []
        as_of = ""
        try:
            if by_day:
                report = await self._reports.unit_report(campaign, unit.code, "all", now)
                rows, as_of = report["rows"], report["as_of"]
        except NotFound:  # no report has been made yet
            rows = []
        return Own(unit, await self._participants(campaign, unit.code, now), sum(day.people for day in days), days, rows, as_of, now)

    async def workbook(self, campaign: Campaign, unit: Unit, now: float) -> AsyncGenerator[bytes, None]:
        """The same as XLSX. Raises WorkersBusy, WorkerLost."""
        own = await self.of(campaign, unit, now, by_day=True)

        async def sheets() -> AsyncGenerator[Given, None]:
            lines = [f"{campaign.title}：{unit.name}", f"截至时间：{spoken(now)}", f"集体上报合计：{own.group_people} 人"]
            if own.participants is not None:
                lines.append(f"自己敬礼的{'（今天）' if campaign.period_rule == 'daily' else ''}：{own.participants} 人")
            yield Sheet("集体上报", ["日期", "班级", "人数", "上报时间"], [14, 16, 10, 22], lines)
            yield Rows([[spoken_day(day), klass, people, when] for day, klass, people, when in reported_rows(own.days)])
            if own.by_day:
                yield Sheet("自己敬礼", ["日期", "人数", "人次", "集体上报"], [14, 10, 10, 10], [f"截至时间：{own.by_day_as_of}"])
                yield Rows(own.by_day)
            yield Sheet("上报记录", ["日期", "班级", "类型", "人数", "时间"], [14, 16, 10, 10, 22])
            yield Rows(history_rows(own.days))
            yield Sheet("口径说明", ["说明"], [100])
            yield Rows([[note] for note in NOTES])

        async for piece in self._workers.file("xlsx", sheets()):
            yield piece

    async def _participants(self, campaign: Campaign, unit: str, now: float) -> int | None:
        """Those of the current period."""
        if campaign.state not in ("open", "paused", "frozen"):
            return None
        period = "all" if campaign.period_rule == "all" else day_of(min(now, campaign.closes_at - 1))
        try:
            return (await self._figures(campaign.slug, period, now, minutes=0, units=True)).by_unit.get(unit, 0)
        except (Unavailable, NotFound):
            return None


def reported_rows(days: list[SchoolDay]) -> list[tuple[str, str, int, str]]:
    """Day, class, people, when: what stands, the newest day first and classes in the school's order."""
    return [(day.day, class_name(code), one.people, spoken(one.at))
            for day in days for code, one in sorted(day.standing.items(), key=lambda item: class_order(item[0]))]


def history_rows(days: list[SchoolDay]) -> list[list[Cell]]:
    """Every row of the record as it came."""
    return [[spoken_day(day.day), class_name(entry.klass), KIND_NAMES[entry.kind], entry.people, spoken(entry.at)]
            for day in days for entry in day.log]


def spoken_day(day: str) -> str:
    """10月1日 of 20261001."""
    return f"{int(day[4:6])}月{int(day[6:])}日"
