"""Views that are put together from several aggregates: what the API and the page both show of a campaign."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from server.counting import period_of
from server.media.references import media_ids

if TYPE_CHECKING:
    from server.campaigns import Campaign
    from server.services import Services


async def campaign_view(services: Services, slug: str, now: float) -> dict[str, Any]:
    """A campaign's public view. Raises CampaignNotFound, for a draft too."""
    return await view_of(services, await services.campaigns.get(slug), now)


async def view_of(services: Services, campaign: Campaign, now: float) -> dict[str, Any]:
    """The same of a campaign as it is given."""
    index = await services.places.of(campaign)
    view = services.campaigns.view(campaign, index.views(), bool(index.units), period_of(campaign, now), now)
    view["form"]["unit"] = bool(index.units) and campaign.theme.get("ask_unit", 1) not in (0, "0", "")
    view["form"] |= await services.reviewing.fallback.form(campaign) | services.switches.form(campaign)
    shown = media_ids([view["theme"], campaign.rules])
    view["switches"] = services.switches.public(campaign.slug)
    return {**view, "media": await services.media.library.views(shown) if shown else {}}
