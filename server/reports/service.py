"""What others ask of reports: settings, a new one, a correction, the frozen figures as rows, as a workbook and as a printed page."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any

from msgspec import structs

from server.campaigns import Campaign
from server.clock import iso
from server.counting.figures import Figures
from server.errors import Conflict, InvalidBody, NotFound, Unavailable
from server.places import Places
from server.reports.head import corrections, report_facts, signatures
from server.reports.making import new_id, number_line, report_title
from server.reports.printing import page
from server.reports.report import (
    MAX_REASON_CHARACTERS,
    Report,
    ReportNotFound,
    ReportNotMade,
    ReportSettings,
    ReportStore,
    TableHead,
    check_days,
    check_settings,
    is_day,
)
from server.reports.tables import NOBODY
from server.spreadsheets.wire import Cell, Given, Rows, Sheet
from server.spreadsheets.workers import Workers

# Rows that are handed on at once: a millisecond of the loop.
ROWS_AT_ONCE = 500
WIDTHS = {"日期": 12, "区县代码": 10, "区县": 14, "单位代码": 14, "单位": 30, "时段": 14, "主题活动": 20, "渠道": 14}

FiguresOf = Callable[..., Awaitable[Figures]]


class Reports:
    """`figures(slug, period, now, units=True)`: what the counters say now."""

    def __init__(self, store: ReportStore, workers: Workers, places: Places, figures: FiguresOf) -> None:
        self._store = store
        self._workers = workers
        self._places = places
        self._figures = figures

    # Settings

    async def settings(self, campaign: Campaign) -> ReportSettings:
        """What stands on a campaign's reports; the reporting organisation is the organiser where nobody said otherwise."""
        found = await self._store.settings(campaign.slug)
        return found if found.organisation or found.rev else structs.replace(found, organisation=campaign.organiser.get("name", ""))

    async def keep_settings(self, campaign: Campaign, settings: ReportSettings) -> ReportSettings:
        """Raises InvalidBody, Conflict REPORT_SETTINGS_CHANGED."""
        check_settings(settings)
        if not await self._store.keep_settings(campaign.slug, settings):
            raise Conflict("REPORT_SETTINGS_CHANGED", "报表设置刚刚被别人修改，请刷新后再试")
        return structs.replace(settings, rev=settings.rev + 1)

    # Reports

    async def ask(self, campaign: Campaign, by: str, now: float, *, first_day: str = "", last_day: str = "", corrects: str = "",
                  reason: str = "") -> Report:
        """A new report, which the job makes; `corrects` names an older one, which from then on names the new one.

        Raises InvalidBody, ReportNotFound, Conflict.
        """
        check_days(first_day, last_day)
        reason = reason.strip()
        if len(reason) > MAX_REASON_CHARACTERS or bool(corrects) != bool(reason):
            raise InvalidBody("REASON_MISSING", "更正报表时请写明原因，最长 200 字", field="reason")
        old = await self._correctable(campaign, corrects) if corrects else None
        if old is not None and not first_day and not last_day:
            first_day, last_day = old.first_day, old.last_day
        report = Report(new_id(campaign.slug), campaign.slug, report_title(campaign), "asked", by, now, await self.settings(campaign),
                        first_day=first_day, last_day=last_day, corrects=corrects, reason=reason)
        await self._store.create(report, now)
        number = await self._store.give_number(report.id, number_line(report))
        if old is not None:
            await self._store.name_correction(old.id, number)
        return structs.replace(report, number=number)

    async def _correctable(self, campaign: Campaign, number: str) -> Report:
        """Raises ReportNotFound, Conflict."""
        old = await self.find(number)
        if old.campaign != campaign.slug:
            raise ReportNotFound()
        if old.state != "made":
            raise ReportNotMade()
        if old.corrected_by:
            raise Conflict("REPORT_CORRECTED", f"这份报表已由 {old.corrected_by} 更正，请更正那一份")
        return old

    async def page(self, campaign: Campaign, cursor: str) -> tuple[list[Report], str | None]:
        return await self._store.page(campaign.slug, cursor)

    async def find(self, number: str) -> Report:
        """Raises ReportNotFound."""
        found = await self._store.find(number) if number else None
        if found is None:
            raise ReportNotFound()
        return found

    async def rows(self, number: str, table: str, part: int) -> tuple[TableHead, list[list[Cell]], int | None]:
        """A part of a frozen table, and the number of the next. Raises ReportNotFound, ReportNotMade, NotFound."""
        report = await self.find(number)
        head = report.table(table)
        if head.parts == 0 and part == 0:
            return head, [], None
        rows = await self._store.part(report.id, report.attempt, table, part)
        return head, rows, part + 1 if part + 1 < head.parts else None

    async def workbook(self, number: str) -> AsyncGenerator[bytes, None]:
        """A made report as XLSX, in pieces. Raises ReportNotFound, ReportNotMade, WorkersBusy, WorkerLost."""
        report = await self._made(number)
        async for piece in self._workers.file("xlsx", self._sheets(report)):
            yield piece

    async def printed(self, number: str) -> AsyncGenerator[str, None]:
        """A made report as a page for A4 paper, in pieces. Raises ReportNotFound, ReportNotMade."""
        report = await self._made(number)
        async for piece in page(report, self._rows_of):
            yield piece

    async def unit_report(self, campaign: Campaign, unit: str, period: str, now: float) -> dict[str, Any]:
        """One unit's own figures by day from the campaign's newest made report, and its participants as they are counted now.

        `period`: all, or a day such as 20261001. Whoever opens this must have been found to belong to the unit. Raises InvalidBody,
        NotFound for a unit that is unknown, ReportNotFound where none is made yet.
        """
        check_period(period)
        place = (await self._places.of(campaign)).units.get(unit)
        if place is None:
            raise NotFound("UNKNOWN_UNIT", "没有这个单位", field="unit")
        report = await self._newest(campaign)
        rows = [row async for page_of in self._rows_of(report, report.table("units")) for row in page_of
                if row[2] == unit and row[0] != NOBODY and period in ("all", str(row[0]).replace("-", ""))]
        return {"unit": unit, "name": place.name, "region": place.region, "period": period, "number": report.number,
                "as_of": iso(report.as_of), "columns": ["日期", "人数", "人次", "集体上报"], "rows": [[row[0], *row[4:]] for row in rows],
                "notes": report.notes, "participants_now": await self._now(campaign, unit, period, now)}

    async def unit_workbook(self, campaign: Campaign, unit: str, period: str, now: float) -> AsyncGenerator[bytes, None]:
        """The same as XLSX. Raises what `unit_report` raises, WorkersBusy, WorkerLost."""
        found = await self.unit_report(campaign, unit, period, now)

        async def sheets() -> AsyncGenerator[Given, None]:
            lines = [f"{campaign.title}：{found['name']}参与情况", f"截至时间：{found['as_of']}（报表 {found['number']}）"]
            yield Sheet(found["name"], found["columns"], [14, 12, 12, 12], lines)
            yield Rows(found["rows"])
            yield Sheet("口径说明", [], [100], found["notes"])

        async for piece in self._workers.file("xlsx", sheets()):
            yield piece

    async def _now(self, campaign: Campaign, unit: str, period: str, now: float) -> int | None:
        """None where the counters do not have it: a period of another kind, or an archived campaign, or Redis is away."""
        if (campaign.period_rule == "daily") == (period == "all") or campaign.state not in ("open", "paused", "frozen"):
            return None
        try:
            return (await self._figures(campaign.slug, period, now, minutes=0, units=True)).by_unit.get(unit, 0)
        except (Unavailable, NotFound):
            return None

    async def _newest(self, campaign: Campaign) -> Report:
        cursor: str | None = ""
        while cursor is not None:
            found, cursor = await self._store.page(campaign.slug, cursor)
            for report in found:
                if report.state == "made" and not report.first_day and not report.last_day:
                    return report
        raise ReportNotFound()

    async def _made(self, number: str) -> Report:
        report = await self.find(number)
        if report.state != "made":
            raise ReportNotMade()
        return report

    async def _rows_of(self, report: Report, head: TableHead) -> AsyncGenerator[list[list[Cell]], None]:
        """A table's rows, some at a time."""
        for number in range(head.parts):
            rows = await self._store.part(report.id, report.attempt, head.name, number)
            for start in range(0, len(rows), ROWS_AT_ONCE):
                yield rows[start:start + ROWS_AT_ONCE]
                await asyncio.sleep(0)

    async def _sheets(self, report: Report) -> AsyncGenerator[Given, None]:
        yield Sheet("说明", ["项目", "内容"], [16, 100], [report.title])
        lines = [*report_facts(report), *signatures(report), *(("更正", text) for text in corrections(report)),
                 *((f"口径说明 {n}", note) for n, note in enumerate(report.notes, 1))]
        yield Rows([list(line) for line in lines])
        for head in report.tables:
            yield Sheet(head.title, head.columns, [WIDTHS.get(name, 12) for name in head.columns])
            async for rows in self._rows_of(report, head):
                yield Rows(rows)


def check_period(period: str) -> None:
    """Raises InvalidBody."""
    if period != "all" and not is_day(period):
        raise InvalidBody("INVALID_BODY", "期请写 all，或 20261001 这样的日期", field="period")
