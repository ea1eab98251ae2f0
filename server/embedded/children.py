"""Child processes that cannot outlive us: started through a guard, watched, restarted when they die.

Owns: the guard (a small Python process that ends its child when our pipe closes), restarts with growing
pauses, log files bounded in size. A kill -9 of this process closes the pipe, so nothing is left behind.
"""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

logger = logging.getLogger(__name__)

# A store starts in well under a second; a slow disk with a long append-only file may take this.
READY_SECONDS = 60.0
STOP_SECONDS = 10.0
# First restart at once, then growing pauses: a child that cannot start must not fill the disk with its log.
PAUSES_SECONDS = (0.0, 0.2, 0.5, 1.0, 2.0, 5.0)
# A child that lived this long starts again with no pause.
HEALTHY_SECONDS = 30.0
# A log is started anew past this size; one older file is kept.
MAX_LOG_BYTES = 8 * 1024 * 1024

# The guard: waits for the end of the pipe or of the child. It has its own session, so that Ctrl-C in the terminal
# reaches us alone and we stop the children in order.
# A guard that is itself killed takes its child along (PR_SET_PDEATHSIG, Linux).
GUARD = """
import ctypes, os, signal, subprocess, sys, threading
prctl = getattr(ctypes.CDLL(None), "prctl", None)
child = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL, preexec_fn=prctl and (lambda: prctl(1, signal.SIGKILL)))
def watch():
    while os.read(0, 4096):
        pass
    child.terminate()
    try:
        child.wait(float(os.environ["WENMING_STOP_SECONDS"]))
    except subprocess.TimeoutExpired:
        child.kill()
threading.Thread(target=watch, daemon=True).start()
signal.signal(signal.SIGTERM, lambda *_: child.terminate())
sys.exit(child.wait() & 255)
"""


class ChildError(Exception):
    """A child did not come up; the message says what to do."""


@dataclass
class Child:
    """`ready()` is asked until it is true; it must not raise for a child that is not up yet."""

    name: str
    command: Sequence[str]
    log: Path
    ready: Callable[[], bool]
    before: Callable[[], object] = lambda: None
    environ: Mapping[str, str] = field(default_factory=dict)
    _guard: subprocess.Popen[bytes] | None = None
    _started_at: float = 0.0

    @property
    def alive(self) -> bool:
        return self._guard is not None and self._guard.poll() is None

    def start(self) -> None:
        """Start and wait until ready. Raises ChildError."""
        self.spawn()
        until = time.monotonic() + READY_SECONDS
        while not self.ready():
            if not self.alive:
                raise ChildError(f"{self.name} 没有启动起来，原因见 {self.log} ({self.name} ended at once; see its log)")
            if time.monotonic() > until:
                raise ChildError(f"{self.name} 在 {READY_SECONDS:.0f} 秒内没有就绪，见 {self.log} ({self.name} was not ready in time)")
            time.sleep(0.05)

    def spawn(self) -> None:
        if self._guard is not None and self._guard.stdin:
            self._guard.stdin.close()  # of the one that died: a restart must not cost a file
        self.before()
        self.log.parent.mkdir(parents=True, exist_ok=True)
        if self.log.exists() and self.log.stat().st_size > MAX_LOG_BYTES:
            self.log.replace(self.log.with_suffix(".log.1"))
        with self.log.open("ab") as log:
            self._guard = subprocess.Popen(
                [sys.executable, "-c", GUARD, *self.command], stdin=subprocess.PIPE, stdout=log, stderr=subprocess.STDOUT,
                start_new_session=True, env={**os.environ, **self.environ, "WENMING_STOP_SECONDS": str(STOP_SECONDS)})
        self._started_at = time.monotonic()

    def stop(self) -> None:
        """End it in order: the guard ends the child when its pipe closes."""
        if self._guard is None:
            return
        if self._guard.stdin:
            self._guard.stdin.close()
        try:
            self._guard.wait(STOP_SECONDS + 2)
        except subprocess.TimeoutExpired:
            os.killpg(self._guard.pid, signal.SIGKILL)
            self._guard.wait()
        self._guard = None

    def lived_seconds(self) -> float:
        return time.monotonic() - self._started_at


class Supervisor:
    """Restarts children that die. Runs in a thread, because it waits for processes and must not wait for the loop."""

    def __init__(self, children: Sequence[Child]) -> None:
        self.children = list(children)
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._failures: dict[str, int] = {}

    def start(self) -> None:
        """Start all, in order. Raises ChildError, having ended what was started."""
        try:
            for child in self.children:
                child.start()
        except BaseException:
            self.stop()
            raise
        self._thread = threading.Thread(target=self._watch, name="supervisor", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()
        for child in reversed(self.children):
            child.stop()

    def _watch(self) -> None:
        while not self._stopping.wait(0.1):
            for child in self.children:
                if not child.alive and not self._stopping.is_set():
                    self._restart(child)

    def _restart(self, child: Child) -> None:
        failures = 0 if child.lived_seconds() > HEALTHY_SECONDS else self._failures.get(child.name, 0)
        self._failures[child.name] = failures + 1
        pause = PAUSES_SECONDS[min(failures, len(PAUSES_SECONDS) - 1)]
        logger.error("%s died; it starts again in %.1f s (restart %d)", child.name, pause, failures + 1)
        if not self._stopping.wait(pause):
            child.spawn()
