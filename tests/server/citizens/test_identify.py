"""One person, one number: races, two accounts, unionids, an outage."""

from __future__ import annotations

import asyncio

import pytest

from server.citizens import IdentityUnavailable
from server.stores import open_stores
from tests.server.citizens.people import MINIPROGRAM, NOON, OFFICIAL, citizens_of, everything, first_process

pytestmark = pytest.mark.gen_test(timeout=60)


async def test_it_works(stores, tmp_path):
    citizens = await first_process(stores, tmp_path)
    number = await citizens.identify(OFFICIAL, "openid-alice", None, NOON)
    assert number == 1
    assert await citizens.identify(OFFICIAL, "openid-alice", None, NOON + 9) == number
    assert await citizens.identify(OFFICIAL, "openid-bob", None, NOON) == 2
    assert await citizens.openid_of(number, OFFICIAL) == "openid-alice"
    assert await citizens.openid_of(number, MINIPROGRAM) is None
    assert await citizens.issued_bound() > 2


async def test_50_at_once_get_one_number_and_waste_none(stores, tmp_path):
    citizens = await first_process(stores, tmp_path)
    assert set(await asyncio.gather(*(citizens.identify(OFFICIAL, "openid-alice", None, NOON) for _ in range(50)))) == {
        await citizens.identify(OFFICIAL, "openid-alice", None, NOON)}
    await citizens.close()
    others = citizens_of(stores, tmp_path)
    more = await others.reserve(255)
    assert len(set(more)) == 255 and max(more) <= 256


async def test_50_at_once_in_two_processes_get_one_number(stores, tmp_path):
    await first_process(stores, tmp_path)
    processes = [citizens_of(stores, tmp_path) for _ in range(2)]
    calls = [p.identify(OFFICIAL, "openid-alice", "union-alice", NOON) for _ in range(25) for p in processes]
    assert len(set(await asyncio.gather(*calls))) == 1


async def test_the_same_openid_of_two_accounts_is_two_people(stores, tmp_path):
    citizens = await first_process(stores, tmp_path)
    assert await citizens.identify(OFFICIAL, "x", None, NOON) != await citizens.identify(MINIPROGRAM, "x", None, NOON)


async def test_a_unionid_makes_two_accounts_one_person(stores, tmp_path):
    citizens = await first_process(stores, tmp_path)
    number = await citizens.identify(OFFICIAL, "openid-alice", "union-alice", NOON)
    assert await citizens.identify(MINIPROGRAM, "mini-alice", "union-alice", NOON) == number
    assert await citizens.openid_of(number, MINIPROGRAM) == "mini-alice"


async def test_neither_openid_nor_unionid_lies_open_in_the_store(stores, tmp_path, caplog):
    caplog.set_level("DEBUG", "server")
    citizens = await first_process(stores, tmp_path)
    await citizens.identify(OFFICIAL, "openid-alice", "union-alice", NOON)
    dump = await everything(stores)
    assert b"openid-alice" not in dump and b"union-alice" not in dump
    assert "alice" not in caplog.text


async def test_another_secret_key_reads_no_openid(stores, tmp_path, caplog):
    citizens = await first_process(stores, tmp_path)
    number = await citizens.identify(OFFICIAL, "openid-alice", None, NOON)
    other = citizens_of(stores, tmp_path, secret=b"another" * 5)
    assert await other.openid_of(number, OFFICIAL) is None
    assert "WENMING_SECRET_KEY" in caplog.text


async def test_a_first_sight_without_mongodb_is_503_and_says_when_to_come_back(stores, tmp_path):
    nowhere = open_stores("mongodb://127.0.0.1:9/x?serverSelectionTimeoutMS=200", "redis://127.0.0.1:9")
    with pytest.raises(IdentityUnavailable) as caught:
        await citizens_of(nowhere, tmp_path).identify(OFFICIAL, "openid-alice", None, NOON)
    assert (caught.value.status, caught.value.code) == (503, "IDENTITY_UNAVAILABLE")
    assert caught.value.retry_after_seconds
    await nowhere.close()


async def test_too_many_at_once_are_told_to_come_again_and_the_others_are_served(stores, tmp_path, monkeypatch):
    monkeypatch.setattr("server.citizens.IDENTIFY_MAX_WAITING", 20)
    citizens = await first_process(stores, tmp_path)
    answers = await asyncio.gather(*(citizens.identify(OFFICIAL, f"o{i}", None, NOON) for i in range(50)), return_exceptions=True)
    assert sorted(a for a in answers if isinstance(a, int)) == list(range(1, 21))
    assert all(isinstance(a, (int, IdentityUnavailable)) for a in answers)
    assert await citizens.identify(OFFICIAL, "o49", None, NOON) == 21
