"""A vote's and a photo wall's own rules: what may be kept, what may be published, what stays once it is public."""

from __future__ import annotations

from dataclasses import replace

import pytest

from server.campaign_types import CAMPAIGN_TYPES
from server.errors import Conflict, InvalidBody
from tests.server.ballots.votes_world import RULES as VOTE
from tests.server.civic_world import DURING, CivicWorld, campaign
from tests.server.photos.photos_world import RULES as PHOTOS

pytestmark = pytest.mark.gen_test(timeout=60)
CANDIDATES = VOTE["candidates"]


@pytest.mark.parametrize(("rules", "field", "why"), [
    ({"candidates": [{"code": f"c{n}"} for n in range(61)]}, "rules.candidates", "候选人最多 60 位"),
    ({"candidates": [{"code": "c1"}, {"code": "c1"}]}, "rules.candidates", "不能重复"),
    ({"candidates": [{"code": "c1", "name": "长" * 33}]}, "rules.candidates.c1.name", "最多 32 字"),
    ({"candidates": [{"code": "c1", "text": "长" * 501}]}, "rules.candidates.c1.text", "最多 500 字"),
    ({"candidates": [{"code": "c1", "media": "../secret"}]}, "rules.candidates.c1.media", "要从媒体库选择"),
    ({"least": 0}, "rules.most", "1 至 60"), ({"tally": "always"}, "rules.tally", "所列选项之一")])
def test_what_no_vote_can_be_is_refused_with_its_rule(rules, field, why):
    with pytest.raises(InvalidBody) as refusal:
        CAMPAIGN_TYPES["vote"].read(rules)
    assert (refusal.value.code, refusal.value.field) == ("RULES_WRONG", field) and why in refusal.value.message


@pytest.mark.parametrize(("changes", "why"), [
    ({"candidates": CANDIDATES[:1], "most": 1}, "至少要有 2 位"), ({"candidates": [{"code": "c1"}, *CANDIDATES]}, "都要有姓名"),
    ({"least": 3, "most": 2}, "最少不能多于最多"), ({"most": 5}, "只有 4 位候选人")])
def test_an_unfinished_vote_is_not_published(changes, why):
    problems = CAMPAIGN_TYPES["vote"].problems(campaign(kind="vote", rules={**VOTE, **changes}))
    assert any(why in problem for problem in problems), problems


@pytest.mark.parametrize(("changes", "why"), [
    ({"prompt": " "}, "拍什么"), ({"captions": [{"code": "c1", "text": ""}]}, "不能为空"),
    ({"captions": [], "own_captions": False}, "至少给一条")])
def test_an_unfinished_wall_of_photos_is_not_published(changes, why):
    problems = CAMPAIGN_TYPES["photos"].problems(campaign(kind="photos", rules={**PHOTOS, **changes}))
    assert any(why in problem for problem in problems), problems


def test_a_wall_of_photos_has_no_childrens_activity():
    assert "照片墙不能有儿童活动：未满14周岁不收集照片" in CAMPAIGN_TYPES["photos"].problems(campaign(kind="photos", rules=PHOTOS))


async def test_once_it_is_public_nobody_joins_or_leaves_a_vote_but_words_may_be_mended(stores):
    world = await CivicWorld(stores).ready()
    current = await world.opened(DURING, kind="vote", rules=VOTE)
    for rules in ({**VOTE, "candidates": CANDIDATES[:-1]}, {**VOTE, "most": 2}):
        with pytest.raises(Conflict) as refusal:
            await world.campaigns.update(replace(current, rules=rules))
        assert refusal.value.code == "CAMPAIGN_FIXED"
    mended = [{**CANDIDATES[0], "text": "三十五年照顾邻居老人"}, *CANDIDATES[1:]]
    await world.campaigns.update(replace(current, rules={**VOTE, "candidates": mended}))
