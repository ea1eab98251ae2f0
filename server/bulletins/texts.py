"""What a bulletin says: the text for the work group, line by line. Every word for people of a bulletin and its picture stands here."""

from __future__ import annotations

from collections.abc import Iterable

from server.bulletins.snapshot import HOUR_SECONDS, Snapshot
from server.campaigns.campaign import STATE_NAMES
from server.clock import shanghai, spoken

HEAD = "一键战报"
DEMO = "演示数据"
DAILY_NOTE = "按日计，跨日不去重"
GROUP_NOTE = "另计，不与人数、人次相加"
ORDER_NOTE = "按行政区划顺序"
FOOT = "各项数字取自同一时刻，生成后不再改动"
# Ten thousand, the unit in which people say such numbers.
WAN = 10_000


def grouped(n: int) -> str:
    """1,234,567"""
    return f"{n:,}"


def milestone_name(value: int) -> str:
    """10万, 150万, or 12,345 where it is no whole number of ten thousands."""
    return f"{value // WAN}万" if value % WAN == 0 and value else grouped(value)


def clock(seconds: float) -> str:
    """08:03"""
    return shanghai(seconds).strftime("%H:%M")


def moment(seconds: float) -> str:
    """10月1日 08:03"""
    at = shanghai(seconds)
    return f"{at.month}月{at.day}日 {at:%H:%M}"


def exact(seconds: float) -> str:
    """10月1日 08:03:12"""
    at = shanghai(seconds)
    return f"{at.month}月{at.day}日 {at:%H:%M:%S}"


def milestone_line(value: int, at: float, after: float) -> str:
    """`at`: not later than; `after`: when it was known to be below, 0 where nobody had looked."""
    return f"{exact(at)} 突破 {milestone_name(value)}人" if after else f"不晚于{exact(at)} 突破 {milestone_name(value)}人"


def milestone_text(title: str, demo: bool, line: str) -> str:
    """What the robots are told."""
    return (f"【{DEMO}】" if demo else "") + f"【里程碑】{title}\n{line}"


def made_line(number: int, participants: int, by: str) -> str:
    """In the duty log; `by` nobody: at the full hour."""
    return f"{'' if by else '整点'}战报第 {number} 号：{grouped(participants)} 人" + (f"（{by} 生成）" if by else "")


def missed_line(hour: float) -> str:
    return f"{clock(hour)} 的整点战报没有生成（当时取不到完整数字，或系统不在运行），需要时请手动生成"


def lower_note(number: int) -> str:
    return f"说明：累计人数少于第 {number} 号战报，可能因计数服务恢复所致，正在核对，以核对结果为准。"


def hour_of(snapshot: Snapshot) -> str:
    """08:00–09:00"""
    return f"{clock(snapshot.hour_ends - HOUR_SECONDS)}–{clock(snapshot.hour_ends)}"


def as_of_line(snapshot: Snapshot) -> str:
    at = shanghai(snapshot.as_of)
    return f"截至 {spoken(snapshot.as_of)}:{at:%S}（北京时间）"


def text_of(title: str, number: int, demo: bool, snapshot: Snapshot, milestones: Iterable[str], note: str) -> str:
    """The whole text. `milestones`: their lines, oldest first; `note`: what has to be said of the figures, or nothing."""
    s = snapshot
    lines = [f"【{DEMO}】" if demo else "", f"【{HEAD}】{title}", f"第 {number} 号　{as_of_line(s)}",
             "" if s.state == "open" else f"活动状态：{STATE_NAMES.get(s.state, s.state)}",  # type: ignore[call-overload]
             f"累计参与 {grouped(s.participants)} 人、{grouped(s.times)} 人次" + (f"（{DAILY_NOTE}）" if s.daily else "") + "。",
             _today(s), f"近一小时（{hour_of(s)}）新增 {grouped(s.hour)} 人。" if s.hour or is_running(s) else "",
             f"最高一分钟：{moment(s.peak_at)}，{grouped(s.peak)} 人。" if s.peak else "",
             f"{'今日' if s.daily else ''}参与学校（单位）{grouped(s.schools)} 个。" if s.schools else "", _groups(s),
             *_section("主题活动", "", ((one.title, one.participants, one.today) for one in s.activities), "人次", s.daily),
             *_section("各区县", f"（{ORDER_NOTE}）", ((one.name, one.participants, one.today) for one in s.regions), "人", s.daily),
             *_milestones(list(milestones)),
             f"另：经核实作废 {grouped(s.voids)} 次，已从以上数字中扣除。" if s.voids else "", note]
    return "\n".join(line for line in lines if line)


def is_running(s: Snapshot) -> bool:
    """Whether today and the last hour say anything; after the end they are nothing but nought."""
    return s.state in ("open", "paused")


def _today(s: Snapshot) -> str:
    if not s.today and not is_running(s):
        return ""
    if s.today_times is not None:
        return f"今日参与 {grouped(s.today)} 人、{grouped(s.today_times)} 人次。"
    return f"今日新增 {grouped(s.today)} 人。"


def _groups(s: Snapshot) -> str:
    if s.group_reported is None:
        return "集体上报：暂时没有取得。"
    return f"集体上报 {grouped(s.group_reported)} 人，{GROUP_NOTE}。" if s.group_reported else ""


def _section(title: str, note: str, rows: Iterable[tuple[str, int, int]], unit: str, daily: bool) -> list[str]:
    found = [f"{name} {grouped(n)} {unit}" + (f"（今日 {grouped(today)}）" if daily else "") for name, n, today in rows]
    return [f"—— {title}{note} ——", *found] if found else []


def _milestones(lines: list[str]) -> list[str]:
    return ["—— 里程碑 ——", *lines] if lines else []
