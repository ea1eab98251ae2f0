"""Paper ballots: entered by one person and consented to by another, a figure of their own, voided but never changed."""

from __future__ import annotations

import asyncio

import pytest

from server.ballots.papers import Paper
from server.errors import Refusal
from tests.server.ballots.votes_world import VoteWorld, vote
from tests.server.civic_world import DURING

pytestmark = pytest.mark.gen_test(timeout=60)


def paper(number=1, **changes) -> Paper:
    fields = {"id": f"{number:032x}", "campaign": "good-people", "origin": "东铺头街道投票点", "reason": "社区设点投票，两人唱票",
              "sheets": 100, "votes": {"zhang": 60, "lin": 40}, "by": "the-operator", "at": DURING + number}
    return Paper(**fields | changes)


@pytest.fixture
def world(io_loop, stores):
    return io_loop.run_sync(VoteWorld(stores).ready)


async def test_a_count_stands_once_beside_what_phones_voted(world):
    await world.cast(1, "zhang")
    await world.ballots.tallying.fold("good-people", DURING)
    assert [(await world.ballots.enter(world.campaign, paper()))[1] for _ in range(3)] == [True, False, False]
    await world.ballots.enter(world.campaign, paper(2, sheets=10, votes={"zhang": 10}))
    for number in (1, 2):
        await world.ballots.papers.consent(world.campaign, paper(number).id, "the-reviewer", DURING + 60)
    figures = await world.ballots.staff_tally(world.campaign)
    assert (figures["ballots"], figures["paper_ballots"]) == (1, 110)
    assert figures["candidates"][0] == {"code": "zhang", "votes": 1, "paper": 70}


async def refused(work) -> str:
    with pytest.raises(Refusal) as caught:
        await work
    return caught.value.code


async def test_a_count_is_in_no_figure_before_somebody_else_consented(world):
    papers = world.ballots.papers
    await world.ballots.enter(world.campaign, paper())
    assert (await world.ballots.staff_tally(world.campaign))["paper_ballots"] == 0
    assert await refused(papers.consent(world.campaign, paper().id, "the-operator", DURING)) == "PAPERS_SECOND_PERSON"
    assert (await world.ballots.staff_tally(world.campaign))["candidates"][0]["paper"] == 0
    counted = await papers.consent(world.campaign, paper().id, "the-reviewer", DURING + 60)
    assert (counted.state, counted.by, counted.consented_by) == ("counted", "the-operator", "the-reviewer")
    assert (await world.ballots.staff_tally(world.campaign))["paper_ballots"] == 100
    again, is_new = await world.ballots.enter(world.campaign, paper())
    assert (again.state, is_new) == ("counted", False)


async def test_a_count_that_was_consented_to_or_voided_is_decided_once(world):
    papers = world.ballots.papers
    for number in (1, 2):
        await world.ballots.enter(world.campaign, paper(number))
    tries = await asyncio.gather(*(papers.consent(world.campaign, paper().id, name, DURING) for name in ("li", "wang", "chen")),
                                 return_exceptions=True)
    assert sum(isinstance(one, Paper) for one in tries) == 1
    await papers.void(world.campaign, paper(2).id, "没有唱票记录", "the-editor", DURING)
    assert await refused(papers.consent(world.campaign, paper(2).id, "li", DURING)) == "PAPERS_DECIDED"
    assert await refused(papers.consent(world.campaign, paper(3).id, "li", DURING)) == "PAPERS_NOT_FOUND"


async def test_nothing_of_an_archived_vote_changes(world):
    papers, archived = world.ballots.papers, vote(state="archived")
    for number in (1, 2):
        await world.ballots.enter(world.campaign, paper(number))
    await papers.consent(world.campaign, paper().id, "the-reviewer", DURING)
    for work in (papers.void(archived, paper().id, "改主意了", "the-editor", DURING), papers.consent(archived, paper(2).id, "li", DURING),
                 world.ballots.enter(archived, paper(3))):
        assert await refused(work) == "PAPERS_CLOSED"
    assert (await world.ballots.staff_tally(archived))["paper_ballots"] == 100


async def test_a_wrong_count_is_voided_with_a_reason_and_stays_in_the_list(world):
    await world.ballots.enter(world.campaign, paper())
    await world.ballots.papers.consent(world.campaign, paper().id, "the-reviewer", DURING + 30)
    await world.ballots.papers.void(world.campaign, paper().id, "抄错一位", "the-editor", DURING + 60)
    [listed] = (await world.ballots.papers.page(world.campaign, ""))["items"]
    assert (listed["state"], listed["void_reason"], listed["votes"]) == ("voided", "抄错一位", {"zhang": 60, "lin": 40})
    assert (await world.ballots.staff_tally(world.campaign))["paper_ballots"] == 0
    with pytest.raises(Refusal) as caught:
        await world.ballots.papers.void(world.campaign, paper().id, "再来一次", "the-editor", DURING)
    assert caught.value.code == "PAPERS_VOIDED"


@pytest.mark.parametrize(("changes", "code"), [
    ({"origin": " "}, "ORIGIN_MISSING"), ({"origin": "长" * 65}, "ORIGIN_MISSING"), ({"reason": ""}, "REASON_MISSING"),
    ({"sheets": 0}, "SHEETS_WRONG"), ({"sheets": 10_000_001}, "SHEETS_WRONG"), ({"votes": {"nobody": 100}}, "UNKNOWN_CANDIDATE"),
    ({"votes": {"zhang": 101}}, "VOTES_WRONG"), ({"votes": {"zhang": -1, "lin": 100}}, "VOTES_WRONG"), ({"votes": {}}, "VOTES_WRONG"),
    ({"votes": {"zhang": 100, "lin": 100, "chen": 100, "wu": 100}}, "VOTES_WRONG"), ({"id": "1"}, "INVALID_BODY")])
async def test_a_count_that_cannot_be_is_refused_with_the_rule(world, changes, code):
    with pytest.raises(Refusal) as caught:
        await world.ballots.enter(world.campaign, paper(**changes))
    assert caught.value.code == code and caught.value.message != "提交的内容格式不对"


async def test_the_same_form_with_other_figures_and_a_draft_are_refused(world):
    await world.ballots.enter(world.campaign, paper())
    for campaign, entry, code in ((world.campaign, paper(sheets=90, votes={"zhang": 90}), "PAPERS_DIFFER"),
                                  (vote(state="scheduled"), paper(3), "PAPERS_CLOSED")):
        with pytest.raises(Refusal) as caught:
            await world.ballots.enter(campaign, entry)
        assert caught.value.code == code


async def test_the_list_is_paged_newest_first(world):
    for number in range(1, 53):
        await world.ballots.enter(world.campaign, paper(number))
    first = await world.ballots.papers.page(world.campaign, "")
    rest = await world.ballots.papers.page(world.campaign, first["next"])
    assert [int(one["id"], 16) for one in first["items"] + rest["items"]] == list(range(52, 0, -1)) and rest["next"] is None
