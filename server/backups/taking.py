"""A backup as a folder: the embedded store's consistent copy, the files outside the stores, and a manifest that is written last.

Owns: the form of the folder and of `manifest.json`. A folder without a manifest is no backup: it was cut short. The secret key is not in
it: whoever finds the backup must not be able to read what is sealed. Blocking: call it in a worker thread.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Literal

import msgspec

from server.backups.lines import replace
from server.seals import derive_key

MANIFEST = "manifest.json"
FORMAT = 1
STORE = "mongodb"
BLOCK_BYTES = 1 << 20
# While somebody writes, SQLite may be busy for moments; longer than any commit of the store.
BUSY_SECONDS = 30.0


class BackupError(Exception):
    """It cannot be done, or must not be; the message says what to do."""


class Kept(msgspec.Struct, frozen=True):
    """One file of a backup."""

    path: str
    bytes: int
    sha256: str


class Marks(msgspec.Struct, frozen=True):
    """What the store had when the backup began: of each shard, every change up to a sequence; numbers below a bound; the log's entries."""

    shards: dict[str, int] = {}
    numbers_below: int = 1
    audit_entries: int = 0


class Manifest(msgspec.Struct, frozen=True):
    """`taken_at`: the recovery point, for what the store alone knows. `key_mark` tells one secret key from another, not what it is."""

    taken_at: float
    finished_at: float
    store: Literal["embedded", "mongodb"]
    key_mark: str
    marks: Marks
    files: list[Kept]
    format: int = FORMAT


def key_mark(secret_key: bytes) -> str:
    return hashlib.sha256(derive_key(secret_key, "mark of the key in backups")).hexdigest()[:16]


def begin(folder: Path) -> None:
    """Raises BackupError where something is there already."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if any(folder.iterdir()):
        raise BackupError(f"文件夹 {folder} 不是空的，每次备份用一个新文件夹 (not empty: give each backup a folder of its own)")
    folder.chmod(0o700)


def copy_store(data_dir: Path, folder: Path) -> None:
    """Copy the embedded store beside its running server: SQLite's own online backup in one step, so that the copy is one moment's."""
    (folder / STORE).mkdir(mode=0o700)
    for source in sorted((data_dir / STORE).glob("*.db")):
        target = folder / STORE / source.name
        with closing(sqlite3.connect(f"file:{source}?mode=ro", uri=True, timeout=BUSY_SECONDS)) as live, \
                closing(sqlite3.connect(target)) as copy:
            live.backup(copy)
            copy.execute("PRAGMA journal_mode = DELETE")  # the copy is one file, without a log beside it
            (answer,) = copy.execute("PRAGMA quick_check(1)").fetchone()
        if answer != "ok":
            raise BackupError(f"副本没有通过检查：{answer} (the copy is damaged: {answer})")
        target.chmod(0o600)
        _sync(target)


def copy_files(data_dir: Path, folder: Path) -> None:
    """Copy archive, list of deletions and the audit log's end. After the store, so that they know at least as much."""
    for name in ("deletions.jsonl", "audit-log.anchor"):
        if (data_dir / name).exists():
            _copy(data_dir / name, folder / name)
    for path in sorted((data_dir / "archive").rglob("*.jsonl")):
        _copy(path, folder / path.relative_to(data_dir))


def finish(folder: Path, taken_at: float, now: float, store: Literal["embedded", "mongodb"], mark: str, marks: Marks) -> Manifest:
    """Write the manifest: from here on it is a backup."""
    files = [Kept(path.relative_to(folder).as_posix(), path.stat().st_size, checksum(path)) for path in _files(folder)]
    manifest = Manifest(taken_at, now, store, mark, marks, files)
    replace(folder / MANIFEST, msgspec.json.format(msgspec.json.encode(manifest), indent=1))
    return manifest


def open_backup(folder: Path) -> Manifest:
    """The manifest of a backup of which every file is there and as it was written. Raises BackupError naming what is not."""
    try:
        manifest = msgspec.json.decode((folder / MANIFEST).read_bytes(), type=Manifest)
    except FileNotFoundError as error:
        raise BackupError(f"{folder} 里没有 {MANIFEST}：不是完整的备份 (no manifest: this is no whole backup)") from error
    except msgspec.MsgspecError as error:
        raise BackupError(f"{folder / MANIFEST} 已损坏 (damaged): {error}") from error
    if manifest.format != FORMAT:
        raise BackupError(f"备份格式 {manifest.format} 不认识，请用写它的版本 (unknown format: use the version that wrote it)")
    wrong = [kept.path for kept in manifest.files if not _is_as_written(folder, kept)]
    if wrong:
        raise BackupError("这些文件缺失或被改动 (missing or changed): " + ", ".join(wrong[:10]))
    return manifest


def place_store(folder: Path, data_dir: Path, aside: str) -> None:
    """Put the backup's copy where the embedded store looks for it; what is there is moved aside, never removed."""
    there, new = data_dir / STORE, data_dir / f"{STORE}.new"
    if new.exists():
        shutil.rmtree(new)  # of a try that was cut short
    new.mkdir(parents=True, mode=0o700)
    for path in sorted((folder / STORE).glob("*.db")):
        _copy(path, new / path.name)
    if there.exists():
        there.rename(data_dir / f"{STORE}.{aside}")
    new.rename(there)


def checksum(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()


def _is_as_written(folder: Path, kept: Kept) -> bool:
    path = folder / kept.path
    return (path.resolve().is_relative_to(folder.resolve()) and path.is_file() and path.stat().st_size == kept.bytes
            and checksum(path) == kept.sha256)


def _files(folder: Path) -> Iterator[Path]:
    """Whatever somebody else puts there too, such as a mongodump, belongs to the backup once it is there before the manifest."""
    return (path for path in sorted(folder.rglob("*")) if path.is_file() and path.name not in (MANIFEST, "manifest.new", BEGUN))


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with source.open("rb") as given, open(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        shutil.copyfileobj(given, file, BLOCK_BYTES)
        file.flush()
        os.fsync(file.fileno())


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


# Of a MongoDB of one's own: marks first, then its own tools, then the rest

BEGUN = "begun.json"
# What stands for the store itself: the folder of a dump, or the name of a snapshot in a file.
DUMP, SNAPSHOT = "mongodump", "snapshot.txt"


def note_begun(folder: Path, now: float, marks: Marks) -> None:
    replace(folder / BEGUN, msgspec.json.encode((now, marks)))


def begun(folder: Path) -> tuple[float, Marks]:
    """Raises BackupError."""
    try:
        return msgspec.json.decode((folder / BEGUN).read_bytes(), type=tuple[float, Marks])
    except FileNotFoundError as error:
        raise BackupError(f"{folder} 里没有开始的备份：先执行 backup --to {folder} (no backup was begun there)") from error


def require_copy(folder: Path) -> None:
    """Raises BackupError where neither a dump nor the note of a snapshot lies beside the marks: without the store it is no backup."""
    if not any(path.is_file() for path in (folder / DUMP).rglob("*")) and not (folder / SNAPSHOT).is_file():
        raise BackupError(f"{folder} 里没有 {DUMP} 的转储，也没有 {SNAPSHOT}：先复制数据库 (no dump and no snapshot: copy the store first)")


def forget_begun(folder: Path) -> None:
    (folder / BEGUN).unlink()
