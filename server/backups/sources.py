"""What was kept outside both stores, read from as many folders as there are: rows, the tail, the list of deletions, the audit log's end.

Owns: which files a folder has, a spool of rows on the disk that brings them into order without repeats, and what is damaged or missing
among them. Blocking: call it in a worker thread. A source is a data folder or a backup: both have the same names.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from heapq import merge
from pathlib import Path
from typing import Any

import msgspec

from server.backups.lines import Damage, read
from server.backups.tail import DOCUMENT_ROW, FOLDER, tail_of
from server.counting.keeper import SEQ_MARGIN

# Rows of one page of the spool: an insert of the ledger's size.
PAGE = 512
# As many damaged lines and missing stretches are named; the counts are always whole.
SHOWN = 20
# Of a row: shard, sequence, kind, citizen, bit or flags, ordinal, second, region, unit, late or kind of amendment; a later release adds.
ROW_FIELDS = 10

Row = list[Any]


@dataclass
class Damages:
    """`torn`: ends of files that a kill cut; what stood there was not yet acknowledged as durable."""

    lines: list[str] = field(default_factory=list)
    damaged: int = 0
    torn: int = 0

    def add(self, damage: Damage, *, last: bool) -> None:
        if damage.torn and last:
            self.torn += 1
            return
        self.damaged += 1
        if len(self.lines) < SHOWN:
            self.lines.append(f"{damage.file}:{damage.line}")


def archives(sources: Sequence[Path]) -> list[Path]:
    """The archive folders that are there, each once."""
    return [folder for folder in dict.fromkeys((source / "archive").resolve() for source in sources) if folder.is_dir()]


def row_files(folders: Sequence[Path]) -> list[Path]:
    """The files of rows of all folders, those of one day beside each other."""
    found = [path for folder in folders for path in folder.glob("*/*.jsonl") if path.parent.name != FOLDER]
    return sorted(found, key=lambda path: (path.parent.name, path.stem, str(path)))


def tail_values(folders: Sequence[Path], damages: Damages) -> Iterator[dict[str, Any]]:
    """What the tails of all folders say, the older days first."""
    files = sorted((path for folder in folders for path in tail_of(folder)), key=lambda path: path.stem)
    for path in files:
        for value in read(path):
            if isinstance(value, Damage):
                damages.add(value, last=True)
            elif isinstance(value, dict) and "what" in value:
                yield value


class Spool:
    """Rows in the order of their shards and sequences, each once, in a file that is gone with the restore."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.unlink(missing_ok=True)
        self._path = path
        self._db = sqlite3.connect(path, check_same_thread=False)
        self._db.executescript("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; "
                               "CREATE TABLE rows (shard TEXT, seq INTEGER, kind INTEGER, citizen INTEGER, bit INTEGER, row BLOB, "
                               "PRIMARY KEY (shard, seq, kind, citizen, bit)) WITHOUT ROWID")

    def fill(self, files: Sequence[Path], marks: dict[str, int], damages: Damages) -> int:
        """Read files of rows; those up to a shard's mark are left out, since the store has them. How many rows were read."""
        count = 0
        newest = {path.parent: path for path in files}  # sorted by day: the last one of each folder and campaign
        for path in files:
            some: list[tuple[Any, ...]] = []
            for value in read(path):
                if isinstance(value, Damage):
                    damages.add(value, last=newest[path.parent] == path)
                elif not _is_row(value):
                    damages.add(Damage(str(path), 0, torn=False), last=False)
                elif value[1] > marks.get(value[0], 0):
                    some.append((value[0], value[1], value[2], value[3], value[4], msgspec.json.encode(value)))
                count += 1
                if len(some) >= PAGE:
                    self._insert(some)
                    some = []
            self._insert(some)
        self._db.commit()
        return count

    def _insert(self, some: list[tuple[Any, ...]]) -> None:
        self._db.executemany("INSERT OR IGNORE INTO rows VALUES (?, ?, ?, ?, ?, ?)", some)

    def shards(self) -> list[str]:
        return [str(name) for name, in self._db.execute("SELECT DISTINCT shard FROM rows ORDER BY shard")]

    def pages(self, shard_id: str) -> Iterator[list[Row]]:
        """A shard's rows in the order of their sequences."""
        after: tuple[int, int, int, int] = (-1, -1, -1, -1)
        while True:
            found = self._db.execute(
                "SELECT row FROM rows WHERE shard = ? AND (seq, kind, citizen, bit) > (?, ?, ?, ?) "
                "ORDER BY seq, kind, citizen, bit LIMIT ?",
                (shard_id, *after, PAGE)).fetchall()
            rows: list[Row] = [msgspec.json.decode(raw) for raw, in found]
            if rows:
                yield rows
            if len(rows) < PAGE:
                return
            after = (rows[-1][1], rows[-1][2], rows[-1][3], rows[-1][4])

    def gaps(self, shard_id: str, after: int, copied: Sequence[tuple[int, int]] = (),
             reached: Collection[int] = ()) -> list[tuple[int, int]]:
        """Stretches of sequences that no row has, but for the leap of a recovery; `after`: what the store has.

        `copied`: stretches (after, to) of which a host has all that the store had. `reached`: sequences that the store once had
        everything up to, so that a file that lacks its end, or its last days, is found out.
        """
        found, last = [], after
        rows = self._db.execute("SELECT DISTINCT seq, 0 FROM rows WHERE shard = ? AND seq > ? ORDER BY seq", (shard_id, after))
        for seq, is_mark in merge(rows, ((mark, 1) for mark in sorted(reached) if mark > after)):
            until = seq - 1 + is_mark  # a mark without its row lacks that one too
            if last < until and seq - last < SEQ_MARGIN:
                found += _outside((last + 1, until), copied)
            last = seq
        return _joined(found)

    def last(self, shard_id: str) -> int:
        found = self._db.execute("SELECT max(seq) FROM rows WHERE shard = ?", (shard_id,)).fetchone()
        return int(found[0] or 0)

    def close(self) -> None:
        self._db.close()
        self._path.unlink(missing_ok=True)


def _outside(gap: tuple[int, int], copied: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """What of a stretch lies in none of the others."""
    first, left = gap[0], []
    for after, to in sorted(copied):
        if to < first or after >= gap[1]:
            continue
        if after >= first:
            left.append((first, after))
        first = max(first, to + 1)
    return [*left, (first, gap[1])] if first <= gap[1] else left


def _joined(stretches: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Those that follow on each other as one."""
    found: list[tuple[int, int]] = []
    for first, last in stretches:
        if found and found[-1][1] + 1 == first:
            first = found.pop()[0]
        found.append((first, last))
    return found


def _is_row(value: Any) -> bool:
    return (isinstance(value, list) and len(value) >= ROW_FIELDS and isinstance(value[0], str) and value[0].count(":") == 2
            and all(isinstance(part, int) for part in value[1:7]) and value[2] in (0, 1, DOCUMENT_ROW))

