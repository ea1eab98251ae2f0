"""Campaigns in MongoDB."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from dataclasses import fields as fields_of
from typing import Any

from server.campaigns.campaign import Activity, Campaign, Preset
from server.stores import Database, Document, DuplicateKeyError

FIELDS = frozenset(field.name for field in fields_of(Campaign)) - {"slug"}


class CampaignStore:
    """The only code that touches `campaigns`."""

    def __init__(self, mongo: Database) -> None:
        self._campaigns = mongo["campaigns"]

    async def find(self, slug: str) -> Campaign | None:
        found = await self._campaigns.find_one({"_id": slug})
        return _campaign(found) if found else None

    async def all(self) -> list[Campaign]:
        """Every campaign. A city has some dozens in a year."""
        return [campaign for campaign, _ in await self.all_and_told()]

    async def all_and_told(self) -> list[tuple[Campaign, bool]]:
        """Every campaign, and whether the counters know of its last change."""
        found = await self._campaigns.find({}).limit(1000).to_list(None)
        return [(_campaign(d), d["state"] in ("draft", "scheduled") or d.get("told", 0) == d.get("rev", 0)) for d in found]

    async def create(self, campaign: Campaign) -> bool:
        """False where the slug is taken."""
        try:
            await self._campaigns.insert_one(document_of(campaign))
        except DuplicateKeyError:
            return False
        return True

    async def change(self, slug: str, rev: int, fields: Mapping[str, Any]) -> bool:
        """Set fields of what was read at `rev`; False where another change was first."""
        result = await self._campaigns.update_one({"_id": slug, "rev": rev}, {"$set": fields, "$inc": {"rev": 1}})
        return result.modified_count == 1

    async def touch(self, slug: str) -> None:
        await self._campaigns.update_one({"_id": slug}, {"$inc": {"rev": 1}})

    async def put_back(self, document: Document) -> bool:
        """After a restore: a campaign as it was known outside MongoDB, where none or an older one stands. Whether it was needed."""
        try:
            await self._campaigns.insert_one(document)
        except DuplicateKeyError:
            fields = {name: value for name, value in document.items() if name != "_id"}
            changed = await self._campaigns.update_one({"_id": document["_id"], "rev": {"$lt": document["rev"]}}, {"$set": fields})
            return changed.matched_count == 1
        return True

    async def remove(self, slug: str, rev: int) -> bool:
        return (await self._campaigns.delete_one({"_id": slug, "rev": rev})).deleted_count == 1

    async def note_told(self, slug: str, rev: int) -> bool:
        """The counters know of `rev`; False where there is a younger one."""
        return (await self._campaigns.update_one({"_id": slug, "rev": rev}, {"$set": {"told": rev}})).matched_count == 1


def document_of(campaign: Campaign) -> Document:
    fields = asdict(campaign)
    return {"_id": fields.pop("slug"), **fields}


def _campaign(document: Document) -> Campaign:
    # The embedded store gives a truth value that was updated back as 1 or 0.
    fields = document | {name: bool(document.get(name)) for name in ("demo", "free_words", "rehearsal")}
    # Past 2038 a moment comes as the driver's own 64-bit number, which Redis does not take.
    fields |= {name: int(fields[name]) for name in ("opens_at", "closes_at")}
    # What the next release keeps here beside the fields of this one is not ours to read; it stays, since changes set single fields.
    fields = {name: value for name, value in fields.items() if name in FIELDS}
    activities = tuple(Activity(a["code"], a["title"], a["verb"], bool(a["children"])) for a in fields.pop("activities"))
    presets = tuple(Preset(p["code"], p["text"]) for p in fields.pop("presets"))
    return Campaign(slug=document["_id"], activities=activities, presets=presets, **fields)
