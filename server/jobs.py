"""Periodic work: each job a named function with its period, run one after the other in its own task.

A job that fails is logged, counted and tried again at its next turn; none holds another up.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from server.clock import Clock
from server.stores import translate

logger = logging.getLogger(__name__)

# A job that runs gets this long at a stop; what takes longer (an export, a campaign's picture book) is left to the next process.
FINISH_SECONDS = 5.0


@dataclass(frozen=True)
class Job:
    """`run(now)` is called every `every_seconds`, first at once."""

    name: str
    every_seconds: float
    run: Callable[[float], Awaitable[object]]


class Jobs:
    def __init__(self, table: list[Job], clock: Clock) -> None:
        self._table = table
        self._clock = clock
        self._tasks: list[asyncio.Task[None]] = []
        self._closing = asyncio.Event()

    def start(self) -> None:
        self._tasks = [asyncio.create_task(self._repeat(job), name=job.name) for job in self._table]

    async def close(self) -> None:
        """Begin nothing more, and let what runs end, within FINISH_SECONDS."""
        self._closing.set()
        if self._tasks:
            _, running = await asyncio.wait(self._tasks, timeout=FINISH_SECONDS)
            for task in running:
                logger.info("job %s does not end in time and is left to another process", task.get_name())
                task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _repeat(self, job: Job) -> None:
        while not self._closing.is_set():
            try:
                await job.run(self._clock())
            except Exception as error:
                if translate(error):
                    logger.warning("job %s waits for a store: %s", job.name, type(error).__name__)
                else:
                    logger.exception("job %s failed", job.name)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._closing.wait(), job.every_seconds)
