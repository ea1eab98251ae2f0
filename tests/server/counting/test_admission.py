"""Who is let in when the process is behind, and who is not."""

from __future__ import annotations

import asyncio
import time

import pytest

from server.counting.admission import FEWEST_INSIDE, MAX_LAG_SECONDS, Admission
from server.errors import Unavailable

pytestmark = pytest.mark.gen_test(timeout=20)


def crowd(admission: Admission, count: int = FEWEST_INSIDE) -> None:
    admission.inside += count
    admission.watch()


def stall() -> None:
    """The loop does nothing else meanwhile."""
    time.sleep(MAX_LAG_SECONDS * 2)


async def test_a_crowd_that_is_served_in_time_is_let_in():
    admission = Admission()
    crowd(admission, 10 * FEWEST_INSIDE)
    await asyncio.sleep(0.03)
    admission.check()


async def test_within_a_long_turn_the_next_are_refused_at_once():
    admission = Admission()
    crowd(admission)
    stall()
    with pytest.raises(Unavailable) as refused:
        admission.check()
    assert refused.value.code == "BUSY" and refused.value.retry_after_seconds


async def test_after_it_the_door_opens_again():
    admission = Admission()
    crowd(admission)
    stall()
    until = time.monotonic() + 5
    while True:
        await asyncio.sleep(0.01)
        try:
            admission.check()
            return
        except Unavailable:
            assert time.monotonic() < until


async def test_a_few_people_are_let_in_behind_any_hiccup():
    admission = Admission()
    crowd(admission, FEWEST_INSIDE - 1)
    stall()
    admission.check()


async def test_when_the_last_has_left_nothing_keeps_beating():
    admission = Admission()
    crowd(admission, 3)
    admission.inside -= 3
    await asyncio.sleep(0.05)
    assert admission.inside == 0 and admission._beat is None
    stall()
    crowd(admission)
    admission.check()
