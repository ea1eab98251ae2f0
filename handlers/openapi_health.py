"""The words and shapes of health and alarms, as in `openapi_words.py` and `openapi_shapes.py`."""

from __future__ import annotations

from msgspec import Struct

from handlers.openapi_terms import NO_STAFF, NO_STAFF_CHANGE, STAFF, Answer, Words


class PartView(Struct):
    part: str
    name: str
    name_en: str
    unit: str
    level: str
    level_name: str
    since: str
    value: float | None
    note: str
    details: list[str]
    yellow: float | None
    red: float | None
    falling: bool
    why: str
    means: str
    steps: list[str]
    steps_en: list[str]


class ProcessView(Struct):
    process: str
    roles: list[str]
    at: str
    started_at: str
    is_silent: bool
    answered: int
    sockets: int


class AlarmView(Struct):
    id: str
    part: str
    name: str
    name_en: str
    note: str
    opened_at: str
    red_since: str
    rang_at: str | None
    told_list: int
    escalated_at: str | None
    acknowledged_at: str | None
    acknowledged_by: str
    resolved_at: str | None


class AlarmList(Struct):
    items: list[AlarmView]
    next: str | None


class SilenceView(Struct):
    part: str
    until: str
    reason: str
    by: str
    at: str


class ChannelView(Struct):
    id: str
    kind: str
    kind_name: str
    name: str
    host: str
    list: int
    ok_at: str | None
    failed_at: str | None
    failures: int
    problem: str


class HealthView(Struct):
    as_of: str | None
    is_stale: bool
    judged_by: str
    items: list[PartView]
    processes: list[ProcessView]
    alarms: list[AlarmView]
    silences: list[SilenceView]
    channels: list[ChannelView]
    next: str | None


class PartHistory(Struct):
    part: str
    span: str
    seconds: int
    items: list[tuple[str, float | None, str]]
    next: str | None


class Tested(Struct):
    told: bool
    problem: str


_PART = "/api/v1/staff/alarms/{part}"

WORDS: dict[tuple[str, str], Words] = {
    ("get", "/api/v1/staff/health"): Words(
        "工作人员", "运行状态：每个部件的读数、红黄线、含义、处置步骤，未解除的告警、静默、告警渠道；没有消息就是不明，不算正常",
        {200: Answer("状态", HealthView)}, NO_STAFF, needs=STAFF),
    ("get", "/api/v1/staff/health/{part}"): Words(
        "工作人员", "一个部件的曲线：每段里最差的读数与级别", {200: Answer("曲线", PartHistory)},
        {**NO_STAFF, 404: ("HEALTH_PART_NOT_FOUND",), 422: ("INVALID_BODY",)}, {"span": "day 一天按分钟，week 一周按刻钟"}, needs=STAFF),
    ("get", "/api/v1/staff/alarms"): Words(
        "工作人员", "已解除的告警，最新的在前，保留一季度", {200: Answer("列表", AlarmList)}, NO_STAFF,
        {"cursor": "上一页的 next"}, needs=STAFF),
    ("post", f"{_PART}/acknowledgement"): Words(
        "工作人员", "确认一条告警：有人在处理，不再升级", {200: Answer("告警", AlarmView)},
        {**NO_STAFF_CHANGE, 404: ("ALARM_NOT_FOUND",), 409: ("ALARM_ACKNOWLEDGED",), 422: ("INVALID_BODY",)}, needs=STAFF),
    ("put", f"{_PART}/silence"): Words(
        "工作人员", "静默一个部件到某时，最长 72 小时，写明原因；到时仍有故障会再通知", {200: Answer("静默", SilenceView)},
        {**NO_STAFF_CHANGE, 404: ("HEALTH_PART_NOT_FOUND",), 422: ("INVALID_BODY", "SILENCE_WRONG")}, needs=STAFF),
    ("delete", f"{_PART}/silence"): Words(
        "工作人员", "提前结束静默", {204: Answer("已结束")}, {**NO_STAFF_CHANGE, 404: ("SILENCE_NOT_FOUND",)}, needs=STAFF),
    ("post", "/api/v1/staff/alarm-channels/{id}/test"): Words(
        "工作人员", "向一个告警渠道发一条测试消息", {200: Answer("结果", Tested)}, {**NO_STAFF_CHANGE, 404: ("ALARM_CHANNEL_NOT_FOUND",)},
        needs=STAFF),
}
