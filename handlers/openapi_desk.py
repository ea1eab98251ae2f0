"""Words and shapes of the WeChat desk: what is warned of, keys of the menu, batches of notices; and what any call that goes on to the
platform may be refused with."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from msgspec import Struct

from handlers.openapi_terms import NO_ACCOUNT, NO_STAFF, STAFF, Answer, Words
from server.references import AnsweredKey
from server.wechat.messages import Reply

ACCOUNTS = "/api/v1/staff/accounts/{appid}/"


class KeyList(Struct):
    items: list[AnsweredKey]
    next: str | None


class NoticeItem(Struct):
    """`shown`: the words as citizens read them."""

    id: str
    kind: str
    appid: str
    template_id: str
    data: dict[str, str]
    page: str
    by: str
    created_at: str
    shown: dict[str, str]


class NoticeList(Struct):
    items: list[NoticeItem]
    next: str | None


class NoticeErrors(Struct):
    """Why notices did not arrive; `citizens`: some of those whom it concerns."""

    errcode: int
    count: int
    words: str
    citizens: list[int]


class NoticeProgress(NoticeItem):
    states: dict[str, int]
    words: dict[str, str]
    errors: list[NoticeErrors]


class KeptBatch(Struct):
    id: str
    new: int
    shown: dict[str, str]
    warnings: list[str]


class PassedRule(Struct):
    rule: str
    name: str
    set_off_by: str
    why: str


class TrialAnswer(Struct):
    """`said`: what citizens would read; none where it `is_personal`: each reads her own figures."""

    rule: str | None
    name: str | None
    set_off_by: str
    builtin: str | None
    pick: str
    said: list[Reply]
    is_personal: bool
    passed: list[PassedRule]


WORDS: dict[tuple[str, str], Words] = {
    ("get", f"{ACCOUNTS}menus/keys"): Words(
        "工作人员",
        "最新一版菜单的 key 与系统自带的 key（campaign、mine、total），各由哪条规则或哪个自带回复回答；都为空表示点了没有反应",
        {200: Answer("key", KeyList)},
        {**NO_STAFF, **NO_ACCOUNT},
        needs=STAFF,
    ),
    ("get", "/api/v1/staff/notices"): Words(
        "工作人员", "通知批次，最新的在前", {200: Answer("列表", NoticeList)}, NO_STAFF, {"cursor": "上一页的 next"}, needs=STAFF
    ),
}

# What the platform may say to any call, beside what each route names; a quota that is spent and settings that are wrong among them.
REFUSED: dict[int, tuple[str, ...]] = {
    403: ("WECHAT_NOT_PERMITTED",),
    502: ("WECHAT_REFUSED", "WECHAT_ANSWER_UNTRUSTED"),
    503: ("WECHAT_UNREACHABLE", "WECHAT_BUSY", "WECHAT_RATE_LIMITED", "WECHAT_QUOTA_SPENT", "WECHAT_MISCONFIGURED"),
}
# Of the accounts' routes, those that are answered from what is kept here.
KEPT_HERE = {("get", ACCOUNTS + name) for name in (
    "menus", "menus/keys", "materials", "materials/{media_id}", "drafts/{media_id}/publication", "drafts/{media_id}/mass-send",
    "publications", "mass-sends", "mass-sends/quota", "followers", "followers/{citizen}", "followers/refresh", "followers/move",
    "tags/{tag}/followers", "scenes", "scenes/{scene}", "scenes/{scene}.png", "mini-codes", "mini-codes/{scene}", "mini-links")} | {
    ("post", ACCOUNTS + "followers/refresh"), ("post", ACCOUNTS + "followers/move")}
# Rules and notices name accounts and materials as well.
ASKS_TOO = {("post", "/api/v1/staff/reply-rules"), ("put", "/api/v1/staff/reply-rules/{id}")}


def with_platform(words: dict[tuple[str, str], Words]) -> dict[tuple[str, str], Words]:
    """Every route that goes on to the platform names what the platform may refuse it with."""
    asks = {key for key in words if key[1].startswith(ACCOUNTS) and key not in KEPT_HERE} | ASKS_TOO
    return {key: replace(one, refusals=_joined(one.refusals, REFUSED)) if key in asks else one for key, one in words.items()}


def _joined(some: Any, others: dict[int, tuple[str, ...]]) -> dict[int, tuple[str, ...]]:
    return {status: tuple(dict.fromkeys((*some.get(status, ()), *others.get(status, ())))) for status in sorted({*some, *others})}
