"""Bulletins 战报 and milestones, through the staff's interface: make one, copy its text, take its picture."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import structs

from handlers.staff import StaffHandler
from server.bulletins import Bulletin, BulletinSettings
from server.clock import iso
from server.digits import whole

# Operators act; whoever answers for what is said and counted reads.
READERS = ("operator", "auditor", "reviewer")
# As many as a number is written with in the store.
MAX_NUMBER_DIGITS = 8
Revision = Annotated[int, msgspec.Meta(ge=0, lt=1 << 31)]


class MakeBody(msgspec.Struct, forbid_unknown_fields=True):
    """`to_robots`: also to the groups' robots, where there are any."""

    to_robots: bool = False


class SettingsBody(msgspec.Struct, forbid_unknown_fields=True):
    """Hours of the day, both within; `milestones` empty for those of the rule; `rev` is what was seen."""

    hourly: bool
    first_hour: int = 8
    last_hour: int = 22
    to_robots: bool = True
    milestones: list[int] = []
    rev: Revision = 0


def bulletin_view(bulletin: Bulletin) -> dict[str, Any]:
    s = bulletin.snapshot
    return {"number": bulletin.number, "kind": bulletin.kind, "by": bulletin.by, "at": iso(bulletin.at), "as_of": iso(s.as_of),
            "demo": bulletin.demo, "participants": s.participants, "text": bulletin.text, "picture": bulletin.picture,
            "picture_bytes": bulletin.picture_bytes, "telling": bulletin.telling,
            "picture_url": f"/api/v1/staff/campaigns/{bulletin.campaign}/bulletins/{bulletin.number}.png"}


def settings_view(settings: BulletinSettings, has_robots: bool) -> dict[str, Any]:
    return {name: value for name, value in structs.asdict(settings).items() if name != "since"} | {"has_robots": has_robots}


class List(StaffHandler):
    async def get(self, slug: str) -> None:
        """A campaign's bulletins, newest first, each with its text."""
        await self.member(*READERS, campaign=slug)
        campaign = await self.services.campaigns.get_any(slug)
        found, following = await self.services.bulletins.page(campaign, self.get_query_argument("cursor", ""))
        self.reply({"items": [bulletin_view(one) for one in found if one.number], "next": following})

    async def post(self, slug: str) -> None:
        """Make one of this moment; the second of two taps within five seconds gets the first one's, told where the first was not to be."""
        member, body = await self.member("operator", campaign=slug), self.body(MakeBody)
        campaign = await self.services.campaigns.get_any(slug)
        bulletin, is_ours = await self.services.bulletins.make(campaign, member.name, self.now(), to_robots=body.to_robots)
        if is_ours:
            await self.log(member, "bulletin.make", slug, number=bulletin.number, to_robots=bulletin.telling == "wanted")
        self.reply(bulletin_view(bulletin), 201 if is_ours else 200)


class One(StaffHandler):
    async def get(self, slug: str, number: str) -> None:
        """One bulletin, as it was made."""
        await self.member(*READERS, campaign=slug)
        campaign = await self.services.campaigns.get_any(slug)
        self.reply(bulletin_view(await self.services.bulletins.find(campaign, whole(number, MAX_NUMBER_DIGITS) or 0)))


class Picture(StaffHandler):
    async def get(self, slug: str, number: str) -> None:
        """The picture of a bulletin, as it was drawn."""
        await self.member(*READERS, campaign=slug)
        campaign = await self.services.campaigns.get_any(slug)
        data = await self.services.bulletins.picture(campaign, whole(number, MAX_NUMBER_DIGITS) or 0)
        self.set_header("Content-Type", "image/png")
        # It never changes; only whoever is signed in may keep it.
        self.set_header("Cache-Control", "private, max-age=86400")
        self.set_header("Content-Disposition", f'inline; filename="{slug}-{number}.png"')
        self.finish(data)


class Settings(StaffHandler):
    async def get(self, slug: str) -> None:
        """When bulletins are made by themselves, and which milestones the campaign has."""
        await self.member(*READERS, campaign=slug)
        campaign = await self.services.campaigns.get_any(slug)
        self.reply(settings_view(await self.services.bulletins.settings(campaign), self.services.bulletins.tell is not None))

    async def put(self, slug: str) -> None:
        """Replace the settings as they were seen."""
        member, body = await self.member("operator", campaign=slug), self.body(SettingsBody)
        campaign = await self.services.campaigns.get_any(slug)
        wanted = BulletinSettings(**structs.asdict(body))
        kept = await self.services.bulletins.keep_settings(campaign, wanted, self.now())
        await self.log(member, "bulletin.settings", slug, **structs.asdict(body))
        self.reply(settings_view(kept, self.services.bulletins.tell is not None))


class Milestones(StaffHandler):
    async def get(self, slug: str) -> None:
        """The campaign's milestones, with when each was passed."""
        await self.member(*READERS, campaign=slug)
        campaign = await self.services.campaigns.get_any(slug)
        self.reply({"items": await self.services.bulletins.milestones(campaign), "next": None})
