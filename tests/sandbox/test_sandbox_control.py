"""The control interface and the pages: origins, restart, scanning, one browser for each citizen, menus."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest

from tests.sandbox.sandbox_world import World

pytestmark = pytest.mark.gen_test(timeout=30)


@pytest.fixture
def world(io_loop, tmp_path):
    async def opened():
        return World(tmp_path)

    made = io_loop.run_sync(opened)
    yield made
    made.close()


class TestControl:
    async def test_pages_of_other_origins_are_refused(self, world):
        assert (await world.post("/sandbox/citizens", {}, headers={"Origin": "https://evil.example"})).code == 403
        assert (await world.post("/sandbox/citizens", {}, headers={"Host": "evil.example"})).code == 403
        welcome = await world.post("/sandbox/citizens", {}, headers={"Origin": "http://localhost:8888"})
        assert welcome.code == 201 and welcome.headers["Access-Control-Allow-Origin"] == "http://localhost:8888"

    async def test_nonsense_is_a_400(self, world):
        openid = (await world.citizen())["openid"]
        for body in ({}, {"openid": "nobody", "text": "x"}, {"openid": openid}, {"openid": openid, "text": "x", "mode": "quiet"},
                     {"openid": openid, "text": "x", "concurrent": 1000}, {"openid": openid, "text": "x", "account": "none"}):
            assert (await world.post("/sandbox/messages", body)).code == 400
        assert (await world.post("/sandbox/citizens", b"[")).code == 400
        assert (await world.post("/sandbox/citizens", {"nickname": "长" * 33})).code == 400
        assert (await world.get("/sandbox/outbox", openid="nobody")).code == 400

    async def test_citizens_survive_a_restart(self, world, tmp_path):
        citizen = await world.citizen("王五")
        token = (await world.token())["access_token"]
        await world.told("/sandbox/messages", {"openid": citizen["openid"], "event": "subscribe"})
        again = World(tmp_path)
        try:
            [found] = (await again.asked("/sandbox/citizens"))["items"]
            assert found == citizen | {"followed": True}
            assert (await again.token())["access_token"] == token
        finally:
            again.close()

    async def test_scene_codes_follow_and_then_report(self, world):
        citizen, token = await world.citizen(), (await world.token())["access_token"]
        made = await world.told("/cgi-bin/qrcode/create", {"expire_seconds": 600, "action_name": "QR_STR_SCENE",
                                                           "action_info": {"scene": {"scene_str": "school-1"}}},
                                access_token=token)
        picture = await world.get("/cgi-bin/showqrcode", ticket=made["ticket"])
        assert picture.headers["Content-Type"] == "image/png" and picture.body.startswith(b"\x89PNG")
        for event, key in (("subscribe", "qrscene_school-1"), ("SCAN", "school-1")):
            scanned = await world.told("/sandbox/scan", {"openid": citizen["openid"], "text": made["url"]})
            assert scanned["kind"] == "account" and scanned["tries"] == 1
            xml = world.message_of(world.received[-1])
            assert f"<Event><![CDATA[{event}]]>" in xml and f"<EventKey><![CDATA[{key}]]>" in xml and made["ticket"] in xml
        link = {"openid": citizen["openid"], "text": "https://h5.example.cn/s/a"}
        assert (await world.told("/sandbox/scan", link))["kind"] == "url"
        world.advance(601)
        assert (await world.told("/sandbox/scan", {"openid": citizen["openid"], "text": made["url"]}))["kind"] == "expired"

    async def test_each_citizen_has_her_own_browser(self, world):
        ann, bea = await world.citizen(), await world.citizen()
        cookies = f"sandbox_citizen={ann['key']}; wenming_citizen=of-ann"
        page = world.product + "/c/flag"
        to_bea = await world.get("/sandbox/open", headers={"Cookie": cookies}, openid=bea["openid"], url=page)
        assert (to_bea.code, to_bea.headers["Location"]) == (302, page)
        given = to_bea.headers.get_list("Set-Cookie")
        assert any(text.startswith(f"sandbox_citizen={bea['key']}") for text in given)
        assert any(text.startswith('wenming_citizen="";') and "expires" in text for text in given)
        back = await world.post("/sandbox/phone", {"openid": ann["openid"]}, headers={"Cookie": f"sandbox_citizen={bea['key']}"})
        assert any(text.startswith("wenming_citizen=of-ann") for text in back.headers.get_list("Set-Cookie"))

    async def test_the_phone_moves_to_the_product_s_host_name(self, world):
        port = urlsplit(world.base).port
        response = await world.get("/", headers={"Host": f"localhost:{port}"})
        assert (response.code, response.headers["Location"]) == (302, f"http://127.0.0.1:{port}/")

    async def test_menus(self, world):
        token = (await world.token())["access_token"]
        menu = {"button": [{"type": "view", "name": "向国旗敬礼", "url": world.product + "/c/flag"}]}
        assert (await world.asked("/cgi-bin/menu/get", access_token=token))["errcode"] == 46003
        assert (await world.told("/cgi-bin/menu/create", menu, access_token=token))["errcode"] == 0
        assert (await world.asked("/cgi-bin/menu/get", access_token=token))["menu"] == menu
        assert (await world.asked("/sandbox/phone"))["accounts"][0]["menu"] == menu
        assert (await world.told("/cgi-bin/menu/create", {"button": [{}] * 4}, access_token=token))["errcode"] == 40016
        assert (await world.asked("/cgi-bin/menu/delete", access_token=token))["errcode"] == 0

    async def test_the_script_names_the_phone(self, world):
        citizen = await world.citizen()
        script = await world.get("/sandbox/jweixin.js", headers={"Cookie": f"sandbox_citizen={citizen['key']}"})
        assert f"var holder = '{citizen['key']}'" in script.body.decode() and citizen["openid"] not in script.body.decode()


async def test_what_she_answers_to_a_pages_question_is_told_to_the_product_and_allows_one_notice(world):
    citizen = await world.citizen()
    await world.told("/sandbox/grants", {"openid": citizen["openid"], "template_id": "t1", "status": "accept"})
    told = world.message_of(world.received[-1])
    assert "subscribe_msg_popup_event" in told and "<![CDATA[accept]]>" in told
    assert list(world.platform.allowed.values()) == [1]
    await world.told("/sandbox/grants", {"openid": citizen["openid"], "template_id": "t1", "status": "reject"})
    assert list(world.platform.allowed.values()) == [0]
