"""A campaign's kit 宣传物料包, through the staff's interface: made on demand, fetched by whoever works for the campaign."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import structs

from handlers.staff import StaffHandler
from handlers.streams import StreamHandler
from server.clock import iso
from server.kits import Kit
from server.kits.kit import STATE_NAMES, places_of
from server.kits.texts import share_texts

ZIP = "application/zip"
NOTHING = {"state": "none", "state_name": "还没有制作"}


class KitBody(msgspec.Struct, forbid_unknown_fields=True):
    """`region` empty: every district and unit; else of this one alone."""

    region: str = ""


# How it is made and where it lies.
INNER = ("due", "attempt", "tries", "parts", "file", "made_of")


def kit_view(kit: Kit, is_outdated: bool) -> dict[str, Any]:
    found = {name: value for name, value in structs.asdict(kit).items() if name not in INNER}
    times = {name: iso(found[name]) if found[name] else None for name in ("asked_at", "ready_at")}
    return {**found, **times, "state_name": STATE_NAMES[kit.state], "has_file": bool(kit.file), "outdated": is_outdated}


class One(StaffHandler):
    async def get(self, slug: str) -> None:
        """How far a campaign's kit is, what it holds, and whether it still says what the campaign says."""
        await self.member(campaign=slug)
        kit, is_outdated = await self.services.kits.of(await self.services.campaigns.get_any(slug))
        self.reply(NOTHING if kit is None else kit_view(kit, is_outdated))

    async def post(self, slug: str) -> None:
        """Have the kit made, or made anew."""
        member, body = await self.member("editor", "operator", campaign=slug), self.body(KitBody)
        campaign = await self.services.campaigns.get_any(slug)
        kit = await self.services.kits.ask(campaign, member.name, body.region, self.now())
        await self.log(member, "kit.make", slug, region=body.region, codes=kit.total)
        self.reply(kit_view(kit, False), 202)


class File(StreamHandler):
    async def get(self, slug: str) -> None:
        """The ZIP."""
        member = await self.member(campaign=slug)
        campaign = await self.services.campaigns.get_any(slug)
        kit = await self.services.kits.open(campaign)
        await self.log(member, "kit.download", slug, codes=kit.regions + kit.units + 1)
        await self.send(self.services.kits.zip(kit), ZIP, f"{campaign.title}-宣传物料包.zip")


class Texts(StaffHandler):
    async def get(self, slug: str) -> None:
        """The texts to copy, without a kit."""
        await self.member(campaign=slug)
        campaign = await self.services.campaigns.get_any(slug)
        texts = share_texts(campaign, await self.services.short_links.link_for(slug))
        self.reply({"items": [{"name": name, "text": text} for name, text in texts.items()], "next": None})


class PlaceVisits(StaffHandler):
    async def get(self, slug: str) -> None:
        """How often the printed code of each district, and of one district's schools, was opened; for work, in the order of places."""
        await self.member(campaign=slug)
        index = await self.services.places.of(await self.services.campaigns.get_any(slug))
        opened, region = await self.services.visits.of_places(slug), self.get_query_argument("region", "")
        wanted, named = ("unit", index.units) if region else ("region", index.regions)
        self.reply({"items": [{"place": f"{kind}:{code}", "name": named[code].name, "opened": opened.get(f"{kind}:{code}", 0)}
                              for kind, code, _ in places_of(index, region) if kind == wanted], "next": None})
