"""What every test can ask for. The fixtures, in the order of this file:

real_stores   once a run: where Redis and MongoDB are. Both are started in a folder of their own, through server.embedded,
              unless WENMING_TEST_REDIS_URL and WENMING_TEST_MONGODB_URI name real ones
io_loop       the test's event loop, on which pytest-tornado runs an `async def` test marked `gen_test`
database      the MongoDB database of this worker, with every index
stores        server.stores.Stores opened in that loop: an empty Redis and the empty database. Every MongoDB
              command that goes through it is checked (tests/command_listener.py); one outside our habits fails the test
sandbox       the simulated platform, with its own folder and a product that records what it is told (tests/sandbox/sandbox_world.py)
app           the whole web application and the intake door over `stores`, with one open campaign (tests/app_world.py)

An `async def` test needs `@pytest.mark.gen_test` or, for a whole file, `pytestmark = pytest.mark.gen_test(timeout=...)`.
A test marked `browser` needs Chromium. Whatever is skipped is named at the end of the run, never silently.
Named people are in tests/people.py; each part's small world is beside its tests (`world.py`, `*_world.py`).
"""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
import signal
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pymongo
import pytest
import redis
from argon2 import PasswordHasher
from pymongo.database import Database
from tornado.ioloop import IOLoop

from server.counting import admission
from server.embedded import Supervisor, mongodb_child, redis_child
from server.staff import passwords
from server.stores import INDEXES, Stores, open_stores
from tests.app_world import AppWorld, open_app
from tests.command_listener import CommandListener
from tests.sandbox.sandbox_world import World as Sandbox

OURS = "wenming_test_"
# Longer than any test runs.
PATIENCE_SECONDS = 600.0


def pytest_configure() -> None:
    """Tests press Ctrl-C on programs that they start. Started in the background of a shell, we and they would ignore it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@dataclass(frozen=True)
class RealStores:
    """Addresses. `mongodb_uri` names no database: each test gets its own."""

    redis_url: str
    mongodb_uri: str
    redis_cluster: bool = False

    def database(self, name: str) -> str:
        """The URI with a database's name."""
        return urlunsplit(urlsplit(self.mongodb_uri)._replace(path="/" + name))


@pytest.fixture(scope="session")
def real_stores() -> Iterator[RealStores]:
    redis_url, mongodb_uri = os.environ.get("WENMING_TEST_REDIS_URL", ""), os.environ.get("WENMING_TEST_MONGODB_URI", "")
    cluster = os.environ.get("WENMING_TEST_REDIS_CLUSTER", "") in ("1", "true")
    if redis_url:
        refuse_a_redis_in_use(redis_url, cluster)
    # Not pytest's folder for files: a socket's path has at most 108 bytes.
    with tempfile.TemporaryDirectory(prefix="wenming-test-") as name:
        folder, children = Path(name), []
        if not redis_url:
            child, redis_url = redis_child(folder / "redis", folder)
            children.append(child)
        if not mongodb_uri:
            child, mongodb_uri = mongodb_child(folder / "mongodb", folder)
            children.append(child)
        supervisor = Supervisor(children)
        supervisor.start()
        try:
            yield RealStores(redis_url, mongodb_uri, cluster)
        finally:
            supervisor.stop()


def refuse_a_redis_in_use(url: str, cluster: bool) -> None:
    """Tests empty their Redis; one that holds anything is somebody's."""
    with (redis.RedisCluster.from_url(url) if cluster else redis.Redis.from_url(url)) as client:
        keys = client.dbsize(target_nodes=redis.RedisCluster.PRIMARIES) if cluster else client.dbsize()
    if keys:
        pytest.exit("the Redis of WENMING_TEST_REDIS_URL is not empty; tests empty it, so name one that nobody uses", returncode=2)


@pytest.fixture(scope="session", autouse=True)
def real_hasher() -> Iterator[PasswordHasher]:
    """Passwords of tests are hashed a thousand times cheaper, as nearly every test of the staff's side signs somebody in. The real one
    is given to whoever asks."""
    real = passwords._hasher
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(passwords, "_hasher", PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))
        patched.setattr("server.staff.service.NOBODY", passwords._hasher.hash(OURS))
        yield real


@pytest.fixture
def io_loop() -> Iterator[IOLoop]:
    """In place of pytest-tornado's, whose make_current and clear_current Tornado no longer wants."""
    loop = IOLoop(make_current=False)
    inner = loop.asyncio_loop  # type: ignore[attr-defined]
    asyncio.set_event_loop(inner)
    yield loop
    left = asyncio.all_tasks(inner)
    for task in left:
        task.cancel()
    inner.run_until_complete(asyncio.gather(*left, return_exceptions=True))
    inner.run_until_complete(inner.shutdown_asyncgens())
    inner.run_until_complete(inner.shutdown_default_executor())
    asyncio.set_event_loop(None)
    loop.close(all_fds=True)


@pytest.fixture(scope="session")
def database(real_stores: RealStores) -> Iterator[Database[dict[str, Any]]]:
    """One for all tests of a worker, with every index: making it takes longer than most tests. Each test empties what it wrote."""
    name = OURS + secrets.token_hex(6)
    with pymongo.MongoClient(real_stores.mongodb_uri) as client:
        for collection, fields in INDEXES.items():
            for field in fields:
                client[name][collection].create_index(field)
        yield client[name]
        client.drop_database(name)


@pytest.fixture
def stores(io_loop: IOLoop, real_stores: RealStores, database: Database[dict[str, Any]]) -> Iterator[Stores]:
    listener = CommandListener()

    async def opened() -> Stores:
        made = open_stores(real_stores.database(database.name), real_stores.redis_url, redis_cluster=real_stores.redis_cluster,
                           event_listeners=[listener])
        await made.redis.flushall()
        return made

    async def closed() -> None:
        left = asyncio.all_tasks() - {asyncio.current_task()}
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        await made.close()

    made = io_loop.run_sync(opened)
    yield made
    io_loop.run_sync(closed)
    listener.wait(5)
    for collection in listener.written:
        database[collection].delete_many({})
    if listener.problems:
        pytest.fail("commands outside our habits (design: one indexed field, plain operators):\n" + "\n".join(listener.problems),
                    pytrace=False)


@pytest.fixture
def app(io_loop: IOLoop, stores: Stores, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[AppWorld]:
    # On a busy machine everybody in a small crowd waits long; tests of refusals set the limits that they mean.
    monkeypatch.setattr(admission, "MAX_WAIT_SECONDS", PATIENCE_SECONDS)
    context = open_app(stores, tmp_path)
    yield io_loop.run_sync(context.__aenter__)
    io_loop.run_sync(lambda: context.__aexit__(None, None, None))


@pytest.fixture
def sandbox(io_loop: IOLoop, tmp_path: Path) -> Iterator[Sandbox]:
    async def made() -> Sandbox:
        return Sandbox(tmp_path)

    world = io_loop.run_sync(made)
    yield world
    world.close()


# What is not run is said by name

not_run: list[str] = []


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if not shutil.which("chromium"):
        for item in items:
            if item.get_closest_marker("browser"):
                item.add_marker(pytest.mark.skip(reason="Chromium is not installed"))


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        not_run.append(f"{report.nodeid} ({reason.removeprefix('Skipped: ')})")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Also to the file that `make test` names, which prints it as its last lines."""
    for line in not_run:
        terminalreporter.write_line(f"NOT RUN: {line}")
    if file := os.environ.get("WENMING_TEST_NOT_RUN_FILE"):
        Path(file).write_text("".join(line + "\n" for line in not_run), "utf-8")
