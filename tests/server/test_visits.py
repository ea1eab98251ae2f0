"""Visits: counted by channel, carried to MongoDB by figures that only rise, and never in anybody's way."""

from __future__ import annotations

from unittest import mock

import pytest
from redis.exceptions import ConnectionError as RedisGone

from server import keys
from server.visits import CHANNELS, KEPT_SECONDS, Visits
from tests.server.civic_world import DURING, OPENS

pytestmark = pytest.mark.gen_test(timeout=30)


@pytest.fixture
def visits(io_loop, stores):
    return Visits(stores.mongo, stores.redis)


async def test_each_channel_has_its_own_figure(visits):
    for channel in ("poster", "poster", "menu", "somebody's own"):
        await visits.record("flag", channel, DURING)
    await visits.flush(["flag"], DURING)
    (day,) = await visits.of("flag")
    assert day["day"] == "20261001"
    assert day["channels"] == dict.fromkeys(CHANNELS, 0) | {"poster": 2, "menu": 1, "other": 1}


async def test_carrying_it_twice_changes_nothing_and_more_adds(visits):
    await visits.record("flag", "share", DURING)
    for _ in range(3):
        await visits.flush(["flag"], DURING)
    await visits.record("flag", "share", DURING)
    await visits.flush(["flag"], DURING)
    assert (await visits.of("flag"))[0]["channels"]["share"] == 2


async def test_an_emptied_redis_never_lowers_what_was_carried(visits, stores):
    for _ in range(5):
        await visits.record("flag", "link", DURING)
    await visits.flush(["flag"], DURING)
    await stores.redis.flushall()
    await visits.record("flag", "link", DURING)
    await visits.flush(["flag"], DURING)
    assert (await visits.of("flag"))[0]["channels"]["link"] == 5


async def test_the_last_minutes_of_a_day_are_carried_after_midnight(visits):
    midnight = OPENS + 86400
    await visits.record("flag", "link", midnight - 1)
    await visits.record("flag", "link", midnight)
    await visits.flush(["flag"], midnight + 30)
    assert [(d["day"], d["channels"]["link"]) for d in await visits.of("flag")] == [("20261001", 1), ("20261002", 1)]


async def test_what_came_while_nobody_carried_is_not_lost(visits, stores):
    for hours in (20, 44):
        await visits.record("flag", "poster", OPENS + hours * 3600)
    await Visits(stores.mongo, stores.redis).flush(["flag"], OPENS + 52 * 3600)
    assert [day["channels"]["poster"] for day in await visits.of("flag")] == [1, 1]


async def test_campaigns_are_apart_and_nothing_is_written_where_nobody_came(visits):
    await visits.record("flag", "link", DURING)
    await visits.flush(["flag", "other"], DURING)
    assert await visits.of("other") == []


async def test_the_counter_goes_by_itself(visits, stores):
    await visits.record("flag", "link", DURING)
    assert 0 < await stores.redis.ttl(keys.visits("flag", "20261001")) <= KEPT_SECONDS


async def test_a_redis_that_is_away_is_in_nobody_s_way(visits, stores):
    with mock.patch.object(stores.redis, "hincrby", mock.AsyncMock(side_effect=RedisGone("away"))):
        await visits.record("flag", "link", DURING)
