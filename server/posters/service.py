"""Posters 海报: one citizen's certificate, made on demand.

Owns: what a poster says, and a small memory of finished ones. Does not own: the count (counting), the words
of the campaign (campaigns), the short link (short_links), pixels (the drawing processes).
Invariants: a poster says only what is fixed or reviewed: the campaign's own words, her ordinal and date, her
region, and a personal name that passed the word list, else 一位市民, never a message; nothing is written to a
disk or a store; a finished poster is remembered for a minute at most, because a long press in WeChat asks again.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import msgspec

from server.clock import shanghai
from server.metrics import Metrics
from server.posters.names import NOBODY, blocked_words, personal_name
from server.posters.pool import Pool, PosterBusy, PosterUnavailable
from server.posters.wire import Job

if TYPE_CHECKING:
    from server.campaigns import Campaign

__all__ = ["PosterBusy", "PosterUnavailable", "Posters"]

# About 200 finished posters of 150 KB: what one process hands out in a busy second.
MEMORY_BYTES = 32 * 1024 * 1024
MEMORY_SECONDS = 60
# With 64 jobs before it a poster takes 2 s; after 15 s her page has given up.
WAIT_SECONDS = 15.0
# The template of a campaign that names none.
TEMPLATE = "salute"
# The own unit of those who would rather not say; a certificate leaves it out.
UNSAID_REGION = "不便选择"


class _Campaigns(Protocol):
    async def get(self, slug: str) -> Campaign: ...


class _Record(Protocol):
    @property
    def ordinal(self) -> int: ...
    @property
    def participated_at(self) -> int: ...
    @property
    def period(self) -> str: ...


class _Counting(Protocol):
    async def record_of(self, slug: str, citizen: int, now: float) -> _Record: ...
    async def region_of(self, slug: str, period: str, citizen: int) -> str: ...


class _Region(Protocol):
    @property
    def name(self) -> str: ...


class _PlaceIndex(Protocol):
    @property
    def regions(self) -> Mapping[str, _Region]: ...


class _Places(Protocol):
    async def of(self, campaign: Campaign) -> _PlaceIndex: ...


class _ShortLinks(Protocol):
    async def link_for(self, slug: str) -> str: ...


# The reviewed name that a citizen gave in a campaign period, if any: (slug, period, citizen).
NameOf = Callable[[str, str, int], Awaitable[str | None]]


@dataclass(frozen=True)
class _Finished:
    jpeg: bytes
    until: float


class Posters:
    """Posters of this process's citizens. `assets`: the folder with flag.svg, posters/ and words/."""

    def __init__(self, campaigns: _Campaigns, counting: _Counting, places: _Places, short_links: _ShortLinks, metrics: Metrics, *,
                 assets: Path, workers: int, queue: int, name_of: NameOf | None = None) -> None:
        self._campaigns = campaigns
        self._counting = counting
        self._places = places
        self._short_links = short_links
        self._metrics = metrics
        self._name_of = name_of
        self._blocked = blocked_words(assets / "words" / "names-blocked.txt")
        self._pool = Pool(assets, workers, queue)
        self._drawing: dict[bytes, asyncio.Task[bytes]] = {}
        self._finished: OrderedDict[tuple[int, bytes], _Finished] = OrderedDict()
        self._finished_bytes = 0

    async def mine(self, slug: str, citizen: int, now: float) -> bytes:
        """Her poster of the current period as JPEG. Raises NotFound, PosterBusy, PosterUnavailable, StoreUnavailable."""
        campaign = await self._campaigns.get(slug)
        record = await self._counting.record_of(slug, citizen, now)
        region_code = await self._counting.region_of(slug, record.period, citizen)
        region = (await self._places.of(campaign)).regions.get(region_code)
        region_name = region.name if region else ""
        name = await self._name_of(slug, record.period, citizen) if self._name_of else None
        link = await self._short_links.link_for(slug)
        job = self._job(campaign, record.period, record.ordinal, record.participated_at, region_name, name, link)
        finished = self._finished.get((citizen, job))
        if finished and now < finished.until:
            return finished.jpeg
        jpeg = await self._draw(job)
        self._remember(citizen, job, jpeg, now)
        return jpeg

    async def poster(self, campaign: Campaign, period: str, ordinal: int, participated_at: int, region_name: str,
                     name: str | None, link: str) -> bytes:
        """A poster as JPEG, 750 x 1334. Raises PosterBusy when too many wait, PosterUnavailable when none can be drawn."""
        return await self._draw(self._job(campaign, period, ordinal, participated_at, region_name, name, link))

    def forget(self, citizen: int) -> None:
        """Drop a citizen's finished posters, for her deletion."""
        for key in [key for key in self._finished if key[0] == citizen]:
            self._drop(key)

    async def start(self) -> None:
        """Start the drawing processes in the background."""
        self._pool.start()

    async def close(self) -> None:
        """End the drawing processes."""
        await self._pool.close()

    @property
    def waiting(self) -> int:
        """Posters in the queue."""
        return self._pool.waiting

    @property
    def worker_pids(self) -> list[int]:
        """The drawing processes that run."""
        return self._pool.pids

    def _job(self, campaign: Campaign, period: str, ordinal: int, participated_at: int, region_name: str, name: str | None,
             link: str) -> bytes:
        """The packed job: the same poster is the same bytes."""
        at = shanghai(participated_at)
        return msgspec.msgpack.encode(Job(
            template=str(campaign.theme.get("poster") or TEMPLATE),
            campaign={
                "title": campaign.title, "activities": " · ".join(activity.title for activity in campaign.activities),
                "organiser": campaign.organiser.get("name", ""), "subtitle": str(campaign.theme.get("subtitle", "")),
                "demo": "演示" if campaign.demo else "",
            },
            citizen={
                "name": personal_name(name, self._blocked) or NOBODY, "ordinal": f"{ordinal:,}",
                "lead": "您是第" if period == "all" else "您是当日第",
                "date": f"{at.year}年{at.month}月{at.day}日", "time": f"{at:%H:%M}",
                "region": "" if region_name == UNSAID_REGION else region_name,
            },
            link=link))

    async def _draw(self, job: bytes) -> bytes:
        """The JPEG of a job; the same job asked for twice at once is drawn once."""
        task = self._drawing.get(job)
        if task is None:
            task = self._drawing[job] = asyncio.create_task(self._in_turn(job))
            task.add_done_callback(lambda done: self._drawn(job, done))
        return await asyncio.shield(task)

    def _drawn(self, job: bytes, task: asyncio.Task[bytes]) -> None:
        self._drawing.pop(job, None)
        if not task.cancelled():
            task.exception()  # read here: everybody who asked may have gone

    async def _in_turn(self, job: bytes) -> bytes:
        clock = asyncio.get_running_loop().time
        started = clock()
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                jpeg = await self._pool.draw(job)
        except (PosterBusy, TimeoutError) as error:
            self._metrics.record("posters_refused_total")
            raise PosterBusy() from error
        self._metrics.observe("posters_drawn_seconds", clock() - started)
        return jpeg

    def _remember(self, citizen: int, job: bytes, jpeg: bytes, now: float) -> None:
        self._drop((citizen, job))
        self._finished[citizen, job] = _Finished(jpeg, now + MEMORY_SECONDS)
        self._finished_bytes += len(jpeg)
        while self._finished:
            oldest = next(iter(self._finished))
            if self._finished_bytes <= MEMORY_BYTES and now < self._finished[oldest].until:
                return
            self._drop(oldest)

    def _drop(self, key: tuple[int, bytes]) -> None:
        finished = self._finished.pop(key, None)
        self._finished_bytes -= len(finished.jpeg) if finished else 0
