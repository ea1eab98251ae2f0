"""A world of notices."""

from __future__ import annotations

import pytest

from tests.server.notices.notices_world import made


@pytest.fixture
def world(io_loop, stores, tmp_path):
    async def opened():
        return made(stores, tmp_path)

    found = io_loop.run_sync(opened)
    yield found
    io_loop.run_sync(found.close)
