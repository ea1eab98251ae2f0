"""Kills on purpose, of processes of a product on this machine: what supervises itself comes back by itself, the rest is started again.

Owns: whom to kill and how to bring it back. It finds processes by the data folder, so it can only harm the product that
it was pointed at.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import random
import re
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

logger = logging.getLogger(__name__)

READY_SECONDS = 60
# The part of a command line by which each kind is known. A guard of a store names it too, behind this.
STORES = {"redis": "redis-server", "store": "nx-27017"}
GUARD = "import ctypes"


@dataclass(frozen=True)
class Process:
    """A process of the product, with what it takes to start it again."""

    pid: int
    words: list[str]
    environ: dict[str, str]
    folder: str

    @property
    def kind(self) -> str:
        """What it is to the product: server, posters, redis or store; "" for everything else, guards of stores included."""
        if self.roles is not None:
            return "server"
        if self.words[1:3] == ["-m", "server.posters.worker"]:
            return "posters"
        if any(GUARD in word for word in self.words):
            return ""
        return next((kind for kind, program in STORES.items() if program in " ".join(self.words[:3])), "")

    @property
    def is_child(self) -> bool:
        """Whether a server started it: a store, its guard, the sandbox or a drawing process; not somebody who reads our files."""
        ours = self.words[1:2] == ["-m"] and self.roles is None and "rehearse" not in self.words
        return bool(ours or self.kind in STORES or any(GUARD in word for word in self.words))

    @property
    def roles(self) -> set[str] | None:
        """The roles that it serves; None where it is not one of our server processes."""
        if self.words[1:3] != ["-m", "server"]:
            return None
        if len(self.words) == 3:
            return {"web", "intake", "live", "ledger", "jobs"}
        return {self.words[n + 1] for n, word in enumerate(self.words[:-1]) if word == "--role"} if "serve" in self.words else None


def processes(data_dir: Path) -> list[Process]:
    """Every process that works in this data folder, this one left out."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            words = (entry / "cmdline").read_bytes().decode("utf-8", "replace").split("\0")[:-1]
            pairs = (entry / "environ").read_bytes().decode("utf-8", "replace").split("\0")
            folder = os.readlink(entry / "cwd")
        except OSError:
            continue  # ended meanwhile, or another user's
        environ = dict(pair.split("=", 1) for pair in pairs if "=" in pair)
        # Our own programs name the folder in a setting, the stores on their command line; a shell that stands there is neither.
        ours = words[1:2] == ["-m"] and words[2:] and words[2].partition(".")[0] == "server"
        theirs = ours and Path(folder, environ.get("WENMING_DATA_DIR") or "data").resolve() == data_dir
        if int(entry.name) != os.getpid() and (theirs or any(_is_inside(word, data_dir) for word in words)):
            found.append(Process(int(entry.name), words, environ, folder))
    return found


def _is_inside(word: str, folder: Path) -> bool:
    """Whether a word of a command line is a path in this folder; the name of another folder may begin alike."""
    # Redis puts its socket into its title, as unixsocket:/path.
    return re.search(rf"(?:^|[ :=]){re.escape(str(folder))}(?:/|$)", word) is not None


def resident_bytes(pid: int) -> int:
    """Memory in use, 0 where it ended."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError):
        return 0


def cpu_seconds(pid: int) -> float:
    """Processor time used so far, 0 where it ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError):
        return 0.0


class Killer:
    """Kills one process of a kind every so often, until cancelled; `killed_at` says when it did, in seconds since it began."""

    def __init__(self, data_dir: Path, kind: str, every_seconds: float, seed: int) -> None:
        self._data_dir = data_dir
        self._kind = kind
        self._every_seconds = every_seconds
        self._chance = random.Random(seed)
        self.killed_at: list[float] = []
        self._began = time.monotonic()

    def victims(self) -> list[Process]:
        found = processes(self._data_dir)
        if self._kind in STORES:
            return [p for p in found if p.kind == self._kind]
        role = "intake" if self._kind == "server" else "ledger"
        return [p for p in found if p.roles is not None and role in p.roles]

    async def run(self) -> None:
        self._began = time.monotonic()
        while True:
            await asyncio.sleep(self._every_seconds)
            killing = asyncio.ensure_future(self.kill())
            try:
                await asyncio.shield(killing)
            except asyncio.CancelledError:
                await asyncio.wait({killing})  # what was killed is back before this ends
                raise
            except (OSError, TimeoutError) as error:
                logger.warning("a kill went wrong: %s", error)  # the play goes on; what did not come back is seen there

    async def kill(self) -> None:
        """Kill one now. What nobody supervises is started again and stands when this returns."""
        victims = self.victims()
        if not victims:
            logger.warning("nothing to kill: no %s of this product runs on this machine", self._kind)
            return
        victim = self._chance.choice(victims)
        os.kill(victim.pid, signal.SIGKILL)
        self.killed_at.append(round(time.monotonic() - self._began, 1))
        if victim.roles is not None:
            await asyncio.to_thread(self._start_again, victim)

    def _start_again(self, victim: Process) -> None:
        alone = "serve" not in victim.words
        until = time.monotonic() + READY_SECONDS
        while alone and any(p.is_child for p in processes(self._data_dir)):
            if time.monotonic() > until:
                raise TimeoutError("what the killed server had started does not end")
            time.sleep(0.05)  # its stores end with it; the new one brings its own
        with (self._data_dir / "logs" / "rehearsal-server.log").open("ab") as log:
            started = subprocess.Popen(victim.words, cwd=victim.folder, env=victim.environ, stdin=subprocess.DEVNULL, stdout=log,
                                       stderr=log, start_new_session=True)
        while alone and running_pid(self._data_dir) != started.pid:
            if started.poll() is not None or time.monotonic() > until:
                raise TimeoutError("the killed server did not come back; see logs/rehearsal-server.log")
            time.sleep(0.05)


def running_pid(data_dir: Path) -> int:
    """The pid that holds the data folder, 0 where none does."""
    try:
        return int(json.loads((data_dir / "run.json").read_text("utf-8"))["pid"])
    except (OSError, ValueError, KeyError):
        return 0
