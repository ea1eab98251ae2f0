"""投票: citizens choose among candidates, such as 道德模范 and 身边好人; how votes are kept is server/ballots."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from server.campaign_types.base import CampaignType, Flat, Rules, Slip, codes_wrong, too_long

if TYPE_CHECKING:
    from server.campaigns import Campaign

# When the public sees how many votes each has.
TallyShown = Literal["never", "after_vote", "after_end"]
# A city's 道德模范 have five groups of ten; a list that nobody reads to its end is no vote.
MAX_CANDIDATES = 60
# How the template's texts begin: candidates who are nobody must not be voted on.
SAMPLE = "在这里写"
# Names of teams are longer than people's; a deed is told in a paragraph on a phone.
MAX_NAME_CHARACTERS, MAX_TEXT_CHARACTERS = 32, 500
MEDIUM = re.compile(r"[0-9a-f]{32}|")
TALLIES: dict[TallyShown, str] = {"never": "不公开票数", "after_vote": "投票后可看", "after_end": "截止后公开"}


class Candidate(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`media`: the id of a picture of the media library, or nothing."""

    code: str = ""
    name: str = ""
    text: str = ""
    media: str = ""


class VoteRules(Rules, frozen=True):
    """The order of candidates is the editor's and the same on every page; `least` and `most` choices of one ballot."""

    candidates: tuple[Candidate, ...] = ()
    least: int = 1
    most: int = 1
    tally: TallyShown = "after_end"


class Vote(CampaignType[VoteRules]):
    title = "投票"
    act = "投票"
    how = "请用手机微信打开本页，读一读候选人的事迹，选好后投出您的一票。选票只有您自己看得到，不需要填写姓名和电话。"
    steps = (("candidates", "候选人"), ("ballot", "投票"), ("certificate", "证书"))
    scene = "vote"
    poster = "vote"
    correctable = re.compile(r"candidates\.[a-z0-9]+\.(name|text|media)")

    def __init__(self) -> None:
        super().__init__(VoteRules)

    def slips(self, rules: VoteRules) -> Iterator[Slip]:
        if len(rules.candidates) > MAX_CANDIDATES:
            yield "candidates", f"候选人最多 {MAX_CANDIDATES} 位，现在有 {len(rules.candidates)} 位"
        yield from codes_wrong("candidates", "候选人", (candidate.code for candidate in rules.candidates))
        for one in rules.candidates:
            yield from too_long(f"candidates.{one.code}.name", "候选人姓名", one.name, MAX_NAME_CHARACTERS)
            yield from too_long(f"candidates.{one.code}.text", f"“{one.name}”的事迹", one.text, MAX_TEXT_CHARACTERS)
            if not MEDIUM.fullmatch(one.media):
                yield f"candidates.{one.code}.media", f"“{one.name}”的照片要从媒体库选择"
        if not 1 <= rules.least <= MAX_CANDIDATES or not 1 <= rules.most <= MAX_CANDIDATES:
            yield "most", f"每张选票选几位：1 至 {MAX_CANDIDATES}"

    def lacks(self, rules: VoteRules, campaign: Campaign) -> Iterator[str]:
        if len(rules.candidates) < 2:
            yield "投票至少要有 2 位候选人"
        if any(not one.name.strip() for one in rules.candidates):
            yield "每位候选人都要有姓名"
        if samples := [one.name for one in rules.candidates if one.text.startswith(SAMPLE)]:
            yield f"“{'、'.join(samples)}”的事迹还是模板里的示例，请改成真实的候选人"
        if rules.least > rules.most:
            yield f"每张选票最少选 {rules.least} 位、最多选 {rules.most} 位：最少不能多于最多"
        if rules.most > max(1, len(rules.candidates)):
            yield f"每张选票最多选 {rules.most} 位，但只有 {len(rules.candidates)} 位候选人"

    def fixed(self, rules: VoteRules) -> Any:
        """Nobody is added to a vote that is on or taken off it (one is suspended instead), and every ballot has as many choices."""
        return [one.code for one in rules.candidates], rules.least, rules.most

    def told(self, shown: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        for number, one in enumerate(shown["candidates"], 1):
            yield f"{number}. {one['name']}", one["text"]

    def flat(self, rules: VoteRules) -> Flat:
        found: Flat = {"candidates": ("候选人及顺序", "、".join(one.code for one in rules.candidates))}
        for one in rules.candidates:
            for part, name in (("name", "姓名"), ("text", "事迹"), ("media", "照片")):
                found[f"candidates.{one.code}.{part}"] = f"候选人 {one.code} 的{name}", getattr(one, part)
        return found | {"least": ("每张选票至少选", str(rules.least)), "most": ("每张选票最多选", str(rules.most)),
                        "tally": ("票数公开", TALLIES[rules.tally])}
