"""What is done with ballots: cast, seen by her who cast it, taken back by staff, moved along with merges and deletions."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, Protocol

import msgspec

from server.ballots.ballot import (
    CLOSED_WORDS,
    KIND,
    Ballot,
    BallotNotFound,
    Barred,
    NotAVote,
    Standing,
    check_choices,
    checked_reason,
)
from server.ballots.papers import Paper, PaperBallots
from server.ballots.store import BallotStore
from server.ballots.tallying import Tally, Tallying, tally_view
from server.ballots.writer import BallotWriter
from server.campaign_types import CAMPAIGN_TYPES
from server.campaign_types.vote import VoteRules
from server.campaigns import LATE_SECONDS, Campaign
from server.clock import iso
from server.counting import Ask, Taken, check_open, period_of, tried_at
from server.errors import Conflict, Forbidden, InvalidBody, Refusal, Unavailable
from server.shared_reads import Remembered
from server.stores import PyMongoError

# Who may not be voted for, and the tally, as this process knows them: everybody asks in the same minutes.
KNOWN_SECONDS = 1.0
# More votes than are open at once.
MOST_KNOWN = 64
# Two editors bar candidates in the same moment; a third is somebody's load.
TRIES = 3
BARRED_NAMES = {"suspended": "暂停投票", "withdrawn": "已退出"}


class BallotBody(msgspec.Struct, frozen=True):
    """A ballot as a phone sends it. `region`, `unit`, `first_tried_at`: as a participation has them, which it is as well."""

    choices: list[str]
    region: str = ""
    unit: str | None = None
    first_tried_at: datetime | None = None


class Campaigns(Protocol):
    async def get(self, slug: str) -> Campaign: ...
    async def get_any(self, slug: str) -> Campaign:
        """As it stands now, whatever this process remembers."""
        ...


Participate = Callable[[str, int, Ask, float], Awaitable[Taken]]


class Cast(msgspec.Struct, frozen=True):
    """What stands for her, and her participation where it was asked for by the way."""

    standing: Standing
    taken: Taken | None = None


# The status of who was counted anew.
NEW = 201
# Why a ballot is taken back where two numbers turned out to be one person.
MERGED = "同一人的两个账号合并，保留较早的一张"


class Ballots:
    """`papers` and `tallying` are its parts, for who needs one of them alone. `numbers_of`: hers, the one that counts first."""

    def __init__(self, store: BallotStore, writer: BallotWriter, tallying: Tallying, papers: PaperBallots, campaigns: Campaigns,
                 participate: Participate, numbers_of: Callable[[int], list[int]]) -> None:
        self.papers = papers
        self.tallying = tallying
        self._store = store
        self._writer = writer
        self._campaigns = campaigns
        self._participate = participate
        self._numbers_of = numbers_of
        self._rules: dict[str, tuple[Campaign, VoteRules]] = {}
        self._boards: Remembered[dict[str, Barred]] = Remembered(KNOWN_SECONDS, MOST_KNOWN)
        self._tallies: Remembered[dict[str, Any]] = Remembered(KNOWN_SECONDS, MOST_KNOWN)

    # Citizens

    async def cast(self, slug: str, citizen: int, body: BallotBody, now: float) -> Cast:
        """Cast a ballot once, or give the first one again.

        Counted before it is written: whoever is voided or too late is told so by her shard, and one whose writing failed asks again. No
        ballot comes in by what this process remembers of the campaign alone: once a vote is frozen, it is so for every process.
        Raises as counting does, and NotAVote, InvalidBody (CHOICES_*, UNKNOWN_CANDIDATE), Conflict CANDIDATE_SUSPENDED, Unavailable.
        """
        campaign = await self._campaigns.get(slug)
        rules = self.rules_of(campaign)
        tried = tried_at(campaign, body.first_tried_at, now) if body.first_tried_at else now
        period = period_of(campaign, tried)
        try:
            check_open(campaign, period, tried, now, CLOSED_WORDS)
            choices = check_choices(rules, await self.barred(slug), body.choices)
            taken = await self._participate(slug, citizen, Ask(campaign.activities[0].code, body.region, body.unit,
                                                               first_tried_at=body.first_tried_at), now)
            if taken.status != NEW:  # her shard, which knows a new state at once, decides for whom it counts anew alone
                check_open(await self._campaigns.get_any(slug), period, tried, now, CLOSED_WORDS)
        except Refusal as refusal:
            if refusal.code == "VOIDED":
                raise
            standing = await self._standing(campaign.slug, period, citizen)
            if standing is None:
                raise
            return Cast(Standing(standing))
        ballot = Ballot(slug, taken.period, citizen, choices, int(now), int(tried != now))
        return Cast(await self._write(ballot), taken)

    async def own(self, slug: str, citizen: int, now: float) -> Ballot:
        """Hers of the current period. Raises BallotNotFound, Forbidden VOIDED."""
        campaign = await self._campaigns.get(slug)
        self.rules_of(campaign)
        found = await self._standing(slug, period_of(campaign, now), citizen)
        if found is None:
            raise BallotNotFound()
        return found

    async def board_view(self, slug: str) -> dict[str, Any]:
        """The candidates as they stand now, for everybody."""
        rules = self.rules_of(await self._campaigns.get(slug))
        barred = await self.barred(slug)
        return {"least": rules.least, "most": rules.most, "tally": rules.tally, "candidates": [
            {**msgspec.to_builtins(one), "state": barred[one.code].state if one.code in barred else "open",
             "reason": barred[one.code].reason if one.code in barred else ""} for one in rules.candidates]}

    async def public_tally(self, slug: str, citizen: int | None, now: float) -> dict[str, Any]:
        """The figures where this campaign shows them to her now; else when it does."""
        campaign = await self._campaigns.get(slug)
        rules = self.rules_of(campaign)
        ended = campaign.state in ("frozen", "archived") or now >= campaign.closes_at + LATE_SECONDS
        shown = ended if rules.tally == "after_end" else rules.tally == "after_vote" and (
            ended or citizen is not None and await self._has_cast(campaign, citizen, now))
        if not shown:
            return {"shown": False, "when": rules.tally, "final": ended, "figures": None}
        return {"shown": True, "when": rules.tally, "final": ended, "figures": await self._figures(campaign, rules)}

    # Staff

    async def bar(self, campaign: Campaign, code: str, state: str, reason: str, by: str, now: float) -> dict[str, Barred]:
        """Suspend or withdraw a candidate, or (`open`) let her be voted for again. Raises InvalidBody, Conflict."""
        rules = self.rules_of(campaign)
        if code not in {candidate.code for candidate in rules.candidates}:
            raise InvalidBody("UNKNOWN_CANDIDATE", "没有这位候选人", field="code")
        if state not in ("open", *BARRED_NAMES):
            raise InvalidBody("STATE_WRONG", "候选人的状态应为 open、suspended（暂停）或 withdrawn（退出）", field="state")
        reason = checked_reason(reason)
        for _ in range(TRIES):
            rev, barred = await self._store.board(campaign.slug)
            wanted = {name: one for name, one in barred.items() if name != code}
            if state != "open":
                wanted[code] = Barred("withdrawn" if state == "withdrawn" else "suspended", reason, round(now, 3), by)
            if await self._store.keep_board(campaign.slug, rev, wanted):
                self._boards.forget(campaign.slug)
                return wanted
        raise Conflict("CAMPAIGN_CHANGED", "候选人状态刚刚被别人修改，请刷新后再试")

    async def staff_tally(self, campaign: Campaign) -> dict[str, Any]:
        """Everything that staff may know: figures, who is barred and why. Nothing of who voted for whom."""
        rules = self.rules_of(campaign)
        figures = await self._fresh_figures(campaign.slug, rules)
        barred = (await self._store.board(campaign.slug))[1]
        names = {candidate.code: candidate.name for candidate in rules.candidates}
        why = {code: {"state": one.state, "reason": one.reason, "by": one.by, "at": iso(one.at)} for code, one in barred.items()}
        return {**figures, "shown": rules.tally, "names": names, "barred": why}

    async def enter(self, campaign: Campaign, paper: Paper) -> tuple[Paper, bool]:
        """Enter a count of paper ballots, and whether it is new. Raises InvalidBody, Conflict."""
        return await self.papers.enter(campaign, self.rules_of(campaign), paper)

    async def void(self, campaign: Campaign, period: str, citizen: int, reason: str, by: str, now: float) -> bool:
        """Take a citizen's ballot back by a row with the reason; False where she has none that counts. May be repeated.

        Where she has none, an empty one takes its place first: a ballot that was counted and is not written yet finds it taken, whichever
        of the two is written first.
        """
        reason = checked_reason(reason)
        numbers = self._numbers_of(citizen)
        ids = [f"{campaign.slug}:{period}:{number}" for number in numbers]
        known = {ballot.id for ballot in await self._store.find(ids)}
        for number, ballot_id in zip(numbers, ids, strict=True):
            if ballot_id not in known:
                await self._writer.write(campaign.slug, self._store.row_of(Ballot(campaign.slug, period, number, (), int(now))))
        voided = await self._store.voided(ids)
        valid = [ballot for ballot in await self._store.find(ids) if ballot.id not in voided]
        for ballot in valid:
            await self._writer.write(campaign.slug, self._store.void_of(ballot, reason, by, now))
        return any(ballot.choices for ballot in valid)

    async def audit(self, slug: str) -> dict[str, Any]:
        """The proof that the tally is the replay of valid ballots."""
        return (await self.tallying.audit(slug)).view()

    # Citizens' numbers

    async def merge(self, loser: int, survivor: int, now: float) -> None:
        """Two numbers are one person: in each period her earliest ballot stays, the others are taken back. May be repeated.

        What staff took back of the number that stays is hers whole, as with her participation: no other ballot comes in its place.
        """
        for lost in await self._store.of_citizen(loser):
            ids = [f"{lost.campaign}:{lost.period}:{number}" for number in dict.fromkeys((survivor, *self._numbers_of(survivor), loser))]
            voided = await self._store.voided(ids)
            valid = [ballot for ballot in await self._store.find(ids) if ballot.id not in voided]
            by_staff = voided.get(ids[0], MERGED) != MERGED
            for later in sorted(valid, key=earlier)[0 if by_staff else 1:]:
                await self._writer.write(later.campaign, self._store.void_of(later, MERGED, "system", now))

    async def forget(self, citizen: int, now: float) -> None:
        """Her deletion: her ballots go on counting as figures, and nothing finds them by her any more. Repeating it changes nothing."""
        await self._store.unlink(citizen)

    async def close(self) -> None:
        await self._writer.close()

    # Within

    def rules_of(self, campaign: Campaign) -> VoteRules:
        """Raises NotAVote."""
        if campaign.kind != KIND:
            raise NotAVote()
        known = self._rules.get(campaign.slug)
        if known is None or known[0] is not campaign:
            known = self._rules[campaign.slug] = campaign, CAMPAIGN_TYPES[KIND].read(campaign.rules)
        return known[1]

    async def barred(self, slug: str) -> dict[str, Barred]:
        """Fails open to what was last known: a vote goes on while MongoDB is slow, and a ballot needs it anyway."""

        async def read() -> dict[str, Barred]:
            try:
                return (await self._store.board(slug))[1]
            except PyMongoError:
                if (known := self._boards.last(slug)) is None:
                    raise
                return known

        return await self._boards.get(slug, read)

    async def _write(self, ballot: Ballot) -> Standing:
        if len(self._numbers_of(ballot.citizen)) > 1:  # rare; another number of hers may have voted before they were merged
            standing = await self._standing(ballot.campaign, ballot.period, ballot.citizen)
            if standing is not None:
                return Standing(standing)
        if await self._writer.write(ballot.campaign, self._store.row_of(ballot)):
            return Standing(ballot, new=True)
        standing = await self._standing(ballot.campaign, ballot.period, ballot.citizen)
        if standing is None:
            raise Unavailable()
        return Standing(standing)

    async def _standing(self, slug: str, period: str, citizen: int) -> Ballot | None:
        """The ballot that counts for her. Raises Forbidden VOIDED where it was taken back."""
        ids = [f"{slug}:{period}:{number}" for number in self._numbers_of(citizen)]
        found = await self._store.find(ids)
        if not found:
            return None
        voided = await self._store.voided(ids)
        valid = [ballot for ballot in found if ballot.id not in voided]
        if not valid:
            raise Forbidden("VOIDED", "这张选票已被工作人员作废，如有疑问请联系主办单位")
        first = min(valid, key=earlier)
        if first.gone:
            raise Conflict("BALLOT_UNLINKED", "您注销之前已在本期投票：那一票仍计入总数，但不能再看，也不能再投")
        return first

    async def _has_cast(self, campaign: Campaign, citizen: int, now: float) -> bool:
        try:
            return await self._standing(campaign.slug, period_of(campaign, now), citizen) is not None
        except Refusal:  # taken back, or of before her deletion
            return False

    async def _figures(self, campaign: Campaign, rules: VoteRules) -> dict[str, Any]:
        return await self._tallies.get(campaign.slug, lambda: self._fresh_figures(campaign.slug, rules))

    async def _fresh_figures(self, slug: str, rules: VoteRules) -> dict[str, Any]:
        tally: Tally = await self.tallying.tally(slug)
        votes, sheets = await self.papers.totals(slug)
        return tally_view(tally, [candidate.code for candidate in rules.candidates], votes, sheets)


def earlier(ballot: Ballot) -> tuple[int, int]:
    """Of several of one person the least stands."""
    return ballot.at, ballot.citizen
