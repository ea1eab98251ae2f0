"""What operators are shown of the journals, over real stores."""

from __future__ import annotations

import logging
import time

import pytest

from server.journals import Journals
from server.metrics import Metrics
from tests.server.counting.world import World, campaign

pytestmark = pytest.mark.gen_test(timeout=60)


async def opened(stores, tmp_path, max_changes: int = 100) -> tuple[World, Journals]:
    world = await World(stores, tmp_path, campaign()).ready()
    return world, Journals(world.counting, world.epochs, world.documents, Metrics(), world.campaigns.running, max_changes=max_changes)


async def test_what_is_on_its_way_and_how_fast_it_goes_are_shown(stores, tmp_path):
    world, journals = await opened(stores, tmp_path)
    for citizen in range(20):
        await world.salute(citizen)
    [before] = (await journals.view(world.campaigns.current))["items"]
    assert (before["backlog"], before["ready"], before["alarm"]) == (20, True, False) and before["journal_bytes"] > 0
    await world.carry_all()
    [after] = (await journals.view(world.campaigns.current))["items"]
    assert (after["backlog"], after["carried_by"]) == (0, "test") and after["drained_per_second"] > 0
    assert after["journal_bytes"] < before["journal_bytes"]
    await world.close()


async def test_a_half_full_journal_is_told_once_and_its_recovery_too(stores, tmp_path, caplog):
    world, journals = await opened(stores, tmp_path)
    for citizen in range(50):
        await world.salute(citizen)
    with caplog.at_level(logging.WARNING, "server.journals"):
        for _ in range(3):
            await journals.tick(time.time())
        assert len(caplog.records) == 1 and "50 changes of at most 100" in caplog.text
        assert b"wenming_journals_alarmed_count 1.0" in journals._metrics.snapshot()
        assert b"wenming_journals_waiting_count 50.0" in journals._metrics.snapshot()
        await world.carry_all()
        await journals.tick(time.time())
        assert len(caplog.records) == 2 and "below half" in caplog.text
    assert b"wenming_journals_alarmed_count 0.0" in journals._metrics.snapshot()
    await world.close()


async def test_what_mongodb_refused_is_shown_until_it_is_settled(stores, tmp_path):
    world, journals = await opened(stores, tmp_path)
    await world.salute(1)
    await world.documents.note_poison("flag:all:0", 1, ["a row"], "too odd", time.time())
    [note] = (await journals.view(world.campaigns.current))["poison"]
    assert (note["shard"], note["reason"], note["row"]) == ("flag:all:0", "too odd", "['a row']")
    await stores.mongo["poison"].update_one({"_id": note["change"]}, {"$set": {"settled": True}})
    assert not (await journals.view(world.campaigns.current))["poison"]
    await world.close()


async def test_a_shard_that_does_not_answer_is_shown_without_figures(stores, tmp_path):
    world, journals = await opened(stores, tmp_path)
    await world.salute(1)
    handle = world.counting.period(world.campaigns.current, "all").handles[0]

    async def gone(*args, **kwargs):
        raise TimeoutError

    handle.shard.figures = gone
    [view] = (await journals.view(world.campaigns.current))["items"]
    assert (view["ready"], view["backlog"], view["alarm"]) == (False, None, False)
    await journals.tick(time.time())
    del handle.shard.figures
    await world.close()
