"""What is planned for: people, how they come, and what they are given. Every number is checked; nonsense is one line.

Owns: the options of `python -m server plan`, their bounds and defaults with the reason for each.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from server.counting.cells import ACTIVITY_BITS
from server.plan.figures import PlanError

# Ordinals have 32 bits and everybody in China is 1.4e9: past this a number was mistyped.
MOST_PEOPLE = 1_500_000_000
MOST_ACTIVITIES = ACTIVITY_BITS.bit_count()
WORDS = {"万": 10_000, "亿": 100_000_000}
DISKS = ("always", "everysec")


@dataclass(frozen=True)
class Asked:
    """Shares are of the participants, between 0 and 1."""

    participants: int
    peak_minute: float = 0.1  # the rehearsal's busiest hour has 8 %: a broadcast at eight could put all of that into one minute
    repeats: float = 0.2  # as the rehearsal: a second tap, or come again
    activities: float = 1.0
    pages: float = 1.2  # once each, and again who comes again
    stay: float = 60.0  # the ceremony takes half a minute, and the figures are watched for as long
    logins: float = 1.0  # everybody is new on the first morning
    posters: float = 0.1
    sockets: int = 20_000  # what WENMING_LIVE_MAX_SOCKETS allows one process
    page_kb: float = 0.0  # 0: as measured
    cdn: bool = False
    shards: int = 0  # 0: as many as it takes
    disk: str = "always"
    headroom: float = 2.0  # the best second had 1.9 times the average of a rehearsal, and days of one machine differ by half
    store_rate: float = 0.0  # 0: the embedded store's, as measured


def _number(text: str, least: float, most: float, wanted: str, *, whole: bool = False) -> float:
    """A number as people write it: 5,000,000, 500万, 1.2亿."""
    plain = text.strip().replace(",", "").replace("，", "").replace("_", "")
    factor = 1
    if plain[-1:] in WORDS:
        plain, factor = plain[:-1], WORDS[plain[-1]]
    try:
        value = float(plain) * factor
    except ValueError:
        value = math.nan
    if not least <= value <= most or whole and value != round(value):  # so is nan
        raise PlanError(f"{text!r}，应为 {wanted} (wanted)")
    return value


def _share(least: float) -> Callable[[str], float]:
    def take(text: str) -> float:
        plain = text.strip()
        is_percent = plain.endswith("%")
        wanted = "大于 0%、不超过 100%" if least else "0% 至 100%"
        try:
            value = float(plain[:-1]) / 100 if is_percent else float(plain)
        except ValueError:
            value = math.nan
        if not least <= value <= 1:
            raise PlanError(f"{text!r}，应为 {wanted} (wanted: {'more than ' if least else ''}0% ... 100%)")
        return value
    return take


def _amount(least: float, most: float) -> Callable[[str], float]:
    return lambda text: _number(text, least, most, f"{least:g} ... {most:g}")


def _count(least: int, most: int) -> Callable[[str], int]:
    return lambda text: int(_number(text, least, most, f"{least} ... {most} 的整数", whole=True))


def _disk(text: str) -> str:
    if text not in DISKS:
        raise PlanError(f"{text!r}，应为 {' 或 '.join(DISKS)} (wanted)")
    return text


def _yes(text: str) -> bool:
    if text not in ("yes", "no"):
        raise PlanError(f"{text!r}，应为 yes 或 no (wanted)")
    return text == "yes"


# Name -> (reader, Chinese and English meaning). A minute with fewer than a millionth of all is none.
OPTIONS: dict[str, tuple[Callable[[str], Any], str]] = {
    "participants": (_count(1, MOST_PEOPLE), "参与者总数，可写 500万 (people who take part)"),
    "peak_minute": (_share(1e-6), "最多的一分钟占全部参与者的比例 (share of them in the busiest minute)"),
    "repeats": (_share(0), "重复点或再来的比例 (share of salutes sent again)"),
    "activities": (_amount(1, MOST_ACTIVITIES), "每人参加的主题活动数 (activities of each)"),
    "pages": (_amount(0, 100), "每人打开页面的次数 (page openings of each)"),
    "stay": (_amount(0, 3600), "页面停留秒数，其间每 5 秒读一次人数 (seconds that a page stays open)"),
    "logins": (_share(0), "高峰时才第一次登录的比例 (share who log in for the first time then)"),
    "posters": (_share(0), "取海报的比例 (share who take a poster)"),
    "sockets": (_count(0, 100_000_000), "实时连接数 (live sockets)"),
    "page_kb": (_amount(0, 100_000), "首屏 KB，0 为实测 (weight of the first view; 0: as measured)"),
    "cdn": (_yes, "静态文件是否走 CDN，yes 或 no (whether static files are on a CDN)"),
    "shards": (_count(0, 16_384), "分片数，0 为自动 (shards; 0: as many as it takes)"),
    "disk": (_disk, "Redis 的 appendfsync，always 或 everysec"),
    "headroom": (_amount(1, 20), "余量倍数 (how many times what is needed)"),
    "store_rate": (_amount(0, 100_000_000), "MongoDB 每秒收下的变更，0 为内置库实测 (changes a second that MongoDB takes)"),
}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Every option as text; read() judges them, so that what is wrong is told in one line."""
    defaults = {one.name: one.default for one in fields(Asked)}
    for name, (_, about) in OPTIONS.items():
        default = "" if name == "participants" else f", {_shown(defaults[name])}"
        parser.add_argument(f"--{name.replace('_', '-')}", metavar="N", help=(about + default).replace("%", "%%"))
    parser.add_argument("--figures", type=Path, help="实测数据文件 (the file of measured figures)")
    parser.add_argument("--json", action="store_true")


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)


def read(options: argparse.Namespace) -> Asked:
    """Raises PlanError with one line."""
    given = {name: getattr(options, name) for name in OPTIONS if getattr(options, name) is not None}
    if "participants" not in given:
        raise PlanError("要写参与者总数，例如 --participants 5000000 --peak-minute 10% (say how many people)")
    found = {}
    for name, text in given.items():
        try:
            found[name] = OPTIONS[name][0](text)
        except PlanError as error:
            raise PlanError(f"--{name.replace('_', '-')}：{error}") from error
    return Asked(**found)
