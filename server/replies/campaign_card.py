"""“敬礼”“国旗”“升旗”: the card of the current campaign."""

from __future__ import annotations

from server.campaign_types import CAMPAIGN_TYPES
from server.replies.base import Context, clicks, says
from server.wechat.messages import InboundMessage, Reply


class CampaignCard:
    # What one does in a campaign of any kind, and what it is called.
    words, key = ("国旗", "升旗", "活动", *(kind.act for kind in CAMPAIGN_TYPES.values())), "campaign"

    def concerns(self, message: InboundMessage) -> bool:
        return bool(says(message, *self.words)) or clicks(message, self.key)

    async def answer(self, message: InboundMessage, context: Context) -> Reply | None:
        campaign = await context.current()
        if campaign is None:
            return Reply("text", "现在没有进行中的活动。")
        return context.card(campaign, "menu" if message.is_event else "keyword")
