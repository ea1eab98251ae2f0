"""What a material is, and what the platform takes of each kind.

[doc/offiaccount/Asset_Management/New_temporary_materials.html, Adding_Permanent_Assets.html]
"""

from __future__ import annotations

from typing import Literal

import msgspec

from server.errors import BodyTooLarge, Conflict, InvalidBody, NotFound

# A `picture` stands inside an article: the platform gives an address for it instead of a media_id.
Kind = Literal["image", "voice", "video", "thumb", "picture"]

MAX_BYTES: dict[str, int] = {"image": 10 << 20, "voice": 2 << 20, "video": 10 << 20, "thumb": 64 << 10, "picture": 1 << 20}
TEMPORARY_FORMATS: dict[str, tuple[str, ...]] = {
    "image": ("jpg", "png", "gif"), "voice": ("amr", "mp3"), "video": ("mp4",), "thumb": ("jpg",)}
PERMANENT_FORMATS: dict[str, tuple[str, ...]] = {
    **TEMPORARY_FORMATS, "image": ("jpg", "png", "gif", "bmp"), "voice": ("amr", "mp3", "wma", "wav"), "picture": ("jpg", "png")}
CONTENT_TYPES = {"jpg": "image/jpeg", "png": "image/png", "gif": "image/gif", "bmp": "image/bmp", "amr": "audio/amr",
                 "mp3": "audio/mpeg", "wma": "audio/x-ms-wma", "wav": "audio/wav", "mp4": "video/mp4"}
# How many permanent ones an account may keep, by the names that material/get_materialcount gives its figures. Of thumbs it gives none.
MAX_KEPT = {"image": ("image_count", 100_000), "voice": ("voice_count", 1000), "video": ("video_count", 1000)}
TEMPORARY_SECONDS = 3 * 86400.0
# Enough of a file to know its format by.
HEAD_BYTES = 16
# What editors call it; a video's title and description are shown under it, and a phone cuts longer ones.
MAX_NAME_CHARACTERS, MAX_TITLE_CHARACTERS, MAX_INTRODUCTION_CHARACTERS = 64, 64, 200

# How files begin. An MP3 without a tag begins with a frame: eleven bits set, MPEG 1 or 2, layer III.
_BEGINNINGS: tuple[tuple[bytes, str], ...] = (
    (b"\xff\xd8\xff", "jpg"), (b"\x89PNG\r\n\x1a\n", "png"), (b"GIF87a", "gif"), (b"GIF89a", "gif"), (b"BM", "bmp"), (b"#!AMR\n", "amr"),
    (b"ID3", "mp3"), (b"\xff\xfb", "mp3"), (b"\xff\xfa", "mp3"), (b"\xff\xf3", "mp3"), (b"\xff\xf2", "mp3"),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "wma"))


class MaterialNotFound(NotFound):
    code = "MATERIAL_NOT_FOUND"
    message = "没有这个素材"


class MaterialWrong(InvalidBody):
    code = "MATERIAL_TYPE_WRONG"
    message = "文件内容与所选类型不符"


class MaterialTooLarge(BodyTooLarge):
    code = "MATERIAL_TOO_LARGE"


class MaterialStays(Conflict):
    code = "MATERIAL_STAYS"
    message = "临时素材三天后自动失效，正文图片由微信一直保存，都不能删除"


class TooManyMaterials(Conflict):
    code = "TOO_MANY_MATERIALS"


class MaterialBusy(Conflict):
    code = "MATERIAL_BUSY"
    message = "同样的文件正在上传，请稍后再试"


class Material(msgspec.Struct, frozen=True):
    """One that the platform has. `expires_at`: seconds since 1970, 0 for never; `url`: of permanent images and of pictures."""

    appid: str
    media_id: str
    kind: Kind
    name: str
    size_bytes: int
    sha256: str
    by: str
    at: float
    url: str = ""
    title: str = ""
    expires_at: float = 0.0


class Described(msgspec.Struct, frozen=True):
    """What an editor says of a file: its name, and of a permanent video the title and description that people see."""

    name: str
    title: str = ""
    introduction: str = ""


def format_of(head: bytes) -> str:
    """The format of a file that begins so, by its content alone; empty where it is none of ours."""
    if head[4:8] == b"ftyp":
        return "mp4"
    if head[:4] == b"RIFF" and head[8:12] == b"WAVE":
        return "wav"
    return next((name for beginning, name in _BEGINNINGS if head.startswith(beginning)), "")


def formats(kind: Kind, *, permanent: bool) -> tuple[str, ...]:
    """What the platform takes. Raises InvalidBody for a picture that shall not last."""
    taken = PERMANENT_FORMATS if permanent else TEMPORARY_FORMATS
    if kind not in taken:
        raise InvalidBody(message="正文图片由微信一直保存，lasting 只能是 permanent", field="lasting")
    return taken[kind]


def check(kind: Kind, described: Described, *, permanent: bool) -> None:
    """Raises InvalidBody, naming the field."""
    needs_title = kind == "video" and permanent
    for field, called, text, least, most in (("name", "名称", described.name, 1, MAX_NAME_CHARACTERS),
                                             ("title", "视频标题", described.title, int(needs_title), MAX_TITLE_CHARACTERS),
                                             ("introduction", "视频简介", described.introduction, 0, MAX_INTRODUCTION_CHARACTERS)):
        if not least <= len(text.strip()) <= most or not text.isprintable():
            raise InvalidBody(message=f"{called} {least} 至 {most} 字，不能换行 ({field} in the address)", field=field)


def check_size(kind: Kind, size_bytes: int) -> None:
    """Raises MaterialTooLarge, InvalidBody for an empty one."""
    if size_bytes > MAX_BYTES[kind]:
        size = f"{MAX_BYTES[kind] >> 20} MB" if MAX_BYTES[kind] >> 20 else f"{MAX_BYTES[kind] >> 10} KB"
        raise MaterialTooLarge(message=f"这类文件不能超过 {size}")
    if size_bytes < 1:
        raise InvalidBody("MATERIAL_EMPTY", "文件是空的")
