"""Participations 参与 in MongoDB: the durable record of who took part in what, one document each.

Owns: `participations` (`_id` campaign:period:citizen:activity), `amendments` (`_id` campaign:period:citizen:
what an audited void, merge or deletion made of a cell), `conflicts` and `poison`.
Invariants: a document is written once and its ordinal wins over any later claim; `pos`
(campaign:period:shard:sequence) pages a shard in the order of its changes. No document names a person.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from msgspec import structs

from server.stores import BulkWriteError, Database, Document

# A sequence is at most 2^32, so ten digits sort like numbers.
SEQ_DIGITS = 10
# A page of 1,000 documents takes 30 ms on the embedded store: no long cursor, no long lock.
PAGE_DOCUMENTS = 1000
DUPLICATE_KEY = 11000


class Participation(msgspec.Struct, frozen=True):
    """One activity of one citizen in one period. `late`: 1 taken after the period's end, 2 brought back by a receipt."""

    campaign: str
    period: str
    shard: int
    seq: int
    citizen: int
    activity: str
    ordinal: int
    second: int
    region: str
    unit: str
    late: int = 0

    @property
    def id(self) -> str:
        return f"{self.campaign}:{self.period}:{self.citizen}:{self.activity}"

    def document(self) -> Document:
        return {"_id": self.id, "pos": position(f"{self.campaign}:{self.period}:{self.shard}", self.seq), "campaign": self.campaign,
                "period": self.period, "shard": self.shard, "seq": self.seq, "citizen": self.citizen, "activity": self.activity,
                "ordinal": self.ordinal, "second": self.second, "region": self.region, "unit": self.unit, "late": self.late}


class Amendment(msgspec.Struct, frozen=True):
    """What a cell became by an audited act: `kind` void, restore, merged, moved or deleted; `flags` as in the cell."""

    campaign: str
    period: str
    shard: int
    seq: int
    citizen: int
    kind: str
    flags: int
    ordinal: int
    second: int
    region: str
    unit: str

    @property
    def id(self) -> str:
        return f"{self.campaign}:{self.period}:{self.citizen}"


def position(shard_id: str, seq: int) -> str:
    """The `pos` of a change; all of a shard's lie between position(id, 0) and position(id, 2^32)."""
    return f"{shard_id}:{seq:0{SEQ_DIGITS}d}"


@dataclass(frozen=True)
class Written:
    """What became of a batch: `conflicts` are (document that stands, the other claim), `poison` are (claim, reason)."""

    new: int
    conflicts: list[tuple[Participation, Participation]]
    poison: list[tuple[Participation, str]]


def _participation(document: Document) -> Participation:
    return Participation(**{name: document[name] for name in Participation.__struct_fields__})


def _amendment(document: Document) -> Amendment:
    return Amendment(**{name: document[name] for name in Amendment.__struct_fields__})


class ParticipationStore:
    """The only code that touches these collections. Every write may be repeated: it finds what it did before."""

    def __init__(self, mongo: Database, mongo_batches: Database) -> None:
        self._participations = mongo["participations"]
        self._batches = mongo_batches["participations"]
        self._amendments = mongo["amendments"]
        self._conflicts = mongo["conflicts"]
        self._poison = mongo["poison"]

    async def insert(self, batch: Sequence[Participation]) -> Written:
        """Write a batch, each document once. A duplicate with the same ordinal is success. Raises PyMongoError on outage.

        Durable once a later write through `mongo` was answered, such as EpochStore.written.
        """
        try:
            await self._batches.insert_many([claim.document() for claim in batch], ordered=False)
            return Written(len(batch), [], [])
        except BulkWriteError as error:
            if error.details.get("writeConcernErrors"):
                raise
            failures = error.details["writeErrors"]
        duplicates = [batch[f["index"]] for f in failures if f["code"] == DUPLICATE_KEY]
        standing = {d["_id"]: _participation(d) for d in
                    await self._participations.find({"_id": {"$in": [claim.id for claim in duplicates]}}).to_list(None)}
        conflicts = [(standing[claim.id], claim) for claim in duplicates
                     if claim.id in standing and standing[claim.id].ordinal != claim.ordinal]
        poison = [(batch[f["index"]], str(f.get("errmsg", ""))[:200]) for f in failures if f["code"] != DUPLICATE_KEY]
        return Written(len(batch) - len(failures), conflicts, poison)

    async def overwrite(self, claims: Sequence[Participation]) -> None:
        """Write what an audited merge decided, over whatever older stands; an older one that comes again changes nothing."""
        for claim in claims:
            fields = claim.document()
            await self._participations.update_one({"_id": claim.id}, {"$setOnInsert": fields}, upsert=True)
            del fields["_id"]
            await self._participations.update_one({"_id": claim.id, "seq": {"$lt": claim.seq}}, {"$set": fields})

    async def amend(self, amendment: Amendment) -> None:
        """Keep the newest amendment of a cell; an older one that comes again changes nothing."""
        fields = {**structs.asdict(amendment), "pos": position(f"{amendment.campaign}:{amendment.period}:{amendment.shard}", amendment.seq)}
        await self._amendments.update_one({"_id": amendment.id}, {"$setOnInsert": fields}, upsert=True)
        await self._amendments.update_one({"_id": amendment.id, "seq": {"$lt": amendment.seq}}, {"$set": fields})

    async def of_citizen(self, campaign: str, period: str, citizen: int, activities: Sequence[str]) -> list[Participation]:
        """A citizen's documents of one period."""
        ids = [f"{campaign}:{period}:{citizen}:{activity}" for activity in activities]
        return [_participation(d) for d in await self._participations.find({"_id": {"$in": ids}}).to_list(None)]

    async def pages(self, shard_id: str, after_seq: int = 0) -> AsyncIterator[list[Participation]]:
        """A shard's documents after a sequence, in order, by pages."""
        async for page in self._pages(self._participations, shard_id, after_seq):
            yield [_participation(document) for document in page]

    async def amendment_pages(self, shard_id: str, after_seq: int = 0) -> AsyncIterator[list[Amendment]]:
        """A shard's amendments after a sequence, in order, by pages."""
        async for page in self._pages(self._amendments, shard_id, after_seq):
            yield [_amendment(document) for document in page]

    async def _pages(self, collection: Any, shard_id: str, after_seq: int) -> AsyncIterator[list[Document]]:
        after, end = position(shard_id, after_seq), f"{shard_id};"  # ";" follows ":" in ASCII
        while True:
            page = await collection.find({"pos": {"$gt": after, "$lt": end}}).sort("pos", 1).limit(PAGE_DOCUMENTS).to_list(None)
            if page:
                yield page
            if len(page) < PAGE_DOCUMENTS:
                return
            after = page[-1]["pos"]

    async def note_conflict(self, shard_id: str, standing: Participation, claim: Participation, now: float) -> None:
        """Two ordinals were given to one citizen; the document stands, the other stays here for the audit."""
        await self._conflicts.update_one({"_id": f"{claim.id}:{claim.ordinal}"},
                                         {"$setOnInsert": {"shard_key": shard_id, "stands": standing.ordinal, "at": now}}, upsert=True)

    async def note_poison(self, shard_id: str, seq: int, row: list[Any], reason: str, now: float) -> None:
        """A change that MongoDB refuses: kept here before its journal entry goes, open until a person settles it."""
        await self._poison.update_one({"_id": position(shard_id, seq)},
                                      {"$setOnInsert": {"shard_key": shard_id, "row": repr(row)[:500], "reason": reason, "at": now,
                                                        "settled": False}}, upsert=True)

    async def conflicts(self, shard_id: str, limit: int = 1000) -> list[Document]:
        return await self._conflicts.find({"shard_key": shard_id}).limit(limit).to_list(None)

    async def poison(self, shard_id: str, limit: int = 1000) -> list[Document]:
        """The changes that nobody has settled yet."""
        found = await self._poison.find({"shard_key": shard_id}).limit(limit).to_list(None)
        return [document for document in found if not document["settled"]]
