"""The accounts of this instance, as staff see them."""

from __future__ import annotations

from typing import Any

from handlers.staff import StaffHandler
from server.accounts import Connected


def account_view(one: Connected) -> dict[str, Any]:
    """No secret of it."""
    account = one.account
    return {"appid": account.appid, "role": account.role, "name": account.name, "mode": account.mode}


class List(StaffHandler):
    async def get(self) -> None:
        """Every account, the main ones first."""
        await self.member()
        self.reply({"items": [account_view(one) for one in self.services.accounts], "next": None})
