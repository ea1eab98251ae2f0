"""The writer of ballots: what comes in one turn of the loop, or while a batch is on its way, is written at once.

Owns: this process's stream of each campaign. Invariants: one batch of a stream is on its way at a time; a stream whose batch had no clear
end is never written again, so that what its outcome was can only be found in the rows; who is answered "written" is durable.

Failure policy: closed. A batch that failed fails all who wait for it with 503; they ask again, and those whose rows were written after
all are repeats.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field

from server.ballots.store import BallotStore
from server.errors import StoreUnavailable, Unavailable, WenmingError
from server.metrics import Metrics
from server.stores import Document, PyMongoError

logger = logging.getLogger(__name__)

# The embedded store writes 8,700 rows a second in batches of hundreds; larger ones make the first of a batch wait for the last.
MOST_AT_ONCE = 500
# Half a second of that. Who comes behind is told at once to come again.
MOST_WAITING = 5000
# After a silence a stream is told of before it is written again. Far shorter than QUIET_SECONDS of tallying.py, after which a stream
# counts as ended.
SILENT_SECONDS = 30.0


@dataclass
class Line:
    """Those who wait for one campaign's next batch."""

    stream: str = ""
    batch: int = 0
    heard_at: float = 0.0
    waiting: list[tuple[Document, asyncio.Future[bool]]] = field(default_factory=list)
    task: asyncio.Task[None] | None = None


class BallotWriter:
    """`clock`: when a batch is written, which is another moment than when its people came."""

    def __init__(self, store: BallotStore, metrics: Metrics, clock: Callable[[], float]) -> None:
        self._store = store
        self._metrics = metrics
        self._clock = clock
        self._lines: dict[str, Line] = {}

    async def write(self, campaign: str, row: Document) -> bool:
        """Whether the row is new; False where one with its `_id` stood already. Durable either way. Raises Unavailable."""
        line = self._lines.setdefault(campaign, Line())
        if len(line.waiting) >= MOST_WAITING:
            raise Unavailable()
        future: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        line.waiting.append((row, future))
        if line.task is None or line.task.done():
            line.task = asyncio.create_task(self._run(campaign, line))
        return await future

    async def close(self) -> None:
        """Answer what was taken."""
        await asyncio.gather(*[line.task for line in self._lines.values() if line.task], return_exceptions=True)

    async def _run(self, campaign: str, line: Line) -> None:
        while line.waiting:
            batch, line.waiting = line.waiting[:MOST_AT_ONCE], line.waiting[MOST_AT_ONCE:]
            try:
                new = await self._write(campaign, line, [row for row, _ in batch])
            except (PyMongoError, WenmingError) as error:
                logger.warning("a batch of %d ballots of %s was not confirmed: %s", len(batch), campaign, type(error).__name__)
                line.stream = ""
                self._answer(batch, StoreUnavailable())
            except BaseException:
                line.stream = ""
                self._answer(batch, Unavailable())
                raise
            else:
                self._metrics.observe("ballots_written_count", len(batch))
                for (_, future), is_new in zip(batch, new, strict=True):
                    if not future.done():  # she left
                        future.set_result(is_new)

    async def _write(self, campaign: str, line: Line, rows: list[Document]) -> list[bool]:
        now = self._clock()
        if not line.stream:
            line.stream, line.batch = secrets.token_hex(6), 0
            await self._store.open_stream(campaign, line.stream, now)
        elif now - line.heard_at > SILENT_SECONDS:
            await self._store.touch(campaign, line.stream, now)
        # One person's two requests in one batch: the first row stands, the second is a repeat as if it came later.
        new = await self._store.write(campaign, line.stream, line.batch, rows, now)
        line.batch, line.heard_at = line.batch + 1, now
        return new

    @staticmethod
    def _answer(batch: list[tuple[Document, asyncio.Future[bool]]], error: WenmingError) -> None:
        for _, future in batch:
            if not future.done():
                future.set_exception(type(error)())
