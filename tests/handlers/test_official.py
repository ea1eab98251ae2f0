"""WeChat at our door, through the URL table: what HTTP adds to the rules of server/official."""

from __future__ import annotations

import asyncio
import json
import re
import time
from urllib.parse import urlsplit

import msgspec
import pytest
from tornado.escape import parse_qs_bytes

from handlers.official import asked_in
from server.counting.admission import FEWEST_INSIDE, MAX_LAG_SECONDS
from server.sandbox import accounts
from server.sandbox.callbacks import build, read_reply
from server.sandbox.crypto import signature
from tests.app_world import ACCOUNTS, open_app
from tests.people import WANG

pytestmark = pytest.mark.gen_test(timeout=30)

OFFICIAL, MINIPROGRAM = (
    accounts.build(role, {"secret": "s", "mode": "safe", **{
        part: ACCOUNTS[f"WENMING_{role}_{part}".upper()] for part in ("appid", "token", "aes_key")}})
    for role in ("official", "miniprogram"))
FURTHER = accounts.build("further", {"appid": "wxsandboxfurther00", "secret": "s", "token": "another-token", "aes_key": "b" * 42 + "A"})


@pytest.fixture(params=["web", "intake"])
def app(request, io_loop, stores, tmp_path):
    """Asked at one of the two doors that take callbacks."""
    account = {part: getattr(FURTHER, part) for part in ("appid", "secret", "token", "aes_key")}

    async def opened():
        context = open_app(stores, tmp_path, FURTHER_ACCOUNTS=json.dumps([account]))
        return context, await context.__aenter__()

    context, world = io_loop.run_sync(opened)
    world.web, world.base = world.base, world.base if request.param == "web" else world.intake
    yield world
    io_loop.run_sync(lambda: context.__aexit__(None, None, None))


def callback(account=OFFICIAL, *, words="人数", msg_id=7, **more):
    fields = {"ToUserName": account.original_id, "FromUserName": WANG.openid, "CreateTime": int(time.time()), "MsgType": "text",
              "Content": words, "MsgId": msg_id}
    return build(account, WANG.openid, fields, "", timestamp=int(time.time()), **more)


async def post(app, made, body=None):
    return await app.fetch(made.url, "POST", made.body if body is None else body, Content_Type=made.content_type)


def code_of(response):
    return response.code, msgspec.json.decode(response.body)["error"]["code"]


@pytest.mark.parametrize(("form", "kind"), [("xml", "text/xml"), ("json", "application/json")])
async def test_a_safe_message_gets_its_encrypted_reply(app, form, kind):
    made = callback(format=form)
    response = await post(app, made)
    assert (response.code, response.headers["Content-Type"]) == (200, f"{kind}; charset=UTF-8")
    assert WANG.openid.encode() not in response.body
    assert read_reply(made, response.body)["text"].startswith("向国旗敬礼：已有 0 人参与")


async def test_a_mini_program_answers_success_and_speaks_by_message(app):
    made = callback(MINIPROGRAM)
    response = await post(app, made)
    assert (response.code, response.body) == (200, b"success") and read_reply(made, response.body) is None


class TestSeveralAccounts:
    """A further account has an address of its own, with its own keys."""

    async def test_each_opens_what_was_sealed_for_it_alone(self, app):
        made = callback(FURTHER)
        assert "/wechat/official/wxsandboxfurther00?" in made.url
        response = await post(app, made)
        assert response.code == 200 and read_reply(made, response.body)["text"].startswith("向国旗敬礼")
        elsewhere = await app.fetch(made.url.replace("/wxsandboxfurther00", ""), "POST", made.body, Content_Type=made.content_type)
        assert code_of(elsewhere) == (403, "CALLBACK_SIGNATURE_WRONG")

    async def test_the_main_account_has_both_addresses(self, app):
        made = callback()
        response = await app.fetch(made.url.replace("/wechat/official", f"/wechat/official/{OFFICIAL.appid}"), "POST", made.body,
                                   Content_Type=made.content_type)
        assert read_reply(made, response.body)["text"].startswith("向国旗敬礼")

    @pytest.mark.parametrize("path", ["/wechat/official/wxnobody", "/wechat/miniprogram/wxsandboxofficial0",
                                      "/wechat/official/wxsandboxminiprog"])
    async def test_an_account_that_is_not_ours_or_of_another_role_is_404(self, app, path):
        assert code_of(await app.fetch(path)) == (404, "ACCOUNT_NOT_FOUND")
        assert code_of(await app.fetch(path, "POST", b"<xml></xml>")) == (404, "ACCOUNT_NOT_FOUND")

    async def test_a_person_has_a_number_in_each(self, app):
        for account in (OFFICIAL, FURTHER):
            fields = {"ToUserName": account.original_id, "FromUserName": WANG.openid, "CreateTime": int(time.time()), "MsgType": "event",
                      "Event": "subscribe"}
            await post(app, build(account, WANG.openid, fields, "", timestamp=int(time.time())))
        numbers = [await app.services.citizens.identify(account.appid, WANG.openid, None, time.time()) for account in (OFFICIAL, FURTHER)]
        assert numbers[0] != numbers[1]


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
    response = await app.fetch("/MP_verify_AbC123.txt", base=app.web)
    assert (response.code, response.body, response.headers["Content-Type"]) == (200, b"AbC123", "text/plain; charset=UTF-8")
    assert (await app.fetch("/MP_verify_other.txt", base=app.web)).code == 404


@pytest.mark.parametrize("verb", ["PUT", "DELETE", "PATCH"])
async def test_another_method_is_405_and_says_which_are_right(app, verb):
    answer = await app.fetch("/wechat/official", verb, b"{}")
    assert code_of(answer) == (405, "METHOD_NOT_ALLOWED") and "GET" in answer.headers["Allow"] and "POST" in answer.headers["Allow"]


@pytest.mark.parametrize("path", ["/wechat/", "/wechat/other", "/wechat/official/", "/wechat/official/wx/more"])
async def test_another_path_is_404(app, path):
    assert code_of(await app.fetch(path, "POST", b"<xml></xml>")) == (404, "NOT_FOUND")


async def test_it_is_answered_while_salutes_are_refused_for_lateness(app):
    admission = app.services.counting.admission
    admission.inside, admission._lag_seconds, admission._due = FEWEST_INSIDE, MAX_LAG_SECONDS * 2, float("inf")
    made = callback()
    assert read_reply(made, (await post(app, made)).body)
    admission.inside = 0


async def test_a_long_one_is_taken_also_where_its_path_comes_in_pieces(app):
    host, _, port = app.base.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    made = callback(words="人数" + "长" * 600, mode="safe")
    sent = b"POST %b HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%b" % (
        made.url.encode(), len(made.body) + 7000, made.body + b" " * 7000)
    for piece in (sent[:9], sent[9:20], sent[20:]):
        writer.write(piece)
        await writer.drain()
        await asyncio.sleep(0.05)
    assert (await reader.readuntil(b"\r\n")).startswith(b"HTTP/1.1 200")
    writer.close()
    await writer.wait_closed()


async def test_answers_keep_the_order_of_what_came_on_one_connection(app):
    host, _, port = app.base.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    sent = [callback(words=words, msg_id=n) for n, words in enumerate(("人数", "证书", "人数"))]
    for made in sent:
        writer.write(b"POST %b HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/xml\r\nContent-Length: %d\r\n\r\n%b" % (
            made.url.encode(), len(made.body), made.body))
    for made in sent:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        body = await reader.readexactly(int(re.search(r"content-length: (\d+)", head)[1]))
        assert read_reply(made, body)
    writer.close()
    await writer.wait_closed()


@pytest.mark.parametrize("query", ["", "a=1&b=2", "a=1&a=2", "a=&b", "a=b=c&&d", "nonce=%E6%97%97", "a=x+y", "a=\xe6", "=1&a=1"])
def test_a_query_is_read_alike_however_it_is_written(query):
    long_way = {name: values[0].decode("utf-8", "replace") for name, values in parse_qs_bytes(query, keep_blank_values=True).items()}
    assert asked_in(query) == long_way
