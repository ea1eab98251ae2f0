"""One message, one effect, one answer, in time: repeats, replays, slow answers, deaths and outages."""

from __future__ import annotations

import asyncio

import pytest

from server.errors import StoreUnavailable
from server.official import CallbackRefused
from server.stores import open_stores
from server.wechat.messages import Article, Reply
from tests.people import LI, WANG
from tests.server.official.world import NOON, callback, deliver, event, say, text

pytestmark = pytest.mark.gen_test(timeout=30)

WELCOME = {"type": "text", "text": "欢迎您"}


class TestRepeats:
    async def test_three_at_once_have_one_effect_and_one_answer(self, world):
        world.gate = asyncio.Event()
        made, processes = callback(text()), [world.process(), world.process()]
        calls = [asyncio.create_task(say(processes[n % 2], made)) for n in range(3)]
        while not world.effects:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.2)
        world.gate.set()
        assert await asyncio.gather(*calls) == [WELCOME] * 3
        assert len(world.effects) == 1
        assert world.outcomes("replied") == 1 and world.outcomes("repeat") == 2

    async def test_a_later_try_gets_the_same_answer_signed_anew(self, world):
        process = world.process()
        first = await say(process, callback(text(), at=NOON))
        world.reply = Reply("text", "另一句")
        again = await say(process, callback(text(), at=NOON + 5), now=NOON + 5)
        assert first == again == WELCOME and len(world.effects) == 1

    async def test_also_in_the_other_form_and_another_process(self, world):
        await say(world.process("compatible"), callback(text(), "compatible"))
        assert await say(world.process("compatible"), callback(text(), "plain", form="json")) == WELCOME
        assert len(world.effects) == 1

    async def test_silence_is_repeated_too(self, world):
        world.reply, process = None, world.process()
        for _ in range(2):
            assert await deliver(process, callback(text())) == b"success"
        assert len(world.effects) == 1

    async def test_the_same_number_from_two_people_is_two_messages(self, world):
        process = world.process()
        await say(process, callback(text(person=WANG)))
        await say(process, callback(text(person=LI)))
        assert [message.openid for message in world.effects] == [WANG.openid, LI.openid]

    @pytest.mark.parametrize("other", [event("CLICK", "mine"), event("SCAN", "total"), event("CLICK", "total", person=WANG),
                                       event("CLICK", "total", CreateTime=int(NOON) + 1)])
    async def test_events_differ_by_kind_key_person_and_second(self, world, other):
        process = world.process()
        for fields in (event("CLICK", "total"), event("CLICK", "total"), other):
            await say(process, callback(fields))
        assert len(world.effects) == 2

    async def test_nothing_kept_names_a_person(self, world):
        await say(world.process(), callback(text("我是王小红")))
        for key in await world.redis.keys("*"):
            assert WANG.openid.encode() not in key + await world.redis.get(key)
            assert "王小红".encode() not in await world.redis.get(key)

    async def test_what_is_kept_outlives_the_oldest_callback_and_then_goes(self, world):
        await say(world.process(), callback(text()))
        for key in await world.redis.keys("callback:*"):
            assert 600 < await world.redis.ttl(key) <= 660
        await world.redis.flushall()
        await say(world.process(max_age_seconds=0), callback(text()))
        for key in await world.redis.keys("callback:*"):
            assert 23 * 3600 < await world.redis.ttl(key) <= 24 * 3600


class TestReplays:
    async def test_a_known_signature_and_nonce_with_another_body_is_403(self, world):
        process, made = world.process("plain"), callback(text("敬礼"), "plain", nonce="n1")
        await deliver(process, made)
        with pytest.raises(CallbackRefused) as caught:
            await deliver(process, callback(text("我的", msg_id=2), "plain", nonce="n1"))
        assert (caught.value.status, caught.value.code) == (403, "CALLBACK_REPLAYED")
        assert len(world.effects) == 1
        assert await say(process, made) == WELCOME  # the genuine one is still answered

    async def test_two_at_once_let_one_through(self, world):
        calls = [deliver(world.process("plain"), callback(text("敬礼", msg_id=n), "plain", nonce="n1")) for n in (1, 2, 3)]
        done = await asyncio.gather(*calls, return_exceptions=True)
        assert sum(isinstance(one, CallbackRefused) for one in done) == 2 and len(world.effects) == 1

    async def test_a_new_nonce_is_a_new_message(self, world):
        process = world.process("plain")
        for n in (1, 2):
            await deliver(process, callback(text(msg_id=n), "plain", nonce=f"n{n}"))
        assert len(world.effects) == 2


class TestInTime:
    async def test_a_slow_answer_is_success_now_and_a_message_later(self, world):
        world.gate = asyncio.Event()
        process, made = world.process(answer_seconds=0.3), callback(text())
        assert await deliver(process, made) == b"success"
        assert not world.outbox.sent and world.outcomes("late") == 1
        world.gate.set()
        while not world.outbox.sent:
            await asyncio.sleep(0.01)
        assert world.outbox.sent == [(WANG.openid, Reply("text", "欢迎您"))]
        assert len(world.effects) == 1

    async def test_three_tries_of_a_slow_answer_are_one_message_later(self, world):
        world.gate = asyncio.Event()
        process, made = world.process(answer_seconds=0.3), callback(text())
        assert [await deliver(process, made) for _ in range(2)] == [b"success"] * 2
        world.gate.set()
        while not world.outbox.sent:
            await asyncio.sleep(0.01)
        await deliver(process, made)
        await asyncio.sleep(0.1)
        assert len(world.outbox.sent) == 1 and len(world.effects) == 1

    async def test_a_card_goes_later_too(self, world):
        world.reply = Reply("news", articles=(Article("标题", "说明", "https://w/c/flag"),))
        world.gate = asyncio.Event()
        await deliver(world.process(answer_seconds=0.2), callback(text()))
        world.gate.set()
        while not world.outbox.sent:
            await asyncio.sleep(0.01)
        assert world.outbox.sent[0][1] == world.reply

    async def test_silence_that_comes_late_says_nothing(self, world):
        world.reply, world.gate = None, asyncio.Event()
        process = world.process(answer_seconds=0.2)
        await deliver(process, callback(text()))
        world.gate.set()
        await process.close()
        assert not world.outbox.sent

    async def test_closing_waits_for_answers_on_their_way(self, world):
        world.gate = asyncio.Event()
        process = world.process(answer_seconds=0.3)
        await deliver(process, callback(text()))
        world.gate.set()
        await process.close()
        assert len(world.outbox.sent) == 1


class TestWhenPartsFail:
    async def test_the_answering_process_died_and_a_later_try_is_answered(self, world):
        never = asyncio.Event()

        async def dies(message, context):
            await never.wait()

        dead = world.process(answer_seconds=0.2, answer_with=dies)
        assert await deliver(dead, callback(text())) == b"success"
        for task in list(dead._late):
            task.cancel()
        for key in await world.redis.keys("callback:answer:*"):
            await world.redis.pexpire(key, 100)  # what six seconds do
        await asyncio.sleep(0.2)
        assert await say(world.process(), callback(text())) == WELCOME

    async def test_without_redis_every_try_is_answered(self, world):
        nowhere = open_stores("mongodb://127.0.0.1:9/x", "redis://127.0.0.1:9")
        process = world.process(redis=nowhere.redis)
        assert [await say(process, callback(text())) for _ in range(2)] == [WELCOME] * 2
        await nowhere.close()

    @pytest.mark.parametrize("failure", [RuntimeError("bug"), StoreUnavailable(), TimeoutError(), KeyError("x")])
    async def test_an_answer_that_fails_is_success_and_counted(self, world, failure, caplog):
        world.failure = failure
        assert await deliver(world.process(), callback(text())) == b"success"
        assert world.outcomes("failed") == 1
        assert caplog.records and WANG.openid not in caplog.text
