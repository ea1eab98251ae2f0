"""The audit says where arrays, totals and documents disagree: each kind of damage is found, and health is not."""

from __future__ import annotations

import asyncio
import struct

import pytest

from tests.server.counting.world import World, campaign

pytestmark = pytest.mark.gen_test(timeout=60)


async def carried(stores, tmp_path, shards: int = 2) -> World:
    world = await World(stores, tmp_path, campaign(shards)).ready()
    await asyncio.gather(*(world.salute(citizen) for citizen in range(40)))
    await world.carry_all()
    return world


def shard_of(world: World):
    return world.counting.period(world.campaigns.current, "all").handles[0].shard


async def test_health_is_ok_on_every_shard_and_beside_a_load(stores, tmp_path):
    world = await carried(stores, tmp_path)
    report = await world.audit()
    assert report["ok"] and report["participants"] == {"cells": 40, "totals": 40, "documents": 40}
    load = asyncio.gather(*(world.salute(citizen) for citizen in range(40, 400)))
    report = await world.audit()
    await load
    assert report["ok"], report
    await world.close()


@pytest.mark.parametrize("damage", ["cell lost", "ordinal twice", "total wrong", "region wrong", "activity wrong", "document lost",
                                    "document strange", "mark lost"])
async def test_damage_is_found(stores, tmp_path, damage):
    world = await carried(stores, tmp_path)
    shard = shard_of(world)
    page, totals = f"count:{shard.tag}:page:0", shard.keys[1]
    if damage == "cell lost":
        await stores.redis.setrange(page, 14, b"\0" * 14)
    elif damage == "ordinal twice":
        first = await stores.redis.getrange(page, 0, 3)
        await stores.redis.setrange(page, 14, first)
    elif damage == "total wrong":
        await stores.redis.hincrby(totals, "p", 1)
    elif damage == "region wrong":
        await stores.redis.hincrby(totals, "r:350602", -1)
    elif damage == "activity wrong":
        await stores.redis.hincrby(totals, "a:0", 1)
    elif damage == "document lost":
        await stores.mongo["participations"].delete_one({"_id": "flag:all:2:salute"})
    elif damage == "document strange":
        await stores.mongo["participations"].update_one({"_id": "flag:all:2:salute"}, {"$set": {"ordinal": 12345}})
    else:
        ordinal, second, seq, flags = struct.unpack(">IIIH", await stores.redis.getrange(page, 14, 27))
        await stores.redis.setrange(page, 14, struct.pack(">IIIH", ordinal, second, seq, flags | 1 << 13))
    report = await world.audit()
    assert not report["ok"] and report["findings"][0]["shard"] == "flag:all:0", report
    await world.close()
