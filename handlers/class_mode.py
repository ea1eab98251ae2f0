"""课堂模式: the page for a classroom's board, one flag-raising for everybody who stands before it. Nobody signs in, nothing is counted."""

from __future__ import annotations

import re
from html import escape

import msgspec

from handlers.codes_drawn import drawn
from handlers.pages import PageHandler
from server.campaigns import Campaign
from server.errors import Refusal

# The origin of a recording that stands elsewhere: nothing else of what an editor wrote goes into the content policy.
ELSEWHERE = re.compile(r"https://[A-Za-z0-9.-]+(:[0-9]{1,5})?(?=/)")


class ClassMode(PageHandler):
    recording_origin = ""

    async def get(self, slug: str) -> None:
        """The board's page, whole with its codes: once it is loaded it needs nobody. `?u=` names the school."""
        campaign = await self.services.campaigns.get(slug)
        name, citizen, teacher = await self._school(campaign, self.get_query_argument("u", ""))
        elsewhere = ELSEWHERE.match(str(campaign.theme.get("anthem_url") or ""))
        self.recording_origin = elsewhere[0] if elsewhere else ""
        data = {"title": campaign.title, "school": name, "organiser": campaign.organiser.get("name", ""), "demo": campaign.demo,
                "anthem": campaign.theme.get("anthem_url") or "", "citizen": await drawn(citizen), "citizen_address": citizen,
                "teacher": await drawn(teacher), "teacher_address": teacher}
        await self.send_page("class.html", {
            b'"__WENMING_DATA__"': msgspec.json.encode(data).replace(b"<", b"\\u003c").replace(b">", b"\\u003e"),
            b"<!--wenming:title-->": f"<title>课堂升旗 {escape(campaign.title)}</title>".encode()})

    async def _school(self, campaign: Campaign, unit: str) -> tuple[str, str, str]:
        """The school's name and the two addresses that the board shows at the end; the campaign's own where no school is named."""
        schools = self.services.schools
        try:
            place, school = await schools.of(campaign, unit)
        except Refusal:
            return "", await self.services.short_links.link_for(campaign.slug), schools.teacher_address(campaign.slug, "")
        return place.name, schools.address_of(school), schools.teacher_address(campaign.slug, place.code)

    def _policy(self) -> str:
        # The recording is fetched at the start, wherever it stands, and played from memory, so that the line may break.
        return (super()._policy().replace("media-src 'self'", "media-src 'self' blob:")
                .replace("connect-src 'self'", f"connect-src 'self' {self.recording_origin}"))
