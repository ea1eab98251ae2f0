"""The posters that a reviewer compares: what citizens get now, and what they would get of the draft.

Does not own: drawing (`server/posters`). Invariant: where nothing that a poster is made of differs, there is one poster and not two.
"""

from __future__ import annotations

from typing import Any

from server.campaign_types import CAMPAIGN_TYPES
from server.campaigns import Campaign
from server.posters.design import FIELD
from server.releases.content import Content, as_published, content_of
from server.releases.record import Draft


def compared_with(draft: Draft, campaign: Campaign) -> Content:
    """What a draft would change: of a correction what it began from, which may be public no more; else what is public, which of a campaign
    that is not is nothing."""
    if draft.kind == "correction":
        return draft.base
    return content_of(campaign) if campaign.state != "draft" else Content()


def compared(draft: Draft, campaign: Campaign) -> tuple[Campaign | None, Campaign]:
    """The campaign as it is public and as it would be; None where nothing is public yet or its poster would be the same."""
    public = compared_with(draft, campaign)
    has_before = campaign.state != "draft" and _made_of(public) != _made_of(draft.content)
    return as_published(public, campaign) if has_before else None, as_published(draft.content, campaign)


def _made_of(content: Content) -> tuple[Any, ...]:
    """Everything of a content that stands on its poster."""
    theme = content.theme
    return (content.title, tuple(activity.title for activity in content.activities), content.organiser.get("name", ""),
            theme.get("subtitle", ""), theme.get("poster") or CAMPAIGN_TYPES[content.kind].poster, theme.get(FIELD) or None)
