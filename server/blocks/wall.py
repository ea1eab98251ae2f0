"""The newest approved messages, as a page shows them beside everything else.

Invariant: nothing is shown longer than two seconds after it was taken down, here no more at once, whether the store answers or not.

Failure policy: open. A page without a wall's words is better than none: what was known in the last two seconds is shown, else nothing.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from typing import Any

from server.blocks.block import WALL_COUNTS
from server.campaigns import Campaign
from server.reviewing.wall import Wall
from server.seals import SealBroken
from server.stores import PyMongoError

logger = logging.getLogger(__name__)

# A read takes a millisecond or two, and most are from memory; a page does not wait longer for an ornament.
PATIENCE_SECONDS = 0.5
# The wall's own promise: what was taken down on another process is gone within two seconds.
KNOWN_SECONDS = 2.0
# As many campaigns as a city has open at a time, and then some.
MOST_KNOWN = 100


class WallGlimpse:
    """Asks the wall, whose memory a crowd shares, and remembers what it said last."""

    def __init__(self, wall: Wall) -> None:
        self._wall = wall
        # When it was read, after which change of the wall here, and what it was.
        self._known: OrderedDict[str, tuple[float, int, list[dict[str, Any]]]] = OrderedDict()

    async def newest(self, campaign: Campaign, now: float) -> list[dict[str, Any]]:
        """The newest, as many as any page shows."""
        changes = self._wall.changes
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                found: list[dict[str, Any]] = (await self._wall.page(campaign, "", now))["items"][:WALL_COUNTS[1]]
        except (PyMongoError, SealBroken, TimeoutError) as error:
            logger.warning("the messages of %s are shown as last known: %s", campaign.slug, type(error).__name__)
            read_at, then, known = self._known.get(campaign.slug, (float("-inf"), 0, []))
            return known if 0 <= now - read_at <= KNOWN_SECONDS and then == self._wall.changes else []
        self._known[campaign.slug] = now, changes, found
        self._known.move_to_end(campaign.slug)
        while len(self._known) > MOST_KNOWN:
            self._known.popitem(last=False)
        return found
