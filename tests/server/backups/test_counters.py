"""Rows and cells become documents again: where every archive is lost Redis alone says who took part; an archived campaign too."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from server.audit import Audit
from server.backups.counters import Counters
from server.backups.report import Report
from server.backups.restoring import Known
from server.backups.sources import Damages, Spool, archives, row_files
from tests.command_listener import LOOKING
from tests.server.counting.world import World, campaign

pytestmark = pytest.mark.gen_test(timeout=60)


async def saluted(stores, tmp_path) -> World:
    """Ten people took part before the backup, and twenty since."""
    made = await World(stores, tmp_path / "own", campaign()).ready()
    await asyncio.gather(*(made.salute(citizen) for citizen in range(1, 11)))
    await made.carry_all()
    made.backup = await stores.mongo["shards"].find_one({"_id": "flag:all:0"})
    await asyncio.gather(*(made.salute(citizen) for citizen in range(11, 31)))
    await made.carry_all()
    return made


async def lose_what_came_since(world: World) -> None:
    mongo, seq = world.stores.mongo, world.backup["ledger_seq"]
    for name in ("participations", "amendments"):
        await mongo[name].delete_many({"seq": {"$gt": seq}}, comment=LOOKING)
    await mongo["shards"].replace_one({"_id": "flag:all:0"}, world.backup)


def counters_of(world: World, report: Report) -> Counters:
    counting = world.stores.counting
    return Counters(counting, world.epochs, world.documents, world.keeper, Audit(counting, world.epochs, world.documents), report)


async def put_back(world: World, counters: Counters, *sources: Path) -> None:
    spool, current, seq = Spool(world.folder / "rows.db"), world.campaigns.current, world.backup["ledger_seq"]
    try:
        spool.fill(row_files(archives(sources)), {"flag:all:0": seq}, Damages())
        await counters.put_back(spool, {"flag": current}, {}, {"flag:all:0": seq}, time.time())
    finally:
        spool.close()


async def ordinals(world: World) -> dict[int, int]:
    return {one.citizen: one.ordinal async for page in world.documents.pages("flag:all:0") for one in page}


async def test_where_every_archive_is_lost_cells_become_documents_with_their_marks(stores, tmp_path):
    world = await saluted(stores, tmp_path)
    before = await ordinals(world)
    current = world.campaigns.current
    for citizen in (3, 20):
        await world.amendments.void(current, "all", citizen)
    await world.amendments.merge(25, 7)
    await world.amendments.flag_deleted(12)
    await world.carry_all()
    await lose_what_came_since(world)
    report = Report()
    counters = counters_of(world, report)
    await put_back(world, counters)
    for _ in range(2):  # as after a kill
        await counters.reopen(current)
    audits = await counters.settle(current)
    assert [audit.findings for audit in audits] == [[]] and report.findings == []
    assert audits[0].participants == {"cells": 27, "totals": 27, "documents": 27}
    assert await ordinals(world) == before
    assert (counters.deleted, counters.last_citizen) == ({12}, 30)
    await world.close()


async def test_rows_of_a_campaign_that_was_archived_since_the_backup_are_put_back_too(stores, tmp_path):
    world = await saluted(stores, tmp_path)
    before = await ordinals(world)
    await lose_what_came_since(world)
    await world.stores.redis.flushall()
    world.campaigns.current = campaign(state="archived")
    await put_back(world, counters_of(world, Report()), world.folder)
    assert await ordinals(world) == before
    await world.close()


async def test_an_archive_of_another_counting_is_told(stores, tmp_path):
    world = await saluted(stores, tmp_path)
    await lose_what_came_since(world)
    for birth, told in ((world.backup["birth"], 0), ("another city's", 1)):
        counters = counters_of(world, report := Report())
        known = Known()
        known.learn({"what": "shard", **world.backup, "birth": birth})
        counters.births = known.births
        await put_back(world, counters, world.folder)
        assert sum("several countings" in finding for finding in report.findings) == told
    await world.close()
