"""The opening ceremony 启动仪式: the wall waits full-screen, and one press on stage opens the campaign.

Owns: `ceremonies`, whether a campaign's wall waits for the press, and who pressed. Does not own the campaign's state: opening goes the way
of every opening (server/campaigns).
Invariants: nothing but a press by a member of staff, or the campaign's own time, opens it; whoever presses second finds it open; a press
before the planned time moves the beginning to that moment, so that the counters take salutes from then on, and a press that dies halfway is
finished by the clock within a second. Whoever never presses has lost nothing: the campaign opens at its time.
"""

from __future__ import annotations

from dataclasses import replace

import msgspec

from server.campaigns import Campaign, Campaigns
from server.clock import iso
from server.errors import Conflict
from server.stores import Database, DuplicateKeyError

# A ceremony begins shortly before its campaign. A press earlier than this is a rehearsal's, or a slip.
EARLIEST_SECONDS = 2 * 3600
# The clock and a second hand may change the campaign between our reading and our writing; each can do so once.
TRIES = 3


class Ceremony(msgspec.Struct, frozen=True):
    is_armed: bool = False
    armed_by: str = ""
    armed_at: float = 0.0
    pressed_by: str = ""
    pressed_at: float = 0.0


class CeremonyStore:
    """The only code that touches `ceremonies`."""

    def __init__(self, mongo: Database) -> None:
        self._ceremonies = mongo["ceremonies"]

    async def find(self, campaign: str) -> Ceremony:
        found = await self._ceremonies.find_one({"_id": campaign})
        return msgspec.convert(found, Ceremony, strict=False) if found else Ceremony()

    async def keep(self, campaign: str, ceremony: Ceremony) -> None:
        """Until it was pressed: what happened on stage stays."""
        try:
            await self._ceremonies.update_one({"_id": campaign, "pressed_by": ""}, {"$set": msgspec.to_builtins(ceremony)}, upsert=True)
        except DuplicateKeyError:
            return

    async def note_pressed(self, campaign: str, who: str, now: float) -> bool:
        """False where somebody was first."""
        noted = await self._ceremonies.update_one({"_id": campaign, "pressed_by": ""}, {"$set": {"pressed_by": who, "pressed_at": now}})
        return noted.matched_count == 1


class Ceremonies:
    def __init__(self, store: CeremonyStore, campaigns: Campaigns) -> None:
        self._store = store
        self._campaigns = campaigns

    async def of(self, campaign: Campaign) -> Ceremony:
        """`is_armed` only while there is still something to open."""
        ceremony = await self._store.find(campaign.slug)
        return ceremony if campaign.state == "scheduled" else msgspec.structs.replace(ceremony, is_armed=False)

    async def arm(self, slug: str, who: str, now: float) -> Ceremony:
        """The walls of this campaign wait for the press. Raises CampaignNotFound, Conflict CEREMONY_NOT_POSSIBLE."""
        campaign = await self._campaigns.get_any(slug)
        if campaign.state != "scheduled":
            raise Conflict("CEREMONY_NOT_POSSIBLE", "只有已发布、尚未开始的活动可以进入启动仪式")
        await self._store.keep(slug, Ceremony(True, who, now))
        return await self.of(campaign)

    async def disarm(self, slug: str) -> Ceremony:
        """The walls are as before. Raises CampaignNotFound."""
        campaign = await self._campaigns.get_any(slug)
        await self._store.keep(slug, Ceremony())
        return await self.of(campaign)

    async def press(self, slug: str, who: str, now: float) -> tuple[Campaign, bool]:
        """Open the campaign, and whether this press did it.

        Raises CampaignNotFound, Conflict: CEREMONY_NOT_ARMED, CEREMONY_TOO_EARLY, and what an opening is refused with.
        """
        for attempt in range(1, TRIES + 1):
            campaign = await self._campaigns.get_any(slug)
            if campaign.state == "open":
                return campaign, False
            await self._check(campaign, now)
            try:
                if now < campaign.opens_at:
                    campaign = await self._campaigns.update(replace(campaign, opens_at=int(now)), seen_rev=campaign.rev)
                opened = await self._campaigns.transition(slug, "open", now)
            except Conflict as error:
                if error.code != "CAMPAIGN_CHANGED" or attempt == TRIES:
                    raise
                continue
            # Two who press at once may both have moved it: the one whose name stands there opened it.
            return opened, await self._store.note_pressed(slug, who, now)
        raise AssertionError("every try returns or raises")

    async def _check(self, campaign: Campaign, now: float) -> None:
        if not (await self.of(campaign)).is_armed:
            raise Conflict("CEREMONY_NOT_ARMED", "大屏还没有进入启动仪式，请先在“大屏与启动仪式”页进入")
        if now < campaign.opens_at - EARLIEST_SECONDS:
            raise Conflict("CEREMONY_TOO_EARLY", f"计划 {iso(campaign.opens_at)[:16].replace('T', ' ')} 开始，提前两小时以内才能按下；"
                                                 "要更早开始请先修改活动的开始时间")
