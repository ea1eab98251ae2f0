"""The records of alarms, the rules by which they ring, and the words that are sent."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import msgspec

from server.clock import shanghai
from server.errors import Conflict, InvalidBody, NotFound
from server.health.parts import BY_CODE
from server.health.store import Judged
from server.robots import Message

Step = Literal["rings", "escalates", "resolves"]

# A silence ends by itself: over a weekend, and no longer.
MAX_SILENCE_SECONDS = 72 * 3600
MAX_REASON_CHARACTERS = 200
# Who claimed a step has this long to tell it: three tries of each robot.
TELLING_SECONDS = 60.0
# A step that nobody took is tried each minute for an hour; then as often as a line that is down for long is worth, and never given up.
QUICK_TRIES, SELDOM_SECONDS = 60, 900.0
# A part that is well for so long is well: three looks.
WELL_SECONDS = 15.0
# What is sent is read on a phone.
DETAILS_SENT = 3


@dataclass(frozen=True)
class Rule:
    """`after_seconds`: red for so long before it rings. `escalate_seconds`: unacknowledged for so long before the next list is told."""

    after_seconds: float
    escalate_seconds: float = 600.0


# A restart of Redis is mended within seconds by itself; what people feel at once rings soon, what says that the count is wrong at once.
USUAL = Rule(60)
RULES: dict[str, Rule] = {
    **dict.fromkeys(BY_CODE, USUAL),
    # One that nobody asks anything of is opened again by the next reconcile, within a minute; a Redis that is gone rings by itself.
    "shards": Rule(70, 300), "redis": Rule(15, 300), "mongodb": Rule(30, 300), "roles": Rule(30, 300),
    "agreement": Rule(0, 300), "poison": Rule(0), "journal": Rule(30, 300),
    # Latency and errors of one minute may be a hiccup of that minute.
    "p50": Rule(120), "p99": Rule(120), "errors": Rule(120), "unavailable": Rule(120),
    # Nobody mends a certificate at night within minutes.
    "certificate": Rule(60, 4 * 3600), "quotas": Rule(60, 3600),
    # Nobody could hear of it: the page alone shows it.
    "channels": Rule(math.inf),
}


class AlarmNotFound(NotFound):
    code = "ALARM_NOT_FOUND"
    message = "这条告警已经解除，请刷新本页"


class AlarmAcknowledged(Conflict):
    code = "ALARM_ACKNOWLEDGED"
    message = "已经有人确认了这条告警，请刷新本页看是谁"


class SilenceWrong(InvalidBody):
    code = "SILENCE_WRONG"
    message = "静默要写明原因（200 字以内），从现在起最长 72 小时"


class Alarm(msgspec.Struct, frozen=True):
    """One that is open, or was. Times in seconds since 1970, 0: not yet. `told_list`: the last list that was told."""

    id: str
    part: str
    opened_at: float
    red_since: float
    note: str = ""
    rang_at: float = 0.0
    told_list: int = 0
    escalated_at: float = 0.0
    acknowledged_at: float = 0.0
    acknowledged_by: str = ""
    well_since: float = 0.0
    resolved_at: float = 0.0
    tries: int = 0


class Silence(msgspec.Struct, frozen=True):
    """No alarm of this part is told until then."""

    part: str
    until: float
    reason: str
    by: str
    at: float


def clock_of(at: float) -> str:
    return f"{shanghai(at):%m月%d日 %H:%M:%S}"


def lasted(seconds: float) -> str:
    minutes = int(seconds // 60)
    return f"{int(seconds)} 秒" if minutes < 1 else f"{minutes} 分钟" if minutes < 120 else f"{minutes // 60} 小时 {minutes % 60} 分"


def message_of(step: Step, alarm: Alarm, judged: Judged, first_step: str, page: str, now: float) -> Message:
    """What a group reads: what is wrong, since when, what to do first, where the rest stands."""
    part = BY_CODE[alarm.part]
    name = f"{part.zh} {part.en}"
    if step == "resolves":
        text = f"持续 {lasted(now - alarm.red_since)}，{clock_of(now)} 恢复。\n[运行状态]({page})"
        return Message(text, f"【恢复】{name}", "green", f"{alarm.id}-ok")
    value = f"{judged.value:g} {part.unit}" if judged.value is not None else "没有读数"
    lines = [f"{part.means}现在：{value}（{threshold(alarm.part)}）", *filter(None, [judged.note]), *judged.details[:DETAILS_SENT],
             f"始于 {clock_of(alarm.red_since)}", f"先做：{first_step}", f"[运行状态]({page})"]
    if step == "escalates":
        lines.insert(0, f"**已 {lasted(now - alarm.opened_at)} 无人确认，升级通知**")
        return Message("\n".join(lines), f"【升级】{name}", "red", f"{alarm.id}-{alarm.told_list + 1}")
    return Message("\n".join(lines), f"【故障】{name}", "red", alarm.id)


def acknowledged_message(alarm: Alarm, who: str, page: str) -> Message:
    part = BY_CODE[alarm.part]
    return Message(f"{who} 已确认，正在处理。\n[运行状态]({page})", f"【已确认】{part.zh} {part.en}", "yellow", f"{alarm.id}-ack")


def threshold(code: str) -> str:
    part = BY_CODE[code]
    return f"红线 {'≤' if part.falling else '≥'} {part.red:g} {part.unit}" if part.red is not None else "没有红线"
