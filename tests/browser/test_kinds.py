"""Every kind of campaign end to end: a template by the staff's interface, released, and done on a phone of 360 x 780."""

from __future__ import annotations

import io
import re
from datetime import datetime, timedelta
from typing import Any

import pytest
import zxingcpp
from PIL import Image

from server.clock import SHANGHAI
from tests.browser.browsers import CHROMIUM, PLAIN, at, ordinal, password_of, phone
from tests.product import ROOT, Product

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180), pytest.mark.skipif(not CHROMIUM, reason="there is no Chromium")]
SETTINGS = {"WENMING_RELEASE_REVIEW": "off"}
JS_BYTES, ALL_BYTES = 40 * 1024, 300 * 1024
AXE = ROOT / "h5" / "node_modules" / "axe-core" / "axe.min.js"
REGIONS = "code,name,kind,parent,order,population\n350602,芗城区,region,350600,1,\ndeclined,不便选择,own,,2,\n"
KINDS = ("pledge", "quiz", "messages")
ORGANISER = {"name": "市文明办", "icp": "闽ICP备00000000号", "police": "闽公网安备35060000000000号", "telephone": "0596-0000000",
             "responsible_person": "值班室", "report_url": "https://www.12377.cn/"}


class Desk:
    """林编辑 at the staff's interface."""

    def __init__(self, browser: Any, product: Product) -> None:
        self.base, self._asked = f"http://127.0.0.1:{product.web}", browser.new_context().request
        self._csrf = ""
        self._csrf = self.ask("POST", "session", {"name": "bianji", "password": password_of(product, "bianji")})["csrf"]

    def ask(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        answer = self._asked.fetch(f"{self.base}/api/v1/staff/{path}", method=method, data=body, headers={"X-CSRF-Token": self._csrf})
        assert answer.ok, answer.text()
        found: dict[str, Any] = answer.json()
        return found

    def released(self, kind: str) -> dict[str, Any]:
        """A campaign of this kind from its template, open for two days."""
        now, slug = datetime.now(SHANGHAI).replace(microsecond=0), f"try-{kind}"
        self.ask("POST", "campaigns", {"template": kind, "slug": slug, "opens_at": (now - timedelta(hours=1)).isoformat(),
                                       "closes_at": (now + timedelta(days=2)).isoformat(), "organiser": ORGANISER})
        self.ask("POST", f"campaigns/{slug}/places", {"kind": "regions", "csv": REGIONS})
        draft = self.ask("GET", f"campaigns/{slug}/draft")
        for candidate in draft["content"]["rules"].get("candidates", ()):  # samples are not published
            candidate["text"] = "二十年如一日，照顾社区里独居的老人。"
        self.ask("PUT", f"campaigns/{slug}/draft", {"rev": draft["rev"], "content": draft["content"]})
        warnings = [item["key"] for item in self.ask("GET", f"campaigns/{slug}/checklist")["items"] if item["state"] == "warning"]
        self.ask("POST", f"campaigns/{slug}/release", {"confirmed": warnings})
        return draft["content"]


@pytest.fixture(scope="module")
def contents(browser, product) -> dict[str, dict[str, Any]]:
    desk = Desk(browser, product)
    return {kind: desk.released(kind) for kind in KINDS}


def page_of(product: Product, kind: str) -> str:
    return f"http://127.0.0.1:{product.web}/c/try-{kind}"


def begin(page: Any, product: Product, kind: str, age: str = "adult") -> None:
    """Sign in as a new citizen and come to the act; inside WeChat the sign-in asks nothing, here it asks who this is."""
    page.goto(page_of(product, kind))
    page.click(at("start"))
    page.click(at(f"age-{age}"))
    page.wait_for_url(re.compile("connect/oauth2/authorize"))
    page.click("text=新建一位市民")
    page.click(at("place-skip"))


def answer_all(page: Any, rules: dict[str, Any], right: bool = True) -> None:
    """Answer each question as it stands on the screen."""
    known = {question["text"]: question for question in rules["questions"]}
    for _ in range(rules["asked"]):
        question = known[page.inner_text(at("question"))]
        codes = question["right"] if right else [next(o["code"] for o in question["options"] if o["code"] not in question["right"])]
        for code in codes:
            page.click(f'{at("option")}[data-code="{code}"]')
        page.click(f'{at("quiz-next")}, {at("quiz-hand")}')


def act(page: Any, kind: str, content: dict[str, Any]) -> None:
    if kind == "pledge":
        page.click(at("pledge-button"))
    elif kind == "quiz":
        answer_all(page, content["rules"])
    else:
        page.click(at("preset"))
        page.click(at("words-send"))


def grave(page: Any) -> list[str]:
    """What axe finds serious or critical."""
    page.wait_for_timeout(400)
    page.evaluate(AXE.read_text("utf-8"))
    found = page.evaluate("axe.run().then((result) => result.violations)")
    return [f"{one['id']}: {[node['html'][:120] for node in one['nodes']]}" for one in found if one["impact"] in ("serious", "critical")]


@pytest.mark.parametrize("kind", KINDS)
class TestEveryKind:
    def test_from_the_template_to_the_number_the_poster_and_the_same_number_again(self, product, browser, contents, kind):
        context = phone(browser)
        page = context.new_page()
        begin(page, product, kind)
        act(page, kind, contents[kind])
        number = ordinal(page)
        assert number >= 1
        jpeg = context.request.get(f"http://127.0.0.1:{product.web}/api/v1/campaigns/try-{kind}/posters/me.jpg").body()
        code = zxingcpp.read_barcode(Image.open(io.BytesIO(jpeg)))
        assert code is not None and context.request.get(code.text).url.split("?")[0] == page_of(product, kind)
        again = context.new_page()
        again.goto(page_of(product, kind))
        assert ordinal(again) == number

    def test_outside_wechat_all_of_it_can_be_done_and_says_that_it_does_not_count(self, product, browser, contents, kind):
        page = phone(browser, PLAIN).new_page()
        sent: list[str] = []
        page.on("request", lambda asked: sent.append(f"{asked.method} {asked.url.rsplit('/', 1)[-1]}"))
        page.goto(page_of(product, kind))
        assert "请在微信中打开" in page.inner_text(at("what-counts"))
        page.click(at("watch"))
        act(page, kind, contents[kind])
        assert "没有计入" in page.inner_text(at("not-counted"))
        assert page.query_selector(at("ordinal")) is None
        assert not [one for one in sent if one in ("POST participations", "POST messages")]

    def test_without_network_the_act_is_kept_and_gets_its_number_later(self, product, browser, contents, kind):
        context = phone(browser)
        page = context.new_page()
        begin(page, product, kind)
        if kind == "quiz":
            page.wait_for_selector(at("question"))
        context.route("**/participations", lambda route: route.abort())
        context.route("**/paper/answers", lambda route: route.abort())
        act(page, kind, contents[kind])
        page.wait_for_selector(at("kept"))
        assert page.query_selector(at("ordinal")) is None
        context.unroute("**/participations")
        context.unroute("**/paper/answers")
        page.reload()
        assert ordinal(page) >= 1

    def test_a_child_is_counted_and_leaves_nothing(self, product, browser, contents, kind):
        context = phone(browser)
        page = context.new_page()
        sent: list[str] = []
        page.on("request", lambda asked: sent.append(f"{asked.method} {asked.url.rsplit('/', 1)[-1]}"))
        begin(page, product, kind, "child")
        assert page.query_selector(f"{at('sign-field')}, {at('own-words')}") is None
        act(page, kind, contents[kind])
        assert ordinal(page) >= 1
        page.wait_for_timeout(500)
        assert "POST messages" not in sent
        assert page.evaluate(f"Object.keys(localStorage).filter((name) => name === 'wenming.own.try-{kind}')") == []

    def test_it_keeps_its_budget_and_breaks_nothing(self, product, browser, contents, kind):
        page = phone(browser).new_page()
        sizes: dict[str, int] = {}
        problems: list[str] = []
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("response", lambda r: sizes.update({r.url: int(r.headers.get("content-length", 0))}))
        page.goto(page_of(product, kind))
        page.wait_for_selector(at("start"))
        page.wait_for_timeout(500)
        own = {url: n for url, n in sizes.items() if "/sandbox/" not in url}
        assert 0 < sum(n for url, n in own.items() if url.endswith(".js")) <= JS_BYTES, own
        assert sum(own.values()) <= ALL_BYTES, own
        assert problems == [] and not page.is_visible(at("flag"))

    def test_without_javascript_it_says_what_this_is_and_what_to_do(self, product, browser, contents, kind):
        page = phone(browser, java_script_enabled=False).new_page()
        page.goto(page_of(product, kind))
        text = page.inner_text("body")
        assert contents[kind]["title"] in text and "主办：市文明办" in text and "请用手机微信打开本页" in text and "国旗升起" not in text

    def test_people_who_see_or_hear_it_differently_can_do_it(self, product, browser, contents, kind):
        page = phone(browser, PLAIN, reduced_motion="reduce").new_page()
        page.goto(page_of(product, kind))
        page.wait_for_selector(at("watch"))
        assert grave(page) == []
        page.click(at("watch"))
        page.wait_for_selector(f"{at('sign')}, {at('question')}, {at('write')}")
        assert grave(page) == []
        act(page, kind, contents[kind])
        page.wait_for_selector(at("not-counted"))
        assert grave(page) == []

    @pytest.mark.parametrize("large", [False, True])
    def test_nothing_is_cut_off_in_the_largest_letters(self, product, browser, contents, kind, large):
        page = phone(browser, PLAIN).new_page()
        page.goto(page_of(product, kind))
        if large:
            page.click(at("elder"))
        for step in ("watch", None):
            if step:
                page.click(at(step))
            page.wait_for_timeout(300)
            assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
            cut = page.evaluate("""Array.from(document.querySelectorAll('#app button, #app p, #app h1, #app h2')).filter((e) =>
                e.offsetParent && (e.getBoundingClientRect().right > innerWidth + 1 || e.scrollWidth > e.clientWidth + 1)
                && !e.classList.contains('sr')).map((e) => e.textContent)""")
            assert cut == []


class TestAPledge:
    def test_a_signature_stays_on_the_phone_and_on_the_certificate(self, product, browser, contents):
        context = phone(browser)
        page = context.new_page()
        bodies: list[str] = []
        page.on("request", lambda asked: bodies.append(asked.post_data or ""))
        begin(page, product, "pledge")
        field = page.wait_for_selector(at("sign-field"))
        field.scroll_into_view_if_needed()
        box = field.bounding_box()
        assert box is not None
        page.mouse.move(box["x"] + 40, box["y"] + 30)
        page.mouse.down()
        for x, y in ((90, 70), (140, 30), (200, 80), (260, 40)):
            page.mouse.move(box["x"] + x, box["y"] + y, steps=4)
        page.mouse.up()
        assert page.inner_text(at("pledge-button")) == "签名并承诺"
        page.click(at("pledge-button"))
        assert ordinal(page) >= 1 and page.wait_for_selector(f"{at('signature')} path").get_attribute("d").startswith("M")
        assert not [body for body in bodies if "M" in body and "L" in body and "own" in body]
        page.click(at("footer-privacy"))
        page.click(at("delete"))
        page.click(at("delete-confirm"))
        page.wait_for_selector(at("notice"))
        assert page.evaluate("localStorage.getItem('wenming.own.try-pledge')") is None


class TestAQuiz:
    def test_right_answers_come_with_the_result_alone_and_answering_again_counts_once(self, product, browser, contents):
        rules = contents["quiz"]["rules"]
        context = phone(browser)
        page = context.new_page()
        seen: list[str] = []
        page.on("response", lambda r: seen.append(r.text()) if "/api/" in r.url and r.request.resource_type == "fetch" else None)
        begin(page, product, "quiz")
        page.wait_for_selector(at("question"))
        before = "".join(seen) + page.content()
        assert not [one["why"] for one in rules["questions"] if one["why"] in before] and '"right"' not in before
        answer_all(page, rules, right=False)
        number = ordinal(page)
        assert page.wait_for_selector(at("score")).get_attribute("data-value") == "0"
        assert page.locator(at("judged")).count() == rules["asked"]
        page.click(at("again"))
        answer_all(page, rules)
        assert ordinal(page) == number
        assert page.wait_for_selector(at("score")).get_attribute("data-value") == str(rules["asked"])


class TestAWall:
    def test_own_words_wait_for_a_reviewer_and_a_preset_is_on_the_wall(self, product, browser, contents):
        page = phone(browser).new_page()
        begin(page, product, "messages")
        page.fill(at("own-words"), "愿家乡的荔枝年年红")
        page.fill(at("own-name"), "林小禾")
        page.click(at("words-send"))
        assert "审核后展示" in page.wait_for_selector(at("words-said")).inner_text()
        reader = phone(browser).new_page()
        begin(reader, product, "messages")
        reader.click(at("preset"))
        reader.click(at("words-send"))
        reader.wait_for_selector(at("words-said"))
        visitor = phone(browser, PLAIN).new_page()
        visitor.goto(page_of(product, "messages"))
        wall = visitor.wait_for_selector(at("wall-item")) and visitor.inner_text(at("wall"))
        assert contents["messages"]["presets"][0]["text"] in wall and "荔枝" not in wall

    def test_words_that_may_not_stand_are_refused_and_can_be_written_anew(self, product, browser, contents):
        page = phone(browser).new_page()
        begin(page, product, "messages")
        page.fill(at("own-words"), "好")
        page.fill(at("own-name"), "abc")
        page.click(at("words-send"))
        assert ordinal(page) >= 1
        assert "姓名请填写汉字" in page.wait_for_selector(at("words-problem")).inner_text()
        page.click(at("preset"))
        page.click(at("words-send"))
        assert "已经上墙" in page.wait_for_selector(at("words-said")).inner_text()
