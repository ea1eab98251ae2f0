"""The access_token and the jsapi_ticket: one for all processes, renewed once, with care."""

from __future__ import annotations

import asyncio
import json
import logging

import pytest

from server import keys
from server.clock import day_of
from server.stores import open_stores
from server.wechat import Account
from server.wechat.errors import Misconfigured, PlatformBusy, TokenRejected, WeChatError
from server.wechat.values import FORCED_PER_DAY
from tests.server.wechat.platform_world import ACCOUNT, NOON, SEND_PATH, TICKET_PATH, TOKEN_PATH, token

pytestmark = pytest.mark.gen_test(timeout=30)

OK = {"errcode": 0}
REJECTED = {"errcode": 40001}


def tokens_used(world):
    return [asked.query["access_token"] for asked in world.platform.asked_of(SEND_PATH)]


async def greet(client):
    await client.message.send_text("openid-alice", "您好")


class TestSharing:
    async def test_sixteen_processes_at_once_fetch_one_token(self, world):
        world.platform.say(TOKEN_PATH, token(1))
        world.platform.pause_seconds = 0.2
        await asyncio.gather(*(greet(world.process()) for _ in range(16)))
        assert len(world.platform.asked_of(TOKEN_PATH)) == 1
        assert tokens_used(world) == ["token-1"] * 16

    async def test_it_asks_for_the_stable_token_in_normal_mode(self, world):
        world.platform.say(TOKEN_PATH, token(1))
        await greet(world.process())
        asked = world.platform.asked_of(TOKEN_PATH)[0]
        assert asked.method == "POST" and not asked.query
        assert asked.json == {"grant_type": "client_credential", "appid": ACCOUNT.appid, "secret": ACCOUNT.secret, "force_refresh": False}

    async def test_a_restarted_process_uses_the_token_that_is_there(self, world):
        world.platform.say(TOKEN_PATH, token(1))
        await greet(world.process())
        await greet(world.process())
        assert len(world.platform.asked_of(TOKEN_PATH)) == 1

    async def test_an_expired_token_is_fetched_anew(self, world):
        world.platform.say(TOKEN_PATH, token(1), token(2))
        client = world.process()
        await greet(client)
        world.clock.now += 7195
        await greet(client)
        assert tokens_used(world) == ["token-1", "token-2"]

    async def test_near_its_end_it_is_renewed_with_nobody_waiting(self, world):
        world.platform.say(TOKEN_PATH, token(1), token(2))
        client = world.process()
        await greet(client)
        world.clock.now += 7200 - 200
        await greet(client)
        while b"token-2" not in await world.redis.get(keys.platform_value(ACCOUNT.appid, "access_token")):
            await asyncio.sleep(0.02)
        await greet(client)
        assert tokens_used(world) == ["token-1", "token-1", "token-2"]

    async def test_a_process_that_died_with_the_lock_stops_nobody_for_long(self, world):
        await world.redis.set(keys.platform_lock(ACCOUNT.appid, "access_token"), "dead", px=300)
        world.platform.say(TOKEN_PATH, token(1))
        await greet(world.process())
        assert tokens_used(world) == ["token-1"]

    async def test_a_lock_of_another_is_not_taken_away(self, world):
        world.platform.say(TOKEN_PATH, token(1))
        world.platform.pause_seconds = 0.2
        lock = keys.platform_lock(ACCOUNT.appid, "access_token")
        work = asyncio.create_task(greet(world.process()))
        while not await world.redis.exists(lock):
            await asyncio.sleep(0.01)
        await world.redis.set(lock, "another")
        await work
        assert await world.redis.get(lock) == b"another"


class TestRejectedTokens:
    async def test_a_rejected_token_is_renewed_once_and_the_call_repeated_once(self, world):
        world.platform.say(TOKEN_PATH, token(1), token(2))
        world.platform.say(SEND_PATH, REJECTED, OK)
        await greet(world.process())
        assert tokens_used(world) == ["token-1", "token-2"]

    async def test_it_is_not_repeated_twice(self, world):
        world.platform.say(TOKEN_PATH, token(1), token(2), token(3))
        world.platform.say(SEND_PATH, REJECTED)
        with pytest.raises(TokenRejected):
            await greet(world.process())
        assert tokens_used(world) == ["token-1", "token-2"]

    async def test_a_token_that_another_process_renewed_is_used_and_not_renewed_again(self, world):
        world.platform.say(TOKEN_PATH, token(1))
        client = world.process()
        await greet(client)
        world.platform.say(SEND_PATH, REJECTED, OK)
        stored = json.dumps({"value": "token-2", "expires_at": NOON + 7200})
        original = client._token.get

        async def read_before_the_other_renewed():
            value = await original()
            await world.redis.set(keys.platform_value(ACCOUNT.appid, "access_token"), stored)
            return value

        client._token.get = read_before_the_other_renewed
        await greet(client)
        assert tokens_used(world) == ["token-1", "token-1", "token-2"]
        assert len(world.platform.asked_of(TOKEN_PATH)) == 1

    async def test_many_rejections_at_once_are_one_renewal(self, world):
        world.platform.say(TOKEN_PATH, token(1), token(2))
        client, other = world.process(), world.process()
        await greet(client)
        world.platform.say(SEND_PATH, *[REJECTED] * 6, OK)
        world.platform.pause_seconds = 0.1
        await asyncio.gather(*(greet(process) for process in [client, other] * 3))
        assert len(world.platform.asked_of(TOKEN_PATH)) == 2

    async def test_force_is_used_only_where_the_platform_gives_the_rejected_token_again(self, world):
        world.platform.say(TOKEN_PATH, token(1), token(1), token(2))
        world.platform.say(SEND_PATH, REJECTED, OK)
        await greet(world.process())
        assert [asked.json["force_refresh"] for asked in world.platform.asked_of(TOKEN_PATH)] == [False, False, True]

    async def test_force_is_bounded_by_the_minute_and_by_the_day(self, world):
        world.platform.say(TOKEN_PATH, token(1))
        world.platform.say(SEND_PATH, REJECTED)
        client = world.process()
        for _ in range(2):  # the second within the same minute
            with pytest.raises(TokenRejected):
                await greet(client)
        assert [asked.json["force_refresh"] for asked in world.platform.asked_of(TOKEN_PATH)].count(True) == 1
        await world.redis.delete(keys.platform_forced_lately(ACCOUNT.appid))
        await world.redis.set(keys.platform_forced(ACCOUNT.appid, day_of(NOON)), FORCED_PER_DAY)
        with pytest.raises(TokenRejected):
            await greet(client)
        assert [asked.json["force_refresh"] for asked in world.platform.asked_of(TOKEN_PATH)].count(True) == 1


class TestWrongSettings:
    async def test_an_account_that_is_configured_wrongly_is_left_alone(self, world):
        world.platform.say(TOKEN_PATH, {"errcode": 40125})
        for client in (world.process(), world.process()):
            for _ in range(2):
                with pytest.raises(Misconfigured):
                    await greet(client)
        assert len(world.platform.asked_of(TOKEN_PATH)) == 1

    async def test_no_account_asks_nobody(self, world):
        client = world.process(account=Account("", "", "", ""))
        for asking in (greet(client), client.jsapi_ticket(), client.web_identity("code"), client.miniprogram_identity("code")):
            with pytest.raises(Misconfigured):
                await asking
        assert not world.platform.asked

    @pytest.mark.parametrize("answer", [{}, {"access_token": ""}, {"access_token": 7, "expires_in": 7200},
                                        {"access_token": "x", "expires_in": "soon"}])
    async def test_an_answer_without_a_token_is_no_answer(self, world, answer):
        world.platform.say(TOKEN_PATH, answer)
        with pytest.raises(WeChatError):
            await greet(world.process())


class TestWithoutRedis:
    @pytest.fixture
    def nowhere(self, io_loop):
        async def opened():
            return open_stores("mongodb://127.0.0.1:9/x", "redis://127.0.0.1:9")

        made = io_loop.run_sync(opened)
        yield made.redis
        io_loop.run_sync(made.close)

    async def test_a_process_fetches_its_own_and_keeps_it(self, world, nowhere):
        world.platform.say(TOKEN_PATH, token(1))
        client = world.process(nowhere)
        await greet(client)
        await greet(client)
        assert tokens_used(world) == ["token-1"] * 2
        assert len(world.platform.asked_of(TOKEN_PATH)) == 1

    async def test_it_does_not_storm_the_platform(self, world, nowhere):
        world.platform.say(TOKEN_PATH, {"errcode": 45011})
        client = world.process(nowhere)
        with pytest.raises(WeChatError):
            await greet(client)
        with pytest.raises(PlatformBusy):
            await greet(client)
        assert len(world.platform.asked_of(TOKEN_PATH)) == 1

    async def test_it_never_forces(self, world, nowhere):
        world.platform.say(TOKEN_PATH, token(1))
        world.platform.say(SEND_PATH, REJECTED)
        client = world.process(nowhere)
        with pytest.raises(WeChatError):
            await greet(client)
        assert not any(asked.json["force_refresh"] for asked in world.platform.asked_of(TOKEN_PATH))


class TestTicket:
    async def test_the_ticket_is_fetched_with_the_token_once_for_all(self, world):
        world.platform.say(TOKEN_PATH, token(1))
        world.platform.say(TICKET_PATH, {"errcode": 0, "ticket": "ticket-1", "expires_in": 7200})
        assert [await world.process().jsapi_ticket() for _ in range(2)] == ["ticket-1"] * 2
        assert [asked.query for asked in world.platform.asked_of(TICKET_PATH)] == [{"access_token": "token-1", "type": "jsapi"}]

    async def test_no_value_is_logged(self, world, caplog):
        caplog.set_level(logging.DEBUG)
        world.platform.say(TOKEN_PATH, token(1), token(2))
        world.platform.say(SEND_PATH, REJECTED, OK)
        await greet(world.process())
        assert "token-1" not in caplog.text and "the-secret" not in caplog.text and "openid-alice" not in caplog.text
