"""Printed codes, through the staff's interface: short links that can be led elsewhere, QR codes of scenes, and how often each was used."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
from msgspec import structs

from handlers.media import PublicFile
from handlers.pages import CampaignPage, PageHandler
from handlers.screens import ScreenPage
from handlers.staff import StaffHandler
from server.campaigns import CampaignNotFound
from server.clock import iso
from server.errors import InvalidBody
from server.scene_codes import SceneCode, picture, scene_key
from server.short_links import Link


class LinkBody(msgspec.Struct):
    """A page of this site, and what the staff call the link."""

    path: str
    name: str


class PathBody(msgspec.Struct):
    """What changes: where it leads, or what the staff call it."""

    path: str | None = None
    name: str | None = None


class NameBody(msgspec.Struct):
    name: str


class SceneBody(msgspec.Struct):
    """`days` null: a permanent code, of which an account has a hundred thousand."""

    scene: str
    name: str
    days: int | None = None


def scene_view(code: SceneCode) -> dict[str, Any]:
    return {**structs.asdict(code), "expires_at": iso(code.expires_at) if code.expires_at else None}


class LinkHandler(StaffHandler):
    async def check_page(self, path: str) -> None:
        """Whether this site has the page. Raises InvalidBody LINK_PAGE_MISSING with what to do."""
        bare = path.partition("?")[0].partition("#")[0]
        rules: Any = self.application.wildcard_router.rules
        target = next((rule.target for rule in rules if rule.matcher.regex.fullmatch(bare)), None)
        if not (isinstance(target, type) and issubclass(target, PageHandler | PublicFile)):
            raise InvalidBody("LINK_PAGE_MISSING", f"本站没有 {bare[:60]} 这个页面；活动页是 /c/ 加活动代码", field="path")
        if issubclass(target, CampaignPage | ScreenPage):
            await self.check_campaign(bare.rpartition("/")[2])

    async def check_campaign(self, slug: str) -> None:
        try:
            await self.services.campaigns.get_any(slug)
        except CampaignNotFound as error:
            raise InvalidBody("LINK_PAGE_MISSING", f"没有代码为 {slug} 的活动，请到“活动”页核对代码", field="path") from error


class Links(LinkHandler):
    async def get(self) -> None:
        """Every short link, by name."""
        await self.member()
        self.reply({"items": [self._view(link) for link in await self.services.short_links.all()], "next": None})

    async def post(self) -> None:
        """A new short link to a page of this site."""
        member, body = await self.member("editor"), self.body(LinkBody)
        await self.check_page(body.path)
        made = await self.services.short_links.create(body.path, body.name)
        await self.log(member, "link.create", made.code, path=made.path)
        self.reply(self._view(made), 201)

    def _view(self, link: Link) -> dict[str, Any]:
        return {**structs.asdict(link), "url": self.services.short_links.address(link.code)}


class OneLink(LinkHandler):
    async def get(self, code: str) -> None:
        """Where a link leads, and how often it was opened on each day."""
        await self.member()
        await self._show(code, await self.services.short_links.target(code))

    async def put(self, code: str) -> None:
        """Lead a link elsewhere on this site, or call it otherwise; what is printed stays right."""
        member, body = await self.member("editor"), self.body(PathBody)
        if body.path is None and body.name is None:
            raise InvalidBody("LINK_UNCHANGED", "请写明改指到哪里，或改成什么名称", field="path")
        if body.name is not None:
            await self.services.short_links.rename(code, body.name)
            await self.log(member, "link.rename", code, name=body.name.strip())
        if body.path is not None:
            await self.services.short_links.target(code)
            await self.check_page(body.path)
            await self.services.short_links.point(code, body.path)
            await self.log(member, "link.point", code, path=body.path)
        await self._show(code, await self.services.short_links.target(code))

    async def delete(self, code: str) -> None:
        """Take away a link that nobody opens any more."""
        member = await self.member("editor")
        removed = await self.services.short_links.remove(code, await self.services.visits.of(f"link:{code}"), self.now())
        await self.log(member, "link.remove", code, path=removed.path, name=removed.name)
        self.done()

    async def _show(self, code: str, path: str) -> None:
        self.reply({"code": code, "path": path, "days": await self.services.visits.of(f"link:{code}")})


class LinkPicture(StaffHandler):
    async def get(self, code: str) -> None:
        """A short link's QR code, to print."""
        await self.member()
        await self.services.short_links.target(code)
        self.set_header("Content-Type", "image/png")
        self.set_header("Content-Disposition", f'attachment; filename="{code}.png"')
        self.finish(await asyncio.to_thread(picture, self.services.short_links.address(code)))


class Scenes(StaffHandler):
    async def get(self, appid: str) -> None:
        """Every scene code of the official account, by name."""
        await self.member()
        self.reply({"items": [scene_view(code) for code in await self.services.accounts.official(appid).scene_codes.all()], "next": None})

    async def post(self, appid: str) -> None:
        """The code of a scene, made at first need."""
        member, body = await self.member("editor"), self.body(SceneBody)
        code = await self.services.accounts.official(appid).scene_codes.get(body.scene, body.name, body.days, self.now())
        await self.log(member, "scene.get", code.scene)
        self.reply(scene_view(code), 201)


class OneScene(StaffHandler):
    async def get(self, appid: str, scene: str) -> None:
        """A scene's code, and how many scanned it and followed by it on each day."""
        await self.member()
        code = await self.services.accounts.official(appid).scene_codes.find(scene)
        self.reply({**scene_view(code), "days": await self.services.visits.of(scene_key(appid, scene))})


    async def put(self, appid: str, scene: str) -> None:
        """Call it otherwise; what is printed stays right."""
        member, body = await self.member("editor"), self.body(NameBody)
        code = await self.services.accounts.official(appid).scene_codes.rename(scene, body.name)
        await self.log(member, "scene.rename", scene, name=code.name)
        self.reply({**scene_view(code), "days": await self.services.visits.of(scene_key(appid, scene))})

    async def delete(self, appid: str, scene: str) -> None:
        """Take a code off the list that nobody scans any more."""
        member, codes = await self.member("editor"), self.services.accounts.official(appid).scene_codes
        rules = [rule.name for rule in await self.services.reply_rules.all()
                 if rule.trigger.kind == "scan" and scene in rule.trigger.words and rule.appid in ("", appid)]
        await codes.remove(scene, await self.services.visits.of(scene_key(appid, scene)), rules, self.now())
        await self.log(member, "scene.remove", scene)
        self.done()


class ScenePicture(StaffHandler):
    async def get(self, appid: str, scene: str) -> None:
        """The picture to print."""
        await self.member()
        code = await self.services.accounts.official(appid).scene_codes.find(scene)
        self.set_header("Content-Type", "image/png")
        self.set_header("Content-Disposition", f'attachment; filename="{scene}.png"')
        self.finish(await asyncio.to_thread(picture, code.url))
