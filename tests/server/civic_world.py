"""What tests of campaigns, places and messages stand on: a campaign of an October week, and services over real stores."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any
from unittest import mock

from pymongo.errors import ServerSelectionTimeoutError

from server.campaigns import Activity, Campaign, Campaigns, CampaignStore, Preset
from server.clock import day_bounds
from server.places import Places, PlaceStore
from server.stores import Stores

OPENS, _ = day_bounds("20261001")
CLOSES, _ = day_bounds("20261008")
BEFORE, DURING = OPENS - 3600.0, OPENS + 3600.0
SALUTE = Activity("salute", "礼敬国旗", "敬礼")
HEROES = Activity("heroes", "致敬先烈", "致敬")
CHILDREN = Activity("children", "童心向党", "敬礼", children=True)
FOOTER = {"name": "市文明办", "icp": "闽ICP备00000000号", "police": "闽公网安备00000000000000号", "telephone": "0596-0000000",
          "responsible_person": "值班室"}
REGIONS = """code,name,kind,parent,order,population
350602,芗城区,region,350600,1,638060
350605,长泰区,region,350600,2,
declined,不便选择,own,,3,
"""
UNITS = """region,code,name
350602,school-1,实验小学
350602,school-2,第一中学
350605,school-3,中心小学
"""


def campaign(**changes: Any) -> Campaign:
    """A draft that may open, but for its footer on a public address."""
    return replace(Campaign("flag", "向国旗敬礼", "draft", OPENS, CLOSES, (SALUTE, HEROES, CHILDREN),
                            presets=(Preset("strong", "愿祖国繁荣昌盛。"),)), **changes)


class Counters:
    """Stands for the counting shards: keeps what it was told, or refuses to listen."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str]] = []
        self.problem: Exception | None = None
        self.recovering = False

    async def apply(self, changed: Campaign) -> bool:
        if self.problem:
            raise self.problem
        self.told.append((changed.slug, changed.state))
        return not self.recovering


async def four() -> int:
    return 4


class CivicWorld:
    def __init__(self, stores: Stores, **options: Any) -> None:
        self.stores = stores
        self.options = {"default_shards": four, "is_public": False, "simulated": True} | options
        self.counters = Counters()
        self.campaigns = self.process()
        self.places = Places(PlaceStore(stores.mongo), self.campaigns.touch)

    def process(self) -> Campaigns:
        """The campaigns service as another process has it."""
        made = Campaigns(CampaignStore(self.stores.mongo), **self.options)
        made.on_change = self.counters.apply
        return made

    async def ready(self) -> CivicWorld:
        return self

    async def opened(self, now: float = DURING, **changes: Any) -> Campaign:
        """A campaign that is open."""
        draft = await self.campaigns.create(campaign(**changes))
        await self.campaigns.transition(draft.slug, "scheduled", now)
        return await self.campaigns.transition(draft.slug, "open", now)


@asynccontextmanager
async def without_mongodb(collection: Any) -> AsyncIterator[None]:
    """One collection does not answer, as when MongoDB is away."""
    away = mock.AsyncMock(side_effect=ServerSelectionTimeoutError("no server"))
    cursor = mock.Mock()
    cursor.limit.return_value.to_list = away
    with mock.patch.object(type(collection), "find_one", away), mock.patch.object(type(collection), "find", return_value=cursor):
        yield
