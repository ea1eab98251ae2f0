"""The platform's rules: tokens, tickets, codes, permissions, customer-service credits, faults."""

from __future__ import annotations

import hashlib
import json
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from server.sandbox.errcodes import WeChatRefusal
from tests.sandbox.sandbox_world import MINI, OFFICIAL, World

pytestmark = pytest.mark.gen_test(timeout=30)


@pytest.fixture
def world(io_loop, tmp_path):
    async def opened(**options):
        return World(tmp_path, **options)

    made = io_loop.run_sync(opened)
    yield made
    made.close()


def use(official: dict[str, str]):
    """A world whose official account differs."""
    def fixture(io_loop, tmp_path):
        async def opened():
            return World(tmp_path, official)

        made = io_loop.run_sync(opened)
        yield made
        made.close()

    return pytest.fixture(fixture)


subscription = use({"kind": "subscription"})
certified_subscription = use({"kind": "certified_subscription"})


class TestTokens:
    async def test_the_stable_token_stays_until_five_minutes_before_its_end(self, world):
        first = await world.token()
        assert first["expires_in"] == 7200 and len(first["access_token"]) == 512
        world.advance(6800)
        second = await world.token()
        assert second["access_token"] == first["access_token"] and 300 <= second["expires_in"] <= 400
        world.advance(150)
        third = await world.token()
        assert third["access_token"] != first["access_token"]
        # Both work until the old one ends.
        for token in (first, third):
            assert (await world.ticket(token))["errcode"] == 0
        world.advance(300)
        assert (await world.ticket(first))["errcode"] == 42001

    async def test_a_forced_refresh_ends_the_old_token_and_is_rationed(self, world):
        first = await world.token()
        assert (await world.token(force=True))["access_token"] == first["access_token"]  # less than 30 s ago: not refreshed
        world.advance(30)
        second = await world.token(force=True)
        assert second["access_token"] != first["access_token"]
        assert (await world.ticket(first))["errcode"] == 40001
        for _ in range(19):
            world.advance(30)
            assert "access_token" in await world.token(force=True)
        world.advance(30)
        assert (await world.token(force=True))["errcode"] == 45009

    async def test_the_families_do_not_disturb_each_other(self, world):
        stable = await world.token()
        query = {"grant_type": "client_credential", "appid": OFFICIAL["appid"], "secret": OFFICIAL["secret"]}
        old = await world.asked("/cgi-bin/token", **query)
        new = await world.asked("/cgi-bin/token", **query)
        assert len({stable["access_token"], old["access_token"], new["access_token"]}) == 3
        world.advance(301)
        codes = [(await world.ticket(t))["errcode"]
                 for t in (stable, old, new)]
        assert codes == [0, 42001, 0]

    @pytest.mark.parametrize(("change", "errcode"), [
        ({"appid": "wxnobody"}, 40013), ({"secret": "wrong"}, 40125), ({"grant_type": "password"}, 40002),
        ({"appid": ""}, 41002)])
    async def test_wrong_credentials(self, world, change, errcode):
        body = {"grant_type": "client_credential", "appid": OFFICIAL["appid"], "secret": OFFICIAL["secret"], **change}
        assert (await world.told("/cgi-bin/stable_token", body))["errcode"] == errcode

    async def test_bad_requests(self, world):
        assert (await world.asked("/cgi-bin/stable_token"))["errcode"] == 43002
        assert (await world.told("/cgi-bin/stable_token", b""))["errcode"] == 44002
        assert (await world.told("/cgi-bin/stable_token", b"{"))["errcode"] == 47001
        assert (await world.asked("/cgi-bin/ticket/getticket", type="jsapi"))["errcode"] == 41001
        assert (await world.asked("/cgi-bin/ticket/getticket", access_token="x", type="jsapi"))["errcode"] == 40001

    async def test_the_minute_quota(self, world):
        world.platform.store.set_count(f"stable-minute:{OFFICIAL['appid']}", int(world.platform.now() // 60), 10_000)
        assert (await world.token())["errcode"] == 45011
        world.advance(60)
        assert "access_token" in await world.token()

    async def test_a_quota_counts_from_one(self, world):
        for _ in range(3):
            world.platform.spend_quota("q", 60_000_000_000, 3, 45009)
        with pytest.raises(WeChatRefusal) as refused:
            world.platform.spend_quota("q", 60_000_000_000, 3, 45009)
        assert refused.value.errcode == 45009

    async def test_expired_and_revoked_by_a_fault(self, world):
        token = (await world.token())["access_token"]
        await world.told("/sandbox/faults", {"expire_tokens": True})
        assert (await world.asked("/cgi-bin/ticket/getticket", access_token=token, type="jsapi"))["errcode"] == 42001
        token = (await world.token())["access_token"]
        await world.told("/sandbox/faults", {"revoke_tokens": True})
        assert (await world.asked("/cgi-bin/ticket/getticket", access_token=token, type="jsapi"))["errcode"] == 40001
        assert (await world.token())["access_token"] != token

    @pytest.mark.parametrize("fault", ["expire_tokens", "revoke_tokens"])
    async def test_a_ticket_outlives_the_token_that_fetched_it(self, world, fault):
        ticket = (await world.ticket(await world.token()))["ticket"]
        await world.told("/sandbox/faults", {fault: True})
        url = world.product + "/c/flag"
        text = f"jsapi_ticket={ticket}&noncestr=n&timestamp=1&url={url}"
        asked = {"appId": OFFICIAL["appid"], "nonceStr": "n", "timestamp": "1", "url": url,
                 "signature": hashlib.sha1(text.encode()).hexdigest()}
        assert (await world.told("/sandbox/jssdk/verify", asked))["ok"]
        assert (await world.ticket(await world.token()))["ticket"] == ticket


class TestJssdk:
    async def test_a_signature_is_really_verified(self, world):
        token = (await world.token())["access_token"]
        ticket = (await world.asked("/cgi-bin/ticket/getticket", access_token=token, type="jsapi"))["ticket"]
        assert (await world.asked("/cgi-bin/ticket/getticket", access_token=token, type="jsapi"))["ticket"] == ticket
        url = world.product + "/c/flag?u=中学"
        text = f"jsapi_ticket={ticket}&noncestr=n&timestamp=1790000000&url={url}"
        body = {"appId": OFFICIAL["appid"], "timestamp": "1790000000", "nonceStr": "n", "url": url + "#top",
                "signature": hashlib.sha1(text.encode()).hexdigest()}
        assert (await world.told("/sandbox/jssdk/verify", body)) == {"ok": True, "errMsg": "config:ok", "share": True}
        refused = [({"url": world.product + "/c/other"}, "invalid signature"),
                   ({"url": "https://evil.example/"}, "invalid url domain"),
                   ({"signature": "0" * 40}, "invalid signature"), ({"appId": "wx1"}, "invalid appId")]
        for change, problem in refused:
            assert (await world.told("/sandbox/jssdk/verify", body | change))["errMsg"] == f"config:{problem}"
        world.advance(7201)
        assert not (await world.told("/sandbox/jssdk/verify", body))["ok"]


class TestOauth:
    def authorize(self, world, **change):
        query = {"appid": OFFICIAL["appid"], "redirect_uri": world.product + "/auth/official/callback?x=1",
                 "response_type": "code", "scope": "snsapi_base", "state": "abc123", **change}
        return "/connect/oauth2/authorize?" + urlencode({name: value for name, value in query.items() if value is not None})

    async def exchanged(self, world, code, **change):
        query = {"appid": OFFICIAL["appid"], "secret": OFFICIAL["secret"], "code": code, "grant_type": "authorization_code"}
        return await world.asked("/sns/oauth2/access_token", **{**query, **change})

    async def test_the_way_there_and_back_once(self, world):
        citizen = await world.citizen()
        back = await world.get(self.authorize(world, sandbox_citizen=citizen["openid"]))
        address = urlsplit(back.headers["Location"])
        query = parse_qs(address.query)
        assert (back.code, address.path) == (302, "/auth/official/callback")
        assert query["state"] == ["abc123"] and query["x"] == ["1"]
        answer = await self.exchanged(world, query["code"][0])
        assert answer["openid"] == citizen["openid"] and "unionid" not in answer and "is_snapshotuser" not in answer
        assert (await self.exchanged(world, query["code"][0]))["errcode"] == 40163
        # A page token opens no endpoint of the account.
        assert (await world.ticket(answer))["errcode"] == 40001

    async def test_the_phone_remembers_its_citizen(self, world):
        citizen = await world.citizen()
        handed = await world.post("/sandbox/phone", {"openid": citizen["openid"]})
        cookie = handed.headers["Set-Cookie"]
        assert citizen["key"] in cookie and citizen["openid"] not in cookie and "HttpOnly" in cookie
        back = await world.get(self.authorize(world), headers={"Cookie": f"sandbox_citizen={citizen['key']}"})
        code = parse_qs(urlsplit(back.headers["Location"]).query)["code"][0]
        assert (await self.exchanged(world, code))["openid"] == citizen["openid"]

    async def test_without_a_citizen_one_is_chosen(self, world):
        await world.citizen("张三")
        shown = await world.get(self.authorize(world))
        text = shown.body.decode()
        assert shown.code == 200 and "模拟环境，不是真实微信" in text and "张三" in text and "sandbox_citizen=new" in text

    async def test_user_info_is_asked_for_and_brings_the_unionid(self, world):
        citizen = await world.citizen("李四")
        asked = await world.get(self.authorize(world, scope="snsapi_userinfo", sandbox_citizen=citizen["key"]))
        assert asked.code == 200 and "允许" in asked.body.decode()
        back = await world.get(self.authorize(world, scope="snsapi_userinfo", sandbox_citizen=citizen["key"], confirm="1"))
        answer = await self.exchanged(world, parse_qs(urlsplit(back.headers["Location"]).query)["code"][0])
        assert answer["unionid"] == citizen["unionid"]
        info = await world.asked("/sns/userinfo", access_token=answer["access_token"], openid=citizen["openid"], lang="zh_CN")
        assert (info["nickname"], info["unionid"]) == ("李四", citizen["unionid"])

    async def test_a_snapshot_user_is_nobody(self, world):
        citizen = await world.citizen()
        back = await world.get(self.authorize(world, sandbox_citizen=citizen["key"], snapshot="1"))
        answer = await self.exchanged(world, parse_qs(urlsplit(back.headers["Location"]).query)["code"][0])
        assert answer["is_snapshotuser"] == 1 and answer["openid"] != citizen["openid"]
        assert world.platform.store.find_citizen(answer["openid"]) is None

    @pytest.mark.parametrize(("change", "number"), [
        ({"appid": None}, 10012), ({"redirect_uri": None}, 10011), ({"redirect_uri": "https://evil.example/a"}, 10003),
        ({"redirect_uri": "javascript:alert(1)"}, 10003), ({"scope": None}, 10010), ({"scope": "snsapi_login"}, 10005),
        ({"state": "a b"}, 10013), ({"state": "a" * 129}, 10013), ({"response_type": "token"}, 10010)])
    async def test_a_wrong_address_shows_an_error(self, world, change, number):
        citizen = await world.citizen()
        shown = await world.get(self.authorize(world, sandbox_citizen=citizen["key"], **change))
        assert shown.code == 400 and f"错误码 {number}" in shown.body.decode() and "模拟环境" in shown.body.decode()

    async def test_a_code_lives_five_minutes_and_belongs_to_its_account(self, world):
        openid = (await world.citizen())["openid"]
        code = (await world.told("/sandbox/oauth", {"openid": openid}))["code"]
        assert (await self.exchanged(world, code, secret="wrong"))["errcode"] == 40125
        assert (await self.exchanged(world, code, grant_type="x"))["errcode"] == 40002
        assert (await self.exchanged(world, code, appid=MINI["appid"], secret=MINI["secret"]))["errcode"] == 48001
        assert (await self.exchanged(world, ""))["errcode"] == 41008
        assert (await self.exchanged(world, "nonsense"))["errcode"] == 40029
        world.advance(300)
        assert (await self.exchanged(world, code))["errcode"] == 40029

    async def test_mini_program_login(self, world):
        citizen = await world.citizen()
        query = {"appid": MINI["appid"], "secret": MINI["secret"], "grant_type": "authorization_code"}
        code = (await world.told("/sandbox/login", {"openid": citizen["openid"]}))["code"]
        answer = await world.asked("/sns/jscode2session", js_code=code, **query)
        assert answer["unionid"] == citizen["unionid"] and answer["openid"] != citizen["openid"]
        assert len(answer["session_key"]) == 24
        assert (await world.asked("/sns/jscode2session", js_code=code, **query))["errcode"] == 40163
        web = (await world.told("/sandbox/oauth", {"openid": citizen["openid"]}))["code"]
        assert (await world.asked("/sns/jscode2session", js_code=web, **query))["errcode"] == 40029
        # The same person comes again under the same openid, however she is named.
        code = (await world.told("/sandbox/login", {"openid": answer["openid"]}))["code"]
        assert (await world.asked("/sns/jscode2session", js_code=code, **query))["openid"] == answer["openid"]

    async def test_one_person_may_log_in_a_hundred_times_a_minute(self, world):
        citizen = await world.citizen()
        openid = world.platform.store.openid(citizen["key"], MINI["appid"])
        world.platform.store.set_count(f"login-minute:{openid}", int(world.platform.now() // 60), 100)
        code = (await world.told("/sandbox/login", {"openid": openid}))["code"]
        answer = await world.asked("/sns/jscode2session", js_code=code, appid=MINI["appid"], secret=MINI["secret"],
                                   grant_type="authorization_code")
        assert answer["errcode"] == 45011


class TestPermissions:
    async def test_an_uncertified_account_may_only_answer(self, subscription):
        world, openid = subscription, (await subscription.citizen())["openid"]
        token = (await world.token())["access_token"]
        message = {"touser": openid, "msgtype": "text", "text": {"content": "你好"}}
        assert (await world.told("/cgi-bin/message/custom/send", message, access_token=token))["errcode"] == 48001
        assert (await world.asked("/cgi-bin/user/info", access_token=token, openid=openid))["errcode"] == 48001
        assert (await world.told("/cgi-bin/menu/create", {"button": []}, access_token=token))["errcode"] == 48001
        assert (await world.asked("/cgi-bin/ticket/getticket", access_token=token, type="jsapi"))["errcode"] == 0
        shown = await world.get(TestOauth().authorize(world, sandbox_citizen=openid))
        assert shown.code == 400 and "10005" in shown.body.decode()

    async def test_a_certified_subscription_account_has_no_web_authorisation(self, certified_subscription):
        world, openid = certified_subscription, (await certified_subscription.citizen())["openid"]
        token = (await world.token())["access_token"]
        assert (await world.asked("/cgi-bin/user/info", access_token=token, openid=openid))["subscribe"] == 0
        assert (await world.told("/cgi-bin/qrcode/create", {}, access_token=token))["errcode"] == 48001
        assert (await world.get(TestOauth().authorize(world, sandbox_citizen=openid))).code == 400

    async def test_a_mini_program_has_no_ticket(self, world):
        token = (await world.token(MINI))["access_token"]
        assert (await world.asked("/cgi-bin/ticket/getticket", access_token=token, type="jsapi"))["errcode"] == 48001


class TestCustomSend:
    async def send(self, world, openid, text="你好", **message):
        token = (await world.token())["access_token"]
        body = {"touser": openid, "msgtype": "text", "text": {"content": text}, **message}
        return (await world.told("/cgi-bin/message/custom/send", body, access_token=token))["errcode"]

    async def test_five_after_a_message_within_48_hours(self, world):
        openid = (await world.citizen())["openid"]
        assert await self.send(world, openid) == 45015
        await world.told("/sandbox/messages", {"openid": openid, "text": "在吗"})
        assert [await self.send(world, openid, f"第{n}条") for n in range(6)] == [0, 0, 0, 0, 0, 45047]
        world.advance(48 * 3600)
        assert await self.send(world, openid) == 45015
        outbox = (await world.asked("/sandbox/outbox", openid=openid))["items"]
        assert [line["text"] for line in outbox] == [f"第{n}条" for n in range(5)]
        assert outbox[0]["message"]["touser"] == openid

    @pytest.mark.parametrize("event", ["subscribe", "CLICK", "SCAN"])
    async def test_three_in_the_minute_after_an_event(self, world, event):
        openid = (await world.citizen())["openid"]
        await world.told("/sandbox/messages", {"openid": openid, "event": event})
        assert [await self.send(world, openid) for _ in range(4)] == [0, 0, 0, 45047]
        world.advance(60)
        assert await self.send(world, openid) == 45015

    async def test_who_left_cannot_be_reached(self, world):
        openid = (await world.citizen())["openid"]
        await world.told("/sandbox/messages", {"openid": openid, "event": "subscribe"})
        token = (await world.token())["access_token"]
        assert (await world.asked("/cgi-bin/user/info", access_token=token, openid=openid))["subscribe"] == 1
        await world.told("/sandbox/messages", {"openid": openid, "event": "unsubscribe"})
        assert await self.send(world, openid) == 45015
        assert (await world.asked("/cgi-bin/user/info", access_token=token, openid=openid))["subscribe"] == 0

    async def test_bad_messages(self, world):
        openid = (await world.citizen())["openid"]
        await world.told("/sandbox/messages", {"openid": openid, "text": "在吗"})
        assert await self.send(world, "oNobody") == 40003
        assert await self.send(world, openid, msgtype="poem") == 40008
        assert await self.send(world, openid, text="") == 44004
        assert await self.send(world, openid, text="长" * 700) == 45002
        token = (await world.token())["access_token"]
        escaped = json.dumps({"touser": openid, "msgtype": "text", "text": {"content": "好"}}).encode()
        assert (await world.told("/cgi-bin/message/custom/send", escaped, access_token=token))["errcode"] == 40033


class TestFaults:
    async def test_an_errcode_for_some_requests(self, world):
        await world.told("/sandbox/faults", {"path": "/cgi-bin/stable_token", "errcode": -1, "times": 2})
        assert [(await world.token()).get("errcode") for _ in range(3)] == [-1, -1, None]

    async def test_a_status_and_a_pause(self, world):
        await world.told("/sandbox/faults", {"path": "/cgi-bin/stable_token", "status": 502, "hang_seconds": 0.2})
        response = await world.post("/cgi-bin/stable_token", {})
        assert response.code == 502 and response.request_time >= 0.2
        listed = await world.told("/sandbox/faults", {"path": "/x", "errcode": 1, "times": 9})
        assert listed["items"][0]["times"] == 9
        assert (await world.told("/sandbox/faults", {"clear": True}))["items"] == []
        assert (await world.post("/sandbox/faults", {"path": "/x", "times": "many"})).code == 400
