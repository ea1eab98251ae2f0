"""The look at the figures each second: who passed a milestone, which minute was the highest, how a day went minute by minute (for the
duty log's curve, and the one behind today's on the wall).

Owns: `campaign_watches` (`_id` campaign: the highest minute, and what was seen last), `campaign_minutes` (`_id` campaign:day).
Invariants: a highest minute is never lowered; what a process that just started sees as passed long ago is written down as such, and told
to nobody.

Failure policy: open. A campaign whose figures are incomplete is looked at again in a second, and holds no other up.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol

from server.bulletins.bulletin import BulletinSettings
from server.bulletins.milestones import Milestone, MilestoneStore, table_of
from server.bulletins.service import Note
from server.bulletins.snapshot import KEPT_MINUTES, FiguresIncomplete, ReadWritten, Snapshots, Whole
from server.bulletins.texts import milestone_line
from server.campaigns import Campaign
from server.clock import day_bounds, day_of
from server.shared_reads import Remembered
from server.stores import Database, Document, translate

logger = logging.getLogger(__name__)

# Minutes that may still change while they are written: the one that runs, the one before, and one for a slow turn.
OPEN_MINUTES = 3
# As old as what a killed process leaves may be; a curve on a desk is looked at for longer.
SAVE_SECONDS = 15.0
# Voids and late salutes change minutes that are past: the whole day is written anew this often.
WHOLE_SECONDS = 600.0
# Who was below so lately was seen to pass; older, nobody was there to see it.
WITNESS_SECONDS = 60.0
# Tables change by an operator's hand.
SETTINGS_SECONDS = 5.0
WRITTEN_SECONDS = 20.0
MOST_CAMPAIGNS = 64


class WatchStore:
    """The only code that touches these collections; each method one atomic step."""

    def __init__(self, mongo: Database) -> None:
        self._watches = mongo["campaign_watches"]
        self._minutes = mongo["campaign_minutes"]

    async def last(self, campaign: str) -> Document:
        return await self._watches.find_one({"_id": campaign}) or {}

    async def keep(self, campaign: str, peak: tuple[int, int], participants: int, at: float) -> None:
        """`peak` as a text that grows with it, so that one step keeps the higher of two."""
        await self._watches.update_one({"_id": campaign}, {"$max": {"peak": f"{peak[0]:010d}:{peak[1]:012d}"},
                                                           "$set": {"participants": participants, "at": at}}, upsert=True)

    async def keep_minutes(self, campaign: str, day: str, minutes: dict[int, int]) -> None:
        """`minutes`: by their number in the day; the others stay as they are."""
        if minutes:
            await self._minutes.update_one({"_id": f"{campaign}:{day}"}, {"$set": {f"by.{number}": n for number, n in minutes.items()}},
                                           upsert=True)

    async def minutes(self, campaign: str, day: str) -> dict[int, int]:
        """New participants by the minute's number in the day; minutes without anybody are left out."""
        found = await self._minutes.find_one({"_id": f"{campaign}:{day}"})
        return {} if found is None else {int(number): int(n) for number, n in found["by"].items() if n}

    async def peak(self, campaign: str) -> tuple[int, int]:
        """The highest minute that was seen, as (n, its first second)."""
        return peak_of(await self.last(campaign))


def peak_of(document: Document) -> tuple[int, int]:
    n, _, minute = str(document.get("peak", "0:0")).partition(":")
    return int(n), int(minute)


def lately(written: ReadWritten) -> ReadWritten:
    """The same, some seconds old at most: what stands of days that are over changes by a void alone, and is looked at each second."""
    known: Remembered[list[Document]] = Remembered(WRITTEN_SECONDS, MOST_CAMPAIGNS)

    async def read(campaign: str) -> list[Document]:
        return await known.get(campaign, lambda: written(campaign))

    return read


class Settings(Protocol):
    async def settings(self, campaign: str) -> BulletinSettings: ...


@dataclass
class _Seen:
    """What this process knows of a campaign."""

    participants: int
    at: float
    peak: tuple[int, int]
    passed: set[int] = field(default_factory=set)
    saved_at: float = float("-inf")
    whole_at: float = float("-inf")


class Watch:
    def __init__(self, store: WatchStore, milestones: MilestoneStore, settings: Settings, snapshots: Snapshots,
                 all_campaigns: Callable[[], Awaitable[list[Campaign]]], note: Note,
                 tells: Callable[[], bool]) -> None:
        """`tells`: whether there are robots to tell."""
        self._store = store
        self._milestones = milestones
        self._settings = settings
        self._snapshots = snapshots
        self._campaigns = all_campaigns
        self._note = note
        self._tells = tells
        self._tables: Remembered[BulletinSettings] = Remembered(SETTINGS_SECONDS, MOST_CAMPAIGNS)
        self._seen: dict[str, _Seen] = {}

    async def tick(self, now: float) -> int:
        """How many milestones were written by us."""
        found = 0
        watched = [campaign for campaign in await self._campaigns() if self._is_watched(campaign)][:MOST_CAMPAIGNS]
        self._seen = {one.slug: self._seen[one.slug] for one in watched if one.slug in self._seen}
        for campaign in watched:
            try:
                found += await self._look(campaign, now)
            except FiguresIncomplete:
                logger.info("the figures of %s are incomplete; they are looked at again", campaign.slug)
            except Exception as error:
                if translate(error) is None and not isinstance(error, (OSError, TimeoutError)):
                    logger.exception("the figures of %s could not be looked at", campaign.slug)
                else:
                    logger.warning("the figures of %s could not be looked at: %s", campaign.slug, type(error).__name__)
        return found

    def _is_watched(self, campaign: Campaign) -> bool:
        """While it runs, and once more after its end: for what came since the turn before."""
        return not campaign.rehearsal and (campaign.state in ("open", "paused")
                                           or campaign.state == "frozen" and campaign.slug in self._seen)

    async def _look(self, campaign: Campaign, now: float) -> int:
        seen = self._seen.get(campaign.slug) or await self._begin(campaign)
        is_last = campaign.state == "frozen"
        is_whole = is_last or now - seen.whole_at >= WHOLE_SECONDS
        whole = await self._snapshots.whole(campaign, now, minutes=KEPT_MINUTES if is_whole else OPEN_MINUTES)
        as_of = whole.now.as_of or now
        found = await self._pass(campaign, seen, whole.participants, as_of)
        seen.participants, seen.at = whole.participants, as_of
        seen.peak = max([seen.peak, *((n, minute) for minute, n in whole.minutes.items())])
        if is_whole or now - seen.saved_at >= SAVE_SECONDS:
            await self._store.keep(campaign.slug, seen.peak, seen.participants, seen.at)
            await self._keep_minutes(campaign.slug, whole, is_whole, now)
            seen.saved_at = now
            seen.whole_at = now if is_whole else seen.whole_at
        if is_last:
            self._seen.pop(campaign.slug, None)
        else:
            self._seen[campaign.slug] = seen
        return found

    async def _begin(self, campaign: Campaign) -> _Seen:
        last = await self._store.last(campaign.slug)
        passed = {one.value for one in await self._milestones.of(campaign.slug)}
        return _Seen(int(last.get("participants", 0)), float(last.get("at", 0.0)), peak_of(last), passed)

    async def _pass(self, campaign: Campaign, seen: _Seen, participants: int, as_of: float) -> int:
        async def settings() -> BulletinSettings:
            return await self._settings.settings(campaign.slug)

        found = 0
        table = table_of(await self._tables.get(campaign.slug, settings), participants)
        for value in [value for value in table if value <= participants and value not in seen.passed]:
            # A campaign that was just opened was below: nobody had taken part.
            after = seen.at if seen.at and seen.participants < value else 0.0
            is_witnessed = bool(after) and as_of - after <= WITNESS_SECONDS
            wanted = is_witnessed and self._tells()
            # The duty log first: it takes a line once, and what is not written as passed is looked at again after a kill.
            await self._note(campaign.slug, "milestone", f"milestone:{value}",
                             milestone_line(value, as_of, after if is_witnessed else 0.0), as_of)
            if await self._milestones.add(Milestone(
                    f"{campaign.slug}:{value}", campaign.slug, value, as_of, after if is_witnessed else 0.0,
                    "wanted" if wanted else "none", as_of if wanted else None)):
                found += 1
                logger.info("%s has passed %d", campaign.slug, value)
            seen.passed.add(value)
        return found

    async def _keep_minutes(self, slug: str, whole: Whole, is_whole: bool, now: float) -> None:
        """What was read replaces what was kept of it; what the counters have let go, or are about to, stays."""
        by_day: dict[str, dict[int, int]] = {}
        for minute, n in whole.minutes.items():
            day = day_of(minute)
            by_day.setdefault(day, {})[(minute - day_bounds(day)[0]) // 60] = n
        if is_whole:
            begins = now - KEPT_MINUTES * 60 + WHOLE_SECONDS
            for day in dict.fromkeys((day_of(begins), day_of(now))):
                for number in await self._store.minutes(slug, day):
                    if day_bounds(day)[0] + number * 60 >= begins:
                        by_day.setdefault(day, {}).setdefault(number, 0)  # all of it was voided
        for day, minutes in by_day.items():
            await self._store.keep_minutes(slug, day, minutes)


async def curve(store: WatchStore, snapshots: Snapshots, campaign: Campaign, day: str, now: float) -> dict[int, int]:
    """New participants of a day by the minute's number; of today as the counters say it now. Raises StoreUnavailable, FiguresIncomplete."""
    kept = await store.minutes(campaign.slug, day)
    if day == day_of(now) and campaign.state in ("open", "paused", "frozen"):
        begins, ends = day_bounds(day)
        whole = await snapshots.whole(campaign, now, minutes=KEPT_MINUTES)
        return {(minute - begins) // 60: n for minute, n in whole.minutes.items() if begins <= minute < ends} or kept
    return kept
