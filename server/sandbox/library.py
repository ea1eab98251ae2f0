"""The library of an account: what was uploaded for three days or for good, and pictures for articles.

Owns: `/cgi-bin/media/…`, `/cgi-bin/material/…`, and the pages of pictures. Does not own: articles (articles.py).
Invariants: a kind is what the file says and what its name ends with, within its size; what was for three days is gone after them.
Of videos and voices the sandbox keeps the description alone.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from typing import Any

import tornado.web

from server.sandbox.accounts import MATERIAL, MEDIA, Account
from server.sandbox.endpoints import Base, Endpoint
from server.sandbox.errcodes import WeChatRefusal
from server.sandbox.platform import Platform

KIND = "material"
DAYS_SECONDS = 3 * 86400
LIMITS = {"image": 10 << 20, "voice": 2 << 20, "video": 10 << 20, "thumb": 64 << 10}
ENDINGS = {"image": ("bmp", "png", "jpeg", "jpg", "gif"), "voice": ("mp3", "wma", "wav", "amr"), "video": ("mp4",),
           "thumb": ("jpg", "jpeg")}
MAX_ARTICLE_PICTURE_BYTES = 1 << 20
# By name ending: how the content begins, from which byte on.
SIGNS: dict[str, tuple[tuple[int, bytes], ...]] = {
    "bmp": ((0, b"BM"),), "png": ((0, b"\x89PNG"),), "jpg": ((0, b"\xff\xd8"),), "jpeg": ((0, b"\xff\xd8"),), "gif": ((0, b"GIF8"),),
    "mp3": ((0, b"ID3"), (0, b"\xff\xfb"), (0, b"\xff\xf3"), (0, b"\xff\xfa"), (0, b"\xff\xf2")), "wma": ((0, b"\x30\x26\xb2\x75"),),
    "wav": ((0, b"RIFF"),), "amr": ((0, b"#!AMR"),), "mp4": ((4, b"ftyp"),)}
TYPES = {"bmp": "image/bmp", "png": "image/png", "gif": "image/gif"}


def permanent(platform: Platform, account: Account, media_id: str) -> dict[str, Any]:
    """Raises WeChatRefusal for one that is not there, or not for good."""
    found = platform.store.thing(KIND, account.appid, media_id)
    if found is None or found["expires"]:
        raise WeChatRefusal(40007)
    return found


class Uploading(Endpoint):
    """What the uploads share. A refused one is not remembered under its rid: its body is the file."""

    def refused(self, refusal: WeChatRefusal) -> dict[str, Any]:
        return refusal.body()

    def file(self) -> tuple[str, bytes]:
        """The form's file: the ending of its name and its content. Raises WeChatRefusal."""
        files = self.request.files.get("media")
        if not files:
            raise WeChatRefusal(41005)
        if not files[0].body:
            raise WeChatRefusal(44001, "empty media data")
        return files[0].filename.rpartition(".")[2].lower(), files[0].body

    def checked(self, kind: str) -> tuple[str, bytes]:
        """The same, of a kind. Raises WeChatRefusal."""
        if kind not in LIMITS:
            raise WeChatRefusal(40004)
        ending, content = self.file()
        if len(content) > LIMITS[kind]:
            raise WeChatRefusal(45001)
        if ending not in ENDINGS[kind] or not any(content[at:].startswith(sign) for at, sign in SIGNS[ending]):
            raise WeChatRefusal(40005)
        return ending, content

    def keep(self, account: Account, kind: str, ending: str, content: bytes, expires: float, **more: str) -> str:
        media_id = secrets.token_urlsafe(32)
        picture = content if kind in ("image", "thumb", "article") else None
        self.platform.store.keep_thing(KIND, account.appid, media_id, {
            "type": kind, "ending": ending, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest(), "expires": expires,
            **more}, self.platform.now(), picture)
        return media_id

    def address(self, media_id: str) -> str:
        return f"{self.request.protocol}://{self.request.host}/mmbiz/{media_id}"


class MediaUpload(Uploading):
    def posted(self) -> dict[str, Any]:
        account, kind = self.account(MEDIA), self.query().get("type", "")
        ending, content = self.checked(kind)
        if ending in ("bmp", "wma", "wav"):
            raise WeChatRefusal(40005)
        media_id = self.keep(account, kind, ending, content, self.platform.now() + DAYS_SECONDS)
        return {"type": kind, "thumb_media_id" if kind == "thumb" else "media_id": media_id, "created_at": int(self.platform.now())}


class UploadPicture(Uploading):
    def posted(self) -> dict[str, Any]:
        account = self.account(MATERIAL)
        ending, content = self.file()
        if ending not in ("jpg", "jpeg", "png") or not any(content[at:].startswith(sign) for at, sign in SIGNS[ending]):
            raise WeChatRefusal(40005)
        if len(content) >= MAX_ARTICLE_PICTURE_BYTES:
            raise WeChatRefusal(40009)
        return {"url": self.address(self.keep(account, "article", ending, content, 0))}


class AddMaterial(Uploading):
    def posted(self) -> dict[str, Any]:
        account, kind = self.account(MATERIAL), self.query().get("type", "")
        ending, content = self.checked(kind)
        title = ""
        if kind == "video":
            try:
                title = str(json.loads(self.get_body_argument("description", ""))["title"])
            except (ValueError, KeyError, TypeError) as error:
                raise WeChatRefusal(47001) from error
        media_id = self.keep(account, kind, ending, content, 0, title=title)
        return {"media_id": media_id} | ({"url": self.address(media_id)} if kind in ("image", "thumb") else {})


class DeleteMaterial(Endpoint):
    def posted(self) -> dict[str, Any]:
        account, media_id = self.account(MATERIAL), str(self.body().get("media_id", ""))
        permanent(self.platform, account, media_id)
        self.platform.store.drop_thing(KIND, account.appid, media_id)
        return {"errcode": 0, "errmsg": "ok"}


class GetMaterial(Endpoint):
    """POST /cgi-bin/material/get_material: the file itself, of a video what was said of it."""

    def post(self) -> None:
        try:
            account, media_id = self.account(MATERIAL), str(self.body().get("media_id", ""))
            found = permanent(self.platform, account, media_id)
        except WeChatRefusal as refusal:
            self.write_json(self.refused(refusal), self.content_type)
            return
        picture = self.platform.store.picture(KIND, media_id)
        if picture is None:
            self.write_json({"title": found.get("title", ""), "description": "", "down_url": ""}, self.content_type)
            return
        self.set_header("Content-Type", "image/jpeg")
        self.finish(picture)


class MaterialCount(Endpoint):
    def asked(self) -> dict[str, Any]:
        things = self.platform.store.things(KIND, self.account(MATERIAL).appid)
        kept = [content["type"] for _, _, content in things if not content["expires"]]
        return {f"{kind}_count": kept.count(kind) for kind in ("voice", "video", "image", "news")}


class Picture(Base):
    """GET /mmbiz/{id}: a picture of an account, as articles and phones show it."""

    def get(self, media_id: str) -> None:
        content = self.platform.store.picture(KIND, media_id)
        if content is None:
            raise tornado.web.HTTPError(404)
        kind = next((TYPES.get(ending, "image/jpeg") for ending, signs in SIGNS.items() for at, sign in signs
                     if content[at:].startswith(sign)), "image/jpeg")
        self.set_header("Content-Type", kind)
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("Access-Control-Allow-Origin", "*")  # an article's page has no origin, and lets a phone read codes in its pictures
        self.finish(content)


ROUTES: list[tuple[str, type[Base]]] = [
    (r"/cgi-bin/media/upload", MediaUpload),
    (r"/cgi-bin/media/uploadimg", UploadPicture),
    (r"/cgi-bin/material/add_material", AddMaterial),
    (r"/cgi-bin/material/del_material", DeleteMaterial),
    (r"/cgi-bin/material/get_material", GetMaterial),
    (r"/cgi-bin/material/get_materialcount", MaterialCount),
    (r"/mmbiz/([A-Za-z0-9_-]+)", Picture),
]
