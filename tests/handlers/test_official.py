"""WeChat at our door, through the URL table: what HTTP adds to the rules of server/official."""

from __future__ import annotations

import time
from urllib.parse import urlsplit

import msgspec
import pytest

from server.sandbox import accounts
from server.sandbox.callbacks import build, read_reply
from server.sandbox.crypto import signature
from tests.app_world import ACCOUNTS
from tests.people import WANG

pytestmark = pytest.mark.gen_test(timeout=30)

OFFICIAL, MINIPROGRAM = (
    accounts.build(role, {"secret": "s", "mode": "safe", **{
        part: ACCOUNTS[f"WENMING_{role}_{part}".upper()] for part in ("appid", "token", "aes_key")}})
    for role in ("official", "miniprogram"))


def callback(account=OFFICIAL, *, words="人数", **more):
    fields = {"ToUserName": account.original_id, "FromUserName": WANG.openid, "CreateTime": int(time.time()), "MsgType": "text",
              "Content": words, "MsgId": 7}
    return build(account, WANG.openid, fields, "", timestamp=int(time.time()), **more)


async def post(app, made, body=None):
    return await app.fetch(made.url, "POST", made.body if body is None else body, Content_Type=made.content_type)


def code_of(response):
    return response.code, msgspec.json.decode(response.body)["error"]["code"]


@pytest.mark.parametrize(("account", "kind"), [(OFFICIAL, "text/xml"), (MINIPROGRAM, "application/json")])
async def test_a_safe_message_gets_its_encrypted_reply(app, account, kind):
    made = callback(account)
    response = await post(app, made)
    assert (response.code, response.headers["Content-Type"]) == (200, f"{kind}; charset=UTF-8")
    assert WANG.openid.encode() not in response.body
    assert read_reply(made, response.body)["text"].startswith("向国旗敬礼：已有 0 人参与")


async def test_no_answer_is_success_in_plain_words(app):
    fields = {"ToUserName": "gh_1", "FromUserName": WANG.openid, "CreateTime": int(time.time()), "MsgType": "event", "Event": "unsubscribe"}
    response = await post(app, build(OFFICIAL, WANG.openid, fields, "", timestamp=int(time.time())))
    assert (response.code, response.body, response.headers["Content-Type"]) == (200, b"success", "text/plain; charset=UTF-8")


@pytest.mark.parametrize("path", ["/wechat/official", "/wechat/miniprogram"])
async def test_the_url_check_echoes_what_is_signed_and_nothing_else(app, path):
    stamp = str(int(time.time()))
    good = f"{path}?signature={signature('token0token0', stamp, 'n')}&timestamp={stamp}&nonce=n&echostr=%3Cb%3E7"
    response = await app.fetch(good)
    assert (response.code, response.body, response.headers["Content-Type"]) == (200, b"<b>7", "text/plain; charset=UTF-8")
    assert code_of(await app.fetch(good.replace("nonce=n", "nonce=m"))) == (403, "CALLBACK_SIGNATURE_WRONG")
    assert code_of(await app.fetch(path)) == (403, "CALLBACK_SIGNATURE_WRONG")


@pytest.mark.parametrize("account", [OFFICIAL, MINIPROGRAM])
async def test_refusals_are_ours_in_one_shape(app, account):
    made = callback(account)
    assert code_of(await post(app, callback(account, tamper="signature"))) == (403, "CALLBACK_SIGNATURE_WRONG")
    assert code_of(await post(app, callback(account, tamper="appid"))) == (403, "CALLBACK_FOREIGN")
    assert code_of(await post(app, callback(account, mode="plain"))) == (403, "CALLBACK_NOT_ENCRYPTED")
    assert code_of(await post(app, made, b"<xml>")) == (400, "CALLBACK_MALFORMED")
    assert code_of(await post(app, made, made.body + b" " * 20_000)) == (413, "BODY_TOO_LARGE")


async def test_a_callback_of_one_account_is_not_taken_by_the_other(app):
    made = callback(OFFICIAL)
    response = await app.fetch("/wechat/miniprogram?" + urlsplit(made.url).query, "POST", made.body)
    assert 400 <= response.code < 500


async def test_a_parameter_that_comes_twice_counts_by_its_first(app):
    made = callback()
    response = await app.fetch(made.url + "&timestamp=1&nonce=x&msg_signature=y", "POST", made.body)
    assert read_reply(made, response.body)


async def test_verification_texts_are_what_an_admin_entered(app):
    await app.services.verification_texts.enter("AbC123", "AbC123")
    response = await app.fetch("/MP_verify_AbC123.txt")
    assert (response.code, response.body, response.headers["Content-Type"]) == (200, b"AbC123", "text/plain; charset=UTF-8")
    assert (await app.fetch("/MP_verify_other.txt")).code == 404
