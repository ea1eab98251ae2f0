"""The kinds of campaign, as one plain table. A contract test runs over every entry.

A kind says what its rules must hold before it may open and what the act is called; it touches no store.
"""

from __future__ import annotations

from server.campaign_types.base import CampaignType
from server.campaign_types.salute import Salute

CAMPAIGN_TYPES: dict[str, CampaignType] = {
    "salute": Salute(),
}
