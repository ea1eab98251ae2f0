"""The life of an item: what happened to it, when and by whom, for its 事件包.

Owns: `item_events`. Invariants: no text and no citizen stands in it; an entry is never changed; however many report a thing, one entry
between two answers says so; it goes when the source record of a thing that was written then would go.

Failure policy: an entry is written after the fact, so a kill between the two loses it; the audit log has it.
"""

from __future__ import annotations

import secrets
from typing import Any, Literal

import msgspec

from server.clock import iso
from server.stores import Database, DuplicateKeyError

What = Literal["written", "approved", "rejected", "taken_down", "hidden", "confirmed", "reversed", "reported", "answered", "banned",
               "source_asked", "source_let", "source_refused", "source_opened", "exported"]
WORDS: dict[What, str] = {
    "written": "市民写下", "approved": "审核通过，开始公开", "rejected": "审核未通过", "taken_down": "撤下",
    "hidden": "因举报先行隐藏，等待复核",
    "confirmed": "复看通过", "reversed": "复看撤下", "reported": "被举报", "answered": "答复举报", "banned": "作者被禁言",
    "source_asked": "申请查看来源记录", "source_let": "同意查看来源记录", "source_refused": "不同意查看来源记录",
    "source_opened": "查看来源记录", "exported": "导出事件包"}
# As long as source records (records.py).
KEPT_SECONDS = 180 * 86400
# Only staff's own steps add to it; a thing that was argued over for months has fewer than this.
MOST_READ = 500
TIDY_AT_ONCE = 1_000


class Event(msgspec.Struct, frozen=True):
    at: float
    what: What
    by: str = ""
    detail: str = ""

    @property
    def view(self) -> dict[str, Any]:
        return {"at": iso(self.at), "what": self.what, "text": WORDS[self.what], "by": self.by, "detail": self.detail}


class Events:
    def __init__(self, mongo: Database) -> None:
        self._events = mongo["item_events"]

    async def add(self, token: str, what: What, now: float, by: str = "", detail: str = "") -> None:
        await self._insert(secrets.token_hex(12), token, what, now, by, detail)

    async def reported(self, token: str, answered_at: float, now: float, detail: str) -> None:
        """The first report since the last answer (0: of all). A thousand more would push the decisions out of what is read."""
        try:
            await self._insert(f"{token}:reported:{int(answered_at * 1000)}", token, "reported", now, "", detail)
        except DuplicateKeyError:
            """Somebody reported it before; the case says how many."""

    async def _insert(self, event_id: str, token: str, what: What, now: float, by: str, detail: str) -> None:
        await self._events.insert_one({"_id": event_id, "item": token, "at": now, "what": what, "by": by, "detail": detail,
                                       "remove_at": now + KEPT_SECONDS})

    async def of(self, token: str) -> list[Event]:
        """Oldest first."""
        found = await self._events.find({"item": token}).limit(MOST_READ).to_list(None)
        return sorted((Event(float(d["at"]), d["what"], d["by"], d["detail"]) for d in found), key=lambda event: event.at)

    async def tidy(self, now: float) -> int:
        old = await self._events.find({"remove_at": {"$lte": now}}, {"_id": 1}).limit(TIDY_AT_ONCE).to_list(None)
        if old:
            await self._events.delete_many({"_id": {"$in": [document["_id"] for document in old]}})
        return len(old)


def shown(events: list[Event]) -> list[tuple[float, float | None]]:
    """From when to when the item was public; None: it still is."""
    spans: list[tuple[float, float | None]] = []
    for event in events:
        if event.what == "approved" and (not spans or spans[-1][1] is not None):
            spans.append((event.at, None))
        elif event.what in ("taken_down", "hidden", "reversed") and spans and spans[-1][1] is None:
            spans[-1] = (spans[-1][0], event.at)
    return spans
