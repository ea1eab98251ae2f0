"""Votes over HTTP, with the counting that everybody has: a ballot is a participation, hers alone to see, and follows merges and voids."""

from __future__ import annotations

import asyncio
import json
import time

import pytest

from server.campaigns import Activity
from tests.app_world import add_campaign, campaign
from tests.server.ballots.votes_world import RULES

pytestmark = [pytest.mark.gen_test(timeout=120), pytest.mark.timeout(150)]
VOTE = "good-people"
PATH = f"/api/v1/campaigns/{VOTE}"
STAFF = f"/api/v1/staff/campaigns/{VOTE}"


@pytest.fixture
def world(io_loop, app):
    wanted = campaign(slug=VOTE, title="身边好人投票", kind="vote", rules=RULES, activities=(Activity("vote", "投票", "投票"),))
    io_loop.run_sync(lambda: add_campaign(app.services, wanted))
    return app


class Desk:
    """A browser of staff: sends its cookie and its CSRF token."""

    def __init__(self, world, headers):
        self.world, self.headers = world, headers

    async def ask(self, path, body=None, method=""):
        sent = None if body is None else json.dumps(body).encode()
        return await self.world.fetch(path, method or ("GET" if body is None else "POST"), sent, **self.headers)


async def desk_of(world, role) -> Desk:
    await world.services.staff.create(f"the-{role}", role, "correct horse battery", time.time())
    body = json.dumps({"name": f"the-{role}", "password": "correct horse battery"}).encode()
    answer = await world.fetch("/api/v1/staff/session", "POST", body)
    return Desk(world, {"Cookie": answer.headers["Set-Cookie"].partition(";")[0], "X_CSRF_Token": json.loads(answer.body)["csrf"]})


async def vote(world, headers, *choices, **more):
    body = json.dumps({"choices": choices, "region": "350602", **more}).encode()
    return await world.fetch(f"{PATH}/ballots", "POST", body, **headers)


def read(answer):
    return answer.code, json.loads(answer.body)


def code_of(answer):
    return answer.code, json.loads(answer.body)["error"]["code"]


async def test_wang_votes_sees_her_own_ballot_and_is_a_participant(world):
    wang, li = await world.citizen(), await world.citizen()
    code, first = read(await vote(world, wang, "lin", "zhang"))
    assert (code, first["choices"], first["first"], first["participation"]["ordinal"]) == (201, ["zhang", "lin"], True, 1)
    code, again = read(await vote(world, wang, "wu"))
    assert (code, again["choices"], again["voted_at"], again["first"]) == (200, first["choices"], first["voted_at"], False)
    assert read(await world.fetch(f"{PATH}/ballots/me", **wang))[1]["choices"] == ["zhang", "lin"]
    assert read(await world.fetch(f"{PATH}/participations/me", **wang))[1]["ordinal"] == 1
    assert code_of(await world.fetch(f"{PATH}/ballots/me", **li)) == (404, "BALLOT_NOT_FOUND")
    assert code_of(await world.fetch(f"{PATH}/ballots/me")) == (401, "TOKEN_MISSING")


async def test_a_hundred_citizens_with_three_taps_each_are_a_hundred_ballots_and_participants(world):
    people = [await world.citizen() for _ in range(100)]
    answers = await asyncio.gather(*(vote(world, headers, "zhang") for headers in people for _ in range(3)))
    assert sorted({answer.code for answer in answers}) == [200, 201]
    assert sum(answer.code == 201 for answer in answers) == 100
    await world.services.ballots.tallying.fold(VOTE, time.time())
    audit = await world.services.ballots.audit(VOTE)
    assert (audit["ok"], audit["ballots"], audit["totals"]) == (True, 100, {"zhang": 100})
    figures = await world.services.live.counters(VOTE, None, time.time())
    assert figures["participants"] == 100


async def test_bad_ballots_are_refused_in_words_that_name_the_rule(world):
    wang = await world.citizen()
    for body, expected in (
            ({"choices": []}, (422, "CHOICES_TOO_FEW")), ({"choices": ["x"] * 61}, (422, "UNKNOWN_CANDIDATE")),
            ({"choices": "zhang"}, (422, "INVALID_BODY")), ({"choices": [1]}, (422, "INVALID_BODY")), ({}, (422, "INVALID_BODY")),
            ({"choices": ["zhang"], "region": "nowhere"}, (422, "UNKNOWN_REGION")), ({"choices": ["zhang"]}, (422, "INVALID_BODY"))):
        answer = await world.fetch(f"{PATH}/ballots", "POST", json.dumps(body).encode(), **wang)
        assert code_of(answer) == expected, body
    assert code_of(await world.fetch(f"{PATH}/ballots/me", **wang)) == (404, "BALLOT_NOT_FOUND")
    assert code_of(await world.fetch("/api/v1/campaigns/salute-the-flag/vote")) == (409, "NOT_A_VOTE")


async def test_editors_suspend_a_candidate_and_operators_see_bursts_and_the_proof(world):
    wang, li = await world.citizen(), await world.citizen()
    await vote(world, wang, "zhang")
    editor, operator = await desk_of(world, "editor"), await desk_of(world, "operator")
    answer = await editor.ask(f"{STAFF}/vote/candidates", {"code": "zhang", "state": "suspended", "reason": "正在核实异议"}, "PUT")
    assert read(answer)[1]["barred"]["zhang"]["by"] == "the-editor"
    assert code_of(await vote(world, li, "zhang")) == (409, "CANDIDATE_SUSPENDED")
    await world.services.ballots.tallying.fold(VOTE, time.time())
    assert sum(read(await operator.ask(f"{STAFF}/vote/curve"))[1]["candidates"]["zhang"].values()) == 1
    assert code_of(await operator.ask(f"{STAFF}/vote/curve?day=yesterday")) == (422, "INVALID_BODY")
    assert read(await operator.ask(f"{STAFF}/vote/audit"))[1]["ok"]
    tally = read(await operator.ask(f"{STAFF}/vote"))[1]
    assert tally["candidates"][0] == {"code": "zhang", "votes": 1, "paper": 0} and tally["names"]["zhang"] == "张桂英"


async def test_a_voided_participation_takes_its_ballot_with_it(world):
    wang = await world.citizen()
    _, cast = read(await vote(world, wang, "zhang"))
    operator = await desk_of(world, "operator")
    shards = await world.services.counting.prepare(await world.services.campaigns.get(VOTE), time.time())
    assert shards
    for _ in range(50):
        await world.services.ledgers.tick(time.time())
        answer = await operator.ask(f"{STAFF}/voids", {"ordinal": cast["participation"]["ordinal"], "reason": "批量投票"})
        if answer.code == 200:
            break
    assert answer.code == 200, answer.body
    await world.services.ballots.tallying.fold(VOTE, time.time())
    assert (await world.services.ballots.tallying.tally(VOTE)).totals == {"zhang": 0}
    assert code_of(await vote(world, wang, "lin")) == (403, "VOIDED")
    assert code_of(await world.fetch(f"{PATH}/ballots/me", **wang)) == (403, "VOIDED")


async def test_paper_ballots_are_entered_once_count_by_a_second_person_s_word_and_are_voided_with_a_reason(world):
    operator, reviewer, editor = [await desk_of(world, role) for role in ("operator", "reviewer", "editor")]
    consent = f"{STAFF}/vote/papers/{'a' * 32}/consent"
    body = {"id": "a" * 32, "origin": "东铺头街道", "reason": "社区设点投票", "sheets": 10, "votes": {"lin": 10}}
    assert [(await operator.ask(f"{STAFF}/vote/papers", body)).code for _ in range(2)] == [201, 200]
    assert code_of(await operator.ask(f"{STAFF}/vote/papers", {**body, "sheets": 0, "id": "b" * 32})) == (422, "SHEETS_WRONG")
    assert read(await operator.ask(f"{STAFF}/vote"))[1]["paper_ballots"] == 0
    assert code_of(await operator.ask(consent, {})) == (403, "PAPERS_SECOND_PERSON")
    assert code_of(await editor.ask(consent, {})) == (403, "ROLE_REFUSED")
    code, counted = read(await reviewer.ask(consent, {}))
    assert (code, counted["state"], counted["consented_by"]) == (200, "counted", "the-reviewer")
    assert code_of(await reviewer.ask(consent, {})) == (409, "PAPERS_DECIDED")
    assert read(await operator.ask(f"{STAFF}/vote"))[1]["paper_ballots"] == 10
    assert code_of(await operator.ask(f"{STAFF}/vote/papers/{'a' * 32}/void", {"reason": ""})) == (422, "REASON_MISSING")
    assert (await operator.ask(f"{STAFF}/vote/papers/{'a' * 32}/void", {"reason": "重复录入"})).code == 200
    [entry] = read(await operator.ask(f"{STAFF}/vote/papers"))[1]["items"]
    assert (entry["state"], entry["void_reason"]) == ("voided", "重复录入")


async def test_a_deletion_leaves_the_vote_and_unlinks_it(world):
    wang = await world.citizen()
    await vote(world, wang, "zhang")
    assert (await world.fetch("/api/v1/citizens/me", "DELETE", **wang)).code == 204
    assert (await world.fetch(f"{PATH}/ballots/me", **wang)).code == 401
    await world.services.ballots.tallying.fold(VOTE, time.time())
    assert (await world.services.ballots.tallying.tally(VOTE)).totals == {"zhang": 1}
