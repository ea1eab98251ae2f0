"""Two numbers that turn out to be one person: of a batch she gets one, whenever that is learnt and whoever dies meanwhile."""

from __future__ import annotations

import asyncio
import time

import pytest

from server.citizens.merges import ROUNDS_SECONDS
from server.notices import GrantStore, NoticeStore
from server.notices import sender as sender_module
from server.notices import store as store_module
from server.wechat.details import Grant, Grants
from server.wechat.messages import InboundMessage
from tests.people import WANG
from tests.server.notices.notices_world import APPID, NOW, SUBSCRIPTION, TEMPLATE, batch
from tests.server.replies.test_replies import context_of

pytestmark = pytest.mark.gen_test(timeout=60)
LOSER, SURVIVOR = 2, 1


@pytest.fixture
def she(io_loop, world):
    """The world, with one person on the platform who has two numbers here."""

    async def made():
        await world.people(2)
        world.one_person(SURVIVOR, LOSER)
        return world

    return io_loop.run_sync(made)


def learn(world, *processes):
    """The merge is recorded; these processes have read it."""
    for process in processes or world.processes:
        process.merged[LOSER] = SURVIVOR


async def move(world):
    """What the merge's job does."""
    await world.notices.merge(LOSER, SURVIVOR, world.now)
    await world.grants.merge(LOSER, SURVIVOR)


def phone(world):
    return world.shown(world.openids[SURVIVOR, APPID])


class TestOneOfABatch:
    @pytest.mark.parametrize("moved", [False, True])
    async def test_who_allowed_it_under_both_numbers_gets_one(self, she, moved):
        await she.allow(LOSER, SURVIVOR)
        learn(she)
        if moved:
            await move(she)
        assert await she.service.keep(batch("subscription"), None, NOW) == 1
        await she.tick()
        assert phone(she) == 1 and await she.states() == {"sent": 1}
        assert sum([await she.grants.count(APPID, "t1", number) for number in (LOSER, SURVIVOR)]) == 1

    async def test_so_does_who_is_named_by_both(self, she):
        learn(she)
        assert await she.service.keep(batch(), [LOSER, SURVIVOR], NOW) == 1
        assert await she.service.keep(batch(), [LOSER], NOW) == 0
        await she.tick()
        assert phone(she) == 1

    @pytest.mark.parametrize("moved", [False, True])
    @pytest.mark.parametrize("kind", ["template", "subscription"])
    async def test_so_does_who_was_merged_after_two_were_kept(self, she, kind, moved):
        await she.allow(LOSER, SURVIVOR)
        assert await she.service.keep(batch(kind), [LOSER, SURVIVOR], NOW) == 2
        learn(she)
        if moved:
            await move(she)
        await she.tick()
        assert phone(she) == 1 and await she.states() == {"sent": 1}

    @pytest.mark.parametrize("moved", [False, True])
    async def test_who_got_it_under_the_one_does_not_get_it_under_the_other(self, she, moved):
        await she.service.keep(batch(), [LOSER], NOW)
        await she.tick()
        learn(she)
        if moved:
            await move(she)
        await she.service.keep(batch(), [SURVIVOR], NOW)
        await she.tick()
        await move(she)
        assert phone(she) == 1 and await she.states() == {"sent": 1}

    @pytest.mark.parametrize("kind", ["template", "subscription"])
    async def test_while_one_process_sends_to_the_one_number_another_does_not_send_to_the_other(self, she, kind):
        one, other = she.process(), she.process()
        await she.allow(LOSER, SURVIVOR)
        await she.service.keep(batch(kind), [LOSER], NOW)
        await she.fault(TEMPLATE if kind == "template" else SUBSCRIPTION, hang_seconds=0.5)
        sending = asyncio.create_task(one.tick())
        while not any(notice["state"] == "sending" for notice in await she.kept()):
            await asyncio.sleep(0.01)
        await other.service.keep(batch(kind), [SURVIVOR], NOW)
        learn(she, other)
        await other.tick()
        await sending
        await move(she)
        assert phone(she) == 1 and await she.states() == {"sent": 1}
        assert [notice["citizen"] for notice in await she.kept()] == [SURVIVOR]

    async def test_a_grant_of_the_other_number_sends_it_where_hers_was_spent(self, she):
        await she.allow(LOSER)
        await she.service.keep(batch("subscription"), [SURVIVOR], NOW)
        await she.tick()
        assert await she.states() == {"no_grant": 1}
        await she.service.keep(batch("subscription"), [LOSER], NOW)
        learn(she)
        await move(she)
        await she.tick()
        assert phone(she) == 1 and await she.states() == {"sent": 1}

    async def test_one_without_an_answer_keeps_its_name_when_it_moves(self, she):
        await she.service.keep(batch(), [LOSER], NOW)
        dying = she.process()

        async def dies(*_, **__):
            raise asyncio.CancelledError  # the platform took it

        dying.notices.settle = dies
        with pytest.raises(asyncio.CancelledError):
            await dying.tick()
        she.now += sender_module.CLAIM_SECONDS + 1
        await she.fault(TEMPLATE, -1)
        await she.tick()  # waits again, and may have arrived
        learn(she)
        await move(she)
        assert [notice["citizen"] for notice in await she.kept()] == [SURVIVOR]
        she.now += 60
        await she.tick()
        assert phone(she) == 1 and await she.states() == {"sent": 1}


class TestKills:
    @pytest.mark.parametrize("step", ["insert_one", "delete_one"])
    async def test_a_move_that_is_killed_is_taken_up_and_she_gets_one(self, she, step):
        await she.service.keep(batch(), [LOSER], NOW)
        learn(she)
        dying = NoticeStore(she.stores.mongo)
        dying._notices = Dying(dying._notices, step)
        with pytest.raises(asyncio.CancelledError):
            await dying.merge(LOSER, SURVIVOR, NOW)
        for _ in range(3):
            await she.tick()
            await move(she)
            she.now += store_module.MOVE_SECONDS
        assert phone(she) == 1 and await she.states() == {"sent": 1}

    async def test_a_move_of_grants_that_is_killed_counts_none_twice(self, she):
        await she.allow(LOSER, times=2)
        await she.allow(SURVIVOR)
        dying = GrantStore(she.stores.mongo)
        dying._grants = Dying(dying._grants, "delete_one")
        with pytest.raises(asyncio.CancelledError):
            await dying.merge(LOSER, SURVIVOR)
        for _ in range(2):
            await she.grants.merge(LOSER, SURVIVOR)
        assert [await she.grants.count(APPID, "t1", number) for number in (LOSER, SURVIVOR)] == [0, 3]
        assert [grant["citizen"] for grant in await she.kept("grants")] == [SURVIVOR]


class TestGrants:
    @pytest.mark.parametrize("moved", [False, True])
    async def test_who_refuses_refuses_under_all_her_numbers(self, she, moved):
        await she.allow(LOSER, SURVIVOR)
        learn(she)
        await she.service.learn_grants(she.told("popup", ("t1", "reject"), citizen=SURVIVOR), NOW)
        if moved:
            await move(she)
        assert await she.service.keep(batch("subscription"), None, NOW) == 0

    async def test_a_grant_that_did_not_reach_the_platform_comes_back(self, she):
        await she.allow(LOSER)
        learn(she)
        await she.service.keep(batch("subscription"), None, NOW)
        await she.fault(SUBSCRIPTION, 45011)
        await she.tick()
        assert await she.states() == {"queued": 1}
        await move(she)
        she.now += 61
        await she.tick()
        assert phone(she) == 1 and await she.states() == {"sent": 1}


class Dying:
    """A collection whose process is killed before this step."""

    def __init__(self, collection, step):
        self._collection, self._step = collection, step

    def __getattr__(self, name):
        return self._killed if name == self._step else getattr(self._collection, name)

    async def _killed(self, *_, **__):
        raise asyncio.CancelledError


async def test_as_the_product_wires_it_a_merge_moves_notices_and_grants(app):
    services, now = app.services, time.time()
    first = await services.citizens.identify("wxsandboxminiprog", WANG.miniprogram_openid, WANG.unionid, now)
    second = await services.citizens.identify(APPID, WANG.openid, None, now)

    async def allows(at):
        answer = InboundMessage("event", APPID, WANG.openid, "gh", int(at), event="subscribe_msg_popup_event",
                                details=Grants("popup", (Grant("t1", "accept"),)))
        await context_of(app, at).notices.learn_grants(answer, at)

    await allows(now)
    await services.notices.keep(batch("subscription", id="patrol-0"), None, now)
    assert await services.citizens.identify(APPID, WANG.openid, WANG.unionid, now) == first != second
    await allows(now + 1)
    assert await services.notices.keep(batch("subscription"), None, now + 1) == 1
    await services.citizens.finish_merges(now + ROUNDS_SECONDS[0])
    grants, mongo = GrantStore(services.stores.mongo), services.stores.mongo
    assert [await grants.count(APPID, "t1", number) for number in (first, second)] == [2, 0]
    assert {one["batch"] for one in await mongo["notices"].find({"citizen": first}).to_list(None)} == {"patrol-0", "patrol-1"}
    assert await mongo["notices"].find({"citizen": second}).to_list(None) == []
