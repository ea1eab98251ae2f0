"""The mini-program: what a phone encrypted, who comes by a code, and for the staff its codes and links."""

from __future__ import annotations

from typing import Any

import msgspec

from handlers.base import ApiHandler
from handlers.staff import StaffHandler
from server.clock import iso
from server.digits import whole
from server.encrypted_data import Sealed
from server.errors import InvalidBody
from server.mini_codes import USUAL_WIDTH, MiniCode, visits_key
from server.mini_links import MAX_DAYS, Kind, MiniLink
from server.mini_pages import EnvVersion, Target


class MiniCodeBody(msgspec.Struct):
    """`name`: where it hangs; `scene` empty: one is made. `width` and `env_version` are those of the first picture."""

    name: str
    page: str
    query: dict[str, str] = {}
    scene: str = ""
    env_version: EnvVersion = "release"
    width: int = USUAL_WIDTH


class MiniLinkBody(msgspec.Struct):
    """`kind`: for texts and mails, for web pages, or inside WeChat. Short links always have 30 days."""

    kind: Kind
    name: str
    page: str
    query: dict[str, str] = {}
    days: int = MAX_DAYS
    env_version: EnvVersion = "release"


def code_view(code: MiniCode) -> dict[str, Any]:
    return {"appid": code.appid, "scene": code.scene, "name": code.name, "page": code.target.page, "query": code.target.query,
            "by": code.by, "made_at": iso(code.made_at)}


def link_view(link: MiniLink) -> dict[str, Any]:
    return {"id": link.id, "appid": link.appid, "kind": link.kind, "name": link.name, "page": link.target.page, "query": link.target.query,
            "env_version": link.env_version, "url": link.url, "by": link.by, "made_at": iso(link.made_at),
            "expires_at": iso(link.expires_at)}


class Data(ApiHandler):
    async def post(self) -> None:
        """Open what the phone encrypted with the session_key of her last login: a shared group, or her steps."""
        opened = await self.services.encrypted_data.open(self.citizen(), self.body(Sealed), self.now())
        self.reply({"kind": opened.kind, "data": opened.fields})


class SceneVisits(ApiHandler):
    async def post(self, appid: str, scene: str) -> None:
        """Where a scanned code leads; counts the visit."""
        one = self.services.accounts.mini_program(appid)
        target = await one.mini_codes.resolve(scene, self.now())
        await self.services.visits.record(visits_key(appid, scene), "scan", self.now())
        self.reply({"page": target.page, "query": target.query})


class MiniCodes(StaffHandler):
    async def get(self, appid: str) -> None:
        """Every code of the mini-program, by name."""
        await self.member()
        codes = await self.services.accounts.mini_program(appid).mini_codes.all()
        self.reply({"items": [code_view(code) for code in codes], "next": None})

    async def post(self, appid: str) -> None:
        """The code of a page with its parameters, made at first need."""
        member, body = await self.member("editor"), self.body(MiniCodeBody)
        codes = self.services.accounts.mini_program(appid).mini_codes
        code = await codes.make(Target(body.page, body.query), body.name, member.name, self.now(), scene=body.scene,
                                env_version=body.env_version, width=body.width)
        await self.log(member, "mini_code.make", code.scene, page=body.page)
        self.reply(code_view(code), 201)


class OneMiniCode(StaffHandler):
    async def get(self, appid: str, scene: str) -> None:
        """A code, and how many came by it on each day."""
        await self.member()
        code = await self.services.accounts.mini_program(appid).mini_codes.find(scene)
        self.reply({**code_view(code), "days": await self.services.visits.of(visits_key(appid, scene))})


class MiniCodePicture(StaffHandler):
    async def get(self, appid: str, scene: str) -> None:
        """The picture to print, `width` pixels wide, for the release, trial or development version."""
        await self.member()
        codes = self.services.accounts.mini_program(appid).mini_codes
        picture = await codes.picture(scene, self._env_version(), self._width())
        self.set_header("Content-Type", "image/jpeg")
        self.set_header("Content-Disposition", f'attachment; filename="{scene}.jpg"')
        self.finish(picture)

    def _env_version(self) -> EnvVersion:
        try:
            version: EnvVersion = msgspec.convert(self.get_query_argument("env_version", "release"), EnvVersion)
        except msgspec.ValidationError as error:
            raise InvalidBody(message="env_version 只能是 release、trial 或 develop", field="env_version") from error
        return version

    def _width(self) -> int:
        return whole(self.get_query_argument("width", str(USUAL_WIDTH)), 5) or 0


class MiniLinks(StaffHandler):
    async def get(self, appid: str) -> None:
        """Every link into the mini-program, the newest first."""
        await self.member()
        links = await self.services.accounts.mini_program(appid).mini_links.all()
        self.reply({"items": [link_view(link) for link in links], "next": None})

    async def post(self, appid: str) -> None:
        """The link of a page with its parameters: 201 a new one, 200 the one that still lasts."""
        member, body = await self.member("editor"), self.body(MiniLinkBody)
        links = self.services.accounts.mini_program(appid).mini_links
        link, new = await links.get(body.kind, Target(body.page, body.query), body.name, member.name, self.now(), days=body.days,
                                    env_version=body.env_version)
        await self.log(member, "mini_link.get", link.id, kind=body.kind, page=body.page, new=new)
        self.reply(link_view(link), 201 if new else 200)
