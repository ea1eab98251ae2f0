"""What every test can ask for. The fixtures, in the order of this file:

real_stores   once a run: where Redis and MongoDB are. Both are started in a folder of their own, through server.embedded,
              unless WENMING_TEST_REDIS_URL and WENMING_TEST_MONGODB_URI name real ones
io_loop       the test's event loop, on which pytest-tornado runs an `async def` test marked `gen_test`
stores        server.stores.Stores opened in that loop: an empty Redis and a database of the test's own. Every MongoDB
              command that goes through it is checked (tests/command_listener.py); one outside our habits fails the test
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
from urllib.parse import urlsplit, urlunsplit

import pymongo
import pytest
import redis
from tornado.ioloop import IOLoop

from server.embedded import Supervisor, mongodb_child, redis_child
from server.stores import Stores, open_stores
from tests.app_world import AppWorld, open_app
from tests.command_listener import CommandListener

OURS = "wenming_test_"


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


@pytest.fixture
def stores(io_loop: IOLoop, real_stores: RealStores) -> Iterator[Stores]:
    database = OURS + secrets.token_hex(6)
    listener = CommandListener()

    async def opened() -> Stores:
        made = open_stores(real_stores.database(database), real_stores.redis_url, redis_cluster=real_stores.redis_cluster,
                           event_listeners=[listener])
        await made.redis.flushall()
        return made

    made = io_loop.run_sync(opened)
    yield made
    io_loop.run_sync(made.close)
    with pymongo.MongoClient(real_stores.mongodb_uri) as client:
        client.drop_database(database)
    if listener.problems:
        pytest.fail("commands outside our habits (design: one indexed field, plain operators):\n" + "\n".join(listener.problems),
                    pytrace=False)


@pytest.fixture
def app(io_loop: IOLoop, stores: Stores, tmp_path: Path) -> Iterator[AppWorld]:
    context = open_app(stores, tmp_path)
    yield io_loop.run_sync(context.__aenter__)
    io_loop.run_sync(lambda: context.__aexit__(None, None, None))


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
