"""Review in the running product and a real browser: citizens write, reviewers decide by keys, reports are answered, sources take two."""

from __future__ import annotations

import json
import re
import time
import urllib.error
import urllib.request
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.browsers import CHROMIUM, at, console, password_of, sign_in
from tests.browser.test_console import at_width
from tests.product import Product

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240), pytest.mark.skipif(not CHROMIUM, reason="there is no Chromium")]
SLUG = "words"
HOSTILE = "<img src=x onerror=\"document.title='broken'\">"
SPAM = ("加我微信领取国庆大礼包，名额有限", "加我 微 信 领取國慶大礼包！名额有限")


class Api:
    """The product's interface, as an admin's browser uses it."""

    def __init__(self, product: Product, name: str = "admin") -> None:
        self.base = f"http://127.0.0.1:{product.web}"
        self.sandbox = f"http://127.0.0.1:{product.sandbox}"
        self.headers: dict[str, str] = {}
        answer, headers = self._send("POST", "/api/v1/staff/session", {"name": name, "password": password_of(product, name)})
        self.headers = {"Cookie": headers["Set-Cookie"].partition(";")[0], "X-CSRF-Token": answer["csrf"]}

    def ask(self, method: str, path: str, body: Any = None, token: str = "") -> Any:
        return self._send(method, path, body, {"Authorization": f"Bearer {token}"} if token else self.headers)[0]

    def _send(self, method: str, path: str, body: Any, headers: dict[str, str] | None = None) -> tuple[Any, Any]:
        data = None if body is None else json.dumps(body).encode()
        url = path if path.startswith("http") else self.base + path
        request = urllib.request.Request(url, data, {"Content-Type": "application/json", **(headers or {})}, method=method)
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.loads(answer.read() or b"null"), answer.headers

    def campaign(self, slug: str) -> None:
        """One that takes own words, open."""
        days = {"opens_at": "2020-01-01T00:00:00+08:00", "closes_at": "2036-01-01T00:00:00+08:00"}
        activity = {"code": "salute", "title": "礼敬国旗", "verb": "敬礼", "children": False}
        self.ask("POST", "/api/v1/staff/campaigns", {"slug": slug, "title": "我想对祖国说", "activities": [activity], "free_words": True,
                                                     "presets": [{"code": "strong", "text": "愿祖国繁荣昌盛"}], **days})
        self.ask("POST", f"/api/v1/staff/campaigns/{slug}/places", {"kind": "regions", "csv": "code,name,kind,parent,order,population\n"
                                                                    "350602,芗城区,region,350600,1,638060\n"})
        for state in ("scheduled", "open"):
            self.ask("PUT", f"/api/v1/staff/campaigns/{slug}/state", {"state": state})

    def citizen(self, slug: str, nickname: str) -> str:
        """Somebody who has saluted; her token."""
        openid = self._send("POST", f"{self.sandbox}/sandbox/citizens", {"nickname": nickname})[0]["openid"]
        code = self._send("POST", f"{self.sandbox}/sandbox/login", {"openid": openid})[0]["code"]
        token = str(self._send("POST", "/api/v1/session/miniprogram", {"code": code})[0]["token"])
        until = time.monotonic() + 30
        while True:  # the counters of a campaign that was just opened may not be there yet
            try:
                self.ask("POST", f"/api/v1/campaigns/{slug}/participations", {"activity": "salute", "region": "350602"}, token)
                return token
            except urllib.error.HTTPError as error:
                assert error.code in (404, 409, 503) and time.monotonic() < until, error.read()
                time.sleep(0.5)

    def writes(self, slug: str, nickname: str, words: str, name: str | None = None) -> str:
        token = self.citizen(slug, nickname)
        self.ask("POST", f"/api/v1/campaigns/{slug}/messages", {"message": words, "name": name}, token)
        return token


@pytest.fixture(scope="module")
def signed_in(product, browser) -> Any:
    page = browser.new_context(locale="zh-CN").new_page()
    sign_in(page, product, "admin")
    return page.context.storage_state()


@pytest.fixture(scope="module")
def api(product) -> Api:
    made = Api(product)
    made.campaign(SLUG)
    made.ask("PUT", "/api/v1/staff/words", {"block": [], "review": ["微信"], "rev": 0})
    return made


def opened(product: Product, browser: Any, signed_in: Any, width: int, path: str) -> Page:
    page: Page = at_width(browser, signed_in, width).new_page()
    page.goto(console(product, f"{path}?campaign={SLUG}"))
    return page


def public(api: Api) -> list[str]:
    return [item["message"] for item in api.ask("GET", f"/api/v1/campaigns/{SLUG}/messages", token="x")["items"]]


def test_keys_move_approve_reject_and_take_back_and_words_are_never_code(product, browser, signed_in, api):
    for nickname, words in (("甲", HOSTILE), ("乙", SPAM[0]), ("丙", SPAM[1]), ("丁", "山河无恙")):
        api.writes(SLUG, nickname, words)
    page = opened(product, browser, signed_in, 1440, "messages")
    items = page.locator(at("message"))
    expect(items).to_have_count(4)
    expect(items.nth(0)).to_contain_text("<img src=x")
    expect(items.nth(1).locator(".text mark")).to_have_text("微信")
    page.keyboard.press("a")  # the first
    page.keyboard.press("a")
    expect(items).to_have_count(2)
    page.keyboard.press("z")  # the spam comes back
    expect(items).to_have_count(3)
    page.keyboard.press("x")
    page.keyboard.press("j")
    page.keyboard.press("x")
    page.locator(at("approve-many")).click()
    expect(items).to_have_count(1)
    page.keyboard.press("r")
    page.locator(at("why-off_topic")).press("4")
    expect(items).to_have_count(0)
    page.get_by_role("link", name="词库").first.click()  # leaving sends what waits
    page.wait_for_url(re.compile(r"/console/words"))
    until = time.monotonic() + 10
    while len(public(api)) < 3 and time.monotonic() < until:
        time.sleep(0.2)
    assert sorted(public(api)) == sorted([HOSTILE, *SPAM])
    assert page.title() != "broken"
    page.context.close()


def test_a_citizen_reports_and_what_is_like_it_comes_down_together(product, browser, signed_in, api):
    reporter = browser.new_context(locale="zh-CN", viewport={"width": 375, "height": 740})
    token = api.citizen(SLUG, "戊")
    reporter.add_cookies([{"name": "wenming_citizen", "value": token, "url": api.base}])
    phone = reporter.new_page()
    phone.goto(f"{api.base}/c/{SLUG}/wall")
    assert phone.title() != "broken" and phone.locator("img").count() == 0
    phone.locator("li", has_text=SPAM[0][:6]).get_by_role("link", name="举报").click()
    phone.get_by_label("广告").check()
    phone.get_by_role("button", name="提交举报").click()
    expect(phone.locator("h1")).to_have_text("已收到")
    page = opened(product, browser, signed_in, 375, "complaints")
    expect(page.locator(at("complaint"))).to_have_count(1)
    page.locator(at("uphold")).click()
    page.locator(at("answer-send")).click()
    expect(page.locator(at("complaint"))).to_have_count(0)
    phone.get_by_role("link", name="我的寄语与举报").click()
    expect(phone.locator("main")).to_contain_text("举报成立")
    page.goto(console(product, f"wall?campaign={SLUG}&text=大礼包"))
    expect(page.locator(at("public-item"))).to_have_count(1)
    page.locator(at("open-item")).click()
    page.locator(at("take-down")).click()
    page.locator(at("why-advert")).click()
    expect(page.locator(at("public-item"))).to_have_count(0)
    phone.goto(f"{api.base}/c/{SLUG}/wall")
    expect(phone.locator("li")).to_have_count(1)
    reporter.close()
    page.context.close()


def test_a_writer_is_banned_from_her_item_and_a_source_record_takes_two(product, browser, signed_in, api):
    writer = api.writes(SLUG, "己", "又来发广告")
    page = opened(product, browser, signed_in, 1024, "messages")
    expect(page.locator(at("message"))).to_have_count(1)
    page.keyboard.press("o")
    page.locator(at("ban")).click()
    page.locator(at("why-adverts")).click()
    expect(page.locator(at("item-drawer"))).to_contain_text("作者被禁言")
    page.locator(at("ask-source")).click()
    page.locator(at("source-why")).fill("公安机关来函核查")
    page.locator(at("source-send")).click()
    expect(page.locator(at("item-drawer"))).to_contain_text("申请查看来源记录")
    with pytest.raises(urllib.error.HTTPError) as refusal:
        api.ask("POST", f"/api/v1/campaigns/{SLUG}/messages", {"message": "再来"}, writer)
    assert json.loads(refusal.value.read())["error"]["code"] == "BANNED_FROM_WRITING"
    page.goto(console(product, f"source-records?campaign={SLUG}"))
    expect(page.locator(at("opening-state"))).to_have_text("等待第二人同意")
    assert page.locator(at("opening-consent")).count() == 0  # she asked herself
    page.context.close()
    second = browser.new_context(viewport={"width": 1024, "height": 768}, locale="zh-CN").new_page()
    sign_in(second, product, "shenji", f"source-records?campaign={SLUG}")
    second.locator(at("opening-consent")).click()
    second.get_by_role("dialog").get_by_role("button", name="同意", exact=True).click()
    second.locator(at("opening-open")).click()
    expect(second.locator(at("source"))).to_contain_text("127.0.0.1")
    second.context.close()
