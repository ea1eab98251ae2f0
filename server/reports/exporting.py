"""The job of exports: walks a campaign's documents, hands rows to a worker, keeps the file in parts; and removes what is old.

Failure policy: a kill anywhere leaves an export that the next makes from the beginning, five times. Where MongoDB is behind the counters,
or all workers are busy, it waits for its turn. Memory: a page of documents, 11 bytes a citizen of one shard, and one part of the file.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Awaitable
from contextlib import aclosing
from dataclasses import dataclass

from server.campaigns import Campaign, CampaignNotFound, Campaigns
from server.clock import Clock, iso
from server.counting.cells import DELETED, MERGED, VOID
from server.leases import LeaseLost, while_held
from server.metrics import Metrics
from server.participations import Participation
from server.places import PlaceIndex, Places
from server.reports.census import Census, Documents, LedgerBehind
from server.reports.exports import COLUMNS, KEPT_SECONDS, MAX_ROWS, WIDTHS, Export, ExportStore, masked_number, watermark
from server.reports.tables import day_index, days_between
from server.spreadsheets.wire import Cell, Given, Rows, Sheet
from server.spreadsheets.workers import WorkerLost, Workers, WorkersBusy

logger = logging.getLogger(__name__)

AT_ONCE = 10
LEASE_SECONDS, RENEW_SECONDS = 60.0, 5.0
# A process that dies while it writes may die of the file itself.
MOST_ATTEMPTS = 5
PAUSE_SECONDS = 30.0


class TooManyRows(Exception):
    """More than one file may hold."""


@dataclass
class Progress:
    rows_done: int = 0


@dataclass(frozen=True)
class Rules:
    """Which rows are wanted, and how places are called."""

    campaign: Campaign
    places: PlaceIndex
    region: str
    days: tuple[int, int]

    def row(self, census: Census, document: Participation) -> list[Cell] | None:
        """A document as people read it; None where it is not wanted, or does not count."""
        one = census.of(document.citizen)
        if one.bits & (VOID | MERGED | DELETED) or not self.days[0] <= day_index(document.second) <= self.days[1]:
            return None
        if self.region and one.region != self.region:
            return None
        region, unit = self.places.regions.get(one.region), self.places.units.get(one.unit)
        return [masked_number(document.citizen), document.ordinal, iso(document.second), region.name if region else one.region,
                unit.name if unit else one.unit, self.campaign.activities[self.campaign.bits[document.activity]].title]


class Exporter:
    def __init__(self, store: ExportStore, documents: Documents, campaigns: Campaigns, places: Places, workers: Workers, metrics: Metrics,
                 clock: Clock) -> None:
        self._store = store
        self._documents = documents
        self._campaigns = campaigns
        self._places = places
        self._workers = workers
        self._metrics = metrics
        self._clock = clock

    async def tick(self, now: float) -> int:
        """Make, end and remove what is due; how many were looked at."""
        due = await self._store.due(now, AT_ONCE)
        for export in due:
            if export.state == "waiting":
                await self._store.end(export, "lapsed")
            elif export.state == "ready":
                await self._remove(export)
            else:
                await self._make_one(export)
        return len(due)

    async def _remove(self, export: Export) -> None:
        """First nobody can fetch it, then it is gone; a kill in between leaves parts, so the state changes last."""
        await self._store.parts.drop(export.id, [export.attempt])
        await self._store.end(export, "removed")

    async def _make_one(self, export: Export) -> None:
        if not await self._store.claim(export, self._clock() + LEASE_SECONDS):
            return
        attempt, progress = export.attempt + 1, Progress()
        if attempt > MOST_ATTEMPTS:
            await self._fail(export, attempt, "多次未能生成，请联系管理员查看日志")
            return

        def hold() -> Awaitable[bool]:
            return self._store.hold(export.id, attempt, self._clock() + LEASE_SECONDS, progress.rows_done)

        async def leave() -> None:
            if await hold():  # else it was settled a moment ago
                await self._store.parts.drop(export.id, [attempt])
                await self._store.again(export.id, attempt, self._clock())

        try:
            await while_held(self._make(export, attempt, progress), hold, RENEW_SECONDS, leave)
        except LeaseLost:
            logger.warning("export %s is made by another", export.id)
            await self._store.parts.drop(export.id, [attempt])

    async def _make(self, export: Export, attempt: int, progress: Progress) -> None:
        try:
            parts, size = await self._write(export, attempt, progress)
        except (LedgerBehind, WorkersBusy) as error:
            logger.warning("export %s waits: %s", export.id, type(error).__name__)
            await self._store.again(export.id, attempt, self._clock() + PAUSE_SECONDS)
            return
        except WorkerLost:
            return  # told by the log; the lease runs out, and the next try begins anew
        except TooManyRows:
            await self._fail(export, attempt, f"超过 {MAX_ROWS} 行，请按日期或区县分次导出")
            return
        except CampaignNotFound:
            await self._fail(export, attempt, "活动已不存在")
            return
        now = self._clock()
        settled = await self._store.settle(export.id, attempt, {
            "state": "ready", "ready_at": now, "due": now + KEPT_SECONDS, "rows": progress.rows_done, "rows_done": progress.rows_done,
            "parts": parts, "size_bytes": size})
        await self._store.parts.drop(export.id, range(1, attempt) if settled else [attempt])
        if settled:
            self._metrics.record("exports_settled_total", "ready")

    async def _fail(self, export: Export, attempt: int, problem: str) -> None:
        logger.error("export %s: %s", export.id, problem)
        await self._store.settle(export.id, attempt, {"state": "failed", "problem": problem})
        await self._store.parts.drop(export.id, range(1, attempt + 1))
        self._metrics.record("exports_settled_total", "failed")

    async def _write(self, export: Export, attempt: int, progress: Progress) -> tuple[int, int]:
        """The file into parts; how many, and how long it is. Raises what its steps raise."""
        async with aclosing(self._workers.file(export.format, self._given(export, attempt, progress))) as pieces:
            return await self._store.parts.write(export.id, attempt, pieces)

    async def _given(self, export: Export, attempt: int, progress: Progress) -> AsyncGenerator[Given, None]:
        campaign = await self._campaigns.get_any(export.campaign)
        as_of = self._clock()
        shards = await self._documents.shards(campaign)
        await self._store.know_rows(export.id, attempt, await self._documents.rows(campaign))
        rules = Rules(campaign, await self._places.of(campaign), export.region, days_between(export.first_day, export.last_day))
        line = watermark(export, campaign.title)
        if export.format == "xlsx":
            yield Sheet("水印", ["导出说明"], [140])
            yield Rows([[line], [f"数据截至 {iso(as_of)}；每行是一人一项主题活动；作废、合并的记录和已删除个人信息者不列。"]])
        yield Sheet("参与记录", COLUMNS, WIDTHS, [line] if export.format == "csv" else [])
        for shard in shards:
            census = await self._documents.begin(shard, as_of)
            async for page in self._documents.fill(census, campaign):
                rows = [row for document in page if (row := rules.row(census, document)) is not None]
                progress.rows_done += len(rows)
                if progress.rows_done > MAX_ROWS:
                    raise TooManyRows()
                yield Rows(rows)
