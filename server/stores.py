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

__all__ = ["EMBEDDED_MARK", "INDEXES", "BulkWriteError", "Collection", "Database", "Document", "DuplicateKeyError", "NoScriptError",
           "PyMongoError", "RedisClient", "RedisError", "ResponseError", "Stores", "ensure_indexes", "open_stores", "translate"]

# Every index, one field each (the embedded store scans on compound ones): collection -> fields.
# A filter of ours is served by `_id` or by one of these; tests check every command sent.
INDEXES: dict[str, tuple[str, ...]] = {
    "campaigns": (),
    "regions": ("campaign",),
    "units": ("place", "campaign"),
    "citizen_blocks": ("free",),
    "identities": ("citizen", "seen_at"),
    "merges": ("changed_at", "due"),
    "deletions": ("changed_at", "erase_due", "forget_due"),
    "shards": ("period_key", "campaign"),
    # `pos` is campaign:period:shard:sequence, so that a shard's documents are paged by one index.
    "participations": ("pos",),
    "amendments": ("pos",),
    "conflicts": ("shard_key",),
    "poison": ("shard_key",),
    "messages": ("queue", "wall", "citizen", "moderation_due", "by_machine", "second", "decided", "token"),
    "media_checks": ("due", "citizen"),
    # What people decide on: `listed` and `open` are campaign (or scope):millisecond:id.
    "review_reasons": (),
    "review_rules": (),
    "word_pauses": ("paused",),
    "switches": (),
    "write_bans": ("id", "citizen", "listed", "forget_at"),
    "likenesses": ("same", "band0", "band1", "band2", "band3", "band4", "band5"),
    "photo_hashes": ("band0", "band1", "band2", "band3"),
    "item_events": ("item", "remove_at"),
    "source_records": ("remove_at",),
    "source_openings": ("item", "listed"),
    "complaints": ("item", "citizen"),
    "complaint_cases": ("open", "listed"),
    # A row's `pos` is campaign:stream:batch:place.
    "ballots": ("pos", "citizen"),
    "ballot_streams": ("campaign",),
    "vote_boards": (),
    "tallies": (),
    "tally_hours": (),
    "paper_ballots": ("listed",),
    "photos": ("queue", "wall", "by_machine", "second", "decided", "citizen", "token", "moderation_due", "check_due", "remove_at"),
    "photo_parts": ("born",),
    "visits": ("what",),
    # How pages felt, a document a campaign and day, without persons.
    "experiences": ("campaign",),
    "staff": ("role", "wechat"),
    "staff_settings": (),
    "staff_sessions": ("expires_at", "name"),
    "staff_tickets": ("expires_at",),
    "staff_tries": ("forget_at",),
    # `pos` is millisecond:seq, the others that behind who, action and subject: each list is a stretch of an index.
    "audit_log": ("seq", "pos", "by_who", "by_action", "by_subject"),
    "short_links": (),
    "place_links": ("campaign",),
    "schools": ("link",),
    # `listed` is campaign:unit:second:mark.
    "school_teachers": ("listed", "citizen"),
    # A school's day; `pos` is campaign:day:unit, `changed` campaign:millisecond:unit:day.
    "group_reports": ("pos", "changed"),
    "verification_texts": (),
    "reply_rules": (),
    "scene_codes": ("appid",),
    "menus": ("appid",),
    "mini_codes": ("appid",),
    "mini_code_pictures": (),
    "mini_links": ("appid",),
    "phones": (),
    # `pos` is batch:citizen, of a grant appid:template:citizen: each batch's and each template's people are a stretch of the index.
    "notices": ("due", "pos", "msg_id", "citizen"),
    "notice_batches": ("listed",),
    "notice_reports": ("at",),
    "grants": ("pos", "citizen", "spent_at"),
    # `pos` is appid:citizen, of a tag appid:tag:citizen; `profile_due` is appid:second: each account's list is a stretch of the index.
    "followers": ("pos", "citizen", "profile_due"),
    "follower_tags": ("pos", "citizen"),
    "follower_jobs": (),
    # `listed` is appid:kind:millisecond:media_id, `same` appid:kind:sha256.
    "materials": ("listed", "same", "expires_at"),
    "drafts": (),
    # `listed` and `due` are appid:millisecond, `name` is appid and what the platform calls it.
    "publications": ("listed", "due", "name"),
    "mass_sends": ("listed", "due", "name"),
    "article_reports": ("at",),
    "claims": ("until",),
    "revisions": (),
    "word_lists": (),
    # An import of places on its way: `open` while it is not finished.
    "place_imports": ("open",),
    # `listed` is campaign:millisecond:id; `due` is there as long as a job has something to do.
    "reports": ("number", "listed", "due"),
    "report_parts": (),
    "report_numbers": (),
    "report_settings": (),
    "exports": ("listed", "due"),
    "export_parts": (),
    # `listed` is campaign:millisecond:id, `numbered` campaign:number; `due` as above.
    "bulletins": ("listed", "numbered", "due"),
    "bulletin_pictures": (),
    "bulletin_numbers": (),
    "bulletin_settings": (),
    # `listed` is campaign:value.
    "milestones": ("listed", "due"),
    "campaign_watches": (),
    # A day's new participants by minute.
    "campaign_minutes": (),
    # `listed` and `handover` are campaign:millisecond:id, the latter of handovers alone; `refers` names another entry.
    "duty_log": ("listed", "handover", "refers"),
    "duty_marks": (),
    # `due` is there as long as a job has something to do.
    "kits": ("due",),
    "kit_parts": (),
    "campaign_desks": (),
    "campaign_drafts": ("campaign", "waiting", "release_due"),
    # `listed` is campaign:number.
    "campaign_revisions": ("listed", "campaign"),
    "review_links": ("expires_at",),
    "previews": ("expires_at",),
    "wording_lists": (),
    # How many chose what in a quiz, without persons.
    "quiz_figures": (),
    # `open`: whose unfinished upload it is.
    "media_uploads": ("open", "expires_at"),
    # `listed` and `bin` are second:id, `in_folder` is folder:second:id, a tag's `pos` tag:second:id.
    "media": ("listed", "in_folder", "bin", "pixels"),
    "media_tags": ("pos",),
    "media_labels": (),
    "media_uses": ("medium", "subject"),
    # Not `media_files`: the embedded store takes a name that ends so for GridFS, and its updates do nothing.
    "media_contents": ("remove_at",),
    "media_refs": ("file",),
    # Health of the product: the newest judgement and who judges; `pos` is minute:second or quarter:second.
    "health_now": (),
    "health_history": ("pos",),
    # One open alarm a part; `listed` is millisecond:id.
    "alarms": (),
    "alarm_log": ("listed",),
    "alarm_silences": (),
    "robot_states": (),
    # `_id` is sha256:part, or upload:part of what is still on its way; 1 MB each.
    "media_parts": (),
    # The wall: links that open it, who pressed at its opening, and its map.
    "kiosk_links": ("campaign", "id", "remove_at"),
    "ceremonies": (),
    "wall_maps": (),
    "wall_map_parts": (),
}

# What the address of the embedded server ends with.
EMBEDDED_MARK = "?appName=wenming-embedded"
# A command of ours touches one document or one page of 1,000: 5 s is far past normal and short of a person's patience.
MONGODB_TIMEOUT_MS = 5000
# How long a first connection may take before the call is refused; callers answer 503 and people try again.
MONGODB_SELECTION_TIMEOUT_MS = 2000
# One Redis call is a millisecond, or an fsync; 1 s bounds a stalled disk (fault table, row 5).
REDIS_TIMEOUT_SECONDS = 1.0


@dataclass(frozen=True)
class Stores:
    """Open clients. `redis` is for everything but counting; `counting` has a connection of its own to each server.

    `mongo_batches`: for many documents at once that count only once a later write through `mongo` says so.
    """

    mongo: Database
    mongo_batches: Database
    redis: RedisClient
    counting: RedisNodes
    client: Any

    async def close(self) -> None:
        await self.redis.aclose()
        await self.counting.aclose()
        self.client.close()


def open_stores(mongodb_uri: str, redis_url: str, *, redis_cluster: bool = False, event_listeners: Sequence[Any] = ()) -> Stores:
    """Make the clients inside the running loop (they belong to it). Connects lazily; writes are w:majority and j:true.

    The embedded server fsyncs each document of a batch by itself where j is true, at twice the price; it is one process with one log,
    so that the journaled write after a batch makes the batch durable too. With a replica set that would be wrong: its primary may change
    between the two.

    `event_listeners`: PyMongo's, which see every command; tests check them.
    """
    asyncio.get_running_loop()
    client: Any = AsyncIOMotorClient(
        mongodb_uri, tz_aware=True, retryWrites=False,
        serverSelectionTimeoutMS=MONGODB_SELECTION_TIMEOUT_MS, connectTimeoutMS=MONGODB_SELECTION_TIMEOUT_MS,
        socketTimeoutMS=MONGODB_TIMEOUT_MS, maxPoolSize=16, event_listeners=list(event_listeners))
    mongo: Database = client.get_default_database("wenming").with_options(
        write_concern=WriteConcern(w="majority", j=True), read_preference=ReadPreference.PRIMARY)
    batches = mongo.with_options(write_concern=WriteConcern(w=1)) if mongodb_uri.endswith(EMBEDDED_MARK) else mongo
    return Stores(mongo, batches, _open_redis(redis_url, redis_cluster), RedisNodes(redis_url, cluster=redis_cluster), client)


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
    """Declare every index that is not there; repeating it changes nothing.

    It looks first: a process that starts in a peak must not wait with a write behind those of the ledgers.
    """
    for name, fields in INDEXES.items():
        there = {tuple(field for field, _ in index["key"]) for index in (await mongo[name].index_information()).values()}
        for field in fields:
            if (field,) not in there:
                await mongo[name].create_index(field)


async def replace_seen(collection: Collection, key: str, fields: Document, rev: int) -> bool:
    """Replace what was seen at `rev` (0: nothing was there), as the next one; False where another change was first."""
    following = {**fields, "rev": rev + 1}
    if rev:
        return (await collection.update_one({"_id": key, "rev": rev}, {"$set": following})).matched_count == 1
    try:
        await collection.insert_one({"_id": key, **following})
    except DuplicateKeyError:
        return False
    return True


async def newest_page(collection: Collection, prefix: str, before: str, most: int) -> tuple[list[Document], str | None]:
    """The documents of a list, newest first, and where its next page begins. `listed` of each is the prefix and its place; `before`: where
    the last page ended, "" for the first."""
    found = await collection.find({"listed": {"$gt": prefix, "$lt": prefix + (before or ";")}}).sort("listed", -1).limit(most).to_list(None)
    return found, found[-1]["listed"].removeprefix(prefix) if len(found) == most else None


def translate(error: BaseException) -> WenmingError | None:
    """The error of our tree that a store's outage means, or None where it is none (a bug stays a bug)."""
    if isinstance(error, (PyMongoError, RedisError)) and not isinstance(error, (DuplicateKeyError, BulkWriteError)):
        return StoreUnavailable()
    return None
