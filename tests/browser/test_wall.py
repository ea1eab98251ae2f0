"""The wall in a real browser, through what a week does to it: a burst, a cut line, a Redis that restarts, midnight; and on stage.

Every figure that it shows is written down by the page itself, 20 times a second.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from server.clock import day_bounds, day_of
from tests.app_world import campaign
from tests.browser.browsers import CHROMIUM, at, enter
from tests.browser.wall_world import WallWorld
from tests.faults.tcp_proxy import Trouble

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240), pytest.mark.skipif(not CHROMIUM, reason="there is no Chromium")]
WALL = {"width": 1920, "height": 1080}
PASSWORD = "国旗下的清晨-2026"
# A machine that does other things too.
SOON = 45_000
# What the wall shows, with the period that it belongs to. No sample before there is any figure.
SAMPLER = """
window.shown = [];
setInterval(() => {
  const total = document.querySelector('[data-testid=total]');
  const digits = total ? total.textContent.replace(/[^0-9]/g, '') : '';
  if (digits) window.shown.push([total.dataset.period, Number(digits)]);
}, 50);
"""


@pytest.fixture(scope="module")
def world() -> Iterator[WallWorld]:
    # Not pytest's folder: the path of a socket has at most 108 bytes.
    with tempfile.TemporaryDirectory(prefix="wenming-wall-") as name, pytest.MonkeyPatch.context() as patch:
        made = WallWorld(Path(name), patch).start()
        made.run(made.add(made.daily(), "scheduled", "open"))
        yield made
        made.stop()


def link_to(world: WallWorld, view: str = "wall", slug: str = "salute-the-flag") -> tuple[str, str]:
    """Where a television goes, and what its link is called."""
    url, kiosk = world.run(world.services.kiosks.make(slug, view, "市民中心大厅", 1, "xiao.zhao", world.clock()))
    return f"{world.base}/k/{url.rpartition('/')[2]}", kiosk.id


def open_wall(browser: Browser, address: str, **viewport: int) -> Page:
    context = browser.new_context(viewport=viewport or WALL, locale="zh-CN")
    context.set_default_timeout(SOON)
    page = context.new_page()
    page.add_init_script(SAMPLER)
    page.goto(address)
    return page


def shows(page: Page, count: int) -> None:
    expect(page.locator(at("total"))).to_have_text(f"{count:,}人", timeout=SOON)


def samples(page: Page) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    written: list[Any] = page.evaluate("() => window.shown")
    for period, n in written:
        found.setdefault(period, []).append(n)
    return found


def test_through_a_burst_a_cut_line_a_redis_restart_and_midnight_the_total_never_falls_and_ends_right(
        world: WallWorld, browser: Browser) -> None:
    address, kiosk = link_to(world)
    page = open_wall(browser, address)
    shows(page, 0)
    assert page.url.endswith("/screen/salute-the-flag"), "the address bar holds no key"

    world.run(world.salutes(200))
    shows(page, 200)

    world.proxy.trouble = Trouble(refused=True)
    world.proxy.cut()
    expect(page.locator(".connection")).to_have_class(re.compile("look"), timeout=SOON)
    world.run(world.salutes(60))
    assert page.inner_text(at("total")).startswith("200"), "what it knew stays, and its age is told"
    world.proxy.trouble = Trouble()
    shows(page, 260)
    expect(page.locator(".connection")).to_have_text("实时连接", timeout=SOON)

    world.restart_redis()
    world.run(world.salutes(60))
    shows(page, 320)

    today = day_of(world.clock())
    world.offset += day_bounds(today)[1] - world.clock() - 2
    tomorrow = day_of(day_bounds(today)[1])
    expect(page.locator(at("total"))).to_have_attribute("data-period", tomorrow, timeout=SOON)
    shows(page, 0)
    world.run(world.salutes(50))
    shows(page, 50)

    shown = samples(page)
    assert list(shown) == [today, tomorrow], "the old day never came back"
    for period, numbers in shown.items():
        assert numbers == sorted(numbers), f"the total of {period} fell"
    assert len(set(shown[today])) > 4, "it counted up"
    assert {period: numbers[-1] for period, numbers in shown.items()} == world.run(world.audited()) == {today: 320, tomorrow: 50}

    world.run(world.services.kiosks.revoke("salute-the-flag", kiosk, "xiao.zhao", world.clock()))
    expect(page.locator(at("dark"))).to_be_visible(timeout=SOON)
    page.context.close()


def test_a_leaders_phone_says_how_many_there_are_without_a_tap(world: WallWorld, browser: Browser) -> None:
    address, _ = link_to(world, "phone")
    page = open_wall(browser, address, width=375, height=780)
    participants = world.run(world.services.live.counters("salute-the-flag", None, world.clock()))["participants"]
    shows(page, participants)
    expect(page.locator(at("as-of"))).to_have_text(re.compile(r"截至 \d\d:\d\d:\d\d"))
    assert page.evaluate("() => document.documentElement.scrollWidth") == 375
    page.context.close()


def test_one_press_on_stage_opens_the_campaign_and_the_hall_sees_the_wall(world: WallWorld, browser: Browser) -> None:
    now = int(world.clock())
    world.run(world.add(campaign(slug="stage", title="启动活动", opens_at=now + 1800, closes_at=now + 86400), "scheduled"))
    world.run(world.services.staff.create("xiao.zhao", "operator", PASSWORD, world.clock()))
    hall = open_wall(browser, link_to(world, slug="stage")[0])
    shows(hall, 0)
    world.run(world.services.ceremonies.arm("stage", "xiao.zhao", world.clock()))
    expect(hall.locator(at("ceremony"))).to_be_visible(timeout=SOON)
    expect(hall.locator(at("press"))).to_have_count(0)

    stage = open_wall(browser, f"{world.base}/screen/stage")
    enter(stage, "xiao.zhao", PASSWORD)
    stage.click(at("press"))
    for page in (stage, hall):
        expect(page.locator(at("total"))).to_be_visible(timeout=SOON)
    opened = world.run(world.services.campaigns.get("stage"))
    assert (opened.state, opened.opens_at < now + 1800) == ("open", True)
    for page in (stage, hall):
        page.context.close()
