"""The tail: what MongoDB learned that the archive's own rows do not say, followed into files beside them, by each ledger process.

Owns: `archive/_store/` (a file a day, removed after TAIL_DAYS) and its position file; and the rows that other hosts' ledgers wrote,
copied into this host's archive, so that each ledger host has every row.
Invariants: nothing of a person is written: numbers, a hash under the secret key, public texts, the audit log's masked entries. What is
written twice does no harm. It reads and never changes the stores.
Failure policy: open. A store that is away is followed later from the same position; whoever waits for it waits for nothing else.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec

from server.backups.lines import append, line_of, replace
from server.campaigns import Campaign, CampaignStore
from server.campaigns.store import document_of
from server.citizens.outliving import Outliving
from server.clock import day_of
from server.counting.epochs import EpochStore
from server.ledger import AMENDMENT_ROW, Archive
from server.number_lines import Serials
from server.participations import ParticipationStore
from server.stores import Document

logger = logging.getLogger(__name__)

FOLDER = "_store"  # no campaign's name begins so
# What is lost with MongoDB and the ledger host's Redis at once is at most so old; each look costs some ten reads.
EVERY_SECONDS = 5.0
# Numbers are leased in blocks, without us: the bound that is written lies so far ahead, so that what is leased until the next look is
# still below it. 65,536 in five seconds are ten times the first sights that were ever measured.
NUMBERS_AHEAD = 1 << 16
# A sign-in is written within 4 s of its time, and clocks of our hosts agree within seconds: so much is read again each time.
OVERLAP_SECONDS = 10.0
# Longer than backups are kept (deploy/backup.md: 30 days): older lines would serve no restore, and hashes must not lie about.
TAIL_DAYS = 35
# A row of the archive that says how a document stood, instead of what a cell was told.
DOCUMENT_ROW = 2

AuditAfter = Callable[[int], Awaitable[list[Document]]]


class Position(msgspec.Struct):
    """How far each was followed: moments, the audit log's number, and of each shard the sequence up to which this host has every row."""

    identities: float = 0.0
    merges: float = 0.0
    deletions: float = 0.0
    audit: int = 0
    rows: dict[str, int] = {}


class Tail:
    """`audit_after(seq)`: entries of the audit log that follow, some at a time."""

    def __init__(self, archive: Archive, campaigns: CampaignStore, citizens: Outliving, epochs: EpochStore,
                 documents: ParticipationStore, serials: Serials, audit_after: AuditAfter) -> None:
        self._archive = archive
        self._folder = archive.folder / FOLDER
        self._campaigns = campaigns
        self._citizens = citizens
        self._epochs = epochs
        self._documents = documents
        self._serials = serials
        self._audit_after = audit_after
        self._position: Position | None = None
        self._day = ""
        self._said: dict[str, Any] = {}
        self._lately: dict[str, dict[str, float]] = {}
        self._bound = 0

    async def tick(self, now: float) -> None:
        """Follow everything once. Raises PyMongoError or OSError; the next look goes on from where this one came."""
        position = self._position = self._position or await self._begin()
        if self._day != day_of(now):  # a day's file alone says all that is no event
            self._day, self._said, self._bound = day_of(now), {}, 0
            await asyncio.to_thread(self._tidy, now)
        before = msgspec.json.encode(position)
        counted = await self._marks(now)
        await self._events(position, now)
        for campaign, shards in counted:
            await self._rows(campaign, shards, position, now)
        if msgspec.json.encode(position) != before:
            await asyncio.to_thread(replace, self._folder / "position.json", msgspec.json.encode(position))

    async def _begin(self) -> Position:
        position = await asyncio.to_thread(self._read_position)
        if position.audit and not await self._audit_after(position.audit - 1):
            position.audit = 0  # a restore left fewer entries than were followed: those that come have their numbers again
        return position

    async def _write(self, now: float, *said: Document) -> None:
        if said:
            await asyncio.to_thread(append, self._folder / f"{day_of(now)}.jsonl", b"".join(map(line_of, said)))

    async def _say(self, now: float, name: str, value: Document) -> None:
        """Write what stands, where it is not what was written last."""
        if self._said.get(name) != value:
            await self._write(now, value)
            self._said[name] = value

    async def _marks(self, now: float) -> list[tuple[Campaign, list[Document]]]:
        """Returns the shards of the campaigns that count, as they stand."""
        issued = await self._citizens.issued_bound()
        if issued + NUMBERS_AHEAD // 2 > self._bound:
            await self._write(now, {"what": "numbers", "below": issued + NUMBERS_AHEAD})
            self._bound = issued + NUMBERS_AHEAD
        await self._say(now, "serials", {"what": "serials", "lines": await self._serials.all()})
        counted = []
        for campaign in await self._campaigns.all():
            if campaign.state == "draft":
                continue
            await self._say(now, f"campaign {campaign.slug}", {"what": "campaign", "document": document_of(campaign)})
            shards = await self._epochs.of_campaign(campaign.slug)
            if campaign.state not in ("scheduled", "archived"):
                counted.append((campaign, shards))
            for shard in shards:
                await self._say(now, f"shard {shard['_id']}", {"what": "shard", **{name: shard[name] for name in (
                    "campaign", "period", "shard", "shards", "birth", "epoch", "fence", "high_seq", "high_ordinal",
                    "ledger_seq")}})
        return counted

    async def _events(self, position: Position, now: float) -> None:
        position.identities = await self._follow(
            now, self._citizens.identities_since(position.identities - OVERLAP_SECONDS), position.identities, "seen_at",
            lambda one: {"what": "identity", "hash": one["_id"], "citizen": one["citizen"]})
        position.merges = await self._follow(
            now, self._citizens.merges_since(position.merges - OVERLAP_SECONDS), position.merges, "changed_at",
            lambda one: {"what": "merge", "loser": one["_id"], "survivor": one["survivor"]})
        position.deletions = await self._follow(
            now, self._citizens.deletions_since(position.deletions - OVERLAP_SECONDS), position.deletions, "changed_at",
            lambda one: {"what": "deletion", "citizen": one["_id"], "deleted_at": one["deleted_at"]})
        while entries := await self._audit_after(position.audit):
            await self._write(now, *({"what": "audit", "entry": entry} for entry in entries))
            position.audit = entries[-1]["seq"]

    async def _follow(self, now: float, pages: AsyncIterator[list[Document]], reached: float, field: str,
                      said: Callable[[Document], Document]) -> float:
        """Write what is new in the pages; the moment that was reached."""
        async for page in pages:
            new = []
            for line, moment in ((said(one), float(one[field])) for one in page):
                lately = self._lately.setdefault(line["what"], {})
                if lately.setdefault(repr(line), -1.0) < moment:
                    lately[repr(line)] = moment
                    new.append(line)
                reached = max(reached, moment)
            await self._write(now, *new)
            for what in {line["what"] for line in new}:  # only what is read again has to be known
                self._lately[what] = {key: at for key, at in self._lately[what].items() if at >= reached - OVERLAP_SECONDS}
        return reached

    async def _rows(self, campaign: Campaign, shards: list[Document], position: Position, now: float) -> None:
        """Copy what other hosts' ledgers wrote of the campaign's shards."""
        for shard in shards:
            shard_id, durable = shard["_id"], shard["ledger_seq"]
            reached = self._archive.reached(shard_id, position.rows.get(shard_id, 0))
            if reached < durable:
                await self._copy(campaign, shard_id, reached, durable, now)
                reached = durable
            position.rows[shard_id] = reached

    async def _copy(self, campaign: Campaign, shard_id: str, after: int, durable: int, now: float) -> None:
        path = self._archive.folder / campaign.slug / f"{day_of(now)}.jsonl"
        async for page in self._documents.pages(shard_id, after):
            rows = [[shard_id, d.seq, DOCUMENT_ROW, d.citizen, campaign.bits[d.activity], d.ordinal, d.second, d.region, d.unit, d.late]
                    for d in page if d.seq <= durable and d.activity in campaign.bits]
            await self._append(path, rows)
            if page[-1].seq > durable:
                break
        async for amended in self._documents.amendment_pages(shard_id, after):
            rows = [[shard_id, a.seq, AMENDMENT_ROW, a.citizen, a.flags, a.ordinal, a.second, a.region, a.unit, a.kind]
                    for a in amended if a.seq <= durable]
            await self._append(path, rows)
        # A document that a merge rewrote, or an amendment that a later one replaced, has no sequence of its own any more.
        await self._write(now, {"what": "copied", "shard": shard_id, "after": after, "to": durable})

    async def _append(self, path: Path, rows: list[list[Any]]) -> None:
        if rows:
            await asyncio.to_thread(append, path, b"".join(map(line_of, rows)))

    # Files; blocking

    def _read_position(self) -> Position:
        """Where it was spoilt everything is followed anew."""
        try:
            return msgspec.json.decode((self._folder / "position.json").read_bytes(), type=Position)
        except FileNotFoundError:
            return Position()
        except msgspec.MsgspecError:
            logger.error("the position of the archive's tail is spoilt: it is followed anew from the beginning")
            return Position()

    def _tidy(self, now: float) -> None:
        oldest = day_of(now - TAIL_DAYS * 86400)
        for path in sorted(self._folder.glob("*.jsonl")) if self._folder.exists() else []:
            if path.stem < oldest:
                path.unlink()


def tail_of(folder: Path) -> list[Path]:
    """The files of an archive folder's tail, the oldest first."""
    return sorted((folder / FOLDER).glob("*.jsonl"))
