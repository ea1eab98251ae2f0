"""The way of a campaign from its template to the public, for those who walk it the first time: which steps are done.

Nothing is kept: each answer comes from the checks, the versions and the state as they are. Invariant: a step is done by what somebody did
or by what is really over; what the template brought and nobody has touched is `prefilled`, however well it would pass.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, Protocol

import msgspec

from server.posters.design import FIELD as POSTER_FIELD
from server.releases.content import diff
from server.releases.record import Draft, Revision

# Which checks each step is about; whatever else blocks belongs to the checks themselves.
CONTENT = frozenset({"title", "window", "activities", "fixed", "whole", "regions", "footer", "privacy", "share"})
PAGE, POSTER = frozenset({"page", "media"}), frozenset({"poster"})
# Of which fields a page and a poster are made; every other one is content, but for what the wizard asks before there is a draft.
PAGE_FIELDS = ("theme.blocks", "theme.skin")
POSTER_FIELDS = ("theme.poster", f"theme.{POSTER_FIELD}")
ASKED_BEFORE = ("period_rule",)

State = Literal["open", "prefilled", "done"]


class GuideStep(msgspec.Struct, frozen=True):
    """`step`: content, page, poster, checks, preview, review or release. `prefilled`: the template's, untouched and without a fault."""

    step: str
    state: State

    @property
    def done(self) -> bool:
        return self.state == "done"


class Checked(Protocol):
    """What is needed of a check."""

    @property
    def key(self) -> str: ...
    @property
    def state(self) -> str: ...


def guide(items: Iterable[Checked], revisions: Iterable[Revision], draft: Draft, state: str, *, required: bool) -> list[GuideStep]:
    """Every step in its order. Where no review is asked for and none was begun, it is no step."""
    wrong, is_out = {item.key for item in items if item.state == "error"}, state != "draft"
    touched, review = _touched(draft), draft.review
    has_seen = is_out or any(one.occasion == "previewed" for one in revisions)
    steps = [GuideStep(step, "open" if wrong & about else "done" if is_out or step in touched else "prefilled")
             for step, about in (("content", CONTENT), ("page", PAGE), ("poster", POSTER))]
    steps += [GuideStep("checks", "open" if wrong - {"review"} else "done" if is_out or touched else "prefilled"),
              GuideStep("preview", "done" if has_seen else "open")]
    if required or review.state != "writing":
        steps.append(GuideStep("review", "done" if is_out or review.state == "approved" else "open"))
    return [*steps, GuideStep("release", "done" if is_out else "open")]


def _touched(draft: Draft) -> set[str]:
    """Which of the first three somebody has written in since the campaign was made."""
    fields = [change.field for change in diff(draft.base, draft.content)]
    return {"page" if field.startswith(PAGE_FIELDS) else "poster" if field.startswith(POSTER_FIELDS) else "content"
            for field in fields if field not in ASKED_BEFORE}
