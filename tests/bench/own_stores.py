"""Stores of a benchmark's own: a Redis and a document store in a folder that is gone afterwards."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from server.embedded import Supervisor, mongodb_child, redis_child


@contextmanager
def own_stores() -> Iterator[tuple[str, str, Path]]:
    """Addresses of Redis and of the document store, empty both, and their folder."""
    with tempfile.TemporaryDirectory(prefix="wenming-bench-") as name:
        folder = Path(name)
        redis, redis_url = redis_child(folder / "redis", folder)
        mongodb, mongodb_uri = mongodb_child(folder / "mongodb", folder)
        supervisor = Supervisor([redis, mongodb])
        supervisor.start()
        try:
            yield redis_url, mongodb_uri, folder
        finally:
            supervisor.stop()
