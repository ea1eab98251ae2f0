"""What citizens report 举报: counted once for each, answered for all, telling nobody who it was."""

from __future__ import annotations

import asyncio

import pytest
from pymongo.errors import AutoReconnect

from server.errors import Conflict, InvalidBody
from server.reviewing.complaints import MOST_A_DAY, ComplaintsTooMany
from server.reviewing.item import ItemNotFound
from server.reviewing.rules import Rules
from tests.command_listener import LOOKING
from tests.server.civic_world import DURING
from tests.server.reviewing.review_world import ALICE, BOB, CAROL, CHEN, LIN

pytestmark = pytest.mark.gen_test(timeout=30)
DAY = 86400


class TestReports:
    async def report(self, world, token, citizen, reason="insult", words="", now=DURING + 60, on=None):
        await (on or world.here).desk.report("flag", "message", token, citizen, reason, words, now)

    async def test_a_report_says_why_comes_once_and_its_answer_is_read(self, world):
        token = await world.published(ALICE)
        with pytest.raises(InvalidBody) as refusal:
            await self.report(world, token, BOB, reason="")
        assert refusal.value.code == "REASON_MISSING"
        with pytest.raises(InvalidBody):
            await self.report(world, token, BOB, reason="other")
        await self.report(world, token, BOB, "other", "提到了我的名字")
        with pytest.raises(Conflict) as twice:
            await self.report(world, token, BOB, on=world.there)
        assert twice.value.code == "ALREADY_REPORTED"
        assert await world.wall(world.here, DURING + 70) == ["祖国万岁"]  # nothing is hidden by itself
        await world.here.desk.answer("flag", "message", token, False, "核实过，没有指名", LIN, DURING + 80)
        (mine,) = await world.there.complaints.mine("flag", BOB)
        assert (mine["reason"], mine["answer"], mine["upheld"]) == ("提到了我的名字", "核实过，没有指名", False)
        await self.report(world, token, CAROL, now=DURING + 90)
        (hers,) = await world.here.complaints.mine("flag", CAROL)
        assert not hers["answered"]  # the answer was to those before her

    async def test_what_is_upheld_comes_down_and_it_is_answered_once(self, world):
        token = await world.published(ALICE)
        for citizen in (BOB, CAROL):
            await self.report(world, token, citizen)
        answers = await asyncio.gather(*(process.desk.answer("flag", "message", token, True, "已撤下", who, DURING + 80)
                                         for process, who in ((world.here, LIN), (world.there, CHEN))), return_exceptions=True)
        assert sum(isinstance(one, Conflict) for one in answers) == 1
        assert await world.wall(world.here, DURING + 90) == []
        assert [(await world.here.complaints.mine("flag", citizen))[0]["upheld"] for citizen in (BOB, CAROL)] == [True, True]

    async def test_a_report_whose_counting_was_cut_short_counts_when_she_repeats_it(self, world, monkeypatch):
        token, store = await world.published(ALICE), world.here.complaints._store
        count = store.count

        async def cut(*_):
            raise AutoReconnect("killed in between")

        monkeypatch.setattr(store, "count", cut)
        with pytest.raises(AutoReconnect):
            await self.report(world, token, BOB)
        monkeypatch.setattr(store, "count", count)
        done = await asyncio.gather(*(self.report(world, token, BOB, on=process) for process in (world.here, world.there)),
                                    return_exceptions=True)
        assert sorted(type(one) for one in done if one) == [Conflict]
        assert await world.here.complaints.open_count("flag", 10) == 1
        assert (await world.here.complaints.case(token)).count == 1

    async def test_a_report_that_is_counted_and_not_marked_so_is_not_counted_twice(self, world, monkeypatch):
        token, complaints = await world.published(ALICE), world.here.complaints._store._complaints

        class Cut:
            def __getattr__(self, name):
                return getattr(complaints, name)

            async def update_one(self, *_):
                raise AutoReconnect("killed in between")

        monkeypatch.setattr(world.here.complaints._store, "_complaints", Cut())
        with pytest.raises(AutoReconnect):
            await self.report(world, token, BOB)
        with pytest.raises(Conflict):
            await self.report(world, token, BOB, on=world.there)
        assert (await world.here.complaints.case(token)).count == 1

    async def test_many_at_once_are_all_counted(self, world):
        token = await world.published(ALICE)
        await asyncio.gather(*(self.report(world, token, 10 + n, on=(world.here, world.there)[n % 2]) for n in range(6)))
        assert (await world.here.complaints.case(token)).count == 6

    async def test_nobody_is_told_of_a_take_down_that_did_not_happen(self, world, monkeypatch):
        token = await world.published(ALICE)
        await self.report(world, token, BOB)
        source = world.here.sources.of("message")
        take_down = source.take_down

        async def gone(*_):
            raise AutoReconnect("killed in between")

        monkeypatch.setattr(source, "take_down", gone)
        with pytest.raises(AutoReconnect):
            await world.here.desk.answer("flag", "message", token, True, "已撤下", LIN, DURING + 80)
        (mine,) = await world.here.complaints.mine("flag", BOB)
        assert not mine["answered"] and await world.here.complaints.open_count("flag", 10) == 1
        monkeypatch.setattr(source, "take_down", take_down)
        answer, broken = world.here.complaints.answer, [AutoReconnect("killed after it")]

        async def answered(*arguments):
            if broken:
                raise broken.pop()
            return await answer(*arguments)

        monkeypatch.setattr(world.here.complaints, "answer", answered)
        with pytest.raises(AutoReconnect):
            await world.here.desk.answer("flag", "message", token, True, "已撤下", LIN, DURING + 90)
        assert await world.wall(world.there, DURING + 100) == []
        assert (await world.here.desk.answer("flag", "message", token, True, "已撤下", LIN, DURING + 110))["upheld"]
        assert [event.what for event in await world.here.events.of(token)] == ["written", "approved", "reported", "taken_down", "answered"]

    async def test_many_hide_it_only_where_the_campaign_says_so_and_a_reviewer_brings_it_back(self, world):
        token = await world.published(ALICE)
        await world.here.rules.keep("flag", Rules(hide_after_reports=3))
        for citizen in (11, 12):
            await self.report(world, token, citizen)
        assert len(await world.wall(world.there, DURING + 61)) == 1
        await self.report(world, token, 13)
        assert await world.wall(world.there, DURING + 63) == []
        (item,) = await world.queue()
        assert item["hidden"] and item["reports"] == 3
        assert await world.decide(token, True, now=DURING + 70) == ""
        assert (await world.here.complaints.mine("flag", 11))[0]["answer"] == "经复核，内容可以公开"
        await self.report(world, token, 14, now=DURING + 80)  # one since the answer: it stays
        assert len(await world.wall(world.there, DURING + 90)) == 1

    async def test_what_a_kill_after_the_last_report_left_public_is_hidden_when_she_repeats_it(self, world, monkeypatch):
        token, source = await world.published(ALICE), world.here.sources.of("message")
        await world.here.rules.keep("flag", Rules(hide_after_reports=1))

        async def killed(*_):
            raise AutoReconnect("killed in between")

        with monkeypatch.context() as patched, pytest.raises(AutoReconnect):
            patched.setattr(source, "hide", killed)
            await self.report(world, token, BOB)
        with pytest.raises(Conflict):
            await self.report(world, token, BOB, on=world.there)
        assert await world.wall(world.there, DURING + 70) == [] and (await world.queue())[0]["hidden"]

    async def test_one_who_deletes_herself_between_and_comes_back_counts_once_until_somebody_looked(self, world):
        token = await world.published(ALICE)
        await world.here.rules.keep("flag", Rules(hide_after_reports=3))
        # Her openid in the account and in the mini-program; once nothing of hers is kept she gets another number, and signs in by either.
        world.hashes = {11: ["account", "mini"], 12: ["account"], 13: ["mini"], 14: ["account", "mini"]}
        await self.report(world, token, 11)
        for before, number in ((11, 11), (11, 12), (12, 13), (13, 14)):
            await world.here.remove_of(before, DURING + 61)
            with pytest.raises(Conflict) as refusal:
                await self.report(world, token, number)
            assert refusal.value.code == "ALREADY_REPORTED"
        (case,) = (await world.here.complaints.page("flag", False, ""))[0]
        assert case.fresh == 1 and len(await world.wall(world.there, DURING + 70)) == 1
        kept = await world.stores.mongo["complaint_cases"].find_one({"_id": token}, comment=LOOKING)
        assert not {"account", "mini"} & {*kept["by"]} and len(kept["by"]) == 2
        await world.here.complaints.answer(token, "已核实", False, LIN, DURING + 80)
        assert "by" not in await world.stores.mongo["complaint_cases"].find_one({"_id": token}, comment=LOOKING)

    async def test_only_what_is_public_and_not_more_than_some_a_day(self, world):
        waiting = await world.writes(ALICE)
        with pytest.raises(ItemNotFound):
            await self.report(world, waiting, BOB)
        tokens = [await world.published(100 + n, f"第{n}条") for n in range(MOST_A_DAY + 1)]
        for token in tokens[:MOST_A_DAY]:
            await self.report(world, token, BOB)
        with pytest.raises(ComplaintsTooMany):
            await self.report(world, tokens[-1], BOB)
        await self.report(world, tokens[-1], BOB, now=DURING + 60 + DAY)

    async def test_who_reported_is_in_no_view_and_goes_at_her_deletion(self, world):
        token = await world.published(ALICE)
        await self.report(world, token, BOB, "other", "一句独特的话")
        for name in ("complaints", "item_events"):
            assert "独特" not in str(await world.stores.mongo[name].find({}, comment=LOOKING).to_list(None)), name
        assert await world.here.complaints.of_item(token) == [{"at": "2026-10-01T01:01:00+08:00", "reason": "一句独特的话"}]
        await world.here.merge(BOB, CAROL)
        assert len(await world.here.complaints.mine("flag", CAROL)) == 1
        await world.here.remove_of(CAROL, DURING)
        assert await world.stores.mongo["complaints"].find({}, comment=LOOKING).to_list(None) == []
