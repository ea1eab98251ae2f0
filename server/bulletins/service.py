"""Bulletins as others ask for them: made by hand or at the full hour, read again as they were, told to the robots.

Failure policy: closed. Without figures there is no bulletin: by hand it is refused, an hour is tried again for HOUR_GRACE_SECONDS and then
left out, which the duty log says. Once the figures are kept everything else is made up for by a job: number, text, picture, the duty log,
robots. A robot that does not answer costs the telling, never the bulletin.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Literal, Protocol

from msgspec import structs

from server.bulletins.bulletin import (
    Bulletin,
    BulletinNotFound,
    BulletinSettings,
    BulletinStore,
    Kind,
    PictureNotReady,
    SettingsChanged,
    check_settings,
)
from server.bulletins.milestones import Milestone, MilestoneStore, milestones_view, table_of
from server.bulletins.snapshot import HOUR_SECONDS, Snapshot, Snapshots
from server.bulletins.texts import lower_note, made_line, milestone_line, milestone_text, missed_line, text_of
from server.bulletins.wire import Sheet, sheet_of
from server.campaigns import Campaign, Campaigns
from server.clock import shanghai
from server.errors import Unavailable, WenmingError
from server.metrics import Metrics
from server.spreadsheets.workers import WorkerLost, Workers, WorkersBusy
from server.stores import translate

logger = logging.getLogger(__name__)

# After this an hour's bulletin would no longer say what stood at the full hour.
HOUR_GRACE_SECONDS = 300.0
# Two taps of one finger, or of two operators who sit beside each other, are one bulletin.
SAME_TAP_SECONDS = 5.0
# As long as a picture takes on a busy machine; a stop waits no longer.
CLOSE_SECONDS = 5.0
# Whoever made it writes text and picture at once; a job looks after what she left.
LOOK_AFTER_SECONDS = 30.0
PICTURE_TRIES, AGAIN_SECONDS, AT_ONCE = 5, 5.0, 10
# Robots have time limits of their own; this bounds all of them together.
TELL_SECONDS = 30.0
# A telling of which nothing is known by then was cut off: past a picture that waits for its child, and the robots.
CUT_OFF_SECONDS = 300.0
# What may go wrong while robots are told. They are others' programs: nothing of theirs ends ours.
UNTOLD = (WenmingError, OSError, TimeoutError, ValueError)


class Tell(Protocol):
    """Robots.tell."""

    def __call__(self, text: str, now: float, *, picture: bytes | None = None) -> Awaitable[None]: ...


# (campaign, kind, key, text, now): an entry of the duty log, once for each key.
Note = Callable[[str, Literal["bulletin", "milestone"], str, str, float], Awaitable[None]]


class Bulletins:
    """`tell` None: there are no robots, and everything is shown for copying."""

    def __init__(self, store: BulletinStore, milestones: MilestoneStore, snapshots: Snapshots, campaigns: Campaigns, workers: Workers,
                 note: Note, metrics: Metrics, *, assets: str, peak_of: Callable[[str], Awaitable[tuple[int, int]]],
                 tell: Tell | None = None) -> None:
        self._store = store
        self._milestones = milestones
        self._snapshots = snapshots
        self._campaigns = campaigns
        self._workers = workers
        self._note = note
        self._metrics = metrics
        self._assets = assets
        self._peak_of = peak_of
        self.tell = tell
        self._completing: set[asyncio.Task[None]] = set()
        self._hours: dict[str, int] = {}  # campaign -> the last hour that is known to be settled

    # Asked by people

    async def make(self, campaign: Campaign, by: str, now: float, *, to_robots: bool = False) -> tuple[Bulletin, bool]:
        """A bulletin of this moment, and whether this call did something: the second of two taps gets the first one's, and has it told
        where the first did not want that.

        Raises NothingCounted, FiguresIncomplete, StoreUnavailable.
        """
        # Two that come in the same moment have one name, so that the insert decides. Read before the newest: who is numbered later is seen.
        bulletin_id = f"{campaign.slug}:hand:{await self._store.last_number(campaign.slug) + 1}"
        newest, _ = await self._store.page(campaign.slug, "", 1)
        if newest and newest[0].kind == "hand" and 0 <= now - newest[0].at < SAME_TAP_SECONDS:
            return await self._again(newest[0], now, to_robots)
        made = await self._create(campaign, bulletin_id, "hand", by, now, to_robots)
        if made is None:
            first = await self._kept(bulletin_id)
            if now - first.at < SAME_TAP_SECONDS:
                return await self._again(first, now, to_robots)
            await self._write(first)  # a kill left it without its number
            return await self.make(campaign, by, now, to_robots=to_robots)
        await self._write(made)
        self._begin_completing(made, now)
        return await self._kept(made.id), True

    async def _again(self, first: Bulletin, now: float, to_robots: bool) -> tuple[Bulletin, bool]:
        """What the second tap gets, and whether it is told for her sake."""
        await self._write(first)
        is_wanted = to_robots and self.tell is not None and await self._store.want_telling(first.id, now + LOOK_AFTER_SECONDS)
        kept = await self._kept(first.id)
        if is_wanted:
            self._begin_completing(kept, now)
        return kept, is_wanted

    def _begin_completing(self, bulletin: Bulletin, now: float) -> None:
        """She has her text now; the picture follows in a second or two, robots may take longer."""
        task = asyncio.create_task(self._complete(bulletin, now))
        self._completing.add(task)
        task.add_done_callback(self._completing.discard)

    async def close(self) -> None:
        """Let what was begun come to its end; what does not is made up for by a job."""
        if self._completing:
            await asyncio.wait(self._completing, timeout=CLOSE_SECONDS)

    async def page(self, campaign: Campaign, cursor: str) -> tuple[list[Bulletin], str | None]:
        return await self._store.page(campaign.slug, cursor)

    async def find(self, campaign: Campaign, number: int) -> Bulletin:
        """Raises BulletinNotFound."""
        found = await self._store.find(campaign.slug, number)
        if found is None:
            raise BulletinNotFound()
        return found

    async def picture(self, campaign: Campaign, number: int) -> bytes:
        """The PNG as it was drawn. Raises BulletinNotFound, PictureNotReady."""
        data = await self._store.picture((await self.find(campaign, number)).id)
        if data is None:
            raise PictureNotReady()
        return data

    async def settings(self, campaign: Campaign) -> BulletinSettings:
        return await self._store.settings(campaign.slug)

    async def keep_settings(self, campaign: Campaign, wanted: BulletinSettings, now: float) -> BulletinSettings:
        """Replace what was seen. Raises InvalidBody, SettingsChanged."""
        check_settings(wanted)
        before = await self._store.settings(campaign.slug)
        since = before.since if wanted.hourly and before.hourly else now
        if not await self._store.keep_settings(campaign.slug, structs.replace(wanted, since=since)):
            raise SettingsChanged()
        return await self._store.settings(campaign.slug)

    async def milestones(self, campaign: Campaign) -> list[dict[str, object]]:
        """The campaign's table, and what was passed when."""
        passed = await self._milestones.of(campaign.slug)
        highest = max((one.value for one in passed), default=0)
        return milestones_view(table_of(await self._store.settings(campaign.slug), highest), passed)

    # Jobs

    async def hours(self, now: float) -> int:
        """Make the bulletins of the full hour that has just come; how many. However many processes see it, each is made once."""
        hour, made = int(now // HOUR_SECONDS) * HOUR_SECONDS, 0
        for campaign in await self._campaigns.all():
            is_open = campaign.state == "open" and campaign.opens_at < hour and now < campaign.closes_at
            if not is_open or campaign.rehearsal or self._hours.get(campaign.slug) == hour:
                continue
            settings = await self._store.settings(campaign.slug)
            if not settings.hourly or hour < settings.since or not settings.first_hour <= shanghai(hour).hour <= settings.last_hour:
                continue
            if now - hour > HOUR_GRACE_SECONDS:
                await self._missed(campaign, hour, now)
            else:
                made += await self._make_hour(campaign, hour, now, settings.to_robots)
        return made

    async def _make_hour(self, campaign: Campaign, hour: int, now: float, to_robots: bool) -> int:
        bulletin_id = hour_id(campaign.slug, hour)
        if await self._store.one(bulletin_id) is None:
            try:
                made = await self._create(campaign, bulletin_id, "hourly", "system", now, to_robots)
            except Unavailable as error:
                logger.warning("the hourly bulletin of %s waits: %s", campaign.slug, error)
                return 0  # the next turn tries again, until the hour is too old
            self._hours[campaign.slug] = hour
            if made is not None:
                await self._finish(made, now)
                return 1
        self._hours[campaign.slug] = hour
        return 0

    async def _missed(self, campaign: Campaign, hour: int, now: float) -> None:
        """Say once that an hour has none, where it has none."""
        self._hours[campaign.slug] = hour
        if await self._store.one(hour_id(campaign.slug, hour)) is None:
            logger.warning("the hourly bulletin of %s for %s was not made", campaign.slug, shanghai(hour))
            self._metrics.record("bulletins_made_total", "missed")
            await self._note(campaign.slug, "bulletin", f"missed:{hour}",
                             missed_line(hour), now)

    async def tick(self, now: float) -> int:
        """Finish what whoever began it left; tell what was passed. How many were looked at."""
        due = await self._store.due(now, AT_ONCE)
        for bulletin in due:
            await self._finish(bulletin, now)
        passed = await self._milestones.due(now, AT_ONCE)
        for one in passed:
            await self._tell_milestone(one, now)
        return len(due) + len(passed)

    # Steps, each of which may be repeated

    async def _create(self, campaign: Campaign, bulletin_id: str, kind: Kind, by: str, now: float, to_robots: bool) -> Bulletin | None:
        """Keep the figures of this moment; None where another was first. Raises what Snapshots.take raises."""
        passed = await self._milestones.of(campaign.slug)
        newest, _ = await self._store.page(campaign.slug, "", 1)
        snapshot = await self._snapshots.take(campaign, now, await self._peak_of(campaign.slug))
        made = Bulletin(
            bulletin_id, campaign.slug, campaign.title, kind, by, now, campaign.demo, snapshot,
            [milestone_line(one.value, one.at, one.after) for one in passed if one.value <= snapshot.participants],
            note_of(snapshot, newest[0] if newest else None), telling="wanted" if to_robots and self.tell is not None else "none",
            due=now + LOOK_AFTER_SECONDS)
        if not await self._store.create(made):
            return None
        self._metrics.record("bulletins_made_total", kind)
        return made

    async def _write(self, bulletin: Bulletin) -> int:
        """Number and text and the line of the duty log, as far as they are not there; the number."""
        number = await self._store.give_number(bulletin.id, bulletin.campaign)
        text = text_of(bulletin.title, number, bulletin.demo, bulletin.snapshot, bulletin.milestones, bulletin.note)
        await self._store.keep_text(bulletin.id, text)
        await self._note(bulletin.campaign, "bulletin", f"bulletin:{number}",
                         made_line(number, bulletin.snapshot.participants, "" if bulletin.kind == "hourly" else bulletin.by), bulletin.at)
        await self._store.trim(bulletin.campaign, number)
        return number

    async def _complete(self, bulletin: Bulletin, now: float) -> None:
        """The rest of one that is made by hand. What fails is looked after by the job."""
        try:
            await self._finish(bulletin, now)
        except Exception as error:
            if translate(error) is None and not isinstance(error, WenmingError):
                logger.exception("bulletin %s is left to the job", bulletin.id)
            else:
                logger.warning("bulletin %s is left to the job: %s", bulletin.id, error)

    async def _draw(self, bulletin: Bulletin, number: int) -> None:
        if bulletin.picture != "waiting":
            return

        async def given() -> AsyncGenerator[Sheet, None]:
            yield sheet_of(bulletin, number, self._assets)

        try:
            await self._store.keep_picture(bulletin.id, b"".join([piece async for piece in self._workers.file("bulletin", given())]))
        except (WorkersBusy, WorkerLost) as error:
            logger.warning("the picture of bulletin %s waits: %s", bulletin.id, error)
            await self._store.picture_tried(bulletin.id, PICTURE_TRIES)

    async def _finish(self, bulletin: Bulletin, now: float) -> None:
        if bulletin.telling == "telling":
            logger.warning("nobody knows whether the robots were told of bulletin %s", bulletin.id)
            await self._store.told(bulletin.id, False)
        await self._store.put_off(bulletin.id, now + LOOK_AFTER_SECONDS)
        await self._draw(bulletin, await self._write(bulletin))
        kept = await self._kept(bulletin.id)
        if kept.picture == "waiting":
            await self._store.put_off(kept.id, now + AGAIN_SECONDS)
            return
        picture = await self._store.picture(kept.id)  # a store that fails after the beginning would cost the telling
        if await self._store.begin_telling(kept.id, now + CUT_OFF_SECONDS):
            await self._store.told(kept.id, await self._told(kept.text, now, picture))
        await self._store.settle(kept.id)

    async def _tell_milestone(self, one: Milestone, now: float) -> None:
        if one.telling == "telling":
            logger.warning("nobody knows whether the robots were told of milestone %s", one.id)
            await self._milestones.told(one.id, False)
            return
        campaign = await self._campaigns.get_any(one.campaign)  # a store that fails after the beginning would cost the telling
        if await self._milestones.begin_telling(one.id, now + CUT_OFF_SECONDS):
            text = milestone_text(campaign.title, campaign.demo, milestone_line(one.value, one.at, one.after))
            await self._milestones.told(one.id, await self._told(text, now, None))

    async def _told(self, text: str, now: float, picture: bytes | None) -> bool:
        """Whether the robots took it. Fails open: a group without the news is no reason to hold up the next."""
        if self.tell is None:
            return False  # there were robots when it was wanted
        try:
            async with asyncio.timeout(TELL_SECONDS):
                await self.tell(text, now, picture=picture)
        except UNTOLD as error:
            logger.warning("robots were not told: %s %s", type(error).__name__, error)
            return False
        return True

    async def _kept(self, bulletin_id: str) -> Bulletin:
        found = await self._store.one(bulletin_id)
        if found is None:
            raise BulletinNotFound()
        return found


def hour_id(campaign: str, hour: int) -> str:
    return f"{campaign}:hour:{shanghai(hour):%Y%m%d%H}"


def note_of(snapshot: Snapshot, before: Bulletin | None) -> str:
    """What has to be said where fewer are shown than before; a void says so itself."""
    if before is None or snapshot.participants >= before.snapshot.participants or snapshot.voids > before.snapshot.voids:
        return ""
    return lower_note(before.number)
