"""The benchmark of the live figures counts honestly: what did not come is lost, and only a later snapshot excuses."""

from __future__ import annotations

from tests.bench.bench_live.deliveries import DELTA, SNAPSHOT, deliveries
from tests.bench.bench_live.readers import Records


def records(*frames: tuple[float, int, int, int]) -> Records:
    """Of (time, number, reader, kind)."""
    made = Records.empty()
    for at, number, reader, kind in frames:
        made.times.append(at)
        made.ids.append(number)
        made.readers.append(reader)
        made.kinds.append(kind)
    return made


ALL = [(1.0, 7, 0, DELTA), (1.5, 8, 0, DELTA), (2.0, 9, 0, DELTA)]


def test_what_did_not_come_is_lost():
    found = deliveries([records(*ALL, (2.25, 9, 1, DELTA))], [{0: 0.0, 1: 0.0}], 0.5, 3.0, 9.0)
    assert (found.ticks, found.wanted, found.skipped, found.lost) == (3, 6, 0, 2)
    assert list(found.delays) == [0.0, 0.0, 0.0, 0.25]


def test_a_later_snapshot_says_what_was_skipped_and_an_earlier_one_does_not():
    found = deliveries([records((0.5, 7, 1, SNAPSHOT), *ALL, (2.1, 8, 1, SNAPSHOT))], [{0: 0.0, 1: 0.0}], 0.5, 3.0, 9.0)
    assert (found.wanted, found.skipped, found.lost) == (6, 2, 1)


def test_ticks_before_a_reader_stood_and_frames_after_the_end_do_not_count():
    found = deliveries([records(*ALL, (2.1, 9, 1, DELTA), (8.0, 7, 1, DELTA))], [{0: 0.0, 1: 1.9}], 0.5, 3.0, 5.0)
    assert (found.ticks, found.wanted, found.lost) == (3, 4, 0)


def test_readers_of_two_processes_are_held_to_the_same_ticks():
    found = deliveries([records(*ALL), records((1.2, 7, 0, DELTA))], [{0: 0.0}, {0: 0.0}], 0.5, 3.0, 9.0)
    assert (found.ticks, found.wanted, found.lost) == (3, 6, 2)
