"""The worker processes as the serving process has them: a child for each file, few at once.

Owns: starting, feeding, and ending the children that run `server.spreadsheets.worker`, and the folder of each. Invariants: at most
AT_ONCE run and MOST_WAITING wait, the next is refused at once; no file is held whole; a child ends with whoever asked for it, its folder
too.

Failure policy: closed. A child that is lost ends its file; jobs try again, people are asked to.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from server.errors import InvalidBody, Unavailable
from server.spreadsheets.wire import HEAD_BYTES, MAX_FRAME_BYTES, Answer, Done, End, File, Kind, Order, Piece, Table, Taken, frame

logger = logging.getLogger(__name__)
Result = TypeVar("Result")

# Each takes a core and some 60 MB; two leave a small machine its own work.
AT_ONCE, MOST_WAITING = 2, 8
# A child takes a thousand rows in some 20 ms; one that takes nothing for a minute is stuck.
STEP_SECONDS = 60.0
# Two million rows are put together in about a minute; slow disks and loaded machines take several.
ASSEMBLE_SECONDS = 900.0
# A table of 20,000 rows is read in two seconds.
READ_SECONDS = 30.0
# Folders of a process that was killed; no file takes so long to make.
LEFT_BEHIND_SECONDS = 86_400.0
WATCH_SECONDS = 0.01
LOST = (OSError, EOFError, TimeoutError, msgspec.MsgspecError)
ROOT = Path(__file__).resolve().parents[2]
# The program that makes spreadsheets; others speak the same way and name theirs.
MODULE = "server.spreadsheets.worker"


class WorkersBusy(Unavailable):
    code = "REPORTS_BUSY"
    message = "正在为其他人生成表格，请稍等一会儿再试"

    def __init__(self) -> None:
        super().__init__(retry_after_seconds=10)


class WorkerLost(Unavailable):
    """The child died or hung; the log says why."""

    code = "REPORT_UNAVAILABLE"
    message = "表格没有生成，请再试一次"


class Worker:
    """One child, at the other end of a socket; started by subprocess for the reason that server/posters/pool.py gives."""

    def __init__(self, module: str = MODULE) -> None:
        self._module = module
        self._process: subprocess.Popen[bytes] | None = None
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    async def start(self, order: Order) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(  # noqa: ASYNC220 a millisecond
                [sys.executable, "-m", self._module], cwd=ROOT, stdin=theirs.fileno(), stdout=theirs.fileno())
        self._reader, self._writer = await asyncio.open_connection(sock=ours)
        self._writer.write(frame(order))

    async def give(self, given: msgspec.Struct) -> None:
        """Raises what LOST names."""
        assert self._writer
        self._writer.write(frame(given))
        async with asyncio.timeout(STEP_SECONDS):
            await self._writer.drain()

    async def answer(self, seconds: float) -> Answer:
        """The next answer. Raises what LOST names."""
        assert self._reader
        async with asyncio.timeout(seconds):
            length = int.from_bytes(await self._reader.readexactly(HEAD_BYTES), "big")
            if length > MAX_FRAME_BYTES:
                raise EOFError("a worker talks nonsense")
            packed = await self._reader.readexactly(length)
        found: Answer = msgspec.msgpack.decode(packed, type=Answer)
        return found

    async def end(self) -> None:
        """Whatever it is doing; it has nothing that anybody needs."""
        if self._writer is not None:
            self._writer.close()
            with contextlib.suppress(OSError):  # it may have died with our words unread
                await self._writer.wait_closed()
        if self._process is not None:
            self._process.kill()
            while self._process.poll() is None:  # noqa: ASYNC110 no event tells of it
                await asyncio.sleep(WATCH_SECONDS)


class Workers:
    """`folder`: under the data folder; each child has one of its own in it. `on_start`: tests look at who works.

    `in_step`: the program says of each part when it is done. What is slow to do must not pile up in a socket's buffer, where a time limit
    would count hundreds of parts as one.
    """

    def __init__(self, folder: Path, on_start: Callable[[Worker], None] = lambda worker: None, module: str = MODULE, *,
                 in_step: bool = False) -> None:
        self._folder = folder
        self._module = module
        self._in_step = in_step
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._waiting = 0
        self.on_start = on_start

    async def file(self, kind: Kind, given: AsyncGenerator[Any, None]) -> AsyncGenerator[bytes, None]:
        """A file as pieces of 1 MB, made of sheets and rows. Raises WorkersBusy, WorkerLost, and what `given` raises."""
        async with aclosing(given), self._worker(kind) as worker:
            async for part in given:
                await self._lost(worker.give(part))
                if self._in_step and not isinstance(await self._lost(worker.answer(STEP_SECONDS)), Taken):
                    raise WorkerLost()
            await self._lost(worker.give(End()))
            while True:
                answer = await self._lost(worker.answer(ASSEMBLE_SECONDS))
                if isinstance(answer, Piece):
                    yield answer.data
                elif isinstance(answer, Done) and not answer.problem:
                    return
                else:
                    raise WorkerLost()

    async def table(self, data: bytes) -> list[tuple[int, list[str]]]:
        """The rows of a CSV or XLSX file, the column names first. Raises InvalidBody with what to do, WorkersBusy, WorkerLost."""
        async with self._worker("table") as worker:
            await self._lost(worker.give(File(data)))
            answer = await self._lost(worker.answer(READ_SECONDS))
            if isinstance(answer, Table):
                return answer.rows
            raise InvalidBody("INVALID_BODY", answer.problem if isinstance(answer, Done) else None, field="file")

    @asynccontextmanager
    async def _worker(self, kind: Kind) -> AsyncIterator[Worker]:
        if self._waiting >= MOST_WAITING:
            raise WorkersBusy()
        self._waiting += 1
        try:
            await self._slots.acquire()
        finally:
            self._waiting -= 1
        folder, worker = self._folder / secrets.token_hex(8), Worker(self._module)
        try:
            await asyncio.to_thread(self._make_folder, folder)
            await self._lost(worker.start(Order(kind, str(folder))))
            self.on_start(worker)
            yield worker
        finally:
            await asyncio.shield(self._end(worker, folder))

    async def _end(self, worker: Worker, folder: Path) -> None:
        try:
            await worker.end()
            await asyncio.to_thread(shutil.rmtree, folder, True)
        finally:
            self._slots.release()

    @staticmethod
    async def _lost(step: Awaitable[Result]) -> Result:
        """A step with the child. Raises WorkerLost where it is gone."""
        try:
            return await step
        except LOST as error:
            logger.warning("a worker was lost: %s %s", type(error).__name__, error)
            raise WorkerLost() from error

    def _make_folder(self, folder: Path) -> None:
        """A private folder, and none of those that a killed process left."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for other in self._folder.iterdir():
            with contextlib.suppress(FileNotFoundError):  # another process removes them too
                if other.stat().st_mtime < time.time() - LEFT_BEHIND_SECONDS:
                    shutil.rmtree(other, ignore_errors=True)
        folder.mkdir(mode=0o700)
