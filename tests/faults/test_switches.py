"""Every switch over two real processes: turned at one, obeyed by the other. They share nothing but the stores."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pymongo
import pytest
from tornado.httpclient import AsyncHTTPClient, HTTPRequest, HTTPResponse
from tornado.websocket import websocket_connect

from server import services as wiring
from server.app import options_of
from server.clock import wall_clock
from server.embedded import free_port
from server.stores import ensure_indexes, open_stores
from settings import load
from tests.app_world import ACCOUNTS, SLUG, add_campaign, campaign
from tests.conftest import OURS

pytestmark = [pytest.mark.gen_test(timeout=170), pytest.mark.timeout(180)]
ROOT = Path(__file__).resolve().parents[2]
PASSWORD = "correct horse battery"
HOSTS = ("http://localhost:8888", "http://h6.localhost:8888")
START_SECONDS, OBEY_SECONDS = 60, 30
# More than are asked for in OBEY_SECONDS, by each of the waits.
CITIZENS, ASK_SECONDS = 1000, 0.2
PUBLIC, STAFF = f"/api/v1/campaigns/{SLUG}", "/api/v1/staff"


class Process:
    """`python -m server serve` with its own ports."""

    def __init__(self, environ: dict[str, str], folder: Path, name: str) -> None:
        self.web, self.intake = free_port(), free_port()
        self.log = folder / f"{name}.log"
        own = {"WENMING_PORT": str(self.web), "WENMING_INTAKE_PORT": str(self.intake), "WENMING_SANDBOX_PORT": str(free_port()),
               "WENMING_DATA_DIR": str(folder / name)}
        roles = [word for role in ("web", "live", "intake", "jobs") for word in ("--role", role)]
        with self.log.open("wb") as log:
            self.child = subprocess.Popen([sys.executable, "-m", "server", "serve", *roles], cwd=ROOT, env={**os.environ, **environ, **own},
                                          stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)

    def end(self) -> None:
        self.child.kill()
        self.child.wait(10)


class Two:
    """Two processes, and people who talk to each."""

    def __init__(self, first: Process, second: Process, tokens: list[str]) -> None:
        self.first, self.second, self.tokens = first, second, tokens
        self.http = AsyncHTTPClient(force_instance=True)
        self.cookie = self.csrf = ""

    async def ask(self, process: Process, path: str, body: Any = None, *, method: str = "", port: int = 0, **headers: str) -> HTTPResponse:
        if headers.get("As") == "somebody":  # whoever was counted gets her first answer again, whatever is on
            headers = {"Authorization": f"Bearer {self.tokens.pop()}"}
        elif path.startswith(STAFF):
            headers = {"Cookie": self.cookie, "X-CSRF-Token": self.csrf} | headers
        return await self.http.fetch(HTTPRequest(
            f"http://127.0.0.1:{port or process.web}{path}", method or ("GET" if body is None else "POST"), headers,
            None if body is None else json.dumps(body), follow_redirects=False, request_timeout=20), raise_error=False)

    async def is_up(self, process: Process) -> bool:
        with contextlib.suppress(OSError):
            return (await self.ask(process, "/healthz")).code == 200
        return False

    async def sign_in(self) -> None:
        answer = await self.ask(self.first, f"{STAFF}/session", {"name": "laochen", "password": PASSWORD})
        assert answer.code == 200, answer.body
        self.cookie, self.csrf = answer.headers["Set-Cookie"].partition(";")[0], json.loads(answer.body)["csrf"]

    async def turn(self, name: str, on: bool = True, *, slug: str = SLUG, **parts: str) -> None:
        """At the first process."""
        path = f"{STAFF}/campaigns/{slug}/switches" if slug else f"{STAFF}/switches"
        rev = json.loads((await self.ask(self.first, path)).body)["rev"]
        answer = await self.ask(self.first, f"{path}/{name}", {"on": on, "reason": "演练", "rev": rev, **parts}, method="PUT")
        assert answer.code == 200, answer.body

    async def obeyed(self, path: str, holds: Callable[[HTTPResponse], bool], body: Any = None, *, intake: bool = False,
                     **headers: str) -> HTTPResponse:
        """What the second process answers, once it obeys."""
        until = time.monotonic() + OBEY_SECONDS
        while True:
            answer = await self.ask(self.second, path, body, port=self.second.intake if intake else 0, **headers)
            if holds(answer):
                return answer
            assert time.monotonic() < until, (answer.code, answer.body[:500])
            await asyncio.sleep(ASK_SECONDS)


@pytest.fixture
def two(io_loop, real_stores, tmp_path):
    """Both processes up, a campaign open, an admin and a citizen known."""
    environ = {**ACCOUNTS, "WENMING_SECRET_KEY": "k" * 32, "WENMING_PUBLIC_URL": HOSTS[0], "WENMING_MORE_PUBLIC_URLS": HOSTS[1],
               "WENMING_MONGODB_URI": real_stores.database(OURS + secrets.token_hex(6)), "WENMING_REDIS_URL": real_stores.redis_url}
    started: list[Process] = []

    async def opened() -> Two:
        settings = load({**environ, "WENMING_DATA_DIR": str(tmp_path / "own")}, env_file=None)
        stores = open_stores(settings.mongodb_uri, settings.redis_url)
        await stores.redis.flushall()
        await ensure_indexes(stores.mongo)
        services = wiring.build(stores, options_of(settings), wall_clock)
        await add_campaign(services, campaign(free_words=True))
        await services.staff.create("laochen", "admin", PASSWORD, time.time())
        tokens = [services.tokens.issue(number, time.time()) for number in await services.citizens.reserve(CITIZENS)]
        await services.close()
        await stores.close()
        started.extend(Process(environ, tmp_path, name) for name in ("first", "second"))
        made = Two(started[0], started[1], tokens)
        until = time.monotonic() + START_SECONDS
        for process in started:
            while not await made.is_up(process):
                assert process.child.poll() is None, process.log.read_text()
                assert time.monotonic() < until, process.log.read_text()
                await asyncio.sleep(0.2)
        await made.sign_in()
        return made

    try:
        yield io_loop.run_sync(opened)
    finally:
        for process in started:
            process.end()
        with pymongo.MongoClient(environ["WENMING_MONGODB_URI"]) as client:
            client.drop_database(client.get_default_database().name)


def told(name: str, value: object) -> Callable[[HTTPResponse], bool]:
    return lambda answer: json.loads(answer.body)["switches"][name] == value


def refused(status: int, code: str) -> Callable[[HTTPResponse], bool]:
    return lambda answer: answer.code == status and json.loads(answer.body)["error"]["code"] == code


def taken(answer: HTTPResponse) -> bool:
    return answer.code in (200, 201)


async def test_every_switch_is_obeyed_by_the_other_process(two):
    await pages_and_wall(two)
    await a_live_reader(two)
    await both_doors(two)


async def pages_and_wall(two: Two) -> None:
    # What pages and wall are told
    for name in ("slow_mode", "wall_frozen", "ticker_hidden", "messages_closed"):
        await two.turn(name)
        await two.obeyed(PUBLIC, told(name, True))
        await two.obeyed(f"{PUBLIC}/counters", told(name, True))
    words = {"message": "祖国好"}
    await two.obeyed(f"{PUBLIC}/messages", refused(409, "WORDS_STOPPED"), words, As="somebody")
    for name in ("slow_mode", "wall_frozen", "ticker_hidden", "messages_closed"):
        await two.turn(name, False)
        await two.obeyed(PUBLIC, told(name, False))
    await two.obeyed(f"{PUBLIC}/messages", refused(404, "PARTICIPATION_NOT_FOUND"), words, As="somebody")
    # Mourning, on the page itself
    await two.turn("mourning", text="深切哀悼")
    assert "page mourning" in (await two.obeyed(f"/c/{SLUG}", lambda answer: b"page mourning" in answer.body)).body.decode()
    await two.turn("mourning", False)
    await two.obeyed(f"/c/{SLUG}", lambda answer: b"page mourning" not in answer.body)
    # The host of links
    await two.turn("public_host", slug="", text=HOSTS[1], confirm=HOSTS[1])
    await two.obeyed(f"{STAFF}/switches", lambda answer: json.loads(answer.body)["base_url"] == HOSTS[1])
    await two.obeyed(f"/c/{SLUG}", lambda answer: f'content="{HOSTS[1]}/static/share/'.encode() in answer.body)
    await two.turn("public_host", False, slug="")
    await two.obeyed(f"{STAFF}/switches", lambda answer: json.loads(answer.body)["base_url"] == HOSTS[0])


async def a_live_reader(two: Two) -> None:
    socket = await websocket_connect(f"ws://127.0.0.1:{two.second.web}/live/campaigns/{SLUG}")
    first = json.loads(await socket.read_message())
    assert (first["type"], first["switches"]["mourning"]) == ("snapshot", None)
    await two.turn("mourning", text="深切哀悼")
    while "switches" not in (frame := json.loads(await socket.read_message())):
        pass
    assert (frame["type"], frame["switches"]) == ("delta", {**first["switches"], "mourning": "深切哀悼"})
    await two.turn("ranking", confirm=SLUG)
    await two.turn("mourning", False)
    while "switches" not in (frame := json.loads(await socket.read_message())):
        pass
    assert frame["switches"] == first["switches"], "ranking is told to nobody here"
    socket.close()


async def both_doors(two: Two) -> None:
    """Maintenance and pausing; what was refused was not counted."""
    path, salute = f"{PUBLIC}/participations", {"activity": "salute", "region": "350602"}
    await two.turn("maintenance", slug="", text="换机器", confirm="维护")
    for intake in (True, False):
        answer = await two.obeyed(path, refused(503, "MAINTENANCE"), salute, intake=intake, As="somebody")
        assert int(answer.headers["Retry-After"]) > 0
    assert (await two.obeyed(f"/c/{SLUG}", lambda answer: answer.code == 503, Accept="text/html")).body.startswith(b"<!doctype html>")
    assert (await two.ask(two.second, "/healthz")).code == 200
    await two.turn("maintenance", False, slug="")
    await two.obeyed(f"/c/{SLUG}", lambda answer: answer.code == 200)
    assert (await two.ask(two.first, f"{STAFF}/campaigns/{SLUG}/take-down", {"state": "paused", "reason": "检查"})).code == 200
    await two.obeyed(path, refused(409, "CAMPAIGN_PAUSED"), salute, intake=True, As="somebody")
    resumed = await two.ask(two.first, f"{STAFF}/campaigns/{SLUG}/state", {"state": "open"}, method="PUT")
    assert resumed.code == 200, resumed.body
    await two.obeyed(path, taken, salute, intake=True, As="somebody")
    counted = lambda answer: json.loads(answer.body)["participants"] >= 1  # noqa: E731
    assert json.loads((await two.obeyed(f"{PUBLIC}/counters", counted)).body)["participants"] < CITIZENS - len(two.tokens)
