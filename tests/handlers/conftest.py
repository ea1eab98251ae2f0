"""What tests of the intake port can ask for beside `app`: `wire`, a bare connection to it, and `wang`, the token of 王小红 as a header."""

from __future__ import annotations

import pytest

from tests.handlers.wire import Wire


@pytest.fixture
def wire(io_loop, app):
    made = io_loop.run_sync(lambda: Wire.to(app))
    yield made
    io_loop.run_sync(made.close)


@pytest.fixture
def wang(io_loop, app):
    return io_loop.run_sync(app.citizen)["Authorization"]
