"""Group reports 集体敬礼: people whom a teacher reports together, a class and day at a time. Beside the count, never in it.

Owns: `group_reports`. Invariants: one report stands for a class on a day, whatever is raced, repeated or killed; a correction is a new row
by the same teacher on the same day, a void one by the staff with a reason; nothing is rewritten; a school day's `people` is always the sum
of what stands, since both change in one step; a figure is the sum of school days, and `audit` proves it from the rows.

Failure policy: closed for writing. Figures fail open: the last known ones stay, and none at all is said as none.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from server.campaigns import Campaign
from server.clock import day_bounds, day_of
from server.errors import Conflict, Refusal
from server.metrics import Metrics
from server.reports.group_reports import GroupFigure
from server.schools.classes import check_class, class_name
from server.schools.record import (
    LATE_DAYS,
    MAX_PEOPLE,
    MAX_REASON_CHARACTERS,
    DayFull,
    DayOutOfBounds,
    Entry,
    EntryKind,
    PeopleOutOfBounds,
    ReasonMissing,
    ReportBusy,
    ReportNotStanding,
    SchoolDay,
    Standing,
    Teacher,
    correction_late,
    report_changed,
    reported_by_another,
    reported_by_you,
)
from server.schools.store import GroupReportStore
from server.stores import PyMongoError

logger = logging.getLogger(__name__)

# Two hundred classes, each corrected once: past it somebody plays.
MAX_ENTRIES_A_DAY = 400
# A class is raced by two teachers; a school's first reports of a day by as many as press at once.
TRIES = 8
PAUSE_SECONDS = 0.02
# The figure of a page is this old at most: group reports come in minutes, not in milliseconds.
FIGURE_SECONDS = 2.0
# Once something is known nobody waits at all; before that no longer than a frame of the wall may be late.
PATIENCE_SECONDS = 0.5
# Machines' clocks agree to a second or two; what was written with an older time is found by looking back this far, and by reading all.
LOOK_BACK_MS = 30_000
WHOLE_SECONDS = 300.0
# As many campaigns' figures are kept: a city runs a handful at a time, at 100 bytes a school day.
MAX_CAMPAIGNS = 32
DAY_SECONDS, NOON_SECONDS = 86400, 12 * 3600


@dataclass(frozen=True)
class Taken:
    """What stands now. `is_new`: this request wrote it."""

    klass: str
    day: str
    stands: Standing
    is_new: bool


class GroupReports:
    def __init__(self, store: GroupReportStore, metrics: Metrics) -> None:
        self._store = store
        self._metrics = metrics
        self.figures = GroupFigures(store)

    async def report(self, campaign: Campaign, region: str, teacher: Teacher, klass: str, people: int, day: str, now: float, *,
                     corrects: int = 0) -> Taken:
        """Report a class, or with `corrects`, the number of the row that stands, correct it. The same again is the same answer.

        `teacher` must have been found to be one of the unit. Raises InvalidBody, Conflict, ReportBusy.
        """
        _check(campaign, check_class(klass), people, day, now)
        about = SchoolDay(campaign.slug, teacher.unit, region, day, 0, {}, {})
        for attempt in range(TRIES):
            kept = await self._store.find(campaign.slug, teacher.unit, day)
            before = kept.classes.get(klass) if kept else None
            if before and not before.void and before.by in teacher.marks and before.people == people:
                self._metrics.record("group_reports_taken_total", "repeat")
                return Taken(klass, day, before, False)
            _check_correction(klass, before, teacher, corrects, now)
            if kept and len(kept.rows) >= MAX_ENTRIES_A_DAY:
                raise DayFull()
            kind: EntryKind = "correction" if corrects else "report"
            entry = Entry(klass, before.no + 1 if before else 1, kind, people, now, teacher.mark, campaign.activities[0].code)
            if await self._store.add(about, entry, before):
                self._metrics.record("group_reports_taken_total", kind)
                return Taken(klass, day, Standing(entry.no, people, now, teacher.mark), True)
            await asyncio.sleep(PAUSE_SECONDS * attempt)
        raise ReportBusy()

    async def void(self, campaign: Campaign, unit: str, day: str, klass: str, by: str, reason: str, now: float) -> Standing:
        """Take a class's report out of the figures; what stood. Raises ReasonMissing, ReportNotStanding, ReportBusy."""
        if not 0 < len(reason.strip()) <= MAX_REASON_CHARACTERS:
            raise ReasonMissing()
        check_class(klass)
        for attempt in range(TRIES):
            kept = await self._store.find(campaign.slug, unit, day)
            before = kept.standing.get(klass) if kept else None
            if kept is None or before is None:
                raise ReportNotStanding()
            entry = Entry(klass, before.no + 1, "void", 0, now, by, reason=reason.strip())
            if await self._store.add(kept, entry, before):
                self._metrics.record("group_reports_taken_total", "void")
                return before
            await asyncio.sleep(PAUSE_SECONDS * attempt)
        raise ReportBusy()

    async def of_unit(self, campaign: Campaign, unit: str, now: float) -> list[SchoolDay]:
        """A school's days, the newest first."""
        return await self._store.of_unit(campaign.slug, unit, days_of(campaign, now))

    async def page(self, campaign: Campaign, cursor: str) -> tuple[list[SchoolDay], str | None]:
        """Every school's days, the newest first."""
        return await self._store.page(campaign.slug, cursor)

    async def reported(self, campaign: Campaign, as_of: float) -> AsyncIterator[list[GroupFigure]]:
        """What stood at that moment, page by page, for statistical reports."""
        async for page in self._store.all(campaign.slug):
            yield [figure for day in page for figure in figures_of(day, as_of)]

    async def audit(self, campaign: Campaign) -> tuple[int, list[str]]:
        """The campaign's sum from the rows themselves, and every school day whose record says otherwise."""
        total, findings = 0, []
        async for page in self._store.all(campaign.slug):
            for day in page:
                stood = replayed(day, float("inf"))
                people = sum(entry.people for entry in stood.values())
                total += people
                if people != day.people or {code: entry.people for code, entry in stood.items() if entry.kind != "void"} != {
                        code: one.people for code, one in day.standing.items()}:
                    findings.append(f"group reports of {day.unit} on {day.day}: the rows sum up to {people}, the record says {day.people}")
        return total, findings


class GroupFigures:
    """How many stand reported, by campaign and day and by school: read by the live counters, a few documents at a time."""

    def __init__(self, store: GroupReportStore) -> None:
        self._store = store
        self._known: dict[str, _Known] = {}

    async def of(self, campaign: str, period: str) -> int | None:
        """Of a period: all, or a day such as 20261001. None where nothing was ever read."""
        known = await self._fresh(campaign)
        if not known.is_read:
            return None
        return sum(known.by_day.values()) if period == "all" else known.by_day[period]

    async def of_unit(self, campaign: str, unit: str) -> int | None:
        known = await self._fresh(campaign)
        return known.by_unit[unit] if known.is_read else None

    async def _fresh(self, campaign: str) -> _Known:
        known = self._known.get(campaign)
        if known is None:
            while len(self._known) >= MAX_CAMPAIGNS:
                del self._known[next(iter(self._known))]
            known = self._known[campaign] = _Known()
        if known.reading is None and time.monotonic() - known.read_at >= FIGURE_SECONDS:
            known.reading = asyncio.create_task(self._read(campaign, known))
        if known.reading is not None and not known.is_read:
            await asyncio.wait((known.reading,), timeout=PATIENCE_SECONDS)
        return known

    async def _read(self, campaign: str, known: _Known) -> None:
        now = time.monotonic()
        try:
            is_whole = now - known.whole_at >= WHOLE_SECONDS
            async for page in self._store.sums(campaign, "" if is_whole else known.since(campaign)):
                for one in page:
                    known.take(one.unit, one.day, one.people)
                known.last = max(known.last, int(page[-1].changed.split(":")[1]))
                await asyncio.sleep(0)
            known.is_read = True
            if is_whole:
                known.whole_at = now
        except PyMongoError as error:
            logger.warning("group reports of %s are shown as last known: %s", campaign, type(error).__name__)
        finally:
            known.read_at, known.reading = now, None

    def forget(self) -> None:
        """Who asks next reads anew: for the process that changed something, and for tests."""
        for known in self._known.values():
            known.read_at = float("-inf")


@dataclass
class _Known:
    """One campaign's school days as last read; a day that is read again changes the sums by the difference."""

    people: dict[tuple[str, str], int] = field(default_factory=dict)
    by_day: Counter[str] = field(default_factory=Counter)
    by_unit: Counter[str] = field(default_factory=Counter)
    last: int = 0
    is_read: bool = False
    read_at: float = float("-inf")
    whole_at: float = float("-inf")
    reading: asyncio.Task[None] | None = None

    def take(self, unit: str, day: str, people: int) -> None:
        more = people - self.people.get((unit, day), 0)
        self.people[unit, day] = people
        self.by_day[day] += more
        self.by_unit[unit] += more

    def since(self, campaign: str) -> str:
        return f"{campaign}:{max(0, self.last - LOOK_BACK_MS):015d}"


def replayed(day: SchoolDay, as_of: float) -> dict[str, Entry]:
    """Each class's newest row by then, voids too."""
    return {entry.klass: entry for entry in sorted(day.log, key=lambda one: one.no) if entry.at <= as_of}


def figures_of(day: SchoolDay, as_of: float) -> list[GroupFigure]:
    return [GroupFigure(_second(day.day, entry.at), day.region, day.unit, entry.activity, entry.people)
            for entry in replayed(day, as_of).values() if entry.kind != "void"]


def _second(day: str, at: float) -> int:
    """When it counts: as it was reported, or for a day that was reported later at its noon."""
    return int(at) if day_of(at) == day else day_bounds(day)[0] + NOON_SECONDS


def days_of(campaign: Campaign, now: float) -> list[str]:
    """The campaign's days so far, a hundred at most, the newest first."""
    last, first = min(now, campaign.closes_at - 1), campaign.opens_at
    days = [day_of(last - DAY_SECONDS * back) for back in range(100) if day_of(last - DAY_SECONDS * back) >= day_of(first)]
    return days if last >= first else []


def reportable_days(campaign: Campaign, now: float) -> list[str]:
    """What may be reported now, the newest first."""
    return [day for day in days_of(campaign, now) if day >= day_of(now - LATE_DAYS * DAY_SECONDS)]


def closed(campaign: Campaign, now: float) -> Refusal | None:
    """Why nothing can be reported, or None."""
    if campaign.state == "paused":
        why = f"：{campaign.pause_reason}" if campaign.pause_reason else "，请稍后再来"
        return Conflict("CAMPAIGN_PAUSED", f"活动暂停，暂时不能上报{why}")
    if campaign.state in ("frozen", "archived"):
        return Conflict("CAMPAIGN_ENDED", "活动已经截止，不能再上报；数字有误请联系主办单位")
    if campaign.state != "open" or now < campaign.opens_at:
        return Conflict("CAMPAIGN_NOT_OPEN", "活动还没有开始，开始后再上报")
    return None


def _check(campaign: Campaign, klass: str, people: int, day: str, now: float) -> None:
    if (refusal := closed(campaign, now)) is not None:
        raise refusal
    if not 1 <= people <= MAX_PEOPLE:
        raise PeopleOutOfBounds()
    if day not in reportable_days(campaign, now):
        raise DayOutOfBounds()


def _check_correction(klass: str, before: Standing | None, teacher: Teacher, corrects: int, now: float) -> None:
    """Whether a report, or a correction, may come on top of what stands. Raises Conflict."""
    if before is None or before.void:
        if corrects:
            raise report_changed()
        return
    if before.by not in teacher.marks:
        raise reported_by_another(klass, before.people)
    if not corrects:
        raise reported_by_you(klass, before.people)
    if day_of(before.at) != day_of(now):
        raise correction_late()
    if corrects != before.no:
        raise report_changed()


__all__ = ["GroupFigures", "GroupReports", "Taken", "class_name", "closed", "days_of", "figures_of", "replayed", "reportable_days"]
