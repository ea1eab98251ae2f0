"""The records of a campaign's desk, and how a review goes on: plain values and pure rules.

draft     what is being written, one a campaign, and one for each correction; its review is inside it, so that one write changes both
review    writing -> reviewing -> approved | returned; any change of the content brings it back to writing, and the steps begin anew
revision  a numbered copy of a content that never changes; rounds of review are kept with it
"""

from __future__ import annotations

import unicodedata
from typing import Literal

import msgspec
from msgspec import structs

from server.errors import Conflict, Forbidden, InvalidBody, NotFound
from server.releases.content import Content

Verdict = Literal["approve", "return"]
ReviewState = Literal["writing", "reviewing", "approved", "returned"]
# What became of a correction: waits for its one approver; shown, the others look afterwards; all agreed; sent back; somebody objects.
CorrectionState = Literal["", "waiting", "shown", "settled", "refused", "objected"]
Kind = Literal["draft", "correction"]
Occasion = Literal["saved", "handed_over", "submitted", "restored", "previewed", "correction", "discarded", "published"]

MAX_STEPS, MAX_STEP_PEOPLE, MAX_NAME_CHARACTERS = 5, 20, 32
MAX_COMMENT_CHARACTERS = 500
REVIEW_NAMES: dict[ReviewState, str] = {"writing": "编写中", "reviewing": "审核中", "approved": "已通过", "returned": "已退回"}
OCCASIONS: dict[Occasion, str] = {"saved": "保存的版本", "handed_over": "他人接手前", "submitted": "送审", "restored": "恢复前",
                                  "previewed": "预览", "correction": "紧急更正", "discarded": "放弃的草稿", "published": "直接发布"}


class Step(msgspec.Struct, frozen=True):
    """`people`: who may decide, by account or, for those without one, as an admin wrote them; nobody named: any reviewer."""

    name: str
    people: tuple[str, ...] = ()


# 三审三校 as city editors know it.
STEPS = (Step("初审"), Step("复审"), Step("终审"))


class Decision(msgspec.Struct, frozen=True):
    """`issued_by`: who made the link that it was decided with; empty at the desk."""

    step: int
    name: str
    by: str
    at: float
    verdict: Verdict
    comment: str = ""
    issued_by: str = ""


class Review(msgspec.Struct, frozen=True):
    """`steps` as they were when it was submitted: a later setting changes no round that runs."""

    state: ReviewState = "writing"
    round: int = 0
    revision: int = 0
    hash: str = ""
    submitted_by: str = ""
    submitted_at: float = 0.0
    steps: tuple[Step, ...] = ()
    decisions: tuple[Decision, ...] = ()

    @property
    def step(self) -> int:
        """Which step is on, from 0."""
        return sum(decision.verdict == "approve" for decision in self.decisions)


class Timed(msgspec.Struct, frozen=True):
    """A release that waits for its minute. `problem`: why it could not be done then."""

    at: float
    by: str
    revision: int
    hash: str
    confirmed: tuple[str, ...] = ()
    problem: str = ""


class Draft(msgspec.Struct, frozen=True):
    """`rev` rises with the content, `turn` with the review or release; `base` is what the campaign was when the draft began."""

    id: str
    campaign: str
    content: Content
    base: Content
    kind: Kind = "draft"
    rev: int = 0
    turn: int = 0
    authors: tuple[str, ...] = ()
    edited_by: str = ""
    edited_at: float = 0.0
    logged_at: float = 0.0
    review: Review = Review()
    release: Timed | None = None
    state: CorrectionState = ""
    reason: str = ""
    # When its publishing began: from then on nobody calls it off. Whoever stopped in between is forgotten after a minute.
    begun: float = 0.0


class Revision(msgspec.Struct, frozen=True):
    campaign: str
    number: int
    content: Content
    hash: str
    by: str
    at: float
    occasion: Occasion
    note: str = ""
    released_by: str = ""
    released_at: float = 0.0
    confirmed: tuple[str, ...] = ()
    reviews: tuple[Review, ...] = ()
    # Who wrote in the draft until then: whoever restores it brings their words back.
    authors: tuple[str, ...] = ()


# Publishing takes some steps of MongoDB and the counters; what is not over after a minute was stopped.
BEGUN_SECONDS = 60.0


class DraftClash(Conflict):
    """Somebody else saved first. Carries both versions, for the person to choose."""

    code = "DRAFT_CHANGED"
    message = "草稿刚刚被别人修改，请对照后再保存"

    def __init__(self, theirs: Draft, mine: Content) -> None:
        super().__init__()
        self.theirs = theirs
        self.mine = mine


class DraftNotFound(NotFound):
    code = "DRAFT_NOT_FOUND"
    message = "还没有草稿"


class RevisionNotFound(NotFound):
    code = "REVISION_NOT_FOUND"
    message = "没有这个版本"


class ReviewMovedOn(Conflict):
    code = "REVIEW_MOVED_ON"
    message = "审核已经进入别的步骤或版本，请刷新后再看"


def verdict_of(text: str) -> Verdict:
    """Raises InvalidBody."""
    if text not in ("approve", "return"):
        raise InvalidBody(message="verdict 只能是 approve（通过）或 return（退回）", field="verdict")
    return "approve" if text == "approve" else "return"


def check_not_begun(draft: Draft, now: float) -> None:
    """Raises Conflict RELEASE_UNDER_WAY."""
    if now - draft.begun < BEGUN_SECONDS:
        raise Conflict("RELEASE_UNDER_WAY", "正在发布，请稍候刷新再看")


def check_person(review: Review, authors: tuple[str, ...], person: str) -> None:
    """Whether she may decide the step that is on. Raises Conflict, Forbidden."""
    if review.state != "reviewing":
        raise ReviewMovedOn()
    if _who(person) in map(_who, authors):
        raise Forbidden("AUTHOR_MAY_NOT_REVIEW", "写过这份草稿的人不能审核它")
    if any(_who(decision.by) == _who(person) for decision in review.decisions):
        raise Forbidden("REVIEWED_ALREADY", "每一步要由不同的人审核，您已审过前面的步骤")
    people = review.steps[review.step].people
    if people and _who(person) not in map(_who, people):
        raise Forbidden("NOT_THIS_STEP", f"“{review.steps[review.step].name}”由 {'、'.join(people)} 审核")


def _who(name: str) -> str:
    """A name as it is compared: written in another way it is the same person."""
    return unicodedata.normalize("NFKC", name).strip().casefold()


def decided(review: Review, person: str, verdict: Verdict, comment: str, now: float, issued_by: str = "") -> Review:
    """The review after a decision. Raises InvalidBody COMMENT_MISSING for a return without a reason."""
    comment = comment.strip()
    if verdict == "return" and not comment:
        raise InvalidBody("COMMENT_MISSING", "退回时请写明意见", field="comment")
    if len(comment) > MAX_COMMENT_CHARACTERS:
        raise InvalidBody("COMMENT_TOO_LONG", f"意见最多 {MAX_COMMENT_CHARACTERS} 字", field="comment")
    made = Decision(review.step, review.steps[review.step].name, person, now, verdict, comment, issued_by)
    state: ReviewState = "returned" if verdict == "return" else "approved" if review.step + 1 == len(review.steps) else "reviewing"
    return structs.replace(review, state=state, decisions=(*review.decisions, made))


def check_steps(steps: tuple[Step, ...]) -> None:
    """Raises InvalidBody."""
    names = [name for step in steps for name in (step.name, *step.people)]
    if not 0 < len(steps) <= MAX_STEPS or any(len(step.people) > MAX_STEP_PEOPLE for step in steps) or any(
            not 0 < len(name.strip()) <= MAX_NAME_CHARACTERS for name in names):
        raise InvalidBody("STEPS_WRONG", f"审核要有 1 至 {MAX_STEPS} 步，每步有名称，每个名字最多 {MAX_NAME_CHARACTERS} 字", field="steps")


def lacking_people(steps: tuple[Step, ...], authors: tuple[str, ...]) -> str:
    """The name of a step for which nobody would be left if each has to be another person; empty where all can be filled.

    Steps for any reviewer can always be filled from outside the list.
    """
    taken: dict[str, int] = {}

    def place(which: int, seen: set[str]) -> bool:
        for person in steps[which].people:
            if person in authors or person in seen:
                continue
            seen.add(person)
            if person not in taken or place(taken[person], seen):
                taken[person] = which
                return True
        return False

    return next((step.name for which, step in enumerate(steps) if step.people and not place(which, set())), "")
