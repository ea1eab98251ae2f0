"""Effects that are owed: what an event changes is tried again where a store was away, so that an outage of minutes loses none.

Owns: the tries. Does not own: what an effect does (server/replies/effects.py); each of them may be repeated.
Invariants: the citizen's answer never waits for a second try; what is owed is bounded in number and in time.

Failure policy: what is owed lives in this process. It is lost, and counted so, where the outage lasts longer than a callback may be old,
or the process is killed meanwhile: the platform was told success, because anything else would show her an account out of order.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from server.errors import WenmingError
from server.metrics import Metrics
from server.replies import Context
from server.stores import translate
from server.wechat.messages import InboundMessage

logger = logging.getLogger(__name__)

Effect = Callable[[InboundMessage, Context], Awaitable[None]]

# Pauses between tries double from one second to a minute: a restart of MongoDB takes seconds, a failover up to a minute.
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 1.0, 60.0
# As long as a callback may be old: whatever is later has been asked of the platform in another way, or is no news any more.
OWED_SECONDS = 600.0
# A message and its task are some 2 KB.
MAX_OWED = 10_000


class Owed:
    """`context(now)` is what effects may ask."""

    def __init__(self, effect: Effect, context: Callable[[float], Context], metrics: Metrics) -> None:
        self._effect = effect
        self._context = context
        self._metrics = metrics
        self._waiting: set[asyncio.Task[None]] = set()

    async def take(self, message: InboundMessage, now: float) -> None:
        """Have the effect now, or owe it. Raises whatever is no outage: a bug."""
        try:
            await self._effect(message, self._context(now))
        except Exception as error:
            if not _is_outage(error):
                raise
            logger.warning("the effect of a %s is owed: %s", message.event, type(error).__name__)
            if len(self._waiting) >= MAX_OWED:
                self._metrics.record("effects_owed_total", "lost")
                return
            self._metrics.record("effects_owed_total", "owed")
            task = asyncio.create_task(self._later(message, now))
            self._waiting.add(task)
            task.add_done_callback(self._waiting.discard)

    async def _later(self, message: InboundMessage, now: float) -> None:
        pause_seconds, waited_seconds = FIRST_PAUSE_SECONDS, 0.0
        while waited_seconds < OWED_SECONDS:
            await asyncio.sleep(pause_seconds)
            waited_seconds += pause_seconds
            pause_seconds = min(2 * pause_seconds, LONGEST_PAUSE_SECONDS)
            try:
                await self._effect(message, self._context(now + waited_seconds))
            except Exception as error:
                if _is_outage(error):
                    continue
                logger.exception("the owed effect of a %s failed", message.event)
                break
            self._metrics.record("effects_owed_total", "paid")
            return
        logger.error("the effect of a %s is lost", message.event)
        self._metrics.record("effects_owed_total", "lost")

    async def close(self) -> None:
        """What is still owed at a stop is tried once more by nobody."""
        for task in self._waiting:
            task.cancel()
            self._metrics.record("effects_owed_total", "lost")
        if self._waiting:
            logger.error("%d effects are lost at this stop", len(self._waiting))
            await asyncio.wait(self._waiting)


def _is_outage(error: Exception) -> bool:
    return translate(error) is not None or isinstance(error, TimeoutError) or isinstance(error, WenmingError) and error.status == 503
