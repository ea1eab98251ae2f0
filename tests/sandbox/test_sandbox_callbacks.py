"""Callbacks on the wire: modes, signatures, the cut after five seconds, three tries, replies verified."""

from __future__ import annotations

import asyncio
import json

import pytest

from server.sandbox.crypto import seal, signature
from tests.sandbox.sandbox_world import MINI, OFFICIAL, World, argument, news_reply, text_reply

pytestmark = pytest.mark.gen_test(timeout=40)
# A shorter cut than the platform's, so that three silences do not take fifteen seconds.
CUT_SECONDS = 0.4


@pytest.fixture
def world(io_loop, tmp_path):
    async def opened():
        return World(tmp_path, cut_seconds=CUT_SECONDS)

    made = io_loop.run_sync(opened)
    yield made
    made.close()


class TestRequests:
    async def test_safe_mode_hides_the_message(self, world):
        openid = (await world.citizen())["openid"]
        await world.told("/sandbox/messages", {"openid": openid, "text": "国旗 ]]> &<"})
        [request] = world.received
        assert request.path == "/wechat/official" and b"Content" not in request.body.split(b"<Encrypt>")[0]
        assert argument(request, "encrypt_type") == "aes"
        xml = world.message_of(request)
        assert f"<FromUserName><![CDATA[{openid}]]>" in xml and "国旗 ]]]]><![CDATA[> &<" in xml and "<MsgId>" in xml

    async def test_compatible_mode_carries_both(self, world):
        openid = (await world.citizen())["openid"]
        await world.told("/sandbox/messages", {"openid": openid, "text": "国旗", "mode": "compatible"})
        [request] = world.received
        assert "<Content><![CDATA[国旗]]>".encode() in request.body and "国旗" in world.message_of(request)

    async def test_plain_mode_has_only_the_short_signature(self, world):
        openid = (await world.citizen())["openid"]
        await world.told("/sandbox/messages", {"openid": openid, "text": "国旗", "mode": "plain"})
        [request] = world.received
        query = {name: values[0].decode() for name, values in request.query_arguments.items()}
        assert set(query) == {"signature", "timestamp", "nonce", "openid"} and b"Encrypt" not in request.body
        assert query["signature"] == signature(OFFICIAL["token"], query["timestamp"], query["nonce"])

    async def test_the_mini_program_pushes_json(self, world):
        citizen = await world.citizen()
        await world.told("/sandbox/messages", {"openid": citizen["openid"], "account": "miniprogram",
                                               "event": "user_enter_tempsession", "fields": {"SessionFrom": "页面"}})
        [request] = world.received
        assert request.path == "/wechat/miniprogram" and set(json.loads(request.body)) == {"ToUserName", "Encrypt"}
        message = json.loads(world.message_of(request, MINI))
        assert (message["MsgType"], message["Event"], message["SessionFrom"]) == ("event", "user_enter_tempsession", "页面")
        assert message["FromUserName"] != citizen["openid"]

    async def test_tampered_on_demand(self, world):
        openid = (await world.citizen())["openid"]
        for what in ("signature", "body", "appid"):
            world.received.clear()
            await world.told("/sandbox/messages", {"openid": openid, "text": "国旗", "tamper": what})
            with pytest.raises(Exception):  # noqa: B017 - whatever wechatpy raises for each
                world.message_of(world.received[0])

    async def test_the_same_callback_thrice_at_once_and_again(self, world):
        openid = (await world.citizen())["openid"]
        world.answer = lambda request: world.encrypted(request, text_reply(openid, "欢迎"))
        answer = await world.told("/sandbox/messages", {"openid": openid, "text": "你好", "concurrent": 3, "duplicate": 2})
        assert len({(request.uri, request.body) for request in world.received}) == 1 and len(world.received) == 6
        assert [reply["reply"]["text"] for reply in answer["replies"]] == ["欢迎"] * 6
        shown = [line["sender"] for line in (await world.asked("/sandbox/chat", openid=openid))["items"]]
        assert shown == ["citizen", "reply"]


class TestTries:
    async def test_silence_leads_to_three_identical_tries(self, world):
        openid = (await world.citizen())["openid"]
        world.silent_times, world.silence_seconds = 99, 1.0
        answer = await world.told("/sandbox/messages", {"openid": openid, "text": "你好"})
        assert (answer["tries"], answer["reply"], answer["status"]) == (3, None, None) and answer["error"].startswith("no answer")
        assert answer["shown"].startswith("该公众号暂时无法提供服务")
        assert 3 * CUT_SECONDS <= answer["seconds"] < 3 * CUT_SECONDS + 1.5
        assert len(world.received) == 3 and len({(request.uri, request.body) for request in world.received}) == 1

    async def test_the_second_try_may_be_answered(self, world):
        openid = (await world.citizen())["openid"]
        world.silent_times, world.silence_seconds = 1, 1.0
        world.answer = lambda request: world.encrypted(request, text_reply(openid, "来了"))
        answer = await world.told("/sandbox/messages", {"openid": openid, "text": "你好"})
        assert (answer["tries"], answer["reply"], answer["error"]) == (2, {"type": "text", "text": "来了"}, None)

    async def test_a_product_that_is_down(self, world):
        openid = (await world.citizen())["openid"]
        world.platform.callback = "http://127.0.0.1:1"
        answer = await world.told("/sandbox/messages", {"openid": openid, "text": "你好"})
        assert answer["tries"] == 3 and answer["error"].startswith("no answer")

    async def test_an_error_status_ends_the_tries(self, world):
        openid = (await world.citizen())["openid"]
        world.status = 403
        answer = await world.told("/sandbox/messages", {"openid": openid, "text": "你好"})
        assert (answer["tries"], answer["status"], answer["error"]) == (1, 403, "HTTP 403")

    @pytest.mark.parametrize("silence", [b"success", b""])
    async def test_no_reply_is_an_answer(self, world, silence):
        openid = (await world.citizen())["openid"]
        world.answer = silence
        answer = await world.told("/sandbox/messages", {"openid": openid, "text": "你好"})
        assert (answer["tries"], answer["reply"], answer["error"], answer["shown"]) == (1, None, None, None)

    async def test_the_platform_s_own_cut_is_five_seconds(self):
        from server.sandbox.delivery import CUT_SECONDS as REAL_CUT
        from server.sandbox.delivery import TRIES

        assert (REAL_CUT, TRIES) == (5.0, 3)


class TestReplies:
    async def replied(self, world, reply, **message):
        openid = (await world.citizen())["openid"]
        world.answer = lambda request: reply(request, openid)
        return await world.told("/sandbox/messages", {"openid": openid, **(message or {"text": "你好"})})

    async def test_an_encrypted_reply_is_opened(self, world):
        answer = await self.replied(world, lambda request, openid: world.encrypted(request, news_reply(openid, 1)))
        assert answer["reply"] == {"type": "news", "articles": [
            {"title": "向国旗敬礼", "description": "活动", "pic_url": "http://x/p.jpg", "url": "http://x/c/flag"}]}

    @pytest.mark.parametrize(("reply", "problem"), [
        (lambda world, request, openid: text_reply(openid, "明文"), "a plain reply in safe mode"),
        (lambda world, request, openid: "{}", "not XML"),
        (lambda world, request, openid: world.encrypted(request, text_reply("oSomebody", "x")), "somebody else"),
        (lambda world, request, openid: world.encrypted(request, text_reply(openid, "")), "no Content"),
        (lambda world, request, openid: world.encrypted(request, news_reply(openid, 2)), "2 articles where 1"),
        (lambda world, request, openid: world.encrypted(request, news_reply(openid, 1, claimed=2)), "ArticleCount"),
        (lambda world, request, openid: world.encrypted(request, "<html/>"), "another root"),
        (lambda world, request, openid: '<!DOCTYPE xml [<!ENTITY a "b">]><xml>&a;</xml>', "entities"),
    ])
    async def test_an_abnormal_reply_is_not_shown(self, world, reply, problem):
        answer = await self.replied(world, lambda request, openid: reply(world, request, openid))
        assert answer["reply"] is None and problem in answer["error"] and answer["tries"] == 1 and answer["shown"]

    async def test_the_reply_s_signature_and_nonce_are_checked(self, world):
        def forged(nonce, token):
            def reply(request, openid):
                encrypted = seal(text_reply(openid, "x").encode(), OFFICIAL["aes_key"], OFFICIAL["appid"])
                nonce_used = nonce or argument(request, "nonce")
                signed = signature(token, "1790000000", nonce_used, encrypted)
                return (f"<xml><Encrypt>{encrypted}</Encrypt><MsgSignature>{signed}</MsgSignature>"
                        f"<TimeStamp>1790000000</TimeStamp><Nonce>{nonce_used}</Nonce></xml>")
            return reply

        assert (await self.replied(world, forged(None, OFFICIAL["token"])))["reply"] == {"type": "text", "text": "x"}
        assert "signature" in (await self.replied(world, forged(None, "guess")))["error"]
        assert "nonce" in (await self.replied(world, forged("other", OFFICIAL["token"])))["error"]

    async def test_eight_articles_may_greet_a_follower(self, world):
        def greeting(count):
            return lambda request, openid: world.encrypted(request, news_reply(openid, count))

        answer = await self.replied(world, greeting(8), event="subscribe")
        assert len(answer["reply"]["articles"]) == 8
        answer = await self.replied(world, greeting(9), event="subscribe")
        assert "9 articles where 8" in answer["error"]

    async def test_plain_replies_belong_to_plain_mode(self, world):
        for mode in ("plain", "compatible"):
            answer = await self.replied(world, lambda _, openid: text_reply(openid, "明文"), text="你好", mode=mode)
            assert answer["reply"] == {"type": "text", "text": "明文"}


class TestChat:
    async def test_a_phone_waits_for_news(self, world):
        citizen = await world.citizen()
        held = asyncio.ensure_future(world.asked("/sandbox/chat", openid=citizen["openid"], wait=20))
        await asyncio.sleep(0.1)
        assert not held.done()
        await world.told("/sandbox/messages", {"openid": citizen["openid"], "event": "subscribe"})
        [line] = (await held)["items"]
        assert line["sender"] == "system" and "关注" in line["text"]
