"""The shapes of answers, for the interface's document alone: what a verb answers is written where it answers."""

from __future__ import annotations

from typing import Any

from msgspec import Struct


class ErrorDetail(Struct):
    code: str
    message: str
    request_id: str
    field: str | None = None


class Error(Struct):
    error: ErrorDetail


class ParticipationRecord(Struct):
    ordinal: int
    first: bool
    activities: list[str]
    participated_at: str
    durable: bool
    receipt: str
    period: str


class Counters(Struct):
    participants: int
    participations: int
    by_activity: dict[str, int]
    by_region: dict[str, int]
    by_minute: list[tuple[str, int]]
    group_reported: int
    voids: int
    stale_shards: int
    period: str
    as_of: str


class CampaignItem(Struct):
    slug: str
    title: str
    state: str
    opens_at: str
    closes_at: str


class CampaignList(Struct):
    items: list[CampaignItem]
    next: str | None


class ActivityView(Struct):
    code: str
    title: str
    verb: str
    children: bool


class RegionView(Struct):
    code: str
    name: str
    initials: str
    parent: str
    order: int
    own: bool


class CampaignView(CampaignItem):
    period_rule: str
    period: str
    server_time: str
    activities: list[ActivityView]
    regions: list[RegionView]
    form: dict[str, bool]
    presets: list[dict[str, str]]
    theme: dict[str, Any]
    share: dict[str, str]
    organiser: dict[str, str]
    demo: bool
    simulated: bool


class UnitView(Struct):
    code: str
    name: str
    initials: str


class UnitPage(Struct):
    items: list[UnitView]
    next: str | None


class MiniProgramToken(Struct):
    token: str
    expires_in: int


class JsSdkSignature(Struct):
    appId: str
    timestamp: int
    nonceStr: str
    signature: str


class Member(Struct):
    name: str
    role: str
    csrf: str


class StaffCampaign(Struct):
    slug: str
    title: str
    state: str
    opens_at: str
    closes_at: str
    kind: str
    period_rule: str
    shards: int
    demo: bool
    free_words: bool
    activities: list[ActivityView]
    presets: list[dict[str, str]]
    theme: dict[str, Any]
    share: dict[str, str]
    organiser: dict[str, str]


class StaffCampaignList(Struct):
    items: list[StaffCampaign]
    next: str | None


class JournalView(Struct):
    """`backlog` and `journal_bytes` are null while the shard does not answer. `alarm`: half full or fuller."""

    shard: str
    epoch: int
    carried_by: str
    max_changes: int
    drained_per_second: float
    ready: bool
    backlog: int | None
    journal_bytes: int | None
    alarm: bool


class PoisonView(Struct):
    """A change that MongoDB refused, or that never reached it; the audit fails until a person settles it."""

    shard: str
    change: str
    row: str
    reason: str
    at: str


class ConflictView(Struct):
    """Two ordinals for one participation: the document's stands."""

    shard: str
    participation: str
    stands: int
    at: str


class JournalList(Struct):
    items: list[JournalView]
    poison: list[PoisonView]
    conflicts: list[ConflictView]
    next: str | None


class Alive(Struct):
    status: str


class StoreAnswer(Struct):
    ok: bool
    milliseconds: float
    problem: str


class Readiness(Struct):
    status: str
    stores: dict[str, StoreAnswer] | None = None


class Build(Struct):
    name: str
    version: str
    commit: str
