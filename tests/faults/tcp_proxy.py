"""A TCP proxy between the counting client and its Redis, that does on command what networks do: delay, stall, cut, lose answers.

The test is the operator: it sets a trouble while traffic flows, and takes it away again. Upstream may be a unix socket.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

CHUNK_BYTES = 65536


@dataclass
class Trouble:
    """What happens to traffic from here on. `share` is of the chunks in each direction; all of them where it is 1."""

    delay_seconds: float = 0.0
    jitter_seconds: float = 0.0
    share: float = 1.0
    # Nothing passes in either direction until this is taken back; connections stay open.
    stalled: bool = False
    # Nobody new is let in; whoever asks is hung up on.
    refused: bool = False
    # Of the answers, this share is dropped with its connection: the server did what it was asked, and nobody hears of it.
    lost_answers: float = 0.0


class TcpProxy:
    """Listens on loopback and passes on to `upstream` (host and port, or the path of a unix socket)."""

    def __init__(self, upstream: tuple[str, int] | str, seed: int = 1) -> None:
        self._upstream = upstream
        self._chance = random.Random(seed)
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._moving = asyncio.Event()
        self._moving.set()
        self._trouble = Trouble()
        self.port = 0
        self.connected = 0
        self.answers_lost = 0

    @property
    def trouble(self) -> Trouble:
        return self._trouble

    @trouble.setter
    def trouble(self, wanted: Trouble) -> None:
        self._trouble = wanted
        if wanted.stalled:
            self._moving.clear()
        else:
            self._moving.set()

    async def listen(self) -> TcpProxy:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connected += 1
        if self.trouble.refused:
            writer.transport.abort()
            return
        if isinstance(self._upstream, str):
            theirs, to_them = await asyncio.open_unix_connection(self._upstream)
        else:
            theirs, to_them = await asyncio.open_connection(*self._upstream)
        both = (writer, to_them)
        self._writers.update(both)
        for source, target, is_answer in ((reader, to_them, False), (theirs, writer, True)):
            task = asyncio.create_task(self._pass_on(source, target, both, is_answer))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _pass_on(self, source: asyncio.StreamReader, target: asyncio.StreamWriter, both: tuple[asyncio.StreamWriter, ...],
                       is_answer: bool) -> None:
        try:
            while data := await source.read(CHUNK_BYTES):
                trouble = self.trouble
                if is_answer and self._chance.random() < trouble.lost_answers:
                    self.answers_lost += 1
                    break
                if trouble.delay_seconds and self._chance.random() < trouble.share:
                    await asyncio.sleep(trouble.delay_seconds + self._chance.random() * trouble.jitter_seconds)
                await self._moving.wait()
                target.write(data)
                await target.drain()
        except OSError:
            pass  # one side hung up, which the other is told below
        finally:
            for writer in both:
                self._writers.discard(writer)
                writer.transport.abort()

    def cut(self) -> None:
        """Reset every connection, in both directions, without a word."""
        for writer in list(self._writers):
            writer.transport.abort()

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
        self.cut()
        for task in list(self._tasks):
            task.cancel()
        for task in list(self._tasks):
            with contextlib.suppress(asyncio.CancelledError):
                await task
        await asyncio.sleep(0.01)  # aborted transports close their sockets in the loop's next turns


def upstream_of(url: str) -> tuple[tuple[str, int] | str, str]:
    """Where a Redis URL leads, and the `user:password@` part of it."""
    parts = urlsplit(url)
    login = parts.netloc.rpartition("@")[0]
    if parts.scheme == "unix":
        return unquote(parts.path), f"{login}@" if login else ""
    return (parts.hostname or "127.0.0.1", parts.port or 6379), f"{login}@" if login else ""
