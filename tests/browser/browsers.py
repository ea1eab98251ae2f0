"""Chromium as people's devices: a cheap phone with WeChat, a plain phone, the operators' wall."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, Frame, Page, expect, sync_playwright

from tests.product import Product

CHROMIUM = shutil.which("chromium")
# As patient as with clicks; the default of 5 s is a page's whole way to the store and back on a loaded machine.
expect.set_options(timeout=15_000)
WECHAT = ("Mozilla/5.0 (Linux; Android 12; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/116.0.0.0 Mobile "
          "Safari/537.36 XWEB/1160065 MicroMessenger/8.0.42.2460(0x28002A3D) WeChat/arm64 Weixin NetType/4G Language/zh_CN ABI/arm64")
PLAIN = "Mozilla/5.0 (Linux; Android 12) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/116.0.0.0 Mobile Safari/537.36"
# Machines without Chinese fonts show those of the poster's package, so that screenshots can be read.
FONTS = """<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd"><fontconfig>
<include ignore_missing="yes">/etc/fonts/fonts.conf</include><dir>{folder}</dir><cachedir>{cache}</cachedir></fontconfig>"""


@contextmanager
def chromium(folder: Path) -> Iterator[Browser]:
    """A headless Chromium with Chinese fonts, which asks nobody outside this machine."""
    import pylopdf_fonts_zh_cn

    config = folder / "fonts.conf"
    config.write_text(FONTS.format(folder=Path(pylopdf_fonts_zh_cn.__file__).parent, cache=folder / "fontcache"), "utf-8")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, env={"FONTCONFIG_FILE": str(config), "HOME": str(folder)},
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--no-first-run"])
        try:
            yield browser
        finally:
            browser.close()


def phone(browser: Browser, agent: str = WECHAT, **options: object) -> BrowserContext:
    """A phone of 360 x 780 points."""
    context = browser.new_context(**{"viewport": {"width": 360, "height": 780}, "device_scale_factor": 2, "user_agent": agent,
                                     "has_touch": True, "is_mobile": True, "locale": "zh-CN", **options})
    context.set_default_timeout(15_000)
    return context


def at(name: str) -> str:
    """The element that people use, by its name."""
    return f'[data-testid="{name}"]'


def console(product: Product, path: str = "") -> str:
    return f"http://127.0.0.1:{product.web}/console/{path}"


def password_of(product: Product, name: str) -> str:
    """What the product's first start printed for a member of staff."""
    found = re.search(rf"{name}\s+(\S+)", product.log())
    assert found is not None
    return found[1]


def enter(page: Page, name: str, password: str) -> None:
    """Fills the form of whatever page asks staff to sign in."""
    page.fill("input[autocomplete=username]", name)
    page.fill("input[type=password]", password)
    page.keyboard.press("Enter")


def sign_in(page: Page, product: Product, name: str, path: str = "campaigns") -> None:
    """Opens a page of the console as a member of staff."""
    page.goto(console(product, path))
    enter(page, name, password_of(product, name))
    page.wait_for_selector("#main h1")


def campaign_frame(page: Page) -> Page | Frame:
    """The campaign's page inside the simulated phone's browser, once it is there."""
    page.wait_for_selector(at("web"))
    for _ in range(100):
        for frame in page.frames:
            if "/c/" in frame.url and frame is not page.main_frame:
                return frame
        page.wait_for_timeout(100)
    raise AssertionError([frame.url for frame in page.frames])


def salute(page: Page | Frame) -> int:
    """From the open page through the ceremony, as a grown-up citizen without a named place. Returns the ordinal shown."""
    page.click(at("start"))
    page.click(at("age-adult"))
    page.click(at("place-skip"))
    page.click(at("manner-citizen"))
    page.click(at("salute-button"))
    page.click(at("rising-skip"))
    return ordinal(page)


def ordinal(page: Page | Frame) -> int:
    return int(page.wait_for_selector(at("ordinal")).inner_text().replace(",", ""))
