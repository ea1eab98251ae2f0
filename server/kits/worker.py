"""The program that draws and packs a kit: `python -m server.kits.worker`, one for each, a child of the serving process.

Owns: one ZIP, in the folder that the Order names. Invariants: it ends when its input closes; it has a bound of memory, and holds a dozen
codes and the list of names, however many schools there are; names in the ZIP are UTF-8 and say so, as Windows wants it.
"""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path
from typing import BinaryIO

import msgspec

from server.kits.drawing import code_page, code_picture, covers, guide_page
from server.kits.wire import Codes, Given, Head
from server.posters.draw import Painter
from server.posters.fonts import INSTALL, Fonts
from server.spreadsheets.child import run
from server.spreadsheets.wire import PIECE_BYTES, Done, End, Order, Piece, Taken, frame, read_frame

# Counting and pages come first where processors are scarce.
NICENESS = 10
# Addresses, not memory: Python with Pillow and two fonts maps some 300 MB.
MAX_MEMORY_BYTES = 1024 * 1024 * 1024
# Notepad on Windows takes a text without this mark for GBK.
BOM = b"\xef\xbb\xbf"


def serve(source: BinaryIO, out: BinaryIO) -> None:
    """Do what is ordered, once."""
    packed = read_frame(source)
    if packed is None:
        return
    path = Path(msgspec.msgpack.decode(packed, type=Order).folder) / "kit.zip"
    fonts = Fonts()
    if not any(fonts.families.values()):
        out.write(frame(Done(f"no Chinese font: {INSTALL}")))
        out.flush()
        return
    if not _make(path, source, out, fonts):
        return  # the parent has gone
    with path.open("rb") as made:
        while piece := made.read(PIECE_BYTES):
            out.write(frame(Piece(piece)))
            out.flush()
    out.write(frame(Done()))
    out.flush()


def _make(path: Path, source: BinaryIO, out: BinaryIO, fonts: Fonts) -> bool:
    head = _next(source)
    if not isinstance(head, Head):
        return False
    painter = Painter(Path(head.assets), fonts)
    # What is drawn is packed already; another pass costs time and saves nothing.
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as file:
        for name, text in head.texts.items():
            file.writestr(name, BOM + text.encode(), zipfile.ZIP_DEFLATED)
        for name, data in covers(painter, head).items():
            file.writestr(name, data)
        file.writestr("教师一页说明.pdf", guide_page(painter, head))
        _taken(out)
        while not isinstance(given := _next(source), End):
            if not isinstance(given, Codes):
                return False
            for code in given.codes:
                file.writestr(f"{code.path}.png", code_picture(painter, code))
                file.writestr(f"{code.path}.pdf", code_page(painter, head, code))
            _taken(out)
    return True


def _taken(out: BinaryIO) -> None:
    out.write(frame(Taken()))
    out.flush()


def _next(source: BinaryIO) -> Given | None:
    packed = read_frame(source)
    return None if packed is None else msgspec.msgpack.decode(packed, type=Given)


if __name__ == "__main__":
    sys.exit(run(serve, niceness=NICENESS, max_memory_bytes=MAX_MEMORY_BYTES))
