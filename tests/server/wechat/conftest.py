import pytest

from tests.server.wechat.platform_world import open_world


@pytest.fixture
def world(io_loop, stores):
    context = open_world(stores.redis)
    yield io_loop.run_sync(context.__aenter__)
    io_loop.run_sync(lambda: context.__aexit__(None, None, None))
