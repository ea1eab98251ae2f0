"""An account's quotas, the clear by hand, what was wrong with a request, and the way between the platform and us."""

from __future__ import annotations

from typing import Any

import msgspec

from handlers.staff import StaffHandler
from server.clock import iso
from server.errors import InvalidBody
from server.quotas import Quota


class ClearBody(msgspec.Struct):
    """`confirm`: the AppID once more, so that no slip of the hand spends one of ten."""

    confirm: str


def quota_view(quota: Quota) -> dict[str, Any]:
    return {**msgspec.to_builtins(quota), "nearly_spent": quota.nearly_spent}


class Quotas(StaffHandler):
    async def get(self, appid: str) -> None:
        """What is left today of each call, and which are shut."""
        await self.member("admin")
        self.reply({"items": [quota_view(quota) for quota in await self.services.accounts.of(appid).quotas.view()], "next": None})


class Clear(StaffHandler):
    async def post(self, appid: str) -> None:
        """Spend one of the month's ten clears: every call of the account counts from nothing again."""
        member, one = await self.member("admin"), self.services.accounts.of(appid)
        if self.body(ClearBody).confirm != appid:
            raise InvalidBody("CONFIRMATION_MISSING", "清零每月只有 10 次：请在 confirm 中再写一遍 AppID", field="confirm")
        await self.log(member, "quota.clear", appid)
        by = await one.quotas.clear_by_hand()
        await self.log(member, "quota.cleared", appid, by=by)
        self.reply({"cleared": True, "by": by})


class FailedRequest(StaffHandler):
    async def get(self, appid: str, rid: str) -> None:
        """What was wrong with a request that the platform refused, by its rid."""
        await self.member("admin")
        found = await self.services.accounts.of(appid).quotas.failed_request(rid)
        self.reply({**msgspec.to_builtins(found), "invoked_at": iso(found.invoked_at)})


class Reachability(StaffHandler):
    async def get(self, appid: str) -> None:
        """Whether the platform finds our callback address, and from which addresses it comes."""
        await self.member("admin")
        ways = self.services.accounts.of(appid).reachability
        self.reply({**msgspec.to_builtins(await ways.check()), "api_addresses": await ways.api_addresses(),
                    "callback_addresses": await ways.callback_addresses()})
