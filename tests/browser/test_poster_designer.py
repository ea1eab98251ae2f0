"""The poster's page in the running product: a layer is dragged by mouse, finger and keys, the server's picture changes with it, and what is
published is what citizens get."""

from __future__ import annotations

import base64
import io
import re
from typing import Any

import pytest
import zxingcpp
from PIL import Image, ImageChops
from playwright.sync_api import APIResponse, Browser, Page, expect

from tests.browser.browsers import CHROMIUM, at, sign_in
from tests.browser.test_console import unreadable
from tests.product import Product

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240), pytest.mark.skipif(not CHROMIUM, reason="there is no Chromium")]
SLUG = "salute-the-flag"
DRAWN_MS = 30_000


def desk(browser: Browser, product: Product, **options: Any) -> Page:
    context = browser.new_context(**{"viewport": {"width": 1440, "height": 1000}, "locale": "zh-CN", "reduced_motion": "reduce"} | options)
    context.set_default_timeout(15_000)
    page = context.new_page()
    sign_in(page, product, "admin", f"campaigns/{SLUG}/poster")
    return page


def real(page: Page, before: str = "") -> tuple[Image.Image, str]:
    """The poster that the server drew of what is on the canvas now, and its source; `before`: that of the last one, which it is not."""
    shown = page.locator(at("poster-real"))
    expect(shown).not_to_have_attribute("src", before, timeout=DRAWN_MS)
    expect(page.locator(at("poster-drawn"))).not_to_contain_text(re.compile("正在画|重新画"), timeout=DRAWN_MS)
    source = shown.get_attribute("src") or ""
    return Image.open(io.BytesIO(base64.b64decode(source.partition(",")[2]))), source


def differ(first: Image.Image, second: Image.Image) -> bool:
    return max(high for _, high in ImageChops.difference(first, second).getextrema()) > 100


def drag(page: Page, name: str, dx: int, dy: int) -> None:
    box = page.locator(at(name)).bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + dx / 2, y + dy / 2, steps=4)
    page.mouse.move(x + dx, y + dy, steps=4)
    page.mouse.up()


def value(page: Page, name: str) -> int:
    return int(page.locator(f"{at(name)} input, input{at(name)}").first.input_value())


def test_a_layer_is_dragged_saved_published_and_drawn_for_citizens(browser, product):
    page = desk(browser, product)
    page.click(at("begin-design"))
    first, source = real(page)
    assert first.size == (750, 1334)
    [code] = zxingcpp.read_barcodes(first)
    assert page.context.request.get(code.text).url.endswith(f"/c/{SLUG}?ch=poster")

    assert unreadable(page.context.new_cdp_session(page)) == []

    page.click(at("layer-l6"))  # the title
    x, y = value(page, "layer-x"), value(page, "layer-y")
    drag(page, "layer-l6", 30, 12)
    assert value(page, "layer-x") > x and value(page, "layer-y") > y
    second, source = real(page, source)
    assert differ(first, second)

    page.locator(at("layer-l6")).focus()
    x = value(page, "layer-x")
    page.keyboard.press("ArrowLeft")
    assert value(page, "layer-x") == x - 1
    page.keyboard.press("Shift+ArrowRight")
    assert value(page, "layer-x") == x + 9
    page.click(at("undo"))
    assert value(page, "layer-x") == x - 1

    drag(page, "layer-l6", 0, 90)  # onto the flag
    expect(page.locator(at("poster-problems"))).to_contain_text("盖住了国旗", timeout=DRAWN_MS)
    page.click(at("undo"))
    expect(page.locator(at("poster-problems"))).to_have_count(0, timeout=DRAWN_MS)
    _, source = real(page)

    page.locator(f"{at('layer-text')} textarea, textarea{at('layer-text')}").first.fill("我向国旗敬礼")
    last, _ = real(page, source)
    expect(page.locator(at("poster-status"))).to_contain_text("已保存", timeout=20_000)
    publish(page, product)
    words = (0, 0, 750, 200)  # name, ordinal and date are hers
    mine = poster_of_a_citizen(page, product)
    assert not differ(last.crop(words), mine.crop(words)) and differ(first.crop(words), mine.crop(words))
    assert [one.text for one in zxingcpp.read_barcodes(mine)] == [code.text]


def publish(page: Page, product: Product) -> None:
    """The desk's own tests show how its tab does this."""
    items = api(page, product, "get", "checklist").json()["items"]
    assert next(item for item in items if item["key"] == "poster")["state"] == "ok"
    warnings = [item["key"] for item in items if item["state"] == "warning"]
    answer = api(page, product, "post", "release", {"revision": 0, "confirmed": warnings})
    assert answer.ok, answer.text()


def api(page: Page, product: Product, verb: str, path: str, body: Any = None) -> APIResponse:
    base, requests = f"http://127.0.0.1:{product.web}/api/v1/staff", page.context.request
    csrf = requests.get(f"{base}/session").json()["csrf"]
    options = {} if body is None else {"data": body}
    return requests.fetch(f"{base}/campaigns/{SLUG}/{path}", method=verb, headers={"X-CSRF-Token": csrf}, **options)


def poster_of_a_citizen(page: Page, product: Product) -> Image.Image:
    campaign, headers = f"/api/v1/campaigns/{SLUG}", {"Authorization": f"Bearer {product.tokens(1)[0]}"}
    made = page.context.request.post(f"http://127.0.0.1:{product.intake}{campaign}/participations", headers=headers,
                                     data={"activity": "salute", "region": "350602"})
    assert made.ok, made.text()
    answer = page.context.request.get(f"http://127.0.0.1:{product.web}{campaign}/posters/me.jpg", headers=headers)
    assert answer.ok, answer.text()
    return Image.open(io.BytesIO(answer.body()))


def test_a_finger_drags_a_chosen_layer_and_a_phone_fits(browser, product):
    page = desk(browser, product, viewport={"width": 375, "height": 812}, has_touch=True, is_mobile=True)
    page.locator(at("begin-design")).or_(page.locator(at("layer-l6"))).first.wait_for()
    if page.locator(at("begin-design")).count():
        page.tap(at("begin-design"))
    page.tap(at("layer-l6"))
    page.locator(at("layer-x")).first.wait_for()
    before, box = value(page, "layer-x"), page.locator(at("layer-l6")).bounding_box()
    assert box is not None
    touch = page.context.new_cdp_session(page)
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    for kind, points in (("touchStart", [(x, y)]), ("touchMove", [(x + 10, y)]), ("touchMove", [(x + 22, y)]), ("touchEnd", [])):
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": a, "y": b} for a, b in points]})
    expect(page.locator(f"{at('layer-x')} input, input{at('layer-x')}").first).not_to_have_value(str(before))
    assert value(page, "layer-x") > before
    assert page.evaluate("() => document.scrollingElement.scrollWidth <= innerWidth") is True
