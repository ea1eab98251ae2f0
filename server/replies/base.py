"""What a reply is: whether a message concerns it, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from server.wechat.messages import Article, InboundMessage, Reply

if TYPE_CHECKING:
    from server.articles import ArticleReports
    from server.campaigns import Campaign, Campaigns
    from server.citizens import Citizens
    from server.counting import Counting
    from server.followers import FollowerEvents
    from server.moderation import MediaChecks
    from server.notices import Notices
    from server.phones import Phones
    from server.reply_rules import ReplyRules
    from server.visits import Visits

# WeChat shows a single card's picture at 2.35:1; the square one of shared links would lose part of the flag.
PICTURE = "/static/share/salute-wide.jpg"


# Keys of the menu that entries of the product answer by themselves; a test holds them to the entries.
KEYS = ("campaign", "mine", "total")


@dataclass(frozen=True)
class Context:
    """What a reply may ask. It changes nothing but who is known."""

    campaigns: Campaigns
    citizens: Citizens
    counting: Counting
    reply_rules: ReplyRules
    notices: Notices
    visits: Visits
    followers: FollowerEvents
    media_checks: MediaChecks
    article_reports: ArticleReports
    phones: Phones
    base_url: str
    now: float

    async def current(self) -> Campaign | None:
        """The campaign that people mean: the open one, else what comes next, else the last; none of the demo's ended ones, no rehearsal."""
        public = [c for c in await self.campaigns.all() if c.state in ("open", "paused", "frozen", "scheduled") and not c.rehearsal]
        order = {"open": 0, "paused": 1, "scheduled": 2, "frozen": 3}
        return min(public, key=lambda c: (order[c.state], c.opens_at if c.state == "scheduled" else -c.opens_at), default=None)

    def card(self, campaign: Campaign, channel: str, title: str = "") -> Reply:
        """The campaign as a card that opens its page."""
        return Reply("news", articles=(Article(
            title or campaign.title, campaign.share.get("desc", ""), f"{self.base_url}/c/{campaign.slug}?ch={channel}",
            self.base_url + campaign.share.get("card", PICTURE)),))


class ReplyEntry(Protocol):
    """One entry of REPLIES. `answer` None: nothing is said. Answers come within the callback's 4.5 seconds or later by message."""

    def concerns(self, message: InboundMessage) -> bool: ...

    async def answer(self, message: InboundMessage, context: Context) -> Reply | None: ...


def says(message: InboundMessage, *words: str) -> str:
    """The first of the words that a text holds, empty where it holds none."""
    return next((word for word in words if word in message.text), "") if message.kind == "text" else ""


def clicks(message: InboundMessage, key: str) -> bool:
    """Whether it is a tap on the menu entry of this key."""
    return message.event == "click" and message.event_key == key
