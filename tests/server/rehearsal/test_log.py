"""The witness: what it keeps, and what it notices."""

from __future__ import annotations

import pytest

from server.rehearsal.log import Log

EIGHT, NINE = "2026-10-01T08:00:00+08:00", "2026-10-01T09:00:00+08:00"


@pytest.fixture
def log(tmp_path):
    made = Log(100, tmp_path)
    yield made
    made.close()


def test_the_first_answer_stays_and_the_same_again_is_no_finding(log):
    log.take(7, 12, EIGHT, "receipt-7", True)
    log.take(7, 12, EIGHT, "another", False)
    assert (log.ordinals[7], log.answered, log.differing, log.receipt(7), log.receipt(8)) == (12, 1, 0, "receipt-7", "")


@pytest.mark.parametrize(("ordinal", "second", "first"), [(13, EIGHT, False), (12, NINE, False), (12, EIGHT, True)])
def test_another_ordinal_another_time_or_new_a_second_time_is_a_finding(log, ordinal, second, first):
    log.take(7, 12, EIGHT, "r", True)
    log.take(7, ordinal, second, "r", first)
    assert log.differing == 1 and "#7" in log.examples[0] and log.ordinals[7] == 12


def test_an_ordinal_shown_to_two_people_is_found(log):
    for index, ordinal in enumerate((1, 2, 3, 2, 9, 9, 9)):
        log.take(index, ordinal, EIGHT, "", True)
    assert log.doubled() == 3


def test_receipts_come_back_as_they_went_written_or_not(tmp_path):
    log = Log(10_000, tmp_path)
    for index in range(10_000):
        log.take(index, index + 1, EIGHT, f"receipt-{index}" * (index % 5 + 1), True)
    assert all(log.receipt(index) == f"receipt-{index}" * (index % 5 + 1) for index in range(0, 10_000, 37))
    log.close()
    assert not list(tmp_path.iterdir())
