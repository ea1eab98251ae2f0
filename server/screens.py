"""What a wall and a leader's phone ask for beside the live figures.

Owns: how many schools took part, never which; the phone's answer to 现在多少了. Does not own the counters (server/counting), the live
frames (server/live) nor the minutes of days that are over (server/bulletins/watching.py).
Invariants: regions stand in administrative order; no list of units leaves this file.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Protocol

from server.campaigns import Campaign, Campaigns
from server.ceremonies import Ceremonies
from server.clock import day_bounds, day_of, iso
from server.counting.rules import period_of
from server.errors import Unavailable
from server.live.view import SHOWN_MINUTES
from server.places import Places
from server.shared_reads import Remembered
from server.stores import PyMongoError
from server.wall_maps import WallMap, WallMaps

if TYPE_CHECKING:
    from server.counting.figures import Figures
    from server.live import Live

DAY_SECONDS, HOUR_SECONDS, MINUTE_SECONDS = 86400, 3600, 60
# Counting 20,000 schools is the only figure here that reads them all; a wall is content with it this old.
UNITS_SECONDS = 10.0
# Yesterday does not change, except by a void.
CURVE_SECONDS = 60.0
# Walls of one city: far fewer campaigns are looked at in one minute.
MOST_KEPT = 64


class ReadFigures(Protocol):
    """Counting.figures, with every unit."""

    def __call__(self, slug: str, period: str | None, now: float, *, minutes: int, units: bool) -> Awaitable[Figures]: ...


# New participants of a campaign's day by the minute's number, as they were kept (WatchStore.minutes).
ReadMinutes = Callable[[str, str], Awaitable[dict[int, int]]]
# A campaign's switches as live frames carry them, and whether its walls may rank: server/switches owns both.
ReadSwitches = Callable[[str], dict[str, Any]]


def no_switches(slug: str) -> dict[str, Any]:
    return {}


class Screens:
    """`switches(slug)`: what they are turned to, as this process knows it."""

    def __init__(self, minutes_of: ReadMinutes, figures: ReadFigures, live: Live, campaigns: Campaigns, places: Places,
                 ceremonies: Ceremonies, maps: WallMaps, *, simulated: bool, switches: ReadSwitches = no_switches) -> None:
        self._minutes_of = minutes_of
        self._figures = figures
        self._live = live
        self._campaigns = campaigns
        self._places = places
        self._ceremonies = ceremonies
        self._maps = maps
        self._simulated = simulated
        self._switches = switches
        self._units: Remembered[int | None] = Remembered(UNITS_SECONDS, MOST_KEPT)
        self._days: Remembered[dict[int, int]] = Remembered(CURVE_SECONDS, 2 * MOST_KEPT)

    async def wall(self, slug: str, now: float) -> dict[str, Any]:
        """What the wall needs beside its frames, a draft's too. Raises CampaignNotFound."""
        campaign = await self._campaigns.get_any(slug)
        ceremony, shown_map = await self._ceremonies.of(campaign), await self._maps.of(slug)
        return {**await self._common(campaign, now), "kind": campaign.kind,
                "activities": [{"code": one.code, "title": one.title} for one in campaign.activities],
                "yesterday": await self._yesterday(campaign, now), "ceremony": {"is_armed": ceremony.is_armed},
                "map": map_view(slug, shown_map) if shown_map else None}

    async def phone(self, slug: str, now: float) -> dict[str, Any]:
        """The answer to 现在多少了; `figures` is null before there are any. Raises CampaignNotFound, StoreUnavailable."""
        campaign = await self._campaigns.get_any(slug)
        found = await self._common(campaign, now)
        if campaign.state in ("draft", "scheduled"):
            return {**found, "figures": None}
        midnight, hour = day_bounds(day_of(now))[0], int(now) // MINUTE_SECONDS * MINUTE_SECONDS - HOUR_SECONDS
        period = period_of(campaign, now)
        counters = await self._live.counters(slug, period, now, iso(min(midnight, hour)))
        minutes = counters["by_minute"]
        if (before := period_of(campaign, hour)) != period:
            minutes = [*minutes, *(await self._live.counters(slug, before, now, iso(hour)))["by_minute"]]
        today = counters["participants"] if period == day_of(now) else since(counters["by_minute"], midnight)
        yesterday = sum((await self._day(slug, day_of(now - DAY_SECONDS))).values())
        return {**found, "figures": {
            **{name: counters[name] for name in ("participants", "participations", "by_region", "group_reported", "stale_shards", "as_of")},
            "today": today, "last_hour": since(minutes, hour), "yesterday": yesterday or None}}

    async def _common(self, campaign: Campaign, now: float) -> dict[str, Any]:
        index = await self._places.of(campaign)
        return {"slug": campaign.slug, "title": campaign.title, "state": campaign.state, "period_rule": campaign.period_rule,
                "opens_at": iso(campaign.opens_at), "closes_at": iso(campaign.closes_at), "server_time": iso(now),
                "organiser": campaign.organiser.get("name", ""), "demo": campaign.demo, "simulated": self._simulated,
                "pause_reason": campaign.pause_reason,
                "regions": [{"code": one["code"], "name": one["name"]} for one in index.views()],
                "units": {"total": len(index.units), "taking_part": await self._taking_part(campaign, now)},
                "switches": self._switches(campaign.slug)}

    async def _taking_part(self, campaign: Campaign, now: float) -> int | None:
        """How many schools and offices have a participant; None where that cannot be said."""
        if campaign.state not in ("open", "paused", "frozen"):
            return None

        async def read() -> int | None:
            figures = await self._figures(campaign.slug, None, now, minutes=SHOWN_MINUTES, units=True)
            return sum(n > 0 for n in figures.by_unit.values()) if figures.as_of else None

        try:
            return await self._units.get(f"{campaign.slug}:{period_of(campaign, now)}", read, now)
        except (Unavailable, TimeoutError):
            return None  # the wall leaves this one figure out rather than everything

    async def _yesterday(self, campaign: Campaign, now: float) -> list[list[Any]]:
        """The same minutes a day before, and the half hour after them, as [time, n] of that day; empty where nothing was kept."""
        first = (int(now) // MINUTE_SECONDS - SHOWN_MINUTES) * MINUTE_SECONDS - DAY_SECONDS
        minutes = range(first, first + SHOWN_MINUTES * MINUTE_SECONDS + MINUTE_SECONDS, MINUTE_SECONDS)
        try:
            days = {day: await self._day(campaign.slug, day) for day in {day_of(minutes[0]), day_of(minutes[-1])}}
        except PyMongoError:
            return []  # a curve less, while the figures go on
        if not any(days.values()):
            return []
        return [[iso(at), days[day_of(at)].get((at - day_bounds(day_of(at))[0]) // MINUTE_SECONDS, 0)] for at in minutes]

    async def _day(self, slug: str, day: str) -> dict[int, int]:
        return await self._days.get(f"{slug}:{day}", lambda: self._minutes_of(slug, day))


def since(by_minute: list[list[Any]], second: float) -> int:
    """New participants in the minutes that begin at or after this second."""
    return sum(n for time, n in by_minute if time >= iso(second))


def map_view(slug: str, shown: WallMap) -> dict[str, Any]:
    """`url` holds a mark of the bytes, so that a new map is not an old one from a cache."""
    return {"number": shown.number, "url": f"/api/v1/screens/{slug}/map?v={shown.mark}", "width": shown.width, "height": shown.height}
