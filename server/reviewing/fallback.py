"""Fallback: where reviewers cannot keep up, a campaign takes presets alone for a while, and says so.

Owns: `word_pauses`, one document for each campaign that fell back or was told not to. Invariants: of many processes one makes the change
and one entry of the audit log tells of it; who posts is asked of the store itself, pages know within a second; what a person switched off
comes back by a person alone; what a person switched on again stays on for an hour whatever the marks say.

Failure policy: pages go on with what was last known; posting fails closed with the store.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Literal

import msgspec

from server.campaigns import Campaign
from server.clock import iso
from server.errors import Conflict
from server.fresh import Fresh, Revision
from server.reviewing.item import Sources
from server.reviewing.rules import RuleBook, Rules
from server.stores import Database, Document, DuplicateKeyError

Why = Literal["length", "age", "hand", "kept_open"]
WHY: dict[Why, str] = {"length": "等待审核的内容太多", "age": "最早的内容等得太久",
                       "hand": "工作人员手动切换", "kept_open": "工作人员手动恢复"}
# For citizens, beside the presets.
NOTE = "留言较多，正在逐条审核；现在请选择现成的寄语，稍后会恢复自己写"
# Long enough for reviewers who were called in to work the queue down.
KEPT_OPEN_SECONDS = 3600
# More campaigns than a city runs at once.
MOST_PAUSED = 500

Record = Callable[[str, str, str, dict[str, Any], float], Awaitable[None]]


class Pause(msgspec.Struct, frozen=True):
    """`kept_open` until then; all others are pauses."""

    campaign: str
    why: Why
    by: str
    since: float
    until: float = 0.0


class OwnWordsPaused(Conflict):
    code = "OWN_WORDS_PAUSED"
    message = NOTE


class Waiting(msgspec.Struct, frozen=True):
    """How much waits. `more`: it was not counted to its end. `oldest`: since when the oldest one waits, 0 where nothing does."""

    count: int
    more: bool
    oldest: float

    def seconds(self, now: float) -> float:
        return max(0.0, now - self.oldest) if self.oldest else 0.0


async def waiting(sources: Sources, campaign: str, limit: int, kind: str = "") -> Waiting:
    places = [place for source in sources.some(kind) for place in await source.places("waiting", campaign, limit)]
    oldest = min((int(place.partition(":")[0]) for place in places), default=0) / 1000
    return Waiting(min(len(places), limit), len(places) >= limit, oldest)


class PauseStore:
    """The only code that touches `word_pauses`; each method one atomic step."""

    def __init__(self, mongo: Database) -> None:
        self._pauses = mongo["word_pauses"]

    async def find(self, campaign: str) -> Pause | None:
        found = await self._pauses.find_one({"_id": campaign})
        return None if found is None else _pause(found)

    async def paused(self) -> dict[str, Pause]:
        found = await self._pauses.find({"paused": 1}).limit(MOST_PAUSED).to_list(None)
        return {document["_id"]: _pause(document) for document in found}

    async def begin(self, pause: Pause, now: float) -> bool:
        """By the clock. False where it is paused, or kept open, already."""
        fields = _fields(pause)
        try:
            await self._pauses.insert_one({"_id": pause.campaign, **fields})
            return True
        except DuplicateKeyError:
            ended = await self._pauses.update_one({"_id": pause.campaign, "why": "kept_open", "until": {"$lte": now}}, {"$set": fields})
            return ended.matched_count == 1

    async def put(self, pause: Pause) -> None:
        """By a person, whatever was before."""
        await self._pauses.update_one({"_id": pause.campaign}, {"$set": _fields(pause)}, upsert=True)

    async def end(self, pause: Pause) -> bool:
        """By the clock. False where it changed meanwhile."""
        return (await self._pauses.delete_one({"_id": pause.campaign, "why": pause.why, "by": pause.by})).deleted_count == 1


class Fallback:
    """`record(who, action, subject, detail, now)` writes the audit log."""

    def __init__(self, mongo: Database, sources: Sources, rules: RuleBook, record: Record) -> None:
        self._store = PauseStore(mongo)
        self._sources = sources
        self._rules = rules
        self._record = record
        self._revision = Revision(mongo, "word_pauses")
        self._known: Fresh[dict[str, Pause]] = Fresh({}, self._revision, self._store.paused)

    async def admit(self, campaign: str) -> None:
        """Raises OwnWordsPaused."""
        found = await self._store.find(campaign)
        if found is not None and found.why != "kept_open":
            raise OwnWordsPaused()

    async def form(self, campaign: Campaign) -> dict[str, Any]:
        """What the page's form says of own words."""
        paused = campaign.free_words and campaign.slug in await self._known.get()
        return {"free_words": False, "free_words_note": NOTE} if paused else {"free_words": campaign.free_words, "free_words_note": ""}

    async def view(self, campaign: str) -> dict[str, Any] | None:
        """What the desk and the console say."""
        found = await self._store.find(campaign)
        if found is None:
            return None
        return {"why": found.why, "text": WHY[found.why], "by": found.by, "since": iso(found.since),
                "until": iso(found.until) if found.until else None, "paused": found.why != "kept_open"}

    async def by_hand(self, campaign: str, pause: bool, by: str, now: float) -> None:
        """A person switches own words off, or on again."""
        await self._store.put(Pause(campaign, "hand", by, now) if pause else Pause(campaign, "kept_open", by, now, now + KEPT_OPEN_SECONDS))
        await self._changed()

    async def tick(self, now: float, campaigns: list[Campaign]) -> int:
        """Look at every campaign that takes own words; how many changed. One without presets has nothing to fall back to."""
        return sum([await self._look(campaign, now) for campaign in campaigns
                    if campaign.free_words and campaign.presets and campaign.state == "open"])

    async def _look(self, campaign: Campaign, now: float) -> bool:
        rules, pause = await self._rules.of(campaign.slug), await self._store.find(campaign.slug)
        if pause is not None and (pause.why == "hand" or (pause.why == "kept_open" and pause.until > now)):
            return False
        queue = await waiting(self._sources, campaign.slug, rules.most_waiting + 1)
        if pause is not None and pause.why != "kept_open":
            return _is_low(queue, rules, now) and await self._end(pause, queue, now)
        why = _is_high(queue, rules, now)
        return why is not None and await self._begin(Pause(campaign.slug, why, "", now), queue, now)

    async def _begin(self, pause: Pause, queue: Waiting, now: float) -> bool:
        if not await self._store.begin(pause, now):
            return False
        await self._changed()
        await self._record("system", "own_words.pause", pause.campaign, {"why": pause.why, "waiting": queue.count,
                                                                          "minutes": int(queue.seconds(now) // 60)}, now)
        return True

    async def _end(self, pause: Pause, queue: Waiting, now: float) -> bool:
        if not await self._store.end(pause):
            return False
        await self._changed()
        await self._record("system", "own_words.resume", pause.campaign, {"waiting": queue.count}, now)
        return True

    async def _changed(self) -> None:
        await self._revision.rise()
        self._known.forget()


def _is_high(queue: Waiting, rules: Rules, now: float) -> Why | None:
    if not rules.falls_back:
        return None
    if queue.count > rules.most_waiting:
        return "length"
    return "age" if queue.seconds(now) > rules.most_minutes * 60 else None


def _is_low(queue: Waiting, rules: Rules, now: float) -> bool:
    return not rules.falls_back or (queue.count <= rules.back_below and queue.seconds(now) <= rules.back_below_minutes * 60)


def _fields(pause: Pause) -> Document:
    return {"why": pause.why, "by": pause.by, "since": pause.since, "until": pause.until, "paused": int(pause.why != "kept_open")}


def _pause(document: Document) -> Pause:
    return Pause(document["_id"], document["why"], document["by"], float(document["since"]), float(document["until"]))
