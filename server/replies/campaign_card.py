"""“敬礼”“国旗”“升旗”: the card of the current campaign."""

from __future__ import annotations

from server.replies.base import Context, clicks, says
from server.wechat.messages import InboundMessage, Reply


class CampaignCard:
    def concerns(self, message: InboundMessage) -> bool:
        return says(message, "敬礼", "国旗", "升旗", "活动") or clicks(message, "campaign")

    async def answer(self, message: InboundMessage, context: Context) -> Reply | None:
        campaign = await context.current()
        if campaign is None:
            return Reply("text", "现在没有进行中的活动。")
        return context.card(campaign, "menu" if message.is_event else "keyword")
