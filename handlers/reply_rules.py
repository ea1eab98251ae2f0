"""What editors have the official account answer: the rules, and a trial of a message against them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import structs

from handlers.base import decode_body
from handlers.staff import StaffHandler
from server.clock import iso
from server.errors import InvalidBody
from server.replies import try_out
from server.reply_rules import Rule, Trigger
from server.wechat.details import Position, Scene
from server.wechat.messages import InboundMessage, Reply

# Five answers of eight cards each, with long addresses.
MAX_RULE_BYTES = 64 * 1024
Moment = Annotated[datetime, msgspec.Meta(tz=True)] | None


class RuleBody(msgspec.Struct, forbid_unknown_fields=True):
    """A rule as an editor writes it; `rev` is that of the rule as she saw it. Times in ISO 8601 with a zone.

    `id` and `warnings` stand in what is read and may be sent back as they are: the address names the rule.
    """

    name: str
    trigger: Trigger
    replies: tuple[Reply, ...] = ()
    builtin: str = ""
    pick: Literal["all", "random"] = "all"
    position: int = 100
    enabled: bool = True
    appid: str = ""
    opens_at: Moment = None
    closes_at: Moment = None
    rev: int = 1
    id: str = ""
    warnings: list[str] = []

    def rule(self, rule_id: str) -> Rule:
        """Raises InvalidBody where it is another rule's."""
        if self.id and self.id != rule_id:
            raise InvalidBody(message="正文里的 id 与地址里的不同；新建规则不写 id", field="id")
        times = {"opens_at": seconds_of(self.opens_at), "closes_at": seconds_of(self.closes_at)}
        fields = {name: value for name, value in structs.asdict(self).items() if name not in ("id", "warnings")}
        return Rule(id=rule_id, **fields | times)


def seconds_of(moment: datetime | None) -> int:
    return int(moment.timestamp()) if moment else 0


def rule_view(rule: Rule) -> dict[str, Any]:
    """A rule as an editor reads it, times as she writes them."""
    return structs.asdict(rule) | {"opens_at": iso(rule.opens_at) if rule.opens_at else None,
                                   "closes_at": iso(rule.closes_at) if rule.closes_at else None}


class TrialBody(msgspec.Struct):
    """What somebody does: says `text`, follows (perhaps by the code of a `scene`), scans, taps the menu entry `key`, sends where she is."""

    does: Literal["says", "follows", "scans", "taps", "sends_location"]
    text: str = ""
    scene: str = ""
    key: str = ""
    appid: str = ""

    def message(self, now: float) -> InboundMessage:
        who: dict[str, Any] = {"appid": self.appid, "openid": "", "recipient": "", "created_at": int(now)}
        if self.does == "says":
            return InboundMessage("text", **who, text=self.text)
        if self.does == "sends_location":
            return InboundMessage("location", **who, details=Position(0.0, 0.0))
        if self.does == "taps":
            return InboundMessage("event", **who, event="click", event_key=self.key)
        return InboundMessage("event", **who, event="subscribe" if self.does == "follows" else "scan", details=Scene(self.scene))


class RulesHandler(StaffHandler):
    async def checked(self, rule: Rule) -> list[str]:
        """Warnings. Raises InvalidBody for what it may not be, or names and is not there."""
        self.services.reply_rules.check(rule)
        found: list[str] = await self.services.references.of_rule(rule)
        return found


class Rules(RulesHandler):
    async def get(self) -> None:
        """Every rule, in the order in which they are tried."""
        await self.member()
        self.reply({"items": [rule_view(rule) for rule in await self.services.reply_rules.all()], "next": None})

    async def post(self) -> None:
        """A new rule."""
        member = await self.member("editor")
        rule = decode_body(self.request.body, RuleBody, MAX_RULE_BYTES).rule("")
        warnings = await self.checked(rule)
        made = await self.services.reply_rules.create(rule, self.now())
        await self.log(member, "reply_rule.create", made.id, name=made.name)
        self.reply(rule_view(made) | {"warnings": warnings}, 201)


class OneRule(RulesHandler):
    async def put(self, rule_id: str) -> None:
        """Change a rule as it was seen."""
        member = await self.member("editor")
        rule = decode_body(self.request.body, RuleBody, MAX_RULE_BYTES).rule(rule_id)
        warnings = await self.checked(rule)
        changed = await self.services.reply_rules.update(rule)
        await self.log(member, "reply_rule.update", rule_id, name=changed.name, rev=changed.rev)
        self.reply(rule_view(changed) | {"warnings": warnings})

    async def delete(self, rule_id: str) -> None:
        """Take a rule away."""
        member = await self.member("editor")
        await self.services.reply_rules.delete(rule_id)
        await self.log(member, "reply_rule.delete", rule_id)
        self.set_status(204)
        self.finish()


class Trial(StaffHandler):
    async def post(self) -> None:
        """What would answer a message, with which words, and why; and which rules are passed over."""
        await self.member()
        body = self.body(TrialBody)
        if body.appid:
            self.services.references.account(body.appid, "official")
        trial = await try_out(body.message(self.now()), self.services.reply_context(self.now()))
        rule = trial.match.rule if trial.match else None
        self.reply({"rule": rule and rule.id, "name": rule and rule.name, "set_off_by": trial.set_off_by,
                    "builtin": (rule.builtin or None) if rule else trial.builtin, "pick": rule.pick if rule else "all",
                    "said": [msgspec.to_builtins(reply) for reply in trial.said], "is_personal": trial.is_personal,
                    "passed": [{"rule": m.rule.id, "name": m.rule.name, "set_off_by": m.why, "why": why} for m, why in trial.passed]})
