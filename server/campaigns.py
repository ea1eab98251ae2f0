"""A campaign 活动: what it is, when it is open and how it is counted.

Owns: the `campaigns` documents and the life cycle draft -> scheduled -> open -> frozen -> archived.
Invariants: a draft is never public; only the server's clock decides the window; `shards` is written
when the campaign opens and never changes afterwards.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

State = Literal["draft", "scheduled", "open", "paused", "frozen", "archived"]
PeriodRule = Literal["all", "daily"]

# A cell has 13 activity bits, so a campaign has at most 13 theme activities.
MAX_ACTIVITIES = 13


@dataclass(frozen=True)
class Activity:
    """A theme activity 主题活动: `keepsake` False stores nothing but the count (the children's activity)."""

    code: str
    title: str
    verb: str
    children: bool = False


@dataclass(frozen=True)
class Campaign:
    """`opens_at` and `closes_at` are seconds since 1970; open means opens_at <= now < closes_at.

    `period_rule`: `all` counts a citizen once in the whole campaign, `daily` once each Shanghai day.
    """

    slug: str
    title: str
    state: State
    opens_at: int
    closes_at: int
    activities: tuple[Activity, ...]
    period_rule: PeriodRule = "all"
    shards: int = 1
    demo: bool = False
    free_words: bool = False
    presets: tuple[str, ...] = ()
    theme: dict[str, Any] = field(default_factory=dict)
    share: dict[str, str] = field(default_factory=dict)
    organiser: dict[str, str] = field(default_factory=dict)

    def activity_index(self, code: str) -> int | None:
        """The activity's bit, or None for an unknown code."""
        return next((i for i, activity in enumerate(self.activities) if activity.code == code), None)
