"""Many requests, few calls: what waits, what joins, what is refused, over a shard that does as it is told."""

from __future__ import annotations

import asyncio

import pytest

from server.counting.cells import FIRST, REPEAT, Record
from server.counting.coalescer import MAX_BATCH, Coalescer, ShardNotReady
from server.counting.shards import Accepted, Item
from server.errors import Unavailable
from server.metrics import Metrics
from server.stores import RedisError

pytestmark = pytest.mark.gen_test(timeout=20)


class Shard:
    """Numbers whoever is new; waits for `gate`, fails with what `failures` hold, is not ready while `ready` is False."""

    id = "flag:all:0"

    def __init__(self) -> None:
        self.calls: list[list[Item]] = []
        self.known: dict[int, int] = {}
        self.gate = asyncio.Event()
        self.gate.set()
        self.failures: list[Exception] = []
        self.ready = True

    async def accept(self, epoch: int, items: list[Item]) -> Accepted | None:
        self.calls.append(list(items))
        await self.gate.wait()
        if self.failures:
            raise self.failures.pop(0)
        if not self.ready:
            return None
        records = []
        for item in items:
            status = REPEAT if item.citizen in self.known else FIRST
            ordinal = self.known.setdefault(item.citizen, len(self.known) + 1)
            records.append(Record(status, ordinal, 1_790_827_200, ordinal, 1))
        return Accepted(0, records)


class Queue:
    def __init__(self, *, max_waiting: int = 1000, deadline_seconds: float = 5.0) -> None:
        self.shard = Shard()
        self.told = 0
        self.coalescer = Coalescer(self.shard, lambda: 1, self._not_ready, max_waiting=max_waiting,  # type: ignore[arg-type]
                                   deadline_seconds=deadline_seconds, metrics=Metrics())

    async def _not_ready(self) -> None:
        self.told += 1

    def submit(self, citizen: int, bit: int = 0):
        return self.coalescer.submit(Item(citizen, bit, "350602"))

    async def held(self) -> None:
        """One call is in flight and stays there."""
        self.shard.gate.clear()
        self.first = self.submit(0)
        while not self.shard.calls:
            await asyncio.sleep(0)


async def test_what_comes_in_one_turn_goes_out_as_one_call_in_its_order():
    queue = Queue()
    answers = await asyncio.gather(*(queue.submit(citizen) for citizen in range(50)))
    assert [len(call) for call in queue.shard.calls] == [50]
    assert [answer.record.ordinal for answer in answers] == list(range(1, 51))


async def test_one_call_is_in_flight_and_the_next_gathers():
    queue = Queue()
    await queue.held()
    later = [queue.submit(citizen) for citizen in range(1, 30)]
    await asyncio.sleep(0.05)
    assert len(queue.shard.calls) == 1 and len(queue.coalescer) == 29
    queue.shard.gate.set()
    await asyncio.gather(queue.first, *later)
    assert [len(call) for call in queue.shard.calls] == [1, 29]


async def test_a_crowd_goes_out_in_batches():
    queue = Queue(max_waiting=5000)
    await asyncio.gather(*(queue.submit(citizen) for citizen in range(MAX_BATCH * 2 + 7)))
    assert [len(call) for call in queue.shard.calls] == [MAX_BATCH, MAX_BATCH, 7]


async def test_a_repeat_joins_her_own_request_and_is_told_as_a_repeat():
    queue = Queue()
    await queue.held()
    repeats = [queue.submit(0) for _ in range(5)]
    queue.shard.gate.set()
    answers = await asyncio.gather(queue.first, *repeats)
    assert [len(call) for call in queue.shard.calls] == [1]
    assert [answer.record.status for answer in answers] == [FIRST] + [REPEAT] * 5
    assert {answer.record.ordinal for answer in answers} == {1}


async def test_another_activity_of_hers_is_another_request():
    queue = Queue()
    await asyncio.gather(queue.submit(1, bit=0), queue.submit(1, bit=1))
    assert len(queue.shard.calls[0]) == 2


async def test_a_full_queue_refuses_at_once_and_forgets_nobody_who_waits():
    queue = Queue(max_waiting=10)
    await queue.held()
    waiting = [queue.submit(citizen) for citizen in range(1, 11)]
    with pytest.raises(Unavailable):
        queue.submit(11)
    assert queue.submit(5) is not None, "who waits already may ask again"
    queue.shard.gate.set()
    assert len(await asyncio.gather(*waiting)) == 10


async def test_who_waited_past_the_deadline_behind_a_stalled_call_is_refused_and_not_counted():
    queue = Queue(deadline_seconds=0.2)
    await queue.held()
    overdue = queue.submit(1)
    with pytest.raises(Unavailable):
        await overdue
    queue.shard.gate.set()
    await queue.first
    await queue.coalescer.drain()
    assert 1 not in queue.shard.known


async def test_a_lost_connection_is_tried_once_more():
    queue = Queue()
    queue.shard.failures = [RedisError("gone")]
    assert (await queue.submit(1)).record.ordinal == 1
    assert len(queue.shard.calls) == 2


async def test_then_everybody_of_the_batch_is_told_and_the_next_batch_goes_on():
    queue = Queue()
    queue.shard.failures = [RedisError("gone"), TimeoutError()]
    refused = await asyncio.gather(*(queue.submit(citizen) for citizen in range(5)), return_exceptions=True)
    assert {type(one) for one in refused} == {Unavailable}
    assert (await queue.submit(9)).record.ordinal == 1


async def test_a_shard_that_is_not_ready_is_looked_after_and_says_so():
    queue = Queue()
    queue.shard.ready = False
    with pytest.raises(ShardNotReady) as refused:
        await queue.submit(1)
    assert queue.told and refused.value.retry_after_seconds == 1


async def test_who_leaves_takes_nobodys_answer_away():
    queue = Queue()
    await queue.held()
    leaving = asyncio.create_task(asyncio.wait_for(asyncio.shield(queue.first), 0.01))
    repeat = queue.submit(0)
    with pytest.raises(TimeoutError):
        await leaving
    queue.shard.gate.set()
    assert (await repeat).record.ordinal == 1


async def test_a_bug_fails_its_batch_and_not_the_queue():
    queue = Queue()
    queue.shard.failures = [KeyError("a bug")]
    with pytest.raises(KeyError):
        await queue.submit(1)
    assert (await queue.submit(2)).record.ordinal == 1
