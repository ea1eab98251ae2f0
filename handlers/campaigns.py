"""What anybody may know of a campaign, its counters and its wall of messages; leaving a message; a visit counted."""

from __future__ import annotations

import msgspec

from handlers.authors import author_of
from handlers.base import FOR_EVERYBODY, ApiHandler
from server.views import campaign_view


class MessageBody(msgspec.Struct):
    """A preset's code, or own words with a name or without. `under14`: she chose 未满14周岁; then nothing is kept."""

    preset: str | None = None
    name: str | None = None
    message: str | None = None
    under14: bool = False


class VisitBody(msgspec.Struct):
    """The channel that the page's address named, `?ch=`."""

    channel: str = "link"


class List(ApiHandler):
    async def get(self) -> None:
        """Every public campaign, newest first."""
        self.reply({"items": await self.services.campaigns.public_list(self.now()), "next": None}, cached=FOR_EVERYBODY)


class One(ApiHandler):
    async def get(self, slug: str) -> None:
        """One campaign's public view; a draft is 404."""
        self.reply(await campaign_view(self.services, slug, self.now()), cached=FOR_EVERYBODY)


class Units(ApiHandler):
    async def get(self, slug: str) -> None:
        """A region's schools and offices, a page at a time."""
        campaign = await self.services.campaigns.get(slug)
        self.reply(await self.services.places.units_page(
            campaign, self.get_query_argument("region", ""), self.get_query_argument("cursor", "")), cached=FOR_EVERYBODY)


class Counters(ApiHandler):
    async def get(self, slug: str) -> None:
        """The figures of a period, a second old at most."""
        self.reply(await self.services.live.counters(
            slug, self.get_query_argument("period", None), self.now(), self.get_query_argument("from", None),
            self.get_query_argument("to", None)), cached=FOR_EVERYBODY)


class Messages(ApiHandler):
    async def get(self, slug: str) -> None:
        """The approved messages, newest first."""
        campaign = await self.services.campaigns.get(slug)
        self.reply(await self.services.reviewing.wall.page(campaign, self.get_argument("cursor", ""), self.now()))

    async def post(self, slug: str) -> None:
        """Leave one message: a preset stands at once (201), own words wait for a reviewer (202)."""
        citizen, body, now = self.citizen(), self.body(MessageBody), self.now()
        if body.preset is None:
            self.services.switches.admit_words(slug)
        record = await self.services.counting.record_of(slug, citizen, now)
        posted = await self.services.messages.post(await self.services.campaigns.get(slug), record.period, citizen, record.activities, now,
                                                   preset=body.preset, name=body.name, message=body.message, under14=body.under14,
                                                   author=author_of(self))
        self.reply({"state": posted.state}, 201 if posted.state == "approved" else 202)


class Visits(ApiHandler):
    async def post(self, slug: str) -> None:
        """Count one visit by its channel."""
        channel = self.body(VisitBody).channel
        await self.services.visits.record((await self.services.campaigns.get(slug)).slug, channel, self.now())
        self.set_status(204)
        self.finish()
