"""Moves of whole campaigns: cloned from last year's, put into the recycle bin, taken out again, gone after 30 days.

Invariants: a clone has the words and places of its model and nothing of its people; only a campaign that was never public can be thrown
away, its name stays taken while it is in the bin, and whatever belongs to it goes with it at the end.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime

from server.campaigns import Campaign, Campaigns
from server.clock import shanghai
from server.errors import InvalidBody
from server.places import Places
from server.releases.content import applied, content_of
from server.releases.pages import DraftPages
from server.releases.store import DeskStore

logger = logging.getLogger(__name__)

BIN_SECONDS = 30 * 86400
MAX_YEARS = 10


class Moves:
    def __init__(self, store: DeskStore, campaigns: Campaigns, places: Places, pages: DraftPages) -> None:
        self._pages = pages
        self._store = store
        self._campaigns = campaigns
        self._places = places
        # Set by the composition root: what else belongs to a campaign and goes with it.
        self.also: list[Callable[[str], Awaitable[None]]] = []

    async def clone(self, slug: str, new_slug: str, years: int) -> Campaign:
        """A draft like an earlier campaign, its window moved by whole years. Raises CampaignNotFound, InvalidBody, Conflict SLUG_TAKEN."""
        if not 0 <= years <= MAX_YEARS:
            raise InvalidBody(message=f"推后的年数为 0 至 {MAX_YEARS}", field="years")
        model = await self._campaigns.get_any(slug)
        opens_at, closes_at = moved(model.opens_at, years), moved(model.closes_at, years)
        blank = Campaign(new_slug, model.title, "draft", opens_at, closes_at, model.activities)
        made = await self._campaigns.create(replace(applied(content_of(model), blank), opens_at=opens_at, closes_at=closes_at))
        await self._store.set_steps(new_slug, await self._store.steps(slug))
        await self._places.copy(model, made)
        return await self._campaigns.get_any(new_slug)

    async def throw_away(self, slug: str, now: float) -> Campaign:
        return await self._campaigns.bin(slug, now)

    async def recover(self, slug: str) -> Campaign:
        return await self._campaigns.bin(slug, 0)

    async def tick(self, now: float) -> None:
        """Remove what has been in the bin for 30 days: the campaign last, so that a stop in between is gone on with."""
        for campaign in await self._campaigns.binned():
            if now < campaign.binned_at + BIN_SECONDS:
                continue
            draft = await self._store.draft(campaign.slug)
            await self._store.purge(campaign.slug)
            await self._pages.let_go(campaign.slug, draft.content.theme if draft else {})
            await self._places.remove(campaign.slug)
            for remove in self.also:
                await remove(campaign.slug)
            if await self._campaigns.purge(campaign):
                logger.info("campaign %s left the recycle bin for good", campaign.slug)


def moved(seconds: int, years: int) -> int:
    """The same moment of the calendar some years later; 29 February becomes the 28th."""
    at = shanghai(seconds)
    try:
        return int(at.replace(year=at.year + years).timestamp())
    except ValueError:
        return int(datetime(at.year + years, 2, 28, at.hour, at.minute, at.second, tzinfo=at.tzinfo).timestamp())
