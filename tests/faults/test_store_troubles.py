"""Counting while the way to its stores is slow, stalled, cut, or loses answers. The proxy stands between; both ends are real."""

from __future__ import annotations

import asyncio
import secrets
import time
from urllib.parse import urlsplit

import pymongo
import pytest

from server.redis_nodes import CALL_SECONDS
from server.stores import ensure_indexes, open_stores
from tests.conftest import OURS
from tests.faults.crowd import Crowd, settle
from tests.faults.tcp_proxy import TcpProxy, Trouble, upstream_of
from tests.server.counting.world import World, campaign

pytestmark = [pytest.mark.gen_test(timeout=110), pytest.mark.timeout(120)]
PEOPLE = 600


@pytest.fixture
def redis_proxy(io_loop, real_stores):
    upstream, _ = upstream_of(real_stores.redis_url)
    proxy = TcpProxy(upstream)
    io_loop.run_sync(proxy.listen)
    yield proxy
    io_loop.run_sync(proxy.close)


@pytest.fixture
def mongodb_proxy(io_loop, real_stores):
    parts = urlsplit(real_stores.mongodb_uri)
    proxy = TcpProxy((parts.hostname, parts.port))
    io_loop.run_sync(proxy.listen)
    yield proxy
    io_loop.run_sync(proxy.close)


@pytest.fixture
def world(io_loop, stores, real_stores, redis_proxy, mongodb_proxy, tmp_path):
    """Counting with both stores behind the proxies, its ledger running. `stores` has emptied the Redis behind it."""
    database = OURS + secrets.token_hex(6)
    _, login = upstream_of(real_stores.redis_url)

    async def opened() -> World:
        behind = open_stores(f"mongodb://127.0.0.1:{mongodb_proxy.port}/{database}?directConnection=true",
                             f"redis://{login}127.0.0.1:{redis_proxy.port}")
        await ensure_indexes(behind.mongo)
        made = await World(behind, tmp_path, campaign()).ready()
        await made.salute(0)
        await made.ledgers.tick(time.time())
        return made

    made = io_loop.run_sync(opened)
    yield made
    redis_proxy.trouble = mongodb_proxy.trouble = Trouble()
    io_loop.run_sync(made.close)
    io_loop.run_sync(made.stores.close)
    with pymongo.MongoClient(real_stores.mongodb_uri) as client:
        client.drop_database(database)


async def come_during(world: World, crowd: Crowd, seconds: float = 3) -> None:
    await crowd.until_answered(0)
    await crowd.come(range(1, PEOPLE), seconds)


async def test_answers_that_are_lost_on_their_way_count_nobody_twice(world, redis_proxy):
    """The server did it and nobody heard: the next try must find what the first one did."""
    crowd = Crowd(world)
    redis_proxy.trouble = Trouble(lost_answers=0.1)
    await come_during(world, crowd)
    assert redis_proxy.answers_lost > 5
    redis_proxy.trouble = Trouble()
    await settle(world, crowd)
    assert sorted(answers[0].ordinal for answers in crowd.answers.values()) == list(range(1, PEOPLE + 1))


async def test_half_of_everything_delayed_by_300_ms_stays_exact(world, redis_proxy):
    crowd = Crowd(world)
    redis_proxy.trouble = Trouble(delay_seconds=0.3, jitter_seconds=0.1, share=0.5)
    await come_during(world, crowd)
    redis_proxy.trouble = Trouble()
    await settle(world, crowd)
    assert sorted(answers[0].ordinal for answers in crowd.answers.values()) == list(range(1, PEOPLE + 1))


async def test_connections_that_are_cut_again_and_again(world, redis_proxy):
    crowd = Crowd(world)
    load = asyncio.ensure_future(come_during(world, crowd, 4))
    while not load.done():
        redis_proxy.cut()
        await asyncio.sleep(0.15)
    await load
    assert redis_proxy.connected > 10
    await settle(world, crowd)
    assert sorted(answers[0].ordinal for answers in crowd.answers.values()) == list(range(1, PEOPLE + 1))


async def stall(world: World, proxy: TcpProxy, seconds: float) -> None:
    """Redis says nothing for so long, as behind a stopped process: callers hear of it in time, and nothing is applied twice."""
    crowd = Crowd(world)
    await crowd.until_answered(0)
    load = asyncio.ensure_future(crowd.come(range(1, PEOPLE), 1.5 + seconds / 2))
    await asyncio.sleep(0.3)
    proxy.trouble = Trouble(stalled=True)
    waited, until = [], time.monotonic() + seconds
    while time.monotonic() < until:
        began = time.monotonic()
        # A stranger to the crowd: she is only refused here, and comes with the others below.
        assert await crowd.salute(PEOPLE) is None
        waited.append(time.monotonic() - began)
        await asyncio.sleep(0.05)
    proxy.trouble = Trouble()
    await load
    await crowd.until_answered(PEOPLE)
    # The first waited for its call and one more try; then the breaker was open, and who came heard at once.
    assert max(waited) < 3 * CALL_SECONDS and sorted(waited)[len(waited) // 2] < CALL_SECONDS
    await settle(world, crowd)
    assert sorted(answers[0].ordinal for answers in crowd.answers.values()) == list(range(1, PEOPLE + 2))


async def test_a_redis_that_stalls_for_3_seconds(world, redis_proxy):
    await stall(world, redis_proxy, 3)


@pytest.mark.long
async def test_a_redis_that_stalls_for_30_seconds(world, redis_proxy):
    await stall(world, redis_proxy, 30)


async def test_while_mongodb_is_away_salutes_go_on_and_the_journal_keeps_them(world, mongodb_proxy):
    crowd = Crowd(world)
    await crowd.until_answered(0)
    mongodb_proxy.trouble = Trouble(refused=True)
    mongodb_proxy.cut()
    await crowd.come(range(1, PEOPLE), 1.5)
    assert not crowd.refused and not any(answers[0].durable for answers in list(crowd.answers.values())[1:])
    figures = await world.counting.figures("flag", None, time.time())
    assert (figures.participants, figures.backlog) >= (PEOPLE, PEOPLE - 1)
    mongodb_proxy.trouble = Trouble()
    await settle(world, crowd)


async def test_documents_whose_acknowledgement_was_lost_are_written_once(world, mongodb_proxy):
    """As when a worker dies between MongoDB's answer and the journal's trimming: all of it comes again."""
    crowd = Crowd(world)
    await crowd.until_answered(0)
    mongodb_proxy.trouble = Trouble(lost_answers=0.2)
    await crowd.come(range(1, PEOPLE), 3)
    assert mongodb_proxy.answers_lost
    mongodb_proxy.trouble = Trouble()
    await settle(world, crowd)
