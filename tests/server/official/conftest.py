import pytest

from tests.server.official.world import World


@pytest.fixture
def world(io_loop, stores):
    made = World(stores)
    yield made
    io_loop.run_sync(made.close)
