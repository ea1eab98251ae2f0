"""Every Redis key on one screen: a function each, with owner, lifetime and what loses when it is lost.

Counting keys of one shard carry one hash tag, so that one script changes them together. `tag` is
`{campaign:period:shard:suffix}`; the suffix is searched so that shards fall evenly on a cluster's masters.
"""

from __future__ import annotations

from functools import lru_cache

from redis.crc import key_slot

# Redis Cluster always has 16,384 slots.
SLOTS = 16384


# A shard's keys. Owner: server/counting. Life: from the period's opening until the campaign is archived.
# Fail closed: without them the shard answers SHARD_NOT_READY until it is rebuilt from MongoDB.
@lru_cache(maxsize=4096)
def shard_tag(campaign: str, period: str, shard: int, shards: int) -> str:
    """The hash tag of one shard; its slot lies in the shard's own equal part of all slots."""
    for suffix in range(1 << 20):  # a part of 1/shards is hit after about `shards` tries
        tag = f"{campaign}:{period}:{shard}:{suffix}"
        if key_slot(tag.encode()) * shards // SLOTS == shard:
            return "{" + tag + "}"
    raise ValueError(f"no slot found for shard {shard} of {shards}")


def shard_keys(tag: str) -> tuple[str, str, str, str, str]:
    """meta (hash), totals (hash), minutes (hash), units (hash) and journal (stream) of a shard."""
    return (f"count:{tag}:meta", f"count:{tag}:totals", f"count:{tag}:minutes", f"count:{tag}:units", f"count:{tag}:journal")


def shard_page(tag: str, page: int) -> str:
    """One page of 4,096 cells (string of 57,344 bytes)."""
    return f"count:{tag}:page:{page}"
