"""A vote and a photo wall end to end: from the template to what a phone of 360 x 780 shows, through the desk of staff and back."""

from __future__ import annotations

import io
import json
import os
import time
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.browser.browsers import CHROMIUM, PLAIN, at, ordinal, password_of, phone, sign_in
from tests.browser.test_kinds import Desk, begin, page_of
from tests.product import Product
from tests.server.media.media_world import photograph

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240), pytest.mark.skipif(not CHROMIUM, reason="there is no Chromium")]
SETTINGS = {"WENMING_RELEASE_REVIEW": "off"}
# Pictures for a person to look at, where a folder is named.
LOOK = os.environ.get("WENMING_TEST_PICTURES", "")
JS_BYTES, ALL_BYTES = 40 * 1024, 300 * 1024


@pytest.fixture(scope="module")
def desk(browser, product):
    made = Desk(browser, product)
    for kind in ("vote", "photos"):
        made.released(kind)
    return made


@pytest.fixture(scope="module")
def photo(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("photos") / "city.jpg"
    path.write_bytes(photograph(3000, 2000))
    return path


def keep(page: Any, name: str) -> None:
    if LOOK:
        page.wait_for_timeout(600)
        page.screenshot(path=Path(LOOK) / f"{name}.png", full_page=True)


class Reviewer:
    """沈审核 at the staff's interface."""

    def __init__(self, browser: Any, product: Product) -> None:
        self.base, self._asked, self._csrf = f"http://127.0.0.1:{product.web}", browser.new_context().request, ""
        self._csrf = self.ask("POST", "session", {"name": "shenhe", "password": password_of(product, "shenhe")}).json()["csrf"]

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        answer = self._asked.fetch(f"{self.base}/api/v1/staff/{path}", method=method, data=body, headers={"X-CSRF-Token": self._csrf})
        assert answer.ok, answer.text()
        return answer


def choose(page: Any, *codes: str) -> None:
    for code in codes:
        page.click(f'{at("choice")}[data-code="{code}"]')


def test_without_scripts_the_candidates_are_in_the_page(product, browser, desk):
    page = browser.new_context(java_script_enabled=False, viewport={"width": 360, "height": 780}).new_page()
    page.goto(page_of(product, "vote"))
    text = page.inner_text("body")
    assert "候选人甲" in text and "候选人丙" in text and "事迹" in text
    keep(page, "vote-plain")


def test_wang_votes_and_sees_her_ballot_again(product, browser, desk):
    context = phone(browser)
    page = context.new_page()
    page.goto(page_of(product, "vote"))
    page.wait_for_selector(at("candidate"))
    keep(page, "vote-open")
    begin(page, product, "vote")
    page.wait_for_selector(at("choice"))
    assert page.is_disabled(at("vote-look"))
    choose(page, "c1", "c3", "c2")
    assert "最多选 2 位" in page.inner_text(at("chosen"))
    keep(page, "vote-choose")
    page.click(at("vote-look"))
    assert [one.inner_text() for one in page.query_selector_all(at("picked"))] == ["候选人甲", "候选人丙"]
    keep(page, "vote-look")
    page.click(at("vote-cast"))
    number = ordinal(page)
    page.wait_for_selector(at("own-ballot"))
    assert [one.inner_text() for one in page.query_selector_all(at("own-choice"))] == ["候选人甲", "候选人丙"]
    assert "截止" in page.inner_text(at("tally-when"))
    keep(page, "vote-result")
    again = context.new_page()
    again.goto(page_of(product, "vote"))
    assert ordinal(again) == number
    again.wait_for_selector(at("own-ballot"))
    other = context.new_page()
    other.add_init_script("localStorage.clear()")  # another phone of hers
    other.goto(page_of(product, "vote"))
    other.wait_for_selector(at("own-choice"))
    mine = json.loads(context.request.get(f"http://127.0.0.1:{product.web}/api/v1/campaigns/try-vote/ballots/me").body())
    assert mine["choices"] == ["c1", "c3"]


def test_a_candidate_who_is_suspended_in_between_is_said_and_another_can_be_chosen(product, browser, desk):
    page = phone(browser).new_page()
    begin(page, product, "vote")
    page.wait_for_selector(at("choice"))
    choose(page, "c2")
    desk.ask("PUT", "campaigns/try-vote/vote/candidates", {"code": "c2", "state": "suspended", "reason": "公示期内收到异议，正在核实"})
    time.sleep(1.2)  # what the server may remember
    page.click(at("vote-look"))
    page.click(at("vote-cast"))
    assert "正在核实" in page.wait_for_selector(at("refused")).inner_text()
    page.click(at("back"))
    page.click(at("start"))
    page.click(at("place-done"))
    page.wait_for_selector('.out[data-code="c2"]')
    keep(page, "vote-suspended")
    choose(page, "c1")
    assert "已选 1" in page.inner_text(at("chosen"))
    page.click(at("vote-look"))
    page.click(at("vote-cast"))
    assert ordinal(page) >= 1
    desk.ask("PUT", "campaigns/try-vote/vote/candidates", {"code": "c2", "state": "open", "reason": "异议不成立"})


def test_without_network_the_ballot_is_kept_and_cast_by_itself_later(product, browser, desk):
    context = phone(browser)
    page = context.new_page()
    begin(page, product, "vote")
    page.wait_for_selector(at("choice"))
    context.set_offline(True)
    choose(page, "c1")
    page.click(at("vote-look"))
    page.click(at("vote-cast"))
    page.wait_for_selector(at("kept"))
    context.set_offline(False)
    assert ordinal(page) >= 1
    assert page.wait_for_selector(at("own-choice")).inner_text() == "候选人甲"


def test_outside_wechat_one_may_try_and_nothing_is_sent(product, browser, desk, photo):
    for kind in ("vote", "photos"):
        page, sent = phone(browser, PLAIN).new_page(), []
        page.on("request", lambda asked, sent=sent: sent.append(f"{asked.method} {asked.url.rsplit('/', 1)[-1]}"))
        page.goto(page_of(product, kind))
        page.click(at("watch"))
        if kind == "vote":
            choose(page, "c1")
            page.click(at("vote-look"))
            page.click(at("vote-cast"))
        else:
            page.set_input_files(at("photo-file"), str(photo))
            page.click(at("photo-caption"))
            page.click(at("photo-give"))
        assert "没有计入" in page.wait_for_selector(at("not-counted")).inner_text()
        assert not [one for one in sent if one.startswith("POST") and "visits" not in one]


def test_for_the_elderly_nothing_is_cut_off(product, browser, desk):
    for kind in ("vote", "photos"):
        page = phone(browser).new_page()
        page.goto(page_of(product, kind))
        page.click("text=长辈版")
        begin(page, product, kind)
        page.wait_for_selector(at("choice" if kind == "vote" else "photo-send"))
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), kind
        keep(page, f"{kind}-elder")


def test_a_kind_keeps_the_budget_of_the_page(product, browser, desk):
    for kind in ("vote", "photos"):
        page, sizes = phone(browser).new_page(), {}  # a script that is counted and then imported comes once over the line
        page.on("response", lambda answer, sizes=sizes: sizes.update({answer.url: int(answer.headers.get("content-length", "0"))}))
        page.goto(page_of(product, kind))
        page.wait_for_selector(at("start"))
        own = {url: size for url, size in sizes.items() if "/sandbox/" not in url}
        assert 0 < sum(size for url, size in own.items() if url.endswith(".js")) <= JS_BYTES, own
        assert sum(own.values()) <= ALL_BYTES, own


def test_a_photo_goes_up_is_approved_stands_on_the_wall_and_is_taken_back(product, browser, desk, photo):
    context, reviewer = phone(browser), Reviewer(browser, product)
    page = context.new_page()
    page.goto(page_of(product, "photos"))
    page.wait_for_selector(at("photo-wall"))
    keep(page, "photos-open")
    begin(page, product, "photos")
    page.wait_for_selector(at("photo-send"))
    assert page.is_disabled(at("photo-give"))
    page.set_input_files(at("photo-file"), str(photo))
    page.wait_for_selector(at("photo-preview"))
    page.fill(at("photo-words"), "江边的清晨")
    keep(page, "photos-send")
    page.click(at("photo-give"))
    assert ordinal(page) >= 1
    assert "等待审核" in page.wait_for_selector(at("own-photo")).inner_text()
    keep(page, "photos-result")
    [waiting] = reviewer.ask("GET", "campaigns/try-photos/items").json()["items"]
    assert waiting["parts"][0]["text"] == "江边的清晨"
    whole = waiting["pictures"][0].removeprefix("/api/v1/staff/").removesuffix("?size=tile")
    picture = Image.open(io.BytesIO(reviewer.ask("GET", whole).body()))
    assert max(picture.size) == 1440
    reviewer.ask("POST", "campaigns/try-photos/items/decisions", {"items": [{"kind": "photo", "id": waiting["id"]}], "approve": True})
    page.reload()
    page.wait_for_selector(f'{at("own-photo")}[data-state="approved"]')
    tile = page.wait_for_selector(f'{at("photo-tile")} img')
    page.wait_for_function("document.querySelector('[data-testid=photo-tile] img').naturalWidth > 0")
    assert tile.get_attribute("alt") == "江边的清晨"
    keep(page, "photos-wall")
    for _ in range(2):
        page.click(at("photo-withdraw"))
    page.wait_for_selector(at("photo-said"))
    assert context.request.get(f"http://127.0.0.1:{product.web}/api/v1/campaigns/try-photos/photos").json()["items"] == []


def test_a_child_sends_no_photo(product, browser, desk):
    page = phone(browser).new_page()
    begin(page, product, "photos", age="child")
    page.wait_for_selector(at("photo-child"))
    keep(page, "photos-child")
    page.click(at("photo-look"))
    page.wait_for_selector(at("photo-wall"))
    assert page.query_selector(at("photo-file")) is None


def test_staff_see_the_figures_suspend_enter_paper_ballots_and_prove_the_tally(product, browser, desk):
    context = browser.new_context(viewport={"width": 1440, "height": 1000}, locale="zh-CN")
    page = context.new_page()
    sign_in(page, product, "admin", "campaigns/try-vote")
    page.wait_for_selector(at("vote-figures"))
    page.click(at("paper-new"))
    page.fill(f'{at("paper-origin")} input, input{at("paper-origin")}', "东铺头街道投票点")
    page.fill(f'{at("paper-reason")} input, input{at("paper-reason")}', "社区设点投票，两人唱票")
    page.fill(f'{at("paper-votes")} input', "1")
    keep(page, "console-paper")
    page.click(at("paper-enter"))
    entered = page.wait_for_selector(at("paper")).inner_text()
    assert "东铺头街道" in entered and "等待另一人同意" in entered and page.query_selector(at("paper-consent")) is None
    [paper] = desk.ask("GET", "campaigns/try-vote/vote/papers")["items"]
    Reviewer(browser, product).ask("POST", f"campaigns/try-vote/vote/papers/{paper['id']}/consent", {})
    page.reload()
    page.wait_for_selector(at("vote-figures"))
    assert "同意人 shenhe" in page.wait_for_selector(at("paper")).inner_text()
    page.click(at("vote-audit"))
    assert "一致" in page.wait_for_selector(at("vote-audited")).inner_text()
    keep(page, "console-vote")
    page.click(at("vote-suspend"))
    page.fill(f'{at("vote-reason")} input, input{at("vote-reason")}', "正在核实")
    page.click(at("vote-bar"))
    page.wait_for_selector(at("vote-restore"))
    for width, shade in ((375, "light"), (1024, "dark"), (1440, "dark")):
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=shade)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), width
        keep(page, f"console-vote-{width}-{shade}")
    for kind in ("vote", "photos"):
        desk.ask("POST", "campaigns", {"template": kind, "slug": f"draft-{kind}", "opens_at": "2030-01-01T00:00:00+08:00",
                                       "closes_at": "2030-02-01T00:00:00+08:00"})
        for width, shade in ((375, "dark"), (1440, "light")):
            page.set_viewport_size({"width": width, "height": 900})
            page.emulate_media(color_scheme=shade)
            page.goto(f"http://127.0.0.1:{product.web}/console/campaigns/draft-{kind}/draft")
            page.wait_for_selector(at(f"kind-{kind}"))
            if kind == "vote" and width == 1440:
                page.click(f"{at('candidate')} .vote-fold")
            keep(page, f"console-{kind}-card-{width}")
