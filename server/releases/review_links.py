"""Review links: decide one step on the phone, without signing in there.

Owns: `review_links`. Invariants: a link is kept as a hash; it is for one person, one step of one round and one revision, decides once and
lives 48 hours. Opening it changes nothing (chats fetch what is sent in them), deciding does. A reviewer makes a link for herself; an admin
makes one for somebody whom the campaign's steps name, and is named in the decision. Whoever wrote the draft makes none.

Failure policy: closed. Whoever stops between the decision and the note that the link was used has decided: the step has moved on.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable

import msgspec

from server.errors import Conflict, Forbidden, NotFound
from server.releases.record import Draft, ReviewMovedOn, Verdict, check_person
from server.releases.reviews import Reviews
from server.staff.sessions import key_of
from server.stores import Database

# Two working days: a bureau's head may be on the road for one.
LINK_SECONDS = 48 * 3600
# A late link says that it is late for this long, then that it is unknown.
REMEMBER_SECONDS = 7 * 86400
# 256 bits: nobody guesses one.
TOKEN_BYTES = 32


class ReviewLink(msgspec.Struct, frozen=True):
    """`about`: the draft's or correction's id."""

    about: str
    revision: int
    round: int
    step: int
    person: str
    issued_by: str
    expires_at: float
    used_at: float = 0.0


class ReviewLinkStore:
    """The only code that touches `review_links`."""

    def __init__(self, mongo: Database) -> None:
        self._links = mongo["review_links"]

    async def add(self, key: str, link: ReviewLink) -> None:
        await self._links.insert_one({"_id": key, **msgspec.to_builtins(link)})

    async def find(self, key: str) -> ReviewLink | None:
        found = await self._links.find_one({"_id": key})
        return msgspec.convert(found, ReviewLink) if found else None

    async def note_used(self, key: str, now: float) -> None:
        await self._links.update_one({"_id": key}, {"$set": {"used_at": now}})

    async def drop_late(self, before: float) -> None:
        await self._links.delete_many({"expires_at": {"$lte": before}})


class ReviewLinks:
    def __init__(self, store: ReviewLinkStore, reviews: Reviews, base_url: Callable[[], str]) -> None:
        self._store = store
        self._reviews = reviews
        self._base_url = base_url

    async def issue(self, about: str, person: str, issuer: str, *, is_admin: bool, now: float) -> tuple[str, ReviewLink]:
        """The address of a new link for the step that is on. Raises DraftNotFound, ReviewMovedOn, Forbidden."""
        draft = await self._reviews.about(about)
        check_person(draft.review, draft.authors, person)
        if issuer != person:
            if not is_admin or person not in draft.review.steps[draft.review.step].people:
                raise Forbidden("LINK_FOR_OTHERS", "只能为自己生成审核链接；管理员可以为审核步骤中写明的人生成")
            if issuer in draft.authors or any(issuer in (decision.by, decision.issued_by) for decision in draft.review.decisions):
                raise Forbidden("AUTHOR_MAY_NOT_REVIEW", "写过、审过这份草稿，或为前面的步骤发过链接的人，不能为别人发出审核链接")
        token = secrets.token_urlsafe(TOKEN_BYTES)
        link = ReviewLink(about, draft.review.revision, draft.review.round, draft.review.step, person, issuer, now + LINK_SECONDS)
        await self._store.add(key_of(token), link)
        return f"{self._base_url()}/review/{token}", link

    async def open(self, token: str, now: float) -> tuple[ReviewLink, Draft]:
        """What a link is about, as it was submitted. Raises NotFound, Conflict."""
        link = await self._store.find(key_of(token))
        if link is None:
            raise NotFound("REVIEW_LINK_UNKNOWN", "这个审核链接不存在或已经过期")
        if link.used_at:
            raise Conflict("REVIEW_LINK_USED", "这个审核链接已经使用过")
        if now >= link.expires_at:
            raise Conflict("REVIEW_LINK_LATE", "审核链接的有效期是 48 小时，这个链接已经过期，请索要新的")
        draft = await self._reviews.about(link.about)
        review = draft.review
        if review.state != "reviewing" or (review.revision, review.round, review.step) != (link.revision, link.round, link.step):
            raise _outdated()
        return link, draft

    async def decide(self, token: str, verdict: Verdict, comment: str, now: float) -> tuple[ReviewLink, Draft]:
        """Decide with a link, once. Raises as `open`, and InvalidBody COMMENT_MISSING."""
        link, _ = await self.open(token, now)
        try:
            draft = await self._reviews.decide(link.about, link.revision, link.round, link.person, verdict, comment, now,
                                               "" if link.issued_by == link.person else link.issued_by, step=link.step)
        except ReviewMovedOn as error:
            raise _outdated() from error
        await self._store.note_used(key_of(token), now)
        return link, draft

    async def tidy(self, now: float) -> None:
        await self._store.drop_late(now - REMEMBER_SECONDS)


def _outdated() -> Conflict:
    return Conflict("REVIEW_LINK_OUTDATED", "内容或审核步骤已经变化，这个链接不再有效，请索要新的")
