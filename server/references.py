"""What rules, menus and notices name must be there: accounts, materials, the keys of the menu, pages of this site.

Owns: no state. It asks the accounts and the rules before something is kept, and says what an editor should know though it may be kept.
Does not own: what each of them may look like otherwise (their own `check`).
Invariants: what is refused here would fail in front of citizens; what is only warned of works, but perhaps not as meant.

Failure policy: where a material is not known here, the platform is asked; where it does not answer, the editor is told and nothing is kept.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from server.accounts import AccountNotFound, Accounts, Connected
from server.errors import InvalidBody
from server.materials import Kind
from server.menus import Layout, media_ids
from server.menus import click_keys as keys_of
from server.notices.notice import Batch, would_be_cut
from server.replies import decide
from server.replies.base import KEYS
from server.reply_rules import ReplyRules, Rule
from server.wechat.messages import InboundMessage, Reply

# What a kind of answer may show; the cover of music is a small picture.
KINDS: dict[str, tuple[Kind, ...]] = {"image": ("image",), "voice": ("voice",), "video": ("video",), "music": ("thumb", "image")}
# Set off by what somebody writes or sends: of these the platform shows one card, after events eight.
ONE_CARD = ("equal", "contain", "regex", "location", "default")


class AnsweredKey(msgspec.Struct, frozen=True):
    """A key of the menu, and what answers it: a rule by its name, an entry of the product, or nothing."""

    key: str
    rule: str = ""
    builtin: str = ""


class References:
    def __init__(self, accounts: Accounts, rules: ReplyRules) -> None:
        self._accounts = accounts
        self._rules = rules

    async def of_rule(self, rule: Rule) -> list[str]:
        """Warnings. Raises InvalidBody UNKNOWN_ACCOUNT, MATERIAL_UNKNOWN, WeChatError."""
        accounts = [self.account(rule.appid, "official")] if rule.appid else self._officials()
        warnings = []
        for n, reply in enumerate(rule.replies):
            if reply.kind == "news" and len(reply.articles) > 1 and rule.trigger.kind in ONE_CARD:
                warnings.append(f"第 {n + 1} 条回复有 {len(reply.articles)} 篇图文：市民发消息时，微信只显示第 1 篇")
            if reply.media_id and reply.kind in KINDS:
                warnings += await self._of_material(reply, f"replies.{n}.media_id", accounts)
        return warnings

    async def of_layout(self, appid: str, layout: Layout, now: float) -> list[str]:
        """Warnings. Raises InvalidBody MATERIAL_UNKNOWN, WeChatError."""
        one = self._accounts.official(appid)
        for where, media_id in media_ids(layout):
            material = await one.materials.known(media_id)
            if material is None and not await one.materials.is_held(media_id):
                raise _unknown_material(media_id, where)
            if material is not None and material.expires_at:
                raise InvalidBody("MATERIAL_TEMPORARY", "菜单要用永久素材：临时素材三天后失效", field=where)
        return [f"没有规则回答菜单 key “{answered.key}”：点它没有反应，请在“自动回复”中添加"
                for answered in await self.answered(appid, keys_of(layout), now) if not (answered.rule or answered.builtin)]

    async def answered(self, appid: str, keys: Sequence[str], now: float) -> list[AnsweredKey]:
        """What answers a tap on each of these keys, and on those that the product knows by itself."""
        matcher, found = await self._rules.newest(), []
        for key in dict.fromkeys((*KEYS, *keys)):
            match, name = decide(matcher, InboundMessage("event", appid, "", "", int(now), event="click", event_key=key), now)
            found.append(AnsweredKey(key, match.rule.name if match else "", "" if match or name == "quiet" else name))
        return found

    def of_batch(self, batch: Batch, *, allow_cut: bool) -> list[str]:
        """Warnings. Raises InvalidBody UNKNOWN_ACCOUNT, NOTICE_WOULD_BE_CUT where words do not fit and nobody said that this is meant."""
        self.account(batch.appid, "miniprogram" if batch.kind == "miniprogram_subscription" else "official")
        cut = would_be_cut(batch)
        warnings = [f"{one.field} 最多 {one.most} 字，市民会看到：{one.shown}" for one in cut]
        if warnings and not allow_cut:
            raise InvalidBody("NOTICE_WOULD_BE_CUT", f"{warnings[0]}。请改短；确实要这样发，请加 \"allow_cut\": true",
                              field=f"data.{cut[0].field}")
        return warnings

    def account(self, appid: str, role: str, field: str = "appid") -> Connected:
        """Raises InvalidBody UNKNOWN_ACCOUNT, with those that there are."""
        try:
            found = self._accounts.of(appid)
        except AccountNotFound:
            found = None
        if found is None or found.account.role != role:
            known = "、".join(one.appid for one in self._accounts if one.account.role == role) or "（没有）"
            kind = "公众号" if role == "official" else "小程序"
            raise InvalidBody("UNKNOWN_ACCOUNT", f"本系统没有接入{kind} {appid[:32]}，已接入的有：{known}", field=field)
        return found

    def _officials(self) -> list[Connected]:
        return [one for one in self._accounts if one.account.role == "official"]

    async def _of_material(self, reply: Reply, where: str, accounts: Sequence[Connected]) -> list[str]:
        """Warnings. Raises InvalidBody where no account has it, or it is of another kind."""
        owners: list[Connected] = []
        for one in accounts:
            material = await one.materials.known(reply.media_id)
            if material is not None and material.kind not in KINDS[reply.kind]:
                raise InvalidBody("MATERIAL_TYPE_WRONG", f"这个素材是 {material.kind}，不能作为 {reply.kind} 回复", field=where)
            if material is not None and material.expires_at:
                raise InvalidBody("MATERIAL_TEMPORARY", "回复要用永久素材：临时素材三天后失效", field=where)
            if material is not None or await one.materials.is_held(reply.media_id):
                owners.append(one)
        if not owners:
            raise _unknown_material(reply.media_id, where)
        others = "、".join(one.account.name or one.appid for one in accounts if one not in owners)
        return [f"素材只属于 {owners[0].account.name or owners[0].appid}，{others} 发不出它：请把规则限定到一个账号"] if others else []


def _unknown_material(media_id: str, where: str) -> InvalidBody:
    return InvalidBody("MATERIAL_UNKNOWN", f"账号里没有素材 {media_id[:40]}：请先在“素材”中上传，再从列表复制 media_id", field=where)
