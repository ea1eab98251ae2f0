"""The platform's content checks, version 2 of both: a text is judged at once, a picture or sound by a later event.

Owns: their requests, and what the answers say. Does not own: what follows from a verdict (server/moderation).
Invariants: the openid is of a person who opened this very mini-program within two hours, else the platform answers 61010 and NotVisited is
raised; an answer without a verdict is none.
[miniprogram/dev/server/API/sec-center/sec-check/api_msgseccheck.html, api_mediacheckasync.html]
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from server.wechat.client import Client
from server.wechat.errors import PlatformUnreachable

Suggestion = Literal["pass", "review", "risky"]
MediaKind = Literal["audio", "image"]

# Where a text or picture stands: 1 a person's profile, 2 a comment, 3 a forum, 4 a diary that others see.
PROFILE, COMMENT, FORUM = 1, 2, 3
# Of the document; in characters.
MAX_TEXT_CHARACTERS = 2500
MEDIA_TYPES: dict[MediaKind, int] = {"audio": 1, "image": 2}
NORMAL = 100
LABELS = {NORMAL: "正常", 10001: "广告", 20001: "时政", 20002: "色情", 20003: "辱骂", 20006: "违法犯罪", 20008: "欺诈", 20012: "低俗",
          20013: "版权", 21000: "其他"}


@dataclass(frozen=True)
class Checked:
    """`label`: why, in a word for people; empty for a normal text. `trace_id`: by which the platform finds it again."""

    suggestion: Suggestion
    label: str
    trace_id: str


async def check_text(client: Client, openid: str, scene: int, text: str) -> Checked:
    """What the platform says of a text of at most MAX_TEXT_CHARACTERS. May be repeated. Raises NotVisited, else WeChatError."""
    body = {"version": 2, "openid": openid, "scene": scene, "content": text}
    answer = await client.call("post", "wxa/msg_sec_check", body, may_repeat=True)
    result = answer.get("result")
    if not isinstance(result, dict) or not isinstance(result.get("suggest"), str):
        raise PlatformUnreachable()
    return Checked(suggestion_of(result["suggest"]), label_of(result.get("label")), _trace_id(answer))


async def check_media(client: Client, openid: str, scene: int, kind: MediaKind, url: str) -> str:
    """Ask for a verdict on what stands at a public address; gives the trace_id that the event will have.

    Not repeated here: each asking is another check. Raises NotVisited, else WeChatError.
    """
    answer = await client.call("post", "wxa/media_check_async", {"media_url": url, "media_type": MEDIA_TYPES[kind], "version": 2,
                                                                 "openid": openid, "scene": scene}, may_repeat=False)
    trace_id = _trace_id(answer)
    if not trace_id:
        raise PlatformUnreachable()
    return trace_id


def suggestion_of(text: str) -> Suggestion:
    """A word that the platform may add one day is looked at by a person."""
    return "pass" if text == "pass" else "risky" if text == "risky" else "review"


def label_of(number: Any) -> str:
    """A label's word; empty for a normal one."""
    return "" if number in (None, 0, NORMAL) else LABELS.get(number if isinstance(number, int) else 0, "其他")


def _trace_id(answer: dict[str, Any]) -> str:
    trace_id = answer.get("trace_id")
    return trace_id[:128] if isinstance(trace_id, str) else ""
