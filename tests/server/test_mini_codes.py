"""Codes of the mini-program: a short scene stands for a page and long parameters, a picture is asked for once, refusals are in words."""

from __future__ import annotations

import asyncio
import io

import pytest
import zxingcpp
from PIL import Image

from server.errors import Conflict, InvalidBody
from server.mini_codes import LOOK_EVERY_SECONDS, MiniCodeNotFound, MiniCodes, MiniCodeStore, made_scene
from server.mini_pages import Target
from server.wechat.errors import NeverRetry, PlatformUnreachable, RateLimited
from tests.sandbox.sandbox_world import MINI
from tests.server.civic_world import without_mongodb
from tests.server.mini_world import NOW, MiniWorld

pytestmark = pytest.mark.gen_test(timeout=60)
PICTURE = "/wxa/getwxacodeunlimit"
FLAG = Target("pages/campaign/campaign", {"slug": "salute-the-flag", "unit": "实验小学三年级二班", "channel": "poster"})

HOME = Target("pages/index/index", {"a": "1"})


@pytest.fixture
def world(io_loop, stores, tmp_path):
    async def opened():
        return await MiniWorld(stores, tmp_path).open()

    made = io_loop.run_sync(opened)
    yield made
    io_loop.run_sync(made.close)


def read(picture):
    image = Image.open(io.BytesIO(picture))
    return image.format, image.size, [code.text for code in zxingcpp.read_barcodes(image.convert("L"))]


class TestMaking:
    async def test_parameters_of_any_length_fit_behind_a_short_scene(self, world):
        code = await world.codes.make(FLAG, "中山公园海报", "bianji", world.now)
        assert (code.target, code.name, code.by, code.made_at) == (FLAG, "中山公园海报", "bianji", NOW)
        assert 0 < len(code.scene) <= 32 < len(FLAG.query_text)
        assert read(await world.codes.picture(code.scene, "release", 430)) == (
            "JPEG", (430, 430), [f"sandbox://{MINI['appid']}/{FLAG.page}?scene={code.scene}"])
        assert await world.codes.resolve(code.scene, NOW) == FLAG

    async def test_each_picture_is_asked_of_the_platform_once(self, world, stores):
        code = await world.codes.make(FLAG, "海报", "bianji", world.now)
        first = await world.codes.picture(code.scene, "release", 430)
        await world.sandbox.told("/sandbox/faults", {"path": PICTURE, "errcode": 48001, "times": 9})
        other = MiniCodes(MiniCodeStore(stores.mongo), world.client)  # another process
        assert await world.codes.make(FLAG, "海报", "another", world.now) == code
        assert await other.picture(code.scene, "release", 430) == first
        with pytest.raises(NeverRetry):
            await other.picture(code.scene, "release", 860)
        await world.sandbox.told("/sandbox/faults", {"clear": True})
        assert read(await other.picture(code.scene, "trial", 860))[1] == (860, 860)

    async def test_two_editors_at_once_make_one_code(self, world):
        made = await asyncio.gather(*(world.codes.make(FLAG, "海报", f"e{n}", world.now) for n in range(4)))
        assert len({code.scene for code in made}) == 1 == len(await world.codes.all())

    async def test_the_picture_leads_where_the_record_says_after_a_kill_in_between(self, world, stores):
        class Dying(MiniCodeStore):
            async def add(self, code):
                raise OSError("killed here")

        with pytest.raises(OSError, match="killed"):
            await MiniCodes(Dying(stores.mongo), world.client).make(FLAG, "海报", "bianji", world.now, scene="gate")
        await world.codes.make(HOME, "大门", "lisi", world.now, scene="gate")
        assert read(await world.codes.picture("gate", "release", 430))[2] == [f"sandbox://{MINI['appid']}/{HOME.page}?scene=gate"]

    async def test_of_two_pages_at_once_the_picture_is_that_of_the_record(self, world, stores):
        real, both = world.client.download, asyncio.Barrier(2)

        async def download(path, body):
            made = await real(path, body)
            await both.wait()
            return made

        world.client.download = download
        other = MiniCodes(MiniCodeStore(stores.mongo), world.client)
        done = await asyncio.gather(world.codes.make(FLAG, "海报", "bianji", NOW, scene="gate"),
                                    other.make(HOME, "大门", "lisi", NOW, scene="gate"), return_exceptions=True)
        [refused] = [one for one in done if isinstance(one, Exception)]
        world.client.download = real
        kept = await world.codes.find("gate")
        assert isinstance(refused, Conflict) and refused.code == "SCENE_TAKEN"
        assert read(await world.codes.picture("gate", "release", 430))[2] == [f"sandbox://{MINI['appid']}/{kept.target.page}?scene=gate"]

    async def test_another_place_is_another_scene_and_the_order_of_parameters_is_none(self):
        turned = Target(FLAG.page, dict(reversed(FLAG.query.items())))
        assert made_scene(FLAG, "海报") == made_scene(turned, " 海报 ") != made_scene(FLAG, "横幅")

    async def test_a_scene_of_ones_own_stays_with_its_target(self, world):
        assert (await world.codes.make(FLAG, "海报", "bianji", world.now, scene="park~1")).scene == "park~1"
        assert (await world.codes.make(FLAG, "海报", "bianji", world.now, scene="park~1")).scene == "park~1"
        with pytest.raises(Conflict) as refusal:
            await world.codes.make(Target(FLAG.page), "海报", "bianji", world.now, scene="park~1")
        assert refusal.value.code == "SCENE_TAKEN"

    async def test_a_page_of_a_trial_need_not_be_in_the_release_yet(self, world):
        with pytest.raises(InvalidBody) as refusal:
            await world.codes.make(Target("coming/soon"), "试用", "bianji", world.now)
        assert (refusal.value.code, refusal.value.field) == ("PAGE_NOT_PUBLISHED", "page")
        assert await world.codes.all() == []
        made = await world.codes.make(Target("coming/soon"), "试用", "bianji", world.now, env_version="trial")
        assert await world.codes.all() == [made]

    async def test_many_in_a_minute_have_to_wait_a_minute_not_a_day(self, world):
        await world.fault(PICTURE, errcode=45009)
        with pytest.raises(RateLimited):
            await world.codes.make(FLAG, "海报", "bianji", world.now)
        await world.codes.make(FLAG, "海报", "bianji", world.now)

    async def test_an_answer_that_is_no_picture_is_not_kept(self, world, monkeypatch):
        async def page_of_a_proxy(path, body):
            return b"<html>"

        monkeypatch.setattr(world.client, "download", page_of_a_proxy)
        with pytest.raises(PlatformUnreachable):
            await world.codes.make(FLAG, "海报", "bianji", world.now)


@pytest.mark.parametrize(("target", "name", "options", "field"), [
    (Target("/pages/index/index"), "x", {}, "page"), (Target("pages/index/index?a=1"), "x", {}, "page"), (Target(""), "x", {}, "page"),
    (Target("p" * 129), "x", {}, "page"), (Target("pages//index"), "x", {}, "page"), (Target("pages/首页"), "x", {}, "page"),
    (Target("p", {"": "x"}), "x", {}, "query"), (Target("p", {"a.b": "x"}), "x", {}, "query"),
    (Target("p", {"$set": "x"}), "x", {}, "query"),
    (Target("p", {"a": "x" * 1024}), "x", {}, "query"), (Target("p", {"a": "\x00"}), "x", {}, "query"),
    (Target("p", {"scancode_time": "1"}), "x", {}, "query"), (Target("p", {"a": "\ud800"}), "x", {}, "query"),
    (FLAG, " ", {}, "name"), (FLAG, "长" * 65, {}, "name"),
    (FLAG, "x", {"scene": "s" * 33}, "scene"), (FLAG, "x", {"scene": "50%"}, "scene"), (FLAG, "x", {"scene": "场景"}, "scene"),
    (FLAG, "x", {"width": 279}, "width"), (FLAG, "x", {"width": 1281}, "width"), (FLAG, "x", {"width": 0}, "width")])
async def test_what_the_platform_would_not_take_is_refused_where_it_stands(world, target, name, options, field):
    with pytest.raises(InvalidBody) as refusal:
        await world.codes.make(target, name, "bianji", world.now, **options)
    assert refusal.value.field == field


class TestResolving:
    async def test_an_unknown_scene_leads_nowhere(self, world):
        with pytest.raises(MiniCodeNotFound):
            await world.codes.resolve("nobody", NOW)
        with pytest.raises(MiniCodeNotFound):
            await world.codes.picture("nobody", "release", 430)

    async def test_made_up_scenes_cost_one_look_in_a_while_however_many_come(self, world, stores):
        code = await world.codes.make(FLAG, "海报", "bianji", world.now)
        other = MiniCodes(MiniCodeStore(stores.mongo), world.client)
        looks, real = [], other._store.all

        async def looked(appid):
            looks.append(appid)
            return await real(appid)

        other._store.all = looked
        found = await asyncio.gather(*(other.resolve(f"x{n}", NOW) for n in range(50)), other.resolve(code.scene, NOW),
                                     return_exceptions=True)
        assert len(looks) == 1 and found[-1] == FLAG and all(isinstance(one, MiniCodeNotFound) for one in found[:-1])
        await world.codes.make(HOME, "大门", "lisi", NOW, scene="gate")
        with pytest.raises(MiniCodeNotFound):
            await other.resolve("gate", NOW + LOOK_EVERY_SECONDS - 1)
        assert await other.resolve("gate", NOW + LOOK_EVERY_SECONDS) == HOME and len(looks) == 2

    async def test_one_that_was_seen_is_resolved_without_mongodb(self, world, stores):
        code = await world.codes.make(FLAG, "海报", "bianji", world.now)
        await world.codes.resolve(code.scene, NOW)
        async with without_mongodb(stores.mongo["mini_codes"]):
            assert await world.codes.resolve(code.scene, NOW) == FLAG

    async def test_each_mini_program_has_its_own(self, world):
        code = await world.codes.make(FLAG, "海报", "bianji", world.now)
        world.client.appid = "wxanother"
        assert await world.codes.all() == []
        with pytest.raises(MiniCodeNotFound):
            await world.codes.find(code.scene)
