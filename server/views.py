"""Views that are put together from several aggregates: what the API and the page both show of a campaign."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from server.counting import period_of

if TYPE_CHECKING:
    from server.services import Services


async def campaign_view(services: Services, slug: str, now: float) -> dict[str, Any]:
    """A campaign's public view. Raises CampaignNotFound, for a draft too."""
    campaign = await services.campaigns.get(slug)
    index = await services.places.of(campaign)
    return services.campaigns.view(campaign, index.views(), bool(index.units), period_of(campaign, now), now)
