"""The audit: proves for each shard that arrays = totals = documents, and says where not.

Owns nothing; reads everything. It runs beside a live campaign: a shard whose sequence moved between the first
and the last look is looked at again, and what the journal still holds counts as documents on their way.
"""

from __future__ import annotations

import asyncio
from array import array
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from server.campaigns import Campaign
from server.counting.cells import ACTIVITY_BITS, CELL, CELLS_PER_PAGE, MAX_EMPTY_PAGES, MERGED, VOID, citizen_at, local_ordinal
from server.counting.epochs import EpochStore
from server.counting.figures import ShardFigures
from server.counting.shards import Row, Shard
from server.participations import Participation, ParticipationStore
from server.redis_nodes import RedisNodes
from server.stores import Document

# Looks at a shard that moves before the audit says that it could not hold it still.
TRIES = 5
# As many findings of a kind are printed; the count is always whole.
SHOWN = 10
# A cell has 13 activity bits; the counters keep a day of minutes.
ACTIVITIES, MINUTES = 13, 1440


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
    """What the documents say of each citizen of a shard: ordinal, bits, time and place, 16 bytes a citizen."""

    def __init__(self, shard: Shard) -> None:
        self._shard = shard
        self.ordinals = array("I")
        self.seconds = array("I")
        self.bits = array("H")
        self.places = array("I")
        self.names: list[tuple[str, str]] = [("", "")]
        self._numbers: dict[tuple[str, str], int] = {}
        self.differ: list[int] = []
        self.strangers: list[int] = []

    def add(self, document: Participation, bit: int) -> None:
        index, shard = divmod(document.citizen, self._shard.shards)
        if shard != self._shard.shard or not 0 <= bit < ACTIVITIES:
            self.strangers.append(document.citizen)
            return
        if index >= len(self.bits):
            more = [0] * (index + 1 - len(self.bits))
            for column in (self.ordinals, self.seconds, self.bits, self.places):
                column.extend(more)
        if self.ordinals[index] and self.ordinals[index] != document.ordinal:
            self.differ.append(document.citizen)
        self.ordinals[index], self.seconds[index] = document.ordinal, document.second
        self.bits[index] |= 1 << bit
        if document.region and not self.places[index]:
            self.places[index] = self._place(document.region, document.unit)

    def _place(self, region: str, unit: str) -> int:
        number = self._numbers.setdefault((region, unit), len(self.names))
        if number == len(self.names):
            self.names.append((region, unit))
        return number

    def forget(self, citizen: int) -> None:
        """A merge rewrites her documents: what follows is all that they will say."""
        index = citizen // self._shard.shards
        if index < len(self.bits):
            self.ordinals[index] = self.bits[index] = self.places[index] = 0
        self.differ = [other for other in self.differ if other != citizen]


@dataclass
class Tally:
    """The figures again, from the cells that count and the documents' places."""

    participants: int = 0
    by_bit: Counter[int] = field(default_factory=Counter)
    by_region: Counter[str] = field(default_factory=Counter)
    by_unit: Counter[str] = field(default_factory=Counter)
    by_minute: Counter[int] = field(default_factory=Counter)

    def add(self, second: int, flags: int, place: tuple[str, str]) -> None:
        self.participants += 1
        self.by_region[place[0]] += 1
        if place[1]:
            self.by_unit[place[1]] += 1
        self.by_minute[second // 60] += 1
        for bit in range(ACTIVITIES):
            if flags >> bit & 1:
                self.by_bit[bit] += 1


class Audit:
    def __init__(self, redis: RedisNodes, epochs: EpochStore, documents: ParticipationStore) -> None:
        self._redis = redis
        self._epochs = epochs
        self._documents = documents

    async def campaign(self, campaign: Campaign) -> list[ShardAudit]:
        """Audit every period and shard of a campaign. Raises PyMongoError or RedisError when a store is away."""
        result = []
        known = await self._epochs.of_campaign(campaign.slug)
        for document in sorted(known, key=lambda d: (d["period"], d["shard"])):
            shard = Shard(self._redis, campaign.slug, document["period"], document["shard"], document["shards"])
            result.append(await self._shard(shard, campaign, document["birth"]))
        return result + await self._unknown(campaign, known)

    async def _unknown(self, campaign: Campaign, known: list[Document]) -> list[ShardAudit]:
        """Shards of which MongoDB has no record, though there are counters or participations of theirs."""
        ids, found = {document["_id"] for document in known}, []
        periods = {document["period"] for document in known} | ({"all"} if campaign.period_rule == "all" else set())
        for shard in (Shard(self._redis, campaign.slug, period, n, campaign.shards)
                      for period in sorted(periods) for n in range(campaign.shards)):
            if shard.id in ids:
                continue
            if (await shard.figures(minutes=0)).epoch or [page async for page in self._documents.pages(shard.id)]:
                found.append(ShardAudit(shard.id, findings=["MongoDB has no record of this shard, but there are counters or documents"]))
        return found

    async def _shard(self, shard: Shard, campaign: Campaign, birth: str) -> ShardAudit:
        for _ in range(TRIES):
            before = await shard.figures(minutes=MINUTES, units=True)
            audit = ShardAudit(shard.id)
            if campaign.state != "archived":
                await self._compare(shard, campaign, before, birth, audit)
            after = await shard.figures(minutes=0)
            if (before.seq, before.epoch, before.ready) == (after.seq, after.epoch, after.ready):
                break
            await asyncio.sleep(0.5)
        else:
            audit.findings.append("the shard kept changing while it was read; run the audit again at a quieter moment")
        conflicts, poison = await self._documents.conflicts(shard.id), await self._documents.poison(shard.id)
        audit.conflicts, audit.poison = len(conflicts), len(poison)
        if poison:
            audit.findings.append(f"{len(poison)} changes that MongoDB refused, or that never reached it, are unsettled")
        return audit

    async def _compare(self, shard: Shard, campaign: Campaign, figures: ShardFigures, birth: str, audit: ShardAudit) -> None:
        if not figures.ready:
            audit.findings.append("the shard is not ready: its Redis is closed, empty or another one")
            return
        if figures.birth != birth:
            audit.findings.append("Redis holds the counters of another product")
            return
        entries = await shard.journal(1 << 30)
        audit.pending = sum(len(entry.rows) for entry in entries)
        bits = {activity.code: bit for bit, activity in enumerate(campaign.activities)}
        census = Census(shard)
        async for page in self._documents.pages(shard.id):
            for document in page:
                census.add(document, bits.get(document.activity, -1))
        amended = {a.citizen: a.flags async for page in self._documents.amendment_pages(shard.id) for a in page}
        for row in (row for entry in entries for row in entry.rows):
            self._on_its_way(shard, row, census, amended)
        await self._cells(shard, census, amended, figures, audit)

    def _on_its_way(self, shard: Shard, row: Row, census: Census, amended: dict[int, int]) -> None:
        """A row of the journal does to the documents' census what the ledger will do to the documents."""
        seq, kind, citizen, flags, ordinal, second, region, unit, change = row
        claim = Participation(shard.campaign, shard.period, shard.shard, seq, citizen, "", ordinal, second, region, unit)
        if kind == 0:
            census.add(claim, flags)
            return
        amended[citizen] = flags
        if change == "moved":
            census.forget(citizen)
            for bit in (b for b in range(ACTIVITIES) if flags >> b & 1):
                census.add(claim, bit)

    async def _cells(self, shard: Shard, census: Census, amended: dict[int, int], figures: ShardFigures,
                     audit: ShardAudit) -> None:
        wrong: dict[str, list[int]] = {}
        tally, ordinals, last_seq, numbered = Tally(), array("I"), 0, 0
        async for citizen, ordinal, second, seq, flags in self._walk(shard, len(census.bits)):
            if flags & (VOID | MERGED) != amended.get(citizen, 0) & (VOID | MERGED):
                wrong.setdefault("void or merge marks that differ from the amendments", []).append(citizen)
            index = citizen // shard.shards
            known = index < len(census.bits) and census.ordinals[index] > 0
            if not ordinal:
                if known:
                    wrong.setdefault("documents without a cell", []).append(citizen)
                continue
            if not known:
                wrong.setdefault("cells without a document", []).append(citizen)
            elif census.ordinals[index] != ordinal or census.seconds[index] != second:
                wrong.setdefault("ordinals or times that differ from the document", []).append(citizen)
            elif census.bits[index] != flags & ACTIVITY_BITS:
                wrong.setdefault("activities that differ from the documents", []).append(citizen)
            last_seq = max(last_seq, seq)
            if not flags & MERGED:  # a merged one's ordinal is its survivor's; a voided one's stays hers
                ordinals.append(ordinal)
            if not flags & (VOID | MERGED):
                numbered += local_ordinal(ordinal, shard.shard, shard.shards) > 0
                tally.add(second, flags, census.names[census.places[index]] if known else ("", ""))
        documents = sum(1 for index, bits in enumerate(census.bits)
                        if bits and not amended.get(index * shard.shards + shard.shard, 0) & (VOID | MERGED))
        audit.participants = {"cells": tally.participants, "totals": figures.participants, "documents": documents}
        audit.gaps = figures.ordinal - numbered
        self._totals(figures, tally, documents, audit)
        self._numbers(shard, figures, ordinals, last_seq, audit)
        wrong |= {what: citizens for what, citizens in (("citizens whose documents disagree on the ordinal", census.differ),
                                                        ("documents of another shard or activity", census.strangers)) if citizens}
        audit.findings += [f"{len(citizens)} {what}, such as citizens {citizens[:SHOWN]}" for what, citizens in wrong.items()]

    def _totals(self, figures: ShardFigures, tally: Tally, documents: int, audit: ShardAudit) -> None:
        if documents != tally.participants:
            audit.findings.append(f"{tally.participants} participants in the cells, {documents} in the documents")
        if figures.participants != tally.participants:
            audit.findings.append(f"total says {figures.participants} participants, the cells hold {tally.participants}")
        # Minutes leave the counters after a day; the oldest may be half gone.
        oldest = figures.as_of // 60 - MINUTES + 2
        lately = {minute: n for minute, n in tally.by_minute.items() if minute >= oldest}
        for name, says, holds in (
                ("activity", figures.by_bit, tally.by_bit), ("region", figures.by_region, tally.by_region),
                ("unit", figures.by_unit, tally.by_unit),
                ("minute", {minute: n for minute, n in figures.by_minute.items() if minute >= oldest}, lately)):
            differ = sorted(key for key in {*says, *holds} if says.get(key, 0) != holds.get(key, 0))
            if differ:
                audit.findings.append(f"totals by {name} differ from the cells and documents at {len(differ)}: " + ", ".join(
                    f"{key} says {says.get(key, 0)} and is {holds.get(key, 0)}" for key in differ[:SHOWN]))

    def _numbers(self, shard: Shard, figures: ShardFigures, ordinals: array[int], last_seq: int, audit: ShardAudit) -> None:
        """What was given is given once, and what comes next lies behind it."""
        if len(set(ordinals)) != len(ordinals):
            audit.findings.append(f"{len(ordinals) - len(set(ordinals))} ordinals were given twice")
        last = max((local_ordinal(ordinal, shard.shard, shard.shards) for ordinal in ordinals), default=0)
        if last > figures.ordinal:
            audit.findings.append(f"ordinals go on after {figures.ordinal}, but {last} was given: the next ones would be given twice")
        if last_seq > figures.seq:
            audit.findings.append(f"sequences go on after {figures.seq}, but {last_seq} was given: the journal would refuse the next")

    async def _walk(self, shard: Shard, known: int) -> AsyncIterator[tuple[int, int, int, int, int]]:
        """Every cell of the pages that exist or that documents name: citizen, ordinal, second, sequence, flags."""
        empty = 0
        page = 0
        while page * CELLS_PER_PAGE < known or empty < MAX_EMPTY_PAGES:
            raw = await shard.page(page)
            empty = 0 if raw else empty + 1
            raw = raw.ljust(max(0, min(known - page * CELLS_PER_PAGE, CELLS_PER_PAGE)) * CELL.size, b"\0")
            for slot, (ordinal, second, seq, flags) in enumerate(CELL.iter_unpack(raw[:len(raw) // CELL.size * CELL.size])):
                yield citizen_at(page, slot, shard.shard, shard.shards), ordinal, second, seq, flags
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
