"""The whole product as a newcomer starts it, in a folder and on ports of its own, to be killed and watched."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from tornado.httpclient import AsyncHTTPClient, HTTPClientError

from server.embedded import free_port
from server.rehearsal.kills import processes

ROOT = Path(__file__).resolve().parents[1]
READY_SECONDS = 60
# A citizen's page gives up a request after 8 s and sends it again.
REQUEST_SECONDS = 8


class Product:
    """One `python -m server` and what it started. All waiting is bounded."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.folder = folder
        self.web, self.intake, self.sandbox = free_port(), free_port(), free_port()
        self.environ = {**os.environ, "WENMING_DATA_DIR": str(folder), "WENMING_PORT": str(self.web),
                        "WENMING_INTAKE_PORT": str(self.intake),
                        "WENMING_SANDBOX_PORT": str(self.sandbox), "WENMING_HOST": "127.0.0.1", **settings}
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait for its table of addresses: then everything stands, demo data included."""
        tables = self._tables()
        with (self.folder.parent / f"{self.folder.name}.log").open("ab") as log:
            self.process = subprocess.Popen([sys.executable, "-m", "server"], cwd=ROOT, env=self.environ, stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=subprocess.STDOUT, start_new_session=True)
        until = time.monotonic() + READY_SECONDS
        while self._tables() == tables:
            assert self.process.poll() is None, self.log()
            if time.monotonic() > until:
                self.kill()
                raise AssertionError(f"not ready: {self.log()}")
            time.sleep(0.1)

    def _tables(self) -> int:
        return self.log().count("文明 Wenming 已启动")

    def log(self) -> str:
        """What it printed, all starts together."""
        path = self.folder.parent / f"{self.folder.name}.log"
        return path.read_text("utf-8", "replace") if path.exists() else ""

    def stop(self) -> int:
        """Ctrl-C; returns the exit status."""
        assert self.process is not None
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(30)

    def kill(self) -> None:
        """kill -9 of the server; what it started must end by itself."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(10)
        until = time.monotonic() + 20
        while self.left_behind():
            assert time.monotonic() < until, f"left behind: {self.left_behind()}"
            time.sleep(0.1)

    def end(self) -> None:
        """kill -9 of whatever works in this data folder: after a kill on purpose it may be another process than was started here."""
        until = time.monotonic() + 20
        while left := processes(self.folder):
            assert time.monotonic() < until, f"left behind: {left}"
            for one in left:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(one.pid, signal.SIGKILL)
            if self.process is not None:
                self.process.poll()
            time.sleep(0.1)
        if self.process is not None:
            self.process.wait(10)

    def left_behind(self) -> list[str]:
        """Processes that still work in this data folder."""
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
            except OSError:
                continue
            if str(self.folder) in command and int(entry.name) != os.getpid():
                found.append(f"{entry.name} {command}")
        return found

    def pid_of(self, program: str) -> int:
        """The store's own process, not its guard."""
        for line in self.left_behind():
            pid, command = line.split(" ", 1)
            if program in command and "import ctypes" not in command:
                return int(pid)
        raise AssertionError(f"{program} does not run: {self.left_behind()}")

    def kill_store(self, program: str) -> None:
        os.kill(self.pid_of(program), signal.SIGKILL)

    @property
    def run(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / "run.json").read_text())
        return found

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([sys.executable, "-m", "server", *words], cwd=ROOT, env=self.environ, capture_output=True, text=True,
                              timeout=120, check=False)

    def tokens(self, count: int) -> list[str]:
        out = self.folder.parent / "tokens"
        made = self.command("tokens", "--count", str(count), "--out", str(out))
        assert made.returncode == 0, made.stderr
        return out.read_text().split()

    def audit(self) -> dict[str, Any]:
        done = self.command("audit", "salute-the-flag", "--json")
        report: dict[str, Any] = json.loads(done.stdout)
        assert (done.returncode == 0) == report["ok"], done.stderr
        return report

    # What can be done to the files of Redis

    def copy_redis(self, to: Path) -> None:
        """Copy the append-only files as they are on the disk now."""
        to.mkdir()
        for path in (self.folder / "redis").iterdir():
            if path.name.startswith("appendonly") or path.suffix == ".aof":
                shutil.copytree(path, to / path.name) if path.is_dir() else shutil.copy2(path, to / path.name)

    def set_redis_back(self, copy: Path, aside: Path) -> None:
        """Put the copy in place, then kill Redis: it comes back with the past."""
        aside.mkdir()
        for path in copy.iterdir():
            (self.folder / "redis" / path.name).rename(aside / path.name)
            path.rename(self.folder / "redis" / path.name)
        self.kill_store("redis-server")


class Citizen:
    """A page that keeps its request until it is answered, and its receipt until it is durable."""

    def __init__(self, token: str, product: Product, port: int) -> None:
        self.token = token
        self.product = product
        self.port = port
        self.answers: list[dict[str, Any]] = []

    async def post(self, client: AsyncHTTPClient) -> dict[str, Any] | None:
        """One try; None without an answer."""
        body = {"activity": "salute", "region": "350602", "receipt": self.answers[-1]["receipt"] if self.answers else None}
        try:
            response = await client.fetch(
                f"http://127.0.0.1:{self.port}/api/v1/campaigns/salute-the-flag/participations", method="POST", body=json.dumps(body),
                headers={"Authorization": f"Bearer {self.token}"}, request_timeout=REQUEST_SECONDS, connect_timeout=2)
        except (HTTPClientError, OSError) as error:
            status = getattr(error, "code", 599)
            assert status in (503, 599), f"a citizen was refused with {status}"
            return None
        answer: dict[str, Any] = json.loads(response.body)
        self.answers.append(answer)
        return answer

    async def until_durable(self, client: AsyncHTTPClient, seconds: float = 60) -> None:
        until = time.monotonic() + seconds
        while not (self.answers and self.answers[-1]["durable"]):
            assert time.monotonic() < until, self.product.log()
            if not await self.post(client) or not self.answers[-1]["durable"]:
                await asyncio.sleep(0.2)
