"""The table of replies: a contract that every entry keeps, and which entry a message reaches."""

from __future__ import annotations

import time

import pytest

from server.clock import shanghai
from server.replies import REPLIES, Context, answer, decide, own_words, take_effect
from server.replies.campaign_card import CampaignCard
from server.replies.campaign_times import CampaignTimes
from server.replies.default import HELP, Default
from server.replies.follow import Follow
from server.replies.live_total import LiveTotal
from server.replies.my_ordinal import MyOrdinal
from server.replies.quiet import Quiet
from server.reply_rules import Matcher, Rule, Trigger
from server.sandbox.callbacks import decode
from server.scene_codes import scene_key
from server.wechat.details import OF_EVENT, OF_KIND, PLAIN_EVENTS, Scene
from server.wechat.messages import InboundMessage, Reply, render_json, render_xml
from tests.app_world import SLUG, add_campaign, campaign
from tests.command_listener import LOOKING
from tests.people import LI, WANG

pytestmark = pytest.mark.gen_test(timeout=30)

APPID = "wxsandboxofficial0"


def text(words, person=WANG):
    return InboundMessage("text", APPID, person.openid, "gh_official", 1_790_827_200, msg_id="1", text=words)


def event(name, key="", person=WANG):
    return InboundMessage("event", APPID, person.openid, "gh_official", 1_790_827_200, event=name, event_key=key)


def of_kind(kind):
    return InboundMessage(kind, APPID, WANG.openid, "gh_official", 1_790_827_200, msg_id="1")


EVERYTHING = [*(of_kind(kind) for kind in OF_KIND), text(""), text("敬礼"), text("x" * 2048), text("]]>"),
              *map(event, (*OF_EVENT, *sorted(PLAIN_EVENTS)))]


# What reaches which entry.
WHICH = [
    (event("subscribe"), Follow), (event("subscribe", "qrscene_7"), Follow), (event("unsubscribe"), Quiet),
    (event("view", "http://x"), Quiet), (event("templatesendjobfinish"), Quiet),
    (event("click", "campaign"), CampaignCard), (event("click", "mine"), MyOrdinal),
    (event("click", "total"), LiveTotal), (event("click", "somebody-else's"), Quiet),
    (text("敬礼"), CampaignCard), (text("我要向国旗敬礼！"), CampaignCard), (text("升旗"), CampaignCard), (text("活动"), CampaignCard),
    (text("我的"), MyOrdinal), (text("我是第几位"), MyOrdinal), (text("证书"), MyOrdinal), (text("人数"), LiveTotal),
    (text("有多少人敬礼"), LiveTotal), (text("活动什么时候截止"), CampaignTimes), (text("几点开始"), CampaignTimes),
    (text("时间"), CampaignTimes),
    (text("你好"), Default), (text(""), Default), (of_kind("image"), Default), (of_kind("voice"), Default)]


def context_of(app, now):
    services = app.services
    return Context(services.campaigns, services.citizens, services.counting, services.reply_rules, services.notices, services.visits,
                   services.follower_events, services.media_checks, services.article_reports, services.phones,
                   "http://here", now)


@pytest.fixture
def now():
    return time.time()


def reached(message):
    return type(REPLIES[decide(Matcher(()), message, 0)[1]])


async def said(message, context):
    """The one thing that is said; what the message changes is changed before."""
    await take_effect(message, context)
    [reply] = await answer(message, context)
    return reply


class TestContract:
    def test_the_last_takes_everything(self):
        assert list(REPLIES)[-1] == "default"
        assert all(REPLIES["default"].concerns(message) for message in EVERYTHING)

    @pytest.mark.parametrize("rule", REPLIES.values(), ids=REPLIES.keys())
    def test_every_entry_can_be_reached(self, rule):
        assert any(kind is type(rule) for _, kind in WHICH), "add rows to WHICH"

    @pytest.mark.parametrize("rule", REPLIES.values(), ids=REPLIES.keys())
    async def test_what_it_says_can_be_written_in_both_forms(self, app, now, rule):
        for message in (message for message in EVERYTHING if rule.concerns(message)):
            reply = await rule.answer(message, context_of(app, now))
            if reply is None:
                continue
            assert reply.text or reply.media_id or reply.articles
            for form, render in (("xml", render_xml), ("json", render_json)):
                fields = decode(render(reply, message, 1_790_827_200).encode(), form)
                assert fields["ToUserName"] == WANG.openid and fields["MsgType"] == reply.kind

    @pytest.mark.parametrize("rule", REPLIES.values(), ids=REPLIES.keys())
    async def test_it_says_something_sensible_without_any_campaign(self, app, now, rule):
        await app.services.campaigns.transition(SLUG, "frozen", now)
        await app.services.campaigns.transition(SLUG, "archived", now + 2 * 86400)
        for message in (message for message in EVERYTHING if rule.concerns(message)):
            reply = await rule.answer(message, context_of(app, now))
            assert reply is None or (reply.kind == "text" and reply.text)


class TestWhichEntry:
    @pytest.mark.parametrize(("message", "rule"), WHICH)
    def test_a_message_reaches_its_entry(self, message, rule):
        assert reached(message) is rule


class TestWhatIsSaid:
    async def test_who_follows_is_known_and_gets_the_card(self, app, now):
        reply = await said(event("subscribe"), context_of(app, now))
        [card] = reply.articles
        assert card.title == "欢迎您！一起向国旗敬礼" and card.url == f"http://here/c/{SLUG}?ch=follow"
        assert card.picture_url.startswith("http://here/static/")
        known = await app.services.citizens.identify(APPID, WANG.openid, None, now)
        await said(event("subscribe"), context_of(app, now))
        assert await app.services.citizens.identify(APPID, WANG.openid, None, now) == known

    async def test_a_keyword_and_the_menu_lead_to_the_page_by_their_channel(self, app, now):
        word = await said(text("敬礼"), context_of(app, now))
        tapped = await said(event("click", "campaign"), context_of(app, now))
        assert (word.articles[0].url, tapped.articles[0].url) == (f"http://here/c/{SLUG}?ch=keyword", f"http://here/c/{SLUG}?ch=menu")

    async def test_who_has_not_saluted_is_led_to_the_page(self, app, now):
        reply = await said(text("我的"), context_of(app, now))
        assert reply.articles[0].title == "您还没有敬礼，点这里参加：向国旗敬礼"

    async def test_who_has_is_told_her_ordinal_and_nobody_else_is(self, app, now):
        citizen = await app.services.citizens.identify(APPID, WANG.openid, None, now)
        header = {"Authorization": "Bearer " + app.services.tokens.issue(citizen, now)}
        done = await app.fetch(f"/api/v1/campaigns/{SLUG}/participations", "POST", b'{"activity":"salute","region":"350602"}', **header)
        assert done.code == 201
        assert "您是第 1 位参与者" in (await said(text("我的"), context_of(app, now))).text
        assert (await said(text("我的", LI), context_of(app, now))).kind == "news"
        assert "已有 1 人参与" in (await said(text("人数"), context_of(app, now))).text

    async def test_the_open_campaign_is_meant_before_one_that_comes(self, app, now):
        await add_campaign(app.services, campaign(slug="spring", title="清明祭英烈", opens_at=int(now) + 3600), ("scheduled",))
        assert (await said(text("活动"), context_of(app, now))).articles[0].title == "向国旗敬礼"
        await app.services.campaigns.transition(SLUG, "frozen", now)
        assert (await said(text("活动"), context_of(app, now))).articles[0].title == "清明祭英烈"

    async def test_of_several_that_come_the_next_is_meant(self, app, now):
        await app.services.campaigns.transition(SLUG, "frozen", now)
        for slug, days in (("new-year", 60), ("spring", 10), ("summer", 200)):
            wanted = campaign(slug=slug, title=slug, opens_at=int(now) + days * 86400, closes_at=int(now) + 300 * 86400)
            await add_campaign(app.services, wanted, ("scheduled",))
        current = await context_of(app, now).current()
        assert current is not None and current.slug == "spring"

    async def test_a_rehearsal_is_meant_by_nobody(self, app, now):
        await add_campaign(app.services, campaign(slug="rehearsal-1", title="演练", state="open", opens_at=int(now) - 1, rehearsal=True))
        current = await context_of(app, now).current()
        assert current is not None and current.slug == SLUG

    async def test_times_are_said_as_they_are_before_during_and_after(self, app, now):
        async def asked(at):
            return (await said(text("什么时候截止"), context_of(app, at))).text

        running = await context_of(app, now).current()
        ends = shanghai(running.closes_at)
        day = f"{ends.year}年{ends.month}月{ends.day}日 {ends:%H:%M}"
        assert await asked(now) == f"向国旗敬礼：{day} 截止。点这里参加：http://here/c/{SLUG}?ch=keyword"
        assert "开始" in await asked(running.opens_at - 1)
        await app.services.campaigns.transition(SLUG, "paused", now)
        assert "暂停" in await asked(now)
        await app.services.campaigns.transition(SLUG, "open", now)
        await app.services.campaigns.transition(SLUG, "frozen", now)
        assert await asked(now) == f"向国旗敬礼 已于 {day} 结束，谢谢您的关注。"

    async def test_anything_else_gets_help(self, app, now):
        assert await said(of_kind("image"), context_of(app, now)) == Reply("text", HELP)


class TestRulesOfEditors:
    async def rule(self, app, kind, *words, **changes):
        fields = {"id": "", "name": "r", "trigger": Trigger(kind, words), "replies": (Reply("text", "编辑写的"),), **changes}
        await app.services.reply_rules.create(Rule(**fields), time.time())

    async def test_they_come_before_what_the_product_says(self, app, now):
        await self.rule(app, "contain", "敬礼")
        assert (await said(text("敬礼"), context_of(app, now))).text == "编辑写的"
        assert (await said(text("国旗"), context_of(app, now))).kind == "news"

    async def test_one_may_name_what_the_product_says(self, app, now):
        await self.rule(app, "equal", "有几个人", replies=(), builtin="live_total")
        assert "人参与" in (await said(text("有几个人"), context_of(app, now))).text

    async def test_a_default_one_answers_instead_of_the_help_and_of_nothing_else(self, app, now):
        await self.rule(app, "default")
        assert (await said(text("?"), context_of(app, now))).text == "编辑写的"
        assert (await said(text("敬礼"), context_of(app, now))).kind == "news"
        assert await answer(event("unsubscribe"), context_of(app, now)) == ()

    async def test_only_words_of_their_own_are_ready_at_once(self, app, now):
        await self.rule(app, "contain", "敬礼")
        await self.rule(app, "equal", "有几个人", replies=(), builtin="live_total")
        await self.rule(app, "follow")
        context = context_of(app, now)
        assert await own_words(text("我要敬礼"), context) == await answer(text("我要敬礼"), context)
        assert await own_words(text("有几个人"), context) is None and await own_words(text("你好"), context) is None
        assert await own_words(event("subscribe"), context) is None  # she has to become known

    async def test_who_follows_is_known_whatever_is_said(self, app, now):
        await self.rule(app, "follow")
        assert (await said(event("subscribe"), context_of(app, now))).text == "编辑写的"
        assert len(await app.services.stores.mongo["identities"].find(comment=LOOKING).to_list(None)) == 1


class TestScenes:
    async def test_who_comes_by_a_code_counts_for_its_scene(self, app, now):
        def by(name, scene):
            return InboundMessage("event", APPID, WANG.openid, "gh_official", int(now), event=name, details=Scene(scene))

        came = [("subscribe", "school-1"), ("scan", "school-1"), ("scan", "school-1"), ("scan", "nobody\n"), ("subscribe", "")]
        for name, scene in came:
            await take_effect(by(name, scene), context_of(app, now))
        await app.services.visits.flush([scene_key(APPID, "school-1")], now)
        [day] = await app.services.visits.of(scene_key(APPID, "school-1"))
        assert (day["channels"]["follow"], day["channels"]["scan"]) == (1, 2)
        assert len(await app.services.stores.redis.keys("visits:*")) == 1
