"""The README's pictures, taken from the running product: `make screenshots`, or `python -m tests.browser.screenshots FOLDER`.

The operators' two alone: `python -m tests.browser.screenshots deploy/pictures desk leader`.
"""

from __future__ import annotations

import json
import random
import sys
import tempfile
import urllib.request
from pathlib import Path

from playwright.sync_api import Page

from tests.browser.browsers import at, campaign_frame, chromium, enter, password_of, phone, sign_in
from tests.product import ROOT, Product

CITIZENS = 600
# Roughly as people live in the eleven districts and counties; the wall shows them in administrative order whatever their size.
REGIONS = {"350602": 16, "350603": 9, "350604": 20, "350605": 6, "350622": 8, "350623": 18, "350624": 12, "350626": 5, "350627": 7,
           "350628": 10, "350629": 4, "declined": 3}
JPEG = {"type": "jpeg", "quality": 82}


def salutes(product: Product) -> None:
    """Some hundred citizens who were there before, each by a request of her own."""
    chance = random.Random(20261001)
    view = json.load(urllib.request.urlopen(f"http://127.0.0.1:{product.web}/api/v1/campaigns/salute-the-flag"))
    known = {region["code"] for region in view["regions"]}
    regions = {code: weight for code, weight in REGIONS.items() if code in known}
    for token in product.tokens(CITIZENS):
        activity = chance.choices(["salute", "heroes", "children"], [8, 2, 2])[0]
        body = {"activity": activity, "region": chance.choices(list(regions), list(regions.values()))[0]}
        urllib.request.urlopen(urllib.request.Request(
            f"http://127.0.0.1:{product.intake}/api/v1/campaigns/salute-the-flag/participations", json.dumps(body).encode(),
            {"Authorization": f"Bearer {token}"}))


def take(product: Product, folder: Path, scratch: Path) -> None:
    def keep(page: Page, name: str) -> None:
        page.wait_for_timeout(700)  # an animation ends
        page.screenshot(path=folder / f"{name}.jpg", **JPEG)

    with chromium(scratch) as browser:
        context = phone(browser)
        page = context.new_page()
        page.goto(f"http://127.0.0.1:{product.sandbox}/")
        page.fill(at("new-name"), "王小红")
        page.click(at("new-citizen"))
        page.click(at("found-account"))
        page.click(at("follow"))
        page.wait_for_selector(at("news"))
        keep(page, "phone")
        page.click(at("news"))
        frame = campaign_frame(page)
        frame.wait_for_selector(at("start"))
        keep(page, "flag")
        frame.click(at("start"))
        frame.click(at("age-adult"))
        frame.wait_for_selector(at("place-skip"))
        frame.click(at("place-skip"))
        frame.click(at("manner-citizen"))
        frame.click(at("salute-button"))
        page.wait_for_timeout(2500)
        keep(page, "rising")
        frame.click(at("rising-skip"))
        frame.wait_for_selector(at("ordinal"))
        page.wait_for_timeout(2000)
        keep(page, "certificate")
        (folder / "poster.jpg").write_bytes(context.request.get(
            f"http://127.0.0.1:{product.web}/api/v1/campaigns/salute-the-flag/posters/me.jpg").body())

        wall = browser.new_context(viewport={"width": 1920, "height": 1080}, locale="zh-CN").new_page()
        wall.goto(f"http://127.0.0.1:{product.web}/screen/salute-the-flag")
        enter(wall, "zhiban", password_of(product, "zhiban"))
        wall.wait_for_selector(at("total"))
        wall.wait_for_timeout(2500)
        keep(wall, "wall")
    take_operators(product, folder, scratch)


def take_operators(product: Product, folder: Path, scratch: Path) -> None:
    """操作台 as whoever is on duty sees it, and 手机一览 as a leader opens it by the link that she made."""
    with chromium(scratch) as browser:
        desk = browser.new_context(viewport={"width": 1440, "height": 900}, locale="zh-CN").new_page()
        sign_in(desk, product, "zhiban", "kiosks")
        desk.click(at("new-kiosk"))
        desk.fill(at("kiosk-label"), "王主任手机")
        desk.get_by_text("手机一览", exact=True).click()
        desk.click(at("kiosk-create"))
        link = desk.wait_for_selector(at("kiosk-url")).inner_text()
        desk.goto(f"http://127.0.0.1:{product.web}/console/operations")
        desk.wait_for_selector(at("switch-ranking"))
        desk.wait_for_selector(f"{at('health-line')} .level-mark")
        # A minute of calm, so that what starting the product cost has left the figures.
        desk.wait_for_timeout(75_000)
        desk.screenshot(path=folder / "desk.jpg", **JPEG)
        leader = phone(browser).new_page()
        leader.goto(link)
        leader.wait_for_selector(at("total"))
        leader.wait_for_timeout(700)
        leader.screenshot(path=folder / "leader.jpg", **JPEG)


def take_report(folder: Path, scratch: Path) -> None:
    """The newest report that `make rehearsal` left; without one the old picture stays."""
    reports = sorted((ROOT / "data" / "rehearsals").glob("*/report.html"), key=lambda path: path.stat().st_mtime)
    if reports:
        with chromium(scratch) as browser:
            page = browser.new_page(viewport={"width": 1080, "height": 1420}, locale="zh-CN")
            page.goto(reports[-1].as_uri())
            page.screenshot(path=folder / "rehearsal.jpg", **JPEG)


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "deploy" / "pictures"
    is_operators_alone = sys.argv[2:] == ["desk", "leader"]
    folder.mkdir(parents=True, exist_ok=True)
    if not is_operators_alone:
        with tempfile.TemporaryDirectory(prefix="wenming-pictures-") as scratch:
            take_report(folder, Path(scratch))
    with tempfile.TemporaryDirectory(prefix="wenming-pictures-") as scratch:
        product = Product(Path(scratch) / "data")
        product.start()
        try:
            salutes(product)
            (take_operators if is_operators_alone else take)(product, folder, Path(scratch))
        finally:
            product.stop()
    for picture in sorted(folder.glob("*.jpg")):
        print(f"{picture} {picture.stat().st_size // 1024} KB")


if __name__ == "__main__":
    main()
