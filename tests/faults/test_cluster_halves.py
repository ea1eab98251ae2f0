"""A slot moves key by key. Whatever dies while one half of a shard is here and the other there, nobody gets a second number."""

from __future__ import annotations

import asyncio

import pytest
from redis.crc import key_slot

from server import keys
from tests.faults.crowd import Crowd
from tests.faults.test_cluster import SHARDS, cluster, handles, world  # noqa: F401 fixtures

pytestmark = [pytest.mark.gen_test(timeout=110), pytest.mark.timeout(120)]


class Half:
    """Shard 0 with twenty people who are all in MongoDB, while its slot moves and the given keys have left."""

    def __init__(self, world, cluster, crowd):  # noqa: F811
        self.world, self.cluster, self.crowd = world, cluster, crowd
        self.shard = handles(world)[0].shard
        meta = self.shard.keys[0]
        self.page = keys.shard_page(self.shard.tag, 0)
        self.slot, self.source = key_slot(meta.encode()), cluster.master_of(meta)
        self.target = next(s for s in cluster.servers if s is not self.source and s.is_master)
        self.told = {c: crowd.answers[c][0] for c in crowd.answers if c % SHARDS == 0}

    @classmethod
    async def made(cls, world, cluster):  # noqa: F811
        crowd = Crowd(world)
        await crowd.come(range(SHARDS, 20 * SHARDS), 0.3)
        await crowd.until_durable()
        half = cls(world, cluster, crowd)
        half.target.client.execute_command("CLUSTER", "SETSLOT", half.slot, "IMPORTING", half.source.name)
        half.source.client.execute_command("CLUSTER", "SETSLOT", half.slot, "MIGRATING", half.target.name)
        return half

    def move(self, *names):
        self.source.client.execute_command("MIGRATE", "127.0.0.1", self.target.port, "", 0, 5000, "KEYS", *names)

    async def fail_over(self, server):
        replica = self.cluster.replica_of(server)
        server.client.execute_command("WAIT", 1, 1000)
        server.kill()
        await asyncio.to_thread(self.cluster.wait_failover, replica)

    async def ordinals(self, *, with_receipts=False):
        return {c: (await self.world.salute_until_taken(c, receipt=told.receipt if with_receipts else "")).ordinal
                for c, told in self.told.items()}


@pytest.mark.parametrize("with_receipts", [False, True])
async def test_its_master_dies_when_only_a_page_has_left(world, cluster, with_receipts):  # noqa: F811
    half = await Half.made(world, cluster)
    half.move(half.page)
    await half.fail_over(half.source)
    assert await half.ordinals(with_receipts=with_receipts) == {c: told.ordinal for c, told in half.told.items()}
    assert (await half.shard.figures(minutes=0)).participants == len(half.told) + 1


async def test_its_new_master_dies_before_anybody_asked_it(world, cluster):  # noqa: F811
    half = await Half.made(world, cluster)
    await world.ledgers.close()
    half.move(*half.source.client.execute_command("CLUSTER", "GETKEYSINSLOT", half.slot, 100))
    for server in cluster.servers:
        if server.is_master:
            server.client.execute_command("CLUSTER", "SETSLOT", half.slot, "NODE", half.target.name)
    await half.fail_over(half.target)
    assert await half.ordinals() == {c: told.ordinal for c, told in half.told.items()}
    assert (await half.shard.figures(minutes=0)).participants == len(half.told) + 1
