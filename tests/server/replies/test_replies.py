"""The table of replies: a contract that every entry keeps, and which entry a message reaches."""

from __future__ import annotations

import time

import pytest

from server.replies import REPLIES, Context, answer
from server.replies.campaign_card import CampaignCard
from server.replies.default import HELP, Default
from server.replies.follow import Follow
from server.replies.live_total import LiveTotal
from server.replies.my_ordinal import MyOrdinal
from server.replies.quiet import Quiet
from server.sandbox.callbacks import decode
from server.wechat.messages import KINDS, InboundMessage, Reply, render_json, render_xml
from tests.app_world import SLUG, add_campaign, campaign
from tests.people import LI, WANG

pytestmark = pytest.mark.gen_test(timeout=30)

APPID = "wxsandboxofficial0"


def text(words, person=WANG):
    return InboundMessage("text", APPID, person.openid, "gh_official", 1_790_827_200, msg_id="1", text=words)


def event(name, key="", person=WANG):
    return InboundMessage("event", APPID, person.openid, "gh_official", 1_790_827_200, event=name, event_key=key)


def of_kind(kind):
    return InboundMessage(kind, APPID, WANG.openid, "gh_official", 1_790_827_200, msg_id="1")


EVERYTHING = [*(of_kind(kind) for kind in sorted(KINDS - {"text", "event"})), text(""), text("敬礼"), text("x" * 2048), text("]]>"),
              *map(event, ("subscribe", "unsubscribe", "scan", "location", "click", "view", "templatesendjobfinish", "unheard_of"))]


def context_of(app, now):
    services = app.services
    return Context(services.campaigns, services.citizens, services.counting, "http://here", now)


@pytest.fixture
def now():
    return time.time()


def reached(message):
    return type(next(rule for rule in REPLIES if rule.concerns(message)))


class TestContract:
    def test_the_last_takes_everything(self):
        assert all(REPLIES[-1].concerns(message) for message in EVERYTHING)

    @pytest.mark.parametrize("rule", REPLIES, ids=lambda rule: type(rule).__name__)
    def test_every_entry_can_be_reached(self, rule):
        probes = [*EVERYTHING, *(text(word) for word in ("我的", "人数", "国旗", "?")), event("click", "mine"), event("click", "total")]
        assert any(reached(message) is type(rule) for message in probes)

    @pytest.mark.parametrize("rule", REPLIES, ids=lambda rule: type(rule).__name__)
    async def test_what_it_says_can_be_written_in_both_forms(self, app, now, rule):
        for message in (message for message in EVERYTHING if rule.concerns(message)):
            reply = await rule.answer(message, context_of(app, now))
            if reply is None:
                continue
            assert reply.text or reply.media_id or reply.articles
            for form, render in (("xml", render_xml), ("json", render_json)):
                fields = decode(render(reply, message, 1_790_827_200).encode(), form)
                assert fields["ToUserName"] == WANG.openid and fields["MsgType"] == reply.kind

    @pytest.mark.parametrize("rule", REPLIES, ids=lambda rule: type(rule).__name__)
    async def test_it_says_something_sensible_without_any_campaign(self, app, now, rule):
        await app.services.campaigns.transition(SLUG, "frozen", now)
        await app.services.campaigns.transition(SLUG, "archived", now + 2 * 86400)
        for message in (message for message in EVERYTHING if rule.concerns(message)):
            reply = await rule.answer(message, context_of(app, now))
            assert reply is None or (reply.kind == "text" and reply.text)


class TestWhichEntry:
    @pytest.mark.parametrize(("message", "rule"), [
        (event("subscribe"), Follow), (event("subscribe", "qrscene_7"), Follow), (event("unsubscribe"), Quiet),
        (event("view", "http://x"), Quiet), (event("templatesendjobfinish"), Quiet),
        (event("click", "campaign"), CampaignCard), (event("click", "mine"), MyOrdinal),
        (event("click", "total"), LiveTotal), (event("click", "somebody-else's"), Quiet),
        (text("敬礼"), CampaignCard), (text("我要向国旗敬礼！"), CampaignCard), (text("升旗"), CampaignCard), (text("活动"), CampaignCard),
        (text("我的"), MyOrdinal), (text("我是第几位"), MyOrdinal), (text("证书"), MyOrdinal), (text("人数"), LiveTotal),
        (text("有多少人敬礼"), LiveTotal), (text("你好"), Default), (text(""), Default), (of_kind("image"), Default),
        (of_kind("voice"), Default)])
    def test_a_message_reaches_its_entry(self, message, rule):
        assert reached(message) is rule


class TestWhatIsSaid:
    async def test_who_follows_is_known_and_gets_the_card(self, app, now):
        reply = await answer(event("subscribe"), context_of(app, now))
        [card] = reply.articles
        assert card.title == "欢迎您！一起向国旗敬礼" and card.url == f"http://here/c/{SLUG}?ch=follow"
        assert card.picture_url.startswith("http://here/static/")
        known = await app.services.citizens.identify(APPID, WANG.openid, None, now)
        await answer(event("subscribe"), context_of(app, now))
        assert await app.services.citizens.identify(APPID, WANG.openid, None, now) == known

    async def test_a_keyword_and_the_menu_lead_to_the_page_by_their_channel(self, app, now):
        said = await answer(text("敬礼"), context_of(app, now))
        tapped = await answer(event("click", "campaign"), context_of(app, now))
        assert (said.articles[0].url, tapped.articles[0].url) == (f"http://here/c/{SLUG}?ch=keyword", f"http://here/c/{SLUG}?ch=menu")

    async def test_who_has_not_saluted_is_led_to_the_page(self, app, now):
        reply = await answer(text("我的"), context_of(app, now))
        assert reply.articles[0].title == "您还没有敬礼，点这里参加：向国旗敬礼"

    async def test_who_has_is_told_her_ordinal_and_nobody_else_is(self, app, now):
        citizen = await app.services.citizens.identify(APPID, WANG.openid, None, now)
        header = {"Authorization": "Bearer " + app.services.tokens.issue(citizen, now)}
        done = await app.fetch(f"/api/v1/campaigns/{SLUG}/participations", "POST", b'{"activity":"salute","region":"350602"}', **header)
        assert done.code == 201
        assert "您是第 1 位参与者" in (await answer(text("我的"), context_of(app, now))).text
        assert (await answer(text("我的", LI), context_of(app, now))).kind == "news"
        assert "已有 1 人参与" in (await answer(text("人数"), context_of(app, now))).text

    async def test_the_open_campaign_is_meant_before_one_that_comes(self, app, now):
        await add_campaign(app.services, campaign(slug="spring", title="清明祭英烈", opens_at=int(now) + 3600), ("scheduled",))
        assert (await answer(text("活动"), context_of(app, now))).articles[0].title == "向国旗敬礼"
        await app.services.campaigns.transition(SLUG, "frozen", now)
        assert (await answer(text("活动"), context_of(app, now))).articles[0].title == "清明祭英烈"

    async def test_a_rehearsal_is_meant_by_nobody(self, app, now):
        await add_campaign(app.services, campaign(slug="rehearsal-1", title="演练", state="open", opens_at=int(now) - 1, rehearsal=True))
        current = await context_of(app, now).current()
        assert current is not None and current.slug == SLUG

    async def test_anything_else_gets_help(self, app, now):
        assert await answer(of_kind("image"), context_of(app, now)) == Reply("text", HELP)
