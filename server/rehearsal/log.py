"""What the crowd keeps of its answers: the only witness from outside, compact enough for millions.

Invariant: nothing is ever overwritten. A second answer that differs from the first is a finding, not a correction.
"""

from __future__ import annotations

import os
import struct
from array import array
from datetime import datetime
from functools import lru_cache
from pathlib import Path

LENGTH = struct.Struct(">H")
# Findings that are kept word by word; the rest is counted.
MOST_EXAMPLES = 20
FIRST = 1


class Log:
    """By index of the crowd, 0 to participants - 1: ordinal and second of the first answer, and where her receipt lies."""

    def __init__(self, participants: int, folder: Path) -> None:
        self.ordinals = array("I", bytes(4 * participants))
        self.seconds = array("I", bytes(4 * participants))
        self._marks = bytearray(participants)
        self._receipts_at = array("Q", bytes(8 * participants))
        self._path = folder / "receipts"
        self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
        self._written: list[bytes] = []
        self._end = 1  # 0 means: none
        self._flushed = 1
        self.answered = 0
        self.differing = 0
        self.examples: list[str] = []

    def take(self, index: int, ordinal: int, participated_at: str, receipt: str, first: bool) -> None:
        """One answer. The first is kept; every later one must say the same, and only one may call itself the first."""
        second = _second(participated_at)
        if not self.ordinals[index]:
            self.ordinals[index], self.seconds[index] = ordinal, second
            self.answered += 1
            if receipt:
                self._keep(index, receipt.encode())
        elif (self.ordinals[index], self.seconds[index]) != (ordinal, second):
            self._differs(f"#{index}: {self.ordinals[index]} at {self.seconds[index]}, then {ordinal} at {second}")
        if first:
            if self._marks[index] & FIRST:
                self._differs(f"#{index}: counted as new a second time")
            self._marks[index] |= FIRST

    def _differs(self, what: str) -> None:
        self.differing += 1
        if len(self.examples) < MOST_EXAMPLES:
            self.examples.append(what)

    def _keep(self, index: int, receipt: bytes) -> None:
        self._receipts_at[index] = self._end
        self._written.append(LENGTH.pack(len(receipt)) + receipt)
        self._end += LENGTH.size + len(receipt)
        if len(self._written) >= 4096:
            self._flush()

    def _flush(self) -> None:
        os.pwrite(self._file, b"".join(self._written), self._flushed)
        self._flushed, self._written = self._end, []

    def receipt(self, index: int) -> str:
        """Her receipt, "" where she has none."""
        at = self._receipts_at[index]
        if not at:
            return ""
        if at >= self._flushed:
            self._flush()
        [length] = LENGTH.unpack(os.pread(self._file, LENGTH.size, at))
        return os.pread(self._file, length, at + LENGTH.size).decode()

    def doubled(self) -> int:
        """Ordinals that more than one person was shown."""
        seen, twice = bytearray(max(self.ordinals, default=0) // 8 + 1), 0
        for ordinal in self.ordinals:
            if ordinal:
                byte, bit = ordinal >> 3, 1 << (ordinal & 7)
                twice += bool(seen[byte] & bit)
                seen[byte] |= bit
        return twice

    def close(self) -> None:
        os.close(self._file)
        self._path.unlink(missing_ok=True)


@lru_cache(maxsize=4096)
def _second(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp())
