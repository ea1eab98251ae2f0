"""Signed and encrypted calls: against the platform's own vectors, and over the wire of a sandbox that demands them."""

from __future__ import annotations

import base64
import json
import time
from dataclasses import asdict, replace

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

from server.app import account_of
from server.metrics import Metrics
from server.services import signer_of
from server.wechat import Account, ApiKeys
from server.wechat.client import Client
from server.wechat.errors import AnswerUntrusted, QuotaSpent, WeChatError
from server.wechat.signing import Signer, SigningKeysWrong, associated_data, signed_text
from server.wechat.transport import Transport
from tests.sandbox.sandbox_world import OFFICIAL, World
from tests.server.wechat import signing_world as doc
from tests.server.wechat.signing_world import certificate_of, made_key, made_ring, pem_of

pytestmark = pytest.mark.gen_test(timeout=30)
QUOTA, BODY = "cgi-bin/openapi/quota/get", {"cgi_path": "/cgi-bin/menu/get"}


@pytest.fixture(scope="module")
def ring():
    return made_ring()


@pytest.fixture(scope="module")
def document_signer():
    """The document's account; its private key is not needed to read an answer."""
    return Signer(doc.APPID, ApiKeys(doc.AES_SN, doc.AES_KEY, "any", pem_of(made_key()), {doc.CERTIFICATE_SN: doc.CERTIFICATE}))


class TestDocument:
    def test_what_the_document_signed_is_what_we_would_sign(self):
        key = load_pem_public_key(doc.PUBLIC_KEY.encode())
        signature = base64.b64decode(doc.REQUEST_SIGNATURE)
        pss = padding.PSS(padding.MGF1(SHA256()), 32)
        key.verify(signature, signed_text(doc.URL, doc.APPID, doc.ASKED_AT, doc.REQUEST), pss, SHA256())
        with pytest.raises(InvalidSignature):
            key.verify(signature, signed_text(doc.URL, doc.APPID, doc.ASKED_AT + 1, doc.REQUEST), pss, SHA256())

    def test_what_the_document_encrypted_is_opened_with_our_associated_data(self):
        parts = {name: base64.b64decode(text) for name, text in json.loads(doc.REQUEST).items()}
        opened = AESGCM(base64.b64decode(doc.AES_KEY)).decrypt(
            parts["iv"], parts["data"] + parts["authtag"], associated_data(doc.URL, doc.APPID, doc.ASKED_AT, doc.AES_SN))
        assert json.loads(opened) == {"_n": "o89QaPVsRu1yppIZzvSZc4", "_appid": doc.APPID, "_timestamp": doc.ASKED_AT, "appid": doc.APPID,
                                      "openid": "oEWzBfmdLqhFS2mTXCo2E4Y9gJAM", "scene": 0, "client_ip": "127.0.0.1"}

    def test_its_answer_is_believed_and_read(self, document_signer):
        answer = json.loads(document_signer.open(doc.URL, doc.ANSWER_HEADERS, doc.ANSWER, doc.ANSWERED_AT + 1))
        assert (answer["errmsg"], answer["risk_rank"]) == ("getuserriskrank succ", 0)

    @pytest.mark.parametrize(("change", "now", "body"), [
        ({"Wechatmp-Appid": "wxsomebodyelse"}, 0, doc.ANSWER), ({"Wechatmp-TimeStamp": str(doc.ANSWERED_AT - 1)}, 0, doc.ANSWER),
        ({"Wechatmp-TimeStamp": "soon"}, 0, doc.ANSWER), ({"Wechatmp-Serial": "another"}, 0, doc.ANSWER),
        ({"Wechatmp-Signature": "AAAA"}, 0, doc.ANSWER), ({}, 301, doc.ANSWER), ({}, -301, doc.ANSWER), ({}, 0, doc.ANSWER + b" ")])
    def test_a_changed_one_is_not(self, document_signer, change, now, body):
        with pytest.raises(AnswerUntrusted):
            document_signer.open(doc.URL, doc.ANSWER_HEADERS | change, body, doc.ANSWERED_AT + now)

    @pytest.mark.parametrize("body", [b'{"errcode":0,"openid":"x"}', b'{"quota":{}}', b"", b"[]", b"<html>"])
    def test_an_unsigned_answer_is_not_believed(self, document_signer, body):
        with pytest.raises(AnswerUntrusted):
            document_signer.open(doc.URL, {}, body, doc.ANSWERED_AT)

    def test_but_an_unsigned_refusal_is_what_it_says(self, document_signer):
        assert json.loads(document_signer.open(doc.URL, {}, b'{"errcode":40234}', doc.ANSWERED_AT)) == {"errcode": 40234}


class TestKeys:
    @pytest.mark.parametrize(("change", "part"), [
        ({"aes_key": "short"}, "aes_key"), ({"aes_key": "A" * 20}, "aes_key"), ({"rsa_key": "no key"}, "rsa_key"),
        ({"rsa_key": doc.PUBLIC_KEY}, "rsa_key"), ({"platform_certs": {"new": "no certificate"}}, "platform_certs")])
    def test_what_cannot_be_read_is_named_and_not_shown(self, ring, change, part):
        with pytest.raises(SigningKeysWrong) as refusal:
            Signer("wxofficial", replace(ring.ours, **change))
        assert part in refusal.value.message and "no key" not in refusal.value.message

    def test_the_settings_become_an_accounts_keys(self, ring):
        given = {"appid": "wxofficial", "secret": "s", "token": "t", "aes_key": "", "mode": "safe", "role": "official", "name": ""}
        account = account_of(given, {**asdict(ring.ours), "paths": ["wxa/thing"]})
        assert account.api_keys == replace(ring.ours, paths=("wxa/thing",)) and account_of(given).api_keys is None
        assert signer_of(account).takes("post", "wxa/thing") and signer_of(account_of(given)) is None

    def test_no_key_is_in_a_representation(self, ring):
        account = Account("wxofficial", "s", "t", "", api_keys=ring.ours)
        assert ring.ours.aes_key not in repr(account) and "PRIVATE" not in repr(account)

    def test_only_the_calls_that_the_platform_takes_signed_take_part(self, ring):
        signer = Signer("wxofficial", replace(ring.ours, paths=("cgi-bin/express/get",)))
        assert [signer.takes(method, path) for method, path in (
            ("post", QUOTA), ("POST", "wxa/msg_sec_check"), ("post", "cgi-bin/express/get"), ("get", QUOTA),
            ("post", "cgi-bin/menu/create"))] == [True, True, True, False, False]


@pytest.fixture
def sandbox(io_loop, tmp_path, ring):
    async def made():
        return World(tmp_path, {"api": ring.theirs})

    world = io_loop.run_sync(made)
    yield world
    world.close()


@pytest.fixture
def asked(io_loop, stores, sandbox):
    """Ask something of the sandbox as an account with these keys."""
    clients = []

    async def ask(keys, path=QUOTA, body=BODY, **params):
        account = Account(OFFICIAL["appid"], OFFICIAL["secret"], "", "")
        signer = Signer(OFFICIAL["appid"], keys) if keys else None
        client = Client(account, Transport(sandbox.base, stores.redis, Metrics(), time.time, signer=signer), stores.redis, time.time)
        clients.append(client)
        return await client.call("post", path, body, may_repeat=True, **params)

    yield ask
    for client in clients:
        io_loop.run_sync(client.close)


def with_certificates(ring, **keys):
    return replace(ring.ours, platform_certs={serial: certificate_of(key) for serial, key in keys.items()})


def loaded(pem):
    return load_pem_private_key(pem.encode(), None)


class TestWire:
    async def test_a_signed_call_is_taken_and_its_answer_read(self, asked, ring, sandbox):
        seen = []
        sandbox.app.settings["log_function"] = lambda handler: seen.append(handler.request)
        answer = await asked(ring.ours)
        assert (answer["quota"]["daily_limit"], answer["_appid"]) == (10_000, OFFICIAL["appid"])
        [request] = [one for one in seen if one.path == "/" + QUOTA]
        assert set(json.loads(request.body)) == {"iv", "data", "authtag"} and list(request.query_arguments) == ["access_token"]

    async def test_what_stands_in_the_address_is_sealed_too(self, asked, ring, sandbox):
        answer = await asked(ring.ours, body={}, cgi_path="/cgi-bin/menu/get")
        assert answer["quota"]["daily_limit"] == 10_000

    async def test_the_sandbox_refuses_what_is_not_signed_and_we_say_so(self, asked):
        with pytest.raises(WeChatError) as refusal:
            await asked(None)
        assert refusal.value.errcode == 40232 and refusal.value.rid

    @pytest.mark.parametrize(("change", "errcode"), [
        ({"rsa_sn": ""}, 40230), ({"rsa_sn": "rsa-2"}, 40234), ({"rsa_key": pem_of(made_key())}, 40234), ({"aes_sn": "aes-2"}, 40235),
        ({"aes_key": doc.AES_KEY}, 40235)])
    async def test_wrong_keys_are_the_platforms_errors(self, asked, ring, change, errcode):
        with pytest.raises(WeChatError) as refusal:
            await asked(replace(ring.ours, **change))
        assert refusal.value.errcode == errcode

    async def test_an_old_signature_is_refused(self, asked, ring, sandbox):
        sandbox.advance(400)
        with pytest.raises(WeChatError) as refusal:
            await asked(ring.ours)
        assert refusal.value.errcode == 40240

    async def test_while_the_platform_changes_its_certificate_the_old_one_holds_too(self, asked, ring, caplog):
        old, new = loaded(ring.theirs["old_platform_key"]), loaded(ring.theirs["platform_key"])
        assert (await asked(with_certificates(ring, old=old)))["errcode"] == 0
        assert "about to end" in caplog.text
        caplog.clear()
        assert (await asked(with_certificates(ring, old=old, new=new)))["errcode"] == 0
        assert "about to end" not in caplog.text

    async def test_an_answer_by_a_key_that_is_not_the_platforms_is_not_believed_nor_asked_for_again(self, asked, ring, sandbox):
        with pytest.raises(AnswerUntrusted):
            await asked(with_certificates(ring, new=made_key()))
        account = sandbox.platform.account("official")
        assert sandbox.platform.store.counted(f"calls:{account.appid}:/{QUOTA}", int((time.time() + 8 * 3600) // 86400)) == 1

    async def test_a_refusal_inside_a_sealed_answer_has_its_usual_meaning(self, asked, ring, sandbox):
        await sandbox.told("/sandbox/faults", {"path": f"/{QUOTA}", "errcode": 45009, "times": 1})
        with pytest.raises(QuotaSpent):
            await asked(ring.ours)

    async def test_calls_that_take_no_part_go_as_before(self, asked, ring):
        answer = await asked(ring.ours, "cgi-bin/callback/check", {"action": "dns", "check_operator": "DEFAULT"})
        assert "_appid" not in answer and answer["dns"]
