"""Drafts: the platform keeps what they say, we keep who wrote in them and what is being done with them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

import msgspec
from pymongo import ReturnDocument

from server.articles.article import (
    Article,
    Draft,
    DraftChanged,
    DraftInUse,
    DraftNotFound,
    DraftPublished,
    DraftSent,
    Use,
    check,
    check_one,
)
from server.digits import whole
from server.errors import InvalidBody
from server.materials import MaterialNotFound, Materials
from server.stores import Database, Document
from server.wechat.answers import objects_of, text_of
from server.wechat.client import Client
from server.wechat.errors import AnswerUntrusted, MediaUnknown, PlatformBusy, WeChatError

# The platform's own page.
ITEMS_A_PAGE = 20
MAX_OFFSET = 1_000_000
# A call with its tries, twice where the token was renewed in between, ends within a minute; by then none of its requests is under way.
EDIT_SECONDS = 90.0
# Between a claim and its record are a question to the platform and two commands of MongoDB: within a minute likewise.
FORGOTTEN_SECONDS = 90.0
# In between it is also asked what the platform holds: an answer of it, and some patience.
LOOKS_FOR_RECORD, LOOK_AGAIN_SECONDS = 50, 0.1

Begun = Callable[[str], Awaitable[object | None]]
Record = TypeVar("Record")


class DraftStore:
    """The only code that touches `drafts`."""

    def __init__(self, mongo: Database) -> None:
        self._drafts = mongo["drafts"]

    async def add(self, draft: Draft) -> None:
        await self._drafts.update_one({"_id": _id(draft.appid, draft.media_id)}, {"$set": msgspec.to_builtins(draft)}, upsert=True)

    async def find(self, appid: str, media_id: str) -> Draft | None:
        return _draft(await self._drafts.find_one({"_id": _id(appid, media_id)}))

    async def known(self, appid: str, media_ids: Sequence[str]) -> dict[str, Draft]:
        """Those of them that were written here."""
        found = await self._drafts.find({"_id": {"$in": [_id(appid, media_id) for media_id in media_ids]}}).to_list(None)
        return {d["media_id"]: msgspec.convert(d, Draft) for d in found}

    async def claim(self, appid: str, media_id: str, rev: int, use: Use, now: float, *, over: tuple[Use, ...]) -> Draft | None:
        """Begin something with the draft as it was seen; None where it was changed, or something in none of `over` is being done."""
        return _draft(await self._drafts.find_one_and_update(
            {"_id": _id(appid, media_id), "rev": rev, "use": {"$in": list(over)}}, {"$set": {"use": use, "use_at": now}},
            return_document=ReturnDocument.AFTER))

    async def begin_edit(self, seen: Draft, rev: int, writer: str, now: float) -> Draft | None:
        """The same for a change of the draft as it was just read; from here on it counts as hers too. `rev`: what her page showed."""
        return _draft(await self._drafts.find_one_and_update(
            {"_id": _id(seen.appid, seen.media_id), "rev": seen.rev, "use": seen.use},
            {"$set": {"use": "edit", "use_at": now, "changed_at": now, "unsaved": [rev, writer]}, "$inc": {"rev": 1},
             "$addToSet": {"writers": writer}}, return_document=ReturnDocument.AFTER))

    async def release(self, appid: str, media_id: str, rev: int, use: Use, *, saved: bool = False) -> bool:
        """Nothing is being done with it; False where it is not this `use` of this `rev` any more. `saved`: the change was confirmed."""
        fields: Document = {"use": ""} | ({"unsaved": None} if saved else {})
        return (await self._drafts.update_one({"_id": _id(appid, media_id), "rev": rev, "use": use}, {"$set": fields})).matched_count == 1

    async def doubt(self, appid: str, media_id: str, now: float) -> None:
        """Nobody can say what it holds: it has to be saved again. Whatever was seen of it before counts no more."""
        await self._drafts.update_one({"_id": _id(appid, media_id), "use": {"$in": ["", "edit"]}},
                                      {"$set": {"use": "edit", "use_at": now}, "$inc": {"rev": 1}})

    async def remove(self, appid: str, media_id: str) -> None:
        await self._drafts.delete_one({"_id": _id(appid, media_id)})


class Drafts:
    """The drafts of one account."""

    def __init__(self, store: DraftStore, client: Client, materials: Materials) -> None:
        self._store = store
        self._client = client
        self._materials = materials
        self._begun: dict[Use, Begun] = {}

    async def add(self, articles: Sequence[Article], writer: str, now: float) -> Draft:
        """A new draft. Where the answer is lost it may be in the platform's box without a writer here; it is then only seen, not used.

        Raises InvalidBody, WeChatError.
        """
        check(articles)
        for n, article in enumerate(articles):
            await self._check_thumb(article, f"articles.{n}")
        answer = await self._client.call("post", "cgi-bin/draft/add", {"articles": list(map(_fields, articles))})
        draft = Draft(self._client.appid, text_of(answer, "media_id"), (writer,), now, now)
        await self._store.add(draft)
        return draft

    async def update(self, media_id: str, rev: int, index: int, article: Article, writer: str, now: float) -> Draft:
        """Write one article of a draft anew. Raises InvalidBody, DraftNotFound, DraftChanged, DraftInUse, WeChatError.

        Without a word of the platform the draft stays as being edited: nobody can say what it holds, until it is saved again, by when
        no try of this one is under way any more. After a refusal its number stays raised too: an earlier try may have been taken.
        """
        check_one(article, "article")
        await self._check_thumb(article, "article")
        if index and index >= (count := len(await self.held(media_id))):
            raise InvalidBody("INDEX_WRONG", f"这份草稿有 {count} 篇，index 从 0 起，最大 {count - 1}", field="index")
        changed = await self._begin_edit(media_id, rev, writer, now)
        try:
            await self._client.call("post", "cgi-bin/draft/update", {"media_id": media_id, "index": index, "articles": _fields(article)},
                                    may_repeat=True)
        except (PlatformBusy, AnswerUntrusted):
            raise
        except WeChatError:
            await self._end_edit(changed, now, saved=False)
            raise
        await self._end_edit(changed, now, saved=True)
        return msgspec.structs.replace(changed, use="", unsaved=None)

    async def _begin_edit(self, media_id: str, rev: int, writer: str, now: float) -> Draft:
        """Raises DraftNotFound, DraftChanged, DraftInUse."""
        seen = await self.find(media_id)
        if rev != seen.rev and seen.unsaved != (rev, writer):
            raise DraftChanged()
        if await self._free_forgotten(seen, now):
            seen = msgspec.structs.replace(seen, use="")
        if seen.use not in ("", "edit") or seen.use == "edit" and now - seen.use_at < EDIT_SECONDS:
            raise await self._why_in_use(seen)
        changed = await self._store.begin_edit(seen, rev, writer, now)
        if changed is None:  # somebody was faster
            raise DraftInUse()
        return changed

    async def _end_edit(self, changed: Draft, now: float, *, saved: bool) -> None:
        """Raises DraftChanged where another edit began since: which of the two the platform took last is not known."""
        if not await self._store.release(changed.appid, changed.media_id, changed.rev, "edit", saved=saved):
            await self._store.doubt(changed.appid, changed.media_id, now)
            raise DraftChanged()

    async def page(self, cursor: str) -> tuple[list[dict[str, Any]], str | None]:
        """The platform's box, the newest first: {"media_id", "titles", "update_time"}, and "draft" where it was written here."""
        offset = whole(cursor, 7) or 0
        answer = await self._client.call("post", "cgi-bin/draft/batchget", {
            "offset": min(offset, MAX_OFFSET), "count": ITEMS_A_PAGE, "no_content": 1}, may_repeat=True)
        items = objects_of(answer.get("item"))
        known = await self._store.known(self._client.appid, [str(one.get("media_id")) for one in items])
        shown = [{"media_id": str(one.get("media_id")), "titles": [str(article.get("title", "")) for article in _news(one.get("content"))],
                  "update_time": float(one.get("update_time") or 0), "draft": known.get(str(one.get("media_id")))} for one in items]
        more = bool(items) and offset + len(items) < int(answer.get("total_count") or 0)
        return shown, str(offset + len(items)) if more else None

    async def view(self, media_id: str) -> tuple[Draft | None, list[dict[str, Any]]]:
        """What the platform holds of a draft. Raises DraftNotFound, WeChatError."""
        return await self._store.find(self._client.appid, media_id), await self.held(media_id)

    async def held(self, media_id: str) -> list[dict[str, Any]]:
        """The articles of a draft as the platform has them at this moment. Raises DraftNotFound, WeChatError."""
        try:
            return _news(await self._client.call("post", "cgi-bin/draft/get", {"media_id": media_id}, may_repeat=True))
        except MediaUnknown:
            raise DraftNotFound() from None

    async def find(self, media_id: str) -> Draft:
        """Raises DraftNotFound."""
        found = await self._store.find(self._client.appid, media_id)
        if found is None:
            raise DraftNotFound()
        return found

    async def delete(self, media_id: str, rev: int, now: float) -> None:
        """May be repeated after any failure. Raises DraftNotFound, DraftChanged, DraftInUse, WeChatError."""
        await self.claim(media_id, rev, "delete", now, over=("", "edit", "delete"))
        with contextlib.suppress(MediaUnknown):  # gone already, which is what was wanted
            await self._client.call("post", "cgi-bin/draft/delete", {"media_id": media_id}, may_repeat=True)
        await self._store.remove(self._client.appid, media_id)

    async def claim(self, media_id: str, rev: int, use: Use, now: float, *, over: tuple[Use, ...]) -> Draft:
        """Begin something with a draft as it was seen. Raises DraftNotFound, DraftChanged, DraftInUse."""
        for _ in range(2):
            claimed = await self._store.claim(self._client.appid, media_id, rev, use, now, over=over)
            if claimed is not None:
                return claimed
            found = await self.find(media_id)
            if found.rev != rev:
                raise DraftChanged()
            if not await self._free_forgotten(found, now):
                raise await self._why_in_use(found)
        raise DraftInUse()

    async def _why_in_use(self, found: Draft) -> DraftInUse:
        """What was published or sent stays so: that is told apart from what ends in a moment."""
        begun = self._begun.get(found.use)
        state = getattr(await begun(found.media_id), "state", "") if begun else ""
        return DraftPublished() if state in ("published", "taken_back") else DraftSent() if state in ("sent", "deleted") else DraftInUse()

    async def has(self, media_id: str, rev: int, use: Use) -> bool:
        """Whether this is still what is being done with it."""
        found = await self._store.find(self._client.appid, media_id)
        return found is not None and (found.rev, found.use) == (rev, use)

    async def release(self, media_id: str, rev: int, use: Use) -> None:
        """Whoever began this ends it; what somebody else began since stays."""
        await self._store.release(self._client.appid, media_id, rev, use)

    def ask_before_freeing(self, use: Use, begun: Begun) -> None:
        """`begun(media_id)`: the record of this use, None where there is none or it was refused."""
        self._begun[use] = begun

    async def begun_by_another(self, media_id: str, use: Use, begun: Callable[[str], Awaitable[Record | None]]) -> Record:
        """What a request that was faster keeps in this moment. Raises DraftInUse where none did, or something else is being done."""
        for _ in range(LOOKS_FOR_RECORD):
            known = await begun(media_id)
            if known is not None:
                return known
            if (await self.find(media_id)).use != use:
                break
            await asyncio.sleep(LOOK_AGAIN_SECONDS)
        raise DraftInUse()

    async def _free_forgotten(self, found: Draft, now: float) -> bool:
        """Free one that a process claimed and then died, before it kept what it was about to do."""
        begun = self._begun.get(found.use)
        if begun is None or now - found.use_at < FORGOTTEN_SECONDS or await begun(found.media_id) is not None:
            return False
        return await self._store.release(found.appid, found.media_id, found.rev, found.use)

    async def _check_thumb(self, article: Article, where: str) -> None:
        try:
            thumb = await self._materials.find(article.thumb_media_id)
        except MaterialNotFound:
            thumb = None
        if thumb is None or thumb.expires_at or thumb.kind not in ("image", "thumb"):
            raise InvalidBody("THUMB_UNKNOWN", "封面须是在本系统上传的永久图片素材", field=f"{where}.thumb_media_id")


def _fields(article: Article) -> dict[str, Any]:
    fields: dict[str, Any] = msgspec.to_builtins(article)
    return fields | {name: int(fields[name]) for name in ("need_open_comment", "only_fans_can_comment")}


def _news(answer: Any) -> list[dict[str, Any]]:
    return objects_of(answer.get("news_item")) if isinstance(answer, dict) else []


def _id(appid: str, media_id: str) -> str:
    return f"{appid}:{media_id}"


def _draft(document: Document | None) -> Draft | None:
    return None if document is None else msgspec.convert(document, Draft)
