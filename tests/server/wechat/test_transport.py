"""One call to the platform, over real HTTP."""

from __future__ import annotations

import logging

import pytest
from tornado.httpclient import HTTPClientError

from server.stores import open_stores
from server.wechat.errors import (
    CodeRejected,
    CodeUsed,
    Misconfigured,
    NeverRetry,
    PersonAtRisk,
    PlatformBusy,
    PlatformNotAsked,
    PlatformUnreachable,
    QuotaSpent,
    RateLimited,
    TokenRejected,
    WeChatError,
    may_have_arrived,
)

pytestmark = pytest.mark.gen_test(timeout=30)

PATH = "cgi-bin/thing"


async def call(world, *, may_repeat=True, transport=None, path=PATH, **params):
    made = transport or world.transport()
    try:
        return await made.call("wxofficial", "post", path, {"access_token": "token-1", **params}, b"{}", may_repeat=may_repeat)
    finally:
        made.close()



class TestAnswers:
    async def test_an_answer_is_given_back_as_it_came(self, world):
        world.platform.say("/" + PATH, {"errcode": 0, "errmsg": "ok", "msgid": 7})
        assert (await call(world))["msgid"] == 7

    @pytest.mark.parametrize(("errcode", "error"), [
        (40001, TokenRejected), (40014, TokenRejected), (42001, TokenRejected), (40029, CodeRejected), (40163, CodeUsed),
        (40226, PersonAtRisk), (40003, NeverRetry), (43101, NeverRetry), (45015, NeverRetry), (47003, NeverRetry),
        (40013, Misconfigured), (40125, Misconfigured), (40164, Misconfigured), (45011, RateLimited), (45009, QuotaSpent),
        (99999, WeChatError),
    ])
    async def test_each_errcode_is_its_own_error_and_asked_once(self, world, errcode, error):
        world.platform.say("/" + PATH, {"errcode": errcode, "errmsg": "openid-of-somebody refused"})
        with pytest.raises(error) as caught:
            await call(world)
        assert type(caught.value) is error and caught.value.errcode == errcode
        assert "openid-of-somebody" not in str(caught.value)
        assert len(world.platform.asked) == 1

    @pytest.mark.parametrize("answer", [{"errcode": "40001"}, {"base_resp": {"errcode": 40001}}])
    async def test_an_errcode_may_be_a_text_or_wrapped(self, world, answer):
        world.platform.say("/" + PATH, answer)
        with pytest.raises(TokenRejected):
            await call(world)

    async def test_raw_control_characters_of_nicknames_are_read(self, world):
        world.platform.say("/" + PATH, b'{"errcode":0,"nickname":"a\x08b"}')
        assert (await call(world))["nickname"] == "a\x08b"

    @pytest.mark.parametrize("answer", [b"", b"<html>", b"[]", b"7", b"[" * 100_000, b'{"errcode": {}}', b'{"errcode": "x"}', 500, 404])
    async def test_what_is_no_answer_is_unreachable(self, world, answer):
        world.platform.say("/" + PATH, answer)
        with pytest.raises(PlatformUnreachable):
            await call(world, may_repeat=False)

    async def test_an_answer_without_end_is_cut(self, world):
        world.platform.say("/" + PATH, b'{"errcode":0,"x":"' + b"x" * 2_000_000 + b'"}')
        with pytest.raises(PlatformUnreachable):
            await call(world, may_repeat=False)

    async def test_a_redirect_is_not_followed(self, world):
        world.platform.say("/" + PATH, 302)
        with pytest.raises(PlatformUnreachable):
            await call(world, may_repeat=False)
        assert not world.platform.asked_of("/elsewhere")


class TestRetries:
    async def test_a_busy_platform_is_asked_three_times_where_that_is_allowed(self, world):
        world.platform.say("/" + PATH, {"errcode": -1}, 502, {"errcode": 0, "done": 1})
        assert (await call(world))["done"] == 1
        assert len(world.platform.asked) == 3

    async def test_after_three_tries_it_is_over(self, world):
        world.platform.say("/" + PATH, {"errcode": -1})
        with pytest.raises(PlatformBusy):
            await call(world)
        assert len(world.platform.asked) == 3

    async def test_what_may_have_been_done_is_asked_once(self, world):
        world.platform.say("/" + PATH, {"errcode": -1}, {"errcode": 0})
        with pytest.raises(PlatformBusy):
            await call(world, may_repeat=False)
        assert len(world.platform.asked) == 1

    async def test_silence_ends(self, world):
        world.platform.say("/" + PATH, None)
        with pytest.raises(PlatformUnreachable):
            await call(world, transport=world.transport(answer_seconds=0.2), may_repeat=False)

    async def test_nobody_there_is_unreachable(self, world):
        world.platform.base_url = "http://127.0.0.1:9"
        with pytest.raises(PlatformNotAsked):
            await call(world, may_repeat=False)

    async def test_what_may_have_arrived_at_an_earlier_try_may_have_arrived(self, world, monkeypatch):
        transport, tries = world.transport(), [502, ConnectionRefusedError(), ConnectionRefusedError()]

        async def fetch(request):
            tried = tries.pop(0)
            raise HTTPClientError(tried) if isinstance(tried, int) else tried

        monkeypatch.setattr(transport._http, "fetch", fetch)
        with pytest.raises(PlatformUnreachable) as caught:
            await call(world, transport=transport)
        assert tries == [] and may_have_arrived(caught.value)


class TestQuota:
    async def test_a_spent_quota_shuts_the_endpoint_for_every_process_until_midnight(self, world):
        world.platform.say("/" + PATH, {"errcode": 45009}, {"errcode": 0})
        with pytest.raises(QuotaSpent):
            await call(world)
        with pytest.raises(QuotaSpent) as shut:
            await call(world)  # another process: a transport of its own
        assert len(world.platform.asked) == 1
        assert 12 * 3600 <= shut.value.retry_after_seconds <= 12 * 3600 + 1
        assert await call(world, path="cgi-bin/other") == {"errcode": 0, "errmsg": "ok"}

    async def test_after_midnight_it_opens_again(self, world):
        transport = world.transport()
        world.platform.say("/" + PATH, {"errcode": 45009}, {"errcode": 0, "open": 1})
        with pytest.raises(QuotaSpent):
            await transport.call("wxofficial", "get", PATH, {}, may_repeat=True)
        world.clock.now += 12 * 3600 + 2
        await world.redis.flushall()  # what expiry does: the test's clock is not Redis's
        assert (await call(world, transport=transport))["open"] == 1

    async def test_without_redis_a_process_knows_its_own(self, world):
        nowhere = open_stores("mongodb://127.0.0.1:9/x", "redis://127.0.0.1:9")
        world.redis = nowhere.redis
        transport = world.transport()
        world.platform.say("/" + PATH, {"errcode": 45009})
        for _ in range(2):
            with pytest.raises(QuotaSpent):
                await transport.call("wxofficial", "get", PATH, {}, may_repeat=True)
        assert len(world.platform.asked) == 1
        transport.close()
        await nowhere.close()


class TestSecrets:
    async def test_no_address_is_logged(self, world, caplog):
        caplog.set_level(logging.DEBUG)
        for answer in ({"errcode": 40001, "errmsg": "token-1"}, 302, b"token-1", {"errcode": 45009}):
            world.platform.say("/" + PATH, answer)
            with pytest.raises(WeChatError):
                await call(world, may_repeat=False, secret="the-secret")
        assert "token-1" not in caplog.text and "the-secret" not in caplog.text

    async def test_calls_are_counted_by_how_they_ended(self, world):
        world.platform.say("/" + PATH, {"errcode": 0}, {"errcode": 43101}, 500)
        await call(world)
        for error in (NeverRetry, PlatformUnreachable):
            with pytest.raises(error):
                await call(world, may_repeat=False)
        figures = world.metrics.snapshot()
        for outcome in ("ok", "refused", "unreachable"):
            assert f'wenming_platform_called_total{{outcome="{outcome}"}} 1.0'.encode() in figures
