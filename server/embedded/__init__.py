"""Everything that `make run` starts beside us, under the data folder: Redis, a MongoDB wire server, the WeChat sandbox.

Owns: the data folder (held by flock), made secrets, the children, and `run.json`, by which commands find a running product.
Does not own: what is stored. Nothing here runs where real stores and a real account are configured.
"""

from __future__ import annotations

import dataclasses
import fcntl
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Protocol, TypeVar

from server.embedded.children import Child, ChildError, Supervisor
from server.embedded.mongodb_wire import free_port, is_free, listens, mongodb_child
from server.embedded.redis_server import find_redis_server, redis_child
from server.embedded.secrets import made_secret, sandbox_accounts, write_private

__all__ = ["Child", "ChildError", "Supervisor", "find_redis_server", "free_port", "is_free", "is_running", "join", "mongodb_child",
           "redis_child", "start"]

BUSY = "数据文件夹 {folder} 正被另一个 Wenming 使用；请先停止它，或换 WENMING_DATA_DIR ({folder} is in use by another Wenming)"


class Configuration(Protocol):
    """The settings that matter here; a frozen dataclass, so all are read-only."""

    @property
    def host(self) -> str: ...
    @property
    def port(self) -> int: ...
    @property
    def sandbox_port(self) -> int: ...
    @property
    def data_dir(self) -> Path: ...
    @property
    def secret_key(self) -> str: ...
    @property
    def redis_url(self) -> str: ...
    @property
    def redis_cluster(self) -> bool: ...
    @property
    def mongodb_uri(self) -> str: ...
    @property
    def official_mode(self) -> str: ...
    @property
    def miniprogram_mode(self) -> str: ...
    @property
    def uses_sandbox(self) -> bool: ...


Settings = TypeVar("Settings", bound=Configuration)


@contextmanager
def start(settings: Settings, *, sandbox: bool = True) -> Iterator[Settings]:
    """Hold the data folder, start what is not configured, and give settings that name it. Ends it all on leaving.

    Raises ChildError with one line for people: the folder is in use, or a program is missing or did not come up.
    """
    folder = settings.data_dir.resolve()
    with _hold(folder):
        logs = folder / "logs"
        children: list[Child] = []
        changes: dict[str, str | bool] = {}
        if not settings.secret_key:
            changes["secret_key"] = made_secret(folder / "secret_key")
        if not settings.redis_url:
            child, changes["redis_url"] = redis_child(folder / "redis", logs)
            children.append(child)
        if not settings.mongodb_uri:
            child, changes["mongodb_uri"] = mongodb_child(folder / "mongodb", logs)
            children.append(child)
        if settings.uses_sandbox:
            accounts = sandbox_accounts(folder / "sandbox.json", settings.official_mode, settings.miniprogram_mode)
            for name, account in accounts.items():
                changes |= {f"{name}_{part}": account[part] for part in ("appid", "secret", "token", "aes_key")}
            if sandbox:
                children.append(_sandbox(settings, folder, logs))
        supervisor = Supervisor(children)
        supervisor.start()
        run = folder / "run.json"
        running = dataclasses.replace(settings, **changes)  # type: ignore[type-var]
        # Who joins has the running product's stores, whatever its own environment says.
        stores = {"redis_url": running.redis_url, "redis_cluster": running.redis_cluster, "mongodb_uri": running.mongodb_uri}
        write_private(run, json.dumps({"pid": os.getpid(), **changes, **stores}))
        try:
            yield running
        finally:
            run.unlink(missing_ok=True)
            supervisor.stop()


@contextmanager
def join(settings: Settings) -> Iterator[Settings]:
    """For a command: the stores of the running product, or, where none runs, the same stores started for its duration."""
    folder = settings.data_dir.resolve()
    if is_running(folder):
        changes = json.loads((folder / "run.json").read_text("utf-8"))
        del changes["pid"]
        yield dataclasses.replace(settings, **changes)  # type: ignore[type-var]
    else:
        with start(settings, sandbox=False) as embedded:
            yield embedded


def is_running(folder: Path) -> bool:
    """Whether a product holds this data folder and has its stores up."""
    lock = folder / "lock"
    if not lock.exists() or not (folder / "run.json").exists():
        return False
    with lock.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return True
        return False


@contextmanager
def _hold(folder: Path) -> Iterator[None]:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    lock: IO[bytes]
    with (folder / "lock").open("ab") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise ChildError(BUSY.format(folder=folder)) from error
        yield


def _sandbox(settings: Configuration, folder: Path, logs: Path) -> Child:
    host = "127.0.0.1" if settings.host in ("", "0.0.0.0") else settings.host
    command = [sys.executable, "-m", "server.sandbox", "--port", str(settings.sandbox_port), "--accounts", str(folder / "sandbox.json"),
               "--callback", f"http://127.0.0.1:{settings.port}", "--data", str(folder / "sandbox"), "--static", "assets/h5",
               "--host", host]
    return Child("sandbox", command, logs / "sandbox.log", lambda: listens(settings.sandbox_port))
