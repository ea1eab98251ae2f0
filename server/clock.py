"""Shanghai time, the only zone of this product, and the wall clock that the composition root hands down."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from functools import lru_cache

# China has kept one offset without daylight saving since 1992, so a fixed zone is exact and needs no database.
SHANGHAI = timezone(timedelta(hours=8), "+08:00")

# Reads the time as seconds since 1970. Services take `now` as a parameter; only the edges and jobs read the clock.
Clock = Callable[[], float]
wall_clock: Clock = time.time


def shanghai(seconds: float) -> datetime:
    """The moment in Shanghai time."""
    return datetime.fromtimestamp(seconds, SHANGHAI)


@lru_cache(maxsize=4096)  # a peak answers thousands of people within the same seconds
def iso(seconds: float) -> str:
    """The moment as the API writes it, such as 2026-10-01T08:00:00+08:00."""
    return shanghai(int(seconds)).isoformat()


def spoken(seconds: float) -> str:
    """The moment as people write it, such as 2026年10月1日 08:00."""
    at = shanghai(seconds)
    return f"{at.year}年{at.month}月{at.day}日 {at:%H:%M}"


def day_of(seconds: float) -> str:
    """The Shanghai calendar day, such as 20261001."""
    return _day(int(seconds // 60))


@lru_cache(maxsize=256)  # each salute of a daily campaign asks; days begin on whole minutes
def _day(minute: int) -> str:
    return shanghai(minute * 60).strftime("%Y%m%d")


def day_bounds(day: str) -> tuple[int, int]:
    """First second of the day and first second of the next. Raises ValueError for a text that is no day."""
    start = datetime.strptime(day, "%Y%m%d").replace(tzinfo=SHANGHAI)
    return int(start.timestamp()), int((start + timedelta(days=1)).timestamp())
