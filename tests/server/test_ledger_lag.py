"""How far the ledger is behind, over real stores: it grows while MongoDB is away, and what it wrote is told in the log."""

from __future__ import annotations

import asyncio
import logging

import pytest

from server.stores import PyMongoError
from tests.server.counting.world import World, campaign

pytestmark = pytest.mark.gen_test(timeout=60)


async def saluted(stores, tmp_path, count: int) -> World:
    world = await World(stores, tmp_path, campaign()).ready()
    await asyncio.gather(*(world.salute(citizen) for citizen in range(count)))
    return world


async def test_it_grows_while_mongodb_is_away_and_is_nothing_afterwards(stores, tmp_path, monkeypatch):
    world = await saluted(stores, tmp_path, 20)
    now = world.ledger._clock()
    assert world.ledger.lagged_seconds(now) == 0

    async def away(*_args, **_options):
        raise PyMongoError("away")

    with monkeypatch.context() as patch:
        patch.setattr(type(world.epochs), "saw", away)
        with pytest.raises(PyMongoError):
            await world.carry_all()
    later = world.ledger._clock() + 60
    assert 59 <= world.ledger.lagged_seconds(later) <= 62
    await world.carry_all()
    assert world.ledger.lagged_seconds(later) == 0
    await world.close()


async def test_what_was_written_is_told_by_its_stretch(stores, tmp_path, caplog):
    world = await saluted(stores, tmp_path, 20)
    with caplog.at_level(logging.DEBUG, "server.ledger"):
        await world.carry_all()
    assert "wrote changes 1 to 20 of flag:all:0" in caplog.text
    caplog.clear()
    told = world.ledger._told["flag:all:0"]
    assert (told.first, told.last, told.changes) == (1, 20, 20)
    told.began -= 60
    await world.salute(99)
    with caplog.at_level(logging.INFO, "server.ledger"):
        await world.carry_all()
    assert "wrote changes 1 to 21 of flag:all:0: 21 in 2 steps" in caplog.text
    await world.close()
