"""The counting part of a restore: rows of the archive become documents, shards are known again, and counters are opened over them.

Invariants: every step may be repeated; a document that stands wins, as in the ledger; what Redis still holds is written down before
anything of it is dropped; a sequence or ordinal that anybody could have been given lies below where the counters go on.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Sequence
from itertools import groupby
from typing import Any

from server.audit import Audit, Census, ShardAudit
from server.backups.report import Report
from server.backups.sources import Row, Spool
from server.backups.tail import DOCUMENT_ROW
from server.campaigns import Campaign
from server.counting import window_of
from server.counting.cells import (
    ACTIVITY_BITS,
    CELL,
    CELL_BYTES,
    CELLS_PER_PAGE,
    DELETED,
    MAX_EMPTY_PAGES,
    MERGED,
    VOID,
    citizen_at,
    local_ordinal,
)
from server.counting.epochs import EpochStore
from server.counting.keeper import Keeper
from server.counting.shards import Shard
from server.ledger import AMENDMENT_ROW, claim_of, write_amendment
from server.participations import Amendment, Participation, ParticipationStore
from server.redis_nodes import RedisNodes
from server.stores import Document

logger = logging.getLogger(__name__)

# Past every epoch and fence that was taken since the archive last heard of one, seconds before the loss, and that a Redis which comes
# back late may hold: each recovery takes one.
LEAP = 1000
# What Redis is asked whether it stands: a cluster that has just been started may need it.
TRIES, PAUSE_SECONDS = 20, 0.5
# Where somebody was of whom only a cell is left: a region that no import names. "" would say that another document of hers knows it.
UNKNOWN_REGION = "unknown"
# Of a cell that has several, the first names its amendment.
MARKS = {MERGED: "merged", VOID: "void", DELETED: "deleted"}


class Counters:
    def __init__(self, redis: RedisNodes, epochs: EpochStore, documents: ParticipationStore, keeper: Keeper, audit: Audit,
                 report: Report) -> None:
        self._redis = redis
        self._epochs = epochs
        self._documents = documents
        self._keeper = keeper
        self._audit = audit
        self._report = report
        self.deleted: set[int] = set()
        self.copied: dict[str, list[tuple[int, int]]] = {}
        self.reached: dict[str, set[int]] = {}
        self.births: dict[str, set[str]] = {}
        self.last_citizen = 0

    async def put_back(self, spool: Spool, campaigns: dict[str, Campaign], known: dict[str, Document], marks: dict[str, int],
                       now: float) -> None:
        """Rows to documents, and every shard known again. `known`: what the tail says of shards; `marks`: what the backup has."""
        stored = {shard["_id"]: shard for slug in campaigns for shard in await self._epochs.of_campaign(slug)}
        for shard_id in sorted({*await asyncio.to_thread(spool.shards), *known, *stored}):
            slug, period, number = shard_id.split(":")
            campaign = campaigns.get(slug)
            if campaign is None:
                self._report.findings.append(f"{shard_id}: 活动 {slug} 不在备份与归档中，它的参与没有放回 (its campaign is unknown)")
                continue
            told = [document for document in (stored.get(shard_id), known.get(shard_id)) if document]
            if len(self.births.get(shard_id, set()) | {document["birth"] for document in told}) > 1:
                self._report.findings.append(f"{shard_id}: 归档和备份说的是几次不同的计数，可能混进了别处的归档：请去掉它再恢复一次 "
                                             "(they speak of several countings: is an archive another installation's?)")
            shard = Shard(self._redis, slug, period, int(number), told[0]["shards"] if told else campaign.shards)
            ordinal = await self._replay(shard, campaign, spool, now)
            last = await asyncio.to_thread(spool.last, shard_id)
            await self._know(shard, told, last, ordinal, now)
            await self._note_gaps(shard, spool, marks.get(shard_id, 0), now)

    async def _replay(self, shard: Shard, campaign: Campaign, spool: Spool, now: float) -> int:
        """Write a shard's rows as the ledger did. Returns the highest local ordinal among them."""
        ordinal = 0
        pages = spool.pages(shard.id)
        while page := await asyncio.to_thread(lambda: next(pages, None)):
            for kind, rows in groupby(page, key=lambda row: row[2]):
                some = list(rows)
                if kind == AMENDMENT_ROW:
                    for row in some:
                        await self._amend(shard, campaign, row)
                else:
                    await self._insert(shard, campaign, some, kind, now)
            self.last_citizen = max(self.last_citizen, *(row[3] for row in page))
            ordinal = max(ordinal, *(local_ordinal(row[5], shard.shard, shard.shards) for row in page))
            self._report.newest_second = max(self._report.newest_second, *(row[6] for row in page))
        return ordinal

    async def _insert(self, shard: Shard, campaign: Campaign, rows: Sequence[Row], kind: int, now: float) -> None:
        claims = []
        for _, *row in rows:
            claim = claim_of(shard, campaign, row)
            if claim is None:
                await self._documents.note_poison(shard.id, row[0], row, "unknown activity", now)
                self._report.findings.append(f"{shard.id}: 第 {row[0]} 次变更的主题活动不认识 (unknown activity)")
            else:
                claims.append(claim)
        if not claims:
            return
        written = await self._documents.insert(claims)
        self._report.count("放回的参与 participations put back", written.new)
        for standing, claim in written.conflicts:
            if kind == DOCUMENT_ROW:  # it says how a document stood: a merge gave it another ordinal
                await self._documents.overwrite([claim])
            else:
                await self._documents.note_conflict(shard.id, standing, claim, now)
        for claim, reason in written.poison:
            await self._documents.note_poison(shard.id, claim.seq, list(claim.document().values()), reason, now)
            self._report.findings.append(f"{shard.id}: MongoDB 不接受第 {claim.seq} 次变更 (refused)")

    async def _amend(self, shard: Shard, campaign: Campaign, row: Row) -> None:
        if row[4] & DELETED:
            self.deleted.add(row[3])
        await write_amendment(self._documents, shard, campaign, row[1:])
        self._report.count("放回的修订 amendments put back", 1)

    async def _know(self, shard: Shard, told: Sequence[Document], last: int, ordinal: int, now: float) -> None:
        """The shard's document, with marks past all that is known: of the store and the tail (`told`, whose first birth stands), the rows,
        and Redis if it is this shard's."""
        figures = await self._figures(shard)
        birth = told[0]["birth"] if told else secrets.token_hex(8)
        epochs = [0, *(one["epoch"] for one in told)]
        seqs, ordinals = [last, *(one["high_seq"] for one in told)], [ordinal, *(one["high_ordinal"] for one in told)]
        if figures is not None and figures.birth == birth:
            epochs, seqs, ordinals = [*epochs, figures.epoch], [*seqs, figures.seq], [*ordinals, figures.ordinal]
        await self._epochs.put_back(
            {"campaign": shard.campaign, "period": shard.period, "shard": shard.shard, "shards": shard.shards, "birth": birth},
            {"epoch": max(epochs) + LEAP, "fence": max((one["fence"] for one in told), default=0) + LEAP, "ledger_seq": last,
             "high_seq": max(seqs), "high_ordinal": max(ordinals)}, now)

    async def _figures(self, shard: Shard) -> Any:
        """What Redis holds of a shard; None where that is nothing. Raises RedisError where none answers."""
        figures = await shard.figures(minutes=0)
        return figures if figures.epoch else None

    async def _note_gaps(self, shard: Shard, spool: Spool, mark: int, now: float) -> None:
        """Changes that neither the archive nor the store has: they are poison, so that the audit says so until a person settles them."""
        copied, reached = self.copied.get(shard.id, []), self.reached.get(shard.id, set())
        for first, last in await asyncio.to_thread(spool.gaps, shard.id, mark, copied, reached):
            have = await self._have(shard, first, last)
            if have < last - first + 1:
                await self._documents.note_poison(shard.id, first, [first, last], "missing from the archive", now)
                self._report.findings.append(f"{shard.id}: 归档缺第 {first} 至 {last} 次变更 (missing from the archive)")

    async def _have(self, shard: Shard, first: int, last: int) -> int:
        """How many changes of a stretch the store has: it may be younger than the backup's marks."""
        seqs: set[int] = set()
        async for page in self._documents.pages(shard.id, first - 1):
            seqs |= {document.seq for document in page if document.seq <= last}
            if page[-1].seq > last:
                break
        async for amended in self._documents.amendment_pages(shard.id, first - 1):
            seqs |= {amendment.seq for amendment in amended if amendment.seq <= last}
            if amended[-1].seq > last:
                break
        return len(seqs)

    # Counters

    async def reopen(self, campaign: Campaign) -> None:
        """Open every shard again: as it is where Redis has it and the documents agree, else anew from the documents."""
        shards = await self._shards(campaign)
        stood = [shard for shard in shards if await self._take_over(shard, campaign)]
        wrong = {one.shard for one in await self._audit.campaign(campaign) if not one.ok} if stood else set()
        for shard in stood:
            if shard.id in wrong:
                await self._write_down(shard, campaign)
        for shard in shards:
            if shard not in stood or shard.id in wrong:
                await self._recover(shard, campaign, from_documents=True)
                self._report.count("从文档重建的分片 shards rebuilt", 1)
            else:
                self._report.count("Redis 中完好的分片 shards that Redis kept", 1)

    async def settle(self, campaign: Campaign) -> list[ShardAudit]:
        """What was changed meanwhile becomes documents, and the audit."""
        for shard in await self._shards(campaign):
            await self._keeper.drain(shard, campaign)
        return await self._audit.campaign(campaign)

    async def _take_over(self, shard: Shard, campaign: Campaign) -> bool:
        """Whether Redis still has the shard; then it is open, and what its journal held has become documents."""
        state, figures = await self._epochs.find(shard.id), await self._figures(shard)
        if state is None or figures is None or figures.birth != state.birth:
            return False
        pending = sum(len(entry.rows) for entry in await shard.journal(1 << 30))
        await self._recover(shard, campaign, from_documents=False)
        await self._keeper.drain(shard, campaign)
        self._report.count("Redis 日志里还没有入账的变更 changes of the untrimmed journal", pending)
        return True

    async def _recover(self, shard: Shard, campaign: Campaign, *, from_documents: bool) -> None:
        for _ in range(TRIES):
            window = window_of(campaign, shard.period)
            if await self._keeper.recover(shard, campaign, window, from_documents=from_documents) is not None:
                return
            await asyncio.sleep(PAUSE_SECONDS)
        self._report.findings.append(f"{shard.id}: 另一进程正在恢复它：先停止所有进程 (another process is at it: stop them all first)")

    async def _write_down(self, shard: Shard, campaign: Campaign) -> None:
        """Cells that no document has, of a Redis that stands where the archive was lost: all but the place is known of them. With their
        marks, so that nobody is counted again who was taken out."""
        census = Census(shard)
        async for documents in self._documents.pages(shard.id):
            for document in documents:
                census.add(document, campaign.bits.get(document.activity, -1))
        page, empty = 0, 0
        while empty < MAX_EMPTY_PAGES or page * CELLS_PER_PAGE < len(census.bits):
            raw = await shard.page(page)
            empty = 0 if raw else empty + 1
            claims = []
            for slot, cell in enumerate(CELL.iter_unpack(raw[:len(raw) // CELL_BYTES * CELL_BYTES])):
                if any(cell):
                    citizen = citizen_at(page, slot, shard.shard, shard.shards)
                    self.last_citizen = max(self.last_citizen, citizen)
                    claims += _lacking(shard, campaign, census, citizen, cell)
                    await self._mark(shard, citizen, cell)
            if claims:
                written = await self._documents.insert(claims)
                self._report.count("只从 Redis 单元写回、没有地区的参与 written down from cells, without a place", written.new)
            page += 1

    async def _mark(self, shard: Shard, citizen: int, cell: tuple[int, int, int, int]) -> None:
        ordinal, second, seq, flags = cell
        if flags & DELETED:
            self.deleted.add(citizen)
        if marks := flags & ~ACTIVITY_BITS:
            kind = next(name for mark, name in MARKS.items() if marks & mark)
            await self._documents.amend(
                Amendment(shard.campaign, shard.period, shard.shard, seq, citizen, kind, marks, ordinal, second, "", ""))

    async def _shards(self, campaign: Campaign) -> list[Shard]:
        return [Shard(self._redis, campaign.slug, d["period"], d["shard"], d["shards"])
                for d in await self._epochs.of_campaign(campaign.slug)]


def _lacking(shard: Shard, campaign: Campaign, census: Census, citizen: int,
             cell: tuple[int, int, int, int]) -> list[Participation]:
    """What documents lack of a cell."""
    ordinal, second, seq, flags = cell
    index = citizen // shard.shards
    known = census.bits[index] if index < len(census.bits) else 0
    return [Participation(shard.campaign, shard.period, shard.shard, seq, citizen, activity.code, ordinal, second,
                          "" if known else UNKNOWN_REGION, "", 2)
            for bit, activity in enumerate(campaign.activities) if ordinal and flags >> bit & 1 and not known >> bit & 1]

