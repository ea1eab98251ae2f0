"""Group reports 集体上报 as the figures see them: people whom a school or an office reported together, never added to the count."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol

from server.campaigns import Campaign


@dataclass(frozen=True)
class GroupFigure:
    """One report that stands: how many `people`, when it was made (seconds since 1970), where, for which activity."""

    second: int
    region: str
    unit: str
    activity: str
    people: int


class GroupReports(Protocol):
    def reported(self, campaign: Campaign, as_of: float) -> AsyncIterator[list[GroupFigure]]:
        """Every report that was made by then and is not voided, page by page."""
        ...
