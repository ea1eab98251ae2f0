"""The job that makes reports: counts a campaign's documents shard by shard, writes the tables, freezes the report.

Failure policy: a kill anywhere leaves a report that the next makes from the beginning; a store's outage too. While MongoDB is behind the
counters it waits, for an hour. A report that failed says why and keeps its number.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Awaitable

import msgspec

from server.campaigns import Campaign, CampaignNotFound, Campaigns
from server.clock import Clock, day_of, shanghai
from server.leases import LeaseLost, while_held
from server.metrics import Metrics
from server.places import Places
from server.reports.census import Documents, LedgerBehind
from server.reports.group_reports import GroupReports
from server.reports.report import LEASE_SECONDS, Report, ReportStore, TableHead
from server.reports.tables import MAX_CELLS, Tally, TooManyCells, days_between, tables
from server.stores import Document
from server.visits import Visits

logger = logging.getLogger(__name__)

# Looked at in one turn; each is a whole count.
AT_ONCE = 10
# A process that dies while it counts may die of the count itself.
MOST_ATTEMPTS = 5
RENEW_SECONDS = 15.0
LEDGER_PAUSE_SECONDS, LEDGER_PATIENCE_SECONDS = 10.0, 3600.0
# While people are merged and voided a count is repeated so often; then the last one stands, and says so.
COUNTS = 3
TABLES = ("regions", "units", "hours", "activities", "channels")


class ReportMaker:
    def __init__(self, store: ReportStore, documents: Documents, campaigns: Campaigns, places: Places, visits: Visits,
                 groups: GroupReports, metrics: Metrics, clock: Clock) -> None:
        self._store = store
        self._documents = documents
        self._campaigns = campaigns
        self._places = places
        self._visits = visits
        self._groups = groups
        self._metrics = metrics
        self._clock = clock
        self._scheduled: dict[str, str] = {}  # campaign -> the last day whose report is known to be asked for

    async def tick(self, now: float) -> int:
        """Ask for the daily reports whose time has come, and make what is due; how many were settled."""
        await self._schedule(now)
        settled = 0
        for report in await self._store.due(now, AT_ONCE):
            settled += await self._make_one(report)
        return settled

    async def _schedule(self, now: float) -> None:
        """One report a day for each open campaign that wants it, however many processes and ticks see the time."""
        for campaign in await self._campaigns.all():
            if campaign.state != "open" or campaign.rehearsal or self._scheduled.get(campaign.slug) == day_of(now):
                continue
            settings = await self._store.settings(campaign.slug)
            if settings.daily_at and shanghai(now).strftime("%H:%M") >= settings.daily_at:
                report = Report(f"{campaign.slug}:daily:{day_of(now)}", campaign.slug, report_title(campaign), "daily", "system", now,
                                settings)
                if await self._store.create(report, now):
                    logger.info("the daily report of %s is due", campaign.slug)
                self._scheduled[campaign.slug] = day_of(now)

    async def _make_one(self, report: Report) -> bool:
        """Whether the report was settled by us."""
        await self._store.give_number(report.id, number_line(report))
        if not await self._store.claim(report, self._clock() + LEASE_SECONDS):
            return False
        attempt = report.attempt + 1
        if attempt > MOST_ATTEMPTS:
            return await self._fail(report, attempt, "多次未能生成，请联系管理员查看日志")

        def hold() -> Awaitable[bool]:
            return self._store.hold(report.id, attempt, self._clock() + LEASE_SECONDS)

        async def leave() -> None:
            if await hold():  # else it was settled a moment ago
                await self._store.drop_tables(report.id, attempt, TABLES)
                await self._store.postpone(report.id, attempt, self._clock())

        try:
            return await while_held(self._make(report, attempt), hold, RENEW_SECONDS, leave)
        except LeaseLost:
            logger.warning("report %s is made by another", report.id)
            await self._store.drop_tables(report.id, attempt, TABLES)
            return False

    async def _make(self, report: Report, attempt: int) -> bool:
        try:
            fields = await self._count(report, attempt)
        except LedgerBehind:
            if self._clock() - report.at < LEDGER_PATIENCE_SECONDS:
                await self._store.postpone(report.id, attempt, self._clock() + LEDGER_PAUSE_SECONDS)
                return False
            return await self._fail(report, attempt, "计数还没有全部写入数据库，请在值守页面查看账本后再申请")
        except TooManyCells:
            return await self._fail(report, attempt, f"单位与日期的组合超过 {MAX_CELLS} 个，请分段选择日期再申请")
        except CampaignNotFound:
            return await self._fail(report, attempt, "活动已不存在")
        if not await self._store.settle(report.id, attempt, {**fields, "state": "made", "made_at": self._clock()}):
            await self._store.drop_tables(report.id, attempt, TABLES)
            return False
        for killed in range(1, attempt):
            await self._store.drop_tables(report.id, killed, TABLES)
        if report.corrects and (old := await self._store.find(report.corrects)):  # where whoever asked was killed before she had it named
            await self._store.name_correction(old.id, await self._store.give_number(report.id, number_line(report)))
        self._metrics.record("reports_settled_total", "made")
        return True

    async def _fail(self, report: Report, attempt: int, problem: str) -> bool:
        logger.error("report %s was not made: %s", report.id, problem)
        settled = await self._store.settle(report.id, attempt, {"state": "failed", "problem": problem})
        await self._store.drop_tables(report.id, attempt, TABLES)
        self._metrics.record("reports_settled_total", "failed")
        return settled

    async def _count(self, report: Report, attempt: int) -> Document:
        """The figures, their tables written. Raises LedgerBehind, TooManyCells."""
        campaign = await self._campaigns.get_any(report.campaign)
        as_of = self._clock()
        tally, unsettled = await self._tally(report, campaign, as_of)
        heads: list[TableHead] = []
        places = await self._places.of(campaign)
        for table in tables(campaign, tally, places, await self._visits.of(campaign.slug), zero_units=report.settings.show_zero_units):
            heads.append(await self._store.keep_table(report.id, attempt, table))
            await asyncio.sleep(0)
        persons, times, groups = tally.total
        return {"as_of": as_of, "persons": persons, "times": times, "group_reported": groups, "tables": msgspec.to_builtins(heads),
                "notes": notes(campaign, report, unsettled)}

    async def _tally(self, report: Report, campaign: Campaign, as_of: float) -> tuple[Tally, bool]:
        """The figures, and whether people were merged or voided all the while."""
        shards = await self._documents.shards(campaign)
        codes, days = tuple(activity.code for activity in campaign.activities), days_between(report.first_day, report.last_day)
        for _ in range(COUNTS):
            tally, amended_to = Tally(codes, days), {}
            for shard in shards:
                census = await self._documents.begin(shard, as_of)
                async for _page in self._documents.fill(census, campaign):
                    await asyncio.sleep(0)
                for people in census.pages():
                    tally.add(people)
                    await asyncio.sleep(0)  # 4,096 people are some milliseconds: others get their turn
                amended_to[shard.id] = census.amended_to
            is_unsettled = await self._documents.was_amended_since(amended_to)
            if not is_unsettled:
                break
        async for reports in self._groups.reported(campaign, as_of):
            tally.add_groups(reports)
        return tally, is_unsettled


def report_title(campaign: Campaign) -> str:
    return f"“{campaign.title}”参与情况统计表"


def new_id(campaign: str) -> str:
    return f"{campaign}:{secrets.token_hex(8)}"


def number_line(report: Report) -> str:
    return f"{report.campaign}-{shanghai(report.at).year}"


def notes(campaign: Campaign, report: Report, unsettled: bool) -> list[str]:
    """口径说明: what the figures mean, as they stand on the paper."""
    period = "每个自然日，跨日不去重" if campaign.period_rule == "daily" else "整个活动期间"
    found = [
        f"人数：同一参与者在一个统计周期（{period}）内只计一次，计入首次参与的日期、时段和所选区县、单位。",
        "人次：同一参与者在一个统计周期内每项主题活动计一次，日期、时段和地点随其首次参与；按主题活动统计时，人数与人次相同，各活动人数不能相加。",
        "集体上报：学校等单位集体填报的人数，单独列示，不计入也不与人数、人次相加。",
        "访问次数：网页被打开的次数，不是人数，截至时间前后可相差一分钟。",
        "经核实作废的不计；确认为同一人的合并计一次；已申请删除个人信息的只保留计数。",
        "日期、时段为北京时间；没有参与记录的日期、区县、时段不列。",
    ]
    if not report.settings.show_zero_units:
        found.append("单位表只列有参与记录的单位；未列出不代表任何评价。")
    if unsettled:
        found.append("统计时有参与记录正在作废或合并，个别数字可能相差一二，以更正后的报表为准。")
    if report.settings.note:
        found.append(report.settings.note)
    return found

