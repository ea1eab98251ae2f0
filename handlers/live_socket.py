"""A live socket after its handshake: as little as 14,000 of them in one process allow.

Owns: the WebSocket protocol (RFC 6455) of somebody who only listens: frames go out as they are given, of what comes in only kind and
size matter, a ping now and then finds out who is still there. Does not own: who may come in (handlers/live.py) and what is told
(server/live).
Invariants: after a close frame nothing is sent; at most one frame of figures waits in this process; nothing that a client sends is kept
beyond 4 KB; whoever does not answer a ping is gone within a minute.
"""

from __future__ import annotations

import asyncio
import random
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple, cast

if TYPE_CHECKING:
    from server.live import Live

# Readers send nothing but pongs and closes; anything longer is not one of ours.
MAX_MESSAGE_BYTES = 4096
# WeChat's and nginx's idle limits are 60 s; jitter spreads the pings of readers who came in the same second.
PING_SECONDS = (25.0, 45.0)
# A phone that was in a tunnel answers within this; a line that is gone costs a frame's memory until then.
PONG_SECONDS = 20.0
# Some programs ping or send a word of their own every second or so; a flood of small frames would cost the loop.
MAX_FRAMES_BETWEEN_PINGS = 256
# After our close frame the other side gets this long to hang up.
CLOSE_SECONDS = 5.0
# The kernel's part of what waits is kept small, so that a slow reader is seen soon.
KERNEL_BUFFER_BYTES = 16 * 1024
PROTOCOL_ERROR, TALKS_TOO_MUCH, TOO_BIG = 1002, 1008, 1009
PING = b"\x89\x00"
CONTINUATION, TEXT, BINARY, CLOSE, PINGED, PONG = 0, 1, 2, 8, 9, 10
CONTROL = (CLOSE, PINGED, PONG)


class Head(NamedTuple):
    """What a frame says of itself. `start`: where its payload begins."""

    opcode: int
    final: bool
    size: int
    start: int


class Broken(Exception):
    """The client does not keep to the protocol. `code`: what it is told."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


def head_of(data: bytes, at: int) -> Head | None:
    """The head of the client's frame that begins at `at`; None until the whole head is there. Raises Broken."""
    if len(data) < at + 2:
        return None
    first, second = data[at], data[at + 1]
    opcode, final, size, start = first & 15, bool(first & 128), second & 127, at + 2
    control = opcode in CONTROL
    if first & 0x70 or not second & 128 or not (control or opcode <= BINARY) or (control and (size > 125 or not final)):
        raise Broken(PROTOCOL_ERROR)
    if size > 125:
        more = 2 if size == 126 else 8
        start += more
        if len(data) < start:
            return None
        size = int.from_bytes(data[start - more:start], "big")
    return Head(opcode, final, size, start + 4)  # four bytes of mask


def unmasked(data: bytes, head: Head) -> bytes:
    """The payload of a control frame, at most 125 bytes."""
    mask = data[head.start - 4:head.start]
    return bytes(byte ^ mask[n % 4] for n, byte in enumerate(data[head.start:head.start + head.size]))


class Socket(asyncio.Protocol):
    """A reader of server.live. Frames go straight to the kernel, one copy of the bytes for all readers."""

    __slots__ = ("_closing", "_frames", "_live", "_loop", "_message_bytes", "_pinged", "_slug", "_socket", "_timer", "_transport",
                 "_unread", "_waiting")

    def __init__(self, live: Live, slug: str, own: socket.socket) -> None:
        self._live = live
        self._slug = slug
        self._socket = own
        self._loop = asyncio.get_running_loop()
        self._unread = b""
        self._message_bytes = 0  # of a message that comes in several frames
        self._frames = 0  # since the last ping
        self._pinged = False  # and not answered yet
        self._waiting = False  # something that we sent is still in this process
        self._closing = False
        self._timer: asyncio.TimerHandle | None = None

    # --- asyncio ---

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's own class, which names no base
        self._transport.set_write_buffer_limits(high=0)  # so that pause_writing tells of every byte that waits
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, KERNEL_BUFFER_BYTES)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._after(random.uniform(*PING_SECONDS), self._ping)
        self._live.join(self._slug, self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._closing = True
        if self._timer is not None:
            self._timer.cancel()
        self._live.leave(self._slug, self)

    def pause_writing(self) -> None:
        self._waiting = True

    def resume_writing(self) -> None:
        self._waiting = False

    def data_received(self, data: bytes) -> None:
        if self._closing:
            return  # until the other side hangs up; left unread, it would cost her our close frame
        data = self._unread + data if self._unread else data
        at = 0
        try:
            while not self._closing and (head := head_of(data, at)) and self._is_whole(data, head):
                self._take(data, head)
                at = head.start + head.size
        except Broken as broken:
            self.close(broken.code)
        self._unread = b"" if self._closing else data[at:]

    # --- server.live.Reader ---

    def ready(self) -> bool:
        return not self._waiting

    def send(self, frame: bytes) -> None:
        if self._closing:
            return
        try:
            # Two thirds of the cost of a transport's write, and nothing of this reader waits before it: see ready().
            sent = 0 if self._waiting else self._socket.send(frame)
        except BlockingIOError:
            sent = 0
        except OSError:
            sent = len(frame)
            self._transport.abort()  # she has gone; connection_lost comes by itself
        if sent < len(frame):
            self._transport.write(memoryview(frame)[sent:])

    def close(self, code: int) -> None:
        if not self._closing:
            self.send(b"\x88\x02" + code.to_bytes(2, "big"))
            self._closing = True
            if not self._transport.is_closing():
                self._transport.write_eof()
            self._after(CLOSE_SECONDS, self._transport.abort)

    # --- inside ---

    def _after(self, seconds: float, do: Callable[[], None]) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_later(seconds, do)

    def _ping(self) -> None:
        self._pinged, self._frames = True, 0
        self.send(PING)
        self._after(PONG_SECONDS, self._look)

    def _look(self) -> None:
        """Whether the ping was answered. Who never reads cannot answer, whatever waits for her."""
        if self._pinged:
            self._transport.abort()
        else:
            self._after(random.uniform(*PING_SECONDS) - PONG_SECONDS, self._ping)

    def _is_whole(self, data: bytes, head: Head) -> bool:
        """Whether all of a frame is there. Raises Broken for one that is too big, before anything of it is kept."""
        if head.opcode not in CONTROL and self._message_bytes + head.size > MAX_MESSAGE_BYTES:
            raise Broken(TOO_BIG)
        return len(data) >= head.start + head.size

    def _take(self, data: bytes, head: Head) -> None:
        """What a client says is dropped; only the protocol's own frames are answered."""
        self._frames += 1
        if self._frames > MAX_FRAMES_BETWEEN_PINGS:
            raise Broken(TALKS_TOO_MUCH)
        if head.opcode == PONG:
            self._pinged = False
        elif head.opcode == PINGED:
            if not self._waiting:  # of pings that she does not read the answers of, only the newest would need one
                self.send(bytes((0x8A, head.size)) + unmasked(data, head))
        elif head.opcode == CLOSE:
            self._hang_up(unmasked(data, head)[:2])
        else:
            self._message_bytes = 0 if head.final else self._message_bytes + head.size

    def _hang_up(self, code: bytes) -> None:
        """She closes: her own code goes back, and the line ends."""
        self.send(bytes((0x88, len(code))) + code)
        self._closing = True
        self._transport.close()
