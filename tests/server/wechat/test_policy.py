"""What is done after each refusal of the platform, by whoever asks by itself: one policy for all."""

from __future__ import annotations

import pytest

from server.wechat import errors
from server.wechat.errors import AnswerUntrusted, PlatformNotAsked, PlatformUnreachable, error_of, may_have_arrived, pause_seconds


@pytest.mark.parametrize(("errcode", "pause"), [
    (45011, 60.0), (44990, 60.0), (40164, 300.0), (40001, 300.0), (-1, 2.0), (45009, 300.0),
    (48001, None), (43101, None), (47003, None), (40007, None), (87009, None), (9, None)])
def test_what_passes_is_asked_again_in_its_time_and_nothing_else_is(errcode, pause):
    assert pause_seconds(error_of(errcode)) == pause
    assert not may_have_arrived(error_of(errcode))


def test_a_spent_quota_waits_for_its_own_midnight():
    assert pause_seconds(errors.QuotaSpent(45009, retry_after_seconds=7)) == 7.0


def test_a_busy_platform_is_asked_less_and_less_often_and_each_minute_in_the_end():
    assert [pause_seconds(error_of(-1), tries) for tries in range(7)] == [2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0]
    assert pause_seconds(error_of(-1), 10_000) == 60.0


def test_without_an_answer_that_can_be_believed_it_may_have_been_done():
    assert may_have_arrived(PlatformUnreachable()) and may_have_arrived(AnswerUntrusted())
    assert pause_seconds(AnswerUntrusted()) is None


def test_what_was_never_asked_was_not_done_and_is_asked_again():
    assert not may_have_arrived(PlatformNotAsked()) and pause_seconds(PlatformNotAsked()) == 2.0


def test_what_is_in_passing_has_a_pause():
    assert all(pause_seconds(kind()) is not None for kind in errors.PASSING)
