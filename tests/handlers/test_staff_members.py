"""What admins do with accounts, and what auditors read of it."""

from __future__ import annotations

import asyncio
import csv
import io
import json

import pytest

from server.staff import FAILURES_BEFORE_LOCK
from tests.handlers.civic_app import PASSWORD, CivicApp, Desk, error_of, json_of
from tests.handlers.test_staff import BODY

pytestmark = pytest.mark.gen_test(timeout=60)
STAFF = "/api/v1/staff"
MEMBERS, LOG = f"{STAFF}/members", f"{STAFF}/audit-log"


@pytest.fixture
def app(io_loop, stores, tmp_path):
    made = io_loop.run_sync(lambda: CivicApp(stores, tmp_path).open())
    yield made
    io_loop.run_sync(made.close)


async def signed_in(app, name: str, password: str) -> Desk:
    answer = await app.ask(f"{STAFF}/session", {"name": name, "password": password})
    assert answer.code == 200, answer.body
    desk = Desk(app)
    desk.cookie, desk.csrf = answer.headers["Set-Cookie"].partition(";")[0], json_of(answer)["csrf"]
    return desk


async def items(desk: Desk, query: str = "") -> list[dict]:
    return json_of(await desk.ask(LOG + query))["items"]


class TestAccounts:
    async def test_an_account_is_made_with_a_password_that_is_shown_once(self, app):
        admin = await app.desk("admin")
        made = await admin.ask(MEMBERS, {"name": "xiaoli", "role": "editor", "campaigns": ["flag"]})
        assert made.code == 201
        view = json_of(made)["member"]
        assert (view["campaigns"], view["must_change_password"], view["factors"]) == (["flag"], True, [])
        listed = (await admin.ask(MEMBERS)).body.decode()
        assert json_of(made)["password"] not in listed and "argon2" not in listed
        assert [m["name"] for m in json.loads(listed)["items"]] == ["the-admin", "xiaoli"]
        assert error_of(await admin.ask(MEMBERS, {"name": "xiaoli", "role": "editor"})) == (409, "NAME_TAKEN")
        assert error_of(await admin.ask(f"{MEMBERS}/nobody")) == (404, "MEMBER_NOT_FOUND")
        xiaoli = await signed_in(app, "xiaoli", json_of(made)["password"])
        assert json_of(await xiaoli.ask(f"{STAFF}/session"))["needs"] == ["password"]

    async def test_role_and_scope_hold_from_the_next_request_on(self, app):
        admin, editor = await app.desk("admin"), await app.desk("editor")
        for slug in ("flag", "lantern"):
            assert (await editor.ask(f"{STAFF}/campaigns", BODY | {"slug": slug})).code == 201
        changed = await admin.ask(f"{MEMBERS}/the-editor", {"role": "editor", "campaigns": ["flag"], "rev": 0}, method="PUT")
        assert json_of(changed)["rev"] == 1
        assert [c["slug"] for c in json_of(await editor.ask(f"{STAFF}/campaigns"))["items"]] == ["flag"]
        assert error_of(await editor.ask(f"{STAFF}/campaigns/lantern")) == (403, "SCOPE_REFUSED")
        assert (await editor.ask(f"{STAFF}/campaigns/flag", BODY, method="PUT")).code == 200
        stale = await admin.ask(f"{MEMBERS}/the-editor", {"role": "auditor", "rev": 0}, method="PUT")
        assert error_of(stale) == (409, "MEMBER_CHANGED")
        entry = (await items(admin, "?action=staff.change"))[0]
        assert (entry["before"], entry["after"]) == ({"campaigns": None}, {"campaigns": ["flag"]})

    async def test_a_disabled_account_is_out_at_once_and_can_come_back(self, app):
        admin, editor = await app.desk("admin"), await app.desk("editor")
        await admin.ask(f"{MEMBERS}/the-editor", {"role": "editor", "disabled": True, "rev": 0}, method="PUT")
        assert error_of(await editor.ask(f"{STAFF}/session")) == (401, "STAFF_SESSION_MISSING")
        assert error_of(await app.ask(f"{STAFF}/session", {"name": "the-editor", "password": PASSWORD})) == (401, "SIGN_IN_FAILED")
        await admin.ask(f"{MEMBERS}/the-editor", {"role": "editor", "rev": 1}, method="PUT")
        await signed_in(app, "the-editor", PASSWORD)

    async def test_there_is_always_an_admin(self, app):
        admin = await app.desk("admin")
        for body in ({"role": "editor", "rev": 0}, {"role": "admin", "disabled": True, "rev": 0}):
            refused = await admin.ask(f"{MEMBERS}/the-admin", body | {"rev": json_of(await admin.ask(f"{MEMBERS}/the-admin"))["rev"]},
                                      method="PUT")
            assert error_of(refused) == (409, "LAST_ADMIN")
        assert error_of(await admin.ask(f"{MEMBERS}/the-admin", method="DELETE")) == (409, "DISABLE_FIRST")
        assert json_of(await admin.ask(f"{MEMBERS}/the-admin"))["role"] == "admin"

    async def test_two_admins_who_disable_each_other_at_once_do_not_both_succeed(self, app):
        first = await app.desk("admin")
        await app.staff.create("other", "admin", PASSWORD, app.now)
        second = await signed_in(app, "other", PASSWORD)
        gone = {"role": "admin", "disabled": True, "rev": 0}
        await asyncio.gather(first.ask(f"{MEMBERS}/other", gone, method="PUT"), second.ask(f"{MEMBERS}/the-admin", gone, method="PUT"))
        assert any(account.role == "admin" and not account.disabled for account in await app.staff.store.all())

    async def test_a_deleted_account_is_out_and_what_it_did_stays(self, app):
        admin, editor = await app.desk("admin"), await app.desk("editor")
        await editor.ask(f"{STAFF}/campaigns", BODY)
        assert (await admin.ask(f"{MEMBERS}/the-editor", method="DELETE")).code == 204
        assert (await editor.ask(f"{STAFF}/session")).code == 401
        assert [e["action"] for e in await items(admin, "?who=the-editor")] == ["campaign.create", "staff.sign_in"]

    async def test_a_password_is_reset_and_must_be_changed(self, app):
        admin, editor = await app.desk("admin"), await app.desk("editor")
        password = json_of(await admin.ask(f"{MEMBERS}/the-editor/password", {}))["password"]
        assert (await editor.ask(f"{STAFF}/session")).code == 401
        again = await signed_in(app, "the-editor", password)
        assert error_of(await again.ask(f"{STAFF}/campaigns")) == (403, "PASSWORD_CHANGE_NEEDED")

    async def test_who_mistyped_too_often_is_let_in_again(self, app):
        admin = await app.desk("admin")
        await app.staff.create("xiaoli", "editor", PASSWORD, app.now)
        for _ in range(FAILURES_BEFORE_LOCK):
            await app.ask(f"{STAFF}/session", {"name": "xiaoli", "password": "wrong"})
        locked = await app.ask(f"{STAFF}/session", {"name": "xiaoli", "password": PASSWORD})
        assert error_of(locked) == (429, "ACCOUNT_LOCKED") and int(locked.headers["Retry-After"]) > 0
        assert json_of(await admin.ask(f"{MEMBERS}/xiaoli"))["locked_until"]
        assert (await admin.ask(f"{MEMBERS}/xiaoli/lock", method="DELETE")).code == 204
        await signed_in(app, "xiaoli", PASSWORD)

    async def test_sessions_of_a_member_are_seen_and_ended(self, app):
        admin, editor = await app.desk("admin"), await app.desk("editor")
        assert len(json_of(await admin.ask(f"{MEMBERS}/the-editor/sessions"))["items"]) == 1
        assert (await admin.ask(f"{MEMBERS}/the-editor/sessions", method="DELETE")).code == 204
        assert (await editor.ask(f"{STAFF}/session")).code == 401

    async def test_a_lost_phone_is_no_lock_for_ever(self, app):
        admin, editor = await app.desk("admin"), await app.desk("editor")
        await editor.ask(f"{STAFF}/me/recovery-codes", {})
        app.now += 1
        assert (await admin.ask(f"{MEMBERS}/the-editor/second-factor", method="DELETE")).code == 204
        assert (await editor.ask(f"{STAFF}/session")).code == 401
        await signed_in(app, "the-editor", PASSWORD)

    async def test_the_instance_asks_for_second_factors_or_not(self, app):
        admin = await app.desk("admin")
        assert json_of(await admin.ask(f"{STAFF}/second-factor")) == {"required": False}
        assert json_of(await admin.ask(f"{STAFF}/second-factor", {"required": True}, method="PUT")) == {"required": True}
        assert error_of(await admin.ask(MEMBERS)) == (403, "SECOND_FACTOR_NEEDED")
        assert (await admin.ask(f"{STAFF}/me/recovery-codes", {})).code == 201
        assert (await admin.ask(MEMBERS)).code == 200


class TestAuditLog:
    async def test_refusals_are_in_it_and_a_flood_is_not(self, app):
        auditor = await app.desk("auditor")
        for _ in range(30):
            assert (await auditor.ask(f"{STAFF}/campaigns", BODY)).code == 403
        found = await items(auditor, "?action=refused.role_refused")
        assert len(found) == 20
        assert (found[0]["who"], found[0]["subject"], found[0]["origin"]) == ("the-auditor", f"POST {STAFF}/campaigns", "本机")

    async def test_it_is_read_by_time_and_page(self, app):
        auditor, editor = await app.desk("auditor"), await app.desk("editor")
        for n in range(60):
            app.now += 1
            assert (await editor.ask(f"{STAFF}/campaigns", BODY | {"slug": f"c-{n}"})).code == 201
        page = json_of(await auditor.ask(f"{LOG}?who=the-editor&action=campaign.create"))
        rest = json_of(await auditor.ask(f"{LOG}?who=the-editor&action=campaign.create&cursor={page['next']}"))
        assert [e["subject"] for e in page["items"] + rest["items"]] == [f"c-{n}" for n in reversed(range(60))] and rest["next"] is None
        since = page["items"][3]["at"].replace("+", "%2B")
        assert [e["subject"] for e in await items(auditor, f"?action=campaign.create&since={since}")] == ["c-59", "c-58", "c-57", "c-56"]
        for query in ("since=yesterday", "until=0001-01-01", "cursor=x"):
            assert error_of(await auditor.ask(f"{LOG}?{query}")) == (422, "INVALID_BODY"), query

    async def test_it_is_taken_away_as_a_table_and_that_is_logged(self, app):
        auditor, editor = await app.desk("auditor"), await app.desk("editor")
        for n in range(3):
            await editor.ask(f"{STAFF}/campaigns", BODY | {"slug": f"c-{n}"})
        answer = await auditor.ask(f"{LOG}.csv?action=campaign.create")
        assert answer.headers["Content-Type"] == "text/csv; charset=UTF-8" and answer.body.startswith(b"\xef\xbb\xbf")
        rows = list(csv.reader(io.StringIO(answer.body.decode("utf-8-sig"))))
        assert rows[0][:6] == ["序号", "时间", "账号", "角色", "动作", "对象"]
        assert [row[5] for row in rows[1:]] == ["c-2", "c-1", "c-0"]
        entry = (await items(auditor))[0]
        assert (entry["action"], entry["detail"]) == ("audit_log.export", {"asked": {"action": "campaign.create"}})

    @pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
    async def test_nobody_changes_it(self, app, method):
        admin = await app.desk("admin")
        for path in (LOG, f"{LOG}.csv"):
            assert (await admin.ask(path, b"{}" if method != "DELETE" else None, method=method)).code == 405
        assert [e["action"] for e in await items(admin)] == ["staff.sign_in"]

    async def test_it_proves_itself_after_all_of_this(self, app):
        admin, editor = await app.desk("admin"), await app.desk("editor")
        await editor.ask(f"{STAFF}/campaigns", BODY)
        await editor.ask(f"{STAFF}/campaigns/flag", BODY | {"title": "新的标题"}, method="PUT")
        await admin.ask(MEMBERS, {"name": "xiaoli", "role": "editor"})
        (update,) = await items(admin, "?action=campaign.update")
        assert (update["before"], update["after"]) == ({"title": "向国旗敬礼", "rev": 0}, {"title": "新的标题", "rev": 1})
        assert (await app.staff.audit_log.check()).ok
