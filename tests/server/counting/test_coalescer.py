"""The queue before a shard: who is harmed in it harms nobody else, and who is refused by it was not counted."""

from __future__ import annotations

import asyncio
import time

import pytest

from server.counting import coalescer as coalescer_module
from server.counting.cells import FIRST, REPEAT
from server.counting.coalescer import CROWD_AGE_SECONDS, MAX_BATCH, settle
from server.counting.receipts import Receipt
from server.counting.shards import Item
from server.errors import Unavailable
from server.stores import RedisError
from tests.server.counting.world import XIANGCHENG, World, campaign

pytestmark = pytest.mark.gen_test(timeout=30)


async def opened(stores, tmp_path) -> World:
    world = await World(stores, tmp_path, campaign()).ready()
    await world.salute(0)
    return world


def handle_of(world: World):
    return world.counting.period(world.campaigns.current, "all").handles[0]


def ask(world: World, item: Item) -> asyncio.Future:
    """The record that the queue gives for an item."""
    future = asyncio.get_running_loop().create_future()
    handle_of(world).coalescer.ask(item, lambda future, record, durable: settle(future, record), future)
    return future


def hold(world: World) -> asyncio.Event:
    """Calls of the shard wait until the event is set, as behind a stalled Redis."""
    shard, go = handle_of(world).shard, asyncio.Event()
    real = shard.accept

    async def accept(epoch, items):
        await go.wait()
        return await real(epoch, items)

    shard.accept = accept
    return go


class TestBatch:
    @pytest.mark.parametrize("poison", [
        Item(777, 12, XIANGCHENG), Item(777, -2, XIANGCHENG), Item(777, 0, "\ud800"), Item(-1, 0, XIANGCHENG),
        Item(777, 0, XIANGCHENG, receipt=Receipt("flag", "all", 777, 5, 1, 1 << 14, XIANGCHENG, "")),
        Item(777, 0, XIANGCHENG, receipt=Receipt("flag", "all", 777, -5, 1, 1, XIANGCHENG, ""))])
    async def test_a_malformed_item_is_refused_alone(self, stores, tmp_path, poison):
        world = await opened(stores, tmp_path)
        asked = [ask(world, Item(citizen, 0, XIANGCHENG)) for citizen in range(1, 101)]
        asked.insert(37, ask(world, poison))
        answers = await asyncio.gather(*asked, return_exceptions=True)
        assert isinstance(answers.pop(37), Exception)
        assert sorted(record.ordinal for record in answers) == list(range(2, 102))
        await world.proved(101)
        await world.close()

    async def test_a_broken_page_harms_only_its_own_citizens(self, stores, tmp_path):
        world = await opened(stores, tmp_path)
        shard = handle_of(world).shard
        await stores.redis.hset(f"count:{shard.tag}:page:1", "not", "cells")
        answers = await asyncio.gather(*(world.salute(citizen) for citizen in (1, 5000, 2, 5001, 3)), return_exceptions=True)
        assert [isinstance(a, RedisError) for a in answers] == [False, True, False, True, False]
        await stores.redis.unlink(f"count:{shard.tag}:page:1")
        assert [(await world.salute(citizen)).ordinal for citizen in (5000, 5001)] == [5, 6]
        await world.proved(6)
        await world.close()

    async def test_one_citizen_in_a_batch_with_different_words_is_counted_once(self, stores, tmp_path):
        world = await opened(stores, tmp_path)
        answers = await asyncio.gather(*(ask(world, Item(7, 0, region)) for region in (XIANGCHENG, "declined", XIANGCHENG)))
        assert [record.status for record in answers] == [FIRST, REPEAT, REPEAT] and {record.ordinal for record in answers} == {2}
        await world.proved(2)
        await world.close()


    async def test_who_asks_a_hundred_times_in_other_words_takes_one_place_in_the_queue(self, stores, tmp_path):
        world = await opened(stores, tmp_path)
        go, sizes = hold(world), []
        real = handle_of(world).shard.accept

        async def accept(epoch, items):
            sizes.append(len(items))
            return await real(epoch, items)

        handle_of(world).shard.accept = accept
        asked = [ask(world, Item(7, 0, region)) for region in (XIANGCHENG, "declined") * 50]
        assert world.counting.admission.inside == 100
        go.set()
        answers = await asyncio.gather(*asked)
        assert [record.status for record in answers].count(FIRST) == 1 and {record.ordinal for record in answers} == {2}
        assert sizes == [1] and world.counting.admission.inside == 0
        await world.close()

    async def test_a_reply_that_fails_harms_nobody(self, stores, tmp_path):
        world = await opened(stores, tmp_path)
        answered = []

        def reply(citizen, record, durable):
            if citizen in (3, 7):
                raise RuntimeError("a bug")
            answered.append(citizen)

        coalescer = handle_of(world).coalescer
        for citizen in (*range(1, 11), 7, 7, 8):  # of whom some ask again
            coalescer.ask(Item(citizen, 0, XIANGCHENG), reply, citizen)
        await coalescer.drain()
        assert sorted(answered) == [1, 2, 4, 5, 6, 8, 8, 9, 10]
        assert world.counting.admission.inside == 0 and not coalescer._asked and not coalescer._joined
        await world.proved(11)
        await world.close()


    async def test_a_bug_while_a_shard_is_made_ready_refuses_its_batch_and_no_other(self, stores, tmp_path):
        world = await opened(stores, tmp_path)
        handle = handle_of(world)
        coalescer, epoch = handle.coalescer, handle.epoch

        async def not_ready():
            raise RuntimeError("a bug")

        real, coalescer._not_ready, handle.epoch = coalescer._not_ready, not_ready, None
        answers = await asyncio.gather(ask(world, Item(1, 0, XIANGCHENG)), ask(world, Item(1, 0, XIANGCHENG)), return_exceptions=True)
        assert [type(answer) for answer in answers] == [RuntimeError] * 2
        assert world.counting.admission.inside == 0 and not coalescer._asked
        coalescer._not_ready, handle.epoch = real, epoch
        assert (await world.salute(1)).ordinal == 2
        await world.close()

    async def test_a_bug_in_what_a_record_means_is_an_answer_too(self, stores, tmp_path, monkeypatch):
        world = await opened(stores, tmp_path)

        def outcome(*_):
            raise RuntimeError("a bug")

        monkeypatch.setattr(world.counting._rules, "outcome", outcome, raising=False)
        with pytest.raises(RuntimeError):
            await world.salute(1)
        await world.close()


class TestQueue:
    async def test_a_queue_that_grew_empty_while_salutes_gather_serves_whoever_comes_next(self, stores, tmp_path, monkeypatch):
        monkeypatch.setattr(coalescer_module, "GATHER_SECONDS", 0.3)
        world = await opened(stores, tmp_path)
        coalescer = handle_of(world).coalescer
        coalescer._deadline_seconds, coalescer._called_at = 0.05, time.monotonic()
        with pytest.raises(Unavailable):
            await world.salute(1)
        await coalescer.drain()
        coalescer._deadline_seconds = 2.0
        assert (await world.salute(1)).ordinal == 2
        await world.close()

    async def test_who_waited_past_the_deadline_is_refused_and_was_not_counted(self, stores, tmp_path):
        world = await opened(stores, tmp_path)
        handle_of(world).coalescer._deadline_seconds = 0.2
        go = hold(world)
        in_flight = asyncio.create_task(world.salute(1))
        await asyncio.sleep(0.05)
        refused = await asyncio.gather(*(world.salute(citizen) for citizen in (2, 3)), return_exceptions=True)
        assert [getattr(error, "code", error) for error in refused] == ["BUSY", "BUSY"]
        go.set()
        assert (await in_flight).ordinal == 2
        assert (await world.counting.figures("flag", None, 0)).participants == 2
        assert [(await world.salute(citizen)).first for citizen in (2, 3)] == [True, True]
        await world.proved(4)
        await world.close()

    async def test_who_is_in_flight_to_a_silent_shard_is_refused_once_and_later_told_the_number_that_she_got(self, stores, tmp_path):
        world = await opened(stores, tmp_path)
        coalescer = handle_of(world).coalescer
        coalescer._deadline_seconds = 0.2
        tried, accept = [], coalescer._shard.accept

        async def counts_and_says_nothing(epoch, items):
            tried.append(len(items))
            await accept(epoch, items)
            await asyncio.sleep(60)

        coalescer._shard.accept = counts_and_says_nothing
        with pytest.raises(Unavailable):
            await world.salute(1)
        assert tried == [1]  # the time for a second try was over
        coalescer._shard.accept = accept
        answer = await world.salute(1)
        assert (answer.ordinal, answer.first) == (2, False)
        await world.proved(2)
        await world.close()

    async def test_a_repeat_whose_first_was_refused_is_refused_with_it(self, stores, tmp_path):
        world = await opened(stores, tmp_path)
        handle_of(world).coalescer._deadline_seconds = 0.2
        go = hold(world)
        in_flight = asyncio.create_task(world.salute(1))
        await asyncio.sleep(0.05)
        both = await asyncio.gather(world.salute(2), world.salute(2), return_exceptions=True)
        assert all(isinstance(error, Unavailable) for error in both)
        go.set()
        await in_flight
        assert (await world.salute(2)).first
        await world.close()

    async def test_a_full_queue_refuses_at_once_and_serves_those_who_wait(self, stores, tmp_path):
        world = await opened(stores, tmp_path)
        handle_of(world).coalescer._max_waiting = 5
        go = hold(world)
        first = asyncio.create_task(world.salute(1))
        await asyncio.sleep(0.05)
        waiting = [asyncio.create_task(world.salute(citizen)) for citizen in range(2, 7)]
        await asyncio.sleep(0)
        with pytest.raises(Unavailable):
            await world.salute(7)
        go.set()
        assert sorted(a.ordinal for a in await asyncio.gather(first, *waiting)) == list(range(2, 8))
        await world.proved(7)
        await world.close()

    async def test_closing_answers_what_was_taken_in(self, stores, tmp_path):
        world = await opened(stores, tmp_path)
        tasks = [asyncio.create_task(world.salute(citizen)) for citizen in range(1, 51)]
        await asyncio.sleep(0)
        await world.close()
        assert sorted(task.result().ordinal for task in tasks) == list(range(2, 52))

    async def test_a_crowd_that_has_waited_is_joined_by_nobody(self, stores, tmp_path):
        """More than a batch waits, and for long: the newest go away early."""
        world = await opened(stores, tmp_path)
        go = hold(world)
        first = asyncio.create_task(world.salute(1))
        await asyncio.sleep(0.05)
        waiting = [ask(world, Item(citizen, 0, XIANGCHENG)) for citizen in range(2, 2 + MAX_BATCH)]
        await asyncio.sleep(CROWD_AGE_SECONDS * 1.5)
        with pytest.raises(Unavailable):
            await ask(world, Item(5000, 0, XIANGCHENG))
        go.set()
        await asyncio.gather(first, *waiting)
        await world.proved(MAX_BATCH + 2)
        await world.close()

    async def test_those_who_come_close_together_share_a_call(self, stores, tmp_path):
        world = await opened(stores, tmp_path)
        shard, sizes = handle_of(world).shard, []
        real = shard.accept

        async def accept(epoch, items):
            sizes.append(len(items))
            return await real(epoch, items)

        shard.accept = accept
        tasks = [asyncio.create_task(world.salute(1))]
        for citizen in range(2, 12):
            await asyncio.sleep(0)  # each in a turn of her own
            tasks.append(asyncio.create_task(world.salute(citizen)))
        await asyncio.gather(*tasks)
        assert sum(sizes) == 11 and len(sizes) <= 4
        await world.close()
