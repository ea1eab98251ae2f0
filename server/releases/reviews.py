"""Reviews 审核: the steps between a draft and its release, by different people none of whom wrote it.

Owns: how a draft is submitted, decided and taken back. The rules of one decision are in record.py; the store writes it only over what
was read. Invariants: a decision is about one revision and one round; whoever wrote in the draft decides nothing of it; nobody decides two
steps.
"""

from __future__ import annotations

from msgspec import structs

from server.errors import Conflict, Forbidden
from server.releases.content import fingerprint
from server.releases.drafts import Drafts
from server.releases.record import (
    CorrectionState,
    Draft,
    DraftClash,
    DraftNotFound,
    Review,
    ReviewMovedOn,
    Step,
    Timed,
    Verdict,
    check_not_begun,
    check_person,
    check_steps,
    decided,
)
from server.releases.store import DeskStore


class Reviews:
    def __init__(self, store: DeskStore, drafts: Drafts) -> None:
        self._store = store
        self._drafts = drafts

    async def steps(self, slug: str) -> tuple[Step, ...]:
        return await self._store.steps(slug)

    async def set_steps(self, slug: str, steps: tuple[Step, ...]) -> None:
        """For submissions from now on. Raises InvalidBody STEPS_WRONG."""
        check_steps(steps)
        await self._store.set_steps(slug, steps)

    async def submit(self, slug: str, rev: int, who: str, now: float) -> Draft:
        """Hand the draft to the reviewers as it was seen; `rev` 0: as the campaign was made.

        Raises CampaignNotFound, DraftNotFound, DraftClash, Conflict REVIEW_RUNNING.
        """
        seen = await self._drafts.begun(slug, who, now)
        if seen.rev != rev and not (rev == 0 and seen.content == seen.base):
            raise DraftClash(seen, seen.content)
        if seen.review.state in ("reviewing", "approved"):
            raise Conflict("REVIEW_RUNNING", "草稿已经送审")
        number = await self._drafts.keep_revision(seen, "submitted")
        round_number = await self._store.next(slug, "rounds")
        review = Review("reviewing", round_number, number, fingerprint(seen.content), who, now, await self._store.steps(slug))
        return await self._move(seen, structs.replace(seen, review=review))

    async def withdraw(self, slug: str, now: float) -> Draft:
        """Take a submission back, or an approval that is not yet used. Raises DraftNotFound, Conflict."""
        seen = await self._drafts.kept(slug)
        if seen.review.state not in ("reviewing", "approved"):
            raise Conflict("NOT_IN_REVIEW", "草稿没有在审核")
        check_not_begun(seen, now)
        return await self._move(seen, structs.replace(seen, review=Review(), release=None))

    async def decide(self, id: str, revision: int, round_number: int, person: str, verdict: Verdict, comment: str, now: float,
                     issued_by: str = "", *, step: int | None = None) -> Draft:
        """Decide the step that is on, about what was read. `step`: which one that was, None for whichever it is by now.

        Raises DraftNotFound, ReviewMovedOn, Forbidden, InvalidBody.
        """
        seen = await self.about(id)
        if step is not None and step != seen.review.step:
            raise ReviewMovedOn()
        if (seen.review.revision, seen.review.round) != (revision, round_number) or fingerprint(seen.content) != seen.review.hash:
            raise ReviewMovedOn()
        if seen.kind == "correction" and seen.state == "waiting" and seen.review.decisions:
            raise ReviewMovedOn()
        check_person(seen.review, seen.authors, person)
        if person in (decision.issued_by for decision in seen.review.decisions):
            raise Forbidden("REVIEWED_ALREADY", "您已为前面的步骤发出审核链接，这一步要由别人审核")
        return await self._move(seen, after(seen, decided(seen.review, person, verdict, comment, now, issued_by), now))

    async def about(self, id: str) -> Draft:
        """A draft or a correction. Raises DraftNotFound."""
        found = await self._store.draft(id)
        if found is None:
            raise DraftNotFound()
        return found

    async def waiting_for(self, person: str) -> list[Draft]:
        """What she may decide now, the longest waiting first."""
        found = [draft for draft in await self._store.waiting() if _may(draft, person)]
        return sorted(found, key=lambda draft: draft.review.submitted_at)

    async def _move(self, seen: Draft, changed: Draft) -> Draft:
        changed = structs.replace(changed, turn=seen.turn + 1)
        if not await self._store.write(seen, changed):
            raise ReviewMovedOn()
        await self._store.keep_review(seen.campaign, changed.review if changed.review.revision else seen.review)
        return changed


def after(draft: Draft, review: Review, now: float) -> Draft:
    """The draft after a decision. A correction's first approval makes it due at once, in the same write, so that no stop loses it."""
    if draft.kind == "draft":
        return structs.replace(draft, review=review)
    newest = review.decisions[-1]
    if newest.verdict == "return":
        return structs.replace(draft, review=review, state="refused" if draft.state == "waiting" else "objected")
    if draft.state == "waiting":
        return structs.replace(draft, review=review, release=Timed(now, newest.by, review.revision, review.hash))
    state: CorrectionState = "settled" if review.state == "approved" else draft.state
    return structs.replace(draft, review=review, state=state)


def _may(draft: Draft, person: str) -> bool:
    try:
        check_person(draft.review, draft.authors, person)
    except (Conflict, Forbidden):
        return False
    return True
