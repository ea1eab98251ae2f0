"""Two numbers that turn out to be one unionid: one survives, everywhere, and what is theirs follows."""

from __future__ import annotations

import asyncio

import pytest

from server.citizens.merges import RETRY_SECONDS, ROUNDS_SECONDS
from server.tokens import Token
from tests.command_listener import LOOKING
from tests.server.citizens.people import MINIPROGRAM, NOON, OFFICIAL, Witness, citizens_of, first_process

pytestmark = pytest.mark.gen_test(timeout=60)
FIRST, LAST = (NOON + seconds for seconds in ROUNDS_SECONDS)


async def alice_twice(citizens) -> tuple[int, int]:
    """Alice is seen in the account without her unionid, then in the mini-program with it."""
    return (await citizens.identify(OFFICIAL, "openid-alice", None, NOON),
            await citizens.identify(MINIPROGRAM, "mini-alice", "union-alice", NOON))


async def test_the_smaller_number_survives_at_once(stores, tmp_path):
    citizens = await first_process(stores, tmp_path)
    official, mini = await alice_twice(citizens)
    assert (official, mini) == (1, 2)
    assert await citizens.identify(OFFICIAL, "openid-alice", "union-alice", NOON) == 1
    assert citizens.resolve(2) == citizens.of_token(Token(2, int(NOON))) == 1
    assert await citizens.openid_of(1, MINIPROGRAM) == await citizens.openid_of(2, MINIPROGRAM) == "mini-alice"


async def test_another_process_learns_it_by_refresh(stores, tmp_path):
    citizens = await first_process(stores, tmp_path)
    await alice_twice(citizens)
    other = citizens_of(stores, tmp_path)
    await other.refresh()
    await citizens.identify(OFFICIAL, "openid-alice", "union-alice", NOON)
    assert other.resolve(2) == 2
    await other.refresh()
    assert other.resolve(2) == 1


async def test_participations_move_when_every_process_knows_and_once_more_later(stores, tmp_path):
    witness = Witness()
    citizens = await first_process(stores, tmp_path, witness)
    await alice_twice(citizens)
    await citizens.identify(OFFICIAL, "openid-alice", "union-alice", NOON)
    assert await citizens.finish_merges(FIRST - 1) == 0
    assert await citizens.finish_merges(FIRST) == 1
    assert await citizens.finish_merges(FIRST + RETRY_SECONDS) == 0
    assert await citizens.finish_merges(LAST) == 1
    assert await citizens.finish_merges(LAST + 86400) == 0
    assert witness.merged == [(2, 1), (2, 1)]
    assert {i["citizen"] for i in await stores.mongo["identities"].find(comment=LOOKING).to_list(None)} == {1}


async def test_a_move_that_failed_or_was_killed_is_resumed_by_another_process(stores, tmp_path):
    witness = Witness()
    citizens = await first_process(stores, tmp_path, witness)
    await alice_twice(citizens)
    await citizens.identify(OFFICIAL, "openid-alice", "union-alice", NOON)
    witness.broken = True
    assert await citizens.finish_merges(FIRST) == 0
    healthy = Witness()
    other = citizens_of(stores, tmp_path, healthy)
    assert await other.finish_merges(FIRST + RETRY_SECONDS) == 1
    assert healthy.merged == [(2, 1)]


async def test_a_chain_of_merges_ends_at_the_smallest(stores, tmp_path):
    witness = Witness()
    citizens = await first_process(stores, tmp_path, witness)
    for name in "abc":
        await citizens.identify(OFFICIAL, name, None, NOON)
    await citizens.identify(OFFICIAL, "c", "u", NOON)
    assert await citizens.identify(OFFICIAL, "b", "u", NOON) == 2
    assert await citizens.identify(OFFICIAL, "a", "u", NOON) == 1
    assert citizens.resolve(3) == 1
    await citizens.finish_merges(FIRST)
    assert sorted(witness.merged) == [(2, 1), (3, 1)]
    assert await citizens.identify(OFFICIAL, "c", None, NOON) == 1


async def test_processes_that_merge_different_pairs_at_once_agree(stores, tmp_path):
    await first_process(stores, tmp_path)
    processes = [citizens_of(stores, tmp_path) for _ in range(4)]
    for i in range(8):
        await processes[i % 4].identify(OFFICIAL, f"o{i}", None, NOON)
    numbers = {await processes[0].identify(OFFICIAL, f"o{i}", None, NOON) for i in range(8)}
    await asyncio.gather(*(processes[i % 4].identify(OFFICIAL, f"o{i}", "u", NOON) for i in range(8)))
    await asyncio.gather(*(p.identify(OFFICIAL, f"o{i}", "u", NOON) for i in range(8) for p in processes))
    for process in processes:
        await process.refresh()
        assert {process.resolve(n) for n in numbers} == {min(numbers)}
