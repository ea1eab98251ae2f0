"""A world of articles."""

from __future__ import annotations

import pytest

from tests.sandbox.sandbox_world import World as Sandbox
from tests.server.articles.articles_world import World


@pytest.fixture
def world(io_loop, stores, tmp_path):
    async def made():
        return World(stores, Sandbox(tmp_path), tmp_path)

    found = io_loop.run_sync(made)
    yield found
    for process in found.processes:
        io_loop.run_sync(process.client.close)
    found.sandbox.close()
