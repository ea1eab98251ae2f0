"""Rules of review, a set for each campaign: how many approved items are looked at twice, and when own words give way to presets.

Owns: `review_rules`, one document a campaign; without one the defaults hold. Invariants: the lower marks are below the upper ones, so that
own words do not flicker; the rules as they were seen are replaced, or nothing.
"""

from __future__ import annotations

from typing import Any

import msgspec

from server.errors import Conflict, InvalidBody
from server.stores import Database, DuplicateKeyError

# The longest queue that anybody counts to: reading its places takes some 20 ms.
MOST_COUNTED = 5_000
MOST_MINUTES, MOST_REPORTS = 7 * 24 * 60, 1_000


class Rules(msgspec.Struct, frozen=True):
    """`second_percent`: one approved item in twenty shows within a shift whose eye slips. `most_waiting`: two hours of one reviewer who
    decides fifteen a minute; `most_minutes`: who writes in the evening is answered the next morning, not later. Half of each brings own
    words back. `hide_after_reports` 0: reports alone hide nothing, since a crowd could hide what it dislikes."""

    second_percent: int = 5
    falls_back: bool = True
    most_waiting: int = 2_000
    back_below: int = 1_000
    most_minutes: int = 12 * 60
    back_below_minutes: int = 6 * 60
    hide_after_reports: int = 0
    rev: int = 0


class RuleBook:
    def __init__(self, mongo: Database) -> None:
        self._rules = mongo["review_rules"]

    async def of(self, campaign: str) -> Rules:
        found = await self._rules.find_one({"_id": campaign})
        if found is None:
            return Rules()
        fields: dict[str, Any] = {name: int(found[name]) for name in Rules.__struct_fields__}
        return Rules(**{**fields, "falls_back": bool(found["falls_back"])})  # the embedded store gives 1 and 0

    async def keep(self, campaign: str, wanted: Rules) -> Rules:
        """Replace the rules that were seen. Raises InvalidBody, Conflict RULES_CHANGED."""
        _check(wanted)
        fields = {**msgspec.to_builtins(wanted), "rev": wanted.rev + 1}
        if wanted.rev:
            is_kept = (await self._rules.update_one({"_id": campaign, "rev": wanted.rev}, {"$set": fields})).matched_count == 1
        else:
            try:
                await self._rules.insert_one({"_id": campaign, **fields})
                is_kept = True
            except DuplicateKeyError:
                is_kept = False
        if not is_kept:
            raise Conflict("RULES_CHANGED", "审核规则刚刚被别人改过，请刷新后再改")
        return await self.of(campaign)


def _check(rules: Rules) -> None:
    for name, least, most, what in (("second_percent", 0, 100, "复看比例是 0 到 100 的百分数"),
                                    ("most_waiting", 1, MOST_COUNTED, f"待审条数的上限是 1 到 {MOST_COUNTED}"),
                                    ("most_minutes", 1, MOST_MINUTES, f"最长等待是 1 到 {MOST_MINUTES} 分钟（七天）"),
                                    ("hide_after_reports", 0, MOST_REPORTS, f"举报几人后先隐藏是 0 到 {MOST_REPORTS}，0 为不隐藏")):
        if not least <= getattr(rules, name) <= most:
            raise InvalidBody("RULES_WRONG", what, field=name)
    for name, upper in (("back_below", rules.most_waiting), ("back_below_minutes", rules.most_minutes)):
        if not 0 <= getattr(rules, name) < upper:
            raise InvalidBody("RULES_WRONG", "恢复的界限要比切换的界限低，否则会来回切换", field=name)
