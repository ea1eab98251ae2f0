"""What is shown of a period, and the frames that say it.

Owns: the never-falling view of figures, the messages of a live socket and their bytes.
Does not own: when anything is read or sent (server/live/service.py).
Invariants: every code is present; a figure never falls below what was shown unless `voids` rose; a delta
carries absolute values, so that receiving one twice changes nothing.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec

from server.campaigns import Campaign
from server.clock import SHANGHAI, day_of, iso
from server.counting.rules import period_of
from server.errors import InvalidBody
from server.switches import ALL_OFF

if TYPE_CHECKING:
    from server.counting.figures import Figures

# What the wall's curve and /counters show unless asked for more, and what the counters keep (a day).
SHOWN_MINUTES = 120
KEPT_MINUTES = 1440

_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True)
class View:
    """What is shown of one period. `by_minute` is keyed by the minute's first second; minutes without anybody are left out."""

    period: str
    as_of: float
    participants: int
    participations: int
    by_activity: dict[str, int]
    by_region: dict[str, int]
    by_minute: dict[int, int]
    voids: int
    stale_shards: int
    # People whom teachers reported together, beside the count; None where nobody could say yet.
    group_reported: int | None = 0


def view_of(figures: Figures, campaign: Campaign, period: str, regions: Mapping[str, Any], last: View | None, now: float) -> View:
    """The figures with every code present; nothing falls below `last` unless voids rose."""
    by_activity = dict.fromkeys((activity.code for activity in campaign.activities), 0) | figures.by_activity
    by_region = dict.fromkeys(regions, 0) | figures.by_region
    by_minute = dict(figures.by_minute)
    view = View(period, figures.as_of or now, figures.participants, figures.participations, by_activity, by_region,
                by_minute, figures.voids, figures.stale_shards)
    if last is None or view.voids > last.voids:
        return view
    minutes = _greater(last.by_minute, by_minute)
    return replace(
        view, as_of=max(last.as_of, view.as_of), voids=last.voids,
        participants=max(last.participants, view.participants), participations=max(last.participations, view.participations),
        by_activity=_greater(last.by_activity, by_activity), by_region=_greater(last.by_region, by_region),
        by_minute={minute: minutes[minute] for minute in sorted(minutes)[-KEPT_MINUTES:]})


def _greater(last: dict[Any, int], new: dict[Any, int]) -> dict[Any, int]:
    return last | {key: max(n, last.get(key, 0)) for key, n in new.items()}


def checked_period(period: str | None, campaign: Campaign, now: float) -> str:
    """The period asked for. Raises InvalidBody UNKNOWN_PERIOD for one that this campaign never has."""
    if not period:
        return period_of(campaign, now)
    known = period == "all" if campaign.period_rule == "all" else (
        period.isascii() and period.isdigit() and len(period) == 8
        and day_of(campaign.opens_at) <= period <= day_of(campaign.closes_at - 1))
    if not known:
        raise InvalidBody("UNKNOWN_PERIOD", "活动没有这一期", field="period")
    return period


def snapshot(view: View, number: int, now: float, switches: Mapping[str, Any] = ALL_OFF) -> dict[str, Any]:
    """The whole of a view, as the first message of a socket, with how the campaign's switches stand."""
    return {"type": "snapshot", "id": number, "as_of": iso(view.as_of), "server_time": iso(now), "period": view.period,
            "participants": view.participants, "participations": view.participations, "by_activity": view.by_activity,
            "by_region": view.by_region, "by_minute": minutes_of(view.by_minute), "group_reported": view.group_reported,
            "voids": view.voids, "stale_shards": view.stale_shards, "switches": switches}


def changes(old: View, new: View) -> dict[str, Any]:
    """The changed figures of `new` as new absolute values; empty where nothing changed."""
    found: dict[str, Any] = {}
    for name in ("participants", "participations", "group_reported", "voids", "stale_shards"):
        if getattr(old, name) != getattr(new, name):
            found[name] = getattr(new, name)
    for name in ("by_activity", "by_region", "by_minute"):
        before: dict[Any, int] = getattr(old, name)
        changed = {key: n for key, n in getattr(new, name).items() if before.get(key) != n}
        # Minutes leave at the far end by themselves; one that a void emptied is told as 0, like a region.
        changed |= dict.fromkeys((key for key in before if key not in getattr(new, name)), 0) if new.voids > old.voids else {}
        if changed:
            found[name] = minutes_of(changed) if name == "by_minute" else changed
    return found


def minutes_of(by_minute: Mapping[int, int], newest: int = SHOWN_MINUTES) -> list[list[Any]]:
    """The newest minutes as [time, n], oldest first."""
    return [[iso(minute), by_minute[minute]] for minute in sorted(by_minute)[-newest:]]


def text_frame(message: dict[str, Any]) -> bytes:
    """A whole unmasked, uncompressed WebSocket text frame: built once, the same bytes for every socket."""
    payload = _encode(message)
    if len(payload) < 126:
        return struct.pack("!BB", 0x81, len(payload)) + payload
    if len(payload) <= 0xFFFF:
        return struct.pack("!BBH", 0x81, 126, len(payload)) + payload
    return struct.pack("!BBQ", 0x81, 127, len(payload)) + payload


def moment(text: str | None, name: str) -> float | None:
    """A time of a query, ISO 8601, without an offset taken as Shanghai's. Raises InvalidBody."""
    if not text:
        return None
    try:
        # A plus sign of an offset that was not percent-encoded arrives as a space.
        when = datetime.fromisoformat(text.strip().replace(" ", "+") if "T" in text else text.strip())
        return (when if when.tzinfo else when.replace(tzinfo=SHANGHAI)).timestamp()
    except (ValueError, OverflowError) as error:
        raise InvalidBody(message="时间格式不对，例如 2026-10-01T08:00:00+08:00", field=name) from error
