"""What the platform tells of grants and notices: once counted however often it comes, and not lost however early it comes."""

from __future__ import annotations

import asyncio

import pytest

from server.notices import sender as sender_module
from server.notices import store as store_module
from server.wechat.details import Delivery
from server.wechat.messages import InboundMessage
from tests.server.notices.notices_world import APPID, NOW, batch

pytestmark = pytest.mark.gen_test(timeout=60)


async def counts(world, *templates):
    return [await world.grants.count(APPID, template, 1) for template in templates]


class TestGrants:
    async def test_an_event_whose_process_was_killed_between_two_lines_counts_each_once_when_it_comes_again(self, world):
        await world.people(1)
        event, dying = world.told("popup", ("t1", "accept"), ("t2", "accept"), ("t3", "accept")), world.process()
        add = dying.grants.add

        async def dies_at_the_third(appid, template_id, *more):
            if template_id == "t3":
                raise asyncio.CancelledError
            return await add(appid, template_id, *more)

        dying.grants.add = dies_at_the_third
        with pytest.raises(asyncio.CancelledError):
            await dying.service.learn_grants(event, NOW)
        await world.process().service.learn_grants(event, NOW + 5)
        assert await counts(world, "t1", "t2", "t3") == [1, 1, 1]

    async def test_two_processes_at_once_count_one_event_once_and_two_twice(self, world):
        await world.people(1)
        one, other = world.process(), world.process()
        for at in range(10):
            event = world.told("popup", ("t1", "accept"), at=NOW + at)
            await asyncio.gather(*(process.service.learn_grants(event, NOW) for process in (one, other, one)))
            assert await counts(world, "t1") == [at + 1]
        await asyncio.gather(*(process.service.learn_grants(world.told("popup", ("t2", "accept"), at=NOW + at), NOW)
                               for at, process in enumerate((one, other))))
        assert await counts(world, "t2") == [2]

    async def test_it_counts_once_also_where_the_grant_was_spent_meanwhile(self, world):
        await world.people(1)
        event = world.told("popup", ("t1", "accept"))
        await world.service.learn_grants(event, NOW)
        assert await world.grants.take(APPID, "t1", 1, NOW)
        await world.service.learn_grants(event, NOW)
        assert await counts(world, "t1") == [0]

    async def test_what_was_spent_goes_after_a_day_and_what_was_not_stays(self, world):
        await world.people(2)
        await world.allow(1, 2)
        await world.grants.take(APPID, "t1", 1, NOW)
        world.now += store_module.SPENT_KEPT_SECONDS - 1
        await world.process().tick()
        assert [grant["citizen"] for grant in await world.kept("grants")] == [1, 2]
        world.now += 1
        await world.process().tick()
        assert [grant["citizen"] for grant in await world.kept("grants")] == [2]


class TestReports:
    @pytest.mark.parametrize(("kind", "told", "state"), [
        ("template", "success", "delivered"), ("template", "failed:user block", "undelivered"), ("subscription", 0, "delivered"),
        ("subscription", 43101, "undelivered")])
    async def test_one_that_overtakes_the_answer_is_not_lost(self, world, kind, told, state):
        await world.people(1)
        await world.allow(1)
        await world.service.keep(batch(kind), [1], NOW)
        sending, other = world.process(), world.process()
        settle = sending.notices.settle

        async def is_late(notice_id, settled, **more):
            msg_id = more["msg_id"].partition(":")[2]
            if kind == "template":
                await other.service.learn_delivery(InboundMessage("event", APPID, world.openids[1, APPID], "gh", int(NOW),
                                                                  details=Delivery(msg_id, told)), NOW)
            else:
                await other.service.learn_grants(world.told("sent", ("t1", "", msg_id, told)), NOW)
            await settle(notice_id, settled, **more)

        sending.notices.settle = is_late
        await sending.tick()
        assert await world.states() == {state: 1} and await world.kept("notice_reports") == []

    async def test_of_an_answer_and_a_report_at_once_neither_is_lost(self, world):
        await world.people(1)
        await world.service.keep(batch(), range(1, 41), NOW)
        one, other = world.process(), world.process()
        await asyncio.gather(*(step for number in range(1, 41) for step in (
            one.notices.settle(f"patrol-1:{number}", "sent", msg_id=f"{APPID}:{number}"),
            other.notices.reported(f"{APPID}:{number}", True, 0, NOW))))
        assert await world.states() == {"delivered": 40}

    async def test_those_of_other_systems_are_forgotten(self, world):
        await world.people(1)
        await world.service.learn_grants(world.told("sent", ("t1", "", "900")), NOW)
        await world.process().tick()
        assert len(await world.kept("notice_reports")) == 1
        world.now += store_module.REPORTS_KEPT_SECONDS + sender_module.TIDY_EVERY_SECONDS
        await world.tick()
        assert await world.kept("notice_reports") == []


class TestManyPeople:
    async def test_a_batch_reaches_everybody_however_many_pages_they_are(self, world, monkeypatch):
        monkeypatch.setattr(store_module, "PAGE", 3)
        for citizen in range(1, 23):
            await world.grants.add(APPID, "t1", citizen, "1")
        for citizen in range(1, 15):  # who has none left is not counted among a page's people
            await world.grants.take(APPID, "t1", citizen, NOW)
        await world.grants.add(APPID, "t1:x", 50, "1")  # another template, whose name begins alike
        assert await world.service.keep(batch("subscription"), None, NOW) == 8
        assert [notice["citizen"] for notice in sorted(await world.kept(), key=lambda one: one["citizen"])] == list(range(15, 23))
        assert await world.states() == {"queued": 8}
        assert await world.service.keep(batch("subscription"), None, NOW) == 0

    async def test_who_allows_it_anew_after_it_was_spent_is_among_them(self, world):
        await world.grants.add(APPID, "t1", 1, "1")
        await world.grants.take(APPID, "t1", 1, NOW)
        assert await world.service.keep(batch("subscription"), None, NOW) == 0
        await world.grants.add(APPID, "t1", 1, "2")
        assert await world.service.keep(batch("subscription"), None, NOW) == 1

    async def test_one_batch_is_counted_apart_from_another_whose_name_begins_alike(self, world):
        await world.service.keep(batch(), range(1, 4), NOW)
        await world.service.keep(batch(id="patrol-10"), range(1, 6), NOW)
        assert await world.states() == {"queued": 3}
