"""One campaign: what it is, what it may hold, where it stands in its life."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, get_args

from server.blocks.block import check_page
from server.campaign_types import CAMPAIGN_TYPES
from server.clock import iso
from server.errors import InvalidBody, NotFound
from server.posters.design_rules import check_theme

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
STATE_NAMES: dict[State, str] = {"draft": "草稿", "scheduled": "待开始", "open": "进行中", "paused": "已暂停", "frozen": "已截止",
                                 "archived": "已归档"}


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
    # The content of its kind (server/campaign_types), in the form in which its kind keeps it.
    rules: dict[str, Any] = field(default_factory=dict)
    # How often this campaign or its places were changed.
    rev: int = 0
    # The revision of its draft that it shows (server/releases); 0: it was written without one.
    release: int = 0
    # Why it is paused, for citizens.
    pause_reason: str = ""
    # Since when it is in the recycle bin, 0 for all others. Only drafts can be there, and nothing happens to them there.
    binned_at: int = 0

    @property
    def pictured(self) -> list[dict[str, Any]]:
        """Where media of the library may be named."""
        return [self.theme, self.rules]

    def activity_codes(self, flags: int) -> tuple[str, ...]:
        """The codes of the bits that are set."""
        codes = self._codes.get(flags)
        if codes is None:
            codes = self._codes[flags] = tuple(activity.code for bit, activity in enumerate(self.activities) if flags >> bit & 1)
        return codes

    @cached_property
    def _codes(self) -> dict[int, tuple[str, ...]]:
        """Found once for each of the 65,536 flags at most: a campaign's people share a handful."""
        return {}

    @cached_property
    def bits(self) -> dict[str, int]:
        """The bit of each activity, by its code."""
        return {activity.code: bit for bit, activity in enumerate(self.activities)}


class CampaignNotFound(NotFound):
    code = "CAMPAIGN_NOT_FOUND"
    message = "没有这个活动"


def due_state(campaign: Campaign, now: float) -> State | None:
    """What the clock makes of a campaign."""
    if campaign.state == "scheduled" and campaign.opens_at <= now < campaign.closes_at:
        return "open"
    if campaign.state in ("open", "paused") and now >= campaign.closes_at + LATE_SECONDS:
        return "frozen"
    return None


def summary(campaign: Campaign) -> dict[str, Any]:
    return {"slug": campaign.slug, "title": campaign.title, "state": campaign.state, "opens_at": iso(campaign.opens_at),
            "closes_at": iso(campaign.closes_at), "demo": campaign.demo}


# What each part has to be, for whoever wrote it otherwise.
WHAT_IS_RIGHT = {
    "slug": "活动代码为 1 至 32 个小写字母、数字或短横线，不以短横线开头", "title": "活动名称 1 至 64 字",
    "opens_at": "开始时间要在 1970 年以后",
    "closes_at": "结束时间要晚于开始时间，且不能太远", "kind": f"活动类型只能是 {'、'.join(CAMPAIGN_TYPES)}",
    "period_rule": f"计数规则只能是 {'、'.join(get_args(PeriodRule))}",
    "activities": f"主题活动 1 至 {MAX_ACTIVITIES} 个：代码不重复，名称 1 至 32 字，动作 1 至 8 字",
    "presets": f"寄语最多 {MAX_PRESETS} 条：代码不重复，文字 1 至 {MAX_TEXT_CHARACTERS} 字",
    "organiser": f"分享与主办单位的每项文字最多 {MAX_TEXT_CHARACTERS} 字", "share": "分享图片要用本站地址，以 / 开头",
    "theme": "链接（…_url）要以 https:// 开头，或用本站以 / 开头的地址",
}


def check(campaign: Campaign) -> None:
    """Whether this can be a campaign at all, a draft too. Raises InvalidBody naming the field."""
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
        raise InvalidBody("INVALID_BODY", WHAT_IS_RIGHT[wrong], field=wrong)
    CAMPAIGN_TYPES[campaign.kind].read(campaign.rules)
    check_page(campaign.theme)
    check_theme(campaign.theme)


def _activities_are_right(campaign: Campaign) -> bool:
    codes = [activity.code for activity in campaign.activities]
    return 0 < len(codes) <= MAX_ACTIVITIES and len(set(codes)) == len(codes) and all(
        CODE.fullmatch(a.code) and 0 < len(a.title.strip()) <= 32 and 0 < len(a.verb.strip()) <= 8 for a in campaign.activities)


def _presets_are_right(campaign: Campaign) -> bool:
    return len({p.code for p in campaign.presets}) == len(campaign.presets) <= MAX_PRESETS and all(
        CODE.fullmatch(p.code) and 0 < len(p.text.strip()) <= MAX_TEXT_CHARACTERS for p in campaign.presets)
