"""The words and shapes of messages, as in `openapi_words.py` and `openapi_shapes.py`."""

from __future__ import annotations

from msgspec import Struct

from handlers.openapi_terms import CITIZEN, NO_CAMPAIGN, NO_TOKEN, Answer, Words


class MachineCheck(Struct):
    source: str
    part: str
    result: str
    labels: list[str]
    trace_id: str
    text: str


class MachineVerdict(Struct):
    result: str
    text: str
    checks: list[MachineCheck]


WORDS: dict[tuple[str, str], Words] = {
    ("get", "/api/v1/campaigns/{slug}/messages"): Words(
        "活动", "已审核的留言", {200: Answer("列表")}, NO_CAMPAIGN, {"cursor": "上一页的 next"}
    ),
    ("post", "/api/v1/campaigns/{slug}/messages"): Words(
        "活动",
        "留言：预设寄语立即通过，自己的话等待审核；每人每期一条",
        {201: Answer("已通过"), 202: Answer("等待审核")},
        {
            **NO_TOKEN,
            **NO_CAMPAIGN,
            409: ("MESSAGE_ALREADY_LEFT", "NOT_A_PARTICIPANT", "MESSAGE_NOT_TAKEN", "MESSAGES_CLOSED", "OWN_WORDS_OFF", "OWN_WORDS_PAUSED",
                  "WORDS_STOPPED"),
            403: ("BANNED_FROM_WRITING",),
            422: ("INVALID_BODY", "UNKNOWN_PRESET", "WORDS_REFUSED"),
        },
        needs=CITIZEN,
    ),
}
