"""Journals as an operator sees them: what is on its way into MongoDB, how fast it goes, and what would not go.

Owns: the alarm of a journal that fills up, and the view of the staff. Does not own the way itself (server/ledger.py).
Fails open: a shard that does not answer is shown without figures.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Any

from server.campaigns import Campaign
from server.clock import iso
from server.counting import Counting
from server.counting.epochs import EpochStore
from server.metrics import Metrics
from server.participations import ParticipationStore
from server.stores import RedisError

logger = logging.getLogger(__name__)

# Half full is the time to look after MongoDB: the other half is as long again until salutes are refused.
ALARM_SHARE = 0.5
# A page of findings; the audit counts all of them.
MOST_SHOWN = 100


class Journals:
    """`running` gives the campaigns whose counters are in Redis."""

    def __init__(self, counting: Counting, epochs: EpochStore, documents: ParticipationStore, metrics: Metrics,
                 running: Callable[[], Awaitable[list[Campaign]]], *, max_changes: int) -> None:
        self._counting = counting
        self._epochs = epochs
        self._documents = documents
        self._metrics = metrics
        self._running = running
        self._max_changes = max_changes
        self._alarmed: set[str] = set()

    async def tick(self, now: float) -> None:
        """Measure every journal; say once when one is half full, and once when it is no more. Raises PyMongoError."""
        changes = held_bytes = 0
        for campaign in await self._running():
            for document in await self._epochs.of_campaign(campaign.slug):
                view = await self._shard(campaign, document)
                changes += view["backlog"] or 0
                held_bytes += view["journal_bytes"] or 0
                self._alarm(view)
        self._metrics.hold("journals_waiting_count", changes)
        self._metrics.hold("journals_held_bytes", held_bytes)
        self._metrics.hold("journals_alarmed_count", len(self._alarmed))

    def _alarm(self, view: dict[str, Any]) -> None:
        shard_id = view["shard"]
        if view["alarm"] and shard_id not in self._alarmed:
            self._alarmed.add(shard_id)
            logger.error("the journal of %s holds %d changes of at most %d: is MongoDB slow or away?", shard_id, view["backlog"],
                         self._max_changes)
        elif not view["alarm"] and view["backlog"] is not None and shard_id in self._alarmed:
            self._alarmed.discard(shard_id)
            logger.warning("the journal of %s is below half again", shard_id)

    async def view(self, campaign: Campaign) -> dict[str, Any]:
        """{"items": a record for each shard, "poison": […], "conflicts": […], "next": None}; times as ISO texts."""
        shards, poison, conflicts = [], [], []
        for document in sorted(await self._epochs.of_campaign(campaign.slug), key=lambda d: (d["period"], d["shard"])):
            shards.append(await self._shard(campaign, document))
            for note in await self._documents.poison(document["_id"], MOST_SHOWN):
                poison.append({"shard": document["_id"], "change": note["_id"], "row": note["row"], "reason": note["reason"],
                               "at": iso(note["at"])})
            for note in await self._documents.conflicts(document["_id"], MOST_SHOWN):
                conflicts.append({"shard": document["_id"], "participation": note["_id"], "stands": note["stands"], "at": iso(note["at"])})
        return {"items": shards, "poison": poison[:MOST_SHOWN], "conflicts": conflicts[:MOST_SHOWN], "next": None}

    async def _shard(self, campaign: Campaign, document: dict[str, Any]) -> dict[str, Any]:
        shard = self._counting.period(campaign, document["period"]).handles[document["shard"]].shard
        view: dict[str, Any] = {
            "shard": shard.id, "epoch": document["epoch"], "carried_by": document["ledger"], "max_changes": self._max_changes,
            "drained_per_second": document.get("drained_per_second", 0.0), "ready": False, "backlog": None, "journal_bytes": None,
            "alarm": False}
        if campaign.state == "archived":
            return view
        try:
            figures, journal_bytes = await shard.figures(minutes=0), await shard.journal_bytes()
        except (RedisError, OSError, TimeoutError) as error:
            logger.info("the journal of %s cannot be measured: %s", shard.id, type(error).__name__)
            return view
        return view | {"ready": figures.ready, "backlog": figures.backlog, "journal_bytes": journal_bytes,
                       "alarm": figures.backlog >= self._max_changes * ALARM_SHARE}
