"""The shapes of answers, for the interface's document alone: what a verb answers is written where it answers."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from handlers.openapi_switches import PublicSwitches
from server.campaign_templates import Template
from server.menus import Layout
from server.quotas import Quota
from server.reachability import Check
from server.reply_rules import Trigger
from server.wechat.messages import Reply


class ErrorDetail(Struct):
    code: str
    message: str
    request_id: str
    field: str | None = None


class Error(Struct):
    error: ErrorDetail


class AccountView(Struct):
    appid: str
    role: str
    name: str
    mode: str


class AccountList(Struct):
    items: list[AccountView]
    next: str | None


class Counters(Struct):
    participants: int
    participations: int
    by_activity: dict[str, int]
    by_region: dict[str, int]
    by_minute: list[tuple[str, int]]
    group_reported: int | None
    voids: int
    stale_shards: int
    period: str
    as_of: str
    switches: PublicSwitches
    server_time: str


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
    media: dict[str, Any]
    share: dict[str, str]
    organiser: dict[str, str]
    rules: dict[str, Any]
    demo: bool
    simulated: bool
    switches: PublicSwitches
    pause_reason: str = ""


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


class OpenedData(Struct):
    """`kind` group_share: `data.openGId`; steps: `data.stepInfoList`, a list of `timestamp` and `step`."""

    kind: str
    data: dict[str, Any]


class PhoneView(Struct):
    """`number` is masked."""

    number: str
    purpose: str
    given_at: str


class MiniTarget(Struct):
    page: str
    query: dict[str, str]


class MiniCodeView(MiniTarget):
    appid: str
    scene: str
    name: str
    by: str
    made_at: str


class MiniCodeList(Struct):
    items: list[MiniCodeView]
    next: str | None


class MiniLinkView(MiniTarget):
    id: str
    appid: str
    kind: str
    name: str
    env_version: str
    url: str
    by: str
    made_at: str
    expires_at: str


class MiniLinkList(Struct):
    items: list[MiniLinkView]
    next: str | None


class JsSdkSignature(Struct):
    appId: str
    timestamp: int
    nonceStr: str
    signature: str


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
    rules: dict[str, Any]
    release: int = 0
    pause_reason: str = ""


class CampaignTemplateList(Struct):
    items: list[Template]
    next: str | None


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


class QuotaView(Quota, frozen=True):
    nearly_spent: bool = False


class QuotaList(Struct):
    items: list[QuotaView]
    next: str | None


class QuotaCleared(Struct):
    cleared: bool
    by: str


class FailedRequestView(Struct):
    rid: str
    invoked_at: str
    took_ms: int
    query: str
    body: str
    answer: str
    address: str


class ReachabilityView(Check, frozen=True, kw_only=True):
    api_addresses: list[str]
    callback_addresses: list[str]


class ReplyRule(Struct):
    id: str
    name: str
    trigger: Trigger
    replies: list[Reply]
    builtin: str
    pick: str
    position: int
    enabled: bool
    appid: str
    opens_at: str | None
    closes_at: str | None
    rev: int
    warnings: list[str] = []


class ReplyRuleList(Struct):
    items: list[ReplyRule]
    next: str | None


class MenuVersion(Struct):
    number: int
    layout: Layout
    by: str
    created_at: str
    published_at: str | None
    published_by: str | None = None
    live: bool = False
    warnings: list[str] = []


class MenuVersionList(Struct):
    items: list[MenuVersion]
    next: str | None


class HeldMenu(Struct):
    layout: Layout
    changes: list[str] | None
    warnings: list[str] | None = None


class LinkView(Struct):
    code: str
    path: str
    name: str
    url: str


class LinkList(Struct):
    items: list[LinkView]
    next: str | None


class VisitDay(Struct):
    day: str
    channels: dict[str, int]


class LinkUse(Struct):
    code: str
    path: str
    days: list[VisitDay]


class SceneView(Struct):
    appid: str
    scene: str
    name: str
    url: str
    expires_at: str | None


class SceneList(Struct):
    items: list[SceneView]
    next: str | None


class SceneUse(SceneView):
    days: list[VisitDay]


class MiniCodeUse(MiniCodeView):
    days: list[VisitDay]
