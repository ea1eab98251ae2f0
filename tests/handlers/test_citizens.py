"""Deletion through its door: afterwards both stores know nothing of her, and her token is worth nothing."""

from __future__ import annotations

import pytest

from handlers.base import COOKIE
from tests.handlers.login_world import LoginWorld, error_of
from tests.server.citizens.people import everything

pytestmark = pytest.mark.gen_test(timeout=30)


@pytest.fixture
def world(io_loop, stores, tmp_path):
    made = io_loop.run_sync(lambda: LoginWorld().open(stores, tmp_path))
    yield made
    io_loop.run_sync(made.close)


async def sign_in(world, code: str, openid: str):
    browser = world.browser()
    world.platform.answers[code] = {"openid": openid, "unionid": f"union-{openid}"}
    await browser.come_back(code, (await browser.consent())["state"])
    return browser


async def delete(browser, **options):
    return await browser.fetch("/api/v1/citizens/me", method="DELETE", **options)


async def test_it_works(world, stores):
    alice, bob = await sign_in(world, "a", "openid-alice"), await sign_in(world, "b", "openid-bob")
    token = alice.cookies[COOKIE]
    response = await delete(alice)
    assert (response.code, response.body) == (204, b"")
    assert COOKIE not in alice.cookies
    assert b"openid-alice" not in await everything(stores)
    assert world.witness.erased == [1]
    assert error_of(await delete(alice)) == (401, "TOKEN_MISSING")
    assert error_of(await delete(alice, headers={"Authorization": f"Bearer {token}"})) == (401, "TOKEN_INVALID")
    assert world.citizen_in(bob) == 2


async def test_a_bad_bearer_is_not_rescued_by_a_good_cookie(world):
    alice = await sign_in(world, "a", "openid-alice")
    assert error_of(await delete(alice, headers={"Authorization": "Bearer nonsense"})) == (401, "TOKEN_INVALID")
    assert world.citizen_in(alice) == 1


async def test_who_comes_back_in_the_same_second_is_signed_in_again(world):
    alice = await sign_in(world, "a", "openid-alice")
    await delete(alice)
    again = await sign_in(world, "a2", "openid-alice")
    assert world.citizen_in(again) == 1
