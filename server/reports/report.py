"""A statistical report 统计报表: figures of a campaign as they stood at one moment, numbered and frozen.

Owns: `reports` (`_id` campaign:daily:day or campaign:token), `report_parts` (their rows), `report_numbers`, `report_settings`.
Invariants: a number is given once, without gaps, and names its report for good; the rows of a made report are never written again, so
that it gives the same figures whenever it is printed; a correction is a report of its own that names the old one; one process makes a
report at a time, and what a killed one left is made anew.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial
from typing import Literal

import msgspec

from server.clock import day_bounds
from server.errors import Conflict, InvalidBody, NotFound
from server.made_files import drop_following
from server.number_lines import NumberLines
from server.reports.tables import Table
from server.spreadsheets.wire import Cell
from server.stores import Database, Document, DuplicateKeyError, newest_page, replace_seen

State = Literal["queued", "counting", "made", "failed"]
STATE_NAMES: dict[State, str] = {"queued": "等待生成", "counting": "正在统计", "made": "已生成", "failed": "未能生成"}

# A report of two million documents is counted in a minute or two; whoever counts renews this.
LEASE_SECONDS = 60.0
ITEMS_A_PAGE = 50
# 5,000 rows of a table are some 400 KB: a document of 1 MB holds them with the longest names.
ROWS_A_PART = 5000
CLOCK = re.compile(r"(?:[01][0-9]|2[0-3]):[0-5][0-9]")
MAX_NAME_CHARACTERS, MAX_NOTE_CHARACTERS, MAX_REASON_CHARACTERS = 60, 500, 200


class ReportNotFound(NotFound):
    code = "REPORT_NOT_FOUND"
    message = "没有这份统计报表"


class ReportNotMade(Conflict):
    code = "REPORT_NOT_MADE"
    message = "这份报表还没有生成，请稍后再看"


class ReportSettings(msgspec.Struct, frozen=True):
    """What stands on a campaign's reports, and when one is made by itself. `daily_at`: Shanghai time such as 18:00, or none."""

    organisation: str = ""
    filled_by: str = ""
    reviewed_by: str = ""
    responsible: str = ""
    note: str = ""
    daily_at: str = ""
    show_zero_units: bool = False
    rev: int = 0


class TableHead(msgspec.Struct, frozen=True):
    """One table of a report: its rows lie in `parts` documents."""

    name: str
    title: str
    columns: list[str]
    rows: int
    parts: int


class Report(msgspec.Struct, frozen=True):
    """`kind`: daily (by schedule) or asked. `as_of`: what was counted before it is in the figures. `attempt`: which try made it."""

    id: str
    campaign: str
    title: str
    kind: str
    by: str
    at: float
    settings: ReportSettings
    number: str = ""
    first_day: str = ""
    last_day: str = ""
    corrects: str = ""
    corrected_by: str = ""
    reason: str = ""
    state: State = "queued"
    due: float | None = None
    attempt: int = 0
    as_of: float = 0.0
    made_at: float = 0.0
    persons: int = 0
    times: int = 0
    group_reported: int = 0
    notes: list[str] = []
    tables: list[TableHead] = []
    problem: str = ""

    def table(self, name: str) -> TableHead:
        """Raises ReportNotMade, NotFound."""
        if self.state != "made":
            raise ReportNotMade()
        for table in self.tables:
            if table.name == name:
                return table
        raise NotFound("REPORT_TABLE_NOT_FOUND", "报表里没有这张表")


def check_settings(settings: ReportSettings) -> None:
    """Raises InvalidBody, naming the field."""
    for field in ("organisation", "filled_by", "reviewed_by", "responsible"):
        text = getattr(settings, field)
        if len(text) > MAX_NAME_CHARACTERS or not text.isprintable():
            raise InvalidBody("INVALID_BODY", f"最长 {MAX_NAME_CHARACTERS} 字，不能换行", field=field)
    if len(settings.note) > MAX_NOTE_CHARACTERS:
        raise InvalidBody("INVALID_BODY", f"口径说明最长 {MAX_NOTE_CHARACTERS} 字", field="note")
    if settings.daily_at and not CLOCK.fullmatch(settings.daily_at):
        raise InvalidBody("INVALID_BODY", "每日生成时间请写成 18:00 这样的格式，不需要时留空", field="daily_at")


def check_days(first_day: str, last_day: str) -> None:
    """Raises InvalidBody for what are no days, such as 20261001, or not in order."""
    for field, day in (("first_day", first_day), ("last_day", last_day)):
        if day and not is_day(day):
            raise InvalidBody("INVALID_BODY", "日期请写成 20261001 这样的格式", field=field)
    if first_day and last_day and first_day > last_day:
        raise InvalidBody("INVALID_BODY", "开始日期不能晚于结束日期", field="first_day")


def is_day(text: str) -> bool:
    if len(text) != 8 or not (text.isascii() and text.isdigit()) or not "1970" < text[:4] < "2100":
        return False
    try:
        day_bounds(text)
    except ValueError:
        return False
    return True


class ReportStore:
    """The only code that touches these collections; each method one atomic step but for `give_number`, which may be repeated."""

    def __init__(self, mongo: Database) -> None:
        self._reports = mongo["reports"]
        self._parts = mongo["report_parts"]
        self._numbers = NumberLines(mongo["report_numbers"], self._reports, lambda line, last: {"number": f"{line}-{last:04d}"})
        self._settings = mongo["report_settings"]

    # Settings

    async def settings(self, campaign: str) -> ReportSettings:
        found = await self._settings.find_one({"_id": campaign})
        return ReportSettings() if found is None else msgspec.convert(found, ReportSettings, strict=False)

    async def keep_settings(self, campaign: str, settings: ReportSettings) -> bool:
        """False where another change was first: `rev` is what was seen."""
        return await replace_seen(self._settings, campaign, msgspec.to_builtins(settings), settings.rev)

    # Reports

    async def create(self, report: Report, now: float) -> bool:
        """False where its id is there already."""
        fields = {name: value for name, value in msgspec.to_builtins(report).items() if name != "id"}
        try:
            await self._reports.insert_one({**fields, "_id": report.id, "due": now,
                                            "listed": f"{report.campaign}:{int(report.at * 1000):015d}:{report.id}"})
        except DuplicateKeyError:
            return False
        return True

    async def give_number(self, report_id: str, line: str) -> str:
        """The report's number in a line such as flag-2026, now and ever after. Raises ReportNotFound, Conflict REPORTS_CONTENDED."""
        return str(await self._numbers.give(report_id, line, gone=ReportNotFound, contended=lambda: Conflict(
            "REPORTS_CONTENDED", "同时申请的报表太多，请稍后再试")))

    async def find(self, number: str) -> Report | None:
        found = await self._reports.find_one({"number": number})
        return None if found is None else _report(found)

    async def page(self, campaign: str, before: str) -> tuple[list[Report], str | None]:
        """A campaign's reports, newest first, and where the next page begins."""
        found, following = await newest_page(self._reports, f"{campaign}:", before, ITEMS_A_PAGE)
        return [_report(d) for d in found], following

    async def name_correction(self, corrected_id: str, number: str) -> bool:
        """False where another correction was first."""
        changed = await self._reports.update_one({"_id": corrected_id, "corrected_by": ""}, {"$set": {"corrected_by": number}})
        return changed.matched_count == 1

    # Making

    async def due(self, now: float, limit: int) -> list[Report]:
        found = await self._reports.find({"due": {"$lte": now}}).sort("due", 1).limit(limit).to_list(None)
        return [_report(d) for d in found]

    async def claim(self, report: Report, until: float) -> bool:
        """Whether this caller makes it, as attempt + 1; nobody else looks at it until then."""
        changed = await self._reports.update_one({"_id": report.id, "due": report.due},
                                                 {"$set": {"due": until, "state": "counting"}, "$inc": {"attempt": 1}})
        return changed.matched_count == 1

    async def hold(self, report_id: str, attempt: int, until: float) -> bool:
        """False where another has it."""
        changed = await self._reports.update_one({"_id": report_id, "attempt": attempt, "state": "counting"}, {"$set": {"due": until}})
        return changed.matched_count == 1

    async def postpone(self, report_id: str, attempt: int, due: float) -> None:
        """Somebody tries again; this was no try."""
        await self._reports.update_one({"_id": report_id, "attempt": attempt, "state": "counting"},
                                       {"$set": {"due": due, "state": "queued"}, "$inc": {"attempt": -1}})

    async def settle(self, report_id: str, attempt: int, fields: Document) -> bool:
        """Freeze what was made, or say why there is nothing. False where another was first."""
        changed = await self._reports.update_one({"_id": report_id, "attempt": attempt, "state": "counting"},
                                                 {"$set": fields, "$unset": {"due": ""}})
        return changed.matched_count == 1

    # Rows

    async def keep_table(self, report_id: str, attempt: int, table: Table) -> TableHead:
        """The rows of one attempt, each part once; repeating it changes nothing."""
        parts = [table.rows[start:start + ROWS_A_PART] for start in range(0, len(table.rows), ROWS_A_PART)]
        for number, rows in enumerate(parts):
            await self._parts.update_one({"_id": part_id(report_id, attempt, table.name, number)},
                                         {"$set": {"rows": msgspec.msgpack.encode(rows)}}, upsert=True)
        return TableHead(table.name, table.title, list(table.columns), len(table.rows), len(parts))

    async def part(self, report_id: str, attempt: int, table: str, number: int) -> list[list[Cell]]:
        """Raises NotFound for one that is not there."""
        found = await self._parts.find_one({"_id": part_id(report_id, attempt, table, number)})
        if found is None:
            raise NotFound("REPORT_TABLE_NOT_FOUND", "报表里没有这一部分")
        return msgspec.msgpack.decode(bytes(found["rows"]), type=list[list[Cell]])

    async def drop_tables(self, report_id: str, attempt: int, tables: Sequence[str]) -> None:
        """What an attempt left that did not become the report."""
        for table in tables:
            await drop_following(self._parts, partial(part_id, report_id, attempt, table))


def part_id(report_id: str, attempt: int, table: str, number: int) -> str:
    return f"{report_id}:{attempt}:{table}:{number}"


def _report(document: Document) -> Report:
    # The embedded store gives a truth value that was updated back as 1 or 0.
    return msgspec.convert({**document, "id": document["_id"]}, Report, strict=False)
