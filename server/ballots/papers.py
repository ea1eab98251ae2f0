"""Paper ballots 纸质选票, counted by hand in a community and entered by staff: a figure of its own beside what phones voted.

Owns: `paper_ballots`, an entry for each count (`_id` a name that its form was made with). Invariants: an entry counts once a second person
consented to it; what it says never changes; one that is wrong is voided with a reason and entered anew; sent twice it stands once; what it
says is possible for as many sheets as it names; nothing of an archived vote changes.
"""

from __future__ import annotations

import re
from typing import Any, Literal

import msgspec
from msgspec import structs

from server.ballots.ballot import checked_reason
from server.campaign_types.vote import VoteRules
from server.campaigns import Campaign
from server.clock import iso
from server.errors import Conflict, Forbidden, InvalidBody, NotFound
from server.stores import Database, Document, DuplicateKeyError

NAME = re.compile(r"[0-9a-f]{32}")
ENTRIES_A_PAGE = 50
# A city's communities and schools, some with several counts.
MOST_ENTRIES, READ_AT_ONCE = 5000, 500
# A city's whole population; more is a slip of the hand.
MOST_SHEETS = 10_000_000
MAX_ORIGIN_CHARACTERS = 64


class Paper(msgspec.Struct, frozen=True):
    """`sheets`: valid ballots of this count; `votes` by candidate; `origin` where they were cast; `reason` why they are entered.
    `waiting`: for a second person."""

    id: str
    campaign: str
    origin: str
    reason: str
    sheets: int
    votes: dict[str, int]
    by: str
    at: float
    state: Literal["waiting", "counted", "voided"] = "waiting"
    consented_by: str = ""
    consented_at: float = 0.0
    voided_by: str = ""
    voided_at: float = 0.0
    void_reason: str = ""

    @property
    def listed(self) -> str:
        return f"{self.campaign}:{int(self.at * 1000):015d}:{self.id}"


class PaperStore:
    """The only code that touches `paper_ballots`."""

    def __init__(self, mongo: Database) -> None:
        self._papers = mongo["paper_ballots"]

    async def add(self, paper: Paper) -> bool:
        """False where its name is taken."""
        fields: Document = msgspec.to_builtins(paper)
        try:
            await self._papers.insert_one({"_id": fields.pop("id"), **fields, "listed": paper.listed})
        except DuplicateKeyError:
            return False
        return True

    async def find(self, paper_id: str) -> Paper | None:
        found = await self._papers.find_one({"_id": paper_id})
        return _paper(found) if found else None

    async def consent(self, paper: Paper) -> bool:
        """False where it does not wait any more."""
        fields = {"state": "counted", "consented_by": paper.consented_by, "consented_at": paper.consented_at}
        return (await self._papers.update_one({"_id": paper.id, "state": "waiting"}, {"$set": fields})).matched_count == 1

    async def void(self, paper: Paper) -> bool:
        """False where it was voided already."""
        fields = {"state": "voided", "voided_by": paper.voided_by, "voided_at": paper.voided_at, "void_reason": paper.void_reason}
        standing = {"_id": paper.id, "state": {"$in": ["waiting", "counted"]}}
        return (await self._papers.update_one(standing, {"$set": fields})).matched_count == 1

    async def page(self, campaign: str, before: str, limit: int) -> list[Paper]:
        """The newest first."""
        bounds = {"$gt": f"{campaign}:", "$lt": before or f"{campaign};"}
        return [_paper(d) for d in await self._papers.find({"listed": bounds}).sort("listed", -1).limit(limit).to_list(None)]


class PapersSecondPerson(Forbidden):
    code = "PAPERS_SECOND_PERSON"
    message = "纸质选票须由录入人以外的另一位工作人员核对同意后才计入"


class PaperBallots:
    def __init__(self, store: PaperStore) -> None:
        self._store = store

    async def enter(self, campaign: Campaign, rules: VoteRules, paper: Paper) -> tuple[Paper, bool]:
        """Enter a count, and whether it is new; sent again under its name it changes nothing. It counts once somebody else consented.

        Raises InvalidBody, Conflict.
        """
        _check_changeable(campaign)
        paper = _checked(rules, paper)
        if not await self._store.add(paper):
            known = await self._store.find(paper.id)
            if known is None or (known.campaign, known.votes, known.sheets) != (paper.campaign, paper.votes, paper.sheets):
                raise Conflict("PAPERS_DIFFER", "这一份已经录入过，内容不同；请先作废再重新录入")
            return known, False
        return paper, True

    async def consent(self, campaign: Campaign, paper_id: str, by: str, now: float) -> Paper:
        """A second person's word: from now on it counts. Raises NotFound, PapersSecondPerson, Conflict."""
        known = await self._of(campaign, paper_id)
        if known.by == by:
            raise PapersSecondPerson()
        counted = structs.replace(known, state="counted", consented_by=by, consented_at=round(now, 3))
        if not await self._store.consent(counted):
            raise Conflict("PAPERS_DECIDED", "这份纸质选票记录已经有人同意或作废，请刷新后再看")
        return counted

    async def void(self, campaign: Campaign, paper_id: str, reason: str, by: str, now: float) -> Paper:
        """Take an entry out of the figures. Raises InvalidBody, NotFound, Conflict."""
        reason = checked_reason(reason)
        known = await self._of(campaign, paper_id)
        voided = structs.replace(known, state="voided", voided_by=by, voided_at=round(now, 3), void_reason=reason)
        if not await self._store.void(voided):
            raise Conflict("PAPERS_VOIDED", "这份纸质选票记录已经作废")
        return voided

    async def page(self, campaign: Campaign, cursor: str) -> dict[str, Any]:
        """The newest first, voided ones too."""
        prefix = f"{campaign.slug}:"
        found = await self._store.page(campaign.slug, prefix + cursor if cursor else "", ENTRIES_A_PAGE)
        return {"items": [paper_view(one) for one in found],
                "next": found[-1].listed.removeprefix(prefix) if len(found) == ENTRIES_A_PAGE else None}

    async def totals(self, slug: str) -> tuple[dict[str, int], int]:
        """Votes by candidate, and sheets, of everything that counts."""
        votes: dict[str, int] = {}
        sheets, read, before = 0, 0, ""
        while read < MOST_ENTRIES:
            found = await self._store.page(slug, before, READ_AT_ONCE)
            for paper in (one for one in found if one.state == "counted"):
                sheets += paper.sheets
                for code, n in paper.votes.items():
                    votes[code] = votes.get(code, 0) + n
            if len(found) < READ_AT_ONCE:
                break
            read, before = read + len(found), found[-1].listed
        return votes, sheets

    async def _of(self, campaign: Campaign, paper_id: str) -> Paper:
        """An entry that may be changed now. Raises NotFound, Conflict PAPERS_CLOSED."""
        known = await self._store.find(paper_id)
        if known is None or known.campaign != campaign.slug:
            raise NotFound("PAPERS_NOT_FOUND", "没有这份纸质选票记录")
        _check_changeable(campaign)
        return known


def _check_changeable(campaign: Campaign) -> None:
    """Raises Conflict PAPERS_CLOSED."""
    if campaign.state not in ("open", "paused", "frozen"):
        raise Conflict("PAPERS_CLOSED", "投票开始之后、归档之前才能录入、同意或作废纸质选票")


def _checked(rules: VoteRules, paper: Paper) -> Paper:
    """Raises InvalidBody."""
    if not NAME.fullmatch(paper.id):
        raise InvalidBody("INVALID_BODY", "录入编号应为 32 位十六进制数，由页面生成", field="id")
    origin = paper.origin.strip()
    if not 0 < len(origin) <= MAX_ORIGIN_CHARACTERS:
        raise InvalidBody("ORIGIN_MISSING", f"请写明选票来自哪里（社区、学校或投票点），最多 {MAX_ORIGIN_CHARACTERS} 字", field="origin")
    if not 1 <= paper.sheets <= MOST_SHEETS:
        raise InvalidBody("SHEETS_WRONG", f"有效选票张数应为 1 至 {MOST_SHEETS}", field="sheets")
    codes = {candidate.code for candidate in rules.candidates}
    if not set(paper.votes) <= codes:
        raise InvalidBody("UNKNOWN_CANDIDATE", "有不在候选人名单里的代码", field="votes")
    if any(not 0 <= n <= paper.sheets for n in paper.votes.values()):
        raise InvalidBody("VOTES_WRONG", "每位候选人的票数不能少于 0，也不能多于选票张数", field="votes")
    if not paper.sheets * rules.least <= sum(paper.votes.values()) <= paper.sheets * rules.most:
        raise InvalidBody("VOTES_WRONG", f"{paper.sheets} 张选票每张选 {rules.least} 至 {rules.most} 位，票数合计应在 "
                                         f"{paper.sheets * rules.least} 至 {paper.sheets * rules.most} 之间", field="votes")
    votes = {code: n for code, n in paper.votes.items() if n}
    return structs.replace(paper, origin=origin, reason=checked_reason(paper.reason), votes=votes)


def paper_view(paper: Paper) -> dict[str, Any]:
    return {"id": paper.id, "origin": paper.origin, "reason": paper.reason, "sheets": paper.sheets, "votes": paper.votes, "by": paper.by,
            "at": iso(paper.at), "state": paper.state, "consented_by": paper.consented_by or None,
            "consented_at": iso(paper.consented_at) if paper.consented_at else None, "voided_by": paper.voided_by or None,
            "voided_at": iso(paper.voided_at) if paper.voided_at else None, "void_reason": paper.void_reason or None}


def _paper(document: Document) -> Paper:
    return msgspec.convert({"id": document["_id"], **document}, Paper)
