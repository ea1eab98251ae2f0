"""A whole deployment of real processes on this machine: what deploy/ says that runs on a host, each process by its unit, over given stores.

`Deployment(folder, redis_url=…, cluster=…, mongodb_uri=…)` starts web x 2, intake x 2, live, ledger x 2 and jobs. Commands and the settings
of a role are read from deploy/systemd as committed; only paths, ports and stores are ours. Processes of a role share a port, as on a host.
"""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from server.embedded import free_port

ROOT = Path(__file__).resolve().parents[2]
UNITS = ROOT / "deploy" / "systemd"
ROLES = (("intake", 2), ("ledger", 2), ("web", 2), ("live", 1), ("jobs", 1))
# A busy machine of two cores takes minutes where all of this runs beside other work; nothing is claimed of the time.
READY_SECONDS, STOP_SECONDS = 300, 60
# RestartSec of the units.
RESTART_SECONDS = 1
# An account that looks like a real one, so that no process makes accounts of the sandbox; nobody calls the platform here.
ACCOUNT = {"WENMING_OFFICIAL_APPID": "wx0123456789abcdef", "WENMING_OFFICIAL_SECRET": "s" * 32, "WENMING_OFFICIAL_TOKEN": "t" * 16,
           "WENMING_OFFICIAL_MODE": "plain"}


def unit_of(role: str) -> tuple[list[str], dict[str, str]]:
    """What the role's unit runs, with this Python for that of the host, and the settings that stand in it."""
    [path] = [one for one in (UNITS / f"wenming-{role}@.service", UNITS / f"wenming-{role}.service") if one.exists()]
    command: list[str] = []
    environ: dict[str, str] = {}
    for line in path.read_text("utf-8").splitlines():
        name, _, value = line.partition("=")
        if name == "ExecStart":
            command = shlex.split(value)
        elif name == "Environment":
            environ |= dict(pair.split("=", 1) for pair in shlex.split(value))
    assert command[1:] == ["-m", "server", "serve", "--role", role], f"{path.name}: {command}"
    return [sys.executable, *command[1:]], environ


class Process:
    """One process of a role, which is started again when it ends by itself, as its unit says. `starts`: how many times it was started."""

    def __init__(self, role: str, number: int, environ: dict[str, str], log: Path, root: Path = ROOT) -> None:
        self.role, self.number, self.name, self.starts = role, number, f"{role}{number}", 0
        self._command, own = unit_of(role)
        self._metrics_port = free_port()
        ports = {name: environ[f"{role.upper()}_PORT"] for name in own if name == "WENMING_PORT"}
        self._environ = {**os.environ, **environ, **own, **ports, "WENMING_METRICS_PORT": str(self._metrics_port)}
        self._log, self.root = log, root
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.starts += 1
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(self._command, cwd=self.root, env=self._environ, stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=log, start_new_session=True)

    def wait_ready(self) -> None:
        until = time.monotonic() + READY_SECONDS
        while self.status() != "ready":
            if self.process is not None and self.process.poll() is not None:  # a store was away when it started
                time.sleep(RESTART_SECONDS)
                self.start()
            assert time.monotonic() < until, f"{self.name} is not ready: {self.log()}"
            time.sleep(0.1)

    def status(self) -> str:
        """What /readyz of this very process says; "" where nobody answers. A release that had none there is ready when it is alive."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._metrics_port}/readyz", timeout=5) as answer:
                return str(json.load(answer)["status"])
        except urllib.error.HTTPError as refused:
            return "ready" if refused.code == 404 else str(json.load(refused)["status"])
        except OSError:
            return ""

    def stop(self) -> None:
        """As systemd does: SIGTERM, and time."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(STOP_SECONDS) == 0, self.log()

    def restart(self) -> None:
        began = time.monotonic()
        self.stop()
        stopped = time.monotonic()
        self.start()
        self.wait_ready()
        print(f"{self.name}: stopped in {stopped - began:.1f} s, ready after {time.monotonic() - stopped:.1f} s")

    def end(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
        if self.process is not None:
            self.process.wait(10)

    def log(self) -> str:
        return self._log.read_text("utf-8", "replace")[-4000:]


class Beside(threading.Thread):
    """Something that goes on beside the test; `join_or_raise` tells what went wrong in it."""

    def __init__(self, do: Callable[[], object]) -> None:
        super().__init__(daemon=True)
        self._do = do
        self._problem: BaseException | None = None

    def run(self) -> None:
        try:
            self._do()
        except BaseException as error:  # noqa: BLE001 raised in the test
            self._problem = error

    def join_or_raise(self, seconds: float) -> None:
        self.join(seconds)
        assert not self.is_alive(), "it does not end"
        if self._problem is not None:
            raise self._problem


class Deployment:
    """All roles over these stores. `changes`: further settings."""

    def __init__(self, folder: Path, *, redis_url: str, mongodb_uri: str, cluster: bool = False, **changes: str) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.web_port, self.intake_port, self.live_port = free_port(), free_port(), free_port()
        self.settings = {
            "WENMING_HOST": "127.0.0.1", "WENMING_PORT": str(self.web_port), "WENMING_INTAKE_PORT": str(self.intake_port),
            "WENMING_SANDBOX_PORT": str(free_port()), "WENMING_DATA_DIR": str(folder / "data"), "WENMING_SECRET_KEY": "k" * 48,
            "WENMING_REDIS_URL": redis_url, "WENMING_REDIS_CLUSTER": str(cluster).lower(), "WENMING_MONGODB_URI": mongodb_uri,
            **ACCOUNT, **changes}
        self.processes: list[Process] = []
        self.roles = ROLES

    def start(self, root: Path = ROOT) -> None:
        """All at once, as a host that boots. `root`: where the code lies."""
        environ = self.settings | {"LIVE_PORT": str(self.live_port)}
        self.processes = [Process(role, n, environ, self.folder / f"{role}{n}.log", root)
                          for role, count in self.roles for n in range(count)]
        for one in self.processes:
            one.start()
        for one in self.processes:
            one.wait_ready()

    def roll(self, after_each: Callable[[], object]) -> None:
        """Replace every process: the first of each role together, then the second of each, so that another of the role is there where it
        has two. `after_each` is called after each of the two."""
        for number in range(max(count for _, count in self.roles)):
            replacing = [Beside(one.restart) for one in self.processes if one.number == number]
            for each in replacing:
                each.start()
            for each in replacing:
                each.join_or_raise(READY_SECONDS + STOP_SECONDS)
            after_each()

    def end(self) -> None:
        for one in self.processes:
            one.end()

    def command(self, *words: str, root: Path = ROOT) -> subprocess.CompletedProcess[str]:
        return subprocess.run([sys.executable, "-m", "server", *words], cwd=root, env={**os.environ, **self.settings},
                              capture_output=True, text=True, timeout=300, check=False)


class Rehearsal:
    """`rehearse` against a deployment, as a process of its own; `report` once it has ended."""

    def __init__(self, deployment: Deployment, people: int, minutes: float, *words: str, **environ: str) -> None:
        self.out = deployment.folder / "report"
        self._log = deployment.folder / "rehearse.log"
        command = [sys.executable, "-m", "server", "rehearse", "--participants", str(people), "--minutes", str(minutes),
                   "--out", str(self.out), *words]
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(command, cwd=ROOT, env={**os.environ, **deployment.settings, **environ},
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)

    def wait_for_the_crowd(self) -> None:
        """Until people come, which is when receipts are kept."""
        until = time.monotonic() + READY_SECONDS
        while not (self.out / "receipts").exists():
            assert self.is_playing and time.monotonic() < until, self._log.read_text("utf-8")
            time.sleep(0.1)

    @property
    def is_playing(self) -> bool:
        return self.process.poll() is None

    def report(self, seconds: float) -> dict[str, Any]:
        self.process.wait(seconds)
        assert (self.out / "report.json").exists(), self._log.read_text("utf-8")
        found: dict[str, Any] = json.loads((self.out / "report.json").read_text("utf-8"))
        return found

    def end(self) -> None:
        if self.is_playing:
            self.process.kill()
        self.process.wait(10)
