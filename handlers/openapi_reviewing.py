"""The words and shapes of review: the queue, the wall, bans, reports of citizens, source records; as in `openapi_words.py`."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from handlers.openapi_terms import CITIZEN, HTML, NO_CAMPAIGN, NO_STAFF, NO_STAFF_CHANGE, NO_STAFF_FRESH, NO_TOKEN, STAFF, Answer, Words
from server.reviewing.reasons import Reason, Reasons
from server.reviewing.rules import Rules


class HitView(Struct):
    start: int
    end: int
    word: str
    list: str


class PartView(Struct):
    name: str
    label: str
    text: str
    hits: list[HitView]


class HolderView(Struct):
    name: str
    until: str


class ReviewItem(Struct):
    kind: str
    kind_name: str
    id: str
    at: str
    state: str
    state_name: str
    parts: list[PartView]
    pictures: list[str]
    words: list[dict[str, str]]
    machine: dict[str, Any]
    preset: bool
    hidden: bool
    public: bool
    decided_by: str
    decided_at: str | None
    reason: str
    second_by: str
    waits_for_second: bool
    own: bool
    reports: int
    held_by: HolderView | None


class OwnWordsView(Struct):
    why: str
    text: str
    by: str
    since: str
    until: str | None
    paused: bool


class CountsView(Struct):
    waiting: int
    more: bool
    oldest: str | None
    oldest_seconds: int
    second: int
    complaints: int


class WaitsView(CountsView):
    slug: str
    title: str


class WaitsList(Struct):
    items: list[WaitsView]
    next: None


class ReviewQueue(Struct):
    items: list[ReviewItem]
    next: str | None
    counts: CountsView | None
    kinds: dict[str, str]
    own_words: OwnWordsView | None


class ReviewItemList(Struct):
    items: list[ReviewItem]
    next: str | None


class RuledView(Struct):
    kind: str
    id: str
    done: bool
    code: str
    message: str


class RuledList(Struct):
    items: list[RuledView]
    next: None


class EventView(Struct):
    at: str
    what: str
    text: str
    by: str
    detail: str


class ItemLife(Struct):
    item: ReviewItem
    events: list[EventView]


class LockView(Struct):
    until: str | None


class RulesView(Struct):
    rules: Rules
    own_words: OwnWordsView | None


class BanView(Struct):
    id: str
    everywhere: bool
    citizen: str
    until: str | None
    for_good: bool
    holds: bool
    reason: str
    by: str
    at: str
    item: str
    appeal: str
    lifted_by: str
    lifted_at: str | None


class BanList(Struct):
    items: list[BanView]
    next: str | None


class CaseView(Struct):
    kind: str
    id: str
    count: int
    fresh: int
    first_at: str
    last_at: str
    open: bool
    answer: str
    answered_by: str
    answered_at: str | None
    upheld: bool


class CaseItem(CaseView):
    item: ReviewItem | None
    reasons: list[dict[str, str]]


class CaseList(Struct):
    items: list[CaseItem]
    next: str | None


class OpeningView(Struct):
    id: str
    campaign: str
    kind: str
    item: str
    reason: str
    asked_by: str
    asked_at: str
    state: str
    state_name: str
    decided_by: str
    decided_at: str | None
    open_until: str | None


class OpenedView(OpeningView):
    source: dict[str, Any]


class OpeningList(Struct):
    items: list[OpeningView]
    next: str | None


class ReasonList(Struct):
    items: list[Reason]
    next: None


class OwnWordsOfHers(Struct):
    items: list[dict[str, str]]
    complaints: list[dict[str, Any]]
    ban: str


_CURSOR = {"cursor": "上一页的 next"}
_NO_ITEM = {404: ("CAMPAIGN_NOT_FOUND", "ITEM_NOT_FOUND", "UNKNOWN_KIND")}
_REASON = ("INVALID_BODY", "REASON_MISSING", "REASON_TOO_LONG", "UNKNOWN_REASON")
_CAMPAIGN, _ITEMS = "/api/v1/staff/campaigns/{slug}", "/api/v1/staff/campaigns/{slug}/items"
_ITEM = _ITEMS + "/{kind}/{id}"


def _staff(text: str, shape: Any, refusals: dict[int, tuple[str, ...]], query: dict[str, str] | None = None, status: int = 200) -> Words:
    return Words("工作人员", text, {status: Answer("结果", shape)}, refusals, query or {}, needs=STAFF)


WORDS: dict[tuple[str, str], Words] = {
    ("get", "/api/v1/campaigns/{slug}/messages/me"): Words(
        "活动", "我的寄语审核到哪一步、未通过的原因、举报的答复", {200: Answer("我的", OwnWordsOfHers)}, {**NO_TOKEN, **NO_CAMPAIGN},
        needs=CITIZEN),
    ("get", "/api/v1/campaigns/{slug}/complaints"): Words("活动", "举报的原因表", {200: Answer("原因", ReasonList)}, NO_CAMPAIGN),
    ("post", "/api/v1/campaigns/{slug}/complaints"): Words(
        "活动", "举报一条公开的内容，必须选原因；每人对每条一次，每天 20 次", {201: Answer("已收到")},
        {**NO_TOKEN, **_NO_ITEM, 409: ("ALREADY_REPORTED",), 422: _REASON, 429: ("TOO_MANY_COMPLAINTS",)}, needs=CITIZEN),
    ("get", _ITEMS): _staff(
        "审核队列：寄语、姓名、照片在一起，最早的在前，标出命中词与所在词库、机审结果、谁正在看；第一页附数量与最长等待", ReviewQueue,
        {**NO_STAFF, 404: ("CAMPAIGN_NOT_FOUND", "UNKNOWN_KIND"), 422: ("UNKNOWN_LIST",)},
        {**_CURSOR, "list": "waiting（待审）、second（复看）、decided（处理记录）或 machine:block 等机审结果", "kind": "只看一类"}),
    ("post", _ITEMS + "/decisions"): _staff(
        "通过或退回至多 50 条，逐条给出结果：ITEM_HELD（别人正在看）、ITEM_DECIDED（已被处理）不影响其他条", RuledList,
        {**NO_STAFF_CHANGE, **NO_CAMPAIGN, 422: (*_REASON, "TOO_MANY_ITEMS")}),
    ("get", _ITEMS + "/public"): _staff("公开的内容，最新的在前；text 按看起来的样子搜索", ReviewItemList,
                                         {**NO_STAFF, 404: ("CAMPAIGN_NOT_FOUND", "UNKNOWN_KIND")},
                                         {**_CURSOR, "kind": "只看一类", "text": "搜索的文字"}),
    ("post", _ITEMS + "/take-downs"): _staff("立即从墙、大屏、海报与缓存撤下至多 50 条，逐条给出结果", RuledList,
                                              {**NO_STAFF_CHANGE, **NO_CAMPAIGN, 422: (*_REASON, "TOO_MANY_ITEMS")}),
    ("get", _CAMPAIGN + "/review-rules"): _staff("本活动的审核规则，以及是否已改为只用现成寄语", RulesView, {**NO_STAFF, **NO_CAMPAIGN}),
    ("put", _CAMPAIGN + "/review-rules"): _staff("按所见的 rev 更新审核规则", Rules, {
        **NO_STAFF_CHANGE, **NO_CAMPAIGN, 409: ("RULES_CHANGED",), 422: ("INVALID_BODY", "RULES_WRONG")}),
    ("put", _CAMPAIGN + "/own-words"): _staff("手动改为只用现成寄语，或恢复自己写（一小时内不再自动切换）", OwnWordsView, {
        **NO_STAFF_CHANGE, **NO_CAMPAIGN, 422: ("INVALID_BODY",)}),
    ("get", _ITEM): _staff("一条内容与它的经过", ItemLife, {**NO_STAFF, **_NO_ITEM}),
    ("put", _ITEM + "/lock"): _staff("声明正在看这一条，一分钟内别人会看到", LockView, {
        **NO_STAFF_CHANGE, **_NO_ITEM, 409: ("ITEM_HELD",)}),
    ("delete", _ITEM + "/lock"): Words("工作人员", "不再看这一条", {204: Answer("已放开")}, NO_STAFF_CHANGE, needs=STAFF),
    ("put", _ITEM + "/second-look"): _staff("复看：另一位审核员确认或撤下", ReviewItem, {
        **NO_STAFF_CHANGE, 403: (*NO_STAFF_CHANGE[403], "OWN_DECISION"), 404: (*_NO_ITEM[404], "ITEM_DECIDED"), 422: _REASON}),
    ("get", _ITEM + "/alike"): _staff("相同或相近的内容，最相近的在前", ReviewItemList, {**NO_STAFF, **_NO_ITEM}),
    ("get", _ITEM + "/case.{form}"): Words(
        "工作人员", "事件包：一条内容的全部经过，ZIP（JSON、可打印网页、摘要）或网页；来源记录只在两人同意的时段内附上",
        {200: Answer("文件", media="application/zip")}, {**NO_STAFF, **_NO_ITEM}, needs=STAFF),
    ("get", _CAMPAIGN + "/bans"): _staff("禁言名单，最新的在前；市民编号已遮盖", BanList, {**NO_STAFF, **NO_CAMPAIGN},
                                         {**_CURSOR, "everywhere": "1 看所有活动的禁言"}),
    ("post", _CAMPAIGN + "/bans"): _staff("禁止一条内容的作者再写自己的话，敬礼与现成寄语不受影响", BanView, {
        **NO_STAFF_CHANGE, **_NO_ITEM, 422: (*_REASON, "BAN_DAYS_WRONG")}, status=201),
    ("put", _CAMPAIGN + "/bans/{id}"): _staff("记下申诉与处理意见，也可以解除禁言", BanView, {
        **NO_STAFF_CHANGE, 404: ("BAN_NOT_FOUND",), 409: ("BAN_CHANGED",), 422: ("INVALID_BODY", "APPEAL_NOTE_MISSING")}),
    ("get", _CAMPAIGN + "/complaints"): _staff("市民的举报，等得最久的在前；不显示举报人", CaseList,
                                               {**NO_STAFF, 404: ("CAMPAIGN_NOT_FOUND", "UNKNOWN_KIND")},
                                               {**_CURSOR, "all": "1 看全部，最新的在前"}),
    ("put", _CAMPAIGN + "/complaints/{kind}/{id}"): _staff("答复举报；成立的同时撤下", CaseView, {
        **NO_STAFF_CHANGE, **_NO_ITEM, 409: ("CASE_ANSWERED",), 422: ("INVALID_BODY", "ANSWER_MISSING")}),
    ("get", _CAMPAIGN + "/source-openings"): _staff("查看来源记录的申请，最新的在前", OpeningList, {**NO_STAFF, **NO_CAMPAIGN}, _CURSOR),
    ("post", _CAMPAIGN + "/source-openings"): _staff("申请查看一条内容的来源记录，写明原因", OpeningView, {
        **NO_STAFF_FRESH, 404: ("CAMPAIGN_NOT_FOUND", "SOURCE_RECORD_GONE"), 422: ("INVALID_BODY", "REASON_MISSING")}, status=201),
    ("get", _CAMPAIGN + "/source-openings/{id}"): _staff("一次申请到了哪一步", OpeningView, {**NO_STAFF, 404: ("OPENING_NOT_FOUND",)}),
    ("put", _CAMPAIGN + "/source-openings/{id}"): _staff("第二人同意或不同意", OpeningView, {
        **NO_STAFF_FRESH, 403: (*NO_STAFF_FRESH[403], "SECOND_PERSON_NEEDED"), 404: ("OPENING_NOT_FOUND",), 409: ("OPENING_DECIDED",),
        422: ("INVALID_BODY",)}),
    ("get", _CAMPAIGN + "/source-openings/{id}/record"): _staff(
        "来源记录，同意后半小时内由申请人或同意人查看，每次都记入审计日志", OpenedView, {
        **NO_STAFF, 404: ("OPENING_NOT_FOUND", "SOURCE_RECORD_GONE", "SOURCE_RECORD_SEALED"), 409: ("SOURCE_RECORD_SHUT",)}),
    ("get", "/api/v1/staff/review-counts"): _staff("各活动还有多少等待审核、复看和答复举报", WaitsList, NO_STAFF),
    ("get", "/api/v1/staff/review-reasons"): _staff("退回、禁言、举报的原因表", Reasons, NO_STAFF),
    ("put", "/api/v1/staff/review-reasons"): _staff("按所见的 rev 更新原因表", Reasons, {
        **NO_STAFF_CHANGE, 409: ("REASONS_CHANGED",), 422: ("INVALID_BODY", "REASONS_WRONG")}),
    ("get", "/c/{slug}/wall"): Words("页面", "寄语墙，每条可举报", {200: Answer("网页", media=HTML)}, NO_CAMPAIGN, _CURSOR),
    ("get", "/c/{slug}/mine"): Words("页面", "我的寄语与举报", {200: Answer("网页", media=HTML), 302: Answer("去登录")},
                                     {**NO_TOKEN, **NO_CAMPAIGN}),
    ("get", "/c/{slug}/report/{kind}/{id}"): Words("页面", "举报一条内容", {200: Answer("网页", media=HTML), 302: Answer("去登录")},
                                                   {**NO_TOKEN, **_NO_ITEM}),
    ("post", "/c/{slug}/report/{kind}/{id}"): Words(
        "页面", "提交举报", {200: Answer("网页", media=HTML)},
        {**NO_TOKEN, **_NO_ITEM, 413: ("BODY_TOO_LARGE",), 422: _REASON[1:], 429: ("TOO_MANY_COMPLAINTS",)}),
}
