"""Tags, blacklist and remarks: the platform's limits are told in words, people are named by number, and lists go on page by page."""

from __future__ import annotations

import asyncio

import pytest

from server.errors import InvalidBody
from server.followers import BLACKLIST, FollowerNotFound
from server.followers import service as service_module
from server.followers.record import MAX_CITIZENS, TagReserved
from server.menus import Button, Conditional, Layout, Menus, MenuStore
from server.wechat.errors import NotPermitted, TagRefused, TagTooLarge, TagUnknown, TooManyTags, TooManyTagsOfOne
from tests.server.followers.world import APPID, NOW, event

pytestmark = pytest.mark.gen_test(timeout=90)


async def openid_of(process, number):
    return await process.citizens.openid_of(number, APPID)


class Gate:
    """Lets the first call of a platform's method wait with its answer in hand."""

    def __init__(self, owner, name):
        self.answered, self.opened, self._real = asyncio.Event(), asyncio.Event(), getattr(owner, name)
        setattr(owner, name, self.call)

    async def call(self, *args):
        made = await self._real(*args)
        if not self.answered.is_set():
            self.answered.set()
            await self.opened.wait()
        return made


class TestMeanwhile:
    @pytest.mark.parametrize("which", [0, -1])
    @pytest.mark.parametrize("kind", ["tag", "blacklist"])
    async def test_who_has_herself_deleted_while_others_are_tagged_is_not_kept(self, world, which, kind):
        """One of the batch that is on its way, and one of a later batch."""
        process = world.process()
        numbers = await world.people(process, 52 if kind == "tag" else 22)
        gate = Gate(process.client.tag, "tag_user" if kind == "tag" else "batch_black_list")
        tag = (await process.followers.create_tag("志愿者")).id if kind == "tag" else BLACKLIST
        work = asyncio.create_task(process.followers.change_tag(tag, numbers, []) if kind == "tag" else
                                   process.followers.change_blacklist(numbers, [], NOW))
        await gate.answered.wait()
        gone = numbers[which]
        await process.citizens.delete(gone, NOW + 1)
        await process.citizens.finish_deletions(NOW + 7)
        gate.opened.set()
        changed = await work
        assert changed.unknown == ((gone,) if which else ())
        assert {one["citizen"] for one in await world.documents("follower_tags")} == set(numbers) - {gone}

    async def test_who_leaves_while_she_is_tagged_keeps_no_tag(self, world):
        process = world.process()
        numbers = await world.people(process, 2)
        tag, gate = await process.followers.create_tag("志愿者"), Gate(process.client.tag, "tag_user")
        work = asyncio.create_task(process.followers.change_tag(tag.id, numbers, []))
        await gate.answered.wait()
        await process.events.left(event("unsubscribe", await openid_of(process, numbers[0]), NOW + 1), NOW + 1)
        gate.opened.set()
        await work
        assert await process.store.tags_of(APPID, numbers) == {numbers[0]: [], numbers[1]: [tag.id]}

    @pytest.mark.parametrize("deleted", [False, True])
    async def test_who_leaves_while_she_gets_a_remark_has_none(self, world, deleted):
        process = world.process()
        [number] = await world.people(process, 1)
        openid, gate = await openid_of(process, number), Gate(process.client.user, "update_remark")
        work = asyncio.create_task(process.followers.set_remark(number, "王女士"))
        await gate.answered.wait()
        if deleted:
            await process.citizens.delete(number, NOW + 1)
        else:
            await process.events.left(event("unsubscribe", openid, NOW + 1), NOW + 1)
        gate.opened.set()
        with pytest.raises(FollowerNotFound):
            await work
        assert all("remark" not in one for one in await world.documents())


class TestTags:
    async def test_they_are_made_renamed_listed_and_deleted(self, world):
        followers = world.process().followers
        made = await followers.create_tag(" 志愿者 ")
        await followers.rename_tag(made.id, "文明志愿者")
        assert [(tag.id, tag.name) for tag in await followers.tags()] == [(1, "屏蔽组"), (2, "星标组"), (made.id, "文明志愿者")]
        await followers.delete_tag(made.id)
        assert [tag.id for tag in await followers.tags()] == [1, 2]

    async def test_a_tag_is_given_and_taken_and_the_platform_says_the_same(self, world):
        process = world.process()
        tag, numbers = await process.followers.create_tag("志愿者"), await world.people(process, 3)
        assert (await process.followers.change_tag(tag.id, numbers, [])).changed == 3
        assert (await process.followers.change_tag(tag.id, [], numbers[:1])).changed == 1
        shown, behind = await process.followers.page(tag=tag.id)
        assert ([one.citizen for one in shown], behind) == (numbers[1:], None)
        assert [tag.count for tag in await process.followers.tags()] == [0, 0, 2]
        for number, has in zip(numbers, (False, True, True), strict=True):
            info = await process.client.user.get(await openid_of(process, number))
            assert (tag.id in info["tagid_list"]) is has

    async def test_many_go_in_the_platforms_batches_of_fifty(self, world):
        process = world.process()
        tag, numbers = await process.followers.create_tag("志愿者"), await world.people(process, 51)
        assert (await process.followers.change_tag(tag.id, numbers, [])).changed == 51
        assert (await process.followers.tags())[-1].count == 51

    async def test_who_is_not_known_in_the_account_is_named_and_stops_nobody(self, world):
        process = world.process()
        tag, [number] = await process.followers.create_tag("志愿者"), await world.people(process, 1)
        changed = await process.followers.change_tag(tag.id, [number, 777_777], [])
        assert (changed.changed, changed.unknown) == (1, (777_777,))

    async def test_a_deleted_tag_is_nobodys(self, world):
        process = world.process()
        tag, numbers = await process.followers.create_tag("志愿者"), await world.people(process, 2)
        await process.followers.change_tag(tag.id, numbers, [])
        await process.followers.delete_tag(tag.id)
        assert await process.store.tags_of(APPID, numbers) == {number: [] for number in numbers}

    async def test_a_menu_for_a_tag_is_seen_by_those_who_have_it(self, world, stores):
        process = world.process()
        tag, numbers = await process.followers.create_tag("志愿者"), await world.people(process, 2)
        await process.followers.change_tag(tag.id, numbers[:1], [])
        menus = Menus(MenuStore(stores.mongo), process.client)
        everybodys, theirs = (Button(name, "click", key="k") for name in ("大家", "志愿者"))
        kept = await menus.keep(Layout((everybodys,), (Conditional((theirs,), tag_id=str(tag.id)),)), "bianji", NOW)
        await menus.publish(kept.number, "bianji", NOW)
        seen = [await process.client.menu.try_match(await openid_of(process, number)) for number in numbers]
        assert [menu["button"][0]["name"] for menu in seen] == ["志愿者", "大家"]


class TestLimits:
    async def test_a_hundred_and_no_more(self, world):
        followers = world.process().followers
        for n in range(100):
            world.sandbox.platform.store.add_tag(APPID, 100 + n, f"标签{n}")
        with pytest.raises(TooManyTags):
            await followers.create_tag("又一个")

    async def test_twenty_on_one_person_and_no_more(self, world):
        process = world.process()
        [number] = await world.people(process, 1)
        for n in range(21):
            world.sandbox.platform.store.add_tag(APPID, 100 + n, f"标签{n}")
        for n in range(20):
            await process.followers.change_tag(100 + n, [number], [])
        with pytest.raises(TooManyTagsOfOne):
            await process.followers.change_tag(120, [number], [])
        assert len((await process.store.tags_of(APPID, [number]))[number]) == 20

    @pytest.mark.parametrize("name", ["", "  ", "长" * 31, "换\n行"])
    async def test_a_name_that_the_platform_would_not_take(self, world, name):
        followers = world.process().followers
        for asked in (followers.create_tag(name), followers.rename_tag(100, name)):
            with pytest.raises(InvalidBody):
                await asked

    async def test_a_name_that_is_taken(self, world):
        followers = world.process().followers
        await followers.create_tag("长" * 30)
        with pytest.raises(TagRefused):
            await followers.create_tag("长" * 30)

    @pytest.mark.parametrize("tag", [0, 1, 2])
    async def test_the_reserved_ones_are_not_changed(self, world, tag):
        followers = world.process().followers
        for asked in (followers.rename_tag(tag, "新名"), followers.delete_tag(tag)):
            with pytest.raises(TagReserved):
                await asked

    async def test_nobody_is_given_the_blacklist_as_a_tag_but_a_star(self, world):
        process = world.process()
        [number] = await world.people(process, 1)
        with pytest.raises(TagReserved):
            await process.followers.change_tag(BLACKLIST, [number], [])
        assert (await process.followers.change_tag(2, [number], [])).changed == 1

    async def test_one_that_nobody_made_or_that_too_many_have(self, world):
        process = world.process()
        [number] = await world.people(process, 1)
        with pytest.raises(TagUnknown):
            await process.followers.change_tag(999, [number], [])
        tag = await process.followers.create_tag("志愿者")
        await world.fault("/cgi-bin/tags/delete", 45057)
        with pytest.raises(TagTooLarge):
            await process.followers.delete_tag(tag.id)

    async def test_too_many_at_once_or_both_ways(self, world):
        followers = world.process().followers
        for add, remove in ((list(range(1, MAX_CITIZENS + 2)), []), ([1], [1])):
            with pytest.raises(InvalidBody):
                await followers.change_tag(2, add, remove)

    async def test_an_uncertified_account_may_do_none_of_it(self, uncertified):
        followers = uncertified.process().followers
        for asked in (followers.tags(), followers.create_tag("志愿者"), followers.delete_tag(100)):
            with pytest.raises(NotPermitted):
                await asked


class TestBlacklist:
    async def test_it_is_filled_and_emptied_in_the_platforms_batches_of_twenty(self, world):
        process = world.process()
        numbers = await world.people(process, 21)
        assert (await process.followers.change_blacklist(numbers, [], NOW)).changed == 21
        assert (await process.client.tag.get_black_list())["total"] == 21
        assert (await process.followers.change_blacklist([], numbers[1:], NOW)).changed == 20
        assert [one.citizen for one in (await process.followers.page(tag=BLACKLIST))[0]] == numbers[:1]
        assert (await process.client.tag.get_black_list())["total"] == 1

    async def test_a_profile_takes_nobody_off_it(self, world):
        process = world.process()
        [number] = await world.people(process, 1)
        await process.followers.change_blacklist([number], [], NOW)
        world.sandbox.platform.store.tag(APPID, BLACKLIST, "nobody", True)
        await process.followers.profiles.tick(NOW)
        assert (await process.store.tags_of(APPID, [number]))[number] == [BLACKLIST]


class TestPeople:
    async def test_lists_go_on_page_by_page_and_name_each_once(self, world, monkeypatch):
        process = world.process()
        monkeypatch.setattr(service_module, "PAGE_PEOPLE", 2)
        tag, numbers = await process.followers.create_tag("志愿者"), await world.people(process, 5)
        await process.followers.change_tag(tag.id, numbers, [])
        for wanted in (None, tag.id):
            after, seen = 0, []
            while after is not None:
                shown, after = await process.followers.page(after, wanted)
                seen += [one.citizen for one in shown]
            assert seen == numbers

    async def test_a_remark_is_set_on_the_platform_sealed_here_and_taken_away(self, world):
        process = world.process()
        [number] = await world.people(process, 1)
        await process.followers.set_remark(number, "王老师")
        assert (await process.followers.one(number))[1] == "王老师" and "王老师".encode() not in await world.everything()
        assert (await process.client.user.get(await openid_of(process, number)))["remark"] == "王老师"
        await process.followers.set_remark(number, "")
        assert (await process.followers.one(number))[1] == ""

    async def test_nobodys_remark_and_one_that_is_too_long(self, world):
        process = world.process()
        [number] = await world.people(process, 1)
        for citizen, remark, refusal in ((777_777, "x", FollowerNotFound), (number, "长" * 31, InvalidBody)):
            with pytest.raises(refusal):
                await process.followers.set_remark(citizen, remark)
        with pytest.raises(FollowerNotFound):
            await process.followers.one(777_777)
