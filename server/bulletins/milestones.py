"""Milestones 里程碑: the moments at which a campaign's count passed round numbers. They name no citizen, and no ordinal's owner.

Owns: `milestones` (`_id` campaign:number). Invariants: each is written once, by whoever sees it first, and never changed by a void: that it
was passed stays a fact; `at` is when it was seen, so the count passed it not later, and `after` when it was last seen below.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from server.bulletins.bulletin import BulletinSettings, Telling
from server.clock import iso
from server.stores import Database, Document, DuplicateKeyError

# The rule: these, and from the last one on each further one of the same size.
FIRST, STEP = (10_000, 100_000, 500_000, 1_000_000), 1_000_000
# So many of a campaign; the bound of its own table is the same.
MOST = 200
AHEAD = 2


class Milestone(msgspec.Struct, frozen=True):
    """`after` 0: nobody had looked before. `telling`: as of a bulletin."""

    id: str
    campaign: str
    value: int
    at: float
    after: float
    telling: Telling = "none"
    due: float | None = None


class MilestoneStore:
    """The only code that touches `milestones`; each method one atomic step."""

    def __init__(self, mongo: Database) -> None:
        self._milestones = mongo["milestones"]

    async def add(self, one: Milestone) -> bool:
        """False where it was written before."""
        fields = {name: value for name, value in msgspec.to_builtins(one).items() if name not in ("id", "due") or (name == "due" and value)}
        try:
            await self._milestones.insert_one({**fields, "_id": one.id, "listed": f"{one.campaign}:{one.value:09d}"})
        except DuplicateKeyError:
            return False
        return True

    async def of(self, campaign: str) -> list[Milestone]:
        """What was passed, the smallest first; the largest MOST of it."""
        found = await self._milestones.find({"listed": {"$gt": f"{campaign}:", "$lt": f"{campaign};"}}).sort("listed", -1).limit(
            MOST).to_list(None)
        return list(map(_milestone, reversed(found)))

    async def due(self, now: float, limit: int) -> list[Milestone]:
        return list(map(_milestone, await self._milestones.find({"due": {"$lte": now}}).sort("due", 1).limit(limit).to_list(None)))

    async def begin_telling(self, milestone_id: str, until: float) -> bool:
        """Whether this caller tells it, as the only one ever; it is due again where nothing is known of it `until` then."""
        return (await self._milestones.update_one({"_id": milestone_id, "telling": "wanted"},
                                                  {"$set": {"telling": "telling", "due": until}})).matched_count == 1

    async def told(self, milestone_id: str, well: bool) -> None:
        await self._milestones.update_one({"_id": milestone_id, "telling": "telling"},
                                          {"$set": {"telling": "told" if well else "failed"}, "$unset": {"due": ""}})


def rule() -> Iterator[int]:
    """1万, 10万, 50万, 100万, 200万 and so on."""
    yield from FIRST
    value = FIRST[-1]
    while True:
        value += STEP
        yield value


def table_of(settings: BulletinSettings, participants: int) -> list[int]:
    """The campaign's own table, or that of the rule up to the next few that lie ahead."""
    if settings.milestones:
        return settings.milestones
    found, ahead = [], 0
    for value in rule():
        found.append(value)
        ahead += value > participants
        if ahead >= AHEAD and len(found) > len(FIRST) or len(found) >= MOST:
            return found
    return found


def milestones_view(table: Sequence[int], passed: Sequence[Milestone]) -> list[dict[str, Any]]:
    """The table with what was passed, and what was passed of an older table, in order."""
    known = {one.value: one for one in passed}
    return [{"value": value, "passed_at": iso(known[value].at) if value in known else None,
             "known_below_at": iso(known[value].after) if value in known and known[value].after else None}
            for value in sorted({*table, *known})]


def _milestone(document: Document) -> Milestone:
    return msgspec.convert({**document, "id": document["_id"]}, Milestone, strict=False)
