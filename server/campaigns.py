"""A campaign 活动: what it is, when it is open and how it is counted.

Owns: the `campaigns` documents and the life cycle draft -> scheduled -> open (<-> paused) -> frozen -> archived.
Invariants: a draft is never public; `shards`, period rule and activities are fixed once it was scheduled, because
the counters are laid out by them; `shards` is written at scheduling and never changes. Every change raises `rev`; the
counters have been told of a change once `told` has caught up with it, and the clock's job tells them where it has not.

Failure policy: reading fails open: while MongoDB is away or slow the last known campaign is used, because the counting
script decides state and window by itself. Writing fails closed.
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from typing import Any, Literal, get_args

from server.campaign_types import CAMPAIGN_TYPES
from server.clock import iso
from server.errors import Conflict, InvalidBody, NotFound, Refusal
from server.stores import Database, Document, DuplicateKeyError, PyMongoError, RedisError

logger = logging.getLogger(__name__)

State = Literal["draft", "scheduled", "open", "paused", "frozen", "archived"]
PeriodRule = Literal["all", "daily"]

SLUG = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
CODE = re.compile(r"[a-z][a-z0-9_-]{0,31}")
# A path of this site, and a link that may stand on a public page.
OWN_PATH = re.compile(r"/(?![/\\])[\x21-\x7e]{0,255}")
LINK = re.compile(r"https://[\x21-\x7e]{1,255}|mailto:[\x21-\x7e]{1,100}|" + OWN_PATH.pattern)
# A share text or an organiser's name fits on a phone's screen; a page chooses among some presets, not a catalogue.
MAX_TEXT_CHARACTERS, MAX_PRESETS = 200, 50
# A cell has 13 activity bits, so a campaign has at most 13 theme activities.
MAX_ACTIVITIES = 13
# Requests that never got an answer are taken for 30 minutes after the end; then nothing more can change.
LATE_SECONDS = 1800
# Every process learns of a change within this; the counting script knows it at once.
CACHE_SECONDS = 1.0
# A read takes a millisecond or two. Whoever could go on with what is known does so after this.
PATIENCE_SECONDS = 0.5
# Past any campaign that an editor means; a larger year is a slip of the hand.
LATEST_SECONDS = 4_102_444_800

TRANSITIONS: dict[State, tuple[State, ...]] = {
    "draft": ("scheduled",),
    "scheduled": ("draft", "open"),
    "open": ("paused", "frozen"),
    "paused": ("open", "frozen"),
    "frozen": ("archived",),
    "archived": (),
}
# What the footer of every public page must name before a campaign on a public address may open.
FOOTER = {"name": "主办单位", "icp": "ICP 备案号", "police": "公安备案号", "telephone": "联系电话",
          "responsible_person": "儿童信息保护负责人"}


@dataclass(frozen=True)
class Activity:
    """A theme activity 主题活动. `children`: for under-14s, it stores nothing but the count."""

    code: str
    title: str
    verb: str
    children: bool = False


@dataclass(frozen=True)
class Preset:
    """A message 寄语 that may be chosen as it stands."""

    code: str
    text: str


@dataclass(frozen=True)
class Campaign:
    """`opens_at` and `closes_at` are seconds since 1970; open means opens_at <= now < closes_at.

    `period_rule`: `all` counts a citizen once in the whole campaign, `daily` once each Shanghai day.
    """

    slug: str
    title: str
    state: State
    opens_at: int
    closes_at: int
    activities: tuple[Activity, ...]
    kind: str = "salute"
    period_rule: PeriodRule = "all"
    shards: int = 1
    demo: bool = False
    # Played by the load client: in no public list, its numbers belong to nobody.
    rehearsal: bool = False
    free_words: bool = False
    presets: tuple[Preset, ...] = ()
    theme: dict[str, Any] = field(default_factory=dict)
    share: dict[str, str] = field(default_factory=dict)
    organiser: dict[str, str] = field(default_factory=dict)
    # How often this campaign or its places were changed.
    rev: int = 0

    def activity_index(self, code: str) -> int | None:
        """The activity's bit, or None for an unknown code."""
        return self._bits.get(code)

    def activity_codes(self, flags: int) -> tuple[str, ...]:
        """The codes of the bits that are set."""
        return tuple([activity.code for bit, activity in enumerate(self.activities) if flags >> bit & 1])

    @cached_property
    def _bits(self) -> dict[str, int]:
        return {activity.code: bit for bit, activity in enumerate(self.activities)}


class CampaignNotFound(NotFound):
    code = "CAMPAIGN_NOT_FOUND"
    message = "没有这个活动"


class CampaignStore:
    """The only code that touches `campaigns`."""

    def __init__(self, mongo: Database) -> None:
        self._campaigns = mongo["campaigns"]

    async def find(self, slug: str) -> Campaign | None:
        found = await self._campaigns.find_one({"_id": slug})
        return _campaign(found) if found else None

    async def all(self) -> list[Campaign]:
        """Every campaign. A city has some dozens in a year."""
        return [campaign for campaign, _ in await self.all_and_told()]

    async def all_and_told(self) -> list[tuple[Campaign, bool]]:
        """Every campaign, and whether the counters know of its last change."""
        found = await self._campaigns.find({}).limit(1000).to_list(None)
        return [(_campaign(d), d["state"] in ("draft", "scheduled") or d.get("told", 0) == d.get("rev", 0)) for d in found]

    async def create(self, campaign: Campaign) -> bool:
        """False where the slug is taken."""
        try:
            await self._campaigns.insert_one(_document(campaign))
        except DuplicateKeyError:
            return False
        return True

    async def change(self, slug: str, rev: int, fields: Mapping[str, Any]) -> bool:
        """Set fields of what was read at `rev`; False where another change was first."""
        result = await self._campaigns.update_one({"_id": slug, "rev": rev}, {"$set": fields, "$inc": {"rev": 1}})
        return result.modified_count == 1

    async def touch(self, slug: str) -> None:
        await self._campaigns.update_one({"_id": slug}, {"$inc": {"rev": 1}})

    async def note_told(self, slug: str, rev: int) -> bool:
        """The counters know of `rev`; False where there is a younger one."""
        return (await self._campaigns.update_one({"_id": slug, "rev": rev}, {"$set": {"told": rev}})).matched_count == 1


def _document(campaign: Campaign) -> Document:
    fields = asdict(campaign)
    return {"_id": fields.pop("slug"), **fields}


def _campaign(document: Document) -> Campaign:
    # The embedded store gives a truth value that was updated back as 1 or 0.
    fields = document | {name: bool(document.get(name)) for name in ("demo", "free_words", "rehearsal")}
    fields.pop("told", None)
    activities = tuple(Activity(a["code"], a["title"], a["verb"], bool(a["children"])) for a in fields.pop("activities"))
    return Campaign(slug=fields.pop("_id"), activities=activities, presets=tuple(Preset(**p) for p in fields.pop("presets")), **fields)


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
        # Set by the composition root: tells the counting shards of a new state or window; False where not all know it yet.
        self.on_change: Callable[[Campaign], Awaitable[bool]] = _nobody

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
        return sorted(await self._store.all(), key=lambda c: (-c.opens_at, c.slug))

    async def running(self) -> list[Campaign]:
        """The campaigns whose counters are in Redis."""
        return [campaign for campaign in await self.all() if campaign.state in ("open", "paused", "frozen")]

    async def public_list(self, now: float) -> list[dict[str, Any]]:
        """The campaigns that citizens may know of, newest first."""
        return [_summary(campaign) for campaign in await self.all() if campaign.state != "draft" and not campaign.rehearsal]

    def view(self, campaign: Campaign, regions: list[dict[str, Any]], has_units: bool, period: str, now: float) -> dict[str, Any]:
        """The public view of a campaign (times as ISO texts)."""
        return {
            **_summary(campaign), "kind": campaign.kind, "period_rule": campaign.period_rule, "period": period, "server_time": iso(now),
            "activities": [asdict(activity) for activity in campaign.activities], "regions": regions,
            "form": {"region": True, "unit": has_units, "free_words": campaign.free_words},
            "presets": [asdict(preset) for preset in campaign.presets], "theme": campaign.theme, "share": campaign.share,
            "organiser": campaign.organiser, "demo": campaign.demo, "simulated": self._simulated,
            "steps": [{"code": code, "name": name} for code, name in CAMPAIGN_TYPES[campaign.kind].steps]}

    def at_hand(self, slug: str) -> Campaign | None:
        """A public campaign as it was read within the last two seconds, without waiting; None where `get` must be asked.

        The first to find it older than a second has it read again beside the requests.
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
        if campaign is not None:
            self._known[slug] = now, campaign  # one caller asks, the others go on with what is known
        return await self._read(slug, campaign, now)

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
            raise CampaignNotFound()
        self._known[slug] = now, found
        return found

    # Writing

    async def create(self, campaign: Campaign) -> Campaign:
        """A new draft. Raises InvalidBody, Conflict SLUG_TAKEN."""
        draft = replace(campaign, state="draft")
        _check(draft)
        if not await self._store.create(draft):
            raise Conflict("SLUG_TAKEN", "这个活动代码已被使用", field="slug")
        return draft

    async def update(self, changed: Campaign) -> Campaign:
        """Change a campaign. Once scheduled, what the counters are laid out by stays. Raises InvalidBody, Conflict."""
        current = await self.get_any(changed.slug)
        _check(changed)
        fixed = ("kind", "period_rule", "shards")
        if current.state != "draft" and (any(getattr(current, name) != getattr(changed, name) for name in fixed) or
                                         [a.code for a in current.activities] != [a.code for a in changed.activities]):
            raise Conflict("CAMPAIGN_FIXED", "活动发布后不能再改统计周期和主题活动")
        if current.state in ("frozen", "archived"):
            raise Conflict("CAMPAIGN_FIXED", "活动已截止，不能再修改")
        changed = replace(changed, state=current.state, rev=current.rev + 1)
        fields = {name: value for name, value in _document(changed).items() if name not in ("_id", "state", "rev")}
        if not await self._store.change(changed.slug, current.rev, fields):
            raise Conflict("CAMPAIGN_CHANGED", "活动刚刚被别人修改，请刷新后再试")
        await self._tell(changed)
        return changed

    async def touch(self, slug: str) -> None:
        """The campaign's places changed: every process reads them anew."""
        await self._store.touch(slug)
        self._known.pop(slug, None)

    async def transition(self, slug: str, to: str, now: float) -> Campaign:
        """Move a campaign along its life cycle. Raises CampaignNotFound, InvalidBody, Conflict."""
        if to not in get_args(State):
            raise InvalidBody("UNKNOWN_STATE", "没有这个状态", field="state")
        campaign = await self.get_any(slug)
        target: State = to  # type: ignore[assignment]
        if target == campaign.state:
            await self._tell(campaign)  # asked again because the first answer was lost, perhaps before the counters knew
            return campaign
        if target not in TRANSITIONS[campaign.state]:
            raise Conflict("TRANSITION_REFUSED", f"活动现在是“{STATE_NAMES[campaign.state]}”，不能直接变为“{STATE_NAMES[target]}”")
        fields: dict[str, Any] = {"state": target}
        if campaign.state == "draft":
            fields["shards"] = await self._default_shards()
        if target in ("scheduled", "open"):
            self._check_may_open(campaign, now)
        if target == "archived" and now < campaign.closes_at + LATE_SECONDS:
            raise Conflict("STILL_COUNTING", "活动结束满 30 分钟、账目核对之后才能归档")
        if not await self._store.change(slug, campaign.rev, fields):
            raise Conflict("CAMPAIGN_CHANGED", "活动刚刚被别人修改，请刷新后再试")
        moved = replace(campaign, rev=campaign.rev + 1, **fields)
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


STATE_NAMES: dict[State, str] = {"draft": "草稿", "scheduled": "待开始", "open": "进行中", "paused": "已暂停", "frozen": "已截止",
                                 "archived": "已归档"}


def due_state(campaign: Campaign, now: float) -> State | None:
    """What the clock makes of a campaign."""
    if campaign.state == "scheduled" and campaign.opens_at <= now < campaign.closes_at:
        return "open"
    if campaign.state in ("open", "paused") and now >= campaign.closes_at + LATE_SECONDS:
        return "frozen"
    return None


def _summary(campaign: Campaign) -> dict[str, Any]:
    return {"slug": campaign.slug, "title": campaign.title, "state": campaign.state, "opens_at": iso(campaign.opens_at),
            "closes_at": iso(campaign.closes_at), "demo": campaign.demo}


def _check(campaign: Campaign) -> None:
    """What any draft must hold. Raises InvalidBody naming the field."""
    texts = [*campaign.share.values(), *campaign.organiser.values()]
    links = [value for part in (campaign.theme, campaign.organiser) for name, value in part.items() if name.endswith("_url")]
    wrong = next((name for name, right in (
        ("slug", bool(SLUG.fullmatch(campaign.slug))), ("title", 0 < len(campaign.title.strip()) <= 64),
        ("opens_at", campaign.opens_at >= 0), ("closes_at", campaign.opens_at < campaign.closes_at <= LATEST_SECONDS),
        ("kind", campaign.kind in CAMPAIGN_TYPES), ("period_rule", campaign.period_rule in get_args(PeriodRule)),
        ("activities", _activities_are_right(campaign)), ("presets", _presets_are_right(campaign)),
        ("organiser", all(isinstance(text, str) and len(text) <= MAX_TEXT_CHARACTERS for text in texts)),
        ("share", all(OWN_PATH.fullmatch(campaign.share[name]) for name in ("image", "card") if campaign.share.get(name))),
        ("theme", all(isinstance(link, str) and (not link or LINK.fullmatch(link)) for link in links))) if not right), None)
    if wrong:
        raise InvalidBody("INVALID_BODY", "活动内容不完整或格式不对", field=wrong)


def _activities_are_right(campaign: Campaign) -> bool:
    codes = [activity.code for activity in campaign.activities]
    return 0 < len(codes) <= MAX_ACTIVITIES and len(set(codes)) == len(codes) and all(
        CODE.fullmatch(a.code) and 0 < len(a.title.strip()) <= 32 and 0 < len(a.verb.strip()) <= 8 for a in campaign.activities)


def _presets_are_right(campaign: Campaign) -> bool:
    return len({p.code for p in campaign.presets}) == len(campaign.presets) <= MAX_PRESETS and all(
        CODE.fullmatch(p.code) and 0 < len(p.text.strip()) <= MAX_TEXT_CHARACTERS for p in campaign.presets)
