"""Where a picture ends, and what lies behind: something that another program would run or unpack makes a file of two faces.

Nothing of it would be served, since every picture is encoded anew; but whoever sends one means something by it, and is told.
Phones add harmless things behind a JPEG (a short film, a second picture): those are dropped without a word.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from io import BytesIO

# What follows at once behind the picture; and what is long enough to mean something wherever it stands in megabytes of a phone's film.
AT_ONCE: tuple[tuple[bytes, str], ...] = (
    (rb"PK\x03\x04", "压缩包（ZIP/JAR）"), (rb"\x7fELF", "程序"), (rb"MZ", "程序"), (rb"<%", "网页程序"), (rb"#!", "脚本"))
ANYWHERE: tuple[tuple[bytes, str], ...] = (
    (rb"Rar!\x1a\x07", "压缩包（RAR）"), (rb"7z\xbc\xaf\x27\x1c", "压缩包（7z）"), (rb"%PDF-1\.", "PDF"), (rb"<!doctype\s+html", "网页"),
    (rb"<html[\s>]", "网页"), (rb"<script[\s>]", "网页脚本"), (rb"<svg[\s>]", "SVG"), (rb"<\?php\s", "PHP 程序"))
_AT_ONCE = tuple((re.compile(rb"[\x00\s]*" + pattern), name) for pattern, name in AT_ONCE)
_ANYWHERE = tuple((re.compile(pattern, re.IGNORECASE), name) for pattern, name in ANYWHERE)
# A marker of a JPEG's stream: anything after 0xFF but a stuffed zero, a restart and a fill byte.
_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
START_OF_SCAN, END_OF_IMAGE = 0xDA, 0xD9
GIF_HEAD_BYTES, GIF_IMAGE, GIF_EXTENSION, GIF_END = 13, 0x2C, 0x21, 0x3B


def second_face(data: bytes, form: str) -> str:
    """What else the file is, in words for people; empty for nothing."""
    tail = data[end_of(data, form):]
    for pattern, name in _AT_ONCE:
        if pattern.match(tail):
            return name
    for pattern, name in _ANYWHERE:
        if pattern.search(tail):
            return name
    # A ZIP is found by its end, wherever it begins; one that hides in a picture's own notes too.
    return "压缩包（ZIP/JAR）" if zipfile.is_zipfile(BytesIO(data)) else ""


def end_of(data: bytes, form: str) -> int:
    """The first byte behind the picture; the file's length where the picture does not end."""
    try:
        return {"jpg": _end_of_jpeg, "png": _end_of_png, "gif": _end_of_gif, "webp": _end_of_webp}[form](data)
    except IndexError:
        return len(data)


def _end_of_jpeg(data: bytes) -> int:
    at = 2
    while at < len(data):
        found = _MARKER.search(data, at)
        if found is None:
            return len(data)
        marker, at = data[found.start() + 1], found.end()
        if marker == END_OF_IMAGE:
            return at
        at += int.from_bytes(data[at:at + 2], "big")
    return len(data)


def _chunks(data: bytes) -> Iterator[tuple[bytes, int]]:
    """A PNG's chunks: name and the first byte behind each."""
    at = 8
    while at + 12 <= len(data):
        name, at = data[at + 4:at + 8], at + 12 + int.from_bytes(data[at:at + 4], "big")
        yield name, at


def _end_of_png(data: bytes) -> int:
    return next((at for name, at in _chunks(data) if name == b"IEND"), len(data))


def png_is_animated(data: bytes) -> bool:
    return any(name == b"acTL" for name, _ in _chunks(data))


def _end_of_webp(data: bytes) -> int:
    size = int.from_bytes(data[4:8], "little")
    return 8 + size + size % 2


def _end_of_gif(data: bytes) -> int:
    at = GIF_HEAD_BYTES + _table_bytes(data[10])
    while at < len(data):
        kind = data[at]
        if kind == GIF_END:
            return at + 1
        if kind == GIF_IMAGE:
            at += 10 + _table_bytes(data[at + 9]) + 1
        elif kind == GIF_EXTENSION:
            at += 2
        else:
            return at
        while data[at]:  # sub-blocks, each with its length before it
            at += 1 + data[at]
        at += 1
    return len(data)


def _table_bytes(flags: int) -> int:
    return 3 * 2 ** ((flags & 7) + 1) if flags & 0x80 else 0
