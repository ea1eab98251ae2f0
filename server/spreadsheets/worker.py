"""The program that makes and reads spreadsheets: `python -m server.spreadsheets.worker`, one for each file, a child of the serving process.

Owns: one file, made in the folder that the Order names. Invariants: it ends when its input closes, so nothing is left running when the
parent dies; it has a bound of memory of its own, so that no file takes the machine's; it logs no row.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import BinaryIO

import msgspec

from server.spreadsheets.child import run
from server.spreadsheets.files import CsvFile, TableWrong, XlsxFile, read_table
from server.spreadsheets.wire import PIECE_BYTES, Done, End, File, Given, Order, Piece, Rows, Sheet, Table, frame, read_frame

# Counting and pages come first where processors are scarce.
NICENESS = 10
# Addresses, not memory: Python with its libraries maps some 100 MB, a file of two million rows adds 20.
MAX_MEMORY_BYTES = 1024 * 1024 * 1024


def serve(source: BinaryIO, out: BinaryIO) -> None:
    """Do what is ordered, once."""
    packed = read_frame(source)
    if packed is None:
        return
    order = msgspec.msgpack.decode(packed, type=Order)
    if order.kind == "table":
        _read(source, out)
    else:
        _make(order, source, out)
    out.flush()


def _read(source: BinaryIO, out: BinaryIO) -> None:
    given = _next(source)
    if not isinstance(given, File):
        return
    try:
        out.write(frame(Table(read_table(given.data))))
        out.write(frame(Done()))
    except TableWrong as problem:
        out.write(frame(Done(str(problem))))


def _make(order: Order, source: BinaryIO, out: BinaryIO) -> None:
    path = Path(order.folder) / f"file.{order.kind}"
    file = XlsxFile(path, path.parent) if order.kind == "xlsx" else CsvFile(path)
    while not isinstance(given := _next(source), End):
        if isinstance(given, Sheet):
            file.sheet(given)
        elif isinstance(given, Rows):
            file.rows(given.rows)
        else:
            return  # the parent has gone
    file.close()
    with path.open("rb") as made:
        while piece := made.read(PIECE_BYTES):
            out.write(frame(Piece(piece)))
            out.flush()
    out.write(frame(Done()))


def _next(source: BinaryIO) -> Given | None:
    packed = read_frame(source)
    return None if packed is None else msgspec.msgpack.decode(packed, type=Given)


if __name__ == "__main__":
    sys.exit(run(serve, niceness=NICENESS, max_memory_bytes=MAX_MEMORY_BYTES))
