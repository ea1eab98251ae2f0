"""The words and shapes of bulletins, milestones and the duty log, as in `openapi_words.py` and `openapi_shapes.py`."""

from __future__ import annotations

from msgspec import Struct

from handlers.openapi_terms import NO_CAMPAIGN, NO_STAFF, NO_STAFF_CHANGE, STAFF, Answer, Words
from handlers.streams import CSV


class BulletinView(Struct):
    number: int
    kind: str
    by: str
    at: str
    as_of: str
    demo: bool
    participants: int
    text: str
    picture: str
    picture_bytes: int
    telling: str
    picture_url: str


class BulletinList(Struct):
    items: list[BulletinView]
    next: str | None


class BulletinSettingsView(Struct):
    hourly: bool
    first_hour: int
    last_hour: int
    to_robots: bool
    milestones: list[int]
    rev: int
    has_robots: bool


class MilestoneView(Struct):
    value: int
    passed_at: str | None
    known_below_at: str | None


class MilestoneList(Struct):
    items: list[MilestoneView]
    next: str | None


class DutyEntryView(Struct):
    id: str
    at: str
    author: str
    kind: str
    kind_name: str
    text: str
    to: str
    refers: str


class DutySeenView(DutyEntryView):
    corrections: list[DutyEntryView]
    acknowledged: DutyEntryView | None


class DutyPage(Struct):
    items: list[DutySeenView]
    next: str | None
    today: str
    open_handovers: list[DutyEntryView]
    people: list[str]


class DutyCurve(Struct):
    day: str
    begins: str
    ends: str
    minutes: list[list[int]]


CAMPAIGN = "/api/v1/staff/campaigns/{slug}"
BULLETINS, DUTY = f"{CAMPAIGN}/bulletins", f"{CAMPAIGN}/duty-log"
CURSOR, DAY = {"cursor": "上一页的 next"}, {"day": "20261001 这样的日期；不写为全部"}
NO_BULLETIN = {404: ("CAMPAIGN_NOT_FOUND", "BULLETIN_NOT_FOUND")}
ONE = Answer("战报", BulletinView)

WORDS: dict[tuple[str, str], Words] = {
    ("get", BULLETINS): Words(
        "工作人员", "战报，最新的在前，每份带全文；保留最近 500 份", {200: Answer("列表", BulletinList)},
        {**NO_STAFF, **NO_CAMPAIGN}, CURSOR,
        needs=STAFF,
    ),
    ("post", BULLETINS): Words(
        "工作人员",
        "一键战报：按此刻的数字生成文字与图片，编号后不再改动；五秒内重复点击得到同一份（200），只有后一次要求推送到群时，这一份补推送（201）",
        {201: ONE, 200: Answer("刚生成的那一份", BulletinView)},
        {**NO_STAFF_CHANGE, **NO_CAMPAIGN, 409: ("CAMPAIGN_NOT_OPEN", "BULLETINS_CONTENDED"), 422: ("INVALID_BODY",),
         503: ("FIGURES_INCOMPLETE",)},
        needs=STAFF,
    ),
    ("get", f"{BULLETINS}/{{number}}"): Words("工作人员", "一份战报", {200: ONE}, {**NO_STAFF, **NO_BULLETIN}, needs=STAFF),
    ("get", f"{BULLETINS}/{{number}}.png"): Words(
        "工作人员", "战报的图片，宽 1080，不超过 500 KB", {200: Answer("图片", media="image/png")},
        {**NO_STAFF, **NO_BULLETIN, 409: ("BULLETIN_PICTURE_NOT_READY",)}, needs=STAFF,
    ),
    ("get", f"{CAMPAIGN}/bulletin-settings"): Words(
        "工作人员", "整点战报的时段、是否发到群机器人、里程碑", {200: Answer("设置", BulletinSettingsView)}, {**NO_STAFF, **NO_CAMPAIGN},
        needs=STAFF,
    ),
    ("put", f"{CAMPAIGN}/bulletin-settings"): Words(
        "工作人员",
        "替换战报设置；rev 是看到的版本；milestones 为空时按默认：1万、10万、50万、100万，此后每 100万",
        {200: Answer("设置", BulletinSettingsView)},
        {**NO_STAFF_CHANGE, **NO_CAMPAIGN, 409: ("BULLETIN_SETTINGS_CHANGED",), 422: ("INVALID_BODY",)},
        needs=STAFF,
    ),
    ("get", f"{CAMPAIGN}/milestones"): Words(
        "工作人员", "里程碑：passed_at 是看到已突破的时刻（不晚于），known_below_at 是此前最后一次看到未突破的时刻",
        {200: Answer("列表", MilestoneList)}, {**NO_STAFF, **NO_CAMPAIGN}, needs=STAFF,
    ),
    ("get", DUTY): Words(
        "工作人员", "值班日志，最新的在前；另有还没人接的交班、可以接班的人", {200: Answer("一页", DutyPage)},
        {**NO_STAFF, **NO_CAMPAIGN, 422: ("INVALID_BODY",)}, CURSOR | DAY, needs=STAFF,
    ),
    ("post", DUTY): Words(
        "工作人员",
        "记一条；只能添加，不能修改，更正是另一条；像是手机号、身份证号的要再确认（sure）",
        {201: Answer("记录", DutyEntryView)},
        {**NO_STAFF_CHANGE, 404: ("CAMPAIGN_NOT_FOUND", "DUTY_ENTRY_NOT_FOUND"),
         422: ("INVALID_BODY", "DUTY_TEXT_WRONG", "PERSONAL_DATA_SUSPECTED", "HANDOVER_TO_WRONG")},
        needs=STAFF,
    ),
    ("post", f"{DUTY}/{{id}}/acknowledgement"): Words(
        "工作人员",
        "确认接班，由交班时写明的人或管理员",
        {201: Answer("记录", DutyEntryView)},
        {**NO_STAFF_CHANGE, 403: (*NO_STAFF_CHANGE[403], "HANDOVER_NOT_YOURS"), 404: ("CAMPAIGN_NOT_FOUND", "DUTY_ENTRY_NOT_FOUND"),
         409: ("HANDOVER_ACKNOWLEDGED",)},
        needs=STAFF,
    ),
    ("get", f"{DUTY}/curve"): Words(
        "工作人员", "一天里每分钟新增的人数，[当天第几分钟, 人数]", {200: Answer("曲线", DutyCurve)},
        {**NO_STAFF, **NO_CAMPAIGN, 422: ("INVALID_BODY",), 503: ("FIGURES_INCOMPLETE",)}, {"day": "20261001 这样的日期；不写为今天"},
        needs=STAFF,
    ),
    ("get", f"{CAMPAIGN}/duty-log.{{form}}"): Words(
        "工作人员", "值班日志的文件：csv 或 txt；每次导出记入审计日志", {200: Answer("文件", media=CSV.partition(";")[0])},
        {**NO_STAFF, **NO_CAMPAIGN, 422: ("INVALID_BODY",)}, DAY, needs=STAFF,
    ),
}
