"""Notices through the staff's interface, and what a citizen's answer on her phone changes."""

from __future__ import annotations

import pytest

from server.accounts import Accounts
from server.notices import GrantStore, Notices, NoticeStore
from server.wechat import Account
from tests.handlers.civic_app import CivicApp, error_of, json_of
from tests.handlers.test_staff import logged
from tests.server.accounts_world import connected_with

pytestmark = pytest.mark.gen_test(timeout=60)
NOTICES = "/api/v1/staff/notices"
PATROL = {"id": "patrol-1", "kind": "template", "appid": "wx1", "template_id": "t1", "data": {"thing1": "文明巡访集合"},
          "citizens": [1, 2, 2]}


async def nobody(appid, openid, unionid, now):
    raise AssertionError("nobody answers here")


@pytest.fixture
def app(io_loop, stores, tmp_path):
    made = io_loop.run_sync(lambda: CivicApp(stores, tmp_path).open())
    made.connect(Accounts([connected_with(Account("wx1", "", "", "")), connected_with(Account("wxmini", "", "", "", role="miniprogram"))]))
    made.services.notices = Notices(NoticeStore(stores.mongo), GrantStore(stores.mongo), nobody, lambda citizen: [citizen], lambda: "http://wm.example")
    yield made
    io_loop.run_sync(made.close)


async def test_a_batch_is_kept_once_for_each_and_looked_at(app, stores):
    desk = await app.desk("editor")
    kept = await desk.ask(NOTICES, PATROL, method="POST")
    assert (kept.code, json_of(kept)) == (201, {"id": "patrol-1", "new": 2, "shown": PATROL["data"], "warnings": []})
    assert json_of(await desk.ask(NOTICES, PATROL | {"citizens": [2, 3]}, method="POST"))["new"] == 1
    seen = json_of(await desk.ask(f"{NOTICES}/patrol-1"))
    assert (seen["states"], seen["by"], seen["data"]) == ({"queued": 3}, "the-editor", PATROL["data"])
    assert seen["words"] == {"queued": "排队，等待发出 (queued)"} and seen["errors"] == []
    assert [action for _, action, _ in await logged(stores)] == ["notices.keep"] * 2


@pytest.mark.parametrize(("change", "expected"), [
    ({"id": "X"}, (422, "INVALID_BODY")), ({"kind": "letter"}, (422, "INVALID_BODY")), ({"data": {}}, (422, "INVALID_BODY")),
    ({"citizens": [1] * 10_001}, (422, "INVALID_BODY")), ({"surprise": 1}, (422, "INVALID_BODY"))])
async def test_what_cannot_be_sent_is_refused(app, change, expected):
    desk = await app.desk("editor")
    assert error_of(await desk.ask(NOTICES, PATROL | change, method="POST")) == expected


    assert json_of(await desk.ask(NOTICES, PATROL | change, method="POST"))["error"]["field"] == next(iter(change))


class TestWords:
    LONG = PATROL | {"kind": "subscription", "data": {"thing1": "漳州市第三届文明实践志愿服务集中展示活动开幕式", "time2": "2026-10-01"}}

    async def test_words_that_do_not_fit_are_shown_cut_before_anything_is_kept(self, app):
        desk = await app.desk("editor")
        refused = await desk.ask(NOTICES, self.LONG)
        error = json_of(refused)["error"]
        assert (refused.code, error["code"], error["field"]) == (422, "NOTICE_WOULD_BE_CUT", "data.thing1")
        assert "最多 20 字" in error["message"] and self.LONG["data"]["thing1"][:20] in error["message"] and "allow_cut" in error["message"]
        assert json_of(await desk.ask(NOTICES))["items"] == []

    async def test_who_means_it_says_so_and_both_forms_are_shown(self, app):
        desk = await app.desk("editor")
        kept = json_of(await desk.ask(NOTICES, self.LONG | {"allow_cut": True}))
        assert kept["new"] == 2 and kept["shown"] == {"thing1": self.LONG["data"]["thing1"][:20], "time2": "2026-10-01"}
        seen = json_of(await desk.ask(f"{NOTICES}/patrol-1"))
        assert seen["data"] == self.LONG["data"] and seen["shown"] == kept["shown"]


class TestPage:
    async def test_a_path_of_this_site_becomes_its_address(self, app):
        desk = await app.desk("editor")
        await desk.ask(NOTICES, PATROL | {"page": "/c/salute-the-flag"})
        assert json_of(await desk.ask(f"{NOTICES}/patrol-1"))["page"] == "http://wm.example/c/salute-the-flag"
        assert json_of(await desk.ask(NOTICES, PATROL | {"page": "/c/salute-the-flag", "citizens": [9]}))["new"] == 1

    @pytest.mark.parametrize("page", ["http://elsewhere.example/c", "//evil.example", "javascript:x", "c/flag"])
    async def test_what_is_no_page_says_how_it_is_written(self, app, page):
        desk = await app.desk("editor")
        error = json_of(await desk.ask(NOTICES, PATROL | {"page": page}))["error"]
        assert error["field"] == "page" and "/c/salute-the-flag" in error["message"]


async def test_batches_are_listed_the_newest_first_page_by_page(app):
    desk = await app.desk("editor")
    for n in range(31):
        app.now += 1
        await desk.ask(NOTICES, PATROL | {"id": f"patrol-{n}", "citizens": [n + 1]})
    first = json_of(await desk.ask(NOTICES))
    assert [one["id"] for one in first["items"]] == [f"patrol-{n}" for n in range(30, 0, -1)]
    rest = json_of(await desk.ask(f"{NOTICES}?cursor={first['next']}"))
    assert [one["id"] for one in rest["items"]] == ["patrol-0"] and rest["next"] is None


@pytest.mark.parametrize(("change", "words"), [
    ({"appid": "wxnobody"}, "已接入的有：wx1"), ({"appid": "wxmini"}, "公众号"), ({"kind": "miniprogram_subscription"}, "wxmini")])
async def test_an_account_that_is_not_here_is_refused_with_those_that_are(app, change, words):
    error = json_of(await (await app.desk("editor")).ask(NOTICES, PATROL | change))["error"]
    assert (error["code"], error["field"]) == ("UNKNOWN_ACCOUNT", "appid") and words in error["message"]


async def test_a_batch_of_other_words_and_one_that_is_not_there(app):
    desk = await app.desk("editor")
    await desk.ask(NOTICES, PATROL, method="POST")
    assert error_of(await desk.ask(NOTICES, PATROL | {"data": {"thing1": "改期"}}, method="POST")) == (409, "BATCH_DIFFERS")
    assert error_of(await desk.ask(f"{NOTICES}/nobody")) == (404, "NOTICE_BATCH_NOT_FOUND")


async def test_only_editors_send_and_nobody_without_a_session(app):
    desk = await app.desk("reviewer")
    assert error_of(await desk.ask(NOTICES, PATROL, method="POST")) == (403, "ROLE_REFUSED")
    assert error_of(await app.ask(NOTICES, PATROL, method="POST")) == (401, "STAFF_SESSION_MISSING")
    assert error_of(await app.ask(f"{NOTICES}/patrol-1")) == (401, "STAFF_SESSION_MISSING")
