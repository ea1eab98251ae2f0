"""Who comes when."""

from __future__ import annotations

import pytest

from server.rehearsal.plan import HOURS, Plan, Week


@pytest.mark.parametrize("participants", [1, 2, 7, 1000, 4096, 21982])
def test_everybody_comes_once_and_in_no_order(participants):
    step = Plan(participants=participants).stride()
    come = [n * step % participants for n in range(participants)]
    assert sorted(come) == list(range(participants))
    assert participants < 1000 or come != sorted(come)


def test_a_week_begins_with_nobody_ends_with_everybody_and_nobody_leaves():
    week = Week()
    shares = [week.come(n / 1000) for n in range(1001)]
    assert shares[0] == 0 and shares[-1] == 1 and shares == sorted(shares)


def test_the_first_morning_at_eight_is_the_crowd():
    week = Week()
    hours = [week.come((hour + 1) / HOURS) - week.come(hour / HOURS) for hour in range(HOURS)]
    assert hours.index(max(hours)) == 8 and max(hours) > 20 * sorted(hours)[HOURS // 2] / 10
