"""“什么时候”“几点”“截止”: when the current campaign opens and closes."""

from __future__ import annotations

from server.clock import spoken
from server.replies.base import Context, says
from server.wechat.messages import InboundMessage, Reply


class CampaignTimes:
    words = ("什么时候", "几点", "时间", "截止", "几号")

    def concerns(self, message: InboundMessage) -> bool:
        return bool(says(message, *self.words))

    async def answer(self, message: InboundMessage, context: Context) -> Reply | None:
        campaign = await context.current()
        if campaign is None:
            return Reply("text", "现在没有进行中的活动。")
        begins, ends = spoken(campaign.opens_at), spoken(campaign.closes_at)
        if context.now < campaign.opens_at:
            return Reply("text", f"{campaign.title}：{begins} 开始，{ends} 截止。")
        if campaign.state == "frozen" or context.now >= campaign.closes_at:
            return Reply("text", f"{campaign.title} 已于 {ends} 结束，谢谢您的关注。")
        pause = "活动现在暂停，" if campaign.state == "paused" else ""
        return Reply("text", f"{campaign.title}：{pause}{ends} 截止。点这里参加：{context.base_url}/c/{campaign.slug}?ch=keyword")
