"""What the serving process and a worker say to each other: frames of a length (4 bytes, big-endian) and a msgpack value.

The parent gives an Order, then sheets and rows or a file, then End; the worker answers with pieces of a file or the rows of a table, then
Done. Imports no spreadsheet library, so that a serving process stays small.
"""

from __future__ import annotations

from typing import BinaryIO, Literal

import msgspec

HEAD_BYTES = 4
# A document of MongoDB holds 16 MB; media and files are documents of 1 MB.
PIECE_BYTES = 1024 * 1024
# The largest thing that is said at once: a file of places (4 MB) or its rows.
MAX_FRAME_BYTES = 32 * 1024 * 1024

# `kit` and `bulletin` are made by other programs (server/kits/worker.py, server/bulletins/worker.py) that speak the same way.
Kind = Literal["xlsx", "csv", "table", "kit", "bulletin"]
Cell = str | int


class Order(msgspec.Struct, frozen=True):
    """`kind`: the file that is to be made, or `table`: one that is to be read. `folder`: the only place where the worker may write."""

    kind: Kind
    folder: str


class Sheet(msgspec.Struct, frozen=True, tag=True):
    """What follows is under these columns. `lines` stand above them."""

    title: str
    columns: list[str]
    widths: list[int] = []
    lines: list[str] = []


class Rows(msgspec.Struct, frozen=True, tag=True):
    rows: list[list[Cell]]


class File(msgspec.Struct, frozen=True, tag=True):
    """A file that is to be read, whole."""

    data: bytes


class End(msgspec.Struct, frozen=True, tag=True):
    """Nothing more is given."""


class Piece(msgspec.Struct, frozen=True, tag=True):
    """The next part of the file, 1 MB but for the last."""

    data: bytes


class Table(msgspec.Struct, frozen=True, tag=True):
    """Rows of a file with the number that a spreadsheet shows beside each, the column names first."""

    rows: list[tuple[int, list[str]]]


class Taken(msgspec.Struct, frozen=True, tag=True):
    """What was given last is done: a worker that works in step says so each time."""


class Done(msgspec.Struct, frozen=True, tag=True):
    """`problem`: why there is nothing, in words for people."""

    problem: str = ""


Given = Sheet | Rows | File | End
Answer = Piece | Table | Taken | Done


def frame(value: object) -> bytes:
    packed = msgspec.msgpack.encode(value)
    return len(packed).to_bytes(HEAD_BYTES, "big") + packed


def read_frame(source: BinaryIO) -> bytes | None:
    """The next value, packed; None when the parent has closed."""
    head = source.read(HEAD_BYTES)
    if len(head) < HEAD_BYTES:
        return None
    length = int.from_bytes(head, "big")
    packed = source.read(length) if length <= MAX_FRAME_BYTES else b""
    return packed if len(packed) == length else None
