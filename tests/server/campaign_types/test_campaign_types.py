"""The contract that every entry of CAMPAIGN_TYPES keeps; a new kind is tested before its author writes a test."""

from __future__ import annotations

import re

import pytest

from server.campaign_types import CAMPAIGN_TYPES
from server.campaigns import CODE
from tests.server.civic_world import CHILDREN, campaign

CHINESE = re.compile(r"[\u4e00-\u9fff]")


@pytest.mark.parametrize("name", CAMPAIGN_TYPES)
class TestEveryKind:
    def test_its_name_is_a_code(self, name):
        assert CODE.fullmatch(name)

    def test_editors_can_read_its_title(self, name):
        assert CHINESE.search(CAMPAIGN_TYPES[name].title)

    def test_its_steps_have_codes_of_their_own_and_names_to_read(self, name):
        steps = CAMPAIGN_TYPES[name].steps
        assert steps and len({code for code, _ in steps}) == len(steps)
        assert all(CODE.fullmatch(code) and CHINESE.search(text) for code, text in steps)

    def test_it_finds_nothing_wrong_with_a_plain_campaign(self, name):
        assert CAMPAIGN_TYPES[name].problems(campaign(kind=name)) == []

    def test_it_says_in_chinese_what_is_wrong(self, name):
        found = CAMPAIGN_TYPES[name].problems(campaign(kind=name, activities=(CHILDREN,)))
        assert all(CHINESE.search(problem) for problem in found)


def test_a_salute_needs_an_activity_for_everybody():
    assert CAMPAIGN_TYPES["salute"].problems(campaign(activities=(CHILDREN,))) != []
