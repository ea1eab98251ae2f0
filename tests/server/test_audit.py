"""The audit says where arrays, totals and documents disagree: each kind of damage is found, and health is not."""

from __future__ import annotations

import asyncio
import struct
import time

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
                                    "document strange", "mark lost", "regions exchanged", "unit wrong",
                                    "minute wrong", "counter set back", "sequence set back", "voided ordinal given again",
                                    "mark of an empty cell lost", "document of another shard", "document of no activity",
                                    "record of the shard lost", "another product's counters", "bit of no activity"])
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
    elif damage == "regions exchanged":  # the sum is right
        await stores.redis.hincrby(totals, "r:350602", -1)
        await stores.redis.hincrby(totals, "r:declined", 1)
    elif damage == "unit wrong":
        await stores.redis.hincrby(shard.keys[3], "school-1", 1)
    elif damage == "minute wrong":
        await stores.redis.hincrby(shard.keys[2], int(time.time() // 60), 1)
    elif damage == "counter set back":
        await stores.redis.hset(shard.keys[0], "ordinal", 10)
    elif damage == "sequence set back":
        await stores.redis.hset(shard.keys[0], "seq", 10)
    elif damage == "voided ordinal given again":
        await world.amendments.void(world.campaigns.current, "all", 2)
        await world.carry_all()
        assert (await world.audit())["ok"]
        voided = struct.unpack(">I", await stores.redis.getrange(page, 14, 17))[0]
        await stores.redis.setrange(page, 28, struct.pack(">I", voided))
        await stores.mongo["participations"].update_one({"_id": "flag:all:4:salute"}, {"$set": {"ordinal": voided}})
    elif damage == "mark of an empty cell lost":
        await world.amendments.merge(100, 2)
        await world.carry_all()
        assert (await world.audit())["ok"]
        await stores.redis.setrange(page, 14 * 50, b"\0" * 14)
    elif damage in ("document of another shard", "document of no activity"):
        document = await stores.mongo["participations"].find_one({"_id": "flag:all:2:salute"})
        document |= {"_id": "another", "pos": "flag:all:0:0000009999"}
        document |= {"citizen": 3} if damage.endswith("shard") else {"activity": "dance"}
        await stores.mongo["participations"].insert_one(document)
    elif damage == "record of the shard lost":
        await stores.mongo["shards"].delete_one({"_id": "flag:all:0"})
    elif damage == "another product's counters":
        await stores.redis.hset(shard.keys[0], "birth", "another")
    elif damage == "bit of no activity":
        ordinal, second, seq, flags = struct.unpack(">IIIH", await stores.redis.getrange(page, 14, 27))
        await stores.redis.setrange(page, 14, struct.pack(">IIIH", ordinal, second, seq, flags | 1 << 5))
    else:
        ordinal, second, seq, flags = struct.unpack(">IIIH", await stores.redis.getrange(page, 14, 27))
        await stores.redis.setrange(page, 14, struct.pack(">IIIH", ordinal, second, seq, flags | 1 << 13))
    report = await world.audit()
    assert not report["ok"] and {finding["shard"] for finding in report["findings"]} == {"flag:all:0"}, report
    await world.close()


async def test_a_merge_and_a_void_on_their_way_are_no_fault(stores, tmp_path):
    world = await carried(stores, tmp_path)
    await world.amendments.merge(2, 5)
    await world.amendments.merge(7, 8)
    await world.amendments.void(world.campaigns.current, "all", 10)
    report = await world.audit()
    assert report["ok"] and report["pending"] > 0, report
    await world.proved(37)
    await world.close()
