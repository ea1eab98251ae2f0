"""Lines that outlive both stores: JSON, a checksum each, appended with fsync, read with every damage told.

Owns: the form `[…]#1a2b3c4d` of a line of the archive, how a file of such lines is added to and read, and how a file beside them is
replaced. Lines from before there were checksums are read too. Blocking: call it in a worker thread.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zlib import crc32

import msgspec


def _plain(value: Any) -> int:
    """The driver's own 64-bit number, which a store may give for any number that it keeps in 64 bits. Raises TypeError for all else."""
    if isinstance(value, int):
        return int(value)
    raise TypeError(f"a line of the archive holds no {type(value).__name__}")


_encode = msgspec.json.Encoder(enc_hook=_plain).encode
_decode = msgspec.json.Decoder().decode
CHECKSUM_CHARACTERS = 8
# The longest line is a campaign with its page, some 100 KB; what is longer is no line of ours, and must not fill the memory.
MAX_LINE_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True)
class Damage:
    """A line that cannot be believed. `torn`: it ends its file without a line break, as a kill leaves it."""

    file: str
    line: int
    torn: bool


def line_of(value: object) -> bytes:
    text = _encode(value)
    return b"%s#%08x\n" % (text, crc32(text))


def value_of(line: bytes) -> Any:
    """What a line says. Raises ValueError where it is not whole, or not what was written."""
    text = line.rstrip(b"\n")
    body, mark, given = text.rpartition(b"#")
    if mark and len(given) == CHECKSUM_CHARACTERS and not text.endswith((b"]", b"}")):
        if crc32(body) != int(given, 16):
            raise ValueError("its checksum is another")
        text = body
    elif not text.endswith((b"]", b"}")):
        raise ValueError("it is not whole")
    return _decode(text)  # msgspec's DecodeError is a ValueError


def append(path: Path, data: bytes) -> None:
    """Add whole lines; on disk when it returns. A line that a kill cut before is ended first, so that ours stay whole."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        size = os.fstat(descriptor).st_size
        if size and os.pread(descriptor, 1, size - 1) != b"\n":
            data = b"\n" + data
        written = 0
        while written < len(data):
            written += os.write(descriptor, data[written:])
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def replace(path: Path, data: bytes) -> None:
    """Write a file as a whole, so that a kill leaves the old or the new one; on disk when it returns."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    new = path.with_suffix(".new")
    with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)


def read(path: Path) -> Iterator[Any | Damage]:
    """The values of a file in their order, and in the place of what cannot be believed a Damage."""
    with path.open("rb") as file:
        number = 0
        while line := file.readline(MAX_LINE_BYTES):
            number += 1
            if not line.strip():
                continue
            try:
                yield value_of(line)
            except ValueError:
                yield Damage(str(path), number, torn=not line.endswith(b"\n"))
