"""A small world in which counting can be tried: a campaign, two regions, a school, and real stores."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from pathlib import Path

from server.audit import Audit, report
from server.campaigns import Activity, Campaign
from server.counting import Amendments, Ask, Counting, Rules, Taken
from server.counting.epochs import EpochStore
from server.counting.keeper import Keeper
from server.counting.receipts import Receipts
from server.counting.reconcile import Reconcile
from server.errors import Unavailable
from server.ledger import Archive, Ledger, Ledgers
from server.metrics import Metrics
from server.participations import ParticipationStore
from server.stores import Stores

XIANGCHENG = "350602"
SCHOOL = "school-1"
SALUTE = Activity("salute", "礼敬国旗", "敬礼")
HEROES = Activity("heroes", "致敬先烈", "献花")
# A window that holds today and tomorrow, whatever day the test runs on.
ALWAYS = (0, 4_000_000_000)


def campaign(shards: int = 1, **changes: object) -> Campaign:
    fields: dict[str, object] = {"slug": "flag", "title": "向国旗敬礼", "state": "open", "opens_at": ALWAYS[0], "closes_at": ALWAYS[1],
                                 "activities": (SALUTE, HEROES), "shards": shards}
    return Campaign(**{**fields, **changes})  # type: ignore[arg-type]


class OneCampaign:
    """Stands for the campaigns service: the same campaign under every name."""

    def __init__(self, current: Campaign) -> None:
        self.current = current

    def at_hand(self, slug: str) -> Campaign:
        return self.current

    async def get(self, slug: str) -> Campaign:
        return self.current

    get_any = get

    async def running(self) -> list[Campaign]:
        return [self.current]


class TwoRegions:
    def at_hand(self, campaign: Campaign) -> TwoRegions:
        return self

    async def of(self, campaign: Campaign) -> TwoRegions:
        return self

    def has_region(self, region: str) -> bool:
        return region in (XIANGCHENG, "declined")

    def has_unit(self, region: str, unit: str) -> bool:
        return (region, unit) == (XIANGCHENG, SCHOOL)


class World:
    """Everything that counting needs, wired as the product wires it. `clock` None: the Redis server's own time."""

    def __init__(self, stores: Stores, folder: Path, current: Campaign, clock: int | None = None, owner: str = "test") -> None:
        self.stores = stores
        self.campaigns = OneCampaign(current)
        self.epochs = EpochStore(stores.mongo)
        self.documents = ParticipationStore(stores.mongo, stores.mongo_batches)
        self.folder = folder
        self.owner = owner
        self.issued = 1024
        self.merged: dict[int, int] = {}  # what this process knows of merges
        self.ledger = Ledger(self.epochs, self.documents, Archive(folder / "archive"), owner, time.time, Metrics())
        self.keeper = Keeper(self.epochs, self.documents, self.ledger, owner, time.time, issued_bound=self._issued_bound,
                             journal_max_changes=1_000_000)
        rules = Rules(Receipts(b"k" * 32), Metrics(), lambda citizen: self.merged.get(citizen, citizen))
        self.counting = Counting(stores.counting, self.epochs, self.keeper, self.documents, rules, self.campaigns, TwoRegions(),
                                 Metrics(), queue_max_requests=10_000, deadline_seconds=2.0, refresh_identities=self._nothing,
                                 clock_override=clock)
        self.amendments = Amendments(self.counting, self.documents, self.epochs, self.campaigns.running)
        self.reconcile = Reconcile(self.documents)
        self.ledgers = Ledgers(self.ledger, self._wanted)

    async def _issued_bound(self) -> int:
        return self.issued

    async def _nothing(self) -> None:
        return None

    async def _wanted(self) -> list:
        current = self.campaigns.current
        return [(shard, current) for shard in await self.counting.prepare(current, time.time())]

    async def ready(self) -> World:
        return self

    async def salute(self, citizen: int, activity: str = "salute", *, region: str = XIANGCHENG, unit: str = "", receipt: str = "",
                     now: float | None = None, first_tried_at: float = 0.0) -> Taken:
        tried = datetime.fromtimestamp(first_tried_at, UTC) if first_tried_at else None
        return await self.counting.participate("flag", citizen, Ask(activity, region, unit, receipt, tried),
                                               time.time() if now is None else now)

    async def salute_until_taken(self, citizen: int, receipt: str = "", seconds: float = 20.0) -> Taken:
        """As the page does: again and again until there is an answer."""
        until = time.monotonic() + seconds
        while True:
            try:
                return await self.salute(citizen, receipt=receipt)
            except Unavailable:
                if time.monotonic() > until:
                    raise
                await asyncio.sleep(0.1)

    async def carry_all(self) -> None:
        """Let the ledger carry every journal until nothing is pending."""
        current = self.campaigns.current
        for document in await self.epochs.of_campaign("flag"):
            handle = self.counting.period(current, document["period"]).handles[document["shard"]]
            fence = await self.epochs.take_journal(handle.shard.id, self.owner, time.time())
            assert fence is not None, "another ledger has the journal"
            while await self.ledger.step(handle.shard, current, fence):
                pass

    async def audit(self) -> dict:
        return report(await Audit(self.stores.counting, self.epochs, self.documents).campaign(self.campaigns.current))

    async def proved(self, participants: int) -> None:
        """The audit says that nothing is lost and nothing doubled."""
        await self.carry_all()
        report = await self.audit()
        assert report["ok"], report
        assert report["participants"] == {"cells": participants, "totals": participants, "documents": participants}

    async def close(self) -> None:
        await self.ledgers.close()
        await self.counting.close()
