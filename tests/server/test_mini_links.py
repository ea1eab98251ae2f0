"""Links into the mini-program: of three kinds, bounded in time, the same again while they last, refusals in words."""

from __future__ import annotations

import asyncio

import pytest

from server import mini_links
from server.errors import Conflict, InvalidBody
from server.mini_links import MAX_DAYS, MiniLinks, MiniLinkStore
from server.mini_pages import Target
from server.wechat.errors import PlatformUnreachable, QuotaSpent, RateLimited
from tests.server.mini_world import NOW, MiniWorld

pytestmark = pytest.mark.gen_test(timeout=60)
PATHS = {"url_link": "/wxa/generate_urllink", "url_scheme": "/wxa/generatescheme", "short_link": "/wxa/genwxashortlink"}
BEGINNINGS = {"url_link": "https://wxaurl.cn/", "url_scheme": "weixin://dl/business/?t=", "short_link": "#小程序://"}
FLAG = Target("pages/campaign/campaign", {"slug": "salute-the-flag", "from": "短信"})
DAY = 86400.0


@pytest.fixture
def world(io_loop, stores, tmp_path):
    async def opened():
        return await MiniWorld(stores, tmp_path).open()

    made = io_loop.run_sync(opened)
    yield made
    io_loop.run_sync(made.close)


class TestMaking:
    @pytest.mark.parametrize("kind", PATHS)
    async def test_it_is_made_and_kept_with_its_end_and_who_asked(self, world, kind):
        link, new = await world.links.get(kind, FLAG, "国庆短信", "bianji", world.now)
        assert new and link.url.startswith(BEGINNINGS[kind])
        assert (link.kind, link.target, link.name, link.by, link.made_at, link.expires_at) == (
            kind, FLAG, "国庆短信", "bianji", NOW, NOW + 30 * DAY)
        assert await world.links.all() == [link]

    @pytest.mark.parametrize("kind", PATHS)
    async def test_the_same_target_gives_the_same_while_it_lasts_a_day_more(self, world, kind):
        first, _ = await world.links.get(kind, FLAG, "国庆短信", "bianji", world.now)
        again = Target(FLAG.page, dict(reversed(FLAG.query.items())))
        assert await world.links.get(kind, again, "另一个名称", "another", NOW + 29 * DAY - 1) == (first, False)
        later, new = await world.links.get(kind, FLAG, "国庆短信", "another", NOW + 29 * DAY)
        assert new and later.url != first.url and later.by == "another"
        assert await world.links.all() == [later]

    async def test_two_processes_at_once_make_one(self, world, stores):
        asked, real = [], world.client.call

        async def call(method, path, *args, **kwargs):
            asked.append(path)
            return await real(method, path, *args, **kwargs)

        world.client.call = call
        other = MiniLinks(MiniLinkStore(stores.mongo), world.client)
        (first, _), (second, _) = await asyncio.gather(*(links.get("url_link", FLAG, "x", "bianji", NOW) for links in (world.links, other)))
        assert first == second and len(asked) == 1

    async def test_other_pages_parameters_kinds_and_versions_have_their_own(self, world):
        others = [("url_link", FLAG, "release"), ("url_scheme", FLAG, "release"), ("url_link", Target(FLAG.page), "release"),
                  ("url_link", Target("pages/index/index", FLAG.query), "release"), ("url_link", FLAG, "trial")]
        made = [(await world.links.get(kind, target, "x", "bianji", world.now, env_version=version))[0] for kind, target, version in others]
        assert len({link.url for link in made}) == len(others) == len(await world.links.all())

    async def test_a_shorter_one_ends_sooner(self, world):
        link, _ = await world.links.get("url_link", FLAG, "x", "bianji", world.now, days=2)
        assert link.expires_at == NOW + 2 * DAY
        assert (await world.links.get("url_link", FLAG, "x", "bianji", NOW + DAY, days=2))[1]

    async def test_a_full_list_lets_go_of_what_has_ended(self, world, monkeypatch):
        monkeypatch.setattr(mini_links, "MAX_LINKS", 2)
        for page in ("a", "b"):
            await world.links.get("url_link", Target(f"pages/{page}/{page}"), page, "bianji", world.now, days=3)
        with pytest.raises(Conflict) as refusal:
            await world.links.get("url_link", FLAG, "x", "bianji", NOW + DAY)
        assert refusal.value.code == "TOO_MANY_MINI_LINKS"
        await world.links.get("url_link", FLAG, "x", "bianji", NOW + 3 * DAY)
        assert [link.name for link in await world.links.all()] == ["x"]


class TestRefusals:
    @pytest.mark.parametrize("kind", PATHS)
    async def test_a_page_that_is_not_published_is_named(self, world, kind):
        with pytest.raises(InvalidBody) as refusal:
            await world.links.get(kind, Target("nowhere"), "x", "bianji", world.now)
        assert (refusal.value.code, refusal.value.field) == ("PAGE_NOT_PUBLISHED", "page")
        assert await world.links.all() == []

    @pytest.mark.parametrize(("kind", "errcode", "code"), [
        ("url_link", 85079, "MINI_PROGRAM_NOT_RELEASED"), ("url_scheme", 85079, "MINI_PROGRAM_NOT_RELEASED"),
        ("short_link", 43104, "SHORT_LINK_NOT_ALLOWED")])
    async def test_what_the_account_may_not_is_said(self, world, kind, errcode, code):
        await world.fault(PATHS[kind], errcode=errcode)
        with pytest.raises(Conflict) as refusal:
            await world.links.get(kind, FLAG, "x", "bianji", world.now)
        assert refusal.value.code == code

    async def test_too_fast_waits_and_a_spent_quota_ends_for_the_day(self, world):
        await world.fault(PATHS["url_link"], errcode=44990)
        with pytest.raises(RateLimited):
            await world.links.get("url_link", FLAG, "x", "bianji", world.now)
        await world.fault(PATHS["url_link"], errcode=45009)
        for _ in range(2):  # the second is not asked of the platform any more
            with pytest.raises(QuotaSpent):
                await world.links.get("url_link", FLAG, "x", "bianji", world.now)

    async def test_no_answer_keeps_the_link_before(self, world):
        first, _ = await world.links.get("url_link", FLAG, "x", "bianji", world.now)
        await world.fault(PATHS["url_link"], status=500)
        with pytest.raises(PlatformUnreachable):
            await world.links.get("url_link", FLAG, "x", "bianji", NOW + 30 * DAY)
        assert await world.links.all() == [first]

    async def test_an_answer_without_a_link_is_none(self, world, monkeypatch):
        async def nothing(method, path, body, **options):
            return {"errcode": 0}

        monkeypatch.setattr(world.client, "call", nothing)
        with pytest.raises(PlatformUnreachable):
            await world.links.get("url_link", FLAG, "x", "bianji", world.now)

    @pytest.mark.parametrize(("kind", "target", "options", "field"), [
        ("url_link", Target("/pages/index/index"), {}, "page"), ("url_link", Target("pages/index/index?x=1"), {}, "page"),
        ("url_link", Target("p", {"q": "字" * 120}), {}, "query"), ("url_link", FLAG, {"days": 0}, "days"),
        ("url_link", FLAG, {"days": MAX_DAYS + 1}, "days"), ("short_link", FLAG, {"days": 7}, "days"),
        ("short_link", FLAG, {"env_version": "trial"}, "env_version")])
    async def test_what_the_platform_would_not_take_is_refused_where_it_stands(self, world, kind, target, options, field):
        with pytest.raises(InvalidBody) as refusal:
            await world.links.get(kind, target, "x", "bianji", world.now, **options)
        assert refusal.value.field == field
