"""Admission: whether this process should take one more salute now, or say BUSY before it costs anything.

Owns: the measure of overload. A process that is behind shows it in its event loop: what is due comes late. By length alone a
queue says little (a fast one may be long), by age it says how long people wait. Fails open: without a beat everybody enters.
"""

from __future__ import annotations

import asyncio
from time import monotonic

from server.errors import Unavailable

# A salute passes the loop about four times (read, decide, counted, answered), so 50 ms late each time is 200 ms of its 250.
MAX_LAG_SECONDS = 0.05
# Whoever waited this long to be read would be answered late: being counted takes some turns of the loop more.
MAX_WAIT_SECONDS = 0.05
BEAT_SECONDS = 0.01
# Below this many at once the loop is late for another reason, a hiccup that refusing people would not mend.
FEWEST_INSIDE = 256


class Admission:
    """`inside`: what waits for an answer of a shard in this process, or for something to ask it at all; whoever keeps it counts."""

    def __init__(self) -> None:
        self.inside = 0
        self._lag_seconds = 0.0
        self._due = float("inf")
        self._beat: asyncio.TimerHandle | None = None

    def check(self, waited_seconds: float = 0.0) -> None:
        """Raises Unavailable (BUSY) when one more should be refused. Doors ask before they do anything for a request.

        `waited_seconds`: how long ago it was received, where the door knows. The beat itself is late in a long turn, so what is
        overdue counts at once.
        """
        if waited_seconds > MAX_WAIT_SECONDS:
            raise Unavailable()
        if self.inside >= FEWEST_INSIDE and max(self._lag_seconds, monotonic() - self._due) > MAX_LAG_SECONDS:
            raise Unavailable()

    def watch(self) -> None:
        """Measure the loop while somebody is inside. Whoever raises `inside` from 0 calls it."""
        if self._beat is None:
            self._lag_seconds = 0.0
            self._set()

    def _set(self) -> None:
        self._due = monotonic() + BEAT_SECONDS
        self._beat = asyncio.get_running_loop().call_later(BEAT_SECONDS, self._beaten)

    def _beaten(self) -> None:
        self._lag_seconds = max(0.0, monotonic() - self._due)
        if self.inside:
            self._set()
        else:
            self._beat, self._due = None, float("inf")
