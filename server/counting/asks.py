"""What is asked of the counting service and what it answers: a salute, what stands for it, and each refusal with its words."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial

import msgspec

from server.counting import cells
from server.errors import Conflict, Forbidden, Unavailable, WenmingError

# Made anew for each: a raised instance keeps every frame it went through.
REFUSALS: dict[int, Callable[[], WenmingError]] = {
    cells.VOIDED: partial(Forbidden, "VOIDED", "这次参与已被工作人员作废，如有疑问请联系主办单位"),
    cells.NOT_OPEN: partial(Conflict, "CAMPAIGN_NOT_OPEN", "活动尚未开始"),
    cells.ENDED: partial(Conflict, "CAMPAIGN_ENDED", "活动已经结束，感谢您的关注"),
    cells.PAUSED: partial(Conflict, "CAMPAIGN_PAUSED", "活动暂停，您的参与已保存，恢复后自动送达"),
    cells.FROZEN: partial(Conflict, "CAMPAIGN_FROZEN", "活动已经截止，正在核对结果"),
    cells.IS_MERGED: partial(Unavailable, "BUSY", "正在合并您的账号，请稍候再试"),
    cells.IS_DELETED: partial(Conflict, "DELETED_BEFORE", "您在本期活动中的信息已按您的要求删除，只留下数字，本期不能再次计入"),
    cells.FULL: partial(Unavailable, "BUSY", "现在人很多，您的参与已保存，系统会自动再送"),
}


REFUSAL_METRICS = {cells.VOIDED: "voided", cells.NOT_OPEN: "not_open", cells.ENDED: "ended", cells.PAUSED: "paused",
                   cells.FROZEN: "frozen", cells.IS_MERGED: "busy", cells.IS_DELETED: "busy", cells.FULL: "busy"}
OUTCOMES = {cells.REPEAT: "repeat", cells.RESTORED: "repeat", cells.FIRST: "participant", cells.ACTIVITY: "activity"}


# gc=False: plain values, which the collector would walk for nothing. Never for what holds who is to be answered: an error in it may
# hold a frame that holds it, and such a ring would stay for ever.
class Ask(msgspec.Struct, frozen=True, gc=False):
    """A salute as a phone sends it: the JSON body of both doors, so that a field here is one that anybody may send.

    `region` is needed on the first salute only; `first_tried_at`: when the phone first tried this one, in Shanghai where it names no zone.
    """

    activity: str
    region: str = ""
    unit: str | None = None
    receipt: str | None = None
    first_tried_at: datetime | None = None


class Taken(msgspec.Struct, frozen=True, gc=False):
    """What stands for her. `ordinal` and `participated_at` (seconds) are of her first; `status` 201 for something new, else 200.

    `seq`: her shard's sequence of her cell's last change, which leads to it in the ledger.
    """

    ordinal: int
    first: bool
    activities: tuple[str, ...]
    participated_at: int
    durable: bool
    receipt: str
    period: str
    status: int
    seq: int = 0


# Called once with the outcome of a salute; must not raise.
Reply = Callable[[Taken | Exception], None]
# One who stands at a door: the campaign's slug, her number, what she asks, and who gets the outcome.
Caller = tuple[str, int, Ask, Reply]
