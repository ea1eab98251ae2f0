"""The phone in a real browser: follow, card, page inside, share card, long press, scan, notice, another citizen."""

from __future__ import annotations

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

from tests.sandbox.sandbox_world import OFFICIAL, World, news_reply, text_reply

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
