"""What machines say of citizens' words: kept beside them, never public by itself, never lost, never asked for twice; people decide."""

from __future__ import annotations

import asyncio
import logging
from itertools import product

import pytest

from server.moderation.provider import BREAKS_AFTER, BROKEN_SECONDS, Breaker
from server.moderation.service import LEASE_SECONDS, MOST_TRIES
from server.moderation.verdict import OVERALLS, STATES, Verdict, overall
from server.words import WordList
from tests.sandbox.sandbox_world import World as Sandbox
from tests.server.moderation.moderation_world import ALICE, BOB, CAROL, KEY, PROVIDER, TEXT_CHECK, World, said
from tests.server.waiting import decide

pytestmark = pytest.mark.gen_test(timeout=60)

# Words that the sandbox finds.
OWN = {"pass": "", "review": "奇怪"}
PLATFORM = {"pass": "", "review": "免费领取", "block": "代开发票"}
BY_PROVIDER = {"pass": "", "review": "内部消息", "block": "赌场"}


@pytest.fixture
def world(io_loop, stores, tmp_path):
    async def made():
        return await World(stores, Sandbox(tmp_path)).ready()

    found = io_loop.run_sync(made)
    yield found
    io_loop.run_sync(found.close)


def lease(world):
    """As the job takes one."""
    return round(world.now + LEASE_SECONDS, 3)


class TestVerdicts:
    @pytest.mark.parametrize(("own", "platform", "provider"), [*product(OWN, PLATFORM, BY_PROVIDER)])
    async def test_the_worst_that_was_said_counts_and_the_first_that_blocks_ends_it(self, world, own, platform, provider):
        await world.visits(ALICE)
        await world.writes(ALICE, "祖国万岁" + OWN[own] + PLATFORM[platform] + BY_PROVIDER[provider])
        assert await world.judge() == 1
        given = [own, platform] + [provider] * (platform != "block")
        expected = next(result for result in ("block", "review", "pass") if result in given)
        [item] = await world.waiting(expected)
        assert item.machine["result"] == expected and said(item) == dict(zip(("words", "wechat", "provider"), given, strict=False))
        assert (await world.waiting() == []) is (expected == "block")
        assert await world.wall() == []

    async def test_labels_and_the_platforms_trace_are_shown_in_words(self, world):
        await world.visits(ALICE)
        await world.writes(ALICE, "免费领取内部消息")
        await world.judge()
        [item] = await world.waiting()
        words, wechat, provider = item.machine["checks"]
        assert item.machine["text"] == "机审建议复核" and words["labels"] == []
        assert wechat["text"] == "微信内容安全 · 寄语：建议复核（广告）" and wechat["trace_id"].count("-") == 2
        assert provider["labels"] == ["不实信息"] and provider["trace_id"] == ""

    async def test_a_name_is_looked_at_as_a_profile_and_can_turn_a_message_down(self, world):
        await world.visits(ALICE)
        await world.writes(ALICE, name="加群")  # what a comment may hold, but reads oddly as a name
        await world.judge()
        [item] = await world.waiting("review")
        assert said(item) == {"words": "pass", "words name": "pass", "wechat": "pass", "wechat name": "review",
                              "provider": "pass", "provider name": "pass"}
        await world.visits(BOB)
        await world.writes(BOB, name="赌场")
        await world.judge()
        assert [said(item)["provider name"] for item in await world.waiting("block")] == ["block"]
        assert [asked["kind"] for asked in world.sandbox.platform.moderated] == ["message", "name"] * 2

    async def test_a_word_that_was_added_after_she_wrote_counts(self, world):
        await world.writes(ALICE, "新出现的词")
        await world.words.keep(WordList(("新出现",), (), 1))
        await world.judge()
        [item] = await world.waiting("block")
        assert said(item) == {"words": "block"}
        assert not world.sandbox.platform.moderated  # nobody else was shown it

    @pytest.mark.parametrize(("results", "expected"), [
        ({}, "unchecked"), ({"words": "pass"}, "unchecked"), ({"words": "pass", "wechat": "skipped"}, "unchecked"),
        ({"words": "pass", "wechat": "skipped", "provider": "pass"}, "pass"), ({"words": "pass", "wechat": "pass"}, "pass"),
        ({"words": "pass", "wechat": "pass", "provider": "none"}, "unchecked"), ({"words": "review"}, "review"),
        ({"words": "pass", "wechat": "none", "provider": "block"}, "block")])
    def test_what_nobody_outside_looked_at_is_not_called_passed(self, results, expected):
        assert overall([Verdict(source, "message", result) for source, result in results.items()], ["message"]) == expected
        assert overall([Verdict("wechat", "message", "pass")], ["message", "name"]) == "unchecked"

    def test_every_state_has_words_for_reviewers(self):
        assert set(OVERALLS) | {"waiting"} == set(STATES)


class TestWhoCannotBeAskedAbout:
    async def test_who_has_not_opened_the_mini_program_within_two_hours_is_skipped_and_not_failed(self, world):
        await world.visits(ALICE)
        await world.sandbox.told("/sandbox/faults", {"advance_seconds": 2 * 3600 + 1})
        await world.writes(ALICE, "代开发票")
        await world.judge()
        [item] = await world.waiting()
        assert said(item) == {"words": "pass", "wechat": "skipped", "provider": "pass"} and item.machine["result"] == "pass"

    async def test_who_has_no_identity_there_is_skipped_and_the_platform_not_asked(self, world):
        await world.writes(ALICE)
        await world.judge(world.process(provider=False))
        [item] = await world.waiting()
        assert said(item) == {"words": "pass", "wechat": "skipped"} and item.machine["result"] == "unchecked"
        assert world.sandbox.platform.store.newest_token(world.client.appid, "access_token") is None

    async def test_without_mini_program_and_provider_there_are_our_own_words(self, world):
        await world.writes(ALICE, "奇怪")
        await world.judge(world.process(platform=False, provider=False))
        assert [said(item) for item in await world.waiting("review")] == [{"words": "review"}]


    async def test_somebodys_number_is_marked_as_such_and_never_repeated(self, world):
        await world.writes(ALICE, "一起写作业，微信 138 1234 5678")
        await world.judge(world.process(platform=False, provider=False))
        [item] = await world.waiting("review")
        [check] = item.machine["checks"]
        assert (check["result"], check["labels"]) == ("review", ["疑似个人信息"]) and "138" not in check["text"]


class TestFailures:
    @pytest.mark.parametrize("what", [{"status": 500}, {"status": 302}, {"errcode": 7}, {"status": 200}])
    async def test_a_provider_that_fails_or_talks_nonsense_is_asked_again_and_then_people_look_without(self, world, what):
        await world.visits(ALICE)
        await world.fault(PROVIDER, times=100, **what)
        await world.writes(ALICE)
        process = world.process()
        for _ in range(MOST_TRIES):
            [item] = await world.waiting()
            assert item.machine["result"] == "waiting"  # people may look all the while
            await world.judge(process)
            world.now += 600
        [item] = await world.waiting()
        assert said(item) == {"words": "pass", "wechat": "pass", "provider": "none"} and item.machine["result"] == "unchecked"
        assert await world.judge(process) == 0 and await world.wall() == []
        assert world.counted("wechat", "pass") == 1 and world.counted("provider", "none") == 1  # who had answered was not asked again

    async def test_one_that_recovers_gives_its_verdict_later(self, world):
        await world.fault(PROVIDER, times=2, status=503)  # both tries
        await world.writes(ALICE, "赌场")
        process = world.process()
        await world.judge(process)
        assert [item.machine["result"] for item in await world.waiting()] == ["waiting"]
        world.now += 31
        await world.judge(process)
        assert [said(item)["provider"] for item in await world.waiting("block")] == ["block"]

    async def test_a_second_try_helps_at_once(self, world):
        await world.fault(PROVIDER, status=500)
        await world.writes(ALICE)
        await world.judge()
        assert [said(item)["provider"] for item in await world.waiting()] == ["pass"]

    async def test_a_silent_one_holds_nothing_up(self, world):
        await world.fault(PROVIDER, times=2, hang_seconds=20)
        await world.writes(ALICE)
        process = world.process(answer_seconds=0.2)
        assert await world.judge(process) == 1
        assert [item.machine["result"] for item in await world.waiting()] == ["waiting"]
        world.now += 31
        await world.judge(process)
        assert [said(item)["provider"] for item in await world.waiting()] == ["pass"]

    async def test_a_wrong_signature_gets_no_verdict(self, world):
        await world.writes(ALICE, "赌场")
        wrong = world.process(key=KEY + "x")
        for _ in range(MOST_TRIES):
            await world.judge(wrong)
            world.now += 600
        assert [said(item)["provider"] for item in await world.waiting()] == ["none"] and not world.sandbox.platform.moderated

    @pytest.mark.parametrize(("errcode", "result"), [(48001, "none"), (40003, "none"), (45009, "none"), (-1, "pass"), (45011, "pass")])
    async def test_what_the_platform_refuses_is_no_verdict_and_what_it_cannot_do_now_is_asked_later(self, world, errcode, result):
        await world.visits(ALICE)
        await world.fault(TEXT_CHECK, times=3, errcode=errcode)
        await world.writes(ALICE)
        process = world.process(provider=False)
        for _ in range(4):
            await world.judge(process)
            world.now += 120
        assert [said(item)["wechat"] for item in await world.waiting()] == [result]

    def test_the_breaker_lets_one_through_after_a_while_and_all_after_a_success(self):
        breaker, now = Breaker(), 100.0
        for _ in range(BREAKS_AFTER):
            assert breaker.admits(now)
            breaker.failed(now)
        assert not breaker.admits(now + BROKEN_SECONDS - 1)
        assert [breaker.admits(now + BROKEN_SECONDS) for _ in range(3)] == [True, False, False]
        breaker.succeeded()
        assert all(breaker.admits(now + BROKEN_SECONDS) for _ in range(3))

    async def test_a_broken_provider_is_left_alone(self, world):
        await world.fault(PROVIDER, times=1000, status=500)
        for citizen in range(1, 31):
            await world.writes(citizen)
        await world.judge()
        asked = 1000 - world.sandbox.platform.faults[0].times
        assert 2 * BREAKS_AFTER <= asked < 50  # those that were on their way, not all thirty twice
        assert len(await world.waiting()) == 30

    async def test_words_under_a_lost_key_do_not_hold_up_the_others(self, world):
        await world.writes(ALICE)
        await world.stores.mongo["messages"].update_one({"_id": f"flag:all:{ALICE}"}, {"$set": {"sealed": b"x" * 40}})
        await world.writes(BOB)
        await world.judge()
        assert {kept["_id"]: kept["machine"] for kept in await world.kept()} == {"flag:all:1": "unchecked", "flag:all:2": "pass"}


class TestKillsAndRaces:
    async def test_one_killed_before_it_began_is_followed_by_another(self, world):
        await world.writes(ALICE)
        assert await world.judge() == 1 and await world.judge() == 0

    async def test_one_killed_between_question_and_verdict_is_followed_when_its_lease_ends(self, world):
        await world.visits(ALICE)
        await world.fault(PROVIDER, hang_seconds=20)
        await world.writes(ALICE)
        dying = asyncio.create_task(world.judge())
        while world.sandbox.platform.faults:  # until it has asked
            await asyncio.sleep(0.02)
        dying.cancel()
        await asyncio.gather(dying, return_exceptions=True)
        assert await world.judge() == 0  # the lease holds
        world.now += LEASE_SECONDS + 1
        assert await world.judge() == 1
        assert [item.machine["result"] for item in await world.waiting()] == ["pass"]

    async def test_one_that_comes_back_after_its_lease_changes_nothing(self, world):
        await world.writes(ALICE)
        [late], until = await world.store.unjudged(world.now, 10), lease(world)
        assert await world.store.take(late, until)
        world.now += LEASE_SECONDS + 1
        await world.judge()
        block = [Verdict("provider", "message", "block")]
        await world.store.judged(late, until, "block", block, world.now)
        await world.store.judge_later(late, until, world.now, block)
        assert [said(item)["provider"] for item in await world.waiting()] == ["pass"] and await world.judge() == 0

    async def test_two_processes_take_each_message_once(self, world):
        for citizen in range(1, 41):
            await world.writes(citizen)
        await asyncio.gather(*(world.judge() for _ in range(4)))
        assert len(world.sandbox.platform.moderated) == 40 == len({asked["id"] for asked in world.sandbox.platform.moderated})
        assert world.counted("provider", "pass") == 40

    async def test_who_deletes_herself_meanwhile_leaves_nothing_and_is_not_asked_about(self, world):
        await world.writes(ALICE)
        await world.writes(BOB)
        [alice, bob], until = await world.store.unjudged(world.now, 10), lease(world)
        assert await world.store.take(bob, until)
        for citizen in (ALICE, BOB):
            await world.messages.remove_of(citizen, world.now)
        assert not await world.store.take(alice, until)
        await world.store.judged(bob, until, "pass", [], world.now)
        assert await world.kept() == [] and await world.judge() == 0 and not world.sandbox.platform.moderated

    async def test_a_person_who_decides_meanwhile_has_decided(self, world):
        await world.writes(ALICE, "赌场")
        [waiting], until = await world.store.unjudged(world.now, 10), lease(world)
        assert await world.store.take(waiting, until)
        [item] = await world.waiting()
        assert await decide(world.source, item, True, world.now)
        await world.store.judged(waiting, until, "block", [Verdict("provider", "message", "block")], world.now)
        assert await world.wall() == ["赌场"] and await world.waiting("block") == []


class TestPeople:
    async def test_a_reviewer_lets_through_what_machines_turned_down(self, world):
        await world.writes(ALICE, "老赌场改成了图书馆", name="王小明")
        await world.judge()
        assert await world.waiting() == [] and await world.wall() == []
        [item] = await world.waiting("block")
        assert await decide(world.source, item, True, world.now)
        assert await world.wall() == ["老赌场改成了图书馆"] and await world.waiting("block") == []
        assert await world.messages.name_of("flag", "all", ALICE) == "王小明"
        assert not await decide(world.source, item, False, world.now)

    async def test_or_agrees_with_them(self, world):
        await world.writes(ALICE, "赌场")
        await world.judge()
        [item] = await world.waiting("block")
        assert await decide(world.source, item, False, world.now)
        assert await world.waiting("block") == [] and await world.wall() == []

    async def test_what_passed_still_waits_for_a_person_and_can_be_listed_apart(self, world):
        await world.visits(ALICE, BOB)
        for citizen, text in ((ALICE, "祖国万岁"), (BOB, "免费领取"), (CAROL, "赌场")):
            await world.writes(citizen, text)
            world.now += 1
        await world.judge()
        assert await world.wall() == []
        assert [item.parts["message"] for item in await world.waiting()] == ["祖国万岁", "免费领取"]
        assert {state: [item.parts["message"] for item in await world.waiting(state)] for state in OVERALLS} == {
            "pass": ["祖国万岁"], "review": ["免费领取"], "block": ["赌场"], "unchecked": []}
        [passed] = await world.waiting("pass")
        assert await decide(world.source, passed, True, world.now)
        assert await world.wall() == ["祖国万岁"] and await world.waiting("pass") == []

    async def test_pages_go_on_where_the_last_one_ended(self, world):
        for citizen in range(1, 54):
            await world.writes(citizen, f"第{citizen}位")
            world.now += 1
        await world.judge(world.process(platform=False))
        first = await world.waiting("pass")
        rest = await world.waiting("pass", first[-1].place)
        assert [item.parts["message"] for item in first + rest] == [f"第{n}位" for n in range(1, 54)]


class TestSecrecy:
    async def test_neither_words_nor_labels_are_readable_in_the_store_or_in_a_log(self, world, caplog):
        with caplog.at_level(logging.DEBUG):
            await world.visits(ALICE)
            await world.fault(PROVIDER, status=500)
            await world.writes(ALICE, "免费领取内部消息", name="王小明")
            await world.judge()
        [kept] = await world.kept()
        for word in ("免费", "内部", "王小明", "广告", "不实信息"):
            assert word not in str(kept) and word not in caplog.text
        assert world.openids[ALICE, world.client.appid] not in caplog.text

    async def test_the_provider_learns_the_text_and_nothing_of_the_person(self, world):
        await world.writes(ALICE, name="王小明")
        await world.judge()
        [message, name] = world.sandbox.platform.moderated
        assert set(message) == {"id", "text", "kind"} and message["text"] == "祖国万岁" and name["text"] == "王小明"
        token, _, part = message["id"].partition(":")
        assert part == "message" and len(token) == 32 and name["id"] == f"{token}:name"
