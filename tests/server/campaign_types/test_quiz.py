"""A quiz: papers that follow from their code alone, right answers that stay behind, and what may not be published."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from server.campaign_types import CAMPAIGN_TYPES
from server.campaign_types.quiz import QuizRules, judge, paper_of
from server.errors import InvalidBody
from tests.server.civic_world import campaign

QUIZ = CAMPAIGN_TYPES["quiz"]


def question(code: str, kind: str = "single", right: tuple[str, ...] = ("a",), options: str = "abc", **more: object) -> dict:
    return {"code": code, "kind": kind, "text": f"题目{code}", "right": list(right), "why": f"解释{code}",
            "options": [{"code": o, "text": f"选项{o}"} for o in options], **more}


def rules(n: int = 8, **more: object) -> QuizRules:
    return QUIZ.read({"questions": [question(f"q{i}") for i in range(n)], **more})


def codes(rules: QuizRules, paper: str) -> list[str]:
    return [one.code for one in paper_of(rules, paper)]


class TestPapers:
    def test_without_a_pool_everybody_gets_every_question_in_order(self):
        assert codes(rules(3), "a" * 12) == codes(rules(3), "b" * 12) == ["q0", "q1", "q2"]

    def test_the_same_code_gives_the_same_paper(self):
        drawn = rules(asked=4, order="shuffled")
        assert codes(drawn, "c" * 12) == codes(drawn, "c" * 12)
        assert len({tuple(codes(drawn, f"{n:012x}")) for n in range(50)}) > 30

    def test_of_a_pool_each_question_is_drawn_about_as_often(self):
        drawn = rules(asked=4)
        seen = Counter(code for n in range(2000) for code in codes(drawn, f"{n:012x}"))
        assert set(seen) == {f"q{i}" for i in range(8)} and all(900 < n < 1100 for n in seen.values())

    def test_in_fixed_order_a_drawn_paper_keeps_the_order(self):
        assert all(codes(rules(asked=4), f"{n:012x}") == sorted(codes(rules(asked=4), f"{n:012x}")) for n in range(50))

    def test_more_than_there_are_is_all_there_are(self):
        assert len(codes(rules(3, asked=9), "d" * 12)) == 3


class TestJudging:
    def test_several_right_ones_have_to_be_chosen_all_and_alone(self):
        paper = paper_of(QUIZ.read({"questions": [question("m", "multiple", ("a", "c"))]}), "e" * 12)
        results = {chosen: judge(paper, {"m": list(chosen)})[0].is_right for chosen in ("ac", "ca", "a", "abc", "b")}
        assert results == {"ac": True, "ca": True, "a": False, "abc": False, "b": False}

    def test_what_is_public_holds_no_question(self):
        public = json.dumps(QUIZ.public(rules(asked=4)), ensure_ascii=False)
        assert json.loads(public) == {"asked": 4}

    def test_a_preview_holds_it_all_for_it_judges_itself(self):
        assert QUIZ.preview(rules(3))["questions"][0]["right"] == ["a"] and QUIZ.preview(rules(3))["asked"] == 3


@pytest.mark.parametrize(("given", "field", "why"), [
    ({"questions": [question(f"q{n}") for n in range(51)]}, "rules.questions", "题目最多 50 道，现在有 51 道"),
    ({"asked": 21}, "rules.asked", "每人答题数是 0（全部）至 20"),
    ({"questions": [question("q"), question("q")]}, "rules.questions", "题目的代码"),
    ({"questions": [question("q", options="abcdefg")]}, "rules.questions.q.options", "第 1 题最多 6 个选项"),
    ({"questions": [question("q", text="问" * 121)]}, "rules.questions.q.text", "第 1 题的题目最多 120 字，现在有 121 字"),
    ({"questions": [question("q", "essay")]}, "rules.questions[0].kind", "应为所列选项之一"),
    ({"order": "best"}, "rules.order", "应为所列选项之一")])
def test_what_cannot_be_kept_is_refused_with_its_rule(given, field, why):
    with pytest.raises(InvalidBody) as refusal:
        QUIZ.read(given)
    assert (refusal.value.code, refusal.value.field) == ("RULES_WRONG", field) and why in refusal.value.message


@pytest.mark.parametrize(("given", "lack"), [
    ([], "至少要有 1 道题"), ([question("q", text=" ")], "第 1 题没有题目"), ([question("q", options="a")], "第 1 题至少要有 2 个选项"),
    ([question("q", "judge")], "第 1 题的判断题要有 2 个选项"), ([question("q", right=())], "第 1 题没有正确答案"),
    ([question("q", right=("z",))], "第 1 题没有正确答案"), ([question("q", right=("a", "b"))], "第 1 题不是多选题，只能有一个正确答案"),
    ([question("q", "multiple")], "第 1 题是多选题，至少要有两个正确答案"),
    ([question(f"q{n}") for n in range(21)], "每人最多答 20 道：请减少题目，或设定每人答几道")])
def test_what_is_unfinished_is_kept_and_not_published(given, lack):
    assert QUIZ.problems(campaign(kind="quiz", rules={"questions": given})) == [lack]


def test_a_quiz_that_asks_for_more_than_it_has_is_not_published():
    assert QUIZ.problems(campaign(kind="quiz", rules={"questions": [question("q")], "asked": 3})) == ["每人答 3 道，但只有 1 道题"]
