"""Who joins a running product: its stores, whatever one's own environment says."""

from __future__ import annotations

import shutil
import tempfile
import threading
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


def test_processes_of_a_host_where_everything_is_configured_share_its_folder_and_start_at_once(folder):
    given = settings_for(folder / "state", WENMING_REDIS_URL="redis://127.0.0.1:7001", WENMING_MONGODB_URI="mongodb://127.0.0.1:27018/wenming",
                         WENMING_SECRET_KEY="k" * 32, WENMING_OFFICIAL_APPID="wx0123456789abcdef", WENMING_OFFICIAL_SECRET="s" * 32,
                         WENMING_OFFICIAL_TOKEN="t" * 16, WENMING_OFFICIAL_MODE="plain")
    with embedded.join(given) as first, embedded.join(given) as second:
        assert first is given and second is given
        assert not embedded.is_running(folder / "state"), "nobody holds it, so nobody's end takes it from the others"
    assert (folder / "state").stat().st_mode & 0o777 == 0o700


def test_who_starts_in_the_same_moment_as_another_waits_for_its_stores(folder):
    given = settings_for(folder, WENMING_REDIS_URL="redis://127.0.0.1:7001", WENMING_MONGODB_URI="mongodb://127.0.0.1:27018/wenming")
    joined: list[Settings] = []

    def join() -> None:
        with embedded.join(given) as settings:
            joined.append(settings)

    with embedded._hold(folder):  # it has begun, and is not there yet
        waiting = threading.Thread(target=join)
        waiting.start()
        waiting.join(0.3)
        assert waiting.is_alive() and not joined
    waiting.join(10)
    assert joined[0].official_appid == "wxsandboxofficial0"


def test_a_folder_that_another_holds_for_good_is_refused_with_a_line(folder, monkeypatch):
    monkeypatch.setattr(embedded, "JOIN_SECONDS", 0.2)
    with embedded._hold(folder), pytest.raises(embedded.ChildError, match="in use"), embedded.join(settings_for(folder)):
        pass
