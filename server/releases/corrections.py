"""Corrections 紧急更正: words and pictures of an open campaign, shown after one approval, looked at by the others afterwards.

Owns: how a correction begins and is decided. Invariants: an allow-list of fields alone (content.py: CORRECTABLE); who counts, when, where
and for what never changes this way; nobody approves her own; what the wording rules call an error is refused here too; whoever objects
afterwards is seen, and the next correction or release mends it. A correction is a draft whose content never changes, so that steps, links
and sign-off are those of every review.
"""

from __future__ import annotations

from collections.abc import Callable

from msgspec import structs

from server.campaigns import Campaigns, check
from server.errors import Conflict, InvalidBody, Unavailable
from server.releases.content import Content, applied, content_of, fingerprint, locked_changes, tidy
from server.releases.drafts import Drafts
from server.releases.publishing import Publishing
from server.releases.readiness import Readiness
from server.releases.record import Draft, Review, Step
from server.releases.store import MOST_OF_CAMPAIGN, DeskStore

MAX_REASON_CHARACTERS = 200


class Corrections:
    def __init__(self, store: DeskStore, drafts: Drafts, campaigns: Campaigns, readiness: Readiness, publishing: Publishing) -> None:
        self._store = store
        self._drafts = drafts
        self._campaigns = campaigns
        self._readiness = readiness
        self._publishing = publishing

    async def begin(self, slug: str, change: Callable[[Content], Content], reason: str, who: str, now: float) -> Draft:
        """A correction for one approver; `change` makes the new content of what is public. Raises Conflict, InvalidBody."""
        campaign = await self._campaigns.get_any(slug)
        if campaign.state not in ("open", "paused"):
            raise Conflict("CORRECTION_NOT_OPEN", "紧急更正只用于进行中或暂停的活动，其他情况请修改草稿")
        if not 0 < len(reason.strip()) <= MAX_REASON_CHARACTERS:
            raise InvalidBody("REASON_MISSING", f"请写明更正原因，最多 {MAX_REASON_CHARACTERS} 字", field="reason")
        base = content_of(campaign)
        content = tidy(change(base))
        if content == base:
            raise InvalidBody("NOTHING_CHANGED", "内容没有变化")
        if locked := locked_changes(base, content):
            raise Conflict("CORRECTION_LOCKED", "紧急更正只能改文字和图片，不能改：" + "、".join(change.name for change in locked))
        check(applied(content, campaign))
        stood = await self._readiness.page_errors(base, campaign, now)
        if wrong_page := [one for one in await self._readiness.page_errors(content, campaign, now) if one not in stood]:
            raise Conflict("NOT_READY_TO_OPEN", "；".join(wrong_page))
        known = {found.key for found in await self._readiness.findings(base)}
        if wrong := [f for f in await self._readiness.findings(content) if f.level == "error" and f.key not in known]:
            raise Conflict("NOT_READY_TO_OPEN", "；".join(f"{found.name}“{found.found}”：{found.why}" for found in wrong))
        return await self._add(Draft("", slug, content, base, kind="correction", rev=1, authors=(who,), edited_by=who, edited_at=now,
                                     state="waiting", reason=reason.strip()), now)

    async def _add(self, draft: Draft, now: float) -> Draft:
        slug, who = draft.campaign, draft.edited_by
        if len(await self._store.of_campaign(slug)) >= MOST_OF_CAMPAIGN:
            raise Conflict("TOO_MANY_CORRECTIONS", f"一个活动最多 {MOST_OF_CAMPAIGN} 次更正，请修改草稿")
        number = await self._drafts.keep_revision(draft, "correction", draft.reason[:50])
        review = Review("reviewing", await self._store.next(slug, "rounds"), number, fingerprint(draft.content), who, now,
                        _steps(await self._store.steps(slug)))
        made = structs.replace(draft, id=correction_id(slug, number), review=review)
        if not await self._store.add(made):
            raise Unavailable()
        return made

    async def all(self, slug: str) -> list[Draft]:
        """Every correction of a campaign, newest first."""
        return sorted((d for d in await self._store.of_campaign(slug) if d.kind == "correction"), key=lambda d: -d.review.revision)

    async def decided(self, draft: Draft, now: float) -> Draft:
        """After a decision about it: what is due is shown at once."""
        if draft.kind != "correction" or draft.release is None:
            return draft
        await self._publishing.tick(now)
        return await self._store.draft(draft.id) or draft


def correction_id(slug: str, number: int) -> str:
    return f"{slug}:{number:08}"


def _steps(steps: tuple[Step, ...]) -> tuple[Step, ...]:
    """One approver, whom any step names, then the others as they stand."""
    people = tuple(dict.fromkeys(person for step in steps for person in step.people)) if all(step.people for step in steps) else ()
    return (Step("紧急核准", people), *(Step(f"补审：{step.name}", step.people) for step in steps[1:]))
