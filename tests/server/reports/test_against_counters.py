"""Reports and exports beside the real counters: after salutes, voids, merges and deletions both say the same."""

from __future__ import annotations

import asyncio
import time

import pytest

from server.metrics import Metrics
from server.places import PlaceIndex, Region, Unit
from server.reports import Documents, ReportMaker, Reports, ReportStore
from server.spreadsheets.workers import Workers
from server.visits import Visits
from tests.server.counting.world import SCHOOL, XIANGCHENG, World, campaign
from tests.server.reports.world import FixedPlaces, NoGroups

pytestmark = pytest.mark.gen_test(timeout=60)
PLACES = PlaceIndex({XIANGCHENG: Region(XIANGCHENG, "芗城区", "xcq", "", 1), "declined": Region("declined", "不便选择", "bbxz", "", 2)},
                    {SCHOOL: Unit(SCHOOL, "演示小学", "ysxx", XIANGCHENG)})


@pytest.mark.parametrize("rule", ["all", "daily"])
async def test_figures_are_those_of_the_counters(stores, tmp_path, rule):
    world = await World(stores, tmp_path, campaign(shards=4, period_rule=rule)).ready()
    world.campaigns.all = world.campaigns.running  # type: ignore[attr-defined]
    await asyncio.gather(*(world.salute(citizen, unit=SCHOOL if citizen % 3 == 0 else "",
                                        region="declined" if citizen % 3 == 1 else XIANGCHENG) for citizen in range(60)))
    await asyncio.gather(*(world.salute(citizen, "heroes") for citizen in range(0, 60, 2)))
    await world.carry_all()
    current, places = world.campaigns.current, FixedPlaces(PLACES)
    period = (await world.epochs.of_campaign("flag"))[0]["period"]
    await world.amendments.void(current, period, 5)
    await world.amendments.merge(9, 8)  # to another shard, the earlier one stays
    await world.amendments.merge(12, 40)
    await world.amendments.flag_deleted(21)
    await world.carry_all()

    store = ReportStore(stores.mongo)
    reports = Reports(store, Workers(tmp_path / "s"), places, world.counting.figures)  # type: ignore[arg-type]
    maker = ReportMaker(store, Documents(world.epochs, world.documents), world.campaigns, places,  # type: ignore[arg-type]
                        Visits(stores.mongo, stores.redis), NoGroups(), Metrics(), time.time)
    asked = await reports.ask(current, "bianji", time.time())
    await maker.tick(time.time())
    report = await reports.find(asked.number)

    counted = await world.counting.figures("flag", period, time.time(), units=True)
    assert (report.persons, report.times) == (counted.participants, counted.participations)
    assert report.persons == 57
    by_region = {row[1]: row[3] for row in (await reports.rows(report.number, "regions", 0))[1]}
    assert by_region == {region: n for region, n in counted.by_region.items() if n}
    assert {row[2]: row[4] for row in (await reports.rows(report.number, "units", 0))[1]} == counted.by_unit
    by_activity = [row[2] for row in (await reports.rows(report.number, "activities", 0))[1]]
    assert by_activity == [counted.by_activity["salute"], counted.by_activity["heroes"]]
    await world.close()
