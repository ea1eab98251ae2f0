"""Ctrl-C from the first moment: it ends a start at once, and is not forgotten where something swallowed it.

Python drops an exception that is raised inside a finaliser or a weak reference's callback, KeyboardInterrupt among them: then the
product would go on starting, and nobody would ever tell it again.
"""

from __future__ import annotations

import signal
from types import FrameType

_asked = False


def watch() -> None:
    """From now on remember Ctrl-C as well as raise it; not where it is ignored, as in the background of a shell."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _interrupt)


def was_asked() -> bool:
    return _asked


def _interrupt(signum: int, frame: FrameType | None) -> None:
    global _asked
    _asked = True
    raise KeyboardInterrupt
