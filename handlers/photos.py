"""Photos: the wall, sending one, one's own; their pictures by address, for staff whatever their state."""

from __future__ import annotations

from datetime import datetime

import msgspec

from handlers.authors import author_of
from handlers.base import ApiHandler, BaseHandler
from handlers.participations import ParticipationRecord, record_view
from handlers.staff import StaffHandler
from server.errors import InvalidBody, WenmingError
from server.photos.photo import PhotoBody, own_view

# A second, and then it is asked for again: a photo that was taken down is gone for everybody within two.
CACHED = "public, max-age=1, must-revalidate"
POLICY = "default-src 'none'; sandbox"


class PhotoForm(msgspec.Struct):
    """multipart/form-data: the file `photo`, and the fields of PhotoBody as texts."""

    photo: str
    preset: str = ""
    caption: str = ""
    over14: str = ""
    region: str = ""
    unit: str = ""
    first_tried_at: str = ""


class PhotoAddresses(msgspec.Struct):
    photo: str
    tile: str


class OwnPhoto(msgspec.Struct):
    """Her own photo; `addresses` once it is public. `participation`: where this request counted one."""

    state: str
    text: str
    caption: str
    tries_left: int
    addresses: PhotoAddresses | None = None
    participation: ParticipationRecord | None = None


class Wall(ApiHandler):
    async def get(self, slug: str) -> None:
        """The approved photos, newest first."""
        campaign = await self.services.campaigns.get(slug)
        self.reply(await self.services.photos.wall(campaign, self.get_query_argument("cursor", "")))

    async def post(self, slug: str) -> None:
        """Send a photo with its caption, once in a period: 202 it waits for people, 200 one was sent before."""
        self.services.counting.admission.check()
        self.services.switches.admit_photo(slug)
        token, citizens = self.token(), self.services.citizens
        citizen, body = citizens.of_token(token), self.form()
        files = self.request.files.get("photo", [])
        data = files[0].body if files else b""
        photo, taken = await self.services.photos.send(slug, citizen, body, data, self.now(), author_of(self),
                                                             lambda: citizens.of_token(token))
        self.reply({**own_view(photo), "participation": record_view(taken) if taken else None}, 202 if taken else 200)

    def form(self) -> PhotoBody:
        """The fields beside the file. Raises InvalidBody."""
        if not self.request.headers.get("Content-Type", "").startswith("multipart/form-data"):
            raise InvalidBody("INVALID_BODY", "照片要以 multipart/form-data 表单提交，文件字段名为 photo", field="photo")
        given = {name: self.get_body_argument(name, "") for name in ("preset", "caption", "region", "unit", "first_tried_at")}
        try:
            tried = msgspec.convert(given["first_tried_at"], datetime) if given["first_tried_at"] else None
        except msgspec.ValidationError as error:
            raise InvalidBody("INVALID_BODY", "应为 RFC 3339 时间，如 2026-10-01T08:00:00+08:00", field="first_tried_at") from error
        return PhotoBody(given["preset"], given["caption"], self.get_body_argument("over14", "") in ("1", "true"), given["region"],
                         given["unit"] or None, tried)


class Mine(ApiHandler):
    async def get(self, slug: str) -> None:
        """The caller's own photo of the current period, and what became of it."""
        self.reply(own_view(await self.services.photos.own(slug, self.citizen(), self.now())))

    async def delete(self, slug: str) -> None:
        """Take one's own photo back, at once and for good."""
        await self.services.photos.withdraw(slug, self.citizen(), self.now())
        self.set_status(204)
        self.finish()


class PictureHandler(BaseHandler):
    """No session: an address is a random name, which nobody can guess."""

    def send_picture(self, data: bytes, cached: str) -> None:
        for header, value in (("Content-Type", "image/jpeg"), ("Cache-Control", cached), ("Content-Security-Policy", POLICY),
                              ("Cross-Origin-Resource-Policy", "same-site"), ("X-Robots-Tag", "noindex")):
            self.set_header(header, value)
        self.finish(data)

    def render_error(self, error: WenmingError) -> None:
        self.set_header("Cache-Control", "no-store")
        super().render_error(error)


class Picture(PictureHandler):
    async def get(self, token: str) -> None:
        """A public photo."""
        self.send_picture(await self.services.photos.files.public(token, "photo"), CACHED)


class Tile(PictureHandler):
    async def get(self, token: str) -> None:
        """A public photo as a tile of the wall."""
        self.send_picture(await self.services.photos.files.public(token, "tile"), CACHED)


class Check(PictureHandler):
    async def get(self, address: str) -> None:
        """A photo for the platform's check, while it has been asked."""
        self.send_picture(await self.services.photos.check_picture(address[:32], address[32:]), "no-store")


class StaffPicture(StaffHandler):
    async def get(self, slug: str, photo: str) -> None:
        """The picture of a photo, whatever its state."""
        await self.member("reviewer", "operator", campaign=slug)
        variant = "tile" if self.get_query_argument("size", "") == "tile" else "photo"
        data = await self.services.photos.picture(await self.services.campaigns.get_any(slug), photo, variant)
        self.set_header("Content-Type", "image/jpeg")
        self.set_header("Cache-Control", "no-store")
        self.finish(data)
