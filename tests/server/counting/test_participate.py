"""Every citizen once in a period, whatever is repeated, re-sent or raced. Rules C1 and C2."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace

import pytest

from server.clock import day_of
from server.counting.cells import ordinal_of
from server.errors import Conflict, InvalidBody, NotFound
from tests.server.counting.world import SCHOOL, XIANGCHENG, World, campaign

pytestmark = pytest.mark.gen_test(timeout=30)
NOON = 1_790_827_200  # 2026-10-01 12:00 in Shanghai


class TestOneCity:
    async def test_200_citizens_with_3_posts_each_are_200_participants_with_ordinals_1_to_200(self, stores, tmp_path):
        world = await World(stores, tmp_path, campaign()).ready()
        answers = await asyncio.gather(*(world.salute(citizen) for citizen in range(200) for _ in range(3)))
        assert sorted({a.ordinal for a in answers}) == list(range(1, 201))
        assert sum(a.first for a in answers) == sum(a.status == 201 for a in answers) == 200
        for citizen in range(200):
            assert len({a.ordinal for a in answers[citizen * 3:citizen * 3 + 3]}) == 1
        assert (await world.audit())["participants"] == {"cells": 200, "totals": 200, "documents": 200}
        await world.close()

    async def test_ordinals_on_four_shards_are_unique_and_follow_the_formula(self, stores, tmp_path):
        world = await World(stores, tmp_path, campaign(shards=4)).ready()
        answers = await asyncio.gather(*(world.salute(citizen) for citizen in range(200) for _ in range(3)))
        expected = {ordinal_of(n, shard, 4) for shard in range(4) for n in range(1, 51)}
        assert {a.ordinal for a in answers} == expected
        assert (await world.audit())["ok"]
        await world.close()


class TestRepeat:
    async def test_it_gets_the_first_answer_again_whatever_region_it_names(self, stores, tmp_path):
        world = await World(stores, tmp_path, campaign()).ready()
        first = await world.salute(7, unit=SCHOOL)
        again = await world.salute(7, region="nowhere", unit="none")
        assert (again.ordinal, again.participated_at, again.first, again.status) == (first.ordinal, first.participated_at, False, 200)
        figures = await world.counting.figures("flag", None, time.time(), units=True)
        assert (figures.participants, figures.by_region, figures.by_unit) == (1, {XIANGCHENG: 1}, {SCHOOL: 1})
        await world.close()

    async def test_another_activity_is_new_and_keeps_ordinal_and_time(self, stores, tmp_path):
        world = await World(stores, tmp_path, campaign()).ready()
        first = await world.salute(7)
        second = await world.salute(7, "heroes")
        assert (second.status, second.first, second.ordinal, second.activities) == (201, False, first.ordinal, ("salute", "heroes"))
        figures = await world.counting.figures("flag", None, time.time())
        assert (figures.participants, figures.participations, figures.by_activity) == (1, 2, {"salute": 1, "heroes": 1})
        await world.close()

    async def test_her_record_says_the_same_and_a_stranger_has_none(self, stores, tmp_path):
        world = await World(stores, tmp_path, campaign()).ready()
        first = await world.salute(7)
        assert (await world.counting.record_of("flag", 7, time.time())).ordinal == first.ordinal
        with pytest.raises(NotFound) as refused:
            await world.counting.record_of("flag", 8, time.time())
        assert refused.value.code == "PARTICIPATION_NOT_FOUND"
        await world.close()


class TestRefusals:
    @pytest.mark.parametrize(("change", "code"), [
        ({"activity": "dance"}, "UNKNOWN_ACTIVITY"), ({"region": "999999"}, "UNKNOWN_REGION"),
        ({"unit": "nowhere"}, "UNKNOWN_UNIT"), ({"region": ""}, "INVALID_BODY")])
    async def test_a_first_salute_names_known_things(self, stores, tmp_path, change, code):
        world = await World(stores, tmp_path, campaign()).ready()
        with pytest.raises(InvalidBody) as refused:
            await world.salute(7, **change)
        assert refused.value.code == code
        assert (await world.counting.figures("flag", None, time.time())).participants == 0
        await world.close()

    @pytest.mark.parametrize(("clock", "state", "code"), [
        (NOON - 1, "open", "CAMPAIGN_NOT_OPEN"), (NOON + 3600, "open", "CAMPAIGN_ENDED"),
        (NOON, "paused", "CAMPAIGN_PAUSED"), (NOON, "frozen", "CAMPAIGN_FROZEN"),
        (NOON + 120, "scheduled", "CAMPAIGN_NOT_OPEN"), (NOON, "archived", "CAMPAIGN_ENDED")])
    async def test_the_window_and_the_state_are_decided_by_the_shards_clock(self, stores, tmp_path, clock, state, code):
        held = campaign(opens_at=NOON, closes_at=NOON + 3600, state=state)
        world = await World(stores, tmp_path, held, clock=clock).ready()
        with pytest.raises(Conflict) as refused:
            await world.salute(7, now=clock)
        assert refused.value.code == code
        await world.close()

    async def test_a_change_of_state_reaches_the_shard_and_a_participant_keeps_her_answer(self, stores, tmp_path):
        world = await World(stores, tmp_path, campaign()).ready()
        first = await world.salute(7)
        world.campaigns.current = replace(campaign(), state="paused")
        await world.counting.apply(world.campaigns.current)
        assert (await world.salute(7)).ordinal == first.ordinal
        with pytest.raises(Conflict):
            await world.salute(8)
        await world.close()


class TestLateRequests:
    async def test_a_first_try_before_the_end_is_taken_for_30_minutes_and_no_longer(self, stores, tmp_path):
        held = campaign(opens_at=NOON, closes_at=NOON + 3600)
        for after, taken in ((60, True), (1799, True), (1800, False)):
            world = await World(stores, tmp_path, held, clock=NOON + 3600 + after).ready()
            if taken:
                assert (await world.salute(after, now=NOON + 3600 + after, first_tried_at=NOON + 3599)).status == 201
            else:
                with pytest.raises(Conflict):
                    await world.salute(after, now=NOON + 3600 + after, first_tried_at=NOON + 3599)
            await world.close()

    async def test_it_is_marked_late_in_its_document(self, stores, tmp_path):
        world = await World(stores, tmp_path, campaign(opens_at=NOON, closes_at=NOON + 3600), clock=NOON + 3700).ready()
        await world.salute(7, now=NOON + 3700, first_tried_at=NOON + 3599)
        await world.carry_all()
        document = await stores.mongo["participations"].find_one({"_id": "flag:all:7:salute"})
        assert document["late"] == 1
        await world.close()


class TestDailyPeriods:
    async def test_a_citizen_counts_once_each_shanghai_day(self, stores, tmp_path):
        held = campaign(period_rule="daily")
        today = await World(stores, tmp_path, held, clock=NOON).ready()
        first = await today.salute(7, now=NOON)
        assert (await today.salute(7, now=NOON + 60)).status == 200
        await today.close()
        tomorrow = await World(stores, tmp_path, held, clock=NOON + 86400).ready()
        second = await tomorrow.salute(7, now=NOON + 86400)
        assert (second.status, second.first) == (201, True)
        assert (first.period, second.period) == (day_of(NOON), day_of(NOON + 86400))
        assert (await tomorrow.audit())["ok"]
        await tomorrow.close()

    async def test_a_receipt_of_yesterday_asks_yesterday_and_adds_nothing_today(self, stores, tmp_path):
        held = campaign(period_rule="daily")
        today = await World(stores, tmp_path, held, clock=NOON).ready()
        first = await today.salute(7, now=NOON)
        await today.close()
        tomorrow = await World(stores, tmp_path, held, clock=NOON + 86400).ready()
        again = await tomorrow.salute(7, now=NOON + 86400, receipt=first.receipt)
        assert (again.ordinal, again.period, again.status) == (first.ordinal, first.period, 200)
        assert (await tomorrow.counting.figures("flag", None, NOON + 86400)).participants == 0
        await tomorrow.close()


class TestAnswersThatNeverCame:
    async def test_a_call_that_timed_out_after_it_was_done_is_not_done_twice(self, stores, tmp_path):
        world = await World(stores, tmp_path, campaign()).ready()
        await world.salute(1)
        shard = world.counting.period(world.campaigns.current, "all").handles[0].shard
        done, lost = shard.accept, []

        async def answer_lost(epoch, items):
            answer = await done(epoch, items)
            if not lost:
                lost.append(len(items))
                raise TimeoutError
            return answer

        shard.accept = answer_lost
        answers = await asyncio.gather(*(world.salute(citizen) for citizen in range(2, 52)))
        assert lost == [50] and sorted(a.ordinal for a in answers) == list(range(2, 52))
        await world.proved(51)
        await world.close()

    async def test_whoever_hangs_up_in_the_middle_harms_neither_herself_nor_others(self, stores, tmp_path):
        world = await World(stores, tmp_path, campaign()).ready()
        calls = [asyncio.create_task(world.salute(citizen)) for citizen in range(40)]
        await asyncio.sleep(0)
        for call in calls[::2]:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)
        answers = await asyncio.gather(*(world.salute(citizen) for citizen in range(40)))
        assert sorted(a.ordinal for a in answers) == list(range(1, 41))
        assert all(call.result().ordinal == answers[n].ordinal for n, call in enumerate(calls) if n % 2)
        await world.proved(40)
        await world.close()
