"""A value that every process keeps in memory and that MongoDB may change: read again when its revision has risen.

Invariants: one reader at a time, however many wait; nobody waits for long; while MongoDB is away the value last known
holds, at first the initial one.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Generic, TypeVar

from server.stores import Database, PyMongoError

logger = logging.getLogger(__name__)
Value = TypeVar("Value")

# Every process learns of a change within this.
CACHE_SECONDS = 1.0
# Reading the revision takes a millisecond; whoever asks goes on with what is known after this; or waits longer where nothing is known
# yet, as after a start, within the 4.5 s of a callback.
PATIENCE_SECONDS, FIRST_PATIENCE_SECONDS = 0.5, 3.0


class Revision:
    """A number in MongoDB that rises with every change of something."""

    def __init__(self, mongo: Database, name: str) -> None:
        self._revisions = mongo["revisions"]
        self.name = name

    async def read(self) -> int:
        found = await self._revisions.find_one({"_id": self.name})
        return 0 if found is None else int(found["rev"])

    async def rise(self) -> None:
        """After the change itself: who reads in between reads once more."""
        await self._revisions.update_one({"_id": self.name}, {"$inc": {"rev": 1}}, upsert=True)


class Fresh(Generic[Value]):
    def __init__(self, initial: Value, revision: Revision, read: Callable[[], Awaitable[Value]]) -> None:
        self._value = initial
        self._revision = revision
        self._read = read
        self._rev = -1  # of the value
        self._read_at = float("-inf")  # monotonic
        self._reading: asyncio.Task[None] | None = None

    async def get(self) -> Value:
        """The value, at most a second old while MongoDB answers."""
        if time.monotonic() - self._read_at > CACHE_SECONDS:
            if self._reading is None or self._reading.done():
                self._reading = asyncio.create_task(self._refresh())
            with suppress(TimeoutError):
                async with asyncio.timeout(PATIENCE_SECONDS if self._rev >= 0 else FIRST_PATIENCE_SECONDS):
                    await asyncio.shield(self._reading)
        return self._value

    async def _refresh(self) -> None:
        try:
            rev = await self._revision.read()
            if rev != self._rev:
                self._value = await self._read()
                self._rev = rev
        except PyMongoError as error:
            logger.warning("%s are used as last known: %s", self._revision.name, type(error).__name__)
        except Exception:  # one that cannot be read must not silence the others, nor be tried with every message
            logger.exception("%s cannot be read; they are used as last known", self._revision.name)
        self._read_at = time.monotonic()

    def forget(self) -> None:
        """Who asks next reads anew: for the process that made the change, and for tests."""
        self._read_at = float("-inf")
