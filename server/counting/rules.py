"""The rules around the script: what a salute asks of which shard, and what the shard's record means for her.

Owns: which period, which receipt, which place, which refusal. Asks nothing of a store and waits for nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Protocol

import msgspec

from server.campaigns import LATE_SECONDS, Campaign
from server.clock import SHANGHAI, day_bounds, day_of
from server.counting.asks import OUTCOMES, REFUSAL_METRICS, REFUSALS, Ask, Reply, Taken
from server.counting.cells import ABSENT, ACTIVITY, ACTIVITY_BITS, FIRST, NO_PLACE, NOT_OPEN, RESTORED, Record
from server.counting.receipts import Receipt, Receipts
from server.counting.shards import Item
from server.errors import Conflict, InvalidBody, NotFound, Unavailable
from server.metrics import Metrics

# A phone's clock may be ahead by this much, before its "first tried at" is not believed.
CLOCK_AHEAD_SECONDS = 60
# A shard's clock may be behind ours by this much: who comes at an opening, or at midnight, is asked to wait and not told that it is too
# early. Redis's clock decides; machines whose time is kept differ by far less, and `doctor` complains past two seconds.
SHARD_BEHIND_SECONDS = 300
# What is said of a campaign in a state in which nothing is taken.
CLOSED: dict[str, str] = {"scheduled": "CAMPAIGN_NOT_OPEN", "paused": "CAMPAIGN_PAUSED", "frozen": "CAMPAIGN_FROZEN",
                          "archived": "CAMPAIGN_ENDED"}


class PlaceIndex(Protocol):
    def has_region(self, region: str) -> bool: ...
    def has_unit(self, region: str, unit: str) -> bool: ...


class Salute(msgspec.Struct, frozen=True):
    """A salute on its way: what is asked of a shard, when she came (`now`), and who gets the outcome.

    `place_error`: why her place cannot be counted, which matters on her first salute alone.
    """

    campaign: Campaign
    period: str
    item: Item
    now: float
    reply: Reply
    place_error: InvalidBody | None = None

    @property
    def foreign_receipt(self) -> Receipt | None:
        """Her receipt where it names another number, one that became hers by a merge."""
        receipt = self.item.receipt
        return receipt if receipt is not None and receipt.citizen != self.item.citizen else None


def period_of(campaign: Campaign, now: float) -> str:
    """The period that a moment belongs to: before the opening the first, after the close the last."""
    if campaign.period_rule == "all":
        return "all"
    return day_of(max(campaign.opens_at, min(now, campaign.closes_at - 1)))


def window_of(campaign: Campaign, period: str) -> tuple[int, int]:
    """First second, and the second after the last, of a period."""
    if period == "all":
        return campaign.opens_at, campaign.closes_at
    start, end = day_bounds(period)
    return max(start, campaign.opens_at), min(end, campaign.closes_at)


def tried_at(campaign: Campaign, moment: datetime, now: float) -> float:
    """The moment that a salute counts for: now, or the first try where that lay in a period that ended within 30 minutes."""
    first_tried_at = (moment if moment.tzinfo else moment.replace(tzinfo=SHANGHAI)).timestamp()
    if not 0 < first_tried_at < now + CLOCK_AHEAD_SECONDS:
        return now
    end = window_of(campaign, period_of(campaign, first_tried_at))[1]
    return first_tried_at if first_tried_at < end <= now < end + LATE_SECONDS else now


def check_open(campaign: Campaign, period: str, tried: float, now: float, words: Mapping[str, str]) -> None:
    """Whether what goes with a participation, such as a ballot, is taken for the moment of its first try.

    `words`: what to say of each state. Raises Conflict with the codes of participations.
    """
    start, end = window_of(campaign, period)
    state = campaign.state
    if state not in CLOSED:
        state = "scheduled" if tried < start else "archived" if tried >= end or now >= end + LATE_SECONDS else "open"
    if state in CLOSED:
        raise Conflict(CLOSED[state], words[state])


class Rules:
    """`resolve` gives the number that a merged one became."""

    def __init__(self, receipts: Receipts, metrics: Metrics, resolve: Callable[[int], int]) -> None:
        self._receipts = receipts
        self._metrics = metrics
        self._resolve = resolve
        self._outcomes = {status: metrics.series("participations_accepted_total", name) for status, name in OUTCOMES.items()}

    def salute(self, campaign: Campaign, places: PlaceIndex, citizen: int, ask: Ask, now: float, reply: Reply) -> Salute:
        """What to ask which shard. Raises InvalidBody (UNKNOWN_ACTIVITY) and what else needs no shard to be known."""
        bit = campaign.bits.get(ask.activity)
        if bit is None:
            raise InvalidBody("UNKNOWN_ACTIVITY", "没有这项主题活动", field="activity")
        receipt = self._receipt(campaign, citizen, ask.receipt) if ask.receipt else None
        tried = tried_at(campaign, ask.first_tried_at, now) if ask.first_tried_at else now
        period = period_of(campaign, tried)
        if receipt is not None and receipt.period != period:
            # She brings an earlier day's receipt until it is durable: that day's cell, and nothing of today.
            return Salute(campaign, receipt.period, Item(citizen, -1, receipt=receipt), now, reply)
        late = int(tried != now)
        region, unit = ask.region, ask.unit or ""
        if places.has_region(region) and (not unit or places.has_unit(region, unit)):
            return Salute(campaign, period, Item(citizen, bit, region, unit, late, receipt), now, reply)
        return Salute(campaign, period, Item(citizen, bit, "", "", late, receipt), now, reply, self._place_error(places, ask))

    def _receipt(self, campaign: Campaign, citizen: int, text: str) -> Receipt | None:
        receipt = self._receipts.read(text)
        if receipt is None or receipt.campaign != campaign.slug or self._resolve(receipt.citizen) != citizen:
            return None  # not ours, or another person's phone: it proves nothing, she counts like anybody
        return receipt  # hers, also from before two numbers of hers were merged

    def _place_error(self, places: PlaceIndex, ask: Ask) -> InvalidBody:
        if not ask.region:
            return InvalidBody("INVALID_BODY", "请选择所在区县，也可以选“不便选择”", field="region")
        if not places.has_region(ask.region):
            return InvalidBody("UNKNOWN_REGION", "没有这个区县，请重新选择", field="region")
        return InvalidBody("UNKNOWN_UNIT", "没有这个单位或学校，请重新选择", field="unit")

    def was_in_time(self, salute: Salute) -> bool:
        """Whether she was in time at our door, though the period ended while she waited before the shard."""
        return not salute.item.late and salute.now < window_of(salute.campaign, salute.period)[1]

    def outcome(self, salute: Salute, record: Record, durable: bool) -> Taken | Exception:
        """The shard's record as hers; `durable`: MongoDB has its last change."""
        status, flags, item, text = record.status, record.flags, salute.item, ""
        accepted = self._outcomes.get(status)
        if accepted is None:
            return self.refusal(salute, status)
        if item.bit >= 0:
            accepted.value += 1
        if status == RESTORED:
            self._metrics.record("receipts_honoured_total")
        # A receipt names the place that counted, which on a repeat is believed to be the one that she names again; a cell does not
        # know it. Where she names none that exists, a repeat gets no receipt.
        place = item.receipt or item
        if place.region or status == FIRST or item.receipt is not None:
            text = self._receipts.sign(Receipt(salute.campaign.slug, salute.period, item.citizen, record.ordinal, record.second,
                                               flags & ACTIVITY_BITS, place.region, place.unit))
        return Taken(record.ordinal, status == FIRST, salute.campaign.activity_codes(flags), record.second, durable, text, salute.period,
                     201 if status in (FIRST, ACTIVITY) else 200, record.seq)

    def refusal(self, salute: Salute, status: int) -> Exception:
        """Why a shard did not count her."""
        if status == NO_PLACE:
            return salute.place_error or InvalidBody("INVALID_BODY", "请选择所在区县，也可以选“不便选择”", field="region")
        if status == ABSENT:
            return NotFound("PARTICIPATION_NOT_FOUND", "您还没有参与本次活动")
        self._metrics.record("participations_refused_total", REFUSAL_METRICS[status])
        if status == NOT_OPEN and salute.campaign.state == "open" and (
                0 <= salute.now - window_of(salute.campaign, salute.period)[0] < SHARD_BEHIND_SECONDS):
            return Unavailable()  # our clock is ahead of the shard's: she sends it again by herself
        return REFUSALS[status]()
