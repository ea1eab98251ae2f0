"""The words and shapes of the wall: its kiosk links, its ceremony, its map, and what it asks for."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from handlers.openapi_shapes import StaffCampaign
from handlers.openapi_terms import HTML, NO_CAMPAIGN, NO_STAFF, NO_STAFF_CHANGE, STAFF, Answer, Words


class Named(Struct):
    code: str
    name: str


class Titled(Struct):
    code: str
    title: str


class UnitsTakingPart(Struct):
    """How many schools and offices there are, and how many have a participant; never which."""

    total: int
    taking_part: int | None


class Armed(Struct):
    is_armed: bool


class MapShown(Struct):
    number: str
    url: str
    width: int
    height: int


class ScreenView(Struct):
    """`by_link`: opened by a kiosk link."""

    slug: str
    title: str
    state: str
    period_rule: str
    opens_at: str
    closes_at: str
    server_time: str
    organiser: str
    demo: bool
    simulated: bool
    pause_reason: str
    regions: list[Named]
    units: UnitsTakingPart
    switches: dict[str, Any]
    by_link: bool


class WallView(ScreenView):
    """`yesterday`: [time, new participants] of the same minutes a day before."""

    kind: str
    activities: list[Titled]
    yesterday: list[tuple[str, int]]
    ceremony: Armed
    map: MapShown | None


class FiguresNow(Struct):
    participants: int
    participations: int
    by_region: dict[str, int]
    group_reported: int | None
    stale_shards: int
    as_of: str
    today: int
    last_hour: int
    yesterday: int | None


class PhoneView(ScreenView):
    """`figures` null: not begun."""

    figures: FiguresNow | None


class KioskView(Struct):
    id: str
    campaign: str
    view: str
    view_name: str
    label: str
    by: str
    made_at: str
    expires_at: str
    seen_at: str | None
    revoked_at: str | None
    revoked_by: str
    is_open: bool


class KioskMade(KioskView):
    """`url` and `qr`, a data: address, are told this once."""

    url: str
    qr: str


class KioskList(Struct):
    items: list[KioskView]
    next: str | None


class CeremonyView(Struct):
    is_armed: bool
    armed_by: str
    armed_at: str | None
    pressed_by: str
    pressed_at: str | None
    state: str
    opens_at: str
    may_press: bool


class WallMapView(Struct):
    number: str
    type: str
    width: int
    height: int
    bytes: int
    by: str
    at: str


class StaffMap(Struct):
    map: WallMapView | None


LOOK = {**NO_STAFF, 403: (*NO_STAFF[403], "KIOSK_CLOSED")}
CAMPAIGN, SCREEN = "/api/v1/staff/campaigns/{slug}", "/api/v1/screens/{slug}"


def staff(text: str, answer: Answer, refusals: dict[int, tuple[str, ...]] | None = None, *, changes: bool = False, status: int = 200,
          query: dict[str, str] | None = None) -> Words:
    base: dict[Any, Any] = NO_STAFF_CHANGE if changes else NO_STAFF
    return Words("工作人员", text, {status: answer}, {**base, **NO_CAMPAIGN, **(refusals or {})}, query or {}, needs=STAFF)


WORDS: dict[tuple[str, str], Words] = {
    ("get", SCREEN): Words("实时", "大屏在实时计数之外需要的一切；工作人员登录，或持有大屏链接的设备",
                           {200: Answer("大屏", WallView)}, {**LOOK, **NO_CAMPAIGN}, needs=STAFF),
    ("get", f"{SCREEN}/now"): Words("实时", "现在多少了：合计、今日、近一小时、各区县（行政顺序），一次答全",
                                    {200: Answer("手机一览", PhoneView)},
                                    {**LOOK, **NO_CAMPAIGN, 503: ("STORE_UNAVAILABLE",)}, needs=STAFF),
    ("get", f"{SCREEN}/map"): Words("实时", "管理员上传的标准地图，原样", {200: Answer("图片", media="image/png")}, {
                                    **LOOK, 404: ("MAP_NOT_FOUND",)}, needs=STAFF),
    ("get", "/k/{ticket}"): Words("页面", "打开大屏链接：只读，到期或停用后显示说明",
                                  {302: Answer("转到大屏或手机一览")}, {403: ("KIOSK_CLOSED",)}),
    ("get", "/screen/{slug}/now"): Words("页面", "领导手机一览", {200: Answer("网页", media=HTML)}, NO_CAMPAIGN),
    ("get", f"{CAMPAIGN}/kiosks"): staff("大屏链接清单，含已停用的；不含地址", Answer("清单", KioskList)),
    ("post", f"{CAMPAIGN}/kiosks"): staff(
        "新建大屏链接：只读、到期自动失效、可停用；地址与二维码只给这一次", Answer("链接", KioskMade),
        {409: ("KIOSKS_FULL",), 422: ("INVALID_BODY", "UNKNOWN_VIEW", "LABEL_WRONG", "DAYS_WRONG")}, changes=True, status=201),
    ("delete", f"{CAMPAIGN}/kiosks/{{id}}"): staff(
        "停用大屏链接：已打开的大屏几秒内变暗", Answer("链接", KioskView), {404: ("KIOSK_NOT_FOUND",)}, changes=True),
    ("get", f"{CAMPAIGN}/ceremony"): staff("启动仪式：大屏是否在等待按下", Answer("启动仪式", CeremonyView)),
    ("put", f"{CAMPAIGN}/ceremony"): staff(
        "大屏进入或退出启动仪式；没有人按下时活动仍按计划时间开始", Answer("启动仪式", CeremonyView),
        {409: ("CEREMONY_NOT_POSSIBLE",), 422: ("INVALID_BODY",)}, changes=True),
    ("post", f"{CAMPAIGN}/ceremony/opening"): staff(
        "按下启动：活动开始；重复按下不会重复开始", Answer("活动", StaffCampaign),
        {409: ("CEREMONY_NOT_ARMED", "CEREMONY_TOO_EARLY", "NOT_READY_TO_OPEN", "REVIEW_REQUIRED", "CAMPAIGN_CHANGED",
               "TRANSITION_REFUSED")}, changes=True),
    ("get", f"{CAMPAIGN}/wall-map"): staff("大屏上的标准地图", Answer("地图，没有时为空", StaffMap), {}),
    ("put", f"{CAMPAIGN}/wall-map"): staff(
        "上传未经改动的标准地图（正文为图片）；必须写明审图号", Answer("地图", WallMapView),
        {413: ("BODY_TOO_LARGE",), 422: ("MAP_NUMBER_MISSING", "MAP_WRONG")}, changes=True,
        query={"number": "审图号，例如 GS(2023)2767号"}),
    ("delete", f"{CAMPAIGN}/wall-map"): staff("大屏不再显示地图", Answer("没有内容"), {404: ("MAP_NOT_FOUND",)}, changes=True, status=204),
}
