"""Publishing 发布: the approved revision becomes what citizens see, at once or at a minute of Shanghai time.

Owns: the way from a draft to its campaign, and releases that wait. Invariants: where review is required the approved revision alone is
published, and its fingerprint is compared with the draft's, the review's and the kept copy's; nothing is published over a change that the
draft has not seen; what was found is confirmed by name; a release that was begun and stopped goes on to the same end.

Failure policy: closed; a release that waits is tried again each second while stores are away, and stands still with its reason where it
is refused.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from msgspec import structs

from server.campaigns import Campaign, Campaigns
from server.errors import Conflict, InvalidBody, Refusal
from server.releases.content import Content, applied, content_of, fingerprint, spoken
from server.releases.drafts import Drafts
from server.releases.pages import DraftPages
from server.releases.readiness import Readiness
from server.releases.record import Draft, DraftClash, Timed, check_not_begun
from server.releases.store import DeskStore
from server.stores import PyMongoError, RedisError

logger = logging.getLogger(__name__)

# Who, what, which campaign, details, when.
Record = Callable[[str, str, str, dict[str, Any], float], Awaitable[None]]


class Publishing:
    """`required`: nothing is published here that was not reviewed. `record` writes the audit log for what a clock does."""

    def __init__(self, store: DeskStore, drafts: Drafts, campaigns: Campaigns, readiness: Readiness, record: Record, *,
                 required: bool, pages: DraftPages) -> None:
        self._pages = pages
        self._store = store
        self._drafts = drafts
        self._campaigns = campaigns
        self._readiness = readiness
        self._record = record
        self.required = required

    def check_by_hand(self, campaign: Campaign, to: str) -> None:
        """Whether a campaign may be moved or (`to` "") rewritten without a release. Raises Conflict REVIEW_REQUIRED."""
        rewrites = not to and campaign.state != "draft"
        opens = to == "scheduled" or to == "open" and campaign.state == "scheduled" and not campaign.release
        if self.required and (rewrites or opens):
            raise Conflict("REVIEW_REQUIRED", "本系统的活动要送审后发布：请修改草稿、送审，通过后发布")

    async def publish(self, slug: str, revision: int, confirmed: tuple[str, ...], who: str, now: float) -> Campaign:
        """Publish now. `revision`: what the publisher has read. Raises Conflict, DraftNotFound."""
        draft = await self._to_publish(slug, who, now)
        number = await self._check(draft, revision, confirmed, now)
        return await self._apply(draft, number, confirmed, who, now)

    async def schedule(self, slug: str, revision: int, confirmed: tuple[str, ...], at: float, who: str, now: float) -> Draft:
        """Publish at a whole minute to come. Raises InvalidBody RELEASE_TIME_WRONG, Conflict, DraftNotFound."""
        seen = await self._to_publish(slug, who, now)
        if at % 60 or at <= now or at >= seen.content.closes_at:
            raise InvalidBody("RELEASE_TIME_WRONG", "定时发布要精确到分钟，晚于现在、早于活动结束", field="at")
        number = await self._check(seen, revision, confirmed, now)
        timed = Timed(at, who, number, fingerprint(seen.content), confirmed)
        changed = structs.replace(seen, release=timed, turn=seen.turn + 1)
        if not await self._store.write(seen, changed):
            raise DraftClash(await self._drafts.of(slug), seen.content)
        return changed

    async def _to_publish(self, slug: str, who: str, now: float) -> Draft:
        """Where review is required there is a draft, since it was submitted; who only tries becomes no author of one."""
        return await (self._drafts.kept(slug) if self.required else self._drafts.begun(slug, who, now))

    async def cancel(self, slug: str, now: float) -> str:
        """Call off a release that waits, else take a campaign that has not begun back to draft. Which it was. Raises Conflict."""
        seen = await self._store.draft(slug)
        if seen is not None and seen.release is not None:
            check_not_begun(seen, now)
            if not await self._store.write(seen, structs.replace(seen, release=None, turn=seen.turn + 1)):
                raise DraftClash(await self._drafts.of(slug), seen.content)
            return "release"
        if (await self._campaigns.get_any(slug)).state != "scheduled":
            raise Conflict("NOTHING_SCHEDULED", "没有等待发布的内容；已开始的活动请用下线")
        await self._campaigns.transition(slug, "draft", now)
        return "campaign"

    async def take_down(self, slug: str, to: str, reason: str, now: float) -> Campaign:
        """Pause with a reason that the page shows, or end for good. Raises InvalidBody, Conflict."""
        if to not in ("paused", "frozen"):
            raise InvalidBody(message="下线后的状态只能是 paused（暂停）或 frozen（结束）", field="state")
        if not 0 < len(reason.strip()) <= 100:
            raise InvalidBody("REASON_MISSING", "请写明下线原因，最多 100 字；暂停时市民会看到它", field="reason")
        return await self._campaigns.transition(slug, to, now, reason=reason.strip())

    async def tick(self, now: float) -> None:
        """Publish what is due; the job that keeps the clock. One that is refused holds no other up."""
        for draft in await self._store.due(now):
            assert draft.release is not None
            try:
                await self._due(draft, draft.release, now)
            except (PyMongoError, RedisError, OSError, TimeoutError) as error:
                logger.warning("the release of %s is tried again: %s", draft.id, type(error).__name__)
            except Refusal as error:
                if error.code in ("CAMPAIGN_CHANGED", "DRAFT_CHANGED"):
                    continue  # the clock opened it, or another process or a person was at the draft, in the same moment
                logger.warning("the release of %s was refused: %s", draft.id, error)
                timed = structs.replace(draft.release, problem=error.message)
                stopped = structs.replace(draft, release=timed, turn=draft.turn + 1,
                                          state="refused" if draft.kind == "correction" else draft.state)
                await self._store.write(draft, stopped)
                await self._record(timed.by, "campaign.release_refused", draft.campaign,
                                   {"revision": timed.revision, "why": error.code}, now)

    async def _due(self, draft: Draft, timed: Timed, now: float) -> None:
        if draft.kind == "correction":
            await self.correct(draft, now)
            return
        number = await self._check(draft, timed.revision, timed.confirmed, now)
        await self._apply(draft, number, timed.confirmed, timed.by, now)
        await self._record(timed.by, "campaign.release", draft.campaign, {"revision": number, "at": spoken(int(timed.at)),
                                                                           "confirmed": list(timed.confirmed)}, now)

    async def _check(self, draft: Draft, revision: int, confirmed: tuple[str, ...], now: float) -> int:
        """Whether this may be published; its revision."""
        review, found = draft.review, fingerprint(draft.content)
        if review.state == "approved":
            number = review.revision
            kept = await self._drafts.revision(draft.campaign, number)
            if not review.hash == found == kept.hash == fingerprint(kept.content):
                raise Conflict("CONTENT_DIFFERS", "草稿与审核通过的版本不一致，请重新送审")
        elif self.required or review.state == "reviewing":
            raise Conflict("REVIEW_REQUIRED", "全部审核步骤通过后才能发布")
        else:
            number = await self._drafts.keep_revision(draft, "published")
        if revision and revision != number:
            raise Conflict("CONTENT_DIFFERS", f"您看到的是第 {revision} 版，现在是第 {number} 版，请刷新后再发布")
        campaign = await self._campaigns.get_any(draft.campaign)
        _check_base(draft, content_of(campaign))
        errors, confirm = await self._readiness.problems(campaign, draft, now)
        if errors:
            raise Conflict("NOT_READY_TO_OPEN", "；".join(errors))
        if left := [text for key, text in confirm.items() if key not in confirmed]:
            raise Conflict("WARNINGS_UNCONFIRMED", "请逐项确认：" + "；".join(left))
        return number

    async def _apply(self, draft: Draft, number: int, confirmed: tuple[str, ...], who: str, now: float) -> Campaign:
        """Each step changes nothing where it was done before, so that a stop in between is mended by asking again."""
        begun = structs.replace(draft, begun=now, turn=draft.turn + 1)
        if not await self._store.write(draft, begun):
            raise DraftClash(await self._drafts.of(draft.campaign), draft.content)
        draft = begun
        slug, campaign = draft.campaign, await self._put(draft, number)
        if campaign.state == "draft":
            campaign = await self._campaigns.transition(slug, "scheduled", now)
        if campaign.state == "scheduled" and campaign.opens_at <= now < campaign.closes_at:
            campaign = await self._campaigns.transition(slug, "open", now)
        await self._store.keep_review(slug, draft.review)
        await self._store.note_release(slug, number, who, now, confirmed)
        if await self._store.remove(draft):  # else somebody began to write again: that stays, and has to look at this first
            await self._pages.let_go(slug, draft.content.theme)
        return campaign

    async def _put(self, draft: Draft, number: int) -> Campaign:
        campaign = await self._campaigns.get_any(draft.campaign)
        content = content_of(campaign)
        if content == draft.content and campaign.release == number:
            return campaign
        _check_base(draft, content)
        return await self._campaigns.update(replace(applied(draft.content, campaign), release=number), seen_rev=campaign.rev)

    async def correct(self, draft: Draft, now: float) -> Draft:
        """Show a correction whose first approval was given, and put it before the others. Raises Conflict."""
        assert draft.release is not None
        await self._put(draft, draft.release.revision)
        await self._store.note_release(draft.campaign, draft.release.revision, draft.release.by, now, ())
        shown = structs.replace(draft, release=None, turn=draft.turn + 1, state="settled" if draft.review.state == "approved" else "shown")
        if not await self._store.write(draft, shown):
            raise Conflict("CAMPAIGN_CHANGED", "活动刚刚被别人修改，请刷新后再试")
        return shown


def _check_base(draft: Draft, public: Content) -> None:
    """Whether the draft has seen what is public now. Raises Conflict DRAFT_OUTDATED."""
    if public not in (draft.base, draft.content):
        raise Conflict("DRAFT_OUTDATED", "草稿之后活动又有改动（如紧急更正），请先把它并入草稿再送审")
