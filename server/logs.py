"""The log: one JSON object a line (or plain text for a terminal), each with the name of the request that it was written for.

Owns: the form of a line, the request's name through handlers and services, what is counted of the log.
Invariants: a name from outside is taken only where it is short and plain, so that nobody writes a line of ours; a line is one line, also
with a traceback; no openid, token, telephone number or citizen's words are given to a logger anywhere, and tests search for them.

From a request to what MongoDB has of it, without a word more for each salute: the web server's log has the request's name; the intake
logs shard and sequence of one salute in 256 (of each at DEBUG) under that name, the ledger which stretches of sequences it wrote when, and
the archive (data/archive) holds each sequence with its row. `python -m server trace NAME` (server/tracing.py) follows that way.
"""

from __future__ import annotations

import fcntl
import logging
import os
import re
import secrets
import sys
from collections.abc import Callable
from contextvars import ContextVar
from datetime import datetime
from logging.handlers import RotatingFileHandler
from pathlib import Path

import msgspec

from server.clock import SHANGHAI
from server.metrics import Metrics

# As nginx makes them ($request_id: 32 hex digits), and as other proxies do (UUIDs); nothing that a log or a header could trip over.
REQUEST_ID = re.compile(r"[A-Za-z0-9_-]{8,64}")
# One file of the log, and how many older ones are kept.
FILE_BYTES, FILES = 8 * 1024 * 1024, 3
# A line that is longer was not written for people: an answer of somebody's server, or a traceback without end.
MAX_TEXT = 8000
PLAIN = "%(asctime)s %(levelname)s %(name)s %(request)s%(message)s"

# "" outside any request.
request_id: ContextVar[str] = ContextVar("request_id", default="")


def named(given: str | None) -> str:
    """The name of a request: what the proxy gave where that may be taken, else a new one."""
    return given if given and REQUEST_ID.fullmatch(given) else secrets.token_hex(8)


class JsonLines(logging.Formatter):
    """at, level, logger, request where there is one, text, and where it went wrong."""

    def format(self, record: logging.LogRecord) -> str:
        line = {"at": datetime.fromtimestamp(record.created, SHANGHAI).isoformat(timespec="milliseconds"), "level": record.levelname,
                "logger": record.name}
        if name := request_id.get():
            line["request"] = name
        line["text"] = record.getMessage()[:MAX_TEXT]
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)[-MAX_TEXT:]  # its end says what happened
        return msgspec.json.encode(line).decode()


class PlainLines(logging.Formatter):
    """The same for a terminal."""

    def __init__(self) -> None:
        super().__init__(PLAIN)

    def format(self, record: logging.LogRecord) -> str:
        name = request_id.get()
        record.request = f"[{name}] " if name else ""
        return super().format(record)


class Counted(logging.Handler):
    """Counts what somebody should read."""

    def __init__(self, metrics: Metrics) -> None:
        super().__init__(logging.WARNING)
        self._metrics = metrics

    def emit(self, record: logging.LogRecord) -> None:
        self._metrics.record("lines_logged_total", "error" if record.levelno >= logging.ERROR else "warning")


def count(metrics: Metrics) -> Callable[[], None]:
    """Count from now on, until what is returned is called."""
    handler = Counted(metrics)
    logging.getLogger().addHandler(handler)
    return lambda: logging.getLogger().removeHandler(handler)


class SharedFile(RotatingFileHandler):
    """One bounded file of all processes of a host: who finds it full puts it aside, one at a time, and the others follow to the new one."""

    def shouldRollover(self, record: logging.LogRecord) -> bool:
        return not self._is_current() or bool(super().shouldRollover(record))

    def doRollover(self) -> None:
        folder = os.open(Path(self.baseFilename).parent, os.O_RDONLY)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)  # for a few renames
            if self._is_current():
                super().doRollover()
            else:  # somebody did it meanwhile; once more would throw the oldest file away
                opened = self._open()
                if self.stream:  # None where a disk was full once
                    self.stream.close()
                self.stream = opened
        finally:
            os.close(folder)

    def _is_current(self) -> bool:
        try:
            return self.stream is not None and os.path.samestat(os.stat(self.baseFilename), os.fstat(self.stream.fileno()))
        except FileNotFoundError:
            return False


def write(folder: Path, level: str, form: str) -> None:
    """To a file of the data folder; warnings to the screen too. `form`: json or text; a terminal gets text either way."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    file = SharedFile(folder / "server.log", maxBytes=FILE_BYTES, backupCount=FILES, encoding="utf-8")
    screen = logging.StreamHandler()
    screen.setLevel(logging.WARNING)
    file.setFormatter(JsonLines() if form == "json" else PlainLines())
    screen.setFormatter(JsonLines() if form == "json" and not sys.stderr.isatty() else PlainLines())
    logging.basicConfig(level=level, handlers=[file, screen])
