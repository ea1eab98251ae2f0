"""Many requests, few calls: the salutes of one loop turn go to a shard as one script call.

Invariants: one call of a shard is in flight at a time, and the next batch gathers meanwhile; a repeat of
what is waiting or in flight joins it; the queue is bounded in length, in age and in time. What is refused in the queue
was not counted; of what is refused in flight nobody knows, and who asks again is told.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from time import monotonic
from typing import Any, TypeVar

import msgspec

from server.counting.admission import Admission
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


# Citizen and activity; for another receipt or lateness of the same, these too.
Key = int | tuple[object, ...]
# Called once, for `whose` salute it is: with the record and whether MongoDB has its last change, or with why there is none.
ShardReply = Callable[[Any, Record | Exception, bool], None]


class Waiting(msgspec.Struct, frozen=True, eq=False):
    """What waits: since when (monotonic), what is asked, under which key, and who gets the answer."""

    since: float
    key: Key
    item: Item
    reply: ShardReply
    whose: Any

    def answer(self, record: Record | Exception, durable: bool) -> None:
        """Whatever the reply does, the others of its batch get theirs."""
        try:
            self.reply(self.whose, record, durable)
        except Exception:
            logger.exception("a reply failed")


class ShardNotReady(Unavailable):
    code = "SHARD_NOT_READY"
    message = "计数服务正在恢复，您的参与已保存在本机，稍后自动送达"

    def __init__(self) -> None:
        super().__init__(retry_after_seconds=1)


class Coalescer:
    """The queue of one shard in this process.

    `epoch()` gives the epoch to send under, or None while the shard is not open; `not_ready()` is told
    when the shard refused, and has it looked after.
    """

    def __init__(self, shard: Shard, epoch: Callable[[], int | None], not_ready: Callable[[], Awaitable[None]], admission: Admission, *,
                 max_waiting: int, deadline_seconds: float, metrics: Metrics) -> None:
        self._shard = shard
        self._epoch = epoch
        self._not_ready = not_ready
        self._admission = admission
        self._max_waiting = max_waiting
        self._deadline_seconds = deadline_seconds
        self._metrics = metrics
        self._waiting: deque[Waiting] = deque()
        # What is queued or in flight, and who asked for it again meanwhile.
        self._asked: dict[Key, Waiting] = {}
        self._joined: dict[Key, list[Waiting]] = {}
        self._joined_count = 0
        self._pump: asyncio.Task[None] | None = None
        self._sweep: asyncio.TimerHandle | None = None
        self._called_at = float("-inf")

    def __len__(self) -> int:
        return len(self._waiting)

    def aged_seconds(self) -> float:
        """How long the oldest has been waiting, in the queue or in a call."""
        oldest = next(iter(self._asked.values()), None)
        return 0.0 if oldest is None else monotonic() - oldest.since

    def ask(self, item: Item, reply: ShardReply, whose: Any) -> None:
        """Queue one salute; `reply` gets its record or Unavailable, at once when the queue is full."""
        now, waiting = monotonic(), self._waiting
        entry = Waiting(now, item.citizen << 4 | item.bit + 1, item, reply, whose)  # an activity is one of 13 bits, or -1
        asked = self._asked.setdefault(entry.key, entry)
        if asked is not entry and (asked.item.receipt != item.receipt or asked.item.late != item.late):
            # Another receipt may bring something else back. Another place is only a repeat, of which nobody may queue thousands.
            entry = Waiting(now, (entry.key, item.receipt, item.late), item, reply, whose)
            asked = self._asked.setdefault(entry.key, entry)
        if asked is not entry:
            self._join(entry)
            return
        if len(waiting) >= self._max_waiting or len(waiting) >= MAX_BATCH and self._is_late(now):
            self._forget(entry)
            entry.answer(Unavailable(), False)
            return
        waiting.append(entry)
        self._admission.inside += 1
        if self._pump is None:
            self._admission.watch()
            self._pump = asyncio.get_running_loop().create_task(self._run())
        if self._sweep is None:
            self._sweep = asyncio.get_running_loop().call_later(SWEEP_SECONDS, self._drop_overdue)

    async def look(self, citizen: int) -> Record:
        """A citizen's cell as it is, in the order of what was asked before. Raises Unavailable."""
        future: asyncio.Future[Record] = asyncio.get_running_loop().create_future()
        self.ask(Item(citizen, -1), lambda future, record, durable: settle(future, record), future)
        return await future

    def _join(self, entry: Waiting) -> None:
        if self._joined_count >= self._max_waiting:
            entry.answer(Unavailable(), False)
            return
        self._joined_count += 1
        self._admission.inside += 1
        self._joined.setdefault(entry.key, []).append(entry)

    def _is_late(self, now: float) -> bool:
        """Whether the oldest has waited as long as a crowd may; a shard that is being made ready gets its whole time."""
        return self._epoch() is not None and now - self._waiting[0].since > CROWD_AGE_SECONDS

    async def drain(self) -> None:
        """Wait until everything accepted so far is answered."""
        while self._pump is not None:
            await asyncio.wait({self._pump})

    async def _run(self) -> None:
        try:
            while self._waiting:
                early = self._called_at + GATHER_SECONDS - monotonic()
                if early > 0 and len(self._waiting) < MAX_BATCH:
                    await asyncio.sleep(early)
                    if not self._waiting:  # all of it was overdue meanwhile
                        break
                self._called_at = monotonic()
                oldest = self._waiting[0].since
                batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), MAX_BATCH))]
                try:
                    await self._send(batch, max(oldest + self._deadline_seconds, self._called_at + LEAST_CALL_SECONDS))
                except Exception as error:
                    logger.exception("shard %s: a batch failed", self._shard.id)
                    for entry in batch:
                        if self._asked.get(entry.key) is entry:  # not yet answered
                            self._refuse(entry, error)
        finally:
            self._pump = None

    async def _send(self, batch: list[Waiting], until: float) -> None:
        """Have it counted, or refuse it by `until`: then nobody knows whether it was, and who asks again is told."""
        failure: Exception = Unavailable()
        for attempt in range(TRIES):
            started = monotonic()
            if attempt and started > until:
                break
            try:
                epoch = self._epoch()
                async with asyncio.timeout(until - started):
                    accepted = None if epoch is None else await self._shard.accept(epoch, [entry.item for entry in batch])
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
            self._metrics.observe("batches_answered_seconds", monotonic() - started)
            watermark, asked = accepted.watermark, self._asked
            for entry, record in zip(batch, accepted.records, strict=True):
                if entry.key in self._joined:
                    self._repeat(entry, record, 0 < record.seq <= watermark)
                    continue
                del asked[entry.key]  # _forget and answer in place: two calls less for each salute
                try:
                    entry.reply(entry.whose, record, 0 < record.seq <= watermark)
                except Exception:
                    logger.exception("a reply failed")
            self._admission.inside -= len(batch)
            return
        if len(batch) > 1 and not isinstance(failure, Unavailable):
            # Somebody's part of it cannot be counted; by halves the others are told apart from hers in nine steps.
            await self._send(batch[:len(batch) // 2], until)
            await self._send(batch[len(batch) // 2:], until)
            return
        for entry in batch:
            self._refuse(entry, failure)

    def _repeat(self, entry: Waiting, record: Record, durable: bool) -> None:
        """Those who joined get the same as who was first, but something new is none of theirs: they did not make it."""
        joined = self._forget(entry)
        entry.answer(record, durable)
        status = REPEAT if record.status in (FIRST, ACTIVITY, RESTORED) else record.status
        again = Record(status, record.ordinal, record.second, record.seq, record.flags)
        for one in joined:
            one.answer(again, durable)

    def _refuse(self, entry: Waiting, error: Exception) -> None:
        self._admission.inside -= 1
        for one in (entry, *self._forget(entry)):
            one.answer(error, False)

    def _forget(self, entry: Waiting) -> Sequence[Waiting]:
        """From now on who asks for the same is asked for anew. Gives who joined."""
        del self._asked[entry.key]
        joined = self._joined.pop(entry.key, ())
        self._joined_count -= len(joined)
        self._admission.inside -= len(joined)
        return joined

    def _drop_overdue(self) -> None:
        """Refuse what has waited past the deadline behind a stalled call: early news beats a late answer."""
        overdue = monotonic() - self._deadline_seconds
        while self._waiting and self._waiting[0].since < overdue:
            self._refuse(self._waiting.popleft(), Unavailable())
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
