"""Reply rules 回复规则: what editors have the official account answer, without a developer.

Owns: `reply_rules`, one document a rule, and `revisions/reply_rules`, which rises with every change. rule.py (what a rule is and when it
may be kept), matching.py (which rule a message reaches, and why), service.py (reading, editing, trying out).
Does not own: what the product answers by itself (server/replies), which a rule may name.
Invariants: rules are tried in the order of their position; one that is off, or outside its time, is passed; a change reaches every
process within a second; while MongoDB is away the rules last known hold.
"""

from __future__ import annotations

from server.reply_rules.matching import Match, Matcher
from server.reply_rules.rule import Rule, RuleNotFound, Trigger
from server.reply_rules.service import ReplyRules

__all__ = ["Match", "Matcher", "ReplyRules", "Rule", "RuleNotFound", "Trigger"]
