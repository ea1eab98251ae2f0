"""Places from the files that people have: CSV or XLSX under column names of their own, mapped to ours.

Owns nothing: reads the file in a worker, renames its columns, and hands the rows to `server/places.py`, whose invariants hold. Every error
names the row and the column as the person's own program shows them, and what to do.
"""

from __future__ import annotations

from typing import Any

from server.campaigns import Campaign
from server.errors import Conflict, InvalidBody
from server.places import COLUMNS, Places
from server.spreadsheets.workers import Workers

# More errors than anybody reads at once; how many there are is told.
MAX_ERRORS_SHOWN = 200
# The column names that cities write, for each of ours; the first is what we call it.
NAMES: dict[str, dict[str, tuple[str, ...]]] = {
    "regions": {
        "code": ("区县代码", "代码", "行政区划代码", "区划代码", "code"), "name": ("区县名称", "名称", "区县", "name"),
        "kind": ("类别", "kind"), "parent": ("上级代码", "parent"), "order": ("排序", "order"), "population": ("人口", "population"),
        "initials": ("拼音首字母", "首字母", "initials")},
    "units": {
        "region": ("区县代码", "区县", "所属区县", "所在区县", "region"),
        "code": ("单位代码", "学校代码", "学校标识码", "代码", "code"),
        "name": ("单位名称", "学校名称", "名称", "单位", "学校", "name"), "initials": ("拼音首字母", "首字母", "initials")},
}
KINDS = {"行政区": "region", "自设": "own"}
Numbered = list[tuple[int, dict[str, str]]]


class PlaceFiles:
    def __init__(self, places: Places, workers: Workers) -> None:
        self._places = places
        self._workers = workers

    async def take(self, campaign: Campaign, kind: str, data: bytes, columns: dict[str, str], *, dry_run: bool) -> dict[str, Any]:
        """Import a file, or say what an import would do. `columns`: our name -> the file's, where it is none of the usual.

        Returns {"rows", "errors": [{"row", "column", "message"}], "errors_total", "imported", "headers", "columns"}: with any error
        nothing is imported. Raises InvalidBody for a file that cannot be read, or an unknown kind or column.
        """
        if kind not in COLUMNS:
            raise InvalidBody(message=f"kind 只能是 {'、'.join(COLUMNS)}", field="kind")
        if unknown := [name for name in columns if name not in NAMES[kind]]:
            raise InvalidBody("INVALID_BODY", f"没有 {unknown[0]} 这一列", field=unknown[0])
        table = await self._workers.table(data)
        head_row, headers = table[0]
        found = mapped(kind, headers, columns)
        missing = _missing(kind, headers, found, columns, head_row)
        if missing:
            return {"rows": len(table) - 1, "errors": missing, "errors_total": len(missing), "imported": 0, "headers": headers,
                    "columns": found}
        rows = _renamed(table[1:], {name: headers.index(header) for name, header in found.items()})
        if kind == "units":
            await self._name_regions(campaign, rows)
        done = await self._places.import_rows(campaign, kind, rows, dry_run=dry_run)
        errors = [{**error, "column": found.get(error["column"], "")} for error in done["errors"]]
        return {**done, "errors": errors[:MAX_ERRORS_SHOWN], "errors_total": len(errors), "headers": headers, "columns": found}

    async def copy(self, model: Campaign, made: Campaign) -> int:
        """The model's districts and units for a campaign that has none; how many districts. Raises Conflict."""
        if (await self._places.of(made)).regions:
            raise Conflict("PLACES_THERE", "这个活动已有区县；要改请用文件导入")
        if not (found := len((await self._places.of(model)).regions)):
            raise Conflict("PLACES_MISSING", "那个活动没有区县可以沿用，请用文件导入")
        await self._places.copy(model, made)
        return found

    async def _name_regions(self, campaign: Campaign, rows: Numbered) -> None:
        """A district by its name is as good as by its code, where only one has that name."""
        regions = (await self._places.of(campaign)).regions
        codes: dict[str, list[str]] = {}
        for region in regions.values():
            codes.setdefault(region.name, []).append(region.code)
        for _, row in rows:
            if row["region"] not in regions and len(codes.get(row["region"], [])) == 1:
                row["region"] = codes[row["region"]][0]


def mapped(kind: str, headers: list[str], columns: dict[str, str]) -> dict[str, str]:
    """Our names with the file's: those that were given, else the first of the usual names that the file has and nobody else took."""
    found = {name: header for name, header in columns.items() if header in headers}
    for name, usual in NAMES[kind].items():
        if name not in columns:
            free = [header for header in usual if header in headers and header not in found.values()]
            found |= {name: free[0]} if free else {}
    return found


def _missing(kind: str, headers: list[str], found: dict[str, str], columns: dict[str, str], head_row: int) -> list[dict[str, Any]]:
    errors = [{"row": head_row, "column": header, "message": f"文件里没有“{header}”这一列，请从文件的列中选择"}
              for header in columns.values() if header not in headers]
    errors += [{"row": head_row, "column": "", "message": f"没有找到“{NAMES[kind][name][0]}”列，请指定哪一列是{NAMES[kind][name][0]}"}
               for name in COLUMNS[kind] if name not in found and name not in columns]
    errors += [{"row": head_row, "column": header, "message": f"“{header}”出现了两次，请改名或删去一列"}
               for header in sorted(set(found.values())) if headers.count(header) > 1]
    return errors


def _renamed(table: list[tuple[int, list[str]]], where: dict[str, int]) -> Numbered:
    rows: Numbered = []
    for number, cells in table:
        row = {name: cells[index] if index < len(cells) else "" for name, index in where.items()}
        if "kind" in row:
            row["kind"] = KINDS.get(row["kind"], row["kind"])
        rows.append((number, row))
    return rows
