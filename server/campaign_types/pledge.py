"""签名承诺: a citizen reads what she pledges, signs with a finger or by a button, and is the n-th to have pledged."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import msgspec

from server.campaign_types.base import CampaignType, Flat, Rules, Slip, codes_wrong, too_long

if TYPE_CHECKING:
    from server.campaigns import Campaign

# What is read aloud in a minute, and fits on two phone screens with its points.
MAX_TEXT, MAX_ITEMS, MAX_ITEM, MAX_HEAD = 400, 12, 60, 24


class Item(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One point of the pledge."""

    code: str
    text: str = ""


class PledgeRules(Rules, frozen=True):
    """`head` stands above the pledge, `text` begins it. `signature`: she may sign with a finger; it never leaves her phone."""

    head: str = "我承诺"
    text: str = ""
    items: tuple[Item, ...] = ()
    signature: bool = True


class Pledge(CampaignType[PledgeRules]):
    title = "签名承诺"
    act = "承诺"
    how = "请用手机微信打开本页，读一读承诺书，签上名字或点“我承诺”，您会看到自己是第几位。签名只留在您的手机上，每人只计一次。"
    steps = (("read", "读承诺"), ("sign", "签名承诺"), ("certificate", "证书"))
    scene = "pledge"
    poster = "pledge"
    correctable = re.compile(r"head|text|items\.[a-z0-9]+")

    def __init__(self) -> None:
        super().__init__(PledgeRules)

    def slips(self, rules: PledgeRules) -> Iterator[Slip]:
        yield from too_long("head", "承诺的题头", rules.head, MAX_HEAD)
        yield from too_long("text", "承诺正文", rules.text, MAX_TEXT)
        if len(rules.items) > MAX_ITEMS:
            yield "items", f"承诺最多 {MAX_ITEMS} 条，现在有 {len(rules.items)} 条"
        yield from codes_wrong("items", "承诺条目", (item.code for item in rules.items))
        for n, item in enumerate(rules.items, 1):
            yield from too_long(f"items.{item.code}", f"第 {n} 条承诺", item.text, MAX_ITEM)

    def lacks(self, rules: PledgeRules, campaign: Campaign) -> Iterator[str]:
        if not rules.text.strip() and not rules.items:
            yield "写上承诺的正文或条目"
        if not rules.head.strip():
            yield "写上承诺的题头，如“我承诺”"
        for n, item in enumerate(rules.items, 1):
            if not item.text.strip():
                yield f"第 {n} 条承诺是空的"

    def flat(self, rules: PledgeRules) -> Flat:
        return {"head": ("承诺题头", rules.head), "text": ("承诺正文", rules.text),
                "items": ("承诺条目及顺序", "、".join(item.code for item in rules.items)),
                **{f"items.{item.code}": (f"第 {n} 条承诺", item.text) for n, item in enumerate(rules.items, 1)},
                "signature": ("手写签名", "可以签名" if rules.signature else "不签名")}
