"""The phone in a real browser: follow, card, page inside, share card, long press, scan, notice, another citizen."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import re
import shutil
from pathlib import Path
from urllib.parse import quote

import pytest
import qrcode
import tornado.web
from PIL import Image

from tests.sandbox.sandbox_world import AES_KEY, MINI, OFFICIAL, World, news_reply, text_reply

STATIC = Path(__file__).resolve().parents[2] / "assets" / "h5"
CHROMIUM = shutil.which("chromium")
pytestmark = [
    pytest.mark.gen_test(timeout=90),
    pytest.mark.skipif(not CHROMIUM, reason="Chromium is not installed"),
    pytest.mark.skipif(not (STATIC / "phone.html").is_file(), reason="h5 is not built: assets/h5/phone.html is missing"),
]

PAGE = """<!doctype html><meta charset="utf-8"><title>向国旗敬礼</title><p id="who">{who}</p><p id="state"></p>
<img id="poster" src="/poster.png" width="200"><button id="big">大图</button>
<script src="{sandbox}/sandbox/jweixin.js"></script><script>
document.getElementById('big').onclick = function () {{ wx.previewImage({{current: location.origin + '/poster.png', urls: []}}) }};
if (!localStorage.getItem('wenming.own')) localStorage.setItem('wenming.own', '{who}');
var state = document.getElementById('state');
wx.error(function (e) {{ state.textContent = e.errMsg }});
wx.ready(function () {{
  var card = {{title: '我已敬礼', desc: '您也来', link: location.origin + '/c/flag', imgUrl: location.origin + '/poster.png'}};
  wx.updateTimelineShareData(card);
  card.success = function () {{ state.textContent = 'kept ' + localStorage.getItem('wenming.own') }};
  wx.updateAppMessageShareData(card);
}});
wx.config({config});
</script>"""


class Flag(tornado.web.RequestHandler):
    """A campaign page that signs in as the product does."""

    async def get(self) -> None:
        world = self.settings["world"]
        who = self.get_cookie("wenming_citizen")
        if not who:
            query = (f"appid={OFFICIAL['appid']}&redirect_uri={quote(world.product + '/signed-in', safe='')}"
                     "&response_type=code&scope=snsapi_base&state=s1")
            return self.redirect(f"{world.base}/connect/oauth2/authorize?{query}#wechat_redirect")
        url = world.product + self.request.uri
        text = f"jsapi_ticket={(await world.ticket(await world.token()))['ticket']}&noncestr=n&timestamp=1790000000&url={url}"
        config = {"appId": OFFICIAL["appid"], "timestamp": 1790000000, "nonceStr": "n",
                  "signature": hashlib.sha1(text.encode()).hexdigest()}
        return self.finish(PAGE.format(who=who, sandbox=world.base, config=json.dumps(config)))


class SignedIn(tornado.web.RequestHandler):
    async def get(self) -> None:
        answer = await self.settings["world"].asked("/sns/oauth2/access_token", appid=OFFICIAL["appid"], secret=OFFICIAL["secret"],
                                                    code=self.get_argument("code"), grant_type="authorization_code")
        kind = "snapshot" if answer.get("is_snapshotuser") else "citizen"
        token = f"{kind}-{hashlib.sha1(answer['openid'].encode()).hexdigest()[:8]}"
        self.set_cookie("wenming_citizen", token, httponly=True, samesite="Lax")
        self.redirect("/c/flag")


class Poster(tornado.web.RequestHandler):
    def get(self) -> None:
        self.set_header("Content-Type", "image/png")
        self.finish(poster(self.settings["world"].product + "/c/flag?from=poster"))


def poster(text: str) -> bytes:
    picture, out = Image.new("RGB", (600, 800), "#203a66"), io.BytesIO()
    picture.paste(qrcode.make(text, box_size=8).convert("RGB"), (120, 380))
    picture.save(out, "PNG")
    return out.getvalue()


@pytest.fixture
def world(io_loop, tmp_path):
    async def opened():
        return World(tmp_path, static=STATIC, pages=[("/c/flag", Flag), ("/signed-in", SignedIn), ("/poster.png", Poster)])

    made = io_loop.run_sync(opened)

    def answer(request):
        message = made.message_of(request)
        openid = re.search(r"<FromUserName><!\[CDATA\[(.*?)\]\]>", message)[1]
        if "subscribe" in message:
            return made.encrypted(request, news_reply(openid, 1).replace("http://x", made.product))
        return made.encrypted(request, text_reply(openid, f'收到，<a href="{made.product}/c/flag">去敬礼</a>'))

    made.answer = answer
    yield made
    made.close()


class Phone:
    """One browser window with the phone in it."""

    async def __aenter__(self):
        from playwright.async_api import async_playwright

        self._playwright = await async_playwright().start()
        self._browser = await self._playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        self.page = await self._browser.new_page(viewport={"width": 390, "height": 844})
        self.problems: list[str] = []
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        self.page.set_default_timeout(15_000)
        return self

    async def __aexit__(self, *_):
        await self._browser.close()
        await self._playwright.stop()

    def at(self, name):
        return self.page.get_by_test_id(name)

    def inside(self, selector):
        return self.page.frame_locator("[data-testid=web]").locator(selector)

    async def tap(self, *names):
        for name in names:
            await self.at(name).first.click()

    async def arrive(self, world, nickname):
        await self.page.goto(world.base)
        await self.at("new-name").first.fill(nickname)
        await self.tap("new-citizen", "found-account", "follow")
        await self.at("news").locator("button").click()
        await self.inside("#state").filter(has_text="kept").wait_for()


async def test_the_whole_way(world):
    async with Phone() as phone:
        await phone.arrive(world, "林小满")
        assert "模拟环境，不是真实微信" in await phone.at("notice").inner_text()
        assert await phone.at("web-title").inner_text() == "向国旗敬礼"
        who = await phone.inside("#who").inner_text()
        assert who.startswith("citizen-")
        # The share card that the page set stands under "…".
        await phone.tap("web-more", "share-friend")
        assert "我已敬礼" in await phone.at("share-card").inner_text()
        await phone.page.get_by_text("取消").click()
        # A long press on the poster reads its code and opens the address.
        await phone.inside("#poster").click(button="right")
        await phone.tap("read-code")
        await phone.page.wait_for_url(re.compile("from%3Dposter"))
        await phone.inside("#state").filter(has_text="kept").wait_for()
        # The page's own large picture can be kept as well.
        await phone.inside("#big").click()
        await phone.page.locator(".viewer img").click(button="right")
        await phone.at("keep-image").wait_for()
        assert phone.problems == []


async def test_a_chat_with_notices(world):
    async with Phone() as phone:
        await phone.arrive(world, "林小满")
        await phone.tap("web-close")
        await phone.at("say").fill("你好")
        await phone.tap("send")
        await phone.at("reply").get_by_text("去敬礼").wait_for()
        [citizen] = (await world.asked("/sandbox/citizens"))["items"]
        notice = {"touser": citizen["openid"], "msgtype": "text", "text": {"content": "您的海报做好了"}}
        sent = await world.told("/cgi-bin/message/custom/send", notice, access_token=(await world.token())["access_token"])
        assert sent["errcode"] == 0
        await phone.at("reply").get_by_text("您的海报做好了").wait_for()
        await phone.at("reply").get_by_text("去敬礼").click()
        await phone.inside("#state").filter(has_text="kept").wait_for()
        assert phone.problems == []


async def test_a_silent_account_is_said_to_be_out_of_order(world):
    async with Phone() as phone:
        await phone.arrive(world, "林小满")
        await phone.tap("web-close")
        world.status = 500
        await phone.at("say").fill("在吗")
        await phone.tap("send")
        await phone.page.get_by_text("该公众号暂时无法提供服务").wait_for()


async def test_scanning_a_picture_and_a_link(world, tmp_path):
    (tmp_path / "code.png").write_bytes(poster(world.product + "/c/flag?from=wall"))
    async with Phone() as phone:
        await phone.arrive(world, "林小满")
        await phone.page.goto(world.base + "/#scan")
        await phone.at("scan-file").set_input_files(tmp_path / "code.png")
        await phone.page.wait_for_url(re.compile("from%3Dwall"))
        await phone.page.goto(world.base + "/#scan")
        await phone.at("scan-text").fill(world.product + "/c/flag?from=link")
        await phone.tap("scan-open")
        await phone.page.wait_for_url(re.compile("from%3Dlink"))


async def test_every_citizen_has_a_phone_of_her_own(world):
    async with Phone() as phone:
        await phone.arrive(world, "林小满")
        first = await phone.inside("#who").inner_text()
        await phone.page.goto(world.base + "/#me")
        await phone.at("new-name").fill("陈老师")
        await phone.tap("new-citizen", "found-account", "follow")
        await phone.at("news").locator("button").click()
        await phone.inside("#state").filter(has_text="kept").wait_for()
        second = await phone.inside("#who").inner_text()
        assert second != first
        # What the page kept for the first is not there for the second, and comes back with the first.
        await phone.inside("#state").filter(has_text=f"kept {second}").wait_for()
        await phone.page.goto(world.base + "/#me")
        await phone.tap("citizen")
        await phone.page.wait_for_url(re.compile("#$|/$"))
        await phone.page.goto(f"{world.base}/#web/{quote(world.product + '/c/flag', safe='')}")
        await phone.inside("#who").filter(has_text=first).wait_for()
        await phone.inside("#state").filter(has_text=f"kept {first}").wait_for()


async def test_a_snapshot_user(world):
    async with Phone() as phone:
        await phone.page.goto(world.base)
        await phone.tap("new-citizen", "tab-me")
        await phone.at("snapshot").click()
        await phone.page.goto(f"{world.base}/#web/{quote(world.product + '/c/flag', safe='')}")
        await phone.inside("#who").filter(has_text="snapshot-").wait_for()


# A second account and the mini-program: a product that does what ours does.

PAPER = {"appid": "wxsandboxsubscribe", "secret": "sandbox-paper", "token": "paper-token", "aes_key": AES_KEY, "kind": "subscription",
         "name": "社区小报", "menu": {"button": [{"type": "location_select", "name": "附近", "key": "near"}]}}
API = "/api/v1"


class MiniApi(tornado.web.RequestHandler):
    """Logins, visits, campaigns and phone numbers, over the sandbox's own endpoints."""

    def reply(self, body, status=200):
        self.set_status(status)
        self.finish(body)

    def initialize(self):
        self.world = self.settings["world"]

    async def get(self, path):
        if path == "campaigns":
            return self.reply({"items": [{"slug": "flag", "title": "向国旗敬礼"}]})
        return self.reply({"error": {"message": "您没有留下手机号"}}, 404)

    async def post(self, path):
        body = json.loads(self.request.body)
        if path == "session/miniprogram":
            answer = await self.world.asked("/sns/jscode2session", appid=MINI["appid"], secret=MINI["secret"], js_code=body["code"],
                                            grant_type="authorization_code")
            return self.reply({"token": answer["openid"], "expires_in": 7200})
        if path.endswith("/scenes/park1/visits"):
            self.world.visits += 1
            return self.reply({"page": "pages/campaign/campaign", "query": {"slug": "flag"}})
        if path == "citizens/me/phone":
            assert self.request.headers["Authorization"].startswith("Bearer o")
            token = (await self.world.token(MINI))["access_token"]
            info = await self.world.told("/wxa/business/getuserphonenumber", {"code": body["code"]}, access_token=token)
            number = info["phone_info"]["purePhoneNumber"]
            return self.reply({"number": f"{number[:3]}****{number[-4:]}"}, 201)
        return self.reply({"error": {"message": "没有这个小程序码"}}, 404)


@pytest.fixture
def wide(io_loop, tmp_path):
    async def opened():
        made = World(tmp_path, static=STATIC, others={"subscription": PAPER}, pages=[
            ("/c/flag", Flag), ("/signed-in", SignedIn), ("/poster.png", Poster), (f"{API}/(.*)", MiniApi)])
        made.visits = 0
        return made

    made = io_loop.run_sync(opened)
    yield made
    made.close()


async def heard(world, words, account):
    """The product's request that says this; the phone shows what she does before the product knows it."""
    for _ in range(100):
        for request in reversed(world.received):
            its = account["appid"] in request.path or account is MINI and "miniprogram" in request.path
            if its and words in world.message_of(request, account):
                return request
        await asyncio.sleep(0.1)
    raise AssertionError(f"the product never heard {words}")


async def own_openid(world, appid):
    [citizen] = (await world.asked("/sandbox/citizens"))["items"]
    return world.platform.store.openid(citizen["key"], appid)


async def article_from(world, title):
    """A mass send of the certified account to everybody."""
    token = (await world.token())["access_token"]
    body = (b'--b\r\nContent-Disposition: form-data; name="media"; filename="a.png"\r\nContent-Type: image/png\r\n\r\n'
            + poster("https://wxaurl.cn/none") + b"\r\n--b--\r\n")
    form = {"Content-Type": "multipart/form-data; boundary=b"}
    picture = json.loads((await world.post("/cgi-bin/media/uploadimg", body, form, access_token=token)).body)["url"]
    thumb = json.loads((await world.post("/cgi-bin/material/add_material", body, form, access_token=token, type="image")).body)
    article = {"title": title, "author": "文明办", "thumb_media_id": thumb["media_id"], "content_source_url": world.product + "/c/flag",
               "content": f'<p onclick="document.title=1">文</p><img width="2400" src="{picture}"><script>document.title=2</script>'}
    draft = await world.told("/cgi-bin/draft/add", {"articles": [article]}, access_token=token)
    await world.told("/cgi-bin/message/mass/sendall", {"filter": {"is_to_all": True}, "msgtype": "mpnews",
                                                       "mpnews": {"media_id": draft["media_id"]}}, access_token=token)


async def test_a_second_account_is_found_followed_and_left(wide):
    async with Phone() as phone:
        await phone.page.goto(wide.base)
        await phone.at("new-name").first.fill("林小满")
        await phone.tap("new-citizen", "tab-accounts")
        colours = await phone.at("account-picture").evaluate_all("all => all.map(one => one.style.background)")
        assert len(set(colours)) == len(colours) == 3
        await phone.at("search").fill("小报")
        assert await phone.at("account-row").count() == 1
        await phone.tap("account-row")
        await phone.page.get_by_text("订阅号 · 未认证").wait_for()
        await phone.tap("follow", "menu")  # an entry of its menu that no simulated phone can do
        await phone.page.get_by_text("模拟手机不能“发送位置”，真实手机可以").wait_for()
        await phone.tap("menu-switch")
        await phone.at("say").fill("你好")
        await phone.tap("send")
        await phone.at("said").get_by_text("你好").wait_for()
        assert (await heard(wide, "你好", PAPER)).path == f"/wechat/official/{PAPER['appid']}"
        await phone.tap("profile", "unfollow")
        await phone.at("follow").wait_for()
        await heard(wide, "unsubscribe", PAPER)
        assert phone.problems == []


async def test_unread_notices_of_every_account_are_counted_and_an_article_is_a_page(wide):
    async with Phone() as phone:
        await phone.page.goto(wide.base)
        await phone.tap("new-citizen", "found-account", "follow")
        await phone.page.get_by_text("你已关注").wait_for()
        await phone.tap("back")
        token, openid = (await wide.token())["access_token"], await own_openid(wide, OFFICIAL["appid"])
        notice = {"touser": openid, "template_id": "t1", "url": wide.product + "/c/flag",
                  "data": {"thing1": {"value": "敬礼"}, "time2": {"value": "10月1日"}}}
        await wide.told("/cgi-bin/message/template/send", notice, access_token=token)
        mini_openid = await own_openid(wide, MINI["appid"])
        await wide.told("/sandbox/messages", {"openid": mini_openid, "account": "miniprogram", "text": "在吗"})
        mini_token = (await wide.token(MINI))["access_token"]
        for text in ("您好", "请说"):
            await wide.told("/cgi-bin/message/custom/send", {"touser": mini_openid, "msgtype": "text", "text": {"content": text}},
                            access_token=mini_token)
        await phone.at("unread-all").get_by_text("3").wait_for()
        assert sorted(await phone.at("unread").all_inner_texts()) == ["1", "2"]
        await phone.at("chat-row").get_by_text("文明漳州", exact=True).click()
        card = phone.at("notice-card")
        assert "thing1" not in await card.inner_text() and "内容" in await card.inner_text()
        await card.click()
        await phone.inside("#state").filter(has_text="kept").wait_for()
        await phone.tap("web-close")
        await article_from(wide, "十月的活动")
        await phone.at("news").locator("button").click()
        await phone.at("web-title").get_by_text("十月的活动").wait_for()
        await phone.inside(".by").filter(has_text="文明漳州").wait_for()
        assert await phone.inside("html").evaluate("e => e.scrollWidth <= e.clientWidth")
        await phone.inside("p[onclick]").click()
        assert await phone.inside("title").inner_text() == "十月的活动"  # nothing of the text ran
        await phone.inside("text=阅读原文").click()
        await phone.inside("#state").filter(has_text="kept").wait_for()
        assert phone.problems == []


async def test_the_whole_way_through_the_mini_program(wide, tmp_path):
    token = (await wide.token(MINI))["access_token"]
    code = await wide.post("/wxa/getwxacodeunlimit", {"scene": "park1", "page": "pages/index/index"}, access_token=token)
    (tmp_path / "code.jpg").write_bytes(code.body)
    async with Phone() as phone:
        await phone.page.goto(wide.base)
        await phone.tap("new-citizen", "tab-accounts", "mini-row")
        await phone.at("mini-from").get_by_text("1001").wait_for()
        assert "模拟的小程序页面" in await phone.at("mini").inner_text()
        # A printed code counts a visit and leads on.
        await phone.page.goto(wide.base + "/#scan")
        await phone.at("scan-file").set_input_files(tmp_path / "code.jpg")
        await phone.at("mini-target").get_by_text("pages/campaign/campaign").wait_for()
        await phone.at("mini-session").get_by_text("已登录").wait_for()
        assert "1047" in await phone.at("mini-from").inner_text() and wide.visits == 1
        # Her number, once she allows it.
        await phone.tap("mini-phone", "allow")
        await phone.at("mini-number").get_by_text("****").wait_for()
        # The question about notices reaches the product as an event, and allows one.
        await phone.at("mini-template").fill("t1")
        await phone.tap("mini-subscribe", "allow")
        await phone.at("mini-answered").get_by_text("已允许").wait_for()
        await heard(wide, "subscribe_msg_popup_event", MINI)
        # The campaign's page, and back: the mini-program is as she left it, and no visit more was counted.
        await phone.tap("mini-campaign")
        await phone.inside("#state").filter(has_text="kept").wait_for()
        await phone.tap("web-close")
        await phone.at("mini-answered").get_by_text("已允许").wait_for()
        assert wide.visits == 1
        # The customer service answers by message.
        await phone.tap("mini-service")
        await phone.at("say").fill("怎么报名")
        await phone.tap("send")
        await phone.at("said").get_by_text("怎么报名").wait_for()
        mini_openid = await own_openid(wide, MINI["appid"])
        await wide.told("/cgi-bin/message/custom/send", {"touser": mini_openid, "msgtype": "text", "text": {"content": "点活动就能报名"}},
                        access_token=token)
        await phone.at("reply").get_by_text("点活动就能报名").wait_for()
        # Its notice opens the page that it names.
        await wide.told("/cgi-bin/message/subscribe/send", {"touser": mini_openid, "template_id": "t1", "page": "pages/mine/mine?a=1",
                                                            "data": {"thing1": {"value": "报名成功"}}}, access_token=token)
        await phone.tap("notice-card")
        await phone.at("mini-page").get_by_text("pages/mine/mine").wait_for()
        # A link into it, pasted.
        link = await wide.told("/wxa/generate_urllink", {"path": "pages/a/b", "query": "slug=flag", "expire_type": 1, "expire_interval": 3},
                               access_token=token)
        await phone.page.goto(wide.base + "/#scan")
        await phone.at("scan-text").fill(link["url_link"])
        await phone.tap("scan-open")
        await phone.at("mini-from").get_by_text("1194 URL Link").wait_for()
        assert phone.problems == []
