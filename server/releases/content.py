"""What of a campaign is written, reviewed and published: one value with a fingerprint, a list of its fields in words, and differences.

Invariants: the same content has the same text on every machine and in every store, so that a fingerprint can be compared years later;
a content may be unfinished, for it is checked when it is published and not when it is saved.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import asdict, replace
from typing import Any

import msgspec

from server.blocks.block import blocks_of, check_page, flat_page, plain
from server.campaign_types import CAMPAIGN_TYPES
from server.campaigns import MAX_ACTIVITIES, MAX_PRESETS, Activity, Campaign, Preset
from server.clock import shanghai
from server.errors import InvalidBody
from server.posters import design as posters
from server.releases.dates import WEEKDAYS

# As large as the campaign that it becomes.
MAX_BYTES = 64 * 1024
# A theme is names and texts; deeper is a slip, and would be walked by recursion.
MAX_DEPTH = 4
NAMES = {
    "title": "标题", "opens_at": "开始时间", "closes_at": "结束时间", "kind": "活动类型", "period_rule": "统计周期",
    "free_words": "自己写寄语", "activities": "主题活动", "presets": "预设寄语", "theme": "页面", "share": "分享卡片", "organiser": "页脚",
    "rules": "活动内容", "theme.cover_text": "开场白",
    "theme.subtitle": "副标题", "theme.poster": "海报模板", "theme.scene": "场景", "theme.salute": "主活动", "theme.anthem_url": "国歌录音",
    "theme.anthem_media": "国歌录音的文件", "theme.share_media": "分享图片的文件", "theme.privacy_text": "隐私补充说明",
    "theme.ask_unit": "询问单位",
    "share.title": "分享标题", "share.desc": "分享描述", "share.image": "分享图片", "share.card": "分享大图",
    "organiser.name": "主办单位", "organiser.icp": "ICP 备案号", "organiser.police": "公安备案号", "organiser.telephone": "联系电话",
    "organiser.responsible_person": "儿童信息保护负责人", "organiser.report_url": "举报入口",
}
PARTS = {"title": "名称", "verb": "动作", "children": "儿童活动"}
RULES = {"all": "全程一次", "daily": "每天一次"}
# What a correction may change of an open campaign: words and pictures. Who counts, when and for what stays.
CORRECTABLE = re.compile(r"title|activities\.[a-z0-9_-]+\.(title|verb)|presets\.[a-z0-9_-]+|share\.\w+|organiser\.\w+"
                         r"|theme\.(subtitle|poster|scene|\w+_(text|image)|share_media|blocks\.[a-z0-9]+\.(title|text|media|caption))")


# Read by the product and not by people.
TECHNICAL = frozenset({"activities", "presets", "kind", "theme.poster", "theme.scene", "theme.salute", "theme.anthem_media",
                       "theme.share_media", "theme.skin", "theme.blocks", "share.image", "share.card"})
NO_RULES = ',"rules":{}'


class Content(msgspec.Struct, frozen=True):
    """A campaign's fields as `Campaign` has them; a time of 0 is not yet set."""

    title: str = ""
    opens_at: int = 0
    closes_at: int = 0
    kind: str = "salute"
    period_rule: str = "all"
    free_words: bool = False
    activities: tuple[Activity, ...] = ()
    presets: tuple[Preset, ...] = ()
    theme: dict[str, Any] = {}
    share: dict[str, str] = {}
    organiser: dict[str, str] = {}
    rules: dict[str, Any] = {}


class Change(msgspec.Struct, frozen=True):
    """One field that differs, in words. An empty text: it was not there."""

    field: str
    name: str
    before: str
    after: str


def content_of(campaign: Campaign) -> Content:
    """What an editor could have written of a campaign as it stands."""
    return tidy(Content(**{name: getattr(campaign, name) for name in Content.__struct_fields__}))


def applied(content: Content, campaign: Campaign) -> Campaign:
    """The campaign with this content."""
    fields: dict[str, Any] = {name: getattr(content, name) for name in Content.__struct_fields__}
    return replace(campaign, **fields)


def as_published(content: Content, campaign: Campaign) -> Campaign:
    """The campaign as citizens will see it with this content."""
    return replace(applied(content, campaign), state="scheduled" if campaign.state == "draft" else campaign.state)


def tidy(content: Content) -> Content:
    """As every store gives it back: no truth values and whole numbers inside a theme. Raises InvalidBody for what no campaign can be."""
    if content.kind not in CAMPAIGN_TYPES:
        raise InvalidBody(message=f"活动类型只能是 {'、'.join(CAMPAIGN_TYPES)}", field="kind")
    if content.period_rule not in RULES:
        raise InvalidBody(message=f"计数规则只能是 {'、'.join(RULES)}", field="period_rule")
    if len(content.activities) > MAX_ACTIVITIES or len({a.code for a in content.activities}) < len(content.activities):
        raise InvalidBody(message=f"主题活动最多 {MAX_ACTIVITIES} 个，代码不能重复", field="activities")
    if len(content.presets) > MAX_PRESETS or len({p.code for p in content.presets}) < len(content.presets):
        raise InvalidBody(message=f"寄语最多 {MAX_PRESETS} 条，代码不能重复", field="presets")
    check_page(content.theme)
    tidied = msgspec.structs.replace(content, theme=_plain(_of_blocks(content.theme), 0),
                                     rules=CAMPAIGN_TYPES[content.kind].tidy(content.rules))
    posters.design_of(tidied.theme)
    if len(text_of(tidied).encode()) > MAX_BYTES:
        raise InvalidBody("DRAFT_TOO_LARGE", "活动内容过长")
    return tidied


def _of_blocks(theme: dict[str, Any]) -> dict[str, Any]:
    """The theme with its blocks in the one form in which they are kept."""
    return theme | {"blocks": [plain(block) for block in blocks_of(theme)]} if theme.get("blocks") else theme


def _plain(value: Any, depth: int) -> Any:
    if depth > MAX_DEPTH:
        raise InvalidBody(message=f"页面内容的嵌套最多 {MAX_DEPTH} 层", field="theme")
    if isinstance(value, dict):
        return {name: _plain(inner, depth + 1) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner, depth + 1) for inner in value]
    return int(value) if isinstance(value, bool) or isinstance(value, float) and value.is_integer() else value


def text_of(content: Content) -> str:
    """The content as it is kept and fingerprinted: JSON with sorted names.

    Rules that say nothing are left out, so that what was fingerprinted before there were any keeps its fingerprint.
    """
    text = msgspec.json.encode(content, order="deterministic").decode()
    return text if content.rules else text.replace(NO_RULES, "")


def read_text(text: str) -> Content:
    return msgspec.json.decode(text, type=Content)


def fingerprint(content: Content) -> str:
    return hashlib.sha256(text_of(content).encode()).hexdigest()


def spoken(seconds: int) -> str:
    """A moment for people, with its weekday."""
    if not seconds:
        return ""
    at = shanghai(seconds)
    return f"{at.year}年{at.month}月{at.day}日（星期{WEEKDAYS[at.weekday()]}）{at:%H:%M}"


def flat(content: Content) -> dict[str, tuple[str, str]]:
    """Every field by its path: (name in words, value in words)."""
    found: dict[str, tuple[str, str]] = {
        "title": (NAMES["title"], content.title), "opens_at": (NAMES["opens_at"], spoken(content.opens_at)),
        "closes_at": (NAMES["closes_at"], spoken(content.closes_at)), "kind": (NAMES["kind"], CAMPAIGN_TYPES[content.kind].title),
        "period_rule": (NAMES["period_rule"], RULES[content.period_rule]),
        "free_words": (NAMES["free_words"], "是" if content.free_words else "否"),
        "activities": ("主题活动及顺序", "、".join(a.code for a in content.activities))}
    for activity in content.activities:
        for part, value in asdict(activity).items():
            if part != "code":
                word = ("是" if value else "否") if part == "children" else value
                found[f"activities.{activity.code}.{part}"] = f"主题活动 {activity.code} 的{PARTS[part]}", word
    found["presets"] = "预设寄语及顺序", "、".join(p.code for p in content.presets)
    for preset in content.presets:
        found[f"presets.{preset.code}"] = f"预设寄语 {preset.code}", preset.text
    for group in ("theme", "share", "organiser"):
        for name, value in sorted(getattr(content, group).items()):
            path = f"{group}.{name}"
            if path == f"theme.{posters.FIELD}":
                found |= posters.in_words(value)
            elif path not in ("theme.skin", "theme.blocks"):
                found[path] = NAMES.get(path, f"{NAMES[group]} {name}"), _worded(value)
    kind = CAMPAIGN_TYPES[content.kind]
    rules = {f"rules.{path}": said for path, said in kind.flat(kind.read(content.rules)).items()}
    return found | flat_page(content.theme) | rules


def _worded(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def diff(before: Content, after: Content) -> list[Change]:
    """What differs, in the order of the page; a field that is new and empty, as in a block just added, says nothing."""
    old, new, nothing = flat(before), flat(after), ("", "")
    changes = [Change(path, (new.get(path) or old[path])[0], old.get(path, nothing)[1], new.get(path, nothing)[1])
               for path in dict.fromkeys([*new, *old]) if old.get(path) != new.get(path)]
    return [change for change in changes if change.before or change.after]


def is_technical(field: str) -> bool:
    """Whether a field says nothing to a reader: codes, order, addresses of files, the layers of a poster. What it does is seen on
    the page and the poster."""
    return field in TECHNICAL or field.startswith(f"theme.{posters.FIELD}")


def merge(base: Content, mine: Content, theirs: Content) -> tuple[Content, list[str]]:
    """Mine, with what only they changed since the base. Also the fields that both changed, which stay mine."""
    fields: dict[str, Any] = {}
    clashes: list[str] = []
    for name in Content.__struct_fields__:
        was, own, other = (getattr(one, name) for one in (base, mine, theirs))
        if isinstance(was, dict) and not (name == "rules" and len({base.kind, mine.kind, theirs.kind}) > 1):
            fields[name] = {}
            for key in dict.fromkeys([*own, *other]):
                chosen = _chosen(was.get(key), own.get(key), other.get(key), f"{name}.{key}", clashes)
                if chosen is not None:
                    fields[name][key] = chosen
        else:
            fields[name] = _chosen(was, own, other, name, clashes)
    if fields["kind"] != mine.kind:  # rules follow the kind that they are of
        fields["rules"] = theirs.rules
    return Content(**fields), clashes


def _chosen(was: Any, own: Any, other: Any, path: str, clashes: list[str]) -> Any:
    if own == was:
        return other
    if other not in (was, own):
        clashes.append(path)
    return own


def locked_changes(before: Content, after: Content) -> list[Change]:
    """What a correction may not change."""
    here, there = flat(before), flat(after)
    own = CAMPAIGN_TYPES[after.kind].correctable

    def may(field: str) -> bool:
        return bool(own.fullmatch(field.removeprefix("rules.")) if field.startswith("rules.") else CORRECTABLE.fullmatch(field))

    return [change for change in diff(before, after) if not may(change.field)
            or change.field.startswith(("activities", "presets", "rules", "theme.blocks"))
            and (change.field not in here or change.field not in there)]
