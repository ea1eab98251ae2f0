"""The ledger: carries each shard's journal into MongoDB, and tells the shard how far it came.

Owns: the way from journal to documents, the archive files, and the leases of the journals.
Invariants: one process has a shard's journal at a time (lease with a fence); an entry leaves the journal
only after its documents, the archive line and, where MongoDB refused one, its poison note are written;
so a kill anywhere repeats work and loses nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from server.backups.lines import append, line_of
from server.campaigns import Campaign
from server.clock import Clock, day_of
from server.counting.cells import DELETED, MERGED, VOID, local_ordinal
from server.counting.epochs import EpochStore
from server.counting.figures import ShardFigures
from server.counting.shards import Entry, PutBack, Row, Shard, Superseded
from server.metrics import Metrics
from server.participations import Amendment, Participation, ParticipationStore
from server.stores import PyMongoError, RedisError

logger = logging.getLogger(__name__)

# What a step costs beside its documents (an fsync of the archive, two marks, a trim) is shared by so many; they take the embedded
# store a second.
ROWS_PER_STEP = 4096
# Rows of one insert: 4 ms of the loop to make them, and the embedded store takes 4,000 a second, so that none nears its time limit.
ROWS_PER_INSERT = 512
# One is written while the next is made.
INSERTS_AT_ONCE = 2
# What Redis gave is noted this often at least, so that a Redis set back by a second is found out.
PULSE_SECONDS = 0.2
# Pause after MongoDB or Redis did not answer; the journal holds everything meanwhile.
OUTAGE_PAUSE_SECONDS = 1.0
# Weight of the newest step in the rate that is shown: some ten steps, a few seconds of a busy journal.
RATE_WEIGHT = 0.1

# A busy journal is told of this often in the log.
TOLD_SECONDS = 5.0
# Moments that are remembered of a journal that waits: one a step, which is an hour of an outage; then the newest are left out.
MOST_MOMENTS = 4096
# Stretches of a shard that are remembered: one is the rule, another comes with each change of owner.
MOST_STRETCHES = 256

# At a stop a step that was begun may end: of 4,096 rows, a second on the embedded store, and a few where it is busy.
FINISH_SECONDS = 4.0

PARTICIPATION_ROW, AMENDMENT_ROW = 0, 1
# Of both; what the next release writes behind them is read by it alone.
ROW_FIELDS = 9


class Lag:
    """When this process first saw which sequence of a journal: journal entries carry no time of their own."""

    def __init__(self) -> None:
        self._seen: deque[tuple[int, float]] = deque()

    def see(self, seq: int, written: int, now: float) -> None:
        """The journal has come to `seq`, MongoDB to `written`."""
        seen = self._seen
        if seq > (seen[-1][0] if seen else written) and len(seen) < MOST_MOMENTS:
            seen.append((seq, now))
        while seen and seen[0][0] <= written:
            seen.popleft()

    def seconds(self, now: float) -> float:
        return max(0.0, now - self._seen[0][1]) if self._seen else 0.0


@dataclass
class Stretch:
    """What was written since it was last told."""

    first: int = 0
    last: int = 0
    changes: int = 0
    steps: int = 0
    began: float = 0.0

    def add(self, first: int, last: int, changes: int, now: float) -> None:
        if not self.changes:
            self.first, self.began = first, now
        self.last, self.changes, self.steps = last, self.changes + changes, self.steps + 1


class Archive:
    """One file a day and campaign of every change, fsynced: the third copy, outside both stores.

    What this process wrote of each shard is remembered until `reached` is asked for it: the tail copies the rest from other hosts.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._stretches: dict[str, list[tuple[int, int]]] = {}

    async def append(self, campaign: str, now: float, shard_id: str, rows: Sequence[Row]) -> None:
        """Append rows durably, in a worker thread."""
        data = b"".join(line_of([shard_id, *row]) for row in rows)
        await asyncio.to_thread(append, self.folder / campaign / f"{day_of(now)}.jsonl", data)
        stretches = self._stretches.setdefault(shard_id, [])
        if stretches and stretches[-1][1] + 1 == rows[0][0]:
            stretches[-1] = (stretches[-1][0], rows[-1][0])
        elif len(stretches) < MOST_STRETCHES:  # what is forgotten is copied once more
            stretches.append((rows[0][0], rows[-1][0]))

    def reached(self, shard_id: str, seq: int) -> int:
        """How far this host has every change of a shard, where it had them up to `seq`; what lies before is forgotten."""
        stretches = self._stretches.get(shard_id, [])
        while stretches and stretches[0][0] <= seq + 1:
            seq = max(seq, stretches.pop(0)[1])
        if seq:
            stretches.insert(0, (seq, seq))
        return seq


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
        self._lags: dict[str, Lag] = {}
        self._told: dict[str, Stretch] = {}
        self._leaving = asyncio.Event()

    @contextlib.contextmanager
    def leaving(self) -> Iterator[None]:
        """Meanwhile no further step is begun: each `run` hands its journal over after the one that it is in."""
        self._leaving.set()
        try:
            yield
        finally:
            self._leaving.clear()

    async def _pause(self, seconds: float) -> None:
        """Cut short where we leave."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._leaving.wait(), seconds)

    def lagged_seconds(self, now: float) -> float:
        """Age of the oldest change that MongoDB lacks, of the journals that this process carries; it grows while a store is away."""
        return max((lag.seconds(now) for lag in self._lags.values()), default=0.0)

    async def run(self, shard: Shard, campaign: Campaign) -> None:
        """Carry one shard's journal until `leaving` or cancelled; hands the journal over at a clean stop."""
        fence: int | None = None
        leased_until = 0.0
        try:
            while not self._leaving.is_set():
                try:
                    now = self._clock()
                    if fence is None or now > leased_until:
                        fence = await self._epochs.take_journal(shard.id, self._owner, now)
                        leased_until = now + 1.0  # a lease lives five times as long
                    if fence is None:
                        self._lags.pop(shard.id, None)  # somebody else carries it, and measures
                    moved = 0 if fence is None else await self.step(shard, campaign, fence)
                    await (asyncio.sleep(0) if moved else self._pause(PULSE_SECONDS))
                except Superseded as error:
                    logger.info("%s", error)
                    fence = None
                    await self._pause(OUTAGE_PAUSE_SECONDS)
                except (PyMongoError, RedisError, OSError, TimeoutError) as error:
                    logger.warning("ledger of %s waits: %s", shard.id, type(error).__name__)
                    await self._pause(OUTAGE_PAUSE_SECONDS)
        finally:
            self._lags.pop(shard.id, None)
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
        now = self._clock()
        lag = self._lags.setdefault(shard.id, Lag())
        lag.see(figures.seq, figures.watermark, now)
        await self._check_birth(shard, figures.birth)
        began = time.monotonic()
        entries = await shard.journal(ROWS_PER_STEP)
        await self._saw(shard, figures.seq, figures.ordinal)
        await self._note_missing(shard, figures, entries, now)
        rows = [row for entry in entries for row in entry.rows]
        await self._write(shard, campaign, rows, figures.epoch, now)
        epoch, seq = (entries[-1].epoch, entries[-1].seq) if entries else (figures.epoch, figures.seq)
        if entries:
            await self._archive.append(campaign.slug, now, shard.id, rows)
        if entries or self._totals_of.get(shard.id) != figures.seq:  # entries may be younger than the figures: the next step has theirs
            rate = self._rate(shard, len(rows), time.monotonic() - began)
            await self._epochs.written(shard.id, seq, figures.epoch, figures.seq, drained_per_second=rate, totals={
                "participants": figures.participants, "by_region": figures.by_region, "voids": figures.voids,
                "by_activity": {a.code: figures.by_bit.get(i, 0) for i, a in enumerate(campaign.activities)}})
            self._totals_of[shard.id] = figures.seq
        if entries or figures.watermark < figures.seq:
            await shard.trim(fence, epoch, seq)
        lag.see(seq, seq, now)
        self._metrics.record("changes_written_total", amount=len(rows))
        self._tell(shard, rows, now)
        return len(rows)

    def _tell(self, shard: Shard, rows: Sequence[Row], now: float) -> None:
        """Log which changes MongoDB has now: each step at DEBUG, what some seconds brought at INFO."""
        told = self._told.setdefault(shard.id, Stretch())
        if rows:
            logger.debug("wrote changes %d to %d of %s", rows[0][0], rows[-1][0], shard.id)
            told.add(rows[0][0], rows[-1][0], len(rows), now)
        if told.changes and now - told.began >= TOLD_SECONDS:
            logger.info("wrote changes %d to %d of %s: %d in %d steps", told.first, told.last, shard.id, told.changes, told.steps)
            del self._told[shard.id]

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

    async def _write(self, shard: Shard, campaign: Campaign, rows: Sequence[Row], epoch: int, now: float) -> None:
        """Documents in journal order, as far as it matters: an amendment sees everything before it."""
        plain: list[Row] = []
        for row in rows:
            if row[1] == PARTICIPATION_ROW:
                plain.append(row)
                continue
            await self._insert(shard, campaign, plain, epoch, now)
            plain = []
            await write_amendment(self._documents, shard, campaign, row)
        await self._insert(shard, campaign, plain, epoch, now)

    async def _insert(self, shard: Shard, campaign: Campaign, rows: Sequence[Row], epoch: int, now: float) -> None:
        at_once = asyncio.Semaphore(INSERTS_AT_ONCE)

        async def insert(some: Sequence[Row]) -> None:
            async with at_once:
                await self._insert_some(shard, campaign, some, epoch, now)

        outcomes = await asyncio.gather(*(insert(rows[start:start + ROWS_PER_INSERT]) for start in range(0, len(rows), ROWS_PER_INSERT)),
                                        return_exceptions=True)  # so that none is still on its way when the step has failed
        for outcome in outcomes:
            if outcome is not None:
                raise outcome

    async def _insert_some(self, shard: Shard, campaign: Campaign, rows: Sequence[Row], epoch: int, now: float) -> None:
        claims = []
        for row in rows:
            claim = claim_of(shard, campaign, row)
            if claim is None:
                await self._documents.note_poison(shard.id, row[0], row, "unknown activity", now)
            else:
                claims.append(claim)
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
        """Let every ledger end its step and hand its journal over; one that hangs is ended in the middle, which repeats work elsewhere."""
        with self._ledger.leaving():
            if self._tasks:
                await asyncio.wait(self._tasks.values(), timeout=FINISH_SECONDS)
            for task in self._tasks.values():
                task.cancel()
            await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        self._tasks.clear()

    async def _end(self, task: asyncio.Task[None]) -> None:
        task.cancel()
        result = (await asyncio.gather(task, return_exceptions=True))[0]
        if isinstance(result, Exception):
            logger.error("%s ended by a bug and starts again", task.get_name(), exc_info=result)


async def write_amendment(documents: ParticipationStore, shard: Shard, campaign: Campaign, row: Row) -> None:
    seq, _, citizen, flags, ordinal, second, region, unit, kind = row[:ROW_FIELDS]
    if kind == "moved":  # the survivor of a merge holds the earlier participation from now on
        await documents.overwrite(
            [Participation(shard.campaign, shard.period, shard.shard, seq, citizen, activity.code, ordinal, second, region, unit)
             for bit, activity in enumerate(campaign.activities) if flags >> bit & 1])
    await documents.amend(Amendment(shard.campaign, shard.period, shard.shard, seq, citizen, kind,
                                    flags & (VOID | MERGED | DELETED), ordinal, second, region, unit))


def claim_of(shard: Shard, campaign: Campaign, row: Row) -> Participation | None:
    """What a row says; None where the campaign has no such activity."""
    seq, _, citizen, bit, ordinal, second, region, unit, late = row[:ROW_FIELDS]
    if bit >= len(campaign.activities):
        return None
    return Participation(shard.campaign, shard.period, shard.shard, seq, citizen, campaign.activities[bit].code, ordinal, second,
                         region, unit, late)


def put_back(document: Participation, campaign: Campaign) -> PutBack:
    """A document as a cell is told of it."""
    bit = campaign.bits.get(document.activity)
    assert bit is not None, f"campaign {campaign.slug} lost its activity {document.activity}"
    return PutBack(document.citizen, document.ordinal, document.second, document.seq, bit, document.region, document.unit)


def highest(shard: Shard, claims: Sequence[Participation]) -> tuple[int, int]:
    """The highest sequence and shard-local ordinal among documents."""
    return (max((c.seq for c in claims), default=0),
            max((local_ordinal(c.ordinal, shard.shard, shard.shards) for c in claims), default=0))
