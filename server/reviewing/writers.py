"""Writers: what stands between a citizen and what she writes: bans, the fallback to presets; and what is kept beside it: source, marks."""

from __future__ import annotations

from collections.abc import Sequence

from server.campaigns import Campaign
from server.messages import Author
from server.reviewing.bans import Bans
from server.reviewing.events import Events
from server.reviewing.fallback import Fallback
from server.reviewing.likeness import Likenesses
from server.reviewing.records import Records

# Of what near-duplicates are looked for by its words; photos are found by what they look like.
ALIKE_BY_WORDS = frozenset({"message"})


class Writers:
    """The `Guard` of server/messages.py; any other source of things that citizens make asks the same. `fallback` is set by the wiring,
    since it counts what the sources hold, and these ask here."""

    fallback: Fallback

    def __init__(self, bans: Bans, records: Records, likenesses: Likenesses, events: Events) -> None:
        self._bans = bans
        self._records = records
        self._likenesses = likenesses
        self._events = events

    async def admit(self, campaign: Campaign, citizen: int, now: float) -> None:
        """Raises BannedFromWriting, OwnWordsPaused."""
        await self._bans.admit(campaign.slug, citizen, now)
        await self.fallback.admit(campaign.slug)

    async def check_ban(self, campaign: str, citizen: int, now: float) -> None:
        """Raises BannedFromWriting."""
        await self._bans.admit(campaign, citizen, now)

    async def keep(self, kind: str, campaign: str, token: str, text: str, citizen: int, author: Author, now: float) -> None:
        """`text` "" where there is none, as of a photo."""
        await self._records.keep(kind, campaign, token, text, citizen, author, now)
        if text and kind in ALIKE_BY_WORDS:
            await self._likenesses.keep(kind, campaign, token, text)
        await self._events.add(token, "written", now)

    async def forget(self, kind: str, tokens: Sequence[str], *, written: bool = True) -> None:
        await self._likenesses.forget(tokens)
        if not written:
            for token in tokens:
                await self._records.drop(kind, token)
