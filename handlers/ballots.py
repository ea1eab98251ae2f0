"""Votes: the candidates, casting a ballot and seeing one's own, the tally; for staff figures, candidates and paper ballots."""

from __future__ import annotations

import re

import msgspec

from handlers.base import ApiHandler
from handlers.participations import ParticipationRecord, record_view
from handlers.staff import StaffHandler
from server.ballots import Ballot
from server.ballots.papers import Paper, paper_view
from server.ballots.service import BallotBody
from server.clock import day_of, iso
from server.errors import InvalidBody, NotAuthorised

DAY = re.compile(r"20[0-9]{6}")


class BallotRecord(msgspec.Struct):
    """A ballot as its owner sees it; choices and time are always of the first. `participation`: where this request counted one."""

    choices: tuple[str, ...]
    voted_at: str
    period: str
    first: bool
    participation: ParticipationRecord | None = None


class CandidateBody(msgspec.Struct):
    """`state` open, suspended or withdrawn; `reason` is public."""

    code: str
    state: str
    reason: str


class PaperBody(msgspec.Struct):
    """A count of paper ballots: `id` 32 hexadecimal digits of the form's own, so that it stands once; `votes` by candidate."""

    id: str
    origin: str
    reason: str
    sheets: int
    votes: dict[str, int]


class ReasonBody(msgspec.Struct):
    reason: str


def ballot_view(ballot: Ballot, first: bool = False) -> BallotRecord:
    return BallotRecord(ballot.choices, iso(ballot.at), ballot.period, first)


class Board(ApiHandler):
    async def get(self, slug: str) -> None:
        """The candidates as they stand now, in their order, and how many one may choose."""
        self.reply(await self.services.ballots.board_view(slug))


class Ballots(ApiHandler):
    async def post(self, slug: str) -> None:
        """Cast a ballot once in a period; a repeat gets the first one again."""
        self.services.counting.admission.check()
        citizen, body = self.citizen(), self.body(BallotBody)
        cast = await self.services.ballots.cast(slug, citizen, body, self.now())
        record = ballot_view(cast.standing.ballot, cast.standing.new)
        record.participation = record_view(cast.taken) if cast.taken else None
        self.reply(record, 201 if cast.standing.new else 200)


class Mine(ApiHandler):
    async def get(self, slug: str) -> None:
        """The caller's own ballot of the current period; nobody else's can be asked for."""
        self.reply(ballot_view(await self.services.ballots.own(slug, self.citizen(), self.now())))


class Tally(ApiHandler):
    async def get(self, slug: str) -> None:
        """The figures in the order of the candidates, where the campaign shows them to the caller now."""
        try:
            citizen: int | None = self.citizen()
        except NotAuthorised:
            citizen = None  # whoever has not voted sees what a guest sees
        self.reply(await self.services.ballots.public_tally(slug, citizen, self.now()))


class StaffTally(StaffHandler):
    async def get(self, slug: str) -> None:
        """The figures, who is suspended and why; nothing of who voted for whom."""
        await self.member("editor", "operator", "reviewer", "auditor", campaign=slug)
        self.reply(await self.services.ballots.staff_tally(await self.services.campaigns.get_any(slug)))


class StaffCandidates(StaffHandler):
    async def put(self, slug: str) -> None:
        """Suspend a candidate, withdraw her, or let her be voted for again, with a reason that everybody may read."""
        member, body = await self.member("editor", "operator", campaign=slug), self.body(CandidateBody)
        campaign = await self.services.campaigns.get_any(slug)
        await self.services.ballots.bar(campaign, body.code, body.state, body.reason, member.name, self.now())
        await self.log(member, "vote.candidate", f"{slug}:{body.code}", state=body.state, reason=body.reason.strip())
        self.reply(await self.services.ballots.staff_tally(campaign))


class StaffCurve(StaffHandler):
    async def get(self, slug: str) -> None:
        """The votes of a day by minute and candidate, from the ballots: evidence of bursts."""
        await self.member("operator", "auditor", campaign=slug)
        day = self.get_query_argument("day", "") or day_of(self.now())
        if not DAY.fullmatch(day):
            raise InvalidBody("INVALID_BODY", "day 应为 8 位日期，例如 20261001", field="day")
        campaign = await self.services.campaigns.get_any(slug)
        self.services.ballots.rules_of(campaign)
        self.reply(await self.services.ballots.tallying.curve(slug, day))


class StaffAudit(StaffHandler):
    async def get(self, slug: str) -> None:
        """Replay all ballots and compare them with the tally."""
        await self.member("operator", "auditor", campaign=slug)
        self.services.ballots.rules_of(await self.services.campaigns.get_any(slug))
        self.reply(await self.services.ballots.audit(slug))

    async def post(self, slug: str) -> None:
        """Put the replay in the tally's place; what was found before."""
        member = await self.member("operator", campaign=slug, fresh=True)
        self.services.ballots.rules_of(await self.services.campaigns.get_any(slug))
        found = (await self.services.ballots.tallying.recount(slug, self.now())).view()
        await self.log(member, "vote.recount", slug, ok=found["ok"], findings=found["findings"][:10])
        self.reply(found)


class StaffPapers(StaffHandler):
    async def get(self, slug: str) -> None:
        """The counts of paper ballots, the newest first, waiting and voided ones too."""
        await self.member("editor", "operator", "reviewer", "auditor", campaign=slug)
        campaign = await self.services.campaigns.get_any(slug)
        self.services.ballots.rules_of(campaign)
        self.reply(await self.services.ballots.papers.page(campaign, self.get_query_argument("cursor", "")))

    async def post(self, slug: str) -> None:
        """Enter a count, which waits for a second person: 201 a new one, 200 one that was entered already."""
        member, body = await self.member("editor", "operator", campaign=slug), self.body(PaperBody)
        campaign, now = await self.services.campaigns.get_any(slug), round(self.now(), 3)
        paper = Paper(body.id, slug, body.origin, body.reason, body.sheets, body.votes, member.name, now)
        entered, is_new = await self.services.ballots.enter(campaign, paper)
        if is_new:
            await self.log(member, "vote.papers", f"{slug}:{body.id}", origin=entered.origin, reason=entered.reason, sheets=entered.sheets,
                           votes=entered.votes)
        self.reply(paper_view(entered), 201 if is_new else 200)


class StaffPaperConsent(StaffHandler):
    async def post(self, slug: str, paper: str) -> None:
        """A second person's word, who did not enter it herself: the count is in the figures from now on."""
        member = await self.member("operator", "reviewer", campaign=slug, fresh=True)
        campaign = await self.services.campaigns.get_any(slug)
        counted = await self.services.ballots.papers.consent(campaign, paper, member.name, self.now())
        await self.log(member, "vote.papers_consent", f"{slug}:{paper}", entered_by=counted.by, sheets=counted.sheets, votes=counted.votes)
        self.reply(paper_view(counted))


class StaffPaperVoid(StaffHandler):
    async def post(self, slug: str, paper: str) -> None:
        """Take a count out of the figures, with a reason."""
        member, body = await self.member("editor", "operator", campaign=slug), self.body(ReasonBody)
        campaign = await self.services.campaigns.get_any(slug)
        voided = await self.services.ballots.papers.void(campaign, paper, body.reason, member.name, self.now())
        await self.log(member, "vote.papers_void", f"{slug}:{paper}", reason=voided.void_reason, sheets=voided.sheets)
        self.reply(paper_view(voided))

