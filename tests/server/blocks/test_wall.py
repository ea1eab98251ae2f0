"""The glimpse of a wall on the page: as many as a page may show, and never in the page's way."""

from __future__ import annotations

import asyncio

import pytest
from pymongo.errors import ServerSelectionTimeoutError

from server.blocks import wall
from server.blocks.wall import WallGlimpse
from server.seals import SealBroken
from tests.server.civic_world import campaign

pytestmark = pytest.mark.gen_test
FLAG, NOW = campaign(), 1_790_827_200.0


class Walls:
    """Answers as told."""

    def __init__(self):
        self.said, self.problem, self.gate, self.changes = "祝福祖国", None, asyncio.Event(), 0
        self.gate.set()

    async def page(self, about, cursor, now):
        said = self.said
        await self.gate.wait()
        if self.problem:
            raise self.problem
        return {"items": [{"message": said, "name": None}] * 30, "next": None}


@pytest.fixture
def walls():
    return Walls()


class TestGlimpse:
    async def test_it_has_as_many_as_a_page_may_show(self, walls):
        assert len(await WallGlimpse(walls).newest(FLAG, NOW)) == 20

    @pytest.mark.parametrize("problem", [ServerSelectionTimeoutError("no server"), SealBroken()])
    async def test_what_cannot_be_read_is_shown_as_last_known_or_not_at_all(self, walls, problem):
        glimpse, other = WallGlimpse(walls), WallGlimpse(walls)
        await glimpse.newest(FLAG, NOW)
        walls.problem = problem
        assert (await glimpse.newest(FLAG, NOW))[0]["message"] == "祝福祖国" and await other.newest(FLAG, NOW) == []

    async def test_last_known_is_two_seconds_old_at_most(self, walls):
        glimpse = WallGlimpse(walls)
        await glimpse.newest(FLAG, NOW)
        walls.problem = ServerSelectionTimeoutError("no server")
        assert len(await glimpse.newest(FLAG, NOW + 2)) == 20 and await glimpse.newest(FLAG, NOW + 2.1) == []
        assert await glimpse.newest(FLAG, NOW - 1) == [], "a clock that was set back makes nothing young"

    async def test_what_was_taken_down_here_is_not_shown_as_last_known(self, walls):
        glimpse = WallGlimpse(walls)
        await glimpse.newest(FLAG, NOW)
        walls.changes, walls.problem = 1, ServerSelectionTimeoutError("no server")
        assert await glimpse.newest(FLAG, NOW) == []

    async def test_what_was_on_its_way_when_something_came_down_is_not_known(self, walls):
        glimpse = WallGlimpse(walls)
        walls.gate.clear()
        reading = asyncio.create_task(glimpse.newest(FLAG, NOW))
        await asyncio.sleep(0)
        walls.changes = 1
        walls.gate.set()
        await reading
        walls.problem = SealBroken()
        assert await glimpse.newest(FLAG, NOW) == []

    async def test_a_page_does_not_wait_for_a_slow_store(self, walls, monkeypatch):
        monkeypatch.setattr(wall, "PATIENCE_SECONDS", 0.0)
        walls.gate.clear()
        assert await WallGlimpse(walls).newest(FLAG, NOW) == []

    async def test_it_remembers_a_city_s_campaigns_and_no_more(self, walls, monkeypatch):
        monkeypatch.setattr(wall, "MOST_KNOWN", 1)
        glimpse = WallGlimpse(walls)
        await glimpse.newest(FLAG, NOW)
        await glimpse.newest(campaign(slug="other"), NOW)
        walls.problem = SealBroken()
        assert await glimpse.newest(FLAG, NOW) == [] and len(await glimpse.newest(campaign(slug="other"), NOW)) == 20
