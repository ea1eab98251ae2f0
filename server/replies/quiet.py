"""Events that want no words: leaving, arriving at a menu page, reports of the platform."""

from __future__ import annotations

from server.replies.base import Context
from server.wechat.messages import InboundMessage, Reply


class Quiet:
    def concerns(self, message: InboundMessage) -> bool:
        return message.is_event

    async def answer(self, message: InboundMessage, context: Context) -> Reply | None:
        return None
