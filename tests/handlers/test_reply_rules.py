"""What editors have the official account answer, through the staff's interface, and what citizens then hear."""

from __future__ import annotations

import pytest

from server.accounts import Accounts
from server.wechat import Account
from tests.handlers.civic_app import CivicApp, error_of, json_of
from tests.handlers.test_staff import logged
from tests.server.accounts_world import connected_with

pytestmark = pytest.mark.gen_test(timeout=60)
RULES = "/api/v1/staff/reply-rules"
FLAG = {"name": "国旗", "trigger": {"kind": "contain", "words": ["国旗"]}, "replies": [{"kind": "text", "text": "升旗仪式早上八点"}]}


@pytest.fixture
def app(io_loop, stores, tmp_path):
    made = io_loop.run_sync(lambda: CivicApp(stores, tmp_path).open())
    yield made
    io_loop.run_sync(made.close)


class TestEditing:
    async def test_a_rule_is_made_changed_and_taken_away_and_each_is_in_the_audit_log(self, app, stores):
        desk = await app.desk("editor")
        made = await desk.ask(RULES, FLAG, method="POST")
        assert made.code == 201 and json_of(made)["rev"] == 1
        one = f"{RULES}/{json_of(made)['id']}"
        changed = await desk.ask(one, FLAG | {"name": "升旗", "position": 5}, method="PUT")
        assert (changed.code, json_of(changed)["name"], json_of(changed)["rev"]) == (200, "升旗", 2)
        assert error_of(await desk.ask(one, FLAG, method="PUT")) == (409, "RULE_CHANGED")
        [listed] = json_of(await desk.ask(RULES))["items"]
        assert listed | {"warnings": []} == json_of(changed)
        again = await desk.ask(one, json_of(changed), method="PUT")
        assert (again.code, json_of(again)["rev"]) == (200, 3)
        other = await desk.ask(one, json_of(again) | {"id": "0" * 16}, method="PUT")
        assert error_of(other) == (422, "INVALID_BODY") and json_of(other)["error"]["field"] == "id"
        assert (await desk.ask(one, method="DELETE")).code == 204
        assert error_of(await desk.ask(one, method="DELETE")) == (404, "REPLY_RULE_NOT_FOUND")
        assert [action for _, action, _ in await logged(stores)] == [
            "reply_rule.create", "reply_rule.update", "reply_rule.update", "reply_rule.delete"]

    @pytest.mark.parametrize(("body", "expected"), [
        ({"name": "x"}, (422, "INVALID_BODY")), (FLAG | {"surprise": 1}, (422, "INVALID_BODY")),
        (FLAG | {"trigger": {"kind": "guess"}}, (422, "INVALID_BODY")), (FLAG | {"replies": []}, (422, "INVALID_BODY")),
        (FLAG | {"trigger": {"kind": "regex", "words": ["("]}}, (422, "EXPRESSION_WRONG")),
        (FLAG | {"pick": "best"}, (422, "INVALID_BODY"))])
    async def test_what_cannot_be_answered_is_refused(self, app, body, expected):
        desk = await app.desk("editor")
        assert error_of(await desk.ask(RULES, body, method="POST")) == expected

    async def test_a_refusal_says_what_is_wanted(self, app):
        desk = await app.desk("editor")
        for change, field, words in (({"trigger": {"kind": "equal"}}, "trigger.words", "词语"), ({"name": " "}, "name", "64"),
                                     ({"replies": [], "builtin": "x"}, "builtin", "live_total"),
                                     ({"replies": [{"kind": "text", "text": "长" * 700}]}, "replies.0", "汉字")):
            error = json_of(await desk.ask(RULES, FLAG | change, method="POST"))["error"]
            assert error["field"] == field and words in error["message"]

    async def test_times_are_written_as_everywhere(self, app):
        desk = await app.desk("editor")
        timed = FLAG | {"opens_at": "2026-10-01T08:00:00+08:00", "closes_at": "2026-10-08T00:00:00Z"}
        made = json_of(await desk.ask(RULES, timed, method="POST"))
        assert (made["opens_at"], made["closes_at"]) == ("2026-10-01T08:00:00+08:00", "2026-10-08T08:00:00+08:00")

    async def test_who_may_not_edit_may_look_and_try(self, app):
        desk = await app.desk("operator")
        assert error_of(await desk.ask(RULES, FLAG, method="POST")) == (403, "ROLE_REFUSED")
        assert json_of(await desk.ask(RULES)) == {"items": [], "next": None}
        assert (await desk.ask(f"{RULES}/trial", {"does": "says", "text": "你好"}, method="POST")).code == 200

    async def test_nobody_does_anything_without_a_session(self, app):
        for verb, path, body in (("GET", RULES, None), ("POST", RULES, FLAG), ("PUT", f"{RULES}/{'0' * 16}", FLAG),
                                 ("DELETE", f"{RULES}/{'0' * 16}", None), ("POST", f"{RULES}/trial", {"does": "says"})):
            assert error_of(await app.ask(path, body, method=verb)) == (401, "STAFF_SESSION_MISSING")


class TestWhatARuleNames:
    CARDS = [{"title": f"第{n}篇", "description": "", "url": "https://a.cn"} for n in (1, 2)]

    async def test_an_account_that_is_not_here_is_refused(self, app):
        desk = await app.desk("editor")
        app.connect(Accounts([connected_with(Account("wxcity", "", "", ""))]))
        for path, body in ((RULES, FLAG | {"appid": "wxnobody"}), (f"{RULES}/trial", {"does": "says", "appid": "wxnobody"})):
            error = json_of(await desk.ask(path, body, method="POST"))["error"]
            assert (error["code"], error["field"]) == ("UNKNOWN_ACCOUNT", "appid") and "wxcity" in error["message"]
        assert (await desk.ask(RULES, FLAG | {"appid": "wxcity"})).code == 201

    @pytest.mark.parametrize(("trigger", "warned"), [({"kind": "contain", "words": ["国旗"]}, True), ({"kind": "follow"}, False)])
    async def test_a_second_card_is_warned_of_where_citizens_would_not_see_it(self, app, trigger, warned):
        made = json_of(await (await app.desk("editor")).ask(RULES, FLAG | {"trigger": trigger,
                                                                           "replies": [{"kind": "news", "articles": self.CARDS}]}))
        assert bool(made["warnings"]) is warned and (not warned or "只显示第 1 篇" in made["warnings"][0])


class TestTrial:
    @pytest.mark.parametrize(("does", "rule", "builtin"), [
        ({"does": "says", "text": "看国旗"}, "国旗", None), ({"does": "says", "text": "我的"}, None, "my_ordinal"),
        ({"does": "says", "text": "?"}, None, "default"), ({"does": "follows"}, None, "follow"),
        ({"does": "follows", "scene": "school"}, None, "follow"), ({"does": "scans", "scene": "school"}, None, "quiet"),
        ({"does": "taps", "key": "total"}, None, "live_total"), ({"does": "sends_location"}, None, "default")])
    async def test_it_says_who_would_answer(self, app, does, rule, builtin):
        desk = await app.desk("editor")
        await desk.ask(RULES, FLAG, method="POST")
        found = json_of(await desk.ask(f"{RULES}/trial", does, method="POST"))
        assert (found["name"], found["builtin"]) == (rule, builtin)
        assert found["said"] or found["is_personal"] or builtin == "quiet"

    async def test_it_says_why_a_rule_is_passed(self, app):
        desk = await app.desk("editor")
        await desk.ask(RULES, FLAG | {"enabled": False}, method="POST")
        found = json_of(await desk.ask(f"{RULES}/trial", {"does": "says", "text": "国旗"}, method="POST"))
        [passed] = found["passed"]
        assert found["rule"] is None and (passed["name"], passed["set_off_by"], passed["why"]) == ("国旗", "国旗", "已停用 (off)")
