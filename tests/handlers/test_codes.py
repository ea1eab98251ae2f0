"""Printed codes: a link that is led elsewhere, a scene's code, and the counting of who comes by each."""

from __future__ import annotations

import io

import pytest
import zxingcpp
from PIL import Image

from server.reply_rules.rule import Rule, Trigger
from server.scene_codes import SceneCodes, SceneCodeStore
from server.wechat.messages import Reply
from tests.handlers.civic_app import CivicApp, error_of, json_of
from tests.handlers.test_staff import logged
from tests.sandbox.sandbox_world import OFFICIAL
from tests.server.accounts_world import accounts_with, client_of
from tests.server.civic_world import campaign

pytestmark = pytest.mark.gen_test(timeout=60)
LINKS, SCENES = "/api/v1/staff/links", f"/api/v1/staff/accounts/{OFFICIAL['appid']}/scenes"


@pytest.fixture
def app(io_loop, stores, tmp_path, sandbox):
    async def opened():
        app = await CivicApp(stores, tmp_path).open()
        client = client_of(OFFICIAL, sandbox.base, stores, lambda: app.now)
        app.services.accounts = accounts_with(client, scene_codes=SceneCodes(SceneCodeStore(stores.mongo), client))
        return client, app

    client, app = io_loop.run_sync(opened)
    yield app
    io_loop.run_sync(app.close)
    io_loop.run_sync(client.close)


class TestLinks:
    async def test_a_link_is_made_opened_counted_and_led_elsewhere(self, app, stores):
        desk = await app.desk("editor")
        for slug in ("flag", "spring"):
            await app.world.campaigns.create(campaign(slug=slug))
        made = json_of(await desk.ask(LINKS, {"path": "/c/flag?ch=poster", "name": "中山公园海报"}, method="POST"))
        assert made["url"] == f"http://wm.example/s/{made['code']}"
        for _ in range(3):
            assert (await app.ask(f"/s/{made['code']}")).headers["Location"] == "/c/flag?ch=poster"
        moved = await desk.ask(f"{LINKS}/{made['code']}", {"path": "/c/spring"}, method="PUT")
        assert (moved.code, json_of(moved)["path"]) == (200, "/c/spring")
        assert (await app.ask(f"/s/{made['code']}")).headers["Location"] == "/c/spring"
        await app.visits.flush([f"link:{made['code']}"], app.now)
        [day] = json_of(await desk.ask(f"{LINKS}/{made['code']}"))["days"]
        assert day["channels"]["link"] == 4
        assert [one["name"] for one in json_of(await desk.ask(LINKS))["items"]] == ["中山公园海报"]
        assert [action for _, action, _ in await logged(stores)] == ["link.create", "link.point"]

    @pytest.mark.parametrize(("body", "expected"), [
        ({"path": "https://evil.example", "name": "x"}, (422, "LINK_PAGE_MISSING")),
        ({"path": "/c/nothing", "name": "x"}, (422, "LINK_PAGE_MISSING")),
        ({"path": "//evil", "name": "x"}, (422, "LINK_PAGE_MISSING")), ({"path": "/", "name": " "}, (422, "LINK_NAME_WRONG")),
        ({"path": "/?旗", "name": "x"}, (422, "LINK_PATH_WRONG")), ({"path": "/c/flag"}, (422, "INVALID_BODY"))])
    async def test_it_leads_nowhere_but_to_this_site(self, app, body, expected):
        desk = await app.desk("editor")
        assert error_of(await desk.ask(LINKS, body, method="POST")) == expected

    async def test_a_page_that_this_site_does_not_have_is_refused_with_words(self, app):
        desk = await app.desk("editor")
        for path, words in (("/nothing", "本站没有 /nothing 这个页面"), ("/c/spring?ch=x", "没有代码为 spring 的活动"),
                            ("/screen/spring", "没有代码为 spring"), ("/api/v1/campaigns", "本站没有 /api/v1/campaigns"),
                            ("/healthz", "本站没有 /healthz")):
            answer = await desk.ask(LINKS, {"path": path, "name": "甲"}, method="POST")
            assert error_of(answer) == (422, "LINK_PAGE_MISSING") and words in json_of(answer)["error"]["message"]
        assert json_of(await desk.ask(LINKS, {"path": "/?from=hall", "name": "首页"}, method="POST"))["path"] == "/?from=hall"

    async def test_its_picture_says_its_address(self, app):
        desk = await app.desk("editor")
        made = json_of(await desk.ask(LINKS, {"path": "/", "name": "首页"}, method="POST"))
        printed = await desk.ask(f"{LINKS}/{made['code']}.png")
        assert printed.headers["Content-Type"] == "image/png"
        assert [code.text for code in zxingcpp.read_barcodes(Image.open(io.BytesIO(printed.body)).convert("L"))] == [made["url"]]
        assert error_of(await desk.ask(f"{LINKS}/nobody.png")) == (404, "LINK_NOT_FOUND")

    async def test_it_is_renamed_and_taken_away_once_nobody_opens_it(self, app, stores):
        desk = await app.desk("editor")
        code = json_of(await desk.ask(LINKS, {"path": "/", "name": "老名字"}, method="POST"))["code"]
        assert (await desk.ask(f"{LINKS}/{code}", {"name": "图书馆"}, method="PUT")).code == 200
        assert [one["name"] for one in json_of(await desk.ask(LINKS))["items"]] == ["图书馆"]
        assert error_of(await desk.ask(f"{LINKS}/{code}", {}, method="PUT")) == (422, "LINK_UNCHANGED")
        await app.ask(f"/s/{code}")
        await app.visits.flush([f"link:{code}"], app.now)
        refused = await desk.ask(f"{LINKS}/{code}", method="DELETE")
        assert error_of(refused) == (409, "LINK_IN_USE") and "打开过 1 次" in json_of(refused)["error"]["message"]
        app.now += 32 * 86_400
        desk = await app.desk("admin")
        assert (await desk.ask(f"{LINKS}/{code}", method="DELETE")).code == 204
        assert (await app.ask(f"/s/{code}")).code == 404
        assert [action for _, action, _ in await logged(stores)][-2:] == ["link.rename", "link.remove"]

    async def test_a_campaign_s_own_one_stays(self, app):
        await app.world.campaigns.create(campaign())
        code = (await app.short_links.link_for("flag")).rpartition("/")[2]
        desk = await app.desk("editor")
        refused = await desk.ask(f"{LINKS}/{code}", method="DELETE")
        assert error_of(refused) == (409, "LINK_IN_USE") and "海报" in json_of(refused)["error"]["message"]
        assert error_of(await desk.ask(f"{LINKS}/{code}", {"name": "甲"}, method="PUT")) == (409, "LINK_IS_POSTERS")

    async def test_a_school_s_code_is_counted_for_the_school(self, app):
        [link] = await app.short_links.for_places("flag", [("unit:school-1", "ch=scan&r=350602&u=school-1")])
        assert [link] == await app.short_links.for_places("flag", [("unit:school-1", "ch=scan&r=350602&u=school-1")])
        code = link.rpartition("/")[2]
        assert (await app.ask(f"/s/{code}")).headers["Location"] == "/c/flag?ch=scan&r=350602&u=school-1"
        await app.visits.flush(["places:flag"], app.now)
        assert await app.visits.of_places("flag") == {"unit:school-1": 1} and await app.visits.of_places("spring") == {}
        assert json_of(await (await app.desk("editor")).ask(LINKS))["items"] == []  # thousands of them are in no list

    async def test_an_unknown_one_is_404(self, app):
        desk = await app.desk("editor")
        assert error_of(await desk.ask(f"{LINKS}/nobody", method="DELETE")) == (404, "LINK_NOT_FOUND")
        assert error_of(await desk.ask(f"{LINKS}/nobody")) == (404, "LINK_NOT_FOUND")
        assert error_of(await desk.ask(f"{LINKS}/nobody", {"path": "/c/flag"}, method="PUT")) == (404, "LINK_NOT_FOUND")


class TestScenes:
    async def test_a_scene_has_one_code_whose_picture_says_its_address(self, app, sandbox):
        desk = await app.desk("editor")
        first, again = [json_of(await desk.ask(SCENES, {"scene": "school-1", "name": "实验小学"}, method="POST")) for _ in range(2)]
        assert first == again and first["expires_at"] is None and first["url"].startswith("http://weixin.qq.com/q/")
        printed = await desk.ask(f"{SCENES}/school-1.png")
        assert printed.headers["Content-Type"] == "image/png"
        assert [code.text for code in zxingcpp.read_barcodes(Image.open(io.BytesIO(printed.body)).convert("L"))] == [first["url"]]
        assert len(json_of(await desk.ask(SCENES))["items"]) == 1

    async def test_a_temporary_one_is_made_anew_before_its_end(self, app):
        codes, now = app.services.accounts.of(OFFICIAL["appid"]).scene_codes, app.now
        first = await codes.get("fair", "书展", 3, now)
        assert first.expires_at == now + 3 * 86_400
        assert await codes.get("fair", "书展", 3, now + 86_400) == first
        assert (await codes.get("fair", "书展", 3, now + 2 * 86_400 + 60)).expires_at == now + 5 * 86_400 + 60

    @pytest.mark.parametrize("change", [{"scene": "长"}, {"scene": "x" * 65}, {"name": ""}, {"days": 0}, {"days": 31}])
    async def test_what_is_no_scene_is_refused(self, app, change):
        desk = await app.desk("editor")
        assert error_of(await desk.ask(SCENES, {"scene": "a", "name": "甲"} | change, method="POST")) == (422, "INVALID_BODY")

    async def test_it_is_renamed_and_taken_off_the_list_once_nothing_needs_it(self, app):
        desk = await app.desk("editor")
        await desk.ask(SCENES, {"scene": "school-1", "name": "实验小学"}, method="POST")
        assert json_of(await desk.ask(f"{SCENES}/school-1", {"name": "第一小学"}, method="PUT"))["name"] == "第一小学"
        assert error_of(await desk.ask(f"{SCENES}/school-1", {"name": " "}, method="PUT")) == (422, "SCENE_NAME_WRONG")
        rule = Rule("", "扫码欢迎", Trigger("scan", ("school-1",)), (Reply(kind="text", text="欢迎"),))
        kept = await app.services.reply_rules.create(rule, app.now)
        refused = await desk.ask(f"{SCENES}/school-1", method="DELETE")
        assert error_of(refused) == (409, "SCENE_IN_USE") and "扫码欢迎" in json_of(refused)["error"]["message"]
        await app.services.reply_rules.delete(kept.id)
        key = f"scene:{OFFICIAL['appid']}:school-1"
        await app.visits.record(key, "scan", app.now)
        await app.visits.flush([key], app.now)
        assert error_of(await desk.ask(f"{SCENES}/school-1", method="DELETE")) == (409, "SCENE_IN_USE")
        app.now += 32 * 86_400
        desk = await app.desk("admin")
        assert (await desk.ask(f"{SCENES}/school-1", method="DELETE")).code == 204
        assert error_of(await desk.ask(f"{SCENES}/school-1", method="DELETE")) == (404, "SCENE_NOT_FOUND")

    async def test_an_unknown_one_is_404_and_only_editors_make_them(self, app):
        desk = await app.desk("reviewer")
        assert error_of(await desk.ask(f"{SCENES}/nobody")) == (404, "SCENE_NOT_FOUND")
        assert error_of(await desk.ask(f"{SCENES}/nobody.png")) == (404, "SCENE_NOT_FOUND")
        assert error_of(await desk.ask(SCENES, {"scene": "a", "name": "甲"}, method="POST")) == (403, "ROLE_REFUSED")
        for path in (LINKS, f"{LINKS}/a", SCENES, f"{SCENES}/a", f"{SCENES}/a.png"):
            assert error_of(await app.ask(path)) == (401, "STAFF_SESSION_MISSING")
