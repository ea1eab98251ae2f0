"""The words and shapes of switches, as in `openapi_words.py` and `openapi_shapes.py`."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from handlers.openapi_terms import NO_CAMPAIGN, NO_STAFF, NO_STAFF_CHANGE, NO_STAFF_FRESH, STAFF, Answer, Words


class PublicSwitches(Struct):
    """`mourning`: the words that pages show while they mourn."""

    slow_mode: bool
    wall_frozen: bool
    ticker_hidden: bool
    messages_closed: bool
    mourning: str | None


class SwitchView(Struct):
    """`since` null: it was never turned."""

    name: str
    title: str
    on: bool
    text: str
    until: str | None
    by: str
    since: str | None
    reason: str


class CampaignSwitches(Struct):
    rev: int
    items: list[SwitchView]
    next: str | None


class ProductSwitches(Struct):
    """`base_url`: the address in force."""

    rev: int
    items: list[SwitchView]
    next: str | None
    hosts: list[str]
    base_url: str


WRONG = ("INVALID_BODY", "SWITCH_REASON_MISSING", "SWITCH_TEXT_WRONG", "SWITCH_UNTIL_WRONG", "UNKNOWN_HOST", "CONFIRMATION_WRONG")
CAMPAIGN = "/api/v1/staff/campaigns/{slug}/switches"
CHANGED: dict[Any, Any] = {409: ("SWITCHES_CHANGED",), 422: WRONG}

WORDS: dict[tuple[str, str], Words] = {
    ("get", CAMPAIGN): Words(
        "工作人员", "一个活动的开关：慢速模式、冻结大屏、隐藏滚动寄语、关闭留言与照片、哀悼、大屏排名；谁、何时、为什么",
        {200: Answer("开关", CampaignSwitches)}, {**NO_STAFF, **NO_CAMPAIGN}, needs=STAFF),
    ("put", f"{CAMPAIGN}/{{switch}}"): Words(
        "工作人员", "拨动一个开关，两秒内在所有进程生效；要写明原因，记入审计日志；打开大屏排名要在 confirm 里输入活动代码",
        {200: Answer("开关", CampaignSwitches)},
        {**NO_STAFF_CHANGE, 404: ("CAMPAIGN_NOT_FOUND", "UNKNOWN_SWITCH"), **CHANGED}, needs=STAFF),
    ("get", "/api/v1/staff/switches"): Words(
        "工作人员", "全系统的开关：维护页、对外域名；以及可以选择的域名", {200: Answer("开关", ProductSwitches)}, NO_STAFF, needs=STAFF),
    ("put", "/api/v1/staff/switches/{switch}"): Words(
        "工作人员", "打开或关闭维护页（confirm 输入“维护”），或选择今后新生成的链接与二维码使用的域名（confirm 输入该域名）",
        {200: Answer("开关", ProductSwitches)}, {**NO_STAFF_FRESH, 404: ("UNKNOWN_SWITCH",), **CHANGED}, needs=STAFF),
}
