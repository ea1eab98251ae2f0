"""A backup is one moment's, can be proved whole, and is nothing before its manifest."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest

from server.backups import taking
from server.backups.commands import finish_outside
from server.backups.taking import BackupError, Marks

KEY = b"k" * 32


def take(data_dir, folder, now=100.0):
    taking.begin(folder)
    taking.copy_store(data_dir, folder)
    taking.copy_files(data_dir, folder)
    return taking.finish(folder, now, now + 1, "embedded", taking.key_mark(KEY), Marks({"flag:all:0": 7}, 513, 3))


@pytest.fixture
def data_dir(tmp_path):
    made = tmp_path / "data"
    (made / "mongodb").mkdir(parents=True)
    with closing(sqlite3.connect(made / "mongodb" / "wenming.db")) as db:
        db.executescript("PRAGMA journal_mode = WAL; CREATE TABLE pairs (a INTEGER, b INTEGER);")
    (made / "archive" / "flag").mkdir(parents=True)
    (made / "archive" / "flag" / "20261001.jsonl").write_bytes(b"[]\n")
    (made / "deletions.jsonl").write_text('{"citizen": 4, "deleted_at": 5.0}\n')
    (made / "secret_key").write_text("not for the backup")
    return made


def test_a_copy_beside_a_writer_is_one_moment(data_dir, tmp_path):
    """Each transaction writes a pair; no copy may hold half of one."""
    stop = threading.Event()

    def write() -> None:
        with closing(sqlite3.connect(data_dir / "mongodb" / "wenming.db", timeout=30)) as db:
            for n in range(1_000_000):
                if stop.is_set():
                    return
                with db:
                    db.execute("INSERT INTO pairs VALUES (?, 0)", (n,))
                    db.execute("UPDATE pairs SET b = ? WHERE a = ?", (n, n))

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for turn in range(5):
            take(data_dir, tmp_path / f"backup-{turn}")
    finally:
        stop.set()
        writer.join()
    counts = []
    for turn in range(5):
        assert [path.name for path in (tmp_path / f"backup-{turn}" / "mongodb").iterdir()] == ["wenming.db"]
        with closing(sqlite3.connect(tmp_path / f"backup-{turn}" / "mongodb" / "wenming.db")) as copy:
            assert copy.execute("SELECT count(*) FROM pairs WHERE a <> b").fetchone() == (0,)
            counts.append(copy.execute("SELECT count(*) FROM pairs").fetchone()[0])
    assert counts == sorted(counts)


def test_it_holds_everything_but_the_secret_key_and_nobody_else_reads_it(data_dir, tmp_path):
    manifest = take(data_dir, tmp_path / "backup")
    assert [kept.path for kept in manifest.files] == ["archive/flag/20261001.jsonl", "deletions.jsonl", "mongodb/wenming.db"]
    assert taking.open_backup(tmp_path / "backup") == manifest
    assert (tmp_path / "backup").stat().st_mode & 0o077 == 0
    for path in filter(Path.is_file, (tmp_path / "backup").rglob("*")):
        assert path.stat().st_mode & 0o077 == 0, path
        assert b"not for the backup" not in path.read_bytes()
    assert taking.key_mark(KEY) == manifest.key_mark != taking.key_mark(b"another key, of as many bytes...")


def test_whatever_was_changed_cut_or_removed_is_named(data_dir, tmp_path):
    backup = tmp_path / "backup"
    take(data_dir, backup)
    with pytest.raises(BackupError, match="不是空的"):
        taking.begin(backup)
    (backup / "deletions.jsonl").write_text('{"citizen": 5, "deleted_at": 5.0}\n')
    with pytest.raises(BackupError, match=r"deletions\.jsonl"):
        taking.open_backup(backup)
    (backup / "deletions.jsonl").unlink()
    with pytest.raises(BackupError, match=r"deletions\.jsonl"):
        taking.open_backup(backup)
    (backup / "manifest.json").write_text("{")
    with pytest.raises(BackupError, match=r"manifest\.json"):
        taking.open_backup(backup)
    (backup / "manifest.json").unlink()
    with pytest.raises(BackupError, match="不是完整的备份"):
        taking.open_backup(backup)


def test_a_manifest_cannot_lead_outside_its_folder(data_dir, tmp_path):
    backup = tmp_path / "backup"
    take(data_dir, backup)
    text = (backup / "manifest.json").read_text()
    (backup / "manifest.json").write_text(text.replace('"deletions.jsonl"', '"../data/deletions.jsonl"'))
    with pytest.raises(BackupError, match=r"\.\./data"):
        taking.open_backup(backup)


@pytest.mark.parametrize("cut", ["before", "aside", "placed"])
def test_the_store_is_put_in_place_again_wherever_it_was_cut_short(data_dir, tmp_path, cut):
    backup = tmp_path / "backup"
    with closing(sqlite3.connect(data_dir / "mongodb" / "wenming.db")) as db, db:
        db.execute("INSERT INTO pairs VALUES (1, 1)")
    take(data_dir, backup)
    if cut == "before":
        (data_dir / "mongodb.new").mkdir()
        (data_dir / "mongodb.new" / "half.db").write_bytes(b"half")
    elif cut == "aside":
        (data_dir / "mongodb").rename(data_dir / "mongodb.before-1")
    else:
        taking.place_store(backup, data_dir, "before-1")
    taking.place_store(backup, data_dir, "before-2")
    assert [path.name for path in (data_dir / "mongodb").iterdir()] == ["wenming.db"]
    with closing(sqlite3.connect(data_dir / "mongodb" / "wenming.db")) as db:
        assert db.execute("SELECT a FROM pairs").fetchall() == [(1,)]


def test_of_another_mongodb_the_marks_come_before_its_dump_and_its_files_are_in_the_manifest(data_dir, tmp_path):
    backup = tmp_path / "backup"
    with pytest.raises(BackupError, match="没有开始的备份"):
        finish_outside(data_dir, backup, KEY)
    taking.begin(backup)
    taking.note_begun(backup, 100.0, Marks({"flag:all:0": 7}))
    (backup / "mongodump").mkdir()
    with pytest.raises(BackupError, match="先复制数据库"):
        finish_outside(data_dir, backup, KEY)
    (backup / "mongodump" / "oplog.bson").write_bytes(b"dump")
    manifest = finish_outside(data_dir, backup, KEY)
    assert taking.open_backup(backup) == manifest
    assert (manifest.taken_at, manifest.marks.shards) == (100.0, {"flag:all:0": 7})
    assert "mongodump/oplog.bson" in [kept.path for kept in manifest.files]
