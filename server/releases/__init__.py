"""Releases: how what editors write becomes what citizens see.

A published campaign is read-only. Edits go to its draft; a draft is kept in numbered revisions, reviewed step by step by people who did
not write it, and the approved revision alone is published, now or at a minute of Shanghai time. A correction is the short way for words
and pictures of an open campaign. What each part owns stands in its file; all of a campaign's desk is written by `store.py`.
"""

from __future__ import annotations

from server.releases.corrections import Corrections
from server.releases.drafts import Drafts
from server.releases.moves import Moves
from server.releases.presence import Presence
from server.releases.previews import Previews, PreviewStore
from server.releases.publishing import Publishing
from server.releases.readiness import Readiness
from server.releases.review_links import ReviewLinks, ReviewLinkStore
from server.releases.reviews import Reviews
from server.releases.store import DeskStore
from server.releases.wiring import Releases, releases_of
from server.releases.wording import Wording

__all__ = ["Corrections", "DeskStore", "Drafts", "Moves", "Presence", "PreviewStore", "Previews", "Publishing", "Readiness", "Releases",
           "ReviewLinkStore", "ReviewLinks", "Reviews", "Wording", "releases_of"]
