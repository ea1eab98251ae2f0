"""Menus: versions are kept, published and rolled back; what WeChat holds is read back; the platform's limits are ours too."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from server.errors import InvalidBody
from server.menus import Button, Conditional, Entry, Layout, MenuBusy, MenuNotFound, Menus, MenuStore, check
from server.wechat.errors import NeverRetry
from tests.sandbox.sandbox_world import OFFICIAL
from tests.server.accounts_world import client_of

pytestmark = pytest.mark.gen_test(timeout=30)
NOW = 1_790_827_200.0
PAGE = Entry("活动页", "view", url="https://h5.example.cn/c/flag")
SALUTE = Button("向国旗敬礼", "view", url="https://h5.example.cn/c/flag")
MINE = Button("我的", buttons=(Entry("我是第几位", "click", key="mine"), Entry("现在多少人", "click", key="total")))
FLAG = Layout((SALUTE, MINE))
TWO_KINDS = Layout((SALUTE,), (Conditional((MINE,), tag_id="2"), Conditional((SALUTE, MINE), client_platform_type="1")))


@pytest.fixture
def client(io_loop, stores, sandbox):
    async def made():
        return client_of(OFFICIAL, sandbox.base, stores, lambda: NOW)

    found = io_loop.run_sync(made)
    yield found
    io_loop.run_sync(found.close)


@pytest.fixture
def menus(stores, client):
    return Menus(MenuStore(stores.mongo), client)


class TestVersions:
    async def test_each_keeping_is_a_version_and_none_is_shown_yet(self, menus):
        assert [(await menus.keep(layout, "bianji", NOW)).number for layout in (FLAG, TWO_KINDS)] == [1, 2]
        assert [(version.number, version.layout, version.published_at) for version in await menus.versions()] == [
            (2, TWO_KINDS, 0.0), (1, FLAG, 0.0)]
        assert await menus.held() == Layout(())

    async def test_two_editors_at_once_get_two_versions(self, menus):
        kept = await asyncio.gather(*(menus.keep(FLAG, f"e{n}", NOW) for n in range(4)))
        assert sorted(version.number for version in kept) == [1, 2, 3, 4]

    async def test_another_accounts_versions_are_not_seen(self, menus, stores, client):
        await menus.keep(FLAG, "bianji", NOW)
        client.appid = "wxanother"
        assert await menus.versions() == []
        with pytest.raises(MenuNotFound):
            await menus.differences(1)


class TestPublishing:
    @pytest.mark.parametrize("layout", [FLAG, TWO_KINDS])
    async def test_what_is_published_is_what_the_platform_holds(self, menus, layout):
        version = await menus.keep(layout, "bianji", NOW)
        assert (await menus.publish(version.number, "shenhe", NOW + 5)).published_at == NOW + 5
        assert await menus.held() == layout
        assert await menus.differences(version.number) == []

    async def test_an_older_one_can_be_published_again(self, menus):
        for layout in (TWO_KINDS, FLAG):
            await menus.publish((await menus.keep(layout, "bianji", NOW)).number, "shenhe", NOW)
        assert await menus.held() == FLAG
        await menus.publish(1, "shenhe", NOW + 9)
        assert await menus.held() == TWO_KINDS

    async def test_what_it_would_change_is_told_in_words(self, menus):
        await menus.publish((await menus.keep(FLAG, "bianji", NOW)).number, "shenhe", NOW)
        other = Layout((msgspec.structs.replace(SALUTE, name="敬礼"), msgspec.structs.replace(MINE, buttons=MINE.buttons[:1]), SALUTE),
                       (Conditional((SALUTE,), tag_id="2"),))
        await menus.keep(other, "bianji", NOW)
        assert await menus.differences(2) == [
            "全体 › 第 1 项：“向国旗敬礼”改为“敬礼”", "全体 › 第 2 项“我的” › 第 2 项：删除“现在多少人”，发送 key total",
            "全体 › 第 3 项：新增“向国旗敬礼”，打开网页 https://h5.example.cn/c/flag", "个性化菜单 1：新增",
            "个性化菜单 1 › 第 1 项：新增“向国旗敬礼”，打开网页 https://h5.example.cn/c/flag"]

    async def test_one_that_broke_off_can_be_asked_again_and_ends_the_same(self, menus, sandbox):
        await menus.publish((await menus.keep(TWO_KINDS, "bianji", NOW)).number, "shenhe", NOW)
        await menus.keep(Layout((MINE,), TWO_KINDS.conditional[::-1]), "bianji", NOW)
        await sandbox.told("/sandbox/faults", {"path": "/cgi-bin/menu/addconditional", "errcode": 48001, "times": 1})
        with pytest.raises(NeverRetry):
            await menus.publish(2, "shenhe", NOW)
        assert (await menus.versions())[0].published_at == 0.0
        await menus.publish(2, "shenhe", NOW)
        assert await menus.held() == Layout((MINE,), TWO_KINDS.conditional[::-1])

    async def test_two_at_once_leave_no_mixture(self, menus, stores, client):
        """Each in a process of its own; the second hears that it has to wait."""
        await menus.keep(Layout((SALUTE,), tuple(Conditional((MINE,), tag_id=str(n)) for n in (2, 3))), "bianji", NOW)
        await menus.keep(Layout((MINE,), tuple(Conditional((SALUTE,), tag_id=str(n)) for n in (4, 5))), "lisi", NOW)
        other = Menus(MenuStore(stores.mongo), client)
        done = await asyncio.gather(menus.publish(1, "shenhe", NOW), other.publish(2, "shenhe", NOW), return_exceptions=True)
        [refused] = [one for one in done if isinstance(one, Exception)]
        [shown] = [one for one in done if not isinstance(one, Exception)]
        assert isinstance(refused, MenuBusy) and refused.status == 409 and await menus.held() == shown.layout
        await other.publish(2, "shenhe", NOW)
        assert (await menus.held()).buttons == (MINE,)

    async def test_one_that_lost_its_turn_stops(self, menus, stores, client):
        await menus.keep(TWO_KINDS, "bianji", NOW)
        real = client.menu.create

        async def create(layout):
            await real(layout)  # and it takes so long that somebody else's turn began
            await stores.mongo["claims"].update_one({"_id": f"menu:{client.appid}"}, {"$set": {"owner": "another"}})

        client.menu.create = create
        with pytest.raises(MenuBusy):
            await menus.publish(1, "shenhe", NOW)
        assert (await menus.held()).conditional == () and (await menus.versions())[0].published_at == 0.0

    async def test_a_menu_that_somebody_made_by_hand_is_read_and_replaced(self, menus, client):
        await client.menu.create({"button": [{"type": "view", "name": "手工", "url": "https://a.cn", "sub_button": []}]})
        assert await menus.held() == Layout((Button("手工", "view", url="https://a.cn"),))
        await menus.publish((await menus.keep(FLAG, "bianji", NOW)).number, "shenhe", NOW)
        assert await menus.held() == FLAG


def sub(*buttons):
    return Layout((Button("菜单", buttons=buttons),))


WRONG = {
    "buttons": Layout(()), "buttons.0.name": Layout((Button("名字太长的菜单", "click", key="k"),)),
    "buttons.0.type": Layout((Button("甲"),)),
    "buttons.0.key": Layout((Button("甲", "click"),)), "buttons.0.url": Layout((Button("甲", "view"),)),
    "buttons.0.buttons.0.url": sub(Entry("甲", "view", url="javascript:x")),
    "buttons.0": sub(*[PAGE] * 6), "buttons.0.buttons.0.name": sub(Entry("长" * 21, "click", key="k")),
    "buttons.0.buttons.0.appid": sub(Entry("甲", "miniprogram", url="https://a.cn", pagepath="p")), "conditional.0": Layout(
        (SALUTE,), (Conditional((SALUTE,)),)), "conditional.0.buttons": Layout((SALUTE,), (Conditional((SALUTE,) * 4, tag_id="1"),)),
    "conditional": Layout((SALUTE,), (Conditional((SALUTE,), tag_id="1"),) * 21)}


class TestLimits:
    @pytest.mark.parametrize("field", WRONG)
    def test_what_the_platform_would_not_take_is_refused_where_it_stands(self, field):
        with pytest.raises(InvalidBody) as refusal:
            check(WRONG[field])
        assert refusal.value.field == field

    @pytest.mark.parametrize("layout", [FLAG, TWO_KINDS, Layout((SALUTE,) * 3), sub(*[PAGE] * 5)])
    def test_what_it_takes_is_taken(self, layout):
        check(layout)
