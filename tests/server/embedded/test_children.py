"""The embedded stores: restarted with their data when they die, gone when their parent is killed, one product a folder."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pymongo
import pytest
import redis

from server import embedded
from server.embedded import Child, ChildError, Supervisor
from settings import load

ROOT = Path(__file__).resolve().parents[3]
# A store comes back in well under a second; a loaded machine gets this.
PATIENCE_SECONDS = 30

PARENT = """
import sys, time
from server import embedded
from settings import load
with embedded.start(load({"WENMING_DATA_DIR": sys.argv[1]}, env_file=None), sandbox=False) as settings:
    print("up", flush=True)
    time.sleep(300)
"""


def settings_for(folder: Path):
    return load({"WENMING_DATA_DIR": str(folder)}, env_file=None)


def until(holds: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


def processes_of(folder: Path, program: str = "") -> list[int]:
    """Processes that name the folder in their command line, as all children do."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            command = (entry / "cmdline").read_bytes().decode("utf-8", "replace").split("\0")
        except OSError:
            continue
        if any(str(folder) in word for word in command) and program in " ".join(command[:2]) and int(entry.name) != os.getpid():
            found.append(int(entry.name))
    return found


def redis_pid(url: str) -> int:
    with redis.Redis.from_url(url) as client:
        return int(client.info("server")["process_id"])


def answers(ask: Callable[[], object]) -> bool:
    try:
        ask()
    except (redis.RedisError, pymongo.errors.PyMongoError, OSError):
        return False
    return True


@pytest.fixture
def folder() -> Iterator[Path]:
    """A short path: a socket's has at most 108 bytes."""
    made = Path(tempfile.mkdtemp(prefix="wenming-test-"))
    yield made
    shutil.rmtree(made)


class TestRestart:
    def test_a_killed_redis_comes_back_with_its_data(self, folder):
        with embedded.start(settings_for(folder), sandbox=False) as settings:
            with redis.Redis.from_url(settings.redis_url) as client:
                client.set("kept", "yes")
            killed = redis_pid(settings.redis_url)
            os.kill(killed, signal.SIGKILL)
            until(lambda: not Path(f"/proc/{killed}").exists(), "Redis was not killed")
            until(lambda: answers(lambda: redis_pid(settings.redis_url)), "Redis did not return")
            assert redis_pid(settings.redis_url) != killed
            with redis.Redis.from_url(settings.redis_url) as client:
                assert client.get("kept") == b"yes"

    def test_a_killed_document_store_comes_back_with_its_data_on_the_same_port(self, folder):
        with embedded.start(settings_for(folder), sandbox=False) as settings:
            with pymongo.MongoClient(settings.mongodb_uri, serverSelectionTimeoutMS=500) as client:
                client.get_default_database()["kept"].insert_one({"_id": 1})
                killed = processes_of(folder / "mongodb")
                for pid in killed:
                    if "-c" not in (Path("/proc") / str(pid) / "cmdline").read_text().split("\0"):
                        os.kill(pid, signal.SIGKILL)
                until(lambda: not set(killed) & set(processes_of(folder / "mongodb")), "it was not killed")
                until(lambda: answers(lambda: client.admin.command("ping")), "the document store did not return")
                assert client.get_default_database()["kept"].find_one({"_id": 1}) == {"_id": 1}

    def test_a_child_that_ends_at_once_is_named_with_its_log(self, tmp_path):
        child = Child("brief", [sys.executable, "-c", "print('no such disk')"], tmp_path / "brief.log", lambda: False)
        with pytest.raises(ChildError, match="brief"):
            Supervisor([child]).start()
        assert "no such disk" in (tmp_path / "brief.log").read_text()


class TestParent:
    def test_nothing_is_left_after_kill_9_of_the_parent(self, folder):
        parent = subprocess.Popen([sys.executable, "-c", PARENT, str(folder)], cwd=ROOT, stdout=subprocess.PIPE, text=True)
        try:
            assert parent.stdout and parent.stdout.readline() == "up\n"
            assert len(processes_of(folder)) >= 4  # two stores, each with its guard
        finally:
            parent.kill()
            parent.wait()
            parent.stdout.close()
        until(lambda: not processes_of(folder), f"left behind: {processes_of(folder)}")

    def test_a_second_start_on_the_same_folder_is_refused_in_one_line(self, folder):
        with embedded.start(settings_for(folder), sandbox=False):
            with pytest.raises(ChildError, match=str(folder)) as refused:
                with embedded.start(settings_for(folder), sandbox=False):
                    pass
            assert "\n" not in str(refused.value)

    def test_a_clean_stop_leaves_nothing_and_a_second_start_has_the_data(self, folder):
        with embedded.start(settings_for(folder), sandbox=False) as settings:
            with redis.Redis.from_url(settings.redis_url) as client:
                client.set("kept", "yes")
            key = settings.secret_key
        assert processes_of(folder) == []
        with embedded.start(settings_for(folder), sandbox=False) as settings:
            with redis.Redis.from_url(settings.redis_url) as client:
                assert client.get("kept") == b"yes"
            assert settings.secret_key == key


class TestJoin:
    def test_a_command_finds_the_stores_of_a_running_product(self, folder):
        with embedded.start(settings_for(folder), sandbox=False) as running:
            with embedded.join(settings_for(folder)) as joined:
                assert (joined.redis_url, joined.mongodb_uri, joined.secret_key) == (
                    running.redis_url, running.mongodb_uri, running.secret_key)
            assert redis_pid(running.redis_url), "leaving must not stop what it joined"

    def test_without_one_it_starts_the_same_stores_and_ends_them(self, folder):
        with embedded.join(settings_for(folder)) as joined:
            assert redis_pid(joined.redis_url)
        assert processes_of(folder) == []


class TestSecrets:
    def test_they_are_made_once_and_readable_by_the_owner_alone(self, folder):
        with embedded.start(settings_for(folder), sandbox=False):
            for name in ("secret_key", "sandbox.json", "run.json", "redis/password", "redis/redis.conf"):
                assert (folder / name).stat().st_mode & 0o077 == 0, name
            accounts = json.loads((folder / "sandbox.json").read_text())
        with embedded.start(settings_for(folder), sandbox=False):
            assert json.loads((folder / "sandbox.json").read_text()) == accounts

    def test_redis_wants_its_password(self, folder):
        with embedded.start(settings_for(folder), sandbox=False) as settings:
            with redis.Redis(unix_socket_path=settings.redis_url.split("@", 1)[1]) as client, pytest.raises(redis.AuthenticationError):
                client.ping()
