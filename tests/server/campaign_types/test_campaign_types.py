"""The contract that every entry of CAMPAIGN_TYPES keeps; a new kind is tested before its author writes a test."""

from __future__ import annotations

import json
import re
from pathlib import Path

import msgspec
import pytest
from PIL import Image

from server.campaign_templates import read_all
from server.campaign_types import CAMPAIGN_TYPES
from server.campaigns import CODE, check
from server.errors import InvalidBody
from server.posters.layers import load_template
from server.releases.content import Content, content_of, diff, flat, locked_changes, read_text, text_of, tidy
from server.releases.wording import BUILT_IN, lint
from tests.server.civic_world import CHILDREN, campaign

CHINESE = re.compile(r"[\u4e00-\u9fff]")
ROOT = Path(__file__).resolve().parents[3]
ASSETS, H5 = ROOT / "assets", ROOT / "h5" / "src"
TEMPLATES = {template.code: template for template in read_all(ASSETS / "seeds" / "templates")}


def begun(name: str):
    """A campaign as the template of its kind begins it."""
    found = TEMPLATES[name]
    return campaign(kind=name, title=found.title, activities=found.activities, presets=found.presets, theme=found.theme, share=found.share,
                    rules=found.rules, free_words=found.free_words)


@pytest.mark.parametrize("name", CAMPAIGN_TYPES)
class TestEveryKind:
    def test_its_name_is_a_code(self, name):
        assert CODE.fullmatch(name)

    def test_editors_can_read_its_title_and_citizens_what_to_do(self, name):
        kind = CAMPAIGN_TYPES[name]
        assert CHINESE.search(kind.title) and CHINESE.search(kind.how) and 0 < len(kind.act) <= 8

    def test_its_steps_have_codes_of_their_own_and_names_to_read(self, name):
        steps = CAMPAIGN_TYPES[name].steps
        assert steps and len({code for code, _ in steps}) == len(steps)
        assert all(CODE.fullmatch(code) and CHINESE.search(text) for code, text in steps)

    def test_its_template_may_be_published_as_it_is_but_for_samples_of_people(self, name):
        made = begun(name)
        check(made)
        wrong = CAMPAIGN_TYPES[name].problems(made)
        assert len(wrong) == 1 and "示例" in wrong[0] if name == "vote" else wrong == []
        assert {activity.verb for activity in made.activities if not activity.children} & {CAMPAIGN_TYPES[name].act}
        assert lint(content_of(made), BUILT_IN) == []

    def test_it_says_in_chinese_what_is_wrong(self, name):
        found = CAMPAIGN_TYPES[name].problems(campaign(kind=name, activities=(CHILDREN,)))
        assert found and all(CHINESE.search(problem) for problem in found)

    def test_what_it_keeps_has_one_form(self, name):
        kind = CAMPAIGN_TYPES[name]
        tidied = kind.tidy(begun(name).rules)
        assert kind.tidy(tidied) == tidied == json.loads(json.dumps(tidied))
        # As the embedded store gives truth values back.
        assert kind.tidy(json.loads(json.dumps(tidied).replace("true", "1").replace("false", "0"))) == tidied

    def test_an_empty_draft_is_kept(self, name):
        assert tidy(Content(kind=name)).rules == CAMPAIGN_TYPES[name].tidy({})

    def test_what_it_does_not_know_is_refused_by_name(self, name):
        with pytest.raises(InvalidBody) as refusal:
            CAMPAIGN_TYPES[name].read({"confetti": 1})
        assert refusal.value.code == "RULES_WRONG" and "confetti" in refusal.value.message
        assert refusal.value.field.startswith("rules")

    def test_every_difference_has_a_name_in_chinese(self, name):
        before, after = tidy(Content(kind=name)), content_of(begun(name))
        assert all(CHINESE.search(said) for path, (said, _) in flat(after).items() if path.startswith("rules."))
        assert {change.field for change in diff(before, after) if change.field.startswith("rules.")} or not after.rules

    def test_a_correction_changes_nothing_that_everybody_has_in_common(self, name):
        before, after = tidy(Content(kind=name)), content_of(begun(name))
        locked = {change.field for change in locked_changes(before, after)}
        begun_with = flat(before)
        added = {path for path, (_, said) in flat(after).items() if path.startswith("rules.") and path not in begun_with and said}
        assert added <= locked

    def test_its_poster_its_card_its_scenes_and_its_form_are_there(self, name):
        kind = CAMPAIGN_TYPES[name]
        load_template(ASSETS / "posters", kind.poster)
        with Image.open(ASSETS / "share" / f"{kind.poster}.jpg") as card:
            assert card.width == card.height >= 300
        assert (H5 / "campaign" / "kinds" / name / "index.ts").is_file()
        assert not kind.rules.__struct_fields__ or f"{name}:" in (H5 / "console/pages/desk/kinds/index.ts").read_text("utf-8")

    def test_what_is_public_can_be_sent(self, name):
        kind = CAMPAIGN_TYPES[name]
        rules = kind.read(begun(name).rules)
        assert isinstance(msgspec.json.decode(msgspec.json.encode(kind.public(rules))), dict)
        assert set(kind.public(rules)) <= set(kind.preview(rules)) | set(kind.public(rules))


def test_a_salute_needs_an_activity_for_everybody():
    assert CAMPAIGN_TYPES["salute"].problems(campaign(activities=(CHILDREN,))) != []


def test_a_salute_has_the_fingerprint_that_it_had_before_there_were_rules():
    before = json.loads(text_of(Content()))
    assert "rules" not in before and list(before)[-1] == "organiser" and read_text(text_of(Content())) == Content()


class TestAPledge:
    @pytest.mark.parametrize(("rules", "field", "why"), [
        ({"text": "我" * 401}, "rules.text", "承诺正文最多 400 字，现在有 401 字"),
        ({"items": [{"code": f"i{n}", "text": "一"} for n in range(13)]}, "rules.items", "承诺最多 12 条，现在有 13 条"),
        ({"items": [{"code": "i1"}, {"code": "i1"}]}, "rules.items", "不能重复"),
        ({"items": [{"code": "i1", "text": "诚" * 61}]}, "rules.items.i1", "第 1 条承诺最多 60 字"),
        ({"items": "不闯红灯"}, "rules.items", "应为列表"),
        ({"items": [{"text": "不闯红灯"}]}, "rules.items[0]", "缺少“code”"),
        ({"head": 3}, "rules.head", "应为文字")])
    def test_what_cannot_be_kept_is_refused_with_its_rule(self, rules, field, why):
        with pytest.raises(InvalidBody) as refusal:
            CAMPAIGN_TYPES["pledge"].read(rules)
        assert (refusal.value.code, refusal.value.field) == ("RULES_WRONG", field) and why in refusal.value.message

    def test_an_unfinished_one_is_not_published(self):
        kind = CAMPAIGN_TYPES["pledge"]
        assert kind.problems(campaign(kind="pledge")) == ["写上承诺的正文或条目"]
        assert kind.problems(campaign(kind="pledge", rules={"head": " ", "items": [{"code": "i1"}]})) == [
            "写上承诺的题头，如“我承诺”", "第 1 条承诺是空的"]

    def test_a_word_is_corrected_and_a_point_is_not_added(self):
        before = content_of(begun("pledge"))
        items = [dict(item) for item in before.rules["items"]]
        items[0]["text"] = "文明出行，礼让行人。"
        worded = tidy(msgspec.structs.replace(before, rules=before.rules | {"items": items}))
        assert locked_changes(before, worded) == []
        added = tidy(msgspec.structs.replace(before, rules=before.rules | {"items": [*items, {"code": "more", "text": "多一条"}]}))
        assert {change.field for change in locked_changes(before, added)} == {"rules.items", "rules.items.more"}


class TestAWallOfMessages:
    def test_it_needs_a_question_and_something_to_choose(self):
        assert CAMPAIGN_TYPES["messages"].problems(campaign(kind="messages", presets=())) == [
            "写上寄语的题目，如“写给我的城市”", "至少要有一条预设寄语，孩子和不想打字的人从中选一句"]
