"""What switches there are, what each may hold, and how they stand together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from server.clock import iso
from server.errors import Conflict, InvalidBody, NotFound, Unavailable

# Of a campaign, in the order of the console: those that pages and the wall are told of, and one that the wall alone is.
PUBLIC = ("slow_mode", "wall_frozen", "ticker_hidden", "messages_closed", "mourning")
OF_CAMPAIGN = (*PUBLIC, "ranking")
OF_PRODUCT = ("maintenance", "public_host")
NAMES: dict[str, str] = {
    "slow_mode": "慢速模式", "wall_frozen": "冻结大屏", "ticker_hidden": "隐藏滚动寄语", "messages_closed": "关闭留言与照片",
    "mourning": "哀悼", "ranking": "大屏排名", "maintenance": "维护页", "public_host": "对外域名"}
# The switches that come with words for citizens.
WITH_TEXT = ("mourning", "maintenance")
# Two lines on a phone; what there is to say more belongs into an article.
MAX_TEXT, MAX_REASON = 120, 200
# A maintenance that is said to last longer is a slip of the hand.
LONGEST_UNTIL_SECONDS = 7 * 86400
# How soon a page asks again: soon enough where no end is known, and never so late that an early end goes unnoticed.
RETRY_SECONDS, LONGEST_RETRY_SECONDS, SHORTEST_RETRY_SECONDS = 30, 300, 5

MAINTENANCE_TEXT = "系统正在维护，您已经参与的记录都在，不会丢失"
# What stands in the place of own words, where there are presets and where there are none, and of a photo.
PRESETS_NOTE, WORDS_NOTE = "现在请选择现成的寄语，自己写的暂时关闭，恢复后再写", "留言暂时关闭，恢复后再写"
PHOTOS_NOTE = "照片暂时停止接收，恢复后再传"


class Flip(msgspec.Struct, frozen=True):
    """How one switch stands, and who put it there. `text`: for citizens, or the host; `until`: when it is expected to end, 0 for unsaid."""

    on: bool = False
    text: str = ""
    until: float = 0.0
    by: str = ""
    since: float = 0.0
    reason: str = ""

    def told(self) -> dict[str, Any]:
        """As staff see it, and as the audit log keeps it."""
        return {"on": self.on, "text": self.text, "until": iso(self.until) if self.until else None, "by": self.by,
                "since": iso(self.since) if self.since else None, "reason": self.reason}


OFF = Flip()


class Board(msgspec.Struct, frozen=True):
    """All switches of a campaign, or of the product, at one revision."""

    rev: int = 0
    flips: dict[str, Flip] = {}

    def flip(self, name: str) -> Flip:
        return self.flips.get(name, OFF)

    def public(self) -> dict[str, Any]:
        """What anybody may know."""
        return {name: self.is_on(name) for name in PUBLIC if name not in WITH_TEXT} | {"mourning": self.text("mourning")}

    def is_on(self, name: str) -> bool:
        return self.flip(name).on

    def text(self, name: str) -> str | None:
        """Its words while it is on."""
        flip = self.flip(name)
        return flip.text if flip.on else None


NO_BOARD = Board()
ALL_OFF: Mapping[str, Any] = NO_BOARD.public()


class Wish(msgspec.Struct, frozen=True):
    """What somebody wants of a switch. `typed`: what she typed to confirm it."""

    on: bool
    reason: str
    text: str = ""
    until: float = 0.0
    typed: str = ""


class UnknownSwitch(NotFound):
    code = "UNKNOWN_SWITCH"
    message = "没有这个开关"


class SwitchesChanged(Conflict):
    code = "SWITCHES_CHANGED"
    message = "开关刚刚被别人动过，请看清现在的状态再操作"


class WordsStopped(Conflict):
    code = "WORDS_STOPPED"
    message = WORDS_NOTE


class Maintenance(Unavailable):
    """`until`: when it is expected to end, 0 for unsaid or past."""

    code = "MAINTENANCE"
    message = MAINTENANCE_TEXT
    until = 0.0


def maintenance_of(flip: Flip, now: float) -> Maintenance:
    left = int(flip.until - now) if flip.until > now else RETRY_SECONDS
    found = Maintenance(message=flip.text, retry_after_seconds=max(SHORTEST_RETRY_SECONDS, min(left, LONGEST_RETRY_SECONDS)))
    found.until = flip.until if flip.until > now else 0.0
    return found


def flipped(name: str, wish: Wish, must_type: str, hosts: tuple[str, ...], by: str, now: float) -> Flip:
    """What becomes of a switch. Raises InvalidBody."""
    reason, text = wish.reason.strip(), wish.text.strip()
    if not 0 < len(reason) <= MAX_REASON:
        raise InvalidBody("SWITCH_REASON_MISSING", f"请写明原因，最多 {MAX_REASON} 字；它会记入审计日志", field="reason")
    if not wish.on:
        return Flip(by=by, since=now, reason=reason)
    if name in WITH_TEXT and not 0 < len(text) <= MAX_TEXT:
        raise InvalidBody("SWITCH_TEXT_WRONG", f"请写明给市民看的文字，最多 {MAX_TEXT} 字", field="text")
    if name == "public_host" and text not in hosts:
        raise InvalidBody("UNKNOWN_HOST", "只能选系统设置里已有的域名", field="text")
    if wish.until and not (name == "maintenance" and now < wish.until <= now + LONGEST_UNTIL_SECONDS):
        raise InvalidBody("SWITCH_UNTIL_WRONG", "预计结束时间要在现在之后、七天以内，且只有维护页可以填写", field="until")
    if must_type and wish.typed.strip() != must_type:
        raise InvalidBody("CONFIRMATION_WRONG", f"这一步要输入“{must_type}”确认", field="confirm")
    return Flip(True, text if name in (*WITH_TEXT, "public_host") else "", round(wish.until), by, now, reason)


def must_type(name: str, slug: str, text: str) -> str:
    """What has to be typed to turn a switch on; "" where a question is enough."""
    return {"ranking": slug, "public_host": text.strip(), "maintenance": "维护"}.get(name, "")
