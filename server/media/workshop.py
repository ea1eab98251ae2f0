"""The door to the workshop: a process for each file, few at once, with a time limit.

Failure policy: closed. What its process dies of is taken for the file's own fault (422), a process that cannot be started or is not done in
time for ours (503): the same file may be tried again.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec

from server.errors import InvalidBody
from server.media.medium import MediaBusy
from server.media.wire import Answer, Job

logger = logging.getLogger(__name__)

# One works, one waits for its file to be read; the rest stands in line. A picture takes some seconds, so the last waits for half a minute.
AT_ONCE, WAITING = 2, 10
# The processor's own limit is 40 s; a machine where others work is given three times that.
WORK_SECONDS = 120.0
# Far longer than any work takes.
LEFT_BEHIND_SECONDS = 3600.0
LOGGED_BYTES = 500
ROOT = Path(__file__).resolve().parents[2]


class NotTaken(InvalidBody):
    """The file itself is refused: with the code and the words that it was refused with."""


class Workshop:
    """`folder`: where files lie while they are worked on, readable by the owner alone."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._places = asyncio.Semaphore(AT_ONCE)
        self._inside = 0

    @contextlib.asynccontextmanager
    async def bench(self) -> AsyncIterator[Path]:
        """A folder of one's own, in one's turn; gone afterwards. Raises MediaBusy."""
        if self._inside >= AT_ONCE + WAITING:
            raise MediaBusy(retry_after_seconds=10)
        self._inside += 1
        try:
            async with self._places:
                try:
                    path = await asyncio.to_thread(self._prepare)
                except OSError as error:
                    logger.error("the folder of the workshop cannot be used: %s", error)
                    raise MediaBusy(retry_after_seconds=30) from error
                try:
                    yield path
                finally:
                    await asyncio.to_thread(shutil.rmtree, path, ignore_errors=True)
        finally:
            self._inside -= 1

    async def do(self, job: Job) -> Answer:
        """Raises NotTaken, MediaBusy."""
        answer = await asyncio.to_thread(_run, msgspec.json.encode(job))
        if answer.code:
            raise NotTaken(answer.code, answer.message)
        return answer

    async def open(self, path: Path, form: str) -> None:
        """Whether a file of this ending opens to its end, in its turn. Raises NotTaken, MediaBusy."""
        async with self.bench() as folder:
            await self.do(Job("open", str(path), str(folder), form, (0.5, 0.5)))

    def _prepare(self) -> Path:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        oldest = time.time() - LEFT_BEHIND_SECONDS  # against the folders' own times, which no test moves
        for left in self._folder.iterdir():
            with contextlib.suppress(FileNotFoundError):  # another was faster
                if left.stat().st_mtime < oldest:
                    shutil.rmtree(left, ignore_errors=True)
        return Path(tempfile.mkdtemp(dir=self._folder))


def _run(job: bytes) -> Answer:
    try:
        done = subprocess.run([sys.executable, "-m", "server.media.worker"], cwd=ROOT, input=job, capture_output=True, check=False,
                              timeout=WORK_SECONDS)
    except (subprocess.TimeoutExpired, OSError) as error:
        logger.warning("the workshop did not finish: %s", type(error).__name__)
        raise MediaBusy(retry_after_seconds=30) from error
    try:
        return msgspec.json.decode(done.stdout, type=Answer)
    except msgspec.MsgspecError:
        logger.warning("the workshop ended with %d: %s", done.returncode, done.stderr[-LOGGED_BYTES:].decode("utf-8", "replace"))
        return Answer(code="MEDIA_TOO_COMPLEX", message="这个文件没有办法处理，请换一个，或用别的程序重新保存后再试")
