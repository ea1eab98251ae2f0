"""The drawing program: `python -m server.posters.worker ASSETS`, a child of the process that serves posters.

Owns: one Painter, fed from standard input, answering on standard output (`wire.py`).
Invariants: it ends when its input closes, so nothing is left behind when the parent dies; it logs no name
and no number of a citizen.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
from pathlib import Path
from typing import BinaryIO

from server.posters.draw import Painter, PicturesMissing
from server.posters.fonts import INSTALL, Fonts
from server.posters.layers import TemplateError
from server.posters.wire import Answer, read_job, write_answer

logger = logging.getLogger(__name__)
# Counting and pages come first where processors are scarce; a poster can wait a moment.
NICENESS = 5


def serve(source: BinaryIO, out: BinaryIO, painter: Painter) -> None:
    """Answer jobs until the input closes."""
    while (job := read_job(source)) is not None:
        try:
            answer = Answer(jpeg=painter.draw(job))
        except PicturesMissing:
            answer = Answer(lacks=True)
        except (TemplateError, OSError, ValueError) as error:
            logger.exception("a poster of template %s could not be drawn", job.template)
            answer = Answer(problem=str(error))
        write_answer(out, answer)


def main() -> int:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent closes us in order
    os.nice(NICENESS)
    fonts = Fonts()
    if not any(fonts.families.values()):
        write_answer(sys.stdout.buffer, Answer(problem=f"no Chinese font: {INSTALL}"))
        return 1
    write_answer(sys.stdout.buffer, Answer())
    try:
        serve(sys.stdin.buffer, sys.stdout.buffer, Painter(Path(sys.argv[1]), fonts))
    except BrokenPipeError:
        logger.info("the parent has gone")
    return 0


if __name__ == "__main__":
    sys.exit(main())
