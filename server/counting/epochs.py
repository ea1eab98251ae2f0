"""Epochs: MongoDB's memory of each shard, which outlives any Redis.

Owns: the `shards` documents: epoch, how far the ledger came, the highest sequence and ordinal seen
(`high_*`), the newest totals, and two leases: who recovers the shard, who has its journal.
Invariant: epoch, fence and the high marks only rise.
"""

from __future__ import annotations

import logging
import secrets
from dataclasses import dataclass
from typing import Any

from pymongo import ReturnDocument

from server.stores import Database, Document, DuplicateKeyError

logger = logging.getLogger(__name__)

# Longer than any pause of a healthy process, short enough that a killed one is replaced within a person's patience.
LEASE_SECONDS = 5.0


@dataclass(frozen=True)
class ShardState:
    """What MongoDB knows of a shard. `birth`: a random name that the shard's Redis keys carry too, so that another
    product's shard is not taken for it. `ledger_seq`: every change up to it has its document."""

    id: str
    birth: str
    epoch: int
    ledger_seq: int
    high_seq: int
    high_ordinal: int
    totals: dict[str, Any]
    created: bool = False


def _state(document: Document, created: bool = False) -> ShardState:
    return ShardState(document["_id"], document["birth"], document["epoch"], document["ledger_seq"], document["high_seq"],
                      document["high_ordinal"], document["totals"], created)


class EpochStore:
    """The only code that touches `shards`. Every call is one atomic command on one document."""

    def __init__(self, mongo: Database) -> None:
        self._shards = mongo["shards"]

    async def find_or_create(self, campaign: str, period: str, shard: int, shards: int, now: float) -> ShardState:
        """The shard's state; `created` when this call is the first that ever named it: then it alone opens it, within the lease."""
        shard_id = f"{campaign}:{period}:{shard}"
        found = await self._shards.find_one({"_id": shard_id})
        if found is not None:
            return _state(found)
        document: Document = {
            "_id": shard_id, "campaign": campaign, "period": period, "shard": shard, "shards": shards, "birth": secrets.token_hex(8),
            "epoch": 1, "created_at": now, "keeper_until": now + LEASE_SECONDS, "ledger_until": 0.0, "fence": 0, "ledger": "",
            "ledger_seq": 0, "high_seq": 0, "high_ordinal": 0, "totals_seq": -1, "totals": {}}
        try:
            await self._shards.insert_one(document)
        except DuplicateKeyError:
            found = await self._shards.find_one({"_id": shard_id})
            assert found is not None
            return _state(found)
        return _state(document, created=True)

    async def find(self, shard_id: str) -> ShardState | None:
        found = await self._shards.find_one({"_id": shard_id})
        return _state(found) if found else None

    async def of_campaign(self, campaign: str) -> list[Document]:
        """Every shard document of a campaign, all periods."""
        return await self._shards.find({"campaign": campaign}).to_list(None)

    async def raise_epoch(self, shard_id: str, owner: str, now: float) -> ShardState | None:
        """Take the recovery lease and the next epoch in one step; None while another process recovers it."""
        found = await self._shards.find_one_and_update(
            {"_id": shard_id, "keeper_until": {"$lte": now}},
            {"$inc": {"epoch": 1}, "$set": {"keeper": owner, "keeper_until": now + LEASE_SECONDS}},
            return_document=ReturnDocument.AFTER)
        return _state(found) if found else None

    async def keep_recovering(self, shard_id: str, epoch: int, now: float) -> bool:
        """Prolong the recovery lease; False when another process took it."""
        result = await self._shards.update_one({"_id": shard_id, "epoch": epoch}, {"$set": {"keeper_until": now + LEASE_SECONDS}})
        return result.matched_count == 1

    async def recovered(self, shard_id: str, epoch: int, seq: int, ordinal: int) -> None:
        """The shard is open again from these marks on; gives the recovery lease back."""
        await self._shards.update_one({"_id": shard_id, "epoch": epoch},
                                      {"$set": {"keeper_until": 0.0}, "$max": {"high_seq": seq, "high_ordinal": ordinal}})

    async def take_journal(self, shard_id: str, owner: str, now: float) -> int | None:
        """Take or keep the journal of a shard. Returns the fence, None while another process has it."""
        kept: Document | None = await self._shards.find_one_and_update(
            {"_id": shard_id, "ledger": owner}, {"$set": {"ledger_until": now + LEASE_SECONDS}},
            return_document=ReturnDocument.AFTER)
        if kept is None:
            kept = await self._shards.find_one_and_update(
                {"_id": shard_id, "ledger_until": {"$lte": now}},
                {"$inc": {"fence": 1}, "$set": {"ledger": owner, "ledger_until": now + LEASE_SECONDS}},
                return_document=ReturnDocument.AFTER)
        return int(kept["fence"]) if kept else None

    async def leave_journal(self, shard_id: str, owner: str) -> None:
        """A clean stop hands over at once."""
        await self._shards.update_one({"_id": shard_id, "ledger": owner}, {"$set": {"ledger": "", "ledger_until": 0.0}})

    async def saw(self, shard_id: str, seq: int, ordinal: int) -> None:
        """Evidence of what Redis had given: a Redis that comes back with less was set back."""
        await self._shards.update_one({"_id": shard_id}, {"$max": {"high_seq": seq, "high_ordinal": ordinal}})

    async def written(self, shard_id: str, ledger_seq: int, epoch: int, seq: int, totals: dict[str, Any],
                      drained_per_second: float) -> None:
        """Every change up to `ledger_seq` has its document; `totals` are absolute and of sequence `seq`, newer ones stay.

        `drained_per_second`: changes that the journal's owner carries while there are any.
        """
        await self._shards.update_one({"_id": shard_id}, {"$max": {"ledger_seq": ledger_seq},
                                                          "$set": {"drained_per_second": drained_per_second}})
        await self._shards.update_one({"_id": shard_id, "totals_seq": {"$lt": seq}},
                                      {"$set": {"totals_epoch": epoch, "totals_seq": seq, "totals": totals}})

    async def put_back(self, known: Document, marks: Document, now: float) -> None:
        """After a restore: the shard is known, with these marks at the least, and nobody has it. `known`: campaign, period, shard, shards
        and birth of one that MongoDB may have forgotten; a birth that it knows stands. May be repeated."""
        shard_id = f"{known['campaign']}:{known['period']}:{known['shard']}"
        try:
            await self._shards.insert_one({
                "_id": shard_id, **known, "epoch": 1, "created_at": now, "keeper_until": 0.0, "ledger_until": 0.0, "fence": 0, "ledger": "",
                "ledger_seq": 0, "high_seq": 0, "high_ordinal": 0, "totals_seq": -1, "totals": {}})
        except DuplicateKeyError:
            logger.debug("shard %s is in the backup", shard_id)
        await self._shards.update_one({"_id": shard_id}, {"$max": marks, "$set": {"keeper_until": 0.0, "ledger_until": 0.0, "ledger": ""}})

    async def forget(self, campaign: str) -> None:
        """Mark every shard of an archived campaign: its Redis keys are gone for good."""
        await self._shards.update_many({"campaign": campaign}, {"$set": {"archived": True}})
