"""The plan as people read it: on a terminal of 80 columns, Chinese first, and as JSON for programs.

Owns: what is printed. Chinese characters are two columns wide. Characters whose width a terminal may choose (unicodedata's "A", such as
the multiplication sign) are not used, so that columns stand under each other everywhere.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterator
from dataclasses import asdict
from itertools import groupby
from typing import Any

from server.plan.beyond import LEFT_OUT, warnings
from server.plan.figures import NAMES, Figure, Figures
from server.plan.sums import SECTIONS, Line, Sheet, number

COLUMNS = 80
# A result stands at the right: " = ", the number and its unit.
VALUE, UNIT = 13, 7
FORMULA = COLUMNS - 4 - 3 - VALUE - UNIT
# No line begins with one of these.
STAYS = "，。；：？）、"
# What somebody who orders machines asks for, in this order.
NEEDS = ("intakes", "webs", "lives", "ledgers", "jobs", "poster_workers", "app_cores", "app_gb", "masters", "shards", "master_gb",
         "disk_gb", "wanted_per_second", "out_mbit")


def width(text: str) -> int:
    """Columns of a terminal."""
    return sum(2 if unicodedata.east_asian_width(sign) in "WF" else 1 for sign in text)


def padded(text: str, columns: int) -> str:
    return text + " " * max(0, columns - width(text))


def wrapped(text: str, columns: int) -> list[str]:
    """Broken between words and between Chinese characters."""
    lines, line = [], ""
    for word in _pieces(text):
        if line and width(line) + width(word.rstrip()) > columns:
            lines.append(line.rstrip())
            line = ""
        line += word
    return [*lines, line.rstrip()] if line.strip() or not lines else lines


def _pieces(text: str) -> Iterator[str]:
    """Words with the space behind them; each wide character is a piece, with closing punctuation behind it."""
    piece = ""
    for sign, following in zip(text, (text + " ")[1:], strict=True):
        piece += sign
        if following not in STAYS and (sign == " " or width(sign) == 2 or width(following) == 2):
            yield piece
            piece = ""
    if piece:
        yield piece


def text(sheet: Sheet) -> str:
    """The whole paper."""
    return "\n".join([*_head(sheet), *_needs(sheet), *_arithmetic(sheet), *_warnings(sheet), *_figures(sheet.figures)]) + "\n"


def _head(sheet: Sheet) -> list[str]:
    a = sheet.asked
    asked = (f"{number(a.participants)} 人，最多的一分钟 {100 * a.peak_minute:g}%，余量 {a.headroom:g} 倍 "
             f"({number(a.participants)} people, {100 * a.peak_minute:g}% in the busiest minute, {a.headroom:g} times what is needed)")
    return ["容量规划 Capacity", *wrapped(asked, COLUMNS), ""]


def _title(zh: str, en: str) -> str:
    return f"{zh} {en} " + "-" * (COLUMNS - width(f"{zh} {en} "))


def _result(value: float, unit: str) -> str:
    return f"{number(value):>{VALUE}} {unit}".rstrip()


def _needs(sheet: Sheet) -> Iterator[str]:
    yield _title("需要", "what it takes")
    by_key = {line.key: line for line in sheet.lines}
    for line in (by_key[key] for key in NEEDS):
        yield padded(f"  {line.zh} {line.en}", 4 + FORMULA + 3) + _result(line.value, line.unit)
    yield ""


def _arithmetic(sheet: Sheet) -> Iterator[str]:
    for section, lines in groupby(sheet.lines, key=lambda line: line.section):
        yield _title(*SECTIONS[section])
        for line in lines:
            yield f"  {line.zh} {line.en}"
            yield from _formula(line)
        yield ""


def _formula(line: Line) -> Iterator[str]:
    *before, last = wrapped(line.formula, FORMULA)
    yield from (f"    {part}" for part in before)
    yield f"    {padded(last, FORMULA)} = {_result(line.value, line.unit)}"


def _listed(items: list[str]) -> Iterator[str]:
    for item in items:
        first, *rest = wrapped(item, COLUMNS - 4)
        yield f"  - {first}"
        yield from (f"    {part}" for part in rest)


def _warnings(sheet: Sheet) -> Iterator[str]:
    if found := warnings(sheet):
        yield _title("超出实测的假定", "beyond what was measured")
        yield from _listed(found)
        yield ""
    yield _title("另请注意", "mind")
    yield from _listed([f"{zh} ({en})" for zh, en in LEFT_OUT])
    yield ""


def _figures(figures: Figures) -> Iterator[str]:
    yield _title("实测数据", "measured figures")
    for name in figures.used:
        unit, zh, en = NAMES[name]
        figure = figures.figure(name)
        yield f"  {zh} {en}"
        yield padded(f"    {figure.command}, {figure.date}", 4 + FORMULA + 3) + _result(figure.value, unit)
        yield from (f"    {part}" for part in wrapped(f"({figure.note})", COLUMNS - 4) if figure.note)
    yield from _machines([figures.figure(name) for name in figures.used])


def _machines(found: list[Figure]) -> Iterator[str]:
    for machine in dict.fromkeys(figure.machine for figure in found):
        yield from wrapped(f"  机器 machine: {machine}", COLUMNS)


def as_json(sheet: Sheet) -> str:
    """Everything that the paper says, for programs."""
    told: dict[str, Any] = {
        "asked": asdict(sheet.asked), "needs": {key: sheet[key] for key in NEEDS}, "lines": [asdict(line) for line in sheet.lines],
        "warnings": warnings(sheet), "left_out": [f"{zh} ({en})" for zh, en in LEFT_OUT],
        "figures": {name: {"unit": NAMES[name][0], "meaning": NAMES[name][1:], **_all(sheet.figures.figure(name))}
                    for name in sheet.figures.used}}
    return json.dumps(told, ensure_ascii=False, indent=1)


def _all(figure: Figure) -> dict[str, Any]:
    return {name: getattr(figure, name) for name in figure.__struct_fields__}
