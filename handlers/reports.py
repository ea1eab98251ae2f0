"""Statistical reports, through the staff's interface: ask for one, read it, print it, take it as a workbook."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import structs

from handlers.staff import StaffHandler
from handlers.streams import XLSX, StreamHandler
from server.clock import iso
from server.digits import whole
from server.errors import InvalidBody
from server.reports import Report, ReportSettings
from server.reports.report import STATE_NAMES

# Who may have figures made; everybody who is signed in may read them.
WRITERS = ("editor", "operator")
PAGE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'"
MAX_PART_DIGITS = 6


def campaign_of(number: str) -> str:
    """The campaign of a report's number, such as salute-the-flag-2026-0001."""
    return number.rsplit("-", 2)[0]


class ReportBody(msgspec.Struct, forbid_unknown_fields=True):
    """Days such as 20261001, both within; none for the whole campaign. `corrects` names an older report, `reason` says what was wrong."""

    first_day: str = ""
    last_day: str = ""
    corrects: str = ""
    reason: str = ""


class SettingsBody(ReportSettings, frozen=True, forbid_unknown_fields=True):
    """`rev` is what was seen."""


def report_view(report: Report) -> dict[str, Any]:
    left_out = {"id", "due", "attempt"}
    found = {name: value for name, value in structs.asdict(report).items() if name not in left_out}
    return {**found, "state_name": STATE_NAMES[report.state], "at": iso(report.at), "as_of": iso(report.as_of) if report.as_of else None,
            "made_at": iso(report.made_at) if report.made_at else None}


class Settings(StaffHandler):
    async def get(self, slug: str) -> None:
        """What stands on a campaign's reports, and when one is made each day."""
        await self.member(campaign=slug)
        self.reply(await self.services.reports.settings(await self.services.campaigns.get_any(slug)))

    async def put(self, slug: str) -> None:
        """Replace the settings as they were seen; reports that are made keep theirs."""
        member, body = await self.member(*WRITERS, campaign=slug), self.body(SettingsBody)
        kept = await self.services.reports.keep_settings(await self.services.campaigns.get_any(slug),
                                                         ReportSettings(**structs.asdict(body)))
        await self.log(member, "report.settings", slug, **structs.asdict(kept))
        self.reply(kept)


class List(StaffHandler):
    async def get(self, slug: str) -> None:
        """A campaign's reports, newest first."""
        await self.member(campaign=slug)
        campaign = await self.services.campaigns.get_any(slug)
        found, following = await self.services.reports.page(campaign, self.get_query_argument("cursor", ""))
        self.reply({"items": list(map(report_view, found)), "next": following})

    async def post(self, slug: str) -> None:
        """Ask for a report, or for a correction of one; it has its number at once and its figures soon."""
        member, body = await self.member(*WRITERS, campaign=slug), self.body(ReportBody)
        campaign = await self.services.campaigns.get_any(slug)
        report = await self.services.reports.ask(campaign, member.name, self.now(), **structs.asdict(body))
        await self.log(member, "report.ask", report.number, corrects=report.corrects, reason=report.reason)
        self.reply(report_view(report), 202)


class One(StaffHandler):
    async def get(self, number: str) -> None:
        """A report: its state, its sums, and which tables it has."""
        await self.member(campaign=campaign_of(number))
        self.reply(report_view(await self.services.reports.find(number)))


class Table(StaffHandler):
    async def get(self, number: str, table: str) -> None:
        """The rows of a table as they were frozen, by parts."""
        await self.member(campaign=campaign_of(number))
        part = whole(self.get_query_argument("cursor", "") or "0", MAX_PART_DIGITS)
        if part is None:
            raise InvalidBody(message="cursor 要用上一页给出的 next", field="cursor")
        head, rows, following = await self.services.reports.rows(number, table, part)
        self.reply({"name": head.name, "title": head.title, "columns": head.columns, "rows": head.rows, "items": rows,
                    "next": None if following is None else str(following)})


class Print(StreamHandler):
    async def get(self, number: str) -> None:
        """A report as a page for A4 paper."""
        await self.member(campaign=campaign_of(number))
        self.set_header("Content-Security-Policy", PAGE_POLICY)
        await self.send(self.services.reports.printed(number), "text/html; charset=UTF-8")


class Workbook(StreamHandler):
    async def get(self, number: str) -> None:
        """A report as XLSX."""
        member = await self.member(campaign=campaign_of(number))
        await self.log(member, "report.download", number)
        await self.send(self.services.reports.workbook(number), XLSX, f"{number}.xlsx")


class UnitReport(StaffHandler):
    async def get(self, slug: str, unit: str) -> None:
        """One unit's own figures by day."""
        await self.member(campaign=slug)
        campaign = await self.services.campaigns.get_any(slug)
        self.reply(await self.services.reports.unit_report(campaign, unit, self.get_query_argument("period", "all"), self.now()))


class UnitWorkbook(StreamHandler):
    async def get(self, slug: str, unit: str) -> None:
        """The same as XLSX."""
        member, campaign = await self.member(campaign=slug), await self.services.campaigns.get_any(slug)
        await self.log(member, "report.unit_download", f"{slug}:{unit}")
        await self.send(self.services.reports.unit_workbook(campaign, unit, self.get_query_argument("period", "all"), self.now()), XLSX,
                        f"{slug}-{unit}.xlsx")
