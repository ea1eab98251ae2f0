"""The counting service: one door for every salute, whichever port it came through.

Owns: the way of a salute through this process, and its handles of the shards. Does not own the count: that is the
script's, shard by shard; nor the rules around the script (rules.py).
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol

from msgspec import structs

from server.campaigns import LATE_SECONDS, Campaign
from server.clock import day_of
from server.counting import cells
from server.counting.admission import Admission
from server.counting.asks import REFUSALS, Ask, Caller, Reply, Taken
from server.counting.cells import Record
from server.counting.coalescer import Coalescer, settle
from server.counting.epochs import EpochStore
from server.counting.figures import Figures, ShardFigures, total
from server.counting.keeper import RETRY_SECONDS, Keeper
from server.counting.receipts import Receipt
from server.counting.rules import PlaceIndex, Rules, Salute, period_of, window_of
from server.counting.shards import Item, Shard, Superseded
from server.errors import Unavailable, WenmingError
from server.metrics import Metrics
from server.participations import ParticipationStore
from server.redis_nodes import RedisNodes
from server.stores import PyMongoError, RedisError

logger = logging.getLogger(__name__)

# Yesterday's shards keep their ledger this much longer than late salutes come, for the last of these to be written.
LEDGER_SECONDS = 600

class Campaigns(Protocol):
    def at_hand(self, slug: str) -> Campaign | None: ...
    async def get(self, slug: str) -> Campaign: ...
    async def get_any(self, slug: str) -> Campaign: ...


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


class Counting:
    """`refresh_identities` makes this process learn of merges at once, when a cell tells of one that it does not know."""

    def __init__(self, redis: RedisNodes, epochs: EpochStore, keeper: Keeper, documents: ParticipationStore, rules: Rules,
                 campaigns: Campaigns, places: Places, metrics: Metrics, *, queue_max_requests: int, deadline_seconds: float,
                 refresh_identities: Callable[[], Awaitable[None]], clock_override: int | None = None) -> None:
        self._redis = redis
        self._epochs = epochs
        self._keeper = keeper
        self._documents = documents
        self._rules = rules
        self._campaigns = campaigns
        self._places = places
        self._metrics = metrics
        self._queue_max_requests = queue_max_requests
        self._deadline_seconds = deadline_seconds
        self._refresh_identities = refresh_identities
        self._periods: dict[tuple[str, str], Period] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self.admission = Admission()
        self.clock_override = clock_override  # tests: the shards' clock instead of the server's TIME

    async def participate(self, slug: str, citizen: int, ask: Ask, now: float) -> Taken:
        """Count a salute once, or give her first answer again.

        Raises NotFound (CAMPAIGN_NOT_FOUND), InvalidBody (UNKNOWN_*), Conflict (CAMPAIGN_*), Forbidden (VOIDED), Unavailable.
        """
        future: asyncio.Future[Taken] = asyncio.get_running_loop().create_future()
        self.count([(slug, citizen, ask, partial(settle, future))], now)
        return await future

    def count(self, callers: Iterable[Caller], now: float) -> None:
        """The same for a door that counts its microseconds, for all who stand there: a salute for which everything is at hand needs no
        task and no future of its own. Raises nothing; each reply gets its outcome, perhaps before this returns."""
        at_hand: dict[str, tuple[Campaign, PlaceIndex] | None] = {}
        for caller in callers:
            slug, citizen, ask, reply = caller
            try:
                known = at_hand[slug] if slug in at_hand else at_hand.setdefault(slug, self._at_hand(slug))
                if known is None:
                    self._soon(self._count_later(caller, now), reply)
                    continue
                salute = self._rules.salute(*known, citizen, ask, now, reply)
                if ask.receipt and salute.foreign_receipt is not None:
                    self._soon(self._count_later(caller, now), reply)
                else:
                    self._ask_shard(salute)
            except WenmingError as error:
                reply(error)
            except Exception as error:
                logger.exception("a salute could not be asked for")
                reply(error)

    def _at_hand(self, slug: str) -> tuple[Campaign, PlaceIndex] | None:
        campaign = self._campaigns.at_hand(slug)
        places = self._places.at_hand(campaign) if campaign is not None else None
        return None if campaign is None or places is None else (campaign, places)

    async def _count_later(self, caller: Caller, now: float) -> None:
        slug, citizen, ask, reply = caller
        campaign = await self._campaigns.get(slug)
        places = await self._places.of(campaign)
        salute = self._rules.salute(campaign, places, citizen, ask, now, reply)
        if salute.foreign_receipt is not None and await self._is_voided(campaign, salute.foreign_receipt):
            salute = self._rules.salute(campaign, places, citizen, structs.replace(ask, receipt=None), now, reply)
        self._ask_shard(salute)

    def _soon(self, work: Coroutine[Any, Any, None], reply: Reply) -> None:
        """Do what must be waited for; where it fails, or too much of it waits already, `reply` gets the reason."""
        if len(self._tasks) >= self._queue_max_requests:
            work.close()
            reply(Unavailable())
            return

        def done(task: asyncio.Task[None]) -> None:
            self._tasks.discard(task)
            self.admission.inside -= 1
            error = Unavailable() if task.cancelled() else task.exception()
            if isinstance(error, Exception):
                reply(error)

        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(done)
        self.admission.inside += 1
        self.admission.watch()

    def _ask_shard(self, salute: Salute) -> None:
        """Have her shard count her."""
        campaign, item = salute.campaign, salute.item
        if campaign.state == "scheduled":
            salute.reply(REFUSALS[cells.NOT_OPEN]())
        elif campaign.state == "archived":
            salute.reply(REFUSALS[cells.ENDED]())
        else:
            period = self._periods.get((campaign.slug, salute.period))
            if period is None or period.campaign is not campaign:
                period = self.period(campaign, salute.period)
            period.handles[item.citizen % campaign.shards].coalescer.ask(item, self._counted, salute)

    def _counted(self, salute: Salute, answer: Record | Exception, durable: bool) -> None:
        outcome: Taken | Exception
        if isinstance(answer, Exception):
            outcome = answer
        elif answer.status == cells.ENDED and self._rules.was_in_time(salute):
            self._ask_shard(structs.replace(salute, item=structs.replace(salute.item, late=1)))
            return
        elif answer.status == cells.IS_MERGED:
            status = cells.IS_DELETED if answer.flags & cells.DELETED else cells.IS_MERGED
            self._soon(self._learn_merges(salute, status), salute.reply)
            return
        else:
            try:
                outcome = self._rules.outcome(salute, answer, durable)
            except Exception as error:  # noqa: BLE001 a bug, which must not leave her without an answer; who answers logs it
                outcome = error
        salute.reply(outcome)

    async def _learn_merges(self, salute: Salute, status: int) -> None:
        """Her next try comes with the number that hers became, or is not let in any more."""
        await self._refresh_identities()
        salute.reply(self._rules.refusal(salute, status))

    async def _is_voided(self, campaign: Campaign, receipt: Receipt) -> bool:
        """Whether what a merged number was given was taken back before the merge: then its receipt restores nothing."""
        cell = await self.handle(campaign, receipt.period, receipt.citizen).coalescer.look(receipt.citizen)
        return cell.status == cells.VOIDED

    async def record_of(self, slug: str, citizen: int, now: float) -> Taken:
        """Her record of the current period. Raises NotFound PARTICIPATION_NOT_FOUND."""
        campaign = await self._campaigns.get(slug)
        future: asyncio.Future[Taken] = asyncio.get_running_loop().create_future()
        self._ask_shard(Salute(campaign, period_of(campaign, now), Item(citizen, -1), now, partial(settle, future)))
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

    def server_of(self, shard: Shard) -> str:
        """Which Redis server has a shard, as far as this process knows; for people to read."""
        return self._redis.server_of(shard.keys[0])

    def queued_seconds(self) -> float:
        """How long the oldest salute in this process has been waiting for its shard."""
        return max((handle.coalescer.aged_seconds() for period in self._periods.values() for handle in period.handles), default=0.0)

    def handle(self, campaign: Campaign, period: str, citizen: int) -> Handle:
        """The shard that has this citizen's cell."""
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

        coalescer = Coalescer(shard, lambda: handle.epoch, not_ready, self.admission, max_waiting=self._queue_max_requests,
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
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=self._deadline_seconds)
        for period in self._periods.values():
            for handle in period.handles:
                await handle.coalescer.drain()
                if handle.care is not None:
                    handle.care.cancel()
