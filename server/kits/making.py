"""The job of kits: makes a campaign's links, hands its places to a worker, keeps the ZIP in parts.

Failure policy: a kill anywhere leaves a kit that the next makes from the beginning, five times. Where all workers are busy it waits for its
turn. Memory: a dozen places, and one part of the ZIP.
"""

from __future__ import annotations

import logging
import unicodedata
from collections.abc import AsyncGenerator, Awaitable
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path

from server.campaigns import Campaign, CampaignNotFound, Campaigns
from server.clock import Clock, iso
from server.kits.kit import Kit, Kits, KitStore, places_of
from server.kits.texts import guide, guide_text, readme, share_texts, texts_file, window
from server.kits.wire import Code, Codes, Given, Head
from server.leases import LeaseLost, while_held
from server.places import PlaceIndex, Places
from server.short_links import ShortLinks
from server.spreadsheets.workers import WorkerLost, Workers, WorkersBusy

logger = logging.getLogger(__name__)

AT_ONCE = 2
LEASE_SECONDS, RENEW_SECONDS = 60.0, 2.0
# A process that dies while it draws may die of the kit itself.
MOST_ATTEMPTS = 5
PAUSE_SECONDS = 15.0
# A worker draws so many in two seconds, and takes no more before they are done.
CODES_TOGETHER = 12
# What Windows takes in no name of a file, and names that are its own.
FORBIDDEN = str.maketrans(dict.fromkeys('\\/:*?"<>|', "_"))
RESERVED = {"CON", "PRN", "AUX", "NUL", *(f"{name}{n}" for name in ("COM", "LPT") for n in range(1, 10))}
MAX_FILE_CHARACTERS = 60


@dataclass
class Progress:
    done: int = 0


@dataclass
class Names:
    """Names of files that do not meet, also where letters of two sizes are one."""

    taken: set[str] = field(default_factory=set)

    def path(self, folder: str, name: str, code: str) -> str:
        made = f"{folder}/{file_name(name)}"
        if made.casefold() in self.taken:
            made = f"{folder}/{file_name(name)}（{code}）"
        self.taken.add(made.casefold())
        return made


def file_name(name: str) -> str:
    """A name that every system takes for a file or folder."""
    clean = unicodedata.normalize("NFC", name).translate(FORBIDDEN)
    clean = "".join(c for c in clean if unicodedata.category(c) not in ("Cc", "Cf", "Cs"))[:MAX_FILE_CHARACTERS].strip(" .")
    return f"_{clean}" if not clean or clean.partition(".")[0].upper() in RESERVED else clean


class KitMaker:
    def __init__(self, store: KitStore, kits: Kits, campaigns: Campaigns, places: Places, short_links: ShortLinks, workers: Workers,
                 assets: Path, clock: Clock) -> None:
        self._store = store
        self._kits = kits
        self._campaigns = campaigns
        self._places = places
        self._short_links = short_links
        self._workers = workers
        self._assets = assets
        self._clock = clock

    async def tick(self, now: float) -> int:
        """Make what is due; how many were looked at."""
        due = await self._store.due(now, AT_ONCE)
        for kit in due:
            await self._make_one(kit)
        return len(due)

    async def _make_one(self, kit: Kit) -> None:
        if not await self._store.claim(kit, self._clock() + LEASE_SECONDS):
            return
        attempt, progress = kit.attempt + 1, Progress()
        if kit.tries + 1 > MOST_ATTEMPTS:
            await self._fail(kit, attempt, "多次没有做成，请联系管理员查看日志")
            return

        def hold() -> Awaitable[bool]:
            return self._store.hold(kit.campaign, attempt, self._clock() + LEASE_SECONDS, progress.done)

        async def leave() -> None:
            if await hold():  # else it was settled a moment ago
                await self._store.parts.drop(kit.campaign, [attempt])
                await self._store.again(kit.campaign, attempt, self._clock())

        try:
            await while_held(self._make(kit, attempt, progress), hold, RENEW_SECONDS, leave)
        except LeaseLost:
            logger.warning("the kit of %s is made by another", kit.campaign)
            await self._store.parts.drop(kit.campaign, [attempt])

    async def _make(self, kit: Kit, attempt: int, progress: Progress) -> None:
        slug = kit.campaign
        try:
            campaign = await self._campaigns.get_any(slug)
            index, made_of = await self._places.of(campaign), await self._kits.made_of(campaign, kit.region)
            parts, size = await self._write(kit, attempt, progress, campaign, index)
        except WorkersBusy:
            await self._store.again(slug, attempt, self._clock() + PAUSE_SECONDS)
            return
        except WorkerLost:
            return  # told by the log; the lease runs out, and the next try begins anew
        except CampaignNotFound:
            await self._fail(kit, attempt, "活动已不存在")
            return
        kinds = [kind for kind, _, _ in places_of(index, kit.region)]
        settled = await self._store.settle(slug, attempt, {
            "state": "ready", "ready_at": self._clock(), "file": attempt, "parts": parts, "size_bytes": size, "made_of": made_of,
            "done": progress.done, "total": progress.done, "regions": kinds.count("region"), "units": kinds.count("unit"), "problem": ""})
        left = [kit.file, *range(max(1, attempt - kit.tries), attempt)] if settled else [attempt]
        await self._store.parts.drop(slug, sorted({one for one in left if one}))

    async def _fail(self, kit: Kit, attempt: int, problem: str) -> None:
        logger.error("the kit of %s: %s", kit.campaign, problem)
        await self._store.settle(kit.campaign, attempt, {"state": "failed", "problem": problem})
        await self._store.parts.drop(kit.campaign, [one for one in range(max(1, attempt - kit.tries), attempt + 1) if one != kit.file])

    async def _write(self, kit: Kit, attempt: int, progress: Progress, campaign: Campaign, index: PlaceIndex) -> tuple[int, int]:
        """The ZIP into parts; how many, and how long it is. Raises what its steps raise."""
        async with aclosing(self._workers.file("kit", self._given(kit, attempt, progress, campaign, index))) as pieces:
            return await self._store.parts.write(kit.campaign, attempt, pieces)

    async def _given(self, kit: Kit, attempt: int, progress: Progress, campaign: Campaign,
                     index: PlaceIndex) -> AsyncGenerator[Given, None]:
        places = places_of(index, kit.region)
        await self._store.know_total(kit.campaign, attempt, len(places) + 1)
        link = await self._short_links.link_for(campaign.slug)
        yield self._head(campaign, link, places)
        yield Codes([Code("二维码/活动总码", "全市通用", link)])
        progress.done = 1
        names = Names()
        for start in range(0, len(places), CODES_TOGETHER):
            some = places[start:start + CODES_TOGETHER]
            links = await self._short_links.for_places(campaign.slug, [(f"{kind}:{code}", _query(kind, code, region))
                                                                       for kind, code, region in some])
            yield Codes([_code(names, index, place, link) for place, link in zip(some, links, strict=True)])
            progress.done += len(some)

    def _head(self, campaign: Campaign, link: str, places: list[tuple[str, str, str]]) -> Head:
        kinds = [kind for kind, _, _ in places]
        texts = {"说明.txt": readme(campaign, iso(self._clock()), kinds.count("region"), kinds.count("unit")),
                 "分享文案.txt": texts_file(share_texts(campaign, link)), "教师一页说明.txt": guide_text(campaign)}
        return Head(str(self._assets), campaign.title, f"活动时间：{window(campaign)}", campaign.organiser.get("name", ""), campaign.demo,
                    texts, guide(campaign))


def _query(kind: str, code: str, region: str) -> str:
    """What the campaign's page takes from the address: the channel, the region, the unit."""
    return f"ch=scan&r={region}" + (f"&u={code}" if kind == "unit" else "")


def _code(names: Names, index: PlaceIndex, place: tuple[str, str, str], link: str) -> Code:
    kind, code, region = place
    where = index.regions[region].name
    if kind == "region":
        return Code(names.path("二维码/区县", where, code), where, link)
    return Code(names.path(f"二维码/学校和单位/{file_name(where)}", index.units[code].name, code), index.units[code].name, link)
