"""Whatever nobody else answers: what one can say here."""

from __future__ import annotations

from server.replies.base import Context
from server.wechat.messages import InboundMessage, Reply

HELP = "您好！回复下面的词试试：\n敬礼 · 参加向国旗敬礼\n我的 · 看自己是第几位\n人数 · 看现在有多少人参与\n时间 · 看活动到什么时候"


class Default:
    def concerns(self, message: InboundMessage) -> bool:
        return True

    async def answer(self, message: InboundMessage, context: Context) -> Reply | None:
        return Reply("text", HELP)
