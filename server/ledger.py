"""The ledger: carries each shard's journal into MongoDB, and tells the shard how far it came.

Owns: the way from journal to documents, the archive files, and the leases of the journals.
Invariants: one process has a shard's journal at a time (lease with a fence); an entry leaves the journal
only after its documents, the archive line and, where MongoDB refused one, its poison note are written;
so a kill anywhere repeats work and loses nothing.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec

from server.campaigns import Campaign
from server.clock import Clock, day_of
from server.counting.cells import DELETED, MERGED, VOID, local_ordinal
from server.counting.epochs import EpochStore
from server.counting.figures import ShardFigures
from server.counting.shards import Entry, PutBack, Shard, Superseded
from server.metrics import Metrics
from server.participations import Amendment, Participation, ParticipationStore
from server.stores import PyMongoError, RedisError

logger = logging.getLogger(__name__)

# 16 entries of at most 512 rows: one bulk insert of some thousand documents, a second of the embedded store at most.
ENTRIES_PER_STEP = 16
# Rows of one insert: the embedded store takes about 3,500 a second, so a step never nears its time limit.
ROWS_PER_INSERT = 1000
# What Redis gave is noted this often at least, so that a Redis set back by a second is found out.
PULSE_SECONDS = 0.2
# Pause after MongoDB or Redis did not answer; the journal holds everything meanwhile.
OUTAGE_PAUSE_SECONDS = 1.0
# Weight of the newest step in the rate that is shown: some ten steps, a few seconds of a busy journal.
RATE_WEIGHT = 0.1

PARTICIPATION_ROW, AMENDMENT_ROW = 0, 1


class Archive:
    """One file a day and campaign of every change, fsynced: the third copy, outside both stores."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def append(self, campaign: str, now: float, lines: Sequence[bytes]) -> None:
        """Append lines durably, in a worker thread."""
        await asyncio.to_thread(self._append, self._folder / campaign / f"{day_of(now)}.jsonl", b"".join(lines))

    def _append(self, path: Path, data: bytes) -> None:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            written = 0
            while written < len(data):
                written += os.write(descriptor, data[written:])
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


class Ledger:
    """`owner` names this process in the leases."""

    def __init__(self, epochs: EpochStore, documents: ParticipationStore, archive: Archive, owner: str, clock: Clock,
                 metrics: Metrics) -> None:
        self._epochs = epochs
        self._documents = documents
        self._archive = archive
        self._owner = owner
        self._clock = clock
        self._metrics = metrics
        self._last_seen: dict[str, int] = {}
        self._totals_of: dict[str, int] = {}
        self._births: dict[str, str] = {}
        self._rates: dict[str, float] = {}
        self._steps: dict[str, asyncio.Lock] = {}

    async def run(self, shard: Shard, campaign: Campaign) -> None:
        """Carry one shard's journal until cancelled; hands the journal over at a clean stop."""
        fence: int | None = None
        leased_until = 0.0
        try:
            while True:
                try:
                    now = self._clock()
                    if fence is None or now > leased_until:
                        fence = await self._epochs.take_journal(shard.id, self._owner, now)
                        leased_until = now + 1.0  # a lease lives five times as long
                    moved = 0 if fence is None else await self.step(shard, campaign, fence)
                    await asyncio.sleep(0 if moved else PULSE_SECONDS)
                except Superseded as error:
                    logger.info("%s", error)
                    fence = None
                    await asyncio.sleep(OUTAGE_PAUSE_SECONDS)
                except (PyMongoError, RedisError, OSError, TimeoutError) as error:
                    logger.warning("ledger of %s waits: %s", shard.id, type(error).__name__)
                    await asyncio.sleep(OUTAGE_PAUSE_SECONDS)
        finally:
            if fence is not None:
                try:
                    await asyncio.wait_for(self._epochs.leave_journal(shard.id, self._owner), 1.0)
                except (PyMongoError, TimeoutError):
                    logger.info("the journal of %s was not handed over; its lease runs out", shard.id)

    async def step(self, shard: Shard, campaign: Campaign, fence: int) -> int:
        """Carry the oldest entries over. Returns how many changes moved. Raises PyMongoError, RedisError, Superseded.

        One at a time: a recovery that finds the journal empty must know that nobody has a part of it in his hands.
        """
        async with self._steps.setdefault(shard.id, asyncio.Lock()):
            return await self._step(shard, campaign, fence)

    async def _step(self, shard: Shard, campaign: Campaign, fence: int) -> int:
        figures = await shard.figures(minutes=0)
        if not figures.epoch:
            return 0  # nothing is there
        await self._check_birth(shard, figures.birth)
        began = time.monotonic()
        entries = await shard.journal(ENTRIES_PER_STEP)
        now = self._clock()
        await self._saw(shard, figures.seq, figures.ordinal)
        await self._note_missing(shard, figures, entries, now)
        rows = [row for entry in entries for row in entry.rows]
        for start in range(0, len(rows), ROWS_PER_INSERT):
            await self._write(shard, campaign, rows[start:start + ROWS_PER_INSERT], figures.epoch, now)
        epoch, seq = (entries[-1].epoch, entries[-1].seq) if entries else (figures.epoch, figures.seq)
        if entries:
            await self._archive.append(campaign.slug, now, [msgspec.json.encode([shard.id, *row]) + b"\n" for row in rows])
        if entries or self._totals_of.get(shard.id) != figures.seq:  # entries may be younger than the figures: the next step has theirs
            rate = self._rate(shard, len(rows), time.monotonic() - began)
            await self._epochs.written(shard.id, seq, figures.epoch, figures.seq, drained_per_second=rate, totals={
                "participants": figures.participants, "by_region": figures.by_region, "voids": figures.voids,
                "by_activity": {a.code: figures.by_bit.get(i, 0) for i, a in enumerate(campaign.activities)}})
            self._totals_of[shard.id] = figures.seq
        if entries or figures.watermark < figures.seq:
            await shard.trim(fence, epoch, seq)
        self._metrics.record("changes_written_total", amount=len(rows))
        return len(rows)

    def _rate(self, shard: Shard, moved: int, seconds: float) -> float:
        """Changes a second that this process carries, smoothed over some steps; a step with nothing to carry says nothing."""
        if moved:
            before = self._rates.get(shard.id, moved / seconds)
            self._rates[shard.id] = before + (moved / seconds - before) * RATE_WEIGHT
        return round(self._rates.get(shard.id, 0.0), 1)

    async def _check_birth(self, shard: Shard, birth: str) -> None:
        """Raises Superseded where Redis holds another product's shard: its journal is not ours to take."""
        if self._births.get(shard.id) != birth:
            state = await self._epochs.find(shard.id)
            self._births[shard.id] = state.birth if state else ""
        if self._births[shard.id] != birth:
            raise Superseded(f"the journal of {shard.id} is of counters that MongoDB does not know")

    async def _note_missing(self, shard: Shard, figures: ShardFigures, entries: Sequence[Entry], now: float) -> None:
        """A stretch of changes that left the journal unwritten (evicted, or by hand) is poison: it fails the audit, it stops nobody."""
        following = entries[0].rows[0][0] if entries else figures.seq + 1
        if following <= figures.watermark + 1:
            return
        again = await shard.figures(minutes=0)
        if not again.ready or again.epoch != figures.epoch:
            return  # emptied, replaced or being recovered between two looks: the keeper and receipts have it
        known = again.watermark  # another owner of the journal may just have been at it
        if following > known + 1:
            logger.error("changes %d to %d of %s are gone from the journal", known + 1, following - 1, shard.id)
            self._metrics.record("changes_poisoned_total", amount=following - known - 1)
            await self._documents.note_poison(shard.id, known + 1, [known + 1, following - 1], "gone from the journal", now)

    async def _saw(self, shard: Shard, seq: int, ordinal: int) -> None:
        if self._last_seen.get(shard.id) != seq:
            await self._epochs.saw(shard.id, seq, ordinal)
            self._last_seen[shard.id] = seq

    async def _write(self, shard: Shard, campaign: Campaign, rows: Sequence[list[Any]], epoch: int, now: float) -> None:
        """Documents of one slice, in journal order: an amendment sees everything before it."""
        plain: list[Participation] = []
        for row in rows:
            if row[1] == PARTICIPATION_ROW:
                claim = _claim(shard, campaign, row)
                if claim is None:
                    await self._documents.note_poison(shard.id, row[0], row, "unknown activity", now)
                else:
                    plain.append(claim)
                continue
            await self._insert(shard, campaign, plain, epoch, now)
            plain = []
            await self._amend(shard, campaign, row)
        await self._insert(shard, campaign, plain, epoch, now)

    async def _insert(self, shard: Shard, campaign: Campaign, claims: list[Participation], epoch: int, now: float) -> None:
        if not claims:
            return
        written = await self._documents.insert(claims)
        for standing, claim in written.conflicts:
            logger.error("conflict in %s: citizen %d has document %d, a cell said %d", shard.id, claim.citizen,
                         standing.ordinal, claim.ordinal)
            self._metrics.record("conflicts_found_total")
            await self._documents.note_conflict(shard.id, standing, claim, now)
            await shard.put_back(epoch, [replace(put_back(standing, campaign), was_region=claim.region, was_unit=claim.unit)])
        for claim, reason in written.poison:
            self._metrics.record("changes_poisoned_total")
            logger.error("MongoDB refused change %d of %s", claim.seq, shard.id)
            await self._documents.note_poison(shard.id, claim.seq, list(claim.document().values()), reason, now)

    async def _amend(self, shard: Shard, campaign: Campaign, row: list[Any]) -> None:
        seq, _, citizen, flags, ordinal, second, region, unit, kind = row
        if kind == "moved":  # the survivor of a merge holds the earlier participation from now on
            await self._documents.overwrite(
                [Participation(shard.campaign, shard.period, shard.shard, seq, citizen, activity.code, ordinal, second, region, unit)
                 for bit, activity in enumerate(campaign.activities) if flags >> bit & 1])
        await self._documents.amend(Amendment(shard.campaign, shard.period, shard.shard, seq, citizen, kind,
                                              flags & (VOID | MERGED | DELETED), ordinal, second, region, unit))


class Ledgers:
    """The ledgers of every shard that may have something to carry; one task each, in this process."""

    def __init__(self, ledger: Ledger, wanted: Callable[[], Awaitable[list[tuple[Shard, Campaign]]]]) -> None:
        self._ledger = ledger
        self._wanted = wanted
        self._tasks: dict[str, asyncio.Task[None]] = {}

    async def tick(self, now: float) -> None:
        """Start the ledgers that are wanted, end those that are not."""
        wanted = {shard.id: (shard, campaign) for shard, campaign in await self._wanted()}
        for shard_id in [name for name in self._tasks if name not in wanted or self._tasks[name].done()]:
            await self._end(self._tasks.pop(shard_id))
        for shard_id, (shard, campaign) in wanted.items():
            if shard_id not in self._tasks:
                self._tasks[shard_id] = asyncio.create_task(self._ledger.run(shard, campaign), name=f"ledger {shard_id}")

    async def close(self) -> None:
        """End every ledger and hand the journals over."""
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        self._tasks.clear()

    async def _end(self, task: asyncio.Task[None]) -> None:
        task.cancel()
        result = (await asyncio.gather(task, return_exceptions=True))[0]
        if isinstance(result, Exception):
            logger.error("%s ended by a bug and starts again", task.get_name(), exc_info=result)


def _claim(shard: Shard, campaign: Campaign, row: list[Any]) -> Participation | None:
    seq, _, citizen, bit, ordinal, second, region, unit, late = row
    if bit >= len(campaign.activities):
        return None
    return Participation(shard.campaign, shard.period, shard.shard, seq, citizen, campaign.activities[bit].code, ordinal, second,
                         region, unit, late)


def put_back(document: Participation, campaign: Campaign) -> PutBack:
    """A document as a cell is told of it."""
    bit = campaign.activity_index(document.activity)
    assert bit is not None, f"campaign {campaign.slug} lost its activity {document.activity}"
    return PutBack(document.citizen, document.ordinal, document.second, document.seq, bit, document.region, document.unit)


def highest(shard: Shard, claims: Sequence[Participation]) -> tuple[int, int]:
    """The highest sequence and shard-local ordinal among documents."""
    return (max((c.seq for c in claims), default=0),
            max((local_ordinal(c.ordinal, shard.shard, shard.shards) for c in claims), default=0))
