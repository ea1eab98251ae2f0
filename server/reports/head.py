"""What stands at the head and the foot of a report, the same on paper and in a workbook."""

from __future__ import annotations

from server.clock import spoken
from server.reports.report import Report
from server.reports.tables import day_name, index_of_day


def report_facts(report: Report) -> list[tuple[str, str | int]]:
    return [("编号", report.number), ("填报单位", report.settings.organisation), ("截至时间", spoken(report.as_of)),
            ("统计范围", range_of(report)), ("人数合计", report.persons), ("人次合计", report.times),
            ("集体上报合计", report.group_reported)]


def signatures(report: Report) -> list[tuple[str, str]]:
    return [("填表人", report.settings.filled_by), ("审核人", report.settings.reviewed_by), ("负责人", report.settings.responsible)]


def corrections(report: Report) -> list[str]:
    """Which report this one corrects, and which corrects it. The second comes after it was made; no figure changes with it."""
    found = [f"本表更正 {report.corrects}。原因：{report.reason}"] if report.corrects else []
    return found + ([f"本表已由 {report.corrected_by} 更正。"] if report.corrected_by else [])


def range_of(report: Report) -> str:
    """The days that are in the figures."""
    if not report.first_day and not report.last_day:
        return "活动开始至截至时间"
    first, last = (day_name(index_of_day(day)) if day else "" for day in (report.first_day, report.last_day))
    return f"{first or '活动开始'} 至 {last or '截至时间'}"
