"""What the serving process and the workshop's process say to each other: one job in, one answer out, as JSON.

Does not import Pillow or PyAV, so that a serving process stays small.
"""

from __future__ import annotations

import msgspec


class Job(msgspec.Struct, frozen=True):
    """`task`: look (at a new file, and make its variants in `folder`), photo (the same for a citizen's), crop (anew, from the picture as
    it was kept), or open (to its end; nothing is made, and `kind` is how such files end)."""

    task: str
    path: str
    folder: str
    kind: str
    focus: tuple[float, float]


class Made(msgspec.Struct, frozen=True):
    """A file of the folder: a variant by its name, with the hash of its bytes."""

    variant: str
    path: str
    form: str
    sha256: str
    bytes: int
    width: int = 0
    height: int = 0


class Answer(msgspec.Struct, frozen=True):
    """What was made; or why it is refused: a code and words for people."""

    made: list[Made] = []
    pixels: str = ""
    width: int = 0
    height: int = 0
    seconds: float = 0.0
    code: str = ""
    message: str = ""


class Refused(Exception):
    """In the workshop alone: the file is not taken, and why."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code)
        self.code = code
        self.message = message
