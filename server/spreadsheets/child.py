"""How a child that `Workers` starts runs: what it is given comes on its standard input, what it makes goes out on its standard output.

Invariants: it ends when its input closes, so nothing is left running when the parent dies; it has a bound of memory of its own, so that no
file takes the machine's.
"""

from __future__ import annotations

import logging
import os
import resource
import signal
import sys
from collections.abc import Callable
from typing import BinaryIO

logger = logging.getLogger(__name__)


def run(serve: Callable[[BinaryIO, BinaryIO], None], *, niceness: int, max_memory_bytes: int) -> int:
    """Serve what the parent orders; the exit code. `max_memory_bytes` is of addresses, which Python maps more of than it uses."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent closes us in order
    os.nice(niceness)
    resource.setrlimit(resource.RLIMIT_AS, (max_memory_bytes, max_memory_bytes))
    try:
        serve(sys.stdin.buffer, sys.stdout.buffer)
    except BrokenPipeError:
        logger.info("the parent has gone")
    return 0
