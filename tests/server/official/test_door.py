"""What is let in, in each of the three modes, and what is not."""

from __future__ import annotations

import base64
import random

import pytest

from server.official import CallbackRefused
from server.sandbox.crypto import seal, signature
from server.wechat.messages import MAX_BODY_BYTES, NOT_XML, Reply
from tests.people import WANG
from tests.server.official.world import AES_KEY, APPID, NOON, TOKEN, callback, deliver, event, query_of, say, text

pytestmark = pytest.mark.gen_test(timeout=30)


async def refusal(world, made, mode="safe", **more):
    """(status, code), and nothing came of it."""
    with pytest.raises(CallbackRefused) as caught:
        await deliver(world.process(mode), made, **more)
    assert not world.effects and not world.outbox.sent
    assert not await world.redis.keys("callback:answer:*")
    return caught.value.status, caught.value.code


def sealed(plain: bytes, appid=APPID, nonce="nonce1", at=NOON, key=AES_KEY):
    """The query and body of a genuine signature over any content."""
    return signed(seal(plain, key, appid), nonce, at)


def signed(encrypted: str, nonce="nonce1", at=NOON):
    stamp = str(int(at))
    query = {"timestamp": stamp, "nonce": nonce, "signature": signature(TOKEN, stamp, nonce), "encrypt_type": "aes",
             "msg_signature": signature(TOKEN, stamp, nonce, encrypted)}
    return query, f"<xml><ToUserName>gh_official0000</ToUserName><Encrypt><![CDATA[{encrypted}]]></Encrypt></xml>".encode()


class TestUrlCheck:
    def asked(self, at=NOON, **changes):
        stamp = str(int(at))
        return {"timestamp": stamp, "nonce": "n1", "signature": signature(TOKEN, stamp, "n1"), "echostr": "5837397121"} | changes

    @pytest.mark.parametrize("mode", ["plain", "compatible", "safe"])
    async def test_the_echo_comes_back_bare(self, world, mode):
        assert world.process(mode).verify_url(self.asked(), NOON) == "5837397121"

    @pytest.mark.parametrize("changes", [{"signature": "0"}, {"signature": ""}, {"signature": "é"}, {"nonce": "n2"}, {"timestamp": ""}])
    async def test_a_wrong_signature_is_403(self, world, changes):
        with pytest.raises(CallbackRefused) as caught:
            world.process().verify_url(self.asked(**changes), NOON)
        assert (caught.value.status, caught.value.code) == (403, "CALLBACK_SIGNATURE_WRONG")

    async def test_an_old_one_is_403(self, world):
        with pytest.raises(CallbackRefused) as caught:
            world.process().verify_url(self.asked(at=NOON - 601), NOON)
        assert caught.value.code == "CALLBACK_STALE"


class TestModes:
    @pytest.mark.parametrize("form", ["xml", "json"])
    @pytest.mark.parametrize("mode", ["plain", "compatible", "safe"])
    async def test_a_message_gets_its_reply_in_the_way_it_came(self, world, mode, form):
        assert await say(world.process(mode), callback(text(), mode, form=form)) == {"type": "text", "text": "欢迎您"}
        [message] = world.effects
        assert (message.kind, message.openid, message.text, message.appid) == ("text", WANG.openid, "敬礼", APPID)

    async def test_in_compatible_mode_the_encrypted_part_counts(self, world):
        made = callback(text("敬礼"), "compatible")
        lying = made.body.replace("敬礼".encode(), "我的".encode())
        assert lying != made.body
        await deliver(world.process("compatible"), made, body=lying)
        assert world.effects[0].text == "敬礼"

    async def test_in_compatible_mode_a_plain_message_is_refused_too(self, world):
        assert await refusal(world, callback(text(), "plain"), "compatible") == (403, "CALLBACK_NOT_ENCRYPTED")

    async def test_in_compatible_mode_nobody_writes_a_message_under_an_address_that_she_saw(self, world):
        seen = callback(text(), "compatible")
        forged = callback(event("unsubscribe"), "plain").body
        assert await refusal(world, seen, "compatible", body=forged) == (403, "CALLBACK_NOT_ENCRYPTED")
        await deliver(world.process("compatible"), seen)
        assert [message.text for message in world.effects] == ["敬礼"]

    @pytest.mark.parametrize("query", [{}, {"encrypt_type": "raw"}, {"encrypt_type": "aes"}, {"msg_signature": "0" * 40}])
    async def test_in_safe_mode_a_plain_message_is_refused_whatever_the_query_says(self, world, query):
        assert await refusal(world, callback(text(), "plain"), **query) == (403, "CALLBACK_NOT_ENCRYPTED")

    async def test_in_safe_mode_an_empty_encrypt_is_no_encrypt(self, world):
        made = callback(text(Encrypt=""), "plain")
        assert await refusal(world, made) == (403, "CALLBACK_NOT_ENCRYPTED")

    async def test_in_plain_mode_an_encrypted_message_is_not_read(self, world):
        assert (await refusal(world, callback(text(), "safe"), "plain"))[0] in (400, 403)

    async def test_without_a_reply_the_answer_is_success(self, world):
        world.reply = None
        assert await deliver(world.process(), callback(event("unsubscribe"))) == b"success"


class TestSignatures:
    @pytest.mark.parametrize("mode", ["plain", "compatible", "safe"])
    async def test_a_wrong_one_is_403(self, world, mode):
        assert await refusal(world, callback(text(), mode, tamper="signature"), mode) == (403, "CALLBACK_SIGNATURE_WRONG")

    @pytest.mark.parametrize("name", ["msg_signature", "nonce"])
    @pytest.mark.parametrize("value", ["", "0" * 40, "\u202e", "é" * 40])
    async def test_so_is_one_that_is_none(self, world, name, value):
        assert (await refusal(world, callback(text()), **{name: value}))[0] == 403

    async def test_upper_case_is_another_signature(self, world):
        made = callback(text())
        assert (await refusal(world, made, msg_signature=query_of(made)["msg_signature"].upper()))[0] == 403

    async def test_without_any_query_it_is_403(self, world):
        with pytest.raises(CallbackRefused) as caught:
            await world.process().receive({}, callback(text()).body, NOON)
        assert caught.value.status == 403

    async def test_a_changed_ciphertext_breaks_it(self, world):
        assert (await refusal(world, callback(text(), tamper="body")))[0] in (400, 403)

    async def test_another_account_of_the_same_key_is_403(self, world):
        assert await refusal(world, callback(text(), tamper="appid")) == (403, "CALLBACK_FOREIGN")


class TestAge:
    @pytest.mark.parametrize("age", [-60, 0, 599, 600])
    async def test_within_its_age_it_is_taken(self, world, age):
        assert await say(world.process(), callback(text(), at=NOON - age))

    @pytest.mark.parametrize("age", [-61, -3600, 601, 86400])
    async def test_outside_it_is_403(self, world, age):
        assert await refusal(world, callback(text(), at=NOON - age)) == (403, "CALLBACK_STALE")

    async def test_any_age_where_the_setting_says_so(self, world):
        assert await say(world.process(max_age_seconds=0), callback(text(), at=NOON - 86400 * 400))

    async def test_but_never_the_future(self, world):
        with pytest.raises(CallbackRefused):
            await deliver(world.process(max_age_seconds=0), callback(text(), at=NOON + 61))

    @pytest.mark.parametrize("stamp", ["", "x", "-1", "1e9", "1790827200.5", "９" * 10, "9" * 30, " 1790827200"])
    async def test_a_timestamp_is_digits(self, world, stamp):
        assert (await refusal(world, callback(text()), timestamp=stamp))[0] == 403


BOMB = "<!DOCTYPE x [" + "".join(f'<!ENTITY a{n + 1} "{f"&a{n};" * 10}">' for n in range(8)) + "]>"
WHOLE = ("<ToUserName>gh_official0000</ToUserName><FromUserName>" + WANG.openid + "</FromUserName><CreateTime>1790827200</CreateTime>"
         "<MsgType>text</MsgType><MsgId>1</MsgId>")
GARBAGE = {
    "nothing": b"", "a space": b" ", "text": b"hello", "half a tag": b"<xml", "another root": b"<html></html>",
    "an empty root": b"<xml></xml>",
    "text in the root": b"<xml>hello</xml>", "unclosed": f"<xml>{WHOLE}".encode(), "two roots": f"<xml>{WHOLE}</xml><xml/>".encode(),
    "entities": f"{BOMB}<xml>{WHOLE}<Content>&a8;</Content></xml>".encode(),
    "an external entity": f'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><xml>{WHOLE}<Content>&e;</Content></xml>'.encode(),
    "a DTD behind a declaration": f'<?xml version="1.0"?><!DOCTYPE x SYSTEM "http://127.0.0.1:9/x"><xml>{WHOLE}</xml>'.encode(),
    "an entity of its own": f"<xml>{WHOLE}<Content>&nobody;</Content></xml>".encode(),
    "NUL": f"<xml>{WHOLE}<Content>a\x00b</Content></xml>".encode(),
    "a number that is no character": f"<xml>{WHOLE}<Content>&#0;</Content></xml>".encode(),
    "deep": b"<xml>" + b"<a>" * 1500 + b"</a>" * 1500 + b"</xml>", "no UTF-8": b"<xml><MsgType>\xff\xfe</MsgType></xml>",
    "UTF-16": f"<xml>{WHOLE}</xml>".encode("utf-16"), "another encoding": f'<?xml version="1.0" encoding="gbk"?><xml>{WHOLE}'.encode(),
    "a list for a text": f"<xml>{WHOLE}<Content>a</Content><Content>b</Content></xml>".encode(),
    "a tree for a text": f"<xml>{WHOLE}<Content><b>a</b></Content></xml>".encode(),
    "two senders": f"<xml>{WHOLE}<FromUserName>oOther</FromUserName></xml>".encode(),
    "no type": f"<xml>{WHOLE}</xml>".replace("MsgType", "Type").encode(),
    "no sender": f"<xml>{WHOLE}</xml>".replace("FromUserName", "From").encode(),
    "an event without a name": f"<xml>{WHOLE}</xml>".replace("text<", "event<").encode(),
    "a sender of markup": f"<xml>{WHOLE}</xml>".replace(WANG.openid, "&lt;b&gt;").encode(),
    "a time that is none": f"<xml>{WHOLE}</xml>".replace("1790827200", "soon").encode(),
    "long words": f"<xml>{WHOLE}<Content>{'长' * 2049}</Content></xml>".encode(),
    "a list": b"[]", "half an object": b'{"MsgType": "text"', "a wrong object": b'{"MsgType": {}}',
    "deep JSON": b'{"a":' * 2000 + b"1" + b"}" * 2000,
    "JSON with NaN": b'{"MsgType": NaN}', "a true sender": b'{"MsgType":"text","FromUserName":true,"ToUserName":"gh_1","CreateTime":1}',
}


class TestGarbage:
    @pytest.mark.parametrize("body", GARBAGE.values(), ids=GARBAGE.keys())
    async def test_in_plain_mode(self, world, body):
        assert (await refusal(world, callback(text(), "plain"), "plain", body=body))[0] == 400

    @pytest.mark.parametrize("body", GARBAGE.values(), ids=GARBAGE.keys())
    async def test_inside_a_genuine_ciphertext(self, world, body):
        query, outer = sealed(body)
        with pytest.raises(CallbackRefused) as caught:
            await world.process().receive(query, outer, NOON)
        assert caught.value.status == 400 and not world.effects

    @pytest.mark.parametrize("encrypted", [
        "", "x", "====", "AAAA", "长", *(base64.b64encode(b"x" * length).decode() for length in (16, 31, 32, 4096)),
        seal(b"<xml></xml>", AES_KEY[::-1], APPID)], ids=[
        "nothing", "x", "signs", "three bytes", "Chinese", "16", "31", "32", "4096", "another key"])
    async def test_a_ciphertext_that_is_none(self, world, encrypted):
        query, outer = signed(encrypted)
        with pytest.raises(CallbackRefused) as caught:
            await world.process().receive(query, outer, NOON)
        assert caught.value.status in (400, 403) and not world.effects

    @pytest.mark.parametrize("mode", ["plain", "compatible", "safe"])
    async def test_a_body_past_the_limit_is_413(self, world, mode):
        made = callback(text(), mode)
        assert await refusal(world, made, mode, body=made.body + b" " * MAX_BODY_BYTES) == (413, "BODY_TOO_LARGE")

    async def test_no_mutation_of_a_genuine_callback_gets_an_error_page(self, world):
        chance = random.Random(20261001)
        genuine = {mode: callback(text("敬礼&<>]]>"), mode) for mode in ("plain", "compatible", "safe")}
        processes = {mode: world.process(mode) for mode in genuine}
        for _ in range(1500):
            mode = chance.choice(list(genuine))
            made, body = genuine[mode], bytearray(genuine[mode].body)
            for _ in range(chance.randint(1, 4)):
                at = chance.randrange(len(body))
                kind = chance.randrange(4)
                if kind == 0:
                    body[at] = chance.randrange(256)
                elif kind == 1:
                    del body[at:at + chance.randint(1, 40)]
                elif kind == 2:
                    body[at:at] = bytes(chance.randrange(256) for _ in range(chance.randint(1, 8)))
                else:
                    body[at:at] = body[at // 2:at // 2 + chance.randint(1, 60)]
                body = body or bytearray(b"x")
            try:
                answer = await deliver(processes[mode], made, body=bytes(body))
            except CallbackRefused as error:
                assert 400 <= error.status < 500
            else:
                assert answer

    async def test_garbage_leaves_nothing_in_redis(self, world):
        for body in GARBAGE.values():
            with pytest.raises(CallbackRefused):
                await deliver(world.process("plain"), callback(text(), "plain"), body=body)
        assert await world.redis.dbsize() == 0


class TestReplies:
    @pytest.mark.parametrize("words", ["]]>", "a]]>b", "]]]]>>", "<xml>&amp;</xml>", "\x08\x0b\ufffe", "🇨🇳国旗", "a\nb\tc", "]]>>>>>"])
    @pytest.mark.parametrize("form", ["xml", "json"])
    async def test_any_words_arrive_as_they_are(self, world, words, form):
        world.reply = Reply("text", "说：" + words)
        reply = await say(world.process(), callback(text(), form=form))
        assert reply["text"] == "说：" + (words if form == "json" else NOT_XML.sub("", words))
