"""Materials of an official account, through the staff's interface: files come in piece by piece and go on to the platform."""

from __future__ import annotations

from typing import Any

import tornado.ioloop
import tornado.web
from msgspec import structs

from handlers.staff import StaffHandler
from server.clock import iso
from server.digits import whole
from server.errors import InvalidBody, Refusal
from server.materials import Described, Incoming, Kind, Material
from server.materials.material import MAX_BYTES

# 10 MB over a phone's line of 1 Mbit/s, and some patience.
UPLOAD_SECONDS = 120
MAX_LENGTH_DIGITS = 12


class LengthMissing(Refusal):
    """What comes without its length cannot be refused before it is read."""

    status = 411
    code = "LENGTH_REQUIRED"
    message = "请求缺少 Content-Length"


def material_view(material: Material) -> dict[str, Any]:
    return {**structs.asdict(material), "at": iso(material.at), "expires_at": iso(material.expires_at) if material.expires_at else None}


@tornado.web.stream_request_body
class Library(StaffHandler):
    """Who sends it, what it is and how long it is are known and checked before any of a file is read."""

    incoming: Incoming | None = None
    client_left = False

    async def prepare(self) -> None:  # type: ignore[override]  # a streamed request waits for it
        super().prepare()
        if self.request.method != "POST":
            return
        self.member_here, appid = await self.member("editor"), self.path_args[0]
        self.described = Described(*(self.get_query_argument(name, "") for name in ("name", "title", "introduction")))
        length = whole(self.request.headers.get("Content-Length", ""), MAX_LENGTH_DIGITS)
        if length is None:
            raise LengthMissing()
        materials = self.services.accounts.official(appid).materials
        incoming = await materials.begin(self.kind(), self.described, length, permanent=self.permanent())
        if self.client_left:
            await incoming.discard()
            return
        self.incoming = incoming
        connection: Any = self.request.connection
        connection.set_max_body_size(length)
        connection.set_body_timeout(UPLOAD_SECONDS)

    async def data_received(self, chunk: bytes) -> None:
        if self.incoming is not None:
            await self.incoming.add(chunk)

    async def get(self, appid: str) -> None:
        """The materials of a kind, newest first."""
        await self.member()
        materials = self.services.accounts.official(appid).materials
        found, following = await materials.page(self.kind(), self.get_query_argument("cursor", ""), self.now())
        self.reply({"items": list(map(material_view, found)), "next": following})

    async def post(self, appid: str) -> None:
        """Hand a file on to the platform; the same permanent file again gives what it is there already."""
        incoming, self.incoming = self.incoming, None
        if incoming is None:
            raise InvalidBody(message="没有收到文件内容，请再传一次")
        material, is_new = await self.services.accounts.official(appid).materials.keep(
            incoming, self.kind(), self.described, self.member_here.name, self.now(), permanent=self.permanent())
        if is_new:
            await self.log(self.member_here, "material.upload", material.media_id, kind=material.kind, bytes=material.size_bytes)
        self.reply(material_view(material), 201 if is_new else 200)

    def on_finish(self) -> None:
        self._give_up()

    def on_connection_close(self) -> None:
        super().on_connection_close()
        self.client_left = True
        self._give_up()

    def kind(self) -> Kind:
        """Raises InvalidBody."""
        kind: Any = self.get_query_argument("kind", "")
        if kind not in MAX_BYTES:
            raise InvalidBody(message=f"地址里要有 ?kind=，只能是 {'、'.join(MAX_BYTES)} 之一", field="kind")
        found: Kind = kind
        return found

    def permanent(self) -> bool:
        """Raises InvalidBody."""
        lasting = self.get_query_argument("lasting", "permanent")
        if lasting not in ("permanent", "temporary"):
            raise InvalidBody(message="lasting 只能是 permanent（永久）或 temporary（三天）", field="lasting")
        return lasting == "permanent"

    def _give_up(self) -> None:
        """What was not handed on leaves nothing behind."""
        if self.incoming is not None:
            tornado.ioloop.IOLoop.current().add_callback(self.incoming.discard)
            self.incoming = None


class OneMaterial(StaffHandler):
    async def get(self, appid: str, media_id: str) -> None:
        """What is known of a material."""
        await self.member()
        self.reply(material_view(await self.services.accounts.official(appid).materials.find(media_id)))

    async def delete(self, appid: str, media_id: str) -> None:
        """Take a permanent material out of the account's library."""
        member = await self.member("editor")
        gone = await self.services.accounts.official(appid).materials.delete(media_id)
        await self.log(member, "material.delete", media_id, kind=gone.kind, name=gone.name)
        self.set_status(204)
        self.finish()
