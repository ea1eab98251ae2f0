"""The reviewers' desk: the queue, verdicts, second looks, the wall, and what admins set for it."""

from __future__ import annotations

from typing import Any

import msgspec

from handlers.base import decode_body
from handlers.staff import StaffHandler
from server.reviewing.item import Item
from server.reviewing.reasons import Reasons
from server.reviewing.rules import Rules

# Three tables of twenty reasons.
MAX_REASONS_BYTES = 32 * 1024


class ItemName(msgspec.Struct):
    kind: str
    id: str


class VerdictBody(msgspec.Struct):
    """One verdict on some items, fifty at most. `reason` a code of the table, or own `words`; both only with a refusal."""

    items: list[ItemName]
    approve: bool
    reason: str = ""
    words: str = ""


class TakeDownBody(msgspec.Struct):
    items: list[ItemName]
    reason: str = ""
    words: str = ""


class SecondLookBody(msgspec.Struct):
    """`stands`: it stays public."""

    stands: bool
    reason: str = ""
    words: str = ""


class OwnWordsBody(msgspec.Struct):
    """`paused`: presets alone from now on; false: own words again, for an hour whatever the marks say."""

    paused: bool


def named(items: list[ItemName]) -> list[tuple[str, str]]:
    return list(dict.fromkeys((item.kind, item.id) for item in items))


class ReviewHandler(StaffHandler):
    async def exists(self, slug: str) -> str:
        """The campaign's own name. Raises CampaignNotFound."""
        return (await self.services.campaigns.get_any(slug)).slug

    async def shown(self, item: Item, name: str) -> dict[str, Any]:
        (view,) = await self.services.reviewing.desk.views([item], name, self.now())
        return view


class Queue(ReviewHandler):
    async def get(self, slug: str) -> None:
        """What waits for a reviewer, oldest first, of every kind together; or what is looked at twice, was decided, or machines said."""
        member, desk = await self.member("reviewer", campaign=slug), self.services.reviewing.desk
        page = await desk.page(self.get_query_argument("list", "waiting"), await self.exists(slug), self.get_query_argument("kind", ""),
                               self.get_query_argument("cursor", ""), member.name, self.now())
        self.reply({**page, "own_words": await self.services.reviewing.fallback.view(slug)})


class Decisions(ReviewHandler):
    async def post(self, slug: str) -> None:
        """Approve or turn down some items; what became of each."""
        member, body = await self.member("reviewer", campaign=slug), self.body(VerdictBody)

        async def told(kind: str, token: str, reason: str) -> None:
            await self.log(member, "item.approve" if body.approve else "item.reject", f"{slug}:{kind}:{token}", reason=reason)

        done = await self.services.reviewing.desk.decide(await self.exists(slug), named(body.items), body.approve, body.reason, body.words,
                                                         member.name, self.now(), told)
        self.reply({"items": [one.view for one in done], "next": None})


class OneItem(ReviewHandler):
    async def get(self, slug: str, kind: str, token: str) -> None:
        """One item with its life so far."""
        member, reviewing = await self.member("reviewer", "operator", "auditor", campaign=slug), self.services.reviewing
        item = await reviewing.sources.find(kind, slug, token)
        self.reply({"item": await self.shown(item, member.name), "events": [event.view for event in await reviewing.events.of(token)]})


class ItemLock(ReviewHandler):
    async def put(self, slug: str, kind: str, token: str) -> None:
        """She has it before her for the next minute; others are told."""
        member = await self.member("reviewer", campaign=slug)
        self.reply(await self.services.reviewing.desk.take(slug, kind, token, member.name, self.now()))

    async def delete(self, slug: str, kind: str, token: str) -> None:
        """She went on without deciding."""
        member = await self.member("reviewer", campaign=slug)
        await self.services.reviewing.desk.free(slug, token, member.name)
        self.done()


class SecondLook(ReviewHandler):
    async def put(self, slug: str, kind: str, token: str) -> None:
        """A second reviewer lets an approved item stand or takes it down."""
        member, body = await self.member("reviewer", campaign=slug), self.body(SecondLookBody)

        async def told(kind: str, token: str, reason: str) -> None:
            await self.log(member, "item.confirm" if body.stands else "item.reverse", f"{slug}:{kind}:{token}", reason=reason)

        item = await self.services.reviewing.desk.second_look(slug, kind, token, body.stands, body.reason, body.words, member.name,
                                                              self.now(), told)
        self.reply(await self.shown(item, member.name))


class Alike(ReviewHandler):
    async def get(self, slug: str, kind: str, token: str) -> None:
        """Near-duplicates of an item that wait or are public, the nearest first."""
        member = await self.member("reviewer", "operator", campaign=slug)
        self.reply({"items": await self.services.reviewing.desk.alike(slug, kind, token, member.name, self.now()), "next": None})


class Public(ReviewHandler):
    async def get(self, slug: str) -> None:
        """What is public, newest first; with `text` what holds it however it is written."""
        member = await self.member("reviewer", "operator", campaign=slug)
        self.reply(await self.services.reviewing.desk.search(
            await self.exists(slug), self.get_query_argument("kind", ""), self.get_query_argument("text", "")[:100],
            self.get_query_argument("cursor", ""), member.name, self.now()))


class TakeDowns(ReviewHandler):
    async def post(self, slug: str) -> None:
        """Take some items down from everything that shows them, at once; what became of each."""
        member, body = await self.member("reviewer", "operator", campaign=slug), self.body(TakeDownBody)

        async def told(kind: str, token: str, reason: str) -> None:
            await self.log(member, "item.take_down", f"{slug}:{kind}:{token}", reason=reason)

        done = await self.services.reviewing.desk.take_down(await self.exists(slug), named(body.items), body.reason, body.words,
                                                            member.name, self.now(), told)
        self.reply({"items": [one.view for one in done], "next": None})


class CampaignRules(ReviewHandler):
    async def get(self, slug: str) -> None:
        """How this campaign is reviewed, and whether it has fallen back to presets."""
        await self.member("reviewer", "operator", "editor", "auditor", campaign=slug)
        reviewing = self.services.reviewing
        self.reply({"rules": msgspec.to_builtins(await reviewing.rules.of(await self.exists(slug))),
                    "own_words": await reviewing.fallback.view(slug)})

    async def put(self, slug: str) -> None:
        """Replace the rules as they were seen."""
        member, body = await self.member("reviewer", campaign=slug), self.body(Rules)
        kept = await self.services.reviewing.rules.keep(await self.exists(slug), body)
        await self.log(member, "review_rules.keep", slug, **msgspec.to_builtins(kept))
        self.reply(msgspec.to_builtins(kept))


class OwnWords(ReviewHandler):
    async def put(self, slug: str) -> None:
        """Switch to presets alone, or back to own words, by hand."""
        member, body = await self.member("reviewer", "operator", campaign=slug), self.body(OwnWordsBody)
        await self.services.reviewing.fallback.by_hand(await self.exists(slug), body.paused, member.name, self.now())
        await self.log(member, "own_words.pause" if body.paused else "own_words.resume", slug, why="hand")
        self.reply(await self.services.reviewing.fallback.view(slug))


class Waits(ReviewHandler):
    async def get(self) -> None:
        """How much waits in each campaign of hers that is public, so that nobody takes an empty queue for no work."""
        member, desk = await self.member("reviewer", "operator", "auditor", anywhere=True), self.services.reviewing.desk
        found = [(campaign, await desk.counts(campaign.slug, "", self.now())) for campaign in await self.services.campaigns.all()
                 if member.sees(campaign.slug) and campaign.state not in ("draft", "archived")]
        self.reply({"items": [{"slug": campaign.slug, "title": campaign.title, **counts} for campaign, counts in found], "next": None})


class ReasonLists(ReviewHandler):
    async def get(self) -> None:
        """Why something is turned down, somebody banned, something reported."""
        await self.member("reviewer", "operator", "auditor", anywhere=True)
        self.reply(msgspec.to_builtins(await self.services.reviewing.reasons.current()))

    async def put(self) -> None:
        """Replace the tables as they were seen."""
        member = await self.member("admin")
        kept = await self.services.reviewing.reasons.keep(decode_body(self.request.body, Reasons, MAX_REASONS_BYTES))
        await self.log(member, "review_reasons.keep", str(kept.rev), reject=len(kept.reject), ban=len(kept.ban),
                       complaint=len(kept.complaint))
        self.reply(msgspec.to_builtins(kept))
