"""The menu through the staff's interface: kept, compared, published, and in the audit log."""

from __future__ import annotations

import msgspec
import pytest

from server.materials import Materials, MaterialStore, Uploads
from server.menus import Menus, MenuStore
from tests.handlers.civic_app import CivicApp, error_of, json_of
from tests.handlers.test_staff import logged
from tests.sandbox.sandbox_world import OFFICIAL, World
from tests.server.accounts_world import accounts_with, client_of
from tests.server.materials.files import JPG, file_of, whole
from tests.server.test_menus import FLAG, NOW

pytestmark = pytest.mark.gen_test(timeout=60)
ACCOUNT = f"/api/v1/staff/accounts/{OFFICIAL['appid']}"
MENUS = f"{ACCOUNT}/menus"
WRITTEN = msgspec.json.decode(msgspec.json.encode(FLAG))


@pytest.fixture
def app(io_loop, stores, tmp_path):
    async def opened():
        sandbox, app = World(tmp_path), await CivicApp(stores, tmp_path).open()
        client = client_of(OFFICIAL, sandbox.base, stores, lambda: NOW)
        app.connect(accounts_with(client, menus=Menus(MenuStore(stores.mongo), client),
                                  materials=Materials(MaterialStore(stores.mongo), client, Uploads(tmp_path), whole)))
        return sandbox, client, app

    sandbox, client, app = io_loop.run_sync(opened)
    yield app
    io_loop.run_sync(app.close)
    io_loop.run_sync(client.close)
    sandbox.close()


async def test_from_a_draft_to_everybodys_phone(app, stores):
    desk = await app.desk("editor")
    assert json_of(await desk.ask(f"{MENUS}/held")) == {"layout": {"buttons": []}, "changes": None, "warnings": None}
    kept = await desk.ask(MENUS, WRITTEN, method="POST")
    assert (kept.code, json_of(kept)["number"], json_of(kept)["published_at"]) == (201, 1, None)
    changes = json_of(await desk.ask(f"{MENUS}/held?number=1"))["changes"]
    assert changes == ["全体 › 第 1 项：新增“向国旗敬礼”，打开网页 https://h5.example.cn/c/flag", "全体 › 第 2 项：新增“我的”，展开子菜单",
                       "全体 › 第 2 项“我的” › 第 1 项：新增“我是第几位”，发送 key mine",
                       "全体 › 第 2 项“我的” › 第 2 项：新增“现在多少人”，发送 key total"]
    assert (await desk.ask(f"{MENUS}/held", {"number": 1}, method="PUT")).code == 200
    assert json_of(await desk.ask(f"{MENUS}/held?number=1")) == {"layout": WRITTEN, "changes": [], "warnings": []}
    [shown] = json_of(await desk.ask(MENUS))["items"]
    assert shown["published_at"] and shown["by"] == shown["published_by"] == "the-editor" and shown["live"]
    assert [action for _, action, _ in await logged(stores)] == ["menu.keep", "menu.publish"]


@pytest.mark.parametrize(("verb", "path", "body", "expected"), [
    ("POST", "", {"buttons": []}, (422, "TOO_MANY_BUTTONS")), ("POST", "", {"buttons": "x"}, (422, "INVALID_BODY")),
    ("POST", "", {"buttons": [{"name": "长" * 6, "type": "click", "key": "k"}]}, (422, "NAME_TOO_LONG")),
    ("POST", "", {"buttons": WRITTEN["buttons"], "conditional": [{"buttons": WRITTEN["buttons"], "tag_id": "²"}]}, (422, "INVALID_BODY")),
    ("PUT", "/held", {"number": 9}, (404, "MENU_NOT_FOUND")), ("GET", "/held?number=9", None, (404, "MENU_NOT_FOUND"))])
async def test_what_cannot_be_is_refused(app, verb, path, body, expected):
    desk = await app.desk("editor")
    assert error_of(await desk.ask(MENUS + path, body, method=verb)) == expected


@pytest.mark.parametrize("number", ["%C2%B2", "x", "-1"])
async def test_a_number_is_written_in_digits(app, number):
    desk = await app.desk("editor")
    answer = await desk.ask(f"{MENUS}/held?number={number}")
    assert error_of(answer) == (422, "INVALID_BODY") and json_of(answer)["error"]["field"] == "number"


async def test_a_changed_entry_says_what_a_tap_did_and_what_it_will_do(app):
    desk = await app.desk("editor")
    await desk.ask(MENUS, WRITTEN)
    await desk.ask(f"{MENUS}/held", {"number": 1}, method="PUT")
    await desk.ask(MENUS, {"buttons": [{"name": "敬礼", "type": "click", "key": "campaign"}]})
    assert json_of(await desk.ask(f"{MENUS}/held?number=2"))["changes"] == [
        "全体 › 第 1 项：“向国旗敬礼”改为“敬礼”",
        "全体 › 第 1 项“敬礼”：点击后由“打开网页 https://h5.example.cn/c/flag”改为“发送 key campaign”",
        "全体 › 第 2 项：删除“我的”，展开子菜单", "全体 › 第 2 项“我的” › 第 1 项：删除“我是第几位”，发送 key mine",
        "全体 › 第 2 项“我的” › 第 2 项：删除“现在多少人”，发送 key total"]


class TestWhatAMenuNames:
    async def test_a_material_that_is_not_there_is_refused_and_one_that_is_is_taken(self, app):
        desk = await app.desk("editor")
        answer = await desk.ask(MENUS, {"buttons": [{"name": "海报", "type": "media_id", "media_id": "nothing"}]}, method="POST")
        assert error_of(answer) == (422, "MATERIAL_UNKNOWN")
        assert json_of(answer)["error"]["field"] == "buttons.0.media_id" and "素材" in json_of(answer)["error"]["message"]
        uploaded = await desk.ask(f"{ACCOUNT}/materials?kind=image&name=x", file_of(JPG))
        kept = await desk.ask(MENUS, {"buttons": [{"name": "海报", "type": "media_id", "media_id": json_of(uploaded)["media_id"]}]})
        assert kept.code == 201

    async def test_a_temporary_one_is_refused_as_it_ends_in_three_days(self, app):
        desk = await app.desk("editor")
        uploaded = await desk.ask(f"{ACCOUNT}/materials?kind=image&name=x&lasting=temporary", file_of(JPG))
        menu = {"buttons": [{"name": "图", "buttons": [{"name": "海报", "type": "media_id", "media_id": json_of(uploaded)["media_id"]}]}]}
        answer = await desk.ask(MENUS, menu)
        assert error_of(answer) == (422, "MATERIAL_TEMPORARY")
        assert json_of(answer)["error"]["field"] == "buttons.0.buttons.0.media_id"

    async def test_a_key_that_nothing_answers_is_warned_of_until_a_rule_does(self, app):
        desk = await app.desk("editor")
        menu = {"buttons": [{"name": "名单", "type": "click", "key": "list"}, {"name": "我的", "type": "click", "key": "mine"}]}
        kept = json_of(await desk.ask(MENUS, menu))
        [warning] = kept["warnings"]
        assert "list" in warning and json_of(await desk.ask(f"{MENUS}/held?number=1"))["warnings"] == [warning]
        keys = json_of(await desk.ask(f"{MENUS}/keys"))["items"]
        assert keys == [{"key": "campaign", "rule": "", "builtin": "campaign_card"}, {"key": "mine", "rule": "", "builtin": "my_ordinal"},
                        {"key": "total", "rule": "", "builtin": "live_total"}, {"key": "list", "rule": "", "builtin": ""}]
        await desk.ask("/api/v1/staff/reply-rules", {"name": "名单", "trigger": {"kind": "click", "words": ["list"]},
                                                     "replies": [{"kind": "text", "text": "见公告栏"}]})
        assert json_of(await desk.ask(f"{MENUS}/held?number=1"))["warnings"] == []
        assert json_of(await desk.ask(f"{MENUS}/keys"))["items"][-1] == {"key": "list", "rule": "名单", "builtin": ""}

    async def test_the_one_that_was_published_last_is_marked_though_newer_ones_are_kept(self, app):
        desk = await app.desk("editor")
        for _ in range(3):
            await desk.ask(MENUS, WRITTEN)
        for number in (3, 1):
            app.now += 60
            await desk.ask(f"{MENUS}/held", {"number": number}, method="PUT")
        assert [(one["number"], one["live"]) for one in json_of(await desk.ask(MENUS))["items"]] == [(3, False), (2, False), (1, True)]


async def test_only_editors_change_it_and_nobody_without_a_session(app):
    desk = await app.desk("reviewer")
    assert error_of(await desk.ask(MENUS, WRITTEN, method="POST")) == (403, "ROLE_REFUSED")
    assert error_of(await desk.ask(f"{MENUS}/held", {"number": 1}, method="PUT")) == (403, "ROLE_REFUSED")
    for verb, path in (("GET", ""), ("POST", ""), ("GET", "/held"), ("PUT", "/held")):
        assert error_of(await app.ask(MENUS + path, None if verb == "GET" else {}, method=verb)) == (401, "STAFF_SESSION_MISSING")
