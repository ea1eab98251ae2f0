"""Bans, the fallback to presets, source records, an item's life: what concerns people."""

from __future__ import annotations

import asyncio
import io
import json
import zipfile
from dataclasses import replace

import pytest

from server.errors import Conflict, InvalidBody
from server.reviewing.bans import EVERYWHERE, BannedFromWriting, BanNotFound
from server.reviewing.case_files import page, zipped
from server.reviewing.fallback import KEPT_OPEN_SECONDS, OwnWordsPaused
from server.reviewing.likeness import NEAR, likeness, pairs
from server.reviewing.reasons import Reason, Reasons
from server.reviewing.records import KEPT_SECONDS, NotOpen, OpeningNotFound, RecordGone, SecondPersonNeeded
from server.reviewing.rules import Rules
from tests.command_listener import LOOKING
from tests.server.civic_world import DURING
from tests.server.reviewing.review_world import ADMIN, ALICE, AUDITOR, BOB, CAROL, CHEN, LIN, OPEN, REVIEWER, SALUTED

pytestmark = pytest.mark.gen_test(timeout=30)
DAY = 86400
HOSTILE = "<img src=x onerror=alert(1)>"


class TestBans:
    async def test_she_is_told_why_and_until_when_and_may_still_choose_a_preset(self, world):
        await world.here.bans.ban("flag", ALICE, 7, "多次发布广告", LIN, DURING)
        with pytest.raises(BannedFromWriting) as refusal:
            await world.writes(ALICE, on=world.there)
        assert "多次发布广告" in refusal.value.message and "2026年10月8日 01:00" in refusal.value.message
        assert (await world.here.messages.post(OPEN, "all", ALICE, SALUTED, DURING, preset="strong")).state == "approved"

    async def test_it_ends_by_itself_and_one_for_good_does_not(self, world):
        await world.here.bans.ban("flag", ALICE, 1, "广告", LIN, DURING)
        await world.here.bans.ban("flag", BOB, 0, "广告", LIN, DURING)
        await world.here.bans.admit("flag", ALICE, DURING + DAY)
        with pytest.raises(BannedFromWriting) as refusal:
            await world.here.bans.admit("flag", BOB, DURING + 3650 * DAY)
        assert "为止" not in refusal.value.message

    async def test_in_one_campaign_or_in_all(self, world):
        await world.here.bans.ban("flag", ALICE, 7, "广告", LIN, DURING)
        await world.here.bans.ban(EVERYWHERE, BOB, 7, "广告", LIN, DURING)
        await world.here.bans.admit("other", ALICE, DURING)
        with pytest.raises(BannedFromWriting):
            await world.here.bans.admit("other", BOB, DURING)

    async def test_one_who_is_banned_while_her_words_are_on_their_way_leaves_none(self, world, monkeypatch):
        create = world.here.messages._store.create

        async def after_a_ban(document):
            await world.there.bans.ban("flag", ALICE, 7, "广告", LIN, DURING)
            return await create(document)

        monkeypatch.setattr(world.here.messages._store, "create", after_a_ban)
        with pytest.raises(BannedFromWriting):
            await world.writes(ALICE)
        assert await world.queue() == []
        for name in ("messages", "source_records", "likenesses"):
            assert await world.stores.mongo[name].find({}, comment=LOOKING).to_list(None) == [], name

    async def test_an_appeal_is_written_down_and_lifts_it_once(self, world):
        ban = await world.here.bans.ban("flag", ALICE, 7, "广告", LIN, DURING)
        with pytest.raises(InvalidBody):
            await world.here.bans.note(ban, " ", False, CHEN, DURING)
        noted = await world.here.bans.note(ban, "她说是误点", False, CHEN, DURING)
        assert noted.appeal == "她说是误点" and noted.holds(DURING)
        done = await asyncio.gather(*(process.bans.note(ban, "核实属误判", True, CHEN, DURING + 1)
                                      for process in (world.here, world.there)), return_exceptions=True)
        assert sum(isinstance(one, Conflict) for one in done) == 1
        await world.here.bans.admit("flag", ALICE, DURING + 2)

    async def test_two_numbers_that_are_one_person_keep_the_longer(self, world):
        await world.here.bans.ban("flag", ALICE, 30, "骂人", LIN, DURING)
        await world.here.bans.ban("flag", BOB, 7, "广告", LIN, DURING)
        for _ in range(2):
            await world.here.merge(ALICE, BOB)
        with pytest.raises(BannedFromWriting) as refusal:
            await world.here.bans.admit("flag", BOB, DURING + 8 * DAY)
        assert "骂人" in refusal.value.message
        await world.here.bans.admit("flag", ALICE, DURING)

    async def test_a_deletion_ends_no_ban_and_leaves_neither_why_nor_for_which_words(self, world):
        for scope, days in (("flag", 7), (EVERYWHERE, 0)):
            ban = await world.here.bans.ban(scope, ALICE, days, "骂了王小明", LIN, DURING, "message:0123")
            await world.here.bans.note(ban, "她说是误点", False, CHEN, DURING)
        await world.here.bans.ban("other", ALICE, 1, "骂了王小明", LIN, DURING - 2 * DAY)
        for _ in range(2):  # an erasure may be repeated
            await world.here.remove_of(ALICE, DURING + 10)
        kept = await world.stores.mongo["write_bans"].find({}, comment=LOOKING).to_list(None)
        assert {one["scope"] for one in kept} == {"flag", EVERYWHERE} and not [w for w in ("王小明", "误点", "0123") if w in str(kept)]
        with pytest.raises(BannedFromWriting) as refusal:
            await world.writes(ALICE, now=DURING + 20, on=world.there)
        assert "原因已随之删除" in refusal.value.message
        ((ban,), _) = await world.here.bans.page(EVERYWHERE, "")  # it can be found and lifted
        await world.here.bans.note(ban, "核实属误判", True, CHEN, DURING + 30)
        await world.here.tidy(DURING + 7 * DAY)
        await world.here.bans.admit("flag", ALICE, DURING + 7 * DAY)
        await world.here.forget(ALICE)
        assert await world.stores.mongo["write_bans"].find({}, comment=LOOKING).to_list(None) == []

    async def test_days_are_bounded_and_old_ones_go(self, world):
        for days in (-1, 366):
            with pytest.raises(InvalidBody) as refusal:
                await world.here.bans.ban("flag", ALICE, days, "广告", LIN, DURING)
            assert refusal.value.code == "BAN_DAYS_WRONG"
        ban = await world.here.bans.ban("flag", ALICE, 1, "广告", LIN, DURING)
        await world.here.tidy(DURING + 181 * DAY - 1)
        assert (await world.here.bans.find(ban.id)).id == ban.id
        await world.here.tidy(DURING + 181 * DAY)
        with pytest.raises(BanNotFound):
            await world.here.bans.find(ban.id)


class TestFallback:
    FEW = Rules(most_waiting=3, back_below=1, most_minutes=60, back_below_minutes=30)

    @pytest.fixture
    def few(self, io_loop, world):
        io_loop.run_sync(lambda: world.here.rules.keep("flag", self.FEW))
        return world

    async def test_past_the_mark_two_processes_change_once_and_both_refuse_own_words(self, few):
        tokens = [await few.writes(citizen, now=DURING + citizen) for citizen in range(4)]
        done = await asyncio.gather(*(process.fallback.tick(DURING + 10, [OPEN]) for process in (few.here, few.there)))
        assert sorted(done) == [0, 1]
        assert [(who, action, detail["why"]) for who, action, _, detail in few.logged] == [("system", "own_words.pause", "length")]
        for n, process in enumerate((few.here, few.there)):
            with pytest.raises(OwnWordsPaused):
                await few.writes(20 + n, on=process)
            process.fallback._known.forget()
            form = await process.fallback.form(OPEN)
            assert form["free_words"] is False and "现成的寄语" in form["free_words_note"]
        assert (await few.here.messages.post(OPEN, "all", 30, SALUTED, DURING, preset="strong")).state == "approved"
        for token in tokens[:2]:
            await few.decide(token, True, now=DURING + 20)
        assert await few.here.fallback.tick(DURING + 20, [OPEN]) == 0  # two still wait: above the lower mark
        await few.decide(tokens[2], True, now=DURING + 21)
        assert sorted(await asyncio.gather(*(process.fallback.tick(DURING + 22, [OPEN]) for process in (few.here, few.there)))) == [0, 1]
        assert few.logged[-1][1] == "own_words.resume"
        await few.writes(31, on=few.there)

    async def test_at_the_mark_nothing_changes(self, few):
        for citizen in range(3):
            await few.writes(citizen)
        assert await few.here.fallback.tick(DURING + 10, [OPEN]) == 0

    async def test_one_that_waits_too_long_is_enough(self, few):
        token = await few.writes(ALICE)
        assert await few.here.fallback.tick(DURING + 3600, [OPEN]) == 0
        assert await few.here.fallback.tick(DURING + 3601, [OPEN]) == 1
        assert (await few.there.fallback.view("flag"))["why"] == "age"
        await few.decide(token, False, now=DURING + 3700)
        assert await few.here.fallback.tick(DURING + 3701, [OPEN]) == 1
        assert await few.there.fallback.view("flag") is None

    async def test_what_a_person_switched_off_comes_back_by_a_person_alone(self, few):
        await few.here.fallback.by_hand("flag", True, LIN, DURING)
        assert await few.here.fallback.tick(DURING + 10, [OPEN]) == 0
        with pytest.raises(OwnWordsPaused):
            await few.writes(ALICE, on=few.there)
        await few.here.fallback.by_hand("flag", False, LIN, DURING + 20)
        await few.writes(ALICE, on=few.there)

    async def test_what_a_person_switched_on_stays_on_for_an_hour(self, few):
        for citizen in range(5):
            await few.writes(citizen)
        await few.here.fallback.tick(DURING + 1, [OPEN])
        await few.here.fallback.by_hand("flag", False, LIN, DURING + 2)
        assert await few.here.fallback.tick(DURING + KEPT_OPEN_SECONDS, [OPEN]) == 0
        assert await few.here.fallback.tick(DURING + 3 + KEPT_OPEN_SECONDS, [OPEN]) == 1

    async def test_a_campaign_without_own_words_or_presets_or_not_open_is_left_alone(self, few):
        for citizen in range(5):
            await few.writes(citizen)
        closed = [replace(OPEN, free_words=False), replace(OPEN, state="paused"), replace(OPEN, presets=())]
        assert await few.here.fallback.tick(DURING + 10, closed) == 0

    @pytest.mark.parametrize("wrong", [{"second_percent": 101}, {"most_waiting": 0}, {"most_waiting": 5001}, {"most_minutes": 10081},
                                       {"back_below": 2000}, {"back_below_minutes": 720}, {"hide_after_reports": -1}])
    async def test_rules_that_would_flicker_or_have_no_end_are_refused_by_name(self, world, wrong):
        with pytest.raises(InvalidBody) as refusal:
            await world.here.rules.keep("flag", Rules(**wrong))
        assert refusal.value.code == "RULES_WRONG" and refusal.value.field == next(iter(wrong))

    async def test_of_two_who_change_the_rules_the_second_is_told(self, few):
        await few.here.rules.keep("flag", replace_rules(self.FEW, rev=1, second_percent=20, falls_back=False))
        with pytest.raises(Conflict) as refusal:
            await few.there.rules.keep("flag", replace_rules(self.FEW, rev=1, second_percent=30))
        assert refusal.value.code == "RULES_CHANGED" and (await few.here.rules.of("flag")).second_percent == 20
        assert (await few.here.rules.of("flag")).falls_back is False


class TestReasons:
    async def test_they_are_kept_as_they_were_seen_or_not_at_all(self, world):
        first = await world.here.reasons.current()
        kept = await world.here.reasons.keep(Reasons(reject=(Reason("advert", " 广告 "),), rev=first.rev))
        assert [reason.text for reason in kept.reject] == ["广告"] and kept.rev == 1
        with pytest.raises(Conflict):
            await world.there.reasons.keep(Reasons(rev=0))

    @pytest.mark.parametrize("reject", [(), (Reason("Ä", "x"),), (Reason("a", " "),), (Reason("a", "长" * 61),), (Reason("a", "x"),) * 2,
                                        tuple(Reason(f"a{n}", "x") for n in range(21))])
    async def test_a_table_is_bounded(self, world, reject):
        with pytest.raises(InvalidBody) as refusal:
            await world.here.reasons.keep(Reasons(reject=reject))
        assert (refusal.value.code, refusal.value.field) == ("REASONS_WRONG", "reject")


class TestSourceRecords:
    async def ask(self, world, token):
        return await world.here.records.ask("flag", "message", token, "公安机关来函 12 号", LIN, DURING)

    async def test_it_takes_two_of_whom_the_second_is_an_admin_or_auditor_and_ends_after_half_an_hour(self, world):
        opening = await self.ask(world, await world.writes(ALICE))
        with pytest.raises(NotOpen):
            await world.here.records.open(opening, REVIEWER, DURING)
        for nobody in (REVIEWER, replace(REVIEWER, name=CHEN), replace(ADMIN, name=LIN)):
            with pytest.raises(SecondPersonNeeded):
                await world.there.records.decide(opening.id, nobody, True, DURING)
        opened = await world.there.records.decide(opening.id, AUDITOR, True, DURING + 60)
        for member in (REVIEWER, AUDITOR):
            source = await world.here.records.open(opened, member, DURING + 60 + 1799)
            assert (source.citizen, source.address, source.identities) == (ALICE, "203.0.113.7", (("wxofficial", f"hash-of-{ALICE}"),))
        with pytest.raises(NotOpen):
            await world.here.records.open(opened, ADMIN, DURING + 60)  # a third
        with pytest.raises(NotOpen):
            await world.here.records.open(opened, REVIEWER, DURING + 60 + 1800)

    async def test_of_two_who_decide_one_counts_and_a_refusal_opens_nothing(self, world):
        opening = await self.ask(world, await world.writes(ALICE))
        done = await asyncio.gather(*(process.records.decide(opening.id, who, False, DURING + 1) for process, who in (
            (world.here, ADMIN), (world.there, AUDITOR))), return_exceptions=True)
        assert sum(isinstance(one, Conflict) for one in done) == 1
        with pytest.raises(NotOpen):
            await world.here.records.open(await world.here.records.find(opening.id), REVIEWER, DURING + 2)

    async def test_nobody_consents_after_a_week(self, world):
        opening = await self.ask(world, await world.writes(ALICE))
        with pytest.raises(Conflict) as refusal:
            await world.here.records.decide(opening.id, ADMIN, True, DURING + 7 * DAY)
        assert "逾期" in refusal.value.message

    async def test_it_says_nothing_without_the_key_and_is_bound_to_its_place(self, world):
        token = await world.writes(ALICE)
        kept = await world.stores.mongo["source_records"].find_one({"_id": f"message:{token}"})
        for secret in ("203.0.113.7", "MicroMessenger", "hash-of-1", "0123456789abcdef", "citizen"):
            assert secret not in str(kept)
        other = await world.writes(BOB)
        await world.stores.mongo["source_records"].update_one({"_id": f"message:{other}"}, {"$set": {"sealed": kept["sealed"]}})
        opened = await world.here.records.decide((await self.ask(world, other)).id, ADMIN, True, DURING)
        with pytest.raises(RecordGone) as refusal:
            await world.here.records.open(opened, REVIEWER, DURING)
        assert refusal.value.code == "SOURCE_RECORD_SEALED"

    async def test_it_outlives_her_deletion_and_goes_after_180_days(self, world):
        token = await world.writes(ALICE)
        await world.here.remove_of(ALICE, DURING + 5)
        await world.here.tidy(DURING + KEPT_SECONDS - 1)
        opened = await world.here.records.decide((await self.ask(world, token)).id, ADMIN, True, DURING)
        assert (await world.here.records.open(opened, REVIEWER, DURING)).citizen == ALICE
        await world.here.tidy(DURING + KEPT_SECONDS)
        with pytest.raises(RecordGone):
            await self.ask(world, token)
        for name in ("source_records", "item_events"):
            assert await world.stores.mongo[name].find({}, comment=LOOKING).to_list(None) == [], name

    async def test_what_never_came_to_be_leaves_none_and_presets_have_none(self, world):
        await world.writes(ALICE)
        with pytest.raises(Conflict):
            await world.writes(ALICE, "又一次")
        posted = await world.here.messages.post(OPEN, "all", BOB, SALUTED, DURING, preset="strong")
        assert len(await world.stores.mongo["source_records"].find({}, comment=LOOKING).to_list(None)) == 1
        with pytest.raises(RecordGone):
            await self.ask(world, posted.id)

    @pytest.mark.parametrize("reason", ["", "  ", "长" * 201])
    async def test_it_needs_a_reason(self, world, reason):
        with pytest.raises(InvalidBody):
            await world.here.records.ask("flag", "message", await world.writes(ALICE), reason, LIN, DURING)

    async def test_nothing_is_asked_for_across_campaigns(self, world):
        token = await world.writes(ALICE)
        with pytest.raises(RecordGone):
            await world.here.records.ask("other", "message", token, "公安机关来函", LIN, DURING)
        with pytest.raises(OpeningNotFound):
            await world.here.records.find("0" * 16)


class TestTheWholeLife:
    async def test_what_a_crowd_reports_still_says_when_it_came_down(self, world, monkeypatch):
        monkeypatch.setattr("server.reviewing.events.MOST_READ", 5)
        token = await world.published(ALICE)
        for citizen in range(10, 20):
            await world.here.desk.report("flag", "message", token, citizen, "insult", "", DURING + citizen)
        await world.here.desk.take_down("flag", [("message", token)], "", "不宜公开", LIN, DURING + 60)
        case = await world.here.case_files.of("flag", "message", token, AUDITOR, DURING + 70)
        assert [event["what"] for event in case["events"]] == ["written", "approved", "reported", "taken_down"]
        assert case["shown"][0]["to"] == "2026-10-01T01:01:00+08:00" and case["complaints"]["case"]["count"] == 10

    async def test_a_report_after_an_answer_is_a_step_of_its_own(self, world):
        token = await world.published(ALICE)
        for citizen, at in ((BOB, 10), (CAROL, 30)):
            await world.here.desk.report("flag", "message", token, citizen, "insult", "", DURING + at)
            await world.here.desk.answer("flag", "message", token, False, "核实过，没有问题", LIN, DURING + at + 10)
        assert [event.what for event in await world.here.events.of(token)] == ["written", "approved", "reported", "answered"] + [
            "reported", "answered"]

    async def test_it_is_one_file_with_everything_in_its_order(self, world):
        token = await world.published(ALICE, HOSTILE, now=DURING)
        await world.here.desk.report("flag", "message", token, BOB, "other", HOSTILE, DURING + 60)
        await world.here.desk.answer("flag", "message", token, True, "已撤下，谢谢", LIN, DURING + 120)
        case = await world.here.case_files.of("flag", "message", token, REVIEWER, DURING + 200)
        assert [event["what"] for event in case["events"]] == ["written", "approved", "reported", "taken_down", "answered"]
        assert case["shown"] == [{"from": "2026-10-01T01:00:01+08:00", "to": "2026-10-01T01:02:00+08:00"}]
        assert case["source"] is None
        with zipfile.ZipFile(io.BytesIO(await asyncio.to_thread(zipped, case))) as archive:
            assert archive.namelist() == ["case.json", "case.html", "SHA256SUMS.txt"]
            assert json.loads(archive.read("case.json"))["item"]["parts"][0]["text"] == HOSTILE
        printed = page(case)
        assert "<img" not in printed and "&lt;img src=x onerror" in printed and "已撤下，谢谢" in printed

    async def test_the_source_is_in_it_for_the_two_alone(self, world):
        token = await world.published(ALICE)
        opening = await world.here.records.ask("flag", "message", token, "来函", LIN, DURING)
        await world.here.records.decide(opening.id, ADMIN, True, DURING + 1)
        hers = await world.here.case_files.of("flag", "message", token, REVIEWER, DURING + 2)
        assert hers["source"]["address"] == "203.0.113.7" and "203.0.113.7" in page(hers)
        assert (await world.here.case_files.of("flag", "message", token, AUDITOR, DURING + 2))["source"] is None
        assert (await world.here.case_files.of("flag", "message", token, REVIEWER, DURING + 1801))["source"] is None


@pytest.mark.parametrize(("first", "second", "near"), [
    ("祖国万岁", "祖國萬歲！", True), ("祖国万岁", "祖国万岁啊", True), ("加微信领红包", "加薇信领红包", True),
    ("祖国万岁", "向英雄致敬", False),
    ("好", "好", True), ("", "", True)])
def test_small_edits_are_near_and_strangers_are_not(first, second, near):
    assert (likeness(pairs(first), pairs(second)) >= NEAR) is near


def replace_rules(rules: Rules, **changes: int) -> Rules:
    fields = {name: getattr(rules, name) for name in Rules.__struct_fields__}
    return Rules(**(fields | changes))
