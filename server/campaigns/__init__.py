"""A campaign 活动: what it is, when it is open and how it is counted.

Owns: the `campaigns` documents and the life cycle draft -> scheduled -> open (<-> paused) -> frozen -> archived.
Invariants: a draft is never public; `shards`, period rule and activities are fixed once it was scheduled, because
the counters are laid out by them; `shards` is written at scheduling and never changes. Every change raises `rev`; the
counters have been told of a change once `told` has caught up with it, and the clock's job tells them where it has not.

Failure policy: reading fails open: while MongoDB is away or slow the last known campaign is used, because the counting
script decides state and window by itself. Writing fails closed.
"""

from __future__ import annotations

from server.campaigns.campaign import (
    CODE,
    FOOTER,
    LATE_SECONDS,
    MAX_ACTIVITIES,
    MAX_PRESETS,
    OWN_PATH,
    STATE_NAMES,
    TRANSITIONS,
    Activity,
    Campaign,
    CampaignNotFound,
    Preset,
    State,
    check,
)
from server.campaigns.service import CACHE_SECONDS, MOST_ABSENT, MOST_FINDING, Campaigns
from server.campaigns.store import CampaignStore

__all__ = ["CACHE_SECONDS", "CODE", "FOOTER", "LATE_SECONDS", "MAX_ACTIVITIES", "MAX_PRESETS", "MOST_ABSENT", "MOST_FINDING", "OWN_PATH",
           "STATE_NAMES", "TRANSITIONS", "Activity", "Campaign", "CampaignNotFound", "CampaignStore", "Campaigns", "Preset", "State",
           "check"]
