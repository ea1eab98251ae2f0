"""Dates in a text: that a day exists, that its weekday is right, that its year is this campaign's."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from typing import NamedTuple

from server.clock import shanghai

WEEKDAYS = "一二三四五六日"
_NUMBER = r"(?:[0-9]{1,2}|[一二三四五六七八九十]{1,3})"
# 2026年10月1日（星期四）, 十月一号 周四, 10.1（周四）: a day alone, or with a weekday right behind it.
DAY = re.compile(rf"(?:(?P<year>[0-9]{{4}})[年./-])?(?P<month>{_NUMBER})(?:月|[./])(?P<day>{_NUMBER})(?P<unit>[日号])?"
                 r"\s*[（(,，]?\s*(?:(?:星期|周|礼拜)(?P<weekday>[一二三四五六日天]))?")
YEAR = re.compile(r"(?<![0-9])(?P<year>20[0-9]{2})年")
_DIGITS = "零一二三四五六七八九"


class Slip(NamedTuple):
    """What is wrong with a stretch of the text. `code`: DATE_WEEKDAY, DATE_IMPOSSIBLE or DATE_YEAR."""

    code: str
    start: int
    end: int
    why: str
    advice: str


def slips(text: str, opens_at: int, closes_at: int) -> Iterator[Slip]:
    """`text` in half width. A day without a year is one of the campaign's."""
    years = range(shanghai(opens_at).year, shanghai(closes_at).year + 1) if opens_at and closes_at else range(0)
    for found in DAY.finditer(text):
        if found["weekday"] is None and (found["unit"] is None or "月" not in found[0]):
            continue  # 3.5 is a number
        slip = _slip(found, years, opens_at, closes_at)
        if slip is not None:
            yield slip
    for found in YEAR.finditer(text):
        if years and int(found["year"]) not in years:
            span = str(years[0]) if len(years) == 1 else f"{years[0]}—{years[-1]}"
            yield Slip("DATE_YEAR", found.start(), found.end(), f"文中写的是 {found['year']} 年，活动时间在 {span} 年",
                       "核对年份；从往年活动复制时最容易漏改")


def _slip(found: re.Match[str], years: range, opens_at: int, closes_at: int) -> Slip | None:
    month, day = number(found["month"]), number(found["day"])
    end = found.end() if found["weekday"] else found.start() + len(found[0].rstrip(" （(,，"))
    dates = [made for year in ([int(found["year"])] if found["year"] else years) if (made := _date(year, month, day))]
    if not dates:
        if found["year"] is None and not years and _date(2000, month, day):  # 2000 had every day that there is
            return None
        return Slip("DATE_IMPOSSIBLE", found.start(), end, f"没有 {month} 月 {day} 日这一天", "改正日期")
    if found["weekday"] is None:
        return None
    inside = [made for made in dates if shanghai(opens_at).date() <= made <= shanghai(closes_at).date()]
    meant = (inside or dates)[0]
    right = WEEKDAYS[meant.weekday()]
    if found["weekday"].replace("天", "日") == right:
        return None
    said = f"{meant.year}年{meant.month}月{meant.day}日是星期{right}，文中写的是星期{found['weekday']}"
    return Slip("DATE_WEEKDAY", found.start(), end, said, f"改为星期{right}，或改正日期")


def number(text: str) -> int:
    """3, 十, 十一, 二十, 三十一 as numbers."""
    if text.isdigit():
        return int(text)
    tens, ten, ones = text.partition("十")
    if not ten:
        return _DIGITS.find(text[0]) if len(text) == 1 else 0
    return (_DIGITS.find(tens) if tens else 1) * 10 + (_DIGITS.find(ones) if ones else 0)


def _date(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None
