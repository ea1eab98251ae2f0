"""Claims: one owner at a time, whatever is raced; an owner that died is followed, one that lost it hears so."""

from __future__ import annotations

import asyncio

import pytest

from server.claims import LEASE_SECONDS, Claims
from server.errors import Conflict

pytestmark = pytest.mark.gen_test(timeout=30)
NOW = 1_790_827_200.0
BUSY = Conflict("BUSY", "别人正在做")


async def test_of_many_at_once_one_has_it(stores):
    ended, doing = asyncio.Event(), []

    async def do():
        async with Claims(stores.mongo).held("menu:wx1", NOW, BUSY):
            doing.append(1)
            await ended.wait()

    tasks = [asyncio.create_task(do()) for _ in range(8)]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    async with Claims(stores.mongo).held("menu:wx2", NOW, BUSY):
        pass  # another thing is free
    await asyncio.sleep(0.2)
    ended.set()
    done = await asyncio.gather(*tasks, return_exceptions=True)
    assert len(doing) == 1 and done.count(BUSY) == 7
    async with Claims(stores.mongo).held("menu:wx1", NOW, BUSY):
        pass  # and this one is free again


async def test_who_waits_has_it_next(stores):
    order = []

    async def do(n):
        async with Claims(stores.mongo).held("x", NOW, BUSY, wait_seconds=10.0):
            order.append(n)
            await asyncio.sleep(0.05)
            order.append(n)

    await asyncio.gather(*map(do, range(3)))
    assert order[::2] == order[1::2] and sorted(set(order)) == [0, 1, 2]


async def test_one_that_died_is_followed_when_its_lease_is_over_and_hears_so_if_it_did_not(stores):
    late = Claims(stores.mongo).held("x", NOW, BUSY)
    claim = await late.__aenter__()
    await claim.extend()
    with pytest.raises(Conflict):
        async with Claims(stores.mongo).held("x", NOW + LEASE_SECONDS / 2, BUSY):
            pass
    async with Claims(stores.mongo).held("x", NOW + 2 * LEASE_SECONDS, BUSY) as taken:
        with pytest.raises(Conflict):
            await claim.extend()
        await late.__aexit__(None, None, None)
        await taken.extend()  # the end of the old one did not end this


async def test_what_nobody_asked_for_again_is_forgotten(stores):
    claims = Claims(stores.mongo)
    killed = claims.held("x", NOW, BUSY)  # named, or Python itself would end it
    await killed.__aenter__()
    await claims.forget(NOW + LEASE_SECONDS - 1)
    with pytest.raises(Conflict):
        async with claims.held("x", NOW, BUSY):
            pass
    await claims.forget(NOW + LEASE_SECONDS + 1)  # it began some milliseconds after NOW
    async with claims.held("x", NOW, BUSY):
        pass
    await killed.__aexit__(None, None, None)
