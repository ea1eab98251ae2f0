"""A small world of figures: a campaign with two districts and three schools, documents written straight into MongoDB, a clock to turn."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path
from typing import Any

from server.campaigns import Activity, Campaign
from server.clock import SHANGHAI
from server.counting.cells import DELETED, MERGED, VOID
from server.counting.epochs import EpochStore
from server.counting.figures import Figures
from server.metrics import Metrics
from server.participations import Amendment, Participation, ParticipationStore
from server.places import PlaceIndex, Region, Unit
from server.reports import Documents, Exporter, Exports, ExportStore, GroupFigure, ReportMaker, Reports, ReportStore
from server.spreadsheets.workers import Workers
from server.stores import Stores
from server.visits import Visits

SALUTE, HEROES = Activity("salute", "礼敬国旗", "敬礼"), Activity("heroes", "致敬先烈", "献花")
XIANGCHENG, CHANGTAI = "350602", "350605"
PLACES = PlaceIndex(
    {XIANGCHENG: Region(XIANGCHENG, "芗城区", "xcq", "350600", 1), CHANGTAI: Region(CHANGTAI, "长泰区", "ctq", "350600", 2)},
    {"school-1": Unit("school-1", "实验小学", "syxx", XIANGCHENG), "school-2": Unit("school-2", "第一中学", "dyzx", XIANGCHENG),
     "school-3": Unit("school-3", "中心小学", "zxxx", CHANGTAI)})


def at(text: str) -> int:
    """A Shanghai time such as 2026-10-01 08:00:00 as seconds since 1970."""
    return int(datetime.fromisoformat(text).replace(tzinfo=SHANGHAI).timestamp())


NOON = at("2026-10-02 12:00:00")


def campaign(**changes: Any) -> Campaign:
    fields: dict[str, Any] = {"slug": "flag", "title": "向国旗敬礼", "state": "open", "opens_at": at("2026-10-01 00:00:00"),
                              "closes_at": at("2026-10-08 00:00:00"), "activities": (SALUTE, HEROES), "shards": 1,
                              "organiser": {"name": "市文明办"}}
    return Campaign(**fields | changes)


class OneCampaign:
    def __init__(self, current: Campaign) -> None:
        self.current = current

    async def get_any(self, slug: str) -> Campaign:
        return self.current

    async def all(self) -> list[Campaign]:
        return [self.current]


class FixedPlaces:
    def __init__(self, index: PlaceIndex = PLACES) -> None:
        self.index = index

    async def of(self, campaign: Campaign) -> PlaceIndex:
        return self.index


class OneGroup:
    """A school that reported forty pupils together."""

    async def reported(self, campaign: Campaign, as_of: float) -> AsyncIterator[list[GroupFigure]]:
        yield [GroupFigure(at("2026-10-01 09:00:00"), XIANGCHENG, "school-1", "salute", 40)]


class NoGroups:
    """Nobody reported together."""

    async def reported(self, campaign: Campaign, as_of: float) -> AsyncIterator[list[GroupFigure]]:
        yield []


class FiguresWorld:
    def __init__(self, stores: Stores, folder: Path, current: Campaign, groups: Any = None, places: PlaceIndex = PLACES) -> None:
        self.stores, self.folder = stores, folder
        self.now = float(NOON)
        self.campaigns, self.places = OneCampaign(current), FixedPlaces(places)
        self.epochs = EpochStore(stores.mongo)
        self.documents = ParticipationStore(stores.mongo, stores.mongo_batches)
        self.workers = Workers(folder / "spreadsheets")
        self.visits = Visits(stores.mongo, stores.redis)
        self.groups = groups or NoGroups()
        self.store, self.exports_kept = ReportStore(stores.mongo), ExportStore(stores.mongo)
        self.reports = Reports(self.store, self.workers, self.places, self.figures)  # type: ignore[arg-type]
        self.exports = Exports(self.exports_kept, self.places)  # type: ignore[arg-type]
        self._seq: dict[str, int] = {}

    @property
    def campaign(self) -> Campaign:
        return self.campaigns.current

    async def ready(self) -> FiguresWorld:
        return self

    async def figures(self, slug: str, period: str, now: float, **options: Any) -> Figures:
        return Figures(by_unit={"school-1": 7})

    def maker(self) -> ReportMaker:
        """The job as one process has it."""
        return ReportMaker(ReportStore(self.stores.mongo), Documents(self.epochs, self.documents), self.campaigns,  # type: ignore[arg-type]
                           self.places, self.visits, self.groups, Metrics(), lambda: self.now)  # type: ignore[arg-type]

    def exporter(self) -> Exporter:
        return Exporter(ExportStore(self.stores.mongo), Documents(self.epochs, self.documents), self.campaigns,  # type: ignore[arg-type]
                        self.places, self.workers, Metrics(), lambda: self.now)  # type: ignore[arg-type]

    async def took_part(self, citizens: Any, when: str = "2026-10-01 08:00:00", *, region: str = XIANGCHENG, unit: str = "school-1",
                        activities: tuple[str, ...] = ("salute",), period: str = "all", written: bool = True) -> None:
        """People who took part at that time, as the ledger writes them: the place stands in the first document alone."""
        by_shard: dict[int, list[Participation]] = {}
        for citizen in citizens:
            shard = citizen % self.campaign.shards
            for number, activity in enumerate(activities):
                seq = self._next(period, shard)
                place = (region, unit) if number == 0 else ("", "")
                by_shard.setdefault(shard, []).append(
                    Participation("flag", period, shard, seq, citizen, activity, citizen + 1, at(when), *place))
        for shard, claims in by_shard.items():
            for start in range(0, len(claims), 1000):
                assert not (await self.documents.insert(claims[start:start + 1000])).conflicts
            await self._mark(period, shard, written)

    async def amended(self, citizen: int, kind: str, period: str = "all") -> None:
        shard = citizen % self.campaign.shards
        flags = {"void": VOID, "merged": MERGED, "deleted": DELETED}[kind]
        await self.documents.amend(Amendment("flag", period, shard, self._next(period, shard), citizen, kind, flags, citizen + 1, 0, "",
                                             ""))
        await self._mark(period, shard, True)

    async def moved(self, citizen: int, second: int, region: str, unit: str, period: str = "all") -> None:
        """A merge gave her the earlier participation of another number."""
        shard = citizen % self.campaign.shards
        seq = self._next(period, shard)
        await self.documents.overwrite([Participation("flag", period, shard, seq, citizen, "salute", 1, second, region, unit)])
        await self.documents.amend(Amendment("flag", period, shard, seq, citizen, "moved", 0, 1, second, region, unit))
        await self._mark(period, shard, True)

    def _next(self, period: str, shard: int) -> int:
        key = f"flag:{period}:{shard}"
        self._seq[key] = self._seq.get(key, 0) + 1
        return self._seq[key]

    async def _mark(self, period: str, shard: int, written: bool) -> None:
        key = f"flag:{period}:{shard}"
        await self.epochs.find_or_create("flag", period, shard, self.campaign.shards, self.now)
        await self.epochs.saw(key, self._seq[key], 0)
        if written:
            await self.epochs.written(key, self._seq[key], 1, self._seq[key], {"by_activity": {"salute": self._seq[key]}}, 0.0)

    async def made(self, **wanted: Any) -> Any:
        """A report that was asked for and made."""
        report = await self.reports.ask(self.campaign, "bianji", self.now, **wanted)
        assert await self.maker().tick(self.now) >= 1
        return await self.reports.find(report.number)

    async def rows(self, number: str, table: str) -> list[list[Any]]:
        found: list[list[Any]] = []
        part: int | None = 0
        while part is not None:
            _, rows, part = await self.reports.rows(number, table, part)
            found += rows
        return found


async def joined(pieces: Any) -> Any:
    found = [piece async for piece in pieces]
    return "".join(found) if found and isinstance(found[0], str) else b"".join(found)
