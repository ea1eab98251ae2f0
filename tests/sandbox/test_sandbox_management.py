"""The sandbox's management of the API by the platform's rules: limits, clears, remembered requests, the check of the callback."""

from __future__ import annotations

import time

import pytest

from tests.sandbox.sandbox_world import MINI, OFFICIAL, World

pytestmark = pytest.mark.gen_test(timeout=30)
APPID, MENU = OFFICIAL["appid"], "/cgi-bin/menu/get"


@pytest.fixture
def world(io_loop, tmp_path):
    async def opened():
        return World(tmp_path)

    made = io_loop.run_sync(opened)
    yield made
    made.close()


async def quota(world, token, path=MENU):
    return await world.told("/cgi-bin/openapi/quota/get", {"cgi_path": path}, access_token=token)


async def test_a_days_calls_are_counted_and_end(world):
    token = (await world.token())["access_token"]
    world.platform.daily_limits[APPID, MENU] = 2
    codes = [(await world.asked(MENU, access_token=token))["errcode"] for _ in range(3)]
    assert codes == [46003, 46003, 45009]
    assert (await quota(world, token))["quota"] == {"daily_limit": 2, "used": 2, "remain": 0}
    world.advance(86400)
    token = (await world.token())["access_token"]
    assert (await world.asked(MENU, access_token=token))["errcode"] == 46003


async def test_quotas_are_an_accounts_own(world):
    token, other = (await world.token())["access_token"], (await world.token(MINI))["access_token"]
    await world.asked(MENU, access_token=token)
    assert (await quota(world, other))["quota"]["used"] == 0


@pytest.mark.parametrize(("path", "errcode"), [("/sns/jscode2session", 76022), ("cgi-bin/menu/get", 76021), ("", 76021), ("/", 76021)])
async def test_a_path_that_cannot_be_asked_for(world, path, errcode):
    assert (await quota(world, (await world.token())["access_token"], path))["errcode"] == errcode


async def test_ten_clears_a_month_whichever_way(world):
    token = (await world.token())["access_token"]
    by_token = ("/cgi-bin/clear_quota", {"appid": APPID}, {"access_token": token})
    by_secret = ("/cgi-bin/clear_quota/v2", {"appid": APPID, "appsecret": OFFICIAL["secret"]}, {})
    for turn in range(10):
        path, body, query = (by_token, by_secret)[turn % 2]
        assert (await world.told(path, body, **query))["errcode"] == 0
    for path, body, query in (by_token, by_secret):
        assert (await world.told(path, body, **query))["errcode"] == 48006
    world.advance(31 * 86400)
    assert (await world.told(by_secret[0], by_secret[1]))["errcode"] == 0


@pytest.mark.parametrize(("change", "errcode"), [
    ({"appid": "wxnobody"}, 40013), ({"appsecret": "wrong"}, 40125), ({"appsecret": ""}, 41004)])
async def test_a_clear_by_secret_needs_the_right_one(world, change, errcode):
    body = {"appid": APPID, "appsecret": OFFICIAL["secret"]} | change
    assert (await world.told("/cgi-bin/clear_quota/v2", body))["errcode"] == errcode


async def test_a_clear_is_for_the_tokens_own_account(world):
    token = (await world.token(MINI))["access_token"]
    assert (await world.told("/cgi-bin/clear_quota", {"appid": APPID}, access_token=token))["errcode"] == 40013


async def test_only_so_many_refused_requests_are_remembered(world):
    token = (await world.token())["access_token"]
    first = (await world.asked(MENU, access_token=token))["errmsg"].rpartition("rid: ")[2]
    assert (await world.told("/cgi-bin/openapi/rid/get", {"rid": first}, access_token=token))["request"]["client_ip"] == "127.0.0.1"
    for _ in range(1000):
        world.platform.refused[f"{len(world.platform.refused)}{time.perf_counter_ns()}"] = {}
    await world.asked(MENU, access_token=token)
    assert len(world.platform.refused) == 1000
    assert (await world.told("/cgi-bin/openapi/rid/get", {"rid": first}, access_token=token))["errcode"] == 76001
    assert (await world.told("/cgi-bin/openapi/rid/get", {"rid": "x"}, access_token=token))["errcode"] == 76002


@pytest.mark.parametrize(("body", "errcode"), [
    ({"action": "look", "check_operator": "DEFAULT"}, 40202), ({"action": "all", "check_operator": "MINE"}, 40203), ({}, 40202)])
async def test_a_check_of_the_callback_that_cannot_be(world, body, errcode):
    token = (await world.token())["access_token"]
    assert (await world.told("/cgi-bin/callback/check", body, access_token=token))["errcode"] == errcode


async def test_addresses_need_a_token(world):
    for path in ("/cgi-bin/get_api_domain_ip", "/cgi-bin/getcallbackip"):
        assert (await world.asked(path))["errcode"] == 41001
        assert (await world.asked(path, access_token=(await world.token())["access_token"]))["ip_list"]
