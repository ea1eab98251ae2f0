"""A campaign that begins in less than a minute, on phones whose clocks are wrong: its pages open by themselves, none too early."""

from __future__ import annotations

import os
import re
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from server.clock import SHANGHAI
from tests.browser.browsers import CHROMIUM, at, ordinal, phone
from tests.browser.test_kinds import ORGANISER, REGIONS, Desk
from tests.product import Product

pytestmark = [pytest.mark.browser, pytest.mark.timeout(480), pytest.mark.skipif(not CHROMIUM, reason="there is no Chromium")]
SETTINGS = {"WENMING_RELEASE_REVIEW": "off"}
LOOK = os.environ.get("WENMING_TEST_PICTURES", "")
# How far ahead it begins: short enough to wait for; where a busy machine has not opened the pages by then, another one later.
AHEAD_SECONDS, PATIENCE_MS = (30, 90, 180), 240_000
HOUR = 3600
# The phone's own clock, set wrong before anything of the page runs.
WRONG = """(() => { const Real = Date, wrong = %d; class Wrong extends Real {
  constructor(...given) { given.length ? super(...given) : super(Real.now() + wrong) }
  static now() { return Real.now() + wrong } } window.Date = Wrong })()"""


def planned(desk: Desk, slug: str, ahead_seconds: int) -> float:
    """A pledge that begins soon; gives its first second."""
    opens = datetime.now(SHANGHAI).replace(microsecond=0) + timedelta(seconds=ahead_seconds)
    desk.ask("POST", "campaigns", {"template": "pledge", "slug": slug, "opens_at": opens.isoformat(),
                                   "closes_at": (opens + timedelta(days=2)).isoformat(), "organiser": ORGANISER})
    desk.ask("POST", f"campaigns/{slug}/places", {"kind": "regions", "csv": REGIONS})
    draft = desk.ask("GET", f"campaigns/{slug}/draft")
    desk.ask("PUT", f"campaigns/{slug}/draft", {"rev": draft["rev"], "content": draft["content"]})
    warnings = [item["key"] for item in desk.ask("GET", f"campaigns/{slug}/checklist")["items"] if item["state"] == "warning"]
    desk.ask("POST", f"campaigns/{slug}/release", {"confirmed": warnings})
    return opens.timestamp()


class Waiting:
    """A citizen's phone with the page open. Its clock is `wrong` seconds ahead."""

    def __init__(self, browser: Any, product: Product, token: str, slug: str, wrong: int) -> None:
        base = f"http://127.0.0.1:{product.web}"
        self.context = phone(browser)
        self.context.add_cookies([{"name": "wenming_citizen", "value": token, "url": base}])
        self.page = self.context.new_page()
        self.page.add_init_script(WRONG % (wrong * 1000))
        self.loads: list[str] = []
        self.page.on("framenavigated", lambda frame: self.loads.append(frame.url))
        self.page.goto(f"{base}/c/{slug}")
        self.page.wait_for_selector(at("stage-open"))

    def keep(self, name: str) -> None:
        if LOOK:
            self.page.screenshot(path=Path(LOOK) / f"{name}.png")


def sign(page: Any) -> int:
    """The pledge's own act; the number shown."""
    page.click(at("pledge-button"))
    return ordinal(page)


def freeze(one: Waiting, state: str) -> None:
    """What a system does with a page that nobody looks at: none of its timers runs."""
    one.context.new_cdp_session(one.page).send("Page.setWebLifecycleState", {"state": state})


def waiting(browser: Any, product: Product) -> tuple[float, list[Waiting]]:
    """Phones that stand before a campaign which has not begun, and its first second."""
    desk, tokens = Desk(browser, product), product.tokens(4)
    for ahead_seconds in AHEAD_SECONDS:
        slug = f"begins-in-{ahead_seconds}"
        opens = planned(desk, slug, ahead_seconds)
        phones = [Waiting(browser, product, token, slug, wrong)
                  for token, wrong in zip(tokens, (0, 5 * HOUR, -3 * HOUR, -7 * HOUR), strict=True)]
        if time.time() < opens - 5:
            return opens, phones
        for one in phones:
            one.context.close()
    raise AssertionError("this machine is never ready in time")


def test_pages_open_by_the_servers_clock_without_a_reload_and_what_was_done_counts(product, browser):
    opens, (*phones, sleeper) = waiting(browser, product)
    for one in phones:
        assert re.search(r"活动于 \d+月\d+日 \d\d:\d\d 开始", one.page.inner_text(at("phase")))
        assert not one.page.query_selector(at("start"))
    phones[0].keep("opening-before")
    freeze(sleeper, "frozen")
    for one in phones:
        one.page.wait_for_selector(at("start"), timeout=PATIENCE_MS)
        assert time.time() >= opens, "open before its first second"
    phones[0].keep("opening-open")
    freeze(sleeper, "active")
    sleeper.page.wait_for_selector(at("start"), timeout=PATIENCE_MS)
    for one in (*phones, sleeper):
        one.page.click(at("start"))
        one.page.click(at("age-adult"))
        one.page.click(at("place-skip"))
    assert [sign(one.page) for one in (*phones, sleeper)] == [1, 2, 3, 4]
    assert [len(one.loads) for one in (*phones, sleeper)] == [1, 1, 1, 1], "a page was loaded anew"
