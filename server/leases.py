"""Work that one process does at a time, for as long as it holds it: whoever dies or loses it leaves it to the next."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from server.stores import PyMongoError

logger = logging.getLogger(__name__)

# A process that stops waits for MongoDB no longer than this to give a lease back.
LEAVE_SECONDS = 1.0

Result = TypeVar("Result")


class LeaseLost(Exception):
    """Another has it; what we had begun is stopped."""


async def while_held(work: Coroutine[Any, Any, Result], hold: Callable[[], Awaitable[bool]], every_seconds: float,
                     leave: Callable[[], Awaitable[object]] | None = None) -> Result:
    """Do the work; `hold` renews the lease every so often and says whether it is still ours. Raises LeaseLost.

    `leave` gives it back where we are stopped in the middle, so that the next need not wait for its end; without it, it runs out.
    """
    doing = asyncio.create_task(work)
    try:
        while not (await asyncio.wait({doing}, timeout=every_seconds))[0]:
            if not await hold():
                raise LeaseLost()
        return await doing
    except asyncio.CancelledError:
        await _end(doing)
        if leave is not None:
            try:
                await asyncio.wait_for(leave(), LEAVE_SECONDS)
            except (PyMongoError, TimeoutError) as error:
                logger.info("a lease was not given back and runs out: %s", type(error).__name__)
        raise
    finally:
        await _end(doing)


async def _end(doing: asyncio.Task[Any]) -> None:
    doing.cancel()
    await asyncio.gather(doing, return_exceptions=True)
