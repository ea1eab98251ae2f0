"""Somebody follows: the welcome card."""

from __future__ import annotations

from server.replies.base import Context
from server.wechat.messages import InboundMessage, Reply


class Follow:
    def concerns(self, message: InboundMessage) -> bool:
        return message.event == "subscribe"

    async def answer(self, message: InboundMessage, context: Context) -> Reply | None:
        campaign = await context.current()
        if campaign is None:
            return Reply("text", "欢迎关注！新的活动即将开始，敬请期待。")
        return context.card(campaign, "follow", f"欢迎您！一起{campaign.title}")
