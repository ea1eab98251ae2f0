"""At the stores, without doors: the counting script by its batch, the journal, the ledger, a look at a shard, reading, rebuilding."""

from __future__ import annotations

import os
import statistics
import time
from pathlib import Path

import bson

from server.audit import Audit
from server.citizens.identities import IdentityStore
from server.citizens.numbers import BLOCK_NUMBERS, NumberStore
from server.clock import iso
from server.counting import window_of
from server.counting.shards import Item
from server.keys import shard_page
from server.live.view import View, changes, text_frame
from server.participations import Participation
from server.stores import INDEXES, Stores, ensure_indexes, open_stores
from tests.server.counting.world import XIANGCHENG, World, campaign

# Batches of one and of many: two sizes tell what a call costs apart from its people.
CALLS_OF_ONE, CALLS_OF_MANY, MANY = 2000, 200, 200
# A crowd's journal entry: bench_ledger has the same.
ENTRY_ROWS = 60
CHANGES = 24_000
POLLS, POLLED_SHARDS = 300, 12
LEASES = 400
# As long as those of the demo: names are part of every key.
SLUG = "salute-the-flag"


class Redis:
    """The processor time of a Redis, as it tells of itself, and what it keeps."""

    def __init__(self, stores: Stores) -> None:
        self._redis = stores.redis

    async def cpu(self) -> float:
        info = await self._redis.info("cpu")
        return float(info["used_cpu_user"]) + float(info["used_cpu_sys"])

    async def set_fsync(self, policy: str) -> None:
        await self._redis.config_set("appendfsync", policy)

    async def bytes_of(self, name: str) -> int:
        return int(await self._redis.memory_usage(name, samples=0) or 0)


async def opened(world: World, slug: str, shards: int = 1):
    """A campaign's shards, open, and their epoch."""
    current = campaign(slug=slug, shards=shards)
    found = await world.counting.prepare(current, time.time())
    for handle in world.counting.period(current, "all").handles:
        await handle.coalescer.look(handle.shard.shard)  # returns once the shard is open
    return current, found, (await world.epochs.find(found[0].id)).epoch


async def script(world: World, redis: Redis) -> dict[str, float]:
    """Redis's own processor time by two sizes of batch, and how long a call takes there and back."""
    _, [shard], epoch = await opened(world, "plan-script")
    next_citizen, found = 0, {}
    for fsync in ("everysec", "always"):
        await redis.set_fsync(fsync)
        seconds, waits = [], []
        for calls, size in ((CALLS_OF_ONE, 1), (CALLS_OF_MANY, MANY)):
            before = await redis.cpu()
            for _ in range(calls):
                began = time.perf_counter()
                assert await shard.accept(epoch, [Item(next_citizen + n, 0, XIANGCHENG) for n in range(size)])
                waits.append(time.perf_counter() - began)
                next_citizen += size
            seconds.append((await redis.cpu() - before) / calls)
        citizen = (seconds[1] - seconds[0]) / (MANY - 1)
        found |= {f"redis_call_us_{fsync}": round(1e6 * (seconds[0] - citizen), 1), "redis_citizen_us": round(1e6 * citizen, 2),
                  f"redis_call_ms_{fsync}": round(1000 * statistics.median(waits[:CALLS_OF_ONE]), 2)}
    pages = next_citizen // 4096  # whole ones
    held = [await redis.bytes_of(shard_page(shard.tag, n)) for n in range(pages)]
    return {**found, "array_bytes": round(sum(held) / pages / 4096, 2)}


async def ledger(world: World) -> dict[str, float]:
    """A crowd's journal, carried into the document store; then every document read again."""
    current, [shard], epoch = await opened(world, SLUG)
    for start in range(0, CHANGES, ENTRY_ROWS):
        assert await shard.accept(epoch, [Item(n, 0, XIANGCHENG) for n in range(start, start + ENTRY_ROWS)])
    fence = await world.epochs.take_journal(shard.id, world.owner, time.time() + 60)
    began, used, moved = time.monotonic(), time.process_time(), 0
    while moved < CHANGES:
        moved += await world.ledger.step(shard, current, fence)
    used, took = time.process_time() - used, time.monotonic() - began
    began_read, seen = time.process_time(), 0
    async for page in world.documents.pages(shard.id):
        seen += len(page)
    read = time.process_time() - began_read
    assert seen == CHANGES
    document = Participation(SLUG, "all", 0, 1_000_000, 1_000_000, "salute", 1_000_000, 1_790_000_000, XIANGCHENG, "").document()
    return {"ledger_us": round(1e6 * used / CHANGES, 1),
            "store_per_second": round(CHANGES / took), "read_us": round(1e6 * read / CHANGES, 1),
            "document_bytes": len(bson.encode(document)), "keys_bytes": len(document["_id"]) + len(document["pos"])}


async def proofs(world: World) -> dict[str, float]:
    """Seconds that audit and rebuild of the ledger's campaign took, and the documents they went over."""
    current = campaign(slug=SLUG)
    shard = world.counting.period(current, "all").handles[0].shard
    began = time.monotonic()
    [audited] = await Audit(world.stores.counting, world.epochs, world.documents).campaign(current)
    assert audited.ok, audited.findings
    between = time.monotonic()
    assert await world.keeper.recover(shard, current, window_of(current, "all"), from_documents=True) is not None
    return {"documents": CHANGES, "audit_seconds": round(between - began, 2), "rebuild_seconds": round(time.monotonic() - between, 2)}


async def polls(world: World, redis: Redis) -> dict[str, float]:
    """Reading one shard's figures, as each process does twice a second for whoever watches."""
    _, shards, _ = await opened(world, "plan-polls", POLLED_SHARDS)
    before = await redis.cpu()
    for _ in range(POLLS):
        for shard in shards:
            await shard.figures(minutes=0)
    return {"poll_redis_us": round(1e6 * (await redis.cpu() - before) / POLLS / len(shards), 1)}


async def leases(stores: Stores) -> float:
    """Blocks of citizen numbers leased a second, one after the other."""
    numbers, began = NumberStore(stores.mongo), time.monotonic()
    for _ in range(LEASES):
        assert len(await numbers.lease(1)) == BLOCK_NUMBERS
    return round(LEASES / (time.monotonic() - began))


async def identity(stores: Stores) -> dict[str, float]:
    """An openid's document as it stands, and its keys: its `_id`, and a number as a double for each index."""
    identities = IdentityStore(stores.mongo, os.urandom(32))
    key = identities.openid_key("wx0123456789abcdef", "o" * 28)
    assert await identities.claim_openid(key, 1_000_000, "wx0123456789abcdef", "o" * 28, time.time())
    document = await identities.find(key)
    return {"identity_bytes": len(bson.encode(document)) + len(key) + 8 * len(INDEXES["identities"])}


def frame() -> dict[str, float]:
    """A frame of the live figures in a crowd: every region and activity of the demo has changed since the last, by large numbers."""
    regions = [f"3506{n:02d}" for n in range(14)]
    old, new = (View("all", at, 10 * n, 10 * n, dict.fromkeys(("salute", "heroes", "children"), 4 * n), dict.fromkeys(regions, n),
                     {1_790_812_800: n}, 0, 0, 0) for n, at in ((400_000, 1_790_812_859.0), (400_001, 1_790_812_859.5)))
    return {"frame_bytes": len(text_frame({"type": "delta", "id": 100_000, "as_of": iso(new.as_of), **changes(old, new)}))}


async def measured(redis_url: str, mongodb_uri: str, folder: Path) -> tuple[dict[str, float], dict[str, float]]:
    """The figures for the plan; and what the paper on growing is made of."""
    stores = open_stores(mongodb_uri, redis_url)
    await ensure_indexes(stores.mongo)
    redis, world = Redis(stores), await World(stores, folder, campaign()).ready()
    try:
        found = {**await script(world, redis), **await ledger(world), **await polls(world, redis), **await identity(stores), **frame()}
        return found, {**await proofs(world), "leases_per_second": await leases(stores)}
    finally:
        await world.close()
        await stores.close()
