"""Lines outside the stores: whatever happened to a file, what is believed was written so, and every damage is told."""

from __future__ import annotations

import pytest
from bson.int64 import Int64

from server.backups.lines import Damage, append, line_of, read, value_of

ROW = ["flag:all:0", 7, 0, 12, 1, 3, 1_790_827_200, "350602", "xiaoxue-01", 0]


def test_a_line_says_what_was_written_also_with_the_mark_of_a_checksum_in_its_words():
    for value in (ROW, {"what": "campaign", "title": "向国旗敬礼 #12345678"}, ["#1a2b3c4d"]):
        assert value_of(line_of(value)) == value


def test_a_number_as_the_driver_gives_it_is_a_number_and_nothing_else_is_guessed():
    assert value_of(line_of({"entry": Int64(2**40)})) == {"entry": 2**40}
    with pytest.raises(TypeError):
        line_of([object()])


def test_a_line_from_before_there_were_checksums_is_read():
    assert value_of(b'["flag:all:0",7,0,12,1,3,1790827200,"350602","",0]\n')[1] == 7


@pytest.mark.parametrize("place", range(0, len(line_of(ROW)) - 1, 3))
def test_a_changed_byte_is_found_wherever_it_stands(place):
    line = bytearray(line_of(ROW))
    line[place] ^= 1
    with pytest.raises(ValueError):
        value_of(bytes(line))


@pytest.mark.parametrize("kept", [1, 5, 30, len(line_of(ROW)) - 10, len(line_of(ROW)) - 2])
def test_what_comes_after_a_torn_line_stays_whole(tmp_path, kept):
    path = tmp_path / "archive" / "20261001.jsonl"
    append(path, line_of(ROW))
    with path.open("ab") as file:
        file.write(line_of(ROW)[:kept])
    torn = list(read(path))
    append(path, line_of([*ROW[:1], 8, *ROW[2:]]))
    if kept == len(line_of(ROW)) - 10:  # cut exactly before its checksum: that it is whole can be seen
        assert torn == [ROW, ROW]
        return
    assert torn == [ROW, Damage(str(path), 2, torn=True)]
    assert list(read(path)) == [ROW, Damage(str(path), 2, torn=False), [*ROW[:1], 8, *ROW[2:]]]
