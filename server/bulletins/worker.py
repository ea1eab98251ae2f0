"""The program that draws a bulletin's picture: `python -m server.bulletins.worker`, one for each, a child of the serving process.

Invariants: it ends when its input closes; it has a bound of memory; it writes nothing to disk and logs no figure.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import BinaryIO

import msgspec

from server.bulletins.drawing import picture
from server.bulletins.wire import Given, Sheet
from server.posters.draw import Painter
from server.posters.fonts import INSTALL, Fonts
from server.spreadsheets.child import run
from server.spreadsheets.wire import PIECE_BYTES, Done, Piece, frame, read_frame

# Counting and pages come first where processors are scarce; less so than for files, since somebody waits with the page open.
NICENESS = 5
# Addresses, not memory: Python with Pillow and two fonts maps some 300 MB.
MAX_MEMORY_BYTES = 1024 * 1024 * 1024


def serve(source: BinaryIO, out: BinaryIO) -> None:
    """Draw what is ordered, once."""
    if read_frame(source) is None or (given := read_frame(source)) is None:
        return  # the parent has gone; of its order nothing is needed, since nothing is written to a folder
    sheet = msgspec.msgpack.decode(given, type=Given)
    if not isinstance(sheet, Sheet):
        return
    fonts = Fonts()
    if not any(fonts.families.values()):
        out.write(frame(Done(f"no Chinese font: {INSTALL}")))
        out.flush()
        return
    drawn = picture(Painter(Path(sheet.assets), fonts), sheet)
    for start in range(0, len(drawn), PIECE_BYTES):
        out.write(frame(Piece(drawn[start:start + PIECE_BYTES])))
    out.write(frame(Done()))
    out.flush()


if __name__ == "__main__":
    sys.exit(run(serve, niceness=NICENESS, max_memory_bytes=MAX_MEMORY_BYTES))
