"""Readiness 发布前检查: what is missing until a campaign may be published, and what of its words is wrong.

Owns: the list of checks. It reads everything and changes nothing. Checks are made at publishing and never at saving: a draft may be
unfinished. An item is `error` (blocks), `warning` (to be confirmed, by its key) or fine. On a machine of one's own what only the law asks
of a public address is a warning.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from server.blocks.block import blocks_of
from server.campaign_types import CAMPAIGN_TYPES
from server.campaigns import FOOTER, Campaign, Campaigns, check
from server.errors import InvalidBody
from server.places import PlaceIndex, Places
from server.posters.design import DesignWrong, design_of, ground_of, landscape_name
from server.posters.design_rules import check_theme, warnings_of
from server.posters.layers import Template
from server.releases.content import Content, as_published
from server.releases.guide import GuideStep, guide
from server.releases.pages import DraftPages
from server.releases.record import Draft, lacking_people
from server.releases.store import DeskStore
from server.releases.wording import Finding, Level, Wording, lint

# A theme's names that the page knows. The flag is drawn by the page itself: nothing of a campaign may name, cover or replace it.
FLAG_WORDS = ("flag", "emblem")
ANTHEM_NAMES = ("anthem_loop", "anthem_autoplay", "music_url", "bgm_url")
# A share card of WeChat shows about so many characters of a title and a description.
SHARE_TITLE_CHARACTERS, SHARE_DESC_CHARACTERS = 30, 60


class Item(msgspec.Struct, frozen=True):
    """`state`: ok, warning or error. `advice`: what to do, empty where nothing is."""

    key: str
    title: str
    state: str
    advice: str = ""


class Readiness:
    """`poster_templates`: the names of those that can be drawn; `landscapes`: what lies under a campaign's own, by scene."""

    def __init__(self, store: DeskStore, campaigns: Campaigns, places: Places, wording: Wording, *, is_public: bool, required: bool,
                 poster_templates: frozenset[str], pages: DraftPages, landscapes: Mapping[str, Template] | None = None) -> None:
        self._store = store
        self._campaigns = campaigns
        self._places = places
        self._wording = wording
        self._legal: Level = "error" if is_public else "warning"
        self._required = required
        self._posters = poster_templates
        self._pages = pages
        self._landscapes = landscapes or {}

    async def findings(self, content: Content) -> list[Finding]:
        """What the wording rules of now find."""
        return lint(content, await self._wording.rules())

    async def checklist(self, campaign: Campaign, draft: Draft, now: float) -> list[Item]:
        """Every check with its state, in the order in which an editor would go through them."""
        findings = await self.findings(draft.content)
        return [*await self._of_content(draft.content, campaign, now), await self._reviewers(draft),
                _item("wording", "用语", _worst(findings), f"有 {len(findings)} 处需要修改或确认，见用语检查" if findings else "")]

    async def guide(self, campaign: Campaign, draft: Draft, items: list[Item]) -> list[GuideStep]:
        """How far the campaign is on its way; `items`: its checklist."""
        return guide(items, await self._store.revisions(campaign.slug), draft, campaign.state, required=self._required)

    async def problems(self, campaign: Campaign, draft: Draft, now: float) -> tuple[list[str], dict[str, str]]:
        """What blocks, as texts, and what has to be confirmed: key to text."""
        findings, items = await self.findings(draft.content), await self._of_content(draft.content, campaign, now)
        errors = [f"{item.title}：{item.advice}" for item in items if item.state == "error"]
        errors += [f"{found.name}“{found.found}”：{found.why}" for found in findings if found.level == "error"]
        confirm = {item.key: f"{item.title}：{item.advice}" for item in items if item.state == "warning"}
        confirm |= {found.key: f"{found.name}“{found.found}”：{found.why}" for found in findings if found.level == "warning"}
        return errors, confirm

    async def _of_content(self, content: Content, campaign: Campaign, now: float) -> list[Item]:
        """Every check but the review and the wording."""
        index = await self._places.of(campaign)
        page = [_item(*check) for check in await self._pages.items(content, campaign, now)]
        return [*self._whole(content, campaign, now), *self._places_items(index, content), *page, *self._looks(content),
                *self._footer(content), *_flag(content)]

    async def page_errors(self, content: Content, campaign: Campaign, now: float) -> list[str]:
        """What of the page must not be shown as it is."""
        return [advice for _, _, state, advice in await self._pages.items(content, campaign, now) if state == "error"]

    def _whole(self, content: Content, campaign: Campaign, now: float) -> list[Item]:
        try:
            check(as_published(content, campaign))
            wrong = ""
        except DesignWrong:
            wrong = ""  # said of the poster
        except InvalidBody as error:
            wrong = (error.field or "title").split(".")[0]
        fixed = campaign.state != "draft" and (
            (content.kind, content.period_rule) != (campaign.kind, campaign.period_rule)
            or [a.code for a in content.activities] != [a.code for a in campaign.activities]
            or _rules_differ(content, campaign))
        whole, kind = as_published(content, campaign), CAMPAIGN_TYPES[content.kind]
        nobody = kind.nobody(whole) if content.activities else ["至少要有一项主题活动"]
        lacks = list(kind.lacks(kind.read(content.rules), whole))
        over = content.closes_at <= now
        return [
            _item("title", "标题", "error" if not content.title.strip() or wrong == "title" else "ok", "写上标题，最多 64 字"),
            _item("window", "活动时间", "error" if wrong in ("opens_at", "closes_at") or not content.opens_at or over else "ok",
                  "结束时间已经过去" if over and content.closes_at else "写上开始和结束时间，结束要晚于开始"),
            _item("activities", "主题活动", "error" if nobody or wrong == "activities" else "ok",
                  "；".join(nobody) or "补全主题活动的代码、名称和动作"),
            *([_item("rules", f"{kind.title}的内容", "error" if lacks else "ok", "；".join(lacks))] if content.rules else []),
            _item("fixed", "统计口径", "error" if fixed else "ok", "活动发布后不能再改统计周期、主题活动的代码、候选人和每票选几位"),
            *([_item("whole", "内容格式", "error", f"{wrong} 不完整或格式不对")]
              if wrong and wrong not in ("title", "opens_at", "closes_at", "activities") else [])]

    def _places_items(self, index: PlaceIndex, content: Content) -> list[Item]:
        return [_item("regions", "区县", "ok" if index.regions else "error", "导入区县，至少一个，最好有“不便选择”"),
                _item("units", "单位和学校", "ok" if index.units else "warning", "没有导入单位，市民不能选学校"),
                _item("presets", "预设寄语", "ok" if content.presets else "warning", "没有预设寄语，市民只能看，不能留言")]

    def _looks(self, content: Content) -> list[Item]:
        share, poster = content.share, str(content.theme.get("poster") or CAMPAIGN_TYPES[content.kind].poster)
        long = len(share.get("title", "")) > SHARE_TITLE_CHARACTERS or len(share.get("desc", "")) > SHARE_DESC_CHARACTERS
        missing = [name for name, text in (("title", "标题"), ("desc", "描述"), ("image", "图片")) if not share.get(name)]
        return [_item("share", "分享卡片", "warning" if missing or long else "ok",
                      f"标题超过 {SHARE_TITLE_CHARACTERS} 字或描述超过 {SHARE_DESC_CHARACTERS} 字会被截断" if long and not missing
                      else "补全分享的标题、描述和图片"),
                self._own_poster(content) or _item("poster", "海报", "ok" if poster in self._posters else "error",
                                                   f"没有名为 {poster[:32]} 的海报模板")]

    def _own_poster(self, content: Content) -> Item | None:
        """What is wrong with the campaign's own design, or should be looked at; None where it has none."""
        try:
            design = design_of(content.theme)
            check_theme(content.theme)
        except DesignWrong as error:
            return _item("poster", "海报", "error", error.message)
        if design is None:
            return None
        landscape = self._landscapes.get(landscape_name(design))
        ground = [] if landscape is None else ground_of(design, landscape)
        found = list(warnings_of(design, ground))
        return _item("poster", "海报", "warning" if found else "ok", "；".join(found))

    def _footer(self, content: Content) -> list[Item]:
        has = {name for name, value in content.organiser.items() if value.strip()}
        missing = [word for name, word in FOOTER.items() if name not in has and name != "responsible_person"]
        return [_item("footer", "页脚", self._legal if missing else "ok", "还缺：" + "、".join(missing)),
                _item("privacy", "隐私说明", "ok" if "responsible_person" in has else self._legal,
                      "写上儿童信息保护负责人，隐私说明里要公布"),
                _item("report", "举报入口", "ok" if "report_url" in has else "warning", "写上举报入口的网址")]

    async def _reviewers(self, draft: Draft) -> Item:
        steps = draft.review.steps or await self._store.steps(draft.campaign)
        lacking = lacking_people(steps, draft.authors)
        if lacking:
            return _item("review", "审核", "error", f"“{lacking}”没有可用的审核人：每一步要由不同的、没有写过草稿的人审核")
        if draft.review.state == "approved" or not self._required:
            return _item("review", "审核", "ok")
        on = draft.review.steps[draft.review.step].name if draft.review.state == "reviewing" else ""
        return _item("review", "审核", "error", f"等待“{on}”" if on else "送审，并通过全部步骤")


def _flag(content: Content) -> list[Item]:
    """The flag and the anthem are the page's own, in the law's form; pictures a person has to look at."""
    named = [name for name in content.theme if any(word in name.lower() for word in FLAG_WORDS)]
    music = [name for name in content.theme if name in ANTHEM_NAMES]
    pictures = [name for name in content.theme if name.endswith("_image")]
    pictures += [f"{block.name}（{block.id}）" for block in blocks_of(content.theme) if block.media]
    return [_item("flag", "国旗", "error" if named else "ok", "国旗由页面按国旗法绘制，不能用 " + "、".join(named) + " 替换或装饰"),
            _item("anthem", "国歌", "error" if music else "ok", "国歌只能由市民点击播放一遍，不能循环、自动播放或换成别的音乐"),
            _item("pictures", "图片中的国旗", "warning" if pictures else "ok",
                  "请人工确认图片里的国旗完整、不遮挡、不倒置、不作装饰：" + "、".join(pictures))]


def _item(key: str, title: str, state: str, advice: str = "") -> Item:
    return Item(key, title, state, "" if state == "ok" else advice)


def _worst(findings: list[Finding]) -> str:
    levels: set[Any] = {found.level for found in findings}
    return "error" if "error" in levels else "warning" if levels else "ok"


def _rules_differ(content: Content, campaign: Campaign) -> bool:
    """Whether what people count by would change."""
    kind = CAMPAIGN_TYPES[campaign.kind]
    return content.kind == campaign.kind and bool(kind.fixed(kind.read(content.rules)) != kind.fixed(kind.read(campaign.rules)))
