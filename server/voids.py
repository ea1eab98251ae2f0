"""Voids: what staff take back of one citizen in one period.

Owns: what a participation takes with it out of every total. First the participation, so that nothing counts beside it: a repeat after a
kill in between finishes.
"""

from __future__ import annotations

from server.ballots import Ballots
from server.ballots.ballot import KIND
from server.campaigns import Campaign
from server.counting import Amendments


class Voids:
    def __init__(self, amendments: Amendments, ballots: Ballots) -> None:
        self._amendments = amendments
        self._ballots = ballots

    async def void(self, campaign: Campaign, period: str, citizen: int, reason: str, by: str, now: float) -> None:
        """Repeating it changes nothing. Raises NotFound, Conflict NOT_DURABLE_YET, InvalidBody REASON_MISSING."""
        await self._amendments.void(campaign, period, citizen)
        if campaign.kind == KIND:
            await self._ballots.void(campaign, period, citizen, reason, by, now)
