"""Schools over HTTP: letters, the teacher's phone, the school's own page and nobody else's, group reports in every figure, voids."""

from __future__ import annotations

import asyncio
import io
import json
import re
import time
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import urlencode

import openpyxl
import pytest

from handlers.base import COOKIE
from server.clock import day_of
from tests.app_world import SLUG, AppWorld, add_campaign, campaign

pytestmark = pytest.mark.gen_test(timeout=60)
SCHOOL, OTHER = "school-1", "school-2"
PASSWORD = "correct horse battery"
PAGE = {"Accept": "text/html"}
ONE = f"/api/v1/staff/campaigns/{SLUG}"


class Phone:
    """A teacher's: signed in with WeChat, keeps her cookie."""

    def __init__(self, app: AppWorld, number: int) -> None:
        self.app, self.number = app, number

    async def open(self, path: str, **headers: str) -> Any:
        return await self.app.fetch(path, Cookie=self.cookie, **PAGE | headers)

    async def send(self, path: str, *, as_program: bool = False, **fields: Any) -> Any:
        return await self.app.fetch(path, "POST", urlencode(fields).encode(), Cookie=self.cookie,
                                    Content_Type="application/x-www-form-urlencoded", **({} if as_program else PAGE))

    @property
    def cookie(self) -> str:
        return f"{COOKIE}={self.app.services.tokens.issue(self.number, time.time())}"

    async def report(self, grade: str = "p3", number: str = "2", people: str = "45", **more: str) -> Any:
        return await self.send(f"/teacher/{SLUG}/{SCHOOL}", grade=grade, number=number, people=people, day=day_of(time.time()), **more)


async def phone(app: AppWorld) -> Phone:
    [number] = await app.services.citizens.reserve(1)
    return Phone(app, number)


async def code_of(app: AppWorld, unit: str = SCHOOL) -> str:
    _, school = await app.services.schools.of(await app.services.campaigns.get(SLUG), unit)
    return app.services.schools.code_of(school)


async def teacher(app: AppWorld, unit: str = SCHOOL) -> Phone:
    made = await phone(app)
    assert (await made.send(f"/teacher/{SLUG}", unit=unit, code=await code_of(app, unit))).code == 303
    return made


async def desk(app: AppWorld, role: str = "admin") -> dict[str, str]:
    name = f"the-{role}"
    await app.services.staff.create(name, role, PASSWORD, time.time())
    answer = await app.fetch("/api/v1/staff/session", "POST", json.dumps({"name": name, "password": PASSWORD}).encode())
    cookie = SimpleCookie(answer.headers["Set-Cookie"])
    return {"Cookie": "; ".join(f"{key}={morsel.value}" for key, morsel in cookie.items()), "X_CSRF_Token": json.loads(answer.body)["csrf"]}


async def asked(app: AppWorld, staff: dict[str, str], path: str, body: Any = None, method: str = "") -> Any:
    sent = None if body is None else json.dumps(body).encode()
    answer = await app.fetch(path, method or ("GET" if body is None else "POST"), sent, **staff)
    assert answer.code < 300, answer.body
    return json.loads(answer.body) if answer.body else None


async def counters(app: AppWorld) -> dict[str, Any]:
    """As a process would show them that has just begun to read."""
    await app.services.counting.prepare(await app.services.campaigns.get(SLUG), time.time())
    app.services.group_reports.figures.forget()
    await app.services.group_reports.figures.of(SLUG, "all")
    for known in app.services.group_reports.figures._known.values():
        if known.reading:
            await known.reading
    for _ in range(100):  # the shards are being opened
        app.services.live._series.clear()
        answer = await app.fetch(f"/api/v1/campaigns/{SLUG}/counters")
        if answer.code != 503:
            break
        await asyncio.sleep(0.05)
    assert answer.code == 200, answer.body
    return json.loads(answer.body)


def code_in(answer: Any) -> tuple[int, str]:
    return answer.code, json.loads(answer.body)["error"]["code"]


class TestTheTeachersWay:
    async def test_who_is_not_signed_in_goes_to_wechat_and_comes_back_to_her_school(self, app):
        answer = await app.fetch(f"/teacher/{SLUG}?u={SCHOOL}", **PAGE)
        assert answer.code == 302
        assert answer.headers["Location"] == f"/auth/official?scope=base&next=%2Fteacher%2F{SLUG}%3Fu%3D{SCHOOL}"
        lost = await app.fetch(f"/teacher/{SLUG}?u={SCHOOL}&guest=miniprogram", **PAGE)
        assert lost.code == 401 and "请用微信打开" in lost.body.decode()

    async def test_the_letters_code_lets_her_in_once_and_for_all(self, app):
        wang = await phone(app)
        asked_for = (await wang.open(f"/teacher/{SLUG}?u={SCHOOL}")).body.decode()
        assert "演示第一小学" in asked_for and "授权码" in asked_for
        refused = await wang.send(f"/teacher/{SLUG}", unit=SCHOOL, code="ABCD-2345")
        assert refused.code == 403 and "授权码不对" in refused.body.decode()
        assert code_in(await wang.send(f"/teacher/{SLUG}", as_program=True, unit=SCHOOL, code="ABCD-2345")) == (403, "SCHOOL_CODE_WRONG")
        let_in = await wang.send(f"/teacher/{SLUG}", unit=SCHOOL, code=f" {(await code_of(app)).lower()} ")
        assert (let_in.code, let_in.headers["Location"]) == (303, f"/teacher/{SLUG}/{SCHOOL}")
        again = await wang.open(f"/teacher/{SLUG}?u={SCHOOL}")
        assert (again.code, again.headers["Location"]) == (302, f"/teacher/{SLUG}/{SCHOOL}")

    async def test_a_report_shows_on_the_page_and_a_repeat_changes_nothing(self, app):
        wang = await teacher(app)
        for _ in range(2):
            done = await wang.report()
            assert done.code == 303
        shown = (await wang.open(done.headers["Location"])).body.decode()
        assert "已上报：三年级2班 45 人" in shown and shown.count('data-testid="row-p3-2"') == 1
        assert re.search(r'data-testid="group">45<', shown)

    async def test_a_refusal_stands_on_the_page_with_what_she_typed(self, app):
        wang = await teacher(app)
        for fields, words in (({"people": "0"}, "人数请写"), ({"people": "很多"}, "人数请写"), ({"number": "张三"}, "年级"),
                              ({"grade": ""}, "年级"), ({"people": "151"}, "150")):
            answer = await wang.report(**fields)
            page = answer.body.decode()
            assert answer.code == 422 and words in page and 'role="alert"' in page, fields
        assert 'value="151"' in page and "selected>三年级" in page
        assert code_in(await wang.send(f"/teacher/{SLUG}/{SCHOOL}", as_program=True, grade="p3", number="2", people="45", day="x")) == (
            422, "DAY_OUT_OF_BOUNDS")

    async def test_she_corrects_her_own_and_not_another_teachers(self, app):
        wang, li = await teacher(app), await teacher(app)
        await wang.report()
        assert "人数不对，更正" in (await wang.open(f"/teacher/{SLUG}/{SCHOOL}")).body.decode()
        assert "人数不对，更正" not in (await li.open(f"/teacher/{SLUG}/{SCHOOL}")).body.decode()
        refused = await li.report(people="44")
        assert refused.code == 409 and "另一位老师上报 45 人" in refused.body.decode()
        assert (await wang.report(people="44", corrects="1")).code == 303
        assert (await counters(app))["group_reported"] == 44

    async def test_what_is_typed_into_an_address_is_no_script(self, app):
        wang = await teacher(app)
        page = (await wang.open(f"/teacher/{SLUG}/{SCHOOL}?done=%3Cscript%3E&people=5")).body.decode()
        assert "<script" not in page
        page = (await wang.send(f"/teacher/{SLUG}", unit='"><script>', code="<script>")).body.decode()
        assert "<script" not in page


class TestOnesOwnSchoolAlone:
    async def test_another_school_is_closed_at_every_door(self, app):
        await app.services.places.import_csv(await app.services.campaigns.get(SLUG), "units",
                                             f"region,code,name\n350602,{OTHER},演示第二小学\n", dry_run=False)
        wang = await teacher(app)
        for door in ("", "/print", "/figures.xlsx"):
            answer = await app.fetch(f"/teacher/{SLUG}/{OTHER}{door}", Cookie=wang.cookie)
            assert code_in(answer) == (403, "NOT_YOUR_SCHOOL"), door
            assert code_in(await app.fetch(f"/teacher/{SLUG}/nowhere{door}", Cookie=wang.cookie)) == (404, "UNKNOWN_UNIT")
        assert code_in(await wang.send(f"/teacher/{SLUG}/{OTHER}", as_program=True, grade="p3", number="2", people="45",
                                       day=day_of(time.time()))) == (403, "NOT_YOUR_SCHOOL")
        page = await wang.open(f"/teacher/{SLUG}/{OTHER}")
        assert (page.code, page.headers["Location"]) == (302, f"/teacher/{SLUG}?u={OTHER}")  # where she may enter its code
        for door in ("", "/print", "/figures.xlsx"):
            assert (await app.fetch(f"/teacher/{SLUG}/{SCHOOL}{door}")).code in (302, 401)
        assert (await counters(app))["group_reported"] == 0

    async def test_a_teacher_of_one_campaign_is_nobody_in_another(self, app):
        await add_campaign(app.services, campaign(slug="other", title="另一个活动"))
        wang = await teacher(app)
        assert code_in(await app.fetch(f"/teacher/other/{SCHOOL}", Cookie=wang.cookie)) == (403, "NOT_YOUR_SCHOOL")

    async def test_her_page_paper_and_table_hold_her_schools_figures_and_no_other(self, app):
        await app.services.places.import_csv(await app.services.campaigns.get(SLUG), "units",
                                             f"region,code,name\n350602,{OTHER},演示第二小学\n", dry_run=False)
        wang, other = await teacher(app), await teacher(app, OTHER)
        await other.send(f"/teacher/{SLUG}/{OTHER}", grade="p6", number="9", people="77", day=day_of(time.time()))
        await wang.report()
        for door in ("", "/print"):
            page = (await wang.open(f"/teacher/{SLUG}/{SCHOOL}{door}")).body.decode()
            assert "三年级2班" in page and not re.search(r"六年级9班|第二小学|[^0-9]77[^0-9]", re.sub(r"data:image[^\"]*", "", page))
            assert "四年级" not in re.sub(r"<option.*?</option>", "", page)  # nothing names who has not taken part
        answer = await wang.open(f"/teacher/{SLUG}/{SCHOOL}/figures.xlsx")
        book = openpyxl.load_workbook(io.BytesIO(answer.body))
        rows = [[cell.value for cell in row] for row in book["集体上报"].iter_rows()]
        assert rows[-1][1:3] == ["三年级2班", 45]
        assert not any("六年级9班" in str(row) for sheet in book for row in sheet.iter_rows(values_only=True))

    async def test_a_deleted_teacher_is_out_and_her_figure_stays(self, app):
        wang = await teacher(app)
        await wang.report()
        cookie = wang.cookie
        assert (await app.fetch("/api/v1/citizens/me", "DELETE", Cookie=cookie)).code == 204
        assert (await app.fetch(f"/teacher/{SLUG}/{SCHOOL}/print", Cookie=cookie)).code == 401
        assert await app.services.schools._store.of_citizen(wang.number) == []
        assert (await counters(app))["group_reported"] == 45


class TestFigures:
    async def test_a_group_report_has_a_figure_of_its_own_and_moves_no_other(self, app):
        before = await counters(app)
        await (await teacher(app)).report()
        after = await counters(app)
        assert (after.pop("group_reported"), before.pop("group_reported")) == (45, 0)
        assert {name: value for name, value in after.items() if name != "as_of"} == {
            name: value for name, value in before.items() if name != "as_of"}

    async def test_it_stands_in_a_report_in_its_own_column(self, app):
        await (await teacher(app)).report()
        current = await app.services.campaigns.get(SLUG)
        report = await app.services.reports.ask(current, "bianji", time.time())
        await app.services.report_maker.tick(time.time())
        made = await app.services.reports.find(report.number)
        assert (made.state, made.persons, made.times, made.group_reported) == ("made", 0, 0, 45)
        _, rows, _ = await app.services.reports.rows(report.number, "units", 0)
        assert [row[2:] for row in rows] == [[SCHOOL, "演示第一小学", 0, 0, 45]]


class TestLinks:
    async def test_a_schools_and_a_classs_link_lead_to_the_page_with_the_school(self, app):
        staff = await desk(app)
        one = await asked(app, staff, f"{ONE}/schools/{SCHOOL}")
        path = one["url"].partition("/s/")[2]
        answer = await app.fetch(f"/s/{path}")
        assert (answer.code, answer.headers["Location"]) == (302, f"/c/{SLUG}?ch=school&r=350602&u={SCHOOL}")
        made = await asked(app, staff, f"{ONE}/schools/{SCHOOL}/classes/p3-2")
        assert (made["class_name"], made["picture"].startswith("data:image/png")) == ("三年级2班", True)
        answer = await app.fetch(f"/s/{made['url'].partition('/s/')[2]}")
        assert answer.headers["Location"] == f"/c/{SLUG}?ch=class&r=350602&u={SCHOOL}&k=p3-2"
        assert code_in(await app.fetch(f"/s/{path}/z6-0")) == (422, "UNKNOWN_CLASS")
        assert code_in(await app.fetch("/s/aaaaaaaaaa")) == (404, "LINK_NOT_FOUND")

    async def test_a_campaigns_own_short_link_still_leads(self, app):
        link = await app.services.short_links.link_for(SLUG)
        assert (await app.fetch(f"/s/{link.rpartition('/')[2]}")).headers["Location"] == f"/c/{SLUG}?ch=poster"


class TestTheDesk:
    async def test_letters_hold_the_code_that_opens_and_printing_them_is_logged(self, app):
        staff = await desk(app)
        answer = await app.fetch(f"{ONE}/school-letters?unit={SCHOOL}", **staff)
        page = answer.body.decode()
        assert answer.code == 200 and await code_of(app) in page and page.count("<article>") == 1
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"] and "<script" not in page
        assert (await app.fetch(f"{ONE}/school-letters", **staff)).body.decode().count("<article>") == 1
        log = await asked(app, staff, "/api/v1/staff/audit-log?action=school.letters")
        assert len(log["items"]) == 2 and await code_of(app) not in json.dumps(log)
        for path in (f"{ONE}/schools", f"{ONE}/schools/{SCHOOL}"):
            assert await code_of(app) not in json.dumps(await asked(app, staff, path))

    async def test_only_editors_print_letters_and_make_codes(self, app):
        for role, may in (("editor", True), ("operator", False), ("auditor", False), ("reviewer", False)):
            staff = await desk(app, role)
            assert ((await app.fetch(f"{ONE}/school-letters", **staff)).code == 200) is may
            assert (await app.fetch(f"{ONE}/schools", **staff)).code == 200

    async def test_a_new_code_ends_the_letter_and_the_second_of_two_editors_is_told(self, app):
        staff, old = await desk(app), await code_of(app)
        wang = await teacher(app)
        assert (await asked(app, staff, f"{ONE}/schools/{SCHOOL}/code", {"turn": 1, "shut_out": True}))["turn"] == 2
        clash = await app.fetch(f"{ONE}/schools/{SCHOOL}/code", "POST", json.dumps({"turn": 1}).encode(), **staff)
        assert code_in(clash) == (409, "SCHOOL_CODE_CHANGED")
        assert code_in(await wang.send(f"/teacher/{SLUG}", as_program=True, unit=SCHOOL, code=old)) == (403, "SCHOOL_CODE_WRONG")
        assert code_in(await app.fetch(f"/teacher/{SLUG}/{SCHOOL}", Cookie=wang.cookie)) == (403, "NOT_YOUR_SCHOOL")

    async def test_a_teacher_is_shown_masked_and_can_be_shut_out(self, app):
        staff, wang = await desk(app), await teacher(app)
        one = await asked(app, staff, f"{ONE}/schools/{SCHOOL}")
        [shown] = one["teachers"]
        assert re.fullmatch(r"\*{4}\d\d", shown["citizen"]) and shown["in_force"]
        await asked(app, staff, f"{ONE}/schools/{SCHOOL}/teachers/{shown['id']}", method="DELETE")
        assert code_in(await app.fetch(f"/teacher/{SLUG}/{SCHOOL}", Cookie=wang.cookie)) == (403, "NOT_YOUR_SCHOOL")
        assert not (await asked(app, staff, f"{ONE}/schools/{SCHOOL}"))["teachers"][0]["in_force"]

    async def test_a_void_needs_a_reason_is_logged_and_leaves_every_figure(self, app):
        staff = await desk(app)
        await (await teacher(app)).report()
        [row] = (await asked(app, staff, f"{ONE}/group-reports"))["items"]
        assert (row["unit"], row["class"], row["class_name"], row["people"], row["void"]) == (SCHOOL, "p3-2", "三年级2班", 45, False)
        body = {"unit": SCHOOL, "day": row["day"], "class": "p3-2", "reason": " "}
        assert code_in(await app.fetch(f"{ONE}/group-reports/voids", "POST", json.dumps(body).encode(), **staff)) == (422, "REASON_MISSING")
        assert await asked(app, staff, f"{ONE}/group-reports/voids", body | {"reason": "老师报错了班"}) == {"voided": 45}
        assert code_in(await app.fetch(f"{ONE}/group-reports/voids", "POST", json.dumps(body | {"reason": "再来"}).encode(), **staff)) == (
            404, "GROUP_REPORT_NOT_FOUND")
        assert (await counters(app))["group_reported"] == 0
        [row] = (await asked(app, staff, f"{ONE}/group-reports?unit={SCHOOL}"))["items"]
        assert row["void"] and [(entry["kind"], entry["by"], entry["reason"]) for entry in row["history"]] == [
            ("report", "", ""), ("void", "the-admin", "老师报错了班")]
        log = await asked(app, staff, "/api/v1/staff/audit-log?action=group_report.void")
        assert log["items"][0]["subject"] == f"{SLUG}:{SCHOOL}:{row['day']}:p3-2"


class TestClassMode:
    async def test_the_board_gets_everything_in_one_page_and_no_name_is_needed(self, app):
        answer = await app.fetch(f"/class/{SLUG}?u={SCHOOL}")
        page = answer.body.decode()
        data = json.loads(re.search(r'id="wenming-data">(.*?)</script>', page, re.S)[1])
        assert (data["title"], data["school"]) == ("向国旗敬礼", "演示第一小学")
        assert data["citizen"].startswith("data:image/png") and data["teacher"].startswith("data:image/png")
        assert "blob:" in answer.headers["Content-Security-Policy"]
        for unit in ("", "?u=nowhere", "?u=%3Cscript%3E"):
            plain = await app.fetch(f"/class/{SLUG}{unit}")
            assert plain.code == 200 and b"<script>" not in plain.body
        assert code_in(await app.fetch("/class/nothing")) == (404, "CAMPAIGN_NOT_FOUND")
