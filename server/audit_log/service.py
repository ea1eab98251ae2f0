"""The audit log's store and service: add, read, prove."""

from __future__ import annotations

import asyncio
import logging
import random
import re
from collections import OrderedDict
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from server.audit_log.chain import Anchor, AnchorFile, Report, digest, examine, finish, positions
from server.audit_log.masking import changes, cleaned, masked
from server.errors import InvalidBody, Unavailable
from server.seals import derive_key
from server.stores import Database, Document, DuplicateKeyError

logger = logging.getLogger(__name__)

# Each lost race is one insert of somebody else; so many in a row are no race any more.
APPEND_TRIES = 60
# The longest wait after a lost race: a few inserts of a millisecond or two.
APPEND_PAUSE_SECONDS = 0.02
PAGE, MAX_PAGE = 50, 200
# Read at once, and looked at for one page at most: a second condition is tried on what the first one finds.
BATCH, MAX_LOOKED_AT = 500, 2000
# A table that Excel still opens at ease. A wish for more is two exports of shorter times.
MAX_EXPORTED = 100_000
# A person who runs into a refusal does so a few times, a script all day. Of each member so many are written at once, then one a minute.
REFUSALS_AT_ONCE, REFUSAL_SECONDS = 20, 60.0
# Whose refusals are remembered: more members than any city has staff.
REFUSED_KNOWN = 2000
CURSOR = re.compile(r"[0-9]{13}:[0-9]{10}")
# Milliseconds of the year 2286: later than every entry.
_END_MS = 9_999_999_999_999


@dataclass(frozen=True)
class Asked:
    """Which entries: of whom, which action, about what, from when until when (seconds; until is not included)."""

    who: str = ""
    action: str = ""
    subject: str = ""
    since: float | None = None
    until: float | None = None

    def matches(self, entry: Document) -> bool:
        return all(not wanted or entry[name] == wanted
                   for name, wanted in (("who", self.who), ("action", self.action), ("subject", self.subject)))

    def stretch(self, cursor: str) -> tuple[str, str, str]:
        """The field that serves, and the stretch of its index. `cursor`: the position of the last one seen."""
        field, value = next(((field, value + "\n") for field, value in
                             (("by_subject", self.subject), ("by_who", self.who), ("by_action", self.action)) if value), ("pos", ""))
        since = 0 if self.since is None else _ms(self.since)
        until = _END_MS if self.until is None else _ms(self.until)
        upper = f"{until:013}"
        return field, f"{value}{since:013}", value + (min(upper, cursor) if cursor else upper)


class AuditLogStore:
    """The only code that touches `audit_log`. It can add and read, nothing else."""

    def __init__(self, mongo: Database) -> None:
        self._log = mongo["audit_log"]

    async def add(self, entry: Document) -> bool:
        """False where the number is taken already."""
        try:
            await self._log.insert_one(entry)
        except DuplicateKeyError:
            return False
        return True

    async def last(self) -> Document | None:
        found = await self._log.find({"seq": {"$gt": 0}}).sort("seq", -1).limit(1).to_list(None)
        return found[0] if found else None

    async def one(self, seq: int) -> Document | None:
        return await self._log.find_one({"_id": seq})

    async def after(self, seq: int) -> list[Document]:
        return await self._log.find({"seq": {"$gt": seq}}).sort("seq", 1).limit(BATCH).to_list(None)

    async def newest(self, field: str, lower: str, upper: str, most: int) -> list[Document]:
        """Of a stretch of one index, the newest first."""
        return await self._log.find({field: {"$gte": lower, "$lt": upper}}).sort(field, -1).limit(most).to_list(None)


class AuditLog:
    def __init__(self, store: AuditLogStore, secret_key: bytes, anchor: AnchorFile | None = None) -> None:
        self._store = store
        self._key = derive_key(secret_key, "audit log")
        self._anchor = anchor
        self._turn = asyncio.Lock()
        self._end: Document | None = None  # as far as this process knows
        self._refused: OrderedDict[str, _Allowance] = OrderedDict()

    async def record(self, who: str, role: str, action: str, subject: str, detail: Mapping[str, Any], now: float, origin: str = "") -> None:
        """Add an entry. `before` and `after` in the detail: of two states only what differs is kept."""
        rest = dict(detail)
        before, after = rest.pop("before", None), rest.pop("after", None)
        if isinstance(before, Mapping) and isinstance(after, Mapping):
            before, after = changes(before, after)
        entry: Document = {"who": masked(who), "role": role, "action": action, "subject": masked(subject), "origin": origin,
                           "detail": cleaned(rest), "before": cleaned(before), "after": cleaned(after)}
        async with self._turn:
            await self._append(entry, now)

    async def refused(self, who: str, role: str, code: str, subject: str, now: float, origin: str = "") -> bool:
        """Add that somebody was refused; False where she was so often that it is only counted, for her next entry to say."""
        allowance = self._refused.setdefault(who, _Allowance(now))
        self._refused.move_to_end(who)
        while len(self._refused) > REFUSED_KNOWN:
            self._refused.popitem(last=False)
        if not allowance.take(now):
            return False
        detail, allowance.unlogged = ({"unlogged": allowance.unlogged} if allowance.unlogged else {}), 0
        await self.record(who, role, f"refused.{code.lower()}", subject, detail, now, origin)
        return True

    async def page(self, asked: Asked, cursor: str = "", limit: int = PAGE) -> tuple[list[Document], str | None]:
        """Entries, newest first, and where the next page begins. It may hold fewer than `limit` and yet not be the last."""
        if cursor and not CURSOR.fullmatch(cursor):
            raise InvalidBody(message="cursor 要用上一页给出的 next", field="cursor")
        found: list[Document] = []
        looked_at, limit = 0, min(limit, MAX_PAGE)
        size = limit + 1 if sum(map(bool, (asked.who, asked.action, asked.subject))) <= 1 else BATCH
        field, lower, upper = asked.stretch(cursor)
        while looked_at < MAX_LOOKED_AT:
            batch = await self._store.newest(field, lower, upper, size)
            for entry in batch:
                if len(found) == limit:
                    return found, cursor
                cursor = entry["pos"]
                if asked.matches(entry):
                    found.append(entry)
            if len(batch) < size:
                return found, None
            looked_at += len(batch)
            upper = batch[-1][field]
        return found, cursor

    async def after(self, seq: int) -> list[Document]:
        """The entries that follow a number, in their order, some at a time: for who carries them on."""
        return await self._store.after(seq)

    async def newest(self) -> Document | None:
        """The end of the chain."""
        return await self._store.last()

    async def all_of(self, asked: Asked) -> AsyncIterator[list[Document]]:
        """Entries for an export, page by page, newest first, at most MAX_EXPORTED."""
        cursor, given = "", 0
        while given < MAX_EXPORTED:
            found, following = await self.page(asked, cursor, MAX_PAGE)
            given += len(found)
            yield found
            if following is None:
                return
            cursor = following

    async def check(self, noted: Sequence[Anchor] = ()) -> Report:
        """Prove that nothing was removed or changed. `noted`: ends of the chain that somebody wrote down; the data folder's comes along."""
        report, anchors = Report(), list(noted)
        try:
            kept = await asyncio.to_thread(self._anchor.read) if self._anchor else None
        except ValueError:
            kept = None
            report.problem("数据目录里的校验值文件已损坏 (the anchor file of the data folder is spoilt)")
        anchors += [kept] if kept else []
        while entries := await self._store.after(report.end.seq):
            examine(self._key, entries, anchors, report)
        return finish(anchors, report)

    async def keep_anchor(self, now: float) -> None:
        """Note the end of the chain outside MongoDB. One that does not go on from what was noted is left for the check to find."""
        if self._anchor is None:
            return
        kept = await asyncio.to_thread(self._anchor.read) or Anchor()
        end = _end_of(await self._store.last())
        if end == kept:
            return
        before = _end_of(await self._store.one(kept.seq)) if kept.seq else Anchor()
        if before != kept or end.seq < kept.seq:
            logger.error("the audit log does not go on from entry %d as it was noted: run `python -m server audit-log --check`", kept.seq)
            return
        await asyncio.to_thread(self._anchor.write, end)

    async def _append(self, entry: Document, now: float) -> None:
        for _ in range(APPEND_TRIES):
            end, self._end = self._end or await self._store.last(), None  # unknown until the insert is sure
            made = self._following(entry, end, now)
            if await self._store.add(made):
                self._end = made
                return
            await asyncio.sleep(random.uniform(0, APPEND_PAUSE_SECONDS))
        raise Unavailable()

    def _following(self, entry: Document, end: Document | None, now: float) -> Document:
        """The entry as the next of the chain; never earlier than the one before, so that order and time agree."""
        seq, at_ms, prev = (end["seq"] + 1, max(_ms(now), end["at_ms"]), end["hash"]) if end else (1, _ms(now), "")
        made: Document = {**entry, "seq": seq, "at_ms": at_ms, "at": at_ms // 1000, "prev": prev}
        made |= positions(made)
        return {"_id": seq, **made, "hash": digest(self._key, made)}


class _Allowance:
    """How many refusals of one member may still be written."""

    def __init__(self, now: float) -> None:
        self._left = float(REFUSALS_AT_ONCE)
        self._at = now
        self.unlogged = 0

    def take(self, now: float) -> bool:
        self._left = min(float(REFUSALS_AT_ONCE), self._left + max(0.0, now - self._at) / REFUSAL_SECONDS)
        self._at = now
        if self._left < 1:
            self.unlogged += 1
            return False
        self._left -= 1
        return True


def _ms(seconds: float) -> int:
    return min(max(0, int(seconds * 1000)), _END_MS - 1)


def _end_of(entry: Document | None) -> Anchor:
    return Anchor(entry["seq"], entry["hash"]) if entry else Anchor()
