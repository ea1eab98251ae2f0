"""Quotas: what is left, which endpoints are shut, the clear by hand and by nothing else, and what was wrong with a request."""

from __future__ import annotations

import asyncio
import re
import time
from pathlib import Path

import pytest

from server.errors import InvalidBody
from server.quotas import CALLS, Quotas, masked
from server.reachability import Reachability
from server.stores import open_stores
from server.wechat.errcodes import ERRCODES, staff_text, words_of
from server.wechat.errors import BY_ERRCODE, ClearsSpent, Misconfigured, NeverRetry, PlatformUnreachable, QuotaSpent, WeChatError
from tests.sandbox.sandbox_world import MINI, OFFICIAL, World
from tests.server.accounts_world import client_of

pytestmark = pytest.mark.gen_test(timeout=30)
ROOT = Path(__file__).resolve().parents[2]
MENU, APPID = "/cgi-bin/menu/get", OFFICIAL["appid"]


@pytest.fixture
def sandbox(io_loop, tmp_path):
    async def made():
        return World(tmp_path)

    world = io_loop.run_sync(made)
    yield world
    world.close()


@pytest.fixture
def process(io_loop, stores, sandbox):
    """Another process of the product: a client with a memory of its own."""
    clients = []

    def made(given=OFFICIAL, over=stores):
        clients.append(client_of(given, sandbox.base, over, time.time))
        return clients[-1]

    yield made
    for client in clients:
        io_loop.run_sync(client.close)


@pytest.fixture
def client(io_loop, process):
    async def made():
        return process()

    return io_loop.run_sync(made)


@pytest.fixture
def quotas(client):
    return Quotas(client, "official")


async def spend(client, sandbox, path=MENU):
    """Use up the day's calls of a path."""
    sandbox.platform.daily_limits[APPID, path] = 1
    for _ in range(2):
        try:
            await client.call("get", path.removeprefix("/"))
        except NeverRetry:
            continue
        except QuotaSpent:
            return
        except WeChatError:
            continue


async def row(quotas, path=MENU):
    return next(quota for quota in await quotas.view() if "/" + quota.path == path)


class TestView:
    async def test_each_call_of_the_account_is_there_with_its_figures_and_a_chinese_name(self, quotas, client):
        with pytest.raises(WeChatError):
            await client.call("get", "cgi-bin/menu/get")
        found = {quota.path: quota for quota in await quotas.view()}
        assert set(found) == {call.path for call in CALLS if "official" in call.roles}
        menu = found["cgi-bin/menu/get"]
        assert (menu.daily_limit, menu.used, menu.remain) == (10_000, 1, 9_999)
        assert all(re.search("[一-鿿]", quota.name) and not quota.shut for quota in found.values())

    def test_every_call_that_is_written_out_in_the_product_has_a_name_for_people(self):
        product = [path for path in (ROOT / "server").rglob("*.py") if "sandbox" not in path.parts]
        written = {found for path in product for found in re.findall(r'"((?:cgi-bin|wxa)/[a-z0-9_/]+)"', path.read_text("utf-8"))}
        assert len(written) > 30
        assert written - {call.path for call in CALLS} == {"cgi-bin/clear_quota", "cgi-bin/clear_quota/v2"}

    async def test_a_mini_program_has_its_own(self, process):
        paths = {quota.path for quota in await Quotas(process(MINI), "miniprogram").view()}
        assert "cgi-bin/message/subscribe/send" in paths and "cgi-bin/menu/create" not in paths

    async def test_one_that_is_spent_is_shut_for_every_process_and_says_so(self, quotas, process, client, sandbox):
        await spend(client, sandbox)
        assert (await row(quotas)).shut and (await row(Quotas(process(), "official"))).shut
        with pytest.raises(QuotaSpent):
            await process().call("get", "cgi-bin/menu/get")

    async def test_more_than_four_fifths_is_nearly_spent(self, quotas, client, sandbox):
        sandbox.platform.daily_limits[APPID, MENU] = 5
        for expected in (False, False, False, False, True):
            with pytest.raises(WeChatError):
                await client.call("get", "cgi-bin/menu/get")
            assert (await row(quotas)).nearly_spent is expected

    async def test_one_that_somebody_cleared_elsewhere_is_opened_again(self, quotas, client, sandbox):
        await spend(client, sandbox)
        sandbox.platform.daily_limits.clear()  # as if it were cleared on mp.weixin.qq.com
        assert not (await row(quotas)).shut
        with pytest.raises(WeChatError) as answered:
            await client.call("get", "cgi-bin/menu/get")
        assert answered.value.errcode == 46003

    async def test_what_is_shut_and_in_no_table_is_shown_too(self, quotas, client, sandbox):
        await spend(client, sandbox, "/cgi-bin/menu/delete")
        assert (await row(quotas, "/cgi-bin/menu/delete")).shut

    async def test_a_quota_that_is_not_told_stands_without_figures(self, quotas, sandbox):
        await sandbox.told("/sandbox/faults", {"path": "/cgi-bin/openapi/quota/get", "errcode": 76021, "times": 1})
        silent = [quota for quota in await quotas.view() if quota.remain is None]
        assert [quota.errcode for quota in silent] == [76021]

    async def test_an_account_that_is_configured_wrongly_has_no_view(self, process):
        with pytest.raises(Misconfigured):
            await Quotas(process(OFFICIAL | {"secret": "wrong"}), "official").view()

    async def test_without_redis_a_process_shows_what_it_knows(self, process, sandbox):
        nowhere = open_stores("mongodb://127.0.0.1:9/x", "redis://127.0.0.1:9")
        lone = process(over=nowhere)
        await spend(lone, sandbox)
        assert await lone.shut_paths() == {"cgi-bin/menu/get"}
        await lone.open_again({"cgi-bin/menu/get"})
        assert await lone.shut_paths() == set()
        await nowhere.close()


class TestClear:
    async def test_every_count_begins_anew_and_every_process_may_call_again(self, quotas, process, client, sandbox):
        other = process()
        for path in (MENU, "/cgi-bin/template/get_all_private_template"):
            await spend(client, sandbox, path)
            with pytest.raises(QuotaSpent):
                await other.call("get", path.removeprefix("/"))
        assert await quotas.clear_by_hand() == "token"
        assert not any(quota.shut for quota in await quotas.view())
        assert await other.call("get", "cgi-bin/template/get_all_private_template") == {"template_list": []}
        with pytest.raises(WeChatError) as answered:
            await other.call("get", "cgi-bin/menu/get")
        assert answered.value.errcode == 46003

    async def test_without_a_token_the_app_secret_clears(self, process, sandbox):
        day = int(time.time() // 86400)
        sandbox.platform.store.set_count(f"stable-day:{APPID}", day, 500_000)
        quotas = Quotas(process(), "official")
        with pytest.raises(QuotaSpent):
            await quotas.failed_request("00000000-00000000-00000000")
        assert await quotas.clear_by_hand() == "secret"
        assert (await row(quotas)).remain == 10_000

    async def test_ten_a_month_for_both_ways_together(self, quotas, client):
        for turn in range(10):
            if turn % 2:
                await client.clear_quota_by_secret()
            else:
                await quotas.clear_by_hand()
        with pytest.raises(ClearsSpent) as refusal:
            await quotas.clear_by_hand()
        assert refusal.value.errcode == 48006
        with pytest.raises(ClearsSpent):
            await client.clear_quota_by_secret()

    async def test_one_that_may_have_been_done_is_not_tried_a_second_way(self, quotas, sandbox):
        await sandbox.told("/sandbox/faults", {"path": "/cgi-bin/clear_quota", "status": 502, "times": 1})
        with pytest.raises(PlatformUnreachable):
            await quotas.clear_by_hand()
        assert clears(sandbox) == 0

    async def test_no_refusal_of_any_kind_clears_by_itself(self, quotas, client, sandbox):
        for errcode in (45009, 45011, 40001, 48001, 48006, -1):
            await sandbox.told("/sandbox/faults", {"path": "/cgi-bin/qrcode/create", "errcode": errcode, "times": 1})
            with pytest.raises(WeChatError):
                await client.call("post", "cgi-bin/qrcode/create", {})
        await spend(client, sandbox)
        await quotas.view()
        assert clears(sandbox) == 0

    def test_nothing_but_the_admins_route_spends_one(self):
        words = {"clear_by_hand": {"server/quotas.py", "handlers/quotas.py"},
                 "clear_quota_by_secret": {"server/quotas.py", "server/wechat/client.py"},
                 '"cgi-bin/clear_quota': {"server/quotas.py", "server/wechat/client.py", "server/wechat/signing.py"}}
        product = [path for folder in ("server", "handlers") for path in (ROOT / folder).rglob("*.py") if "sandbox" not in path.parts]
        for word, places in words.items():
            assert {path.relative_to(ROOT).as_posix() for path in product if word in path.read_text("utf-8")} == places


def clears(sandbox):
    moment = time.localtime(time.time() + 8 * 3600 + time.timezone)
    return sandbox.platform.store.counted(f"clears:{APPID}", moment.tm_year * 12 + moment.tm_mon)


class TestFailedRequests:
    async def test_what_was_wrong_is_told_without_naming_anybody(self, quotas, client, sandbox):
        openid = "o" + "A" * 27
        with pytest.raises(WeChatError) as refusal:
            await client.call("post", "cgi-bin/message/custom/send",
                              {"touser": openid, "msgtype": "text", "text": {"content": "13800138000"}})
        found = await quotas.failed_request(refusal.value.rid)
        assert "40003" in found.answer and "msgtype" in found.body and found.address == "127.0.0.1" and found.invoked_at > 0
        shown = found.query + found.body + found.answer
        assert openid not in shown and "13800138000" not in shown and "access_token=***" in found.query

    @pytest.mark.parametrize("rid", ["", "x", "61725984-6126f6f9", "../../61725984-6126f6f9-040f19c4"])
    async def test_what_is_no_rid_is_not_asked(self, quotas, rid):
        with pytest.raises(InvalidBody) as refusal:
            await quotas.failed_request(rid)
        assert refusal.value.code == "RID_WRONG"

    async def test_another_accounts_or_an_old_one_is_refused(self, quotas, process, client, sandbox):
        with pytest.raises(WeChatError) as refusal:
            await client.call("get", "cgi-bin/menu/get")
        with pytest.raises(WeChatError) as other:
            await Quotas(process(MINI), "miniprogram").failed_request(refusal.value.rid)
        sandbox.advance(8 * 86400)
        with pytest.raises(WeChatError) as old:
            await quotas.failed_request(refusal.value.rid)
        assert (other.value.errcode, old.value.errcode) == (76003, 76001)

    @pytest.mark.parametrize("written", [
        "13800138000", "+8613800138000", "8613800138000", "+86 13800138000", "86-13800138000", "008613800138000", "%2B8613800138000"])
    def test_telephone_numbers_are_masked_with_any_country_code(self, written):
        assert masked(f'{{"phone": "{written}", "id": 9913800138000}}') == '{"phone": "1**********", "id": 9913800138000}'

    def test_typing_of_each_kind_of_account_is_a_call_of_its_own(self):
        typing = {call.path: call.roles for call in CALLS if call.path.endswith("typing")}
        assert typing == {"cgi-bin/message/custom/typing": ("official",), "cgi-bin/message/custom/business/typing": ("miniprogram",)}

    def test_secrets_are_masked_however_they_are_written(self):
        text = 'access_token=50_Im7&appid=wx1 {"appsecret": "abc", \'secret\':\'def\', "js_code":"0a1b"}'
        assert masked(text) == 'access_token=***&appid=wx1 {"appsecret": "***", \'secret\':\'***\', "js_code":"***"}'
        assert len(masked("x" * 5000)) == 2000


class TestReachability:
    async def test_the_platform_looks_up_and_pings_our_address(self, client, sandbox):
        ways = Reachability(client)
        found = await ways.check()
        assert [(one.address, one.operator) for one in found.dns] == [("127.0.0.1", "CAP")]
        assert [(one.address, one.lost, one.took) for one in found.ping] == [("127.0.0.1", False, "23.079ms")]
        assert (await ways.check("dns")).ping == () and (await ways.check("ping", "UNICOM")).ping[0].operator == "UNICOM"
        sandbox.platform.pings_lost = True
        assert (await ways.check()).ping[0].lost

    async def test_an_address_that_is_not_entered_is_said(self, client, sandbox):
        sandbox.platform.callback = ""
        with pytest.raises(WeChatError) as refusal:
            await Reachability(client).check()
        assert refusal.value.errcode == 40201

    async def test_the_platforms_own_addresses(self, client):
        ways = Reachability(client)
        api, callbacks = await asyncio.gather(ways.api_addresses(), ways.callback_addresses())
        assert "203.0.113.10" in api and "198.51.100.0/25" in callbacks


class TestErrcodes:
    def test_every_errcode_that_has_a_policy_or_that_the_sandbox_gives_has_words(self):
        given = {int(found) for path in (ROOT / "server" / "sandbox").rglob("*.py")
                 for found in re.findall(r"(?:WeChatRefusal\(|^    )(-1|\d{5})\b", path.read_text("utf-8"), re.M)}
        assert len(given) > 40
        assert sorted((given | set(BY_ERRCODE)) - set(ERRCODES)) == []

    def test_each_says_a_cause_and_what_to_do_in_both_languages(self):
        for errcode, words in ERRCODES.items():
            assert re.search("[一-鿿]", words.cause) and re.search("[一-鿿]", words.remedy), errcode
            assert re.fullmatch(r"[ -~]+", words.english), errcode

    def test_one_that_nobody_knows_says_where_to_look(self):
        assert "99999" in words_of(99999).cause and "99999" in staff_text(99999)
