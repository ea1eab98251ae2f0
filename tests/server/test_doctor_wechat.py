"""The doctor of the accounts: different and right things for each kind of account and each fault, as a command and over the wire."""

from __future__ import annotations

import json
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from server import doctor_wechat
from server.accounts import Accounts
from server.doctor import MARKS
from server.doctor_wechat import KINDS, Instance, kind_of
from server.metrics import Metrics
from server.official import VerificationTexts
from server.quotas import Quotas
from server.reachability import Reachability
from server.sandbox.accounts import build
from server.wechat import Account
from server.wechat.client import Client
from server.wechat.signing import Signer
from server.wechat.transport import Transport
from tests.product import Product
from tests.sandbox.sandbox_world import MINI, OFFICIAL, World
from tests.server.wechat.signing_world import certificate_of, made_key, made_ring

pytestmark = pytest.mark.gen_test(timeout=60)
HERE = Instance("https://h5.example.cn", True, "official")
CHINESE = re.compile("[一-鿿]")


class Surgery:
    """A sandbox, the accounts of an instance, and what the doctor says of them."""

    def __init__(self, stores, sandbox) -> None:
        self.stores, self.sandbox = stores, sandbox
        self.now = time.time
        self.accounts: list[SimpleNamespace] = []

    def add(self, given=OFFICIAL, role="official", base="", **parts) -> SimpleNamespace:
        account = Account(given["appid"], given["secret"], given["token"], given["aes_key"], role=role, name="文明漳州", **parts)
        signer = Signer(account.appid, account.api_keys) if account.api_keys else None
        transport = Transport(base or self.sandbox.base, self.stores.redis, Metrics(), time.time, signer=signer)
        client = Client(account, transport, self.stores.redis, time.time)
        self.accounts.append(SimpleNamespace(account=account, appid=account.appid, client=client, quotas=Quotas(client, role),
                                             reachability=Reachability(client)))
        return self.accounts[-1]

    def kind(self, kind: str) -> None:
        self.sandbox.platform.accounts.replace(build("official", OFFICIAL | {"kind": kind}))

    async def says(self, here=HERE, entered=("AbC123",)) -> list:
        accounts = Accounts(self.accounts)
        one = self.accounts[-1]
        return [found async for found in doctor_wechat.findings(one, accounts, here, list(entered), self.now)]

    async def close(self) -> None:
        for one in self.accounts:
            await one.client.close()


@pytest.fixture
def surgery(io_loop, stores, tmp_path):
    async def made():
        return Surgery(stores, World(tmp_path))

    found = io_loop.run_sync(made)
    yield found
    io_loop.run_sync(found.close)
    found.sandbox.close()


def about(findings, word):
    """The one finding that speaks of something."""
    [found] = [finding for finding in findings if word in finding.what]
    return found


class TestKinds:
    async def test_a_certified_service_account_can_do_everything(self, surgery):
        surgery.add()
        found = await surgery.says()
        assert "认证服务号 (certified service" in about(found, "kind").what
        assert not [finding for finding in found if "不能用" in finding.what or finding.mark == "fail"]
        assert about(found, "网页授权可用").mark == "ok"

    async def test_a_certified_subscription_account_lacks_what_services_have(self, surgery):
        surgery.kind("certified_subscription")
        surgery.add()
        found = await surgery.says()
        assert "认证订阅号 (certified subscription" in about(found, "kind").what
        lacks = [finding.what for finding in found if "不能用" in finding.what]
        assert len(lacks) == 2 and "场景二维码" in lacks[0] and "模板消息" in lacks[1]
        login = about(found, "网页授权：")
        assert login.mark == "note" and "政府或媒体" in login.what and "WENMING_OFFICIAL_IDENTITY" in login.do

    async def test_a_plain_subscription_account_cannot_identify_visitors(self, surgery):
        surgery.kind("subscription")
        surgery.add()
        found = await surgery.says()
        assert "未认证订阅号" in about(found, "kind").what
        assert len([finding for finding in found if "不能用" in finding.what and finding.do]) == 6
        login = about(found, "没有网页授权")
        assert login.mark == "fail" and "miniprogram" in login.do

    async def test_it_is_no_failure_where_another_account_identifies_them(self, surgery):
        surgery.kind("subscription")
        surgery.add()
        for identity in ("miniprogram", "wx1111111111111111"):
            found = await surgery.says(Instance("https://h5.example.cn", True, identity))
            assert about(found, "没有网页授权").mark == "ok"

    def test_menus_alone_are_a_service_account_that_is_not_certified(self):
        assert kind_of(True, False, False) is KINDS["service"]
        assert kind_of(None, True, True) is None

    async def test_what_was_not_answered_is_not_guessed(self, surgery):
        surgery.add()
        await surgery.sandbox.told("/sandbox/faults", {"path": "/cgi-bin/user/info", "status": 502, "times": 3})
        assert about(await surgery.says(), "未能判断").mark == "note"

    async def test_a_mini_program_logs_in_and_has_hosts_of_its_own(self, surgery):
        surgery.add(MINI, "miniprogram")
        found = await surgery.says()
        assert about(found, "小程序登录可用").mark == "ok"
        assert "request" in about(found, "服务器域名").do and not [finding for finding in found if "kind" in finding.what]


class TestFaults:
    @pytest.mark.parametrize(("change", "errcode", "word"), [
        ({"appid": "wxnobody"}, 40013, "AppID"), ({"secret": "wrong"}, 40125, "AppSecret")])
    async def test_wrong_credentials_are_named_and_nothing_more_is_asked(self, surgery, change, errcode, word):
        surgery.add(OFFICIAL | change)
        found = await surgery.says()
        assert [finding.mark for finding in found] == ["ok", "fail"]
        assert str(errcode) in found[1].what and word in found[1].what and word in found[1].do
        assert "wrong" not in found[1].what

    async def test_an_address_that_is_not_let_in_is_told(self, surgery):
        surgery.add()
        await surgery.sandbox.told("/sandbox/faults", {"path": "/cgi-bin/stable_token", "errcode": 40164, "times": 1})
        found = about(await surgery.says(), "access_token")
        assert "203.0.113.7" in found.what and "IP 白名单" in found.do

    async def test_a_platform_that_does_not_answer(self, surgery):
        surgery.add(base="http://127.0.0.1:9")
        found = about(await surgery.says(), "access_token")
        assert found.mark == "fail" and "防火墙" in found.do

    @pytest.mark.parametrize(("mode", "mark"), [("plain", "note"), ("compatible", "note"), ("safe", "ok")])
    async def test_the_mode_of_callbacks(self, surgery, mode, mark):
        surgery.add(mode=mode)
        assert (await surgery.says())[0].mark == mark

    @pytest.mark.parametrize(("apart", "mark"), [(0, "ok"), (20, "ok"), (45, "fail"), (-45, "fail")])
    async def test_a_clock_that_is_wrong(self, surgery, apart, mark):
        surgery.add()
        surgery.now = lambda: time.time() + apart
        assert about(await surgery.says(), "clock").mark == mark

    async def test_a_callback_that_the_platform_finds(self, surgery):
        surgery.add()
        found = about(await surgery.says(), "回调地址")
        assert found.mark == "ok" and "https://h5.example.cn/wechat/official:" in found.what and "127.0.0.1(CAP)" in found.what

    async def test_a_further_account_has_its_own_address(self, surgery):
        surgery.add(OFFICIAL | {"appid": "wx1111111111111111"})
        one = surgery.add()
        assert doctor_wechat.callback_address(one, Accounts(surgery.accounts), HERE) == f"https://h5.example.cn/wechat/official/{one.appid}"

    async def test_a_callback_that_is_not_entered_not_resolved_or_not_pinged(self, surgery):
        surgery.add()
        platform = surgery.sandbox.platform
        platform.pings_lost = True
        assert about(await surgery.says(), "回调地址").mark == "note"
        platform.callback_addresses = []
        found = about(await surgery.says(), "回调地址")
        assert found.mark == "fail" and "解析不到" in found.what
        await surgery.sandbox.told("/sandbox/faults", {"path": "/cgi-bin/callback/check", "errcode": 40201, "times": 1})
        found = about(await surgery.says(), "回调地址")
        assert found.mark == "fail" and "40201" in found.what and "服务器配置" in found.do

    async def test_on_loopback_the_callback_is_not_checked_and_no_host_is_asked_for(self, surgery):
        surgery.add()
        found = await surgery.says(Instance("http://127.0.0.1:8888", False, "official"))
        assert "未检测" in about(found, "回调地址").what and not [finding for finding in found if "域名" in finding.what]

    async def test_hosts_are_to_be_looked_at_by_hand_and_the_text_is_told(self, surgery):
        surgery.add()
        where = about(await surgery.says(), "请人工核对")
        assert "h5.example.cn" in where.do and "JS接口安全域名" in where.do and "网页授权域名" in where.do
        assert about(await surgery.says(), "MP_verify_AbC123").mark == "ok"
        assert "verification-text" in about(await surgery.says(entered=()), "还没有录入").do

    async def test_quotas_that_are_nearly_or_wholly_spent(self, surgery):
        one = surgery.add()
        limits, key = surgery.sandbox.platform.daily_limits, (one.appid, "/cgi-bin/callback/check")
        assert about(await surgery.says(), "调用额度").mark == "ok"
        limits[key] = 2  # the look before used one
        assert about(await surgery.says(), "nearly spent").mark == "note"
        found = about([finding for finding in await surgery.says() if "回调地址" not in finding.what], "callback/check")
        assert found.mark == "fail" and "清零" in found.do

    async def test_signing_keys_that_the_platform_does_not_take(self, surgery):
        ring = made_ring()
        surgery.kind("certified_service")
        surgery.add()
        surgery.sandbox.platform.accounts.official.api.update(ring.theirs)
        found = about(await surgery.says(), "调用额度")
        assert found.mark == "fail" and "40232" in found.what and "WENMING_API_KEYS" in found.do

    async def test_certificates_that_end(self, surgery):
        ring, other = made_ring(lives_days=10), made_key()
        keys = {"ended": certificate_of(other, -1), **ring.ours.platform_certs, "fresh": certificate_of(other)}
        surgery.sandbox.platform.accounts.official.api.update(ring.theirs)
        surgery.add(api_keys=type(ring.ours)("aes-1", ring.ours.aes_key, "rsa-1", ring.ours.rsa_key, keys))
        found = await surgery.says()
        assert about(found, "调用额度").mark == "ok"  # asked signed, and the answer believed
        assert [about(found, f"certificate {name}").mark for name in ("ended", "new", "fresh")] == ["fail", "note", "ok"]

    async def test_an_answer_that_is_not_the_platforms(self, surgery):
        ring = made_ring()
        surgery.sandbox.platform.accounts.official.api.update(ring.theirs)
        surgery.add(api_keys=type(ring.ours)("aes-1", ring.ours.aes_key, "rsa-1", ring.ours.rsa_key, {"new": certificate_of(made_key())}))
        found = about(await surgery.says(), "调用额度")
        assert found.mark == "fail" and "platform_certs" in found.do


class TestWords:
    async def test_each_finding_is_chinese_first_and_each_that_is_not_well_says_what_to_do(self, surgery):
        surgery.kind("subscription")
        surgery.add(mode="plain")
        for finding in await surgery.says(entered=()):
            assert CHINESE.search(finding.what) or "access_token" in finding.what
            assert finding.mark == "ok" or CHINESE.search(finding.do)

    async def test_an_identity_that_no_account_is(self, surgery, stores, capsys):
        surgery.add()
        here = Instance("http://127.0.0.1:8888", False, "miniprogram")
        assert await doctor_wechat.examine(Accounts(surgery.accounts), VerificationTexts(stores.mongo), here, time.time) == 1
        assert "WENMING_OFFICIAL_IDENTITY" in capsys.readouterr().out

    async def test_the_texts_that_were_entered_are_known(self, stores):
        texts = VerificationTexts(stores.mongo)
        for code in ("b", "a"):
            await texts.enter(code, code)
        assert await texts.codes() == ["a", "b"]


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """A short path: a socket's has at most 108 bytes."""
    made = Path(tempfile.mkdtemp(prefix="wenming-test-"))
    yield made
    shutil.rmtree(made)


def sections(out: str) -> dict[str, list[str]]:
    """The lines of each account, by AppID."""
    found: dict[str, list[str]] = {}
    for part in out.split("\n\n"):
        appid = re.search(r"wxsandbox\w+", part.split("\n")[0])
        if appid:
            found[appid[0]] = part.splitlines()[1:]
    return found


class TestCommand:
    """`python -m server doctor --wechat` alone, and beside a running product, with the sandbox's four accounts."""

    def check(self, done) -> None:
        assert "Traceback" not in done.stderr and done.returncode == 0, done.stdout + done.stderr
        found = {appid: "\n".join(lines) for appid, lines in sections(done.stdout).items()}
        assert {"wxsandboxofficial0": "认证服务号 (certified service", "wxsandboxcertified": "认证订阅号 (certified subscription",
                "wxsandboxsubscribe": "未认证订阅号", "wxsandboxminiprog": "小程序登录可用"}.items() <= {
                    appid: word for appid, text in found.items()
                    for word in ("认证服务号 (certified service", "认证订阅号 (certified subscription", "未认证订阅号", "小程序登录可用")
                    if word in text}.items()
        assert MARKS["fail"] not in done.stdout.replace("没有失败项", "")
        assert all(text.count("not available") == lacking for text, lacking in (
            (found["wxsandboxofficial0"], 0), (found["wxsandboxcertified"], 2), (found["wxsandboxsubscribe"], 6)))

    def test_alone_and_beside_a_running_product(self, folder):
        product = Product(folder / "data")
        alone = product.command("doctor", "--wechat")
        self.check(alone)
        assert product.left_behind() == []
        product.start()
        try:
            self.check(product.command("doctor", "--wechat"))
            product.environ["WENMING_OFFICIAL_IDENTITY"] = "wxsandboxsubscribe"
            subscribing = product.command("doctor", "--wechat")
            assert subscribing.returncode == 1 and "市民无法参与" in subscribing.stdout
            secrets = [account[part] for account in json.loads((folder / "data" / "sandbox.json").read_text()).values()
                       for part in ("secret", "token", "aes_key")]
            assert not [secret for secret in secrets if secret in alone.stdout + alone.stderr + subscribing.stdout + subscribing.stderr]
        finally:
            assert product.stop() == 0
