"""The kinds of campaign, as one plain table. A contract test runs over every entry.

A kind says what its own content must hold, what of it is public, and what the act is called; it touches no store. Where do I add one:
a module beside this one, a line below, its template in assets/seeds/templates/, its poster in assets/posters/, its card in assets/share/,
its scenes in h5/src/campaign/kinds/ and its content's form in h5/src/console/pages/desk/kinds/.
"""

from __future__ import annotations

from typing import Any

from server.campaign_types.base import CampaignType
from server.campaign_types.messages import MessageWall
from server.campaign_types.photos import Photos
from server.campaign_types.pledge import Pledge
from server.campaign_types.quiz import Quiz
from server.campaign_types.salute import Salute
from server.campaign_types.vote import Vote

CAMPAIGN_TYPES: dict[str, CampaignType[Any]] = {
    "salute": Salute(),
    "pledge": Pledge(),
    "quiz": Quiz(),
    "messages": MessageWall(),
    "vote": Vote(),
    "photos": Photos(),
}
