"""What the official account answers, as one table: the first entry that a message concerns answers it, the last takes all.

A reply that raises is logged and counted and then counts as no answer. Where do I add a reply: a file here with a class
of two methods, and its line below at the height of its priority.
"""

from __future__ import annotations

import logging

from server.replies.base import Context, ReplyRule
from server.replies.campaign_card import CampaignCard
from server.replies.default import Default
from server.replies.follow import Follow
from server.replies.live_total import LiveTotal
from server.replies.my_ordinal import MyOrdinal
from server.replies.quiet import Quiet
from server.wechat.messages import InboundMessage, Reply

__all__ = ["REPLIES", "Context", "answer"]

logger = logging.getLogger(__name__)

REPLIES: tuple[ReplyRule, ...] = (
    Follow(),
    MyOrdinal(),
    LiveTotal(),
    CampaignCard(),
    Quiet(),
    Default(),
)


async def answer(message: InboundMessage, context: Context) -> Reply | None:
    """What to say, or None. Raises whatever the reply raised; the caller counts it."""
    return await next(rule for rule in REPLIES if rule.concerns(message)).answer(message, context)
