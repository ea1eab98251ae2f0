"""A quiz: the questions of a paper, its judging, and what was chosen for editors."""

from __future__ import annotations

from contextlib import suppress

import msgspec

from handlers.base import ApiHandler
from handlers.staff import StaffHandler
from server.errors import NotAuthorised


class AnswersBody(msgspec.Struct):
    """The paper that was answered; question to the codes of the options that she chose."""

    paper: str
    answers: dict[str, list[str]]


class QuizHandler(ApiHandler):
    def who(self) -> int | None:
        """The citizen, or None for a guest: whoever is not known may answer, and is not counted."""
        with suppress(NotAuthorised):
            return self.citizen()
        return None


class Paper(QuizHandler):
    async def get(self, slug: str) -> None:
        """The questions for this person, or for the paper that a guest's phone was given."""
        citizen, campaign = self.who(), await self.services.campaigns.get(slug)
        code = self.services.tokens.mark(citizen) if citizen is not None else self.get_argument("paper", "")
        self.reply(self.services.quizzes.paper(campaign, code, self.now()))


class Answers(QuizHandler):
    async def post(self, slug: str) -> None:
        """Judge a whole paper."""
        body, campaign, now = self.body(AnswersBody), await self.services.campaigns.get(slug), self.now()
        sheet = self.services.quizzes.judge(campaign, body.paper, body.answers, now)
        await self.services.quizzes.note(campaign, self.who(), sheet, now)
        self.reply(msgspec.to_builtins(sheet))


class Figures(StaffHandler):
    async def get(self, slug: str) -> None:
        """How many chose what."""
        await self.member(campaign=slug)
        self.reply(await self.services.quizzes.figures(await self.services.campaigns.get_any(slug)))
