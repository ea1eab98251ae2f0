"""The staff's interface: signing in, who may do what, and that every change is in the audit log."""

from __future__ import annotations

from http.cookies import SimpleCookie

import pytest

from server.campaigns import LATE_SECONDS
from server.clock import iso
from server.staff import SESSION_SECONDS
from tests.command_listener import LOOKING
from tests.handlers.civic_app import ALICE, PASSWORD, CivicApp, error_of, json_of
from tests.server.civic_world import CLOSES, REGIONS, UNITS

pytestmark = pytest.mark.gen_test(timeout=60)
STAFF = "/api/v1/staff"
FLAG = f"{STAFF}/campaigns/flag"
BODY = {"slug": "flag", "title": "向国旗敬礼", "opens_at": "2026-10-01T00:00:00+08:00", "closes_at": "2026-10-08T00:00:00+08:00",
        "activities": [{"code": "salute", "title": "礼敬国旗", "verb": "敬礼"}], "organiser": {"name": "市文明办"}}


@pytest.fixture
def app(io_loop, stores, tmp_path):
    made = io_loop.run_sync(lambda: CivicApp(stores, tmp_path).open())
    yield made
    io_loop.run_sync(made.close)


async def logged(stores) -> list[tuple[str, str, str]]:
    found = await stores.mongo["audit_log"].find({}, comment=LOOKING).to_list(None)
    return [(entry["who"], entry["action"], entry["subject"]) for entry in found if entry["action"] != "staff.sign_in"]


class TestSession:
    async def test_signing_in_gives_a_cookie_that_scripts_cannot_read(self, app):
        await app.staff.create("bianji", "editor", PASSWORD, app.now)
        answer = await app.ask(f"{STAFF}/session", {"name": "bianji", "password": PASSWORD})
        assert (answer.code, json_of(answer)["role"]) == (200, "editor")
        cookie = SimpleCookie(answer.headers["Set-Cookie"])["wenming_staff"]
        assert (cookie["httponly"], cookie["samesite"], cookie["secure"], cookie["path"]) == (True, "Lax", "", "/")
        assert int(cookie["max-age"]) == SESSION_SECONDS

    async def test_on_https_the_cookie_stays_there(self, io_loop, stores, tmp_path):
        app = await CivicApp(stores, tmp_path, https=True).open()
        await app.staff.create("bianji", "editor", PASSWORD, app.now)
        answer = await app.ask(f"{STAFF}/session", {"name": "bianji", "password": PASSWORD})
        assert SimpleCookie(answer.headers["Set-Cookie"])["wenming_staff"]["secure"] is True
        await app.close()

    async def test_who_is_signed_in_and_signing_out(self, app):
        desk = await app.desk("reviewer")
        assert json_of(await desk.ask(f"{STAFF}/session")) == {
            "name": "the-reviewer", "role": "reviewer", "csrf": desk.csrf, "campaigns": None, "needs": [],
            "expires_at": iso(app.now + SESSION_SECONDS)}
        assert (await desk.ask(f"{STAFF}/session", method="DELETE")).code == 204
        assert error_of(await desk.ask(f"{STAFF}/session")) == (401, "STAFF_SESSION_MISSING")

    async def test_a_wrong_password_is_refused_and_five_lock(self, app):
        await app.staff.create("bianji", "editor", PASSWORD, app.now)
        wrong = {"name": "bianji", "password": "wrong password"}
        for _ in range(5):
            assert error_of(await app.ask(f"{STAFF}/session", wrong)) == (401, "SIGN_IN_FAILED")
        assert error_of(await app.ask(f"{STAFF}/session", wrong | {"password": PASSWORD})) == (429, "ACCOUNT_LOCKED")

    @pytest.mark.parametrize(("verb", "path", "body"), [
        ("GET", "/session", None), ("GET", "/campaigns", None), ("POST", "/campaigns", BODY), ("GET", "/campaigns/flag", None),
        ("PUT", "/campaigns/flag", BODY), ("PUT", "/campaigns/flag/state", {"state": "open"}),
        ("POST", "/campaigns/flag/places", {"kind": "regions", "csv": REGIONS}), ("GET", "/campaigns/flag/items", None),
        ("POST", "/campaigns/flag/voids", {"ordinal": 7, "reason": "重复"})])
    async def test_nobody_does_anything_without_a_session(self, app, verb, path, body):
        assert error_of(await app.ask(STAFF + path, body, method=verb)) == (401, "STAFF_SESSION_MISSING")

    async def test_a_citizen_s_token_is_no_session(self, app):
        assert error_of(await app.ask(f"{STAFF}/campaigns", citizen=ALICE)) == (401, "STAFF_SESSION_MISSING")

    @pytest.mark.parametrize("headers", [{"X-CSRF-Token": ""}, {"X-CSRF-Token": "guessed"}])
    async def test_a_change_without_the_page_s_token_is_refused(self, app, headers, stores):
        desk = await app.desk("admin")
        assert error_of(await desk.ask(f"{STAFF}/campaigns", BODY, headers=headers)) == (403, "CSRF_REFUSED")
        assert await logged(stores) == [("the-admin", "refused.csrf_refused", f"POST {STAFF}/campaigns")]


class TestCampaigns:
    async def test_an_editor_writes_a_campaign_and_an_operator_runs_it(self, app, stores):
        editor, operator = await app.desk("editor"), await app.desk("operator")
        created = await editor.ask(f"{STAFF}/campaigns", BODY)
        assert (created.code, json_of(created)["state"]) == (201, "draft")
        assert error_of(await editor.ask(f"{STAFF}/campaigns", BODY)) == (409, "SLUG_TAKEN")
        changed = await editor.ask(FLAG, BODY | {"title": "向国旗敬个礼"}, method="PUT")
        assert (changed.code, json_of(changed)["title"]) == (200, "向国旗敬个礼")
        for state in ("scheduled", "open"):
            assert json_of(await operator.ask(f"{FLAG}/state", {"state": state}, method="PUT"))["state"] == state
        assert error_of(await operator.ask(f"{FLAG}/state", {"state": "draft"}, method="PUT")) == (409, "TRANSITION_REFUSED")
        assert error_of(await operator.ask(f"{FLAG}/state", {"state": "gone"}, method="PUT")) == (422, "UNKNOWN_STATE")
        assert await logged(stores) == [
            ("the-editor", "campaign.create", "flag"), ("the-editor", "campaign.update", "flag"),
            ("the-operator", "campaign.state", "flag"), ("the-operator", "campaign.state", "flag")]

    async def test_drafts_are_seen_by_staff(self, app):
        editor, auditor = await app.desk("editor"), await app.desk("auditor")
        await editor.ask(f"{STAFF}/campaigns", BODY)
        assert [c["state"] for c in json_of(await auditor.ask(f"{STAFF}/campaigns"))["items"]] == ["draft"]
        view = json_of(await auditor.ask(FLAG))
        assert (view["opens_at"], view["state"]) == (BODY["opens_at"], "draft")

    @pytest.mark.parametrize(("changes", "field"), [
        ({"title": ""}, "title"), ({"closes_at": BODY["opens_at"]}, "closes_at"), ({"opens_at": "2026-10-01T00:00:00"}, "opens_at"),
        ({"opens_at": "tomorrow"}, "opens_at"), ({"opens_at": "0001-01-01T00:00:00+08:00"}, "opens_at"),
        ({"closes_at": "9999-12-31T23:59:59-08:00"}, "closes_at"), ({"activities": []}, "activities"),
        ({"activities": [{"code": "salute"}]}, "activities.0.title"), ({"organiser": {"report_url": "javascript:alert(1)"}}, "theme"),
        ({"slug": 5}, "slug")])
    async def test_what_is_wrong_is_named(self, app, changes, field):
        editor = await app.desk("editor")
        answer = await editor.ask(f"{STAFF}/campaigns", BODY | changes)
        assert error_of(answer) == (422, "INVALID_BODY")
        assert json_of(answer)["error"]["field"] == field and json_of(answer)["error"]["message"] != "提交的内容格式不对"

    async def test_once_scheduled_the_layout_is_fixed(self, app):
        editor = await app.desk("editor")
        await editor.ask(f"{STAFF}/campaigns", BODY)
        await editor.ask(f"{FLAG}/state", {"state": "scheduled"}, method="PUT")
        assert error_of(await editor.ask(FLAG, BODY | {"period_rule": "daily"}, method="PUT")) == (409, "CAMPAIGN_FIXED")

    async def test_roles_are_kept(self, app):
        await app.opened()
        reviewer, auditor = await app.desk("reviewer"), await app.desk("auditor")
        for desk in (reviewer, auditor):
            assert error_of(await desk.ask(f"{STAFF}/campaigns", BODY)) == (403, "ROLE_REFUSED")
            assert error_of(await desk.ask(f"{FLAG}/state", {"state": "paused"}, method="PUT")) == (403, "ROLE_REFUSED")
            assert error_of(await desk.ask(f"{FLAG}/places", {"kind": "regions", "csv": REGIONS})) == (403, "ROLE_REFUSED")
            assert error_of(await desk.ask(f"{FLAG}/voids", {"ordinal": 7, "reason": "重复"})) == (403, "ROLE_REFUSED")
        assert error_of(await auditor.ask(f"{FLAG}/items")) == (403, "ROLE_REFUSED")

    async def test_an_admin_may_do_everything(self, app):
        admin = await app.desk("admin")
        assert (await admin.ask(f"{STAFF}/campaigns", BODY)).code == 201
        assert (await admin.ask(f"{FLAG}/items")).code == 200


class TestPlaces:
    async def test_an_import_is_tried_and_then_taken(self, app, stores):
        editor = await app.desk("editor")
        await editor.ask(f"{STAFF}/campaigns", BODY)
        tried = json_of(await editor.ask(f"{FLAG}/places", {"kind": "regions", "csv": REGIONS, "dry_run": True}))
        assert tried == {"rows": 3, "errors": [], "imported": 0}
        assert json_of(await editor.ask(f"{FLAG}/places", {"kind": "regions", "csv": REGIONS}))["imported"] == 3
        assert json_of(await editor.ask(f"{FLAG}/places", {"kind": "units", "csv": UNITS}))["imported"] == 3
        assert ("the-editor", "places.import", "flag") in await logged(stores)

    @pytest.mark.parametrize("encoding", ["utf-8-sig", "gb18030"])
    async def test_a_file_is_taken_as_it_was_saved(self, app, encoding):
        editor = await app.desk("editor")
        await editor.ask(f"{STAFF}/campaigns", BODY)
        csv = {"Content-Type": "text/csv"}
        tried = await editor.ask(f"{FLAG}/places?kind=regions&dry_run=1", REGIONS.encode(encoding), headers=csv)
        assert json_of(tried) == {"rows": 3, "errors": [], "imported": 0}
        assert json_of(await editor.ask(f"{FLAG}/places?kind=regions", REGIONS.encode(encoding), headers=csv))["imported"] == 3
        index = await app.world.places.of(await app.world.campaigns.get_any("flag"))
        assert index.regions["350602"].name == "芗城区"

    async def test_a_faulty_row_is_named(self, app):
        editor = await app.desk("editor")
        await editor.ask(f"{STAFF}/campaigns", BODY)
        answer = json_of(await editor.ask(f"{FLAG}/places", {"kind": "regions", "csv": REGIONS + "350602,又一个,,,,\n"}))
        assert answer == {"rows": 4, "errors": [{"row": 5, "message": "代码 350602 重复"}], "imported": 0}

    async def test_a_whole_city_s_units_fit_and_a_wrong_file_does_not(self, app):
        editor = await app.desk("editor")
        await editor.ask(f"{STAFF}/campaigns", BODY)
        await editor.ask(f"{FLAG}/places", {"kind": "regions", "csv": REGIONS})
        units = "region,code,name\n" + "".join(f"350602,unit-{n:05},第{n}中心小学\n" for n in range(2000))
        assert json_of(await editor.ask(f"{FLAG}/places", {"kind": "units", "csv": units}))["imported"] == 2000
        for headers in ({}, {"Content-Type": "text/csv"}):
            answer = await editor.ask(f"{FLAG}/places?kind=units", b" " * (4 * 1024 * 1024 + 1), headers=headers)
            assert error_of(answer) == (413, "BODY_TOO_LARGE")


class TestVoids:
    async def test_an_operator_voids_by_the_ordinal_that_somebody_shows(self, app, stores):
        await app.opened()
        operator = await app.desk("operator")
        assert json_of(await operator.ask(f"{FLAG}/voids", {"ordinal": 7, "reason": "重复登记"})) == {"voided": ALICE}
        assert json_of(await operator.ask(f"{FLAG}/voids", {"citizen": 5, "reason": "刷量"})) == {"voided": 5}
        assert app.counting.voided == [("all", ALICE), ("all", 5)]
        assert await logged(stores) == [("the-operator", "participation.void", f"flag:all:{n}") for n in (ALICE, 5)]

    @pytest.mark.parametrize(("body", "wanted"), [
        ({"ordinal": 7, "reason": " "}, (422, "REASON_MISSING")), ({"ordinal": 7}, (422, "INVALID_BODY")),
        ({"ordinal": 0, "reason": "刷量"}, (422, "INVALID_BODY")), ({"citizen": 2**70, "reason": "刷量"}, (422, "INVALID_BODY")),
        ({"ordinal": 8, "reason": "刷量"}, (404, "PARTICIPATION_NOT_FOUND")), ({"reason": "刷量"}, (404, "PARTICIPATION_NOT_FOUND"))])
    async def test_it_needs_a_reason_and_somebody(self, app, stores, body, wanted):
        await app.opened()
        operator = await app.desk("operator")
        assert error_of(await operator.ask(f"{FLAG}/voids", body)) == wanted
        assert app.counting.voided == [] and await logged(stores) == []


async def test_archiving_waits_for_late_requests(app):
    await app.opened()
    operator = await app.desk("operator")
    app.now = CLOSES + 1.0
    operator = await relogged(app, operator)
    await operator.ask(f"{FLAG}/state", {"state": "frozen"}, method="PUT")
    assert error_of(await operator.ask(f"{FLAG}/state", {"state": "archived"}, method="PUT")) == (409, "STILL_COUNTING")
    app.now = CLOSES + LATE_SECONDS + 1.0
    assert json_of(await operator.ask(f"{FLAG}/state", {"state": "archived"}, method="PUT"))["state"] == "archived"


async def relogged(app, desk):
    """Sign in again, days later."""
    answer = await desk.ask(f"{STAFF}/session", {"name": "the-operator", "password": PASSWORD})
    desk.cookie, desk.csrf = answer.headers["Set-Cookie"].partition(";")[0], json_of(answer)["csrf"]
    return desk


class TestJournals:
    async def test_operators_and_auditors_see_them_editors_do_not(self, app):
        await app.opened()
        for role, status in (("operator", 200), ("auditor", 200), ("admin", 200), ("editor", 403)):
            desk = await app.desk(role)
            assert (await desk.ask(f"{FLAG}/journals")).code == status, role
        assert (await app.ask(f"{FLAG}/journals")).code == 401


class TestWords:
    async def test_the_list_is_replaced_as_it_was_seen(self, app, stores):
        desk = await app.desk("reviewer")
        sample = json_of(await desk.ask(f"{STAFF}/words"))
        assert (sample["block"], sample["rev"]) == ([], 0) and "加微信" in sample["review"]
        kept = await desk.ask(f"{STAFF}/words", {"block": ["赌博"], "review": ["发票"], "rev": 0}, method="PUT")
        assert json_of(kept) == {"block": ["赌博"], "review": ["发票"], "rev": 1}
        assert error_of(await desk.ask(f"{STAFF}/words", {"block": [], "review": [], "rev": 0}, method="PUT")) == (409, "WORDS_CHANGED")
        assert error_of(await desk.ask(f"{STAFF}/words", {"block": ["！"], "rev": 1}, method="PUT")) == (422, "WORD_WRONG")
        assert ("the-reviewer", "words.keep", "1") in await logged(stores)

    async def test_not_everybody_sees_it(self, app):
        desk = await app.desk("operator")
        assert error_of(await desk.ask(f"{STAFF}/words")) == (403, "ROLE_REFUSED")
        assert error_of(await app.ask(f"{STAFF}/words")) == (401, "STAFF_SESSION_MISSING")
