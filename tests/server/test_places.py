"""Places: what an import takes and refuses, initials, pages of units, and the index that a salute asks."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from server.errors import InvalidBody, NotFound
from server.places import UNITS_A_PAGE, Places, PlaceStore, initials
from tests.server.civic_world import REGIONS, UNITS, CivicWorld, campaign, without_mongodb

pytestmark = pytest.mark.gen_test(timeout=30)
ASSETS = Path(__file__).resolve().parents[2] / "assets" / "places"


@pytest.fixture
def world(io_loop, stores):
    return io_loop.run_sync(lambda: CivicWorld(stores).ready())


async def imported(world, current, regions: str | bytes = REGIONS, units: str | bytes = UNITS):
    return [await world.places.import_csv(current, kind, data, dry_run=False) for kind, data in (("regions", regions), ("units", units))]


class TestImport:
    async def test_regions_and_units_are_taken(self, world):
        current = await world.campaigns.create(campaign())
        done = await imported(world, current)
        assert done == [{"rows": 3, "errors": [], "imported": 3}, {"rows": 3, "errors": [], "imported": 3}]
        index = await world.places.of(await world.campaigns.get_any("flag"))
        assert index.views() == [
            {"code": "350602", "name": "芗城区", "initials": "xcq", "parent": "350600", "order": 1, "own": False},
            {"code": "350605", "name": "长泰区", "initials": "ctq", "parent": "350600", "order": 2, "own": False},
            {"code": "declined", "name": "不便选择", "initials": "bbxz", "parent": "", "order": 3, "own": True}]
        assert index.regions["350602"].population == 638060 and index.regions["350605"].population is None
        assert index.has_region("declined") and not index.has_region("350699")
        assert index.has_unit("350602", "school-1") and not index.has_unit("350605", "school-1") and not index.has_unit("350602", "")

    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
    @pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
    async def test_files_are_taken_as_people_save_them(self, world, encoding, ending):
        current = await world.campaigns.create(campaign())
        await imported(world, current, REGIONS.replace("\n", ending).encode(encoding), UNITS.replace("\n", ending).encode(encoding))
        index = await world.places.of(current)
        assert [index.regions[code].name for code in ("350602", "declined")] == ["芗城区", "不便选择"]
        assert index.units["school-1"].name == "实验小学"

    async def test_a_file_that_is_no_text_is_refused(self, world):
        current = await world.campaigns.create(campaign())
        with pytest.raises(InvalidBody) as refusal:
            await world.places.import_csv(current, "regions", b"code,name\n\xff\xff,\x81", dry_run=False)
        assert "编码" in refusal.value.message

    @pytest.mark.parametrize("data", ["", "code\n1\n", "代码,名称\n1,芗城区\n", 'code,name\n1,"芗城', "code,name\n1," + "长" * 200_000])
    async def test_a_file_without_the_columns_or_no_csv_is_refused(self, world, data):
        current = await world.campaigns.create(campaign())
        with pytest.raises(InvalidBody) as refusal:
            await world.places.import_csv(current, "regions", data, dry_run=False)
        assert refusal.value.field == "csv"

    async def test_another_kind_is_refused(self, world):
        with pytest.raises(InvalidBody) as refusal:
            await world.places.import_csv(await world.campaigns.create(campaign()), "streets", REGIONS, dry_run=False)
        assert refusal.value.field == "kind"

    @pytest.mark.parametrize(("row", "words"), [
        ("bad code,芗城区", "代码只能用"), (",芗城区", "代码只能用"), ("350602,", "名称不能为空"), ("350602," + "长" * 61, "最长 60 字"),
        ("350602,芗\u202e城", "控制字符"), ("350602,芗城区,region,,第一,", "整数"), ("350602,芗城区,region,,1,99999999999", "整数"),
        ("350602,芗城区,region,,1,-5", "整数"), ("350602,芗城区,city,,1,", "类别"), ("350602,芗城区,region,市 辖,1,", "上级代码"),
    ])
    async def test_a_faulty_row_is_named_and_nothing_is_imported(self, world, row, words):
        current = await world.campaigns.create(campaign())
        done = await world.places.import_csv(current, "regions", f"{REGIONS}{row}\n" if not row.startswith("350602") else
                                             f"code,name,kind,parent,order,population\n350603,龙文区,region,,1,\n{row}\n", dry_run=False)
        assert done["imported"] == 0 and len(done["errors"]) == 1
        assert done["errors"][0]["row"] == (5 if not row.startswith("350602") else 3) and words in done["errors"][0]["message"]
        assert (await world.places.of(current)).regions == {}

    async def test_a_code_that_comes_twice_is_named(self, world):
        current = await world.campaigns.create(campaign())
        done = await world.places.import_csv(current, "regions", REGIONS + "350602,又是芗城,,,,\n", dry_run=False)
        assert done["errors"] == [{"row": 5, "message": "代码 350602 重复"}]

    async def test_a_unit_of_an_unknown_region_is_named(self, world):
        current = await world.campaigns.create(campaign())
        done = (await imported(world, current, units=UNITS + "350699,school-9,无处小学\n"))[1]
        assert done["imported"] == 0 and done["errors"] == [{"row": 5, "message": "没有代码为 350699 的区县，请先导入区县"}]

    async def test_a_file_may_say_how_a_name_is_read(self, world):
        current = await world.campaigns.create(campaign())
        await imported(world, current, units="region,code,name,initials\n350602,s-1,重楼小学,clxx\n350602,s-2,第一小学,\n")
        index = await world.places.of(await world.campaigns.get_any("flag"))
        assert [index.units[code].initials for code in ("s-1", "s-2")] == ["clxx", "dyxx"]

    async def test_a_dry_run_changes_nothing(self, world):
        current = await world.campaigns.create(campaign())
        done = await world.places.import_csv(current, "regions", REGIONS, dry_run=True)
        assert done == {"rows": 3, "errors": [], "imported": 0}
        assert (await world.places.of(current)).regions == {}

    async def test_a_second_import_renames_and_adds_and_removes_nothing(self, world):
        current = await world.campaigns.create(campaign())
        await imported(world, current)
        more = "region,code,name\n350602,school-1,实验小学本部\n350602,school-9,新小学\n"
        await world.places.import_csv(current, "units", more, dry_run=False)
        index = await world.places.of(await world.campaigns.get_any("flag"))
        assert sorted(index.units) == ["school-1", "school-2", "school-3", "school-9"]
        assert index.units["school-1"].name == "实验小学本部"

    async def test_a_unit_moves_to_another_region_only_before_anybody_counted_there(self, world):
        moved = "region,code,name\n350605,school-1,实验小学\n"
        current = await world.campaigns.create(campaign())
        await imported(world, current)
        assert (await world.places.import_csv(current, "units", moved, dry_run=True))["errors"] == []
        current = await world.campaigns.transition("flag", "scheduled", current.opens_at)
        errors = (await world.places.import_csv(current, "units", moved, dry_run=False))["errors"]
        assert errors == [{"row": 2, "message": "school-1 已属于 350602，活动发布后不能改到 350605"}]

    async def test_the_demo_files_are_good(self, world):
        current = await world.campaigns.create(campaign())
        done = await imported(world, current, *[(ASSETS / name).read_bytes() for name in ("zhangzhou.csv", "zhangzhou-units.csv")])
        assert [part["errors"] for part in done] == [[], []]
        index = await world.places.of(current)
        assert {code for code in index.regions if code.isdigit()} == {
            "350602", "350603", "350604", "350605", "350622", "350623", "350624", "350626", "350627", "350628", "350629"}
        assert [region.name for region in index.regions.values() if region.own] == ["市直", "市外", "不便选择"]


@pytest.mark.parametrize(("name", "wanted"), [("芗城区", "xcq"), ("实验小学", "syxx"), ("市直", "sz"), ("第3中学A校区", "d3zxaxq"),
                                              ("厦门路小学", "xmlxx"), ("长泰区", "ctq"), ("长桥中心小学（东）", "cqzxxxd"), ("𠮷", "")])
def test_initials_are_what_people_type(name, wanted):
    assert initials(name) == wanted


class TestUnitsByPage:
    async def test_a_region_has_its_own_units_in_the_order_of_their_sound(self, world):
        current = await world.campaigns.create(campaign())
        await imported(world, current)
        page = await world.places.units_page(current, "350602", "")
        assert page == {"items": [{"code": "school-2", "name": "第一中学", "initials": "dyzx"},
                                  {"code": "school-1", "name": "实验小学", "initials": "syxx"}], "next": None}
        assert (await world.places.units_page(current, "declined", ""))["items"] == []

    async def test_pages_follow_one_another_without_gap_or_repeat(self, world):
        current = await world.campaigns.create(campaign())
        many = 2 * UNITS_A_PAGE + 7
        await imported(world, current, units="region,code,name\n" + "".join(f"350602,s-{n:03},第{n}小学\n" for n in range(many)))
        seen, cursor = [], ""
        while cursor is not None:
            page = await world.places.units_page(current, "350602", cursor)
            seen += [item["code"] for item in page["items"]]
            cursor = page["next"]
        assert len(seen) == len(set(seen)) == many

    async def test_an_unknown_region_is_refused(self, world):
        current = await world.campaigns.create(campaign())
        with pytest.raises(NotFound) as refusal:
            await world.places.units_page(current, "350602", "")
        assert refusal.value.code == "UNKNOWN_REGION"


class TestIndex:
    async def test_other_processes_learn_of_an_import_by_the_campaign_s_revision(self, world):
        current = await world.campaigns.create(campaign())
        other = Places(PlaceStore(world.stores.mongo), world.campaigns.touch)
        assert (await other.of(current)).regions == {}
        await imported(world, current)
        assert (await other.of(current)).regions == {}
        newer = await world.campaigns.get_any("flag")
        assert newer.rev > current.rev
        assert len((await other.of(newer)).regions) == 3

    async def test_the_first_people_of_a_process_share_one_reading(self, world):
        current = await world.campaigns.create(campaign())
        await imported(world, current)
        store = PlaceStore(world.stores.mongo)
        reads, read = [], store.index
        store.index = lambda slug: reads.append(slug) or read(slug)
        other = Places(store, world.campaigns.touch)
        found = await asyncio.gather(*(other.of(current) for _ in range(500)))
        assert reads == ["flag"] and all(len(index.units) == 3 for index in found)

    async def test_without_mongodb_the_last_known_index_is_served(self, world):
        current = await world.campaigns.create(campaign())
        await imported(world, current)
        await world.places.of(current)
        newer = await world.campaigns.get_any("flag")
        async with without_mongodb(world.stores.mongo["regions"]):
            assert len((await world.places.of(newer)).regions) == 3

    async def test_a_mongodb_that_hangs_holds_nobody_up(self, world):
        current = await world.campaigns.create(campaign())
        await imported(world, current)
        await world.places.of(current)
        world.places._store.index = lambda slug: asyncio.sleep(60)
        async with asyncio.timeout(3):
            assert len((await world.places.of(await world.campaigns.get_any("flag"))).regions) == 3
