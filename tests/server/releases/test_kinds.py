"""A kind's own content on the desk: written, reviewed, published, taken over and corrected like every other field."""

from __future__ import annotations

import pytest
from msgspec import structs

from server.errors import Conflict, InvalidBody
from server.releases.content import Content, content_of, diff, merge, tidy
from tests.server.campaign_types.test_quiz import question
from tests.server.civic_world import DURING
from tests.server.releases.desk_world import LIN, NOW, REVIEWERS

pytestmark = pytest.mark.gen_test(timeout=60)
PLEDGE = {"head": "我承诺", "text": "做文明的人", "items": [{"code": "road", "text": "不闯红灯。"}], "signature": False}
QUIZ = {"questions": [question("q1"), question("q2")]}


def pledge(**changes) -> dict:
    return {"kind": "pledge", "rules": PLEDGE | changes, "theme": {"poster": "salute"}}


class TestWriting:
    async def test_it_is_published_as_it_was_reviewed_and_read_back_the_same(self, desk):
        await desk.begun(**pledge())
        await desk.published(rules=PLEDGE | {"text": "做更文明的人"})
        campaign = await desk.campaigns.get_any("flag")
        assert content_of(campaign).rules == tidy(Content(kind="pledge", rules=PLEDGE | {"text": "做更文明的人"})).rules
        assert content_of(campaign).rules["signature"] is False  # the embedded store had made it a 0

    async def test_what_cannot_be_is_refused_at_once_and_what_is_unfinished_at_publishing(self, desk):
        await desk.begun(**pledge())
        with pytest.raises(InvalidBody) as refusal:
            await desk.written(rules=PLEDGE | {"text": "我" * 500})
        assert (refusal.value.code, refusal.value.field) == ("RULES_WRONG", "rules.text")
        draft = await desk.written(rules={})
        items = {item.key: item for item in await desk.releases.readiness.checklist(await desk.campaigns.get_any("flag"), draft, NOW)}
        assert (items["rules"].state, items["rules"].advice) == ("error", "写上承诺的正文或条目")
        await desk.approved(rules={})
        with pytest.raises(Conflict) as unfinished:
            await desk.publishing.publish("flag", 0, (), LIN, NOW)
        assert unfinished.value.code == "NOT_READY_TO_OPEN" and "写上承诺的正文或条目" in unfinished.value.message

    async def test_its_words_are_looked_at_like_all_others(self, desk):
        await desk.begun(**pledge())
        found = await desk.releases.readiness.findings(await desk.content(rules=PLEDGE | {"text": "分享有奖，人人承诺"}))
        assert [(one.code, one.field) for one in found] == [("SHARE_REWARD", "rules.text")]


class TestTwoEditors:
    def test_each_keeps_the_part_that_she_wrote(self):
        base = tidy(Content(kind="pledge", rules=PLEDGE))
        mine = tidy(structs.replace(base, rules=base.rules | {"head": "我们承诺"}))
        theirs = tidy(structs.replace(base, rules=base.rules | {"text": "爱护城市"}))
        merged, clashes = merge(base, mine, theirs)
        assert (merged.rules["head"], merged.rules["text"], clashes) == ("我们承诺", "爱护城市", [])

    def test_content_goes_with_the_kind_that_it_is_of(self):
        base = tidy(Content(kind="pledge", rules=PLEDGE))
        mine = tidy(structs.replace(base, rules=base.rules | {"head": "我们承诺"}))
        theirs = tidy(Content(kind="quiz", rules=QUIZ))
        merged, clashes = merge(base, mine, theirs)
        assert tidy(merged).kind == "quiz" and merged.rules == theirs.rules and clashes == ["rules"]

    def test_what_differs_is_said_in_words(self):
        base = tidy(Content(kind="quiz", rules=QUIZ))
        after = tidy(Content(kind="quiz", rules={"questions": [question("q1", right=("b",)), question("q2")], "asked": 1}))
        assert [(change.name, change.before, change.after) for change in diff(base, after)] == [
            ("每人答题数", "全部", "1 道"), ("第 1 题的正确答案", "A", "B")]


class TestCorrections:
    async def corrected(self, desk, rules: dict):
        return await desk.releases.corrections.begin(
            "flag", lambda content: structs.replace(content, rules=content.rules | rules), "有错", LIN, DURING)

    async def test_a_wrong_key_of_a_question_is_mended_with_one_approval(self, desk):
        await desk.begun(kind="quiz", rules=QUIZ, theme={"poster": "salute"})
        await desk.published(NOW, title="知识问答")
        await desk.campaigns.transition("flag", "open", DURING)
        made = await self.corrected(desk, {"questions": [question("q1", right=("b",)), question("q2")]})
        await desk.releases.corrections.decided(await desk.decide(REVIEWERS[0], id=made.id, now=DURING), DURING)
        assert (await desk.campaigns.get_any("flag")).rules["questions"][0]["right"] == ["b"]

    @pytest.mark.parametrize("rules", [{"asked": 1}, {"order": "shuffled"}, {"questions": [question("q1")]},
                                       {"questions": [question("q1", "multiple", ("a", "b")), question("q2")]}])
    async def test_which_questions_everybody_had_is_locked(self, desk, rules):
        await desk.begun(kind="quiz", rules=QUIZ, theme={"poster": "salute"})
        await desk.published(NOW, title="知识问答")
        await desk.campaigns.transition("flag", "open", DURING)
        with pytest.raises(Conflict) as refusal:
            await self.corrected(desk, rules)
        assert refusal.value.code == "CORRECTION_LOCKED"
