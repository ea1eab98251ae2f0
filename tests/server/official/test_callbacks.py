"""One message, one effect, one answer, in time: repeats, replays, slow answers, deaths and outages."""

from __future__ import annotations

import asyncio

import pytest

from server.errors import StoreUnavailable
from server.official import CallbackRefused, owed
from server.official.repeats import CLAIM_SECONDS, Repeats
from server.stores import open_stores
from server.wechat.errors import NeverRetry
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
        assert await say(world.process("compatible"), callback(text(), "compatible", form="json")) == WELCOME
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


class TestWordsThatAreReady:
    """What a rule says by itself is claimed and kept in one step."""

    async def test_three_at_once_over_two_processes_get_the_words_of_the_first(self, world):
        world.ready = [(Reply("text", words),) for words in ("欢迎您", "您好", "辛苦了")]
        made, processes = callback(text()), [world.process(), world.process()]
        said = await asyncio.gather(*(say(processes[n % 2], made) for n in range(3)))
        assert said[0] in ({"type": "text", "text": words} for words in ("欢迎您", "您好", "辛苦了")) and said == [said[0]] * 3
        assert not world.effects and not world.changes
        assert world.outcomes("replied") == 1 and world.outcomes("repeat") == 2

    async def test_the_others_follow_it_once(self, world):
        world.ready = [(Reply("text", "欢迎您"), Reply("text", "这是菜单"))] * 2
        process = world.process()
        assert [await say(process, callback(text())) for _ in range(2)] == [WELCOME] * 2
        await process.close()
        assert [reply.text for _, reply in world.outbox.sent] == ["这是菜单"]

    async def test_silence_of_a_rule_is_repeated_too(self, world):
        world.ready, process = [()], world.process()
        assert [await deliver(process, callback(text())) for _ in range(2)] == [b"success"] * 2
        assert not world.effects and world.outcomes("empty") == 1 and world.outcomes("repeat") == 1

    async def test_a_mini_programs_words_follow_its_success(self, world):
        world.ready = [(Reply("text", "欢迎您"),)]
        process = world.process(role="miniprogram")
        assert await deliver(process, callback(text())) == b"success"
        await process.close()
        assert [reply.text for _, reply in world.outbox.sent] == ["欢迎您"]

    async def test_rules_that_fail_are_success_and_counted(self, world):
        world.words_failure = RuntimeError("bug")
        assert await deliver(world.process(), callback(text())) == b"success"
        assert world.outcomes("failed") == 1 and not world.effects


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

    async def test_meanwhile_her_chat_shows_that_somebody_is_writing(self, world):
        world.gate = asyncio.Event()
        await deliver(world.process(answer_seconds=0.3), callback(text()))
        while not world.outbox.shown:
            await asyncio.sleep(0.01)
        world.gate.set()
        while not world.outbox.sent:
            await asyncio.sleep(0.01)
        assert world.outbox.shown == [WANG.openid] and world.typing("shown") == 1

    async def test_an_answer_in_time_shows_nothing_of_that(self, world):
        world.more = (Reply("text", "二"),)
        process = world.process()
        await say(process, callback(text()))
        await process.close()
        assert world.outbox.sent and not world.outbox.shown

    async def test_the_answer_comes_also_where_that_fails(self, world):
        world.outbox.typing_failure, world.gate = NeverRetry(45080), asyncio.Event()
        await deliver(world.process(answer_seconds=0.3), callback(text()))
        while not world.typing("failed"):
            await asyncio.sleep(0.01)
        world.gate.set()
        while not world.outbox.sent:
            await asyncio.sleep(0.01)
        assert world.outbox.sent == [(WANG.openid, Reply("text", "欢迎您"))]

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

    async def test_several_answers_are_one_now_and_the_others_once_after_it(self, world):
        world.more = (Reply("text", "二"), Reply("image", media_id="m"))
        process, made = world.process(), callback(text())
        assert [await say(process, made) for _ in range(3)] == [WELCOME] * 3
        await process.close()
        assert world.outbox.sent == [(WANG.openid, reply) for reply in world.more]

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


async def heard(world):
    await say(world.process(), callback(text()))
    return list(world.effects)


class TestMiniPrograms:
    """The platform takes nothing but success and a hand-over as an answer: the words follow by message."""

    async def test_the_answer_is_success_and_the_words_follow(self, world):
        world.more = (Reply("text", "二"),)
        process, made = world.process(role="miniprogram"), callback(text())
        assert [await deliver(process, made) for _ in range(2)] == [b"success"] * 2
        await process.close()
        assert world.outbox.sent == [(WANG.openid, Reply("text", "欢迎您")), (WANG.openid, Reply("text", "二"))]

    async def test_a_hand_over_is_an_answer(self, world):
        world.reply = Reply("transfer")
        process = world.process(role="miniprogram")
        assert (await say(process, callback(text())))["type"] == "transfer_customer_service"
        await process.close()
        assert not world.outbox.sent


class TestWhenPartsFail:
    async def test_the_answering_process_died_and_the_try_that_comes_at_once_is_answered(self, world):
        # What a process leaves that was killed just after its claim; the platform's next try comes while the claim still stands.
        dead = Repeats(world._nodes, b"k" * 32, 600)
        [message] = await heard(world)
        world.effects.clear()
        await world.redis.flushdb()
        assert await dead.claim(dead.digest(*message.identity()))
        assert await say(world.process(), callback(text())) == WELCOME and len(world.effects) == 1

    async def test_who_lives_and_works_long_keeps_the_claim(self, world):
        world.gate = asyncio.Event()
        slow = world.process(answer_seconds=0.2)
        await deliver(slow, callback(text()))
        await asyncio.sleep(CLAIM_SECONDS + 0.5)
        assert await deliver(world.process(answer_seconds=0.2), callback(text())) == b"success"
        world.gate.set()
        await slow.close()
        assert len(world.effects) == 1 and len(world.outbox.sent) == 1

    async def test_what_is_promised_by_message_is_not_said_to_the_repeat_as_well(self, world):
        world.gate = asyncio.Event()
        process, made = world.process(answer_seconds=0.3), callback(text())
        assert await deliver(process, made) == b"success"
        second = asyncio.create_task(deliver(process, made))
        await asyncio.sleep(0.1)
        world.gate.set()
        assert await second == b"success"
        await process.close()
        assert await deliver(world.process(), made) == b"success" and len(world.outbox.sent) == 1

    async def test_what_an_event_changes_is_not_lost_by_an_outage(self, world, monkeypatch):
        monkeypatch.setattr(owed, "FIRST_PAUSE_SECONDS", 0.02)
        world.outages = 3
        assert await say(world.process(), callback(event("subscribe"))) == WELCOME, "the answer waits for nothing"
        while not world.changes:
            await asyncio.sleep(0.01)
        assert [change.event for change in world.changes] == ["subscribe"]
        assert [world.metrics.series("effects_owed_total", outcome).value for outcome in ("owed", "paid", "lost")] == [1, 1, 0]

    async def test_an_outage_without_end_is_counted_as_a_loss(self, world, monkeypatch):
        monkeypatch.setattr(owed, "FIRST_PAUSE_SECONDS", 0.02)
        monkeypatch.setattr(owed, "OWED_SECONDS", 0.1)
        world.outages = 99
        await say(world.process(), callback(event("subscribe")))
        lost = world.metrics.series("effects_owed_total", "lost")
        while not lost.value:
            await asyncio.sleep(0.01)
        assert not world.changes

    async def test_what_is_owed_at_a_stop_is_counted_too(self, world):
        world.outages = 1
        process = world.process()
        await say(process, callback(event("subscribe")))
        await process.close()
        assert world.metrics.series("effects_owed_total", "lost").value == 1

    async def test_without_redis_every_try_is_answered(self, world):
        nowhere = open_stores("mongodb://127.0.0.1:9/x", "redis://127.0.0.1:9")
        process = world.process(redis=nowhere.counting)
        assert [await say(process, callback(text())) for _ in range(2)] == [WELCOME] * 2
        await nowhere.close()

    @pytest.mark.parametrize("failure", [RuntimeError("bug"), StoreUnavailable(), TimeoutError(), KeyError("x")])
    async def test_an_answer_that_fails_is_success_and_counted(self, world, failure, caplog):
        world.failure = failure
        assert await deliver(world.process(), callback(text())) == b"success"
        assert world.outcomes("failed") == 1
        assert caplog.records and WANG.openid not in caplog.text
