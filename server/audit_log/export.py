"""The audit log as a table for Excel: UTF-8 with its mark, and no cell that Excel would take for a formula."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable

from server.clock import iso
from server.spreadsheets.cells import harmless
from server.stores import Document

HEADER = ("序号", "时间", "账号", "角色", "动作", "对象", "来源", "内容", "修改前", "修改后", "校验值")
BOM = "\ufeff"


def csv_of(rows: Iterable[Iterable[object]]) -> bytes:
    made = io.StringIO()
    csv.writer(made, lineterminator="\r\n").writerows([harmless(str(cell)) for cell in row] for row in rows)
    return made.getvalue().encode()


def row_of(entry: Document) -> tuple[object, ...]:
    """An entry as a row under HEADER."""
    return (entry["seq"], iso(entry["at_ms"] / 1000), entry["who"], entry["role"], entry["action"], entry["subject"], entry["origin"],
            *(json.dumps(entry[name], ensure_ascii=False) if entry[name] else "" for name in ("detail", "before", "after")), entry["hash"])
