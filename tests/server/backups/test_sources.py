"""Rows from many folders: in order, each once, with what is missing among them."""

from __future__ import annotations

from pathlib import Path

import pytest

from server.backups.lines import append, line_of
from server.backups.sources import Damages, Spool, archives, row_files
from server.counting.keeper import SEQ_MARGIN


def row(seq: int, citizen: int = 1, kind: int = 0) -> list[object]:
    return ["flag:all:0", seq, kind, citizen, 0, seq, 1_790_827_200, "350602", "", 0]


def write(folder: Path, day: str, *seqs: int) -> None:
    append(folder / "archive" / "flag" / f"{day}.jsonl", b"".join(line_of(row(seq, seq)) for seq in seqs))


@pytest.fixture
def spool(tmp_path):
    made = Spool(tmp_path / "rows.db")
    yield made
    made.close()
    assert not (tmp_path / "rows.db").exists()


def fill(spool: Spool, *folders: Path, mark: int = 0) -> Damages:
    damages = Damages()
    spool.fill(row_files(archives(folders)), {"flag:all:0": mark}, damages)
    return damages


def seqs(spool: Spool) -> list[int]:
    return [one[1] for page in spool.pages("flag:all:0") for one in page]


def test_rows_of_two_hosts_come_in_order_and_once_beyond_what_the_backup_has(spool, tmp_path):
    write(tmp_path / "a", "20261001", 5, 6, 1, 2)
    write(tmp_path / "b", "20261001", 3, 4, 5)
    write(tmp_path / "b", "20261002", *range(7, 1300))
    damages = fill(spool, tmp_path / "a", tmp_path / "b", tmp_path / "a", tmp_path / "nothing", mark=2)
    assert seqs(spool) == list(range(3, 1300))
    assert spool.shards() == ["flag:all:0"] and spool.last("flag:all:0") == 1299
    assert (damages.damaged, damages.torn, spool.gaps("flag:all:0", 2)) == (0, 0, [])


def test_what_is_missing_is_told_but_no_leap_of_a_recovery(spool, tmp_path):
    leap = 20 + SEQ_MARGIN
    write(tmp_path, "20261001", 3, 4, 8, 9, 12, leap, leap + 2)
    fill(spool, tmp_path, mark=1)
    assert spool.gaps("flag:all:0", 1) == [(2, 2), (5, 7), (10, 11), (leap + 1, leap + 1)]
    # Of these stretches a host copied all that the store had: a merge had rewritten the rest.
    assert spool.gaps("flag:all:0", 1, [(1, 5), (6, 9)]) == [(6, 6), (10, 11), (leap + 1, leap + 1)]
    assert spool.gaps("flag:all:0", 1, [(0, leap + 2)]) == []


def test_an_archive_that_lacks_its_end_is_found_out_by_what_the_store_had_once(spool, tmp_path):
    leap = 20 + SEQ_MARGIN
    write(tmp_path, "20261001", 2, 3, 4, leap)
    fill(spool, tmp_path, mark=1)
    assert spool.gaps("flag:all:0", 1, (), {0, 1, 3, 4, leap}) == []
    assert spool.gaps("flag:all:0", 1, (), {4, 6, 9, leap + 3}) == [(5, 9), (leap + 1, leap + 3)]
    assert spool.gaps("flag:all:0", 1, [(4, leap + 3)], {9, leap + 3}) == []
    assert spool.gaps("flag:none:0", 0, (), {5}) == [(1, 5)]


def test_only_the_end_of_the_last_file_may_be_torn(spool, tmp_path):
    for day in ("20261001", "20261002"):
        write(tmp_path, day, int(day[-1]))
        with (tmp_path / "archive" / "flag" / f"{day}.jsonl").open("ab") as file:
            file.write(b'["flag:all:0",9,0')
    damages = fill(spool, tmp_path)
    assert (damages.torn, damages.damaged) == (1, 1)
    assert damages.lines == [str(tmp_path / "archive" / "flag" / "20261001.jsonl") + ":2"]


def test_a_row_with_what_a_later_release_wrote_behind_it_is_a_row(spool, tmp_path):
    append(tmp_path / "archive" / "flag" / "20261001.jsonl", line_of([*row(3), "more"]))
    assert fill(spool, tmp_path).damaged == 0
    assert seqs(spool) == [3]


def test_what_is_no_row_is_damage(spool, tmp_path):
    for wrong in (["flag:all:0", "7", 0, 1, 0, 1, 1, "", "", 0], row(3)[:-1], ["flag", *row(3)[1:]], row(3, kind=9), {"a": 1}):
        append(tmp_path / "archive" / "flag" / "20261001.jsonl", line_of(wrong))
    assert fill(spool, tmp_path).damaged == 5
    assert spool.shards() == []
