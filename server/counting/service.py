"""The counting service: one door for every salute, whichever port it came through.

Owns: the rules around the script (which period, which receipt, which refusal) and the handles of the
shards in this process. Does not own the count: that is the script's, shard by shard.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol

from msgspec import structs

from server.campaigns import Campaign
from server.clock import day_bounds, day_of
from server.counting import cells
from server.counting.admission import Admission
from server.counting.asks import OUTCOMES, REFUSAL_METRICS, REFUSALS, Ask, Plan, Reply, Taken
from server.counting.coalescer import Answer, Coalescer, ShardNotReady, settle
from server.counting.epochs import EpochStore
from server.counting.figures import Figures, ShardFigures, total
from server.counting.keeper import RETRY_SECONDS, Keeper
from server.counting.receipts import Receipt, Receipts
from server.counting.shards import Item, Shard, Superseded
from server.errors import InvalidBody, NotFound, Unavailable
from server.metrics import Metrics
from server.participations import ParticipationStore
from server.redis_nodes import RedisNodes
from server.stores import PyMongoError, RedisError

logger = logging.getLogger(__name__)

# Yesterday's shards keep their ledger this much longer than late salutes come, for the last of these to be written.
LEDGER_SECONDS = 600
# A request that never got an answer is taken this long after its period (design: 30 minutes); accept.lua has it too.
LATE_SECONDS = 1800
# A clock may be ahead by this much: a phone's, before its "first tried at" is not believed, and ours at an opening.
CLOCK_AHEAD_SECONDS = 60

class Campaigns(Protocol):
    def at_hand(self, slug: str) -> Campaign | None: ...
    async def get(self, slug: str) -> Campaign: ...
    async def get_any(self, slug: str) -> Campaign: ...


class PlaceIndex(Protocol):
    def has_region(self, region: str) -> bool: ...
    def has_unit(self, region: str, unit: str) -> bool: ...


class Places(Protocol):
    def at_hand(self, campaign: Campaign) -> PlaceIndex | None: ...
    async def of(self, campaign: Campaign) -> PlaceIndex: ...


@dataclass
class Handle:
    """One shard as this process knows it. `epoch` None: not ready, somebody looks after it."""

    shard: Shard
    coalescer: Coalescer
    epoch: int | None = None
    care: asyncio.Task[None] | None = None
    care_since: float = 0.0  # monotonic
    last: ShardFigures | None = None


@dataclass
class Period:
    """A campaign's period with the handles of its shards."""

    campaign: Campaign
    period: str
    window: tuple[int, int]
    handles: list[Handle] = field(default_factory=list)


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


class Counting:
    """`resolve` gives the number that a merged one became; `refresh_identities` makes this process learn of merges at once, when a
    cell tells of one that it does not know."""

    def __init__(self, redis: RedisNodes, epochs: EpochStore, keeper: Keeper, documents: ParticipationStore, receipts: Receipts,
                 campaigns: Campaigns, places: Places, metrics: Metrics, *, queue_max_requests: int, deadline_seconds: float,
                 resolve: Callable[[int], int], refresh_identities: Callable[[], Awaitable[None]],
                 clock_override: int | None = None) -> None:
        self._redis = redis
        self._epochs = epochs
        self._keeper = keeper
        self._documents = documents
        self._receipts = receipts
        self._campaigns = campaigns
        self._places = places
        self._metrics = metrics
        self._queue_max_requests = queue_max_requests
        self._deadline_seconds = deadline_seconds
        self._resolve = resolve
        self._refresh_identities = refresh_identities
        self._periods: dict[tuple[str, str], Period] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._outcomes = {status: metrics.series("participations_accepted_total", name) for status, name in OUTCOMES.items()}
        self.admission = Admission()
        self.clock_override = clock_override  # tests: the shards' clock instead of the server's TIME

    async def participate(self, ask: Ask, now: float) -> Taken:
        """Count a salute once, or give her first answer again.

        Raises NotFound (CAMPAIGN_NOT_FOUND), InvalidBody (UNKNOWN_*), Conflict (CAMPAIGN_*), Forbidden (VOIDED), Unavailable.
        """
        future: asyncio.Future[Taken] = asyncio.get_running_loop().create_future()
        self.begin(ask, now, partial(settle, future))
        return await future

    def begin(self, ask: Ask, now: float, reply: Reply) -> None:
        """The same for a door that counts its microseconds: a salute for which everything is at hand needs no task and no future of
        its own. Raises what is known at once; all else goes to `reply`, perhaps before this returns."""
        campaign = self._campaigns.at_hand(ask.slug)
        places = self._places.at_hand(campaign) if campaign else None
        plan = self._plan(campaign, places, ask, now) if campaign and places else None
        self.admission.enter()
        reply = partial(self._leave, reply)
        if plan and not plan.foreign_receipt:
            self._count(plan, now, reply)
        else:
            self._soon(self._begin_later(ask, now, reply), reply)

    def _leave(self, reply: Reply, outcome: Taken | Exception) -> None:
        self.admission.leave()
        reply(outcome)

    async def _begin_later(self, ask: Ask, now: float, reply: Reply) -> None:
        campaign = await self._campaigns.get(ask.slug)
        places = await self._places.of(campaign)
        plan = self._plan(campaign, places, ask, now)
        if plan.foreign_receipt and await self._is_voided(campaign, plan.foreign_receipt):
            plan = self._plan(campaign, places, structs.replace(ask, receipt=""), now)
        self._count(plan, now, reply)

    def _soon(self, work: Coroutine[Any, Any, None], reply: Reply) -> None:
        """Do what must be waited for; where it fails, `reply` gets the reason."""
        def done(task: asyncio.Task[None]) -> None:
            self._tasks.discard(task)
            error = Unavailable() if task.cancelled() else task.exception()
            if isinstance(error, Exception):
                reply(error)

        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(done)

    def _plan(self, campaign: Campaign, places: PlaceIndex, ask: Ask, now: float) -> Plan:
        """What to ask which shard. Raises what needs no shard to be known."""
        bit = campaign.activity_index(ask.activity)
        if bit is None:
            raise InvalidBody("UNKNOWN_ACTIVITY", "没有这项主题活动", field="activity")
        receipt = self._receipt(ask, campaign) if ask.receipt else None
        tried = self._tried_at(campaign, ask.first_tried_at, now) if ask.first_tried_at else now
        period = period_of(campaign, tried)
        if receipt and receipt.period != period:
            # She brings an earlier day's receipt until it is durable: that day's cell, and nothing of today.
            return Plan(campaign, receipt.period, self._item(ask.citizen, -1, "", "", 0, receipt), receipt)
        place_error = self._place_error(places, ask)
        region, unit = ("", "") if place_error else (ask.region, ask.unit)
        return Plan(campaign, period, self._item(ask.citizen, bit, region, unit, int(tried != now), receipt), receipt, place_error)

    def _count(self, plan: Plan, now: float, reply: Reply) -> None:
        if plan.campaign.state == "scheduled":
            reply(REFUSALS[cells.NOT_OPEN]())
        elif plan.campaign.state == "archived":
            reply(REFUSALS[cells.ENDED]())
        else:
            handle = self._handle(plan.campaign, plan.period, plan.item.citizen)
            handle.coalescer.ask(plan.item, partial(self._counted, plan, now, reply))

    def _counted(self, plan: Plan, now: float, reply: Reply, answer: Answer | Exception) -> None:
        if isinstance(answer, Exception):
            reply(answer)
            return
        status = answer.record.status
        if status == cells.ENDED and not plan.item.late and now < window_of(plan.campaign, plan.period)[1]:
            # She was in time at our door; the period ended while she waited before the shard.
            self._count(structs.replace(plan, item=structs.replace(plan.item, late=1)), now, reply)
        elif status == cells.IS_MERGED:
            self._soon(self._learn_merges(plan, now, reply), reply)
        else:
            reply(self._outcome(plan, now, answer))

    async def _learn_merges(self, plan: Plan, now: float, reply: Reply) -> None:
        """Her next try comes with the number that hers became."""
        await self._refresh_identities()
        reply(self._refusal(plan, cells.IS_MERGED, now))

    async def record_of(self, slug: str, citizen: int, now: float) -> Taken:
        """Her record of the current period. Raises NotFound PARTICIPATION_NOT_FOUND."""
        campaign = await self._campaigns.get(slug)
        future: asyncio.Future[Taken] = asyncio.get_running_loop().create_future()
        self._count(Plan(campaign, period_of(campaign, now), Item(citizen, -1)), now, partial(settle, future))
        return await future

    async def region_of(self, slug: str, period: str, citizen: int) -> str:
        """The region that she counted for, "" while no document says so. Fails open: a certificate without it is still one."""
        campaign = await self._campaigns.get(slug)
        try:
            found = await self._documents.of_citizen(slug, period, citizen, [activity.code for activity in campaign.activities])
        except PyMongoError as error:
            logger.info("a region is left out: %s", type(error).__name__)
            return ""
        return next((document.region for document in found if document.region), "")

    def _receipt(self, ask: Ask, campaign: Campaign) -> Receipt | None:
        receipt = self._receipts.read(ask.receipt)
        if receipt is None or receipt.campaign != campaign.slug or self._resolve(receipt.citizen) != ask.citizen:
            return None  # not ours, or another person's phone: it proves nothing, she counts like anybody
        return receipt  # hers, also from before two numbers of hers were merged

    async def _is_voided(self, campaign: Campaign, receipt: Receipt) -> bool:
        """Whether what a merged number was given was taken back before the merge: then its receipt restores nothing."""
        handle = self._handle(campaign, receipt.period, receipt.citizen)
        answer = await handle.coalescer.submit(Item(receipt.citizen, -1))
        return answer.record.status == cells.VOIDED

    def _tried_at(self, campaign: Campaign, first_tried_at: float, now: float) -> float:
        """The moment that a salute counts for: now, or the first try where that lay in a period that ended within 30 minutes."""
        if not 0 < first_tried_at < now + CLOCK_AHEAD_SECONDS:
            return now
        end = window_of(campaign, period_of(campaign, first_tried_at))[1]
        return first_tried_at if first_tried_at < end <= now < end + LATE_SECONDS else now

    def _place_error(self, index: PlaceIndex, ask: Ask) -> InvalidBody | None:
        """Why her place cannot be counted. It matters on her first salute alone, which the shard knows."""
        if not ask.region:
            return InvalidBody("INVALID_BODY", "请选择所在区县，也可以选“不便选择”", field="region")
        if not index.has_region(ask.region):
            return InvalidBody("UNKNOWN_REGION", "没有这个区县，请重新选择", field="region")
        if ask.unit and not index.has_unit(ask.region, ask.unit):
            return InvalidBody("UNKNOWN_UNIT", "没有这个单位或学校，请重新选择", field="unit")
        return None

    def _item(self, citizen: int, bit: int, region: str, unit: str, late: int, receipt: Receipt | None) -> Item:
        if receipt is None:
            return Item(citizen, bit, region, unit, late)
        return Item(citizen, bit, region, unit, late, receipt.ordinal, receipt.second, receipt.bits, receipt.region, receipt.unit)

    def _outcome(self, plan: Plan, now: float, answer: Answer) -> Taken | Exception:
        """The shard's answer as hers."""
        status = answer.record.status
        outcome = self._outcomes.get(status)
        if outcome is None:
            return self._refusal(plan, status, now)
        if plan.item.bit >= 0:
            outcome.value += 1
        if status == cells.RESTORED:
            self._metrics.record("receipts_honoured_total")
        return self._taken(plan, answer)

    def _refusal(self, plan: Plan, status: int, now: float) -> Exception:
        if status == cells.NO_PLACE:
            return plan.place_error or InvalidBody(field="region")
        if status == cells.ABSENT:
            return NotFound("PARTICIPATION_NOT_FOUND", "您还没有参与本次活动")
        self._metrics.record("participations_refused_total", REFUSAL_METRICS[status])
        if status == cells.NOT_OPEN and plan.campaign.state == "open" and (
                0 <= now - window_of(plan.campaign, plan.period)[0] < CLOCK_AHEAD_SECONDS):
            return Unavailable()  # our clock is a moment ahead of the shard's: she sends it again by herself
        return REFUSALS[status]()

    def _taken(self, plan: Plan, answer: Answer) -> Taken:
        campaign, item, receipt, record = plan.campaign, plan.item, plan.receipt, answer.record
        region, unit = (receipt.region, receipt.unit) if receipt else (item.region, item.unit)
        # A receipt must name the place that counted; where this request names none that exists, a repeat gets none.
        text = ""
        if receipt or record.status == cells.FIRST or region:
            text = self._receipts.sign(Receipt(campaign.slug, plan.period, item.citizen, record.ordinal, record.second, record.bits(),
                                               region, unit))
        return Taken(
            ordinal=record.ordinal, first=record.status == cells.FIRST, participated_at=record.second, durable=answer.durable,
            activities=campaign.activity_codes(record.flags), receipt=text, period=plan.period,
            status=201 if record.status in (cells.FIRST, cells.ACTIVITY) else 200, region=region, unit=unit)

    # Handles: which shards this process talks to, and whether they are ready.

    def period(self, campaign: Campaign, period: str) -> Period:
        """The handles of a period; made at first use."""
        known = self._periods.get((campaign.slug, period))
        if known is None:
            known = Period(campaign, period, window_of(campaign, period))
            known.handles = [self._new_handle(known, number) for number in range(campaign.shards)]
            self._periods[campaign.slug, period] = known
        if known.campaign is not campaign:  # every second at most: the look-up of a salute costs nothing more
            known.campaign, known.window = campaign, window_of(campaign, period)
        return known

    def _handle(self, campaign: Campaign, period: str, citizen: int) -> Handle:
        return self.period(campaign, period).handles[citizen % campaign.shards]

    def _new_handle(self, period: Period, number: int) -> Handle:
        campaign = period.campaign
        shard = Shard(self._redis, campaign.slug, period.period, number, campaign.shards, self.clock_override)

        async def not_ready() -> None:
            # A restart or a moved slot is mended within a moment, which those who asked may wait; a longer outage they are told of.
            handle.epoch = None
            self._look_after(period, handle)
            patience = self._deadline_seconds / 2 - (time.monotonic() - handle.care_since)
            if handle.care is not None and patience > 0:
                await asyncio.wait({handle.care}, timeout=patience)

        coalescer = Coalescer(shard, lambda: handle.epoch, not_ready, max_waiting=self._queue_max_requests,
                              deadline_seconds=self._deadline_seconds, metrics=self._metrics)
        handle = Handle(shard, coalescer)
        return handle

    def _look_after(self, period: Period, handle: Handle) -> None:
        if handle.care is None or handle.care.done():
            handle.care, handle.care_since = asyncio.create_task(self._make_ready(period, handle)), time.monotonic()

    async def _make_ready(self, period: Period, handle: Handle) -> None:
        """Try until the shard is ready; one task for each shard of this process."""
        while handle.epoch is None:
            try:
                epoch = await self._keeper.ready(handle.shard, period.campaign, period.window, handle.shard.newest_seq)
                if epoch is not None and await self._has_news(period, handle.shard, epoch):
                    handle.epoch = epoch
            except (PyMongoError, RedisError, OSError, TimeoutError, Superseded, Unavailable) as error:
                logger.warning("shard %s is not ready: %s", handle.shard.id, error)
            except Exception:
                logger.exception("shard %s cannot be made ready", handle.shard.id)
            if handle.epoch is None:
                await asyncio.sleep(RETRY_SECONDS)

    async def _has_news(self, period: Period, shard: Shard, epoch: int) -> bool:
        """Tell an opened shard what the campaign is by now: it was opened with what this process knew, perhaps of before a pause."""
        campaign = await self._campaigns.get_any(period.campaign.slug)
        return await shard.set_window(epoch, campaign.rev, campaign.state, *window_of(campaign, period.period))

    async def prepare(self, campaign: Campaign, now: float) -> list[Shard]:
        """Open the current period's shards, and tomorrow's of a daily campaign before midnight needs them. Returns the shards."""
        periods = [period_of(campaign, now)]
        if campaign.period_rule == "daily":
            periods += [day_of(now - LATE_SECONDS - LEDGER_SECONDS), day_of(now + 86400)]
        shards = []
        for name in dict.fromkeys(periods):
            period = self.period(campaign, name)
            if period.window[0] >= period.window[1]:
                continue
            for handle in period.handles:
                if handle.epoch is None:
                    self._look_after(period, handle)
                shards.append(handle.shard)
        return shards

    async def look_back(self, campaign: Campaign) -> None:
        """Look after shards of days that are over: nobody asks for them, and they may hold what MongoDB lacks. Raises as `apply`."""
        for document in await self._epochs.of_campaign(campaign.slug):
            period = self.period(campaign, document["period"])
            handle = period.handles[document["shard"]]
            if handle.epoch is None or not (await handle.shard.figures(minutes=0)).ready:
                handle.epoch = None
                self._look_after(period, handle)

    async def apply(self, campaign: Campaign) -> bool:
        """Tell every shard of a campaign its new state and window. Raises RedisError or PyMongoError when one does not answer.

        False: a shard is being recovered, perhaps with the state of before; it must be told again.
        """
        told = True
        for document in await self._epochs.of_campaign(campaign.slug):
            period = self.period(campaign, document["period"])
            handle = period.handles[document["shard"]]
            if not await handle.shard.set_window(document["epoch"], campaign.rev, campaign.state, *period.window):
                handle.epoch = None
                self._look_after(period, handle)
                told = False
        return told

    async def figures(self, slug: str, period: str | None, now: float, *, minutes: int = 120, units: bool = False) -> Figures:
        """A period's figures (None: the current one). A silent shard gives its last figures and counts as stale."""
        campaign = await self._campaigns.get(slug)
        if campaign.state in ("scheduled", "archived"):
            return await self._figures_of_record(campaign, period or period_of(campaign, now), now)
        current = self.period(campaign, period or period_of(campaign, now))
        found = await asyncio.gather(*(h.shard.figures(minutes, units) for h in current.handles), return_exceptions=True)
        stale, shown = 0, []
        for handle, answer in zip(current.handles, found, strict=True):
            if isinstance(answer, ShardFigures) and answer.ready:
                handle.last = answer
            elif isinstance(answer, ShardFigures):
                stale += 1
                self._look_after_if_open(current, handle)
            elif isinstance(answer, (RedisError, OSError, TimeoutError)):
                stale += 1  # a late answer says nothing of the shard: salutes go on as long as it takes them
            else:
                raise answer
            if handle.last:
                shown.append(handle.last)
        return total(shown, [a.code for a in campaign.activities], current.period, stale)

    async def _figures_of_record(self, campaign: Campaign, period: str, now: float) -> Figures:
        """What MongoDB kept of a campaign whose counters are not in Redis: not yet, or no more."""
        kept = [d["totals"] for d in await self._epochs.of_campaign(campaign.slug) if d["period"] == period and d["totals"]]
        by_activity = {a.code: sum(t["by_activity"].get(a.code, 0) for t in kept) for a in campaign.activities}
        regions = {region for totals in kept for region in totals["by_region"]}
        return Figures(
            participants=sum(t["participants"] for t in kept), participations=sum(by_activity.values()), by_activity=by_activity,
            by_region={region: sum(t["by_region"].get(region, 0) for t in kept) for region in regions},
            voids=sum(t["voids"] for t in kept), as_of=now, period=period)

    def _look_after_if_open(self, period: Period, handle: Handle) -> None:
        if period.campaign.state in ("open", "paused", "frozen"):
            handle.epoch = None
            self._look_after(period, handle)

    @property
    def waiting(self) -> int:
        """Requests waiting in this process."""
        return sum(len(handle.coalescer) for period in self._periods.values() for handle in period.handles)

    async def close(self) -> None:
        """Answer what was accepted, then stop looking after shards."""
        for period in self._periods.values():
            for handle in period.handles:
                await handle.coalescer.drain()
                if handle.care is not None:
                    handle.care.cancel()


__all__ = ["Ask", "Counting", "Handle", "Period", "ShardNotReady", "Taken", "period_of", "window_of"]
