"""Many requests, few calls: the salutes of one loop turn go to a shard as one script call.

Invariants: one call of a shard is in flight at a time, and the next batch gathers meanwhile; a repeat of
what is waiting or in flight joins its future; the queue is bounded in length, in age and in time, and what
is past a bound is refused with BUSY before anything was decided for it.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TypeVar

import msgspec

from server.counting.cells import ACTIVITY, FIRST, REPEAT, RESTORED, Record
from server.counting.shards import Item, Shard
from server.errors import Unavailable
from server.metrics import Metrics
from server.stores import RedisError

logger = logging.getLogger(__name__)
Outcome = TypeVar("Outcome")

# 512 salutes are about 3 ms of one Redis core: long enough to share one fsync, short enough for a p99 under 250 ms.
MAX_BATCH = 512
# A shard is called at most this often, so that salutes gather: a fast Redis would else be called for a few at a time, and a call
# costs as much as ten of them. Whoever comes alone goes at once.
GATHER_SECONDS = 0.002
# One more try after a lost connection: the script is idempotent, so a batch that did arrive answers as it did.
TRIES = 2
RETRY_PAUSE_SECONDS = 0.05
# Who waited almost to the deadline behind a stalled call still has this for her own: what answers at all does so sooner.
LEAST_CALL_SECONDS = 0.5
SWEEP_SECONDS = 0.1
# More than one batch waits, and the oldest this long: the shard is slower than the people who come, so the newest go away
# early, while those inside still get their answer within 250 ms. A short queue behind a slow disk is no crowd.
CROWD_AGE_SECONDS = 0.1
# Refusals before the script's first write that one item or one page brings upon its batch.
HARMED_BY_ONE = ("BAD_ARGUMENT", "WRONGTYPE")


class Answer(msgspec.Struct, frozen=True):
    """One citizen's record, and whether MongoDB has its last change."""

    record: Record
    durable: bool


# Called once, when the salute is counted or refused; it must not raise, for it stands among others of its batch.
Reply = Callable[[Answer | Exception], None]


class ShardNotReady(Unavailable):
    code = "SHARD_NOT_READY"
    message = "计数服务正在恢复，您的敬礼已保存在本机，稍后自动送达"

    def __init__(self) -> None:
        super().__init__(retry_after_seconds=1)


class Coalescer:
    """The queue of one shard in this process.

    `epoch()` gives the epoch to send under, or None while the shard is not open; `not_ready()` is told
    when the shard refused, and has it looked after.
    """

    def __init__(self, shard: Shard, epoch: Callable[[], int | None], not_ready: Callable[[], Awaitable[None]], *,
                 max_waiting: int, deadline_seconds: float, metrics: Metrics) -> None:
        self._shard = shard
        self._epoch = epoch
        self._not_ready = not_ready
        self._max_waiting = max_waiting
        self._deadline_seconds = deadline_seconds
        self._metrics = metrics
        self._waiting: deque[tuple[float, Item]] = deque()
        # Who waits for each item that is queued or in flight: who came first, then those who repeat it.
        self._asking: dict[Item, list[Reply]] = {}
        self._joined = 0  # those who repeat
        self._pump: asyncio.Task[None] | None = None
        self._sweep: asyncio.TimerHandle | None = None
        self._called_at = float("-inf")

    def __len__(self) -> int:
        return len(self._waiting)

    def ask(self, item: Item, reply: Reply) -> None:
        """Queue one salute; `reply` gets its Answer or Unavailable, at once when the queue is full."""
        asking = self._asking.get(item)
        if asking is not None:
            if self._joined >= self._max_waiting:
                reply(Unavailable())
            else:
                self._joined += 1
                asking.append(reply)
            return
        now = time.monotonic()
        if len(self._waiting) >= self._max_waiting or len(self._waiting) >= MAX_BATCH and self._is_late(now):
            reply(Unavailable())
            return
        self._asking[item] = [reply]
        self._waiting.append((now, item))
        if self._pump is None:
            self._pump = asyncio.get_running_loop().create_task(self._run())
        if self._sweep is None:
            self._sweep = asyncio.get_running_loop().call_later(SWEEP_SECONDS, self._drop_overdue)

    def submit(self, item: Item) -> asyncio.Future[Answer]:
        """The same for who waits. The future gives its Answer or raises Unavailable."""
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self.ask(item, partial(settle, future))
        return future

    def _is_late(self, now: float) -> bool:
        """Whether the oldest has waited as long as a crowd may; a shard that is being made ready gets its whole time."""
        return self._epoch() is not None and now - self._waiting[0][0] > CROWD_AGE_SECONDS

    async def drain(self) -> None:
        """Wait until everything accepted so far is answered."""
        while self._pump is not None:
            await asyncio.wait({self._pump})

    async def _run(self) -> None:
        try:
            while self._waiting:
                early = self._called_at + GATHER_SECONDS - time.monotonic()
                if early > 0 and len(self._waiting) < MAX_BATCH:
                    await asyncio.sleep(early)
                self._called_at = time.monotonic()
                oldest = self._waiting[0][0]
                batch = [self._waiting.popleft()[1] for _ in range(min(len(self._waiting), MAX_BATCH))]
                await self._send(batch, max(oldest + self._deadline_seconds, self._called_at + LEAST_CALL_SECONDS))
        finally:
            self._pump = None

    async def _send(self, batch: list[Item], until: float) -> None:
        """Have it counted, or refuse it by `until`: then nobody knows whether it was, and who asks again is told."""
        failure: Exception = Unavailable()
        for attempt in range(TRIES):
            started = time.monotonic()
            if attempt and started > until:
                break
            try:
                epoch = self._epoch()
                async with asyncio.timeout(until - started):
                    accepted = None if epoch is None else await self._shard.accept(epoch, batch)
            except (RedisError, OSError, TimeoutError) as error:
                if any(word in str(error) for word in HARMED_BY_ONE):
                    failure = error
                    break
                logger.warning("shard %s did not answer (try %d): %s", self._shard.id, attempt + 1, type(error).__name__)
                await asyncio.sleep(RETRY_PAUSE_SECONDS)
                continue
            except Exception as error:
                logger.exception("shard %s: a batch failed", self._shard.id)
                failure = error
                break
            if accepted is None:
                failure = ShardNotReady()
                await self._not_ready()
                continue
            self._metrics.observe("batches_sent_participations", len(batch))
            self._metrics.observe("batches_answered_seconds", time.monotonic() - started)
            for item, record in zip(batch, accepted.records, strict=True):
                self._settle(item, record, 0 < record.seq <= accepted.watermark)
            return
        if len(batch) > 1 and not isinstance(failure, Unavailable):
            # Somebody's part of it cannot be counted; by halves the others are told apart from hers in nine steps.
            await self._send(batch[:len(batch) // 2], until)
            await self._send(batch[len(batch) // 2:], until)
            return
        for item in batch:
            self._refuse(item, failure)

    def _settle(self, item: Item, record: Record, durable: bool) -> None:
        """Give the record to all who ask: something new to the first of them, a repeat to the others, who did not make it."""
        answer = Answer(record, durable)
        for reply in self._leave(item):
            reply(answer)
            if record.status in (FIRST, ACTIVITY, RESTORED):
                answer = Answer(Record(REPEAT, record.ordinal, record.second, record.seq, record.flags), durable)

    def _refuse(self, item: Item, error: Exception) -> None:
        for reply in self._leave(item):
            reply(error)

    def _leave(self, item: Item) -> list[Reply]:
        replies = self._asking.pop(item)
        self._joined -= len(replies) - 1
        return replies

    def _drop_overdue(self) -> None:
        """Refuse what has waited past the deadline behind a stalled call: early news beats a late answer."""
        overdue = time.monotonic() - self._deadline_seconds
        while self._waiting and self._waiting[0][0] < overdue:
            self._refuse(self._waiting.popleft()[1], Unavailable())
        self._sweep = None
        if self._waiting:
            self._sweep = asyncio.get_running_loop().call_later(SWEEP_SECONDS, self._drop_overdue)


def settle(future: asyncio.Future[Outcome], outcome: Outcome | Exception) -> None:
    """Give a future its outcome, if anybody still waits for it."""
    if future.done():
        return
    if isinstance(outcome, Exception):
        future.set_exception(outcome)
        future.exception()  # a caller who left must not turn a refusal into a warning
    else:
        future.set_result(outcome)
