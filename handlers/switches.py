"""Switches: how a campaign's and the product's stand, and turning one."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import msgspec

from handlers.staff import StaffHandler
from server.errors import InvalidBody
from server.staff import Member
from server.switches import Board, Wish, board_view

# More turns than any campaign sees.
Revision = Annotated[int, msgspec.Meta(ge=0, lt=1 << 31)]


class SwitchBody(msgspec.Struct, forbid_unknown_fields=True):
    """`rev` is what was seen. `text`: words for citizens, or the host; `until`: when maintenance is expected to end; `confirm`: what was
    typed."""

    on: bool
    reason: str
    rev: Revision
    text: str = ""
    until: datetime | None = None
    confirm: str = ""

    def wish(self) -> Wish:
        """Raises InvalidBody for a time without a zone."""
        if self.until is not None and self.until.tzinfo is None:
            raise InvalidBody(message="until 要写明时区，例如 2026-10-01T08:00:00+08:00", field="until")
        return Wish(self.on, self.reason, self.text, self.until.timestamp() if self.until else 0.0, self.confirm)


class SwitchHandler(StaffHandler):
    def show(self, board: Board, slug: str) -> None:
        hosts: dict[str, Any] = {} if slug else {"hosts": self.services.switches.hosts, "base_url": self.services.switches.base_url()}
        self.reply({"rev": board.rev, "items": board_view(board, slug), "next": None, **hosts})

    async def turn(self, member: Member, slug: str, name: str) -> None:
        body = self.body(SwitchBody)
        before, board = await self.services.switches.turn(slug, name, body.rev, body.wish(), member.name, self.now())
        await self.log(member, "switch.on" if body.on else "switch.off", f"{slug or 'product'}:{name}", before=before.told(),
                       after=board.flip(name).told(), reason=body.reason.strip())  # beside what differs: the same reason may come again
        self.show(board, slug)


class OfCampaign(SwitchHandler):
    async def get(self, slug: str) -> None:
        """How a campaign's switches stand, who turned each, since when and why."""
        await self.member(campaign=slug)
        campaign = await self.services.campaigns.get_any(slug)
        self.show(await self.services.switches.board(campaign.slug), slug)


class OneOfCampaign(SwitchHandler):
    async def put(self, slug: str, name: str) -> None:
        """Turn one switch of a campaign on or off, as it was seen."""
        member = await self.member("operator", campaign=slug)
        await self.turn(member, (await self.services.campaigns.get_any(slug)).slug, name)


class OfProduct(SwitchHandler):
    async def get(self) -> None:
        """How the switches of the whole product stand, and which hosts may be chosen."""
        await self.member(anywhere=True)
        self.show(await self.services.switches.board(""), "")


class OneOfProduct(SwitchHandler):
    async def put(self, name: str) -> None:
        """Turn the maintenance page on or off, or choose the host of links that are made from now on."""
        await self.turn(await self.member("admin", fresh=True), "", name)
