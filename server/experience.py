"""Experience 真实体验: how fast citizens' pages were on their phones and whether they broke, told by one page in a hundred.

Owns: `experiences`, one document a campaign and day of histograms by family of device and by region; the bounds of what a page may tell.
Does not own: which pages tell. It is drawn by lot where a page is written (handlers/pages.py), which then loads h5/src/campaign/told.ts.
Invariants: nobody is in it: no citizen, no cookie, no address is read, only how many. Families are a closed table, regions those of the
campaign, so that nobody can grow a document.

Failure policy: fails open. What pages tell is gathered in the process and added every few seconds; what a killed process had not written is
lost, and a write without an answer may be repeated. Past the limit of a process what comes is dropped.
"""

from __future__ import annotations

import logging
import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Protocol

import msgspec

from server.clock import day_of
from server.errors import Refusal
from server.metrics import Metrics
from server.quantiles import quantile
from server.stores import Database, PyMongoError

if TYPE_CHECKING:
    from server.campaigns import Campaign

logger = logging.getLogger(__name__)

# One page in a hundred of a thousand a second is ten; what is more is no crowd of ours.
TOLD_PER_SECOND, TOLD_AT_ONCE = 20.0, 100.0
# Figures of fewer pages say more about these few than about the page.
FEWEST = 10
# A quarter of the visits is slower: the share by which the web's own scale is read.
SHARE = 0.75
# A desk looks at a month at most; each document is some KB.
MOST_DAYS = 31
DAY_SECONDS = 86400
NO_REGION = "none"

# Families of devices by what their browser says of itself, in this order: the first that fits.
FAMILIES: dict[str, tuple[str, re.Pattern[str]]] = {
    "ios_wechat": ("苹果手机 · 微信", re.compile(r"(?=.*MicroMessenger).*(?:iPhone|iPad|iPod)")),
    "harmony_wechat": ("鸿蒙手机 · 微信", re.compile(r"(?=.*MicroMessenger).*(?:OpenHarmony|HarmonyOS)")),
    "android_wechat": ("安卓手机 · 微信", re.compile(r"(?=.*MicroMessenger).*Android")),
    "desktop_wechat": ("电脑 · 微信", re.compile(r"MicroMessenger")),
    "phone": ("手机 · 其他浏览器", re.compile(r"iPhone|iPad|iPod|Android|OpenHarmony|HarmonyOS|Mobile")),
    "desktop": ("电脑 · 浏览器", re.compile(r"Windows NT|Macintosh|X11")),
    "other": ("其他", re.compile("")),
}
# Longer names of browsers say nothing more.
MAX_AGENT = 512


class Measure(msgspec.Struct, frozen=True):
    """One figure: up to `good` it is good, past `poor` poor. `bounds` of its histogram, finest about these two."""

    title: str
    unit: str
    good: float
    poor: float
    bounds: tuple[float, ...]


# good and poor of the first three as the web's own scale has them (web.dev/vitals); a page that can be used within 3 s is not left.
MEASURES: dict[str, Measure] = {
    "lcp": Measure("主要内容出现", "ms", 2500, 4000, (500, 1000, 1500, 2000, 2500, 3000, 3500, 4000, 5000, 6000, 8000, 12000, 20000)),
    "inp": Measure("点按后的反应", "ms", 200, 500, (25, 50, 100, 150, 200, 250, 300, 400, 500, 750, 1000, 2000, 5000)),
    "cls": Measure("画面跳动", "", 0.1, 0.25, (0.01, 0.05, 0.1, 0.15, 0.2, 0.25, 0.35, 0.5, 1, 2)),
    "ready": Measure("可以操作", "ms", 3000, 5000, (500, 1000, 1500, 2000, 2500, 3000, 3500, 4000, 5000, 6000, 8000, 12000, 20000)),
}

# Nobody waits ten minutes; what says so is no page.
Milliseconds = Annotated[float, msgspec.Meta(ge=0, le=600_000)]


class Felt(msgspec.Struct, frozen=True):
    """What a page tells. A browser that cannot measure something leaves it out. `ready`: when the page could be used."""

    errors: Annotated[int, msgspec.Meta(ge=0, le=100)] = 0
    lcp: Milliseconds | None = None
    inp: Milliseconds | None = None
    cls: Annotated[float, msgspec.Meta(ge=0, le=100)] | None = None
    ready: Milliseconds | None = None
    region: Annotated[str, msgspec.Meta(max_length=32)] = ""


class ExperiencesTooMany(Refusal):
    status = 429
    code = "EXPERIENCES_TOO_MANY"
    message = "上报太多，这一次没有记下，不影响使用"


class Places(Protocol):
    async def of(self, campaign: Campaign) -> Any: ...


def family(agent: str) -> str:
    """The family of a browser."""
    return next(code for code, (_, pattern) in FAMILIES.items() if pattern.search(agent[:MAX_AGENT]))


class Experiences:
    def __init__(self, mongo: Database, places: Places, metrics: Metrics) -> None:
        self._days = mongo["experiences"]
        self._places = places
        self._metrics = metrics
        self._gathered: dict[tuple[str, str], Counter[str]] = {}
        self._tokens, self._filled_at = TOLD_AT_ONCE, 0.0

    async def tell(self, campaign: Campaign, felt: Felt, agent: str, now: float) -> None:
        """Add one page. Raises ExperiencesTooMany."""
        self.admit(now)
        index = await self._places.of(campaign)
        region = felt.region if felt.region and index.has_region(felt.region) else NO_REGION
        counted = self._gathered.setdefault((campaign.slug, day_of(now)), Counter())
        for group in (f"device:{family(agent)}", f"region:{region}"):
            counted[f"{group}:pages"] += 1
            counted[f"{group}:broken"] += felt.errors > 0
            for name, measure in MEASURES.items():
                value = getattr(felt, name)
                if value is not None:
                    counted[f"{group}:{name}:{bisect_left(measure.bounds, value)}"] += 1
        self._metrics.record("experiences_told_total", "kept")

    def admit(self, now: float) -> None:
        """Raises ExperiencesTooMany past what a process takes."""
        self._tokens = min(TOLD_AT_ONCE, self._tokens + max(0.0, now - self._filled_at) * TOLD_PER_SECOND)
        self._filled_at = now
        if self._tokens < 1:
            self._metrics.record("experiences_told_total", "dropped")
            raise ExperiencesTooMany()
        self._tokens -= 1

    def refused(self) -> None:
        """What was told is no figure of ours."""
        self._metrics.record("experiences_told_total", "refused")

    async def flush(self, now: float) -> None:
        """Add what was gathered since the last time."""
        for slug, day in list(self._gathered):
            counted = +self._gathered.pop((slug, day))
            try:
                await self._days.update_one({"_id": f"{slug}:{day}"},
                                            {"$set": {"campaign": slug, "day": day}, "$inc": dict(counted)}, upsert=True)
            except PyMongoError as error:
                self._gathered.setdefault((slug, day), Counter()).update(counted)
                logger.warning("experiences of %s are written later: %s", slug, type(error).__name__)

    async def close(self) -> None:
        await self.flush(0.0)

    async def remove(self, slug: str) -> None:
        """With a campaign that is gone for good."""
        await self._days.delete_many({"campaign": slug})

    async def view(self, campaign: Campaign, days: int, now: float) -> dict[str, Any]:
        """The last `days` days, for staff: all pages, by device, by region, by day; some seconds old. Raises PyMongoError."""
        wanted = [day_of(now - n * DAY_SECONDS) for n in range(max(1, min(days, MOST_DAYS)))]
        found = {d["day"]: d for d in await self._days.find({"_id": {"$in": [f"{campaign.slug}:{day}" for day in wanted]}}).to_list(None)}
        whole: Counter[str] = Counter()
        for document in found.values():
            whole.update(figures_of(document))
        regions = (await self._places.of(campaign)).regions
        names = {code: region.name for code, region in regions.items()} | {NO_REGION: "没有选区县"}
        return {
            "measures": [{"code": code, "title": one.title, "unit": one.unit, "good": one.good, "poor": one.poor}
                         for code, one in MEASURES.items()],
            "fewest": FEWEST, "days": [{"code": day, "name": day, **_group(figures_of(found.get(day, {})), "device")} for day in wanted],
            "all": {"code": "all", "name": "全部页面", **_group(whole, "device")},
            "devices": [{"code": code, "name": name, **_group(whole, "device", code)} for code, (name, _) in FAMILIES.items()
                        if whole[f"device:{code}:pages"]],
            "regions": [{"code": code, "name": name, **_group(whole, "region", code)} for code, name in names.items()
                        if whole[f"region:{code}:pages"]],
            "next": None}


def figures_of(document: Mapping[str, Any]) -> Counter[str]:
    """The counts of a day's document."""
    return Counter({name: int(n) for name, n in document.items() if name.startswith(("device:", "region:"))})


def _group(counts: Mapping[str, int], kind: str, code: str = "") -> dict[str, Any]:
    """One line for people: how many pages, the share that broke, and each measure with how it is. `code` "": all of the kind."""
    joined: Counter[str] = Counter()
    for name, count in counts.items():
        group, of, rest = name.split(":", 2)
        if group == kind and code in ("", of):
            joined[rest] += count
    pages = joined["pages"]
    return {"pages": pages, "broken_share": joined["broken"] / pages if pages >= FEWEST else None,
            **{name: _figure(measure, [joined[f"{name}:{n}"] for n in range(len(measure.bounds) + 1)])
               for name, measure in MEASURES.items()}}


def _figure(measure: Measure, counts: Sequence[int]) -> dict[str, Any]:
    """`state`: good, fair or poor; "few" where too few told, "none" where nobody could."""
    told = sum(counts)
    p75 = quantile(measure.bounds, counts, SHARE) if told >= FEWEST else None
    if p75 is None:
        return {"told": told, "p75": None, "state": "few" if told else "none"}
    digits = 3 if measure.unit == "" else 0
    return {"told": told, "p75": round(p75, digits), "state": "good" if p75 <= measure.good else "poor" if p75 > measure.poor else "fair"}
