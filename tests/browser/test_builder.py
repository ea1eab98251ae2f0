"""A new person's way in the console, from 新建活动 to a code that opens the built page on a phone; the page in its three skins."""

from __future__ import annotations

import io
import random
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.browser.browsers import CHROMIUM, at, console, phone, sign_in
from tests.browser.test_console import inside, unreadable

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240), pytest.mark.skipif(not CHROMIUM, reason="there is no Chromium")]
FIRST_VIEW_BYTES, SCRIPT_BYTES = 300_000, 40_000
NASTY = "<img src=x onerror=\"document.title='broken'\"></script>"


@pytest.fixture(scope="module")
def desk(product, browser) -> Any:
    """The editor 'bianji' at a large screen, who has never been here."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, locale="zh-CN")
    context.set_default_timeout(15_000)
    page = context.new_page()
    sign_in(page, product, "bianji")
    yield page
    context.close()


def photograph(seed: int) -> bytes:
    """A picture of a clear morning, as a phone would send it."""
    chance = random.Random(seed)
    picture = Image.new("RGB", (1600, 1000), (140, 170, 200))
    for _ in range(60):
        left, top = chance.randrange(1500), chance.randrange(500, 950)
        picture.paste((chance.randrange(90), chance.randrange(90), 90), (left, top, left + chance.randrange(30, 200), 1000))
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=85)
    return out.getvalue()


def fill(page: Page, name: str, text: str) -> None:
    """A field of the form, whatever Element Plus puts around it."""
    page.locator(f"{at(name)} >> visible=true").first.fill(text)


def kept(page: Page) -> None:
    expect(page.locator(at("page-status"))).to_contain_text("已保存")


def scanned(page: Page) -> str:
    """The address in the preview's code."""
    with page.expect_response(lambda answer: answer.url.endswith("/previews")) as asked:
        page.click(at("page-scan"))
    page.wait_for_selector(at("ticket"))
    page.keyboard.press("Escape")
    url: str = asked.value.json()["url"]
    return url


def kinds(page: Page) -> list[str]:
    return [str(one.get_attribute("data-testid")).removeprefix("block-is-") for one in page.locator(f"{at('blocks')} .block-name").all()]


def made_from_a_template(page: Page, title: str) -> str:
    """The wizard's whole way, with what it proposes. The campaign's slug."""
    page.click(at("new-campaign"))
    page.click(at("template-salute"))
    fill(page, "new-title", title)
    expect(page.locator(".wizard")).to_contain_text("/c/salute-")  # a code was proposed
    page.click(at("new-next"))
    expect(page.locator(".wizard")).to_contain_text("星期")
    expect(page.locator(".wizard")).to_contain_text("只算一个人")
    page.click(at("new-next"))
    fill(page, "new-name", "市精神文明建设办公室")
    page.click(at("new-next"))
    page.click(at("new-make"))
    page.wait_for_selector(at("guide"))
    return page.url.split("/campaigns/")[1].split("/")[0]


class TestTheWayOfANewPerson:
    def test_from_a_template_to_the_page_on_a_phone(self, product, browser, desk):
        page = desk
        slug = made_from_a_template(page, "红旗飘飘")

        expect(page.locator(f"{at('guide-content')}.prefilled")).to_contain_text("模板已填")  # nobody has written in it yet
        page.click(f"{at('guide-page')} a")
        page.click(at("blocks-begin"))
        assert kinds(page) == ["entry", "text", "wall", "signature"]
        page.click(at("block-add"))
        page.click(at("add-cover"))
        fill(page, "block-title", "同升一面旗")
        page.click(at("media-field-choose"))
        page.set_input_files(at("picker-file"), {"name": "清晨.jpg", "mimeType": "image/jpeg", "buffer": photograph(1)})
        fill(page, "picker-alt", "清晨的广场")
        page.click(at("picker-use"))
        page.click(at("skin-paper"))
        page.click(at("block-is-text"))
        fill(page, "block-text", f"请肃立。\n{NASTY}")
        kept(page)
        shown = page.frame_locator(at("phone-page"))
        expect(shown.locator(".b-cover h2")).to_have_text("同升一面旗")
        expect(page.locator(at("weight"))).to_contain_text("在预算内")

        url = scanned(page)
        expect(page.locator(f"{at('guide-preview')}.done")).to_have_count(1, timeout=20_000)
        mobile = phone(browser)
        citizen = mobile.new_page()
        citizen.goto(url)
        expect(citizen.locator(at("stage-open"))).to_be_visible()
        expect(citizen.locator(".b-cover img")).to_have_attribute("alt", "清晨的广场")
        expect(citizen.locator(".b-text")).to_contain_text("<img src=x onerror")
        expect(citizen.locator(at("flag"))).to_be_visible()
        assert citizen.title() == "红旗飘飘" and slug in citizen.url
        assert citizen.locator(".b-sign").bounding_box()["y"] < citizen.locator(at("footer")).bounding_box()["y"]
        mobile.close()

    def test_what_a_template_brings_goes_to_the_reviewers_as_it_is(self, product, desk):
        page = desk.context.new_page()  # the other tests go on with the page that they have
        page.goto(console(product, "campaigns"))
        slug = made_from_a_template(page, "照模板办")
        page.goto(console(product, f"campaigns/{slug}/review"))
        for words in ("照模板办", "市精神文明建设办公室", "还没有公开过"):
            expect(page.locator(at("review-everything"))).to_contain_text(words)
        page.click(at("review-submit"))
        expect(page.locator(at("review-state"))).to_have_text("审核中")
        page.close()

    def test_blocks_are_moved_by_hand_by_buttons_and_by_keys(self, desk):
        page = desk
        before = kinds(page)
        page.locator(".block-grip").nth(1).drag_to(page.locator(".block-list li").nth(3))
        dragged = [before[0], before[2], before[3], before[1], before[4]]
        assert kinds(page) == dragged
        page.locator(".block-list li").nth(3).get_by_role("button", name="上移").click()
        page.locator(".block-list li").nth(2).get_by_role("button", name="上移").click()
        assert kinds(page) == before
        page.click(at("block-is-entry"))
        page.keyboard.press("]")
        assert kinds(page) == [before[0], before[2], before[1], *before[3:]]
        page.keyboard.press("[")
        assert kinds(page) == before
        page.keyboard.press("?")
        expect(page.get_by_role("dialog")).to_contain_text("下移这一块")
        page.keyboard.press("Escape")
        page.locator(".block-list li").nth(3).get_by_role("button", name="删去").click()
        assert len(kinds(page)) == len(before) - 1
        page.locator(".toast-undo button").last.click()
        assert kinds(page) == before
        kept(page)

    def test_the_checks_lead_to_the_page_where_something_is_missing(self, product, desk):
        page = desk
        page.click(at("block-add"))
        page.click(at("add-picture"))
        kept(page)
        slug = page.url.split("/campaigns/")[1].split("/")[0]
        page.locator(".desk-tabs").get_by_text("检查").click()
        row = page.locator(f"{at('checklist')} li", has_text="页面内容")
        expect(row).to_contain_text("还没有选择文件")
        row.get_by_role("link").click()
        expect(page).to_have_url(console(product, f"campaigns/{slug}/page#blocks"))
        page.locator(".block-list li", has_text="未选文件").get_by_role("button", name="删去").click()
        kept(page)


class TestSkins:
    @pytest.mark.parametrize("skin", ["dawn", "paper", "festive"])
    def test_the_page_keeps_its_budgets_and_the_flag_is_never_touched(self, product, browser, desk, skin):
        desk.click(at(f"skin-{skin}"))
        kept(desk)
        mobile = phone(browser)
        citizen = mobile.new_page()
        session = mobile.new_cdp_session(citizen)
        sizes = measured(session)
        problems: list[str] = []
        citizen.on("pageerror", lambda error: problems.append(str(error)))
        citizen.on("console", lambda said: problems.append(said.text) if said.type == "error" else None)
        citizen.goto(scanned(desk))
        citizen.wait_for_selector(at("stage-open"))
        citizen.wait_for_load_state("networkidle")
        assert sum(sizes.values()) <= FIRST_VIEW_BYTES and sum(n for url, n in sizes.items() if url.endswith(".js")) <= SCRIPT_BYTES
        citizen.locator(at("flag")).scroll_into_view_if_needed()
        assert inside(session, FLAG) == []
        wide = inside(session, "document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert (wide, problems) == (0, [])
        assert unreadable(session) == []
        citizen.click(at("watch"))
        citizen.click(at("manner-citizen"))
        citizen.click(at("salute-button"))
        # The ceremony has the screen.
        assert inside(session, "getComputedStyle(document.querySelector('.blocks-before')).display") == "none"
        citizen.click(at("rising-skip"))
        assert inside(session, FLAG) == []
        mobile.close()

    def test_it_is_there_without_a_script(self, product, browser, desk):
        url = scanned(desk)
        context = phone(browser, java_script_enabled=False)
        citizen = context.new_page()
        citizen.goto(url)
        for words in ("同升一面旗", "请肃立。", "寄语", "市精神文明建设办公室"):
            expect(citizen.locator(".blocks", has_text=words).first).to_be_visible()
        context.close()


def measured(session: Any) -> dict[str, int]:
    """What came over the wire, by address, as it comes."""
    names: dict[str, str] = {}
    sizes: dict[str, int] = {}
    session.on("Network.responseReceived", lambda event: names.update({event["requestId"]: event["response"]["url"]}))
    session.on("Network.loadingFinished", lambda event: sizes.update(
        {names.get(event["requestId"], event["requestId"]): int(event["encodedDataLength"])}))
    session.send("Network.enable")
    return sizes


# Whatever lies over the flag, filters, fades, turns or cuts it, or any of what it stands in.
FLAG = """(() => {
  const flag = document.getElementById('flag'), box = flag.getBoundingClientRect(), wrong = []
  const colours = [...flag.querySelectorAll('path')].map((path) => getComputedStyle(path).fill)
  if (String(colours) !== 'rgb(222, 41, 16),rgb(255, 222, 0)') wrong.push('colours ' + colours)
  if (Math.abs(box.width / box.height - 1.5) > 0.02) wrong.push('shape ' + box.width / box.height)
  for (let at = flag; at; at = at.parentElement) {
    const style = getComputedStyle(at)
    const touched = [style.filter !== 'none', style.opacity !== '1', style.mixBlendMode !== 'normal', style.clipPath !== 'none']
    if (touched.includes(true)) wrong.push('style of ' + at.className + touched)
    if (/matrix\\((?!1, 0, 0, 1,)/.test(style.transform)) wrong.push('turned ' + style.transform)
  }
  for (const x of [0.02, 0.5, 0.98]) for (const y of [0.03, 0.5, 0.97]) {
    const [left, top] = [box.left + x * box.width, box.top + y * box.height]
    if (top < 0 || top > innerHeight) continue
    const over = document.elementFromPoint(left, top)
    if (!flag.contains(over) && over !== flag) wrong.push('covered by ' + (over && (over.className || over.tagName)))
  }
  return wrong
})()"""

