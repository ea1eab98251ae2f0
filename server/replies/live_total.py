"""“人数”“多少人”: how many took part so far."""

from __future__ import annotations

from server.clock import shanghai
from server.replies.base import Context, clicks, says
from server.wechat.messages import InboundMessage, Reply


class LiveTotal:
    words, key = ("人数", "多少"), "total"

    def concerns(self, message: InboundMessage) -> bool:
        return bool(says(message, *self.words)) or clicks(message, self.key)

    async def answer(self, message: InboundMessage, context: Context) -> Reply | None:
        campaign = await context.current()
        if campaign is None:
            return Reply("text", "现在没有进行中的活动。")
        figures = await context.counting.figures(campaign.slug, None, context.now, minutes=0)
        at = shanghai(figures.as_of or context.now)
        return Reply("text", f"{campaign.title}：已有 {figures.participants:,} 人参与（截至 {at:%H:%M:%S}）。")
