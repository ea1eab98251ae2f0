"""Pages that tell how they felt, in real browsers: the chosen ones when they are left, the others never; and where staff read it."""

from __future__ import annotations

import time
import urllib.request
from collections.abc import Callable

import pymongo
import pytest

from server.experience import FAMILIES
from tests.browser.browsers import CHROMIUM, WECHAT, at, phone, sign_in
from tests.product import Product

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240), pytest.mark.skipif(not CHROMIUM, reason="there is no Chromium")]


@pytest.fixture
def started(tmp_path):
    running: list[Product] = []

    def start(**settings: str) -> Product:
        product = Product(tmp_path / "data", **settings)
        product.start()
        running.append(product)
        return product

    yield start
    for product in running:
        if product.process is not None and product.process.poll() is None:
            product.kill()


def kept(product: Product) -> dict[str, int]:
    """What the days of the demo campaign hold by now."""
    with pymongo.MongoClient(product.run["mongodb_uri"]) as client:
        days = list(client.get_default_database()["experiences"].find({"campaign": "salute-the-flag"}))
    return {name: count for day in days for name, count in day.items() if ":" in name}


def eventually(holds: Callable[[], bool], seconds: float = 30) -> None:
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.2)


def visit(product: Product, browser) -> list[str]:
    """Opens the campaign's page, taps, and leaves it. Returns the scripts that it loaded."""
    context = phone(browser, WECHAT)
    page = context.new_page()
    scripts: list[str] = []
    page.on("request", lambda request: scripts.append(request.url) if "/assets/" in request.url else None)
    page.goto(f"http://127.0.0.1:{product.web}/c/salute-the-flag")
    page.wait_for_selector(at("stage-open"))
    page.wait_for_timeout(1500)
    page.click(at("start"))
    page.wait_for_timeout(300)
    page.goto("about:blank")
    page.wait_for_timeout(500)
    context.close()
    return scripts


def test_each_chosen_page_tells_once_without_anybody_and_staff_read_it(started, browser):
    product = started(WENMING_EXPERIENCE_SHARE="1", WENMING_LOG_LEVEL="DEBUG")
    assert any("/told-" in url for url in visit(product, browser))
    eventually(lambda: bool(kept(product)))
    figures = kept(product)
    assert figures["region:none:pages"] == 1
    for measure in ("lcp", "cls", "ready"):
        assert sum(count for name, count in figures.items() if name.startswith(f"region:none:{measure}:")) == 1, figures
    assert "region:none:broken" not in figures
    # Chromium sends a beacon of a page that is left with its own name, whatever the page was told to be called.
    (device,) = {name.split(":")[1] for name in figures if name.startswith("device:")}
    assert device in FAMILIES
    for _ in range(9):
        visit(product, browser)
    eventually(lambda: kept(product)["region:none:pages"] == 10)

    page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
    sign_in(page, product, "zhiban", "experience")
    page.wait_for_selector(at("experience"), timeout=30_000)
    assert page.inner_text(at("felt-pages")) == "10"
    assert FAMILIES[device][0] in page.inner_text(at("experience"))


def test_a_page_that_is_not_chosen_loads_nothing_and_tells_nothing(started, browser):
    product = started(WENMING_EXPERIENCE_SHARE="0")
    assert not any("/told-" in url for url in visit(product, browser))
    time.sleep(6)  # a flush comes each five seconds
    assert kept(product) == {}
    with urllib.request.urlopen(f"http://127.0.0.1:{product.web}/metrics", timeout=5) as answer:
        assert b'wenming_experiences_told_total{outcome="kept"} 0.0' in answer.read()
