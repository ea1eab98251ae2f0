"""What many ask for at once is read once, and neither a failure nor what was forgotten meanwhile is remembered."""

from __future__ import annotations

import asyncio

import pytest

from server.errors import StoreUnavailable
from server.shared_reads import HotBytes, Remembered

pytestmark = pytest.mark.gen_test(timeout=20)


class Store:
    """Answers when it is told to; `reads` counts how often it was asked."""

    def __init__(self) -> None:
        self.reads = 0
        self.answering = asyncio.Event()
        self.value = b"x" * 40
        self.problem: Exception | None = None

    async def read(self) -> bytes:
        self.reads += 1
        value = self.value
        await self.answering.wait()
        if self.problem:
            raise self.problem
        return value


def asked(memory, store: Store, key: str = "tile", times: int = 50) -> list[asyncio.Task[bytes]]:
    return [asyncio.create_task(memory.get(key, store.read)) for _ in range(times)]


async def begun(store: Store, reads: int) -> None:
    while store.reads < reads:
        await asyncio.sleep(0)


def memories():
    return [Remembered(60.0, 2), HotBytes(100)]


@pytest.mark.parametrize("n", [0, 1], ids=["seconds", "bytes"])
async def test_fifty_at_once_are_one_reading_and_who_leaves_ends_it_for_nobody(n):
    memory, store = memories()[n], Store()
    people = asked(memory, store)
    await begun(store, 1)
    people.pop(0).cancel()
    store.answering.set()
    assert await asyncio.gather(*people) == [store.value] * 49
    assert await memory.get("tile", store.read) == store.value and store.reads == 1


@pytest.mark.parametrize("n", [0, 1], ids=["seconds", "bytes"])
async def test_a_failure_is_everybodys_who_waited_and_the_next_one_reads_anew(n):
    memory, store = memories()[n], Store()
    store.problem = StoreUnavailable()
    store.answering.set()
    assert {type(one) for one in await asyncio.gather(*asked(memory, store), return_exceptions=True)} == {StoreUnavailable}
    store.problem = None
    assert await memory.get("tile", store.read) == store.value and store.reads == 2


@pytest.mark.parametrize("n", [0, 1], ids=["seconds", "bytes"])
async def test_what_is_forgotten_while_it_is_read_is_not_remembered_and_later_readers_do_not_wait_for_it(n):
    memory, store = memories()[n], Store()
    before = asked(memory, store)
    await begun(store, 1)
    memory.forget("tile")
    store.value = b"new"
    after = asked(memory, store)
    await begun(store, 2)
    store.answering.set()
    assert set(await asyncio.gather(*before)) == {b"x" * 40} and set(await asyncio.gather(*after)) == {b"new"}
    assert await memory.get("tile", store.read) == b"new" and store.reads == 2


async def test_seconds_count_from_the_beginning_of_a_reading_and_the_last_value_stays_known():
    memory, store = Remembered[bytes](0.0, 2), Store()
    store.answering.set()
    assert memory.last("tile") is None
    for _ in range(2):
        await memory.get("tile", store.read)
    assert store.reads == 2 and memory.last("tile") == store.value


async def test_of_more_keys_than_are_kept_the_last_ones_stay():
    memory, store = Remembered[bytes](60.0, 2), Store()
    store.answering.set()
    for key in ("a", "b", "c"):
        await memory.get(key, store.read)
    assert [memory.last(key) is None for key in ("a", "b", "c")] == [True, False, False]


async def test_bytes_are_counted_once_for_each_key_and_those_asked_for_last_stay():
    memory, store = HotBytes(100), Store()
    store.answering.set()
    await asyncio.gather(*asked(memory, store, "a"), *asked(memory, store, "b"))
    assert (memory.bytes, store.reads) == (80, 2)
    await memory.get("a", store.read)
    await memory.get("c", store.read)  # b goes, since a was asked for after it
    assert memory.bytes == 80
    await memory.get("a", store.read)
    assert store.reads == 3
    for key in ("a", "a", "b", "c"):
        memory.forget(key)
    assert memory.bytes == 0
