"""Counting: every citizen once in a period, whatever is repeated, re-sent, raced or crashed.

Read in this order: `asks` (what is asked and answered), `cells` (the array), `scripts/accept.lua` (the rule), `shards` (its calls),
`coalescer` (many requests, few calls), `admission` (who is let in), `epochs` and `keeper` (which Redis is trusted), `receipts`,
`rules` (what is asked of a shard, and what its answer means), `service` (the door), `amendments` (void, merge, deletion).
"""

from server.counting.amendments import Amendments
from server.counting.asks import Ask, Caller, Taken
from server.counting.figures import Figures
from server.counting.rules import Rules, check_open, period_of, tried_at, window_of
from server.counting.service import Counting

__all__ = ["Amendments", "Ask", "Caller", "Counting", "Figures", "Rules", "Taken", "check_open", "period_of", "tried_at", "window_of"]
