"""What a process knows of itself that changes without anybody's doing, such as ages and queues, told to the metrics when they are read; and
how late its event loop is.

Owns: which service is asked for which of these figures. Nothing here waits or asks a store.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from server.metrics import Metrics

if TYPE_CHECKING:
    from server.accounts import Accounts
    from server.clock import Clock
    from server.counting import Counting
    from server.ledger import Ledger
    from server.posters import Posters

# Twice a second shows every pause that people feel within a minute, and costs nothing.
BEAT_SECONDS = 0.5


def watch(metrics: Metrics, counting: Counting, ledger: Ledger, posters: Posters, accounts: Accounts, clock: Clock) -> None:
    """From now on each reading of the metrics asks these."""

    def queues() -> None:
        metrics.hold("queues_aged_seconds", counting.queued_seconds())
        metrics.hold("posters_waiting_count", posters.waiting)

    def ledgers() -> None:
        metrics.hold("ledgers_lagged_seconds", ledger.lagged_seconds(clock()))

    def tokens() -> None:
        for role in ("official", "miniprogram"):
            held = [seconds for one in accounts if one.account.role == role and (seconds := one.client.token_held_seconds())]
            metrics.hold("tokens_held_seconds", min(held, default=0.0), role)

    metrics.probes += [queues, ledgers, tokens]


class LoopWatch:
    """Measures how late the loop calls what is due."""

    def __init__(self, metrics: Metrics) -> None:
        self._delays = metrics.buckets("loops_delayed_seconds")
        self._beat: asyncio.TimerHandle | None = None

    def start(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time() + BEAT_SECONDS
        self._beat = loop.call_at(due, self._beaten, due)

    def _beaten(self, due: float) -> None:
        self._delays.add(max(0.0, asyncio.get_running_loop().time() - due))
        self.start()

    def close(self) -> None:
        if self._beat is not None:
            self._beat.cancel()
