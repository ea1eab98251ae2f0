"""Reasons: why something is turned down, a citizen banned or an item reported, as admins keep them.

Owns: `review_reasons`, one document. Invariants: a code is never used for two things; each use has at least one reason; the list as it
was seen is replaced, or nothing. Who was turned down reads the text, so it says what was wrong and blames nobody.

Failure policy: closed: without MongoDB nothing is decided either.
"""

from __future__ import annotations

import re
from typing import Any, Literal

import msgspec

from server.errors import Conflict, InvalidBody
from server.stores import Database, DuplicateKeyError

Use = Literal["reject", "ban", "complaint"]
USES: tuple[Use, ...] = ("reject", "ban", "complaint")
# A reviewer chooses with one key of nine; some more are read in a list.
MAX_REASONS, MAX_TEXT, MAX_WORDS = 20, 60, 200
CODE = re.compile(r"[a-z][a-z0-9_]{0,23}")
# Own words stand for this one.
OTHER = "other"
TABLE = "reasons"


class Reason(msgspec.Struct, frozen=True):
    code: str
    text: str


class Reasons(msgspec.Struct, frozen=True):
    """An edit names the `rev` that it has seen."""

    reject: tuple[Reason, ...] = (
        Reason("advert", "含有广告或联系方式"), Reason("personal", "含有他人的个人信息"), Reason("insult", "含有辱骂或攻击他人的话"),
        Reason("off_topic", "与本次活动无关"), Reason("false", "内容不实或无法核实"), Reason("unsuitable", "内容不适合公开展示"))
    ban: tuple[Reason, ...] = (
        Reason("adverts", "多次发布广告"), Reason("insults", "多次辱骂或攻击他人"), Reason("harmful", "发布违法或有害内容"))
    complaint: tuple[Reason, ...] = (
        Reason("harmful", "违法或有害内容"), Reason("insult", "侮辱、攻击他人"),
        Reason("mine", "泄露了我或他人的个人信息"),
        Reason("false", "内容不实"), Reason("advert", "广告"),
        Reason("disrespect", "不尊重国旗、国歌、英雄烈士"), Reason("other", "其他（请写明）"))
    rev: int = 0

    def text_of(self, use: Use, code: str, words: str) -> str:
        """The reason as people read it. Raises InvalidBody."""
        own = " ".join(words.split())
        if len(own) > MAX_WORDS:
            raise InvalidBody("REASON_TOO_LONG", f"原因最长 {MAX_WORDS} 字，请缩短", field="words")
        known = self.known(use, code)
        if code == OTHER or (not code and own):
            if not own:
                raise InvalidBody("REASON_MISSING", "请写明原因，或从原因表里选一条", field="words")
            return own
        if not known:
            raise InvalidBody("UNKNOWN_REASON" if code else "REASON_MISSING", "请从原因表里选一条原因，或写明原因", field="reason")
        return f"{known}：{own}" if own else known

    def known(self, use: Use, code: str) -> str:
        """The table's own text of a code, without anybody's words; "" where there is none."""
        return next((reason.text for reason in getattr(self, use) if reason.code == code), "")


class ReasonTable:
    def __init__(self, mongo: Database) -> None:
        self._table = mongo["review_reasons"]

    async def current(self) -> Reasons:
        found = await self._table.find_one({"_id": TABLE})
        if found is None:
            return Reasons()
        kept: dict[str, Any] = {use: tuple(Reason(*pair) for pair in found[use]) for use in USES}
        return Reasons(**kept, rev=int(found["rev"]))

    async def keep(self, wanted: Reasons) -> Reasons:
        """Replace the table that was seen. Raises InvalidBody, Conflict REASONS_CHANGED."""
        cleaned: dict[str, list[list[str]]] = {use: _checked(use, getattr(wanted, use)) for use in USES}
        fields = {**cleaned, "rev": wanted.rev + 1}
        if wanted.rev:
            is_kept = (await self._table.update_one({"_id": TABLE, "rev": wanted.rev}, {"$set": fields})).matched_count == 1
        else:
            try:
                await self._table.insert_one({"_id": TABLE, **fields})
                is_kept = True
            except DuplicateKeyError:
                is_kept = False
        if not is_kept:
            raise Conflict("REASONS_CHANGED", "原因表刚刚被别人改过，请刷新后再改")
        return await self.current()


def _checked(use: str, reasons: tuple[Reason, ...]) -> list[list[str]]:
    if not 0 < len(reasons) <= MAX_REASONS:
        raise InvalidBody("REASONS_WRONG", f"每张原因表要有 1 到 {MAX_REASONS} 条", field=use)
    if len({reason.code for reason in reasons}) != len(reasons):
        raise InvalidBody("REASONS_WRONG", "原因的代码不能重复", field=use)
    for reason in reasons:
        if not CODE.fullmatch(reason.code):
            raise InvalidBody("REASONS_WRONG", "原因的代码要用小写字母开头，由小写字母、数字和下划线组成，最长 24 个字符", field=use)
        if not 0 < len(reason.text.strip()) <= MAX_TEXT:
            raise InvalidBody("REASONS_WRONG", f"原因要写 1 到 {MAX_TEXT} 个字", field=use)
    return [[reason.code, reason.text.strip()] for reason in reasons]
