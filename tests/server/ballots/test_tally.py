"""The tally is the replay of valid ballots: after kills between any two steps, beside other processes, with writers that died."""

from __future__ import annotations

import asyncio
from functools import partial

import pytest

from server.ballots.tallying import QUIET_SECONDS, TallyBusy
from server.ballots.writer import SILENT_SECONDS
from server.clock import shanghai
from tests.server.ballots.votes_world import VoteWorld
from tests.server.civic_world import DURING

pytestmark = pytest.mark.gen_test(timeout=90)
DAY = f"{shanghai(DURING):%Y%m%d}"


class Killed(Exception):
    """The process ends here."""


@pytest.fixture
def world(io_loop, stores):
    return io_loop.run_sync(VoteWorld(stores).ready)


async def crowd(world, count=50, first=1, now=0.0) -> None:
    await asyncio.gather(*(world.cast(citizen, *(("zhang", "lin") if citizen % 2 else ("chen",)), now=now)
                           for citizen in range(first, first + count)))


@pytest.mark.parametrize("step", ["keep_hour before", "keep_hour after", "keep before", "keep after"])
async def test_whoever_folds_on_after_a_kill_counts_every_ballot_once(world, step):
    await crowd(world)
    name, when = step.split()
    killed = world.process()
    real = getattr(killed.tallying._store, name)

    async def dies(*args):
        if when == "after":
            await real(*args)
        raise Killed

    setattr(killed.tallying._store, name, dies)
    with pytest.raises(Killed):
        await killed.tallying.fold("good-people", DURING)
    other = world.process()
    await other.tallying.fold("good-people", DURING)
    assert await world.totals() == {"zhang": 25, "lin": 25, "chen": 25}
    assert (await world.ballots.audit("good-people"))["ok"]
    curve = await other.tallying.curve("good-people", DAY)
    assert sum(curve["ballots"].values()) == 50 and sum(curve["candidates"]["zhang"].values()) == 25


async def test_only_one_process_folds_at_a_time(world):
    await crowd(world)
    results = await asyncio.gather(*(world.process().tallying.fold("good-people", DURING) for _ in range(4)), return_exceptions=True)
    assert all(isinstance(one, int | TallyBusy) for one in results), results
    await world.process().tallying.fold("good-people", DURING)
    assert await world.totals() == {"zhang": 25, "lin": 25, "chen": 25}


async def test_a_process_that_lost_its_lease_writes_nothing(world):
    await crowd(world)
    slow, seen = world.process(), await world.ballots.tallying.tally("good-people")
    await world.process().tallying.fold("good-people", DURING)
    [stream] = await slow._store.streams("good-people")
    rows = await slow._store.rows(stream.start, stream.end)
    with pytest.raises(TallyBusy):
        await slow.tallying._add(seen, stream, rows, DURING)
    assert await world.totals() == {"zhang": 25, "lin": 25, "chen": 25}


async def test_ballots_that_come_while_it_is_folded_are_counted_the_next_time(world):
    for first in range(1, 201, 20):
        await asyncio.gather(crowd(world, 20, first), world.process().tallying.tick(DURING))
    await world.process().tallying.fold("good-people", DURING)
    assert sum((await world.totals()).values()) == 300
    assert (await world.ballots.audit("good-people"))["ok"]


async def test_half_a_batch_that_is_still_being_written_waits(world):
    await crowd(world, 10)
    await world.process().tallying.fold("good-people", DURING)
    store = world.ballots._store
    [stream] = await store.streams("good-people")
    ballot = (await world.cast(99, "wu")).standing.ballot
    row = store.row_of(ballot) | {"_id": "good-people:all:100", "pos": f"good-people:{stream.id}:00000007:0003"}
    row["sealed"] = store._seal.close("wu", row["_id"])
    await store._ballots.insert_one(row)
    await world.process().tallying.fold("good-people", DURING)
    assert (await world.totals())["wu"] == 1
    await world.process().tallying.fold("good-people", DURING + QUIET_SECONDS + 1)
    assert (await world.totals())["wu"] == 2, "its writer died in the middle, and what it left counts"
    assert (await world.ballots.audit("good-people"))["ok"]


async def test_a_silent_writer_announces_itself_before_it_writes_again(world, monkeypatch):
    store, done = world.ballots._store, []
    for name in ("touch", "write"):
        monkeypatch.setattr(store, name, partial(told, done, name, getattr(store, name)))
    await world.cast(1, "zhang")
    await world.cast(2, "zhang", now=DURING + SILENT_SECONDS)
    await world.cast(3, "zhang", now=DURING + 3 * SILENT_SECONDS)
    assert done == ["write", "write", "touch", "write"]


async def told(done, name, real, *args):
    done.append(name)
    return await real(*args)


async def test_a_tally_that_was_changed_by_hand_is_found_and_counted_anew(world):
    await crowd(world)
    await world.ballots.tallying.fold("good-people", DURING)
    await world.stores.mongo["tallies"].update_one({"_id": "good-people"}, {"$set": {"totals.lin": 2500}})
    audit = await world.ballots.audit("good-people")
    assert (audit["ok"], audit["findings"]) == (False, ["the tally gives lin 2500 votes, the rows 25"])
    await world.ballots.tallying.recount("good-people", DURING)
    assert (await world.ballots.audit("good-people"))["ok"]
    await crowd(world, 10, 51)
    await world.ballots.tallying.fold("good-people", DURING)
    assert (await world.totals())["lin"] == 30


async def test_the_audit_of_a_vote_that_goes_on_agrees_at_once(world, monkeypatch):
    await crowd(world, 10)
    await world.ballots.tallying.fold("good-people", DURING)
    replay, looks = world.ballots.tallying._replay, []

    async def beside_voters(slug, *rest):
        found = await replay(slug, *rest)
        looks.append(found.ballots)
        await crowd(world, 1, 100 + len(looks))
        await world.process().tallying.fold(slug, DURING)
        return found

    monkeypatch.setattr(world.ballots.tallying, "_replay", beside_voters)
    audit = await world.ballots.audit("good-people")
    assert (audit["ok"], audit["ballots"], looks) == (True, 10, [10])


async def test_an_audit_looks_again_only_where_a_recount_came_between(world, monkeypatch):
    await crowd(world, 10)
    await world.ballots.tallying.fold("good-people", DURING)
    replay, looks = world.ballots.tallying._replay, []

    async def beside_a_recount(slug, *rest):
        found = await replay(slug, *rest)
        looks.append(found.ballots)
        if len(looks) == 1:
            await world.stores.mongo["tallies"].update_one({"_id": slug}, {"$set": {"positions": {}, "totals": {}, "ballots": 0}})
        return found

    monkeypatch.setattr(world.ballots.tallying, "_replay", beside_a_recount)
    assert (await world.ballots.audit("good-people"))["ok"] and looks == [10, 0]


async def test_a_recount_keeps_its_claim_with_each_page_and_gives_way_where_it_was_lost(world, monkeypatch):
    await crowd(world, 10)
    await world.ballots.tallying.fold("good-people", DURING)
    claims, held = world.stores.mongo["claims"], []
    extend = world.ballots.tallying._claims.extend

    async def counted(*args):
        held.append(await extend(*args))
        return held[-1]

    monkeypatch.setattr(world.ballots.tallying._claims, "extend", counted)
    monkeypatch.setattr("server.ballots.store.PAGE_ROWS", 2)
    await world.ballots.tallying.recount("good-people", DURING)
    assert held == [True] * 10, "five pages for what was found before, five for the new tally"
    rows, before = world.ballots._store.rows, await world.totals()

    async def lost(*args):
        await claims.update_one({"_id": "tally:good-people"}, {"$set": {"owner": "another"}})
        return await rows(*args)

    monkeypatch.setattr(world.ballots._store, "rows", lost)
    with pytest.raises(TallyBusy):
        await world.ballots.tallying.recount("good-people", DURING)
    assert await world.totals() == before


async def test_a_recount_leaves_half_a_batch_that_is_being_written_to_the_next_fold(world):
    await crowd(world, 4)
    store = world.ballots._store
    [stream] = await store.streams("good-people")
    for citizen, place in ((91, 3), (92, 1)):  # the second one comes after the recount, and stands before the first
        row = {"_id": f"good-people:all:{citizen}", "campaign": "good-people", "citizen": citizen, "at": int(DURING), "late": 0,
               "pos": f"good-people:{stream.id}:{stream.acked + 1:08d}:{place:04d}"}
        await store._ballots.insert_one(row | {"sealed": store._seal.close("wu", row["_id"])})
        if citizen == 91:
            await world.ballots.tallying.recount("good-people", DURING)
    await world.ballots.tallying.fold("good-people", DURING + QUIET_SECONDS + 1)
    assert (await world.totals())["wu"] == 2 and (await world.ballots.audit("good-people"))["ok"]


async def test_a_burst_shows_in_the_curve_at_its_minute(world):
    await crowd(world, 4)
    await crowd(world, 30, 5, now=DURING + 120)
    await world.ballots.tallying.fold("good-people", DURING)
    curve = await world.ballots.tallying.curve("good-people", DAY)
    assert list(curve["ballots"].values()) == [4, 30]
    assert [f"{shanghai(DURING + after):%H:%M}" for after in (0, 120)] == list(curve["ballots"])


async def test_a_recount_leaves_every_vote_in_the_curve(world):
    await crowd(world, 5)  # nobody has folded them yet
    await world.ballots.tallying.recount("good-people", DURING)
    await world.process().tallying.fold("good-people", DURING)
    assert sum((await world.ballots.tallying.curve("good-people", DAY))["ballots"].values()) == 5
    assert sum((await world.totals()).values()) == 8
