"""What the counting service promises beside the count itself: that a store's trouble stops no more than it must, and that nothing grows."""

from __future__ import annotations

import asyncio
import time

import pytest

from server.errors import Conflict, Unavailable
from server.stores import PyMongoError
from tests.server.counting.test_attacks import check, opened, photograph, set_back, shard_of
from tests.server.counting.world import ALWAYS, campaign

pytestmark = pytest.mark.gen_test(timeout=60)


async def meta_key(stores) -> bytes:
    [key] = [key async for key in stores.redis.scan_iter() if key.endswith(b":meta")]
    return key


class TestPromises:
    async def test_a_thousand_who_come_too_early_leave_nothing_behind(self, stores, tmp_path):
        """A raised error keeps the frames that it went through: one that is raised again and again keeps them all."""
        world = await opened(stores, tmp_path, state="scheduled")
        refused = await asyncio.gather(*(world.salute(n) for n in range(1000)), return_exceptions=True)
        assert len({id(error) for error in refused}) == 1000 and {error.code for error in refused} == {"CAMPAIGN_NOT_OPEN"}

        def depth(traceback) -> int:
            return 0 if traceback is None else 1 + depth(traceback.tb_next)
        assert max(depth(error.__traceback__) for error in refused) < 10
        await world.close()

    async def test_a_wall_that_gets_no_figures_stops_no_salute_while_mongodb_is_away(self, stores, tmp_path, monkeypatch):
        world = await opened(stores, tmp_path)
        await world.salute(1)

        async def late(*_):
            raise TimeoutError

        async def away(*_):
            raise PyMongoError("away")

        with monkeypatch.context() as patched:
            patched.setattr(shard_of(world), "figures", late)
            patched.setattr(world.epochs, "find_or_create", away)
            assert (await world.counting.figures("flag", None, time.time())).stale_shards == 1
            assert (await world.salute(2)).ordinal == 2
        await check(world, 2)
        await world.close()

    @pytest.mark.parametrize(("before", "now"), [("open", "paused"), ("paused", "open")])
    async def test_a_recovery_that_missed_a_change_of_state_learns_of_it(self, stores, tmp_path, before, now):
        world = await opened(stores, tmp_path)
        await world.salute(1)
        changed = campaign(state=now, rev=2)
        world.campaigns.current = campaign(state=before, rev=1)
        known, world.campaigns.get_any = world.campaigns.current, lambda slug: asyncio.sleep(0, changed)
        await set_back(stores, await photograph(stores))
        world.counting.period(known, "all")
        world.campaigns.at_hand = lambda slug: known
        found = await asyncio.gather(world.salute(2), return_exceptions=True)
        assert await stores.redis.hget(await meta_key(stores), "state") == now.encode()
        if now == "open":
            assert found[0].first
        else:
            assert found[0].code == "CAMPAIGN_PAUSED"
        # Who comes late with what was before changes nothing.
        epoch = int(await stores.redis.hget(await meta_key(stores), "epoch"))
        assert await shard_of(world).set_window(epoch, 1, before, *ALWAYS)
        assert await stores.redis.hget(await meta_key(stores), "state") == now.encode()
        await world.close()

    async def test_repeats_of_one_salute_fill_no_memory(self, stores, tmp_path):
        world = await opened(stores, tmp_path)
        await world.salute(0)
        coalescer = world.counting.period(world.campaigns.current, "all").handles[0].coalescer
        coalescer._max_waiting = 50
        answers = await asyncio.gather(*(world.salute(7) for _ in range(500)), return_exceptions=True)
        assert sum(isinstance(a, Unavailable) for a in answers) == 449
        assert not coalescer._joined_count and not coalescer._joined and not coalescer._asked
        assert {a.ordinal for a in answers if not isinstance(a, Unavailable)} == {2}
        await check(world, 2)
        await world.close()

    async def test_a_deleted_citizen_is_not_counted_by_a_process_that_has_yet_to_learn_of_it(self, stores, tmp_path):
        world = await opened(stores, tmp_path)
        first = await world.salute(7)
        await world.amendments.flag_deleted(7)
        for ask in (world.salute(7, "heroes"), world.salute(7, receipt=first.receipt)):
            with pytest.raises(Conflict) as refusal:
                await ask
            assert refusal.value.code == "DELETED_BEFORE"  # also when she comes back: to be told BUSY would let her phone ask for ever
        await world.carry_all()
        assert {(d.citizen, d.activity) async for page in world.documents.pages("flag:all:0") for d in page} == {(7, "salute")}
        await world.close()

    async def test_only_a_redis_that_writes_each_answer_down_counts_as_durable(self, stores, tmp_path, monkeypatch):
        world = await opened(stores, tmp_path)
        await world.salute(1)
        shard, real = shard_of(world), stores.counting.call

        async def says(appendonly: bytes, appendfsync: bytes) -> bool:
            async def call(key, *command):
                if command[0] == "CONFIG":
                    return [b"appendfsync", appendfsync, b"no-appendfsync-on-rewrite", b"no", b"appendonly", appendonly]
                return await real(key, *command)
            with monkeypatch.context() as patched:
                patched.setattr(stores.counting, "call", call)
                return await shard.durable_server()

        assert [await says(*words) for words in ((b"yes", b"always"), (b"no", b"always"), (b"yes", b"everysec"))] == [True, False, False]
        await world.close()
