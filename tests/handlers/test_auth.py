"""Sign-in: the web's whole way, what goes wrong on it, the mini-program and the JS-SDK."""

from __future__ import annotations

import hashlib
from urllib.parse import quote, urlsplit

import msgspec
import pytest

from handlers.base import COOKIE
from server.stores import open_stores
from server.web_login import LOGIN_SECONDS
from tests.command_listener import LOOKING
from tests.handlers.login_world import AUTHORIZE, LoginWorld, error_of, query_of
from tests.server.citizens.people import OFFICIAL, citizens_of, everything

pytestmark = pytest.mark.gen_test(timeout=30)
ALICE = {"openid": "openid-alice", "unionid": "union-alice"}


@pytest.fixture
def world(io_loop, stores, tmp_path):
    made = io_loop.run_sync(lambda: LoginWorld().open(stores, tmp_path))
    yield made
    io_loop.run_sync(made.close)


class TestWeb:
    async def test_it_works(self, world):
        browser = world.browser()
        start = await browser.fetch("/auth/official?next=/c/flag%3Fu%3D%E4%B8%80%E4%B8%AD%26code%3Dold")
        assert start.headers["Location"].startswith(AUTHORIZE + "?") and start.headers["Location"].endswith("#wechat_redirect")
        asked = query_of(start)
        assert asked | {"state": ""} == {"appid": OFFICIAL, "redirect_uri": world.base + "/auth/official/callback",
                                         "response_type": "code", "scope": "snsapi_base", "state": ""}
        assert len(asked["state"]) == 32 and asked["state"].isalnum()
        world.platform.answers["c1"] = ALICE
        back = await browser.come_back("c1", asked["state"])
        assert (back.code, back.headers["Location"]) == (302, "/c/flag?u=%E4%B8%80%E4%B8%AD")
        assert back.headers["Cache-Control"] == "no-store"
        assert world.citizen_in(browser) == 1
        cookie = browser.attributes[COOKIE]
        assert cookie["httponly"] and cookie["samesite"] == "Lax" and cookie["path"] == "/" and cookie["max-age"] == "86400"
        assert not cookie["secure"]
        assert [name for name in browser.cookies if name != COOKIE] == []

    async def test_user_info_is_asked_for_only_when_wanted(self, world):
        assert query_of(await world.browser().fetch("/auth/official?scope=userinfo"))["scope"] == "snsapi_userinfo"
        assert error_of(await world.browser().fetch("/auth/official?scope=snsapi_login")) == (422, "INVALID_SCOPE")

    @pytest.mark.parametrize("next_", [
        "https://evil.example", "//evil.example", "/\\evil.example", "\\\\evil.example", "/%5Cevil.example", "evil.example",
        "javascript:alert(1)", "/\t/evil.example", "/ /evil.example", "/c/flag\r\nX: y", "///evil.example", "",
        "/auth/official", "/" + "a" * 600,
    ])
    async def test_no_next_leads_away_from_this_site(self, world, next_):
        response = await world.browser().fetch("/auth/official?next=" + (next_ if "%" in next_ else quote(next_)))
        assert error_of(response) == (422, "INVALID_NEXT")

    async def test_a_state_is_good_in_its_own_browser_only(self, world):
        mallory, victim = world.browser(), world.browser()
        state = (await mallory.consent())["state"]
        world.platform.answers["c1"] = {"openid": "openid-mallory"}
        assert error_of(await victim.come_back("c1", state)) == (401, "SIGN_IN_FAILED")
        own = await victim.consent()
        assert own["state"] != state
        assert error_of(await victim.come_back("c1", state)) == (401, "SIGN_IN_FAILED")
        name, other_name = f"wenming_login_{own['state'][:8]}", f"wenming_login_{state[:8]}"
        victim.cookies[other_name] = victim.cookies[name]
        assert error_of(await victim.come_back("c1", state)) == (401, "SIGN_IN_FAILED")
        assert COOKIE not in victim.cookies and not world.platform.used

    @pytest.mark.parametrize("state", ["", "x", "A" * 32, "0" * 32, "0" * 500, "%00", quote("国" * 32)])
    async def test_what_is_no_state_is_refused(self, world, state):
        assert error_of(await world.browser().come_back("c1", state)) == (401, "SIGN_IN_FAILED")

    async def test_a_changed_cookie_is_refused(self, world):
        browser = world.browser()
        state = (await browser.consent())["state"]
        name = f"wenming_login_{state[:8]}"
        good = browser.cookies[name]
        for bad in (good[:-1] + "g", "x" + good, good.split(".")[0], ".", "e30=." + good.split(".")[1]):
            browser.cookies[name] = bad
            assert error_of(await browser.come_back("c1", state)) == (401, "SIGN_IN_FAILED")
            browser.cookies[name] = good

    async def test_a_login_left_lying_too_long_is_refused(self, world):
        browser = world.browser()
        state = (await browser.consent())["state"]
        world.now += LOGIN_SECONDS + 1
        assert error_of(await browser.come_back("c1", state)) == (401, "SIGN_IN_FAILED")

    async def test_two_tabs_sign_in_side_by_side(self, world):
        browser = world.browser()
        one, two = await browser.consent("/c/one"), await browser.consent("/c/two")
        world.platform.answers |= {"c1": ALICE, "c2": ALICE}
        assert (await browser.come_back("c1", one["state"])).headers["Location"] == "/c/one"
        assert (await browser.come_back("c2", two["state"])).headers["Location"] == "/c/two"

    async def test_a_snapshot_user_is_sent_back_uncounted_and_told(self, world, stores):
        browser = world.browser()
        state = (await browser.consent())["state"]
        world.platform.answers["c1"] = {"openid": "openid-virtual", "is_snapshotuser": 1}
        back = await browser.come_back("c1", state)
        assert (back.code, back.headers["Location"]) == (302, "/c/flag?guest=snapshot")
        assert COOKIE not in browser.cookies
        assert await stores.mongo["identities"].find(comment=LOOKING).to_list(None) == []

    async def test_a_used_code_begins_again_once_and_never_twice(self, world):
        browser = world.browser()
        state = (await browser.consent())["state"]
        world.platform.used.add("c1")
        again = await browser.come_back("c1", state)
        assert again.code == 302 and again.headers["Location"].startswith(AUTHORIZE)
        last = await browser.come_back("c1", query_of(again)["state"])
        assert error_of(last) == (401, "SIGN_IN_FAILED")
        assert last.headers["Refresh"] == "0; url=/c/flag?guest=failed"

    async def test_a_used_code_that_begins_again_ends_at_the_same_page(self, world):
        browser = world.browser()
        state = (await browser.consent())["state"]
        world.platform.used.add("c1")
        again = query_of(await browser.come_back("c1", state))
        world.platform.answers["c2"] = ALICE
        assert (await browser.come_back("c2", again["state"])).headers["Location"] == "/c/flag"
        assert world.citizen_in(browser) == 1

    async def test_an_invalid_code_goes_back_to_the_page_as_a_guest(self, world):
        browser = world.browser()
        response = await browser.come_back("nonsense", (await browser.consent())["state"])
        assert error_of(response) == (401, "SIGN_IN_FAILED")
        assert response.headers["Refresh"] == "0; url=/c/flag?guest=failed"

    @pytest.mark.parametrize("errcode", [-1, 45009, 50001])
    async def test_without_the_platform_it_is_503_and_the_page_goes_on(self, world, errcode):
        browser = world.browser()
        state = (await browser.consent())["state"]
        world.platform.errcode = errcode
        response = await browser.come_back("c1", state)
        assert error_of(response) == (503, "IDENTITY_UNAVAILABLE")
        assert int(response.headers["Retry-After"]) > 0
        assert response.headers["Refresh"] == "0; url=/c/flag?guest=unavailable"

    async def test_without_mongodb_a_first_sight_is_503(self, world, tmp_path):
        nowhere = open_stores("mongodb://127.0.0.1:9/x?serverSelectionTimeoutMS=200", "redis://127.0.0.1:9")
        world.web_login._citizens = citizens_of(nowhere, tmp_path)
        world.platform.answers["c1"] = ALICE
        browser = world.browser()
        response = await browser.come_back("c1", (await browser.consent())["state"])
        assert error_of(response) == (503, "IDENTITY_UNAVAILABLE")
        assert response.headers["Retry-After"]
        await nowhere.close()

    async def test_the_openid_is_in_no_address_no_page_and_no_log(self, world, caplog):
        caplog.set_level("DEBUG")
        browser = world.browser()
        world.platform.answers["c1"] = ALICE
        response = await browser.come_back("c1", (await browser.consent())["state"])
        assert "alice" not in caplog.text + str(response.headers) + response.body.decode() + str(browser.cookies)


class TestOtherAccounts:
    async def test_an_account_that_cannot_sign_in_on_the_web_sends_back_at_once(self, stores, tmp_path):
        world = await LoginWorld(web=None).open(stores, tmp_path)
        response = await world.browser().fetch("/auth/official?next=/c/flag")
        assert response.headers["Location"] == "/c/flag?guest=miniprogram"
        await world.close()

    async def test_on_https_cookies_are_secure(self, stores, tmp_path):
        world = await LoginWorld(base_url="https://h5.example.cn").open(stores, tmp_path)
        browser = world.browser()
        asked = await browser.consent()
        assert asked["redirect_uri"] == "https://h5.example.cn/auth/official/callback", "whatever Host says"
        world.platform.answers["c1"] = ALICE
        await browser.come_back("c1", asked["state"])
        assert browser.attributes[COOKIE]["secure"]
        await world.close()

    async def test_on_ones_own_machine_any_of_its_names_works(self, world):
        port = urlsplit(world.base).port
        response = await world.browser().fetch("/auth/official", headers={"Host": f"localhost:{port}"})
        assert query_of(response)["redirect_uri"] == f"http://localhost:{port}/auth/official/callback"
        response = await world.browser().fetch("/auth/official", headers={"Host": "evil.example"})
        assert query_of(response)["redirect_uri"] == world.base + "/auth/official/callback"


class TestMiniProgram:
    async def login(self, world, code: str = "m1"):
        return await world.browser().fetch("/api/v1/session/miniprogram", method="POST", body=msgspec.json.encode({"code": code}))

    async def test_it_works_and_is_the_same_person_as_on_the_web(self, world, stores):
        browser = world.browser()
        world.platform.answers |= {"c1": ALICE, "m1": {**ALICE, "openid": "mini-alice", "session_key": "very-secret"}}
        await browser.come_back("c1", (await browser.consent())["state"])
        response = await self.login(world)
        answer = msgspec.json.decode(response.body)
        assert set(answer) == {"token", "expires_in"} and answer["expires_in"] == 86400
        assert world.citizens.of_token(world.tokens.read(answer["token"], world.now)) == world.citizen_in(browser)
        assert await world.web_login.session_key_of(1) == "very-secret"
        assert b"very-secret" not in await everything(stores)
        assert 0 < await stores.redis.ttl("login:miniprogram:1:session_key") <= 86400
        await world.web_login.erase(1, world.now)
        assert await world.web_login.session_key_of(1) is None

    @pytest.mark.parametrize(("errcode", "expected"), [
        (40029, (401, "SIGN_IN_FAILED")), (40163, (401, "SIGN_IN_FAILED")), (40226, (403, "SIGN_IN_FORBIDDEN")),
        (45011, (503, "IDENTITY_UNAVAILABLE")), (-1, (503, "IDENTITY_UNAVAILABLE")),
    ])
    async def test_the_platforms_refusals(self, world, errcode, expected):
        world.platform.errcode = errcode
        assert error_of(await self.login(world)) == expected

    @pytest.mark.parametrize("body", [b"", b"{}", b'{"code": 7}', b'{"code": ""}', b"[]", b'{"code": "' + b"a" * 300 + b'"}'])
    async def test_bad_bodies(self, world, body):
        response = await world.browser().fetch("/api/v1/session/miniprogram", method="POST", body=body)
        assert error_of(response) == (422, "INVALID_BODY")

    async def test_without_redis_the_login_goes_on(self, world):
        nowhere = open_stores("mongodb://127.0.0.1:9/x", "redis://127.0.0.1:9")
        world.web_login._redis = nowhere.redis
        world.platform.answers["m1"] = {"openid": "mini-alice", "session_key": "k"}
        assert (await self.login(world)).code == 200
        await nowhere.close()


class TestJsSdk:
    async def sign(self, world, url: str, host: str = ""):
        return await world.browser().fetch("/api/v1/jssdk?url=" + quote(url, safe=""), headers={"Host": host} if host else {})

    async def test_it_works_and_ignores_what_follows_the_hash(self, world):
        page = f"{world.base}/c/flag?u=%E4%B8%80&x=1"
        answer = msgspec.json.decode((await self.sign(world, page + "#top")).body)
        assert set(answer) == {"appId", "timestamp", "nonceStr", "signature"}
        text = (f"jsapi_ticket={await world.platform.jsapi_ticket()}&noncestr={answer['nonceStr']}"
                f"&timestamp={answer['timestamp']}&url={page}")
        assert answer["signature"] == hashlib.sha1(text.encode()).hexdigest()
        assert (answer["appId"], answer["timestamp"]) == (OFFICIAL, int(world.now))

    @pytest.mark.parametrize("url", [
        "", "/c/flag", "https://evil.example/", "http://127.0.0.1/", "{base}.evil.example/", "{base}@evil.example/", "http://x@{host}/",
        "https://{host}/", "ftp://{host}/", "http://[", "{base}/ x", "{base}\\@evil.example", "{base}/\n", "{base}/" + "a" * 3000,
    ])
    async def test_only_our_own_pages_are_signed(self, world, url):
        response = await self.sign(world, url.format(base=world.base, host=urlsplit(world.base).netloc))
        assert error_of(response) == (403, "FOREIGN_PAGE")

    async def test_a_foreign_host_header_signs_nothing(self, world):
        assert error_of(await self.sign(world, "http://evil.example/", host="evil.example")) == (403, "FOREIGN_PAGE")
