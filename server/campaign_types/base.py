"""What every kind of campaign answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from server.campaigns import Campaign


class CampaignType(Protocol):
    """`title` names the kind to editors. `steps` are the page's scenes in order, as (code, name)."""

    @property
    def title(self) -> str: ...

    @property
    def steps(self) -> tuple[tuple[str, str], ...]: ...

    def problems(self, campaign: Campaign) -> list[str]:
        """Why a campaign of this kind may not open yet, in Chinese; empty when it may."""
        ...
