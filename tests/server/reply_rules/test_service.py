"""Reply rules as editors keep them: each process learns of a change, two editors do not undo each other, an outage changes nothing."""

from __future__ import annotations

import asyncio
import time

import pytest
import re2
from msgspec import structs
from pymongo.errors import AutoReconnect

from server import fresh
from server.errors import Conflict, InvalidBody
from server.replies import BEHIND, Context, try_out
from server.replies.default import HELP
from server.reply_rules import ReplyRules, RuleNotFound, Trigger
from server.reply_rules import service as service_module
from server.reply_rules.rule import MAX_INSTRUCTIONS, OUTSIDE_ITS_TIME, instructions
from server.reply_rules.service import ReplyRuleStore, chosen
from server.wechat.messages import Reply
from tests.server.reply_rules.test_matching import HELLO, NOW, rule, text

OTHERS = ("campaigns", "citizens", "counting", "notices", "visits", "followers", "media_checks", "article_reports", "phones")
pytestmark = pytest.mark.gen_test(timeout=30)


@pytest.fixture
def rules(stores):
    return ReplyRules(ReplyRuleStore(stores.mongo), frozenset({"my_ordinal"}))


def context(rules):
    """What a trial asks, at second 200."""
    return Context(**dict.fromkeys(OTHERS), reply_rules=rules, base_url="http://here", now=200.0)


async def answers(rules, words, now=0.0):
    return [match.rule.name for match in (await rules.matcher()).matches(text(words), now)]


class TestSize:
    async def test_expressions_that_are_too_large_together_are_refused_one_by_one(self, rules):
        kept = 0
        with pytest.raises(InvalidBody) as refused:
            for n in range(99):
                await rules.create(rule("", "regex", *(f".{{0,200}}退款{n}之{m}" for m in range(10)), name=f"r{n}"), NOW)
                kept += 1
        assert refused.value.code == "EXPRESSIONS_TOO_LARGE" and kept
        assert await answers(rules, "我要退款0之0") == ["r0"]
        [last] = (await rules.all())[-1:]
        larger = structs.replace(last, trigger=Trigger("regex", tuple(f".{{0,900}}{m}" for m in range(9))))
        with pytest.raises(InvalidBody):
            await rules.update(larger)
        await rules.update(structs.replace(last, enabled=False))

    async def test_a_thousand_plain_expressions_may_stand(self, rules):
        made = [rule(f"{n:016x}", "regex", f"第{n}[名位]") for n in range(999)]
        assert instructions(made) < MAX_INSTRUCTIONS / 2

    async def test_rules_that_cannot_be_built_leave_those_last_known_in_force(self, rules, monkeypatch):
        await rules.create(rule("", "contain", "国旗", name="flag"), NOW)
        assert await answers(rules, "国旗") == ["flag"]
        tries = []

        def fails(found):
            tries.append(found)
            raise re2.error("too large")

        monkeypatch.setattr(service_module, "Matcher", fails)
        rules._matcher.forget()
        await rules._store.revision.rise()
        assert [await answers(rules, "国旗") for _ in range(3)] == [["flag"]] * 3
        assert len(tries) == 1, "not with every message"


class TestOrder:
    async def test_of_rules_at_one_position_the_older_is_asked_first(self, rules):
        for n in range(6):
            await rules.create(rule("", "contain", "国旗", name=f"r{n}"), NOW + n)
        assert await answers(rules, "国旗") == [f"r{n}" for n in range(6)]


class TestEditing:
    async def test_what_is_kept_is_answered_by_every_process_within_a_second(self, rules, stores, monkeypatch):
        other = ReplyRules(ReplyRuleStore(stores.mongo), frozenset())
        assert await answers(other, "国旗") == []
        made = await rules.create(rule("", "contain", "国旗", name="flag"), NOW)
        assert len(made.id) == 16 and (await rules.all()) == [made]
        monkeypatch.setattr(fresh, "CACHE_SECONDS", 0.0)
        assert await answers(other, "国旗") == ["flag"]
        await rules.delete(made.id)
        assert await answers(other, "国旗") == []

    async def test_an_edit_of_what_has_changed_meanwhile_is_refused(self, rules):
        made = await rules.create(rule("new", "equal", "国旗"), NOW)
        changed = await rules.update(made)
        assert changed.rev == 2
        with pytest.raises(Conflict) as refusal:
            await rules.update(made)
        assert refusal.value.code == "RULE_CHANGED"

    async def test_what_is_not_there_is_404(self, rules):
        for act in (rules.update(rule("0" * 16, "follow")), rules.delete("0" * 16)):
            with pytest.raises(RuleNotFound):
                await act

    async def test_there_is_room_for_so_many_and_no_more(self, rules, monkeypatch):
        monkeypatch.setattr(service_module, "MAX_RULES", 2)
        for _ in range(2):
            await rules.create(rule("new", "follow"), NOW)
        with pytest.raises(Conflict) as refusal:
            await rules.create(rule("new", "follow"), NOW)
        assert refusal.value.code == "TOO_MANY_RULES"


class TestWhenPartsFail:
    async def test_while_mongodb_is_away_the_rules_last_known_hold(self, rules, monkeypatch):
        await rules.create(rule("", "equal", "国旗", name="flag"), NOW)
        assert await answers(rules, "国旗") == ["flag"]
        monkeypatch.setattr(fresh, "CACHE_SECONDS", 0.0)

        async def revision():
            raise AutoReconnect("away")

        monkeypatch.setattr(rules._store.revision, "read", revision, raising=False)
        assert await answers(rules, "国旗") == ["flag"]

    async def test_a_slow_store_does_not_hold_a_callback(self, rules, monkeypatch):
        monkeypatch.setattr(fresh, "FIRST_PATIENCE_SECONDS", 0.05)
        asked = []

        async def revision():
            asked.append(1)
            await asyncio.sleep(5)

        monkeypatch.setattr(rules._store.revision, "read", revision, raising=False)
        began = time.monotonic()
        assert [await answers(rules, "国旗") for _ in range(3)] == [[]] * 3
        assert len(asked) == 1 and time.monotonic() - began < 4

    async def test_the_first_message_after_a_start_waits_for_the_rules_of_a_slow_store(self, rules, monkeypatch):
        await rules.create(rule("new", "equal", "国旗"), NOW)
        started, read = ReplyRules(rules._store, frozenset()), rules._store.revision.read

        async def slow():
            await asyncio.sleep(1)
            return await read()

        monkeypatch.setattr(rules._store.revision, "read", slow, raising=False)
        assert await answers(started, "国旗") == ["new"]

    async def test_one_that_cannot_be_read_does_not_silence_the_others(self, rules, stores):
        await rules.create(rule("", "equal", "国旗", name="flag"), NOW)
        await stores.mongo["reply_rules"].insert_one({"_id": "broken", "name": 7})
        assert await answers(rules, "国旗") == ["flag"] and len(await rules.all()) == 1


class TestTrial:
    async def test_it_says_which_rule_wins_and_which_are_passed(self, rules):
        await rules.create(rule("", "contain", "国旗", name="closed", closes_at=100, position=1), NOW)
        await rules.create(rule("", "regex", "国.", name="flag", position=2), NOW)
        await rules.create(rule("", "default", name="rest"), NOW)
        trial = await try_out(text("向国旗"), context(rules))
        assert (trial.match.rule.name, trial.match.why) == ("flag", "国.")
        assert [(match.rule.name, why) for match, why in trial.passed] == [("closed", OUTSIDE_ITS_TIME)]
        assert (await try_out(text("?"), context(rules))).match.rule.name == "rest"
        own = await try_out(text("我的"), context(rules))
        assert (own.match, own.builtin, own.set_off_by) == (None, "my_ordinal", "我的")
        assert own.is_personal and own.said == ()

    async def test_it_says_what_citizens_would_read(self, rules):
        await rules.create(rule("", "contain", "国旗", name="flag"), NOW)
        assert (await try_out(text("国旗"), context(rules))).said == HELLO
        assert (await try_out(text("?"), context(rules))).said == (Reply("text", HELP),)

    async def test_of_two_that_fit_the_later_one_is_told_to_stand_behind(self, rules):
        for name, position in (("first", 1), ("second", 2)):
            await rules.create(rule("", "contain", "国旗", name=name, position=position), NOW)
        trial = await try_out(text("国旗"), context(rules))
        assert (trial.match.rule.name, [(match.rule.name, why) for match, why in trial.passed]) == ("first", [("second", BEHIND)])

    async def test_of_two_at_one_position_the_older_one_answers(self, rules):
        for n, name in enumerate(("older", "newer")):
            await rules.create(rule("", "contain", "国旗", name=name, position=5), NOW + n / 100)
        assert (await try_out(text("国旗"), context(rules))).match.rule.name == "older"


class TestChoice:
    def test_all_or_one_by_chance(self):
        two = (Reply("text", "一"), Reply("text", "二"))
        assert chosen(rule("r", "follow", replies=two)) == two
        assert {chosen(rule("r", "follow", replies=two, pick="random")) for _ in range(100)} == {(two[0],), (two[1],)}
        assert chosen(rule("r", "follow", replies=HELLO, pick="random")) == HELLO
