"""Articles of an official account, through the staff's interface: drafts, publishing, and mass sends that a second person confirms."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import structs

from handlers.base import decode_body
from handlers.staff import Number, StaffHandler
from server.articles import Article, Confirmed, Draft, MassSend, Publication
from server.articles.article import digest_of, mass_words, publish_words
from server.clock import iso
from server.digits import whole
from server.errors import InvalidBody

# Eight articles of 20,000 characters, each written as an escape.
MAX_DRAFT_BYTES = 2 * 1024 * 1024
Rev = Annotated[int, msgspec.Meta(ge=1)]


class DraftBody(msgspec.Struct):
    articles: list[Article]


class ChangeBody(msgspec.Struct):
    """One article of a draft anew, the first at `index` 0; `rev` is the draft as it was seen."""

    rev: Rev
    article: Article
    index: Annotated[int, msgspec.Meta(ge=0, le=7)] = 0


class PreviewBody(msgspec.Struct):
    citizen: Number


class RevBody(msgspec.Struct):
    """`rev` is the draft as it was seen."""

    rev: Rev


class ConfirmBody(msgspec.Struct):
    """Who confirms repeats the title of the first article, and `rev` and `digest` as the draft was shown; `tag_id` 0: all who follow."""

    rev: Rev
    title: str
    digest: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{32}$")]
    tag_id: Annotated[int, msgspec.Meta(ge=0, lt=1 << 31)] = 0


def known_view(draft: Draft | None) -> dict[str, Any]:
    """What is known here; a draft from the account's own pages has no writers and no number."""
    return {"writers": list(draft.writers) if draft else [], "rev": draft.rev if draft else None, "use": draft.use if draft else ""}


def draft_view(draft: Draft) -> dict[str, Any]:
    return {"media_id": draft.media_id, **known_view(draft)}


def publication_view(one: Publication) -> dict[str, Any]:
    return {**structs.asdict(one), "at": iso(one.at), "words": publish_words(one)}


def mass_view(one: MassSend) -> dict[str, Any]:
    return {**structs.asdict(one), "at": iso(one.at), "words": mass_words(one)}


class Drafts(StaffHandler):
    async def get(self, appid: str) -> None:
        """The account's draft box, newest first."""
        await self.member()
        found, following = await self.services.accounts.official(appid).articles.drafts.page(self.get_query_argument("cursor", ""))
        self.reply({"items": [{"media_id": one["media_id"], "titles": one["titles"], "update_time": iso(one["update_time"]),
                               **known_view(one["draft"])} for one in found], "next": following})

    async def post(self, appid: str) -> None:
        """Put a draft into the account's box."""
        member, body = await self.member("editor"), decode_body(self.request.body, DraftBody, MAX_DRAFT_BYTES)
        draft = await self.services.accounts.official(appid).articles.drafts.add(body.articles, member.name, self.now())
        await self.log(member, "draft.add", draft.media_id, title=body.articles[0].title)
        self.reply(draft_view(draft), 201)


class OneDraft(StaffHandler):
    async def get(self, appid: str, media_id: str) -> None:
        """A draft as the platform holds it, and who wrote in it."""
        await self.member()
        draft, articles = await self.services.accounts.official(appid).articles.drafts.view(media_id)
        self.reply({"media_id": media_id, **known_view(draft), "digest": digest_of(articles), "articles": articles})

    async def put(self, appid: str, media_id: str) -> None:
        """Write one article of a draft anew."""
        member, body = await self.member("editor"), decode_body(self.request.body, ChangeBody, MAX_DRAFT_BYTES)
        drafts = self.services.accounts.official(appid).articles.drafts
        draft = await drafts.update(media_id, body.rev, body.index, body.article, member.name, self.now())
        await self.log(member, "draft.update", media_id, rev=draft.rev, title=body.article.title)
        self.reply(draft_view(draft))

    async def delete(self, appid: str, media_id: str) -> None:
        """Take a draft out of the box; `rev` is the draft as it was seen."""
        member, rev = await self.member("editor"), self.get_query_argument("rev", "")
        number = whole(rev, 9)
        if number is None:
            raise InvalidBody(message="地址里要有 ?rev=，写看到的草稿版本号 (rev of the draft as it was seen)", field="rev")
        await self.services.accounts.official(appid).articles.drafts.delete(media_id, number, self.now())
        await self.log(member, "draft.delete", media_id)
        self.set_status(204)
        self.finish()


class DraftPreview(StaffHandler):
    async def post(self, appid: str, media_id: str) -> None:
        """Show a draft to one follower, as everybody would see it."""
        member, citizen = await self.member("editor", "reviewer"), self.body(PreviewBody).citizen
        await self.services.accounts.official(appid).articles.mass_sends.preview(media_id, citizen)
        await self.log(member, "draft.preview", media_id, citizen=citizen)
        self.set_status(204)
        self.finish()


class DraftPublication(StaffHandler):
    async def get(self, appid: str, media_id: str) -> None:
        """How far the publication of a draft is."""
        await self.member()
        self.reply(publication_view(await self.services.accounts.official(appid).articles.publishing.find(media_id)))

    async def put(self, appid: str, media_id: str) -> None:
        """Publish a draft, once however often this is asked; the platform tells later how it ended."""
        member, rev = await self.member("editor", "reviewer"), self.body(RevBody).rev
        one = await self.services.accounts.official(appid).articles.publishing.submit(media_id, rev, member.name, self.now())
        await self.log(member, "draft.publish", media_id, title=one.title, state=one.state)
        self.reply(publication_view(one), 202 if one.state in ("submitting", "publishing") else 200)


class DraftMassSend(StaffHandler):
    async def get(self, appid: str, media_id: str) -> None:
        """How far the mass send of a draft is."""
        await self.member()
        self.reply(mass_view(await self.services.accounts.official(appid).articles.mass_sends.find(media_id)))

    async def put(self, appid: str, media_id: str) -> None:
        """Confirm and send a draft to followers, once however often this is asked."""
        member, body = await self.member("reviewer"), self.body(ConfirmBody)
        one = await self.services.accounts.official(appid).articles.mass_sends.send(
            media_id, Confirmed(body.rev, body.title, body.digest, body.tag_id), member.name, self.now())
        await self.log(member, "draft.mass_send", media_id, title=one.title, tag_id=one.tag_id, state=one.state)
        self.reply(mass_view(one), 202 if one.state in ("sending", "accepted") else 200)

    async def delete(self, appid: str, media_id: str) -> None:
        """Take a mass send back: whoever opens it reads that it was deleted."""
        member = await self.member("reviewer", "operator")
        one = await self.services.accounts.official(appid).articles.mass_sends.delete(media_id)
        await self.log(member, "mass_send.delete", media_id, title=one.title)
        self.reply(mass_view(one))


class Publications(StaffHandler):
    async def get(self, appid: str) -> None:
        """What was published from here, newest first."""
        await self.member()
        found, following = await self.services.accounts.official(appid).articles.publishing.page(self.get_query_argument("cursor", ""))
        self.reply({"items": list(map(publication_view, found)), "next": following})


class MassSends(StaffHandler):
    async def get(self, appid: str) -> None:
        """What was sent to followers from here, newest first."""
        await self.member()
        found, following = await self.services.accounts.official(appid).articles.mass_sends.page(self.get_query_argument("cursor", ""))
        self.reply({"items": list(map(mass_view, found)), "next": following})


class MassSendQuota(StaffHandler):
    async def get(self, appid: str) -> None:
        """How many mass sends went from here this month and today, and what the platform allows each kind of account."""
        await self.member()
        self.reply(await self.services.accounts.official(appid).articles.mass_sends.quota(self.now()))
