"""The staff's console in the running product and a real browser: every page at three widths, light and dark, and what people do there."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, CDPSession, Page, Request, expect

from tests.browser.browsers import CHROMIUM, at, console, sign_in
from tests.product import ROOT

pytestmark = [pytest.mark.browser, pytest.mark.timeout(420), pytest.mark.skipif(not CHROMIUM, reason="there is no Chromium")]

# Every page that stands in the navigation, and one of each kind that does not.
DESK = tuple(f"campaigns/salute-the-flag/{tab}"
             for tab in ("draft", "page", "poster", "kit", "versions", "review", "checks", "release", "corrections"))
PAGES = ("campaigns", "operations", "new-campaign", "campaigns/salute-the-flag",
         *DESK, "reviews", "schools", "schools?show=reports", "wording",
         "recycle-bin", "messages", "messages?list=decided", "wall", "complaints", "bans", "source-records", "review-rules", "words",
         "replies", "menus", "codes", "codes?show=links", "notices", "followers", "articles", "articles?show=sends", "media",
         "media?bin=1", "reports", "experience", "bulletins", "duty", "kiosks",
         "reports?show=settings", "exports", "materials", "mini", "mini?show=links", "health", "quotas", "members", "audit-log", "me")
WIDTHS = {1440: 900, 1024: 768, 375: 740}
# Colours are the same at every width, and what a desk shows a phone shows otherwise.
READ_IN = {1440: ("light", "dark"), 1024: (), 375: ("light",)}
JS_BYTES = 350 * 1024
AXE = ROOT / "h5" / "node_modules" / "axe-core" / "axe.min.js"
GRAVE = ("serious", "critical")
ROLES = {"bianji": {"内容审核": False, "自动回复": True}, "shenhe": {"内容审核": True, "通知": False}}


@pytest.fixture(scope="module")
def signed_in(product, browser) -> Any:
    """The cookies of an admin."""
    page = browser.new_context(locale="zh-CN").new_page()
    sign_in(page, product, "admin")
    return page.context.storage_state()


def at_width(browser: Browser, state: Any, width: int) -> BrowserContext:
    context = browser.new_context(viewport={"width": width, "height": WIDTHS[width]}, locale="zh-CN", storage_state=state,
                                  reduced_motion="reduce", has_touch=width < 700)
    context.set_default_timeout(10_000)
    return context


def settled(page: Page) -> None:
    page.wait_for_selector("#main h1")
    page.wait_for_load_state("networkidle")


class Traffic:
    """What a page has asked and not yet got. Playwright's own "networkidle" waits half a second each time, here fifty times."""

    def __init__(self, page: Page) -> None:
        self._page, self._under_way = page, set[Request]()
        page.on("request", lambda asked: self._under_way.add(asked))
        page.on("requestfinished", lambda asked: self._under_way.discard(asked))
        page.on("requestfailed", lambda asked: self._under_way.discard(asked))

    def wait(self) -> None:
        self._page.wait_for_selector("#main h1")
        calm = 0
        while calm < 2:  # one answer leads to the next question
            self._page.wait_for_timeout(60)
            calm = 0 if self._under_way else calm + 1


def inside(session: CDPSession, expression: str) -> Any:
    """What an expression gives inside the page, whose content policy lets nobody else run anything there."""
    answer = session.send("Runtime.evaluate", {"expression": expression, "awaitPromise": True, "returnByValue": True})
    assert "exceptionDetails" not in answer, answer
    return answer["result"].get("value")


def unreadable(session: CDPSession) -> list[str]:
    """What axe finds that keeps somebody out."""
    if inside(session, "typeof axe") == "undefined":
        inside(session, AXE.read_text("utf-8") + "\n;0")
    found = inside(session, "axe.run(document, {resultTypes: ['violations']}).then(r => r.violations.map("
                            "v => ({id: v.id, impact: v.impact, nodes: v.nodes.map(n => n.html.slice(0, 160) + ' ' + n.failureSummary)})))")
    return [f"{one['id']}: {node}" for one in found if one["impact"] in GRAVE for node in one["nodes"]]


class TestEveryPage:
    @pytest.mark.parametrize("width", WIDTHS)
    def test_it_opens_without_an_error_fits_and_can_be_read_by_everybody(self, product, browser, signed_in, width):
        context = at_width(browser, signed_in, width)
        page = context.new_page()
        session, traffic = context.new_cdp_session(page), Traffic(page)
        problems: list[str] = []
        page.on("pageerror", lambda error: problems.append(f"{page.url} {error}"))
        page.on("console", lambda said: problems.append(f"{page.url} {said.text}") if said.type in ("error", "warning") else None)
        for path in PAGES:
            page.goto(console(product, path))
            traffic.wait()
            wide = inside(session, "document.documentElement.scrollWidth - document.documentElement.clientWidth")
            assert wide == 0, f"{path} scrolls sideways by {wide} at {width}"
            for shade in READ_IN[width]:
                page.emulate_media(color_scheme=shade)
                page.wait_for_selector("html.dark" if shade == "dark" else "html:not(.dark)")
                assert unreadable(session) == [], f"{path} at {width}, {shade}"
        context.close()
        assert problems == []


class TestTheFrame:
    def test_the_first_load_keeps_its_budget(self, product, browser, signed_in):
        context = at_width(browser, signed_in, 1440)
        page = context.new_page()
        sizes: dict[str, int] = {}
        page.on("response", lambda r: sizes.update({r.url: int(r.headers.get("content-length", 0))}) if ".js" in r.url else None)
        page.goto(console(product, "campaigns"))
        settled(page)
        assert 0 < sum(sizes.values()) <= JS_BYTES, sizes
        context.close()

    def test_a_role_sees_its_pages_alone_and_the_others_say_whom_to_ask(self, product, browser):
        for name, pages in ROLES.items():
            context = browser.new_context(viewport={"width": 1440, "height": 900}, locale="zh-CN")
            page = context.new_page()
            sign_in(page, product, name)
            shown = page.inner_text("nav.side")
            assert {title: title in shown for title in pages} == pages
            page.goto(console(product, "messages" if name == "bianji" else "notices"))
            expect(page.locator("#main")).to_contain_text("不对您的角色开放")
            context.close()

    def test_whoever_is_signed_out_signs_in_over_the_page_and_keeps_what_she_wrote(self, product, browser):
        context = browser.new_context(viewport={"width": 1440, "height": 900}, locale="zh-CN")
        page = context.new_page()
        sign_in(page, product, "bianji", "words")
        page.fill(at("words-block"), "坏词")
        context.clear_cookies()
        page.keyboard.press("Control+s")
        over = page.locator(".over")
        expect(over).to_contain_text("登录已到期")
        password = re.search(r"bianji\s+(\S+)", product.log())[1]
        over.locator("input[autocomplete=username]").fill("bianji")
        over.locator("input[type=password]").fill(password)
        over.locator("button[type=submit]").click()
        expect(page.locator(".el-notification")).to_contain_text("词库已保存")
        assert page.url == console(product, "words") and page.input_value(at("words-block")) == "坏词"
        context.close()

    def test_the_keys_are_told_and_the_search_leads_to_a_campaign(self, product, browser, signed_in):
        context = at_width(browser, signed_in, 1440)
        page = context.new_page()
        page.goto(console(product, "messages"))
        settled(page)
        page.keyboard.press("?")
        expect(page.get_by_role("dialog")).to_contain_text("通过这一条")
        page.keyboard.press("Escape")
        page.keyboard.press("Control+k")
        page.keyboard.type("salute-the")
        page.get_by_role("option", name=re.compile("salute-the-flag")).first.click()
        page.wait_for_url(re.compile(r"/console/campaigns/salute-the-flag$"))
        context.close()

    def test_the_language_changes_at_once_and_is_remembered(self, product, browser, signed_in):
        context = at_width(browser, signed_in, 1440)
        page = context.new_page()
        page.goto(console(product, "campaigns"))
        page.get_by_role("button", name="English").click()
        expect(page.locator("#main h1")).to_have_text("Campaigns")
        page.reload()
        expect(page.locator("#main h1")).to_have_text("Campaigns")
        assert page.locator("html").get_attribute("lang") == "en"
        context.close()


    def test_a_phone_has_the_pages_behind_its_thumb(self, product, browser, signed_in):
        context = at_width(browser, signed_in, 375)
        page = context.new_page()
        page.goto(console(product, "campaigns"))
        page.get_by_role("button", name="更多").click()
        page.get_by_role("dialog").get_by_role("link", name="词库").click()
        page.wait_for_url(re.compile(r"/console/words$"))
        expect(page.locator("#main h1")).to_have_text("词库")
        expect(page.get_by_role("dialog")).to_be_hidden()
        context.close()


class TestWhatPeopleDo:
    @pytest.fixture
    def page(self, product, browser, signed_in) -> Any:
        context = at_width(browser, signed_in, 1440)
        yield context.new_page()
        context.close()

    def test_a_rule_is_written_tried_out_deleted_and_brought_back(self, product, page):
        page.goto(console(product, "replies"))
        page.click(at("new-rule"))
        form = page.locator(at("rule-form"))
        form.locator("input" + at("rule-name")).fill("开放时间")
        form.get_by_role("textbox", name="词语").fill("几点开门")
        page.keyboard.press("Enter")
        form.locator("textarea" + at("reply-text")).fill("每天 9 点至 17 点")
        page.click(at("rule-save"))
        expect(page.locator(".data-list")).to_contain_text("开放时间")
        page.locator("input" + at("trial-text")).fill("请问几点开门？")
        page.keyboard.press("Enter")
        expect(page.locator(at("trial-result"))).to_contain_text("开放时间")
        expect(page.locator(at("trial-result"))).to_contain_text("几点开门")
        page.get_by_role("button", name="开放时间 删除").click()
        expect(page.locator(".data-list")).not_to_contain_text("开放时间")
        page.locator(".toast-undo").get_by_role("button", name="撤销").click()
        expect(page.locator(".data-list")).to_contain_text("开放时间")

    def test_a_menu_is_kept_compared_and_published(self, product, page):
        page.goto(console(product, "menus"))
        settled(page)
        page.get_by_role("button", name="我的证书").first.click()  # of the menu that WeChat shows
        page.locator(at("menu-entry")).get_by_label("名称").fill("我的敬礼")
        page.click(at("menu-save"))
        page.get_by_role("button", name=re.compile("第 1 版 看差异并发布")).click()
        expect(page.locator(at("menu-changes"))).to_contain_text("我的敬礼")
        page.click(at("menu-publish"))
        expect(page.locator(".menu-versions")).to_contain_text("发布于")

    def test_a_code_is_made_and_its_picture_can_be_had(self, product, page):
        page.goto(console(product, "codes"))
        page.get_by_role("button", name="新二维码").first.click()
        page.get_by_label("名称", exact=True).fill("市图书馆大厅")
        page.get_by_label("场景值", exact=True).fill("library-hall")
        page.keyboard.press("Enter")
        picture = page.locator(".scene-picture")
        picture.wait_for()
        answer = page.context.request.get(f"http://127.0.0.1:{product.web}{picture.get_attribute('src')}")
        assert answer.headers["content-type"] == "image/png"

    def test_a_faulty_file_of_places_names_its_rows(self, product, page):
        page.goto(console(product, "campaigns/salute-the-flag"))
        rows = "code,name\n!,坏\n350602,芗城\n".encode()
        page.set_input_files(at("places-file"), {"name": "places.csv", "mimeType": "text/csv", "buffer": rows})
        page.click(at("places-check"))
        expect(page.get_by_role("alert")).to_contain_text("1 处问题")

    def test_a_pause_is_taken_back(self, product, page):
        page.goto(console(product, "campaigns/salute-the-flag"))
        page.click(at("to-paused"))
        expect(page.locator(at("campaign-state"))).to_have_text("已暂停")
        page.locator(".toast-undo").get_by_role("button", name="撤销").click()
        expect(page.locator(at("campaign-state"))).to_have_text("进行中")
