"""What the phone is told: every account with its menu, what leads into a mini-program, its requests, who types, who is shut out."""

from __future__ import annotations

import asyncio
import json

import pytest
import tornado.web

from tests.sandbox.sandbox_world import AES_KEY, MINI, OFFICIAL, World

pytestmark = pytest.mark.gen_test(timeout=30)
MENU = {"button": [{"type": "click", "name": "向国旗敬礼", "key": "campaign"}]}
PAPER = {"appid": "wxsandboxsubscribe", "secret": "sandbox-paper", "token": "paper-token", "aes_key": AES_KEY, "kind": "subscription",
         "name": "社区小报"}
APPID = OFFICIAL["appid"]
LINK, SCHEME, SHORT = "/wxa/generate_urllink", "/wxa/generatescheme", "/wxa/genwxashortlink"
MONTH = {"expire_type": 1, "expire_interval": 30}


class Echo(tornado.web.RequestHandler):
    """The product's API, as far as these tests need it: it says what it was asked."""

    def answer(self) -> None:
        self.set_status(201 if self.request.method == "POST" else 200)
        self.finish({"method": self.request.method, "path": self.request.path, "token": self.request.headers.get("Authorization"),
                     "body": json.loads(self.request.body or b"null")})

    get = post = answer

    def delete(self) -> None:
        self.set_status(204)
        self.finish()


class Page(tornado.web.RequestHandler):
    def get(self) -> None:
        self.finish("<p>no JSON</p>")


@pytest.fixture
def world(io_loop, tmp_path):
    async def opened():
        return World(tmp_path, {"menu": MENU}, others={"subscription": PAPER},
                     pages=[("/api/v1/page", Page), ("/api/v1/.*", Echo)])

    made = io_loop.run_sync(opened)
    yield made
    made.close()


@pytest.fixture
def wang(io_loop, world):
    return io_loop.run_sync(lambda: world.citizen("王小红"))


async def call(world, path, body, account=OFFICIAL):
    return await world.told(path, body, access_token=(await world.token(account))["access_token"])


async def phone_of(world, person):
    shown = await world.get("/sandbox/phone", headers={"Cookie": f"sandbox_citizen={person['key']}"})
    return {one["appid"]: one for one in json.loads(shown.body)["accounts"]}


class TestAccounts:
    async def test_every_account_is_there_with_its_kind_and_whether_she_follows_it(self, world, wang):
        await world.told("/sandbox/messages", {"openid": wang["openid"], "account": PAPER["appid"], "event": "subscribe"})
        shown = await phone_of(world, wang)
        assert [(one["name"], one["kind"], one["followed"]) for one in shown.values()] == [
            ("文明漳州", "certified_service", False), ("文明漳州小程序", "miniprogram", False), ("社区小报", "subscription", True)]

    async def test_the_phone_shows_the_menu_that_the_platform_tells(self, world, wang, tmp_path):
        token = (await world.token())["access_token"]
        assert (await world.asked("/cgi-bin/menu/get", access_token=token))["menu"] == MENU
        assert (await phone_of(world, wang))[APPID]["menu"] == MENU
        await world.asked("/cgi-bin/menu/delete", access_token=token)
        assert (await phone_of(world, wang))[APPID]["menu"] is None
        again = World(tmp_path, {"menu": MENU})
        try:  # a menu that was deleted does not come back with a restart
            assert (await again.asked("/cgi-bin/menu/get", access_token=token))["errcode"] == 46003
        finally:
            again.close()

    async def test_a_menu_for_some_is_shown_to_them(self, world, wang):
        tag = (await call(world, "/cgi-bin/tags/create", {"tag": {"name": "志愿者"}}))["tag"]["id"]
        some = {"button": [{"type": "click", "name": "排班", "key": "shifts"}], "matchrule": {"tag_id": str(tag)}}
        await call(world, "/cgi-bin/menu/addconditional", some)
        assert (await phone_of(world, wang))[APPID]["menu"] == MENU
        await call(world, "/cgi-bin/tags/members/batchtagging", {"openid_list": [wang["openid"]], "tagid": tag})
        assert (await phone_of(world, wang))[APPID]["menu"] == {"button": some["button"]}


class TestLaunches:
    async def scan(self, world, person, text):
        return await world.told("/sandbox/scan", {"openid": person["openid"], "text": text})

    async def test_a_code_leads_to_its_page_with_its_scene(self, world, wang):
        text = f"sandbox://{MINI['appid']}/pages/index/index?scene=a=1&b=2"
        assert await self.scan(world, wang, text) == {
            "kind": "miniprogram", "appid": MINI["appid"], "page": "pages/index/index", "query": "scene=a%3D1%26b%3D2", "from": 1047}
        assert (await self.scan(world, wang, f"sandbox://{APPID}/pages/index/index?scene=a"))["kind"] == "expired"

    async def test_links_and_schemes_lead_where_they_were_made_for_until_they_end(self, world, wang):
        link = (await call(world, LINK, {"path": "/pages/a/b", "query": "slug=flag", **MONTH}, MINI))["url_link"]
        scheme = (await call(world, SCHEME, {"jump_wxa": {}, **MONTH}, MINI))["openlink"]
        short = (await call(world, SHORT, {"page_url": "pages/a/b?x=1", "page_title": "首页"}, MINI))["link"]
        expected = {link: ("pages/a/b", "slug=flag", 1194), scheme: ("pages/index/index", "", 1065), short: ("pages/a/b", "x=1", 1179)}
        for address, found in expected.items():
            launch = await self.scan(world, wang, address)
            assert (launch["kind"], launch["page"], launch["query"], launch["from"]) == ("miniprogram", *found)
        world.advance(31 * 86400)
        assert [await self.scan(world, wang, address) for address in expected] == [{"kind": "expired", "text": "链接已过期"}] * 3

    @pytest.mark.parametrize("address", ["https://wxaurl.cn/none", "weixin://dl/business/?t=none", "#小程序://谁/页/none"])
    async def test_an_address_that_nobody_made_is_never_opened_as_a_page(self, world, wang, address):
        assert (await self.scan(world, wang, address))["kind"] == "expired"


class TestRequests:
    async def test_a_page_of_a_mini_program_reaches_the_products_api(self, world):
        asked = {"method": "POST", "path": "/api/v1/citizens/me/phone", "token": "t1", "body": {"code": "c"}}
        assert await world.told("/sandbox/mini-requests", asked) == {"status": 201, "body": {
            "method": "POST", "path": asked["path"], "token": "Bearer t1", "body": {"code": "c"}}}
        told = await world.told("/sandbox/mini-requests", {"method": "GET", "path": "/api/v1/campaigns"})
        assert told["body"]["token"] is None
        assert await world.told("/sandbox/mini-requests", {"method": "DELETE", "path": "/api/v1/a"}) == {"status": 204, "body": None}
        assert await world.told("/sandbox/mini-requests", {"method": "GET", "path": "/api/v1/page"}) == {"status": 200, "body": None}

    @pytest.mark.parametrize("changes", [
        {"method": "PUT"}, {"path": "/healthz"}, {"path": "/api/v1/../../wechat"}, {"path": "//other.example/api/v1/a"}, {"path": 7},
        {"path": "/api/v1/a?b=1"}, {"token": "t\r\nHost: x"}, {"token": 7}])
    async def test_nothing_else_is_reached(self, world, changes):
        assert (await world.post("/sandbox/mini-requests", {"method": "GET", "path": "/api/v1/campaigns"} | changes)).code == 400

    async def test_a_silent_product_is_an_answer_too(self, world):
        world.platform.callback = "http://127.0.0.1:9"
        assert await world.told("/sandbox/mini-requests", {"method": "GET", "path": "/api/v1/a"}) == {"status": 0, "body": None}


class TestTyping:
    async def test_a_waiting_phone_learns_that_the_account_types_and_that_it_has_ended(self, world, wang):
        await world.told("/sandbox/messages", {"openid": wang["openid"], "text": "在吗"})
        seen = (await world.asked("/sandbox/chat", openid=wang["openid"]))["items"][-1]["id"]
        waiting = asyncio.ensure_future(world.asked("/sandbox/chat", openid=wang["openid"], after=seen, wait=20))
        await asyncio.sleep(0.05)
        await call(world, "/cgi-bin/message/custom/typing", {"touser": wang["openid"], "command": "Typing"})
        news = await waiting
        assert news["items"] == [] and 0 < news["typing"][APPID] <= 15
        # Who does not know it yet is not kept waiting.
        assert APPID in (await world.asked("/sandbox/chat", openid=wang["openid"], after=seen, wait=20))["typing"]
        await call(world, "/cgi-bin/message/custom/send", {"touser": wang["openid"], "msgtype": "text", "text": {"content": "在的"}})
        news = await world.asked("/sandbox/chat", openid=wang["openid"], after=seen, wait=20, typing=APPID)
        assert [line["text"] for line in news["items"]] == ["在的"] and news["typing"] == {}


class TestShutOut:
    async def act(self, world, person, **what):
        return await world.told("/sandbox/messages", {"openid": person["openid"], **what})

    async def test_the_account_hears_nothing_and_the_chat_says_why(self, world, wang):
        await self.act(world, wang, event="subscribe")
        await call(world, "/cgi-bin/tags/members/batchblacklist", {"openid_list": [wang["openid"]]})
        world.received.clear()
        for what in ({"text": "在吗"}, {"event": "CLICK", "event_key": "total"}, {"event": "VIEW", "event_key": "http://x"}):
            told = await self.act(world, wang, **what)
            assert told["tries"] == 0 and "黑名单" in told["shown"]
        lines = (await world.asked("/sandbox/chat", openid=wang["openid"]))["items"]
        assert [line["sender"] for line in lines] == ["system", "citizen", "system", "system"] and "黑名单" in lines[-1]["text"]
        assert world.received == []
        await call(world, "/cgi-bin/tags/members/batchunblacklist", {"openid_list": [wang["openid"]]})
        assert (await self.act(world, wang, text="现在呢"))["tries"] == 1

    async def test_it_gives_no_right_to_write_to_her(self, world, wang):
        await call(world, "/cgi-bin/tags/members/batchblacklist", {"openid_list": [wang["openid"]]})
        await self.act(world, wang, text="在吗")
        message = {"touser": wang["openid"], "msgtype": "text", "text": {"content": "在的"}}
        assert (await call(world, "/cgi-bin/message/custom/send", message))["errcode"] == 45015

    async def test_following_and_leaving_are_told_all_the_same(self, world, wang):
        await call(world, "/cgi-bin/tags/members/batchblacklist", {"openid_list": [wang["openid"]]})
        assert [(await self.act(world, wang, event=event))["tries"] for event in ("subscribe", "unsubscribe")] == [1, 1]


class TestNotices:
    TEMPLATE = {"template_id": "t1", "title": "活动提醒", "content": "活动名称：{{thing1.DATA}}\n状态: {{phrase2.DATA}}"}

    async def line(self, world, person, template):
        await world.told("/sandbox/messages", {"openid": person["openid"], "event": "subscribe"})
        await call(world, "/cgi-bin/message/template/send", {"touser": person["openid"], "template_id": template, "url": "http://x/",
                                                             "data": {"thing1": {"value": "敬礼"}, "phrase2": {"value": "开始"}}})
        return (await world.asked("/sandbox/outbox", openid=person["openid"]))["items"][-1]

    async def test_a_known_template_brings_its_title_and_words(self, io_loop, tmp_path):
        world = World(tmp_path, {"templates": [self.TEMPLATE]})
        try:
            token = (await world.token())["access_token"]
            listed = await world.asked("/cgi-bin/template/get_all_private_template", access_token=token)
            assert listed["template_list"] == [self.TEMPLATE]
            line = await self.line(world, await world.citizen(), "t1")
            assert line["template"] == {"title": "活动提醒", "labels": {"thing1": "活动名称", "phrase2": "状态"}}
            assert line["text"] == "活动名称：敬礼\n状态：开始" and line["message"]["url"] == "http://x/"
        finally:
            world.close()

    async def test_of_an_unknown_one_the_fields_are_told_as_they_came(self, world, wang):
        line = await self.line(world, wang, "t9")
        assert line["template"] == {"title": "", "labels": {}} and line["text"] == "thing1：敬礼\nphrase2：开始"

    async def test_a_card_of_a_mini_program_stays_in_its_own_chat(self, world, wang):
        await world.told("/sandbox/messages", {"openid": wang["openid"], "text": "在吗"})
        card = {"title": "报名", "appid": MINI["appid"], "pagepath": "pages/a/b?x=1", "thumb_media_id": "m"}
        await call(world, "/cgi-bin/message/custom/send", {"touser": wang["openid"], "msgtype": "miniprogrampage", "miniprogrampage": card})
        line = (await world.asked("/sandbox/outbox", openid=wang["openid"]))["items"][-1]
        assert (line["appid"], line["mini"]) == (APPID, {"appid": MINI["appid"], "pagepath": "pages/a/b?x=1"})
