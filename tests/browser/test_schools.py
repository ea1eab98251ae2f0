"""Schools in the running product and a real browser: from the letter to the teacher's phone, to page, wall and report; a classroom's
board; a parent with her child."""

from __future__ import annotations

import json
import urllib.request
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.browsers import CHROMIUM, at, ordinal, phone, sign_in
from tests.browser.test_citizen_way import eventually, sign_in_as_chosen
from tests.product import Product

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240), pytest.mark.skipif(not CHROMIUM, reason="there is no Chromium")]
UNIT, NAME = "yanshi-xiaoxue-01", "演示芗城第一小学"
SLUG = "salute-the-flag"


def address(product: Product, path: str) -> str:
    return f"http://127.0.0.1:{product.web}{path}"


def counters(product: Product) -> dict[str, Any]:
    with urllib.request.urlopen(address(product, f"/api/v1/campaigns/{SLUG}/counters"), timeout=5) as answer:
        return json.load(answer)


class TestASchool:
    def test_from_the_letter_over_the_teachers_phone_to_every_figure_and_out_again(self, product, browser):
        desk = browser.new_context(viewport={"width": 1440, "height": 900}, locale="zh-CN", reduced_motion="reduce").new_page()
        sign_in(desk, product, "admin", "schools")
        desk.fill(f"{at('school-find')} input, input{at('school-find')}", "ysxcdyxx")
        desk.click(at(f"school-{UNIT}"))
        with desk.expect_popup() as opened:
            desk.click(at("letter"))
        letter = opened.value
        letter.wait_for_load_state()
        expect(letter.locator("article")).to_have_count(1)
        expect(letter.locator(".to")).to_contain_text(NAME)
        code, way = letter.locator(".code b").inner_text(), letter.locator(".address").first.inner_text()

        wall = desk.context.new_page()
        wall.goto(address(product, f"/screen/{SLUG}"))
        wall.wait_for_selector(at("total"))
        assert wall.query_selector(at("groups")) is None
        before = counters(product)["participants"]

        teacher = phone(browser).new_page()
        teacher.goto(way)
        sign_in_as_chosen(teacher)
        teacher.fill(at("code"), code.lower())
        teacher.click(at("enter"))
        expect(teacher.locator(at("school"))).to_have_text(NAME)
        for number, people in (("2", "45"), ("3", "40")):
            teacher.select_option(at("grade"), "p3")
            teacher.fill(at("number"), number)
            teacher.fill(at("people"), people)
            teacher.click(at("report"))
            expect(teacher.locator(at("done"))).to_contain_text(f"三年级{number}班 {people} 人")
        expect(teacher.locator(at("group"))).to_have_text("85")
        assert teacher.evaluate("document.documentElement.scrollWidth") <= 360

        eventually(lambda: counters(product)["group_reported"] == 85)
        assert counters(product)["participants"] == before
        expect(wall.locator(at("groups"))).to_contain_text("85")
        citizen = phone(browser).new_page()
        citizen.goto(address(product, f"/c/{SLUG}"))
        expect(citizen.locator(at("group-total"))).to_contain_text("85")

        desk.goto(address(product, "/console/schools?show=reports"))
        row = desk.locator("tbody tr", has_text="三年级3班")
        row.locator(at("void")).click()
        desk.fill(f"{at('void-reason')} input, input{at('void-reason')}", "报错了班")
        desk.click(at("void-go"))
        expect(row.locator(at("report-state"))).to_contain_text("已作废")
        eventually(lambda: counters(product)["group_reported"] == 45)
        expect(wall.locator(at("groups"))).to_contain_text("45")

        csrf = desk.context.request.get(address(product, "/api/v1/staff/session")).json()["csrf"]
        asked = desk.context.request.post(address(product, f"/api/v1/staff/campaigns/{SLUG}/reports"), data={},
                                          headers={"X-CSRF-Token": csrf}).json()
        report = {}

        def made() -> bool:
            report.update(desk.context.request.get(address(product, f"/api/v1/staff/reports/{asked['number']}")).json())
            return report["state"] == "made"

        eventually(made, 40)
        assert report["group_reported"] == 45
        teacher.reload()
        expect(teacher.locator(at("group"))).to_have_text("45")
        expect(teacher.locator(at("row-p3-3"))).to_have_count(0)


class TestAClassroom:
    def test_its_board_holds_one_ceremony_by_the_space_key_without_the_line(self, product, browser):
        context = browser.new_context(viewport={"width": 1920, "height": 1080}, locale="zh-CN", reduced_motion="reduce")
        page = context.new_page()
        problems: list[str] = []
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.goto(address(product, f"/class/{SLUG}?u={UNIT}"))
        expect(page.locator("#head")).to_have_text("请全体起立")
        page.wait_for_load_state("networkidle")
        context.set_offline(True)
        for width, height in ((1920, 1080), (1366, 768)):
            page.set_viewport_size({"width": width, "height": height})
            page.keyboard.press("Space")
            expect(page.locator("#text")).to_contain_text("少先队员敬队礼")
            flag = page.locator(at("flag")).bounding_box()
            words = page.locator("#head").bounding_box()
            assert flag["width"] / flag["height"] == pytest.approx(1.5, abs=0.01)
            assert flag["x"] >= 0 and flag["y"] >= 0 and flag["x"] + flag["width"] < words["x"]
            expect(page.locator(at("board"))).to_have_attribute("data-step", "done", timeout=30_000)
            codes = page.locator(".code")
            expect(codes).to_have_count(2)
            for n in range(2):
                box = codes.nth(n).bounding_box()
                assert box["y"] >= 0 and box["y"] + box["height"] <= height and box["x"] + box["width"] <= width
            assert page.locator("#go").bounding_box()["y"] + page.locator("#go").bounding_box()["height"] <= height
            page.keyboard.press("Space")
            expect(page.locator("#head")).to_have_text("请全体起立")
        assert problems == []
        context.close()


class TestAParent:
    def test_once_more_with_the_child_gives_no_second_number(self, product, browser):
        page = phone(browser, reduced_motion="reduce").new_page()
        page.goto(address(product, f"/c/{SLUG}"))
        page.click(at("start"))
        page.click(at("age-adult"))
        sign_in_as_chosen(page)
        page.click(at("place-skip"))
        page.click(at("manner-citizen"))
        page.click(at("salute-button"))
        number = ordinal(page)
        expect(page.locator(at("durable"))).to_have_attribute("data-durable", "true", timeout=40_000)  # her own receipt is sent no more
        before = counters(product)["participants"]
        sent: list[str] = []
        page.on("request", lambda asked: sent.append(asked.url) if asked.method == "POST" else None)
        page.click(at("with-child"))
        page.click(at("manner-pioneer"))
        page.click(at("salute-button"))
        expect(page.locator(at("together"))).to_contain_text("与孩子一起")
        expect(page.locator(at("together"))).to_contain_text("没有新的序号")
        assert page.query_selector(at("ordinal")) is None
        assert [url for url in sent if "participations" in url] == []
        page.click(at("together-back"))
        assert ordinal(page) == number
        assert counters(product)["participants"] == before
