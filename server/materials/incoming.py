"""Files on their way from an editor to the platform: each in a private file under the data folder until it is handed on or given up.

Invariants: a file is written and read piece by piece, off the loop; there are at most FILES_AT_ONCE in a process; whoever begins one
removes it. What a killed process left is removed by the next that begins one.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import secrets
import threading
import time
from pathlib import Path

from server.errors import InvalidBody, Unavailable
from server.materials.material import HEAD_BYTES, MaterialTooLarge

# Eight editors at once; 80 MB of disk at most.
FILES_AT_ONCE = 8
# Far longer than an upload may take (two minutes in, one out).
LEFT_BEHIND_SECONDS = 3600.0
WAIT_SECONDS = 5


class Incoming:
    """One file. `add` never raises, as it is called where nothing can answer an error: `end` tells what went wrong."""

    def __init__(self, uploads: Uploads, path: Path, size_bytes: int) -> None:
        self.path = path
        self.size_bytes = size_bytes
        self.head = b""
        self._uploads: Uploads | None = uploads
        self._digest = hashlib.sha256()
        self._written = 0
        self._failure: OSError | None = None
        self._file = -1
        self._is_gone = False
        # Whoever leaves in the middle has her file removed while a piece of it may still be written: never into a number that was closed.
        self._lock = threading.Lock()

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()

    async def add(self, piece: bytes) -> None:
        """The next piece, as it came."""
        if self._failure is None and self._uploads is not None:
            self._written += len(piece)
            if self._written <= self.size_bytes:
                await asyncio.to_thread(self._write, piece)

    async def end(self) -> None:
        """It is all there. Raises Unavailable where it could not be written, MaterialTooLarge or InvalidBody where more or less came."""
        await asyncio.to_thread(self._close)
        if self._failure is not None:
            raise Unavailable("MATERIAL_NOT_WRITTEN", "暂时不能接收文件，请稍后再试", retry_after_seconds=WAIT_SECONDS) from self._failure
        if self._written > self.size_bytes:
            raise MaterialTooLarge()
        if self._written < self.size_bytes:
            raise InvalidBody("MATERIAL_CUT_SHORT", "文件没有传完，请再传一次")

    async def discard(self) -> None:
        """Nothing is left of it. May be called again."""
        uploads, self._uploads = self._uploads, None
        if uploads is not None:
            uploads.under_way -= 1
            await asyncio.to_thread(self._remove)

    def _write(self, piece: bytes) -> None:
        with self._lock:
            if self._is_gone:
                return
            try:
                if self._file < 0:
                    self._file = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
                left = memoryview(piece)
                while left:
                    left = left[os.write(self._file, left):]
            except OSError as error:
                self._failure = error
                return
            self.head = (self.head + piece[:HEAD_BYTES])[:HEAD_BYTES]
            self._digest.update(piece)

    def _close(self) -> None:
        with self._lock:
            if self._file >= 0:
                os.close(self._file)
                self._file = -1

    def _remove(self) -> None:
        self._is_gone = True
        self._close()
        self.path.unlink(missing_ok=True)


class Uploads:
    """The folder of one process's files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.under_way = 0

    async def begin(self, size_bytes: int) -> Incoming:
        """A new file. Raises Unavailable where too many are under way, or the folder cannot be used."""
        if self.under_way >= FILES_AT_ONCE:
            raise Unavailable("MATERIALS_BUSY", "正在接收的文件太多，请稍候再传", retry_after_seconds=WAIT_SECONDS)
        self.under_way += 1
        incoming = Incoming(self, self.folder / secrets.token_hex(16), size_bytes)
        try:
            await asyncio.to_thread(self._prepare)
        except OSError as error:
            await incoming.discard()
            raise Unavailable("MATERIAL_NOT_WRITTEN", "暂时不能接收文件，请稍后再试", retry_after_seconds=WAIT_SECONDS) from error
        return incoming

    def _prepare(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        oldest = time.time() - LEFT_BEHIND_SECONDS  # against the files' own times, which no test moves
        for path in self.folder.iterdir():
            try:
                if path.stat().st_mtime < oldest:
                    path.unlink(missing_ok=True)
            except FileNotFoundError:
                continue  # its owner was faster
