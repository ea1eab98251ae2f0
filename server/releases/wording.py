"""Wording 用语检查: what an editor should not publish, found in every text of a campaign before it is released.

Owns: the built-in table of rules below, and `wording_lists`, one document with the city's own rules and the built-in ones that it switched
off. Invariants: a finding names the field, the place, why and what to do; an error cannot be published over, a warning can be by somebody
who confirms it and stands for it in the audit log; the rules are those of a release's moment.

A machine finds words, not meanings: these rules spare reviewers the obvious, and replace none of them.
Failure policy: closed; what could not be checked is not published.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from typing import Literal

import msgspec
from ahocorasick_rs import AhoCorasick

from server.errors import Conflict, InvalidBody
from server.releases.content import Content, flat
from server.releases.dates import slips
from server.stores import Database, DuplicateKeyError
from server.words import skeleton

Level = Literal["error", "warning"]
LIST = "wording"
MAX_RULES, MAX_WORDS, MAX_WORD_CHARACTERS, MAX_TEXT_CHARACTERS = 200, 200, 32, 200
# What stands around a finding, so that one knows it in a long text.
CONTEXT_CHARACTERS = 10
# A negation stands so close before what it forbids, in the same clause.
NEGATED = re.compile(r"(?:禁止|严禁|杜绝|无需|不(?:得|能|会|应|搞|设|评|公布|作为|列入|纳入|进行)|防止|避免|没有|勿)"
                     r"[^，。！？；,.!?;\n]{0,6}$|不$")


class Rule(msgspec.Struct, frozen=True):
    """`negatable`: right where the words are forbidden, as in 严禁强制参加."""

    code: str
    level: Level
    words: tuple[str, ...]
    why: str
    advice: str
    negatable: bool = False


BUILT_IN: tuple[Rule, ...] = (
    Rule("SHARE_REWARD", "error",
         ("转发有奖", "分享有奖", "转发抽奖", "分享抽奖", "分享领", "转发领", "分享后领", "分享即可获得", "转发即可获得", "抽奖机会",
          "邀请好友得", "邀请好友领", "拉人头", "助力得"),
         "微信外部链接规范禁止以奖励诱导分享，链接会被封，公众号会受处罚", "删去奖励；分享只能是自愿的"),
    Rule("SHARE_LIKES", "error", ("集赞", "攒赞", "点赞有奖", "点赞领", "集满"), "微信禁止集赞", "删去集赞的要求"),
    Rule("SHARE_FORCED", "error",
         ("分享后可", "分享后才", "转发后可", "转发后才", "分享到朋友圈后", "分享解锁", "必转", "不转不是", "转发到群", "转疯了"),
         "微信禁止以分享作为条件或胁迫转发", "让人不分享也能看到全部内容"),
    Rule("FORCED_PARTICIPATION", "error",
         ("必须参加", "必须参与", "强制参加", "强制参与", "务必参加", "务必全员", "不参加的", "不参加者", "不参加将", "人人必须",
          "全员必须", "硬性要求"),
         "活动以自愿为原则，不得强制或变相强制市民和学生参加", "改为“欢迎参加”“自愿参加”", negatable=True),
    Rule("ABSENT_LIST", "error",
         ("未参加名单", "未参与名单", "未完成名单", "没参加的名单", "未敬礼名单", "未参加人员", "名单上报", "截图上报", "截图打卡",
          "接龙打卡"),
         "不得统计或公布谁没有参加，不得要求截图上报", "只用系统的总数，不点名", negatable=True),
    Rule("PRESSURE", "warning",
         ("强制", "全员参加", "全员参与", "考核", "通报批评", "参与率", "指标", "任务数"),
         "容易被理解为摊派或考核", "确认没有摊派的意思，或换一种说法", negatable=True),
    Rule("RANKING", "warning",
         ("排行榜", "排名", "名次", "评比", "哪个学校第一", "先进单位"),
         "本平台不给学校和区县排名，以免层层加码", "删去排名；可以写总人数", negatable=True),
    Rule("ABSOLUTE", "warning",
         ("国家级", "最高级", "最佳", "最好的", "最大的", "最美的城市", "顶级", "唯一", "首个", "首创", "史上最", "全国第一", "全省第一",
          "世界第一", "百分之百", "100%", "绝无仅有", "前所未有", "万无一失"),
         "绝对化的说法没有依据就是虚假宣传", "写出依据，或去掉绝对化的词"),
    Rule("MINORS_DATA", "error",
         ("填写身份证", "身份证号", "家长手机号", "填写手机号", "上传照片", "实名登记", "填写学号", "家庭住址"),
         "本活动面向未成年人，不收集身份证号、电话、照片和住址", "删去；敬礼不需要填写个人信息", negatable=True),
    Rule("FLAG_DIGNITY", "error",
         ("国旗头像", "国旗表情", "国旗贴纸", "国歌铃声", "国歌彩铃", "国歌背景音乐"),
         "国旗、国歌的使用要合乎国旗法、国歌法，不得用作头像装饰、铃声或背景音乐", "删去这项内容"),
)
DATE_LEVELS: dict[str, Level] = {"DATE_WEEKDAY": "error", "DATE_IMPOSSIBLE": "error", "DATE_YEAR": "warning"}
# Addresses and names of files are no texts.
# Where a poster's layers lie and how they look are numbers; their words are in `….text`.
NO_WORDS = re.compile(r"theme\.poster_design(\.[a-z0-9]+)?")
NO_TEXT = ("_url", "image", "card", "poster", "scene", "salute")


class WordingList(msgspec.Struct, frozen=True):
    """The city's own rules, and the codes of built-in ones that do not apply here. An edit names the `rev` that it has seen."""

    rules: tuple[Rule, ...] = ()
    off: tuple[str, ...] = ()
    rev: int = 0


class Finding(msgspec.Struct, frozen=True):
    """`start` and `end` count characters of the field. `key` names the finding when somebody confirms it."""

    key: str
    code: str
    level: Level
    field: str
    name: str
    start: int
    end: int
    found: str
    around: str
    why: str
    advice: str


def lint(content: Content, rules: Iterable[Rule]) -> list[Finding]:
    """Everything that is found, field by field."""
    rules = tuple(rules)
    words = [(rule, _seen(word)[0]) for rule in rules for word in rule.words]
    search = AhoCorasick([word for _, word in words]) if words else None
    findings: dict[str, Finding] = {}
    for field, (name, text) in flat(content).items():
        if "." not in field and field != "title" or field.endswith(NO_TEXT) or field.endswith(".children") or NO_WORDS.fullmatch(field):
            continue
        seen, places = _seen(text)
        for which, start, end in search.find_matches_as_indexes(seen, overlapping=True) if search else ():
            rule = words[which][0]
            if rule.negatable and NEGATED.search(text[max(0, places[start] - CONTEXT_CHARACTERS):places[start]]):
                continue
            made = _finding(rule.code, rule.level, field, name, text, places[start], places[end - 1] + 1, rule.why, rule.advice)
            findings.setdefault(made.key, made)
        for slip in slips("".join(map(_half_width, text)), content.opens_at, content.closes_at):
            made = _finding(slip.code, DATE_LEVELS[slip.code], field, name, text, slip.start, slip.end, slip.why, slip.advice)
            findings.setdefault(made.key, made)
    return [one for one in findings.values() if not any(_covers(other, one) for other in findings.values())]


def _covers(other: Finding, one: Finding) -> bool:
    """Whether the other says more about the same place: 强制参加 about 强制."""
    return other.field == one.field and other.start <= one.start and one.end <= other.end and (
        other.end - other.start > one.end - one.start)


def _finding(code: str, level: Level, field: str, name: str, text: str, start: int, end: int, why: str, advice: str) -> Finding:
    around = text[max(0, start - CONTEXT_CHARACTERS):end + CONTEXT_CHARACTERS]
    # The whole text is in the key: who confirmed a word in one sentence has not confirmed it in another.
    key = hashlib.sha256(f"{code}\0{field}\0{start}\0{text}".encode()).hexdigest()[:16]
    return Finding(key, code, level, field, name, start, end, text[start:end], around, why, advice)


def _seen(text: str) -> tuple[str, list[int]]:
    """What a reader sees of the text, and where each of its characters stands in it."""
    pairs = [(seen, place) for place, character in enumerate(text) for seen in _skeleton(character)]
    return "".join(seen for seen, _ in pairs), [place for _, place in pairs]


@lru_cache(maxsize=4096)  # the characters of a city's texts
def _skeleton(character: str) -> str:
    return "%" if character in "%％" else skeleton(character)


def _half_width(character: str) -> str:
    """One character for one, so that places stay right."""
    made = unicodedata.normalize("NFKC", character)
    return made if len(made) == 1 else character


class Wording:
    def __init__(self, mongo: Database) -> None:
        self._lists = mongo["wording_lists"]

    async def current(self) -> WordingList:
        found = await self._lists.find_one({"_id": LIST})
        return msgspec.json.decode(found["list"], type=WordingList) if found else WordingList()

    async def rules(self) -> tuple[Rule, ...]:
        """Those that apply here."""
        own = await self.current()
        return (*(rule for rule in BUILT_IN if rule.code not in own.off), *own.rules)

    async def keep(self, wanted: WordingList) -> WordingList:
        """Replace the list that was seen. Raises InvalidBody, Conflict WORDING_CHANGED."""
        _check(wanted)
        kept = msgspec.structs.replace(wanted, rev=wanted.rev + 1)
        # As text: the embedded store gives a truth value that was updated back as a number.
        fields = {"rev": kept.rev, "list": msgspec.json.encode(kept).decode()}
        if wanted.rev:
            changed = (await self._lists.update_one({"_id": LIST, "rev": wanted.rev}, {"$set": fields})).matched_count == 1
        else:
            try:
                await self._lists.insert_one({"_id": LIST, **fields})
                changed = True
            except DuplicateKeyError:
                changed = False
        if not changed:
            raise Conflict("WORDING_CHANGED", "用语规则刚刚被别人改过，请刷新后再改")
        return kept


def _check(wanted: WordingList) -> None:
    codes = [rule.code for rule in (*BUILT_IN, *wanted.rules)]
    if len(wanted.rules) > MAX_RULES or len(set(codes)) < len(codes):
        raise InvalidBody("WORDING_WRONG", f"自定义规则最多 {MAX_RULES} 条，代码不能重复", field="rules")
    for rule in wanted.rules:
        if not 0 < len(rule.words) <= MAX_WORDS or any(len(word) > MAX_WORD_CHARACTERS or not skeleton(word) for word in rule.words):
            raise InvalidBody("WORDING_WRONG", f"每条规则要有 1 至 {MAX_WORDS} 个词，每个词最多 {MAX_WORD_CHARACTERS} 字", field="rules")
        if any(not 0 < len(text.strip()) <= MAX_TEXT_CHARACTERS for text in (rule.code, rule.why, rule.advice)):
            raise InvalidBody("WORDING_WRONG", "每条规则要写明代码、原因和改法", field="rules")
    if not set(wanted.off) <= {rule.code for rule in BUILT_IN}:
        raise InvalidBody("WORDING_WRONG", "没有这条内置规则", field="off")
