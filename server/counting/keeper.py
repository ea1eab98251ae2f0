"""The keeper of shards: opens a period's shards, finds out when a Redis is not the one that was trusted, and recovers.

Owns: what "ready" means. A shard is ready while its `meta` carries the epoch of MongoDB and the run_id of
the server that answers. Anything else (a restart, a promoted replica, an empty or foreign Redis, a copy
of yesterday) is recovered: closed under a raised epoch, filled with the documents that it lacks,
continued past every sequence and ordinal that could have been given, and opened.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable

from server.campaigns import Campaign
from server.clock import Clock
from server.counting.cells import Record, local_ordinal
from server.counting.epochs import LEASE_SECONDS, EpochStore, ShardState
from server.counting.shards import Begun, Shard, Superseded
from server.ledger import Ledger, put_back
from server.participations import Amendment, ParticipationStore
from server.stores import PyMongoError, RedisError

logger = logging.getLogger(__name__)

# Sequences are 32 bits: 4 million a time leaves a thousand recoveries, and no shard makes so many changes in a minute.
SEQ_MARGIN = 1 << 22
# The most participants that one shard can number in a minute: 79,000/s was measured for one Redis core.
ORDINALS_PER_MINUTE = 79_000 * 60
# After a failed try; the page's own retry is longer.
RETRY_SECONDS = 0.5


Meta = dict[str, int | str]


class Keeper:
    """`issued_bound()` gives the count of citizen numbers issued so far: nobody else can have an ordinal.

    Of a shard, `acknowledged` is the highest sequence that this process saw answered.
    """

    def __init__(self, epochs: EpochStore, documents: ParticipationStore, ledger: Ledger, owner: str, clock: Clock, *,
                 issued_bound: Callable[[], Awaitable[int]], journal_max_changes: int) -> None:
        self._epochs = epochs
        self._documents = documents
        self._ledger = ledger
        self._owner = owner
        self._clock = clock
        self._issued_bound = issued_bound
        self._journal_max_changes = journal_max_changes

    async def ready(self, shard: Shard, campaign: Campaign, window: tuple[int, int], acknowledged: int = 0) -> int | None:
        """Make the shard ready if need be. Returns its epoch, or None while another process is at it.

        Raises PyMongoError or RedisError when a store is away, Superseded when Redis holds another product's shard:
        it stays closed, its citizens get 503.
        """
        state = await self._epochs.find_or_create(shard.campaign, shard.period, shard.shard, shard.shards, self._clock())
        figures = await shard.figures(minutes=0)
        # One that knows less than was given once is none that may go on, whatever it is called.
        given = max(state.ledger_seq, state.high_seq, acknowledged)
        if figures.ready and (figures.epoch, figures.birth) == (state.epoch, state.birth) and figures.seq >= given:
            if figures.seq > state.high_seq:  # perhaps of a day whose ledger ended: what is seen here calls for one
                await self._epochs.saw(shard.id, figures.seq, figures.ordinal)
            return state.epoch
        if state.created:
            fresh: Meta = {"birth": state.birth, "seq": 0, "ordinal": 0, "watermark": 0, "voids": 0}
            await shard.open(state.epoch, fresh | self._meta(shard, campaign, window), fresh=True)
            await self._epochs.recovered(shard.id, state.epoch, 0, 0)
            return state.epoch
        return await self.recover(shard, campaign, window, acknowledged)

    def _meta(self, shard: Shard, campaign: Campaign, window: tuple[int, int]) -> Meta:
        return {"state": campaign.state, "rev": campaign.rev,
                "opens": window[0], "closes": window[1], "shards": shard.shards, "shard": shard.shard,
                "backlog_limit": self._journal_max_changes, "activities": len(campaign.activities)}

    async def recover(self, shard: Shard, campaign: Campaign, window: tuple[int, int], acknowledged: int = 0,
                      from_documents: bool = False) -> int | None:
        """Close, raise the epoch, put back, continue past what could have been given, open. Returns the new epoch.

        None: another process recovers it. `from_documents` trusts nothing of what Redis holds (`rebuild`).
        """
        state = await self._epochs.raise_epoch(shard.id, self._owner, self._clock())
        if state is None:
            return None
        lease = asyncio.create_task(self._keep_lease(shard, state.epoch))
        try:
            return await self._recover(shard, campaign, window, acknowledged, from_documents, state)
        finally:
            lease.cancel()

    async def _recover(self, shard: Shard, campaign: Campaign, window: tuple[int, int], acknowledged: int, from_documents: bool,
                       state: ShardState) -> int:
        begun = await shard.begin(state.epoch, state.birth, force=from_documents)
        if begun.had_meta and not from_documents and await self._gave_nothing_more(shard, state, begun, acknowledged):
            await self._epochs.recovered(shard.id, state.epoch, begun.seq, begun.ordinal)
            await shard.open(state.epoch, self._meta(shard, campaign, window))
            logger.warning("shard %s is open under epoch %d: nothing that was given is missing", shard.id, state.epoch)
            return state.epoch
        # Still closed: only what putting back needs to know.
        await shard.open(state.epoch, {"shards": shard.shards, "shard": shard.shard, "seq": begun.seq, "ordinal": begun.ordinal})
        await self._drain_journal(shard, campaign)
        # A copy holds every change up to its sequence, and lacks only what came after; unless it is half a shard.
        after = begun.seq if begun.had_meta and not from_documents and not shard.may_be_half else 0
        filled = await self._put_back(shard, campaign, state.epoch, after) if after else None
        if filled is None:
            await shard.wipe(state.epoch, await self._issued_bound())
            filled = await self._put_back(shard, campaign, state.epoch, 0) or (0, 0, 0)
        seq, ordinal, changed = filled
        durable = max(seq, begun.seq, state.ledger_seq, state.high_seq, acknowledged)
        seq = durable + SEQ_MARGIN
        ordinal = max(ordinal, begun.ordinal, state.high_ordinal) + await self._ordinal_margin(shard)
        await self._epochs.recovered(shard.id, state.epoch, seq, ordinal)
        # Figures may have fallen until receipts come back: the raised number tells clients. An emptied Redis has forgotten it.
        voids = max(begun.voids, int(state.totals.get("voids", 0))) + 1
        marks: Meta = {"seq": seq, "ordinal": ordinal, "watermark": seq, "voids": voids}
        await shard.open(state.epoch, marks | self._meta(shard, campaign, window))
        logger.warning("shard %s is open under epoch %d on another or changed server: %d documents put back, ordinals go on after %d",
                       shard.id, state.epoch, changed, ordinal)
        return state.epoch

    async def _gave_nothing_more(self, shard: Shard, state: ShardState, begun: Begun, acknowledged: int) -> bool:
        """Whether what the server holds is all that was ever given: it knows every mark, and either fsyncs always and was no
        replica, or got the shard whole from a master that lives."""
        return (begun.seq >= max(state.ledger_seq, state.high_seq, acknowledged)
                and (await shard.durable_server() or await shard.moved_whole(begun)))

    async def drain(self, shard: Shard, campaign: Campaign) -> None:
        """Make documents of what the journal holds, for commands while no ledger runs."""
        await self._drain_journal(shard, campaign)

    async def _drain_journal(self, shard: Shard, campaign: Campaign) -> None:
        """What the journal still holds becomes documents first, so that documents are all there is to put back."""
        while True:
            fence = await self._epochs.take_journal(shard.id, self._owner, self._clock())
            if fence is None:
                await asyncio.sleep(RETRY_SECONDS)  # its owner goes on draining, or its lease runs out
                if not await shard.journal(1):
                    return
            elif not await self._ledger.step(shard, campaign, fence):
                return

    async def _put_back(self, shard: Shard, campaign: Campaign, epoch: int, after_seq: int) -> tuple[int, int, int] | None:
        """Union the documents after a sequence into the cells. Returns highest sequence and local ordinal, and how many changed.

        None: a merge gave a cell of the copy another place, and which one the copy counts it for is told nowhere any more.
        """
        seq = ordinal = changed = 0
        async for page in self._documents.pages(shard.id, after_seq):
            done = await shard.put_back(epoch, [put_back(document, campaign) for document in page])
            if done is None:
                raise Superseded(f"shard {shard.id} is recovered by another process")
            if done.displaced and after_seq:
                return None
            changed += done.changed
            for document in page:
                seq = max(seq, document.seq)
                ordinal = max(ordinal, local_ordinal(document.ordinal, shard.shard, shard.shards))
        async for amendments in self._documents.amendment_pages(shard.id, after_seq):
            for amendment in amendments:
                seq = max(seq, amendment.seq)
                await self._reapply(shard, campaign, epoch, amendment)
        return seq, ordinal, changed

    async def _reapply(self, shard: Shard, campaign: Campaign, epoch: int, amendment: Amendment) -> None:
        """Set the marks again. Ordinal, time and place are the documents': an amendment does not always know them."""
        activities = [activity.code for activity in campaign.activities]
        documents = await self._documents.of_citizen(shard.campaign, shard.period, amendment.citizen, activities)
        bits = sum(1 << activities.index(document.activity) for document in documents)
        first = next((document for document in documents if document.region), amendment)
        where = (first.region, first.unit)
        record = Record(0, first.ordinal, first.second, amendment.seq, amendment.flags | bits)
        await shard.amend(epoch, amendment.citizen, -1, record, old_place=where, new_place=where, kind=amendment.kind, recovering=True)

    async def _ordinal_margin(self, shard: Shard) -> int:
        """Past every ordinal that could have been given: at most a minute at peak, and never more than there are citizens left."""
        figures = await shard.figures(minutes=0)
        issued = math.ceil(await self._issued_bound() / shard.shards)
        return max(0, min(ORDINALS_PER_MINUTE, issued - figures.participants))

    async def _keep_lease(self, shard: Shard, epoch: int) -> None:
        while True:
            await asyncio.sleep(LEASE_SECONDS / 3)
            try:
                if not await self._epochs.keep_recovering(shard.id, epoch, self._clock()):
                    logger.warning("the recovery of %s passed to another process", shard.id)
                    return
            except (PyMongoError, RedisError) as error:
                logger.warning("the recovery lease of %s was not kept: %s", shard.id, type(error).__name__)
