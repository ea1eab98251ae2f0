"""Uploads into the media library by the tus protocol 1.0.0: core, creation, termination, expiration and checksum. [tus.io]

Any tus client works that sends the session's cookie and X-CSRF-Token with its requests. A finished upload becomes a medium by
`POST /api/v1/staff/media` (handlers/media.py).
"""

from __future__ import annotations

from email.utils import formatdate
from typing import Any

import tornado.ioloop
import tornado.web

from handlers.materials import LengthMissing
from handlers.staff import StaffHandler
from server.clock import iso
from server.digits import whole
from server.errors import InvalidBody, Refusal, WenmingError
from server.media import Receiving, Upload
from server.media.medium import MAX_BYTES
from server.media.uploads import CHECKSUMS, checksum_of, metadata_of

VERSION = "1.0.0"
EXTENSIONS = "creation,termination,expiration,checksum"
PIECE_TYPE = "application/offset+octet-stream"
# 500 MB at 1.2 Mbit/s; whoever is slower goes on with the next request, from where this one ended.
PIECE_SECONDS = 3600
MAX_NUMBER_DIGITS = 12
# What a client that cannot say it otherwise may ask for by POST.
OVERRIDDEN = ("PATCH", "DELETE", "HEAD")


class VersionDiffers(Refusal):
    status = 412
    code = "TUS_VERSION_DIFFERS"
    message = "上传协议的版本不是 1.0.0"


class PieceTypeWrong(Refusal):
    status = 415
    code = "UPLOAD_TYPE_WRONG"
    message = f"上传一段文件时 Content-Type 要是 {PIECE_TYPE}"


def upload_view(upload: Upload) -> dict[str, Any]:
    return {"id": upload.id, "name": upload.name, "kind": upload.kind, "length": upload.length, "offset": upload.offset,
            "expires_at": iso(upload.expires_at), "medium": upload.medium or None,
            "refusal": {"code": upload.refusal[0], "message": upload.refusal[1]} if upload.refusal else None}


class TusHandler(StaffHandler):
    def set_default_headers(self) -> None:
        super().set_default_headers()
        self.set_header("Tus-Resumable", VERSION)

    def prepare(self) -> None:
        super().prepare()
        if self.request.method == "POST" and (wanted := self.request.headers.get("X-HTTP-Method-Override", "").upper()) in OVERRIDDEN:
            self.request.method = wanted
        if self.request.method in ("POST", "PATCH", "HEAD", "DELETE") and self.request.headers.get("Tus-Resumable") != VERSION:
            raise VersionDiffers()

    def render_error(self, error: WenmingError) -> None:
        if error.status == 412:
            self.set_header("Tus-Version", VERSION)
        super().render_error(error)

    def number(self, name: str) -> int:
        """A header that is a whole number. Raises InvalidBody."""
        number = whole(self.request.headers.get(name, ""), MAX_NUMBER_DIGITS)
        if number is None:
            raise InvalidBody(message=f"请求头 {name} 应为整数", field=name)
        return number

    def tell(self, upload: Upload) -> None:
        self.set_header("Upload-Offset", str(upload.offset))
        self.set_header("Upload-Expires", formatdate(upload.expires_at, usegmt=True))

    def options(self, *_: str) -> None:
        """What this server understands; no session is needed to know it."""
        self.set_header("Tus-Version", VERSION)
        self.set_header("Tus-Extension", EXTENSIONS)
        self.set_header("Tus-Max-Size", str(max(MAX_BYTES.values())))
        self.set_header("Tus-Checksum-Algorithm", ",".join(CHECKSUMS))
        self.set_status(204)
        self.finish()


class Uploads(TusHandler):
    async def get(self) -> None:
        """Her own uploads that can go on."""
        member = await self.member("editor")
        found = await self.services.media.uploads.open_of(member.name, self.now())
        self.reply({"items": list(map(upload_view, found)), "next": None})

    async def post(self) -> None:
        """Begin an upload: its length, and in its metadata filetype and filename."""
        member = await self.member("editor")
        metadata = metadata_of(self.request.headers.get("Upload-Metadata", ""))
        upload = await self.services.media.uploads.create(self.number("Upload-Length"), metadata, member.name, self.now())
        self.tell(upload)
        self.set_header("Location", f"{self.request.path.rstrip('/')}/{upload.id}")
        self.set_status(201)
        self.finish()


@tornado.web.stream_request_body
class OneUpload(TusHandler):
    """Who sends a piece, and whether it fits, is known before any of it is read."""

    receiving: Receiving | None = None
    client_left = False

    async def prepare(self) -> None:  # type: ignore[override]  # a streamed request waits for it
        super().prepare()
        if self.request.method != "PATCH":
            return
        member = await self.member("editor")
        if self.request.headers.get("Content-Type") != PIECE_TYPE:
            raise PieceTypeWrong()
        if "Content-Length" not in self.request.headers:
            raise LengthMissing()
        length, checksum = self.number("Content-Length"), checksum_of(self.request.headers.get("Upload-Checksum"))
        self.receiving = await self.services.media.uploads.receive(self.path_args[0], self.number("Upload-Offset"), length, checksum,
                                                                   member.name, self.now())
        if self.client_left:
            await self.receiving.leave()
            return
        connection: Any = self.request.connection
        connection.set_max_body_size(length)
        connection.set_body_timeout(PIECE_SECONDS)

    async def data_received(self, chunk: bytes) -> None:
        if self.receiving is not None:
            await self.receiving.add(chunk)

    async def head(self, upload_id: str) -> None:
        """How much of it is here."""
        upload = await self._found(upload_id)
        self.tell(upload)
        self.set_header("Upload-Length", str(upload.length))
        self.set_header("Cache-Control", "no-store")
        self.finish()

    async def get(self, upload_id: str) -> None:
        """The same, and what became of it."""
        self.reply(upload_view(await self._found(upload_id)))

    async def patch(self, upload_id: str) -> None:
        """Add a piece where the last one ended."""
        if self.receiving is None:
            raise InvalidBody(message="没有收到文件内容，请从断点再传")
        self.tell(await self.receiving.end())
        self.set_status(204)
        self.finish()

    async def delete(self, upload_id: str) -> None:
        """Give an upload up."""
        member = await self.member("editor")
        await self.services.media.uploads.end(upload_id, member.name, self.now())
        self.set_status(204)
        self.finish()

    def on_finish(self) -> None:
        self._leave()

    def on_connection_close(self) -> None:
        super().on_connection_close()
        self.client_left = True
        self._leave()

    async def _found(self, upload_id: str) -> Upload:
        member = await self.member("editor")
        return await self.services.media.uploads.find(upload_id, member.name, self.now())

    def _leave(self) -> None:
        """What came before the connection ended is kept."""
        if self.receiving is not None:
            tornado.ioloop.IOLoop.current().add_callback(self.receiving.leave)
            self.receiving = None
