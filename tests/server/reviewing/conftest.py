from __future__ import annotations

import pytest

from tests.server.reviewing.review_world import ReviewWorld


@pytest.fixture
def world(stores):
    return ReviewWorld(stores)
