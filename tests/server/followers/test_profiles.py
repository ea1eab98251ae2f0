"""What the platform knows of who followed is asked for once; by the unionid two numbers become one, and what is theirs moves."""

from __future__ import annotations

import asyncio

import pytest

from server.citizens.merges import ROUNDS_SECONDS
from server.followers.profiles import CLAIM_SECONDS, REFUSED_PAUSE_SECONDS
from tests.sandbox.sandbox_world import MINI
from tests.server.citizens.test_with_counting import citizens_of as counting_citizens_of
from tests.server.citizens.test_with_counting import settled
from tests.server.counting.world import World as Counting
from tests.server.counting.world import campaign
from tests.server.followers.world import APPID, NOW, event

pytestmark = pytest.mark.gen_test(timeout=90)
BATCH = "/cgi-bin/user/info/batchget"


async def follow(world, process, **options):
    person = await world.person()
    await process.events.followed(event("subscribe", person["openid"], **options), NOW)
    return person, await process.citizens.identify(APPID, person["openid"], None, NOW)


class TestAsking:
    async def test_after_a_follow_it_is_asked_once_and_tags_and_remark_are_learnt(self, world):
        process = world.process()
        person, number = await follow(world, process)
        platform = world.sandbox.platform.store
        platform.add_tag(APPID, 100, "志愿者")
        platform.tag(APPID, 100, person["key"], True)
        platform.set_remark(APPID, person["key"], "王老师")
        assert [await process.followers.profiles.tick(NOW) for _ in range(2)] == [1, 0]
        shown, remark = await process.followers.one(number)
        assert (shown.tags, remark, shown.follower.channel, shown.follower.since) == ((100,), "王老师", "ADD_SCENE_SEARCH", NOW)
        assert "王老师".encode() not in await world.everything()

    async def test_two_processes_ask_about_each_once(self, world):
        one, other = world.process(), world.process()
        await world.people(one, 6)
        assert sum(await asyncio.gather(one.followers.profiles.tick(NOW), other.followers.profiles.tick(NOW))) >= 6
        assert sum(process.counted("profiles_asked_total", "known") for process in (one, other)) == 6

    async def test_what_a_killed_process_had_taken_is_asked_by_another_later(self, world):
        one, other = world.process(), world.process()
        await world.people(one, 2)
        for follower in await one.store.profiles_due(APPID, NOW, 10):
            await one.store.postpone_profile(follower, NOW + CLAIM_SECONDS)
        assert await other.followers.profiles.tick(NOW + CLAIM_SECONDS - 1) == 0
        assert await other.followers.profiles.tick(NOW + CLAIM_SECONDS) == 2

    async def test_an_account_that_may_not_is_not_asked_again_within_the_hour(self, uncertified):
        process = uncertified.process()
        await follow(uncertified, process)
        await process.followers.profiles.tick(NOW)
        assert process.counted("profiles_asked_total", "refused") == 1
        await follow(uncertified, process)
        assert await process.followers.profiles.tick(NOW + REFUSED_PAUSE_SECONDS - 1) == 0
        assert await process.followers.profiles.tick(NOW + REFUSED_PAUSE_SECONDS) == 1

    async def test_a_busy_platform_is_asked_again_less_and_less_often(self, world):
        process, now = world.process(), NOW
        await follow(world, process)
        await world.fault(BATCH, -1, times=3)
        for pause in (2, 4, 8):
            assert await process.followers.profiles.tick(now) == 1
            assert await process.followers.profiles.tick(now + pause - 1) == 0
            now += pause
        assert await process.followers.profiles.tick(now) == 1
        assert process.counted("profiles_asked_total", "known") == 1

    async def test_one_whom_the_platform_does_not_know_spoils_nobody_elses(self, world):
        process = world.process()
        await follow(world, process)
        await process.events.followed(event("subscribe", "oNobodyKnowsThisOne"), NOW)
        await process.followers.profiles.tick(NOW)
        assert (process.counted("profiles_asked_total", "known"), process.counted("profiles_asked_total", "gone")) == (1, 1)
        assert await process.store.profiles_due(APPID, NOW + 86400, 10) == []

    async def test_who_left_meanwhile_is_known_to_have_left(self, world):
        process = world.process()
        person, number = await follow(world, process, at=NOW - 600)
        world.leave(person["key"])
        await process.followers.profiles.tick(NOW)
        assert not (await process.store.find(APPID, number)).subscribed

    async def test_a_deletion_while_the_platform_is_asked_stands(self, world, monkeypatch):
        process = world.process()
        _, number = await follow(world, process)
        ask = process.followers.profiles._ask

        async def deleted_meanwhile(openids):
            told = await ask(openids)
            await process.citizens.delete(number, NOW + 1)
            return told

        monkeypatch.setattr(process.followers.profiles, "_ask", deleted_meanwhile)
        await process.followers.profiles.tick(NOW)
        assert await world.documents() == [] and await process.citizens.openid_of(number, APPID) is None


class TestMerging:
    async def test_a_followers_two_numbers_are_one_and_her_record_is_the_survivors(self, world):
        process = world.process()
        person = await world.person()
        mini = world.sandbox.platform.store.openid(person["key"], MINI["appid"])
        first = await process.citizens.identify(MINI["appid"], mini, person["unionid"], NOW)
        await process.events.followed(event("subscribe", person["openid"], scene="school-1"), NOW)
        tag = await process.followers.create_tag("志愿者")
        second = await process.citizens.identify(APPID, person["openid"], None, NOW)
        await process.followers.change_tag(tag.id, [second], [])
        await process.followers.profiles.tick(NOW)
        assert process.citizens.resolve(second) == first < second
        for round_seconds in ROUNDS_SECONDS:
            await process.citizens.finish_merges(NOW + round_seconds)
        assert {document["citizen"] for name in ("followers", "follower_tags") for document in await world.documents(name)} == {first}
        shown, _ = await process.followers.one(second)
        assert (shown.citizen, shown.follower.scene, shown.tags) == (first, "school-1", (tag.id,))

    async def test_it_really_moves_the_participation(self, world, stores, tmp_path):
        counting = await Counting(stores, tmp_path, campaign()).ready()
        process = world.process()
        citizens = process.followers.profiles._citizens = process.events._citizens = counting_citizens_of(counting, tmp_path)
        person = await world.person()
        mini = world.sandbox.platform.store.openid(person["key"], MINI["appid"])
        one = await citizens.identify(MINI["appid"], mini, person["unionid"], NOW)
        await process.events.followed(event("subscribe", person["openid"]), NOW)
        two = await citizens.identify(APPID, person["openid"], None, NOW)
        first = await counting.salute(two)
        await counting.salute(one)
        await counting.carry_all()
        await process.followers.profiles.tick(NOW)
        for round_seconds in ROUNDS_SECONDS:
            await settled(counting, citizens.finish_merges(NOW + round_seconds))
        again = await counting.salute(citizens.resolve(two))
        assert (again.ordinal, again.first) == (first.ordinal, False), "the earlier participation stays"
        assert (await counting.audit())["ok"]
        assert (await counting.counting.figures("flag", "all", NOW)).participants == 1
        await counting.close()
