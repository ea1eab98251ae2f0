"""What deploy/growing.md is made of: a hundred million numbers, sampled, and a look at more and more shards, on a real Redis.

`python -m tests.bench.bench_growth` (half a minute): pages of the array are made by the counting script itself, one citizen in each page
of a sample drawn evenly from all pages that so many numbers have; then what Redis keeps for them is scaled up to all.
"""

from __future__ import annotations

import random
import time
from pathlib import Path

import uvloop

from server.counting.cells import CELLS_PER_PAGE
from server.counting.shards import Item
from server.stores import open_stores
from tests.bench.bench_plan.stores import Redis, opened
from tests.bench.own_stores import own_stores
from tests.server.counting.world import XIANGCHENG, World, campaign

PEOPLE = 100_000_000
# One page in twenty-five: 64 MB.
SAMPLE = 1000
SHARDS = (1, 12, 48, 96)
LOOKS = 20


async def main(redis_url: str, mongodb_uri: str, folder: Path) -> None:
    stores = open_stores(mongodb_uri, redis_url)
    redis, world = Redis(stores), await World(stores, folder, campaign()).ready()
    _, [shard], epoch = await opened(world, "growth")
    pages, before = -(-PEOPLE // CELLS_PER_PAGE), await used(stores)
    for page in random.Random(1).sample(range(pages), SAMPLE):
        assert await shard.accept(epoch, [Item(page * CELLS_PER_PAGE + 7, 0, XIANGCHENG)])
    each = (await used(stores) - before) / SAMPLE
    print(f"array: {pages:,} pages, {SAMPLE} made, {each:,.0f} bytes each: "
          f"{pages * each / 1e9:.2f} GB, {pages * each / PEOPLE:.2f} B a number")
    for many in SHARDS:
        _, shards, _ = await opened(world, f"growth-{many}", many)
        cpu, mine, began = await redis.cpu(), time.process_time(), time.monotonic()
        for _ in range(LOOKS):
            for one in shards:
                await one.figures(minutes=0)
        n = LOOKS * many
        print(f"looks: {many:>3} shards, each {1e6 * (await redis.cpu() - cpu) / n:.0f} us of Redis, "
              f"{1e6 * (time.process_time() - mine) / n:.0f} us of the process; "
              f"a whole look {1000 * (time.monotonic() - began) / LOOKS:.1f} ms one after the other")
    await world.close()
    await stores.close()


async def used(stores) -> int:
    return int((await stores.redis.info("memory"))["used_memory"])


if __name__ == "__main__":
    with own_stores() as where:
        uvloop.run(main(*where))
