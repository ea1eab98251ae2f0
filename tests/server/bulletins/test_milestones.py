"""Milestones and the look at the figures each second."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from server.bulletins import BulletinSettings, Milestone, curve, milestones
from server.bulletins.milestones import table_of
from server.counting.figures import Figures
from tests.command_listener import LOOKING
from tests.server.bulletins.world import TEN, BulletinWorld, Robots, at, campaign, figures

pytestmark = pytest.mark.gen_test(timeout=60)


@pytest.fixture
def world(io_loop, stores, tmp_path):
    async def made():
        return BulletinWorld(stores, tmp_path)

    return io_loop.run_sync(made)


def shown(world: BulletinWorld, participants: int, second: float) -> None:
    world.shown["all"] = figures(participants, as_of=float(second))


def test_the_rule_goes_on_by_millions():
    assert table_of(BulletinSettings(), 0) == [10_000, 100_000, 500_000, 1_000_000, 2_000_000]
    assert table_of(BulletinSettings(), 3_200_000)[4:] == [2_000_000, 3_000_000, 4_000_000, 5_000_000]
    assert table_of(BulletinSettings(milestones=[5000]), 3_200_000) == [5000]


async def test_what_is_passed_is_written_once_with_its_moment_and_no_person(world):
    first, second = world.watch(robots=True), world.watch(robots=True)
    shown(world, 9_999, TEN)
    await asyncio.gather(first.tick(TEN), second.tick(TEN))
    shown(world, 10_012, TEN + 1)
    assert sum(await asyncio.gather(first.tick(TEN + 1), second.tick(TEN + 1))) == 1
    shown(world, 10_500, TEN + 2)
    assert await first.tick(TEN + 2) + await second.tick(TEN + 2) == 0
    [one] = await world.stores.mongo["milestones"].find({}, comment=LOOKING).to_list(None)
    assert (one["_id"], one["at"], one["after"]) == ("flag:10000", TEN + 1, TEN)
    # Nothing in it could tell of anybody: no ordinal, no citizen.
    assert set(one) == {"_id", "campaign", "value", "listed", "at", "after", "telling", "due"}
    assert await world.notes() == ["10月2日 10:00:01 突破 1万人"]


async def test_the_duty_log_has_what_a_killed_process_was_about_to_say(world, monkeypatch):
    watch = world.watch()
    shown(world, 9_999, TEN)
    await watch.tick(TEN)
    shown(world, 10_012, TEN + 1)

    async def killed(*_):
        raise asyncio.CancelledError

    monkeypatch.setattr(watch, "_note", killed)
    with pytest.raises(asyncio.CancelledError):
        await watch.tick(TEN + 1)
    assert await world.watch().tick(TEN + 2) == 1
    assert await world.notes() == ["10月2日 10:00:01 突破 1万人"]


async def test_the_robots_hear_of_it_once(world):
    world.campaigns = [campaign(demo=True)]
    watch = world.watch(robots=True)
    for second, participants in enumerate((99_999, 100_000)):
        shown(world, participants, TEN + second)
        await watch.tick(TEN + second)
    processes = [world.process(robots=True) for _ in range(3)]
    await asyncio.gather(*(one.tick(TEN + 3) for one in processes))
    await processes[0].tick(TEN + 9)
    assert [one.telling for one in await world.milestones.of("flag")] == ["none", "told"]
    assert [text for text, _ in world.robots.told] == ["【演示数据】【里程碑】向国旗敬礼\n10月2日 10:00:01 突破 10万人"]


async def test_what_came_of_the_telling_is_written_down(world, monkeypatch):
    watch = world.watch(robots=True)
    for second, participants in enumerate((9_999, 10_000)):
        shown(world, participants, TEN + second)
        await watch.tick(TEN + second)

    async def killed(self, text, now, *, picture=None):
        raise asyncio.CancelledError

    with monkeypatch.context() as patched:
        patched.setattr(Robots, "tell", killed)
        with pytest.raises(asyncio.CancelledError):
            await world.process(robots=True).tick(TEN + 2)
    outcomes = []
    for seconds in (60, 400, 401):
        assert await world.process(robots=True).tick(TEN + seconds) == (seconds == 400)
        outcomes.append((await world.milestones.of("flag"))[0].telling)
    assert (outcomes, world.robots.told) == (["telling", "failed", "failed"], [])


async def test_of_too_many_the_largest_are_named(world, monkeypatch):
    monkeypatch.setattr(milestones, "MOST", 2)
    for value in (500, 100_000, 9_000, 10_000):
        await world.milestones.add(Milestone(f"flag:{value}", "flag", value, TEN, 0.0))
    await world.milestones.add(Milestone("flag-2:700", "flag-2", 700, TEN, 0.0))
    assert [one.value for one in await world.milestones.of("flag")] == [10_000, 100_000]


async def test_a_void_afterwards_changes_nothing(world):
    watch = world.watch()
    for second, participants in enumerate((9_990, 10_000, 9_995, 10_001)):
        shown(world, participants, TEN + second)
        await watch.tick(TEN + second)
    [one] = await world.milestones.of("flag")
    assert (one.value, one.at) == (10_000, TEN + 1)
    text = (await world.process().make(world.campaign, "chen", TEN + 60))[0].text
    assert "10月2日 10:00:01 突破 1万人" in text


async def test_a_bulletin_names_no_milestone_that_its_own_figures_have_not_passed(world):
    watch = world.watch()
    for second, participants in enumerate((9_990, 10_000)):
        shown(world, participants, TEN + second)
        await watch.tick(TEN + second)
    shown(world, 9_995, TEN + 2)
    assert "突破" not in (await world.process().make(world.campaign, "chen", TEN + 2))[0].text


async def test_what_was_passed_while_nobody_looked_is_not_later_than_and_told_to_nobody(world):
    shown(world, 120_000, TEN)
    assert await world.watch(robots=True).tick(TEN) == 2
    assert set(await world.notes()) == {"不晚于10月2日 10:00:00 突破 1万人", "不晚于10月2日 10:00:00 突破 10万人"}
    await world.process(robots=True).tick(TEN + 1)
    assert world.robots.told == []


async def test_a_process_that_takes_over_knows_what_the_one_before_saw(world):
    shown(world, 9_999, TEN)
    await world.watch().tick(TEN)
    shown(world, 10_000, TEN + 20)
    await world.watch().tick(TEN + 20)
    shown(world, 100_001, TEN + 500)
    await world.watch().tick(TEN + 500)
    assert [(one.value, one.after) for one in await world.milestones.of("flag")] == [(10_000, TEN), (100_000, 0)]


async def test_a_table_of_its_own_counts_from_then_on(world):
    shown(world, 450, TEN)
    watch = world.watch()
    await watch.tick(TEN)
    await world.process().keep_settings(world.campaign, BulletinSettings(milestones=[500, 700]), TEN)
    watch = world.watch()
    for second, participants in ((10, 499), (11, 510)):
        shown(world, participants, TEN + second)
        await watch.tick(TEN + second)
    table = await world.process().milestones(world.campaign)
    assert [(one["value"], one["passed_at"]) for one in table] == [(500, "2026-10-02T10:00:11+08:00"), (700, None)]


async def test_a_campaign_that_is_not_open_or_incomplete_holds_no_other_up(world):
    world.campaigns = [campaign(slug="other", state="frozen"), campaign(slug="broken"), campaign()]
    whole = world._figures

    async def broken(slug, *args, **options):
        return replace(await whole(slug, *args, **options), stale_shards=int(slug == "broken"))

    world._figures = broken
    shown(world, 10_000, TEN)
    assert await world.watch().tick(TEN) == 1
    assert {one["campaign"] for one in await world.stores.mongo["milestones"].find({}, comment=LOOKING).to_list(None)} == {"flag"}


async def test_a_daily_campaign_passes_by_the_sum_of_its_days(world):
    world.campaigns = [campaign(period_rule="daily")]
    watch = world.watch()
    for second, today in enumerate((3_999, 4_000)):
        world.shown = {"20261001": figures(6_000), "20261002": figures(today, as_of=float(TEN + second))}
        await watch.tick(TEN + second)
    assert [(one.value, one.at) for one in await world.milestones.of("flag")] == [(10_000, TEN + 1)]


async def test_minutes_of_a_day_stay_when_the_counters_forget_them(world):
    eight = at("2026-10-01 08:00:00")
    world.shown["all"] = replace(figures(50), as_of=float(eight + 30), by_minute=((eight - 60, 20), (eight, 30)))
    await world.watch().tick(eight + 30)
    world.shown["all"] = Figures(as_of=float(TEN))
    assert await curve(world.watches, world.snapshots(), world.campaign, "20261001", TEN) == {479: 20, 480: 30}
    world.shown["all"] = replace(figures(5), by_minute=((TEN, 5), (eight, 30)))
    assert await curve(world.watches, world.snapshots(), world.campaign, "20261002", TEN) == {600: 5}
    assert await world.watches.peak("flag") == (30, eight)


async def test_a_minute_that_was_voided_is_let_go_and_one_that_is_out_of_reach_stays(world):
    eight, nine = at("2026-10-01 08:00:00"), at("2026-10-01 09:00:00")
    world.shown["all"] = replace(figures(50), by_minute=((eight, 30), (nine, 20)))
    await world.watch().tick(nine + 30)
    world.shown["all"] = replace(figures(1), by_minute=((TEN, 1),))  # eight is out of reach by now, all of nine was voided
    await world.watch().tick(nine + 86_400 - 1800)
    assert await world.watches.minutes("flag", "20261001") == {480: 30}


async def test_silent_shards_change_nothing_that_was_kept(world):
    world.shown["all"] = replace(figures(7), by_minute=((TEN, 7),))
    await world.watch().tick(TEN + 30)
    world.shown["all"] = replace(figures(1), by_minute=((TEN, 1),), stale_shards=1)
    await world.watch().tick(TEN + 60)
    assert await world.watches.minutes("flag", "20261002") == {600: 7}


async def test_what_came_between_the_last_turn_and_the_end_is_kept(world):
    watch = world.watch()
    world.shown["all"] = replace(figures(9_999), by_minute=((TEN, 7),))
    await watch.tick(TEN + 30)
    world.campaigns = [campaign(state="frozen")]
    world.shown["all"] = replace(figures(10_002), by_minute=((TEN, 7),), stale_shards=1)
    assert await watch.tick(TEN + 31) == 0  # it is looked at again
    world.shown["all"] = replace(figures(10_002), by_minute=((TEN, 10),), as_of=float(TEN + 32))
    assert await watch.tick(TEN + 32) == 1
    assert await world.watches.minutes("flag", "20261002") == {600: 10}
    world.shown["all"] = figures(100_000, by_minute=((TEN, 99),))
    assert await watch.tick(TEN + 33) == 0


async def test_a_campaign_that_fails_holds_no_other_up(world, caplog):
    world.campaigns = [campaign(slug="broken"), campaign()]
    whole = world._figures

    async def broken(slug, *args, **options):
        return {}["a bug"] if slug == "broken" else await whole(slug, *args, **options)

    world._figures = broken
    shown(world, 10_000, TEN)
    assert await world.watch().tick(TEN) == 1
    assert "the figures of broken could not be looked at" in caplog.text
