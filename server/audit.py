"""The audit: proves for each shard that arrays = totals = documents, and says where not.

Owns nothing; reads everything. It runs beside a live campaign: a shard whose sequence moved between the first
and the last look is looked at again, and what the journal still holds counts as documents on their way.
"""

from __future__ import annotations

import asyncio
from array import array
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from server.campaigns import Campaign
from server.counting.cells import CELL, CELLS_PER_PAGE, MAX_EMPTY_PAGES, MERGED, VOID, citizen_at, local_ordinal
from server.counting.epochs import EpochStore
from server.counting.figures import ShardFigures
from server.counting.shards import Shard
from server.participations import Participation, ParticipationStore
from server.stores import RedisClient

# Looks at a shard that moves before the audit says that it could not hold it still.
TRIES = 5
# As many findings of a kind are printed; the count is always whole.
SHOWN = 10


@dataclass
class ShardAudit:
    """One shard's figures as the three records give them, and every disagreement in words."""

    shard: str
    participants: dict[str, int] = field(default_factory=dict)
    gaps: int = 0
    conflicts: int = 0
    poison: int = 0
    pending: int = 0
    findings: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        return not self.findings


class Census:
    """What the documents say of each citizen of a shard: ordinal, bits and time, 12 bytes a citizen."""

    def __init__(self, shards: int) -> None:
        self._shards = shards
        self.ordinals = array("I")
        self.seconds = array("I")
        self.bits = array("H")
        self.regions: dict[str, int] = {}
        self.place: dict[int, str] = {}
        self.differ: list[int] = []

    def add(self, document: Participation, bit: int) -> None:
        index = document.citizen // self._shards
        if index >= len(self.bits):
            more = index + 1 - len(self.bits)
            self.ordinals.extend([0] * more)
            self.seconds.extend([0] * more)
            self.bits.extend([0] * more)
        if self.ordinals[index] and self.ordinals[index] != document.ordinal:
            self.differ.append(document.citizen)
        self.ordinals[index], self.seconds[index] = document.ordinal, document.second
        self.bits[index] |= 1 << bit


    def forget(self, citizen: int) -> None:
        """Her documents are about to be written over by a merge."""
        index = citizen // self._shards
        if index < len(self.bits):
            self.ordinals[index] = self.seconds[index] = self.bits[index] = 0
        self.differ = [c for c in self.differ if c != citizen]


class Audit:
    def __init__(self, redis: RedisClient, epochs: EpochStore, documents: ParticipationStore) -> None:
        self._redis = redis
        self._epochs = epochs
        self._documents = documents

    async def campaign(self, campaign: Campaign) -> list[ShardAudit]:
        """Audit every period and shard of a campaign. Raises PyMongoError or RedisError when a store is away."""
        result = []
        for document in sorted(await self._epochs.of_campaign(campaign.slug), key=lambda d: (d["period"], d["shard"])):
            shard = Shard(self._redis, campaign.slug, document["period"], document["shard"], document["shards"])
            result.append(await self._shard(shard, campaign))
        return result

    async def _shard(self, shard: Shard, campaign: Campaign) -> ShardAudit:
        for _ in range(TRIES):
            before = await shard.figures(minutes=0)
            audit = ShardAudit(shard.id)
            if campaign.state != "archived":
                await self._compare(shard, campaign, before, audit)
            after = await shard.figures(minutes=0)
            if (before.seq, before.epoch, before.ready) == (after.seq, after.epoch, after.ready):
                break
            await asyncio.sleep(0.5)
        else:
            audit.findings.append("the shard kept changing while it was read; run the audit again at a quieter moment")
        conflicts, poison = await self._documents.conflicts(shard.id), await self._documents.poison(shard.id)
        audit.conflicts, audit.poison = len(conflicts), len(poison)
        if poison:
            audit.findings.append(f"{len(poison)} changes that MongoDB refused are unsettled")
        return audit

    async def _compare(self, shard: Shard, campaign: Campaign, figures: ShardFigures, audit: ShardAudit) -> None:
        if not figures.ready:
            audit.findings.append("the shard is not ready: its Redis is closed, empty or another one")
            return
        entries = await shard.journal(1 << 30)
        audit.pending = sum(len(entry.rows) for entry in entries)
        census = Census(shard.shards)
        codes = [activity.code for activity in campaign.activities]
        async for page in self._documents.pages(shard.id):
            for document in page:
                census.add(document, codes.index(document.activity))
        amended = {a.citizen: a.flags async for page in self._documents.amendment_pages(shard.id) for a in page}
        for row in (row for entry in entries for row in entry.rows):
            if row[1] == 0:
                census.add(Participation(shard.campaign, shard.period, shard.shard, row[0], row[2], codes[row[3]], row[4], row[5],
                                         row[6], row[7]), row[3])
            else:
                amended[row[2]] = row[3] & (VOID | MERGED)
                if row[8] == "moved":
                    census.forget(row[2])
                    for bit in (b for b in range(len(codes)) if row[3] >> b & 1):
                        census.add(Participation(shard.campaign, shard.period, shard.shard, row[0], row[2], codes[bit], row[4], row[5],
                                                 "", ""), bit)
        await self._cells(shard, codes, census, amended, figures, audit)

    async def _cells(self, shard: Shard, codes: list[str], census: Census, amended: dict[int, int], figures: ShardFigures,
                     audit: ShardAudit) -> None:
        wrong: dict[str, list[int]] = {}
        counted, by_bit, ordinals, seen = 0, [0] * len(codes), array("I"), 0
        async for citizen, ordinal, second, flags in self._walk(shard, len(census.bits)):
            index = citizen // shard.shards
            known = index < len(census.bits) and census.ordinals[index] > 0
            if not ordinal:
                if known:
                    wrong.setdefault("documents without a cell", []).append(citizen)
                continue
            seen += 1
            if not known:
                wrong.setdefault("cells without a document", []).append(citizen)
            elif census.ordinals[index] != ordinal or census.seconds[index] != second:
                wrong.setdefault("ordinals or times that differ from the document", []).append(citizen)
            elif census.bits[index] != flags & ((1 << len(codes)) - 1):
                wrong.setdefault("activities that differ from the documents", []).append(citizen)
            if flags & (VOID | MERGED) != amended.get(citizen, 0) & (VOID | MERGED):
                wrong.setdefault("void or merge marks that differ from the amendments", []).append(citizen)
            if not flags & (VOID | MERGED):
                counted += 1
                ordinals.append(ordinal)
                for bit in range(len(codes)):
                    by_bit[bit] += flags >> bit & 1
        documents = sum(1 for index, bits in enumerate(census.bits)
                        if bits and not amended.get(index * shard.shards + shard.shard, 0) & (VOID | MERGED))
        audit.participants = {"cells": counted, "totals": figures.participants, "documents": documents}
        self._totals(figures, counted, by_bit, audit)
        if len(set(ordinals)) != len(ordinals):
            audit.findings.append(f"{len(ordinals) - len(set(ordinals))} ordinals were given twice")
        audit.gaps = figures.ordinal - sum(1 for o in ordinals if local_ordinal(o, shard.shard, shard.shards))
        if documents != counted:
            audit.findings.append(f"{counted} participants in the cells, {documents} in the documents")
        if census.differ:
            audit.findings.append(f"{len(census.differ)} citizens whose documents disagree on the ordinal, such as {census.differ[:SHOWN]}")
        audit.findings += [f"{len(citizens)} {what}, such as citizens {citizens[:SHOWN]}" for what, citizens in wrong.items()]

    def _totals(self, figures: ShardFigures, counted: int, by_bit: list[int], audit: ShardAudit) -> None:
        if figures.participants != counted:
            audit.findings.append(f"total says {figures.participants} participants, the cells hold {counted}")
        if sum(figures.by_region.values()) != counted:
            audit.findings.append(f"regions add up to {sum(figures.by_region.values())}, the cells hold {counted}")
        if [figures.by_bit.get(bit, 0) for bit in range(len(by_bit))] != by_bit:
            audit.findings.append(f"totals by activity {figures.by_bit} differ from the cells {by_bit}")

    async def _walk(self, shard: Shard, known: int) -> AsyncIterator[tuple[int, int, int, int]]:
        """Every cell of the pages that exist or that documents name: citizen, ordinal, second, flags."""
        empty = 0
        page = 0
        while page * CELLS_PER_PAGE < known or empty < MAX_EMPTY_PAGES:
            raw = await shard.page(page)
            empty = 0 if raw else empty + 1
            raw = raw.ljust(max(0, min(known - page * CELLS_PER_PAGE, CELLS_PER_PAGE)) * CELL.size, b"\0")
            for slot, (ordinal, second, _, flags) in enumerate(CELL.iter_unpack(raw[:len(raw) // CELL.size * CELL.size])):
                yield citizen_at(page, slot, shard.shard, shard.shards), ordinal, second, flags
            page += 1
            await asyncio.sleep(0)  # a page is 4,096 cells of Python: others get their turn


def report(audits: list[ShardAudit]) -> dict[str, Any]:
    """The audit as JSON: `ok`, sums, and every finding with its shard."""
    sums = {name: sum(a.participants.get(name, 0) for a in audits) for name in ("cells", "totals", "documents")}
    return {"ok": all(a.ok for a in audits), "shards": len(audits), "participants": sums,
            "pending": sum(a.pending for a in audits), "gaps": sum(a.gaps for a in audits),
            "conflicts": sum(a.conflicts for a in audits), "poison": sum(a.poison for a in audits),
            "findings": [{"shard": a.shard, "finding": finding} for a in audits for finding in a.findings]}


__all__ = ["Audit", "Census", "ShardAudit", "report"]
