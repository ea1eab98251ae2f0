"""“我的”“第几位”“证书”: which participant she is."""

from __future__ import annotations

from server.campaign_types import CAMPAIGN_TYPES
from server.clock import spoken
from server.errors import NotFound
from server.replies.base import Context, clicks, says
from server.wechat.messages import InboundMessage, Reply


class MyOrdinal:
    words, key = ("我的", "第几", "证书", "序号"), "mine"

    def concerns(self, message: InboundMessage) -> bool:
        return bool(says(message, *self.words)) or clicks(message, self.key)

    async def answer(self, message: InboundMessage, context: Context) -> Reply | None:
        campaign = await context.current()
        if campaign is None:
            return Reply("text", "现在没有进行中的活动。")
        citizen = await context.citizens.identify(message.appid, message.openid, None, context.now)
        try:
            record = await context.counting.record_of(campaign.slug, citizen, context.now)
        except NotFound:
            return context.card(campaign, "keyword", f"您还没有{CAMPAIGN_TYPES[campaign.kind].act}，点这里参加：{campaign.title}")
        return Reply("text", f"您是第 {record.ordinal:,} 位参与者（{spoken(record.participated_at)}）。"
                             f"证书在活动页里：{context.base_url}/c/{campaign.slug}")
