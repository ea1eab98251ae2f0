"""Articles 图文 of an official account: drafts, publishing and mass sends.

Owns: `drafts` (who wrote in a draft of the platform's box), `publications` and `mass_sends` (one document a draft), `article_reports`
(what the platform told, by its own names). article.py (records, limits, words), drafts.py, publishing.py, mass_sends.py, records.py (the
two collections alike), reports.py (events). Does not own: what a draft says, which the platform keeps; its pictures (server/materials).
Invariants: only one thing is done with a draft at a time; what is asked of the platform is kept before it is asked; nobody receives a
mass send twice, and nobody sends what she wrote herself.

Failure policy: closed, by part: see publishing.py and mass_sends.py.
"""

from __future__ import annotations

from dataclasses import dataclass

from server.articles.article import Article, Confirmed, Draft, MassSend, Publication
from server.articles.drafts import Drafts, DraftStore
from server.articles.mass_sends import MassSends
from server.articles.publishing import Publishing
from server.articles.records import RecordStore
from server.articles.reports import ArticleReports

__all__ = ["Article", "ArticleReports", "Articles", "Confirmed", "Draft", "DraftStore", "Drafts", "MassSend", "MassSends", "Publication",
           "Publishing", "RecordStore"]


@dataclass(frozen=True)
class Articles:
    """What one account does with articles."""

    drafts: Drafts
    publishing: Publishing
    mass_sends: MassSends

    async def look(self, now: float) -> None:
        """Find out what no event told of; called by a job."""
        await self.publishing.look(now)
        await self.mass_sends.look(now)
