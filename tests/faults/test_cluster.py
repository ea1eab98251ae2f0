"""Counting over a real Redis Cluster of six, while its slots move, its masters die and its connections are cut.

Redis may lose what it acknowledged in a failover. Then receipts bring the same ordinals back: shown here, not assumed.
"""

from __future__ import annotations

import asyncio
import secrets
import tempfile
import time
from pathlib import Path

import pymongo
import pytest

from server import doctor
from server.counting.service import Handle
from server.counting.shards import shards_for
from server.stores import ensure_indexes, open_stores
from tests.conftest import OURS
from tests.faults.crowd import Crowd, settle
from tests.redis_cluster import MASTERS, RedisCluster, programs
from tests.server.counting.world import World, campaign

pytestmark = [pytest.mark.gen_test(timeout=110), pytest.mark.timeout(120)]
SHARDS = 4 * MASTERS
# Everything on the newest Redis; on the others too in `make test-long` and `make cluster-test`.
PROGRAMS = programs()


@pytest.fixture(params=[pytest.param(name, marks=[pytest.mark.long] if n else []) for n, name in enumerate(PROGRAMS)])
def cluster(request):
    """Three masters, three replicas, fsync every second: as a city has it."""
    with tempfile.TemporaryDirectory(prefix="wenming-cluster-") as folder:
        made = RedisCluster(Path(folder) / "cluster", program=PROGRAMS[request.param])
        try:
            made.start()
            yield made
        finally:
            made.end()


@pytest.fixture
def world(io_loop, real_stores, cluster, tmp_path):
    """Counting over the cluster, with its ledger running."""
    database = OURS + secrets.token_hex(6)

    async def opened() -> World:
        stores = open_stores(real_stores.database(database), cluster.url, redis_cluster=True)
        await ensure_indexes(stores.mongo)
        made = await World(stores, tmp_path, campaign(SHARDS)).ready()
        made.issued = 4096
        await Crowd(made).come(range(SHARDS), 0)
        await made.ledgers.tick(time.time())
        return made

    made = io_loop.run_sync(opened)
    yield made
    io_loop.run_sync(made.close)
    io_loop.run_sync(made.stores.close)
    with pymongo.MongoClient(real_stores.mongodb_uri) as client:
        client.drop_database(database)


def handles(world: World) -> list[Handle]:
    return world.counting.period(world.campaigns.current, "all").handles


async def test_shards_spread_evenly_over_the_masters_and_ordinals_follow_the_formula(world, cluster):
    owners = [cluster.master_of(handle.shard.keys[0]).port for handle in handles(world)]
    assert sorted(owners.count(port) for port in set(owners)) == [4, 4, 4]
    assert await shards_for(world.stores.counting) == SHARDS
    crowd = Crowd(world)
    await crowd.come(range(600), 1)
    assert not crowd.refused
    for citizen, [taken] in crowd.answers.items():
        assert (taken.ordinal - 1) % SHARDS == citizen % SHARDS
    await settle(world, crowd)


async def test_a_slot_moves_in_the_middle_of_a_crowd_and_nobody_is_refused(world, cluster):
    crowd = Crowd(world)
    load = asyncio.ensure_future(crowd.come(range(1200), 6))
    for handle in handles(world)[:4]:
        await asyncio.sleep(0.7)
        before = cluster.master_of(handle.shard.keys[0]).port
        after = await asyncio.to_thread(cluster.move_slot, handle.shard.keys[0], 0.05)
        assert after.port != before
    await load
    assert not crowd.refused
    # The formula holds without a gap: a moved shard lost nothing, so it leaves no margin.
    assert sorted(answers[0].ordinal for answers in crowd.answers.values()) == list(range(1, 1201))
    await settle(world, crowd)


async def test_a_master_dies_and_only_its_shards_wait_for_the_failover(world, cluster):
    crowd = Crowd(world)
    load = asyncio.ensure_future(crowd.come(range(900), 5))
    await asyncio.sleep(1)
    dead = cluster.servers[0]
    theirs = {n for n, handle in enumerate(handles(world)) if cluster.master_of(handle.shard.keys[0]) is dead}
    replica = cluster.replica_of(dead)
    dead.kill()
    await asyncio.to_thread(cluster.wait_failover, replica)
    await load
    assert {citizen % SHARDS for _, citizen in crowd.refused} == theirs
    await settle(world, crowd)


async def test_what_a_failover_loses_comes_back_with_its_own_ordinals(world, cluster):
    """The replica is away for a while: what its master acknowledged meanwhile is lost with it, for certain."""
    crowd = Crowd(world)
    await crowd.come(range(300), 0.5)
    await world.ledgers.close()  # nothing reaches MongoDB either: receipts are all that is left
    dead = cluster.servers[0]
    theirs = {n for n, handle in enumerate(handles(world)) if cluster.master_of(handle.shard.keys[0]) is dead}
    replica = cluster.replica_of(dead)
    await asyncio.sleep(1.5)  # its append-only file has what came so far
    replica.kill()
    await crowd.come(range(300, 600), 0.2)
    dead.kill()
    await asyncio.to_thread(replica.start)
    await asyncio.to_thread(cluster.wait_failover, replica)
    lost = [citizen for citizen in range(300, 600) if citizen % SHARDS in theirs]
    figures = await figures_when_ready(world, theirs)
    held = sum(figures[n].participants for n in theirs)
    known = sum(1 for citizen in range(600) if citizen % SHARDS in theirs)
    assert known - len(lost) <= held < known  # lost, before anybody sent anything again
    await world.ledgers.tick(time.time())
    await settle(world, crowd)
    assert len(crowd.answers) == 600


async def figures_when_ready(world: World, shards: set[int]) -> dict:
    """Figures of some shards, once somebody who asks for them has them looked after."""
    until = time.monotonic() + 30
    while True:
        await world.counting.figures("flag", None, time.time())
        found = {n: handles(world)[n].last for n in shards}
        if all(handles(world)[n].epoch is not None and found[n] and found[n].ready for n in shards) and not (
                await world.counting.figures("flag", None, time.time())).stale_shards:
            return {n: handles(world)[n].last for n in shards}
        assert time.monotonic() < until
        await asyncio.sleep(0.2)


async def test_a_master_cut_off_with_its_clients_comes_back_as_a_replica(world, cluster):
    """A paused master is to everybody a partition: it misses its own deposition, and its late answers must decide nothing."""
    crowd = Crowd(world)
    load = asyncio.ensure_future(crowd.come(range(900), 6))
    await asyncio.sleep(1)
    cut_off = cluster.servers[1]
    replica = cluster.replica_of(cut_off)
    cut_off.pause()
    await asyncio.to_thread(cluster.wait_failover, replica)
    await asyncio.sleep(0.5)
    cut_off.resume()
    await asyncio.to_thread(cluster.wait_ready)
    await load
    assert not cut_off.is_master
    await settle(world, crowd)


async def test_one_shards_broken_connection_is_its_own(world, cluster):
    await Crowd(world).come(range(SHARDS), 0)
    nodes = world.stores.counting._nodes
    connections = {address: node._connection for address, node in nodes.items()}
    victim = ("127.0.0.1", cluster.servers[2].port)
    cluster.servers[2].client.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    crowd = Crowd(world)
    await crowd.come(range(SHARDS, 4 * SHARDS), 0.2)
    assert nodes[victim]._connection is not connections.pop(victim)
    assert all(nodes[address]._connection is connection for address, connection in connections.items())
    assert not crowd.refused


async def test_a_master_that_was_deposed_without_knowing_it_gave_nothing_away(world, cluster):
    """Cut off from the others but not from us, it still calls itself master; what it acknowledged after the cut is in no replica."""
    key = handles(world)[0].shard.keys[0]
    deposed = cluster.master_of(key)
    run_id = deposed.client.info("server")["run_id"].encode()
    nodes = world.stores.counting
    replica, others = cluster.replica_of(deposed), [s for s in cluster.servers if s is not deposed]
    for other in others:
        deposed.client.execute_command("CLUSTER", "FORGET", other.name)  # it hears nobody any more
    replica.client.execute_command("CLUSTER", "FAILOVER", "TAKEOVER")
    cluster.wait(lambda: replica.is_master, "the replica takes over")
    assert deposed.is_master
    assert not await nodes.gave_away(run_id, key)


async def test_a_master_that_gave_a_slot_away_says_so(world, cluster):
    key = handles(world)[0].shard.keys[0]
    source = cluster.master_of(key)
    run_id = source.client.info("server")["run_id"].encode()
    assert not await world.stores.counting.gave_away(run_id, key)
    await asyncio.to_thread(cluster.move_slot, key)
    assert await world.stores.counting.gave_away(run_id, key)
    assert not await world.stores.counting.gave_away(b"0" * 40, key)


async def test_the_doctor_looks_at_a_cluster_too(world):
    findings = await doctor._redis(world.stores)
    assert findings[0].mark == "ok" and "Redis" in findings[0].what
    assert not [finding for finding in findings if "evict" in finding.what]
