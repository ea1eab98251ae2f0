"""How fast the ledger carries a journal, beside bare inserts of the same documents. `python -m tests.bench.bench_ledger [changes]`

The journal is that of a crowd: entries of some sixty salutes. Both write into the embedded store, in turns; what counts is the ratio.
"""

from __future__ import annotations

import statistics
import sys
import time
from pathlib import Path

import uvloop

from server.counting.shards import Item
from server.participations import Participation
from server.stores import Stores, open_stores
from tests.bench.own_stores import own_stores
from tests.server.counting.world import XIANGCHENG, World, campaign

ROUNDS, ENTRY_ROWS, INSERT_ROWS = 3, 60, 1000


async def carried_per_second(world: World, slug: str, changes: int) -> float:
    """Fill a journal, then carry it."""
    current = campaign(slug=slug)
    [shard] = await world.counting.prepare(current, time.time())
    await world.counting.period(current, "all").handles[0].coalescer.look(0)  # returns once the shard is open
    state = await world.epochs.find(shard.id)
    for start in range(0, changes, ENTRY_ROWS):
        assert await shard.accept(state.epoch, [Item(citizen, 0, XIANGCHENG) for citizen in range(start, min(changes, start + ENTRY_ROWS))])
    fence = await world.epochs.take_journal(shard.id, world.owner, time.time() + 60)
    began, moved = time.monotonic(), 0
    while moved < changes:
        moved += await world.ledger.step(shard, current, fence)
    return changes / (time.monotonic() - began)


async def inserted_per_second(stores: Stores, slug: str, changes: int) -> float:
    """The same documents, and nothing else."""
    collection = stores.mongo_batches[f"bare_{slug[-1]}"]
    await collection.create_index("pos")
    documents = [Participation(slug, "all", 0, n + 1, n, "salute", n + 1, 1_790_000_000, XIANGCHENG, "").document() for n in range(changes)]
    began = time.monotonic()
    for start in range(0, changes, INSERT_ROWS):
        await collection.insert_many(documents[start:start + INSERT_ROWS], ordered=False)
    return changes / (time.monotonic() - began)


async def main(redis_url: str, mongodb_uri: str, folder: Path, changes: int) -> None:
    stores = open_stores(mongodb_uri, redis_url)
    world = await World(stores, folder, campaign()).ready()
    carried, bare = [], []
    for round_ in range(ROUNDS):
        carried.append(await carried_per_second(world, f"ledger-{round_}", changes))
        bare.append(await inserted_per_second(stores, f"ledger-{round_}", changes))
        print(f"ledger {carried[-1]:.0f}/s, bare inserts {bare[-1]:.0f}/s", flush=True)
    print(f"{changes} changes, medians of {ROUNDS}: ledger {statistics.median(carried):.0f}/s, bare inserts "
          f"{statistics.median(bare):.0f}/s, ratio {statistics.median(c / b for c, b in zip(carried, bare, strict=True)):.2f}")
    await world.close()
    await stores.close()


if __name__ == "__main__":
    with own_stores() as where:
        uvloop.run(main(*where, int(sys.argv[1]) if len(sys.argv) > 1 else 40_000))
