"""Some thousand readers in one process, as light as can be: `python -m tests.bench.bench_live.readers PORT COUNT OUT`.

They connect when told to by a line on stdin, come back with jitter whenever they are closed or refused, and write down every frame
with its time. At the end of stdin all records go to the files OUT.*, and the process ends. One epoll, no event loop: whatever
the readers cost is taken from the machine that is measured.
"""

from __future__ import annotations

import array
import bisect
import errno
import heapq
import json
import os
import random
import re
import resource
import select
import socket
import sys
import time
from dataclasses import dataclass
from pathlib import Path

SLUG = "salute-the-flag"
HOST = "127.0.0.1"
# Handshakes of one process that may be under way at once; more would only wait in the server's line.
MAX_UNDER_WAY = 500
HEADER = re.compile(rb'\{"type":"(\w+)","id":(\d+)')
KINDS = {b"snapshot": 0, b"delta": 1, b"heartbeat": 2}
MASKED_CLOSE = b"\x88\x80\0\0\0\0"


@dataclass
class Records:
    """What happened, in order: frames by time, number, reader and kind; the rest as (time, what, reader)."""

    times: array.array[float]
    ids: array.array[int]
    readers: array.array[int]
    kinds: array.array[int]
    events: list[tuple[float, str, int]]

    @classmethod
    def empty(cls) -> Records:
        return cls(array.array("d"), array.array("L"), array.array("L"), array.array("B"), [])

    def before(self, end: float) -> Records:
        """The frames that came before then."""
        size = bisect.bisect_left(self.times, end)
        return Records(self.times[:size], self.ids[:size], self.readers[:size], self.kinds[:size], self.events)

    def write(self, out: Path) -> None:
        for name in ("times", "ids", "readers", "kinds"):
            with out.with_suffix("." + name).open("wb") as file:
                getattr(self, name).tofile(file)
        out.with_suffix(".events").write_text(json.dumps(self.events), "utf-8")

    @classmethod
    def read(cls, out: Path) -> Records:
        records = cls.empty()
        for name in ("times", "ids", "readers", "kinds"):
            getattr(records, name).frombytes(out.with_suffix("." + name).read_bytes())
        records.events = [(at, what, reader) for at, what, reader in json.loads(out.with_suffix(".events").read_text("utf-8"))]
        return records


class Reader:
    __slots__ = ("buffer", "number", "open", "socket")

    def __init__(self, number: int) -> None:
        self.number = number
        self.socket: socket.socket | None = None
        self.buffer = b""
        self.open = False


class Crowd:
    """`jitter`: a reader that lost its socket comes back within so many seconds."""

    def __init__(self, port: int, count: int) -> None:
        self.port = port
        self.request = (f"GET /live/campaigns/{SLUG} HTTP/1.1\r\nHost: {HOST}:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
                        "Origin: https://servicewechat.com\r\nUser-Agent: Mozilla/5.0 (Linux; Android 8.1.0) MicroMessenger/8.0.42\r\n"
                        "Accept-Encoding: gzip, deflate\r\nAccept-Language: zh-CN,zh;q=0.9\r\nCache-Control: no-cache\r\n\r\n").encode()
        self.epoll = select.epoll()
        self.by_fd: dict[int, Reader] = {}
        self.due: list[tuple[float, int]] = []
        self.readers = [Reader(number) for number in range(count)]
        self.under_way = 0
        self.jitter = 10.0
        self.seen: dict[bytes, tuple[int, int]] = {}
        self.records = Records.empty()

    def come(self, seconds: float) -> None:
        """All of them, spread evenly."""
        now = time.monotonic()
        for reader in self.readers:
            heapq.heappush(self.due, (now + seconds * reader.number / len(self.readers), reader.number))

    def run(self) -> None:
        self.epoll.register(0, select.EPOLLIN)
        while True:
            now = time.monotonic()
            while self.due and self.due[0][0] <= now and self.under_way < MAX_UNDER_WAY:
                self.connect(self.readers[heapq.heappop(self.due)[1]])
            for fd, what in self.epoll.poll(0.01 if self.due else 0.2):
                if fd:
                    self.happened(self.by_fd[fd], what)
                elif not self.told(os.read(0, 4096)):
                    return

    def told(self, text: bytes) -> bool:
        for line in text.decode().split("\n"):
            if line.startswith("come "):
                self.come(float(line[5:]))
            elif line.startswith("jitter "):
                self.jitter = float(line[7:])
        return bool(text)

    def connect(self, reader: Reader) -> None:
        reader.socket = own = socket.socket()
        own.setblocking(False)
        reader.buffer = b""
        self.under_way += 1
        own.bind((f"127.0.1.{1 + reader.number % 4}", 0))  # one address has 28,000 ports, some of which still rest from before
        if own.connect_ex((HOST, self.port)) in (0, errno.EINPROGRESS):
            self.by_fd[own.fileno()] = reader
            self.epoll.register(own.fileno(), select.EPOLLIN | select.EPOLLOUT)
        else:
            self.lost(reader, "refused")

    def lost(self, reader: Reader, what: str) -> None:
        assert reader.socket is not None
        now = time.monotonic()
        self.records.events.append((now, what, reader.number))
        self.under_way -= not reader.open
        self.by_fd.pop(reader.socket.fileno(), None)
        reader.socket.close()
        reader.socket, reader.open = None, False
        heapq.heappush(self.due, (now + random.uniform(0, self.jitter), reader.number))

    def happened(self, reader: Reader, what: int) -> None:
        own = reader.socket
        assert own is not None
        try:
            if what & select.EPOLLOUT:
                own.send(self.request)
                self.epoll.modify(own.fileno(), select.EPOLLIN)
            if not what & ~select.EPOLLOUT:
                return
            data = own.recv(65536)
        except OSError:
            data = b""
        if data:
            self.take(reader, data, time.monotonic())
        else:
            self.lost(reader, "closed" if reader.open else "refused")

    def take(self, reader: Reader, data: bytes, now: float) -> None:
        if known := self.seen.get(data):  # the same bytes as many others got: one whole frame
            self.frame(reader, now, *known)
            return
        reader.buffer += data
        if not reader.open:
            self.answered(reader, now)
        while reader.open and reader.socket is not None and (whole := self.whole(reader)):
            self.read(reader, whole, now)

    def answered(self, reader: Reader, now: float) -> None:
        head, separator, rest = reader.buffer.partition(b"\r\n\r\n")
        if not separator:
            return
        reader.buffer = rest
        if b" 101 " not in head.partition(b"\r\n")[0]:
            self.lost(reader, "status " + head[9:12].decode())
            return
        reader.open = True
        self.under_way -= 1
        self.records.events.append((now, "open", reader.number))

    def whole(self, reader: Reader) -> bytes:
        """The next whole frame, taken from the buffer."""
        buffer = reader.buffer
        if len(buffer) < 2:
            return b""
        size = buffer[1]
        end = 2 + size
        if size == 126:
            end = 4 + int.from_bytes(buffer[2:4], "big")
        elif size == 127:
            end = 10 + int.from_bytes(buffer[2:10], "big")
        if len(buffer) < end:
            return b""
        reader.buffer = buffer[end:]
        return buffer[:end]

    def read(self, reader: Reader, whole: bytes, now: float) -> None:
        opcode = whole[0] & 15
        assert reader.socket is not None
        if opcode == 9:
            reader.socket.send(b"\x8a\x80\0\0\0\0" if len(whole) == 2 else bytes((0x8a, 0x80 | len(whole) - 2, 0, 0, 0, 0)) + whole[2:])
        elif opcode == 8:
            self.records.events.append((now, f"told {int.from_bytes(whole[2:4], 'big')}", reader.number))
            reader.socket.send(MASKED_CLOSE)
        elif head := HEADER.search(whole, 0, 64):
            known = self.seen[whole] = int(head[2]), KINDS[head[1]]
            if len(self.seen) > 64:
                del self.seen[next(iter(self.seen))]
            self.frame(reader, now, *known)

    def frame(self, reader: Reader, now: float, number: int, kind: int) -> None:
        records = self.records
        records.times.append(now)
        records.ids.append(number)
        records.readers.append(reader.number)
        records.kinds.append(kind)


def main() -> int:
    port, count, out = int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    crowd = Crowd(port, count)
    crowd.run()
    crowd.records.write(out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
