"""An answer that is not the platform's: the notice may have arrived, so no second one goes out and the grant stays spent."""

from __future__ import annotations

from dataclasses import replace

import pytest

from server.sandbox import signing
from server.wechat.signing import Signer
from tests.sandbox.sandbox_world import OFFICIAL
from tests.server.notices.notices_world import APPID, NOW, SUBSCRIPTION, TEMPLATE, batch, made
from tests.server.wechat.signing_world import certificate_of, made_key, made_ring

pytestmark = pytest.mark.gen_test(timeout=60)
PATHS = {"template": TEMPLATE, "subscription": SUBSCRIPTION}


@pytest.fixture(scope="module")
def ring():
    return made_ring()


@pytest.fixture
def world(io_loop, stores, tmp_path, ring, monkeypatch):
    monkeypatch.setattr(signing, "TAKES", {*signing.TAKES, *PATHS.values()})

    async def opened():
        return made(stores, tmp_path, {"api": ring.theirs})

    found = io_loop.run_sync(opened)
    yield found
    io_loop.run_sync(found.close)


def signer(ring, *, believes):
    """Of the official account; `believes`: whether it has the platform's certificate."""
    certificates = ring.ours.platform_certs if believes else {"new": certificate_of(made_key())}
    return Signer(OFFICIAL["appid"], replace(ring.ours, platform_certs=certificates,
                                             paths=tuple(path.strip("/") for path in PATHS.values())))


@pytest.mark.parametrize("kind", PATHS)
async def test_it_is_uncertain_and_neither_sent_again_nor_given_back(world, ring, kind):
    await world.people(1)
    await world.allow(1, times=2)
    await world.service.keep(batch(kind), [1], NOW)
    deceived = world.process(signer(ring, believes=False))
    await deceived.tick()
    assert await world.states() == {"uncertain": 1} and await world.arrived() == {1: 1}
    assert await world.grants.count(APPID, "t1", 1) == (1 if kind == "subscription" else 2)
    world.now += 86_400
    await deceived.tick()
    await world.process(signer(ring, believes=True)).tick()
    assert await world.arrived() == {1: 1} and await world.states() == {"uncertain": 1}


async def test_one_that_is_the_platforms_is_believed(world, ring):
    await world.people(1)
    await world.service.keep(batch(), [1], NOW)
    await world.process(signer(ring, believes=True)).tick()
    assert await world.states() == {"sent": 1}
