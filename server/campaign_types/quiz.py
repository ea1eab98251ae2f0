"""知识问答: a citizen answers some questions, sees which were right and why, and is the n-th to have answered.

Invariants: right answers and explanations are in no public view; a paper is chosen by its code alone, so that judging needs no memory:
the same code gives the same questions in the same order for as long as the questions are the same.
"""

from __future__ import annotations

import hashlib
import random
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from server.campaign_types.base import CampaignType, Flat, Rules, Slip, codes_wrong, plain, too_long

if TYPE_CHECKING:
    from server.campaigns import Campaign

# Twenty questions are four minutes on a phone; a pool of fifty gives neighbours different papers and fits into a draft.
MAX_ASKED, MAX_POOL = 20, 50
MIN_OPTIONS, MAX_OPTIONS = 2, 6
MAX_QUESTION, MAX_OPTION, MAX_WHY = 120, 60, 200
KINDS = {"single": "单选题", "multiple": "多选题", "judge": "判断题"}
ORDERS = {"fixed": "按编排的次序", "shuffled": "每人次序不同"}


class Option(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    code: str
    text: str = ""


class Question(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`right`: the codes of the options that are right; `why` is shown after she answered."""

    code: str
    kind: Literal["single", "multiple", "judge"] = "single"
    text: str = ""
    options: tuple[Option, ...] = ()
    right: tuple[str, ...] = ()
    why: str = ""


class QuizRules(Rules, frozen=True):
    """`asked`: how many questions a citizen gets of all, 0 for each of them."""

    questions: tuple[Question, ...] = ()
    order: Literal["fixed", "shuffled"] = "fixed"
    asked: int = 0

    @property
    def length(self) -> int:
        """How many questions a paper has."""
        return min(self.asked or len(self.questions), len(self.questions))


class Judged(msgspec.Struct, frozen=True):
    """One question after it was answered."""

    code: str
    chosen: tuple[str, ...]
    right: tuple[str, ...]
    is_right: bool
    why: str


class Quiz(CampaignType[QuizRules]):
    title = "知识问答"
    act = "答题"
    how = "请用手机微信打开本页，答几道题，答完能看到对错和解释，以及自己是第几位。可以再答，每人只计一次，不需要填写姓名和电话。"
    steps = (("paper", "答题"), ("result", "对错与解释"), ("certificate", "证书"))
    scene = "quiz"
    poster = "quiz"
    # Words and the key of a question. Which questions there are, and how many are asked, is what everybody who answered has in common.
    correctable = re.compile(r"questions\.[a-z0-9]+\.(text|why|right|options\.[a-z0-9]+)")

    def __init__(self) -> None:
        super().__init__(QuizRules)

    def slips(self, rules: QuizRules) -> Iterator[Slip]:
        if len(rules.questions) > MAX_POOL:
            yield "questions", f"题目最多 {MAX_POOL} 道，现在有 {len(rules.questions)} 道"
        if not 0 <= rules.asked <= MAX_ASKED:
            yield "asked", f"每人答题数是 0（全部）至 {MAX_ASKED}"
        yield from codes_wrong("questions", "题目", (question.code for question in rules.questions))
        for n, question in enumerate(rules.questions, 1):
            yield from _question_slips(n, question)

    def lacks(self, rules: QuizRules, campaign: Campaign) -> Iterator[str]:
        if not rules.questions:
            yield "至少要有 1 道题"
        if rules.asked > len(rules.questions):
            yield f"每人答 {rules.asked} 道，但只有 {len(rules.questions)} 道题"
        if rules.length > MAX_ASKED:
            yield f"每人最多答 {MAX_ASKED} 道：请减少题目，或设定每人答几道"
        for n, question in enumerate(rules.questions, 1):
            yield from (f"第 {n} 题{lack}" for lack in _question_lacks(question))

    def flat(self, rules: QuizRules) -> Flat:
        found: Flat = {"questions": ("题目及顺序", "、".join(question.code for question in rules.questions)),
                       "order": ("题目次序", ORDERS[rules.order]),
                       "asked": ("每人答题数", f"{rules.asked} 道" if rules.asked else "全部")}
        for n, question in enumerate(rules.questions, 1):
            path, name = f"questions.{question.code}", f"第 {n} 题"
            found |= {f"{path}.kind": (f"{name}的题型", KINDS[question.kind]), f"{path}.text": (f"{name}的题目", question.text),
                      f"{path}.options": (f"{name}的选项及顺序", "、".join(option.code for option in question.options)),
                      **{f"{path}.options.{option.code}": (f"{name}的选项 {option.code.upper()}", option.text)
                         for option in question.options},
                      f"{path}.right": (f"{name}的正确答案", "、".join(code.upper() for code in question.right)),
                      f"{path}.why": (f"{name}的解释", question.why)}
        return found

    def public(self, rules: QuizRules) -> dict[str, Any]:
        """How many questions there are, and nothing of them: a paper is asked for by whoever is going to answer it."""
        return {"asked": rules.length}

    def preview(self, rules: QuizRules) -> dict[str, Any]:
        """The whole of it: a preview judges itself."""
        return plain(rules) | {"asked": rules.length}


def paper_of(rules: QuizRules, code: str) -> list[Question]:
    """The questions of a paper, in its order."""
    if rules.length == len(rules.questions) and rules.order == "fixed":
        return list(rules.questions)
    # Not for secrets: neighbours get different papers, and the same phone the same one again.
    chance = random.Random(hashlib.sha256(code.encode()).digest())
    chosen = chance.sample(rules.questions, rules.length)
    return chosen if rules.order == "shuffled" else [question for question in rules.questions if question in chosen]


def asked(question: Question) -> dict[str, Any]:
    """A question as she is asked it."""
    return {"code": question.code, "kind": question.kind, "text": question.text,
            "options": [{"code": option.code, "text": option.text} for option in question.options]}


def judge(paper: Sequence[Question], answers: Mapping[str, Sequence[str]]) -> list[Judged]:
    """Every question of a paper with what she chose; `answers` names an option at least for each of them."""
    judged = []
    for question in paper:
        chosen = tuple(option.code for option in question.options if option.code in answers[question.code])
        is_right = set(chosen) == set(question.right)
        judged.append(Judged(question.code, chosen, question.right, is_right, question.why))
    return judged


def _question_slips(n: int, question: Question) -> Iterator[Slip]:
    path, name = f"questions.{question.code}", f"第 {n} 题"
    yield from too_long(f"{path}.text", f"{name}的题目", question.text, MAX_QUESTION)
    yield from too_long(f"{path}.why", f"{name}的解释", question.why, MAX_WHY)
    if len(question.options) > MAX_OPTIONS:
        yield f"{path}.options", f"{name}最多 {MAX_OPTIONS} 个选项"
    if len(question.right) > MAX_OPTIONS:
        yield f"{path}.right", f"{name}的正确答案比选项多"
    yield from codes_wrong(f"{path}.options", f"{name}选项", (option.code for option in question.options))
    for option in question.options:
        yield from too_long(f"{path}.options.{option.code}", f"{name}的选项 {option.code.upper()}", option.text, MAX_OPTION)


def _question_lacks(question: Question) -> Iterator[str]:
    if not question.text.strip():
        yield "没有题目"
    if len(question.options) < MIN_OPTIONS or question.kind == "judge" and len(question.options) != MIN_OPTIONS:
        yield "的判断题要有 2 个选项" if question.kind == "judge" else f"至少要有 {MIN_OPTIONS} 个选项"
    if any(not option.text.strip() for option in question.options):
        yield "有空的选项"
    if not question.right or not set(question.right) <= {option.code for option in question.options}:
        yield "没有正确答案"
    elif question.kind != "multiple" and len(question.right) > 1:
        yield "不是多选题，只能有一个正确答案"
    elif question.kind == "multiple" and len(question.right) < MIN_OPTIONS:
        yield "是多选题，至少要有两个正确答案"
