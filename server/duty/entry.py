"""An entry of the duty log 值班日志: what was seen, done and handed over while people watched a campaign.

Owns: `duty_log` (`_id` campaign:16 hex digits). Invariants: entries are added and never changed or removed; a correction is an entry of
its own that names the one it corrects; what the product writes itself is there once, however often it is told; a handover is acknowledged
once, by whom it was for or an admin.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import AsyncIterator, Iterable
from typing import Literal, get_args

import msgspec

from server.audit_log.masking import IDENTITY_CARD, OPENID
from server.clock import day_bounds
from server.errors import Conflict, Forbidden, InvalidBody, NotFound
from server.stores import Database, Document, DuplicateKeyError

Written = Literal["note", "incident", "handover", "correction"]
Kind = Literal["note", "incident", "handover", "correction", "acknowledgement", "switch", "milestone", "bulletin"]
KIND_NAMES: dict[str, str] = {
    "note": "记事", "incident": "突发", "handover": "交班", "correction": "更正", "acknowledgement": "接班", "switch": "开关与状态",
    "milestone": "里程碑", "bulletin": "战报"}
BY_HAND = get_args(Written)
SYSTEM = "system"

# A page of a desk: what fits into an entry is read in a minute; more is a document of its own.
MAX_CHARACTERS = 1000
ITEMS_A_PAGE = 100
# Handovers that may be open at once are those of a shift or two.
HANDOVERS_LOOKED_AT = 10
# A week of entries each half minute: what a table that people read may have.
MAX_EXPORTED = 20_000
# Mobile numbers as people write them, in groups too. The audit log's own pattern knows only those without gaps.
MOBILE = re.compile(r"(?<![0-9A-Za-z])(?:\+?86[- ]?)?1[3-9]\d[- ]?\d{4}[- ]?\d{4}(?![0-9A-Za-z])")


class EntryNotFound(NotFound):
    code = "DUTY_ENTRY_NOT_FOUND"
    message = "没有这条值班记录"


class TextWrong(InvalidBody):
    code = "DUTY_TEXT_WRONG"
    message = f"请写 1 至 {MAX_CHARACTERS} 字"


class PersonalDataSuspected(InvalidBody):
    code = "PERSONAL_DATA_SUSPECTED"
    message = "文字里像是有手机号、身份证号或微信标识。值班日志不能修改和删除，不要写市民的个人信息；确认是公开的工作电话再记"


class NobodyToHandTo(InvalidBody):
    code = "HANDOVER_TO_WRONG"
    message = "请选择接班人：能值守这个活动、不是自己的账号"


class NotYourHandover(Forbidden):
    code = "HANDOVER_NOT_YOURS"
    message = "只有交班时写明的接班人或管理员可以确认接班"


class HandoverAcknowledged(Conflict):
    code = "HANDOVER_ACKNOWLEDGED"
    message = "这次交班已经有人确认"


class Entry(msgspec.Struct, frozen=True):
    """`to`: for whom a handover is. `refers`: the entry that this one corrects or acknowledges."""

    id: str
    campaign: str
    at: float
    author: str
    kind: Kind
    text: str
    to: str = ""
    refers: str = ""


def new_id() -> str:
    return secrets.token_hex(8)


def id_of(key: str) -> str:
    """Always the same for what the product writes itself, so that it stands there once."""
    return hashlib.blake2b(key.encode(), digest_size=8).hexdigest()


def checked_text(text: str) -> str:
    """Raises TextWrong."""
    plain = text.strip().replace("\r\n", "\n")
    if not 0 < len(plain) <= MAX_CHARACTERS or not all(line.isprintable() for line in plain.split("\n")):
        raise TextWrong(field="text")
    return plain


def looks_personal(text: str) -> bool:
    """Whether a number of a person may be in it."""
    return any(pattern.search(text) for pattern in (MOBILE, IDENTITY_CARD, OPENID))


class DutyStore:
    """The only code that touches `duty_log` and `duty_marks`. It can add and read, nothing else."""

    def __init__(self, mongo: Database) -> None:
        self._log = mongo["duty_log"]
        self._marks = mongo["duty_marks"]

    async def add(self, entry: Entry) -> bool:
        """False where an entry of its id is there."""
        place = f"{entry.campaign}:{int(entry.at * 1000):015d}:{entry.id}"
        document: Document = {**msgspec.to_builtins(entry), "_id": key_of(entry.campaign, entry.id), "listed": place}
        document |= {"handover": place} if entry.kind == "handover" else {}
        if entry.refers:
            document["refers"] = key_of(entry.campaign, entry.refers)
        else:
            del document["refers"]
        try:
            await self._log.insert_one(document)
        except DuplicateKeyError:
            return False
        return True

    async def find(self, campaign: str, entry_id: str) -> Entry | None:
        found = await self._log.find_one({"_id": key_of(campaign, entry_id)})
        return None if found is None else _entry(found)

    async def page(self, campaign: str, day: str, before: str, most: int = ITEMS_A_PAGE) -> tuple[list[Entry], str | None]:
        """A campaign's entries, the newest first, of one day or of all, and where the next page begins. Raises ValueError for no day."""
        begins, ends = day_bounds(day) if day else (0, 0)
        lower = f"{campaign}:{begins * 1000:015d}"
        upper = f"{campaign}:{ends * 1000:015d}" if day else f"{campaign};"
        upper = min(upper, f"{campaign}:{before}") if before else upper
        found = await self._log.find({"listed": {"$gte": lower, "$lt": upper}}).sort("listed", -1).limit(most).to_list(None)
        return list(map(_entry, found)), found[-1]["listed"].removeprefix(f"{campaign}:") if len(found) == most else None

    async def all_of(self, campaign: str, day: str) -> AsyncIterator[list[Entry]]:
        """For an export, page by page, the newest first."""
        cursor, given = "", 0
        while given < MAX_EXPORTED:
            entries, following = await self.page(campaign, day, cursor)
            given += len(entries)
            yield entries
            if following is None:
                return
            cursor = following

    async def referring(self, campaign: str, entry_ids: Iterable[str]) -> list[Entry]:
        """Corrections and acknowledgements of these."""
        wanted = [key_of(campaign, entry_id) for entry_id in entry_ids]
        found = await self._log.find({"refers": {"$in": wanted}}).limit(MAX_EXPORTED).to_list(None) if wanted else []
        return list(map(_entry, found))

    async def handovers(self, campaign: str) -> list[Entry]:
        """The newest handovers."""
        found = await self._log.find({"handover": {"$gt": f"{campaign}:", "$lt": f"{campaign};"}}).sort("handover", -1).limit(
            HANDOVERS_LOOKED_AT).to_list(None)
        return list(map(_entry, found))

    async def mark(self) -> int | None:
        """Up to which entry the audit log was read; None where it never was."""
        found = await self._marks.find_one({"_id": "audit_log"})
        return None if found is None else int(found["seq"])

    async def keep_mark(self, seq: int) -> None:
        """It never goes back."""
        await self._marks.update_one({"_id": "audit_log"}, {"$max": {"seq": seq}}, upsert=True)


def key_of(campaign: str, entry_id: str) -> str:
    return f"{campaign}:{entry_id}"


def _entry(document: Document) -> Entry:
    return msgspec.convert({**document, "id": document["_id"].rpartition(":")[2], "refers": document.get("refers", "").rpartition(":")[2]},
                           Entry, strict=False)
