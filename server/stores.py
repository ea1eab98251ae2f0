"""The two stores: MongoDB through Motor, and Redis. The only file that names Motor.

Owns: opening and closing the clients, their time limits, the declared indexes, and the translation of
store outages into our error tree. Does not own any document or key: each aggregate's own `…Store` does.

Motor's upstream life ends in 2027. The move to PyMongo Async is a change of this file: the aggregates
use `Database` and `Collection` from here and only methods that both drivers share.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import redis.asyncio
from motor.motor_asyncio import AsyncIOMotorClient, AsyncIOMotorCollection, AsyncIOMotorDatabase
from pymongo import ReadPreference, WriteConcern
from pymongo.errors import BulkWriteError, DuplicateKeyError, PyMongoError
from redis.asyncio.cluster import RedisCluster
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError, RedisError, ResponseError
from redis.retry import Retry

from server.errors import StoreUnavailable, WenmingError
from server.redis_nodes import RedisNodes

Document = dict[str, Any]
Database = AsyncIOMotorDatabase[Document]
Collection = AsyncIOMotorCollection[Document]
# redis-py types its answers as bytes or text, of a plain value or an awaitable, at once; ours are bytes, awaited.
RedisClient = Any

__all__ = ["INDEXES", "BulkWriteError", "Collection", "Database", "Document", "DuplicateKeyError", "NoScriptError", "PyMongoError",
           "RedisClient", "RedisError", "ResponseError", "Stores", "ensure_indexes", "open_stores", "translate"]

# Every index, one field each (the embedded store scans on compound ones): collection -> fields.
# A filter of ours is served by `_id` or by one of these; tests check every command sent.
INDEXES: dict[str, tuple[str, ...]] = {
    "campaigns": (),
    "regions": ("campaign",),
    "units": ("place", "campaign"),
    "citizen_blocks": ("free",),
    "identities": ("citizen",),
    "merges": ("changed_at", "due"),
    "deletions": ("changed_at", "erase_due", "forget_due"),
    "shards": ("period_key", "campaign"),
    # `pos` is campaign:period:shard:sequence, so that a shard's documents are paged by one index.
    "participations": ("pos",),
    "amendments": ("pos",),
    "conflicts": ("shard_key",),
    "poison": ("shard_key",),
    "messages": ("queue", "wall", "citizen"),
    "visits": ("campaign",),
    "staff": (),
    "staff_sessions": ("expires_at",),
    "audit_log": ("at",),
    "short_links": (),
    "verification_texts": (),
}

# A command of ours touches one document or one page of 1,000: 5 s is far past normal and short of a person's patience.
MONGODB_TIMEOUT_MS = 5000
# How long a first connection may take before the call is refused; callers answer 503 and people try again.
MONGODB_SELECTION_TIMEOUT_MS = 2000
# One Redis call is a millisecond, or an fsync; 1 s bounds a stalled disk (fault table, row 5).
REDIS_TIMEOUT_SECONDS = 1.0


@dataclass(frozen=True)
class Stores:
    """Open clients. `redis` is for everything but counting; `counting` has a connection of its own to each server."""

    mongo: Database
    redis: RedisClient
    counting: RedisNodes
    client: Any

    async def close(self) -> None:
        await self.redis.aclose()
        await self.counting.aclose()
        self.client.close()


def open_stores(mongodb_uri: str, redis_url: str, *, redis_cluster: bool = False, event_listeners: Sequence[Any] = ()) -> Stores:
    """Make the clients inside the running loop (they belong to it). Connects lazily; writes are w:majority and j:true.

    `event_listeners`: PyMongo's, which see every command; tests check them.
    """
    asyncio.get_running_loop()
    client: Any = AsyncIOMotorClient(
        mongodb_uri, tz_aware=True, retryWrites=False, appname="wenming",
        serverSelectionTimeoutMS=MONGODB_SELECTION_TIMEOUT_MS, connectTimeoutMS=MONGODB_SELECTION_TIMEOUT_MS,
        socketTimeoutMS=MONGODB_TIMEOUT_MS, maxPoolSize=16, event_listeners=list(event_listeners))
    mongo: Database = client.get_default_database("wenming").with_options(
        write_concern=WriteConcern(w="majority", j=True), read_preference=ReadPreference.PRIMARY)
    return Stores(mongo, _open_redis(redis_url, redis_cluster), RedisNodes(redis_url, cluster=redis_cluster), client)


def _open_redis(url: str, cluster: bool) -> RedisClient:
    # No retry of redis-py's own: it re-sends what may have been applied.
    common: dict[str, Any] = {"socket_timeout": REDIS_TIMEOUT_SECONDS, "socket_connect_timeout": REDIS_TIMEOUT_SECONDS,
                              "retry": Retry(NoBackoff(), 0)}
    if cluster:
        return RedisCluster.from_url(url, require_full_coverage=False, **common)
    # A pool that waits instead of failing: callers are bounded by their own queues.
    pool = redis.asyncio.BlockingConnectionPool.from_url(url, max_connections=32, timeout=REDIS_TIMEOUT_SECONDS, **common)
    return redis.asyncio.Redis.from_pool(pool)  # it closes its pool with it


async def ensure_indexes(mongo: Database) -> None:
    """Declare every index; repeating it changes nothing."""
    for name, fields in INDEXES.items():
        for field in fields:
            await mongo[name].create_index(field)


def translate(error: BaseException) -> WenmingError | None:
    """The error of our tree that a store's outage means, or None where it is none (a bug stays a bug)."""
    if isinstance(error, (PyMongoError, RedisError)) and not isinstance(error, (DuplicateKeyError, BulkWriteError)):
        return StoreUnavailable()
    return None
