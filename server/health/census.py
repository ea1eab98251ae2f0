"""Counters against documents, all the time and at little cost: the totals of a shard must be what its documents add up to.

Owns: what this process has read of each shard's documents so far, two bytes a citizen. The whole proof is the audit (server/audit.py).
Two comparisons, neither of which is wrong while the ledger is behind:
    1. inside Redis: participants are the sum over regions (both read in one call)
    2. totals and documents: at rest, where the watermark has reached the last change, what the counters say; in a crowd, what the ledger
       kept of them at a change, once the watermark is past it. Documents behind that change are not counted
Invariants: a turn reads a bounded number of pages; a shard whose documents were amended meanwhile is judged at the next turn; what is not
read yet is not judged.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from typing import Any

from server.campaigns import Campaign
from server.counting.cells import MERGED, VOID
from server.counting.figures import ShardFigures
from server.participations import PAGE_DOCUMENTS, Participation, ParticipationStore

# A page takes 30 ms on the embedded store; so many in each turn of five seconds keep up with 1,600 documents a second.
PAGES_A_TURN = 8
# More amendments than a campaign has voids and merges; beyond them the audit alone can tell.
MAX_AMENDED = 20_000
# A disagreement must be seen twice, at different moments, before it counts: a merge moves a document while it is read.
TIMES_SEEN = 2


@dataclass
class Known:
    """The documents of one shard, as far as they were read."""

    bits: array[int] = field(default_factory=lambda: array("H"))
    people: dict[int, int] = field(default_factory=dict)  # by their bits: how many
    amended: dict[int, int] = field(default_factory=dict)
    seq: int = 0
    amended_seq: int = 0
    pending: list[Participation] = field(default_factory=list)  # read, and behind the sequence that is compared
    differs: int = 0
    times: int = 0
    compared_at: float = 0.0


@dataclass(frozen=True)
class Comparison:
    """How far the totals of a shard are off; `compared_at`: when it was last known, 0 never."""

    shard: str
    differs: int
    compared_at: float
    words: str = ""


class Census:
    """`documents` is read, never written."""

    def __init__(self, documents: ParticipationStore) -> None:
        self._documents = documents
        self._known: dict[str, Known] = {}
        self._words: dict[str, str] = {}

    def keep_only(self, shards: set[str]) -> None:
        """Forget shards that are of no running campaign."""
        for shard in [shard for shard in self._known if shard not in shards]:
            del self._known[shard]
            self._words.pop(shard, None)

    async def compare(self, shard: str, campaign: Campaign, figures: ShardFigures, kept: dict[str, Any], now: float) -> Comparison:
        """`kept` is the shard's record in MongoDB. Raises PyMongoError."""
        known = self._known.setdefault(shard, Known())
        if not figures.ready:
            return Comparison(shard, known.differs, known.compared_at, self._words.get(shard, ""))
        settled, found = True, self._inside(figures)
        if found is None:
            settled, found = await self._with_documents(shard, known, campaign, figures, kept)
        if settled:
            known.times = known.times + 1 if found else 0
            known.compared_at = now
            if not found or known.times >= TIMES_SEEN:
                known.differs, self._words[shard] = found or (0, "")
        return Comparison(shard, known.differs, known.compared_at, self._words.get(shard, ""))

    def _inside(self, figures: ShardFigures) -> tuple[int, str] | None:
        by_region = sum(figures.by_region.values())
        if by_region == figures.participants:
            return None
        return abs(figures.participants - by_region), f"计数器：总人数 {figures.participants}，各区县相加 {by_region}"

    async def _with_documents(self, shard: str, known: Known, campaign: Campaign, figures: ShardFigures,
                              kept: dict[str, Any]) -> tuple[bool, tuple[int, str] | None]:
        """Whether anything could be said, and what."""
        until, says = _totals(campaign, figures, kept)
        if figures.watermark < until:
            return False, None
        before = known.amended_seq
        await self._learn_amendments(shard, known, figures.watermark)
        if not await self._read(shard, known, campaign, until, figures.watermark) or known.amended_seq != before or before > until:
            return False, None
        held = self._count(known, campaign)
        differs = sum(abs(held.get(name, 0) - says.get(name, 0)) for name in {*held, *says})
        return True, (differs, f"到变更 {until}：台账 {held['participants']} 人，计数器 {says['participants']} 人") if differs else None

    async def _learn_amendments(self, shard: str, known: Known, until: int) -> None:
        async for page in self._documents.amendment_pages(shard, known.amended_seq):
            for one in page:
                if one.seq > until:
                    return
                known.amended_seq = one.seq
                if len(known.amended) < MAX_AMENDED:
                    known.amended[one.citizen] = one.flags

    async def _read(self, shard: str, known: Known, campaign: Campaign, until: int, watermark: int) -> bool:
        """Take documents up to `until`; False while there are more of them than one turn reads. What lies behind the watermark is written
        in no order, so nothing behind it is read."""
        pending, known.pending = known.pending, []
        for document in pending:
            self._take(known, campaign, document, until)
        pages = 0
        async for page in self._documents.pages(shard, known.seq):
            for document in page:
                if document.seq > watermark:
                    return True
                known.seq = document.seq
                self._take(known, campaign, document, until)
            pages += 1
            if known.pending or pages >= PAGES_A_TURN:
                return bool(known.pending) or len(page) < PAGE_DOCUMENTS
        return True

    def _take(self, known: Known, campaign: Campaign, document: Participation, until: int) -> None:
        bit = campaign.bits.get(document.activity)
        if bit is None:
            return
        if document.seq > until:
            known.pending.append(document)
            return
        index = document.citizen // campaign.shards
        if index >= len(known.bits):
            known.bits.extend([0] * (index + 1 - len(known.bits)))
        before, after = known.bits[index], known.bits[index] | 1 << bit
        known.bits[index] = after
        known.people[before] = known.people.get(before, 0) - 1
        known.people[after] = known.people.get(after, 0) + 1

    def _count(self, known: Known, campaign: Campaign) -> dict[str, int]:
        """Participants and participations by activity, without those that were voided or merged."""
        people = dict(known.people)
        for citizen in (citizen for citizen, flags in known.amended.items() if flags & (VOID | MERGED)):
            index = citizen // campaign.shards
            if index < len(known.bits):
                people[known.bits[index]] -= 1
        held = dict.fromkeys((activity.code for activity in campaign.activities), 0) | {"participants": 0}
        for bits, many in people.items():
            if bits:
                held["participants"] += many
                for bit, activity in enumerate(campaign.activities):
                    held[activity.code] += many if bits >> bit & 1 else 0
        return held


def _totals(campaign: Campaign, figures: ShardFigures, kept: dict[str, Any]) -> tuple[int, dict[str, int]]:
    """At which change, and what was said there."""
    if figures.watermark >= figures.seq:
        return figures.seq, {"participants": figures.participants,
                             **{activity.code: figures.by_bit.get(bit, 0) for bit, activity in enumerate(campaign.activities)}}
    totals = kept.get("totals") or {"participants": 0, "by_activity": {}}
    return max(0, int(kept.get("totals_seq", 0))), {"participants": totals["participants"], **totals["by_activity"]}
