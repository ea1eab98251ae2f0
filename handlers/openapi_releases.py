"""The words and shapes of drafts, reviews and releases, as in `openapi_words.py` and `openapi_shapes.py`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from handlers.openapi_shapes import StaffCampaign
from handlers.openapi_terms import HTML, NO_CAMPAIGN, NO_STAFF, NO_STAFF_CHANGE, STAFF, Answer, Words
from server.releases.guide import GuideStep
from server.releases.readiness import Item
from server.releases.record import Step
from server.releases.wording import Finding, Rule


class ContentView(Struct):
    title: str
    opens_at: str | None
    closes_at: str | None
    kind: str
    period_rule: str
    free_words: bool
    activities: list[dict[str, Any]]
    presets: list[dict[str, str]]
    theme: dict[str, Any]
    share: dict[str, str]
    organiser: dict[str, str]
    rules: dict[str, Any]


class ChangeView(Struct):
    field: str
    name: str
    before: str
    after: str


class DecisionView(Struct):
    step: int
    name: str
    by: str
    at: str
    verdict: str
    comment: str
    issued_by: str


class ReviewView(Struct):
    state: str
    state_name: str
    round: int
    revision: int
    hash: str
    submitted_by: str
    submitted_at: str | None
    steps: list[Step]
    step: str
    decisions: list[DecisionView]


class TimedView(Struct):
    at: str
    by: str
    revision: int
    hash: str
    confirmed: list[str]
    problem: str


class DraftView(Struct):
    slug: str
    kind: str
    rev: int
    content: ContentView
    changes: list[ChangeView]
    authors: list[str]
    edited_by: str
    edited_at: str | None
    review: ReviewView
    release: TimedView | None
    state: str
    reason: str
    editing: list[str] = []
    clashes: list[str] = []


class DraftSaved(Struct):
    rev: int
    saved_at: str
    restarted: bool
    editing: list[str]


class EditingView(Struct):
    editing: list[str]


class RevisionNumber(Struct):
    revision: int


class RevisionView(Struct):
    number: int
    hash: str
    by: str
    at: str | None
    occasion: str
    occasion_name: str
    note: str
    title: str
    released_by: str
    released_at: str | None


class RevisionList(Struct):
    items: list[RevisionView]
    next: str | None


class WholeRevision(RevisionView):
    content: ContentView
    changes: list[ChangeView]
    reviews: list[ReviewView]


class StepsView(Struct):
    steps: list[Step]


class WaitingView(Struct):
    slug: str
    kind: str
    title: str
    review: ReviewView


class WaitingList(Struct):
    items: list[WaitingView]
    next: str | None


class ReviewLinkView(Struct):
    url: str
    qr: str
    person: str
    expires_at: str


class FindingList(Struct):
    items: list[Finding]
    next: str | None


class ChecklistView(Struct):
    items: list[Item]
    ready: bool
    guide: list[GuideStep]
    next: str | None


class CorrectionList(Struct):
    items: list[DraftView]
    next: str | None


class PreviewView(Struct):
    url: str
    qr: str
    revision: int
    expires_at: str


class Cancelled(Struct):
    """`release` or `campaign`."""

    cancelled: str


class BinList(Struct):
    items: list[StaffCampaign]
    next: str | None


class WordingView(Struct):
    rules: list[Rule]
    off: list[str]
    rev: int
    built_in: list[Rule]


def staff(text: str, answer: Any, refusals: Mapping[int, tuple[str, ...]] | None = None, status: int = 200, **more: Any) -> Words:
    """A verb that changes something."""
    good = Answer("结果", answer) if answer is not None else Answer("已完成")
    return Words("工作人员", text, {status: good}, {**NO_STAFF_CHANGE, **NO_CAMPAIGN, **(refusals or {})}, needs=STAFF, **more)


def reads(text: str, answer: Any, refusals: Mapping[int, tuple[str, ...]] | None = None, **more: Any) -> Words:
    return Words("工作人员", text, {200: Answer("结果", answer)}, {**NO_STAFF, **NO_CAMPAIGN, **(refusals or {})}, needs=STAFF, **more)


DRAFT_404 = {404: ("CAMPAIGN_NOT_FOUND", "DRAFT_NOT_FOUND")}
REVISION_404 = {404: ("CAMPAIGN_NOT_FOUND", "REVISION_NOT_FOUND")}
MAY_NOT = (*NO_STAFF_CHANGE[403], "AUTHOR_MAY_NOT_REVIEW", "REVIEWED_ALREADY", "NOT_THIS_STEP")
DECIDE = {403: MAY_NOT, 409: ("REVIEW_MOVED_ON",), 422: ("COMMENT_MISSING", "COMMENT_TOO_LONG", "INVALID_BODY")}
LINK = {403: (*MAY_NOT, "LINK_FOR_OTHERS"), 409: ("REVIEW_MOVED_ON",)}
LINK_REFUSALS = {404: ("REVIEW_LINK_UNKNOWN",), 409: ("REVIEW_LINK_USED", "REVIEW_LINK_LATE", "REVIEW_LINK_OUTDATED")}
CAMPAIGN = "/api/v1/staff/campaigns/{slug}"

WORDS: dict[tuple[str, str], Words] = {
    ("delete", CAMPAIGN): staff(
        "把未发布的活动放进回收站，30 天内可以恢复", StaffCampaign, {409: ("CAMPAIGN_PUBLISHED", "CAMPAIGN_CHANGED")}),
    ("get", f"{CAMPAIGN}/draft"): reads("活动的草稿；还没有人编写时是公开内容的副本，rev 为 0", DraftView),
    ("put", f"{CAMPAIGN}/draft"): staff(
        "保存草稿（自动保存）；别人先保存时返回 409，并附双方的版本 mine、theirs 与差异 changes；改动会使审核重新开始、取消定时发布",
        DraftSaved,
        {409: ("DRAFT_CHANGED", "CAMPAIGN_FIXED"), 413: ("BODY_TOO_LARGE",),
         422: ("INVALID_BODY", "PAGE_WRONG", "DRAFT_TOO_LARGE", "RULES_WRONG")}),
    ("delete", f"{CAMPAIGN}/draft"): staff("放弃草稿；内容留在版本里", RevisionNumber, {**DRAFT_404, 409: ("DRAFT_CHANGED",)}),
    ("post", f"{CAMPAIGN}/draft/base"): staff(
        "把草稿之后已公开的改动并入草稿；双方都改过的字段保留草稿的，列在 clashes 里", DraftView, {**DRAFT_404, 409: ("DRAFT_CHANGED",)}),
    ("put", f"{CAMPAIGN}/draft/presence"): staff("表示正在编辑（60 秒内有效），并看到还有谁在编辑", EditingView),
    ("delete", f"{CAMPAIGN}/draft/presence"): staff("表示已离开", None, status=204),
    ("get", f"{CAMPAIGN}/revisions"): reads("草稿的各个版本，最新的在前", RevisionList, query={"cursor": "上一页的 next"}),
    ("post", f"{CAMPAIGN}/revisions"): staff(
        "给当前草稿起名留存", RevisionNumber, {**DRAFT_404, 409: ("DRAFT_CHANGED",), 422: ("INVALID_BODY",)}, 201),
    ("get", f"{CAMPAIGN}/revisions/{{number}}"): reads(
        "一个版本的全部内容、改动与审核经过", WholeRevision, REVISION_404, query={"against": "与哪个版本比较；不写则与公开内容比较"}),
    ("post", f"{CAMPAIGN}/revisions/{{number}}/restore"): staff(
        "把一个版本恢复到草稿", DraftView, {**REVISION_404, 409: ("DRAFT_CHANGED", "CAMPAIGN_FIXED")}),
    ("post", f"{CAMPAIGN}/review"): staff("送审", DraftView, {**DRAFT_404, 409: ("DRAFT_CHANGED", "REVIEW_RUNNING")}, 201),
    ("delete", f"{CAMPAIGN}/review"): staff(
        "撤回送审", DraftView, {**DRAFT_404, 409: ("NOT_IN_REVIEW", "RELEASE_UNDER_WAY", "REVIEW_MOVED_ON")}),
    ("get", f"{CAMPAIGN}/review/steps"): reads("审核步骤；默认初审、复审、终审", StepsView),
    ("put", f"{CAMPAIGN}/review/steps"): staff(
        "设置审核步骤与可审的人（仅管理员），从下一次送审起生效", StepsView, {422: ("STEPS_WRONG",)}),
    ("post", f"{CAMPAIGN}/review/decisions"): staff("通过或退回当前步骤", DraftView, {**DRAFT_404, **DECIDE}),
    ("post", f"{CAMPAIGN}/review/links"): staff(
        "生成手机审核链接：48 小时有效、只能用一次、只对这一步和这一版；管理员可为步骤中写明的人生成", ReviewLinkView,
        {**DRAFT_404, **LINK}, 201),
    ("get", f"{CAMPAIGN}/sign-off"): Words(
        "工作人员", "审签单（A4 打印）", {200: Answer("网页", media=HTML)}, {**NO_STAFF, **REVISION_404, 422: ("INVALID_BODY",)},
        {"revision": "版本号"}, needs=STAFF),
    ("get", f"{CAMPAIGN}/findings"): reads("草稿的用语检查结果", FindingList),
    ("get", f"{CAMPAIGN}/checklist"): reads("发布前检查清单", ChecklistView),
    ("post", f"{CAMPAIGN}/release"): Words(
        "工作人员", "发布审核通过的版本：立即（200）或定时（202，精确到分钟）；提醒要逐项确认",
        {200: Answer("活动", StaffCampaign), 202: Answer("等待发布的草稿", DraftView)},
        {**NO_STAFF_CHANGE, **DRAFT_404, 409: ("REVIEW_REQUIRED", "CONTENT_DIFFERS", "DRAFT_OUTDATED", "NOT_READY_TO_OPEN",
                                               "WARNINGS_UNCONFIRMED", "CAMPAIGN_FIXED", "CAMPAIGN_CHANGED"),
         422: ("RELEASE_TIME_WRONG", "INVALID_BODY")}, needs=STAFF),
    ("delete", f"{CAMPAIGN}/release"): staff(
        "取消定时发布；没有定时发布时，把未开始的活动撤回草稿", Cancelled,
        {409: ("NOTHING_SCHEDULED", "RELEASE_UNDER_WAY", "DRAFT_CHANGED")}),
    ("post", f"{CAMPAIGN}/take-down"): staff(
        "下线：暂停（原因显示在页面上）或截止", StaffCampaign, {409: ("TRANSITION_REFUSED",), 422: ("REASON_MISSING", "INVALID_BODY")}),
    ("get", f"{CAMPAIGN}/corrections"): reads("紧急更正，最新的在前", CorrectionList),
    ("post", f"{CAMPAIGN}/corrections"): staff(
        "提出紧急更正：只改文字和图片，一人核准后立即生效，其余审核人事后补审", DraftView,
        {409: ("CORRECTION_NOT_OPEN", "CORRECTION_LOCKED", "NOT_READY_TO_OPEN", "TOO_MANY_CORRECTIONS"),
         422: ("REASON_MISSING", "NOTHING_CHANGED", "RULES_WRONG", "PAGE_WRONG", "INVALID_BODY")}, 201),
    ("post", f"{CAMPAIGN}/corrections/{{number}}/decisions"): staff(
        "核准、补审或退回一次紧急更正", DraftView, {**DRAFT_404, **DECIDE}),
    ("post", f"{CAMPAIGN}/corrections/{{number}}/links"): staff("紧急更正的手机审核链接", ReviewLinkView, {**DRAFT_404, **LINK}, 201),
    ("post", f"{CAMPAIGN}/previews"): staff(
        "生成预览二维码：30 分钟内由一部手机打开，显示草稿的真实页面，不计数", PreviewView, {**REVISION_404, 422: ("INVALID_BODY",)}, 201),
    ("post", f"{CAMPAIGN}/clone"): staff(
        "复制活动：内容、区县和单位照搬，时间移后若干年，不含任何参与记录", StaffCampaign,
        {409: ("SLUG_TAKEN",), 422: ("INVALID_BODY",)}, 201),
    ("post", f"{CAMPAIGN}/recovery"): staff("从回收站恢复活动", StaffCampaign, {409: ("CAMPAIGN_PUBLISHED", "CAMPAIGN_CHANGED")}),
    ("get", "/api/v1/staff/recycle-bin"): Words("工作人员", "回收站里的活动", {200: Answer("列表", BinList)}, NO_STAFF, needs=STAFF),
    ("get", "/api/v1/staff/reviews"): Words(
        "工作人员", "等待我审核的内容，最早的在前", {200: Answer("列表", WaitingList)}, NO_STAFF, needs=STAFF),
    ("get", "/api/v1/staff/wording"): Words(
        "工作人员", "用语规则：内置、自定义与停用的", {200: Answer("规则", WordingView)}, NO_STAFF, needs=STAFF),
    ("put", "/api/v1/staff/wording"): Words(
        "工作人员", "修改自定义用语规则", {200: Answer("规则", WordingView)},
        {**NO_STAFF_CHANGE, 409: ("WORDING_CHANGED",), 413: ("BODY_TOO_LARGE",), 422: ("WORDING_WRONG", "INVALID_BODY")}, needs=STAFF),
    ("get", "/review/{ticket}"): Words("页面", "手机审核页：内容、改动与通过、退回", {200: Answer("网页", media=HTML)}, LINK_REFUSALS),
    ("post", "/review/{ticket}"): Words(
        "页面", "在手机审核页上通过或退回（表单 verdict、comment）", {200: Answer("网页", media=HTML)},
        {403: MAY_NOT[2:], **LINK_REFUSALS, 413: ("BODY_TOO_LARGE",), 422: ("COMMENT_MISSING", "COMMENT_TOO_LONG", "INVALID_BODY")}),
}
