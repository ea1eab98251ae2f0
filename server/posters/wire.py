"""What the serving process and a drawing process say to each other.

Owns: the two messages and their frames: a length of 4 bytes (big-endian), then a msgpack value.
Does not import Pillow or fontTools, so that a serving process stays small.
"""

from __future__ import annotations

from typing import BinaryIO

import msgspec

HEAD_BYTES = 4


class Job(msgspec.Struct, frozen=True):
    """What one poster says: `campaign` and `citizen` map the template's words to texts.

    `design`: a campaign's own, as JSON, in place of the template; `photos` names the file of each medium in it. `pictures`, those files, is
    empty at first: who keeps the campaign's background needs none.
    """

    template: str
    campaign: dict[str, str]
    citizen: dict[str, str]
    link: str
    design: str = ""
    photos: dict[str, str] = {}
    pictures: dict[str, bytes] = {}


class Answer(msgspec.Struct):
    """A JPEG, or why there is none. The first answer of a process has neither: it is ready. `lacks`: send the pictures too."""

    jpeg: bytes = b""
    problem: str = ""
    lacks: bool = False


def frame(packed: bytes) -> bytes:
    return len(packed).to_bytes(HEAD_BYTES, "big") + packed


def write_answer(out: BinaryIO, answer: Answer) -> None:
    out.write(frame(msgspec.msgpack.encode(answer)))
    out.flush()


def read_job(source: BinaryIO) -> Job | None:
    """The next job, or None when the parent has closed."""
    head = source.read(HEAD_BYTES)
    if len(head) < HEAD_BYTES:
        return None
    return msgspec.msgpack.decode(source.read(int.from_bytes(head, "big")), type=Job)
