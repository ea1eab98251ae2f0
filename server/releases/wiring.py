"""The parts of releases, made from what they stand on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from server.blocks.service import PageBlocks
from server.campaigns import Campaigns
from server.media.library import Library
from server.places import Places
from server.posters.layers import Template
from server.releases.corrections import Corrections
from server.releases.drafts import Drafts
from server.releases.moves import Moves
from server.releases.pages import DraftPages
from server.releases.presence import Presence
from server.releases.previews import Previews, PreviewStore
from server.releases.publishing import Publishing, Record
from server.releases.readiness import Readiness
from server.releases.review_links import ReviewLinks, ReviewLinkStore
from server.releases.reviews import Reviews
from server.releases.store import DeskStore
from server.releases.wording import Wording
from server.stores import Stores


@dataclass(frozen=True)
class Releases:
    """What handlers and jobs may call."""

    corrections: Corrections
    drafts: Drafts
    moves: Moves
    presence: Presence
    previews: Previews
    publishing: Publishing
    readiness: Readiness
    review_links: ReviewLinks
    reviews: Reviews
    wording: Wording

    async def tidy(self, now: float) -> None:
        """What is late, and what has lain in the bin long enough."""
        await self.previews.tidy(now)
        await self.review_links.tidy(now)
        await self.moves.tick(now)


def releases_of(stores: Stores, campaigns: Campaigns, places: Places, record: Record, *, base_url: Callable[[], str], is_public: bool,
                required: bool, poster_templates: frozenset[str], page_blocks: PageBlocks | None = None, library: Library | None = None,
                landscapes: Mapping[str, Template] | None = None) -> Releases:
    store, wording = DeskStore(stores.mongo), Wording(stores.mongo)
    pages = DraftPages(page_blocks, library)
    drafts = Drafts(store, campaigns.get_any, pages)
    reviews = Reviews(store, drafts)
    readiness = Readiness(store, campaigns, places, wording, is_public=is_public, required=required, poster_templates=poster_templates,
                          pages=pages, landscapes=landscapes)
    publishing = Publishing(store, drafts, campaigns, readiness, record, required=required, pages=pages)
    return Releases(
        corrections=Corrections(store, drafts, campaigns, readiness, publishing), drafts=drafts,
        moves=Moves(store, campaigns, places, pages),
        presence=Presence(stores.redis), previews=Previews(PreviewStore(stores.mongo), drafts, base_url), publishing=publishing,
        readiness=readiness, review_links=ReviewLinks(ReviewLinkStore(stores.mongo), reviews, base_url), reviews=reviews, wording=wording)
