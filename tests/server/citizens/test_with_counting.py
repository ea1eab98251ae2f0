"""Merging and deletion over the real counting: totals, ordinals and audit stand."""

from __future__ import annotations

import asyncio

import pytest

from server.citizens import Citizens
from server.citizens.merges import ROUNDS_SECONDS
from tests.server.citizens.people import MINIPROGRAM, NOON, OFFICIAL, SECRET
from tests.server.counting.world import World, campaign

pytestmark = pytest.mark.gen_test(timeout=60)


def citizens_of(world: World, tmp_path) -> Citizens:
    async def merge(loser: int, survivor: int, now: float) -> None:
        await world.amendments.merge(loser, survivor)

    async def flag(citizen: int, now: float) -> None:
        await world.amendments.flag_deleted(citizen)

    async def took_part(citizen: int) -> bool:
        return bool(await world.amendments.flag_deleted(citizen))

    return Citizens(world.stores.mongo, SECRET, deletion_list=tmp_path / "deletions.jsonl", merge_counts=merge, erasers=[flag],
                    in_unarchived_campaign=took_part)


async def settled(world: World, work) -> None:
    """Run a job while the ledger carries what it waits for."""
    running = asyncio.ensure_future(work)
    while not running.done():
        await world.carry_all()
        await asyncio.sleep(0.05)
    await running
    await world.carry_all()


async def test_a_deletion_leaves_the_count_and_the_audit_as_they_are(stores, tmp_path):
    world = await World(stores, tmp_path, campaign()).ready()
    citizens = citizens_of(world, tmp_path)
    numbers = [await citizens.identify(OFFICIAL, f"openid-{i}", None, NOON) for i in range(5)]
    await asyncio.gather(*(world.salute(number) for number in numbers))
    await world.carry_all()
    await citizens.delete(numbers[2], NOON)
    await citizens.finish_deletions(NOON + 6)
    await world.carry_all()
    audit = await world.audit()
    assert audit["ok"] and audit["participants"] == {"cells": 5, "totals": 5, "documents": 5}
    assert await citizens.forget_hashes(NOON + 7) == 0, "the campaign is not archived"
    assert await citizens.identify(OFFICIAL, "openid-2", None, NOON + 8) == numbers[2], "she cannot be counted a second time"
    await world.close()


async def test_one_person_who_saluted_under_two_numbers_is_counted_once(stores, tmp_path):
    world = await World(stores, tmp_path, campaign()).ready()
    citizens = citizens_of(world, tmp_path)
    one = await citizens.identify(OFFICIAL, "openid-alice", None, NOON)
    two = await citizens.identify(MINIPROGRAM, "mini-alice", "union-alice", NOON)
    first = await world.salute(two)
    await world.salute(one)
    await world.carry_all()
    assert await citizens.identify(OFFICIAL, "openid-alice", "union-alice", NOON) == one
    await settled(world, citizens.finish_merges(NOON + ROUNDS_SECONDS[0]))
    await settled(world, citizens.finish_merges(NOON + ROUNDS_SECONDS[1]))
    again = await world.salute(citizens.resolve(two))
    assert (again.ordinal, again.first) == (first.ordinal, False), "the earlier participation stays"
    audit = await world.audit()
    assert audit["ok"], audit
    assert (await world.counting.figures("flag", "all", NOON)).participants == 1
    await world.close()
