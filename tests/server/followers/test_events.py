"""Following and leaving: the newest event decides, in whatever order, however often, and whoever hears it."""

from __future__ import annotations

import asyncio
import itertools

import pymongo.errors
import pytest

from tests.server.followers.world import APPID, NOW, event

pytestmark = pytest.mark.gen_test(timeout=60)

FOLLOWS, LEAVES, RETURNS = (
    lambda openid: event("subscribe", openid, NOW, "school-1"), lambda openid: event("unsubscribe", openid, NOW + 10),
    lambda openid: event("subscribe", openid, NOW + 20, "school-2"))


async def hear(process, message):
    await (process.events.followed if message.event == "subscribe" else process.events.left)(message, NOW + 30)


async def state_after(world, process, told):
    """What is kept of somebody new after these events, but for who she is."""
    person = await world.person(follows=False)
    for made in told:
        await hear(process, made(person["openid"]))
    number = await process.citizens.identify(APPID, person["openid"], None, NOW)
    [document] = [one for one in await world.documents() if one["citizen"] == number]
    return {name: value for name, value in document.items() if name not in ("_id", "pos", "citizen")}


class TestOrder:
    @pytest.mark.parametrize(("told", "subscribed"), [((FOLLOWS, LEAVES, RETURNS), 1), ((FOLLOWS, LEAVES), 0), ((LEAVES, RETURNS), 1)])
    async def test_events_in_every_order_and_repeated_end_in_the_same_state(self, world, told, subscribed):
        process = world.process()
        states = [await state_after(world, process, [*order, *order[:1]]) for order in itertools.permutations(told)]
        assert all(state == states[0] for state in states)
        assert states[0]["subscribed"] == subscribed
        assert states[0].get("scene") == ({1: "school-2", 0: None}[subscribed])

    async def test_of_one_second_leaving_wins_whichever_comes_first(self, world):
        process = world.process()
        for order in itertools.permutations((FOLLOWS, lambda openid: event("unsubscribe", openid, NOW))):
            assert (await state_after(world, process, order))["subscribed"] == 0

    async def test_who_left_keeps_nothing_but_that_and_when(self, world):
        state = await state_after(world, world.process(), (FOLLOWS, LEAVES))
        assert state == {"appid": APPID, "subscribed": 0, "rank": int(NOW + 10) * 2 + 1}

    async def test_two_processes_at_once_agree(self, world):
        one, other = world.process(), world.process()
        people = [await world.person(follows=False) for _ in range(5)]
        told = [made(person["openid"]) for person in people for made in (FOLLOWS, LEAVES, RETURNS)]
        await asyncio.gather(*(hear(process, message) for process in (one, other) for message in reversed(told)))
        documents = await world.documents()
        assert [(document["subscribed"], document["since"]) for document in documents] == [(1, NOW + 20)] * 5
        changed = sum(process.counted("followers_changed_total", outcome)
                      for process in (one, other) for outcome in ("followed", "left", "stale"))
        assert changed == 2 * len(told)


class TestWhatIsKept:
    async def test_no_openid_is_kept_in_clear(self, world):
        process, person = world.process(), await world.person()
        await hear(process, event("subscribe", person["openid"], scene="school-1"))
        await process.followers.profiles.tick(NOW)
        kept = await world.everything()
        assert person["openid"].encode() not in kept and person["unionid"].encode() not in kept

    async def test_a_scene_that_is_none_of_our_names_is_not_kept(self, world):
        process, person = world.process(), await world.person()
        await hear(process, event("subscribe", person["openid"], scene="<script>"))
        assert [document["scene"] for document in await world.documents()] == [""]

    async def test_a_failure_of_the_store_is_counted_and_she_is_answered_all_the_same(self, world, monkeypatch):
        process, person = world.process(), await world.person()

        async def gone(*_, **__):
            raise pymongo.errors.AutoReconnect("gone")

        monkeypatch.setattr(process.store, "advance", gone)
        for message in (FOLLOWS(person["openid"]), LEAVES(person["openid"])):
            await hear(process, message)
        assert process.counted("followers_changed_total", "failed") == 2


class TestDeletion:
    async def test_it_takes_everything_away(self, world):
        process = world.process()
        numbers = await world.people(process, 2)
        tag = await process.followers.create_tag("志愿者")
        await process.followers.change_tag(tag.id, numbers, [])
        await process.followers.change_blacklist(numbers, [], NOW)
        await process.citizens.delete(numbers[0], NOW + 1)
        for name in ("followers", "follower_tags"):
            assert {document["citizen"] for document in await world.documents(name)} == {numbers[1]}

    async def test_her_leaving_after_it_does_not_make_her_known_again(self, world):
        process, person = world.process(), await world.person()
        await hear(process, FOLLOWS(person["openid"]))
        number = await process.citizens.identify(APPID, person["openid"], None, NOW)
        await process.citizens.delete(number, NOW + 40)
        await hear(process, LEAVES(person["openid"]))
        assert await world.documents() == [] and await process.citizens.openid_of(number, APPID) is None
