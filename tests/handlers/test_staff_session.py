"""Signing in as the console does it: in one or two steps, with a first password that must go, and from the phone."""

from __future__ import annotations

import re

import pytest

from server.staff import FRESH_SECONDS
from server.staff.factors import STEP_SECONDS, totp
from tests.handlers.civic_app import ALICE, BOB, PASSWORD, CivicApp, Desk, error_of, json_of

pytestmark = pytest.mark.gen_test(timeout=60)
STAFF = "/api/v1/staff"
SESSION, SECOND, ME = f"{STAFF}/session", f"{STAFF}/session/second-factor", f"{STAFF}/me"
SIGN_IN = {"name": "the-editor", "password": PASSWORD}
EDGE = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36 Edg/140.0"


@pytest.fixture
def app(io_loop, stores, tmp_path):
    made = io_loop.run_sync(lambda: CivicApp(stores, tmp_path).open())
    yield made
    io_loop.run_sync(made.close)


def entered(app, answer) -> Desk:
    """The browser after a sign-in."""
    assert answer.code == 200, answer.body
    desk = Desk(app)
    desk.cookie, desk.csrf = answer.headers["Set-Cookie"].partition(";")[0], json_of(answer)["csrf"]
    return desk


async def phone(app, url: str, citizen: int, body: str | None = None):
    """The page that a phone shows, opened by this citizen."""
    path = url.removeprefix("http://wm.example")
    return await app.ask(path, None if body is None else body.encode(), headers={
        "Cookie": f"wenming_citizen={app.tokens.issue(citizen, app.now)}", "Accept": "text/html",
        "Content-Type": "application/x-www-form-urlencoded"})


class TestFirstPassword:
    async def test_it_is_changed_and_then_everything_is_open(self, app):
        await app.staff.create("the-editor", "editor", PASSWORD, app.now, temporary=True)
        desk = entered(app, await app.ask(SESSION, SIGN_IN))
        assert json_of(await desk.ask(SESSION))["needs"] == ["password"]
        assert error_of(await desk.ask(f"{STAFF}/campaigns")) == (403, "PASSWORD_CHANGE_NEEDED")
        for body, wanted in (({"old": "wrong", "new": "another long one"}, (401, "SIGN_IN_FAILED")),
                             ({"old": PASSWORD, "new": "password123"}, (422, "WEAK_PASSWORD")),
                             ({"old": PASSWORD, "new": PASSWORD}, (422, "WEAK_PASSWORD"))):
            assert error_of(await desk.ask(f"{ME}/password", body, method="PUT")) == wanted
        changed = entered(app, await desk.ask(f"{ME}/password", {"old": PASSWORD, "new": "another long one"}, method="PUT"))
        assert (await changed.ask(f"{STAFF}/campaigns")).code == 200
        assert error_of(await desk.ask(SESSION)) == (401, "STAFF_SESSION_MISSING"), "the session of before has ended"


class TestSecondFactor:
    async def test_an_app_is_set_up_and_asked_for(self, app):
        desk = await app.desk("editor")
        begun = json_of(await desk.ask(f"{ME}/totp", {}))
        assert begun["picture"].startswith("data:image/png;base64,") and begun["url"].startswith("otpauth://")
        code = totp(begun["secret"], int(app.now // STEP_SECONDS))
        assert error_of(await desk.ask(f"{ME}/totp", {"code": "x"}, method="PUT")) == (401, "SECOND_FACTOR_WRONG")
        assert (await desk.ask(f"{ME}/totp", {"code": code}, method="PUT")).code == 204
        assert json_of(await desk.ask(ME))["factors"] == {"totp": True, "recovery": 0, "wechat": False}
        app.now += 60
        waiting = await app.ask(SESSION, SIGN_IN)
        assert waiting.code == 202 and json_of(waiting)["ways"] == ["totp"] and "Set-Cookie" not in waiting.headers
        pending = {"pending": json_of(waiting)["pending"], "way": "totp"}
        assert error_of(await app.ask(SECOND, pending | {"code": code})) == (401, "SECOND_FACTOR_WRONG")
        again = entered(app, await app.ask(SECOND, pending | {"code": totp(begun["secret"], int(app.now // STEP_SECONDS))}))
        assert (await again.ask(f"{ME}/totp", method="DELETE")).code == 204
        entered(app, await app.ask(SESSION, SIGN_IN))

    async def test_paper_is_as_good(self, app):
        desk = await app.desk("editor")
        codes = json_of(await desk.ask(f"{ME}/recovery-codes", {}))["codes"]
        pending = json_of(await app.ask(SESSION, SIGN_IN))["pending"]
        entered(app, await app.ask(SECOND, {"pending": pending, "way": "recovery", "code": codes[3]}))
        assert json_of(await desk.ask(ME))["factors"]["recovery"] == 9

    async def test_nonsense_is_refused(self, app):
        assert error_of(await app.ask(SECOND, {"pending": "x", "way": "totp", "code": "1"})) == (401, "SIGN_IN_EXPIRED")
        assert error_of(await app.ask(f"{SECOND}/wechat", {"pending": "x"})) == (401, "SIGN_IN_EXPIRED")

    async def test_on_a_public_address_an_admin_sets_one_up_before_anything_else(self, io_loop, stores, tmp_path):
        app = await CivicApp(stores, tmp_path, https=True).open()
        await app.staff.create("guanli", "admin", PASSWORD, app.now)
        desk = entered(app, await app.ask(SESSION, {"name": "guanli", "password": PASSWORD}))
        assert error_of(await desk.ask(f"{STAFF}/members")) == (403, "SECOND_FACTOR_NEEDED")
        assert (await desk.ask(f"{ME}/recovery-codes", {})).code == 201
        assert (await desk.ask(f"{STAFF}/members")).code == 200
        await app.close()


class TestPhone:
    async def test_it_is_bound_by_a_scan_and_approves_by_another(self, app):
        desk = await app.desk("editor")
        shown = json_of(await desk.ask(f"{ME}/wechat", {}))
        page = await phone(app, shown["url"], ALICE)
        words = re.sub(r"(?s)<style>.*?</style>|<[^>]*>", "", page.body.decode())
        assert page.code == 200 and "the-editor" in words and shown["number"] not in words
        assert "<script" not in page.body.decode() and "default-src 'none'" in page.headers["Content-Security-Policy"]
        assert page.headers["Referrer-Policy"] == "no-referrer"
        assert (await phone(app, shown["url"], ALICE, f"answer=yes&number={shown['number']}")).code == 200
        assert json_of(await desk.ask(ME))["factors"]["wechat"] is True

        pending = json_of(await app.ask(SESSION, SIGN_IN, headers={"User-Agent": EDGE}))["pending"]
        asked = json_of(await app.ask(f"{SECOND}/wechat", {"pending": pending}))
        wait = await app.ask(SECOND, {"pending": pending, "way": "wechat"})
        assert wait.code == 202
        assert "Edge · Windows" in (await phone(app, asked["url"], ALICE)).body.decode()
        assert (await phone(app, asked["url"], BOB)).code == 403
        assert (await phone(app, asked["url"], ALICE, f"answer=yes&number={asked['number']}")).code == 200
        entered(app, await app.ask(SECOND, {"pending": pending, "way": "wechat"}))
        assert (await phone(app, asked["url"], ALICE)).code == 404

    async def test_no_ends_it(self, app):
        desk = await app.desk("editor")
        shown = json_of(await desk.ask(f"{ME}/wechat", {}))
        await phone(app, shown["url"], ALICE, f"answer=yes&number={shown['number']}")
        pending = json_of(await app.ask(SESSION, SIGN_IN))["pending"]
        asked = json_of(await app.ask(f"{SECOND}/wechat", {"pending": pending}))
        assert "已拒绝" in (await phone(app, asked["url"], ALICE, "answer=no")).body.decode()
        assert error_of(await app.ask(SECOND, {"pending": pending, "way": "wechat"})) == (401, "SIGN_IN_EXPIRED")

    async def test_who_is_not_known_yet_signs_in_with_wechat_first(self, app):
        desk = await app.desk("editor")
        path = json_of(await desk.ask(f"{ME}/wechat", {}))["url"].removeprefix("http://wm.example")
        answer = await app.ask(path)
        assert answer.code == 302 and re.fullmatch(r"/auth/official\?scope=base&next=/staff-phone/[\w-]{43}", answer.headers["Location"])
        assert (await app.ask(path + "?guest=miniprogram")).code == 401
        assert (await app.ask(path, b"answer=yes&number=11")).code == 401


class TestSessions:
    async def test_they_are_listed_with_where_and_ended_one_by_one_or_all(self, app):
        desk = await app.desk("editor")
        there = [entered(app, await app.ask(SESSION, SIGN_IN, headers={"User-Agent": EDGE, "X-Forwarded-For": "203.0.113.77"}))
                 for _ in range(2)]
        items = json_of(await desk.ask(f"{ME}/sessions"))["items"]
        assert sorted((i["address"], i["browser"], i["current"]) for i in items) == [
            ("203.0.113.0/24", "Edge · Windows", False), ("203.0.113.0/24", "Edge · Windows", False), ("本机", "其他", True)]
        one = next(i["id"] for i in json_of(await there[0].ask(f"{ME}/sessions"))["items"] if i["current"])
        assert (await desk.ask(f"{ME}/sessions/{one}", method="DELETE")).code == 204
        assert error_of(await desk.ask(f"{ME}/sessions/{one}", method="DELETE")) == (404, "SESSION_NOT_FOUND")
        assert [(await other.ask(SESSION)).code for other in there] == [401, 200]
        assert (await desk.ask(f"{ME}/sessions", method="DELETE")).code == 204
        assert [(await other.ask(SESSION)).code for other in (*there, desk)] == [401, 401, 200]

    async def test_a_dangerous_act_wants_the_password_again(self, app):
        desk = await app.desk("editor")
        app.now += FRESH_SECONDS + 1
        assert error_of(await desk.ask(f"{ME}/recovery-codes", {})) == (403, "REAUTHENTICATION_NEEDED")
        assert error_of(await desk.ask(f"{SESSION}/reauthentication", {"password": "wrong"})) == (401, "SIGN_IN_FAILED")
        assert (await desk.ask(f"{SESSION}/reauthentication", {"password": PASSWORD})).code == 204
        assert (await desk.ask(f"{ME}/recovery-codes", {})).code == 201
