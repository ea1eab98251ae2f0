"""Servers that lost what they had acknowledged, without a new name to show for it: no number is given twice."""

from __future__ import annotations

import asyncio
import dataclasses
import time

import pytest

from server.embedded import find_redis_server
from server.redis_nodes import RedisNodes
from tests.redis_cluster import RedisServer
from tests.server.counting.world import World, campaign

pytestmark = pytest.mark.gen_test(timeout=60)


@pytest.fixture
def pair(tmp_path):
    """Two servers that write each answer down, not yet started."""
    servers = [RedisServer(tmp_path / name, find_redis_server(), "always", cluster=False) for name in ("one", "two")]
    for server in servers:
        server.command += ["--repl-diskless-sync-delay", "0"]
    yield servers
    for server in servers:
        server.end()


async def world_on(stores, server, tmp_path, owner: str) -> World:
    there = dataclasses.replace(stores, counting=RedisNodes(f"redis://127.0.0.1:{server.port}", cluster=False))
    return await World(there, tmp_path, campaign(), owner=owner).ready()


async def ordinals(world: World, citizens: range) -> set[int]:
    return {(await world.salute_until_taken(citizen)).ordinal for citizen in citizens}


async def test_fsync_always_without_an_append_only_file_is_not_trusted(stores, tmp_path, pair):
    one, _ = pair
    one.command[one.command.index("--appendonly") + 1] = "no"
    one.start()
    first = await world_on(stores, one, tmp_path, "one")
    await ordinals(first, range(5))
    await first.carry_all()  # the marks in MongoDB are here
    one.client.save()
    late = await ordinals(first, range(5, 10))
    one.kill()
    one.start()
    other = await world_on(stores, one, tmp_path, "two")  # a process that was told none of them
    assert not late & await ordinals(other, range(20, 25))
    await first.stores.counting.aclose()
    await other.stores.counting.aclose()


async def test_a_master_that_followed_its_stale_successor_for_a_while_keeps_its_name_but_not_its_shard(stores, tmp_path, pair):
    one, two = pair
    for server in pair:
        server.start()
    two.client.execute_command("REPLICAOF", "127.0.0.1", one.port)
    world = await world_on(stores, one, tmp_path, "one")
    await ordinals(world, range(5))
    await world.carry_all()
    assert one.client.wait(1, 8000) == 1
    until = time.monotonic() + 15
    while time.monotonic() < until and any(
            two.client.info("persistence")[name] for name in ("aof_rewrite_in_progress", "aof_rewrite_scheduled")):
        await asyncio.sleep(0.1)
    two.client.execute_command("REPLICAOF", "NO", "ONE")  # takes over, while the old one goes on answering
    late = await ordinals(world, range(5, 10))
    await world.carry_all()
    one.client.execute_command("REPLICAOF", "127.0.0.1", two.port)
    while one.client.info("replication").get("master_link_status") != "up" and time.monotonic() < until:
        await asyncio.sleep(0.1)
    one.client.execute_command("REPLICAOF", "NO", "ONE")  # and back
    other = await world_on(stores, one, tmp_path, "two")
    assert not late & await ordinals(other, range(30, 35))
    assert not late & await ordinals(world, range(20, 25))
    await world.stores.counting.aclose()
    await other.stores.counting.aclose()
