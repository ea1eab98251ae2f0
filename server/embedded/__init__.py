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
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Protocol, TypeVar

from server.embedded.children import Child, ChildError, Supervisor
from server.embedded.mongodb_wire import free_port, is_free, is_shared, listens, mongodb_child
from server.embedded.redis_server import find_redis_server, redis_child
from server.embedded.secrets import further_accounts, made_secret, sandbox_accounts, write_private

__all__ = ["Child", "ChildError", "Supervisor", "find_redis_server", "free_port", "is_free", "is_running", "is_shared", "join",
           "mongodb_child", "redis_child", "start"]

# The accounts of the simulated platform, as its phone names them.
SANDBOX_NAMES = {"official": "文明漳州", "miniprogram": "文明漳州小程序"}
BUSY = "数据文件夹 {folder} 正被另一个 Wenming 使用；请先停止它，或换 WENMING_DATA_DIR ({folder} is in use by another Wenming)"


# Another process that starts in the same moment has its stores up within seconds; see READY_SECONDS of the children.
JOIN_SECONDS, LOOK_SECONDS = 30.0, 0.1


class FolderBusy(ChildError):
    """Another process holds the data folder."""


class Configuration(Protocol):
    """The settings that matter here; a frozen dataclass, so all are read-only."""

    @property
    def host(self) -> str: ...
    @property
    def port(self) -> int: ...
    @property
    def sandbox_port(self) -> int: ...
    @property
    def sandbox_host(self) -> str: ...
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
    def official_secret(self) -> str: ...
    @property
    def official_mode(self) -> str: ...
    @property
    def miniprogram_mode(self) -> str: ...
    @property
    def further_accounts(self) -> str: ...
    @property
    def moderation_url(self) -> str: ...
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
            for name in ("official", "miniprogram"):
                # What is set stands, also where it is wrong: whoever tries a wrong secret wants to see what comes of it.
                changes |= {f"{name}_{part}": accounts[name][part] for part in ("appid", "secret", "token", "aes_key")
                            if not getattr(settings, f"{name}_{part}")}
                changes[f"{name}_name"] = getattr(settings, f"{name}_name") or SANDBOX_NAMES[name]
            changes["further_accounts"] = settings.further_accounts or further_accounts(accounts)
            if not settings.moderation_url:  # the sandbox's provider knows the main account's secret as its key
                changes |= {"moderation_url": f"http://{settings.sandbox_host}:{settings.sandbox_port}/sandbox/moderation",
                            "moderation_key": settings.official_secret or accounts["official"]["secret"]}
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
def join(settings: Settings, *, sandbox: bool = False) -> Iterator[Settings]:
    """For a command, or one process of many: the stores of the running product, or, where none runs, the same stores started for as long.

    Where everything is configured nothing is started and nothing held: many processes share the folder, and come and go as they like.
    `sandbox`: with the WeChat sandbox too, where no real account is configured. Raises ChildError as `start` does.
    """
    folder = settings.data_dir.resolve()
    until = time.monotonic() + JOIN_SECONDS
    with ExitStack() as stack:
        while (joined := _joined(settings, folder)) is None:
            try:
                joined = stack.enter_context(start(settings, sandbox=sandbox))
                break
            except FolderBusy:  # it is about to have its stores up, or has just ended
                if time.monotonic() > until:
                    raise
                time.sleep(LOOK_SECONDS)
        yield joined


def _joined(settings: Settings, folder: Path) -> Settings | None:
    """The settings where nothing is missing in them, or with what the running product has; None where something must be started."""
    if _needs_nothing(settings):
        # One process of many on a host of its own: held, the folder would refuse the second of two that start at once.
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return settings
    if not is_running(folder):
        return None
    try:
        changes = json.loads((folder / "run.json").read_text("utf-8"))
    except FileNotFoundError:
        return None  # it ended meanwhile
    del changes["pid"]
    return dataclasses.replace(settings, **changes)  # type: ignore[type-var]


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


def _needs_nothing(settings: Configuration) -> bool:
    """Whether stores, key and a real account are all configured, so that there is nothing to start and nothing to learn."""
    return bool(settings.secret_key and settings.redis_url and settings.mongodb_uri) and not settings.uses_sandbox


@contextmanager
def _hold(folder: Path) -> Iterator[None]:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    lock: IO[bytes]
    with (folder / "lock").open("ab") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise FolderBusy(BUSY.format(folder=folder)) from error
        yield


def _sandbox(settings: Configuration, folder: Path, logs: Path) -> Child:
    host = "127.0.0.1" if settings.host in ("", "0.0.0.0") else settings.host
    command = [sys.executable, "-m", "server.sandbox", "--port", str(settings.sandbox_port), "--accounts", str(folder / "sandbox.json"),
               "--callback", f"http://127.0.0.1:{settings.port}", "--data", str(folder / "sandbox"), "--static", "assets/h5",
               "--host", host]
    return Child("sandbox", command, logs / "sandbox.log", lambda: listens(settings.sandbox_port))
