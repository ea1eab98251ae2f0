"""Reply rules as they are kept, read and tried out."""

from __future__ import annotations

import asyncio
import logging
import random
import secrets
from typing import Any

import msgspec
from msgspec import structs

from server.errors import Conflict, InvalidBody
from server.fresh import Fresh, Revision
from server.reply_rules.matching import Matcher
from server.reply_rules.rule import MAX_INSTRUCTIONS, MAX_RULES, Rule, RuleNotFound, check, instructions
from server.stores import Database, Document, DuplicateKeyError
from server.wechat.messages import Reply

logger = logging.getLogger(__name__)

class ReplyRuleStore:
    """The only code that touches these collections; each method one atomic step."""

    def __init__(self, mongo: Database) -> None:
        self._rules = mongo["reply_rules"]
        self.revision = Revision(mongo, "reply_rules")

    async def all(self) -> list[Rule]:
        return [rule for document in await self._rules.find({}).limit(MAX_RULES).to_list(None) if (rule := _rule(document))]

    async def find(self, rule_id: str) -> Rule | None:
        found = await self._rules.find_one({"_id": rule_id})
        return None if found is None else _rule(found)

    async def create(self, rule: Rule) -> bool:
        """False where this id is taken."""
        try:
            await self._rules.insert_one(_document(rule))
        except DuplicateKeyError:
            return False
        return True

    async def replace(self, rule: Rule, seen_rev: int) -> bool:
        """False where it is not as it was seen."""
        changed = await self._rules.update_one({"_id": rule.id, "rev": seen_rev}, {"$set": _document(rule)})
        return changed.matched_count == 1

    async def delete(self, rule_id: str) -> bool:
        return (await self._rules.delete_one({"_id": rule_id})).deleted_count == 1


class ReplyRules:
    """`builtins` are the names that a rule may give to what the product answers by itself."""

    def __init__(self, store: ReplyRuleStore, builtins: frozenset[str]) -> None:
        self._store = store
        self._builtins = builtins
        self._matcher = Fresh(Matcher(()), store.revision, self.newest)

    async def matcher(self) -> Matcher:
        """The rules in force. While MongoDB is away, those last known: an account that answers something beats one that is silent."""
        return await self._matcher.get()

    async def newest(self) -> Matcher:
        """The rules as they are kept at this moment; a thousand take tens of milliseconds."""
        return await asyncio.to_thread(Matcher, await self._store.all())

    async def all(self) -> list[Rule]:
        """Every rule in the order in which they are tried."""
        return sorted(await self._store.all(), key=lambda rule: (rule.position, rule.id))

    def check(self, rule: Rule) -> None:
        """Raises InvalidBody for what no rule may be."""
        check(rule, self._builtins)

    async def create(self, rule: Rule, now: float) -> Rule:
        """Keep a new rule; its id is made here, and of rules at one position the older one is asked first. Raises InvalidBody, Conflict."""
        check(rule, self._builtins)
        others = await self._store.all()
        if len(others) >= MAX_RULES:
            raise Conflict("TOO_MANY_RULES", f"回复规则最多 {MAX_RULES} 条")
        await self._check_size(rule, others)
        made = structs.replace(rule, id=f"{int(now * 1000):012x}{secrets.token_hex(2)}", rev=1)
        await self._store.create(made)
        await self._changed()
        return made

    async def update(self, rule: Rule) -> Rule:
        """Change a rule as it was seen, which its `rev` names. Raises InvalidBody, RuleNotFound, Conflict RULE_CHANGED."""
        check(rule, self._builtins)
        await self._check_size(rule, [other for other in await self._store.all() if other.id != rule.id])
        changed = structs.replace(rule, rev=rule.rev + 1)
        if not await self._store.replace(changed, rule.rev):
            if await self._store.find(rule.id) is None:
                raise RuleNotFound()
            raise Conflict("RULE_CHANGED", "这条规则刚刚被别人改过，请刷新后再改")
        await self._changed()
        return changed

    async def delete(self, rule_id: str) -> None:
        """Raises RuleNotFound."""
        if not await self._store.delete(rule_id):
            raise RuleNotFound()
        await self._changed()

    async def _check_size(self, rule: Rule, others: list[Rule]) -> None:
        """Raises InvalidBody where its expressions and those of the others are too much for one automaton."""
        if rule.trigger.kind == "regex" and await asyncio.to_thread(instructions, [rule, *others]) > MAX_INSTRUCTIONS:
            raise InvalidBody("EXPRESSIONS_TOO_LARGE", "正则表达式合起来太大了：请把 {0,200} 这样的间隔写短些，或改用“包含”",
                              field="trigger.words")

    async def _changed(self) -> None:
        await self._store.revision.rise()
        self._matcher.forget()


def chosen(rule: Rule) -> tuple[Reply, ...]:
    """What a rule answers this time."""
    return (random.choice(rule.replies),) if rule.pick == "random" and rule.replies else rule.replies


def _document(rule: Rule) -> Document:
    plain: dict[str, Any] = msgspec.to_builtins(rule)
    return {"_id": plain.pop("id"), **plain}


def _rule(document: Document) -> Rule | None:
    """None, and an error in the log, where it cannot be read: one such rule must not silence the others."""
    try:
        return msgspec.convert(document | {"id": document["_id"]}, Rule)
    except msgspec.ValidationError as error:
        logger.error("reply rule %s cannot be read: %s", document["_id"], error)
        return None
