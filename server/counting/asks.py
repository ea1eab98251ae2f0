"""What is asked of the counting service and what it answers: a salute, what stands for it, and each refusal with its words."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import msgspec

from server.campaigns import Campaign
from server.counting import cells
from server.counting.receipts import Receipt
from server.counting.shards import Item
from server.errors import Conflict, Forbidden, InvalidBody, Unavailable, WenmingError

# Made anew for each: a raised instance keeps every frame it went through.
REFUSALS: dict[int, Callable[[], WenmingError]] = {
    cells.VOIDED: partial(Forbidden, "VOIDED", "这次参与已被工作人员作废，如有疑问请联系主办单位"),
    cells.NOT_OPEN: partial(Conflict, "CAMPAIGN_NOT_OPEN", "活动尚未开始"),
    cells.ENDED: partial(Conflict, "CAMPAIGN_ENDED", "活动已经结束，感谢您的关注"),
    cells.PAUSED: partial(Conflict, "CAMPAIGN_PAUSED", "活动暂停，您的敬礼已保存，恢复后自动送达"),
    cells.FROZEN: partial(Conflict, "CAMPAIGN_FROZEN", "活动已经截止，正在核对结果"),
    cells.IS_MERGED: partial(Unavailable, "BUSY", "正在合并您的账号，请稍候再试"),
    cells.FULL: partial(Unavailable, "BUSY", "现在人很多，您的敬礼已保存，系统会自动再送"),
}


REFUSAL_METRICS = {cells.VOIDED: "voided", cells.NOT_OPEN: "not_open", cells.ENDED: "ended", cells.PAUSED: "paused",
                   cells.FROZEN: "frozen", cells.IS_MERGED: "busy", cells.FULL: "busy"}
OUTCOMES = {cells.REPEAT: "repeat", cells.RESTORED: "repeat", cells.FIRST: "participant", cells.ACTIVITY: "activity"}


class Ask(msgspec.Struct, frozen=True):
    """A salute as a person sends it. `first_tried_at`: seconds since 1970 when her phone first tried, 0 when it is the first try."""

    slug: str
    citizen: int
    activity: str
    region: str = ""
    unit: str = ""
    receipt: str = ""
    first_tried_at: float = 0.0


class Taken(msgspec.Struct, frozen=True):
    """What stands for her. `ordinal` and `participated_at` (seconds) are of her first; `status` 201 for something new, else 200."""

    ordinal: int
    first: bool
    activities: tuple[str, ...]
    participated_at: int
    durable: bool
    receipt: str
    period: str
    status: int
    region: str = ""
    unit: str = ""


# Called once with the outcome of a salute; must not raise.
Reply = Callable[[Taken | Exception], None]


class Plan(msgspec.Struct, frozen=True):
    """A salute as it is asked of a shard. `place_error`: why her place cannot be counted, which matters on her first salute alone."""

    campaign: Campaign
    period: str
    item: Item
    receipt: Receipt | None = None
    place_error: InvalidBody | None = None

    @property
    def foreign_receipt(self) -> Receipt | None:
        """Her receipt where it names another number, one that became hers by a merge."""
        return self.receipt if self.receipt and self.receipt.citizen != self.item.citizen else None
