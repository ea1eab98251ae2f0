"""Scene codes: a permanent one is asked for once and stays; each account has its own list."""

from __future__ import annotations

import asyncio

import pytest

from server import scene_codes
from server.errors import Conflict
from server.scene_codes import SceneCodes, SceneCodeStore
from tests.sandbox.sandbox_world import OFFICIAL
from tests.sandbox.sandbox_world import World as Sandbox
from tests.server.accounts_world import client_of

pytestmark = pytest.mark.gen_test(timeout=60)
NOW = 1_790_827_200.0


@pytest.fixture
def client(io_loop, stores, tmp_path):
    async def made():
        sandbox = Sandbox(tmp_path)
        return sandbox, client_of(OFFICIAL, sandbox.base, stores, lambda: NOW)

    sandbox, found = io_loop.run_sync(made)
    yield found
    io_loop.run_sync(found.close)
    sandbox.close()


def two_processes(stores, client):
    return [SceneCodes(SceneCodeStore(stores.mongo), client) for _ in range(2)]


def asked_of(client, *, slow=""):
    """What is asked of the platform from here on; answers of one kind take a while."""
    asked, real = [], client.qrcode.create

    async def create(what):
        made = await real(what)
        asked.append(what["action_name"])
        await asyncio.sleep(0.3 if what["action_name"] == slow else 0.0)
        return made

    client.qrcode.create = create
    return asked


async def test_two_who_ask_at_once_for_a_permanent_one_spend_one(stores, client):
    one, other = two_processes(stores, client)
    asked = asked_of(client)
    first, second = await asyncio.gather(one.get("park", "公园", None, NOW), other.get("park", "公园", None, NOW))
    assert first == second and asked == ["QR_LIMIT_STR_SCENE"]


async def test_a_permanent_one_is_not_lost_under_a_temporary_one(stores, client):
    one, other = two_processes(stores, client)
    asked = asked_of(client, slow="QR_STR_SCENE")
    await asyncio.gather(one.get("park", "公园", None, NOW), other.get("park", "公园", 3, NOW))
    assert (await one.get("park", "公园", None, NOW + 10)).expires_at == 0.0 and asked.count("QR_LIMIT_STR_SCENE") == 1
    store = SceneCodeStore(stores.mongo)
    kept = await one.find("park")
    await store.keep(type(kept)(kept.appid, "park", "公园", "http://temporary", NOW + 86400))
    assert await one.find("park") == kept


async def test_a_temporary_one_is_renewed_and_can_become_permanent(stores, client):
    [scenes, _] = two_processes(stores, client)
    first = await scenes.get("park", "公园", 3, NOW)
    assert await scenes.get("park", "公园", 3, NOW + 86400) == first
    assert (await scenes.get("park", "公园", 3, NOW + 3 * 86400)).expires_at == NOW + 6 * 86400
    assert (await scenes.get("park", "公园", None, NOW)).expires_at == 0.0


async def test_another_accounts_codes_take_no_room(stores, client, monkeypatch):
    monkeypatch.setattr(scene_codes, "MAX_SCENES", 5)
    [scenes, _] = two_processes(stores, client)

    def codes(appid, start, count):
        return [{"_id": f"{appid}:s{n}", "appid": appid, "scene": f"s{n}", "name": "n", "url": "u", "expires_at": 0.0}
                for n in range(start, start + count)]

    await stores.mongo["scene_codes"].insert_many(codes("wxother", 0, 5))
    await scenes.get("park", "公园", None, NOW)
    assert [code.scene for code in await scenes.all()] == ["park"]
    await stores.mongo["scene_codes"].insert_many(codes(client.appid, 0, 4))
    with pytest.raises(Conflict) as refusal:
        await scenes.get("gate", "大门", None, NOW)
    assert refusal.value.code == "TOO_MANY_SCENES"
