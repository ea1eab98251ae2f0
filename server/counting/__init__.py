"""Counting: every citizen once in a period, whatever is repeated, re-sent, raced or crashed.

Read in this order: `cells` (the array), `scripts/accept.lua` (the rule), `shards` (its calls), `coalescer`
(many requests, few calls), `epochs` and `keeper` (which Redis is trusted), `receipts`, `service` (the door),
`amendments` (void, merge, deletion).
"""

from server.counting.amendments import Amendments
from server.counting.figures import Figures
from server.counting.service import Ask, Counting, Taken, period_of, window_of

__all__ = ["Amendments", "Ask", "Counting", "Figures", "Taken", "period_of", "window_of"]
