"""The whole way of a citizen, in the running product and a real browser: follow, card, flag, salute, number, poster, wall."""

from __future__ import annotations

import io
import json
import re
import time
import urllib.request

import pytest
import zxingcpp
from PIL import Image

from server.embedded.secrets import sandbox_accounts, write_private
from tests.browser.browsers import CHROMIUM, PLAIN, at, campaign_frame, enter, ordinal, password_of, phone, salute
from tests.product import Product

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180), pytest.mark.skipif(not CHROMIUM, reason="there is no Chromium")]
JS_BYTES, ALL_BYTES, REQUESTS = 40 * 1024, 300 * 1024, 12


def campaign_url(product: Product) -> str:
    return f"http://127.0.0.1:{product.web}/c/salute-the-flag"


def participants(product: Product) -> int:
    with urllib.request.urlopen(f"http://127.0.0.1:{product.web}/api/v1/campaigns/salute-the-flag/counters", timeout=5) as answer:
        return int(json.load(answer)["participants"])


def sign_in_as_chosen(page) -> None:
    """Outside the phone page, the simulated WeChat asks which citizen this is."""
    page.wait_for_url(re.compile(r"connect/oauth2/authorize"))
    page.click("text=新建一位市民")


def digits(text: str) -> int:
    return int(re.sub(r"\D", "", text) or 0)


def eventually(holds, seconds: float = 10) -> None:
    """Wait until something holds; pages' content policy allows no scripts of ours inside them."""
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.1)


class TestTheWholeWay:
    def test_from_following_to_the_poster_and_the_wall_and_again_after_a_restart(self, product, browser):
        wall = browser.new_context(viewport={"width": 1920, "height": 1080}).new_page()
        wall.goto(f"http://127.0.0.1:{product.web}/screen/salute-the-flag")
        enter(wall, "zhiban", password_of(product, "zhiban"))
        shown = wall.wait_for_selector(at("total"))
        before = participants(product)

        context = phone(browser)
        page = context.new_page()
        page.goto(f"http://127.0.0.1:{product.sandbox}/")
        page.fill(at("new-name"), "王小红")
        page.click(at("new-citizen"))
        page.click(at("found-account"))
        page.click(at("follow"))
        page.click(at("news"))
        number = salute(campaign_frame(page))
        assert number == before + 1
        eventually(lambda: participants(product) == before + 1)
        eventually(lambda: digits(shown.inner_text()) == before + 1)

        frame = campaign_frame(page)
        frame.click(at("poster-open"))
        picture = frame.wait_for_selector(f"{at('poster')}")
        assert picture.evaluate("e => e.tagName") == "IMG"
        eventually(lambda: picture.evaluate("e => e.naturalWidth") == 750)
        jpeg = context.request.get(f"http://127.0.0.1:{product.web}/api/v1/campaigns/salute-the-flag/posters/me.jpg").body()
        code = zxingcpp.read_barcode(Image.open(io.BytesIO(jpeg)))
        assert code is not None and code.text.startswith(f"http://127.0.0.1:{product.web}/s/")
        assert context.request.get(code.text).url.split("?")[0] == campaign_url(product)

        assert product.stop() == 0
        product.start()
        page.goto(f"http://127.0.0.1:{product.sandbox}/")
        later = context.new_page()
        later.goto(campaign_url(product))
        assert ordinal(later) == number


class TestASubscriptionAccount:
    """A certified 订阅号 publishes; it has no web OAuth, so another 服务号 says who comes by the web."""

    def test_from_following_to_the_number(self, tmp_path, browser):
        folder = tmp_path / "data"
        accounts = sandbox_accounts(folder / "sandbox.json", "safe", "safe")
        accounts["service"] = {**accounts["official"], "appid": "wxsandboxservice00", "kind": "certified_service", "name": "文明漳州服务号"}
        accounts["official"] |= {"kind": "certified_subscription", "name": "文明漳州订阅号"}
        write_private(folder / "sandbox.json", json.dumps(accounts))
        product = Product(folder, WENMING_OFFICIAL_IDENTITY="wxsandboxservice00")
        product.start()
        try:
            asked: list[str] = []
            page = phone(browser).new_page()
            page.on("request", lambda request: asked.append(request.url))
            page.goto(f"http://127.0.0.1:{product.sandbox}/")
            page.fill(at("new-name"), "王小红")
            page.click(at("new-citizen"))
            page.click(at("found-account"))
            page.click(at("follow"))
            page.click(at("news"))
            assert salute(campaign_frame(page)) == 1
            eventually(lambda: participants(product) == 1)
            assert {re.search("appid=([^&]+)", url)[1] for url in asked if "/connect/oauth2/authorize?" in url} == {"wxsandboxservice00"}
        finally:
            product.kill()


class TestTheLightPage:
    def test_it_keeps_its_budget_and_asks_nobody_else(self, product, browser):
        context = phone(browser)
        page = context.new_page()
        sizes: list[tuple[str, str, int]] = []
        problems: list[str] = []
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("response", lambda r: sizes.append((r.url, r.request.resource_type, int(r.headers.get("content-length", 0)))))
        page.goto(campaign_url(product))
        page.wait_for_selector(at("start"))
        page.wait_for_timeout(500)
        own = [s for s in sizes if "/sandbox/" not in s[0] and not s[0].startswith("data:")]
        assert {url.split("/")[2] for url, _, _ in sizes} <= {f"127.0.0.1:{product.web}", f"127.0.0.1:{product.sandbox}"}
        bytes_of = {url: n for url, _, n in own}  # what is preloaded is used from the cache
        assert 0 < sum(n for url, n in bytes_of.items() if url.endswith(".js")) <= JS_BYTES, own
        assert sum(bytes_of.values()) <= ALL_BYTES, own
        assert len(bytes_of) <= REQUESTS, own
        assert problems == []

    def test_without_javascript_it_says_what_this_is_and_what_to_do(self, product, browser):
        page = phone(browser, java_script_enabled=False).new_page()
        page.goto(campaign_url(product))
        text = page.inner_text("body")
        assert "向国旗敬礼" in text and "主办" in text and "微信" in text
        assert page.query_selector("svg") is not None


class TestPeopleWhoDoNotCount:
    def test_outside_wechat_the_whole_ceremony_plays_and_says_that_it_is_not_counted(self, product, browser):
        before = participants(product)
        page = phone(browser, PLAIN).new_page()
        page.goto(campaign_url(product))
        assert "微信" in page.inner_text(at("what-counts"))
        page.click(at("watch"))
        page.click(at("manner-citizen"))
        page.click(at("salute-button"))
        page.click(at("rising-skip"))
        page.wait_for_selector(at("not-counted"))
        assert page.query_selector(at("ordinal")) is None
        assert page.url.startswith(campaign_url(product)) and participants(product) == before

    def test_a_snapshot_user_is_told_and_never_sent_round(self, product, browser):
        before = participants(product)
        page = phone(browser).new_page()
        page.goto(f"{campaign_url(product)}?guest=snapshot")
        assert "快照" in page.inner_text(at("what-counts"))
        assert page.query_selector(at("start")) is None
        page.click(at("watch"))
        page.click(at("manner-pioneer"))
        page.click(at("salute-button"))
        page.click(at("rising-skip"))
        page.wait_for_selector(at("not-counted"))
        assert page.url.startswith(campaign_url(product)) and participants(product) == before


class TestAWeakNetwork:
    def test_a_salute_without_an_answer_is_kept_and_gets_its_number_later(self, product, browser):
        before = participants(product)
        context = phone(browser)
        page = context.new_page()
        page.goto(campaign_url(product))
        page.click(at("start"))
        page.click(at("age-adult"))
        sign_in_as_chosen(page)
        page.click(at("place-skip"))
        page.click(at("manner-citizen"))
        context.route("**/participations", lambda route: route.abort())
        page.click(at("salute-button"))
        page.click(at("rising-skip"))
        page.wait_for_selector(at("kept"))
        assert page.query_selector(at("ordinal")) is None
        context.unroute("**/participations")
        page.reload()
        assert ordinal(page) == before + 1
        eventually(lambda: participants(product) == before + 1)
