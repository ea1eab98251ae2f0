"""What is done with campaigns: read by everybody, written by editors, moved along by the clock."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import asdict, replace
from typing import Any, get_args

from server.campaign_types import CAMPAIGN_TYPES
from server.campaigns.campaign import (
    FOOTER,
    LATE_SECONDS,
    STATE_NAMES,
    TRANSITIONS,
    Campaign,
    CampaignNotFound,
    State,
    check,
    due_state,
    summary,
)
from server.campaigns.store import CampaignStore, document_of
from server.clock import iso
from server.errors import Conflict, InvalidBody, Refusal, Unavailable
from server.media.references import NoMedia, ShownMedia, media_ids
from server.posters.design import FIELD as POSTER_DESIGN
from server.stores import PyMongoError, RedisError

logger = logging.getLogger(__name__)

# Every process learns of a change within this; the counting script knows it at once.
CACHE_SECONDS = 1.0
# A read takes a millisecond or two. Whoever could go on with what is known does so after this.
PATIENCE_SECONDS = 0.5
# Names of which nothing is known are looked up so many at a time; this many of those that name no campaign are remembered for as long
# as any campaign is.
MOST_FINDING, MOST_ABSENT = 32, 1000

NEVER: tuple[float, Campaign | None] = (float("-inf"), None)


async def _nobody(campaign: Campaign) -> bool:
    return True


class Campaigns:
    """`default_shards()` is written into a campaign when it is scheduled. `is_public`: people outside this machine are served."""

    def __init__(self, store: CampaignStore, *, default_shards: Callable[[], Awaitable[int]], is_public: bool, simulated: bool) -> None:
        self._store = store
        self._default_shards = default_shards
        self._is_public = is_public
        self._simulated = simulated
        self._known: dict[str, tuple[float, Campaign]] = {}
        self._reading: asyncio.Task[None] | None = None
        self._finding: dict[str, asyncio.Task[Campaign]] = {}  # names of which nothing is known
        self._absent: dict[str, float] = {}  # names of no campaign, and until when that is believed
        # Set by the composition root: tells the counting shards of a new state or window; False where not all know it yet.
        self.on_change: Callable[[Campaign], Awaitable[bool]] = _nobody
        # Likewise: told which media of the library a campaign shows, before it shows them and after.
        self.media: ShownMedia = NoMedia()

    # Reading

    async def get(self, slug: str) -> Campaign:
        """A public campaign. Raises CampaignNotFound, for a draft too."""
        campaign = await self._cached(slug)
        if campaign.state == "draft":
            raise CampaignNotFound()
        return campaign

    async def get_any(self, slug: str) -> Campaign:
        """A campaign as staff see it, drafts too. Raises CampaignNotFound."""
        campaign = await self._store.find(slug)
        if campaign is None:
            raise CampaignNotFound()
        return campaign

    async def all(self) -> list[Campaign]:
        found = [campaign for campaign in await self._store.all() if not campaign.binned_at]
        return sorted(found, key=lambda c: (-c.opens_at, c.slug))

    async def binned(self) -> list[Campaign]:
        """What is in the recycle bin, the newest first."""
        return sorted((campaign for campaign in await self._store.all() if campaign.binned_at), key=lambda c: -c.binned_at)

    async def running(self) -> list[Campaign]:
        """The campaigns whose counters are in Redis."""
        return [campaign for campaign in await self.all() if campaign.state in ("open", "paused", "frozen")]

    async def public_list(self, now: float) -> list[dict[str, Any]]:
        """The campaigns that citizens may know of, newest first."""
        return [summary(campaign) for campaign in await self.all() if campaign.state != "draft" and not campaign.rehearsal]

    def view(self, campaign: Campaign, regions: list[dict[str, Any]], has_units: bool, period: str, now: float) -> dict[str, Any]:
        """The public view of a campaign (times as ISO texts)."""
        kind = CAMPAIGN_TYPES[campaign.kind]
        return {
            **summary(campaign), "kind": campaign.kind, "period_rule": campaign.period_rule, "period": period, "server_time": iso(now),
            "activities": [asdict(activity) for activity in campaign.activities], "regions": regions,
            "form": {"region": True, "unit": has_units, "free_words": campaign.free_words},
            "presets": [asdict(preset) for preset in campaign.presets], "share": campaign.share,
            # Several kilobytes that no page of a citizen needs.
            "theme": {name: value for name, value in campaign.theme.items() if name != POSTER_DESIGN},
            "organiser": campaign.organiser, "rules": kind.public(kind.read(campaign.rules)), "demo": campaign.demo,
            "simulated": self._simulated, "pause_reason": campaign.pause_reason,
            "steps": [{"code": code, "name": name} for code, name in kind.steps]}

    def at_hand(self, slug: str) -> Campaign | None:
        """A public campaign as it was last read, without waiting; None where `get` must be asked.

        The first to find it older than a second has it read again beside the requests; while MongoDB is away it grows older than that.
        """
        read_at, campaign = self._known.get(slug, NEVER)
        now = time.monotonic()
        if campaign is None or campaign.state == "draft" or now - read_at > 2 * CACHE_SECONDS:
            return None
        if now - read_at > CACHE_SECONDS:
            self._known[slug] = now, campaign
            self._reading = asyncio.create_task(self._read_quietly(slug, campaign, now))
        return campaign

    async def _cached(self, slug: str) -> Campaign:
        now = time.monotonic()
        read_at, campaign = self._known.get(slug, NEVER)
        if campaign is not None and now - read_at < CACHE_SECONDS:
            return campaign
        if campaign is None:
            return await self._find(slug, now)
        self._known[slug] = now, campaign  # one caller asks, the others go on with what is known
        return await self._read(slug, campaign, now)

    async def _find(self, slug: str, now: float) -> Campaign:
        """Read once, however many wait for it, and few names at a time: anybody can make up thousands of them."""
        if now < self._absent.get(slug, 0.0):
            raise CampaignNotFound()
        finding = self._finding.get(slug)
        if finding is None:
            if len(self._finding) >= MOST_FINDING:
                raise Unavailable()
            finding = self._finding[slug] = asyncio.create_task(self._read(slug, None, now))
            finding.add_done_callback(lambda done: (self._finding.pop(slug, None), done.cancelled() or done.exception()))
        return await asyncio.shield(finding)

    async def _read_quietly(self, slug: str, known: Campaign, now: float) -> None:
        with suppress(CampaignNotFound):  # who asks next is told
            await self._read(slug, known, now)

    async def _read(self, slug: str, known: Campaign | None, now: float) -> Campaign:
        try:
            async with asyncio.timeout(None if known is None else PATIENCE_SECONDS):
                found = await self._store.find(slug)
        except (PyMongoError, TimeoutError) as error:
            if known is None:
                raise
            logger.warning("campaign %s is served as last known: %s", slug, type(error).__name__)
            return known
        if found is None:
            self._known.pop(slug, None)
            if len(self._absent) >= MOST_ABSENT:
                self._absent.clear()
            self._absent[slug] = now + CACHE_SECONDS
            raise CampaignNotFound()
        self._known[slug] = now, found
        return found

    # Writing

    async def create(self, campaign: Campaign) -> Campaign:
        """A new draft. Raises InvalidBody, Conflict SLUG_TAKEN."""
        draft = replace(campaign, state="draft")
        check(draft)
        await self.media.use(draft.slug, draft.title, draft.pictured)
        created = await self._store.create(draft)
        if media_ids(draft.pictured):
            await self._settle_media(draft.slug)
        if not created:
            raise Conflict("SLUG_TAKEN", "这个活动代码已被使用", field="slug")
        self._absent.pop(campaign.slug, None)
        return draft

    async def update(self, changed: Campaign, *, seen_rev: int | None = None) -> Campaign:
        """Change a campaign, with `seen_rev` only as it was seen. Once scheduled, what the counters are laid out by stays.

        Raises InvalidBody, Conflict.
        """
        current = await self.get_any(changed.slug)
        check(changed)
        if seen_rev is not None and current.rev != seen_rev:
            raise Conflict("CAMPAIGN_CHANGED", "活动刚刚被别人修改，请刷新后再试")
        if current.binned_at:
            raise Conflict("CAMPAIGN_BINNED", "活动在回收站里，请先恢复")
        fixed = ("kind", "period_rule", "shards")
        if current.state != "draft" and (any(getattr(current, name) != getattr(changed, name) for name in fixed) or
                                         [a.code for a in current.activities] != [a.code for a in changed.activities]):
            raise Conflict("CAMPAIGN_FIXED", "活动发布后不能再改统计周期和主题活动")
        kind = CAMPAIGN_TYPES[current.kind]
        if current.state != "draft" and kind.fixed(kind.read(current.rules)) != kind.fixed(kind.read(changed.rules)):
            raise Conflict("CAMPAIGN_FIXED", "投票发布后不能再增删候选人或改每张选票选几位；需要时暂停候选人")
        if current.state in ("frozen", "archived"):
            raise Conflict("CAMPAIGN_FIXED", "活动已截止，不能再修改")
        changed = replace(changed, state=current.state, rev=current.rev + 1)
        fields = {name: value for name, value in document_of(changed).items() if name not in ("_id", "state", "rev")}
        await self.media.use(changed.slug, changed.title, changed.pictured)
        is_kept = await self._store.change(changed.slug, current.rev, fields)
        if media_ids(changed.pictured) or media_ids(current.pictured):
            await self._settle_media(changed.slug)
        if not is_kept:
            raise Conflict("CAMPAIGN_CHANGED", "活动刚刚被别人修改，请刷新后再试")
        await self._tell(changed)
        return changed

    async def _settle_media(self, slug: str) -> None:
        """The library knows what the campaign shows, and nothing more, whoever else is changing it."""
        rev = -1
        while (current := await self.get_any(slug)).rev != rev:
            rev = current.rev
            await self.media.settle(slug, current.pictured)

    async def touch(self, slug: str) -> None:
        """The campaign's places changed: every process reads them anew."""
        await self._store.touch(slug)
        self._known.pop(slug, None)

    async def bin(self, slug: str, now: float) -> Campaign:
        """Put a draft into the recycle bin, or back out of it with `now` 0. Raises CampaignNotFound, Conflict."""
        campaign = await self.get_any(slug)
        if campaign.state != "draft":
            raise Conflict("CAMPAIGN_PUBLISHED", "只有没有发布的活动可以放进回收站")
        if not await self._store.change(slug, campaign.rev, {"binned_at": int(now)}):
            raise Conflict("CAMPAIGN_CHANGED", "活动刚刚被别人修改，请刷新后再试")
        return replace(campaign, binned_at=int(now), rev=campaign.rev + 1)

    async def purge(self, campaign: Campaign) -> bool:
        """Remove for good what is still in the bin as it was seen."""
        if not campaign.binned_at or not await self._store.remove(campaign.slug, campaign.rev):
            return False
        await self.media.settle(campaign.slug, {})
        return True

    async def transition(self, slug: str, to: str, now: float, *, reason: str = "") -> Campaign:
        """Move a campaign along its life cycle; `reason`: what citizens are told of a pause.

        Raises CampaignNotFound, InvalidBody, Conflict.
        """
        if to not in get_args(State):
            raise InvalidBody("UNKNOWN_STATE", "没有这个状态", field="state")
        campaign = await self.get_any(slug)
        target: State = to  # type: ignore[assignment]
        if campaign.binned_at:
            raise Conflict("CAMPAIGN_BINNED", "活动在回收站里，请先恢复")
        explains = target == campaign.state == "paused" and reason not in ("", campaign.pause_reason)
        if target == campaign.state and not explains:
            await self._tell(campaign)  # asked again because the first answer was lost, perhaps before the counters knew
            return campaign
        if target not in TRANSITIONS[campaign.state] and not explains:
            raise Conflict("TRANSITION_REFUSED", f"活动现在是“{STATE_NAMES[campaign.state]}”，不能直接变为“{STATE_NAMES[target]}”")
        fields: dict[str, Any] = {"state": target, "pause_reason": reason if target == "paused" else ""}
        if campaign.state == "draft":
            fields["shards"] = await self._default_shards()
        if target in ("scheduled", "open"):
            self._check_may_open(campaign, now)
        if target == "archived" and now < campaign.closes_at + LATE_SECONDS:
            raise Conflict("STILL_COUNTING", "活动结束满 30 分钟、账目核对之后才能归档")
        moved = replace(campaign, rev=campaign.rev + 1, **fields)
        if not await self._store.change(slug, campaign.rev, fields):
            moved = await self.get_any(slug)  # the clock and an editor may open it in the same second
            if moved.state != target:
                raise Conflict("CAMPAIGN_CHANGED", "活动刚刚被别人修改，请刷新后再试")
        await self._tell(moved)
        return moved

    async def tick(self, now: float) -> list[Campaign]:
        """Open what is due, freeze what has ended, tell the counters what they may not know; the job that keeps the clock.

        Returns the campaigns that were frozen. One that cannot be moved, such as with an empty footer, holds no other up.
        """
        frozen = []
        for campaign, told in await self._store.all_and_told():
            due = due_state(campaign, now)
            try:
                if due is not None:
                    campaign = await self.transition(campaign.slug, due, now)
                elif not told:
                    await self._tell(campaign)
            except (Refusal, PyMongoError, RedisError, OSError, TimeoutError) as error:
                logger.warning("campaign %s is looked at again: %s", campaign.slug, error)
                continue
            if due == "frozen":
                frozen.append(campaign)
        return frozen

    def _check_may_open(self, campaign: Campaign, now: float) -> None:
        problems = CAMPAIGN_TYPES[campaign.kind].problems(campaign)
        if campaign.closes_at <= now:
            problems.append("活动的结束时间已经过去")
        if self._is_public:
            missing = [name for key, name in FOOTER.items() if not campaign.organiser.get(key, "").strip()]
            if missing:
                problems.append("页脚还缺：" + "、".join(missing))
        if problems:
            raise Conflict("NOT_READY_TO_OPEN", "；".join(problems))

    async def _tell(self, campaign: Campaign) -> None:
        """Tell the counters, until nothing has changed meanwhile: what is told last is what stands."""
        self._known.pop(campaign.slug, None)
        while campaign.state not in ("draft", "scheduled"):
            if not await self.on_change(campaign):
                logger.warning("the counters do not all know yet that %s is %s; they are told again", campaign.slug, campaign.state)
                break
            if await self._store.note_told(campaign.slug, campaign.rev):
                break
            campaign = await self.get_any(campaign.slug)
