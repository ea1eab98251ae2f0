"""The mini-program over HTTP: a citizen's phone number, what her phone encrypted, codes and links of the staff, who comes by a code."""

from __future__ import annotations

import io
import logging
import time

import msgspec
import pytest
import zxingcpp
from PIL import Image

from server.accounts import Accounts
from server.app import job_table
from server.mini_codes import MiniCode, MiniCodeStore, visits_key
from server.mini_pages import Target
from server.phones import ASKS_PER_DAY, PURPOSE
from tests.app_world import open_app
from tests.handlers.civic_app import CivicApp, error_of, json_of
from tests.handlers.test_staff import logged
from tests.sandbox.sandbox_world import MINI, OFFICIAL, World
from tests.server.accounts_world import connected_with
from tests.server.citizens.people import everything
from tests.server.mini_world import MiniWorld

pytestmark = pytest.mark.gen_test(timeout=60)
PHONE, SESSION = "/api/v1/citizens/me/phone", "/api/v1/session/miniprogram"
DATA = f"{SESSION}/data"
CODES, LINKS = (f"/api/v1/staff/accounts/{MINI['appid']}/{name}" for name in ("mini-codes", "mini-links"))
SCENES = f"/api/v1/miniprograms/{MINI['appid']}/scenes"
FLAG = {"name": "中山公园海报", "page": "pages/campaign/campaign", "query": {"slug": "salute-the-flag", "unit": "实验小学三年级二班"}}
LINK = {"kind": "url_link", "name": "国庆短信", "page": "pages/campaign/campaign", "query": {"slug": "salute-the-flag"}}
GROUP = {"openGId": "tGroup0123456789"}


@pytest.fixture
def civic(io_loop, stores, tmp_path):
    """The URL table, and the services of one mini-program beside an official account."""
    async def opened():
        app = await CivicApp(stores, tmp_path).open()
        mini = await MiniWorld(stores, tmp_path, app.tokens).open()
        app.now = mini.now
        services = app.services
        services.citizens, services.web_login, services.encrypted_data = mini.citizens, mini.web_login, mini.encrypted_data
        services.phones, app.mini = mini.phones, mini
        services.accounts = Accounts([
            connected_with(mini.account, client=mini.client, mini_codes=mini.codes, mini_links=mini.links),
            connected_with(type(mini.account)(OFFICIAL["appid"], "", "", ""))])
        return app

    app = io_loop.run_sync(opened)
    yield app
    io_loop.run_sync(app.close)
    io_loop.run_sync(app.mini.close)


@pytest.fixture
def wang(io_loop, civic):
    return io_loop.run_sync(lambda: civic.mini.person("王小红"))


@pytest.fixture
def citizen(io_loop, civic, wang):
    return io_loop.run_sync(lambda: civic.mini.login(wang))


class TestPhone:
    async def test_it_is_given_shown_masked_and_taken_back(self, civic, wang, citizen):
        given = await civic.ask(PHONE, {"code": await civic.mini.phone_code(wang)}, citizen=citizen)
        whole = civic.mini.sandbox.platform.store.phone(civic.mini.openid(wang), "")
        shown = {"number": f"{whole[:3]}****{whole[-4:]}", "purpose": PURPOSE, "given_at": "2026-10-01T12:00:00+08:00"}
        assert (given.code, json_of(given)) == (201, shown)
        assert json_of(await civic.ask(PHONE, citizen=citizen)) == shown
        assert (await civic.ask(PHONE, method="DELETE", citizen=citizen)).code == 204
        assert error_of(await civic.ask(PHONE, citizen=citizen)) == (404, "PHONE_NOT_FOUND")

    @pytest.mark.parametrize(("body", "expected"), [
        ({"code": "wrong"}, (401, "PHONE_CODE_REJECTED")), ({"code": ""}, (422, "INVALID_BODY")), ({}, (422, "INVALID_BODY")),
        ({"code": 7}, (422, "INVALID_BODY")), ({"code": "c", "purpose": ""}, (422, "INVALID_BODY")),
        ({"code": "c", "under14": True}, (409, "PHONE_NOT_TAKEN"))])
    async def test_what_cannot_be_is_refused(self, civic, citizen, body, expected):
        assert error_of(await civic.ask(PHONE, body, citizen=citizen)) == expected

    async def test_it_is_rationed(self, civic, citizen):
        for _ in range(ASKS_PER_DAY):
            await civic.ask(PHONE, {"code": "wrong"}, citizen=citizen)
        assert error_of(await civic.ask(PHONE, {"code": "wrong"}, citizen=citizen)) == (429, "PHONE_ASKED_TOO_OFTEN")

    @pytest.mark.parametrize("verb", ["GET", "POST", "DELETE"])
    async def test_it_is_a_citizens_own(self, civic, verb):
        assert error_of(await civic.ask(PHONE, {"code": "c"} if verb == "POST" else None, method=verb)) == (401, "TOKEN_MISSING")


class TestData:
    async def body(self, civic, wang, **changes):
        given = await civic.mini.encrypted(wang, {"openId": "o", "phoneNumber": "13800138000"} | GROUP)
        return {"encrypted_data": given["encryptedData"], "iv": given["iv"], "raw_data": given["rawData"],
                "signature": given["signature"]} | changes

    async def test_the_allowed_fields_are_answered(self, civic, wang, citizen):
        answer = await civic.ask(DATA, await self.body(civic, wang), citizen=citizen)
        assert (answer.code, json_of(answer)) == (200, {"kind": "group_share", "data": GROUP})

    @pytest.mark.parametrize(("changes", "expected"), [
        ({"iv": "x"}, (422, "DATA_REFUSED")), ({"encrypted_data": "x"}, (422, "DATA_REFUSED")), ({"signature": "x"}, (422, "DATA_REFUSED")),
        ({"signature": None}, (422, "INVALID_BODY")), ({"iv": 7}, (422, "INVALID_BODY")), ({"encrypted_data": None}, (422, "INVALID_BODY")),
        ({"raw_data": "x" * 9000}, (413, "BODY_TOO_LARGE"))])
    async def test_garbage_is_refused(self, civic, wang, citizen, changes, expected):
        assert error_of(await civic.ask(DATA, await self.body(civic, wang, **changes), citizen=citizen)) == expected

    async def test_after_signing_out_she_has_to_log_in_again(self, civic, wang, citizen):
        body = await self.body(civic, wang)
        assert (await civic.ask(SESSION, method="DELETE", citizen=citizen)).code == 204
        assert error_of(await civic.ask(DATA, body, citizen=citizen)) == (409, "SESSION_STALE")

    async def test_both_are_a_citizens_own(self, civic):
        assert error_of(await civic.ask(DATA, {"encrypted_data": "x", "iv": "x"})) == (401, "TOKEN_MISSING")
        assert error_of(await civic.ask(SESSION, method="DELETE")) == (401, "TOKEN_MISSING")


class TestCodes:
    async def test_from_the_desk_to_the_poster_to_the_page_and_its_figures(self, civic, stores):
        desk = await civic.desk("editor")
        made, again = [await desk.ask(CODES, FLAG, method="POST") for _ in range(2)]
        code = json_of(made)
        assert made.code == 201 and json_of(again) == code
        assert {name: code[name] for name in FLAG} == FLAG and (code["by"], code["appid"]) == ("the-editor", MINI["appid"])
        printed = await desk.ask(f"{CODES}/{code['scene']}.jpg?width=860")
        assert printed.headers["Content-Type"] == "image/jpeg"
        [text] = [found.text for found in zxingcpp.read_barcodes(Image.open(io.BytesIO(printed.body)).convert("L"))]
        scanned = text.partition("scene=")[2]
        for _ in range(3):
            landed = await civic.ask(f"{SCENES}/{scanned}/visits", {})
            assert (landed.code, json_of(landed)) == (200, {"page": FLAG["page"], "query": FLAG["query"]})
        await civic.visits.flush([visits_key(MINI["appid"], scanned)], civic.now)
        shown = json_of(await desk.ask(f"{CODES}/{scanned}"))
        assert [(day["day"], day["channels"]["scan"]) for day in shown["days"]] == [("20261001", 3)]
        assert json_of(await desk.ask(CODES))["items"] == [code]
        assert {(action, subject) for _, action, subject in await logged(stores)} == {("mini_code.make", scanned)}

    @pytest.mark.parametrize(("change", "expected"), [
        ({"scene": "s" * 33}, (422, "SCENE_WRONG")), ({"page": "/pages/a/a"}, (422, "PAGE_WRONG")),
        ({"page": "pages/a/a?b=1"}, (422, "PAGE_WRONG")), ({"page": "nowhere"}, (422, "PAGE_NOT_PUBLISHED")),
        ({"query": {"a": 1}}, (422, "INVALID_BODY")), ({"width": 500}, (422, "INVALID_BODY")),
        ({"env_version": "beta"}, (422, "INVALID_BODY"))])
    async def test_what_cannot_be_is_refused(self, civic, change, expected):
        desk = await civic.desk("editor")
        assert error_of(await desk.ask(CODES, FLAG | change, method="POST")) == expected

    async def test_a_taken_scene_is_a_conflict(self, civic):
        desk = await civic.desk("editor")
        await desk.ask(CODES, FLAG | {"scene": "park"}, method="POST")
        assert error_of(await desk.ask(CODES, FLAG | {"scene": "park", "query": {}}, method="POST")) == (409, "SCENE_TAKEN")

    @pytest.mark.parametrize("query", ["width=999", "width=x", "width=-430", "width=" + "9" * 50, "env_version=beta"])
    async def test_a_picture_has_its_few_settings(self, civic, query):
        desk = await civic.desk("editor")
        scene = json_of(await desk.ask(CODES, FLAG, method="POST"))["scene"]
        assert error_of(await desk.ask(f"{CODES}/{scene}.jpg?{query}")) == (422, "INVALID_BODY")

    async def test_unknown_ones_are_404_and_an_official_account_has_none(self, civic):
        desk = await civic.desk("reviewer")
        for path in (f"{CODES}/nobody", f"{CODES}/nobody.jpg"):
            assert error_of(await desk.ask(path)) == (404, "MINI_CODE_NOT_FOUND")
        assert error_of(await civic.ask(f"{SCENES}/nobody/visits", {})) == (404, "MINI_CODE_NOT_FOUND")
        assert error_of(await civic.ask("/api/v1/miniprograms/wxnobody/scenes/x/visits", {})) == (404, "ACCOUNT_NOT_FOUND")
        for path in (f"{CODES}", f"{CODES}/x", f"{CODES}/x.jpg", LINKS):
            assert error_of(await desk.ask(path.replace(MINI["appid"], OFFICIAL["appid"]))) == (409, "NOT_A_MINI_PROGRAM")
        assert error_of(await civic.ask(f"/api/v1/miniprograms/{OFFICIAL['appid']}/scenes/x/visits", {})) == (409, "NOT_A_MINI_PROGRAM")


class TestLinks:
    @pytest.mark.parametrize("kind", ["url_link", "url_scheme", "short_link"])
    async def test_a_link_is_made_once_and_given_again(self, civic, stores, kind):
        desk = await civic.desk("editor")
        first, again = [await desk.ask(LINKS, LINK | {"kind": kind}, method="POST") for _ in range(2)]
        assert (first.code, again.code) == (201, 200) and json_of(first) == json_of(again)
        assert json_of(first)["expires_at"] == "2026-10-31T12:00:00+08:00" and json_of(first)["by"] == "the-editor"
        assert json_of(await desk.ask(LINKS))["items"] == [json_of(first)]
        assert [action for _, action, _ in await logged(stores)] == ["mini_link.get"] * 2

    @pytest.mark.parametrize(("change", "expected"), [
        ({"kind": "fax"}, (422, "INVALID_BODY")), ({"page": "/x"}, (422, "PAGE_WRONG")), ({"page": "nowhere"}, (422, "PAGE_NOT_PUBLISHED")),
        ({"days": 31}, (422, "DAYS_WRONG")), ({"days": "x"}, (422, "INVALID_BODY"))])
    async def test_what_cannot_be_is_refused(self, civic, change, expected):
        desk = await civic.desk("editor")
        assert error_of(await desk.ask(LINKS, LINK | change, method="POST")) == expected

    async def test_a_short_link_of_a_city_is_refused_in_words(self, civic):
        desk = await civic.desk("editor")
        await civic.mini.fault("/wxa/genwxashortlink", errcode=43104)
        answer = await desk.ask(LINKS, LINK | {"kind": "short_link"}, method="POST")
        assert error_of(answer) == (409, "SHORT_LINK_NOT_ALLOWED") and "URL Link" in json_of(answer)["error"]["message"]


async def test_only_editors_make_them_and_nobody_looks_without_a_session(civic):
    desk = await civic.desk("reviewer")
    for path, body in ((CODES, FLAG), (LINKS, LINK)):
        assert error_of(await desk.ask(path, body, method="POST")) == (403, "ROLE_REFUSED")
        assert error_of(await civic.ask(path, body)) == (401, "STAFF_SESSION_MISSING")
    for path in (CODES, f"{CODES}/x", f"{CODES}/x.jpg", LINKS):
        assert error_of(await civic.ask(path)) == (401, "STAFF_SESSION_MISSING")


async def test_the_job_of_the_whole_product_writes_down_who_came_by_a_code(stores, tmp_path):
    async with open_app(stores, tmp_path) as app:
        code = MiniCode(MINI["appid"], "park", "中山公园海报", Target(FLAG["page"], FLAG["query"]), "bianji", 0.0)
        await MiniCodeStore(stores.mongo).add(code)
        assert (await app.fetch(f"{SCENES}/park/visits", "POST")).code == 200
        [flush] = [job for job in job_table(app.services, frozenset({"jobs"})) if job.name == "visits.flush"]
        await flush.run(time.time())
        [day] = await app.services.visits.of(visits_key(MINI["appid"], "park"))
        assert day["channels"]["scan"] == 1


async def test_in_the_whole_product_no_answer_and_no_log_has_the_session_key_and_a_deletion_leaves_no_number(stores, tmp_path, caplog):
    caplog.set_level(logging.DEBUG)
    sandbox = World(tmp_path / "sandbox")
    port = sandbox.base.rpartition(":")[2]
    said = []
    async with open_app(stores, tmp_path, SANDBOX_PORT=port, MINIPROGRAM_SECRET=MINI["secret"]) as app:
        wang = await sandbox.citizen("王小红")
        openid = sandbox.platform.store.openid(wang["key"], MINI["appid"])
        keys = []

        async def ask(method, path, body=None, **headers):
            answer = await app.fetch(path, method, None if body is None else msgspec.json.encode(body), **headers)
            said.append(repr(answer.headers.get_all()).encode() + answer.body)
            return answer

        async def login():
            code = (await sandbox.told("/sandbox/login", {"openid": wang["openid"]}))["code"]
            answer = await ask("POST", SESSION, {"code": code})
            keys.append(sandbox.platform.store.session_key(openid))
            return {"Authorization": f"Bearer {json_of(answer)['token']}"}

        hers = await login()
        given = await sandbox.told("/sandbox/encrypted", {"openid": wang["openid"], "data": GROUP})
        sealed = {"encrypted_data": given["encryptedData"], "iv": given["iv"]}
        assert json_of(await ask("POST", DATA, sealed, **hers))["data"] == GROUP
        assert (await ask("POST", DATA, sealed | {"iv": "x"}, **hers)).code == 422
        sandbox.platform.store.set_session_key(openid, "bmV3ZXIga2V5IDAxMjM0NQ==")
        phone_code = (await sandbox.told("/sandbox/phone-code", {"openid": wang["openid"]}))["code"]
        assert (await ask("POST", PHONE, {"code": phone_code}, **hers)).code == 201
        assert (await ask("DELETE", SESSION, **hers)).code == 204
        assert (await ask("POST", DATA, sealed, **hers)).code == 409
        await login()
        number = sandbox.platform.store.phone(openid, "")
        kept = await stores.mongo["phones"].find_one({"_id": 1})
        assert kept is not None and number.encode() not in kept["number"]
        assert (await ask("DELETE", "/api/v1/citizens/me", **hers)).code == 204
        assert await stores.mongo["phones"].find_one({"_id": 1}) is None
    sandbox.close()
    heard, left = b"".join(said), await everything(stores)
    assert b"tGroup" in heard and "/wxa/checksession" in caplog.text  # both were listened to
    for secret in (*keys, number, openid):
        assert secret.encode() not in heard and secret not in caplog.text and secret.encode() not in left
