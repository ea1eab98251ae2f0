"""What a medium is, which kinds there are and how large they may be, and what its editors may say of it."""

from __future__ import annotations

import re
from typing import Any, Literal

import msgspec

from server.errors import Conflict, InvalidBody, NotFound, Unavailable

Kind = Literal["image", "video", "audio"]

MEGABYTE = 1 << 20
# A phone's best photograph has 15 MB; five minutes of film in the quality that WeChat shows have 300; a song of an hour has 50.
MAX_BYTES: dict[Kind, int] = {"image": 20 * MEGABYTE, "video": 500 * MEGABYTE, "audio": 50 * MEGABYTE}
KIND_NAMES: dict[Kind, str] = {"image": "图片", "video": "视频", "audio": "音频"}
# What is served, by the end of its address. WebP is not among them: WeChat on iOS 12 and 13 does not show it.
CONTENT_TYPES = {"jpg": "image/jpeg", "png": "image/png", "mp4": "video/mp4", "mp3": "audio/mpeg"}
# A line of a list, a sentence that is read aloud, and who made it.
MAX_NAME_CHARACTERS, MAX_ALT_CHARACTERS, MAX_CREDIT_CHARACTERS = 64, 200, 64
# As deep as an editor looks for anything; a folder's name stands in the index before a colon, so it has none.
MAX_FOLDER_CHARACTERS, MAX_TAGS, MAX_TAG_CHARACTERS = 64, 12, 24
LABEL = re.compile(r"[^\x00-\x1f:]+")
# 128 bits of the file's own hash: nobody finds one by trying, and who has the same file has the same name.
ID_CHARACTERS = 32
ID = re.compile(rf"[0-9a-f]{{{ID_CHARACTERS}}}")
# The recycle bin: long enough to miss a picture after a holiday.
BIN_SECONDS = 30 * 86400
# In the middle, and a little above it, where faces are.
MIDDLE = (0.5, 0.45)


class MediumNotFound(NotFound):
    code = "MEDIA_NOT_FOUND"
    message = "媒体库里没有这个文件"


class MediumInUse(Conflict):
    """`uses`: the names of what shows it."""

    code = "MEDIA_IN_USE"

    def __init__(self, uses: list[str]) -> None:
        super().__init__(message=f"还有 {len(uses)} 处在使用，不能删除：" + "；".join(uses[:5]) + ("……" if len(uses) > 5 else ""))


class MediumChanged(Conflict):
    code = "MEDIA_CHANGED"
    message = "刚刚被别人修改，请刷新后再试"


class AltMissing(Conflict):
    code = "MEDIA_ALT_MISSING"
    message = "这张图片还没有替代文字，看不见图片的人不知道它是什么；请先填写，或标明仅作装饰"


class MediaBusy(Unavailable):
    code = "MEDIA_BUSY"
    message = "正在处理的文件太多，请稍候再试"


class Variant(msgspec.Struct, frozen=True):
    """One form of a medium as it is served. `file`: the name of its bytes, see MediaFiles; `form`: the end of its address."""

    file: str
    form: str
    bytes: int
    width: int = 0
    height: int = 0

    @property
    def path(self) -> str:
        return f"/media/{self.file}.{self.form}"


class Details(msgspec.Struct, frozen=True):
    """What its editors say of a medium. `focus`: the point that every crop keeps, from left and from top, 0 to 1."""

    name: str
    alt: str = ""
    decorative: bool = False
    credit: str = ""
    folder: str = ""
    tags: tuple[str, ...] = ()
    focus: tuple[float, float] = MIDDLE


class Medium(msgspec.Struct, frozen=True):
    """`pixels`: the hash of what a picture shows, of a film or sound empty. `binned_at`: 0 for one that is in no bin."""

    id: str
    kind: Kind
    name: str
    alt: str
    decorative: bool
    credit: str
    folder: str
    tags: tuple[str, ...]
    focus: tuple[float, float]
    sha256: str
    pixels: str
    bytes: int
    width: int
    height: int
    seconds: float
    variants: dict[str, Variant]
    by: str
    at: int
    rev: int = 0
    binned_at: int = 0

    @property
    def may_be_used(self) -> bool:
        return self.kind != "image" or self.decorative or bool(self.alt)

    @property
    def files(self) -> set[str]:
        return {variant.file for variant in self.variants.values()}


RULES_OF_DETAILS = {
    "name": f"名称 1 至 {MAX_NAME_CHARACTERS} 字，不能换行", "alt": f"替代文字最多 {MAX_ALT_CHARACTERS} 字，不能换行",
    "credit": f"来源最多 {MAX_CREDIT_CHARACTERS} 字，不能换行", "folder": f"文件夹名最多 {MAX_FOLDER_CHARACTERS} 字，不含冒号",
    "tags": f"标签最多 {MAX_TAGS} 个，每个最多 {MAX_TAG_CHARACTERS} 字，不含冒号", "focus": "焦点是两个 0 至 1 之间的数",
}


def check_details(details: Details) -> Details:
    """The details without blanks around them. Raises InvalidBody, naming the field."""
    kept = msgspec.structs.replace(details, name=details.name.strip(), alt=details.alt.strip(), credit=details.credit.strip(),
                                   folder=details.folder.strip().strip("/"),
                                   tags=tuple(dict.fromkeys(tag.strip() for tag in details.tags)))
    wrong = next((name for name, right in (
        ("name", _is_line(kept.name, 1, MAX_NAME_CHARACTERS)), ("alt", _is_line(kept.alt, 0, MAX_ALT_CHARACTERS)),
        ("credit", _is_line(kept.credit, 0, MAX_CREDIT_CHARACTERS)),
        ("folder", not kept.folder or _is_label(kept.folder, MAX_FOLDER_CHARACTERS)),
        ("tags", len(kept.tags) <= MAX_TAGS and all(_is_label(tag, MAX_TAG_CHARACTERS) for tag in kept.tags)),
        ("focus", all(0 <= part <= 1 for part in kept.focus))) if not right), None)
    if wrong:
        raise InvalidBody(message=RULES_OF_DETAILS[wrong], field=wrong)
    return kept


def _is_line(text: str, least: int, most: int) -> bool:
    return least <= len(text) <= most and text.isprintable()


def _is_label(text: str, most: int) -> bool:
    return _is_line(text, 1, most) and LABEL.fullmatch(text) is not None


def medium_view(medium: Medium) -> dict[str, Any]:
    """What a page needs to show it: addresses by variant, and of a picture the widths of a srcset."""
    shown = {name: {"url": variant.path, "width": variant.width, "height": variant.height, "bytes": variant.bytes}
             for name, variant in medium.variants.items()}
    widths = sorted((v for name, v in medium.variants.items() if name.startswith("w") or name == "full"), key=lambda v: v.width)
    return {"id": medium.id, "kind": medium.kind, "alt": "" if medium.decorative else medium.alt, "decorative": medium.decorative,
            "credit": medium.credit, "width": medium.width, "height": medium.height, "seconds": medium.seconds, "variants": shown,
            "srcset": ", ".join(f"{v.path} {v.width}w" for v in widths) if medium.kind == "image" else ""}
