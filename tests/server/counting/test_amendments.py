"""Void, merge and deletion: each changes a cell once, and the three records still agree afterwards."""

from __future__ import annotations

import asyncio
import gc
import time
import weakref

import pytest

from server.counting import Ask
from server.errors import Forbidden, NotFound, Unavailable
from tests.server.counting.world import SCHOOL, XIANGCHENG, World, campaign

pytestmark = pytest.mark.gen_test(timeout=60)


async def people(stores, tmp_path, shards: int = 4, **changes) -> World:
    world = await World(stores, tmp_path, campaign(shards, **changes)).ready()
    for citizen in range(1, 9):
        await world.salute(citizen, unit=SCHOOL if citizen == 3 else "")
    await world.carry_all()
    return world


async def participants(world: World) -> int:
    return (await world.counting.figures("flag", None, time.time())).participants


class TestVoid:
    async def test_it_leaves_every_total_and_raises_voids_once(self, stores, tmp_path):
        world = await people(stores, tmp_path)
        for _ in range(2):
            await world.amendments.void(world.campaigns.current, "all", 3)
        figures = await world.counting.figures("flag", None, time.time(), units=True)
        assert (figures.participants, figures.voids, figures.by_unit[SCHOOL]) == (7, 1, 0)
        await world.carry_all()
        assert (await world.audit())["ok"]
        await world.close()

    async def test_she_is_told_and_cannot_come_back_by_a_receipt(self, stores, tmp_path):
        world = await people(stores, tmp_path)
        receipt = (await world.salute(3)).receipt
        await world.amendments.void(world.campaigns.current, "all", 3)
        with pytest.raises(Forbidden) as refused:
            await world.salute(3, receipt=receipt)
        assert refused.value.code == "VOIDED"
        await world.close()

    @pytest.mark.parametrize("shards", [1, 4])
    async def test_an_ordinal_that_somebody_shows_leads_to_her(self, stores, tmp_path, shards):
        world = await World(stores, tmp_path, campaign(shards)).ready()
        shown = {(await world.salute(citizen)).ordinal: citizen for citizen in (2, 7, 9000)}
        for ordinal, citizen in shown.items():
            assert await world.amendments.citizen_of(world.campaigns.current, "all", ordinal) == citizen
        await world.carry_all()
        await world.amendments.merge(7, 9001)
        ordinal = next(ordinal for ordinal, citizen in shown.items() if citizen == 7)
        assert await world.amendments.citizen_of(world.campaigns.current, "all", ordinal) == 9001
        for unknown in (0, -1, 10**9):
            with pytest.raises(Exception, match="PARTICIPATION_NOT_FOUND"):
                await world.amendments.citizen_of(world.campaigns.current, "all", unknown)
        await world.close()

    @pytest.mark.parametrize("period", ["20261001", "garbage", ""])
    async def test_a_period_in_which_nobody_counted_is_refused(self, stores, tmp_path, period):
        world = await people(stores, tmp_path)
        for ask in (world.amendments.void, world.amendments.citizen_of):
            with pytest.raises(Exception, match="PARTICIPATION_NOT_FOUND"):
                await ask(world.campaigns.current, period, 3)
        await world.close()

    async def test_an_archived_campaign_is_left_as_it_is(self, stores, tmp_path):
        world = await people(stores, tmp_path)
        with pytest.raises(Exception, match="CAMPAIGN_FIXED"):
            await world.amendments.void(campaign(state="archived"), "all", 3)
        await world.close()

    async def test_who_did_not_take_part_cannot_be_voided(self, stores, tmp_path):
        world = await people(stores, tmp_path)
        with pytest.raises(NotFound):
            await world.amendments.void(world.campaigns.current, "all", 99)
        await world.close()

    async def test_it_survives_an_emptied_redis(self, stores, tmp_path):
        world = await people(stores, tmp_path)
        await world.amendments.void(world.campaigns.current, "all", 3)
        await world.carry_all()
        await stores.redis.flushall()
        with pytest.raises(Forbidden):
            await world.salute_until_taken(3)
        for citizen in range(1, 9):
            if citizen != 3:
                await world.salute_until_taken(citizen)
        assert await participants(world) == 7
        assert (await world.audit())["ok"]
        await world.close()


class TestMerge:
    @pytest.mark.parametrize(("loser", "survivor", "stays", "left"), [
        (5, 2, 2, 7), (2, 5, 2, 7), (4, 100, 4, 8), (101, 4, 4, 8), (100, 101, None, 8)])
    async def test_the_earlier_participation_stays_under_the_survivor(self, stores, tmp_path, loser, survivor, stays, left):
        world = await people(stores, tmp_path)
        before = {citizen: await world.salute(citizen) for citizen in range(1, 9)}
        await world.amendments.merge(loser, survivor)
        if stays is not None:
            after = await world.salute(survivor)
            assert (after.ordinal, after.participated_at) == (before[stays].ordinal, before[stays].participated_at)
        assert await participants(world) == left
        await world.carry_all()
        report = await world.audit()
        assert report["ok"], report
        await world.close()

    async def test_a_merge_resumed_after_a_kill_at_any_step_is_the_same_merge(self, stores, tmp_path):
        world = await people(stores, tmp_path)
        await world.amendments._close_loser(world.campaigns.current, "all", 2)  # killed here
        for _ in range(3):
            await world.amendments.merge(2, 5)
        assert await participants(world) == 7
        await world.carry_all()
        assert (await world.audit())["ok"]
        await world.close()

    async def test_activities_of_both_are_kept(self, stores, tmp_path):
        world = await people(stores, tmp_path)
        await world.salute(5, "heroes")
        await world.carry_all()
        await world.amendments.merge(5, 2)
        assert (await world.salute(2)).activities == ("salute", "heroes")
        await world.carry_all()
        assert (await world.audit())["ok"]
        await world.close()

    async def test_a_process_that_does_not_know_of_it_cannot_count_the_loser(self, stores, tmp_path):
        world = await people(stores, tmp_path)
        await world.amendments.merge(100, 2)
        with pytest.raises(Exception, match="BUSY"):
            await world.salute(100)
        assert await participants(world) == 8
        await world.close()

    async def test_who_learns_of_it_while_that_fails_leaves_nothing_behind(self, stores, tmp_path):
        """The error holds the frames that it came through, and those hold her salute: a ring that the collector must be able to free."""
        world = await World(stores, tmp_path, campaign()).ready()
        await asyncio.gather(world.salute(2), world.salute(5))
        await world.carry_all()
        await world.amendments.merge(5, 2)

        async def refresh():
            raise Unavailable()

        world.counting._refresh_identities = refresh

        class Reply:
            outcome = None

            def __call__(self, outcome):
                self.outcome = outcome

        reply = Reply()
        world.counting.count([("flag", 5, Ask("salute", XIANGCHENG), reply)], time.time())
        while reply.outcome is None:
            await asyncio.sleep(0.01)
        assert isinstance(reply.outcome, Unavailable) and world.counting.admission.inside == 0
        gone = weakref.ref(reply)
        del reply
        await asyncio.sleep(0)
        gc.collect()
        assert gone() is None
        await world.close()

    async def test_it_survives_an_emptied_redis(self, stores, tmp_path):
        world = await people(stores, tmp_path)
        first = await world.salute(1)
        await world.amendments.merge(1, 6)
        await world.carry_all()
        await stores.redis.flushall()
        assert (await world.salute_until_taken(6)).ordinal == first.ordinal
        await asyncio.gather(*(world.salute_until_taken(citizen) for citizen in range(2, 9)))
        assert await participants(world) == 7
        assert (await world.audit())["ok"]
        await world.close()


class TestDeletion:
    async def test_the_count_stays_and_the_campaigns_are_named(self, stores, tmp_path):
        world = await people(stores, tmp_path)
        assert await world.amendments.flag_deleted(3) == ["flag"]
        assert await world.amendments.flag_deleted(3) == ["flag"]
        assert await world.amendments.flag_deleted(99) == []
        assert await participants(world) == 8
        await world.carry_all()
        assert (await world.audit())["ok"]
        await world.close()
