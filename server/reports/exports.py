"""An export 导出 of rows of persons: asked for by one member with a reason, let through by a second, made by a job, gone after a week.

Owns: `exports` and `export_parts` (the file as documents of 1 MB, so that any server can give it). Invariants: no file without two people
of whom the second is an admin or auditor; rows hold no openid and no name, a citizen number only masked; whoever deleted herself before is
in none; one process makes a file at a time, and what a killed one left is removed; the reason and both names stand in the file itself.
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncGenerator
from typing import Literal

import msgspec

from server.campaigns import Campaign
from server.clock import iso
from server.errors import Conflict, Forbidden, InvalidBody, NotFound
from server.made_files import FileParts
from server.places import Places
from server.reports.report import MAX_REASON_CHARACTERS, check_days
from server.staff import Member
from server.stores import Database, Document, newest_page

State = Literal["waiting", "refused", "lapsed", "queued", "making", "ready", "failed", "removed"]
STATE_NAMES: dict[State, str] = {"waiting": "等待第二人同意", "refused": "未获同意", "lapsed": "逾期未同意", "queued": "等待生成",
                                 "making": "正在生成", "ready": "可以下载", "failed": "未能生成", "removed": "已到期删除"}
Format = Literal["xlsx", "csv"]

# A city's holiday week: 2.2 million participations. More is taken day by day or district by district.
MAX_ROWS = 2_000_000
COLUMNS = ["市民编号（已遮盖）", "序号", "首次参与时间", "区县", "单位", "主题活动"]
WIDTHS = [16, 12, 26, 14, 30, 20]
# Long enough for who asked to fetch it after a weekend, short enough that no old file lies about.
KEPT_SECONDS = 7 * 86400
CONSENT_SECONDS = 7 * 86400
ITEMS_A_PAGE = 50
# Digits of a citizen number that stay: rows can be told apart by their ordinal, not led back to a number.
SHOWN_DIGITS = 2


class ExportNotFound(NotFound):
    code = "EXPORT_NOT_FOUND"
    message = "没有这次导出"


class ExportNotReady(Conflict):
    code = "EXPORT_NOT_READY"
    message = "文件还没有生成，或已到期删除"


class SecondPersonNeeded(Forbidden):
    code = "SECOND_PERSON_NEEDED"
    message = "导出须由另一位管理员或审计人员同意，申请人不能自己同意"


class Export(msgspec.Struct, frozen=True):
    """`rows`: how many there will be, as far as the counters know; exact once it is ready. `attempt`: which try made the file."""

    id: str
    campaign: str
    format: Format
    reason: str
    asked_by: str
    asked_at: float
    region: str = ""
    first_day: str = ""
    last_day: str = ""
    state: State = "waiting"
    decided_by: str = ""
    decided_at: float = 0.0
    due: float | None = None
    attempt: int = 0
    rows: int = 0
    rows_done: int = 0
    parts: int = 0
    size_bytes: int = 0
    ready_at: float = 0.0
    problem: str = ""

    @property
    def file_name(self) -> str:
        return f"{self.campaign}-{self.id}.{self.format}"


def masked_number(citizen: int) -> str:
    """A citizen number as an export shows it, such as ****67: of one length for all."""
    return "****" + f"{citizen:02d}"[-SHOWN_DIGITS:]


def watermark(export: Export, title: str) -> str:
    """Who took these rows out, who let it, when and why: the first line of the file."""
    return (f"内部资料，不得外传。导出编号 {export.id}；活动：{title}；申请人 {export.asked_by}（{iso(export.asked_at)}）；"
            f"同意人 {export.decided_by}（{iso(export.decided_at)}）；用途：{export.reason}")


class ExportStore:
    """The only code that touches these collections; each method one atomic step."""

    def __init__(self, mongo: Database) -> None:
        self._exports = mongo["exports"]
        self.parts = FileParts(mongo["export_parts"])

    async def create(self, export: Export) -> None:
        fields = {name: value for name, value in msgspec.to_builtins(export).items() if name != "id"}
        await self._exports.insert_one({**fields, "_id": export.id,
                                        "listed": f"{export.campaign}:{int(export.asked_at * 1000):015d}:{export.id}"})

    async def find(self, export_id: str) -> Export | None:
        found = await self._exports.find_one({"_id": export_id})
        return None if found is None else _export(found)

    async def page(self, campaign: str, before: str) -> tuple[list[Export], str | None]:
        """A campaign's exports, newest first, and where the next page begins."""
        found, following = await newest_page(self._exports, f"{campaign}:", before, ITEMS_A_PAGE)
        return [_export(d) for d in found], following

    async def decide(self, export_id: str, consents: bool, by: str, now: float) -> bool:
        """False where somebody decided before."""
        fields: Document = {"state": "queued" if consents else "refused", "decided_by": by, "decided_at": now}
        change: Document = {"$set": {**fields, "due": now}} if consents else {"$set": fields, "$unset": {"due": ""}}
        return (await self._exports.update_one({"_id": export_id, "state": "waiting"}, change)).matched_count == 1

    # Making

    async def due(self, now: float, limit: int) -> list[Export]:
        """What is to be made, has lapsed or is to be removed."""
        found = await self._exports.find({"due": {"$lte": now}}).sort("due", 1).limit(limit).to_list(None)
        return [_export(d) for d in found]

    async def claim(self, export: Export, until: float) -> bool:
        """Whether this caller makes it, as attempt + 1; nobody else looks at it until then."""
        changed = await self._exports.update_one({"_id": export.id, "due": export.due},
                                                 {"$set": {"due": until, "state": "making", "rows_done": 0}, "$inc": {"attempt": 1}})
        return changed.matched_count == 1

    async def hold(self, export_id: str, attempt: int, until: float, rows_done: int) -> bool:
        """False where another has it."""
        return await self._change(export_id, attempt, {"$set": {"due": until, "rows_done": rows_done}})

    async def know_rows(self, export_id: str, attempt: int, rows: int) -> None:
        await self._change(export_id, attempt, {"$set": {"rows": rows}})

    async def again(self, export_id: str, attempt: int, due: float) -> bool:
        """Left to the next turn; this was no try."""
        return await self._change(export_id, attempt, {"$set": {"due": due, "state": "queued"}, "$inc": {"attempt": -1}})

    async def settle(self, export_id: str, attempt: int, fields: Document) -> bool:
        """Ready (`due` is when it goes), or failed. False where another was first."""
        change: Document = {"$set": fields} if "due" in fields else {"$set": fields, "$unset": {"due": ""}}
        return await self._change(export_id, attempt, change)

    async def end(self, export: Export, state: State) -> bool:
        """Lapsed or removed; False where it changed meanwhile."""
        changed = await self._exports.update_one({"_id": export.id, "due": export.due, "state": export.state},
                                                 {"$set": {"state": state}, "$unset": {"due": ""}})
        return changed.matched_count == 1

    async def _change(self, export_id: str, attempt: int, change: Document) -> bool:
        return (await self._exports.update_one({"_id": export_id, "attempt": attempt, "state": "making"}, change)).matched_count == 1


class Exports:
    def __init__(self, store: ExportStore, places: Places) -> None:
        self._store = store
        self._places = places

    async def ask(self, campaign: Campaign, member: Member, wanted: Export) -> Export:
        """Ask for rows; nothing is made before a second person lets it. Raises InvalidBody."""
        check_days(wanted.first_day, wanted.last_day)
        reason = " ".join(wanted.reason.split())
        if not 0 < len(reason) <= MAX_REASON_CHARACTERS:
            raise InvalidBody("REASON_MISSING", f"请写明导出用途，最长 {MAX_REASON_CHARACTERS} 字", field="reason")
        if wanted.region and not (await self._places.of(campaign)).has_region(wanted.region):
            raise InvalidBody("UNKNOWN_REGION", "没有这个区县", field="region")
        made = msgspec.structs.replace(wanted, id=secrets.token_hex(8), campaign=campaign.slug, reason=reason, asked_by=member.name,
                                       due=wanted.asked_at + CONSENT_SECONDS)
        await self._store.create(made)
        return made

    async def decide(self, export_id: str, member: Member, consents: bool, now: float) -> Export:
        """A second person's word. Raises ExportNotFound, SecondPersonNeeded, Conflict EXPORT_DECIDED."""
        export = await self.find(export_id)
        if member.role not in ("admin", "auditor") or member.name == export.asked_by:
            raise SecondPersonNeeded()
        if not await self._store.decide(export_id, consents, member.name, now):
            raise Conflict("EXPORT_DECIDED", f"这次导出已经是“{STATE_NAMES[(await self.find(export_id)).state]}”")
        return await self.find(export_id)

    async def page(self, campaign: Campaign, cursor: str) -> tuple[list[Export], str | None]:
        return await self._store.page(campaign.slug, cursor)

    async def find(self, export_id: str) -> Export:
        """Raises ExportNotFound."""
        found = await self._store.find(export_id)
        if found is None:
            raise ExportNotFound()
        return found

    async def open(self, export_id: str, member: Member, now: float) -> Export:
        """An export whose file may be fetched by this member: who asked for it, or who may let others. Raises Forbidden, ExportNotReady."""
        export = await self.find(export_id)
        if member.name != export.asked_by and member.role not in ("admin", "auditor"):
            raise Forbidden("EXPORT_NOT_YOURS", "只有申请人、管理员和审计人员可以下载")
        if export.state != "ready" or now >= export.ready_at + KEPT_SECONDS:
            raise ExportNotReady()
        return export

    def file(self, export: Export) -> AsyncGenerator[bytes, None]:
        """The file in pieces of 1 MB. Raises ExportNotReady where it is removed meanwhile."""
        return self._store.parts.read(export.id, export.attempt, export.parts, ExportNotReady)


def _export(document: Document) -> Export:
    return msgspec.convert({**document, "id": document["_id"]}, Export, strict=False)
