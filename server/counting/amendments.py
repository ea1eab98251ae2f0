"""Amendments: the only ways in which a counted participation changes afterwards: void, merge, deletion.

Invariants: each is one compare-and-set on a cell with its journal row, so a repeat or a resumed job
changes nothing twice; a total falls only together with `voids`; documents stay, an amendment stands beside them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial

from msgspec import structs

from server.campaigns import Campaign
from server.counting.cells import CELL, CELL_BYTES, DELETED, MAX_EMPTY_PAGES, MERGED, VOID, Record, citizen_at
from server.counting.coalescer import ShardNotReady
from server.counting.epochs import EpochStore
from server.counting.service import Counting, Handle
from server.counting.shards import Superseded
from server.errors import Conflict, NotFound
from server.participations import ParticipationStore

# A cell that changes under our eyes is read again; more often than this it is somebody's load, not a race.
TRIES = 5
# How long an amendment waits for the ledger to bring the document that names the place.
DURABLE_WAIT_SECONDS = 10.0

NOT_DURABLE = partial(Conflict, "NOT_DURABLE_YET", "这次参与还没有写入账本，请几秒后再试")
CLOSED = partial(Conflict, "CAMPAIGN_FIXED", "活动不在统计中，不能再作废")
NO_PARTICIPATION = partial(NotFound, "PARTICIPATION_NOT_FOUND", "没有找到这次参与")


class Amendments:
    """`running()` gives every campaign that is not archived."""

    def __init__(self, counting: Counting, documents: ParticipationStore, epochs: EpochStore,
                 running: Callable[[], Awaitable[list[Campaign]]]) -> None:
        self._counting = counting
        self._documents = documents
        self._epochs = epochs
        self._running = running

    async def void(self, campaign: Campaign, period: str, citizen: int) -> None:
        """Take a participation out of every total. Repeating it changes nothing. Raises NotFound, Conflict NOT_DURABLE_YET."""
        await self._check_period(campaign, period)
        handle = self._counting.handle(campaign, period, citizen)
        for _ in range(TRIES):
            cell = await handle.coalescer.look(citizen)
            if cell.ordinal == 0:
                raise NO_PARTICIPATION()
            if cell.flags & VOID:
                return
            where = await self._place(campaign, period, citizen)
            if await self._set(handle, citizen, cell, structs.replace(cell, flags=cell.flags | VOID), where, where, "void"):
                return
        raise ShardNotReady()

    async def citizen_of(self, campaign: Campaign, period: str, ordinal: int) -> int:
        """Who was shown an ordinal. It walks over the cells (2 million in some seconds), so it is for staff alone. Raises NotFound."""
        await self._check_period(campaign, period)
        handles = self._counting.period(campaign, period).handles
        home = (ordinal - 1) % campaign.shards  # a merge may have carried it to another shard
        for handle in handles[home:] + handles[:home] if ordinal > 0 else []:
            page = empty = 0
            while empty < MAX_EMPTY_PAGES:
                raw = await handle.shard.page(page)
                empty = 0 if raw else empty + 1
                for slot, (given, _, _, flags) in enumerate(CELL.iter_unpack(raw[:len(raw) // CELL_BYTES * CELL_BYTES])):
                    if given == ordinal and not flags & MERGED:
                        return citizen_at(page, slot, handle.shard.shard, campaign.shards)
                page += 1
        raise NO_PARTICIPATION()

    async def flag_deleted(self, citizen: int) -> list[str]:
        """Mark her cells: the count stays, the person is gone. Returns the slugs of the running campaigns she took part in."""
        took_part = []
        for campaign, period in await self._periods():
            handle = self._counting.handle(campaign, period, citizen)
            for _ in range(TRIES):
                cell = await handle.coalescer.look(citizen)
                if cell.ordinal == 0 or cell.flags & DELETED:
                    break
                if await self._set(handle, citizen, cell, structs.replace(cell, flags=cell.flags | DELETED), ("", ""), ("", ""), "deleted"):
                    break
            else:
                raise ShardNotReady()
            if cell.ordinal and campaign.slug not in took_part:
                took_part.append(campaign.slug)
        return took_part

    async def merge(self, loser: int, survivor: int) -> None:
        """Two numbers are one person: in each period the earlier participation stays, under the survivor.

        May be repeated after a kill at any point: the loser's marked cell still says what is to be moved.
        """
        for campaign, period in await self._periods():
            theirs = await self._close_loser(campaign, period, loser)
            if theirs.ordinal and not theirs.flags & VOID:
                await self._carry(campaign, period, loser, theirs, survivor)

    async def _close_loser(self, campaign: Campaign, period: str, loser: int) -> Record:
        """Mark the loser's cell, even an empty one, so that a process that does not know of the merge cannot count her there."""
        handle = self._counting.handle(campaign, period, loser)
        for _ in range(TRIES):
            cell = await handle.coalescer.look(loser)
            if cell.flags & MERGED:
                return cell
            where = await self._place(campaign, period, loser) if cell.ordinal else ("", "")
            if await self._set(handle, loser, cell, structs.replace(cell, flags=cell.flags | MERGED), where, where, "merged"):
                return structs.replace(cell, flags=cell.flags | MERGED)
        raise ShardNotReady()

    async def _carry(self, campaign: Campaign, period: str, loser: int, theirs: Record, survivor: int) -> None:
        handle = self._counting.handle(campaign, period, survivor)
        for _ in range(TRIES):
            own = await handle.coalescer.look(survivor)
            if own.flags & VOID:
                return  # her own was voided by an audited act, which a merge does not undo
            keeps_own = own.ordinal and (own.second, own.ordinal) <= (theirs.second, theirs.ordinal)
            first = own if keeps_own else theirs
            wanted = structs.replace(own, ordinal=first.ordinal, second=first.second, flags=own.flags | theirs.bits())
            if (wanted.ordinal, wanted.flags) == (own.ordinal, own.flags):
                return
            own_place = await self._place(campaign, period, survivor) if own.ordinal else ("", "")
            new_place = own_place if keeps_own else await self._place(campaign, period, loser)
            if await self._set(handle, survivor, own, wanted, own_place, new_place, "moved"):
                return
        raise ShardNotReady()

    async def _check_period(self, campaign: Campaign, period: str) -> None:
        """Raises NotFound for a period in which nobody can have counted, Conflict for a campaign whose counters are gone."""
        if campaign.state not in ("open", "paused", "frozen"):
            raise CLOSED()
        if period not in {document["period"] for document in await self._epochs.of_campaign(campaign.slug)}:
            raise NO_PARTICIPATION()

    async def _periods(self) -> list[tuple[Campaign, str]]:
        found = []
        for campaign in await self._running():
            periods = {document["period"] for document in await self._epochs.of_campaign(campaign.slug)}
            found += [(campaign, period) for period in sorted(periods)]
        return found

    async def _place(self, campaign: Campaign, period: str, citizen: int) -> tuple[str, str]:
        """Region and unit of her participation, from its document. Raises Conflict NOT_DURABLE_YET."""
        activities = [activity.code for activity in campaign.activities]
        for _ in range(int(DURABLE_WAIT_SECONDS / 0.25)):
            for document in await self._documents.of_citizen(campaign.slug, period, citizen, activities):
                if document.region:
                    return document.region, document.unit
            await asyncio.sleep(0.25)
        raise NOT_DURABLE()

    async def _set(self, handle: Handle, citizen: int, cell: Record, wanted: Record, old_place: tuple[str, str],
                   new_place: tuple[str, str], kind: str) -> bool:
        """False when the cell changed meanwhile: read it again. Raises ShardNotReady."""
        if handle.epoch is None:
            raise ShardNotReady()
        try:
            seq = await handle.shard.amend(handle.epoch, citizen, cell.seq, wanted, old_place=old_place, new_place=new_place, kind=kind)
        except Superseded:
            return False
        if seq is None:
            raise ShardNotReady()
        await self._epochs.saw(handle.shard.id, seq, 0)  # a day that is over has no ledger any more: this calls for one
        return True
