"""The store of a campaign's desk: the only code that touches `campaign_desks`, `campaign_drafts` and `campaign_revisions`.

Each method is one atomic step. A draft is changed as it was seen: its content under `rev`, its review and release under `rev` and `turn`,
so that no decision can fall on other words than those that were read. Contents are kept as text: a store may round a number or turn a
truth value around, and a fingerprint would not forgive that.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec
from pymongo import ReturnDocument

from server.releases.content import read_text, text_of
from server.releases.record import STEPS, Draft, Review, Revision, Step
from server.stores import Database, Document, DuplicateKeyError

REVISIONS_A_PAGE = 50
# A job publishes so many at once; a city has one at a time.
MOST_DUE = 20
# What waits for reviewers in a whole city, and the corrections of one campaign.
MOST_WAITING, MOST_OF_CAMPAIGN = 200, 200
Counter = Literal["revisions", "rounds"]


class DeskStore:
    def __init__(self, mongo: Database) -> None:
        self._desks = mongo["campaign_desks"]
        self._drafts = mongo["campaign_drafts"]
        self._revisions = mongo["campaign_revisions"]

    # The desk: counters and steps

    async def next(self, campaign: str, counter: Counter) -> int:
        """The next number, never given twice."""
        found: Document = await self._desks.find_one_and_update(
            {"_id": campaign}, {"$inc": {counter: 1}}, upsert=True, return_document=ReturnDocument.AFTER)
        return int(found[counter])

    async def steps(self, campaign: str) -> tuple[Step, ...]:
        found = await self._desks.find_one({"_id": campaign})
        return msgspec.convert(found["steps"], tuple[Step, ...]) if found and "steps" in found else STEPS

    async def set_steps(self, campaign: str, steps: tuple[Step, ...]) -> None:
        await self._desks.update_one({"_id": campaign}, {"$set": {"steps": msgspec.to_builtins(steps)}}, upsert=True)

    # Drafts

    async def draft(self, id: str) -> Draft | None:
        found = await self._drafts.find_one({"_id": id})
        return _draft(found) if found else None

    async def add(self, draft: Draft) -> bool:
        """False where there is one."""
        try:
            await self._drafts.insert_one({"_id": draft.id, **_fields(draft)})
        except DuplicateKeyError:
            return False
        return True

    async def write(self, seen: Draft, changed: Draft) -> bool:
        """Put a draft in place of what was seen; False where it is not that any more."""
        result = await self._drafts.update_one({"_id": seen.id, "rev": seen.rev, "turn": seen.turn}, {"$set": _fields(changed)})
        return result.matched_count == 1

    async def remove(self, seen: Draft) -> bool:
        return (await self._drafts.delete_one({"_id": seen.id, "rev": seen.rev, "turn": seen.turn})).deleted_count == 1

    async def of_campaign(self, campaign: str) -> list[Draft]:
        """The draft and every correction."""
        return [_draft(d) for d in await self._drafts.find({"campaign": campaign}).limit(MOST_OF_CAMPAIGN).to_list(None)]

    async def waiting(self) -> list[Draft]:
        """What waits for a reviewer, of all campaigns."""
        return [_draft(d) for d in await self._drafts.find({"waiting": "yes"}).limit(MOST_WAITING).to_list(None)]

    async def due(self, now: float) -> list[Draft]:
        """Whose minute has come."""
        found = await self._drafts.find({"release_due": {"$gt": 0, "$lte": now}}).limit(MOST_DUE).to_list(None)
        return [_draft(d) for d in found]

    # Revisions

    async def add_revision(self, revision: Revision) -> None:
        fields = msgspec.to_builtins(revision) | {"content": text_of(revision.content)}
        del fields["reviews"]
        await self._revisions.insert_one({"_id": _number(revision.campaign, revision.number), **fields,
                                          "listed": _number(revision.campaign, revision.number)})

    async def revision(self, campaign: str, number: int) -> Revision | None:
        found = await self._revisions.find_one({"_id": _number(campaign, number)})
        return _revision(found) if found else None

    async def revisions(self, campaign: str, before: int = 0, limit: int = REVISIONS_A_PAGE) -> list[Revision]:
        """The newest first; `before`: those with smaller numbers."""
        end = _number(campaign, before) if before else f"{campaign};"
        found = await self._revisions.find({"listed": {"$gt": f"{campaign}:", "$lt": end}}).sort("listed", -1).limit(limit).to_list(None)
        return [_revision(d) for d in found]

    async def remove_revision(self, campaign: str, number: int) -> None:
        """Unless it was public once: that stays as long as the campaign."""
        await self._revisions.delete_one({"_id": _number(campaign, number), "released_at": 0.0})

    async def keep_review(self, campaign: str, review: Review) -> None:
        """A round as it stands, with the revision that it was about."""
        if review.revision:
            await self._revisions.update_one({"_id": _number(campaign, review.revision)},
                                             {"$set": {f"rounds.{review.round}": msgspec.to_builtins(review)}})

    async def note_release(self, campaign: str, number: int, by: str, at: float, confirmed: tuple[str, ...]) -> None:
        await self._revisions.update_one({"_id": _number(campaign, number)},
                                         {"$set": {"released_by": by, "released_at": at, "confirmed": list(confirmed)}})

    async def purge(self, campaign: str) -> None:
        """Everything of a campaign that is gone for good."""
        await self._drafts.delete_many({"campaign": campaign})
        await self._revisions.delete_many({"campaign": campaign})
        await self._desks.delete_one({"_id": campaign})


def _number(campaign: str, number: int) -> str:
    return f"{campaign}:{number:08}"


def _fields(draft: Draft) -> Document:
    """`waiting` and `release_due` are there to be found by."""
    fields: Document = msgspec.to_builtins(draft)
    del fields["id"]
    return fields | {"content": text_of(draft.content), "base": text_of(draft.base),
                     "waiting": "yes" if draft.review.state == "reviewing" else "",
                     "release_due": draft.release.at if draft.release and not draft.release.problem else 0}


def _draft(document: Document) -> Draft:
    fields: dict[str, Any] = document | {"id": document["_id"]}
    content, base = read_text(fields.pop("content")), read_text(fields.pop("base"))
    return msgspec.structs.replace(msgspec.convert(fields | {"content": {}, "base": {}}, Draft), content=content, base=base)


def _revision(document: Document) -> Revision:
    fields: dict[str, Any] = dict(document)
    content = read_text(fields.pop("content"))
    rounds = sorted(fields.pop("rounds", {}).values(), key=lambda review: review["round"])
    return msgspec.structs.replace(msgspec.convert(fields | {"content": {}, "reviews": rounds}, Revision), content=content)
