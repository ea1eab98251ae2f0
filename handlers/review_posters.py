"""What a reviewer sees as pictures: the posters before and after, at the desk and behind a review link, and the real page on her phone."""

from __future__ import annotations

import base64

from handlers.base import ApiHandler
from handlers.releases import DeskHandler
from server.releases.posters import compared
from server.staff import Member


class DraftPosters(DeskHandler):
    async def get(self, slug: str) -> None:
        """The drawn posters: of what is public, where that differs, and of the draft. A made-up citizen stands on both."""
        member = await self.member(campaign=slug)
        draft = await self.services.releases.drafts.of(slug)
        before, after = compared(draft, await self.services.campaigns.get_any(slug))
        drawn = [await self.services.posters.of_content(one, member.name, self.now()) if one else b"" for one in (before, after)]
        self.reply(dict(zip(("before", "after"), map(data_address, drawn), strict=True)))


class LinkPoster(ApiHandler):
    async def get(self, token: str) -> None:
        """A poster of what a review link is about, as a picture: `side` before or after."""
        link, draft = await self.services.releases.review_links.open(token, self.now())
        before, after = compared(draft, await self.services.campaigns.get_any(draft.campaign))
        shown = before if before and self.get_argument("side", "") == "before" else after
        jpeg = await self.services.posters.of_content(shown, link.person, self.now())
        self.set_header("Content-Type", "image/jpeg")
        self.set_header("Cache-Control", "private, no-store")
        self.set_header("Referrer-Policy", "no-referrer")
        self.finish(jpeg)


class LinkPreview(ApiHandler):
    async def post(self, token: str) -> None:
        """The version under review on the real page, for this phone alone, half an hour. Decides nothing."""
        now, releases = self.now(), self.services.releases
        link, draft = await releases.review_links.open(token, now)
        campaign = await self.services.campaigns.get_any(draft.campaign)
        url, preview = await releases.previews.issue(campaign, link.revision, link.person, now)
        await self.services.staff.record(Member(link.person, "", ""), "draft.preview", draft.campaign,
                                         {"revision": preview.revision, "by_link_of": link.issued_by}, now)
        self.set_header("Cache-Control", "no-store")
        self.set_header("Referrer-Policy", "no-referrer")
        self.redirect(url[url.index("/c/"):], status=303)


def data_address(jpeg: bytes) -> str:
    return "data:image/jpeg;base64," + base64.b64encode(jpeg).decode() if jpeg else ""
