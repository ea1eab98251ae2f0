"""The mini-program's rules on the platform: phone codes, sessions, codes, links, typing, with the platform's own refusals."""

from __future__ import annotations

import hashlib
import hmac
import json
from base64 import b64decode

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from server.sandbox.miniprogram import LINKS_PER_DAY
from tests.sandbox.sandbox_world import MINI, OFFICIAL, World

pytestmark = pytest.mark.gen_test(timeout=30)
PHONE, CHECK, RESET, CODE = "/wxa/business/getuserphonenumber", "/wxa/checksession", "/wxa/resetusersessionkey", "/wxa/getwxacodeunlimit"
LINK, SCHEME, SHORT = "/wxa/generate_urllink", "/wxa/generatescheme", "/wxa/genwxashortlink"
TYPING, MINI_TYPING = "/cgi-bin/message/custom/typing", "/cgi-bin/message/custom/business/typing"
MONTH = {"expire_type": 1, "expire_interval": 30}


@pytest.fixture
def world(io_loop, tmp_path):
    async def opened():
        return World(tmp_path)

    made = io_loop.run_sync(opened)
    yield made
    made.close()


@pytest.fixture
def token(io_loop, world):
    return io_loop.run_sync(lambda: world.token(MINI))["access_token"]


@pytest.fixture
def wang(io_loop, world):
    return io_loop.run_sync(lambda: world.citizen("王小红"))


def openid_of(world, citizen):
    return world.platform.store.openid(citizen["key"], MINI["appid"])


async def logged_in(world, citizen):
    """What jscode2session answers."""
    code = (await world.told("/sandbox/login", {"openid": citizen["openid"]}))["code"]
    return await world.asked("/sns/jscode2session", appid=MINI["appid"], secret=MINI["secret"], js_code=code,
                             grant_type="authorization_code")


class TestPhone:
    async def code(self, world, citizen):
        return (await world.told("/sandbox/phone-code", {"openid": citizen["openid"]}))["code"]

    async def test_a_code_gives_her_number_once(self, world, token, wang):
        first = await self.code(world, wang)
        answer = await world.told(PHONE, {"code": first}, access_token=token)
        assert answer["errcode"] == 0 and answer["phone_info"]["watermark"]["appid"] == MINI["appid"]
        assert (await world.told(PHONE, {"code": first}, access_token=token))["errcode"] == 40029
        again = await world.told(PHONE, {"code": await self.code(world, wang), "openid": openid_of(world, wang)}, access_token=token)
        assert again["phone_info"]["purePhoneNumber"] == answer["phone_info"]["purePhoneNumber"]

    async def test_an_old_a_foreign_and_no_code_are_refused(self, world, token, wang):
        old, hers = await self.code(world, wang), await self.code(world, wang)
        login = (await world.told("/sandbox/login", {"openid": wang["openid"]}))["code"]
        for body in ({"code": hers, "openid": "somebody"}, {"code": login}, {"code": "none"}, {"code": 7}, {}):
            assert (await world.told(PHONE, body, access_token=token))["errcode"] == 40029, body
        world.advance(300)
        assert (await world.told(PHONE, {"code": old}, access_token=token))["errcode"] == 40029

    async def test_a_phone_code_is_no_login_code(self, world, wang):
        answer = await world.asked("/sns/jscode2session", appid=MINI["appid"], secret=MINI["secret"], grant_type="authorization_code",
                                   js_code=await self.code(world, wang))
        assert answer["errcode"] == 40029


class TestSessions:
    def signed(self, world, citizen, key, **changes):
        signature = hmac.new(key.encode(), b"", hashlib.sha256).hexdigest()
        return {"openid": openid_of(world, citizen), "signature": signature, "sig_method": "hmac_sha256"} | changes

    async def test_the_key_of_the_last_login_is_in_force(self, world, token, wang):
        first = (await logged_in(world, wang))["session_key"]
        assert (await world.asked(CHECK, access_token=token, **self.signed(world, wang, first)))["errcode"] == 0
        await logged_in(world, wang)
        assert (await world.asked(CHECK, access_token=token, **self.signed(world, wang, first)))["errcode"] == 87009

    async def test_a_reset_gives_another(self, world, token, wang):
        first = (await logged_in(world, wang))["session_key"]
        answer = await world.asked(RESET, access_token=token, **self.signed(world, wang, first))
        assert answer["openid"] == openid_of(world, wang) and answer["session_key"] != first
        assert (await world.asked(CHECK, access_token=token, **self.signed(world, wang, answer["session_key"])))["errcode"] == 0

    @pytest.mark.parametrize(("changes", "errcode"), [
        ({"sig_method": "md5"}, 87008), ({"openid": "nobody"}, 40003), ({"signature": ""}, 87009)])
    async def test_what_is_wrong_is_told(self, world, token, wang, changes, errcode):
        asked = self.signed(world, wang, (await logged_in(world, wang))["session_key"], **changes)
        assert (await world.asked(CHECK, access_token=token, **asked))["errcode"] == errcode

    async def test_who_never_logged_in_has_none(self, world, token, wang):
        assert (await world.asked(CHECK, access_token=token, **self.signed(world, wang, "key")))["errcode"] == 87007
        assert (await world.post("/sandbox/encrypted", {"openid": wang["openid"], "data": {}})).code == 400

    async def test_data_is_encrypted_as_on_a_phone(self, world, wang):
        key = (await logged_in(world, wang))["session_key"]
        given = await world.told("/sandbox/encrypted", {"openid": wang["openid"], "data": {"openGId": "群"}, "watermark": {"timestamp": 7}})
        assert given["signature"] == hashlib.sha1((given["rawData"] + key).encode()).hexdigest()
        decryptor = Cipher(algorithms.AES(b64decode(key)), modes.CBC(b64decode(given["iv"]))).decryptor()
        plain = decryptor.update(b64decode(given["encryptedData"])) + decryptor.finalize()
        assert json.loads(plain[:-plain[-1]]) == {"openGId": "群", "watermark": {"timestamp": 7, "appid": MINI["appid"]}}

    @pytest.mark.parametrize("body", [{"data": 1}, {"data": {}, "watermark": 1}, {"data": {}, "account": "official"}])
    async def test_what_makes_no_sense_is_refused(self, world, wang, body):
        await logged_in(world, wang)
        assert (await world.post("/sandbox/encrypted", {"openid": wang["openid"]} | body)).code == 400


class TestCodes:
    async def test_success_is_a_picture_and_a_refusal_is_json(self, world, token):
        made = await world.post(CODE, {"scene": "a=1&b=2", "page": "pages/index/index", "width": 280}, access_token=token)
        assert made.headers["Content-Type"] == "image/jpeg" and made.body.startswith(b"\xff\xd8\xff")
        refused = await world.post(CODE, {"scene": "x" * 33}, access_token=token)
        assert refused.code == 200 and json.loads(refused.body)["errcode"] == 40169

    @pytest.mark.parametrize(("body", "errcode"), [
        ({"scene": ""}, 40169), ({}, 40169), ({"scene": "50%"}, 40129), ({"scene": "中"}, 40129),
        ({"scene": "a", "page": "/pages/a/a"}, 41030),
        ({"scene": "a", "page": "pages/a/a?b=1"}, 41030), ({"scene": "a", "page": "none"}, 41030), ({"scene": "a", "width": 279}, 40097),
        ({"scene": "a", "width": 1281}, 40097), ({"scene": "a", "env_version": "beta"}, 40097)])
    async def test_the_limits(self, world, token, body, errcode):
        assert (await world.told(CODE, body, access_token=token))["errcode"] == errcode

    async def test_a_page_is_not_looked_for_where_that_is_not_asked(self, world, token):
        made = await world.post(CODE, {"scene": "a", "page": "none", "check_path": False}, access_token=token)
        assert made.headers["Content-Type"] == "image/jpeg"

    async def test_escaped_characters_are_refused(self, world, token):
        refused = await world.post(CODE, json.dumps({"scene": "中"}).encode(), access_token=token)
        assert json.loads(refused.body)["errcode"] == 40033


class TestLinks:
    async def test_each_kind_is_answered_under_its_own_name(self, world, token):
        page = {"path": "pages/index/index", "query": "a=%E4%B8%AD"}
        assert (await world.told(LINK, page | MONTH, access_token=token))["url_link"].startswith("https://wxaurl.cn/")
        assert (await world.told(SCHEME, {"jump_wxa": page, **MONTH}, access_token=token))["openlink"].startswith("weixin://dl/")
        answer = await world.told(SHORT, {"page_url": "pages/index/index?a=1", "page_title": "首页"}, access_token=token)
        assert answer["link"].startswith("#小程序://文明漳州小程序/首页/")

    @pytest.mark.parametrize(("body", "errcode"), [
        (MONTH | {"path": "none"}, 40165), (MONTH | {"path": "pages/a/a?b=1"}, 40165), (MONTH | {"query": "a=中"}, 40212),
        (MONTH | {"query": "a" * 1025}, 40212), (MONTH | {"env_version": "beta"}, 40097),
        ({"expire_type": 1, "expire_interval": 31}, 85402),
        ({"expire_type": 1}, 85402), ({}, 85401), ({"expire_time": 1}, 85401)])
    async def test_the_limits(self, world, token, body, errcode):
        assert (await world.told(LINK, body, access_token=token))["errcode"] == errcode
        page = {name: body[name] for name in ("path", "query", "env_version") if name in body}
        assert (await world.told(SCHEME, body | {"jump_wxa": page}, access_token=token))["errcode"] == errcode

    @pytest.mark.parametrize(("body", "errcode"), [
        ({}, 40066), ({"page_url": "none"}, 40066), ({"page_url": "pages/a/a?" + "x" * 1024}, 40066),
        ({"page_url": "pages/a/a", "page_title": 7}, 40225)])
    async def test_the_limits_of_short_links(self, world, token, body, errcode):
        assert (await world.told(SHORT, body, access_token=token))["errcode"] == errcode

    async def test_links_and_schemes_share_one_daily_quota(self, world, token):
        world.platform.store.set_count(f"links-day:{MINI['appid']}", int(world.platform.now() // 86400), LINKS_PER_DAY - 1)
        assert (await world.told(LINK, MONTH, access_token=token))["errcode"] == 0
        assert (await world.told(SCHEME, MONTH, access_token=token))["errcode"] == 45009


class TestTyping:
    async def test_it_is_shown_to_who_wrote_just_now(self, world, wang):
        token = (await world.token())["access_token"]
        body = {"touser": wang["openid"], "command": "Typing"}
        assert (await world.told(TYPING, body, access_token=token))["errcode"] == 45080
        await world.told("/sandbox/messages", {"openid": wang["openid"], "text": "您好"})
        assert [(await world.told(TYPING, body, access_token=token))["errcode"] for _ in range(2)] == [0, 45081]
        assert (await world.told(TYPING, body | {"command": "CancelTyping"}, access_token=token))["errcode"] == 0
        assert world.platform.typing == {}

    async def test_what_is_wrong_is_told(self, world, token, wang):
        official = (await world.token())["access_token"]
        hers = {"touser": openid_of(world, wang), "command": "Typing"}
        assert (await world.told(TYPING, {"touser": wang["openid"], "command": "Sing"}, access_token=official))["errcode"] == 45072
        assert (await world.told(TYPING, hers, access_token=official))["errcode"] == 40003
        assert (await world.told(TYPING, hers, access_token=token))["errcode"] == 40200
        assert (await world.told(MINI_TYPING, hers, access_token=token))["errcode"] == 45080


class TestPermissions:
    @pytest.mark.parametrize("path", [PHONE, CODE, LINK, SCHEME, SHORT])
    async def test_an_official_account_may_none_of_it(self, world, path):
        token = (await world.token(OFFICIAL))["access_token"]
        assert (await world.told(path, {"code": "x"}, access_token=token))["errcode"] == 48001

    @pytest.mark.parametrize("path", [CHECK, RESET])
    async def test_nor_sessions(self, world, path):
        token = (await world.token(OFFICIAL))["access_token"]
        assert (await world.asked(path, access_token=token))["errcode"] == 48001
