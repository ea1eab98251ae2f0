"""A refresh repairs what lost events left wrong, is taken up where it was killed, and never undoes something newer."""

from __future__ import annotations

import asyncio

import pytest

from server.errors import Conflict
from server.followers import BLACKLIST, refresh
from server.followers.account_jobs import LEASE_SECONDS, MOST_FAILURES
from server.sandbox import users
from server.seals import Seal
from server.wechat.errors import RATE_WAIT_SECONDS
from tests.server.followers.world import APPID, NOW, event

pytestmark = pytest.mark.gen_test(timeout=90)
START = NOW + 3600


@pytest.fixture
def small_pages(monkeypatch):
    """The platform's lists, and our chunks of them, in twos."""
    monkeypatch.setattr(users, "FOLLOWERS_A_PAGE", 2)
    monkeypatch.setattr(users, "BLACKLISTED_A_PAGE", 2)
    monkeypatch.setattr(refresh, "CHUNK", 2)


async def run(process, now=START):
    """Every step of a refresh that was started, by this process."""
    steps = 0
    while await process.followers.refresh.tick(now):
        steps += 1
    return steps


async def following(world):
    return {document["citizen"] for document in await world.documents() if document["subscribed"]}


class TestRepair:
    async def test_lost_follows_and_leavings_are_found(self, world, small_pages):
        process = world.process()
        stays, *_ = await world.people(process, 3)
        left = await world.person()
        await process.events.followed(event("subscribe", left["openid"]), NOW)
        world.leave(left["key"])
        lost = [await world.person() for _ in range(3)]
        await process.followers.refresh.start("guanli", START)
        assert await run(process) >= 5
        view = await process.followers.refresh.view()
        assert (view["state"], view["listed"], view["total"], view["found"], view["left"]) == ("done", 6, 6, 3, 1)
        numbers = [await process.citizens.identify(APPID, person["openid"], None, START) for person in lost]
        assert {stays, *numbers} <= await following(world)
        assert await process.citizens.identify(APPID, left["openid"], None, START) not in await following(world)

    async def test_it_asks_for_everybodys_profile_again(self, world, small_pages):
        process = world.process()
        [number] = await world.people(process, 1)
        await process.followers.profiles.tick(NOW)
        person = await process.citizens.openid_of(number, APPID)
        key = world.sandbox.platform.store.find_citizen(person).key
        world.sandbox.platform.store.add_tag(APPID, 100, "志愿者")
        world.sandbox.platform.store.tag(APPID, 100, key, True)  # by hand, in the platform's own console
        await process.followers.refresh.start("guanli", START)
        await run(process)
        await process.followers.profiles.tick(START)
        assert (await process.followers.one(number))[0].tags == (100,)

    async def test_the_blacklist_is_as_the_platform_has_it(self, world, small_pages):
        process = world.process()
        numbers = await world.people(process, 4)
        await process.followers.change_blacklist(numbers[:1], [], NOW)
        store = world.sandbox.platform.store
        keys = [store.find_citizen(await process.citizens.openid_of(number, APPID)).key for number in numbers]
        store.tag(APPID, BLACKLIST, keys[0], False)
        for key in keys[1:]:
            store.tag(APPID, BLACKLIST, key, True)
        await process.followers.refresh.start("guanli", START)
        await run(process)
        assert [one.citizen for one in (await process.followers.page(tag=BLACKLIST))[0]] == numbers[1:]

    async def test_whom_the_blacklist_alone_names_is_not_taken_for_gone(self, world, small_pages):
        process = world.process()
        one, other = await world.people(process, 2)
        await process.followers.change_blacklist([one], [], NOW)
        for number in (one, other):
            world.sandbox.platform.store._db.execute("DELETE FROM follows WHERE citizen = ?", (
                world.sandbox.platform.store.find_citizen(await process.citizens.openid_of(number, APPID)).key,))
        await process.followers.refresh.start("guanli", START)
        await run(process)
        assert await following(world) == {one}

    async def test_an_event_that_is_newer_than_the_list_stands(self, world, small_pages):
        process = world.process()
        first, second = [await world.person() for _ in range(2)]
        await process.followers.refresh.start("guanli", START)
        await process.followers.refresh.tick(START)  # the list names both
        await process.events.left(event("unsubscribe", first["openid"], START + 1), START + 1)
        third = await world.person()
        await process.events.followed(event("subscribe", third["openid"], START + 2), START + 2)
        await run(process, START + 3)
        known = [await process.citizens.identify(APPID, person["openid"], None, START) for person in (first, second, third)]
        assert await following(world) == set(known[1:])

    async def test_who_had_herself_deleted_stays_unknown_though_the_list_names_her(self, world, small_pages):
        process = world.process()
        gone, stays = await world.people(process, 2)
        await process.citizens.delete(gone, NOW + 1)
        await process.followers.refresh.start("guanli", START)
        await run(process)
        assert await following(world) == {stays} and await process.citizens.openid_of(gone, APPID) is None

    async def test_a_list_that_is_not_whole_takes_nobody_for_gone(self, world, monkeypatch):
        process = world.process()
        await world.people(process, 3)
        monkeypatch.setattr(users.UserGet, "asked", lambda self: {"total": 5000, "count": 0, "next_openid": ""})
        await process.followers.refresh.start("guanli", START)
        await run(process)
        assert (await process.followers.refresh.view())["state"] == "failed" and len(await following(world)) == 3


class TestKills:
    async def test_one_that_was_killed_in_the_middle_goes_on_where_it_was(self, world, small_pages, monkeypatch):
        one, other = world.process(), world.process()
        people = [await world.person() for _ in range(5)]
        await one.followers.refresh.start("guanli", START)
        await one.followers.refresh.tick(START)

        async def killed(*_, **__):
            raise asyncio.CancelledError

        monkeypatch.setattr(one.store, "seen", killed)
        with pytest.raises(asyncio.CancelledError):
            await one.followers.refresh.tick(START)  # in the middle of the second page
        assert await other.followers.refresh.tick(START + LEASE_SECONDS - 1) == 0
        asked = []
        get = users.UserGet.asked
        monkeypatch.setattr(users.UserGet, "asked", lambda self: asked.append(self.query().get("next_openid")) or get(self))
        await run(other, START + LEASE_SECONDS)
        view = await other.followers.refresh.view()
        assert (view["state"], view["listed"]) == ("done", 5)
        assert asked[0] == sorted(person["openid"] for person in people)[1], "the second page, not the first"
        assert len(await following(world)) == 5

    async def test_two_processes_share_the_work_and_count_each_page_once(self, world, small_pages):
        processes = [world.process() for _ in range(3)]
        for _ in range(7):
            await world.person()
        await processes[0].followers.refresh.start("guanli", START)
        while (await processes[0].followers.refresh.view())["state"] == "running":
            await asyncio.gather(*(process.followers.refresh.tick(START) for process in processes))
        assert (await processes[0].followers.refresh.view())["listed"] == 7 == len(await following(world))

    async def test_where_it_is_stands_sealed(self, world, small_pages):
        process = world.process()
        people = [await world.person() for _ in range(3)]
        await process.followers.refresh.start("guanli", START)
        await process.followers.refresh.tick(START)
        [job] = await world.documents("follower_jobs")
        assert job["cursor"] and not any(person["openid"].encode() in bytes(job["cursor"]) for person in people)
        kept = await world.everything()
        assert not any(person["openid"].encode() in kept for person in people)


class TestRefusals:
    async def test_one_at_a_time_and_again_when_it_is_done(self, world):
        process = world.process()
        await process.followers.refresh.start("guanli", START)
        with pytest.raises(Conflict):
            await process.followers.refresh.start("guanli", START)
        await run(process)
        await process.followers.refresh.start("guanli", START + 1)
        assert (await process.followers.refresh.view())["state"] == "running"

    async def test_a_busy_platform_is_asked_again_and_in_the_end_given_up(self, world):
        process = world.process()
        await process.followers.refresh.start("guanli", START)
        await world.fault("/cgi-bin/user/get", 45011, MOST_FAILURES)
        for n in range(MOST_FAILURES):
            assert (await process.followers.refresh.view())["state"] == "running"
            assert await process.followers.refresh.tick(START + n * RATE_WAIT_SECONDS) == 1
        view = await process.followers.refresh.view()
        assert (view["state"], view["errcode"]) == ("failed", 45011)

    async def test_an_account_that_may_not_fails_at_once(self, uncertified):
        process = uncertified.process()
        await process.followers.refresh.start("guanli", START)
        assert await run(process) == 1
        view = await process.followers.refresh.view()
        assert (view["state"], view["errcode"]) == ("failed", 48001)

    async def test_after_a_change_of_the_secret_key_it_ends_and_may_be_started_anew(self, world, small_pages):
        before, after = world.process(), world.process()
        for _ in range(3):
            await world.person()
        await before.followers.refresh.start("guanli", START)
        await before.followers.refresh.tick(START)  # the place in the list stands sealed with the old key
        after.followers.refresh._seal = Seal(b"n" * 32, "follower at rest")
        assert await after.followers.refresh.tick(START + LEASE_SECONDS) == 1
        assert (await after.followers.refresh.view())["state"] == "failed"
        await after.followers.refresh.start("guanli", START + LEASE_SECONDS)
        await run(after, START + LEASE_SECONDS)
        view = await after.followers.refresh.view()
        assert (view["state"], view["listed"]) == ("done", 3)
