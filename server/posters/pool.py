"""The drawing processes and the bounded queue before them.

Owns: starting, feeding, replacing and ending the children that run `server.posters.worker`.
Does not own: what is drawn. Invariants: at most `queue` jobs wait, the next is refused at once; a child that
dies or hangs is replaced and its job tried once more; no child outlives this process (its input closes).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import subprocess
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec

from server.errors import Unavailable
from server.posters.wire import HEAD_BYTES, Answer, frame

logger = logging.getLogger(__name__)

# A poster takes 10 ms, the first of a campaign 200 ms; a child that needs 10 s is stuck.
DRAW_SECONDS = 10.0
# Python, Pillow and fontTools start in a second; a loaded machine takes several.
START_SECONDS = 30.0
# A child that cannot start (no font) is not tried again for this long.
PAUSE_SECONDS = 10.0
# Time for a child to end by itself after its input closed; it only has to finish one poster.
END_SECONDS = 2.0
# How often an ending child is looked at; a killed one is gone within a millisecond or two.
WATCH_SECONDS = 0.01
TRIES = 2
# What reading and writing raise when a child has died, hangs or talks nonsense.
LOST = (OSError, EOFError, TimeoutError, msgspec.MsgspecError)
ROOT = Path(__file__).resolve().parents[2]


class PosterBusy(Unavailable):
    """The queue is full: nothing was started."""

    code = "POSTER_BUSY"
    message = "正在为很多人制作海报，请稍等几秒再点一次"

    def __init__(self) -> None:
        super().__init__(retry_after_seconds=3)


class PosterUnavailable(Unavailable):
    """No poster can be drawn now; the log says why."""

    code = "POSTER_UNAVAILABLE"
    message = "海报暂时无法制作，请稍后再试，也可以直接截屏保存本页"

    def __init__(self) -> None:
        super().__init__(retry_after_seconds=30)


# The same job with its pictures, for a child that has none of them.
Whole = Callable[[], Awaitable[bytes]]


@dataclass
class _Waiting:
    job: bytes
    answer: asyncio.Future[bytes]
    whole: Whole | None = None


class _Child:
    """One drawing process, at the other end of a socket.

    It is started by subprocess, not by the loop: uvloop forks and then runs Python in the copy of this process, which hangs for
    ever (and the loop with it) where another thread held a lock in that moment. subprocess runs none, and takes a millisecond.
    """

    def __init__(self, assets: Path) -> None:
        self._assets = assets
        self._process: subprocess.Popen[bytes] | None = None
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._paused_until = 0.0

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process and self._process.poll() is None else None

    async def draw(self, job: bytes) -> Answer:
        """One job. Raises OSError, EOFError or TimeoutError when the child is lost; PosterUnavailable when none can start."""
        if self.pid is None:
            await self.start()
        async with asyncio.timeout(DRAW_SECONDS):
            return await self._ask(job)

    async def start(self) -> None:
        """A new process. Raises PosterUnavailable where it has no font, and what LOST names."""
        loop = asyncio.get_running_loop()
        if loop.time() < self._paused_until:
            raise PosterUnavailable()
        await self.end()
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(  # noqa: ASYNC220 a millisecond, see above
                [sys.executable, "-m", "server.posters.worker", str(self._assets)], cwd=ROOT,
                stdin=theirs.fileno(), stdout=theirs.fileno())
        self._reader, self._writer = await asyncio.open_connection(sock=ours)
        async with asyncio.timeout(START_SECONDS):
            ready = await self._read()
        if ready.problem:
            logger.error("posters cannot be drawn: %s", ready.problem)
            self._paused_until = loop.time() + PAUSE_SECONDS
            await self.end()
            raise PosterUnavailable()

    async def _ask(self, job: bytes) -> Answer:
        assert self._writer
        self._writer.write(frame(job))
        await self._writer.drain()
        return await self._read()

    async def _read(self) -> Answer:
        assert self._reader
        length = int.from_bytes(await self._reader.readexactly(HEAD_BYTES), "big")
        return msgspec.msgpack.decode(await self._reader.readexactly(length), type=Answer)

    async def end(self, patience_seconds: float = 0.0) -> None:
        """Close the child's input, wait that long, then kill it."""
        process, writer = self._process, self._writer
        self._process = self._reader = self._writer = None
        if writer is not None:
            writer.close()
            with contextlib.suppress(OSError):  # its child may have died with our words unread
                await writer.wait_closed()
        if process is None:
            return
        loop = asyncio.get_running_loop()
        until = loop.time() + patience_seconds
        while process.poll() is None:
            if loop.time() >= until:
                process.kill()
            await asyncio.sleep(WATCH_SECONDS)


class Pool:
    """`workers` children behind one queue of `queue` jobs."""

    def __init__(self, assets: Path, workers: int, queue: int) -> None:
        self._children = [_Child(assets) for _ in range(workers)]
        self._jobs: asyncio.Queue[_Waiting] = asyncio.Queue(queue)
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def pids(self) -> list[int]:
        """The children that run."""
        return [child.pid for child in self._children if child.pid is not None]

    @property
    def waiting(self) -> int:
        return self._jobs.qsize()

    def start(self) -> None:
        """Start the children in the background, so that the first poster does not wait and a missing font is told early."""
        if not self._tasks:
            self._tasks = [asyncio.create_task(self._work(child)) for child in self._children]

    async def draw(self, job: bytes, whole: Whole | None = None) -> bytes:
        """The JPEG of a packed job, in its turn. Raises PosterBusy at once when the queue is full, else PosterUnavailable."""
        self.start()
        waiting = _Waiting(job, asyncio.get_running_loop().create_future(), whole)
        try:
            self._jobs.put_nowait(waiting)
        except asyncio.QueueFull:
            raise PosterBusy() from None
        return await waiting.answer

    async def _work(self, child: _Child) -> None:
        try:
            await child.start()
        except (PosterUnavailable, *LOST) as error:  # told by the log; the first poster tries again
            logger.warning("a drawing process did not start: %s %s", type(error).__name__, error)
            await child.end()
        while True:
            waiting = await self._jobs.get()
            if waiting.answer.done():  # whoever asked has gone
                continue
            try:
                answer = await self._try(child, waiting)
            except Unavailable as error:
                _settle(waiting, error)
            except asyncio.CancelledError:
                _settle(waiting, PosterUnavailable())
                raise
            else:
                _settle(waiting, answer.jpeg or PosterUnavailable())

    async def _try(self, child: _Child, waiting: _Waiting) -> Answer:
        whole: bytes | None = None
        for attempt in range(1, TRIES + 1):
            try:
                answer = await child.draw(waiting.job)
                if answer.lacks and waiting.whole is not None:
                    whole = whole or await waiting.whole()
                    answer = await child.draw(whole)
                return answer
            except LOST as error:
                logger.warning("a drawing process was lost (try %d of %d): %s %s", attempt, TRIES, type(error).__name__, error)
                await child.end()
        raise PosterUnavailable()

    async def close(self) -> None:
        """End the children; whoever waits is refused."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []
        while not self._jobs.empty():
            _settle(self._jobs.get_nowait(), PosterUnavailable())
        await asyncio.gather(*(child.end(END_SECONDS) for child in self._children))


def _settle(waiting: _Waiting, result: bytes | Unavailable) -> None:
    if waiting.answer.done():
        return
    if isinstance(result, bytes):
        waiting.answer.set_result(result)
    else:
        waiting.answer.set_exception(result)
