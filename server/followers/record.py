"""What is kept of one follower, how the newest event is found, and what is refused."""

from __future__ import annotations

import msgspec

from server.errors import Conflict, InvalidBody, NotFound

# [doc/service/api/usermanage/tag] The platform's own tags, which nobody can rename or delete: no tag, blacklist, starred.
NO_TAG, BLACKLIST, STARRED = 0, 1, 2
RESERVED = (NO_TAG, BLACKLIST, STARRED)
# Of the same pages: characters of a tag's name and of a remark, people of one tagging, of one blacklisting, of one question for profiles.
MAX_TAG_CHARACTERS, MAX_REMARK_CHARACTERS = 30, 30
TAGGED_AT_ONCE, BLACKLISTED_AT_ONCE, PROFILES_AT_ONCE, MOVED_AT_ONCE = 50, 20, 100, 100
# Ten calls of tagging, or twenty-five of the blacklist, of 0.2 s each: a person waits for them.
MAX_CITIZENS = 500


class FollowerNotFound(NotFound):
    code = "FOLLOWER_NOT_FOUND"
    message = "没有这个关注者"


class TagReserved(Conflict):
    code = "TAG_RESERVED"
    message = "这是微信保留的标签，不能修改；黑名单请用黑名单功能"


class Follower(msgspec.Struct, frozen=True):
    """One citizen as a follower of one account. Times are seconds since 1970, 0 for unknown.

    `rank` orders what is known of her following; `scene` is the QR code that she followed by, `channel` the platform's word for the way.
    `remark` is sealed.
    """

    appid: str
    citizen: int
    subscribed: bool
    rank: int
    since: float = 0.0
    scene: str = ""
    channel: str = ""
    remark: bytes = b""
    profile_due: str = ""

    @property
    def changed_at(self) -> int:
        """When she followed or left, as the newest event says."""
        return self.rank // 2


def rank_of(at: float, subscribed: bool) -> int:
    """The place of a fact among all that are told of her following: the later second wins.

    Of one second, leaving wins: events have no finer time, so one must be chosen that does not depend on who comes first. Taking her for
    gone costs little (her next follow or the next refresh tells otherwise); taking her for a follower would write to somebody who left.
    """
    return int(at) * 2 + (not subscribed)


def follower_id(appid: str, citizen: int) -> str:
    return f"{appid}:{citizen}"


def follower_pos(appid: str, citizen: int) -> str:
    """The place in an account's list."""
    return f"{appid}:{citizen:012d}"


def member_id(appid: str, tag: int, citizen: int) -> str:
    return f"{appid}:{tag}:{citizen}"


def member_pos(appid: str, tag: int, citizen: int) -> str:
    """The place in a tag's list."""
    return f"{appid}:{tag:010d}:{citizen:012d}"


def due_pos(appid: str, due: float) -> str:
    """The place in an account's queue of profiles: one account that cannot ask does not hold up another."""
    return f"{appid}:{int(due):012d}"


def check_tag_name(name: str) -> str:
    """The name without spaces around it. Raises InvalidBody."""
    name = name.strip()
    if not 0 < len(name) <= MAX_TAG_CHARACTERS or not name.isprintable():
        raise InvalidBody("TAG_NAME_WRONG", f"标签名 1 至 {MAX_TAG_CHARACTERS} 个字", field="name")
    return name


def check_remark(remark: str) -> str:
    """The remark without spaces around it; empty takes it away. Raises InvalidBody."""
    remark = remark.strip()
    if len(remark) > MAX_REMARK_CHARACTERS or not remark.isprintable():
        raise InvalidBody("REMARK_TOO_LONG", f"备注最多 {MAX_REMARK_CHARACTERS} 个字", field="remark")
    return remark


def check_citizens(citizens: list[int], field: str) -> list[int]:
    """Each number once. Raises InvalidBody."""
    if len(citizens) > MAX_CITIZENS:
        raise InvalidBody("TOO_MANY_CITIZENS", f"一次最多 {MAX_CITIZENS} 人", field=field)
    return sorted(set(citizens))
