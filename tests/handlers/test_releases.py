"""The way of a campaign from a draft to the public over HTTP, with the people who take it there, and the review page on a phone."""

from __future__ import annotations

import base64
import json
import re
from urllib.parse import urlencode

import pytest

from tests.command_listener import LOOKING
from tests.handlers.civic_app import ALICE, PASSWORD, CivicApp, Desk, error_of, json_of
from tests.handlers.test_pages import HTML, data_in
from tests.handlers.test_staff import BODY, FLAG, STAFF
from tests.server.civic_world import DURING, REGIONS, UNITS

pytestmark = pytest.mark.gen_test(timeout=90)
NASTY = '"><script>alert(1)</script>'
CONTENT = {name: value for name, value in BODY.items() if name != "slug"} | {
    "title": "向国旗敬个礼", "presets": [{"code": "strong", "text": "愿祖国繁荣昌盛"}],
    "share": {"title": "来敬礼", "desc": "同升一面旗", "image": "/static/share/salute.jpg"},
    "organiser": {"name": "市文明办", "icp": "闽ICP备0号", "police": "闽公网安备0号", "telephone": "0596-0", "responsible_person": "值班室",
                  "report_url": "https://www.12377.cn/"}}


@pytest.fixture
def app(io_loop, stores, tmp_path):
    made = io_loop.run_sync(lambda: CivicApp(stores, tmp_path, review_required=True).open())
    yield made
    io_loop.run_sync(made.close)


async def signed_in(app, name: str, role: str) -> Desk:
    await app.staff.create(name, role, PASSWORD, app.now)
    desk = Desk(app)
    answer = await desk.ask(f"{STAFF}/session", {"name": name, "password": PASSWORD})
    desk.cookie, desk.csrf = answer.headers["Set-Cookie"].partition(";")[0], json_of(answer)["csrf"]
    return desk


class Drawn:
    """Draws nothing, and says what it would draw."""

    async def of_content(self, campaign, who: str, now: float) -> bytes:
        return f"{campaign.title} for {who}".encode()


class Office:
    """林 writes; 赵, 钱 and 孙 review; an admin."""

    @classmethod
    async def of(cls, app) -> Office:
        office = cls()
        office.app = app
        office.lin, office.chen = await signed_in(app, "lin", "editor"), await signed_in(app, "chen", "editor")
        office.reviewers = [await signed_in(app, name, "reviewer") for name in ("zhao", "qian", "sun")]
        await office.lin.ask(f"{STAFF}/campaigns", BODY)
        for kind, csv in (("regions", REGIONS), ("units", UNITS)):
            await office.lin.ask(f"{FLAG}/places", {"kind": kind, "csv": csv})
        return office

    async def save(self, content=CONTENT, desk=None, rev=None):
        seen = json_of(await self.lin.ask(f"{FLAG}/draft"))["rev"] if rev is None else rev
        return await (desk or self.lin).ask(f"{FLAG}/draft", {"rev": seen, "content": content}, method="PUT")

    async def submit(self, content=CONTENT):
        rev = json_of(await self.save(content))["rev"]
        return json_of(await self.lin.ask(f"{FLAG}/review", {"rev": rev}))

    async def decide(self, desk, path="review", verdict="approve", comment=""):
        if path == "review":
            review = json_of(await self.lin.ask(f"{FLAG}/draft"))["review"]
        else:
            review = json_of(await self.lin.ask(f"{FLAG}/corrections"))["items"][0]["review"]
        return await desk.ask(f"{FLAG}/{path}/decisions", {"revision": review["revision"], "round": review["round"], "verdict": verdict,
                                                             "comment": comment})

    async def approved(self, content=CONTENT):
        await self.submit(content)
        for desk in self.reviewers:
            assert (await self.decide(desk)).code == 200

    async def published(self):
        await self.approved()
        answer = await self.lin.ask(f"{FLAG}/release", {})
        assert answer.code == 200, answer.body.decode()
        return json_of(answer)


async def logged(stores) -> list[tuple[str, str]]:
    found = await stores.mongo["audit_log"].find({}, comment=LOOKING).to_list(None)
    return [(entry["who"], entry["action"]) for entry in found if not entry["action"].startswith(("staff.", "places.", "campaign.create"))]


class TestTheWholeWay:
    async def test_from_the_first_word_to_the_public_page(self, app, stores):
        office = await Office.of(app)
        assert (await office.save()).code == 200
        for n in range(3):
            await office.save(CONTENT | {"title": f"标题{n}"})
        assert (await app.ask("/c/flag")).code == 404
        campaign = await office.published()
        assert (campaign["state"], campaign["title"], campaign["release"]) == ("open", "向国旗敬个礼", 1)
        assert data_in(await app.ask("/c/flag"))["campaign"]["title"] == "向国旗敬个礼"
        assert await logged(stores) == [
            ("lin", "draft.edit"), ("lin", "review.submit"), ("zhao", "review.approve"), ("qian", "review.approve"),
            ("sun", "review.approve"), ("lin", "campaign.release")]
        sheet = await office.lin.ask(f"{FLAG}/sign-off?revision=1")
        text = sheet.body.decode()
        for words in ("审签单", "向国旗敬个礼", "zhao", "qian", "sun", "初审", "复审", "终审", "通过", "SHA-256"):
            assert words in text
        assert re.search(r"[0-9a-f]{64}", text) and "@page" in text and "<script" not in text

    async def test_nothing_is_published_or_rewritten_past_the_reviewers(self, app):
        office = await Office.of(app)
        admin = await signed_in(app, "boss", "admin")
        assert error_of(await admin.ask(f"{FLAG}/state", {"state": "scheduled"}, method="PUT")) == (409, "REVIEW_REQUIRED")
        await office.submit()
        assert error_of(await admin.ask(f"{FLAG}/release", {})) == (409, "REVIEW_REQUIRED")
        await office.lin.ask(f"{FLAG}/review", method="DELETE")
        await office.published()
        assert error_of(await admin.ask(FLAG, BODY, method="PUT")) == (409, "REVIEW_REQUIRED")

    async def test_two_editors_see_each_other_and_the_second_gets_both_versions(self, app):
        office = await Office.of(app)
        await office.save()
        assert json_of(await office.chen.ask(f"{FLAG}/draft"))["editing"] == ["lin"]
        await office.save(CONTENT | {"title": "陈的标题"}, office.chen, 1)
        answer = await office.save(CONTENT | {"title": "林的标题"}, office.lin, 1)
        body = json_of(answer)
        assert (answer.code, body["error"]["code"]) == (409, "DRAFT_CHANGED")
        assert (body["mine"]["title"], body["theirs"]["content"]["title"], body["theirs"]["edited_by"]) == ("林的标题", "陈的标题", "chen")
        assert body["changes"] == [{"field": "title", "name": "标题", "before": "林的标题", "after": "陈的标题"}]
        assert (await office.chen.ask(f"{FLAG}/draft/presence", method="DELETE")).code == 204
        assert json_of(await office.lin.ask(f"{FLAG}/draft/presence", b"", method="PUT"))["editing"] == []

    async def test_versions_are_kept_compared_and_restored(self, app):
        office = await Office.of(app)
        await office.save()
        assert json_of(await office.lin.ask(f"{FLAG}/revisions", {"rev": 1, "note": "给科长看的"})) == {"revision": 1}
        await office.save(CONTENT | {"title": "二稿"})
        assert json_of(await office.lin.ask(f"{FLAG}/revisions"))["items"][0]["note"] == "给科长看的"
        whole = json_of(await office.lin.ask(f"{FLAG}/revisions/1"))
        assert whole["content"]["opens_at"] == BODY["opens_at"] and {"field", "name", "before", "after"} == set(whole["changes"][0])
        restored = json_of(await office.lin.ask(f"{FLAG}/revisions/1/restore", {"rev": 2}))
        assert (restored["content"]["title"], restored["rev"]) == ("向国旗敬个礼", 3)
        assert error_of(await office.lin.ask(f"{FLAG}/revisions/77")) == (404, "REVISION_NOT_FOUND")
        assert json_of(await office.lin.ask(f"{FLAG}/draft", method="DELETE"))["revision"] == 3

    async def test_a_release_waits_for_its_minute_and_can_be_called_off(self, app):
        office = await Office.of(app)
        await office.approved()
        at = "2026-10-01T02:30:00+08:00"
        answer = await office.lin.ask(f"{FLAG}/release", {"revision": 1, "at": at})
        assert (answer.code, json_of(answer)["release"]["at"]) == (202, at)
        assert error_of(await office.lin.ask(f"{FLAG}/release", {"at": "2026-10-01T02:30:30+08:00"})) == (422, "RELEASE_TIME_WRONG")
        await app.services.releases.publishing.tick(DURING + 90 * 60 - 1)
        assert (await app.ask("/c/flag")).code == 404
        assert json_of(await office.lin.ask(f"{FLAG}/release", method="DELETE")) == {"cancelled": "release"}

    async def test_the_page_says_why_it_is_paused(self, app):
        office = await Office.of(app)
        await office.published()
        operator = await signed_in(app, "duty", "operator")
        assert error_of(await operator.ask(f"{FLAG}/take-down", {"state": "paused", "reason": ""})) == (422, "REASON_MISSING")
        await operator.ask(f"{FLAG}/take-down", {"state": "paused", "reason": "系统维护"})
        app.world.campaigns._known.clear()
        assert data_in(await app.ask("/c/flag"))["campaign"]["pause_reason"] == "系统维护"

    async def test_what_is_missing_and_what_is_said_wrongly_is_listed(self, app):
        office = await Office.of(app)
        await office.save(CONTENT | {"share": {"desc": "集赞，10月1日星期五"}})
        found = json_of(await office.lin.ask(f"{FLAG}/findings"))["items"]
        assert [(f["code"], f["field"]) for f in found] == [("SHARE_LIKES", "share.desc"), ("DATE_WEEKDAY", "share.desc")]
        checks = json_of(await office.lin.ask(f"{FLAG}/checklist"))
        assert not checks["ready"] and {i["key"] for i in checks["items"] if i["state"] == "error"} == {"wording", "review"}

    async def test_a_clone_and_the_recycle_bin(self, app):
        office = await Office.of(app)
        made = json_of(await office.lin.ask(f"{FLAG}/clone", {"slug": "flag-2027"}))
        assert (made["opens_at"], made["state"]) == ("2027-10-01T00:00:00+08:00", "draft")
        await office.lin.ask(f"{STAFF}/campaigns/flag-2027", method="DELETE")
        assert [c["slug"] for c in json_of(await office.lin.ask(f"{STAFF}/recycle-bin"))["items"]] == ["flag-2027"]
        assert [c["slug"] for c in json_of(await office.lin.ask(f"{STAFF}/campaigns"))["items"]] == ["flag"]
        assert (await office.lin.ask(f"{STAFF}/campaigns/flag-2027/recovery", b"")).code == 200
        assert len(json_of(await office.lin.ask(f"{STAFF}/campaigns"))["items"]) == 2

    async def test_roles_are_kept(self, app):
        office = await Office.of(app)
        auditor = await signed_in(app, "audit", "auditor")
        await office.submit()
        for desk in (auditor, office.reviewers[0]):
            for path, body in (("draft/base", {"rev": 1}), ("review", {"rev": 1}), ("release", {}), ("clone", {"slug": "x"}),
                               ("corrections", {"reason": "一"})):
                assert error_of(await desk.ask(f"{FLAG}/{path}", body)) == (403, "ROLE_REFUSED"), path
        for desk in (auditor, office.chen):
            assert error_of(await office.decide(desk)) == (403, "ROLE_REFUSED")
            assert error_of(await desk.ask(f"{FLAG}/review/links", {})) == (403, "ROLE_REFUSED")
        steps = {"steps": [{"name": "终审", "people": ["zhao"]}]}
        assert error_of(await office.lin.ask(f"{FLAG}/review/steps", steps, method="PUT")) == (403, "ROLE_REFUSED")
        admin = await signed_in(app, "boss", "admin")
        forged = await admin.ask(f"{FLAG}/review/steps", steps, method="PUT", headers={"X-CSRF-Token": "x"})
        assert error_of(forged) == (403, "CSRF_REFUSED")
        assert json_of(await admin.ask(f"{FLAG}/review/steps", steps, method="PUT")) == steps
        assert json_of(await auditor.ask(f"{FLAG}/review/steps")) == steps
        assert [one["slug"] for one in json_of(await office.reviewers[0].ask(f"{STAFF}/reviews"))["items"]] == ["flag"]

    async def test_the_city_s_own_wording_rules(self, app):
        office = await Office.of(app)
        rule = {"code": "CITY_NAME", "level": "error", "words": ["老城区"], "why": "正式名称是芗城区", "advice": "改为芗城区"}
        assert error_of(await office.lin.ask(f"{STAFF}/wording", {"rules": [rule]}, method="PUT")) == (403, "ROLE_REFUSED")
        kept = json_of(await office.reviewers[0].ask(f"{STAFF}/wording", {"rules": [rule], "off": ["RANKING"]}, method="PUT"))
        assert (kept["rev"], kept["rules"][0]["code"]) == (1, "CITY_NAME") and len(kept["built_in"]) > 5
        await office.save(CONTENT | {"title": "老城区排名"})
        assert [f["code"] for f in json_of(await office.lin.ask(f"{FLAG}/findings"))["items"]] == ["CITY_NAME"]


class TestCorrections:
    async def test_a_wrong_word_of_an_open_campaign_is_mended_with_one_approval(self, app):
        office = await Office.of(app)
        await office.published()
        asked = await office.lin.ask(f"{FLAG}/corrections", {"reason": "写错了", "title": "向五星红旗敬礼",
                                                             "presets": {"strong": "祝祖国繁荣昌盛"}})
        assert (asked.code, json_of(asked)["state"]) == (201, "waiting")
        shown = json_of(await office.decide(office.reviewers[0], f"corrections/{json_of(asked)['review']['revision']}"))
        assert shown["state"] == "shown"
        app.world.campaigns._known.clear()
        page = data_in(await app.ask("/c/flag"))["campaign"]
        assert (page["title"], page["presets"][0]["text"]) == ("向五星红旗敬礼", "祝祖国繁荣昌盛")
        link = json_of(await office.reviewers[1].ask(f"{FLAG}/corrections/{shown['review']['revision']}/links", {}))
        text = (await app.ask(path_of(link["url"]), headers=HTML)).body.decode()
        assert "紧急更正" in text and "写错了" in text

    @pytest.mark.parametrize(("body", "code"), [
        ({"activities": {"unknown": {"title": "一"}}}, "INVALID_BODY"), ({"activities": {"salute": {"code": "x"}}}, "INVALID_BODY"),
        ({"presets": {"unknown": "一"}}, "INVALID_BODY"), ({"theme": {"salute": "heroes"}}, "CORRECTION_LOCKED"),
        ({}, "NOTHING_CHANGED"), ({"title": "集赞"}, "NOT_READY_TO_OPEN")])
    async def test_anything_else_goes_the_long_way(self, app, body, code):
        office = await Office.of(app)
        await office.published()
        assert error_of(await office.lin.ask(f"{FLAG}/corrections", {"reason": "写错了"} | body))[1] == code


def path_of(url: str) -> str:
    return url.removeprefix("http://wm.example")


class TestReviewPage:
    async def link(self, office) -> str:
        answer = json_of(await office.reviewers[0].ask(f"{FLAG}/review/links", {}))
        assert answer["qr"].startswith("data:image/png;base64,")
        return path_of(answer["url"])

    async def post(self, app, path, **form):
        return await app.ask(path, urlencode(form).encode(), headers=HTML | {"Content-Type": "application/x-www-form-urlencoded"})

    async def test_it_shows_what_would_be_public_and_two_buttons_without_script(self, app):
        office = await Office.of(app)
        await office.submit(CONTENT | {"share": CONTENT["share"] | {"desc": "集赞"}})
        answer = await app.ask(await self.link(office), headers=HTML)
        text = answer.body.decode()
        for words in ("初审", "zhao", "全部内容", "<ins>向国旗敬个礼</ins>", "须修改", "集赞", "愿祖国繁荣昌盛",
                      "通过", "退回", '<img src="/static/share/salute.jpg"', "width=device-width"):
            assert words in text, words
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy and "script-src" not in policy and "form-action 'self'" in policy
        assert (answer.headers["Referrer-Policy"], answer.headers["Cache-Control"]) == ("no-referrer", "no-store")
        assert "<script" not in text

    async def test_nothing_that_anybody_writes_becomes_markup(self, app):
        office = await Office.of(app)
        nasty = CONTENT | {"title": NASTY, "share": {"title": NASTY, "image": "/x" + NASTY}, "theme": {NASTY: NASTY, "x": {"y": NASTY}},
                           "organiser": {"name": NASTY}, "presets": [{"code": "p", "text": NASTY}],
                           "activities": [{"code": NASTY, "title": NASTY, "verb": NASTY}]}
        await office.submit(nasty)
        link = await self.link(office)
        await self.post(app, link, verdict="return", comment=NASTY)
        await office.submit(nasty | {"title": NASTY + "2"})
        for answer in (await app.ask(await self.link(office), headers=HTML), await office.lin.ask(f"{FLAG}/sign-off?revision=1")):
            assert answer.code == 200 and "<script" not in answer.body.decode() and "&lt;script&gt;" in answer.body.decode()

    async def test_what_only_the_product_reads_is_folded_and_the_rest_too_until_somebody_opens_it(self, app):
        office = await Office.of(app)
        design = {"scene": "plain", "layers": [{"kind": "qr", "id": "code", "x": 44, "y": 1000, "w": 264, "h": 264}]}
        await office.submit(CONTENT | {"theme": {"poster_design": design, "cover_text": "请肃立"}})
        text = (await app.ask(await self.link(office), headers=HTML)).body.decode()
        seen, folded = text.partition("<summary>海报图层与技术设置的改动")[::2]
        assert "请肃立" in seen and "左 44 上 1000" not in seen and "左 44 上 1000" in folded
        assert "<summary>展开全部" in folded and 'required></textarea>' in folded and text.count("<form method=post>") == 2

    async def test_the_posters_are_pictures_and_two_only_where_something_public_differs(self, app):
        office = await Office.of(app)
        app.services.posters = Drawn()
        await office.submit()
        link = await self.link(office)
        assert (await app.ask(link, headers=HTML)).body.decode().count("/poster.jpg?side=") == 1  # nothing is public yet
        picture = await app.ask(f"{link}/poster.jpg?side=after")
        assert (picture.headers["Content-Type"], picture.body) == ("image/jpeg", "向国旗敬个礼 for zhao".encode())
        assert "no-store" in picture.headers["Cache-Control"] and picture.headers["Referrer-Policy"] == "no-referrer"
        assert error_of(await app.ask("/review/" + "a" * 43 + "/poster.jpg")) == (404, "REVIEW_LINK_UNKNOWN")
        both = json_of(await office.lin.ask(f"{FLAG}/draft/posters"))
        assert both["before"] == "" and base64.b64decode(both["after"].partition(",")[2]).decode() == "向国旗敬个礼 for lin"

    async def test_the_real_page_opens_on_the_reviewer_s_phone_and_nothing_is_decided(self, app, stores):
        office = await Office.of(app)
        await office.submit()
        link = await self.link(office)
        answer = await self.post(app, f"{link}/page")
        assert answer.code == 303 and answer.headers["Location"].startswith("/c/flag?preview=")
        assert data_in(await app.ask(answer.headers["Location"]))["campaign"]["title"] == "向国旗敬个礼"
        assert ("zhao", "draft.preview") in await logged(stores)
        assert json_of(await office.lin.ask(f"{FLAG}/draft"))["review"]["decisions"] == []
        assert (await app.ask(link, headers=HTML)).code == 200

    async def test_it_decides_once_and_is_in_the_audit_log(self, app, stores):
        office = await Office.of(app)
        await office.submit()
        link = await self.link(office)
        answer = await self.post(app, link, verdict="approve", comment="同意")
        assert answer.code == 200 and "已通过" in answer.body.decode()
        again = await self.post(app, link, verdict="return", comment="不同意")
        assert again.code == 409 and "已经使用过" in again.body.decode() and again.headers["Content-Type"].startswith("text/html")
        review = json_of(await office.lin.ask(f"{FLAG}/draft"))["review"]
        assert (review["step"], review["decisions"][0]["comment"]) == ("复审", "同意")
        assert ("zhao", "review.approve") in await logged(stores)

    @pytest.mark.parametrize(("form", "code"), [({}, "INVALID_BODY"), ({"verdict": "maybe"}, "INVALID_BODY"),
                                                ({"verdict": "return", "comment": " "}, "COMMENT_MISSING"),
                                                ({"verdict": "approve", "comment": "长" * 501}, "COMMENT_TOO_LONG")])
    async def test_a_wrong_form_decides_nothing(self, app, form, code):
        office = await Office.of(app)
        await office.submit()
        answer = await app.ask(await self.link(office), urlencode(form).encode(),
                               headers={"Content-Type": "application/x-www-form-urlencoded"})
        assert error_of(answer) == (422, code)
        assert json_of(await office.lin.ask(f"{FLAG}/draft"))["review"]["decisions"] == []

    async def test_too_long_a_form_and_an_unknown_link_are_refused(self, app):
        path = "/review/" + "a" * 43
        assert error_of(await app.ask(path, b"comment=" + b"a" * 9000)) == (413, "BODY_TOO_LARGE")
        assert error_of(await app.ask(path)) == (404, "REVIEW_LINK_UNKNOWN")


class TestPreview:
    async def test_the_draft_is_on_the_real_page_for_a_guest_and_counts_nothing(self, app):
        office = await Office.of(app)
        await office.save()
        made = json_of(await office.lin.ask(f"{FLAG}/previews", {}))
        citizen = f"wenming_citizen={app.tokens.issue(ALICE, app.now)}"
        answer = await app.ask(path_of(made["url"]), headers={"Cookie": citizen, "User-Agent": "MicroMessenger/8"})
        data = data_in(answer)
        assert (data["campaign"]["title"], data["preview"]) == ("向国旗敬个礼", True)
        assert (data["me"], data["login"], data["in_wechat"], data["counters"], data["jweixin"]) == (
            {"signed_in": False, "who": "", "snapshot": False}, "", False, None, "")
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert [region["code"] for region in data["campaign"]["regions"]] == ["350602", "350605", "declined"]
        assert (await app.ask("/c/flag")).code == 404  # still nobody's page
        visits = await app.services.visits._redis.keys("visits:*")
        assert visits == []

    async def test_another_phone_and_a_late_one_are_told(self, app):
        office = await Office.of(app)
        path = path_of(json_of(await office.lin.ask(f"{FLAG}/previews", {}))["url"])
        first = await app.ask(path)
        cookie = first.headers["Set-Cookie"].partition(";")[0]
        assert "HttpOnly" in first.headers["Set-Cookie"] and "Path=/c/flag" in first.headers["Set-Cookie"]
        assert (await app.ask(path, headers={"Cookie": cookie})).code == 200
        assert error_of(await app.ask(path)) == (409, "PREVIEW_USED")
        app.now += 1801
        late = await app.ask(path, headers=HTML | {"Cookie": cookie})
        assert late.code == 404 and "30 分钟" in late.body.decode()
        assert error_of(await app.ask("/c/flag?preview=nonsense")) == (404, "PREVIEW_GONE")

    async def test_the_open_page_itself_is_no_preview(self, app):
        office = await Office.of(app)
        await office.published()
        assert data_in(await app.ask("/c/flag"))["preview"] is False
        assert json.loads((await app.ask("/api/v1/campaigns/flag")).body)["pause_reason"] == ""
