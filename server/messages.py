"""Messages 寄语: one for each citizen and period: a preset, or own words that a reviewer lets through.

Owns: `messages` (`_id` campaign:period:citizen). Invariants: nothing that a citizen wrote is public before a
reviewer's verdict; children leave no words, neither in their activity nor where the page says that she is under 14; a
name is a personal name or none; words are taken while the campaign runs; deletion removes the message wholly. `queue`
and `wall` are sortable only while a message waits or is public.
"""

from __future__ import annotations

import re
import secrets
import unicodedata
from dataclasses import dataclass
from typing import Any

import msgspec

from server.campaigns import LATE_SECONDS, Campaign
from server.clock import iso
from server.errors import Conflict, InvalidBody, NotFound
from server.seals import Seal
from server.stores import Database, Document, DuplicateKeyError

MAX_CHARACTERS = 200
ITEMS_A_PAGE = 50
# Zero-width and direction characters hide words from readers and from reviewers.
HIDDEN = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\u0000-\u0009\u000b-\u001f\u007f]")
NAME = re.compile(r"[\u3400-\u9fff\U00020000-\U000323af]{2,8}(?:·[\u3400-\u9fff\U00020000-\U000323af]{1,8})*")


@dataclass(frozen=True)
class Posted:
    """`state` pending or approved."""

    id: str
    state: str


class MessageStore:
    """The only code that touches `messages`. Own words and names lie sealed at rest, so that what a deletion leaves in
    a store's free pages or log says nothing."""

    def __init__(self, mongo: Database, seal: Seal) -> None:
        self._messages = mongo["messages"]
        self._seal = seal

    async def create(self, document: Document) -> bool:
        """False where this citizen has a message in this period."""
        if "name" in document:  # her own words, not a preset
            words = msgspec.json.encode([document["text"], document["name"]]).decode()
            document = {name: value for name, value in document.items() if name not in ("text", "name")}
            document["sealed"] = self._seal.close(words, document["_id"])
        try:
            await self._messages.insert_one(document)
        except DuplicateKeyError:
            return False
        return True

    async def decide(self, queue_key: str, approve: bool, at: float) -> bool:
        """One verdict; False where it was decided or deleted meanwhile."""
        found = await self._messages.find_one({"queue": queue_key})
        if found is None:
            return False
        campaign = found["campaign"]
        changes: Document = {"state": "approved" if approve else "rejected", "decided_at": at,
                             **({"wall": wall_key(campaign, at, found["token"])} if approve else {})}
        result = await self._messages.update_one({"_id": found["_id"], "state": "pending"}, {"$set": changes, "$unset": {"queue": ""}})
        return result.modified_count == 1

    async def page(self, field: str, after: str, end: str, newest_first: bool) -> list[Document]:
        bounds = {"$gt": end, "$lt": after} if newest_first else {"$gt": after, "$lt": end}
        found = await self._messages.find({field: bounds}).sort(field, -1 if newest_first else 1).limit(ITEMS_A_PAGE).to_list(None)
        return [self._opened(document) for document in found]

    async def name_of(self, message_id: str) -> str | None:
        """The name beside an approved message."""
        found = await self._messages.find_one({"_id": message_id})
        return self._opened(found).get("name") if found and found["state"] == "approved" else None

    def _opened(self, document: Document) -> Document:
        if "sealed" not in document:
            return document
        text, name = msgspec.json.decode(self._seal.open(bytes(document["sealed"]), document["_id"]))
        return {**document, "text": text, "name": name}

    async def remove_of(self, citizen: int) -> None:
        await self._messages.delete_many({"citizen": citizen})


def wall_key(campaign: str, at: float, token: str) -> str:
    return f"{campaign}:{int(at * 1000):015d}:{token}"


class Messages:
    def __init__(self, store: MessageStore) -> None:
        self._store = store

    async def post(self, campaign: Campaign, period: str, citizen: int, activities: tuple[str, ...], now: float, *,
                   preset: str | None = None, name: str | None = None, message: str | None = None, under14: bool = False) -> Posted:
        """Leave one message. `activities`: those she took part in. Raises InvalidBody, Conflict."""
        if campaign.state != "open" or now >= campaign.closes_at + LATE_SECONDS:
            raise Conflict("MESSAGES_CLOSED", "活动现在不接受留言")
        children = {activity.code for activity in campaign.activities if activity.children}
        if not activities:
            raise Conflict("NOT_A_PARTICIPANT", "敬礼之后才能留言")
        if under14 or set(activities) <= children:
            raise Conflict("MESSAGE_NOT_TAKEN", "未满14周岁和童心活动不收集留言")
        token = secrets.token_hex(16)
        document: Document = {"_id": f"{campaign.slug}:{period}:{citizen}", "campaign": campaign.slug, "citizen": citizen,
                              "token": token, "at": now}
        if preset is not None:
            chosen = next((p for p in campaign.presets if p.code == preset), None)
            if chosen is None or message or name:
                raise InvalidBody("UNKNOWN_PRESET", "没有这条寄语", field="preset")
            document |= {"text": chosen.text, "state": "approved", "wall": wall_key(campaign.slug, now, token)}
        else:
            if not campaign.free_words:
                raise Conflict("OWN_WORDS_OFF", "本次活动请选择现成的寄语")
            document |= {"text": _clean(message), "name": _name(name), "state": "pending", "queue": wall_key(campaign.slug, now, token)}
        if not await self._store.create(document):
            raise Conflict("MESSAGE_ALREADY_LEFT", "您已经留过寄语了")
        return Posted(token, document["state"])

    async def wall(self, campaign: Campaign, cursor: str) -> dict[str, Any]:
        """The approved messages, newest first: {"items": [{"name", "message", "at"}], "next"}. Names are masked."""
        prefix = f"{campaign.slug}:"
        found = await self._store.page("wall", prefix + (cursor or ";"), prefix, newest_first=True)
        return {"items": [{"name": masked(d.get("name")), "message": d["text"], "at": iso(d["at"])} for d in found],
                "next": found[-1]["wall"].removeprefix(prefix) if len(found) == ITEMS_A_PAGE else None}

    async def queue(self, campaign: Campaign, cursor: str) -> dict[str, Any]:
        """What waits for a reviewer, oldest first: {"items": [{"id", "name", "message", "at"}], "next"}."""
        prefix = f"{campaign.slug}:"
        found = await self._store.page("queue", prefix + cursor, f"{campaign.slug};", newest_first=False)
        return {"items": [{"id": d["queue"].removeprefix(prefix), "name": d.get("name"), "message": d["text"], "at": iso(d["at"])}
                          for d in found],
                "next": found[-1]["queue"].removeprefix(prefix) if len(found) == ITEMS_A_PAGE else None}

    async def decide(self, campaign: Campaign, message_id: str, approve: bool, now: float) -> None:
        """A reviewer's verdict. Raises NotFound where it was decided or deleted meanwhile."""
        if not await self._store.decide(f"{campaign.slug}:{message_id}", approve, now):
            raise NotFound("MESSAGE_NOT_FOUND", "这条寄语已被处理或已删除")

    async def name_of(self, slug: str, period: str, citizen: int) -> str | None:
        """The reviewed name that a citizen gave, for her poster."""
        return await self._store.name_of(f"{slug}:{period}:{citizen}")

    async def remove_of(self, citizen: int, now: float) -> None:
        """Forget what a citizen wrote; repeating it changes nothing."""
        await self._store.remove_of(citizen)


def masked(name: str | None) -> str:
    """A name as others may see it, such as 王**."""
    return name[0] + "**" if name else "一位市民"


def _clean(message: str | None) -> str:
    text = HIDDEN.sub("", unicodedata.normalize("NFC", message or "")).strip()
    if not 0 < len(text) <= MAX_CHARACTERS:
        raise InvalidBody("INVALID_BODY", f"寄语不能为空，最长 {MAX_CHARACTERS} 字", field="message")
    return text


def _name(name: str | None) -> str | None:
    text = HIDDEN.sub("", unicodedata.normalize("NFC", name or "")).strip()
    if text and (len(text) > 15 or not NAME.fullmatch(text)):
        raise InvalidBody("INVALID_BODY", "姓名请填写汉字，也可以不填", field="name")
    return text or None
