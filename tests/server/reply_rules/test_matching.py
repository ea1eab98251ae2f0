"""Which rule a message reaches: order, words, times, and what a crafted expression or a thousand rules cost."""

from __future__ import annotations

import pytest

from server.errors import InvalidBody
from server.reply_rules import Matcher, Rule, Trigger
from server.reply_rules.rule import ANOTHER_ACCOUNT, MAX_REPLIES, MAX_WORDS, OFF, OUTSIDE_ITS_TIME, check
from server.wechat.details import Position, Scene
from server.wechat.messages import Article, InboundMessage, Reply
from tests.people import WANG

NOW = 1_790_827_200.0
HELLO = (Reply("text", "您好"),)


def rule(label, kind, *words, **changes):
    return Rule(**{"id": label, "name": label, "trigger": Trigger(kind, words), "replies": HELLO, **changes})


def text(words, appid="wx1"):
    return InboundMessage("text", appid, WANG.openid, "gh_1", int(NOW), text=words)


def event(name, key="", scene=None):
    return InboundMessage("event", "wx1", WANG.openid, "gh_1", int(NOW), event=name, event_key=key,
                          details=None if scene is None else Scene(scene))


LOCATION = InboundMessage("location", "wx1", WANG.openid, "gh_1", int(NOW), details=Position(24.5, 117.6))


def names(message, *rules, now=NOW):
    return [match.rule.name for match in Matcher(rules).matches(message, now)]


class TestWords:
    @pytest.mark.parametrize(("kind", "word", "said", "hit"), [
        ("equal", "敬礼", "敬礼", True), ("equal", "敬礼", " 敬礼 ", True), ("equal", "敬礼", "敬礼！", False),
        ("equal", "VOTE", "ｖｏｔｅ", True),
        ("contain", "敬礼", "我要向国旗敬礼！", True), ("contain", "Flag", "the FLAG", True), ("contain", "敬礼", "敬 礼", False),
        ("regex", r"第\s*\d+\s*位", "我是第 27 位吗", True), ("regex", "^你好$", "你好吗", False), ("regex", "FLAG", "my flag", True),
        ("regex", "^几点开始？$", "几点开始？", True), ("regex", "^几点开始？$", "几点开始?", True),
        ("regex", "^几点开始？$", "几点开", False),
        ("regex", "[！？]{2}", "真的?!", True), ("regex", "（国旗）", "向(国旗)敬礼", True)])
    def test_a_word_is_met_without_regard_to_case_width_and_space_around(self, kind, word, said, hit):
        assert names(text(said), rule("r", kind, word)) == ["r"] * hit

    def test_any_of_its_words_sets_a_rule_off_and_the_word_is_told(self):
        [match] = Matcher([rule("r", "contain", "升旗", "国旗", "旗")]).matches(text("向国旗"), NOW)
        assert match.why in ("国旗", "旗")

    def test_words_within_words_are_all_found(self):
        rules = rule("a", "contain", "国旗敬"), rule("b", "contain", "旗敬礼"), rule("c", "contain", "旗")
        assert names(text("向国旗敬礼"), *rules) == ["a", "b", "c"]

    @pytest.mark.parametrize("said", ["", " ", "\x00", "😀" * 500, "(" * 2048])
    def test_any_text_is_read(self, said):
        assert names(text(said), rule("e", "equal", "x"), rule("c", "contain", "x"), rule("r", "regex", "x")) == []

    def test_an_expression_that_others_hang_on_takes_no_longer_than_any(self):
        assert names(text("a" * 2047 + "!"), rule("r", "regex", "(a+)+$", "(a|aa)+$", "(.*)*=.*")) == []

    def test_an_equal_word_is_no_word_of_a_location_or_a_picture(self):
        picture = InboundMessage("image", "wx1", WANG.openid, "gh_1", int(NOW))
        assert names(picture, rule("r", "regex", ".*"), rule("c", "contain", "a")) == []


class TestEvents:
    @pytest.mark.parametrize(("message", "expected"), [
        (event("subscribe", scene=""), ["follow"]), (event("subscribe", scene="school"), ["follow", "school", "any code"]),
        (event("scan", scene="school"), ["school", "any code"]), (event("scan", scene="other"), ["any code"]),
        (event("click", "mine"), ["mine"]), (event("click", "none"), []), (event("unsubscribe"), []), (event("view", "mine"), []),
        (LOCATION, ["place"])])
    def test_an_event_reaches_its_rules(self, message, expected):
        rules = [rule("follow", "follow", position=1), rule("school", "scan", "school", position=2), rule("any code", "scan", position=3),
                 rule("mine", "click", "mine"), rule("place", "location"), rule("words", "contain", "school")]
        assert names(message, *rules) == expected

    def test_the_default_is_for_what_people_send_not_for_events(self):
        matcher = Matcher([rule("d", "default")])
        assert not list(matcher.matches(text("?"), NOW))
        assert [match.rule.name for match in matcher.defaults(text("?"), NOW)] == ["d"]
        assert not list(matcher.defaults(event("unsubscribe"), NOW))


class TestOrderAndTime:
    def test_position_decides_and_then_the_id(self):
        rules = [rule("b", "contain", "旗"), rule("a", "equal", "国旗"), rule("first", "regex", ".", position=1)]
        assert names(text("国旗"), *rules) == ["first", "a", "b"]

    @pytest.mark.parametrize(("changes", "why"), [
        ({"enabled": False}, OFF), ({"opens_at": int(NOW) + 1}, OUTSIDE_ITS_TIME), ({"closes_at": int(NOW)}, OUTSIDE_ITS_TIME),
        ({"appid": "wx2"}, ANOTHER_ACCOUNT), ({"opens_at": int(NOW), "closes_at": int(NOW) + 1, "appid": "wx1"}, "")])
    def test_one_that_is_not_on_is_passed_and_says_why(self, changes, why):
        matcher = Matcher([rule("r", "equal", "国旗", **changes)])
        assert [why_not for _, why_not in matcher.considered(text("国旗"), NOW)] == [why]
        assert len(list(matcher.matches(text("国旗"), NOW))) == (why == "")

    def test_a_thousand_rules_are_told_apart(self):
        rules = [rule(f"c{n}", "contain", f"词{n}号") for n in range(400)] + [rule(f"r{n}", "regex", f"第{n}[名位]") for n in range(400)]
        rules += [rule(f"e{n}", "equal", f"口令{n}") for n in range(200)]
        assert names(text("我说词399号，第7位"), *rules) == ["c399", "r7"] and names(text("口令150"), *rules) == ["e150"]


CARD = Article("题", "述", "https://a.cn/", "https://a.cn/p.jpg")
WRONG = [
    ("name", {"name": " "}), ("name", {"name": "长" * 65}), ("trigger.words", {"trigger": Trigger("equal")}),
    ("trigger.words", {"trigger": Trigger("equal", (" ",))}), ("trigger.words", {"trigger": Trigger("contain", ("x" * 129,))}),
    ("trigger.words", {"trigger": Trigger("follow", ("x",))}), ("trigger.words", {"trigger": Trigger("regex", ("x",) * (MAX_WORDS + 1))}),
    ("trigger.words", {"trigger": Trigger("regex", ("(",))}), ("trigger.words", {"trigger": Trigger("regex", ("(?=a)",))}),
    ("trigger.words", {"trigger": Trigger("regex", ("((((a{99}){99}){99}){99})",))}),
    ("builtin", {"builtin": "nothing", "replies": ()}), ("replies", {"replies": ()}), ("replies", {"builtin": "default"}),
    ("replies", {"replies": HELLO * (MAX_REPLIES + 1)}), ("replies.0", {"replies": (Reply("text", "长" * 683),)}),
    ("replies.0", {"replies": (Reply("text", ""),)}), ("replies.1", {"replies": (*HELLO, Reply("image"))}),
    ("replies.0", {"replies": (Reply("news"),)}),
    ("replies.0", {"replies": (Reply("news", articles=(CARD,) * 9),)}),
    ("replies.0", {"replies": (Reply("news", articles=(Article("题", "", "javascript:x"),)),)}),
    ("replies.0", {"replies": (Reply("music", media_id="m", url="ftp://a"),)}),
    ("closes_at", {"opens_at": 5, "closes_at": 5}), ("position", {"position": -1})]


class TestWhatMayBeKept:
    @pytest.mark.parametrize(("field", "changes"), WRONG)
    def test_what_could_not_be_answered_is_refused_by_its_field(self, field, changes):
        with pytest.raises(InvalidBody) as refusal:
            check(rule("r", "equal", "国旗", **changes), frozenset({"default"}))
        assert refusal.value.field == field

    @pytest.mark.parametrize("reply", [
        Reply("text", "长" * 682), Reply("image", media_id="m"), Reply("news", articles=(CARD,) * 8), Reply("transfer"),
        Reply("music", media_id="m", url="https://a.cn/1.mp3"), Reply("video", media_id="m", title="题"), Reply("voice", media_id="m")])
    def test_every_kind_of_answer_may_be_given(self, reply):
        check(rule("r", "default", replies=(reply,)), frozenset())
