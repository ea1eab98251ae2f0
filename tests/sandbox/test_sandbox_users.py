"""Followers on the simulated platform: who may ask, lists by page, tags with their limits, the blacklist, openids after a move."""

from __future__ import annotations

import pytest

from server.sandbox import users
from tests.sandbox.sandbox_world import MINI, OFFICIAL, World

pytestmark = pytest.mark.gen_test(timeout=30)
APPID = OFFICIAL["appid"]


def opened(official):
    def fixture(io_loop, tmp_path):
        async def made():
            return World(tmp_path, official)

        found = io_loop.run_sync(made)
        yield found
        found.close()

    return pytest.fixture(fixture)


world = opened(None)
uncertified = opened({"kind": "subscription"})
certified_subscription = opened({"kind": "certified_subscription"})


async def call(world, path, body=None, account=OFFICIAL, **query):
    token = (await world.token(account))["access_token"]
    if body is None:
        return await world.asked(f"/cgi-bin/{path}", access_token=token, **query)
    return await world.told(f"/cgi-bin/{path}", body, access_token=token, **query)


async def follower(world):
    person = await world.citizen()
    await world.told("/sandbox/messages", {"openid": person["openid"], "event": "subscribe", "event_key": "qrscene_school-1"})
    return person["openid"]


async def tag_of(world, name="志愿者"):
    return (await call(world, "tags/create", {"tag": {"name": name}}))["tag"]["id"]


class TestPermissions:
    PATHS = (("user/info", None), ("user/get", None), ("user/info/batchget", {}), ("tags/get", None), ("tags/create", {}),
             ("tags/members/batchtagging", {}), ("tags/members/getblacklist", {}), ("user/info/updateremark", {}), ("changeopenid", {}))

    async def test_an_uncertified_account_may_nothing(self, uncertified):
        assert [(await call(uncertified, path, body))["errcode"] for path, body in self.PATHS] == [48001] * len(self.PATHS)

    async def test_a_certified_subscription_account_may(self, certified_subscription):
        assert (await call(certified_subscription, "user/get")) == {"total": 0, "count": 0, "next_openid": ""}

    async def test_a_mini_program_has_no_followers(self, world):
        assert (await call(world, "user/get", account=MINI))["errcode"] == 48001


class TestInformation:
    async def test_it_has_scene_tags_and_remark_and_no_nickname(self, world):
        openid, tag = await follower(world), await tag_of(world)
        await call(world, "tags/members/batchtagging", {"tagid": tag, "openid_list": [openid]})
        await call(world, "user/info/updateremark", {"openid": openid, "remark": "王老师"})
        info = await call(world, "user/info", openid=openid)
        assert (info["subscribe"], info["tagid_list"], info["remark"], info["qr_scene_str"], info["subscribe_scene"], info["nickname"]) == (
            1, [tag], "王老师", "school-1", "ADD_SCENE_QR_CODE", "")
        assert (await call(world, "user/info/batchget", {"user_list": [{"openid": openid}]})) == {"user_info_list": [info]}
        assert (await call(world, "tags/getidlist", {"openid": openid})) == {"tagid_list": [tag]}

    @pytest.mark.parametrize(("body", "errcode"), [
        ({}, 40032), ({"user_list": []}, 40032), ({"user_list": [{"openid": "x"}] * 101}, 40032), ({"user_list": [{"openid": "x"}]}, 40003),
        ({"user_list": [{}]}, 41009)])
    async def test_a_batch_that_is_wrong(self, world, body, errcode):
        assert (await call(world, "user/info/batchget", body))["errcode"] == errcode

    async def test_an_openid_of_another_account(self, world):
        person = await world.citizen()
        assert (await call(world, "user/info", openid=world.platform.store.openid(person["key"], MINI["appid"])))["errcode"] == 49003

    async def test_a_remark_that_is_too_long(self, world):
        assert (await call(world, "user/info/updateremark", {"openid": await follower(world), "remark": "长" * 31}))["errcode"] == 45001


class TestLists:
    async def test_each_page_goes_on_behind_the_last_one(self, world, monkeypatch):
        monkeypatch.setattr(users, "FOLLOWERS_A_PAGE", 2)
        openids = sorted([await follower(world) for _ in range(5)])
        seen, behind, counts = [], "", []
        while True:
            page = await call(world, "user/get", next_openid=behind)
            counts.append(page["count"])
            if not page["count"]:
                break
            seen, behind = seen + page["data"]["openid"], page["next_openid"]
        assert (seen, counts, page["total"]) == (openids, [2, 2, 1, 0], 5)

    async def test_who_left_is_not_listed_and_has_no_tag_any_more(self, world):
        openid, tag = await follower(world), await tag_of(world)
        await call(world, "tags/members/batchtagging", {"tagid": tag, "openid_list": [openid]})
        assert (await call(world, "user/tag/get", {"tagid": tag}))["data"] == {"openid": [openid]}
        await world.told("/sandbox/messages", {"openid": openid, "event": "unsubscribe"})
        assert (await call(world, "user/get"))["total"] == 0 == (await call(world, "user/tag/get", {"tagid": tag}))["count"]


class TestTags:
    async def test_they_are_counted_renamed_and_deleted(self, world):
        openid, tag = await follower(world), await tag_of(world)
        assert tag == 100
        await call(world, "tags/members/batchtagging", {"tagid": tag, "openid_list": [openid]})
        await call(world, "tags/update", {"tag": {"id": tag, "name": "巡访员"}})
        assert (await call(world, "tags/get"))["tags"][-1] == {"id": tag, "name": "巡访员", "count": 1}
        await call(world, "tags/members/batchuntagging", {"tagid": tag, "openid_list": [openid]})
        assert (await call(world, "tags/get"))["tags"][-1]["count"] == 0
        assert (await call(world, "tags/delete", {"tag": {"id": tag}}))["errcode"] == 0
        assert [one["id"] for one in (await call(world, "tags/get"))["tags"]] == [1, 2]

    async def test_a_hundred_and_no_more(self, world):
        assert {await tag_of(world, f"标签{n}") for n in range(100)} == set(range(100, 200))
        assert (await call(world, "tags/create", {"tag": {"name": "又一个"}}))["errcode"] == 45056

    @pytest.mark.parametrize(("path", "body", "errcode"), [
        ("tags/create", {"tag": {"name": "志愿者"}}, 45157), ("tags/create", {"tag": {"name": ""}}, 45157), ("tags/create", {}, 45157),
        ("tags/create", {"tag": {"name": "长" * 31}}, 45158), ("tags/update", {"tag": {"id": 2, "name": "x"}}, 45058),
        ("tags/update", {"tag": {"id": 999, "name": "x"}}, 45159), ("tags/update", {"tag": {"id": 101, "name": "志愿者"}}, 45157),
        ("tags/delete", {"tag": {"id": 0}}, 45058), ("tags/delete", {"tag": {"id": "100"}}, 45159), ("user/tag/get", {"tagid": 999}, 45159),
        ("tags/members/batchtagging", {"tagid": 100, "openid_list": []}, 40032),
        ("tags/members/batchtagging", {"tagid": 100, "openid_list": ["x"] * 51}, 40032),
        ("tags/members/batchtagging", {"tagid": 100, "openid_list": ["oNobody"]}, 40003),
        ("tags/members/batchtagging", {"tagid": 1, "openid_list": ["oNobody"]}, 45159)])
    async def test_what_is_refused(self, world, path, body, errcode):
        assert (await tag_of(world), await tag_of(world, "巡访员")) == (100, 101)
        assert (await call(world, path, body))["errcode"] == errcode

    async def test_twenty_on_a_person_and_of_many_either_all_or_none(self, world):
        full, other = await follower(world), await follower(world)
        for n in range(20):
            await call(world, "tags/members/batchtagging", {"tagid": await tag_of(world, f"标签{n}"), "openid_list": [full]})
        last = await tag_of(world, "又一个")
        assert (await call(world, "tags/members/batchtagging", {"tagid": last, "openid_list": [other, full]}))["errcode"] == 45059
        assert (await call(world, "user/info", openid=other))["tagid_list"] == []

    async def test_more_than_a_hundred_thousand_people_keep_a_tag(self, world, monkeypatch):
        monkeypatch.setattr(users, "MAX_PEOPLE_OF_DELETED", 1)
        tag = await tag_of(world)
        await call(world, "tags/members/batchtagging", {"tagid": tag, "openid_list": [await follower(world), await follower(world)]})
        assert (await call(world, "tags/delete", {"tag": {"id": tag}}))["errcode"] == 45057


class TestBlacklist:
    async def test_twenty_at_once_and_a_list_by_page(self, world, monkeypatch):
        monkeypatch.setattr(users, "BLACKLISTED_A_PAGE", 2)
        openids = sorted([await follower(world) for _ in range(3)])
        assert (await call(world, "tags/members/batchblacklist", {"openid_list": openids}))["errcode"] == 0
        first = await call(world, "tags/members/getblacklist", {"begin_openid": ""})
        second = await call(world, "tags/members/getblacklist", {"begin_openid": first["next_openid"]})
        assert (first["total"], first["data"]["openid"] + second["data"]["openid"]) == (3, openids)
        assert (await call(world, "tags/members/batchunblacklist", {"openid_list": openids}))["errcode"] == 0
        assert (await call(world, "tags/members/getblacklist", {}))["total"] == 0
        assert (await call(world, "tags/members/batchblacklist", {"openid_list": openids * 7}))["errcode"] == 40032


class TestMoves:
    async def test_only_moved_accounts_and_only_their_followers(self, world):
        person, stranger = await world.citizen(), await world.citizen()
        old, theirs = (world.platform.store.openid(one["key"], "wxold") for one in (person, stranger))
        world.platform.store.follow("wxold", person["key"], "", 1.0)
        assert (await call(world, "changeopenid", {"from_appid": "wxold", "openid_list": [old]}))["errcode"] == 63178
        world.platform.moved["gh_old", APPID] = "wxold"
        assert (await call(world, "changeopenid", {"from_appid": "gh_old", "openid_list": []}))["errcode"] == 63182
        assert (await call(world, "changeopenid", {"from_appid": "gh_old", "openid_list": [old] * 101}))["errcode"] == 40032
        assert (await call(world, "changeopenid", {"from_appid": "gh_old", "openid_list": [old, theirs]}))["result_list"] == [
            {"ori_openid": old, "new_openid": person["openid"], "err_msg": "ok"}, {"ori_openid": theirs, "err_msg": "ori_openid error"}]


async def test_a_menu_for_a_tag_is_matched_before_the_one_for_all(world):
    openid, other, tag = await follower(world), await follower(world), await tag_of(world)
    await call(world, "tags/members/batchtagging", {"tagid": tag, "openid_list": [openid]})
    assert (await call(world, "menu/trymatch", {"user_id": openid}))["errcode"] == 46003
    buttons = [[{"type": "click", "name": name, "key": "k"}] for name in ("大家", "志愿者")]
    await call(world, "menu/create", {"button": buttons[0]})
    await call(world, "menu/addconditional", {"button": buttons[1], "matchrule": {"tag_id": str(tag)}})
    assert [(await call(world, "menu/trymatch", {"user_id": one}))["button"] for one in (openid, other)] == buttons[::-1]


async def test_tags_survive_a_restart(world, tmp_path):
    tag = await tag_of(world)
    again = World(tmp_path)
    try:
        assert (await call(again, "tags/get"))["tags"][-1]["id"] == tag
    finally:
        again.close()
