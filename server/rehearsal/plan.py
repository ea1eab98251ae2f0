"""What a rehearsal plays: how many people, what share of them does what, and when in the week they come."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate
from math import gcd

KILLS = ("redis", "server", "ledger", "store")
HOURS = 7 * 24
# How a holiday week comes, hour by hour of a day: schools and offices salute together at 8 and at 10, families in the evening.
DAY = (1, 1, 1, 1, 1, 2, 6, 18, 100, 30, 60, 22, 18, 14, 12, 14, 14, 12, 16, 28, 24, 12, 5, 2)
# And day by day: the first is the holiday itself.
DAYS = (3.0, 1.6, 1.0, 0.8, 0.7, 0.6, 0.9)


@dataclass(frozen=True)
class Plan:
    """Shares are of the salutes: 0.2 is every fifth. `minutes`: the week's length; a slower machine takes longer."""

    participants: int = 2_198_200
    duplicates: float = 0.2
    pages: float = 0.01
    counters: float = 0.02
    posters: float = 0.0005
    minutes: float = 6.0
    connections: int = 256
    kill: str = ""
    every_seconds: float = 20.0
    seed: int = 1

    def stride(self) -> int:
        """With this step, modulo the participants, everybody comes once and in no order."""
        step = int(self.participants * 0.618) | 1
        while gcd(step, self.participants) != 1:
            step += 2
        return step


class Week:
    """Which share of all should have come after which share of the week."""

    def __init__(self) -> None:
        weights = [hour * day for day in DAYS for hour in DAY]
        total = sum(weights)
        self._come = [0.0, *(n / total for n in accumulate(weights))]

    def come(self, elapsed: float) -> float:
        """`elapsed` and the answer lie between 0 and 1."""
        if elapsed >= 1:
            return 1.0
        hour, part = divmod(elapsed * HOURS, 1)
        before, after = self._come[int(hour)], self._come[int(hour) + 1]
        return before + (after - before) * part

