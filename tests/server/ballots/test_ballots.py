"""One ballot for each citizen and period, whatever is raced, repeated, killed or merged; and what she chose is hers alone."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace

import pytest
from pymongo.errors import AutoReconnect

from server.ballots.service import BallotBody
from server.campaigns import LATE_SECONDS
from server.errors import Forbidden, Refusal, StoreUnavailable
from tests.server.ballots.votes_world import VoteWorld, counted, vote
from tests.server.civic_world import CLOSES, DURING, OPENS

pytestmark = pytest.mark.gen_test(timeout=90)
WANG, LI = 1, 2


@pytest.fixture
def world(io_loop, stores):
    return io_loop.run_sync(VoteWorld(stores).ready)


async def refused(work) -> str:
    with pytest.raises(Refusal) as caught:
        await work
    return caught.value.code


async def test_wang_votes_once_and_a_repeat_gets_her_first_ballot(world):
    first = await world.cast(WANG, "lin", "zhang")
    assert first.standing.new and first.taken.ordinal == 1
    again = await world.cast(WANG, "chen", now=DURING + 60)
    assert not again.standing.new
    assert (again.standing.ballot.choices, again.standing.ballot.at) == (("zhang", "lin"), int(DURING))
    assert (await world.ballots.own("good-people", WANG, DURING)).choices == ("zhang", "lin")
    assert len(await world.rows()) == 1


async def test_fifty_ballots_of_one_citizen_at_once_over_two_processes_are_one(world):
    other = world.process()
    choices = [random.sample(("zhang", "lin", "chen", "wu"), 2) for _ in range(50)]
    casts = await asyncio.gather(*(world.cast(WANG, *chosen, ballots=(world.ballots, other)[n % 2]) for n, chosen in enumerate(choices)))
    assert sum(cast.standing.new for cast in casts) == 1
    assert len({(cast.standing.ballot.choices, cast.standing.ballot.at) for cast in casts}) == 1
    assert len(await world.rows()) == 1


async def test_a_thousand_citizens_with_three_taps_each_are_a_thousand_ballots_and_the_tally(world):
    processes = [world.ballots, world.process()]
    chosen = {citizen: random.sample(("zhang", "lin", "chen", "wu"), random.randint(1, 3)) for citizen in range(1, 1001)}
    taps = [(citizen, choices) for citizen, choices in chosen.items() for _ in range(3)]
    random.shuffle(taps)
    casts = await asyncio.gather(*(world.cast(citizen, *choices, ballots=processes[n % 2]) for n, (citizen, choices) in enumerate(taps)))
    assert sum(cast.standing.new for cast in casts) == 1000 == len(await world.rows())
    assert await world.ballots.tallying.fold("good-people", DURING) == 1000
    assert await world.totals() == counted(chosen.values())
    audit = await world.ballots.audit("good-people")
    assert (audit["ok"], audit["ballots"], audit["waiting"]) == (True, 1000, 0)


async def test_who_comes_in_one_moment_is_written_at_once(world, monkeypatch):
    batches = []
    write = world.ballots._store.write

    async def counted_write(campaign, stream, batch, rows, now):
        batches.append(len(rows))
        return await write(campaign, stream, batch, rows, now)

    monkeypatch.setattr(world.ballots._store, "write", counted_write)
    await asyncio.gather(*(world.cast(citizen, "zhang") for citizen in range(1, 301)))
    assert sum(batches) == 300 and len(batches) <= 5


@pytest.mark.parametrize(("choices", "code"), [
    ((), "CHOICES_TOO_FEW"), (("zhang", "lin", "chen", "wu"), "CHOICES_TOO_MANY"), (("zhang", "zhang"), "CHOICES_REPEATED"),
    (("nobody",), "UNKNOWN_CANDIDATE"), (("$where",), "UNKNOWN_CANDIDATE"), (("",), "UNKNOWN_CANDIDATE")])
async def test_choices_that_no_ballot_may_have_are_refused_with_the_rule_and_write_nothing(world, choices, code):
    with pytest.raises(Refusal) as caught:
        await world.cast(WANG, *choices)
    assert caught.value.code == code and caught.value.message != "提交的内容格式不对"
    assert await world.rows() == [] and world.ordinals == {}


@pytest.mark.parametrize(("state", "now", "code"), [
    ("open", OPENS - 1.0, "CAMPAIGN_NOT_OPEN"), ("open", float(CLOSES), "CAMPAIGN_ENDED"), ("scheduled", DURING, "CAMPAIGN_NOT_OPEN"),
    ("paused", DURING, "CAMPAIGN_PAUSED"), ("frozen", DURING, "CAMPAIGN_FROZEN"), ("archived", DURING, "CAMPAIGN_ENDED")])
async def test_outside_its_time_no_ballot_is_taken_but_who_has_voted_gets_hers_again(world, state, now, code):
    await world.cast(LI, "lin")
    world.campaign = vote(state=state)
    assert await refused(world.cast(WANG, "zhang", now=now)) == code
    again = await world.cast(LI, "zhang", now=now)
    assert again.standing.ballot.choices == ("lin",) and again.taken is None


@pytest.mark.parametrize(("state", "code"), [("frozen", "CAMPAIGN_FROZEN"), ("paused", "CAMPAIGN_PAUSED")])
async def test_who_took_part_before_casts_no_ballot_though_this_process_has_not_heard_of_the_end(world, state, code):
    await world.cast(LI, "lin")
    world.ordinals[WANG] = 2  # counted, and her ballot was never written
    world.now_in_mongodb = vote(state=state)
    assert await refused(world.cast(WANG, "zhang")) == code
    assert (await world.cast(LI, "zhang")).standing.ballot.choices == ("lin",), "who has voted gets hers again"
    assert [row["citizen"] for row in await world.rows()] == [LI]


async def test_who_was_counted_before_the_end_is_in_the_tally_though_her_ballot_is_written_after_it(world, monkeypatch):
    participate = world._participate

    async def then_it_is_frozen(*asked):
        taken = await participate(*asked)
        world.campaign = vote(state="frozen")
        return taken

    monkeypatch.setattr(world.ballots, "_participate", then_it_is_frozen)
    assert (await world.cast(WANG, "zhang")).standing.new
    assert await refused(world.cast(LI, "lin")) == "CAMPAIGN_FROZEN"
    await world.ballots.tallying.tick(DURING + 1)
    assert await world.totals() == {"zhang": 1} and (await world.ballots.tallying.audit("good-people")).findings == []


async def test_a_ballot_whose_first_try_got_no_answer_is_taken_for_half_an_hour_after_the_end(world):
    from server.clock import shanghai

    tried = shanghai(CLOSES - 5)
    body = BallotBody(["zhang"], "350602", first_tried_at=tried)
    cast = await world.ballots.cast("good-people", WANG, body, CLOSES + 60.0)
    assert cast.standing.ballot.late == 1
    assert await refused(world.ballots.cast("good-people", LI, body, CLOSES + LATE_SECONDS + 1.0)) == "CAMPAIGN_ENDED"


async def test_a_daily_vote_has_a_ballot_each_day(world):
    world.campaign = vote(period_rule="daily")
    assert (await world.cast(WANG, "zhang")).standing.ballot.period == "20261001"
    assert not (await world.cast(WANG, "lin", now=DURING + 3600)).standing.new
    assert (await world.cast(WANG, "lin", now=DURING + 86400)).standing.ballot.period == "20261002"
    await world.ballots.tallying.fold("good-people", world.now)
    assert await world.totals() == {"zhang": 1, "lin": 1}


async def test_a_suspended_candidate_gets_no_votes_until_she_is_let_in_again(world):
    await world.cast(LI, "zhang")
    await world.ballots.bar(world.campaign, "zhang", "suspended", "公示期内收到异议，正在核实", "the-editor", DURING)
    assert await refused(world.cast(WANG, "zhang", "lin")) == "CANDIDATE_SUSPENDED"
    [zhang] = [one for one in (await world.ballots.board_view("good-people"))["candidates"] if one["code"] == "zhang"]
    assert (zhang["state"], zhang["reason"]) == ("suspended", "公示期内收到异议，正在核实")
    assert not (await world.cast(LI, "zhang")).standing.new, "her ballot of before stands"
    await world.ballots.bar(world.campaign, "zhang", "open", "异议不成立", "the-editor", DURING)
    assert (await world.cast(WANG, "zhang")).standing.new


async def test_barring_asks_for_a_known_candidate_a_known_state_and_a_reason(world):
    for code, state, reason, problem in (
            ("nobody", "suspended", "有异议", "UNKNOWN_CANDIDATE"), ("zhang", "gone", "有异议", "STATE_WRONG"),
            ("zhang", "withdrawn", "  ", "REASON_MISSING"), ("zhang", "withdrawn", "长" * 201, "REASON_MISSING")):
        assert await refused(world.ballots.bar(world.campaign, code, state, reason, "the-editor", DURING)) == problem


async def test_a_voided_ballot_stays_as_a_row_leaves_the_tally_and_cannot_be_cast_again(world):
    await world.cast(WANG, "zhang", "lin")
    await world.cast(LI, "zhang")
    assert await world.ballots.void(world.campaign, "all", WANG, "同一设备批量投票", "the-operator", DURING)
    assert not await world.ballots.void(world.campaign, "all", WANG, "再来一次", "the-operator", DURING)
    await world.ballots.tallying.fold("good-people", DURING)
    assert await world.totals() == {"zhang": 1, "lin": 0}
    assert [row["reason"] for row in await world.rows() if "reason" in row] == ["同一设备批量投票"]
    for work in (world.cast(WANG, "chen"), world.ballots.own("good-people", WANG, DURING)):
        assert await refused(work) == "VOIDED"
    assert (await world.ballots.audit("good-people"))["voids"] == 1


@pytest.mark.parametrize("other", [False, True])
async def test_wang_who_is_voided_between_counting_and_writing_gets_no_ballot(world, monkeypatch, other):
    desk, write = world.process() if other else world.ballots, world.ballots._writer.write

    async def late(campaign, row):
        if row["at"] == int(DURING):
            await desk.void(world.campaign, "all", WANG, "同一设备批量投票", "the-operator", DURING + 1)
        return await write(campaign, row)

    monkeypatch.setattr(world.ballots._writer, "write", late)
    assert await refused(world.cast(WANG, "zhang")) == "VOIDED"
    monkeypatch.undo()
    assert await refused(world.cast(WANG, "zhang")) == "VOIDED"
    await world.ballots.tallying.fold("good-people", DURING)
    assert await world.totals() == {} and (await world.ballots.tallying.tally("good-people")).ballots == 0
    assert (await world.ballots.audit("good-people"))["ok"]


async def test_fifty_who_are_voided_while_they_vote_leave_no_vote(world):
    async def voided(citizen):
        for _ in range(citizen % 5):
            await asyncio.sleep(0)
        await world.ballots.void(world.campaign, "all", citizen, "同一设备批量投票", "the-operator", DURING)

    await asyncio.gather(*(work for citizen in range(1, 51) for work in (world.cast(citizen, "zhang"), voided(citizen))),
                         return_exceptions=True)
    await world.ballots.tallying.fold("good-people", DURING)
    assert not any((await world.totals()).values()) and (await world.ballots.audit("good-people"))["ok"]


async def test_a_ballot_that_was_on_its_way_during_a_deletion_is_unlinked_by_its_repeat(world, monkeypatch):
    write = world.ballots._writer.write

    async def late(campaign, row):
        await world.ballots.forget(WANG, DURING)
        return await write(campaign, row)

    monkeypatch.setattr(world.ballots._writer, "write", late)
    await world.cast(WANG, "zhang")
    await world.ballots.forget(WANG, DURING + 60)  # as every deletion is done twice
    assert "citizen" not in (await world.rows())[0]


async def test_whom_counting_has_voided_gets_no_ballot(world):
    world.refusal = Forbidden("VOIDED", "这次参与已被工作人员作废")
    assert await refused(world.cast(WANG, "zhang")) == "VOIDED"
    assert await world.rows() == []


async def test_of_two_numbers_of_one_person_the_earlier_ballot_stays(world):
    await world.cast(LI, "lin", now=DURING)
    await world.cast(WANG, "zhang", now=DURING + 60)
    world.merged = {WANG: [WANG, LI], LI: [WANG, LI]}
    for _ in range(2):
        await world.ballots.merge(LI, WANG, DURING + 120)
    assert (await world.ballots.own("good-people", WANG, DURING)).choices == ("lin",)
    assert not (await world.cast(WANG, "chen")).standing.new
    await world.ballots.tallying.fold("good-people", DURING)
    assert {code: n for code, n in (await world.totals()).items() if n} == {"lin": 1}


async def test_what_staff_took_back_stays_back_when_another_number_turns_out_to_be_hers(world):
    await world.cast(WANG, "zhang", now=DURING)
    await world.cast(LI, "zhang", now=DURING + 10)
    await world.ballots.void(world.campaign, "all", WANG, "刷票", "admin", DURING + 20)
    world.merged = {WANG: [WANG, LI], LI: [WANG, LI]}
    for _ in range(2):
        await world.ballots.merge(LI, WANG, DURING + 30)
    await world.ballots.tallying.fold("good-people", DURING + 30)
    assert await refused(world.ballots.own("good-people", WANG, DURING + 40)) == "VOIDED"
    assert sum((await world.totals()).values()) == 0


async def test_who_voted_only_under_the_other_number_votes_no_second_time(world):
    await world.cast(LI, "lin")
    world.merged = {WANG: [WANG, LI]}
    await world.ballots.merge(LI, WANG, DURING)
    assert (await world.cast(WANG, "zhang")).standing.ballot.choices == ("lin",)
    assert len(await world.rows()) == 1


async def test_a_deletion_leaves_the_count_and_no_person(world):
    await world.cast(WANG, "zhang")
    for _ in range(2):
        await world.ballots.forget(WANG, DURING)
    [row] = await world.rows()
    assert "citizen" not in row
    assert await refused(world.ballots.own("good-people", WANG, DURING)) == "BALLOT_UNLINKED"
    assert await refused(world.cast(WANG, "lin")) == "BALLOT_UNLINKED"
    await world.ballots.tallying.fold("good-people", DURING)
    assert await world.totals() == {"zhang": 1}


async def test_what_she_chose_lies_sealed(world):
    await world.cast(WANG, "zhang")
    assert "zhang" not in repr(await world.rows())


async def test_a_batch_without_an_answer_is_asked_again_and_counts_once(world, monkeypatch):
    store = world.ballots._store
    update = store._streams.update_one

    async def lost(*args, **options):
        await update(*args, **options)
        raise AutoReconnect("the answer was lost")

    monkeypatch.setattr(store._streams, "update_one", lost, raising=False)
    with pytest.raises(StoreUnavailable):
        await world.cast(WANG, "zhang")
    monkeypatch.undo()
    again = await world.cast(WANG, "zhang")
    assert not again.standing.new and again.standing.ballot.choices == ("zhang",)
    assert len(await world.rows()) == 1


async def test_tallies_are_shown_as_the_campaign_says(world):
    await world.cast(WANG, "zhang")
    await world.ballots.tallying.fold("good-people", DURING)
    shown = world.ballots.public_tally
    assert (await shown("good-people", None, DURING))["figures"] is None
    assert (await shown("good-people", LI, DURING))["shown"] is False
    figures = (await shown("good-people", WANG, DURING))["figures"]
    assert [(one["code"], one["votes"]) for one in figures["candidates"]] == [("zhang", 1), ("lin", 0), ("chen", 0), ("wu", 0)]
    world.campaign = vote(rules={**world.campaign.rules, "tally": "after_end"})
    assert not (await shown("good-people", WANG, DURING))["shown"]
    assert not (await shown("good-people", WANG, CLOSES + 60.0))["shown"], "late ballots still come"
    assert (await shown("good-people", None, CLOSES + float(LATE_SECONDS)))["shown"]
    world.campaign = replace(vote(rules={**world.campaign.rules, "tally": "never"}), state="archived")
    assert not (await shown("good-people", WANG, DURING))["shown"]


async def test_a_crowd_that_looks_at_the_tally_and_the_board_reads_each_once(world, monkeypatch):
    reads = []

    def counted(name, work):
        async def read(slug):
            reads.append(name)
            await asyncio.sleep(0)
            return await work(slug)
        return read

    monkeypatch.setattr(world.ballots.tallying, "tally", counted("tally", world.ballots.tallying.tally))
    monkeypatch.setattr(world.ballots._store, "board", counted("board", world.ballots._store.board))
    world.campaign = vote(state="archived")
    await asyncio.gather(*(world.ballots.public_tally("good-people", None, DURING) for _ in range(100)),
                         *(world.ballots.board_view("good-people") for _ in range(100)))
    assert sorted(reads) == ["board", "tally"]


async def test_a_campaign_of_another_kind_has_no_ballots(world):
    world.campaign = replace(vote(), kind="salute", rules={})
    for work in (world.cast(WANG, "zhang"), world.ballots.own("good-people", WANG, DURING), world.ballots.board_view("good-people"),
                 world.ballots.public_tally("good-people", None, DURING)):
        assert await refused(work) == "NOT_A_VOTE"
