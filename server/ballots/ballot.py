"""A ballot, and the rules that need no store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec

from server.campaign_types.vote import VoteRules
from server.errors import Conflict, InvalidBody, NotFound

KIND = "vote"
MAX_REASON_CHARACTERS = 200
CLOSED_WORDS = {"scheduled": "投票尚未开始", "paused": "投票暂停，您的选择留在手机上，恢复后请再投", "frozen": "投票已经截止，正在核对结果",
                "archived": "投票已经结束，感谢您的关注"}


class Barred(msgspec.Struct, frozen=True):
    """Why a candidate gets no votes now, as everybody may read it."""

    state: Literal["suspended", "withdrawn"]
    reason: str
    at: float
    by: str


class Ballot(msgspec.Struct, frozen=True):
    """`at` seconds since 1970; `late`: taken after the end of its period, because its first try got no answer; `gone`: she had herself
    deleted, and nothing finds it by her any more."""

    campaign: str
    period: str
    citizen: int
    choices: tuple[str, ...]
    at: int
    late: int = 0
    gone: int = 0

    @property
    def id(self) -> str:
        return f"{self.campaign}:{self.period}:{self.citizen}"


class Standing(msgspec.Struct, frozen=True):
    """What stands for her: `new` where this request wrote it."""

    ballot: Ballot
    new: bool = False


class NotAVote(Conflict):
    code = "NOT_A_VOTE"
    message = "这个活动不是投票活动"


class BallotNotFound(NotFound):
    code = "BALLOT_NOT_FOUND"
    message = "还没有您这一期的选票"


def check_choices(rules: VoteRules, barred: Mapping[str, Barred], choices: Sequence[str]) -> tuple[str, ...]:
    """The choices in the order of the candidates. Raises InvalidBody, Conflict CANDIDATE_SUSPENDED."""
    names = {candidate.code: candidate.name for candidate in rules.candidates}
    chosen = set(choices)
    if unknown := [code for code in choices if code not in names]:
        raise InvalidBody("UNKNOWN_CANDIDATE", f"没有候选人 {unknown[0][:32]}，请刷新页面后再选", field="choices")
    if len(chosen) < len(choices):
        raise InvalidBody("CHOICES_REPEATED", "同一位候选人在一张选票上只能选一次", field="choices")
    if len(chosen) < rules.least:
        raise InvalidBody("CHOICES_TOO_FEW", f"请至少选 {rules.least} 位候选人", field="choices")
    if len(chosen) > rules.most:
        raise InvalidBody("CHOICES_TOO_MANY", f"最多选 {rules.most} 位候选人，您选了 {len(chosen)} 位", field="choices")
    for code in choices:
        if code in barred:
            why = "已退出" if barred[code].state == "withdrawn" else "暂停投票"
            raise Conflict("CANDIDATE_SUSPENDED", f"“{names[code]}”{why}（{barred[code].reason}），请改选其他候选人", field="choices")
    return tuple(code for code in names if code in chosen)


def checked_reason(reason: str) -> str:
    """Raises InvalidBody REASON_MISSING."""
    reason = reason.strip()
    if not 0 < len(reason) <= MAX_REASON_CHARACTERS:
        raise InvalidBody("REASON_MISSING", f"请写明原因，最多 {MAX_REASON_CHARACTERS} 字", field="reason")
    return reason
