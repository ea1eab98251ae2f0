"""Files as they begin, as long as they are told to be."""

from __future__ import annotations

JPG, PNG, GIF, BMP = b"\xff\xd8\xff\xe0\x00\x10JFIF", b"\x89PNG\r\n\x1a\n\x00\x00", b"GIF89a\x01\x00", b"BM\x00\x00\x00\x00"
MP3, AMR, WAV, WMA = b"ID3\x03\x00", b"#!AMR\n\x3c", b"RIFF\x24\x00\x00\x00WAVEfmt ", b"\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9"
MP4 = b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00"


async def whole(path, form):
    """Every file opens: most tests are about what happens to it then."""


def file_of(beginning: bytes, size_bytes: int = 2000, mark: bytes = b"") -> bytes:
    """Such a file; another `mark`, other bytes."""
    return (beginning + mark).ljust(size_bytes, b"\x00")
