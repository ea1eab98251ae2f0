"""The files that a worker writes and reads: XLSX and CSV out, tables of places in. Only the worker imports this.

Invariants: rows go to disk as they come, so memory does not grow with them; no cell can become a formula, in either format and also after
an XLSX is saved as CSV; a file that is read is bounded before it is unpacked.

XlsxWriter writes (constant_memory: one row in memory; openpyxl's write_only takes half as long again), openpyxl reads (read_only).
"""

from __future__ import annotations

import csv
import io
import logging
import re
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import openpyxl
import xlsxwriter

from server.spreadsheets.cells import harmless
from server.spreadsheets.wire import Cell, Sheet

logger = logging.getLogger(__name__)

# Excel holds 1,048,576 rows a sheet; a round number leaves room for the header.
SHEET_ROWS = 1_000_000
# Excel's own limit of a cell.
MAX_CELL_CHARACTERS = 32_767
MAX_TITLE_CHARACTERS = 31
NOT_IN_TITLES = re.compile(r"[\[\]:*?/\\']")
DEFAULT_WIDTH = 14
A4 = 9  # Excel's number of the paper

# A city has about 2,000 schools and offices; an order more is a wrong file.
MAX_ROWS = 20_000
MAX_COLUMNS = 50
MAX_TABLE_CELL_CHARACTERS = 200
# 20,000 rows of places unpack to some 10 MB; a bomb of 4 MB to gigabytes.
MAX_UNPACKED_BYTES, MAX_MEMBERS = 64 * 1024 * 1024, 500


def safe(cell: Cell) -> Cell:
    """A cell that no spreadsheet takes for a formula, and not longer than one may be."""
    return cell if isinstance(cell, int) else harmless(cell[:MAX_CELL_CHARACTERS - 1])


class XlsxFile:
    """A workbook for A4 across, its column names fixed on the screen and repeated on each page."""

    def __init__(self, path: Path, folder: Path, sheet_rows: int = SHEET_ROWS) -> None:
        self._book = xlsxwriter.Workbook(str(path), {"constant_memory": True, "tmpdir": str(folder), "strings_to_formulas": False,
                                                     "strings_to_numbers": False, "strings_to_urls": False})
        self._head = self._book.add_format({"bold": True, "border": 1, "bg_color": "#EDEFF2", "text_wrap": True, "valign": "vcenter"})
        self._text = self._book.add_format({"border": 1})
        self._number = self._book.add_format({"border": 1, "num_format": "#,##0"})
        self._sheet_rows = sheet_rows
        self._current: Any = None
        self._sheet = Sheet("", [])
        self._row = self._first = self._part = 0

    def sheet(self, sheet: Sheet) -> None:
        self._sheet, self._part = sheet, 0
        self._begin()

    def rows(self, rows: Iterable[list[Cell]]) -> None:
        for row in rows:
            if self._row - self._first >= self._sheet_rows:
                self._begin()
            for column, cell in enumerate(row):
                if isinstance(cell, int):
                    self._current.write_number(self._row, column, cell, self._number)
                else:
                    self._current.write_string(self._row, column, safe(cell), self._text)
            self._row += 1

    def close(self) -> None:
        self._book.close()

    def _begin(self) -> None:
        """The next worksheet: of another table, or of one that does not fit into one."""
        self._part += 1
        tail = f"（{self._part}）" if self._part > 1 else ""
        title = NOT_IN_TITLES.sub(" ", self._sheet.title).strip()[:MAX_TITLE_CHARACTERS - len(tail)] + tail
        current = self._current = self._book.add_worksheet(title)
        widths = self._sheet.widths or [DEFAULT_WIDTH] * max(1, len(self._sheet.columns))
        for column, width in enumerate(widths):
            current.set_column(column, column, width)
        current.set_landscape()
        current.set_paper(A4)
        current.set_margins(left=0.4, right=0.4, top=0.6, bottom=0.6)
        current.fit_to_pages(1, 0)
        current.set_footer("&L&A&R第 &P 页，共 &N 页")
        self._row = 0
        for line in self._sheet.lines:
            current.write_string(self._row, 0, safe(line))
            self._row += 1
        for column, name in enumerate(self._sheet.columns):
            current.write_string(self._row, column, safe(name), self._head)
        if self._sheet.columns:
            current.repeat_rows(self._row)
            self._row += 1
            current.freeze_panes(self._row, 0)
        self._first = self._row


class CsvFile:
    """UTF-8 with the mark by which Excel knows it; tables one after the other."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("w", encoding="utf-8-sig", newline="")
        self._writer = csv.writer(self._file, lineterminator="\r\n")

    def sheet(self, sheet: Sheet) -> None:
        for line in sheet.lines:
            self._writer.writerow([safe(line)])
        self._writer.writerow([safe(name) for name in sheet.columns])

    def rows(self, rows: Iterable[list[Cell]]) -> None:
        self._writer.writerows([safe(cell) for cell in row] for row in rows)

    def close(self) -> None:
        self._file.close()


class TableWrong(Exception):
    """The file cannot be read; its text says why and what to do, to the person who chose it."""


def read_table(data: bytes) -> list[tuple[int, list[str]]]:
    """The rows of a CSV or XLSX file that are not empty, with their numbers, the column names first. Raises TableWrong."""
    if data.startswith(b"\xd0\xcf\x11\xe0"):
        raise TableWrong("这是旧版 .xls 或加密的文件，请另存为 .xlsx 或 CSV 后再导入")
    found: list[tuple[int, list[str]]] = []
    for number, cells in _xlsx_rows(data) if data.startswith(b"PK\x03\x04") else _csv_rows(data):
        if not any(cells):
            continue
        if len(found) > MAX_ROWS:
            raise TableWrong(f"一次最多导入 {MAX_ROWS} 行，请分成几个文件")
        if any(len(cell) > MAX_TABLE_CELL_CHARACTERS for cell in cells):
            raise TableWrong(f"第 {number} 行有超过 {MAX_TABLE_CELL_CHARACTERS} 字的单元格，请检查是不是选错了文件")
        found.append((number, cells))
    if not found:
        raise TableWrong("文件里没有内容")
    return found


def _csv_rows(data: bytes) -> Iterator[tuple[int, list[str]]]:
    text = _decoded(data)
    first = text.partition("\n")[0]
    reader = csv.reader(io.StringIO(text, newline=""), strict=True, delimiter="\t" if "\t" in first and "," not in first else ",")
    try:
        for row in reader:
            yield reader.line_num, _cells(row)
    except csv.Error as error:
        raise TableWrong(f"第 {reader.line_num} 行不是有效的 CSV，请检查引号") from error


def _decoded(data: bytes) -> str:
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise TableWrong("文件的编码无法识别，请另存为 UTF-8 编码的 CSV")


def _xlsx_rows(data: bytes) -> Iterator[tuple[int, list[str]]]:
    """The first sheet. A formula gives the value that was saved with it."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            members = packed.infolist()
            if len(members) > MAX_MEMBERS or sum(member.file_size for member in members) > MAX_UNPACKED_BYTES:
                raise TableWrong("文件展开后过大，请只保留要导入的一张表")
        book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True, keep_links=False)
        sheet: Any = book.worksheets[0]
        sheet.reset_dimensions()  # some programs write a wrong size
        for number, row in enumerate(sheet.iter_rows(values_only=True, max_col=MAX_COLUMNS), 1):
            yield number, _cells(row)
    except TableWrong:
        raise
    except Exception as error:  # what a broken or hostile file makes the library raise has no end
        logger.exception("an XLSX file could not be read")
        raise TableWrong("文件不是有效的 .xlsx，请用 Excel 或 WPS 打开后另存再导入") from error


def _cells(row: Iterable[Any]) -> list[str]:
    cells = [_text(value) for value in row][:MAX_COLUMNS]
    while cells and not cells[-1]:
        cells.pop()
    return cells


def _text(value: Any) -> str:
    """A number as it is read: a spreadsheet keeps the code 350602 as 350602.0."""
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value).strip()
