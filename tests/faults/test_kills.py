"""Kills and losses in the middle of a load: every acknowledged participation is in the document store once, with the
ordinal that was shown, and the audit says so."""

from __future__ import annotations

import asyncio
import random

import pytest
import redis.asyncio
from tornado.httpclient import AsyncHTTPClient

from tests.product import Citizen, Product

pytestmark = [pytest.mark.gen_test(timeout=170), pytest.mark.timeout(180)]
CITIZENS = 200


@pytest.fixture
def product(tmp_path):
    """A running product that is gone afterwards, whatever happened to it."""
    made = Product(tmp_path / "data")
    made.start()
    yield made
    if made.process is not None and made.process.poll() is None:
        made.kill()


async def salute_during(product: Product, harm, *, count: int = CITIZENS, seconds: float = 3) -> list[Citizen]:
    """Citizens salute, three posts each at once, spread over some seconds, while `harm()` happens in the middle."""
    client = AsyncHTTPClient(force_instance=True, max_clients=100)
    citizens = [Citizen(token, product, port) for token, port in zip(
        await asyncio.to_thread(product.tokens, count), [product.web, product.intake] * (count // 2), strict=True)]

    async def one(citizen: Citizen) -> None:
        await asyncio.sleep(random.random() * seconds)
        await asyncio.gather(*(citizen.post(client) for _ in range(3)))

    load = asyncio.gather(*(one(citizen) for citizen in citizens))
    await asyncio.sleep(1.5)
    await harm()
    await load
    # A few at a time: a whole city that asks at once is another test's affair.
    for some in (citizens[n:n + 100] for n in range(0, count, 100)):
        await asyncio.gather(*(citizen.until_durable(client) for citizen in some))
    client.close()
    return citizens


def check(product: Product, citizens: list[Citizen], *, gapless: bool = False) -> None:
    """What must hold after every harm."""
    for citizen in citizens:
        assert len({(a["ordinal"], a["participated_at"]) for a in citizen.answers}) == 1, citizen.answers
        assert sum(a["first"] for a in citizen.answers) <= 1
    ordinals = sorted(citizen.answers[0]["ordinal"] for citizen in citizens)
    count = len(citizens)
    assert len(set(ordinals)) == count
    if gapless:
        assert ordinals == list(range(1, count + 1))
    report = product.audit()
    assert report["ok"], report
    assert report["participants"] == {"cells": count, "totals": count, "documents": count}


async def test_without_harm_ordinals_are_exactly_1_to_200_over_both_doors(product):
    async def nothing() -> None:
        return None

    check(product, await salute_during(product, nothing), gapless=True)


async def test_kill_9_of_redis(product):
    async def harm() -> None:
        product.kill_store("redis-server")

    # The embedded Redis fsyncs every answer and comes back with all of them: not even a gap.
    check(product, await salute_during(product, harm), gapless=True)


async def test_kill_9_of_the_document_store(product):
    async def harm() -> None:
        product.kill_store("nx-27017")

    check(product, await salute_during(product, harm), gapless=True)


async def test_kill_9_of_the_server_leaves_nothing_behind_and_a_second_start_goes_on(product):
    async def harm() -> None:
        await asyncio.to_thread(product.kill)
        await asyncio.to_thread(product.start)

    check(product, await salute_during(product, harm))


async def test_redis_emptied_under_load(product):
    async def harm() -> None:
        client = redis.asyncio.Redis.from_url(product.run["redis_url"])
        await client.flushall()
        await client.aclose()

    check(product, await salute_during(product, harm))


async def test_redis_set_back_to_a_copy_one_second_old(product, tmp_path):
    async def harm() -> None:
        await asyncio.to_thread(product.copy_redis, tmp_path / "copy")
        await asyncio.sleep(1)
        await asyncio.to_thread(product.set_redis_back, tmp_path / "copy", tmp_path / "aside")

    check(product, await salute_during(product, harm))


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.gen_test(timeout=580)
@pytest.mark.parametrize("seed", [1, 2])
async def test_fifteen_harms_one_after_the_other(product, tmp_path, seed):
    """Every kind of harm, three times, in an order that the seed decides, under one load that goes on all the while."""
    chance = random.Random(seed)

    async def redis_dies(n: int) -> None:
        product.kill_store("redis-server")

    async def documents_die(n: int) -> None:
        product.kill_store("nx-27017")

    async def server_dies(n: int) -> None:
        await asyncio.to_thread(product.kill)
        await asyncio.to_thread(product.start)

    async def redis_is_emptied(n: int) -> None:
        client = redis.asyncio.Redis.from_url(product.run["redis_url"])
        await client.flushall()
        await client.aclose()

    async def redis_is_set_back(n: int) -> None:
        await asyncio.to_thread(product.copy_redis, tmp_path / f"copy-{n}")
        await asyncio.sleep(1)
        await asyncio.to_thread(product.set_redis_back, tmp_path / f"copy-{n}", tmp_path / f"aside-{n}")

    harms = [redis_dies, documents_die, server_dies, redis_is_emptied, redis_is_set_back] * 3
    chance.shuffle(harms)

    async def harm() -> None:
        for n, one in enumerate(harms):
            await one(n)
            await asyncio.sleep(2 + chance.random() * 2)

    check(product, await salute_during(product, harm, count=1200, seconds=60))
