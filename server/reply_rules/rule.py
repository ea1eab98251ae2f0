"""One reply rule: what sets it off, when, and what is answered."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import Literal

import msgspec
import re2

from server.errors import InvalidBody, NotFound
from server.wechat.messages import Article, Reply

TriggerKind = Literal["equal", "contain", "regex", "follow", "scan", "click", "location", "default"]

# Those that name words: texts of a person, scenes of codes, keys of the menu. Without words a scan or a click means any.
NEED_WORDS: tuple[TriggerKind, ...] = ("equal", "contain", "regex")
TAKE_WORDS: tuple[TriggerKind, ...] = (*NEED_WORDS, "scan", "click")

# A city's account has some dozens; a thousand are matched in microseconds, and reading them all is a page of MongoDB.
MAX_RULES = 1000
MAX_WORDS, MAX_WORD_CHARACTERS = 50, 128
# The platform passes on five customer-service messages for one of hers.
MAX_REPLIES = 5
# What the platform takes: 2,048 bytes of text, eight articles after an event.
MAX_TEXT_BYTES, MAX_ARTICLES = 2048, 8
MAX_NAME_CHARACTERS, MAX_ADDRESS_CHARACTERS = 64, 1024
MAX_POSITION = 1_000_000
# What each kind of answer needs, as an editor reads it.
WHOLE = {
    "text": f"文字 1 至 {MAX_TEXT_BYTES} 字节（约 {MAX_TEXT_BYTES // 3} 个汉字）",
    "news": f"图文 1 至 {MAX_ARTICLES} 篇，每篇要有标题和 http(s):// 链接",
    "music": "音乐要有 http(s):// 地址和封面素材",
    "image": "请选择图片素材", "voice": "请选择语音素材", "video": "请选择视频素材", "transfer": "",
}
# All expressions together, in RE2's instructions: some 50 ms to build them as one automaton, during which nothing else runs, and well
# under a millisecond to match a text. A plain one has 15, one with a gap of 200 characters 1,800.
MAX_INSTRUCTIONS = 50_000
# RE2 runs in time linear in the text, whatever the expression; this bounds what one may take of memory: 1 MB.
EXPRESSION_BYTES = 1 << 20


# Why a rule that is set off may not answer, as an editor reads it.
OFF, ANOTHER_ACCOUNT, OUTSIDE_ITS_TIME = "已停用 (off)", "只用于另一个账号 (another account)", "不在有效时间内 (outside its time)"


class RuleNotFound(NotFound):
    code = "REPLY_RULE_NOT_FOUND"
    message = "没有这条回复规则"


class Trigger(msgspec.Struct, frozen=True):
    """`equal`, `contain`, `regex`: her text, without regard to case, width and space around it. `scan`: the scene of a QR code, followed by
    or not. `default`: whatever neither a rule nor the product itself answers."""

    kind: TriggerKind
    words: tuple[str, ...] = ()


class Rule(msgspec.Struct, frozen=True):
    """`replies` are answered all, or one of them by chance; or `builtin` names what the product answers by itself.

    `appid`: for that account alone; empty: for every one. `opens_at`, `closes_at`: seconds since 1970, 0 for none. `rev` rises with each
    change, and an edit names the one that it has seen.
    """

    id: str
    name: str
    trigger: Trigger
    replies: tuple[Reply, ...] = ()
    builtin: str = ""
    pick: Literal["all", "random"] = "all"
    position: int = 100
    enabled: bool = True
    appid: str = ""
    opens_at: int = 0
    closes_at: int = 0
    rev: int = 1

    def is_on(self, appid: str, now: float) -> str:
        """Empty where it may answer now, else why not."""
        if not self.enabled:
            return OFF
        if self.appid and self.appid != appid:
            return ANOTHER_ACCOUNT
        if now < self.opens_at or self.closes_at and now >= self.closes_at:
            return OUTSIDE_ITS_TIME
        return ""


def plain(text: str) -> str:
    """A text as it is compared: one width, one case, no space around it."""
    return unicodedata.normalize("NFKC", text).casefold().strip()


def narrow(word: str) -> str:
    """An expression for texts of one width: a full-width ？ stands for the character that it is, not for RE2's own sign."""
    return "".join(c if (n := unicodedata.normalize("NFKC", c)) == c else re.escape(n) for c in word)


def instructions(rules: Iterable[Rule]) -> int:
    """How large the expressions of rules are together."""
    return sum(expression(word).programsize for rule in rules if rule.trigger.kind == "regex" for word in rule.trigger.words)


def expression(word: str) -> re2._Regexp:
    """A regular expression, compiled. Raises InvalidBody with RE2's reason."""
    try:
        return re2.compile(narrow(word), options())
    except re2.error as error:
        reason = error.args[0].decode() if error.args and isinstance(error.args[0], bytes) else str(error)
        raise InvalidBody("EXPRESSION_WRONG", f"正则表达式不对：{reason}", field="trigger.words") from error


def options(max_bytes: int = EXPRESSION_BYTES) -> re2.Options:
    """How expressions are read; `max_bytes` of memory at most."""
    made = re2.Options()
    made.max_mem, made.log_errors, made.case_sensitive = max_bytes, False, False
    return made


def check(rule: Rule, builtins: frozenset[str]) -> None:
    """Raises InvalidBody, naming the field, for a rule that cannot be kept."""
    words, kind = rule.trigger.words, rule.trigger.kind
    names = "、".join(sorted(builtins))
    problems = (
        ("name", not 0 < len(rule.name.strip()) <= MAX_NAME_CHARACTERS, f"名称 1 至 {MAX_NAME_CHARACTERS} 字"),
        ("trigger.words", bool(words) and kind not in TAKE_WORDS, "关注、位置和默认规则不带词语"),
        ("trigger.words", not words and kind in NEED_WORDS, "请至少写一个词语"),
        ("trigger.words", len(words) > MAX_WORDS or not all(word.strip() and len(word) <= MAX_WORD_CHARACTERS for word in words),
         f"词语最多 {MAX_WORDS} 个，每个 1 至 {MAX_WORD_CHARACTERS} 字"),
        ("builtin", bool(rule.builtin) and rule.builtin not in builtins, f"没有这个内置回复，可用的有：{names}"),
        ("replies", bool(rule.replies) == bool(rule.builtin), "请写回复，或选一个内置回复，二者取一"),
        ("replies", len(rule.replies) > MAX_REPLIES, f"回复最多 {MAX_REPLIES} 条"),
        ("closes_at", bool(rule.closes_at) and rule.closes_at <= rule.opens_at, "结束时间要晚于开始时间"),
        ("position", not 0 <= rule.position <= MAX_POSITION, f"次序为 0 至 {MAX_POSITION}"),
        *((f"replies.{n}", not _is_whole(reply), WHOLE[reply.kind]) for n, reply in enumerate(rule.replies)))
    for field, is_wrong, message in problems:
        if is_wrong:
            raise InvalidBody("INVALID_BODY", message, field=field)
    if rule.trigger.kind == "regex":
        for word in words:
            expression(word)


def _is_whole(reply: Reply) -> bool:
    """Whether the platform can show it."""
    texts = (reply.title, reply.description, reply.media_id, reply.url, reply.hq_url)
    if any(len(text) > MAX_ADDRESS_CHARACTERS for text in texts):
        return False
    if reply.kind == "text":
        return 0 < len(reply.text.encode()) <= MAX_TEXT_BYTES
    if reply.kind == "news":
        return 0 < len(reply.articles) <= MAX_ARTICLES and all(map(_is_link, reply.articles))
    if reply.kind == "music":
        return _is_address(reply.url) and bool(reply.media_id)
    return reply.kind == "transfer" or bool(reply.media_id)


def _is_link(article: Article) -> bool:
    return bool(article.title.strip()) and len(article.title) <= MAX_ADDRESS_CHARACTERS and _is_address(article.url) and (
        not article.picture_url or _is_address(article.picture_url))


def _is_address(url: str) -> bool:
    return url.startswith(("https://", "http://")) and len(url) <= MAX_ADDRESS_CHARACTERS and url.isprintable() and " " not in url
