"""The live counters: one reading for everybody who watches.

Owns: the last known figures of each campaign's period, the numbering of frames and the list of watching
sockets of this process. Does not own: the counters (server/counting) or the sockets themselves.
Invariants: one read in flight per period, whoever asks; a shown figure never falls unless `voids` rose;
the same bytes go to every socket; a slow reader never holds more than one unsent frame and continues
with a snapshot; when the counters are silent, the last figures stay, with their own `as_of`.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol

from server.campaigns import Campaign
from server.clock import Clock, iso
from server.counting.rules import period_of
from server.errors import StoreUnavailable, Unavailable
from server.live.view import (
    KEPT_MINUTES,
    SHOWN_MINUTES,
    View,
    changes,
    checked_period,
    minutes_of,
    moment,
    snapshot,
    text_frame,
    view_of,
)
from server.metrics import Metrics
from server.stores import translate
from server.switches import ALL_OFF

if TYPE_CHECKING:
    from server.counting.figures import Figures

logger = logging.getLogger(__name__)

# Twice a second looks continuous on a wall whose figures climb for half a second.
TICK_SECONDS = 0.5
# /counters may be this old: with pages asking every 5 s, one read a second serves any crowd.
COUNTERS_AGE_SECONDS = 1.0
# Without a change a frame still comes this often, so that a reader can tell silence from a broken line.
HEARTBEAT_SECONDS = 10.0
# A read that takes longer is given up; the last figures stay.
READ_SECONDS = 2.0
# How long a reader who could have the last figures waits for newer ones.
PATIENCE_SECONDS = 0.4
# Sending to 14,000 sockets takes about 0.2 s; the loop is let go every 2 ms so that requests do not wait for it. Where the loop is busy
# with others for longer than that (thousands who come back after a restart), sending takes as long as they did, so that a tick ends
# within twice its own time, whatever else goes on.
SLICE_SECONDS = 0.002
MAX_SLICE_SECONDS = 0.02
SENDS_PER_LOOK = 16
# Periods kept in memory, of which a daily campaign has one a day; 64 of a full day's minutes are about 10 MB.
KEPT_SERIES = 64
# Those of a process that stops end one after the other: its 20,000 within five seconds, which is what one that goes on takes in beside its
# own work. A page waits up to ten seconds more before it comes back; other programs may come at once.
CLOSES_A_SECOND, CLOSES_TOGETHER = 4000, 200
# Readers who hear that it stops hang up at once; a process that ends before they did may take its own last word with it.
HANG_UP_SECONDS = 0.5
# Service Restart (RFC 6455 registry): the reader should come back, with jitter.
CLOSE_RESTARTING = 1012


class Reader(Protocol):
    """A watching socket, as the handler gives it."""

    def ready(self) -> bool:
        """Whether everything sent before has left this process."""

    def send(self, frame: bytes) -> None:
        """Hand over one whole frame; never waits and never raises for a socket that is gone."""

    def close(self, code: int) -> None:
        """End the socket with this code."""


class Campaigns(Protocol):
    async def get(self, slug: str) -> Campaign: ...


class RegionIndex(Protocol):
    @property
    def regions(self) -> Mapping[str, Any]: ...


class Places(Protocol):
    async def of(self, campaign: Campaign) -> RegionIndex: ...


class ReadFigures(Protocol):
    """Counting.figures: of a period, with its newest minutes."""

    def __call__(self, slug: str, period: str, now: float, *, minutes: int) -> Awaitable[Figures]: ...


# Of a campaign's period; None where nothing was ever read. It raises nothing.
ReadGroups = Callable[[str, str], Awaitable[int | None]]


# Of a campaign: how its switches stand, from memory.
ReadSwitches = Callable[[str], Mapping[str, Any]]


def all_off(slug: str) -> Mapping[str, Any]:
    """Where nobody turns switches."""
    return ALL_OFF


async def no_groups(slug: str, period: str) -> int | None:
    """Where nobody reports in groups."""
    return 0


class _Series:
    """The last known view of one period, read by one call at a time."""

    def __init__(self) -> None:
        self.view: View | None = None
        self._asked_at = float("-inf")
        self.reading: asyncio.Task[None] | None = None

    async def current(self, read: Callable[[View | None], Awaitable[View]], shards: int, max_age_seconds: float) -> View:
        """The view, at most this old while the counters answer. Raises StoreUnavailable where none was ever read."""
        loop = asyncio.get_running_loop()
        if self.reading is None and loop.time() - self._asked_at >= max_age_seconds:
            self._asked_at = loop.time()
            self.reading = loop.create_task(self._read(read, shards))
        if (reading := self.reading) is not None:
            # Without any figures there is nothing to do but wait; with old ones nobody waits long for new ones.
            await asyncio.wait((reading,), timeout=None if self.view is None else PATIENCE_SECONDS)
            if reading.done():
                reading.result()
        if self.view is None:
            raise StoreUnavailable()
        return self.view

    async def _read(self, read: Callable[[View | None], Awaitable[View]], shards: int) -> None:
        try:
            self.view = await read(self.view)
        except Exception as error:
            if not _is_outage(error):
                raise
            logger.warning("figures could not be read, the last ones stay: %r", error)
            if self.view is not None:
                self.view = replace(self.view, stale_shards=max(1, shards))
        finally:
            self.reading = None


def _is_outage(error: BaseException) -> bool:
    return isinstance(error, (Unavailable, TimeoutError)) or translate(error) is not None


@dataclass(eq=False)
class _Channel:
    """The watchers of one campaign and what they were told last. `behind`: those who get a snapshot when they can take one."""

    slug: str
    readers: set[Reader] = field(default_factory=set)
    behind: set[Reader] = field(default_factory=set)
    view: View | None = None
    switches: Mapping[str, Any] = field(default_factory=dict)
    number: int = 0
    told_at: float = float("-inf")
    # The snapshot of this tick, made when the first needs it: thousands come back within the same seconds.
    whole: bytes = b""
    poller: asyncio.Task[None] | None = None


class Live:
    """Reads figures for all watchers of this process and answers GET counters.

    `read_figures` is Counting.figures. Fails open: while the counters or the campaigns
    cannot be read, the last known ones are shown with their own `as_of` and `stale_shards`.
    """

    def __init__(self, read_figures: ReadFigures, campaigns: Campaigns, places: Places, clock: Clock, metrics: Metrics, *,
                 max_sockets: int, group_reported: ReadGroups = no_groups, switches_of: ReadSwitches = all_off,
                 tick_seconds: float = TICK_SECONDS, heartbeat_seconds: float = HEARTBEAT_SECONDS) -> None:
        self._read_figures = read_figures
        self._campaigns = campaigns
        self._places = places
        self._clock = clock
        self._metrics = metrics
        self._max_sockets = max_sockets
        self._group_reported = group_reported
        self._switches_of = switches_of
        self._tick_seconds = tick_seconds
        self._heartbeat_seconds = heartbeat_seconds
        self._channels: dict[str, _Channel] = {}
        self._series: OrderedDict[tuple[str, str], _Series] = OrderedDict()
        self._known: dict[str, tuple[Campaign, RegionIndex]] = {}
        self._sockets = 0
        self._closing = False

    # --- asked by requests ---

    async def counters(self, slug: str, period: str | None, now: float, frm: str | None = None,
                       to: str | None = None) -> dict[str, Any]:
        """The figures of a period, at most a second old. `frm` and `to` choose minutes (from <= minute < to), as ISO texts.

        Raises NotFound for a campaign that is not public, InvalidBody for a period or time that is none, and
        StoreUnavailable where nothing was ever read.
        """
        campaign, _ = await self._about(slug)
        since, until = moment(frm, "from"), moment(to, "to")
        view = await self._view(campaign, checked_period(period, campaign, now), COUNTERS_AGE_SECONDS)
        newest = SHOWN_MINUTES if since is None and until is None else KEPT_MINUTES
        chosen = {minute: n for minute, n in view.by_minute.items()
                  if (since is None or minute >= since) and (until is None or minute < until)}
        return {"participants": view.participants, "participations": view.participations, "by_activity": view.by_activity,
                "by_region": view.by_region, "by_minute": minutes_of(chosen, newest),
                "group_reported": view.group_reported, "voids": view.voids, "stale_shards": view.stale_shards,
                "period": view.period, "as_of": iso(view.as_of), "server_time": iso(now), "switches": self._switches_of(slug)}

    # --- asked by sockets ---

    async def admit(self, slug: str, is_staff: Callable[[], Awaitable[bool]]) -> None:
        """Let a socket in before its upgrade; staff always have a place. Raises NotFound, or Unavailable LIVE_FULL."""
        await self._about(slug)
        if self._closing or (self._sockets >= self._max_sockets and not await is_staff()):
            self._metrics.record("sockets_refused_total")
            raise Unavailable("LIVE_FULL", "观看人数已满，页面会改为定时刷新", retry_after_seconds=5)

    def join(self, slug: str, reader: Reader) -> None:
        """Start telling this reader, beginning with a snapshot."""
        channel = self._channels.setdefault(slug, _Channel(slug))
        channel.readers.add(reader)
        self._sockets += 1
        self._metrics.hold("sockets_connected_count", self._sockets)
        if self._closing:
            reader.close(CLOSE_RESTARTING)
        elif channel.poller is None:
            channel.behind.add(reader)
            channel.poller = asyncio.get_running_loop().create_task(self._poll(channel))
        elif channel.view is None:
            channel.behind.add(reader)
        else:
            reader.send(self._whole(channel, channel.view))

    def leave(self, slug: str, reader: Reader) -> None:
        """Forget a reader; repeating it changes nothing."""
        channel = self._channels.get(slug)
        if channel and reader in channel.readers:
            channel.readers.discard(reader)
            channel.behind.discard(reader)
            self._sockets -= 1
            self._metrics.hold("sockets_connected_count", self._sockets)

    def refuse_newcomers(self) -> None:
        """Refuse new sockets: they would be sent away again within seconds."""
        self._closing = True

    async def close(self) -> None:
        """Refuse new sockets and end all others with 1012, in no order and CLOSES_A_SECOND at most, so that they come back spread."""
        self.refuse_newcomers()
        readers = [reader for channel in self._channels.values() for reader in channel.readers]
        random.shuffle(readers)
        loop = asyncio.get_running_loop()
        due = loop.time()
        for start in range(0, len(readers), CLOSES_TOGETHER):
            await asyncio.sleep(due - loop.time())
            await self._each(readers[start:start + CLOSES_TOGETHER], lambda reader: reader.close(CLOSE_RESTARTING))
            due = max(due + CLOSES_TOGETHER / CLOSES_A_SECOND, loop.time())
        for channel in self._channels.values():
            if channel.poller:
                channel.poller.cancel()
        until = loop.time() + HANG_UP_SECONDS
        while self._sockets and loop.time() < until:  # noqa: ASYNC110 many things end it, once in a process's life
            await asyncio.sleep(0.02)
        under_way = [task for one in self._series.values() if (task := one.reading)]
        under_way += [channel.poller for channel in self._channels.values() if channel.poller]
        if under_way:  # requests may wait for a read; each ends by itself
            await asyncio.wait(under_way, timeout=READ_SECONDS)

    # --- one tick ---

    async def _poll(self, channel: _Channel) -> None:
        """Tell the readers of one campaign until there is none."""
        loop = asyncio.get_running_loop()
        due = loop.time()
        try:
            while channel.readers:
                try:
                    await self._tick(channel)
                except Exception:  # a bug in one tick must not leave the wall frozen without a word
                    logger.exception("tick of %s failed", channel.slug)
                due = max(due + self._tick_seconds, loop.time())
                await asyncio.sleep(due - loop.time())
        finally:
            channel.poller = None
            channel.view = None  # whoever comes next starts at figures that are read anew

    async def _tick(self, channel: _Channel) -> None:
        now, loop = self._clock(), asyncio.get_running_loop()
        old, frame = channel.view, b""
        try:
            campaign, _ = await self._about(channel.slug)
            view: View | None = await self._view(campaign, period_of(campaign, now), self._tick_seconds / 2)
        except Unavailable:
            view = old  # nothing new of the figures; a switch is told all the same
        if view is not None and (old is None or old.period != view.period):
            channel.behind |= channel.readers
            channel.number += 1
        elif view is not None and old is not None and (changed := changes(old, view) | self._turned(channel)):
            channel.number += 1
            frame = self._frame({"type": "delta", "id": channel.number, "as_of": iso(view.as_of)} | changed)
        elif loop.time() - channel.told_at >= self._heartbeat_seconds:
            frame = self._frame({"type": "heartbeat", "id": channel.number, "as_of": iso(view.as_of) if view else None,
                                 "server_time": iso(now)})
        channel.view, channel.switches, channel.whole = view, self._switches_of(channel.slug), b""
        await self._tell(channel, frame)

    async def _tell(self, channel: _Channel, frame: bytes) -> None:
        """`frame` to everybody who can take it; a snapshot to those who fell behind and can take one again."""
        skipped = 0

        def one(reader: Reader) -> None:
            nonlocal skipped
            if reader not in channel.readers:  # left while this loop let go
                return
            if not reader.ready():
                channel.behind.add(reader)
                skipped += 1
            elif reader not in channel.behind:
                reader.send(frame)
            elif channel.view is not None:
                channel.behind.discard(reader)
                reader.send(self._whole(channel, channel.view))
            elif frame:
                reader.send(frame)

        chosen = list(channel.readers if frame else channel.behind)
        if frame or (chosen and channel.view is not None):
            if frame or len(chosen) == len(channel.readers):
                channel.told_at = asyncio.get_running_loop().time()
            await self._each(chosen, one)
            self._metrics.record("frames_sent_total", amount=len(chosen) - skipped)
            self._metrics.record("frames_skipped_total", amount=skipped)

    async def _each(self, readers: list[Reader], do: Callable[[Reader], None]) -> None:
        loop = asyncio.get_running_loop()
        let_go_at = loop.time() + SLICE_SECONDS
        for count, reader in enumerate(readers, 1):
            do(reader)
            if count % SENDS_PER_LOOK == 0 and (now := loop.time()) > let_go_at:
                await asyncio.sleep(0)
                back = loop.time()
                let_go_at = back + min(max(back - now, SLICE_SECONDS), MAX_SLICE_SECONDS)

    def _whole(self, channel: _Channel, view: View) -> bytes:
        """The snapshot frame of this tick."""
        channel.whole = channel.whole or self._frame(snapshot(view, channel.number, self._clock(), channel.switches))
        return channel.whole

    def _turned(self, channel: _Channel) -> dict[str, Any]:
        """All switches, where one was turned since the readers were told."""
        now = self._switches_of(channel.slug)
        return {"switches": now} if now != channel.switches else {}

    def _frame(self, message: dict[str, Any]) -> bytes:
        self._metrics.record("frames_built_total", message["type"])
        return text_frame(message)

    # --- reading ---

    async def _about(self, slug: str) -> tuple[Campaign, RegionIndex]:
        """A campaign and its regions; the last known ones while MongoDB is silent."""
        try:
            campaign = await self._campaigns.get(slug)
            self._known[slug] = campaign, await self._places.of(campaign)
        except Exception as error:
            if not _is_outage(error) or slug not in self._known:
                raise
        return self._known[slug]

    async def _view(self, campaign: Campaign, period: str, max_age_seconds: float) -> View:
        key = (campaign.slug, period)
        series = self._series.setdefault(key, _Series())
        self._series.move_to_end(key)
        if len(self._series) > KEPT_SERIES:
            self._series.popitem(last=False)

        async def read(last: View | None) -> View:
            now = self._clock()
            # Minutes that are past change only by a void, so all of them are read only where some may be missing.
            whole = last is None or now - last.as_of > SHOWN_MINUTES * 60 / 2
            figures = await self._figures(campaign.slug, period, now, KEPT_MINUTES if whole else SHOWN_MINUTES)
            if last is not None and not whole and figures.voids > last.voids:
                figures = await self._figures(campaign.slug, period, now, KEPT_MINUTES)
            view = view_of(figures, campaign, period, self._known[campaign.slug][1].regions, last, now)
            return replace(view, group_reported=await self._group_reported(campaign.slug, period))

        return await series.current(read, campaign.shards, max_age_seconds)

    async def _figures(self, slug: str, period: str, now: float, minutes: int) -> Figures:
        """One read of the counters within READ_SECONDS. Raises StoreUnavailable where no shard ever answered."""
        loop = asyncio.get_running_loop()
        started = loop.time()
        try:
            figures = await asyncio.wait_for(self._read_figures(slug, period, now, minutes=minutes), READ_SECONDS)
        except BaseException:
            self._metrics.record("figures_failed_total")
            raise
        finally:
            self._metrics.observe("figures_read_seconds", loop.time() - started)
        if figures.stale_shards and not figures.as_of:
            raise StoreUnavailable()  # zeros would be a claim
        return figures
