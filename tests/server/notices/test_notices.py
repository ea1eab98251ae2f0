"""Notices: one a citizen and batch, whatever is repeated, refused or killed; one grant each; none that nobody allowed."""

from __future__ import annotations

import asyncio

import pytest

from server.errors import Conflict, InvalidBody
from server.notices import BatchNotFound
from server.notices import sender as sender_module
from server.wechat.details import Delivery
from server.wechat.messages import InboundMessage
from tests.command_listener import LOOKING
from tests.server.notices.notices_world import APPID, NOW, SUBSCRIPTION, TEMPLATE, batch

pytestmark = pytest.mark.gen_test(timeout=60)


class TestKeeping:
    async def test_each_citizen_gets_one_of_a_batch_however_often_it_is_kept_and_sent(self, world):
        await world.people(5)
        assert await world.service.keep(batch(), [1, 2, 2, 3], NOW) == 3
        assert await world.service.keep(batch(), [1, 2, 3, 4], NOW) == 1
        for _ in range(2):
            await world.tick()
        assert await world.arrived() == {1: 1, 2: 1, 3: 1, 4: 1, 5: 0} and await world.states() == {"sent": 4}

    async def test_one_id_says_one_thing(self, world):
        await world.service.keep(batch(), [1], NOW)
        with pytest.raises(Conflict) as refusal:
            await world.service.keep(batch(page="https://elsewhere.example"), [2], NOW)
        assert refusal.value.code == "BATCH_DIFFERS"
        with pytest.raises(BatchNotFound):
            await world.service.view("nobody")

    @pytest.mark.parametrize(("field", "changes"), [
        ("id", {"id": "A"}), ("template_id", {"template_id": ""}), ("data", {"data": {}}), ("data", {"data": {"thing1": " "}}),
        ("data", {"data": {"Bad Name": "x"}}), ("page", {"page": "javascript:x"}),
        ("data.number1", {"kind": "subscription", "data": {"number1": "9" * 33}})])
    async def test_what_the_platform_would_not_take_is_refused(self, world, field, changes):
        with pytest.raises(InvalidBody) as refusal:
            await world.service.keep(batch(**changes), [1], NOW)
        assert refusal.value.field == field

    async def test_a_page_of_this_site_may_be_opened_whatever_its_scheme(self, world):
        assert await world.service.keep(batch(page="http://127.0.0.1:8888/c/flag"), [1], NOW) == 1
        assert await world.service.keep(batch(id="patrol-2", page="/c/flag"), [1], NOW) == 1
        assert (await world.service.view("patrol-2"))[0].page == "http://127.0.0.1:8888/c/flag"

    async def test_why_some_did_not_arrive_is_told_with_whom_it_concerns(self, world):
        await world.people(3)
        world.openids.pop((3, APPID))
        await world.fault("/cgi-bin/message/template/send", errcode=40037, times=1)
        await world.service.keep(batch(), [1, 2, 3], NOW)
        await world.tick()
        progress = (await world.service.view("patrol-1"))[1]
        assert progress.states == {"sent": 1, "failed": 2}
        assert progress.errors[0].citizens == [3] and (progress.errors[40037].count, len(progress.errors[40037].citizens)) == (1, 1)

    async def test_a_batch_is_counted_once_for_all_who_look_at_it(self, world, monkeypatch):
        await world.people(3)
        await world.service.keep(batch(), [1, 2, 3], NOW)
        counts, find, walks, came = world.service._notices.counts, world.service._notices.batch, [], []

        async def found(batch_id):
            known = await find(batch_id)
            came.append(batch_id)
            return known

        async def counted(batch_id):
            walks.append(batch_id)
            while len(came) < 20:
                await asyncio.sleep(0.01)
            return await counts(batch_id)

        monkeypatch.setattr(world.service._notices, "batch", found)
        monkeypatch.setattr(world.service._notices, "counts", counted)
        seen = await asyncio.gather(*(world.service.view("patrol-1") for _ in range(20)))
        assert len(walks) == 1 and all(sum(progress.states.values()) == 3 for _, progress in seen)

    async def test_her_deletion_takes_hers_away(self, world):
        await world.people(2)
        await world.allow(1, 2)
        await world.service.keep(batch("subscription"), None, NOW)
        await world.service.remove_of(1, NOW)
        await world.tick()
        assert await world.arrived() == {1: 0, 2: 1}
        left = [d async for d in world.stores.mongo["notices"].find({}, comment=LOOKING)]
        left += [d async for d in world.stores.mongo["grants"].find({}, comment=LOOKING)]
        assert {d["citizen"] for d in left} == {2}


class TestGrants:
    @pytest.mark.parametrize("kind", ["subscription", "miniprogram_subscription"])
    async def test_one_acceptance_is_one_notice(self, world, kind):
        await world.people(3)
        appid = batch(kind).appid
        await world.allow(1, 2, appid=appid)
        assert await world.service.keep(batch(kind), None, NOW) == 2
        await world.service.keep(batch(kind), [3], NOW)
        await world.tick()
        assert await world.states() == {"sent": 2, "no_grant": 1}
        assert [await world.grants.count(appid, "t1", citizen) for citizen in (1, 2, 3)] == [0, 0, 0]

    async def test_words_are_cut_to_the_platforms_length(self, world):
        await world.people(1)
        await world.allow(1)
        await world.service.keep(batch("subscription", data={"thing1": "长" * 60, "phrase2": "已通过了审核"}), [1], NOW)
        await world.tick()
        assert await world.states() == {"sent": 1}

    async def test_what_she_answers_and_takes_back_is_learnt(self, world):
        await world.people(1)

        answers = (("popup", "accept", 1), ("popup", "accept", 2), ("change", "accept", 2), ("popup", "reject", 0), ("popup", "accept", 1),
                   ("change", "reject", 0))
        for at, (change, status, count) in enumerate(answers):
            await world.service.learn_grants(world.told(change, ("t1", status), at=NOW + at), NOW)
            assert await world.grants.count(APPID, "t1", 1) == count

    async def test_who_refused_on_her_phone_is_asked_no_more(self, world):
        await world.people(1)
        await world.grants.add(APPID, "t1", 1, "1")  # which the platform knows better
        await world.service.keep(batch("subscription"), [1], NOW)
        await world.tick()
        assert await world.states() == {"refused": 1} and await world.grants.count(APPID, "t1", 1) == 0

    async def test_what_became_of_it_is_learnt(self, world):
        await world.people(2)
        await world.allow(1)
        await world.service.keep(batch("subscription"), [1], NOW)
        await world.tick()
        [sent] = [d async for d in world.stores.mongo["notices"].find({}, comment=LOOKING)]
        msg_id = sent["msg_id"].partition(":")[2]
        await world.service.learn_grants(world.told("sent", ("t1", "", msg_id)), NOW)
        assert await world.states() == {"delivered": 1}
        report = InboundMessage("event", APPID, world.openids[1, APPID], "gh", int(NOW), details=Delivery(msg_id, "failed:user block"))
        await world.service.learn_delivery(report, NOW)
        assert await world.states() == {"undelivered": 1}


class TestRefusals:
    @pytest.mark.parametrize("kind", ["template", "subscription"])
    @pytest.mark.parametrize(("errcode", "pause_seconds"), [(-1, 2.0), (45011, 60.0), (45009, 43_201.0), (40164, 300.0)])
    async def test_what_passes_is_tried_again_in_its_time_and_not_before(self, world, kind, errcode, pause_seconds):
        await world.people(1)
        await world.allow(1)
        await world.service.keep(batch(kind), [1], NOW)
        await world.fault(TEMPLATE if kind == "template" else SUBSCRIPTION, errcode)
        await world.tick()
        assert await world.states() == {"queued": 1}
        world.now = NOW + pause_seconds - 1
        await world.tick()
        assert await world.arrived() == {1: 0}
        world.now = NOW + pause_seconds + 1
        await world.stores.redis.flushdb()  # its marks of spent quotas go by the true time
        await world.tick()
        assert await world.arrived() == {1: 1} and await world.states() == {"sent": 1}

    @pytest.mark.parametrize("errcode", [47003, 40037, 41030, 48001])
    async def test_what_never_passes_is_not_tried_again_and_costs_no_grant(self, world, errcode):
        await world.people(1)
        await world.allow(1)
        await world.service.keep(batch("subscription"), [1], NOW)
        await world.fault(SUBSCRIPTION, errcode)
        await world.tick()
        world.now += 86_400
        await world.tick()
        assert await world.states() == {"failed": 1} and await world.grants.count(APPID, "t1", 1) == 1
        assert await world.arrived() == {1: 0}

    async def test_a_platform_that_stays_busy_is_given_up_after_some_tries(self, world):
        await world.people(1)
        await world.service.keep(batch(), [1], NOW)
        await world.fault(TEMPLATE, -1, times=99)
        for _ in range(8):
            await world.tick()
            world.now += 100
        assert await world.states() == {"failed": 1}

    async def test_who_is_not_known_there_gets_none(self, world):
        await world.people(1, follow=False)
        await world.service.keep(batch(), [1, 77], NOW)
        await world.tick()
        assert await world.states() == {"failed": 2}


class TestKills:
    async def test_a_sender_that_dies_leaves_the_others_to_the_next_and_none_comes_twice(self, world):
        await world.people(60)
        await world.service.keep(batch(), range(1, 61), NOW)
        dying = asyncio.create_task(world.tick())
        while sum((await world.arrived()).values()) < 20:
            await asyncio.sleep(0.01)
        dying.cancel()
        await asyncio.gather(dying, return_exceptions=True)
        await asyncio.sleep(0.1)
        world.now += sender_module.CLAIM_SECONDS + 1
        await world.tick()
        assert set((await world.arrived()).values()) == {1} and await world.states() == {"sent": 60}

    @pytest.mark.parametrize(("kind", "down_seconds", "state"), [
        ("template", sender_module.CLAIM_SECONDS + 1, "sent"), ("template", sender_module.NAMED_SECONDS - 1, "sent"),
        ("template", sender_module.NAMED_SECONDS, "uncertain"), ("template", 601, "uncertain"), ("template", 86_400, "uncertain"),
        ("subscription", sender_module.CLAIM_SECONDS + 1, "uncertain"), ("subscription", 86_400, "uncertain")])
    async def test_one_that_was_on_its_way_at_a_kill_is_sent_again_only_while_the_platform_knows_repeats(self, world, kind, down_seconds,
                                                                                                         state):
        await world.people(1)
        await world.allow(1, times=2)
        await world.service.keep(batch(kind), [1], NOW)

        async def dies(*_, **__):
            raise asyncio.CancelledError  # the process is gone after the platform took it

        dying = world.process()
        dying.notices.settle = dies
        with pytest.raises(asyncio.CancelledError):
            await dying.tick()
        assert await world.arrived() == {1: 1}
        world.now += down_seconds
        await world.process().tick()
        assert await world.arrived() == {1: 1} and await world.states() == {state: 1}

    async def test_without_an_answer_a_template_is_tried_again_while_it_has_a_name_and_then_left_to_a_person(self, world):
        await world.people(2)
        await world.service.keep(batch(), [1], NOW)
        await world.fault(TEMPLATE, status=502)
        await world.tick()
        world.now += 3
        await world.tick()
        assert await world.arrived() == {1: 1, 2: 0} and await world.states() == {"sent": 1}
        await world.service.keep(batch(), [2], NOW)
        await world.fault(TEMPLATE, status=502)
        await world.tick()
        world.now += sender_module.NAMED_SECONDS
        await world.tick()
        assert await world.states() == {"sent": 1, "uncertain": 1}

    async def test_one_that_never_got_an_answer_is_not_called_failed(self, world):
        await world.people(1)
        await world.service.keep(batch(), [1], NOW)
        await world.fault(TEMPLATE, status=502, times=99)
        for _ in range(8):
            await world.tick()
            world.now += 60
        assert await world.states() == {"uncertain": 1}

    async def test_no_answer_is_no_reason_to_send_a_second(self, world):
        await world.people(1)
        await world.allow(1, times=2)
        await world.service.keep(batch("subscription"), [1], NOW)
        await world.fault(SUBSCRIPTION, status=502)
        await world.tick()
        world.now += 86_400
        await world.tick()
        assert await world.states() == {"uncertain": 1} and sum((await world.arrived()).values()) <= 1

    @pytest.mark.parametrize("what", ["token", "connection"])
    @pytest.mark.parametrize("kind", ["template", "subscription"])
    async def test_where_nobody_could_be_asked_it_waits_with_its_grant(self, world, monkeypatch, kind, what):
        await world.people(1)
        await world.allow(1)
        await world.service.keep(batch(kind), [1], NOW)
        if what == "token":
            await world.fault("/cgi-bin/stable_token", status=502, times=99)
        else:
            monkeypatch.setattr(world.processes[0].clients[APPID]._transport, "base_url", "http://127.0.0.1:9")
        for _ in range(sender_module.MOST_TRIES + 1):
            await world.tick()
            assert await world.states() == {"queued": 1} and await world.grants.count(APPID, "t1", 1) == 1
            world.now += 600
        monkeypatch.undo()
        await world.sandbox.told("/sandbox/faults", {"clear": True})
        await world.tick()
        assert await world.states() == {"sent": 1} and await world.arrived() == {1: 1}

    async def test_two_senders_at_once_share_the_work(self, world):
        await world.people(40)
        await world.service.keep(batch(), range(1, 41), NOW)
        await asyncio.gather(*(world.process().tick() for _ in range(3)))
        assert set((await world.arrived()).values()) == {1} and await world.states() == {"sent": 40}


async def test_openids_are_looked_up_only_when_a_notice_goes_out(world):
    await world.people(2)
    await world.allow(1, 2)
    await world.service.keep(batch("subscription"), None, NOW)
    assert world.looked_up == [] and [one["citizen"] for one in await world.kept()] == [1, 2]
    await world.tick()
    assert sorted(world.looked_up) == [1, 2]
    everything = repr([await world.kept(name) for name in ("notices", "notice_batches", "grants")])
    assert not any(openid in everything for openid in world.openids.values())
