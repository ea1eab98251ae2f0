"""The accounts of an instance, as staff see them."""

from __future__ import annotations

import pytest

from server.accounts import Accounts
from server.wechat import Account
from tests.handlers.civic_app import CivicApp, error_of, json_of
from tests.server.accounts_world import connected_with

pytestmark = pytest.mark.gen_test(timeout=30)


@pytest.fixture
def app(io_loop, stores, tmp_path):
    made = io_loop.run_sync(CivicApp(stores, tmp_path).open)
    made.services.accounts = Accounts([
        connected_with(Account("wxcity", "a-secret", "a-token", "k" * 43, name="文明漳州")),
        connected_with(Account("wxmini", "a-secret", "a-token", "k" * 43, "plain", "miniprogram"))])
    yield made
    io_loop.run_sync(made.close)


async def test_they_are_listed_without_their_secrets(app):
    answer = await (await app.desk("editor")).ask("/api/v1/staff/accounts")
    assert json_of(answer)["items"] == [{"appid": "wxcity", "role": "official", "name": "文明漳州", "mode": "safe"},
                                        {"appid": "wxmini", "role": "miniprogram", "name": "", "mode": "plain"}]
    assert b"a-secret" not in answer.body and b"a-token" not in answer.body


@pytest.mark.parametrize(("verb", "path"), [
    ("GET", "menus"), ("GET", "menus/held"), ("PUT", "menus/held"), ("GET", "materials?kind=image"), ("GET", "materials/x"),
    ("GET", "drafts"), ("GET", "drafts/x"), ("GET", "publications"), ("GET", "mass-sends"), ("GET", "mass-sends/quota"),
    ("GET", "followers"), ("GET", "tags"), ("GET", "scenes"), ("GET", "scenes/x")])
async def test_a_mini_program_has_nothing_of_an_official_account(app, verb, path):
    desk = await app.desk("editor")
    answer = await desk.ask(f"/api/v1/staff/accounts/wxmini/{path}", {"number": 1} if verb == "PUT" else None, method=verb)
    assert error_of(answer) == (409, "NOT_AN_OFFICIAL_ACCOUNT")


async def test_an_unknown_one_is_404_and_nobody_sees_them_without_a_session(app):
    assert error_of(await (await app.desk("editor")).ask("/api/v1/staff/accounts/wxother/menus")) == (404, "ACCOUNT_NOT_FOUND")
    assert error_of(await app.ask("/api/v1/staff/accounts")) == (401, "STAFF_SESSION_MISSING")
