"""Quizzes 知识问答: papers are given out and judged without memory, and what was chosen is counted without persons.

Owns: `quiz_figures`, one document a campaign. Does not own: questions (server/campaign_types/quiz.py), participation (counting).
Invariants: right answers leave the server with a judged sheet alone; no sheet is kept, only how often each option was chosen, how often a
question was right and how the scores lie; a sheet of somebody who was counted before, or of a guest, is judged and not counted here.

Failure policy: judging needs no store. Figures fail open: they are gathered in the process and written every few seconds; what a killed
process had not written is lost, and a write without an answer may be repeated.
"""

from __future__ import annotations

import logging
import re
import secrets
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from server import keys
from server.campaign_types import CAMPAIGN_TYPES
from server.campaign_types.quiz import Judged, Question, QuizRules, asked, judge, paper_of
from server.errors import Conflict, InvalidBody, NotFound, WenmingError
from server.stores import Database, PyMongoError, RedisClient, RedisError

if TYPE_CHECKING:
    from server.campaigns import Campaign
    from server.counting import Counting

logger = logging.getLogger(__name__)

# A paper's code: a person's mark, or one that a guest's phone was given.
PAPER = re.compile(r"[0-9a-f]{12,32}")
PAPER_BYTES = 8
# The figure of a score; those of a question whose code is "score" end in a word.
SCORE = re.compile(r"score_([0-9]+)")


class Sheet(msgspec.Struct, frozen=True):
    """A judged paper."""

    score: int
    asked: int
    questions: list[Judged]


class Quizzes:
    def __init__(self, mongo: Database, redis: RedisClient, counting: Counting) -> None:
        self._figures = mongo["quiz_figures"]
        self._redis = redis
        self._counting = counting
        self._rules: dict[str, tuple[int, QuizRules]] = {}
        self._counted: dict[str, Counter[str]] = {}

    def paper(self, campaign: Campaign, code: str, now: float) -> dict[str, Any]:
        """The questions of a paper; "" gives a new one. Raises NotFound, Conflict, InvalidBody."""
        rules = self._of(campaign, now)
        code = _checked(code or secrets.token_hex(PAPER_BYTES))
        return {"paper": code, "questions": [asked(question) for question in paper_of(rules, code)]}

    def judge(self, campaign: Campaign, code: str, answers: Mapping[str, Sequence[str]], now: float) -> Sheet:
        """What was right, and why. Raises NotFound, Conflict, InvalidBody."""
        paper = paper_of(self._of(campaign, now), _checked(code))
        if not set(answers) <= {question.code for question in paper}:
            raise Conflict("PAPER_CHANGED", "题目已经更新，请重新答题")
        for n, question in enumerate(paper, 1):
            _check_answer(n, question, answers.get(question.code, ()))
        judged = judge(paper, answers)
        return Sheet(sum(one.is_right for one in judged), len(judged), judged)

    async def note(self, campaign: Campaign, citizen: int | None, sheet: Sheet, now: float) -> None:
        """Count a sheet for the editors' figures: of a citizen who is about to be counted, once. Fails open."""
        if citizen is None or campaign.state != "open":
            return
        try:
            if await self._is_first(campaign, citizen, now):
                self._counted.setdefault(campaign.slug, Counter()).update(_fields(sheet))
        except (WenmingError, RedisError, OSError, TimeoutError) as error:
            logger.info("a sheet was not counted: %s", type(error).__name__)

    async def _is_first(self, campaign: Campaign, citizen: int, now: float) -> bool:
        try:
            await self._counting.record_of(campaign.slug, citizen, now)
            return False
        except NotFound:
            marked = await self._redis.set(keys.quiz_sheet(campaign.slug, citizen), b"1", nx=True, ex=keys.QUIZ_SHEET_SECONDS)
            return bool(marked)

    async def flush(self, now: float) -> None:
        """Write what was counted since the last time."""
        for slug in list(self._counted):
            counted = self._counted.pop(slug)
            try:
                await self._figures.update_one({"_id": slug}, {"$inc": dict(counted)}, upsert=True)
            except PyMongoError as error:
                self._counted.setdefault(slug, Counter()).update(counted)
                logger.warning("figures of the quiz %s are written later: %s", slug, type(error).__name__)

    async def close(self) -> None:
        await self.flush(0.0)

    async def figures(self, campaign: Campaign) -> dict[str, Any]:
        """How many chose what, for editors, a few seconds old. Raises NotFound for a campaign of another kind."""
        rules = self._rules_of(campaign)
        found = await self._figures.find_one({"_id": campaign.slug}) or {}
        scores = {int(found_score[1]): n for name, n in found.items() if (found_score := SCORE.fullmatch(name))}
        return {"sheets": found.get("sheets", 0), "scores": [[score, scores[score]] for score in sorted(scores)],
                "questions": [_figures(question, found) for question in rules.questions], "next": None}

    def _of(self, campaign: Campaign, now: float) -> QuizRules:
        """The rules of a quiz that may be answered now. Before its opening nobody sees a question."""
        rules = self._rules_of(campaign)
        if campaign.state == "scheduled" or now < campaign.opens_at:
            raise Conflict("CAMPAIGN_NOT_OPEN", "活动尚未开始，题目到时公布")
        if campaign.state == "paused":
            raise Conflict("CAMPAIGN_PAUSED", "活动暂停，请稍后再来答题")
        return rules

    def _rules_of(self, campaign: Campaign) -> QuizRules:
        if campaign.kind != "quiz":
            raise NotFound("NO_QUIZ", "这个活动不是知识问答")
        rev, rules = self._rules.get(campaign.slug, (-1, None))
        if rules is None or rev != campaign.rev:
            rules = CAMPAIGN_TYPES["quiz"].read(campaign.rules)
            self._rules[campaign.slug] = campaign.rev, rules
        return rules


def _checked(code: str) -> str:
    if not PAPER.fullmatch(code):
        raise InvalidBody("UNKNOWN_PAPER", "答卷编号不对，请重新打开页面答题", field="paper")
    return code


def _check_answer(n: int, question: Question, chosen: Sequence[str]) -> None:
    field = f"answers.{question.code}"
    if not chosen:
        raise InvalidBody("ANSWER_MISSING", f"第 {n} 题还没有答，请答完全部题目", field=field)
    if not set(chosen) <= {option.code for option in question.options}:
        raise Conflict("PAPER_CHANGED", "题目已经更新，请重新答题")
    if question.kind != "multiple" and len(set(chosen)) > 1:
        raise InvalidBody("ONE_ANSWER", f"第 {n} 题只能选一项", field=field)


def _fields(sheet: Sheet) -> dict[str, int]:
    """What one sheet adds. Codes are letters and digits, so that these are field names."""
    found = {"sheets": 1, f"score_{sheet.score}": 1}
    for one in sheet.questions:
        found |= {f"{one.code}_answered": 1, f"{one.code}_right": int(one.is_right), **{f"{one.code}_option_{o}": 1 for o in one.chosen}}
    return found


def _figures(question: Question, found: Mapping[str, Any]) -> dict[str, Any]:
    return {"code": question.code, "text": question.text, "kind": question.kind, "answered": found.get(f"{question.code}_answered", 0),
            "right": found.get(f"{question.code}_right", 0),
            "options": [{"code": option.code, "text": option.text, "right": option.code in question.right,
                         "chosen": found.get(f"{question.code}_option_{option.code}", 0)} for option in question.options]}
