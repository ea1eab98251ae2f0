"""The embedded MongoDB wire server: nx-27017 on SQLite, on loopback, without a password: for one-user machines."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

from server.embedded.children import Child
from server.stores import EMBEDDED_MARK


def free_port() -> int:
    """A port of loopback that nobody uses now and that nobody else is given for the next minute: two products that start in the same
    moment must never share a store. A connection that its server ended stays in TIME_WAIT for 60 s (Linux); that keeps the kernel from
    choosing its port again, while a server that binds it with SO_REUSEADDR may.
    """
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        # Not before the bind, which could then choose a port that is kept in this way.
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.listen(1)
        port: int = server.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port), timeout=1.0):
            ended, _ = server.accept()
            ended.close()
    return port


def mongodb_child(folder: Path, logs: Path) -> tuple[Child, str]:
    """The child and its URI with the database's name. Its port is new at every start; a restart by the supervisor keeps it."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    port = free_port()
    pid_file = folder / "nx-27017.pid"
    command = [str(Path(sys.executable).with_name("nx-27017")), "--data-dir", str(folder), "--host", "127.0.0.1", "-p", str(port),
               "-j", "WAL", "--pid-file", str(pid_file), "--log-file", os.devnull]
    # It refuses to start beside the process of its pid file, and after a kill that number may be anybody's: only we start it.
    child = Child("mongodb", command, logs / "mongodb.log", lambda: listens(port), before=lambda: pid_file.unlink(missing_ok=True))
    return child, f"mongodb://127.0.0.1:{port}/wenming{EMBEDDED_MARK}"


def is_free(host: str, port: int) -> bool:
    """Whether nobody listens on this port."""
    try:
        with socket.create_server((host or "0.0.0.0", port)):
            return True
    except OSError:
        return False


def is_shared(host: str, port: int) -> bool:
    """Whether whoever listens on this port shares it with us: processes of the same user that mean to, as ours do (SO_REUSEPORT)."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        try:
            probe.bind((host or "0.0.0.0", port))  # never listen: the kernel would give us connections that are theirs
        except OSError:
            return False
        return True


def listens(port: int) -> bool:
    """Whether something takes connections on this port of loopback."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1.0):
            return True
    except OSError:
        return False
