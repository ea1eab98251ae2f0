"""Who counted, when and where, as the documents of one shard say: what every figure and every exported row is made from.

Owns nothing; reads `participations` and `amendments` by `pos`. Invariants: the same people count as in the counters (the audit proves
that these agree with the documents): voided and merged ones do not, a deleted one stays a figure; memory is 11 bytes a citizen of one
shard, in pages, so that it neither grows with rows nor with numbers that nobody has.

What was written when a count begins belongs to it (`marks`: shard -> sequence), and nothing after, but that a merge rewrites documents
with later sequences: those of whom an amendment says so are taken wherever they stand.
"""

from __future__ import annotations

import asyncio
from array import array
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field

from server.campaigns import Campaign
from server.counting.cells import ACTIVITY_BITS, DELETED, MERGED, VOID
from server.counting.epochs import EpochStore
from server.participations import Participation, ParticipationStore

# As the counters' pages: 45 KB each here, so that a city of two million has 537.
PAGE = 4096
# The ledger is a fifth of a second behind; a minute is an outage, and the job comes again.
LEDGER_SECONDS, LEDGER_LOOKS = 60.0, 120


class LedgerBehind(Exception):
    """MongoDB does not have yet what was counted when this count began."""


@dataclass(frozen=True)
class ShardName:
    """A shard as its documents name it; `upto`: the last change that counts."""

    id: str
    period: str
    number: int
    shards: int
    upto: int


@dataclass(frozen=True)
class Counted:
    """One citizen in one period."""

    second: int
    region: str
    unit: str
    bits: int


class _Page:
    def __init__(self) -> None:
        self.seconds = array("I", bytes(4 * PAGE))
        self.places = array("I", bytes(4 * PAGE))
        self.bits = array("H", bytes(2 * PAGE))
        self.moved = bytearray(PAGE)


@dataclass
class Census:
    """`amended_to`: the newest amendment that it knows of."""

    shard: ShardName
    as_of: int
    amended_to: int = 0
    names: list[tuple[str, str]] = field(default_factory=lambda: [("", "")])
    _numbers: dict[tuple[str, str], int] = field(default_factory=dict)
    _pages: dict[int, _Page] = field(default_factory=dict)

    def amend(self, citizen: int, flags: int, kind: str, seq: int) -> None:
        page, slot = self._at(citizen)
        page.bits[slot] |= flags & (VOID | MERGED | DELETED)
        page.moved[slot] |= kind == "moved"
        self.amended_to = max(self.amended_to, seq)

    def add(self, document: Participation, bit: int) -> bool:
        """Whether the document belongs to the count."""
        page, slot = self._at(document.citizen)
        if document.seq > self.shard.upto and not (page.moved[slot] and document.second <= self.as_of):
            return False
        page.seconds[slot] = document.second
        page.bits[slot] |= 1 << bit
        if document.region:
            page.places[slot] = self._place(document.region, document.unit)
        return True

    def of(self, citizen: int) -> Counted:
        page, slot = self._at(citizen)
        return Counted(page.seconds[slot], *self.names[page.places[slot]], page.bits[slot])

    def pages(self) -> Iterator[list[Counted]]:
        """Everybody who counts, page by page."""
        for number in sorted(self._pages):
            page = self._pages[number]
            yield [Counted(second, *self.names[place], bits & ACTIVITY_BITS)
                   for second, place, bits in zip(page.seconds, page.places, page.bits, strict=True)
                   if bits & ACTIVITY_BITS and not bits & (VOID | MERGED)]

    def _at(self, citizen: int) -> tuple[_Page, int]:
        number, slot = divmod(citizen // self.shard.shards, PAGE)
        page = self._pages.get(number)
        if page is None:
            page = self._pages[number] = _Page()
        return page, slot

    def _place(self, region: str, unit: str) -> int:
        number = self._numbers.setdefault((region, unit), len(self.names))
        if number == len(self.names):
            self.names.append((region, unit))
        return number


class Documents:
    """The documents of a campaign as a count wants them."""

    def __init__(self, epochs: EpochStore, documents: ParticipationStore) -> None:
        self._epochs = epochs
        self._documents = documents

    async def shards(self, campaign: Campaign) -> list[ShardName]:
        """Every shard, as of now. Waits until MongoDB has what was counted before. Raises LedgerBehind."""
        wanted = [ShardName(d["_id"], d["period"], d["shard"], d["shards"], d["high_seq"])
                  for d in await self._epochs.of_campaign(campaign.slug)]
        for _ in range(LEDGER_LOOKS if campaign.state != "archived" else 0):
            written = {d["_id"]: d["ledger_seq"] for d in await self._epochs.of_campaign(campaign.slug)}
            if all(written[shard.id] >= shard.upto for shard in wanted):
                break
            await asyncio.sleep(LEDGER_SECONDS / LEDGER_LOOKS)
        else:
            if campaign.state != "archived":
                raise LedgerBehind()
        return sorted(wanted, key=lambda shard: (shard.period, shard.number))

    async def rows(self, campaign: Campaign) -> int:
        """How many documents there are about: what the ledger wrote last of each shard's totals."""
        return sum(sum(d["totals"].get("by_activity", {}).values()) for d in await self._epochs.of_campaign(campaign.slug))

    async def begin(self, shard: ShardName, as_of: float) -> Census:
        """A census that knows of every void, merge and deletion, and of nobody yet."""
        census = Census(shard, int(as_of))
        async for page in self._documents.amendment_pages(shard.id):
            for amendment in page:
                census.amend(amendment.citizen, amendment.flags, amendment.kind, amendment.seq)
        return census

    async def fill(self, census: Census, campaign: Campaign) -> AsyncIterator[list[Participation]]:
        """Read the shard's documents into the census; gives those that belong to it, page by page."""
        bits = campaign.bits
        async for page in self._documents.pages(census.shard.id):
            yield [document for document in page if document.activity in bits and census.add(document, bits[document.activity])]

    async def was_amended_since(self, census_to: dict[str, int]) -> bool:
        """Whether somebody was voided, merged or deleted while the shards were read one after the other."""
        for shard_id, amended_to in census_to.items():
            async for _ in self._documents.amendment_pages(shard_id, amended_to):
                return True
        return False
