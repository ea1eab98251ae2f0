"""Numbers are given once, whatever is raced, killed or given back, and stay nearly dense."""

from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import PIPE
from pathlib import Path

import pytest

from server.citizens.errors import IdentityUnavailable
from server.citizens.numbers import BLOCK_NUMBERS, Numbers

ROOT = Path(__file__).parents[3]
# A process that takes numbers, writes each down and stops every 40th time in the clean way, until it is killed.
CHILD = """
import asyncio
from server.citizens.numbers import Numbers
from server.stores import open_stores

async def main():
    stores = open_stores({uri!r}, "redis://127.0.0.1:9")
    while True:
        numbers = Numbers(stores.mongo)
        for _ in range(40):
            print(await numbers.take(), flush=True)
        await numbers.close()

asyncio.run(main())
"""

pytestmark = pytest.mark.gen_test(timeout=60)


async def test_numbers_start_at_1_and_are_dense(stores):
    numbers = Numbers(stores.mongo)
    assert [await numbers.take() for _ in range(600)] == list(range(1, 601))
    assert await numbers.bound() == 3 * BLOCK_NUMBERS + 1


async def test_many_at_once_lease_no_more_than_they_need(stores):
    numbers = Numbers(stores.mongo)
    taken = await asyncio.gather(*(numbers.take() for _ in range(600)))
    assert sorted(taken) == list(range(1, 601))
    assert await numbers.bound() == 3 * BLOCK_NUMBERS + 1


async def test_processes_never_share_a_number(stores):
    processes = [Numbers(stores.mongo) for _ in range(8)]
    taken = await asyncio.gather(*(p.take() for p in processes for _ in range(100)))
    assert len(set(taken)) == 800


async def test_a_kill_loses_the_rest_of_a_block_and_gives_nothing_twice(stores):
    killed = Numbers(stores.mongo)
    before = {await killed.take() for _ in range(10)}
    after = Numbers(stores.mongo)
    assert not before & {await after.take() for _ in range(300)}


async def test_processes_killed_while_they_take_numbers_never_make_a_double(stores):
    host, port = await _address(stores)
    program = CHILD.format(uri=f"mongodb://{host}:{port}/{stores.mongo.name}")
    children = [await asyncio.create_subprocess_exec(sys.executable, "-c", program, stdout=PIPE, cwd=ROOT) for _ in range(3)]
    written: list[int] = []
    for child in children:
        written += [int(await child.stdout.readline()) for _ in range(400)]
        child.kill()
        written += [int(line) for line in (await child.stdout.read()).split(b"\n")[:-1]]
        await child.wait()
    after = Numbers(stores.mongo)
    written += [await after.take() for _ in range(300)]
    assert len(written) == len(set(written)) >= 1500


async def test_a_clean_stop_gives_the_rest_back_and_it_is_used_first(stores):
    first = Numbers(stores.mongo)
    assert await first.take_many(10) == list(range(1, 11))
    await first.close()
    second = Numbers(stores.mongo)
    assert await second.take() == 11
    await second.close()
    third = Numbers(stores.mongo)
    assert [await third.take() for _ in range(300)] == list(range(12, 312))
    assert await third.bound() == 2 * BLOCK_NUMBERS + 1


async def test_a_number_put_back_in_the_middle_is_given_back_with_the_rest(stores):
    first = Numbers(stores.mongo)
    await first.take_many(10)
    first.put_back(4)
    await first.close()
    second = Numbers(stores.mongo)
    assert sorted(await second.take_many(247)) == [4, *range(11, 257)]


async def test_remains_are_claimed_once_by_processes_that_start_together(stores):
    for _ in range(5):
        await asyncio.gather(*(_start_take_stop(stores, 3) for _ in range(6)))
    processes = [Numbers(stores.mongo) for _ in range(12)]
    taken = await asyncio.gather(*(p.take() for p in processes for _ in range(60)))
    assert len(set(taken)) == 720


async def test_a_thousand_reserved_at_once_are_leased_at_once(stores):
    numbers = Numbers(stores.mongo)
    assert await numbers.take_many(1000) == list(range(1, 1001))
    assert await numbers.bound() == 1025


async def test_after_the_stop_nothing_is_given(stores):
    numbers = Numbers(stores.mongo)
    await numbers.close()
    with pytest.raises(IdentityUnavailable):
        await numbers.take()


async def test_a_waiter_that_gives_up_does_not_lose_the_block(stores):
    numbers = Numbers(stores.mongo)
    impatient = asyncio.create_task(numbers.take())
    patient = asyncio.create_task(numbers.take())
    await asyncio.sleep(0)
    impatient.cancel()
    assert await patient == 1


async def _start_take_stop(stores, count: int) -> None:
    numbers = Numbers(stores.mongo)
    await numbers.take_many(count)
    await numbers.close()


async def _address(stores) -> tuple[str, int]:
    await stores.mongo.command("ping")
    return stores.client.address
