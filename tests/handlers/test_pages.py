"""Pages: filled in safely, framed by nobody, opened while counters are away, and files that stay inside their folders."""

from __future__ import annotations

import gzip
import json
import re

import pytest

from server.errors import StoreUnavailable
from tests.handlers.civic_app import ALICE, CivicApp
from tests.server.civic_world import FOOTER, campaign, without_mongodb

pytestmark = pytest.mark.gen_test(timeout=30)
HTML = {"Accept": "text/html"}
NASTY = '</script><script>alert("1")</script><!--'


@pytest.fixture
def app(io_loop, stores, tmp_path):
    made = io_loop.run_sync(lambda: CivicApp(stores, tmp_path).open())
    yield made
    io_loop.run_sync(made.close)


@pytest.fixture
def real(io_loop, stores, tmp_path):
    """As with a real account: no sandbox."""
    made = io_loop.run_sync(lambda: CivicApp(stores, tmp_path, sandbox_url="").open())
    yield made
    io_loop.run_sync(made.close)


def data_in(answer) -> dict:
    return json.loads(re.search(r'id="wenming-data">(.*?)</script>', answer.body.decode(), re.S)[1])


class TestCampaignPage:
    async def test_it_comes_with_the_campaign_and_its_figures(self, app):
        await app.opened(organiser=FOOTER)
        answer = await app.ask("/c/flag")
        data = data_in(answer)
        assert answer.code == 200 and data["campaign"]["slug"] == "flag" and data["counters"]["participants"] == 12
        assert (data["me"], data["in_wechat"], data["simulated"]) == ({"signed_in": False, "who": "", "snapshot": False}, False, True)
        assert (data["jweixin"], data["login"]) == ("http://127.0.0.1:18890/sandbox/jweixin.js", "/auth/official?next=/c/flag")
        assert answer.headers["Cache-Control"] == "no-cache"

    async def test_without_script_it_says_title_time_organiser_and_what_to_do(self, app):
        await app.opened(organiser=FOOTER)
        text = (await app.ask("/c/flag")).body.decode()
        inner = re.search(r"<noscript>(.*?)</noscript>", text, re.S)[1]
        for words in ("向国旗敬礼", "2026年10月01日 00:00", "2026年10月08日 00:00", "市文明办", "敬一个礼"):
            assert words in inner
        assert "<svg" in text

    async def test_nothing_that_an_editor_writes_becomes_markup(self, app):
        await app.opened(title=NASTY, organiser={"name": NASTY}, share={"desc": NASTY, "title": NASTY})
        answer = await app.ask("/c/flag")
        assert data_in(answer)["campaign"]["title"] == NASTY
        assert "<script>alert" not in answer.body.decode()
        assert answer.body.count(b"<script") == 1

    async def test_it_knows_who_is_signed_in_and_who_only_looks(self, app):
        await app.opened()
        cookie = {"Cookie": f"wenming_citizen={app.tokens.issue(ALICE, app.now)}"}
        me = data_in(await app.ask("/c/flag", headers=cookie))["me"]
        assert me["signed_in"] and me["who"] and not me["snapshot"]
        assert data_in(await app.ask("/c/flag?guest=snapshot"))["me"] == {"signed_in": False, "who": "", "snapshot": True}
        assert data_in(await app.ask("/c/flag", headers={"Cookie": "wenming_citizen=nonsense"}))["me"]["signed_in"] is False

    async def test_wechat_is_known_by_its_name_and_the_phone_by_its_frame(self, app):
        await app.opened()
        wechat = {"User-Agent": "Mozilla/5.0 (Linux; Android 13) MicroMessenger/8.0.49"}
        assert data_in(await app.ask("/c/flag", headers=wechat))["in_wechat"] is True
        assert data_in(await app.ask("/c/flag", headers={"Sec-Fetch-Dest": "iframe"}))["in_wechat"] is True

    async def test_it_opens_while_the_counters_are_away(self, app):
        await app.opened()
        app.live.problem = StoreUnavailable()
        answer = await app.ask("/c/flag")
        assert answer.code == 200 and data_in(answer)["counters"] is None

    async def test_it_opens_while_mongodb_is_away(self, app, stores):
        await app.opened()
        await app.ask("/c/flag")
        async with without_mongodb(stores.mongo["campaigns"]):
            assert (await app.ask("/c/flag")).code == 200

    async def test_only_the_sandbox_s_phone_may_frame_it(self, app, real):
        await app.opened()
        policies = [(await one.ask("/c/flag")).headers["Content-Security-Policy"] for one in (app, real)]
        assert re.findall(r"frame-ancestors ([^;]*)", policies[0]) == ["'self' http://127.0.0.1:18890"]
        assert re.findall(r"frame-ancestors ([^;]*)", policies[1]) == ["'self'"]
        for policy in policies:
            scripts = re.search(r"script-src ([^;]*)", policy)[1]
            assert "unsafe" not in scripts and "*" not in scripts
        assert "https://res.wx.qq.com" in policies[1]

    async def test_a_real_account_loads_wechat_s_own_script(self, real):
        await real.opened()
        data = data_in(await real.ask("/c/flag", headers={"Sec-Fetch-Dest": "iframe"}))
        assert data["jweixin"] == "https://res.wx.qq.com/open/js/jweixin-1.6.0.js"
        assert (data["simulated"], data["in_wechat"]) == (False, False)

    async def test_it_is_packed_for_who_can_unpack(self, app):
        await app.opened()
        plain = await app.ask("/c/flag")
        packed = await app.ask("/c/flag", headers={"Accept-Encoding": "gzip"}, decompress_response=False)
        assert packed.headers["Content-Encoding"] == "gzip" and packed.headers["Vary"] == "Accept-Encoding"
        assert data_in(plain)["campaign"] and gzip.decompress(packed.body) == plain.body

    @pytest.mark.parametrize("path", ["/c/flag", "/c/nothing", "/screen/flag"])
    async def test_a_draft_and_what_does_not_exist_are_a_page_that_says_so(self, app, path):
        await app.world.campaigns.create(campaign())
        answer = await app.ask(path, headers=HTML)
        assert answer.code == 404 and "没有这个活动" in answer.body.decode()
        assert answer.headers["Content-Type"].startswith("text/html")
        assert json.loads((await app.ask(path)).body)["error"]["code"] == "CAMPAIGN_NOT_FOUND"


class TestOtherPages:
    async def test_the_front_leads_to_campaigns_and_to_the_phone(self, app, real):
        await app.opened(title="<b>旗")
        text = (await app.ask("/", headers=HTML)).body.decode()
        assert '<a href="/c/flag">&lt;b&gt;旗</a>' in text and "http://127.0.0.1:18890/" in text
        assert "模拟" not in (await real.ask("/")).body.decode()

    async def test_a_store_that_is_away_is_a_page_to_come_back_to(self, app, stores):
        async with without_mongodb(stores.mongo["campaigns"]):
            answer = await app.ask("/", headers=HTML)
        assert answer.code == 503 and "稍后再试" in answer.body.decode() and answer.headers["Retry-After"]

    async def test_a_short_link_leads_to_the_campaign(self, app):
        link = await app.short_links.link_for("flag")
        answer = await app.ask("/s/" + link.rpartition("/")[2])
        assert (answer.code, answer.headers["Location"]) == (302, "/c/flag?ch=poster")
        assert answer.headers["Cache-Control"] == "no-store"
        assert (await app.ask("/s/zzzzzzzz", headers=HTML)).code == 404

    async def test_wall_and_desk_are_served(self, app):
        await app.opened()
        for path, words in (("/screen/flag", b"wall"), ("/console", b"desk"), ("/console/campaigns/flag", b"desk")):
            answer = await app.ask(path)
            assert answer.code == 200 and words in answer.body
            assert "frame-ancestors" in answer.headers["Content-Security-Policy"]

    async def test_a_bug_is_a_page_without_its_reasons(self, app, caplog):
        app.services.campaigns.public_list = None
        answer = await app.ask("/", headers=HTML)
        assert answer.code == 500 and "NoneType" not in answer.body.decode()


class TestFiles:
    async def test_built_files_may_be_kept_for_good(self, app):
        answer = await app.ask("/static/assets/main-abc123.js", headers={"Accept-Encoding": "gzip"}, decompress_response=False)
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert answer.headers["Content-Type"] == "text/javascript"
        assert gzip.decompress(answer.body) == b"console.log(1)\n" * 200 and len(answer.body) < 200

    async def test_drawn_files_are_asked_for_again_and_pictures_are_not_packed(self, app):
        answer = await app.ask("/static/share/salute.jpg", headers={"Accept-Encoding": "gzip"}, decompress_response=False)
        assert (answer.code, answer.headers["Content-Type"], answer.headers["Cache-Control"]) == (200, "image/jpeg", "public, max-age=3600")
        assert "Content-Encoding" not in answer.headers
        assert (await app.ask("/static/flag.svg")).body == b"<svg/>"
        assert (await app.ask("/static/flag.svg", method="HEAD")).headers["Content-Type"] == "image/svg+xml"

    async def test_what_the_build_packed_for_nginx_is_no_file_of_its_own(self, app):
        packed = app.folder / "h5" / "assets" / "main-abc123.js.gz"
        packed.write_bytes(gzip.compress(b"console.log(1)"))
        assert (await app.ask("/static/assets/main-abc123.js.gz")).code == 404
        assert (await app.ask("/static/assets/main-abc123.js")).body == b"console.log(1)\n" * 200

    @pytest.mark.parametrize("name", [
        "../assets/words/secret.txt", "words/secret.txt", "..%2Fassets%2Fwords%2Fsecret.txt", "share/../words/secret.txt",
        "%2e%2e/%2e%2e/etc/passwd", "/etc/passwd", "%2Fetc%2Fpasswd", "assets", "assets/", "",
        "nothing.js", "a%00b", "x" * 5000, "flag.svg/x"])
    async def test_nothing_outside_is_given_away(self, app, name):
        answer = await app.ask(f"/static/{name}")
        assert answer.code == 404 and b"secret" not in answer.body and b"root:" not in answer.body

    async def test_a_changed_file_is_read_anew(self, app):
        await app.ask("/console")
        path = app.folder / "h5" / "console.html"
        path.write_text("<!doctype html>new desk", "utf-8")
        assert b"new desk" in (await app.ask("/console")).body
