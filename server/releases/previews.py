"""Previews 预览: a draft on the real page, by a code that one phone opens once and may reload for half an hour.

Owns: `previews`. Invariants: a preview is bound to a revision; its token and the mark of the phone that opened it are kept as hashes; the
page is a guest's, so that nothing is counted, whoever is signed in on that phone.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable

import msgspec

from server.campaigns import Campaign, check
from server.errors import Conflict, NotFound
from server.releases.content import as_published
from server.releases.drafts import Drafts
from server.staff.sessions import key_of
from server.stores import Database

# A walk to the colleague's desk and a look at every screen.
PREVIEW_SECONDS = 30 * 60
TOKEN_BYTES = 24


class Preview(msgspec.Struct, frozen=True):
    campaign: str
    revision: int
    by: str
    expires_at: float
    opened_by: str = ""


class PreviewStore:
    """The only code that touches `previews`."""

    def __init__(self, mongo: Database) -> None:
        self._previews = mongo["previews"]

    async def add(self, key: str, preview: Preview) -> None:
        await self._previews.insert_one({"_id": key, **msgspec.to_builtins(preview)})

    async def find(self, key: str) -> Preview | None:
        found = await self._previews.find_one({"_id": key})
        return msgspec.convert(found, Preview) if found else None

    async def claim(self, key: str, opened_by: str) -> bool:
        """False where a phone was first."""
        changed = await self._previews.update_one({"_id": key, "opened_by": ""}, {"$set": {"opened_by": opened_by}})
        return changed.matched_count == 1

    async def drop_late(self, now: float) -> None:
        await self._previews.delete_many({"expires_at": {"$lte": now}})


class Previews:
    def __init__(self, store: PreviewStore, drafts: Drafts, base_url: Callable[[], str]) -> None:
        self._store = store
        self._drafts = drafts
        self._base_url = base_url

    async def issue(self, campaign: Campaign, revision: int, who: str, now: float) -> tuple[str, Preview]:
        """The address for a QR code; revision 0: the draft as it stands. Raises RevisionNotFound, InvalidBody for what cannot be shown."""
        if not revision:
            draft = await self._drafts.of(campaign.slug)
            revision = await self._drafts.keep_revision(draft, "previewed")
        check(as_published((await self._drafts.revision(campaign.slug, revision)).content, campaign))
        token = secrets.token_urlsafe(TOKEN_BYTES)
        preview = Preview(campaign.slug, revision, who, now + PREVIEW_SECONDS)
        await self._store.add(key_of(token), preview)
        return f"{self._base_url()}/c/{campaign.slug}?preview={token}", preview

    async def open(self, campaign: Campaign, token: str, mark: str, now: float) -> tuple[Campaign, Preview, str]:
        """The campaign to show, and the mark that this phone keeps from now on; `mark`: the one that it has, or "".

        Raises NotFound PREVIEW_GONE, Conflict PREVIEW_USED.
        """
        preview = await self._store.find(key_of(token))
        if preview is None or preview.campaign != campaign.slug or now >= preview.expires_at:
            raise NotFound("PREVIEW_GONE", "预览二维码 30 分钟内有效，这个已经过期，请重新生成")
        if preview.opened_by:
            is_hers = preview.opened_by == key_of(mark)
        else:
            mark = secrets.token_urlsafe(TOKEN_BYTES)
            is_hers = await self._store.claim(key_of(token), key_of(mark))
        if not is_hers:
            raise Conflict("PREVIEW_USED", "这个预览二维码已在另一部手机上打开，请重新生成")
        content = (await self._drafts.revision(campaign.slug, preview.revision)).content
        return as_published(content, campaign), preview, mark

    async def tidy(self, now: float) -> None:
        await self._store.drop_late(now)
