"""What the worker that draws a bulletin's picture is told: the Order of server/spreadsheets/wire, one Sheet, End. Every text is ready."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from server.bulletins.texts import (
    DAILY_NOTE,
    DEMO,
    FOOT,
    GROUP_NOTE,
    HEAD,
    ORDER_NOTE,
    as_of_line,
    clock,
    grouped,
    hour_of,
    moment,
)
from server.campaigns.campaign import STATE_NAMES
from server.spreadsheets.wire import End

if TYPE_CHECKING:
    from server.bulletins.bulletin import Bulletin

# Two columns of thirty: a picture that a phone still scrolls through. The rest stands in the text, and here as one sum.
MAX_ROWS = 60
# What a picture has room for of the milestones: the newest.
MAX_MILESTONES = 6


class Fact(msgspec.Struct, frozen=True):
    """One figure with what it is called, and a word below it."""

    name: str
    value: str
    unit: str
    below: str = ""


class Section(msgspec.Struct, frozen=True):
    """Rows of a name and a figure; `more` is a second figure."""

    title: str
    note: str
    rows: list[tuple[str, str, str]]


class Sheet(msgspec.Struct, frozen=True, tag=True):
    """`bars`: new participants by ten minutes since midnight, and what is said of their highest."""

    assets: str
    title: str
    head: str
    mark: str
    as_of: str
    state: str
    total: Fact
    facts: list[Fact]
    sections: list[Section]
    lines: list[str]
    bars: list[int]
    bars_title: str
    foot: str


Given = Sheet | End


def sheet_of(bulletin: Bulletin, number: int, assets: str) -> Sheet:
    """The same figures as the text, as they stand on the picture."""
    s = bulletin.snapshot
    facts = [Fact("今日参与" if s.daily else "今日新增", grouped(s.today), "人", f"{grouped(s.today_times)} 人次" if s.today_times else ""),
             Fact("近一小时", grouped(s.hour), "人", hour_of(s)),
             Fact("最高一分钟", grouped(s.peak), "人", moment(s.peak_at) if s.peak else "—"),
             Fact("今日参与学校" if s.daily else "参与学校", grouped(s.schools), "个", "含其他单位")]
    lines = [f"集体上报 {grouped(s.group_reported)} 人，{GROUP_NOTE}" if s.group_reported else
             "集体上报暂时没有取得" if s.group_reported is None else "",
             f"经核实作废 {grouped(s.voids)} 次，已扣除" if s.voids else "", bulletin.note]
    sections = [Section("主题活动", "人次", [(one.title, grouped(one.participants), _more(s.daily, one.today)) for one in s.activities]),
                Section("各区县", f"人 · {ORDER_NOTE}", _regions(bulletin))]
    if bulletin.milestones:
        sections.append(Section("里程碑", "", [(line, "", "") for line in bulletin.milestones[-MAX_MILESTONES:]]))
    return Sheet(
        assets, bulletin.title, f"{HEAD}　第 {number} 号", DEMO if bulletin.demo else "", as_of_line(s),
        "" if s.state == "open" else STATE_NAMES.get(s.state, s.state),  # type: ignore[call-overload]
        Fact("累计参与", grouped(s.participants), "人", f"{grouped(s.times)} 人次" + (f"　{DAILY_NOTE}" if s.daily else "")),
        facts, [section for section in sections if section.rows], [line for line in lines if line], s.bars,
        f"今日每十分钟新增　00:00–{clock(s.as_of)}", FOOT)


def _more(daily: bool, today: int) -> str:
    return f"今日 {grouped(today)}" if daily else ""


def _regions(bulletin: Bulletin) -> list[tuple[str, str, str]]:
    s = bulletin.snapshot
    shown = s.regions if len(s.regions) <= MAX_ROWS else s.regions[:MAX_ROWS - 1]
    rest = s.regions[len(shown):]
    rows = [(one.name, grouped(one.participants), _more(s.daily, one.today)) for one in shown]
    if rest:
        rows.append((f"其余 {len(rest)} 个合计", grouped(sum(one.participants for one in rest)),
                     _more(s.daily, sum(one.today for one in rest))))
    return rows
