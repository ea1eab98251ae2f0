"""Posters 海报: one citizen's certificate, made on demand.

Owns: what a poster says, and a small memory of finished ones. Does not own: the count (counting), the words
of the campaign (campaigns), the short link (short_links), pixels (the drawing processes).
Invariants: it is drawn from what is published: a campaign's own design, or a built-in template by name; another design is another
poster, so that nothing remembered outlives a change. It says only what is fixed or reviewed: the campaign's own words, her ordinal and
date, her region, and a personal name that passed the word list, else 一位市民, never a message; nothing is written to a
disk or a store; a finished poster is remembered for a minute at most, because a long press in WeChat asks again.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import msgspec

from server.campaign_types import CAMPAIGN_TYPES
from server.clock import shanghai
from server.errors import NotFound, Unavailable
from server.metrics import Metrics
from server.posters.design import SCENES, Design, DesignWrong, ImageItem, TextItem, design_of, ground_of, landscape_name
from server.posters.design_rules import problems_of, warnings_of
from server.posters.layers import Template, load_template
from server.posters.names import NOBODY, blocked_words, personal_name
from server.posters.pool import Pool, PosterBusy, PosterUnavailable
from server.posters.wire import Job
from server.stores import PyMongoError

if TYPE_CHECKING:
    from server.campaigns import Campaign

__all__ = ["PosterBusy", "PosterUnavailable", "Posters"]

logger = logging.getLogger(__name__)

# About 200 finished posters of 150 KB: what one process hands out in a busy second.
MEMORY_BYTES = 32 * 1024 * 1024
MEMORY_SECONDS = 60
# With 64 jobs before it a poster takes 2 s; after 15 s her page has given up.
WAIT_SECONDS = 15.0
# The own unit of those who would rather not say; a certificate leaves it out.
UNSAID_REGION = "不便选择"
# Editors look while citizens' posters are drawn: one at a time, and as often as somebody who drags without a rest.
SAMPLES_AT_ONCE, SAMPLES_A_MINUTE = 1, 60
# Reviewers who have opened a page of two posters in the same seconds; each waits some tenths of a second for those before.
COMPARED_WAITING = 8
# Who a sample is about: nobody.
SAMPLE_ORDINAL, SAMPLE_NAME, SAMPLE_REGION = 12_345, "张三", "芗城区"


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


class Pictures(Protocol):
    """The media library, as far as posters need it."""

    async def files_of(self, media: list[str], widths: Mapping[str, tuple[int, int]]) -> dict[str, str]: ...
    async def read(self, file: str) -> bytes: ...


# The reviewed name that a citizen gave in a campaign period, if any: (slug, period, citizen).
NameOf = Callable[[str, str, int], Awaitable[str | None]]


@dataclass(frozen=True)
class _Finished:
    jpeg: bytes
    until: float


class Sample(msgspec.Struct, frozen=True):
    """What an editor sees of a design that is not published. `jpeg` is empty where nothing can be drawn."""

    jpeg: bytes
    problems: list[str]
    warnings: list[str]


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
        # Set by the composition root: where pictures of designs come from.
        self.pictures: Pictures | None = None
        # What lies under designs, by scene, and the built-in templates that editors begin from.
        self.landscapes: dict[str, Template] = {name: load_template(assets / "posters", name) for name in SCENES if name != "plain"}
        self._samples = self._comparing = 0
        self._one_compared = asyncio.Semaphore(1)
        self._asked: dict[str, deque[float]] = {}
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
        job = await self._job(campaign, record.period, record.ordinal, record.participated_at, region_name, name, link)
        finished = self._finished.get((citizen, job))
        if finished and now < finished.until:
            return finished.jpeg
        jpeg = await self._draw(job)
        self._remember(citizen, job, jpeg, now)
        return jpeg

    async def poster(self, campaign: Campaign, period: str, ordinal: int, participated_at: int, region_name: str,
                     name: str | None, link: str) -> bytes:
        """A poster as JPEG, 750 x 1334. Raises PosterBusy when too many wait, PosterUnavailable when none can be drawn."""
        return await self._draw(await self._job(campaign, period, ordinal, participated_at, region_name, name, link))

    async def sample(self, campaign: Campaign, design: Design, who: str, now: float) -> Sample:
        """A design as citizens would see it, with nobody's words, and what of it breaks a rule. Raises PosterBusy past an editor's pace."""
        if self._samples >= SAMPLES_AT_ONCE:
            raise PosterBusy()
        self._check_pace(who, now)
        job = await self._sample_job(replace(campaign, theme={**campaign.theme, "poster_design": msgspec.to_builtins(design)}), now)
        problems = list(problems_of(design))
        warnings = list(warnings_of(design, ground_of(design, self.landscapes[landscape_name(design)])))
        if campaign.demo and not any("{demo}" in item.text for item in design.shown if isinstance(item, TextItem)):
            warnings.append("这是演示活动，请留着“演示”标记（{demo}），免得被当成真的")
        self._samples += 1
        try:
            jpeg = await self._draw(job)
        except PosterUnavailable:
            problems.append("这样画不出来：多半是图片已从媒体库删除，或成图太大，请换一张图片再试")
            jpeg = b""
        finally:
            self._samples -= 1
        return Sample(jpeg, problems, warnings)

    async def of_content(self, campaign: Campaign, who: str, now: float) -> bytes:
        """The poster of a campaign as JPEG, public or not, with nobody's words. Two are asked for at once: the second waits.

        Raises PosterBusy past a reviewer's pace and where too many wait, PosterUnavailable.
        """
        if self._comparing >= COMPARED_WAITING:
            raise PosterBusy()
        self._check_pace(who, now)
        self._comparing += 1
        try:
            async with self._one_compared:
                return await self._draw(await self._sample_job(campaign, now))
        finally:
            self._comparing -= 1

    async def _sample_job(self, campaign: Campaign, now: float) -> bytes:
        return await self._job(campaign, "all", SAMPLE_ORDINAL, int(now), SAMPLE_REGION, SAMPLE_NAME,
                               await self._short_links.link_for(campaign.slug))

    def _check_pace(self, who: str, now: float) -> None:
        asked = self._asked.setdefault(who, deque(maxlen=SAMPLES_A_MINUTE))
        if len(asked) == SAMPLES_A_MINUTE and now - asked[0] < 60:
            raise PosterBusy()
        asked.append(now)

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

    async def _job(self, campaign: Campaign, period: str, ordinal: int, participated_at: int, region_name: str, name: str | None,
                   link: str) -> bytes:
        """The packed job: the same poster is the same bytes, and another design another poster."""
        at, design = shanghai(participated_at), self._design(campaign)
        return msgspec.msgpack.encode(Job(
            template=str(campaign.theme.get("poster") or CAMPAIGN_TYPES[campaign.kind].poster),
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
            link=link, design=msgspec.json.encode(design).decode() if design else "",
            photos=await self._photos(design) if design else {}))

    def _design(self, campaign: Campaign) -> Design | None:
        """The campaign's own; one that an older program kept and this one cannot read is as good as none."""
        try:
            return design_of(campaign.theme)
        except DesignWrong as error:
            logger.error("the poster of %s is drawn from the built-in template: %s", campaign.slug, error.message)
            return None

    async def _photos(self, design: Design) -> dict[str, str]:
        wanted = {item.media: (item.w, item.h) for item in design.shown if isinstance(item, ImageItem) and item.media}
        return dict(sorted((await self.pictures.files_of(list(wanted), wanted)).items())) if wanted and self.pictures else {}

    async def _whole(self, job: bytes) -> bytes:
        """The job with its pictures. Raises PosterUnavailable where one cannot be read."""
        bare = msgspec.msgpack.decode(job, type=Job)
        assert self.pictures
        try:
            pictures = {file: await self.pictures.read(file) for file in set(bare.photos.values())}
        except (NotFound, Unavailable, PyMongoError) as error:
            logger.warning("a picture of a poster could not be read: %s", error)
            raise PosterUnavailable() from error
        return msgspec.msgpack.encode(msgspec.structs.replace(bare, pictures=pictures))

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
                jpeg = await self._pool.draw(job, partial(self._whole, job))
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
