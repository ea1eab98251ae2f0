"""The public wall's first page, as every phone asks for it: read once a second by each process.

Invariants: nothing is shown longer than a second after it was taken down, on any process; the process that took it down shows it no more
at once; while MongoDB is away the wall is refused rather than shown as it was.
"""

from __future__ import annotations

from typing import Any

from server.campaigns import Campaign
from server.messages import Messages
from server.shared_reads import Remembered

# What is taken down must be gone within two seconds everywhere: one for this, one for the request itself.
WALL_SECONDS = 1.0
# More campaigns than are looked at in one second.
MOST_KEPT = 64


class Wall:
    """`changes`: how often something changed here; what was read before is not to be shown any more."""

    def __init__(self, messages: Messages) -> None:
        self._messages = messages
        self._pages: Remembered[dict[str, Any]] = Remembered(WALL_SECONDS, MOST_KEPT)
        self.changes = 0

    async def page(self, campaign: Campaign, cursor: str, now: float) -> dict[str, Any]:
        """As `Messages.wall`."""
        if cursor:
            return await self._messages.wall(campaign, cursor)
        return await self._pages.get(campaign.slug, lambda: self._messages.wall(campaign, ""), now)

    def forget(self) -> None:
        """Something changed here: the next to ask reads anew, whoever is reading."""
        self.changes += 1
        self._pages.forget_all()
