"""One photo, and the rules that need no store."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from server.campaign_types.photos import MAX_CAPTION_CHARACTERS, PhotoRules
from server.errors import BodyTooLarge, Conflict, Forbidden, InvalidBody, NotFound
from server.messages import HIDDEN
from server.moderation.verdict import Verdict

KIND = "photos"
TOKEN = re.compile(r"[0-9a-f]{32}")
# The page makes a photo smaller before it sends it; what a camera took as it is fits too, but for the finest.
MAX_PHOTO_BYTES = 4 * 1024 * 1024
# Sent, withdrawn and sent anew: for a slip of the finger, not for a crowd of work.
MAX_TRIES = 3
# What came of the platform's check of a picture, for reviewers.
PICTURE_TEXTS = {"waiting": "图片尚未机审", "pass": "图片机审通过", "review": "图片机审建议复核", "risky": "图片机审拦截",
                 "failed": "平台没有取到图片", "expired": "平台没有给出结果", "unasked": "未送机审（近两小时没有打开小程序）"}
STATE_NAMES = {"pending": "等待审核", "approved": "已公开", "rejected": "未通过审核", "taken_down": "已撤下", "withdrawn": "已撤回"}


@dataclass(frozen=True)
class Photo:
    """`token` is its random name in addresses; `caption` the words under it; `own`: she wrote them herself.

    `queue`, `wall`, `by_machine`, `second`, `decided`: its places in the lists, "" where it is in none. `turn`: of its changes.
    """

    id: str
    campaign: str
    citizen: int
    token: str
    state: str
    at: float
    caption: str
    own: bool
    width: int
    height: int
    tries: int = 1
    queue: str = ""
    wall: str = ""
    by_machine: str = ""
    machine: str = "waiting"
    picture: str = "waiting"
    picture_label: str = ""
    verdicts: tuple[Verdict, ...] = ()
    decided: str = ""
    decided_by: str = ""
    decided_at: float = 0.0
    reason: str = ""
    second: str = ""
    second_by: str = ""
    turn: int = 0
    remove_at: int = 0


class PhotoBody(msgspec.Struct, frozen=True):
    """What comes with a photo. `over14`: she chose 已满14周岁. A caption of the campaign by its code, or own words.

    `region`, `unit`, `first_tried_at`: as a participation has them, which it is as well.
    """

    preset: str = ""
    caption: str = ""
    over14: bool = False
    region: str = ""
    unit: str | None = None
    first_tried_at: datetime | None = None


class NotAPhotoWall(Conflict):
    code = "NOT_A_PHOTO_WALL"
    message = "这个活动不收集照片"


class PhotoNotFound(NotFound):
    code = "PHOTO_NOT_FOUND"
    message = "没有这张照片，或已被撤下"


def check_photo(data: bytes) -> None:
    """Raises InvalidBody, BodyTooLarge, before anything looks into it."""
    if not data:
        raise InvalidBody("PHOTO_MISSING", "请选择一张照片", field="photo")
    if len(data) > MAX_PHOTO_BYTES:
        raise BodyTooLarge("PHOTO_TOO_LARGE", f"照片最大 {MAX_PHOTO_BYTES >> 20} MB，请换一张或缩小后再传")


def check_age(body: PhotoBody) -> None:
    """Raises Forbidden."""
    if not body.over14:
        raise Forbidden("PHOTO_NOT_TAKEN", "未满14周岁不收集照片；满14周岁请先确认")


def caption_of(rules: PhotoRules, body: PhotoBody) -> tuple[str, bool]:
    """The words under the photo, and whether they are her own. Raises InvalidBody, Conflict OWN_WORDS_OFF."""
    if body.preset:
        chosen = next((one for one in rules.captions if one.code == body.preset), None)
        if chosen is None:
            raise InvalidBody("UNKNOWN_CAPTION", "没有这条说明，请刷新页面后再选", field="preset")
        return chosen.text, False
    if not rules.own_captions:
        raise Conflict("OWN_WORDS_OFF", "本次活动请选择现成的说明")
    text = " ".join(HIDDEN.sub("", unicodedata.normalize("NFC", body.caption)).split())
    if not 0 < len(text) <= MAX_CAPTION_CHARACTERS:
        raise InvalidBody("CAPTION_WRONG", f"请给照片写一句说明，最多 {MAX_CAPTION_CHARACTERS} 字", field="caption")
    return text, True


def stands(photo: Photo) -> tuple[bool, float, str]:
    """Of several of one person the least stands: what was taken back or turned down after what was not, then the oldest."""
    return photo.state in ("withdrawn", "rejected", "taken_down"), photo.at, photo.token


def place_key(campaign: str, at: float, token: str) -> str:
    """Where it stands in a list: `queue` by when it came, `wall` by when it was approved."""
    return f"{campaign}:{int(at * 1000):015d}:{token}"


def addresses(token: str) -> dict[str, str]:
    return {"photo": f"/photos/{token}.jpg", "tile": f"/photos/{token}-tile.jpg"}


def own_view(photo: Photo) -> dict[str, Any]:
    """Her own, as she sees it; of what is public the address, of nothing else."""
    return {"state": photo.state, "text": STATE_NAMES[photo.state], "caption": photo.caption, "tries_left": max(0, MAX_TRIES - photo.tries),
            "addresses": addresses(photo.token) if photo.state == "approved" else None}
