"""People whom the platform names by itself, and openids that a moved account gave: known ones stay who they are, deleted ones unknown."""

from __future__ import annotations

import pytest

from server.citizens import IdentityUnavailable
from server.stores import open_stores
from tests.server.citizens.people import NOON, OFFICIAL, citizens_of, first_process

pytestmark = pytest.mark.gen_test(timeout=60)
NEW = "wxmovedto"


async def test_a_list_names_the_known_by_their_numbers_and_gives_new_ones_to_others(stores, tmp_path):
    citizens = await first_process(stores, tmp_path)
    alice = await citizens.identify(OFFICIAL, "openid-alice", None, NOON)
    found = await citizens.of_listed(OFFICIAL, ["openid-bob", "openid-alice", "openid-bob"], NOON)
    assert found == {"openid-alice": alice, "openid-bob": alice + 1}
    assert await citizens.of_listed(OFFICIAL, [], NOON) == {}


async def test_a_list_gives_the_number_that_survived_a_merge(stores, tmp_path):
    citizens = await first_process(stores, tmp_path)
    for openid, unionid in (("a", "u"), ("b", None), ("b", "u")):
        await citizens.identify(OFFICIAL, openid, unionid, NOON)
    assert await citizens.of_listed(OFFICIAL, ["b"], NOON) == {"b": 1}


async def test_a_list_brings_nobody_back_who_had_herself_deleted(stores, tmp_path):
    citizens = await first_process(stores, tmp_path)
    alice = await citizens.identify(OFFICIAL, "openid-alice", None, NOON)
    await citizens.delete(alice, NOON + 1)
    assert await citizens.of_listed(OFFICIAL, ["openid-alice"], NOON + 2) == {}
    assert await citizens.openid_of(alice, OFFICIAL) is None


async def test_an_adopted_openid_leads_to_her_number_and_merges_what_it_led_to(stores, tmp_path):
    citizens = await first_process(stores, tmp_path)
    alice = await citizens.identify(OFFICIAL, "openid-alice", None, NOON)
    assert [await citizens.adopt(NEW, "moved-alice", alice, NOON) for _ in range(2)] == [alice, alice]
    assert await citizens.identify(NEW, "moved-alice", None, NOON) == alice
    other = await citizens.identify(NEW, "moved-too", None, NOON)
    assert await citizens.adopt(NEW, "moved-too", alice, NOON) == alice == citizens.resolve(other)


async def test_an_openid_that_was_erased_is_not_adopted(stores, tmp_path):
    citizens = await first_process(stores, tmp_path)
    alice = await citizens.identify(OFFICIAL, "openid-alice", None, NOON)
    gone = await citizens.identify(NEW, "moved-alice", None, NOON)
    await citizens.delete(gone, NOON + 1)
    assert await citizens.adopt(NEW, "moved-alice", alice, NOON + 2) is None
    assert await citizens.openid_of(alice, NEW) is None


async def test_without_mongodb_it_is_503(stores, real_stores, tmp_path):
    away = open_stores("mongodb://127.0.0.1:1/none", real_stores.redis_url)
    citizens = citizens_of(away, tmp_path)
    for asked in (citizens.of_listed(OFFICIAL, ["openid-alice"], NOON), citizens.adopt(NEW, "moved-alice", 1, NOON)):
        with pytest.raises(IdentityUnavailable):
            await asked
    await away.close()
