"""Which two posters a reviewer compares."""

from __future__ import annotations

from dataclasses import replace

import pytest
from msgspec import structs

from server.releases.content import content_of
from server.releases.posters import compared
from server.releases.record import Draft
from tests.server.posters.world import CAMPAIGN

PUBLIC = content_of(CAMPAIGN)


def draft(**changes) -> Draft:
    return Draft("d", CAMPAIGN.slug, structs.replace(PUBLIC, **changes), PUBLIC)


@pytest.mark.parametrize("changes", [{"title": "同升一面旗"}, {"organiser": PUBLIC.organiser | {"name": "市文明办"}},
                                     {"theme": PUBLIC.theme | {"subtitle": "清晨"}},
                                     {"theme": PUBLIC.theme | {"poster_design": {"layers": []}}}])
def test_both_are_shown_where_something_on_the_poster_differs(changes):
    before, after = compared(draft(**changes), CAMPAIGN)
    assert before is not None and content_of(before) == PUBLIC and content_of(after) != PUBLIC


def test_one_is_shown_where_it_stays_or_nothing_is_public_yet():
    assert compared(draft(share={"title": "来敬礼"}), CAMPAIGN)[0] is None
    assert compared(draft(title="同升一面旗"), replace(CAMPAIGN, state="draft"))[0] is None


def test_a_correction_is_compared_with_what_it_corrects():
    correction = structs.replace(draft(title="向国旗敬个礼"), kind="correction", base=structs.replace(PUBLIC, title="向国棋敬礼"))
    before, after = compared(correction, CAMPAIGN)
    assert (before.title, after.title) == ("向国棋敬礼", "向国旗敬个礼")
