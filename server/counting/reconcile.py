"""Reconcile: looks each minute, and wholly at a campaign's close, whether every document has its cell.

Owns nothing. It goes round: each look goes on where the last one stopped. Repairs by set union: a cell that a document names
and Redis lacks is put back; counts only go up.
"""

from __future__ import annotations

import logging

from server.campaigns import Campaign
from server.counting.shards import Shard
from server.ledger import put_back
from server.participations import ParticipationStore

logger = logging.getLogger(__name__)

# Documents that one look compares, a shard: 20 pages are about a second of the embedded store, once a minute.
DOCUMENTS_A_LOOK = 20_000


class Reconcile:
    def __init__(self, documents: ParticipationStore) -> None:
        self._documents = documents
        self._looked_to: dict[str, int] = {}

    async def shard(self, shard: Shard, campaign: Campaign, *, whole: bool = False) -> int:
        """Put back what the shard lacks. Returns how many cells changed (0 in health). Raises PyMongoError, RedisError."""
        figures = await shard.figures(minutes=0)
        if not figures.ready:
            return 0  # the keeper has it
        after = 0 if whole else self._looked_to.get(shard.id, 0)
        seen = changed = 0
        async for page in self._documents.pages(shard.id, after):
            done = await shard.put_back(figures.epoch, [put_back(document, campaign) for document in page], settled=True)
            changed += done.changed if done else 0
            after, seen = page[-1].seq, seen + len(page)
            if seen >= DOCUMENTS_A_LOOK and not whole:
                break
        else:
            after = 0  # all were seen: the next look begins anew, for what is lost behind it
        self._looked_to[shard.id] = after
        if changed:
            logger.error("reconcile put %d cells of %s back: its Redis had lost them", changed, shard.id)
        return changed
