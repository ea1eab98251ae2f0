"""A draft as the page that it would make, for those who build it: the page itself, and what it weighs."""

from __future__ import annotations

from handlers.pages import CampaignShower
from handlers.releases import DeskHandler
from server.blocks.weight import Weight
from server.campaigns import Campaign, check
from server.releases.content import as_published


async def drafted(handler: DeskHandler, slug: str) -> Campaign:
    """The campaign as its draft would have it. Raises InvalidBody for what cannot be shown yet, saying what is missing."""
    campaign = await handler.services.campaigns.get_any(slug)
    return as_published((await handler.services.releases.drafts.of(slug)).content, campaign)


class DraftPage(CampaignShower, DeskHandler):
    def closes_for_maintenance(self) -> bool:
        return False  # a page of the console

    async def get(self, slug: str) -> None:
        """The draft on the real page, for the frame beside the form: a guest's, nothing can be counted."""
        await self.member(campaign=slug)
        shown = await drafted(self, slug)
        check(shown)
        await self.show_to_guest(shown, self.now())


class DraftWeight(DeskHandler):
    async def get(self, slug: str) -> None:
        """What the draft's page weighs on a phone, part by part, against the budget."""
        await self.member(campaign=slug)
        self.reply(weight_view(await self.services.page_blocks.weight(await drafted(self, slug), self.now())))


def weight_view(weight: Weight) -> dict[str, object]:
    return {"rows": [{"part": row.part, "name": row.name, "bytes": row.bytes, "at_once": row.at_once, "advice": row.advice}
                     for row in weight.rows],
            "first_view": weight.first_view, "later": weight.later, "films": weight.films, "budget": weight.budget,
            "over": weight.is_over, "advice": weight.advice}
