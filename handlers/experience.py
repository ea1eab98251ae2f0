"""How citizens' pages felt: what one in a hundred tells, and the figures for staff."""

from __future__ import annotations

from handlers.base import ApiHandler, decode_body
from handlers.staff import StaffHandler
from server.digits import whole
from server.errors import WenmingError
from server.experience import Felt

# Six short fields.
MAX_TOLD_BYTES = 512
MAX_DAYS_DIGITS = 2


class Told(ApiHandler):
    async def post(self, slug: str) -> None:
        """One page tells how fast it was. Neither cookie nor address is read; of the browser's name its family alone."""
        experiences = self.services.experiences
        try:
            felt, campaign = decode_body(self.request.body, Felt, MAX_TOLD_BYTES), await self.services.campaigns.get(slug)
        except WenmingError:
            experiences.refused()
            raise
        await experiences.tell(campaign, felt, self.request.headers.get("User-Agent", ""), self.now())
        self.set_status(204)
        self.finish()


class Figures(StaffHandler):
    async def get(self, slug: str) -> None:
        """How pages felt in the last days."""
        await self.member(campaign=slug)
        days = whole(self.get_argument("days", "7"), MAX_DAYS_DIGITS) or 1
        self.reply(await self.services.experiences.view(await self.services.campaigns.get_any(slug), days, self.now()))
