"""One campaign's whole way in the running product: from 新建活动 to the audit log that names every step, each by the person whose it is.

林编辑 (bianji) writes it. 何初审 (shenhe), 陈复审 (chen.fushen, whose account is new today) and 周主任, who has no account, review it.
王小红 salutes and leaves words. 小赵 on duty (zhiban) takes it down. 吴审计 (shenji) reads what everybody did.
"""

from __future__ import annotations

import io
import json
import re
from datetime import datetime, timedelta
from typing import Any

import pytest
import zxingcpp
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, expect

from server.clock import SHANGHAI, iso, spoken
from tests.browser.browsers import CHROMIUM, PLAIN, at, console, enter, password_of, phone, salute
from tests.browser.test_builder import fill, kept, kinds
from tests.browser.test_citizen_way import eventually
from tests.browser.test_console import inside
from tests.browser.test_moderation import Api
from tests.product import Product

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300), pytest.mark.skipif(not CHROMIUM, reason="there is no Chromium")]
SETTINGS = {"WENMING_RELEASE_REVIEW": "on"}
TITLE, ORGANISER = "红旗飘飘", "市精神文明建设办公室"
WRONG, RIGHT = "晨光里国旗升起，请肃力。", "晨光里国旗升起，请肃立。"
WORDS = "愿家乡的荔枝年年红"
REPORT_URL = "https://www.12377.cn/"
FOOTER = {"name": ORGANISER, "telephone": "0596-0000000", "icp": "闽ICP备00000000号", "police": "闽公网安备35060000000000号",
          "responsible_person": "值班室", "report_url": REPORT_URL}
STEPS = {"初审": "shenhe", "复审": "chen.fushen", "终审": "周主任"}
# Time to fill in the form of a timed release, before its minute is there.
FORM_SECONDS = 8
# What happens by the clock or in a job, on a machine that does other things too.
SOON = 75_000
DONE = [
    ("bianji", "活动 · 新建"), ("bianji", "地区与单位 · 沿用"), ("bianji", "草稿 · 修改"), ("admin", "审核 · 审核步骤"),
    ("bianji", "审核 · 提交"), ("shenhe", "审核 · 通过"), ("chen.fushen", "审核 · 通过"),
    ("admin", "审核 · 发手机链接"), ("周主任", "审核 · 通过"),
    ("bianji", "活动 · 定时发布"), ("bianji", "草稿 · 预览"), ("bianji", "活动 · 发布"),
    ("bianji", "更正 · 开始"), ("shenhe", "审核 · 通过"), ("zhiban", "活动 · 撤下")]


def sit_down(browser: Browser, product: Product, name: str, password: str = "") -> Page:
    """A member of staff signs in at a desk of her own."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, locale="zh-CN", reduced_motion="reduce")
    context.set_default_timeout(15_000)
    page = context.new_page()
    page.goto(console(product, "campaigns"))
    enter(page, name, password or password_of(product, name))
    expect(page.locator("h1").first).to_have_text(re.compile("^(活动|请把初始密码改成只有您知道的密码)$"))
    return page


def says(page: Page, text: str) -> None:
    """What the console says at its edge."""
    expect(page.locator(".el-notification", has_text=text).first).to_be_visible()


def sure(page: Page, button: str) -> None:
    page.locator(".el-message-box").get_by_role("button", name=button, exact=True).click()


def tab(page: Page, name: str) -> None:
    page.locator(".desk-tabs").get_by_role("link", name=name, exact=True).click()


def pick(page: Page, label: str, text: str) -> None:
    """Write a moment into its field, as who is faster with keys does."""
    field = page.get_by_role("combobox", name=label, exact=True)
    field.fill(text)
    field.press("Tab")
    expect(field).to_have_value(text)


def seen_by_camera(page: Page) -> str:
    """What a phone reads from the code on the screen."""
    code = page.locator(f"{at('ticket')} img")
    expect(code).to_be_visible()
    [found] = zxingcpp.read_barcodes(Image.open(io.BytesIO(code.screenshot())))
    page.keyboard.press("Escape")
    return str(found.text)


def refusal(page: Page, product: Product, method: str, path: str, body: Any) -> str:
    """What the interface answers to a member who goes round the page."""
    base, requests = f"http://127.0.0.1:{product.web}/api/v1/staff", page.context.request
    csrf = requests.get(f"{base}/session").json()["csrf"]
    answer = requests.fetch(f"{base}/{path}", method=method, data=body, headers={"X-CSRF-Token": csrf})
    assert answer.status == 409, answer.text()
    return str(answer.json()["error"]["message"])


# The steps, in the order of the story


def new_reviewer(admin: Page, browser: Browser, product: Product) -> Page:
    """陈复审 gets an account from the admin, and sets a password of her own."""
    admin.goto(console(product, "members"))
    admin.click(at("new-member"))
    fill(admin, "member-name", "chen.fushen")
    admin.get_by_role("combobox", name="角色").press("Enter")  # the chosen one lies over the field
    admin.get_by_role("option", name="审核员").click()
    admin.click(at("member-create"))
    first = admin.inner_text(at("password-once"))
    admin.click(at("password-kept"))
    chen = sit_down(browser, product, "chen.fushen", first)
    fill(chen, "old-password", first)
    for name in ("new-password", "new-password-again"):
        fill(chen, name, "国旗下的清晨-2026")
    chen.get_by_role("button", name="修改密码").click()
    expect(chen.locator("#main h1")).to_have_text("活动")
    return chen


def build(lin: Page) -> str:
    """林编辑 walks through the wizard, lets citizens write, arranges the page. Its slug."""
    lin.click(at("new-campaign"))
    lin.click(at("template-salute"))
    fill(lin, "new-title", TITLE)
    lin.click(at("new-next"))
    today = datetime.now(SHANGHAI)
    pick(lin, "开始", f"{today:%Y-%m-%d} 00:00")
    pick(lin, "结束", f"{today + timedelta(days=6):%Y-%m-%d} 23:59")
    expect(lin.locator(".wizard")).to_contain_text("共 7 天")
    lin.click(at("new-next"))
    for name, text in FOOTER.items():
        fill(lin, f"new-{name}", text)
    lin.click(at("new-next"))
    expect(lin.locator(".wizard")).to_contain_text("沿用")
    lin.click(at("new-make"))
    says(lin, "活动已建立，接着按步骤完善")
    lin.get_by_text("允许市民自己写寄语").click()
    lin.keyboard.press("Control+s")  # it would be saved by itself some seconds later
    expect(lin.locator(at("draft-status"))).to_contain_text("已保存")
    lin.click(f"{at('guide-page')} a")
    lin.click(at("blocks-begin"))
    lin.get_by_role("button", name="上移 寄语墙").click()
    assert kinds(lin) == ["entry", "wall", "text", "signature"]
    lin.click(at("block-is-text"))
    fill(lin, "block-text", WRONG)
    lin.keyboard.press("Control+s")
    kept(lin)
    return lin.url.split("/campaigns/")[1].split("/")[0]


def name_reviewers(admin: Page, product: Product, slug: str) -> None:
    admin.goto(console(product, f"campaigns/{slug}/review"))
    for step, person in STEPS.items():
        admin.get_by_label(f"{step} 可审的人（账号名）").fill(person)
        admin.keyboard.press("Enter")
    admin.get_by_role("button", name="保存步骤").click()
    says(admin, "步骤已保存，从下一次送审起生效")


def submit(lin: Page, product: Product, slug: str) -> None:
    """The draft goes to the reviewers, and before they have said yes nothing of it is published, from no side."""
    tab(lin, "审核")
    lin.click(at("review-submit"))
    expect(lin.locator(at("review-state"))).to_have_text("审核中")
    tab(lin, "发布")
    expect(lin.locator(".release-errors")).to_contain_text("审核：等待“初审”")
    expect(lin.locator(at("release-go"))).to_be_disabled()
    assert refusal(lin, product, "POST", f"campaigns/{slug}/release", {"confirmed": []}) == "全部审核步骤通过后才能发布"
    assert "要送审后发布" in refusal(lin, product, "PUT", f"campaigns/{slug}/state", {"state": "scheduled"})


def approve(page: Page, product: Product, kind: str, step: str, comment: str) -> None:
    """A reviewer finds what waits for her, writes her word and lets it pass."""
    page.goto(console(product, "reviews"))
    row = page.locator(".data-list tr", has_text=TITLE)
    expect(row).to_contain_text(kind)
    row.get_by_role("link", name=f"{TITLE} 去审核").click()
    expect(page.get_by_role("heading", name=f"审核：{step}")).to_be_visible()
    fill(page, "review-comment", comment)
    page.click(at("review-approve"))
    sure(page, "通过")
    says(page, "已通过这一步")
    expect(page.locator(".review-steps .said", has_text=comment)).to_be_visible()


def approve_on_the_phone(admin: Page, browser: Browser, product: Product, slug: str) -> None:
    """周主任 is on the road: the admin's screen shows a code, his phone opens it without an account, and it works once."""
    admin.goto(console(product, f"campaigns/{slug}/review"))
    admin.click(at("review-link"))
    expect(admin.locator(at("ticket"))).to_contain_text("给 周主任")
    url = seen_by_camera(admin)
    mobile = phone(browser, PLAIN)
    page = mobile.new_page()
    page.goto(url)
    for words in ("终审 · 周主任", TITLE, WRONG, "初审：shenhe 通过", "复审：chen.fushen 通过"):
        expect(page.locator("main")).to_contain_text(words)
    assert inside(mobile.new_cdp_session(page), "document.documentElement.scrollWidth") == 360
    yes = page.locator("summary", has_text="通过")
    expect(yes).to_be_in_viewport()  # at the bottom, however long what is above it
    yes.click()
    page.fill("#agreed", "可以发布")
    page.get_by_role("button", name="确认通过").click()
    expect(page.locator("h1")).to_have_text("已通过")
    page.goto(url)
    expect(page.locator("body")).to_contain_text("这个审核链接已经使用过")
    mobile.close()


def set_the_minute(lin: Page) -> int:
    """Everybody has said yes and nothing is left to confirm: 林编辑 times the release. Its minute."""
    tab(lin, "审核")
    expect(lin.locator(at("review-state"))).to_have_text("已通过")
    expect(lin.locator(".review-steps")).to_contain_text("（链接由 admin 发出）")
    tab(lin, "发布")
    expect(lin.locator(at("release-go"))).to_be_enabled()
    expect(lin.locator(".release-warnings")).to_have_count(0)
    lin.locator(".el-radio-button", has_text="定时发布").click()
    due = (datetime.now(SHANGHAI) + timedelta(seconds=FORM_SECONDS + 60)).replace(second=0, microsecond=0)
    pick(lin, "发布时间（北京时间，精确到分钟）", f"{due:%Y-%m-%d %H:%M}")
    lin.click(at("release-go"))
    expect(lin.locator(at("release-timed"))).to_have_text(f"{spoken(due.timestamp())} 自动发布，由 bianji 排定")
    return int(due.timestamp())


def preview(lin: Page, browser: Browser) -> None:
    """What will be public at that minute, on the editor's own phone; nothing of it counts."""
    tab(lin, "页面")
    lin.click(at("page-scan"))
    mobile = phone(browser)
    page = mobile.new_page()
    page.goto(seen_by_camera(lin))
    expect(page.locator(at("mark-preview"))).to_have_text("预览")
    expect(page.locator("h1")).to_have_text(TITLE)
    expect(page.locator(at("what-counts"))).to_contain_text("这是发布前的预览，不计入人数")
    expect(page.locator(".b-text")).to_contain_text(WRONG)
    expect(page.locator(at("flag"))).to_be_visible()
    expect(page.locator(at("footer"))).to_contain_text(f"主办单位：{ORGANISER}")
    order = [page.locator(name).bounding_box() for name in (".b-wall", ".b-text", at("footer"))]
    assert [box["y"] for box in order if box] == sorted(box["y"] for box in order if box) and None not in order
    assert inside(mobile.new_cdp_session(page), "[innerWidth, innerHeight, document.documentElement.scrollWidth]") == [360, 780, 360]
    mobile.close()


def live_phone(browser: Browser, product: Product) -> BrowserContext:
    """王小红's phone: in the simulation it belongs to who was made on it last."""
    mobile = phone(browser)
    page = mobile.new_page()
    page.goto(f"http://127.0.0.1:{product.sandbox}/")
    page.fill(at("new-name"), "王小红")
    page.click(at("new-citizen"))
    expect(page.locator("body")).to_contain_text("王小红")
    page.close()
    return mobile


def shows(page: Page, url: str, selector: str, words: str) -> None:
    """The page says it, now or after it was opened again some times: what changed is public within seconds."""

    def there() -> bool:
        page.goto(url)
        return words in " ".join(page.locator(selector).all_inner_texts())

    eventually(there, SOON / 1000)


def take_part(page: Page) -> None:
    """王小红 salutes as the first and leaves words of her own, which wait."""
    assert salute(page) == 1
    page.fill(at("own-words"), WORDS)
    page.click(at("words-send"))
    expect(page.locator(at("words-said"))).to_have_text("寄语已收到，审核后展示")


def let_words_pass(he: Page, product: Product, slug: str) -> None:
    he.goto(console(product, f"messages?campaign={slug}"))
    expect(he.locator(at("message"))).to_have_count(1)
    expect(he.locator(at("message"))).to_contain_text(WORDS)
    he.keyboard.press("a")
    expect(he.locator(at("message"))).to_have_count(0)
    he.get_by_role("link", name="词库").first.click()  # leaving sends what waits to be taken back
    he.wait_for_url(re.compile("/console/words"))


def report(lin: Page, product: Product, slug: str) -> str:
    """Today's report, printed before and after one more citizen came. Its number."""
    lin.goto(console(product, f"reports?campaign={slug}"))
    lin.click(at("new-report"))
    for label in ("开始日期", "结束日期"):
        lin.get_by_role("dialog").get_by_label(label).fill(f"{datetime.now(SHANGHAI):%Y-%m-%d}")
    lin.click(at("report-ask"))
    expect(lin.locator(at("report-state"))).to_have_text("已生成", timeout=SOON)
    expect(lin.locator(".facts")).to_contain_text(re.compile("参与人数 *1 *参与次数 *1"))
    first = printed(lin)
    # By the interface: how a page counts one was shown above.
    api = Api(product)
    api.citizen(slug, "李大山")
    eventually(lambda: api.ask("GET", f"/api/v1/campaigns/{slug}/counters", token="x")["participants"] == 2)
    lin.reload()
    expect(lin.locator(".facts")).to_contain_text(re.compile("参与人数 *1 *参与次数 *1"))
    assert printed(lin) == first
    number = lin.inner_text(".report-head h2")
    for words in (TITLE, ORGANISER, number):
        assert words in first
    return number


def printed(lin: Page) -> str:
    """What comes out of the printer."""
    with lin.expect_popup() as opened:
        lin.get_by_role("link", name="打印页").click()
    sheet = opened.value
    sheet.emulate_media(media="print")
    assert sheet.pdf().startswith(b"%PDF")
    words = sheet.inner_text("main")
    sheet.close()
    return words


def correct(lin: Page, product: Product, slug: str) -> None:
    """One character is wrong: 林编辑 mends it, one approver is enough while the campaign is open."""
    lin.goto(console(product, f"campaigns/{slug}/corrections"))
    lin.click(at("new-correction"))
    field = lin.locator(".desk-block-words", has_text="正文").get_by_label("文字")
    expect(field).to_have_value(WRONG)
    field.fill(RIGHT)
    fill(lin, "correction-reason", "“肃立”写成了“肃力”")
    lin.get_by_role("button", name="提出", exact=True).click()
    says(lin, "已提出，等一人核准")
    expect(lin.locator(at("correction"))).to_contain_text("等待核准")


def take_down(zhao: Page, product: Product, slug: str) -> None:
    zhao.goto(console(product, f"campaigns/{slug}/release"))
    zhao.get_by_label("原因").fill("今天的升旗已经结束")
    zhao.get_by_role("button", name="下线", exact=True).click()
    says(zhao, "已暂停，原因显示在活动页上")


def read_the_log(wu: Page, product: Product, slug: str, due: int, number: str) -> None:
    """吴审计 finds every step with its person, on the page and by the interface; the chain is whole."""
    wu.goto(console(product, f"audit-log?subject={slug}"))
    rows = wu.locator(".data-list tbody tr")
    expect(rows).to_have_count(len(DONE))
    cells = [row.locator("td, th").all_text_contents() for row in rows.all()]
    assert [(who.strip(), re.sub(r" *[a-z_]+\.[a-z_]+ *$", "", what).strip()) for _, who, what, *_ in reversed(cells)] == DONE

    wu.get_by_role("button", name=re.compile("详情$")).nth([*reversed(DONE)].index(("bianji", "活动 · 发布"))).click()
    expect(wu.get_by_role("dialog")).to_contain_text(spoken(due))
    entries = wu.context.request.get(f"http://127.0.0.1:{product.web}/api/v1/staff/audit-log").json()["items"]
    assert [one["who"] for one in reversed(entries) if one["subject"] == slug] == [who for who, _ in DONE]
    [released] = [one for one in entries if one["action"] == "campaign.release"]
    assert released["at"] >= iso(due)
    others = {(one["who"], one["action"]): one["subject"] for one in entries}
    assert others["shenhe", "item.approve"].startswith(f"{slug}:message:") and others["bianji", "report.ask"] == number
    assert others["admin", "staff.create"] == "chen.fushen"
    assert WORDS not in json.dumps(entries, ensure_ascii=False)  # the log tells who did what, not what citizens wrote
    proof = product.command("audit-log", "--check")
    assert proof.returncode == 0 and "完整 whole" in proof.stdout, proof.stdout + proof.stderr
    assert int(re.search(r"whole\s+(\d+) 条", proof.stdout)[1]) >= entries[0]["seq"]


def test_from_a_template_to_the_audit_log(product: Product, browser: Browser) -> None:
    lin, he, admin = (sit_down(browser, product, name) for name in ("bianji", "shenhe", "admin"))
    chen = new_reviewer(admin, browser, product)
    slug = build(lin)
    public = f"http://127.0.0.1:{product.web}/c/{slug}"
    name_reviewers(admin, product, slug)
    submit(lin, product, slug)
    approve(he, product, "活动发布", "初审", "文字已核")
    expect(he.locator(at("why-not"))).to_contain_text("您已审过前面的步骤，这一步要由别人审核。")
    approve(chen, product, "活动发布", "复审", "同意")
    approve_on_the_phone(admin, browser, product, slug)

    visitor = phone(browser, PLAIN).new_page()
    visitor.goto(public)
    expect(visitor.locator("body")).to_contain_text("没有这个活动")
    due = set_the_minute(lin)
    # The minute is waited for with what else there is to do.
    preview(lin, browser)
    mobile = live_phone(browser, product)
    zhao, wu = (sit_down(browser, product, name) for name in ("zhiban", "shenji"))
    page = mobile.new_page()
    shows(page, public, "h1", TITLE)
    expect(page.locator(".b-text")).to_contain_text(WRONG)
    take_part(page)

    visitor.goto(f"{public}/wall")
    expect(visitor.locator("main")).to_contain_text("还没有公开的寄语")
    let_words_pass(he, product, slug)
    shows(visitor, f"{public}/wall", "li .words", WORDS)
    shows(visitor, public, ".b-wall", WORDS)
    number = report(lin, product, slug)

    correct(lin, product, slug)
    approve(he, product, "紧急更正", "紧急核准", "改对了")
    expect(he.locator(at("correction"))).to_contain_text("已公开，待补审")
    shows(visitor, public, ".b-text", RIGHT)
    take_down(zhao, product, slug)
    shows(visitor, public, "#app", "活动暂停：今天的升旗已经结束")
    read_the_log(wu, product, slug, due, number)
