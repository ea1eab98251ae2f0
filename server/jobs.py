"""Periodic work: each job a named function with its period, run one after the other in its own task.

A job that fails is logged, counted and tried again at its next turn; none holds another up.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from server.clock import Clock
from server.stores import translate

logger = logging.getLogger(__name__)


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

    def start(self) -> None:
        self._tasks = [asyncio.create_task(self._repeat(job), name=job.name) for job in self._table]

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _repeat(self, job: Job) -> None:
        while True:
            try:
                await job.run(self._clock())
            except Exception as error:
                if translate(error):
                    logger.warning("job %s waits for a store: %s", job.name, type(error).__name__)
                else:
                    logger.exception("job %s failed", job.name)
            await asyncio.sleep(job.every_seconds)
