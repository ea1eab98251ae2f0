"""What a lost, emptied or set-back Redis does to the count: nothing that a receipt or a document remembers."""

from __future__ import annotations

import asyncio
import time
from unittest import mock

import pytest

from server.counting.cells import place
from server.counting.receipts import Receipts
from server.errors import Unavailable
from tests.server.counting.world import XIANGCHENG, World, campaign

pytestmark = pytest.mark.gen_test(timeout=60)


async def everyone(world: World, count: int = 60) -> list:
    return list(await asyncio.gather(*(world.salute(citizen) for citizen in range(count))))


class TestEmptiedRedis:
    async def test_it_is_never_taken_for_a_fresh_campaign_and_who_comes_waits_for_its_recovery(self, stores, tmp_path):
        world = await World(stores, tmp_path, campaign()).ready()
        answers = await everyone(world)
        await world.carry_all()
        await stores.redis.flushall()
        newcomer = await world.salute(100)
        assert newcomer.first and newcomer.ordinal > 60
        again = [await world.salute_until_taken(citizen) for citizen in range(60)]
        assert [a.ordinal for a in again] == [a.ordinal for a in answers]
        assert (await world.audit())["ok"]
        await world.close()

    async def test_who_comes_to_one_that_cannot_be_recovered_is_told_so(self, stores, tmp_path):
        world = await World(stores, tmp_path, campaign()).ready()
        await everyone(world)
        await world.carry_all()
        await stores.redis.flushall()
        with mock.patch.object(world.epochs, "raise_epoch", mock.AsyncMock(return_value=None)):  # another process has it, and stalls
            with pytest.raises(Unavailable) as refused:
                await world.salute(100)
        assert refused.value.code == "SHARD_NOT_READY"
        await world.close()

    async def test_nobody_gets_an_ordinal_that_another_was_shown(self, stores, tmp_path):
        """The documents know 40; 20 more were shown their number and are in no store when Redis is gone."""
        world = await World(stores, tmp_path, campaign()).ready()
        known = await asyncio.gather(*(world.salute(citizen) for citizen in range(40)))
        await world.carry_all()
        lost = await asyncio.gather(*(world.salute(citizen) for citizen in range(40, 60)))
        await stores.redis.flushall()
        newcomers = [await world.salute_until_taken(citizen) for citizen in range(100, 130)]
        assert not {a.ordinal for a in newcomers} & {a.ordinal for a in (*known, *lost)}
        for citizen, answer in zip(range(40, 60), lost, strict=True):
            again = await world.salute_until_taken(citizen, receipt=answer.receipt)
            assert (again.ordinal, again.participated_at, again.first) == (answer.ordinal, answer.participated_at, False)
        await world.carry_all()
        report = await world.audit()
        assert report["ok"], report
        assert report["participants"]["documents"] == 90
        await world.close()


class TestReceipt:
    async def test_it_restores_every_activity_it_names_once_however_often_it_comes(self, stores, tmp_path):
        world = await World(stores, tmp_path, campaign()).ready()
        await world.salute(7)
        receipt = (await world.salute(7, "heroes")).receipt
        await stores.redis.flushall()
        await stores.mongo["participations"].delete_many({"_id": {"$in": ["flag:all:7:salute", "flag:all:7:heroes"]}})
        answers = await asyncio.gather(*(world.salute_until_taken(7, receipt=receipt) for _ in range(5)))
        assert {a.ordinal for a in answers} == {1} and {a.activities for a in answers} == {("salute", "heroes")}
        figures = await world.counting.figures("flag", None, time.time())
        assert (figures.participants, figures.participations, figures.by_region) == (1, 2, {XIANGCHENG: 1})
        await world.close()

    async def test_anothers_or_a_forged_one_is_worth_nothing(self, stores, tmp_path):
        world = await World(stores, tmp_path, campaign()).ready()
        anothers = (await world.salute(7)).receipt
        forged = Receipts(b"x" * 32).sign(Receipts(b"k" * 32).read(anothers))
        assert (await world.salute(8, receipt=anothers)).ordinal == 2
        assert (await world.salute(9, receipt=forged)).ordinal == 3
        assert (await world.salute(10, receipt="not a receipt")).ordinal == 4
        await world.close()

    async def test_it_is_honoured_after_the_end(self, stores, tmp_path):
        now = int(time.time())
        world = await World(stores, tmp_path, campaign(closes_at=now + 3600)).ready()
        first = await world.salute(7)
        await world.close()
        await stores.redis.flushall()
        later = await World(stores, tmp_path, campaign(closes_at=now + 3600), clock=now + 90_000).ready()
        assert (await later.salute_until_taken(7, receipt=first.receipt)).ordinal == first.ordinal
        await later.close()


class TestEpoch:
    async def test_a_process_that_missed_a_recovery_is_refused_until_it_learns_of_it(self, stores, tmp_path):
        early = await World(stores, tmp_path, campaign(), owner="early").ready()
        late = await World(stores, tmp_path, campaign(), owner="late").ready()
        await early.salute(1)
        await late.salute(2)
        handle = early.counting.period(early.campaigns.current, "all").handles[0]
        assert await late.keeper.recover(handle.shard, early.campaigns.current, (0, 4_000_000_000)) == 2
        answers = await asyncio.gather(*(early.salute_until_taken(citizen) for citizen in range(3, 9)))
        assert sorted(a.ordinal for a in answers) == list(range(3, 9))
        assert (await early.audit())["ok"]
        await early.close()
        await late.close()

    async def test_two_processes_never_recover_one_shard_at_once(self, stores, tmp_path):
        worlds = [await World(stores, tmp_path, campaign(), owner=f"process {n}").ready() for n in range(4)]
        await worlds[0].salute(1)
        shard = worlds[0].counting.period(worlds[0].campaigns.current, "all").handles[0].shard
        await stores.redis.flushall()
        epochs = await asyncio.gather(*(w.keeper.recover(shard, w.campaigns.current, (0, 4_000_000_000)) for w in worlds))
        assert sorted(filter(None, epochs)) == [2]
        for world in worlds:
            await world.close()

    async def test_a_redis_whose_counters_mongodb_does_not_know_stays_closed(self, stores, tmp_path):
        world = await World(stores, tmp_path, campaign()).ready()
        await world.salute(1)
        await world.close()
        await stores.mongo["shards"].delete_one({"_id": "flag:all:0"})
        other = await World(stores, tmp_path, campaign()).ready()
        with pytest.raises(Unavailable):
            await other.salute(2)
        await other.close()

    async def test_rebuild_makes_the_same_counters_from_documents_alone(self, stores, tmp_path):
        world = await World(stores, tmp_path, campaign()).ready()
        answers = await everyone(world)
        shard = world.counting.period(world.campaigns.current, "all").handles[0].shard
        await stores.redis.hset(shard.keys[1], "p", 999)
        assert not (await world.audit())["ok"]
        await world.keeper.recover(shard, world.campaigns.current, (0, 4_000_000_000), from_documents=True)
        report = await world.audit()
        assert report["ok"] and report["participants"]["totals"] == 60
        assert (await world.salute_until_taken(59)).ordinal == answers[59].ordinal
        await world.close()


class TestReconcile:
    async def test_a_cell_that_a_document_names_is_put_back(self, stores, tmp_path):
        world = await World(stores, tmp_path, campaign()).ready()
        answers = await everyone(world)
        await world.carry_all()
        shard = world.counting.period(world.campaigns.current, "all").handles[0].shard
        _, page, offset = place(7, 1)
        await stores.redis.setrange(f"count:{shard.tag}:page:{page}", offset, b"\0" * 14)
        await stores.redis.hincrby(shard.keys[1], "p", -1)
        await stores.redis.hincrby(shard.keys[1], f"r:{XIANGCHENG}", -1)
        await stores.redis.hincrby(shard.keys[1], "a:0", -1)
        await stores.redis.hincrby(shard.keys[2], answers[7].participated_at // 60, -1)
        assert await world.reconcile.shard(shard, world.campaigns.current) == 1
        assert await world.reconcile.shard(shard, world.campaigns.current) == 0
        assert (await world.audit())["ok"]
        await world.close()


class TestReceiptsOfMergedNumbers:
    async def test_one_that_was_lost_before_the_merge_is_still_hers(self, stores, tmp_path):
        """Her salute under one number was shown and lost; then her two numbers turned out to be one."""
        world = await World(stores, tmp_path, campaign(2)).ready()
        await asyncio.gather(*(world.salute(citizen) for citizen in range(10, 20)))
        await world.carry_all()
        shown = await world.salute(7)
        await stores.redis.flushall()
        world.merged[7] = 4
        again = await world.salute_until_taken(4, receipt=shown.receipt)
        assert (again.ordinal, again.participated_at) == (shown.ordinal, shown.participated_at)
        await world.salute_until_taken(11)  # the other shard is ready too
        await world.amendments.merge(7, 4)
        assert (await world.salute_until_taken(4)).ordinal == shown.ordinal
        await world.proved(11)
        await world.close()

    async def test_so_is_one_that_comes_while_the_merge_is_half_done(self, stores, tmp_path):
        world = await World(stores, tmp_path, campaign(2)).ready()
        shown = await world.salute(7)
        world.merged[7] = 4
        again = await world.salute(4, receipt=shown.receipt)
        assert again.ordinal == shown.ordinal
        await world.carry_all()
        await world.amendments.merge(7, 4)
        await world.proved(1)
        await world.close()

    async def test_one_that_was_voided_before_the_merge_brings_nothing_back(self, stores, tmp_path):
        world = await World(stores, tmp_path, campaign(2)).ready()
        shown = await world.salute(7)
        await world.carry_all()
        await world.amendments.void(world.campaigns.current, "all", 7)
        await world.amendments.merge(7, 4)
        world.merged[7] = 4
        assert (await world.salute(4, receipt=shown.receipt)).ordinal != shown.ordinal
        await world.proved(1)
        await world.close()

    async def test_anothers_is_not(self, stores, tmp_path):
        world = await World(stores, tmp_path, campaign(2)).ready()
        shown = await world.salute(7)
        await stores.redis.flushall()
        assert (await world.salute_until_taken(4, receipt=shown.receipt)).ordinal != shown.ordinal
        await world.close()

    async def test_the_same_one_a_hundred_times_at_once_restores_one(self, stores, tmp_path):
        world = await World(stores, tmp_path, campaign()).ready()
        shown = await world.salute(7)
        await stores.redis.flushall()
        await world.salute_until_taken(8)
        answers = await asyncio.gather(*(world.salute(7, receipt=shown.receipt) for _ in range(100)))
        assert {(a.ordinal, a.participated_at) for a in answers} == {(shown.ordinal, shown.participated_at)}
        await world.proved(2)
        await world.close()


class TestVoidsAreRemembered:
    async def test_an_emptied_redis_does_not_tell_clients_that_totals_may_not_fall(self, stores, tmp_path):
        world = await World(stores, tmp_path, campaign()).ready()
        await asyncio.gather(*(world.salute(citizen) for citizen in range(6)))
        await world.carry_all()
        for citizen in range(3):
            await world.amendments.void(world.campaigns.current, "all", citizen)
        await world.salute(10)
        await world.carry_all()
        before = await world.counting.figures("flag", "all", time.time())
        await stores.redis.flushall()
        while (after := await world.counting.figures("flag", "all", time.time())).stale_shards:
            await asyncio.sleep(0.1)
        assert after.participants == before.participants == 4 and after.voids > before.voids
        await world.close()
