"""Drafts 草稿: what editors write before it is public, saved as they type, kept in revisions, given back.

Owns: the content of `campaign_drafts`, and which revisions there are. Invariants: a draft begins as a copy of its campaign; saving is one
cheap write and no entry of the audit log but the first of a stretch; whoever saves over something that she has not seen is shown both
versions; before another person's first save, and before anything is given back, what stood there is kept as a revision; a change of the
content ends a running review and calls off a release that waits.

Failure policy: closed; a page keeps its own copy and saves again.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import msgspec
from msgspec import structs

from server.campaigns import Campaign
from server.errors import Conflict, InvalidBody
from server.releases.content import Change, Content, content_of, diff, fingerprint, merge, tidy
from server.releases.pages import DraftPages
from server.releases.record import Draft, DraftClash, DraftNotFound, Occasion, Review, Revision, RevisionNotFound
from server.releases.store import DeskStore

# Somebody who writes for an hour is in the audit log some times, not at every autosave of two seconds.
STRETCH_SECONDS = 600
# Ten a day for two months, each at most 64 KB; then the oldest that was never public makes room.
MAX_REVISIONS = 600
MAX_NOTE_CHARACTERS = 100


class Saved(msgspec.Struct, frozen=True):
    """`is_new`: worth an entry in the audit log. `restarted`: a review or a waiting release ended with this change."""

    draft: Draft
    is_new: bool = False
    restarted: bool = False


class Drafts:
    """`campaign_of` gives a campaign as staff see it; `pages` holds the media that a draft shows."""

    def __init__(self, store: DeskStore, campaign_of: Callable[[str], Awaitable[Campaign]], pages: DraftPages) -> None:
        self._store = store
        self._campaign_of = campaign_of
        self._pages = pages

    async def of(self, slug: str) -> Draft:
        """The campaign's draft; where nobody has written yet, one of rev 0 that is nowhere kept. Raises CampaignNotFound."""
        found = await self._store.draft(slug)
        if found is not None:
            return found
        content = content_of(await self._campaign_of(slug))
        return Draft(slug, slug, content, content)

    async def kept(self, slug: str) -> Draft:
        """The draft that somebody has written. Raises DraftNotFound."""
        found = await self._store.draft(slug)
        if found is None:
            raise DraftNotFound()
        return found

    async def begun(self, slug: str, who: str, now: float) -> Draft:
        """The draft that somebody has written. A campaign that nothing of is public and that nobody has changed since it was made gets one
        of what it holds: a template may go to the reviewers as it is. Raises CampaignNotFound, DraftNotFound, DraftClash.
        """
        seen = await self.of(slug)
        if seen.rev:
            return seen
        if (await self._campaign_of(slug)).state != "draft":
            raise DraftNotFound()
        return (await self._put(seen, seen.content, who, now)).draft

    async def save(self, slug: str, rev: int, content: Content, who: str, now: float, wrote: tuple[str, ...] = ()) -> Saved:
        """Save what was written over what was seen; `wrote`: whose words it brings back.

        Raises InvalidBody, DraftClash, Conflict CAMPAIGN_FIXED.
        """
        content, seen = tidy(content), await self.of(slug)
        if seen.content == content and seen.rev:
            return Saved(seen)  # sent again because the answer was lost, or nothing was changed
        if seen.rev != rev:
            raise DraftClash(seen, content)
        campaign = await self._campaign_of(slug)
        if campaign.state in ("frozen", "archived") or campaign.binned_at:
            raise Conflict("CAMPAIGN_FIXED", "活动已截止或在回收站，不能再修改")
        if seen.rev and seen.edited_by != who:
            await self.keep_revision(seen, "handed_over")
        return await self._put(seen, content, who, now, wrote)

    async def _put(self, seen: Draft, content: Content, who: str, now: float, wrote: tuple[str, ...] = ()) -> Saved:
        is_new = seen.edited_by != who or now - seen.logged_at >= STRETCH_SECONDS
        restarted = seen.review.state in ("reviewing", "approved") or seen.release is not None
        await self._store.keep_review(seen.campaign, seen.review)
        changed = structs.replace(
            seen, content=content, rev=seen.rev + 1, turn=seen.turn + 1, authors=tuple(dict.fromkeys([*seen.authors, *wrote, who])),
            edited_by=who, edited_at=now, begun=0.0, logged_at=now if is_new else seen.logged_at, review=Review(), release=None)
        if not await (self._store.write(seen, changed) if seen.rev else self._store.add(changed)):
            raise DraftClash(await self.of(seen.campaign), content)
        await self._pages.hold(seen.campaign, content.title, seen.content.theme if seen.rev else {}, content.theme, now)
        return Saved(changed, is_new, restarted)

    async def rebase(self, slug: str, rev: int, who: str, now: float) -> tuple[Draft, list[str]]:
        """Take over what was published beneath the draft meanwhile. Also the fields that both changed, which stay the draft's.

        Raises DraftNotFound, DraftClash, Conflict.
        """
        seen, theirs = await self.kept(slug), content_of(await self._campaign_of(slug))
        if seen.rev != rev:
            raise DraftClash(seen, seen.content)
        merged, clashes = merge(seen.base, seen.content, theirs)
        saved = await self._put(structs.replace(seen, base=theirs), merged, who, now)
        return saved.draft, clashes

    async def discard(self, slug: str, who: str, now: float) -> int:
        """Let the draft go; the number of the revision under which it can be had back. Raises DraftNotFound, DraftClash."""
        seen = await self.kept(slug)
        number = await self.keep_revision(seen, "discarded")
        await self._store.keep_review(slug, seen.review)
        if not await self._store.remove(seen):
            raise DraftClash(await self.of(slug), seen.content)
        await self._pages.let_go(slug, seen.content.theme)
        return number

    # Revisions

    async def keep_revision(self, draft: Draft, occasion: Occasion, note: str = "") -> int:
        """A numbered copy of the draft as it stands; what the newest says already gets no second."""
        newest = await self._store.revisions(draft.campaign, limit=1)
        found = fingerprint(draft.content)
        if newest and newest[0].hash == found and not note and set(newest[0].authors) >= set(draft.authors):
            return newest[0].number
        number = await self._store.next(draft.campaign, "revisions")
        await self._store.add_revision(
            Revision(draft.campaign, number, draft.content, found, draft.edited_by, draft.edited_at, occasion, note,
                     authors=draft.authors))
        if number > MAX_REVISIONS:
            await self._store.remove_revision(draft.campaign, number - MAX_REVISIONS)
        return number

    async def keep_version(self, slug: str, rev: int, note: str) -> int:
        """What an editor wants to find again, under a name of hers. Raises InvalidBody, DraftNotFound, DraftClash."""
        if not 0 < len(note.strip()) <= MAX_NOTE_CHARACTERS:
            raise InvalidBody(message=f"版本说明 1 至 {MAX_NOTE_CHARACTERS} 字", field="note")
        seen = await self.kept(slug)
        if seen.rev != rev:
            raise DraftClash(seen, seen.content)
        return await self.keep_revision(seen, "saved", note.strip())

    async def revisions(self, slug: str, before: int) -> list[Revision]:
        """A page of revisions, newest first. Raises CampaignNotFound."""
        await self._campaign_of(slug)
        return await self._store.revisions(slug, before)

    async def revision(self, slug: str, number: int) -> Revision:
        """Raises RevisionNotFound."""
        found = await self._store.revision(slug, number)
        if found is None:
            raise RevisionNotFound()
        return found

    async def changes(self, slug: str, number: int, against: int) -> list[Change]:
        """What a revision changed, against another one or, with 0, what is public now. Raises RevisionNotFound."""
        other = (await self.revision(slug, against)).content if against else content_of(await self._campaign_of(slug))
        return diff(other, (await self.revision(slug, number)).content)

    async def restore(self, slug: str, number: int, rev: int, who: str, now: float) -> Saved:
        """Write a revision into the draft again. Raises RevisionNotFound, DraftClash, Conflict."""
        wanted, seen = await self.revision(slug, number), await self.of(slug)
        if seen.rev and seen.rev == rev:
            await self.keep_revision(seen, "restored")
        return await self.save(slug, rev, wanted.content, who, now, wrote=wanted.authors)
