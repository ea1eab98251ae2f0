"""A campaign's kit 宣传物料包: asked for by an editor, made by a job, fetched by whoever works for the campaign, made anew after changes.

Owns: `kits`, one document a campaign, and `kit_parts` (the ZIP as documents of 1 MB, so that any server can give it). Invariants: a kit
holds nothing of any citizen; it is made of what is public, so a draft has none; while a new one is made the one before can be fetched; one
process makes it at a time, and what a killed one left is removed; whoever looks is told when it no longer says what the campaign says.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncGenerator
from typing import Literal

import msgspec

from server.campaigns import Campaign
from server.errors import Conflict, InvalidBody, NotFound
from server.kits.texts import guide_text, share_texts, wording_problem
from server.made_files import FileParts
from server.places import PlaceIndex, Places
from server.releases.wording import Wording
from server.short_links import ShortLinks
from server.stores import Database, Document, DuplicateKeyError

State = Literal["queued", "making", "ready", "failed"]
STATE_NAMES: dict[State, str] = {"queued": "等待制作", "making": "正在制作", "ready": "可以下载", "failed": "没有做成"}
# A city has two or three thousand schools; twice that is a file of some 100 MB. A province takes it district by district.
MAX_UNITS = 6_000


class KitNotReady(Conflict):
    code = "KIT_NOT_READY"
    message = "物料包还没有做好，请等进度走完再下载"


class Kit(msgspec.Struct, frozen=True):
    """`attempt` counts every try ever, `tries` those of this asking. `file`: the attempt whose ZIP can be fetched, 0 for none; `parts`,
    `size_bytes`, `ready_at`, `made_of`, `regions` and `units` are of that ZIP."""

    campaign: str
    asked_by: str
    asked_at: float
    region: str = ""
    state: State = "queued"
    due: float | None = None
    attempt: int = 0
    tries: int = 0
    done: int = 0
    total: int = 0
    problem: str = ""
    file: int = 0
    parts: int = 0
    size_bytes: int = 0
    ready_at: float = 0.0
    made_of: str = ""
    regions: int = 0
    units: int = 0


class KitStore:
    """The only code that touches these collections; each method one atomic step."""

    def __init__(self, mongo: Database) -> None:
        self._kits = mongo["kits"]
        self.parts = FileParts(mongo["kit_parts"])

    async def find(self, slug: str) -> Kit | None:
        found = await self._kits.find_one({"_id": slug})
        return None if found is None else msgspec.convert({**found, "campaign": found["_id"]}, Kit, strict=False)

    async def ask(self, kit: Kit) -> bool:
        """A new try at once, the file that is there stays; False where one is under way."""
        fields: Document = {"asked_by": kit.asked_by, "asked_at": kit.asked_at, "region": kit.region, "state": "queued",
                            "due": kit.asked_at, "tries": 0, "done": 0, "total": kit.total, "problem": ""}
        for state in ("ready", "failed"):
            if (await self._kits.update_one({"_id": kit.campaign, "state": state}, {"$set": fields})).matched_count:
                return True
        whole = {name: value for name, value in msgspec.to_builtins(kit).items() if name != "campaign"}
        try:
            await self._kits.insert_one({**whole, **fields, "_id": kit.campaign})
        except DuplicateKeyError:
            return False
        return True

    # Making

    async def due(self, now: float, limit: int) -> list[Kit]:
        found = await self._kits.find({"due": {"$lte": now}}).sort("due", 1).limit(limit).to_list(None)
        return [msgspec.convert({**d, "campaign": d["_id"]}, Kit, strict=False) for d in found]

    async def claim(self, kit: Kit, until: float) -> bool:
        """Whether this caller makes it, as attempt + 1; nobody else looks at it until then."""
        changed = await self._kits.update_one({"_id": kit.campaign, "due": kit.due},
                                              {"$set": {"due": until, "state": "making", "done": 0}, "$inc": {"attempt": 1, "tries": 1}})
        return changed.matched_count == 1

    async def hold(self, slug: str, attempt: int, until: float, done: int) -> bool:
        """False where another has it."""
        return await self._change(slug, attempt, {"$set": {"due": until, "done": done}})

    async def know_total(self, slug: str, attempt: int, total: int) -> None:
        await self._change(slug, attempt, {"$set": {"total": total}})

    async def again(self, slug: str, attempt: int, due: float) -> bool:
        """Left to the next turn; this was no try."""
        return await self._change(slug, attempt, {"$set": {"due": due, "state": "queued"}, "$inc": {"tries": -1}})

    async def settle(self, slug: str, attempt: int, fields: Document) -> bool:
        """Ready or failed. False where another was first."""
        return await self._change(slug, attempt, {"$set": fields, "$unset": {"due": ""}})

    async def _change(self, slug: str, attempt: int, change: Document) -> bool:
        return (await self._kits.update_one({"_id": slug, "attempt": attempt, "state": "making"}, change)).matched_count == 1

    async def remove(self, slug: str) -> None:
        """The kit of a campaign that is gone for good."""
        kit = await self.find(slug)
        if kit is not None:
            await self.parts.drop(slug, [kit.file, kit.attempt])
            await self._kits.delete_one({"_id": slug})


class Kits:
    def __init__(self, store: KitStore, places: Places, wording: Wording, short_links: ShortLinks) -> None:
        self._store = store
        self._places = places
        self._wording = wording
        self._short_links = short_links

    async def of(self, campaign: Campaign) -> tuple[Kit | None, bool]:
        """The campaign's kit, None before the first; and whether what can be fetched is out of date."""
        kit = await self._store.find(campaign.slug)
        if kit is None or not kit.file:
            return kit, False
        return kit, kit.made_of != await self.made_of(campaign, kit.region)

    async def ask(self, campaign: Campaign, who: str, region: str, now: float) -> Kit:
        """Have it made, or made anew.

        Raises Conflict KIT_NOT_PUBLISHED, KIT_WORDING, KIT_IN_WORK, InvalidBody UNKNOWN_REGION, KIT_TOO_LARGE.
        """
        if campaign.state == "draft":
            raise Conflict("KIT_NOT_PUBLISHED", "活动发布后才能制作物料：没有发布的活动，扫码打不开")
        index = await self._places.of(campaign)
        if region and not index.has_region(region):
            raise InvalidBody("UNKNOWN_REGION", "没有这个区县，请在列表里选一个", field="region")
        total = len(places_of(index, region))
        if total > MAX_UNITS:
            raise InvalidBody("KIT_TOO_LARGE", f"一次最多 {MAX_UNITS} 个区县和单位，现在 {total} 个，请选一个区县分次制作", field="region")
        texts = share_texts(campaign, await self._short_links.link_for(campaign.slug))
        if problem := wording_problem(campaign, texts, await self._wording.rules()):
            raise Conflict("KIT_WORDING", f"分享文案没有通过用语检查：{problem}；请先修改活动的标题或分享描述")
        if not await self._store.ask(Kit(campaign.slug, who, now, region, total=total + 1)):
            raise Conflict("KIT_IN_WORK", "物料包正在制作，请等这一次做完")
        made = await self._store.find(campaign.slug)
        assert made is not None
        return made

    async def open(self, campaign: Campaign) -> Kit:
        """A kit whose ZIP can be fetched. Raises NotFound, KitNotReady."""
        kit = await self._store.find(campaign.slug)
        if kit is None:
            raise NotFound("KIT_NOT_FOUND", "还没有制作过物料包，请先点“制作”")
        if not kit.file:
            raise KitNotReady()
        return kit

    def zip(self, kit: Kit) -> AsyncGenerator[bytes, None]:
        """The ZIP in pieces of 1 MB. Raises KitNotReady where a newer one has taken its place."""
        return self._store.parts.read(kit.campaign, kit.file, kit.parts, KitNotReady)

    async def made_of(self, campaign: Campaign, region: str) -> str:
        """A digest of everything that a kit says."""
        index, link = await self._places.of(campaign), await self._short_links.link_for(campaign.slug)
        return await asyncio.to_thread(_digest, campaign, link, index, region)

    async def remove(self, slug: str) -> None:
        """With a campaign that is gone for good."""
        await self._store.remove(slug)


def places_of(index: PlaceIndex, region: str) -> list[tuple[str, str, str]]:
    """Every place that gets a code, as (`region` or `unit`, code, code of its region): in the order of the regions, each with its units.

    What stands for no place (不便选择, 市外: own and without units) gets none: nobody hangs it up.
    """
    by_region: dict[str, list[str]] = {}
    for _, unit in index.in_order:
        by_region.setdefault(unit.region, []).append(unit.code)
    found: list[tuple[str, str, str]] = []
    for one in sorted(index.regions.values(), key=lambda r: (r.order, r.code)):
        if region in ("", one.code) and (not one.own or one.code in by_region):
            found += [("region", one.code, one.code), *(("unit", code, one.code) for code in by_region.get(one.code, []))]
    return found


def _digest(campaign: Campaign, link: str, index: PlaceIndex, region: str) -> str:
    says = (*share_texts(campaign, link).values(), guide_text(campaign), campaign.organiser.get("name", ""))
    digest = hashlib.sha256("\0".join(says).encode())
    for kind, code, _ in places_of(index, region):
        digest.update(f"{kind}\0{code}\0{(index.regions if kind == 'region' else index.units)[code].name}\n".encode())
    return digest.hexdigest()
