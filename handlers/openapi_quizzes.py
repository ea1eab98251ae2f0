"""The words and shapes of quizzes, as in `openapi_words.py` and `openapi_shapes.py`."""

from __future__ import annotations

from msgspec import Struct

from handlers.openapi_terms import NO_CAMPAIGN, NO_STAFF, STAFF, Answer, Words
from server.quizzes import Sheet


class OptionView(Struct):
    code: str
    text: str


class QuestionView(Struct):
    """`kind`: single, multiple or judge."""

    code: str
    kind: str
    text: str
    options: list[OptionView]


class PaperView(Struct):
    paper: str
    questions: list[QuestionView]


class OptionFigure(Struct):
    code: str
    text: str
    right: bool
    chosen: int


class QuestionFigure(Struct):
    code: str
    text: str
    kind: str
    answered: int
    right: int
    options: list[OptionFigure]


class QuizFigures(Struct):
    """`scores`: pairs of a score and how many sheets had it."""

    sheets: int
    scores: list[tuple[int, int]]
    questions: list[QuestionFigure]
    next: str | None


CAMPAIGN = "/api/v1/campaigns/{slug}"
NO_QUIZ = {404: ("CAMPAIGN_NOT_FOUND", "NO_QUIZ")}

WORDS: dict[tuple[str, str], Words] = {
    ("get", f"{CAMPAIGN}/paper"): Words(
        "活动", "知识问答的答卷：登录的市民每次是同一份，访客可带回自己的编号；不含正确答案", {200: Answer("答卷", PaperView)},
        {**NO_QUIZ, 409: ("CAMPAIGN_NOT_OPEN", "CAMPAIGN_PAUSED"), 422: ("UNKNOWN_PAPER",)}, {"paper": "访客的答卷编号"}),
    ("post", f"{CAMPAIGN}/paper/answers"): Words(
        "活动", "交卷：给出得分、正确答案与解释；答卷不保存，参与由 participations 计入", {200: Answer("判卷结果", Sheet)},
        {**NO_QUIZ, 409: ("CAMPAIGN_NOT_OPEN", "CAMPAIGN_PAUSED", "PAPER_CHANGED"), 413: ("BODY_TOO_LARGE",),
         422: ("UNKNOWN_PAPER", "ANSWER_MISSING", "ONE_ANSWER", "INVALID_BODY")}),
    ("get", "/api/v1/staff/campaigns/{slug}/quiz-figures"): Words(
        "工作人员", "知识问答各题各选项的人数与得分分布，不含任何人", {200: Answer("统计", QuizFigures)},
        {**NO_STAFF, **NO_CAMPAIGN, 404: ("CAMPAIGN_NOT_FOUND", "NO_QUIZ")}, needs=STAFF),
}
