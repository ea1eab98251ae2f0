"""What many ask for in the same moment, read once: for a crowd that comes to the same page.

Invariants: one reader for each key, however many wait, and none of them ends the reading for the others by leaving; a failure is
everybody's who waited for it, and is not remembered; what was forgotten while it was read is not remembered either, and who asks after that
reads anew.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

Value = TypeVar("Value")


class SharedReads(Generic[Value]):
    """Readings under way; nothing is remembered."""

    def __init__(self) -> None:
        self._reading: dict[str, asyncio.Task[Value]] = {}

    async def get(self, key: str, read: Callable[[], Awaitable[Value]], keep: Callable[[Value], None]) -> Value:
        """`keep` is told what was read, but where it was forgotten meanwhile."""
        reading = self._reading.get(key)
        if reading is None:
            reading = self._reading[key] = asyncio.create_task(self._read(key, read, keep))
            reading.add_done_callback(lambda done: self._done(key, done))
        return await asyncio.shield(reading)

    def forget(self, key: str) -> None:
        self._reading.pop(key, None)

    def forget_all(self) -> None:
        self._reading.clear()

    async def _read(self, key: str, read: Callable[[], Awaitable[Value]], keep: Callable[[Value], None]) -> Value:
        value = await read()
        if self._reading.get(key) is asyncio.current_task():
            keep(value)
        return value

    def _done(self, key: str, done: asyncio.Task[Value]) -> None:
        if self._reading.get(key) is done:
            del self._reading[key]
        if not done.cancelled():
            done.exception()  # whoever waited has it


class Remembered(Generic[Value]):
    """Values that hold for some seconds from when their reading began; of `most` keys, those read last.

    `now` is by whichever clock the caller goes by, always the same one; None is the monotonic clock.
    """

    def __init__(self, seconds: float, most: int) -> None:
        self._seconds = seconds
        self._most = most
        self._known: OrderedDict[str, tuple[float, Value]] = OrderedDict()  # read when
        self._reads: SharedReads[Value] = SharedReads()

    async def get(self, key: str, read: Callable[[], Awaitable[Value]], now: float | None = None) -> Value:
        at = time.monotonic() if now is None else now
        known = self._known.get(key)
        if known is not None and 0 <= at - known[0] < self._seconds:
            return known[1]
        return await self._reads.get(key, read, lambda value: self._keep(key, at, value))

    def last(self, key: str) -> Value | None:
        """What was known last, however old it is."""
        known = self._known.get(key)
        return known[1] if known is not None else None

    def forget(self, key: str) -> None:
        self._known.pop(key, None)
        self._reads.forget(key)

    def forget_all(self) -> None:
        self._known.clear()
        self._reads.forget_all()

    def _keep(self, key: str, now: float, value: Value) -> None:
        self._known[key] = now, value
        self._known.move_to_end(key)
        while len(self._known) > self._most:
            self._known.popitem(last=False)


class HotBytes:
    """Bytes that never change under their key; so many of them, those asked for last."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._hot: OrderedDict[str, bytes] = OrderedDict()
        self._reads: SharedReads[bytes] = SharedReads()
        self.bytes = 0

    async def get(self, key: str, read: Callable[[], Awaitable[bytes]]) -> bytes:
        if (hot := self._hot.get(key)) is not None:
            self._hot.move_to_end(key)
            return hot
        return await self._reads.get(key, read, lambda data: self._keep(key, data))

    def forget(self, key: str) -> None:
        self._reads.forget(key)
        self.bytes -= len(self._hot.pop(key, b""))

    def _keep(self, key: str, data: bytes) -> None:
        self.bytes += len(data) - len(self._hot.pop(key, b""))
        self._hot[key] = data
        while self.bytes > self._most_bytes:
            self.bytes -= len(self._hot.popitem(last=False)[1])
