"""Switches in a real browser: a phone page that is open while operators turn them, and the console in an operator's hand."""

from __future__ import annotations

import json
import re
import urllib.request
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.browsers import CHROMIUM, at, ordinal, password_of, phone, sign_in
from tests.product import Product

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240), pytest.mark.skipif(not CHROMIUM, reason="there is no Chromium")]
SLUG = "salute-the-flag"
STAFF = f"/api/v1/staff/campaigns/{SLUG}"
# A page looks at switches with its socket's next frame; the wall clock of a busy machine is generous.
SOON = 20_000
# A closed campaign is asked again by the page after half a minute to a minute.
RESENT = 90_000


@pytest.fixture(scope="module")
def tokens(product) -> list[str]:
    return product.tokens(6)


class Operator:
    """Turns switches over HTTP, as the console does."""

    def __init__(self, product: Product) -> None:
        self.base = f"http://127.0.0.1:{product.web}"
        self.headers: dict[str, str] = {"Content-Type": "application/json"}
        answer = self._open("/api/v1/staff/session", {"name": "admin", "password": password_of(product, "admin")}, "POST")
        self.headers |= {"Cookie": answer.headers["Set-Cookie"].partition(";")[0], "X-CSRF-Token": json.load(answer)["csrf"]}

    def _open(self, path: str, body: Any = None, method: str = "GET") -> Any:
        data = None if body is None else json.dumps(body).encode()
        return urllib.request.urlopen(urllib.request.Request(self.base + path, data, self.headers, method=method), timeout=20)

    def ask(self, path: str, body: Any = None, method: str = "GET") -> Any:
        return json.load(self._open(path, body, method))

    def turn(self, name: str, on: bool, **parts: str) -> None:
        rev = self.ask(f"{STAFF}/switches")["rev"]
        self.ask(f"{STAFF}/switches/{name}", {"on": on, "reason": "演练", "rev": rev, **parts}, "PUT")


@pytest.fixture(scope="module")
def operator(product) -> Operator:
    return Operator(product)


def signed_in(browser: Any, product: Product, token: str, chance: float = 0.1) -> BrowserContext:
    """The phone of a citizen who is known, and her chance."""
    context = phone(browser)
    context.add_cookies([{"name": "wenming_citizen", "value": token, "url": f"http://127.0.0.1:{product.web}"}])
    context.add_init_script(f"Math.random = () => {chance}")
    return context


def opened(context: BrowserContext, product: Product) -> Page:
    page = context.new_page()
    with page.expect_websocket() as live:
        page.goto(f"http://127.0.0.1:{product.web}/c/{SLUG}")
    live.value.wait_for_event("framereceived")
    page.wait_for_selector(at("start"))
    return page


def give_salute(page: Page, *, calm: bool = False) -> None:
    """`calm`: the flag is at the top at once, and there is nothing to skip."""
    page.click(at("start"))
    page.click(at("age-adult"))
    page.click(at("place-skip"))
    page.click(at("manner-citizen"))
    page.click(at("salute-button"))
    if not calm:
        page.click(at("rising-skip"))
    page.wait_for_selector(at("certificate"))


def test_an_open_page_mourns_and_goes_on_counting(product, browser, operator, tokens):
    context = signed_in(browser, product, tokens[0])
    page = opened(context, product)
    flag = page.locator(at("flag"))
    colours = "flag => [...flag.querySelectorAll('*')].map(part => getComputedStyle(part).fill)"
    before = flag.evaluate(colours)
    operator.turn("mourning", True, text="深切哀悼逝世同胞")
    expect(page.locator("#turned")).to_have_text("深切哀悼逝世同胞", timeout=SOON)
    expect(page.locator("#page")).to_have_class(re.compile("mourning"))
    give_salute(page, calm=True)
    assert ordinal(page) > 0
    expect(page.locator(at("share-open"))).to_be_hidden()
    assert flag.evaluate(colours) == before, "the flag is in its own colours"
    filters = flag.evaluate("part => { const f = []; for (let e = part; e; e = e.parentElement) f.push(getComputedStyle(e).filter, "
                            "getComputedStyle(e).opacity, getComputedStyle(e).mixBlendMode); return [...new Set(f)] }")
    assert sorted(filters) == ["1", "none", "normal"]
    moving = page.evaluate("document.getAnimations().length")
    assert moving == 0
    operator.turn("mourning", False)
    expect(page.locator("#turned")).to_be_hidden(timeout=SOON)
    expect(page.locator("#page")).not_to_have_class(re.compile("mourning"))
    expect(page.locator(at("share-open"))).to_be_visible()
    context.close()


def test_a_page_that_opens_in_mourning_shows_it_without_a_script(product, browser, operator):
    operator.turn("mourning", True, text="深切哀悼")
    context = phone(browser, java_script_enabled=False)
    page = context.new_page()
    page.goto(f"http://127.0.0.1:{product.web}/c/{SLUG}")
    expect(page.locator("#turned")).to_have_text("深切哀悼")
    expect(page.locator(at("flag"))).to_be_visible()
    operator.turn("mourning", False)
    context.close()


def test_in_slow_mode_a_salute_stands_in_line_and_arrives_by_itself(product, browser, operator, tokens):
    context = signed_in(browser, product, tokens[1], chance=0.9)
    page = opened(context, product)
    operator.turn("slow_mode", True)
    expect(page.locator("#turned")).to_contain_text("自动排队送达", timeout=SOON)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if request.url.endswith("/participations") else None)
    give_salute(page)
    assert (page.locator(at("certificate")).get_attribute("data-state"), asked) == ("waiting", [])
    expect(page.locator(at("ordinal"))).to_be_visible(timeout=RESENT)
    assert len(asked) == 1
    operator.turn("slow_mode", False)
    expect(page.locator("#turned")).to_be_hidden(timeout=SOON)
    context.close()


def test_a_salute_of_a_paused_campaign_is_kept_and_sent_once_it_goes_on(product, browser, operator, tokens):
    context = signed_in(browser, product, tokens[2])
    page = opened(context, product)
    operator.ask(f"{STAFF}/take-down", {"state": "paused", "reason": "现场检查"}, "POST")
    with page.expect_response(lambda answer: answer.url.endswith("/participations")) as refused:
        give_salute(page)
    assert (refused.value.status, refused.value.json()["error"]["code"]) == (409, "CAMPAIGN_PAUSED")
    expect(page.locator(at("certificate"))).to_have_attribute("data-state", "waiting")
    expect(page.locator(at("kept"))).to_be_visible()
    # She closes the page and looks again: it is still there, and the page says why.
    page.close()
    page = context.new_page()
    page.goto(f"http://127.0.0.1:{product.web}/c/{SLUG}")
    expect(page.locator(at("certificate"))).to_have_attribute("data-state", "waiting")
    operator.ask(f"{STAFF}/state", {"state": "open"}, "PUT")
    expect(page.locator(at("ordinal"))).to_be_visible(timeout=RESENT)
    context.close()


def test_an_operator_turns_a_switch_in_the_console_on_her_phone(product, browser, operator):
    context = browser.new_context(viewport={"width": 375, "height": 740}, locale="zh-CN", has_touch=True, reduced_motion="reduce")
    page = context.new_page()
    sign_in(page, product, "zhiban", f"operations?campaign={SLUG}")
    expect(page.locator(".thumbs")).to_contain_text("操作台")
    expect(page.locator(at("health-line"))).to_contain_text("正常")
    pause = page.locator(at("switch-pause"))
    pause.locator(at("turn-on")).click()
    page.fill(at("turn-reason"), "现场调整")
    page.click(at("turn-go"))
    expect(page.locator("body")).to_contain_text("活动已暂停")
    pause.locator(at("turn-off")).click()
    expect(page.get_by_role("dialog")).to_contain_text("恢复活动 · 向国旗敬礼")
    page.fill(at("turn-reason"), "调整完毕")
    page.click(at("turn-go"))
    expect(pause).to_have_attribute("data-on", "false")
    row = page.locator(at("switch-ranking"))
    row.locator(at("turn-on")).click()
    page.fill(at("turn-reason"), "会场要求")
    expect(page.locator(at("turn-go"))).to_be_disabled()
    page.fill(at("turn-confirm"), SLUG)
    page.click(at("turn-go"))
    expect(row).to_have_attribute("data-on", "true")
    expect(row).to_contain_text("会场要求")
    row.locator(at("turn-off")).click()
    page.fill(at("turn-reason"), "会议结束")
    page.click(at("turn-go"))
    expect(row).to_have_attribute("data-on", "false")
    expect(page.locator(f"{at('switch-maintenance')} button")).to_have_count(0)  # admins alone
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0
    context.close()
