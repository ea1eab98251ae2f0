"""What a participant costs in Redis, on each version that is here."""

from __future__ import annotations

import random
import tempfile
from pathlib import Path

import pytest

from server import keys
from server.counting.cells import CELLS_PER_PAGE
from server.counting.shards import Item, Shard
from server.redis_nodes import RedisNodes
from tests.redis_cluster import RedisServer, programs

pytestmark = pytest.mark.gen_test(timeout=60)
PROGRAMS = programs()
PAGES = 3
BATCH = 512
MOST_BYTES_PER_CITIZEN = 20


@pytest.fixture(params=list(PROGRAMS))
def server(request):
    with tempfile.TemporaryDirectory(prefix="wenming-redis-") as folder:
        made = RedisServer(Path(folder) / "one", PROGRAMS[request.param], cluster=False)
        made.start()
        yield made
        made.end()


async def test_a_citizen_costs_at_most_20_bytes_of_the_array_and_the_journal_nothing_once_it_is_drained(server):
    """In any order of coming: a string that grows step by step would have twice its memory reserved."""
    nodes = RedisNodes(f"redis://127.0.0.1:{server.port}", cluster=False)
    shard = Shard(nodes, "flag", "all", 0, 1)
    await shard.open(1, {"birth": "b", "seq": 0, "ordinal": 0, "watermark": 0, "voids": 0, "state": "open", "opens": 0,
                         "closes": 4_000_000_000, "shards": 1, "shard": 0, "backlog_limit": 1_000_000, "activities": 2}, fresh=True)
    citizens = list(range(PAGES * CELLS_PER_PAGE))
    random.Random(7).shuffle(citizens)
    for start in range(0, len(citizens), BATCH):
        accepted = await shard.accept(1, [Item(citizen, 0, "350602") for citizen in citizens[start:start + BATCH]])
        assert accepted is not None
    pages = sum(server.client.memory_usage(keys.shard_page(shard.tag, page)) for page in range(PAGES))
    assert pages / len(citizens) <= MOST_BYTES_PER_CITIZEN
    full = server.client.memory_usage(shard.keys[4])
    await shard.trim(1, 1, len(citizens))
    assert server.client.memory_usage(shard.keys[4]) < full / 100
    assert sum(server.client.memory_usage(name) or 0 for name in shard.keys) < 10_000  # totals, minutes and marks of a whole city
    await nodes.aclose()
