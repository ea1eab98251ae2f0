"""Bans 禁言: who may not write own words any more, in one campaign or everywhere, for a time or for good.

Owns: `write_bans`, `_id` scope:citizen. Invariants: a ban takes writing alone: her salutes count and presets stay hers to choose; it has a
reason that she is told; it ends by itself at its time; two numbers that become one person keep the longer one. What was lifted or ran out
is removed after half a year.

A deletion leaves of a ban that holds its scope and end alone, under her number, so that nobody ends it by deleting herself and signing in
again: as long as the hash of her openid is kept, that gives the same number (server/citizens). It goes with that hash, or at its end.

Failure policy: closed: without MongoDB nothing can be written either.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any

from server.clock import spoken
from server.errors import Conflict, Forbidden, InvalidBody, NotFound
from server.stores import Database, Document, newest_page

EVERYWHERE = "*"
# As long as anybody should be kept out without a second thought; longer is for good.
MOST_DAYS = 365
FOR_GOOD = 10_000_000_000.0
KEPT_SECONDS = 180 * 86400
ITEMS_A_PAGE, OF_ONE = 50, 200
MAX_NOTE = 500
# Where she deleted herself and came back: why, and for which words, is gone.
DELETED_REASON = "在您删除信息之前作出，原因已随之删除"
TIDY_AT_ONCE = 500


@dataclass(frozen=True)
class Ban:
    """`until` FOR_GOOD: without an end. `item`: kind:token of what it was for. `appeal`: what she said, and what came of it."""

    id: str
    scope: str
    citizen: int
    until: float
    reason: str
    by: str
    at: float
    item: str = ""
    appeal: str = ""
    lifted_by: str = ""
    lifted_at: float = 0.0

    def holds(self, now: float) -> bool:
        return not self.lifted_at and now < self.until


class BannedFromWriting(Forbidden):
    code = "BANNED_FROM_WRITING"

    def __init__(self, ban: Ban) -> None:
        end = "" if ban.until >= FOR_GOOD else f"，到 {spoken(ban.until)} 为止"
        super().__init__(message=f"您暂时不能写自己的话{end}。原因：{ban.reason}。敬礼照常计入，也可以选择现成的寄语；如有异议，请拨打页面下方的联系电话")


class BanNotFound(NotFound):
    code = "BAN_NOT_FOUND"
    message = "没有这条禁言，可能已随市民的删除一起移除"


class BanStore:
    """The only code that touches `write_bans`."""

    def __init__(self, mongo: Database) -> None:
        self._bans = mongo["write_bans"]

    async def put(self, ban: Ban) -> None:
        """In place of one that she had in this scope."""
        fields = {name: getattr(ban, name) for name in Ban.__dataclass_fields__}
        end = min(ban.until, ban.lifted_at or ban.until)
        change: Document = {"$set": {**fields, "listed": f"{ban.scope}:{int(ban.at * 1000):015d}:{ban.id}"}}
        if end < FOR_GOOD:
            change["$set"]["forget_at"] = end + KEPT_SECONDS
        else:
            change["$unset"] = {"forget_at": ""}
        await self._bans.update_one({"_id": f"{ban.scope}:{ban.citizen}"}, change, upsert=True)

    async def of(self, citizen: int, campaign: str) -> list[Ban]:
        found = await self._bans.find({"_id": {"$in": [f"{campaign}:{citizen}", f"{EVERYWHERE}:{citizen}"]}}).limit(2).to_list(None)
        return [_ban(document) for document in found]

    async def find(self, ban_id: str) -> Ban | None:
        found = await self._bans.find_one({"id": ban_id})
        return None if found is None else _ban(found)

    async def change(self, ban: Ban, fields: Document) -> bool:
        """False where it was replaced, lifted or removed meanwhile."""
        changed = await self._bans.update_one({"_id": f"{ban.scope}:{ban.citizen}", "id": ban.id, "lifted_at": 0.0}, {"$set": fields})
        return changed.matched_count == 1

    async def page(self, scope: str, before: str) -> list[Ban]:
        found, _ = await newest_page(self._bans, f"{scope}:", before, ITEMS_A_PAGE)
        return [_ban(document) for document in found]

    async def merge(self, loser: int, survivor: int) -> None:
        """The longer one of each scope stays, as the survivor's. May be repeated."""
        for lost in await self._bans.find({"citizen": loser}).limit(OF_ONE).to_list(None):
            ban = _ban(lost)
            kept = await self._bans.find_one({"_id": f"{ban.scope}:{survivor}"})
            if kept is None or _ban(kept).lifted_at or (not ban.lifted_at and ban.until > kept["until"]):
                await self.put(_ban({**lost, "citizen": survivor}))
            await self._bans.delete_one({"_id": lost["_id"]})

    async def of_number(self, citizen: int) -> list[Ban]:
        return [_ban(found) for found in await self._bans.find({"citizen": citizen}).limit(OF_ONE).to_list(None)]

    async def empty(self, ban: Ban) -> None:
        """Down to scope and end, and who made it when, so that it can be found and lifted; it goes at its end."""
        change: Document = {"reason": DELETED_REASON, "item": "", "appeal": ""}
        if ban.until < FOR_GOOD:
            change["forget_at"] = ban.until
        await self._bans.update_one({"_id": f"{ban.scope}:{ban.citizen}", "id": ban.id}, {"$set": change})

    async def remove(self, ban: Ban) -> None:
        await self._bans.delete_one({"_id": f"{ban.scope}:{ban.citizen}", "id": ban.id})

    async def remove_of(self, citizen: int) -> None:
        await self._bans.delete_many({"citizen": citizen})

    async def tidy(self, now: float) -> int:
        """Remove what ended half a year ago, of the deleted what ended."""
        old = await self._bans.find({"forget_at": {"$lte": now}}, {"_id": 1}).limit(TIDY_AT_ONCE).to_list(None)
        for document in old:
            await self._bans.delete_one({"_id": document["_id"], "forget_at": {"$lte": now}})
        return len(old)


class Bans:
    def __init__(self, store: BanStore) -> None:
        self._store = store

    async def admit(self, campaign: str, citizen: int, now: float) -> None:
        """Raises BannedFromWriting: the longest of hers."""
        held = [ban for ban in await self._store.of(citizen, campaign) if ban.holds(now)]
        if held:
            raise BannedFromWriting(max(held, key=lambda ban: ban.until))

    async def ban(self, scope: str, citizen: int, days: int, reason: str, by: str, now: float, item: str = "") -> Ban:
        """`days` 0: for good. Raises InvalidBody."""
        if not 0 <= days <= MOST_DAYS:
            raise InvalidBody("BAN_DAYS_WRONG", f"禁言天数是 1 到 {MOST_DAYS}，0 为长期", field="days")
        made = Ban(secrets.token_hex(8), scope, citizen, FOR_GOOD if not days else now + days * 86400, reason, by, now, item)
        await self._store.put(made)
        return made

    async def find(self, ban_id: str) -> Ban:
        """Raises BanNotFound."""
        found = await self._store.find(ban_id)
        if found is None:
            raise BanNotFound()
        return found

    async def note(self, ban: Ban, appeal: str, lift: bool, by: str, now: float) -> Ban:
        """Write down an appeal, and lift the ban where it was right. Raises InvalidBody, Conflict BAN_CHANGED."""
        text = appeal.strip()
        if not 0 < len(text) <= MAX_NOTE:
            raise InvalidBody("APPEAL_NOTE_MISSING", f"请写明申诉内容与处理意见，最长 {MAX_NOTE} 字", field="appeal")
        fields: Document = {"appeal": text}
        if lift:
            fields |= {"lifted_by": by, "lifted_at": now, "forget_at": now + KEPT_SECONDS}
        if not await self._store.change(ban, fields):
            raise Conflict("BAN_CHANGED", "这条禁言刚刚被别人改过或已解除，请刷新列表")
        return await self.find(ban.id)

    async def page(self, scope: str, cursor: str) -> tuple[list[Ban], str | None]:
        found = await self._store.page(scope, cursor)
        return found, f"{int(found[-1].at * 1000):015d}:{found[-1].id}" if len(found) == ITEMS_A_PAGE else None

    async def remove_of(self, citizen: int, now: float) -> None:
        """Her deletion: what holds stays as scope and end. May be repeated."""
        for ban in await self._store.of_number(citizen):
            await (self._store.empty(ban) if ban.holds(now) else self._store.remove(ban))

    async def forget(self, citizen: int) -> None:
        """Nothing leads to this number any more."""
        await self._store.remove_of(citizen)

    async def tidy(self, now: float) -> int:
        return await self._store.tidy(now)


def _ban(document: Document) -> Ban:
    fields: dict[str, Any] = {name: document[name] for name in Ban.__dataclass_fields__}
    return Ban(**fields)
