"""The menu of the official account: versions, what WeChat holds, publishing and rolling back."""

from __future__ import annotations

from typing import Any

import msgspec

from handlers.base import decode_body
from handlers.staff import StaffHandler
from server.clock import iso
from server.digits import whole
from server.errors import InvalidBody
from server.menus import Layout, Version, check, click_keys, live_number

# Twenty menus for some, of fifteen entries with long addresses each.
MAX_MENU_BYTES = 512 * 1024
# A billion versions.
MAX_NUMBER_DIGITS = 9


class PublishBody(msgspec.Struct):
    number: int


def version_view(version: Version, live: int = 0) -> dict[str, Any]:
    """`live`: the number of the one that was published last."""
    return {"number": version.number, "layout": msgspec.to_builtins(version.layout), "by": version.by,
            "created_at": iso(version.created_at), "published_at": iso(version.published_at) if version.published_at else None,
            "published_by": version.published_by or None, "live": version.number == live}


class Versions(StaffHandler):
    async def get(self, appid: str) -> None:
        """The versions, newest first."""
        await self.member()
        versions = await self.services.accounts.official(appid).menus.versions()
        live = live_number(versions)
        self.reply({"items": [version_view(version, live) for version in versions], "next": None})

    async def post(self, appid: str) -> None:
        """Keep a new version; nobody sees it until it is published."""
        member = await self.member("editor")
        layout = decode_body(self.request.body, Layout, MAX_MENU_BYTES)
        check(layout)
        warnings = await self.services.references.of_layout(appid, layout, self.now())
        kept = await self.services.accounts.official(appid).menus.keep(layout, member.name, self.now())
        await self.log(member, "menu.keep", str(kept.number))
        self.reply(version_view(kept) | {"warnings": warnings}, 201)


class Held(StaffHandler):
    async def get(self, appid: str) -> None:
        """What WeChat shows now, and, where `number` is given, what publishing that version would change."""
        await self.member()
        menus, asked = self.services.accounts.official(appid).menus, self.get_query_argument("number", "")
        if asked and whole(asked, MAX_NUMBER_DIGITS) is None:
            raise InvalidBody(message="number 应为菜单的版本号，例如 3", field="number")
        changes, warnings = None, None
        if asked:
            changes = await menus.differences(int(asked))
            warnings = await self.services.references.of_layout(appid, (await menus.version(int(asked))).layout, self.now())
        self.reply({"layout": msgspec.to_builtins(await menus.held()), "changes": changes, "warnings": warnings})

    async def put(self, appid: str) -> None:
        """Publish a version, also an older one."""
        member = await self.member("editor")
        menus, number = self.services.accounts.official(appid).menus, self.body(PublishBody).number
        await self.services.references.of_layout(appid, (await menus.version(number)).layout, self.now())
        published = await menus.publish(number, member.name, self.now())
        await self.log(member, "menu.publish", str(published.number))
        self.reply(version_view(published, published.number))


class Keys(StaffHandler):
    async def get(self, appid: str) -> None:
        """The keys that a tap of the newest menu sends, with those that the product knows, and what answers each."""
        await self.member()
        newest = next(iter(await self.services.accounts.official(appid).menus.versions()), None)
        answered = await self.services.references.answered(appid, click_keys(newest.layout) if newest else (), self.now())
        self.reply({"items": [msgspec.to_builtins(one) for one in answered], "next": None})
