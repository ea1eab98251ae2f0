"""Who joins a running product: its stores, whatever one's own environment says."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from server import embedded
from server.embedded import free_port
from settings import Settings, load


@pytest.fixture
def folder() -> Iterator[Path]:
    """A short path: a socket's has at most 108 bytes."""
    made = Path(tempfile.mkdtemp(prefix="wenming-test-"))
    yield made
    shutil.rmtree(made)


def settings_for(folder: Path, **changes: str) -> Settings:
    ports = {f"WENMING_{name}PORT": str(free_port()) for name in ("", "INTAKE_", "SANDBOX_")}
    return load({"WENMING_DATA_DIR": str(folder), **ports, **changes}, env_file=None)


def test_a_command_without_settings_finds_the_stores_that_the_product_was_given(folder):
    given = settings_for(folder, WENMING_REDIS_URL="redis://127.0.0.1:7001", WENMING_REDIS_CLUSTER="true",
                         WENMING_MONGODB_URI="mongodb://127.0.0.1:27018/wenming")
    with embedded.start(given, sandbox=False), embedded.join(settings_for(folder)) as joined:
        assert (joined.redis_url, joined.redis_cluster, joined.mongodb_uri) == (given.redis_url, True, given.mongodb_uri)
    assert not (folder / "run.json").exists()
