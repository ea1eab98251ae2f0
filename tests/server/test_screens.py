"""What a wall and a phone ask for: yesterday's minutes, kept and found again; the phone's answer."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from server.bulletins import WatchStore
from server.ceremonies import Ceremonies, CeremonyStore
from server.clock import day_bounds, day_of, iso
from server.screens import DAY_SECONDS, Screens, since
from server.wall_maps import WallMaps, WallMapStore
from tests.server.civic_world import DURING, OPENS, REGIONS, CivicWorld, campaign

pytestmark = pytest.mark.gen_test(timeout=30)
NOON = OPENS + 12 * 3600


class Counters:
    """`minutes` of the campaign as the shards hold them; the newest 1,440 only."""

    def __init__(self) -> None:
        self.minutes: dict[int, int] = {}
        self.stale = 0
        self.now = float(NOON)

    async def figures(self, slug: str, period: str | None, now: float, *, minutes: int, units: bool) -> Any:
        self.now = now
        held = tuple(sorted((at, n) for at, n in self.minutes.items() if now - at < 1440 * 60))
        return SimpleNamespace(by_minute=held, stale_shards=self.stale, by_unit={"school-1": 2}, as_of=int(now))

    async def counters(self, slug: str, period: str | None, now: float, frm: str) -> dict[str, Any]:
        held = {at: n for at, n in self.minutes.items() if period in (None, "all", day_of(at))}
        shown = [[iso(at), n] for at, n in sorted(held.items()) if iso(at) >= frm]
        return {"participants": sum(held.values()), "participations": 9, "by_region": {"350602": 4}, "group_reported": 0,
                "stale_shards": 0, "as_of": iso(now), "by_minute": shown}


@pytest.fixture
def counters() -> Counters:
    return Counters()


@pytest.fixture
def world(stores):
    return CivicWorld(stores)


@pytest.fixture
def watches(stores):
    return WatchStore(stores.mongo)


@pytest.fixture
def screens(stores, world, counters, watches):
    return Screens(watches.minutes, counters.figures, counters, world.campaigns, world.places,
                   Ceremonies(CeremonyStore(stores.mongo), world.campaigns), WallMaps(WallMapStore(stores.mongo)), simulated=False)


async def test_yesterdays_minutes_stand_behind_todays(world, screens, watches):
    await world.opened()
    await watches.keep_minutes("flag", "20261001", {710: 5, 720: 7})
    found = dict((await screens.wall("flag", NOON + DAY_SECONDS))["yesterday"])
    assert (found[iso(NOON - 600)], found[iso(NOON)], found[iso(NOON - 60)]) == (5, 7, 0)
    assert len(found) == 121


async def test_nobody_claims_a_yesterday_that_was_never_kept(world, screens):
    await world.opened()
    assert (await screens.wall("flag", NOON))["yesterday"] == []


async def test_a_window_over_midnight_is_put_together_from_two_days(world, screens, watches):
    await world.opened()
    midnight = day_bounds("20261002")[0]
    await watches.keep_minutes("flag", "20261001", {1439: 4})
    await watches.keep_minutes("flag", "20261002", {0: 6})
    found = dict((await screens.wall("flag", midnight + DAY_SECONDS + 600))["yesterday"])
    assert (found[iso(midnight - 60)], found[iso(midnight)]) == (4, 6)


async def test_the_phone_says_all_today_the_last_hour_and_the_regions_in_order(world, screens, counters):
    opened = await world.opened()
    await world.places.import_csv(opened, "regions", REGIONS, dry_run=False)
    counters.minutes = {OPENS: 10, NOON - 3000: 2, NOON: 1}
    told = await screens.phone("flag", NOON + 30)
    figures = told["figures"]
    assert (figures["participants"], figures["today"], figures["last_hour"], figures["yesterday"]) == (13, 13, 3, None)
    assert [one["name"] for one in told["regions"]] == ["芗城区", "长泰区", "不便选择"]
    assert "by_unit" not in figures


async def test_the_last_hour_is_of_whole_minutes_and_goes_over_midnight_of_a_daily_campaign(world, screens, counters):
    await world.opened(period_rule="daily")
    midnight = day_bounds("20261002")[0]
    counters.minutes = {midnight - 3120: 16, midnight - 3060: 8, midnight - 60: 4, midnight: 2, midnight + 480: 1}
    figures = (await screens.phone("flag", midnight + 521))["figures"]
    assert (figures["participants"], figures["today"], figures["last_hour"]) == (3, 3, 31)
    figures = (await screens.phone("flag", midnight + 541))["figures"]
    assert figures["last_hour"] == 15


async def test_after_the_end_of_a_daily_campaign_nobody_took_part_today(world, screens, counters):
    opened = await world.opened(period_rule="daily")
    last = day_of(opened.closes_at - 1)
    counters.minutes = {day_bounds(last)[0]: 5}
    figures = (await screens.phone("flag", day_bounds(last)[1] + 7200))["figures"]
    assert (figures["participants"], figures["today"]) == (5, 0)


async def test_before_it_begins_the_phone_has_no_figures(world, screens):
    await world.campaigns.create(campaign())
    assert (await screens.phone("flag", DURING))["figures"] is None


def test_minutes_are_summed_from_a_moment_on():
    assert since([[iso(0), 1], [iso(60), 2], [iso(120), 4]], 60) == 6
