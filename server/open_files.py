"""How many files this process may have open: each live socket is one.

A shell gives 1,024 by habit, and a service manager what its unit says; the process itself may go up to the hard limit.
"""

from __future__ import annotations

import logging
import resource

logger = logging.getLogger(__name__)

# Kept for everything else: the crowd at the intake, requests of pages, stores, logs. Past the limit nothing could be accepted at all.
RESERVED_FILES = 4096


def sockets_within(wanted: int) -> int:
    """As many of the wanted live sockets as this process may hold, with its own limit raised for them as far as it goes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = wanted + RESERVED_FILES if hard == resource.RLIM_INFINITY else min(hard, wanted + RESERVED_FILES)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
        soft = most
    files = wanted + RESERVED_FILES if soft == resource.RLIM_INFINITY else soft
    allowed = min(wanted, files - min(RESERVED_FILES, files // 4))
    if allowed < wanted:
        logger.warning("live sockets: %d of %d, since the limit of open files is %d (ulimit -Hn, LimitNOFILE)", allowed, wanted, files)
    return allowed
