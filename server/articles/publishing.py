"""Publishing 发布: a draft becomes a page. A yes to the request is no publication yet; an event, or a poll, tells how it ended.

Failure policy: where the request got no answer, or the process died in between, the job finds out: a draft that is still in the box half
an hour later was not taken and may be asked again; one that is gone is looked for among what is published. Nothing is submitted twice.
"""

from __future__ import annotations

import logging
from typing import Any

from server.articles.article import DraftInUse, DraftNotFound, Publication, PublicationNotFound, State
from server.articles.drafts import Drafts
from server.articles.records import ITEMS_A_PAGE, RecordStore, settled
from server.errors import WenmingError
from server.stores import Document, PyMongoError
from server.wechat.answers import objects_of
from server.wechat.client import Client
from server.wechat.details import Published
from server.wechat.errors import AnswerUntrusted, PlatformBusy, RateLimited, WeChatError

logger = logging.getLogger(__name__)

# The event comes within minutes; audits of the platform take longer, so later looks are rarer.
FIRST_LOOK_SECONDS, LATER_LOOK_SECONDS = 300.0, 3600.0
# The platform's own steps end well within this, so that a draft that is still there was not taken.
UNANSWERED_SECONDS = 1800.0
# After this a person has to look.
LOOK_FOR_SECONDS = 3 * 86400.0
OPEN: tuple[State, ...] = ("submitting", "publishing")
# By publish_status; one that is running changes nothing.
STATES: dict[int, State] = {0: "published", 2: "failed", 3: "failed", 4: "failed", 5: "taken_back", 6: "taken_back"}


def fields_of(told: Published) -> Document:
    """What an event or a poll says, as fields of a publication; none while it is running."""
    if told.status not in STATES:
        return {}
    return {"state": STATES[told.status], "status": told.status, "article_id": told.article_id, "urls": list(told.article_urls),
            "failed_indexes": list(told.failed_indexes)}


class Publishing:
    """The publications of one account."""

    def __init__(self, store: RecordStore[Publication], drafts: Drafts, client: Client) -> None:
        self._store = store
        self._drafts = drafts
        self._client = client
        drafts.ask_before_freeing("publish", self._begun)

    async def submit(self, media_id: str, rev: int, by: str, now: float) -> Publication:
        """Ask for a draft to be published, once however often this is asked; `state` tells how far it is.

        Raises DraftNotFound, DraftChanged, DraftInUse, WeChatError where the platform refused.
        """
        if (known := await self._begun(media_id)) is not None:
            return known
        try:
            await self._drafts.claim(media_id, rev, "publish", now, over=("",))
        except DraftInUse:
            return await self._drafts.begun_by_another(media_id, "publish", self._begun)
        try:
            held = await self._drafts.held(media_id)
            title = str(held[0].get("title", "")) if held else ""
            publication = Publication(self._client.appid, media_id, title, by, now, "submitting", rev)
            is_ours = await self._store.begin(publication, now + UNANSWERED_SECONDS)
        except (WenmingError, PyMongoError):
            await self._drafts.release(media_id, rev, "publish")
            raise
        if not is_ours:  # the one before is being marked as refused in this moment
            await self._drafts.release(media_id, rev, "publish")
            return await self.find(media_id)
        return await self._ask(publication, now)

    async def find(self, media_id: str) -> Publication:
        """Raises PublicationNotFound."""
        found = await self._store.find(self._client.appid, media_id)
        if found is None:
            raise PublicationNotFound()
        return found

    async def page(self, cursor: str) -> tuple[list[Publication], str | None]:
        """The newest first, and where the next page begins."""
        found = await self._store.page(self._client.appid, cursor)
        return [publication for publication, _ in found], found[-1][1] if len(found) == ITEMS_A_PAGE else None

    async def look(self, now: float) -> int:
        """Ask the platform about those that no event told of; how many were looked at."""
        due = await self._store.claim_due(self._client.appid, now, now + LATER_LOOK_SECONDS)
        for publication in due:
            try:
                await (self._look_at(publication) if publication.publish_id else self._look_for(publication))
            except WeChatError as error:
                logger.warning("a publication cannot be looked at: %s", error.code)
            if now - publication.at >= LOOK_FOR_SECONDS:
                await self._store.change(publication, {"state": "uncertain"}, only_in=OPEN)
        return len(due)

    async def _begun(self, media_id: str) -> Publication | None:
        return await self._store.begun(self._client.appid, media_id)

    async def _ask(self, publication: Publication, now: float) -> Publication:
        try:
            answer = await self._client.call("post", "cgi-bin/freepublish/submit", {"media_id": publication.media_id})
        except (PlatformBusy, RateLimited, AnswerUntrusted):
            return publication  # it may have been taken: the job finds out
        except WeChatError as error:
            await self._refused(publication, error.errcode)
            raise
        publish_id = str(answer.get("publish_id") or "")
        if not publish_id:
            return publication
        fields: Document = {"state": "publishing", "publish_id": publish_id}
        report = await self._store.name(publication, publish_id, fields, now + FIRST_LOOK_SECONDS)
        if report:  # the event was faster than this answer
            await self._store.change(publication, report)
        return settled(fields | (report or {}), publication)

    async def _refused(self, publication: Publication, errcode: int) -> None:
        # In this order: whoever asks anew then has a claim of her own, which this does not end.
        await self._drafts.release(publication.media_id, publication.rev, "publish")
        await self._store.change(publication, {"state": "refused", "errcode": errcode}, only_in=OPEN)

    async def _look_at(self, publication: Publication) -> None:
        answer = await self._client.call("post", "cgi-bin/freepublish/get", {"publish_id": publication.publish_id}, may_repeat=True)
        if fields := fields_of(_told(answer)):
            await self._store.change(publication, fields)

    async def _look_for(self, publication: Publication) -> None:
        """One whose answer was lost: still a draft, or among what is published?"""
        try:
            await self._drafts.held(publication.media_id)
        except DraftNotFound:
            answer = await self._client.call("post", "cgi-bin/freepublish/batchget", {"offset": 0, "count": 20, "no_content": 1},
                                             may_repeat=True)
            for one in answer.get("item") or []:
                news = objects_of((one.get("content") or {}).get("news_item"))
                if news and news[0].get("title") == publication.title and float(one.get("update_time") or 0) >= int(publication.at) - 60:
                    await self._store.change(publication, {
                        "state": "published", "status": 0, "article_id": str(one.get("article_id", "")),
                        "urls": [str(article["url"]) for article in news if article.get("url")]}, only_in=OPEN)
        else:
            await self._refused(publication, 0)


def _told(answer: dict[str, Any]) -> Published:
    """The answer of a poll, in the words of the event."""
    items = objects_of((answer.get("article_detail") or {}).get("item"))
    return Published(str(answer.get("publish_id", "")), int(answer.get("publish_status", 1)), str(answer.get("article_id") or ""),
                     tuple(str(one.get("article_url", "")) for one in items), tuple(int(one) for one in answer.get("fail_idx") or []))
