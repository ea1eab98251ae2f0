"""A certified account's world, and an uncertified one's."""

from __future__ import annotations

import pytest

from tests.server.followers.world import UNCERTIFIED, World


def opened(official):
    def fixture(io_loop, stores, tmp_path):
        async def made():
            return await World(stores, tmp_path, official).ready()

        found = io_loop.run_sync(made)
        yield found
        io_loop.run_sync(found.close)

    return pytest.fixture(fixture)


world = opened(None)
uncertified = opened(UNCERTIFIED)
