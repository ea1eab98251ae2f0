"""Places from files under column names of their own: what is found, what is wrong by row and column, and that nothing is half-imported."""

from __future__ import annotations

import io
from typing import Any

import openpyxl
import pytest

from server.errors import InvalidBody
from server.place_files import PlaceFiles, mapped
from server.spreadsheets.workers import Workers
from tests.command_listener import LOOKING
from tests.server.civic_world import CivicWorld, campaign

pytestmark = pytest.mark.gen_test(timeout=60)
REGIONS = [["行政区划代码", "区县", "人口", "类别"], [350602, "芗城区", 638060, "行政区"], [350605, "长泰区", None, "行政区"],
           ["declined", "不便选择", None, "自设"]]
UNITS = [["序号", "学校标识码", "学校名称", "所属区县"], [1, "s-1", "实验小学", "芗城区"], [2, "s-2", "第一中学", 350602]]


@pytest.fixture
def world(io_loop, stores):
    return io_loop.run_sync(lambda: CivicWorld(stores).ready())


@pytest.fixture
def files(world, tmp_path):
    return PlaceFiles(world.places, Workers(tmp_path / "spreadsheets"))


def xlsx(rows: list[list[Any]]) -> bytes:
    book, data = openpyxl.Workbook(), io.BytesIO()
    for row in rows:
        book.active.append(row)
    book.save(data)
    return data.getvalue()


def text(rows: list[list[Any]], encoding: str) -> bytes:
    return "\r\n".join(",".join("" if cell is None else str(cell) for cell in row) for row in rows).encode(encoding)


@pytest.mark.parametrize("form", ["xlsx", "utf-8", "utf-8-sig", "gb18030"])
async def test_a_city_s_own_lists_are_taken_in_every_form(world, files, form):
    current = await world.campaigns.create(campaign())
    for kind, rows in (("regions", REGIONS), ("units", UNITS)):
        data = xlsx(rows) if form == "xlsx" else text(rows, form)
        tried = await files.take(current, kind, data, {}, dry_run=True)
        assert (tried["errors"], tried["imported"], tried["rows"]) == ([], 0, len(rows) - 1)
        assert (await files.take(current, kind, data, {}, dry_run=False))["imported"] == len(rows) - 1
    index = await world.places.of(await world.campaigns.get_any("flag"))
    assert (index.regions["350602"].name, index.regions["350602"].population, index.regions["declined"].own) == ("芗城区", 638060, True)
    assert {unit.code: unit.region for unit in index.units.values()} == {"s-1": "350602", "s-2": "350602"}


async def test_columns_may_be_named(world, files):
    current = await world.campaigns.create(campaign())
    rows = [["甲", "乙"], ["350602", "芗城区"]]
    missing = await files.take(current, "regions", xlsx(rows), {}, dry_run=False)
    assert missing["headers"] == ["甲", "乙"] and missing["imported"] == 0
    assert missing["errors"][0] == {"row": 1, "column": "", "message": "没有找到“区县代码”列，请指定哪一列是区县代码"}
    done = await files.take(current, "regions", xlsx(rows), {"code": "甲", "name": "乙"}, dry_run=False)
    assert (done["imported"], done["columns"]) == (1, {"code": "甲", "name": "乙"})
    wrong = await files.take(current, "regions", xlsx(rows), {"code": "丙", "name": "乙"}, dry_run=False)
    assert wrong["errors"] == [{"row": 1, "column": "丙", "message": "文件里没有“丙”这一列，请从文件的列中选择"}]
    with pytest.raises(InvalidBody):
        await files.take(current, "regions", xlsx(rows), {"region": "甲"}, dry_run=False)
    with pytest.raises(InvalidBody):
        await files.take(current, "streets", xlsx(rows), {}, dry_run=False)


async def test_a_column_that_is_there_twice_is_named(world, files):
    current = await world.campaigns.create(campaign())
    done = await files.take(current, "regions", xlsx([["代码", "名称", "名称"], ["1", "甲", "乙"]]), {}, dry_run=False)
    assert done["errors"] == [{"row": 1, "column": "名称", "message": "“名称”出现了两次，请改名或删去一列"}]


async def test_errors_name_row_and_column_as_the_file_has_them_and_nothing_is_imported(world, files):
    current = await world.campaigns.create(campaign())
    await files.take(current, "regions", xlsx(REGIONS), {}, dry_run=False)
    rows = [*UNITS, [3, "s 3", "中心小学", "芗城区"], [None] * 4, [4, "s-4", None, "芗城区"], [5, "s-5", "某小学", "无处区"],
            [6, "s-1", "又一", "芗城区"]]
    done = await files.take(current, "units", xlsx(rows), {}, dry_run=False)
    assert [(error["row"], error["column"]) for error in done["errors"]] == [
        (4, "学校标识码"), (6, "学校名称"), (7, "所属区县"), (8, "学校标识码")]
    assert "请先导入区县" in done["errors"][2]["message"] and done["errors_total"] == 4
    assert (await world.places.of(await world.campaigns.get_any("flag"))).units == {}


async def test_what_a_kill_left_in_the_middle_is_made_whole(world, files, monkeypatch):
    await files.take(await world.campaigns.create(campaign()), "regions", xlsx(REGIONS), {}, dry_run=False)
    current = await world.campaigns.get_any("flag")
    monkeypatch.setattr("server.places.STAGED_TOGETHER", 3)
    monkeypatch.setattr("server.places.IMPORT_BATCH", 2)
    store, written = world.places._store, []
    write = store._write

    async def killed(collection, campaign, documents):
        if written:
            raise ConnectionError("killed")
        written.append(await write(collection, campaign, documents))

    monkeypatch.setattr(store, "_write", killed)
    units = [UNITS[0], *([n, f"s-{n}", f"第{n}小学", "芗城区"] for n in range(8))]
    with pytest.raises(ConnectionError):
        await files.take(current, "units", xlsx(units), {}, dry_run=False)
    index = await world.places.of(await world.campaigns.get_any("flag"))
    assert index.units == {}  # nobody has heard of it
    monkeypatch.setattr(store, "_write", write)
    assert [await world.places.finish_imports(0.0) for _ in range(3)] == [0, 1, 0]
    assert len((await world.places.of(await world.campaigns.get_any("flag"))).units) == 8
    assert await world.stores.mongo["place_imports"].find({}, comment=LOOKING).to_list(None) == []


async def test_what_a_kill_left_before_it_was_whole_is_dropped(world, files, monkeypatch):
    current = await world.campaigns.create(campaign())
    store = world.places._store
    await store._imports.insert_one({"_id": "half", "campaign": "flag", "into": "regions", "parts": 2, "whole": 0, "open": 1})
    await store._imports.insert_one({"_id": "half:0", "places": [{"code": "350602", "name": "芗城区"}]})
    assert [await world.places.finish_imports(0.0) for _ in range(2)] == [0, 1]
    assert (await world.places.of(current)).regions == {}
    assert await world.stores.mongo["place_imports"].find({}, comment=LOOKING).to_list(None) == []


async def test_more_than_twenty_thousand_rows_are_refused(world, files):
    current = await world.campaigns.create(campaign())
    with pytest.raises(InvalidBody) as refusal:
        await files.take(current, "units", b"code,name,region\n" + b"a,b,c\n" * 20_001, {}, dry_run=False)
    assert "20000" in refusal.value.message


def test_the_usual_names_are_found_and_no_column_serves_twice():
    assert mapped("units", ["区县", "单位", "代码"], {}) == {"region": "区县", "code": "代码", "name": "单位"}
    assert mapped("regions", ["区县代码", "区县", "代码"], {"code": "代码"}) == {"code": "代码", "name": "区县"}
