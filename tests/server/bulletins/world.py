"""Counters that say what a test wants, over real stores: bulletins, milestones and the watch as several processes have them."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from msgspec import structs

from server.bulletins import Bulletins, BulletinStore, MilestoneStore, Snapshots, Watch, WatchStore
from server.campaigns import Activity, Campaign
from server.clock import SHANGHAI
from server.counting.figures import Figures
from server.duty import DutyLog, DutyStore
from server.metrics import Metrics
from server.places import PlaceIndex, Region
from server.spreadsheets.workers import WorkerLost, Workers
from server.stores import Document, Stores

ROOT = Path(__file__).resolve().parents[3]
# In the order of their codes, which is not that of their figures; nobody took part in 华安.
PLACES = PlaceIndex({code: Region(code, name, "", "350600", order) for order, (code, name) in enumerate(
    {"350602": "芗城区", "350603": "龙文区", "350605": "长泰区", "350629": "华安县", "declined": "不便选择"}.items())}, {})
SALUTE, HEROES = Activity("salute", "礼敬国旗", "敬礼"), Activity("heroes", "致敬先烈", "献花")


def at(text: str) -> int:
    """A Shanghai time such as 2026-10-01 08:00:00 as seconds since 1970."""
    return int(datetime.fromisoformat(text).replace(tzinfo=SHANGHAI).timestamp())


TEN = at("2026-10-02 10:00:00")
OPENS, CLOSES = at("2026-10-01 00:00:00"), at("2026-10-08 00:00:00")


def campaign(**changes: Any) -> Campaign:
    return replace(Campaign("flag", "向国旗敬礼", "open", OPENS, CLOSES, (SALUTE, HEROES)), **changes)


def figures(participants: int = 1000, **changes: Any) -> Figures:
    """So many people: a fifth in 长泰, the others in 龙文, but for ten."""
    fifth = participants // 5
    return replace(Figures(
        participants=participants, participations=participants + 30, by_activity={"salute": participants, "heroes": 30},
        by_region={"350605": fifth, "declined": 10, "350603": participants - fifth - 10}, voids=0, as_of=float(TEN + 5)), **changes)


class Robots:
    """What the group was told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, bool]] = []
        self.problem: Exception | None = None

    async def tell(self, text: str, now: float, *, picture: bytes | None = None) -> None:
        if self.problem:
            raise self.problem
        self.told.append((text, picture is not None))


class Drawers:
    """Draws nothing, quickly; `lost`: the child dies."""

    def __init__(self) -> None:
        self.drawn: list[Any] = []
        self.lost = False

    async def file(self, kind: str, given: AsyncGenerator[Any, None]) -> AsyncGenerator[bytes, None]:
        sheets = [one async for one in given]
        if self.lost:
            raise WorkerLost()
        self.drawn += sheets
        yield f"picture {len(self.drawn)}".encode()


class BulletinWorld:
    """`shown`: what the counters say of each period; `written`: what the ledger wrote of days that are over."""

    def __init__(self, stores: Stores, folder: Path) -> None:
        self.stores, self.folder = stores, folder
        self.campaigns = [campaign()]
        self.shown: dict[str, Figures] = {"all": figures()}
        self.written: list[Document] = []
        self.groups: int | None = 0
        self.store, self.milestones, self.watches = BulletinStore(stores.mongo), MilestoneStore(stores.mongo), WatchStore(stores.mongo)
        self.duty = DutyLog(DutyStore(stores.mongo), self._nobody)
        self.robots, self.drawers = Robots(), Drawers()

    @property
    def campaign(self) -> Campaign:
        return self.campaigns[0]

    def snapshots(self) -> Snapshots:
        return Snapshots(self._figures, self._written, self, self._groups)  # type: ignore[arg-type]

    def process(self, *, robots: bool = False, drawing: bool = False) -> Bulletins:
        """The service as one process has it; `drawing`: with real children."""
        workers = Workers(self.folder / "bulletins", module="server.bulletins.worker") if drawing else self.drawers
        return Bulletins(self.store, self.milestones, self.snapshots(), self, workers, self.duty.note, Metrics(),  # type: ignore[arg-type]
                         assets=str(ROOT / "assets"), peak_of=self.watches.peak, tell=self.robots.tell if robots else None)

    def watch(self, *, robots: bool = False) -> Watch:
        return Watch(self.watches, self.milestones, self.store, self.snapshots(), self.all, self.duty.note, lambda: robots)

    async def hourly(self, **changes: Any) -> None:
        """Switched on the evening before, from eight to ten at night."""
        settings = await self.store.settings("flag")
        wanted = {"hourly": True, "since": float(TEN - 50_000), "to_robots": False} | changes
        assert await self.store.keep_settings("flag", structs.replace(settings, **wanted))

    async def notes(self) -> list[str]:
        """The duty log's texts, oldest first."""
        seen, _ = await self.duty.page(self.campaign, "", "")
        return [one.entry.text for one in reversed(seen)]

    async def all(self) -> list[Campaign]:
        return self.campaigns

    async def get_any(self, slug: str) -> Campaign:
        return next(one for one in self.campaigns if one.slug == slug)

    async def of(self, campaign: Campaign) -> PlaceIndex:
        return PLACES

    async def _figures(self, slug: str, period: str, now: float, *, minutes: int, units: bool) -> Figures:
        shown = self.shown.get(period, Figures(as_of=now))
        return replace(shown, period=period)

    async def _written(self, slug: str) -> list[Document]:
        return self.written

    async def _groups(self, slug: str, period: str) -> int | None:
        return self.groups

    async def _nobody(self) -> list[Any]:
        return []
