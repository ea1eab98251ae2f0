"""After a deletion nothing of the person is left, whatever fails meanwhile; and who comes back starts anew."""

from __future__ import annotations

import asyncio

import pytest

from server.citizens import Citizens
from server.citizens.deletions import FORGET_EVERY_SECONDS, RETRY_SECONDS, DeletionList
from server.errors import NotAuthorised, StoreUnavailable
from server.tokens import Token
from tests.command_listener import LOOKING
from tests.server.citizens.people import MINIPROGRAM, NOON, OFFICIAL, Witness, citizens_of, everything, first_process

pytestmark = pytest.mark.gen_test(timeout=60)
# When the second look at what other processes may have taken is over.
SETTLED = NOON + 6


async def alice_and_bob(stores, tmp_path, witness: Witness) -> tuple[Citizens, int, int]:
    citizens = await first_process(stores, tmp_path, witness)
    alice = await citizens.identify(OFFICIAL, "openid-alice", "union-alice", NOON - 100)
    assert await citizens.identify(MINIPROGRAM, "mini-alice", "union-alice", NOON - 100) == alice
    return citizens, alice, await citizens.identify(OFFICIAL, "openid-bob", None, NOON - 100)


async def test_nothing_but_hash_and_number_is_left(stores, tmp_path):
    witness = Witness()
    citizens, alice, bob = await alice_and_bob(stores, tmp_path, witness)
    sealed = [i["openid"] for i in await stores.mongo["identities"].find({"citizen": alice}).to_list(None) if "openid" in i]
    assert len(sealed) == 2
    await citizens.delete(alice, NOON)
    await citizens.finish_deletions(SETTLED)
    dump = await everything(stores) + (tmp_path / "deletions.jsonl").read_bytes()
    for secret in [b"openid-alice", b"mini-alice", b"union-alice", *(repr(s).encode() for s in sealed)]:
        assert secret not in dump
    for identity in await stores.mongo["identities"].find({"citizen": alice}).to_list(None):
        assert set(identity) == {"_id", "citizen", "erased"}
    assert set(witness.erased) == {alice}
    assert await citizens.openid_of(alice, OFFICIAL) is None
    assert await citizens.openid_of(bob, OFFICIAL) == "openid-bob"


async def test_tokens_from_before_are_refused_here_at_once_and_elsewhere_after_a_refresh(stores, tmp_path):
    citizens, alice, bob = await alice_and_bob(stores, tmp_path, Witness())
    other = citizens_of(stores, tmp_path)
    await citizens.delete(alice, NOON)
    await other.refresh()
    for process in (citizens, other):
        for issued_at in (int(NOON) - 50, int(NOON)):
            with pytest.raises(NotAuthorised, match="TOKEN_INVALID"):
                process.of_token(Token(alice, issued_at))
        assert process.of_token(Token(bob, int(NOON) - 50)) == bob


async def test_who_comes_back_has_her_number_a_new_token_and_keeps_what_she_gives_now(stores, tmp_path):
    witness = Witness()
    citizens, alice, _ = await alice_and_bob(stores, tmp_path, witness)
    await citizens.delete(alice, NOON)
    assert await citizens.identify(OFFICIAL, "openid-alice", None, NOON + 0.1) == alice
    issued_at = int(citizens.token_time(alice, NOON + 0.1))
    assert citizens.of_token(Token(alice, issued_at)) == alice
    erased = list(witness.erased)
    await citizens.finish_deletions(SETTLED)
    assert witness.erased == erased
    assert await citizens.openid_of(alice, OFFICIAL) == "openid-alice"
    assert await citizens.openid_of(alice, MINIPROGRAM) is None
    assert await citizens.forget_hashes(SETTLED + FORGET_EVERY_SECONDS) == 0
    assert await citizens.identify(OFFICIAL, "openid-alice", "union-alice", NOON + 9) == alice


async def test_who_was_forgotten_comes_back_with_another_number_and_the_same_hashes(stores, tmp_path):
    citizens, alice, bob = await alice_and_bob(stores, tmp_path, Witness())
    known = await citizens.hashes_of(alice)
    assert len(known) == 3 and not {*known} & {*await citizens.hashes_of(bob)}
    await citizens.delete(alice, NOON)
    await citizens.finish_deletions(SETTLED)
    assert sorted(await citizens.hashes_of(alice)) == sorted(known)
    assert await citizens.forget_hashes(SETTLED + FORGET_EVERY_SECONDS) == 1
    back = await citizens.identify(MINIPROGRAM, "mini-alice", "union-alice", NOON + 2 * FORGET_EVERY_SECONDS)
    assert back != alice and {*await citizens.hashes_of(back)} < {*known}


async def test_a_deletion_whose_erasers_fail_is_recorded_and_resumed_by_another_process(stores, tmp_path):
    witness = Witness()
    citizens, alice, _ = await alice_and_bob(stores, tmp_path, witness)
    witness.broken = True
    await citizens.delete(alice, NOON)
    with pytest.raises(NotAuthorised):
        citizens.of_token(Token(alice, int(NOON)))
    healthy = Witness()
    other = citizens_of(stores, tmp_path, healthy)
    assert await other.finish_deletions(NOON + 1) == 0, "somebody is at it"
    assert await other.finish_deletions(NOON + RETRY_SECONDS) == 1
    assert healthy.erased == [alice]
    assert await other.finish_deletions(NOON + RETRY_SECONDS * 9) == 0


async def test_a_process_killed_right_after_the_record_leaves_a_job(stores, tmp_path):
    citizens, alice, _ = await alice_and_bob(stores, tmp_path, Witness())
    await citizens._deletions.record(alice, NOON, NOON)
    healthy = Witness()
    assert await citizens_of(stores, tmp_path, healthy).finish_deletions(NOON + RETRY_SECONDS) == 1
    assert healthy.erased == [alice]


async def test_a_merged_citizen_is_erased_under_all_her_numbers(stores, tmp_path):
    witness = Witness()
    citizens = await first_process(stores, tmp_path, witness)
    await citizens.identify(OFFICIAL, "openid-alice", None, NOON - 9)
    await citizens.identify(MINIPROGRAM, "mini-alice", "union-alice", NOON - 9)
    await citizens.identify(OFFICIAL, "openid-alice", "union-alice", NOON - 9)
    await citizens.delete(2, NOON)
    assert witness.merged == [(2, 1)] and witness.erased == [1, 2]
    for number in (1, 2):
        with pytest.raises(NotAuthorised):
            citizens.of_token(Token(number, int(NOON)))
    assert not any("openid" in i for i in await stores.mongo["identities"].find(comment=LOOKING).to_list(None))


async def test_hashes_go_when_her_last_campaign_is_archived(stores, tmp_path):
    witness = Witness()
    citizens, alice, bob = await alice_and_bob(stores, tmp_path, witness)
    witness.running = {alice, bob}
    await citizens.delete(alice, NOON)
    await citizens.finish_deletions(SETTLED)
    assert await citizens.forget_hashes(SETTLED) == 0
    witness.running = {bob}
    assert await citizens.forget_hashes(SETTLED + 60) == 0, "a look a day"
    assert await citizens.forget_hashes(SETTLED + FORGET_EVERY_SECONDS) == 1
    assert {i["citizen"] for i in await stores.mongo["identities"].find(comment=LOOKING).to_list(None)} == {bob}
    assert await citizens.identify(OFFICIAL, "openid-alice", None, NOON + 2 * FORGET_EVERY_SECONDS) not in (alice, bob)


async def test_a_restore_replays_the_list(stores, tmp_path):
    witness = Witness()
    citizens, alice, bob = await alice_and_bob(stores, tmp_path, witness)
    backup = {name: await stores.mongo[name].find(comment=LOOKING).to_list(None) for name in ("identities", "deletions")}
    await citizens.delete(alice, NOON)
    await citizens.finish_deletions(SETTLED)
    for name, documents in backup.items():
        await stores.mongo[name].delete_many({}, comment=LOOKING)
        if documents:
            await stores.mongo[name].insert_many(documents)
    restored = citizens_of(stores, tmp_path, witness)
    await restored.refresh()
    assert await restored.openid_of(alice, OFFICIAL) == "openid-alice", "the backup brought her back"
    witness.erased.clear()
    assert await restored.replay_deletions(NOON + 5000) == 1
    assert await restored.finish_deletions(NOON + 5000) == 1
    assert await restored.openid_of(alice, OFFICIAL) is None
    assert await restored.openid_of(bob, OFFICIAL) == "openid-bob"
    assert witness.erased == [alice]
    with pytest.raises(NotAuthorised):
        restored.of_token(Token(alice, int(NOON)))


async def test_a_replay_leaves_who_came_back_alone(stores, tmp_path):
    citizens, alice, _ = await alice_and_bob(stores, tmp_path, Witness())
    await citizens.delete(alice, NOON)
    await citizens.identify(OFFICIAL, "openid-alice", None, NOON + 1)
    assert await citizens.replay_deletions(NOON + 5000) == 0
    assert await citizens.openid_of(alice, OFFICIAL) == "openid-alice"


async def test_a_list_cut_by_a_kill_stays_readable(tmp_path):
    path = tmp_path / "list.jsonl"
    deletions = DeletionList(path)
    await deletions.append(5, NOON)
    with path.open("a") as file:
        file.write('{"citizen": 6, "dele')
    await asyncio.gather(deletions.append(7, NOON), deletions.append(5, NOON + 1))
    assert await deletions.read() == {5: NOON + 1, 7: NOON}
    assert path.stat().st_mode & 0o777 == 0o600


async def test_what_a_deletion_leaves_under_a_number_goes_with_its_last_hash_and_not_before(stores, tmp_path):
    witness, forgotten, broken = Witness(), list[int](), [StoreUnavailable()]
    citizens, alice, _ = await alice_and_bob(stores, tmp_path, witness)

    async def forget(citizen: int) -> None:
        if broken:
            raise broken.pop()
        forgotten.append(citizen)

    citizens.forget_also(forget)
    witness.running = {alice}
    await citizens.delete(alice, NOON)
    await citizens.finish_deletions(SETTLED)
    assert await citizens.forget_hashes(SETTLED) == 0 and forgotten == []
    witness.running = set()
    with pytest.raises(StoreUnavailable):
        await citizens.forget_hashes(SETTLED + FORGET_EVERY_SECONDS)
    assert await citizens.forget_hashes(SETTLED + FORGET_EVERY_SECONDS) == 1, "it is repeated until it is whole"
    assert forgotten == [alice]
