"""The wall from the desk: its kiosk links, its opening ceremony, its standard map."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import structs

from handlers.codes_drawn import drawn
from handlers.staff import StaffHandler, staff_view
from server.ceremonies import EARLIEST_SECONDS, Ceremony
from server.clock import iso
from server.errors import BodyTooLarge
from server.kiosks import VIEW_NAMES, Kiosk
from server.wall_maps import MAX_BYTES, WallMap


class KioskBody(msgspec.Struct, forbid_unknown_fields=True):
    """`view` wall or phone; `label`: where it hangs or whose it is; `days` until it ends."""

    label: str
    view: str = "wall"
    days: int = 7


class ArmedBody(msgspec.Struct, forbid_unknown_fields=True):
    armed: bool


def moment(seconds: float) -> str | None:
    return iso(seconds) if seconds else None


def kiosk_view(kiosk: Kiosk, now: float) -> dict[str, Any]:
    found = {name: value for name, value in structs.asdict(kiosk).items() if name != "remove_at"}
    times = {name: moment(found[name]) for name in ("made_at", "expires_at", "seen_at", "revoked_at")}
    return {**found, **times, "view_name": VIEW_NAMES[kiosk.view], "is_open": kiosk.is_open(now)}


def ceremony_view(ceremony: Ceremony, state: str, opens_at: int, now: float) -> dict[str, Any]:
    return {"is_armed": ceremony.is_armed, "armed_by": ceremony.armed_by, "armed_at": moment(ceremony.armed_at),
            "pressed_by": ceremony.pressed_by, "pressed_at": moment(ceremony.pressed_at), "state": state, "opens_at": iso(opens_at),
            "may_press": ceremony.is_armed and now >= opens_at - EARLIEST_SECONDS}


def map_of_staff(shown: WallMap) -> dict[str, Any]:
    return {**{name: getattr(shown, name) for name in ("number", "type", "width", "height", "bytes", "by")}, "at": iso(shown.at)}


class Kiosks(StaffHandler):
    async def get(self, slug: str) -> None:
        """A campaign's kiosk links, the newest first; the addresses themselves are kept nowhere."""
        await self.member("operator", "auditor", campaign=slug)
        await self.services.campaigns.get_any(slug)
        self.reply({"items": [kiosk_view(one, self.now()) for one in await self.services.kiosks.all(slug)], "next": None})

    async def post(self, slug: str) -> None:
        """A new kiosk link, with its code to scan, told this once."""
        member, body, now = await self.member("operator", campaign=slug), self.body(KioskBody), self.now()
        await self.services.campaigns.get_any(slug)
        url, kiosk = await self.services.kiosks.make(slug, body.view, body.label, body.days, member.name, now)
        await self.log(member, "kiosk.make", slug, kiosk=kiosk.id, view=kiosk.view, label=kiosk.label, days=body.days)
        self.reply(kiosk_view(kiosk, now) | {"url": url, "qr": await drawn(url)}, 201)


class OneKiosk(StaffHandler):
    async def delete(self, slug: str, kiosk: str) -> None:
        """Revoke a link: what it opened goes dark within seconds."""
        member, now = await self.member("operator", campaign=slug), self.now()
        ended = await self.services.kiosks.revoke(slug, kiosk, member.name, now)
        await self.log(member, "kiosk.revoke", slug, kiosk=kiosk, view=ended.view, label=ended.label)
        self.reply(kiosk_view(ended, now))


class OpeningCeremony(StaffHandler):
    async def get(self, slug: str) -> None:
        """Whether the walls wait for the press."""
        await self.member(campaign=slug)
        campaign = await self.services.campaigns.get_any(slug)
        ceremony = await self.services.ceremonies.of(campaign)
        self.reply(ceremony_view(ceremony, campaign.state, campaign.opens_at, self.now()))

    async def put(self, slug: str) -> None:
        """The walls of a campaign wait full-screen for the press, or no more."""
        member, armed, now = await self.member("operator", campaign=slug), self.body(ArmedBody).armed, self.now()
        ceremonies = self.services.ceremonies
        ceremony = await ceremonies.arm(slug, member.name, now) if armed else await ceremonies.disarm(slug)
        await self.log(member, "ceremony.arm" if armed else "ceremony.disarm", slug)
        campaign = await self.services.campaigns.get_any(slug)
        self.reply(ceremony_view(ceremony, campaign.state, campaign.opens_at, now))


class Press(StaffHandler):
    async def post(self, slug: str) -> None:
        """Press the button: open the campaign. Whoever comes second finds it open."""
        member, now = await self.member("operator", campaign=slug), self.now()
        before = await self.services.campaigns.get_any(slug)
        self.services.releases.publishing.check_by_hand(before, "open")
        opened, was_first = await self.services.ceremonies.press(slug, member.name, now)
        if was_first:
            await self.log(member, "ceremony.open", slug, before=before.state, after=opened.state, planned=iso(before.opens_at),
                           opens_at=iso(opened.opens_at))
        self.reply(staff_view(opened))


class Map(StaffHandler):
    async def get(self, slug: str) -> None:
        """The standard map that the wall may show, if there is one."""
        await self.member(campaign=slug)
        shown = await self.services.wall_maps.of(slug)
        self.reply({"map": map_of_staff(shown) if shown else None})

    async def put(self, slug: str) -> None:
        """Upload a standard map, unaltered, with `?number=` its approval number."""
        member = await self.member("admin", campaign=slug)
        if len(self.request.body) > MAX_BYTES:
            raise BodyTooLarge(message=f"地图最大 {MAX_BYTES >> 20} MB")
        await self.services.campaigns.get_any(slug)
        shown = await self.services.wall_maps.keep(slug, self.request.body, self.get_argument("number", ""), member.name, self.now())
        await self.log(member, "wall_map.keep", slug, number=shown.number, bytes=shown.bytes)
        self.reply(map_of_staff(shown))

    async def delete(self, slug: str) -> None:
        """The wall shows no map any more."""
        member = await self.member("admin", campaign=slug)
        await self.services.wall_maps.remove(slug)
        await self.log(member, "wall_map.remove", slug)
        self.done()
