"""An account that was moved: every follower's new openid leads to her old number, also after a kill, and nobody is counted twice."""

from __future__ import annotations

import asyncio

import pytest

from server.errors import Conflict, InvalidBody
from server.followers import moves
from server.followers.account_jobs import LEASE_SECONDS
from tests.server.followers.world import APPID, NOW, event

pytestmark = pytest.mark.gen_test(timeout=90)
OLD, OLD_NAME = "wxthelateraccount", "gh_theoldaccount"
START = NOW + 86400


@pytest.fixture
def in_twos(monkeypatch):
    monkeypatch.setattr(moves, "MOVED_AT_ONCE", 2)


async def follower_of_old(world, process):
    """Somebody who followed the old account, and her number."""
    person = await world.person(follows=False)
    old = world.sandbox.platform.store.openid(person["key"], OLD)
    world.follow(person["key"], appid=OLD)
    await process.events.followed(event("subscribe", old, NOW, "school-1", OLD), NOW)
    return person, await process.citizens.identify(OLD, old, None, NOW)


async def run(process, now=START):
    while await process.followers.moves.tick(now):
        pass
    return await process.followers.moves.view()


async def test_everybody_keeps_her_number_under_her_new_openid(world, in_twos):
    process = world.process()
    world.sandbox.platform.moved[OLD_NAME, APPID] = OLD
    people = [await follower_of_old(world, process) for _ in range(5)]
    await process.followers.moves.start(OLD, OLD_NAME, "guanli", START)
    view = await run(process)
    assert (view["state"], view["moved"], view["not_moved"]) == ("done", 5, 0)
    for person, number in people:
        assert await process.citizens.identify(APPID, person["openid"], None, START) == number
        assert await process.citizens.openid_of(number, APPID) == person["openid"]
        shown, _ = await process.followers.one(number)
        assert (shown.follower.since, shown.follower.scene) == (NOW, "school-1")
    assert {document["appid"] for document in await world.documents()} == {APPID}
    kept = await world.everything()
    assert not any(person["openid"].encode() in kept for person, _ in people)


async def test_who_followed_the_new_account_already_is_one_person(world, in_twos):
    process = world.process()
    world.sandbox.platform.moved[OLD, APPID] = OLD
    person, number = await follower_of_old(world, process)
    await process.events.followed(event("subscribe", person["openid"], NOW + 60), NOW)
    other = await process.citizens.identify(APPID, person["openid"], None, NOW)
    assert other != number
    await process.followers.moves.start(OLD, "", "guanli", START)
    await run(process)
    assert await process.citizens.identify(APPID, person["openid"], None, START) == number == process.citizens.resolve(other)


async def test_who_left_the_old_account_and_who_had_herself_deleted_are_not_moved(world, in_twos):
    process = world.process()
    world.sandbox.platform.moved[OLD, APPID] = OLD
    (left, _), (_, gone), (stays, number) = [await follower_of_old(world, process) for _ in range(3)]
    world.sandbox.platform.store.unfollow(OLD, left["key"])
    await process.citizens.delete(gone, NOW + 1)
    await process.followers.moves.start(OLD, "", "guanli", START)
    view = await run(process)
    assert (view["moved"], view["not_moved"]) == (1, 1)
    assert await process.citizens.openid_of(gone, APPID) is None
    assert await process.citizens.identify(APPID, stays["openid"], None, START) == number


async def test_a_kill_in_the_middle_moves_nobody_twice_and_leaves_nobody_out(world, in_twos, monkeypatch):
    one, other = world.process(), world.process()
    world.sandbox.platform.moved[OLD, APPID] = OLD
    people = [await follower_of_old(world, one) for _ in range(5)]
    await one.followers.moves.start(OLD, "", "guanli", START)
    await one.followers.moves.tick(START)
    forget, forgotten = one.store.forget, []

    async def killed(appid, citizen):
        if forgotten:
            raise asyncio.CancelledError
        forgotten.append(citizen)
        await forget(appid, citizen)

    monkeypatch.setattr(one.store, "forget", killed)
    with pytest.raises(asyncio.CancelledError):
        await one.followers.moves.tick(START)
    assert (await run(other, START + LEASE_SECONDS))["state"] == "done"
    for person, number in people:
        assert await other.citizens.identify(APPID, person["openid"], None, START) == number
    assert {(document["appid"], document["citizen"]) for document in await world.documents()} == {(APPID, number) for _, number in people}


async def test_accounts_that_were_not_moved_end_it(world):
    process = world.process()
    await follower_of_old(world, process)
    await process.followers.moves.start(OLD, "", "guanli", START)
    with pytest.raises(Conflict):
        await process.followers.moves.start(OLD, "", "guanli", START)
    view = await run(process)
    assert (view["state"], view["errcode"], view["moved"]) == ("failed", 63178, 0)


@pytest.mark.parametrize(("from_appid", "name"), [("", ""), (APPID, ""), ("x" * 33, ""), (OLD, "x" * 33), ("换\n行", "")])
async def test_what_names_no_other_account_is_refused(world, from_appid, name):
    with pytest.raises(InvalidBody):
        await world.process().followers.moves.start(from_appid, name, "guanli", START)
