"""What the platform tells of its own accord: how a publication and a mass send ended."""

from __future__ import annotations

from server.articles import mass_sends, publishing
from server.articles.article import MassSend, Publication
from server.articles.records import RecordStore
from server.wechat.details import MassDelivery, Published
from server.wechat.messages import InboundMessage

# A record asks for its report within minutes of knowing its name; a kill and a night of outage are days shorter than this.
KEPT_SECONDS = 30 * 86400.0


class ArticleReports:
    """Of every account: a message names its own."""

    def __init__(self, publications: RecordStore[Publication], sends: RecordStore[MassSend]) -> None:
        self._publications = publications
        self._sends = sends

    async def learn_published(self, message: InboundMessage, now: float) -> None:
        """PUBLISHJOBFINISH; one that says that it is still running changes nothing."""
        if isinstance(message.details, Published) and (fields := publishing.fields_of(message.details)):
            await self._publications.reported(message.appid, message.details.publish_id, fields, now)

    async def learn_sent(self, message: InboundMessage, now: float) -> None:
        """MASSSENDJOBFINISH."""
        if isinstance(message.details, MassDelivery):
            await self._sends.reported(message.appid, message.details.msg_id, mass_sends.fields_of(message.details), now)

    async def tidy(self, now: float) -> None:
        """Of publications and of mass sends."""
        await self._publications.reports.forget(now - KEPT_SECONDS)
