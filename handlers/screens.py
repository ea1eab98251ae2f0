"""The wall and the phone view: their pages, what they ask for, and the kiosk links that open them without signing in."""

from __future__ import annotations

from handlers.base import BaseHandler
from handlers.pages import StaffPageHandler
from handlers.staff import COOKIE as STAFF_COOKIE
from handlers.staff import StaffHandler
from server.campaigns import CampaignNotFound
from server.errors import NotAuthorised
from server.kiosks import Kiosk, KioskClosed, View

# One for each campaign and view, so that a device may hold several; the value is the link's token.
COOKIE = "wenming_kiosk_{view}_{slug}"
# The map's address holds a mark of its bytes.
MAP_CACHED = "private, max-age=86400"


def cookie_of(view: str, slug: str) -> str:
    return COOKIE.format(view=view, slug=slug)


class KioskDoor(StaffPageHandler):
    async def get(self, token: str) -> None:
        """Open what the link shows; from here on the device keeps it, and the address bar is clean."""
        self.set_header("Cache-Control", "no-store")
        self.set_header("Referrer-Policy", "no-referrer")  # the address is the key
        kiosk = await self.services.kiosks.open(token, self.now())
        # Lax: scanned from a code or opened from a bookmark, both come from elsewhere.
        self.set_cookie(cookie_of(kiosk.view, kiosk.campaign), token, expires=kiosk.expires_at, httponly=True, samesite="Lax",
                        secure=self.settings["secure_cookies"])
        self.redirect(f"/screen/{kiosk.campaign}" + ("/now" if kiosk.view == "phone" else ""))


async def is_hers(handler: BaseHandler, slug: str) -> bool:
    """Whether a member of staff who has this campaign is signed in here."""
    try:
        member = await handler.services.staff.of_session(handler.get_cookie(STAFF_COOKIE), handler.now())
    except NotAuthorised:
        return False
    return bool(member.sees(slug))


async def has_link(handler: BaseHandler, slug: str) -> bool:
    """Whether this device has a kiosk link to the wall, which has its place also where sockets are full."""
    if (token := handler.get_cookie(cookie_of("wall", slug))) is None:
        return False
    try:
        await handler.services.kiosks.look(token, slug, "wall", handler.now())
    except KioskClosed:
        return False
    return True


class Looking(StaffHandler):
    """Whoever may look: a member of staff who has this campaign, or a device with a kiosk link to this view."""

    async def looker(self, slug: str, view: View) -> Kiosk | None:
        """The link that lets her look, None for staff. Raises NotAuthorised, Forbidden, KioskClosed."""
        token = self.get_cookie(cookie_of(view, slug))
        if token is not None and not await is_hers(self, slug):
            return await self.services.kiosks.look(token, slug, view, self.now())
        await self.member(campaign=slug)
        return None


class Wall(Looking):
    async def get(self, slug: str) -> None:
        """What a wall needs beside the live figures; `by_link`: it was opened by a kiosk link, and has no button."""
        kiosk = await self.looker(slug, "wall")
        self.reply(await self.services.screens.wall(slug, self.now()) | {"by_link": kiosk is not None})


class Phone(Looking):
    async def get(self, slug: str) -> None:
        """How many there are now: the whole answer in one."""
        kiosk = await self.looker(slug, "phone")
        self.reply(await self.services.screens.phone(slug, self.now()) | {"by_link": kiosk is not None})


class Map(Looking):
    async def get(self, slug: str) -> None:
        """The standard map, byte for byte as it was uploaded."""
        await self.looker(slug, "wall")
        shown, data = await self.services.wall_maps.open(slug)
        self.set_header("Content-Type", shown.type)
        self.set_header("Cache-Control", MAP_CACHED)
        self.set_header("Content-Security-Policy", "default-src 'none'; sandbox")
        self.finish(data)


class ScreenPage(StaffPageHandler):
    view: View = "wall"

    async def get(self, slug: str) -> None:
        """The operators' wall; of a campaign that is not public yet only for who may look."""
        try:
            await self.services.campaigns.get(slug)
        except CampaignNotFound:
            if not await self._may_look(slug):
                raise
        await self.send_page("screen.html")

    async def _may_look(self, slug: str) -> bool:
        """Whether there is such a draft, and this device or this member may see it."""
        try:
            await self.services.campaigns.get_any(slug)
            if token := self.get_cookie(cookie_of(self.view, slug)):
                await self.services.kiosks.look(token, slug, self.view, self.now())
                return True
        except CampaignNotFound:
            return False
        except KioskClosed:
            pass  # a member of staff may still look
        return await is_hers(self, slug)


class PhonePage(ScreenPage):
    view: View = "phone"
