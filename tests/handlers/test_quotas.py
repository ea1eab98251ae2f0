"""Quotas through the staff's interface: for admins alone, a clear only when it is meant, each one in the audit log."""

from __future__ import annotations

import re
import time

import pytest

from server.quotas import Quotas
from server.reachability import Reachability
from server.wechat.errors import WeChatError
from tests.handlers.civic_app import CivicApp, error_of, json_of
from tests.handlers.test_staff import logged
from tests.sandbox.sandbox_world import OFFICIAL, World
from tests.server.accounts_world import accounts_with, client_of

pytestmark = pytest.mark.gen_test(timeout=60)
APPID = OFFICIAL["appid"]
ACCOUNT = f"/api/v1/staff/accounts/{APPID}"
CLEAR, SENT = f"{ACCOUNT}/quotas/clear", {"confirm": APPID}


@pytest.fixture
def app(io_loop, stores, tmp_path):
    async def opened():
        sandbox, app = World(tmp_path), await CivicApp(stores, tmp_path).open()
        client = client_of(OFFICIAL, sandbox.base, stores, time.time)
        app.services.accounts = accounts_with(client, quotas=Quotas(client, "official"), reachability=Reachability(client))
        app.sandbox, app.client = sandbox, client
        return app

    app = io_loop.run_sync(opened)
    yield app
    io_loop.run_sync(app.close)
    io_loop.run_sync(app.client.close)
    app.sandbox.close()


async def menu_row(desk):
    return next(item for item in json_of(await desk.ask(f"{ACCOUNT}/quotas"))["items"] if item["path"] == "cgi-bin/menu/get")


async def test_a_spent_quota_is_seen_cleared_and_logged(app, stores):
    desk = await app.desk("admin")
    app.sandbox.platform.daily_limits[APPID, "/cgi-bin/menu/get"] = 1
    for _ in range(2):
        with pytest.raises(WeChatError):
            await app.client.call("get", "cgi-bin/menu/get")
    row = await menu_row(desk)
    assert (row["name"], row["shut"], row["nearly_spent"], row["remain"]) == ("查询菜单", True, True, 0)
    cleared = await desk.ask(CLEAR, SENT)
    assert (cleared.code, json_of(cleared)) == (200, {"cleared": True, "by": "token"})
    row = await menu_row(desk)
    assert (row["shut"], row["remain"]) == (False, 1)
    assert [(action, subject) for _, action, subject in await logged(stores)] == [("quota.clear", APPID), ("quota.cleared", APPID)]


@pytest.mark.parametrize("body", [{}, {"confirm": ""}, {"confirm": "yes"}, {"confirm": APPID.upper()}, {"confirm": True}])
async def test_without_the_appid_once_more_nothing_is_cleared(app, stores, body):
    desk = await app.desk("admin")
    assert error_of(await desk.ask(CLEAR, body))[0] == 422
    assert await logged(stores) == []


async def test_the_eleventh_is_refused_in_words_for_staff(app):
    desk = await app.desk("admin")
    for _ in range(10):
        assert (await desk.ask(CLEAR, SENT)).code == 200
    refused = await desk.ask(CLEAR, SENT)
    assert error_of(refused) == (409, "WECHAT_CLEARS_SPENT")
    message = json_of(refused)["error"]["message"]
    assert "48006" in message and "10 次" in message and "rid" in message


async def test_what_was_wrong_with_a_request_is_found_by_the_rid_of_its_message(app):
    desk = await app.desk("admin")
    await app.sandbox.told("/sandbox/faults", {"path": "/cgi-bin/callback/check", "errcode": 40203, "times": 1})
    message = json_of(await desk.ask(f"{ACCOUNT}/reachability"))["error"]["message"]
    rid = re.search(r"（rid (\S+)）", message)[1]
    found = json_of(await desk.ask(f"{ACCOUNT}/quotas/requests/{rid}"))
    assert (found["rid"], found["query"]) == (rid, "access_token=***") and "check_operator" in found["body"]
    assert error_of(await desk.ask(f"{ACCOUNT}/quotas/requests/{rid[::-1]}"))[0] in (404, 502)


async def test_the_way_between_the_platform_and_us(app):
    desk = await app.desk("admin")
    found = json_of(await desk.ask(f"{ACCOUNT}/reachability"))
    assert found["dns"] == [{"address": "127.0.0.1", "operator": "CAP"}] and found["ping"][0]["lost"] is False
    assert found["api_addresses"] and found["callback_addresses"]


async def test_for_admins_alone(app):
    desk = await app.desk("operator")
    rid = "00000000-00000000-00000000"
    for path, body in (("/quotas", None), ("/quotas/clear", SENT), (f"/quotas/requests/{rid}", None), ("/reachability", None)):
        assert error_of(await desk.ask(ACCOUNT + path, body)) == (403, "ROLE_REFUSED")
        assert error_of(await app.ask(ACCOUNT + path, body)) == (401, "STAFF_SESSION_MISSING")


async def test_an_account_that_is_not_connected(app):
    desk = await app.desk("admin")
    assert error_of(await desk.ask("/api/v1/staff/accounts/wxnobody/quotas/clear", {"confirm": "wxnobody"})) == (404, "ACCOUNT_NOT_FOUND")
