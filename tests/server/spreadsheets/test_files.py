"""Spreadsheets: what is written is safe and bounded, what is read is bounded and says what is wrong."""

from __future__ import annotations

import asyncio
import csv
import io
import subprocess
import sys
import zipfile
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import openpyxl
import pytest

from server.errors import InvalidBody
from server.spreadsheets.files import MAX_ROWS, CsvFile, TableWrong, XlsxFile, read_table, safe
from server.spreadsheets.wire import Given, Order, Rows, Sheet, frame
from server.spreadsheets.workers import AT_ONCE, MOST_WAITING, ROOT, Workers, WorkersBusy

EVIL = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "  =1", "＝1", "－1"]


@pytest.mark.parametrize("text", EVIL)
def test_what_begins_like_a_formula_gets_an_apostrophe(text):
    assert safe(text) == "'" + text


@pytest.mark.parametrize("cell", ["实验小学", "2026-10-01", "****67", "", "a=b", 12, 0])
def test_other_cells_stay(cell):
    assert safe(cell) == cell


class TestXlsx:
    def test_a_table_goes_on_in_another_sheet_with_its_header(self, tmp_path):
        file = XlsxFile(tmp_path / "f.xlsx", tmp_path, sheet_rows=3)
        file.sheet(Sheet("参与[记录]/1", ["序号", "区县"], lines=["只供内部"]))
        file.rows([n, "芗城区"] for n in range(7))
        file.close()
        book = openpyxl.load_workbook(tmp_path / "f.xlsx")
        assert book.sheetnames == ["参与 记录  1", "参与 记录  1（2）", "参与 记录  1（3）"]
        assert [[row[0] for row in sheet.iter_rows(min_row=3, values_only=True)] for sheet in book.worksheets] == [
            [0, 1, 2], [3, 4, 5], [6]]
        for sheet in book.worksheets:
            assert [cell.value for cell in sheet[2]] == ["序号", "区县"] and sheet.freeze_panes == "A3" and sheet["A1"].value == "只供内部"
            assert (sheet.page_setup.orientation, sheet.page_setup.paperSize, sheet.page_setup.fitToHeight) == ("landscape", 9, 0)

    def test_nothing_in_it_is_a_formula_a_number_of_text_or_a_link(self, tmp_path):
        file = XlsxFile(tmp_path / "f.xlsx", tmp_path)
        file.sheet(Sheet("t", ["列"]))
        file.rows([[text] for text in [*EVIL, "350602", "https://evil.example"]])
        file.close()
        cells = [row[0] for row in openpyxl.load_workbook(tmp_path / "f.xlsx").worksheets[0].iter_rows()]
        assert {cell.data_type for cell in cells} == {"s"} and not [cell for cell in cells if cell.hyperlink]


def test_csv_has_the_mark_by_which_excel_knows_it(tmp_path):
    file = CsvFile(tmp_path / "f.csv")
    file.sheet(Sheet("t", ["单位", "人数"], lines=["编号 1"]))
    file.rows([["=实验小学", 3], ["一,二\n三", 4]])
    file.close()
    data = (tmp_path / "f.csv").read_bytes()
    assert data.startswith(b"\xef\xbb\xbf") and b"\r\n" in data
    assert list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""))) == [
        ["编号 1"], ["单位", "人数"], ["'=实验小学", "3"], ["一,二\n三", "4"]]


def xlsx(rows: list[list[Any]]) -> bytes:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    data = io.BytesIO()
    book.save(data)
    return data.getvalue()


class TestReading:
    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
    def test_csv_as_people_save_it(self, encoding):
        assert read_table("代码,名称\r\n\r\n350602,芗城区\r\n".encode(encoding)) == [(1, ["代码", "名称"]), (3, ["350602", "芗城区"])]

    def test_xlsx_gives_numbers_as_they_are_read(self):
        assert read_table(xlsx([["代码", "名称"], [350602, " 芗城区 "], [None, None], [350603.0, "龙文区"]])) == [
            (1, ["代码", "名称"]), (2, ["350602", "芗城区"]), (4, ["350603", "龙文区"])]

    @pytest.mark.parametrize(("data", "words"), [
        (b"\xd0\xcf\x11\xe0old", "旧版 .xls"), (b"PK\x03\x04broken", "不是有效的 .xlsx"), (b"a,b\n\xff\xff,\x81", "编码无法识别"),
        (b'a,b\n"x', "请检查引号"), (b"", "没有内容"), (b"\n\n", "没有内容"), (b"a\n" + b"x" * 201, "第 2 行有超过 200 字"),
        (b"a\n" + b"x\n" * (MAX_ROWS + 1), "一次最多导入 20000 行")])
    def test_what_cannot_be_read_says_why_and_what_to_do(self, data, words):
        with pytest.raises(TableWrong) as problem:
            read_table(data)
        assert words in str(problem.value)

    def test_as_many_rows_as_are_allowed_fit(self):
        assert len(read_table(b"a\n" + b"x\n" * MAX_ROWS)) == MAX_ROWS + 1

    def test_a_bomb_is_not_unpacked(self):
        data = io.BytesIO()
        with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as packed:
            packed.writestr("xl/worksheets/sheet1.xml", b" " * (65 * 1024 * 1024))
        with pytest.raises(TableWrong) as problem:
            read_table(data.getvalue())
        assert "展开后过大" in str(problem.value)

    def test_entities_in_it_do_no_harm(self):
        good = xlsx([["代码"], ["1"]])
        data = io.BytesIO()
        with zipfile.ZipFile(io.BytesIO(good)) as source, zipfile.ZipFile(data, "w") as packed:
            for name in source.namelist():
                text = source.read(name)
                if name.endswith("sheet1.xml"):
                    text = b'<!DOCTYPE x [<!ENTITY a "b"><!ENTITY c "&a;&a;">]>' + text
                packed.writestr(name, text)
        with pytest.raises(TableWrong) as problem:
            read_table(data.getvalue())
        assert "不是有效的 .xlsx" in str(problem.value)


def test_a_worker_ends_when_its_parent_has_gone(tmp_path):
    said = frame(Order("xlsx", str(tmp_path))) + frame(Sheet("t", ["列"])) + frame(Rows([["x"]])) + b"\x00\x00"
    done = subprocess.run([sys.executable, "-m", "server.spreadsheets.worker"], input=said, capture_output=True, cwd=ROOT, timeout=60)
    assert (done.returncode, done.stdout) == (0, b"")


async def forever(started: list[int]) -> AsyncIterator[Given]:
    yield Sheet("t", ["列"])
    while True:
        started.append(1)
        yield Rows([["x"]] * 100)


@pytest.mark.gen_test(timeout=60)
class TestWorkers:
    async def test_a_table_is_read_by_a_child(self, tmp_path):
        workers = Workers(tmp_path / "w")
        assert await workers.table("代码\n1\n".encode()) == [(1, ["代码"]), (2, ["1"])]
        with pytest.raises(InvalidBody) as refusal:
            await workers.table(b"")
        assert refusal.value.field == "file" and "没有内容" in refusal.value.message

    async def test_past_its_queue_it_refuses_at_once(self, tmp_path):
        workers, started = Workers(tmp_path / "w"), []

        async def take() -> None:
            async with aclosing(workers.file("csv", forever(started))) as pieces:  # type: ignore[arg-type]
                async for _ in pieces:
                    return

        tasks = [asyncio.create_task(take()) for _ in range(AT_ONCE + MOST_WAITING)]
        while not started:
            await asyncio.sleep(0.01)
        with pytest.raises(WorkersBusy):
            await workers.table(b"a\n")
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert list((tmp_path / "w").iterdir()) == []
        assert await workers.table(b"a\n") == [(1, ["a"])]
