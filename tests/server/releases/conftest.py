"""A desk."""

from __future__ import annotations

import pytest

from tests.server.releases.desk_world import DeskWorld


@pytest.fixture
def desk(io_loop, stores):
    return io_loop.run_sync(lambda: DeskWorld(stores).ready())
