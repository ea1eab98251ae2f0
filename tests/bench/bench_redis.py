"""What a call of the counting script costs our process: by our own connection, and by redis-py. `python -m tests.bench.bench_redis`

Both send the same batches to the same Redis, for one shard and for twelve at once, in turns; what is measured is processor time.
"""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from pathlib import Path

import redis.asyncio
import uvloop

from server.counting.shards import Item, Shard
from server.embedded import Supervisor, redis_child
from server.redis_nodes import RedisNodes

CALLS, ROUNDS, BATCH = 1500, 5, 16


class ThroughRedisPy:
    """The one method that a shard calls, by redis-py."""

    def __init__(self, url: str) -> None:
        self._client = redis.asyncio.Redis.from_url(url)

    async def call(self, key: str, *command):
        return await self._client.execute_command(*command)

    async def aclose(self) -> None:
        await self._client.aclose()


async def cost_us(client, shards: int, round_: int) -> float:
    """Processor time of one call, in microseconds."""
    opened = []
    for number in range(shards):
        shard = Shard(client, f"bench{round_}-{type(client).__name__.lower()}-{shards}", "all", number, shards)
        await shard.open(1, {"birth": "b", "seq": 0, "ordinal": 0, "watermark": 0, "voids": 0, "state": "open", "opens": 0,
                             "closes": 4_000_000_000, "shards": shards, "shard": number, "backlog_limit": 1 << 30, "activities": 1},
                         fresh=True)
        opened.append(shard)

    async def one(shard: Shard) -> None:
        for n in range(CALLS // shards):
            assert await shard.accept(1, [Item((n * BATCH + i) * shards + shard.shard, 0, "350602") for i in range(BATCH)])

    began = time.process_time()
    await asyncio.gather(*(one(shard) for shard in opened))
    return 1e6 * (time.process_time() - began) / (CALLS // shards * shards)


async def main(url: str) -> None:
    ours, theirs = RedisNodes(url, cluster=False), ThroughRedisPy(url)
    for shards in (1, 12):
        figures: dict[object, list[float]] = {ours: [], theirs: []}
        for round_ in range(ROUNDS):
            for client in figures:
                figures[client].append(await cost_us(client, shards, round_))
        own, other = (statistics.median(figures[client]) for client in (ours, theirs))
        print(f"{shards:>2} shards, batches of {BATCH}: own connection {own:.0f} µs a call, redis-py {other:.0f} µs, "
              f"ratio {other / own:.2f}")
    await ours.aclose()
    await theirs.aclose()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="wenming-bench-") as name:
        child, url = redis_child(Path(name) / "redis", Path(name))
        supervisor = Supervisor([child])
        supervisor.start()
        try:
            uvloop.run(main(url))
        finally:
            supervisor.stop()
