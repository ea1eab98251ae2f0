"""Messages 寄语: one for each citizen and period: a preset, or own words that a reviewer lets through.

Owns: `messages` (`_id` campaign:period:citizen), and what machines said of them (server/moderation). People decide on them at the
reviewers' desk (server/reviewing), which reaches them through message_source.py there. Invariants: nothing that a citizen
wrote is public before a reviewer's verdict; a word that is blocked is refused at once; children leave no words, neither in their activity
nor where the page says that she is under 14; a name is a personal name or none; words are taken while the campaign runs; deletion removes
the message wholly. `queue` and `wall` are sortable only while a message waits or is public; `by_machine` has the machines' verdict before
the place, until a person decided, also of what they turned down; `moderation_due` is there while they have not settled it; `second` while
an approved one waits for a second reviewer; `decided` since a person decided; `token` names it whatever its place.
"""

from __future__ import annotations

import logging
import re
import secrets
import unicodedata
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Protocol

import msgspec

from server.campaigns import LATE_SECONDS, Campaign
from server.clock import iso
from server.errors import Conflict, InvalidBody, Refusal
from server.moderation.service import Waiting
from server.moderation.verdict import Overall, Part, Piece, Verdict
from server.seals import Seal, SealBroken
from server.stores import Database, Document, DuplicateKeyError
from server.words import Words

logger = logging.getLogger(__name__)

# What messages are called among the things that reviewers decide on (server/reviewing).
KIND = "message"
MAX_CHARACTERS = 200
ITEMS_A_PAGE = 50
# One person's: one for each campaign and day, of some years.
OF_ONE = 1000
# What a message has only while a person may decide on it.
OPEN_FIELDS = ("queue", "by_machine", "moderation_due", "moderation_tries")
# Zero-width and direction characters hide words from readers and from reviewers.
HIDDEN = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\u0000-\u0009\u000b-\u001f\u007f]")
NAME = re.compile(r"[\u3400-\u9fff\U00020000-\U000323af]{2,8}(?:·[\u3400-\u9fff\U00020000-\U000323af]{1,8})*")


@dataclass(frozen=True)
class Posted:
    """`state` pending or approved."""

    id: str
    state: str


@dataclass(frozen=True)
class Author:
    """From where something was written, for its source record."""

    address: str = ""
    user_agent: str = ""
    request_id: str = ""


@dataclass(frozen=True)
class Ruling:
    """What a person decided. `second`: another one looks at it once more."""

    approve: bool
    by: str
    at: float
    reason: str = ""
    second: bool = False


class Guard(Protocol):
    """Who may write now, and what is kept of it beside (server/reviewing/writers.py)."""

    async def admit(self, campaign: Campaign, citizen: int, now: float) -> None:
        """Raises Forbidden for who is banned from writing, Conflict while there are presets only."""
        ...

    async def check_ban(self, campaign: str, citizen: int, now: float) -> None:
        """Of what has no presets to fall back to. Raises Forbidden for who is banned."""
        ...

    async def keep(self, kind: str, campaign: str, token: str, text: str, citizen: int, author: Author, now: float) -> None:
        """Before the thing itself, so that there is none without its source."""
        ...

    async def forget(self, kind: str, tokens: Sequence[str], *, written: bool = True) -> None:
        """What is found by its text no more. `written` False: it never came to be, so that its source record goes too."""
        ...


class NoGuard:
    async def admit(self, campaign: Campaign, citizen: int, now: float) -> None:
        """Everybody may."""

    async def check_ban(self, campaign: str, citizen: int, now: float) -> None:
        """Nobody is."""

    async def keep(self, kind: str, campaign: str, token: str, text: str, citizen: int, author: Author, now: float) -> None:
        """Nothing is kept."""

    async def forget(self, kind: str, tokens: Sequence[str], *, written: bool = True) -> None:
        """Nothing was kept."""


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

    async def decide(self, campaign: str, place: str, ruling: Ruling) -> bool:
        """A person's verdict on what waits, or on what machines turned down; False where it was decided or deleted meanwhile."""
        # In this order, since a machine's verdict in between moves it from the first to the second.
        for served in ({"queue": f"{campaign}:{place}"}, {"by_machine": f"{campaign}:block:{place}"}):
            found = await self._messages.find_one(served)
            if found is None:
                continue
            if await self._settle(found, served, ruling):
                return True
        return False

    async def _settle(self, found: Document, served: Document, ruling: Ruling) -> bool:
        """False where it is not in this place any more."""
        place = wall_key(found["campaign"], ruling.at, found["token"])
        changes: Document = {"state": "approved" if ruling.approve else "rejected", "decided_at": ruling.at, "decided_by": ruling.by,
                             "reason": ruling.reason, "decided": place, **({"wall": place} if ruling.approve else {}),
                             **({"second": place} if ruling.approve and ruling.second else {})}
        result = await self._messages.update_one({"_id": found["_id"], **served},
                                                 {"$set": changes, "$unset": dict.fromkeys(OPEN_FIELDS, "")})
        return result.modified_count == 1

    async def take_down(self, campaign: str, place: str, at: float, *, by: str = "", reason: str = "") -> bool:
        """What is public is so no more; False where it is not, or was deleted."""
        token = place.rpartition(":")[2]
        done = await self._messages.update_one({"wall": f"{campaign}:{place}"}, {
            "$set": {"state": "taken_down", "decided_at": at, "decided_by": by, "reason": reason, "decided": wall_key(campaign, at, token)},
            "$unset": {"wall": "", "second": ""}})
        return done.modified_count == 1

    async def hide(self, campaign: str, token: str, at: float) -> bool:
        """What is public waits for a reviewer once more; False where it is not, or was deleted."""
        found = await self.of_token(campaign, token)
        if found is None or "wall" not in found:
            return False
        done = await self._messages.update_one({"_id": found["_id"], "wall": found["wall"]}, {
            "$set": {"state": "pending", "queue": wall_key(campaign, at, token), "hidden_at": at},
            "$unset": {"wall": "", "second": "", "decided": ""}})
        return done.modified_count == 1

    async def reverse(self, campaign: str, token: str, ruling: Ruling) -> bool:
        """A second reviewer took it down; False where it waits for none any more."""
        found = await self.of_token(campaign, token)
        if found is None or "second" not in found:
            return False
        done = await self._messages.update_one({"_id": found["_id"], "second": found["second"]}, {
            "$set": {"state": "taken_down", "decided_at": ruling.at, "second_by": ruling.by, "second_at": ruling.at,
                     "reason": ruling.reason, "decided": wall_key(campaign, ruling.at, token)}, "$unset": {"wall": "", "second": ""}})
        return done.modified_count == 1

    async def confirm(self, campaign: str, token: str, by: str, at: float) -> bool:
        """A second reviewer let it stand; False where it waits for none."""
        found = await self.of_token(campaign, token)
        if found is None or "second" not in found:
            return False
        done = await self._messages.update_one({"_id": found["_id"], "second": found["second"]}, {
            "$set": {"second_by": by, "second_at": at}, "$unset": {"second": ""}})
        return done.modified_count == 1

    async def of_token(self, campaign: str, token: str) -> Document | None:
        """One message as it is kept, sealed."""
        found = await self._messages.find_one({"token": token})
        return found if found is not None and found["campaign"] == campaign else None

    def opened(self, document: Document) -> Document:
        """The same with its words, name and verdicts. Raises SealBroken."""
        return {**self._opened(document), "verdicts": self._verdicts(document)}

    async def of_citizen(self, campaign: str, citizen: int, limit: int) -> list[Document]:
        """What she left, the newest first."""
        found = await self._messages.find({"citizen": citizen}).limit(OF_ONE).to_list(None)
        own = sorted((d for d in found if d["campaign"] == campaign), key=lambda d: -float(d["at"]))
        return [self.opened(document) for document in own[:limit]]

    async def of_tokens(self, campaign: str, tokens: Sequence[str]) -> list[Document]:
        """Those of them that there are, opened, in the order of the tokens."""
        if not tokens:
            return []
        found = await self._messages.find({"token": {"$in": list(tokens)}}).limit(len(tokens)).to_list(None)
        order = {token: n for n, token in enumerate(tokens)}
        return [self.opened(d) for d in sorted(found, key=lambda d: order[d["token"]]) if d["campaign"] == campaign]

    async def withdraw(self, document: Document) -> None:
        """One that should not have come in, while it waits."""
        await self._messages.delete_one({"_id": document["_id"], "token": document["token"]})

    async def places(self, field: str, campaign: str, limit: int) -> list[str]:
        """The first places of a list, to know how long it is and since when."""
        found = await self._messages.find({field: {"$gt": f"{campaign}:", "$lt": f"{campaign};"}}, {field: 1}).sort(field, 1).limit(
            limit).to_list(None)
        return [document[field].partition(":")[2] for document in found]

    async def page(self, field: str, after: str, end: str, newest_first: bool, limit: int = ITEMS_A_PAGE) -> list[Document]:
        bounds = {"$gt": end, "$lt": after} if newest_first else {"$gt": after, "$lt": end}
        found = await self._messages.find({field: bounds}).sort(field, -1 if newest_first else 1).limit(limit).to_list(None)
        return [self.opened(document) for document in found]

    async def name_of(self, message_id: str) -> str | None:
        """The name beside an approved message."""
        found = await self._messages.find_one({"_id": message_id})
        return self._opened(found).get("name") if found and found["state"] == "approved" else None

    # What machines are asked (server.moderation.service.Texts)

    async def unjudged(self, now: float, limit: int) -> list[Waiting]:
        found = await self._messages.find({"moderation_due": {"$lte": now}}).sort("moderation_due", 1).limit(limit).to_list(None)
        return [self._waiting(document) for document in found]

    async def take(self, waiting: Waiting, until: float) -> bool:
        taken = await self._messages.update_one({"_id": waiting.id, "moderation_due": waiting.due},
                                                {"$set": {"moderation_due": until}, "$inc": {"moderation_tries": 1}})
        return taken.matched_count == 1

    async def judge_later(self, waiting: Waiting, until: float, due: float, known: Sequence[Verdict]) -> None:
        await self._messages.update_one({"_id": waiting.id, "moderation_due": until},
                                        {"$set": {"moderation_due": due, "verdicts": self._sealed_verdicts(waiting.id, known)}})

    async def judged(self, waiting: Waiting, until: float, result: Overall, verdicts: Sequence[Verdict], now: float) -> None:
        found = await self._messages.find_one({"_id": waiting.id})
        if found is None or "queue" not in found:
            return
        campaign, _, place = found["queue"].partition(":")
        changes: Document = {"machine": result, "by_machine": f"{campaign}:{result}:{place}",
                             "verdicts": self._sealed_verdicts(waiting.id, verdicts)}
        gone = ["moderation_due", "moderation_tries"]
        if result == "block":
            changes |= {"state": "rejected", "decided_at": now}
            gone.append("queue")
        # A person who decided in between took both conditions away.
        await self._messages.update_one({"_id": waiting.id, "moderation_due": until, "state": "pending"},
                                        {"$set": changes, "$unset": dict.fromkeys(gone, "")})

    def _waiting(self, document: Document) -> Waiting:
        """Her words and her name; nothing to look at where they were sealed with another key, so that it holds up no other."""
        waiting = Waiting(document["_id"], document["moderation_due"], document.get("moderation_tries", 0))
        try:
            opened, known = self._opened(document), self._verdicts(document)
        except SealBroken:
            logger.error("a message of campaign %s was sealed with another WENMING_SECRET_KEY", document["campaign"])
            return waiting
        texts: list[tuple[Part, str | None]] = [("message", opened["text"]), ("name", opened.get("name"))]
        pieces = tuple(Piece(f"{document['token']}:{part}", part, document["citizen"], text) for part, text in texts if text)
        return replace(waiting, pieces=pieces, known=known)

    def _verdicts(self, document: Document) -> tuple[Verdict, ...]:
        """Sealed like the words, of which they tell something."""
        if "verdicts" not in document:
            return ()
        return msgspec.json.decode(self._seal.open(bytes(document["verdicts"]), f"{document['_id']}:verdicts"), type=tuple[Verdict, ...])

    def _sealed_verdicts(self, message_id: str, verdicts: Sequence[Verdict]) -> bytes:
        return self._seal.close(msgspec.json.encode(verdicts).decode(), f"{message_id}:verdicts")

    def _opened(self, document: Document) -> Document:
        if "sealed" not in document:
            return document
        text, name = msgspec.json.decode(self._seal.open(bytes(document["sealed"]), document["_id"]))
        return {**document, "text": text, "name": name}

    async def merge(self, loser: int, survivor: int) -> list[str]:
        """Two numbers are one person: of a period's two messages the older one stays, as the survivor's. May be repeated.

        The tokens of those that did not stay.

        What somebody decides on in this moment is left to the next time; so is one that was sealed with another key.
        """
        gone: list[str] = []
        for lost in await self._messages.find({"citizen": loser}).limit(OF_ONE).to_list(None):
            message_id = f"{lost['_id'].rpartition(':')[0]}:{survivor}"
            kept = await self._messages.find_one({"_id": message_id})
            if kept is not None and kept["at"] <= lost["at"]:  # also the copy that a killed process left
                if await self._remove(lost) and lost["token"] != kept["token"]:
                    gone.append(lost["token"])
                continue
            try:
                moved = self._sealed_anew(lost, message_id) | {"citizen": survivor}
            except SealBroken:
                logger.error("a message of campaign %s was sealed with another WENMING_SECRET_KEY", lost["campaign"])
                continue
            if kept is None or await self._remove(kept):
                with suppress(DuplicateKeyError):  # she left one in this moment
                    await self._messages.insert_one(moved)
                    if not await self._remove(lost):
                        await self._messages.delete_one({"_id": message_id})
                gone += [kept["token"]] if kept is not None else []
        return gone

    def _sealed_anew(self, document: Document, message_id: str) -> Document:
        """The same under another id, to which words and verdicts are bound. Raises SealBroken."""
        moved: Document = {**document, "_id": message_id}
        if "sealed" in document:
            moved["sealed"] = self._seal.close(self._seal.open(bytes(document["sealed"]), document["_id"]), message_id)
        if "verdicts" in document:
            moved["verdicts"] = self._sealed_verdicts(message_id, self._verdicts(document))
        return moved

    async def _remove(self, document: Document) -> bool:
        """False where it is in another state by now, or gone."""
        return (await self._messages.delete_one({"_id": document["_id"], "state": document["state"]})).deleted_count == 1

    async def remove_of(self, citizen: int) -> list[str]:
        """Their tokens, of presets too."""
        tokens = [d["token"] for d in await self._messages.find({"citizen": citizen}, {"token": 1}).limit(OF_ONE).to_list(None)]
        await self._messages.delete_many({"citizen": citizen})
        return tokens


def wall_key(campaign: str, at: float, token: str) -> str:
    return f"{campaign}:{int(at * 1000):015d}:{token}"


class Messages:
    """`words` says what may not be written, and what a reviewer should look at twice; `guard` who may write now."""

    def __init__(self, store: MessageStore, words: Words, guard: Guard | None = None) -> None:
        self._store = store
        self._words = words
        self._guard: Guard = guard or NoGuard()

    async def post(self, campaign: Campaign, period: str, citizen: int, activities: tuple[str, ...], now: float, *,
                   preset: str | None = None, name: str | None = None, message: str | None = None, under14: bool = False,
                   author: Author | None = None) -> Posted:
        """Leave one message. `activities`: those she took part in. Raises InvalidBody, Conflict, Forbidden."""
        if campaign.state != "open" or now >= campaign.closes_at + LATE_SECONDS:
            raise Conflict("MESSAGES_CLOSED", "活动现在不接受留言")
        children = {activity.code for activity in campaign.activities if activity.children}
        if not activities:
            raise Conflict("NOT_A_PARTICIPANT", "参加活动之后才能留言")
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
            await self._guard.admit(campaign, citizen, now)
            text, clean_name = _clean(message), _name(name)
            for field, written in (("message", text), ("name", clean_name or "")):
                if (await self._words.look(written)).block:
                    # Which word is not said: that would teach how to write around it.
                    raise InvalidBody("WORDS_REFUSED", "内容含有不宜公开的词语，请修改后再试", field=field)
            document |= {"text": text, "name": clean_name, "state": "pending", "moderation_due": now,
                         "queue": wall_key(campaign.slug, now, token)}
            await self._guard.keep(KIND, campaign.slug, token, text, citizen, author or Author(), now)
        if not await self._store.create(document):
            if preset is None:
                await self._guard.forget(KIND, (token,), written=False)
            raise Conflict("MESSAGE_ALREADY_LEFT", "您已经留过寄语了")
        if preset is None:
            await self._admit_again(campaign, document, now)
        return Posted(token, document["state"])

    async def _admit_again(self, campaign: Campaign, document: Document, now: float) -> None:
        """Who was banned while her words were on their way leaves none. Raises Forbidden, Conflict."""
        try:
            await self._guard.admit(campaign, document["citizen"], now)
        except Refusal:
            await self._store.withdraw(document)
            await self._guard.forget(KIND, (document["token"],), written=False)
            raise

    async def wall(self, campaign: Campaign, cursor: str) -> dict[str, Any]:
        """The approved messages, newest first: {"items": [{"id", "name", "message", "at"}], "next"}. Names are masked.

        `id` tells nothing of who wrote it; by it a citizen reports it.
        """
        prefix = f"{campaign.slug}:"
        found = await self._store.page("wall", prefix + (cursor or ";"), prefix, newest_first=True)
        return {"items": [{"id": d["token"], "name": masked(d.get("name")), "message": d["text"], "at": iso(d["at"])} for d in found],
                "next": found[-1]["wall"].removeprefix(prefix) if len(found) == ITEMS_A_PAGE else None}

    async def name_of(self, slug: str, period: str, citizen: int) -> str | None:
        """The reviewed name that a citizen gave, for her poster."""
        return await self._store.name_of(f"{slug}:{period}:{citizen}")

    async def remove_of(self, citizen: int, now: float) -> None:
        """Forget what a citizen wrote; repeating it changes nothing."""
        await self._guard.forget(KIND, await self._store.remove_of(citizen))


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
