"""Reporting places: regions 区县 and the units 单位/学校 under them, imported per campaign.

Owns: the `regions` and `units` documents. Invariants: codes are unique in a campaign; an import is taken whole or not
at all; a code that people may already have counted under is never removed by an import, only added or renamed.

Failure policy: reading fails open with the last known index; writing fails closed.
"""

from __future__ import annotations

import asyncio
import csv
import io
import re
from dataclasses import asdict, dataclass
from typing import Any

from pymongo import UpdateOne
from pypinyin import Style, lazy_pinyin

from server.campaigns import Campaign
from server.errors import InvalidBody, NotFound
from server.stores import Database, Document, PyMongoError

# An index is read anew this often; a salute needs it and must not wait for MongoDB.
CACHE_SECONDS = 5.0
# A city has about 2,000 schools and offices; an order more is a wrong file.
MAX_UNITS = 20_000
MAX_REGIONS = 300
UNITS_A_PAGE = 100
IMPORT_BATCH = 500
CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}")


@dataclass(frozen=True)
class Region:
    """`own`: not an administrative region but a choice of ours (市直, 市外, 不便选择). `initials`: pinyin, such as xcq."""

    code: str
    name: str
    initials: str
    parent: str
    order: int
    population: int | None = None
    own: bool = False


@dataclass(frozen=True)
class Unit:
    code: str
    name: str
    initials: str
    region: str


@dataclass(frozen=True)
class PlaceIndex:
    """What a salute may name."""

    regions: dict[str, Region]
    units: dict[str, Unit]

    def has_region(self, region: str) -> bool:
        return region in self.regions

    def has_unit(self, region: str, unit: str) -> bool:
        known = self.units.get(unit)
        return known is not None and known.region == region

    def views(self) -> list[dict[str, Any]]:
        """The regions as the public view shows them, in their order."""
        return [{name: value for name, value in asdict(region).items() if name != "population"}
                for region in sorted(self.regions.values(), key=lambda r: (r.order, r.code))]


class PlaceStore:
    """The only code that touches `regions` and `units`."""

    def __init__(self, mongo: Database) -> None:
        self._regions = mongo["regions"]
        self._units = mongo["units"]

    async def index(self, campaign: str) -> PlaceIndex:
        regions = await self._regions.find({"campaign": campaign}).limit(MAX_REGIONS).to_list(None)
        units = await self._units.find({"campaign": campaign}).limit(MAX_UNITS).to_list(None)
        # The embedded store gives a truth value that was updated back as 1 or 0.
        return PlaceIndex({d["code"]: Region(**{n: d[n] for n in Region.__dataclass_fields__} | {"own": bool(d["own"])}) for d in regions},
                          {d["code"]: Unit(**{n: d[n] for n in Unit.__dataclass_fields__}) for d in units})

    async def put_regions(self, campaign: str, regions: list[Region]) -> None:
        await self._put(self._regions, campaign, [asdict(region) for region in regions])

    async def put_units(self, campaign: str, units: list[Unit]) -> None:
        """`place` is campaign:region:initials:code, so that a region's units are paged by one index in the order of their sound."""
        await self._put(self._units, campaign,
                        [{**asdict(unit), "place": f"{campaign}:{unit.region}:{unit.initials}:{unit.code}"} for unit in units])

    async def _put(self, collection: Any, campaign: str, documents: list[Document]) -> None:
        for start in range(0, len(documents), IMPORT_BATCH):
            await collection.bulk_write([
                UpdateOne({"_id": f"{campaign}:{d['code']}"}, {"$set": {**d, "campaign": campaign}}, upsert=True)
                for d in documents[start:start + IMPORT_BATCH]])

    async def units_after(self, campaign: str, region: str, after: str) -> list[Document]:
        """A page of a region's units after a cursor."""
        start, end = f"{campaign}:{region}:{after}", f"{campaign}:{region};"
        return await self._units.find({"place": {"$gt": start, "$lt": end}}).sort("place", 1).limit(UNITS_A_PAGE).to_list(None)


class Places:
    def __init__(self, store: PlaceStore) -> None:
        self._store = store
        self._known: dict[str, tuple[float, PlaceIndex]] = {}

    async def of(self, campaign: Campaign) -> PlaceIndex:
        """The campaign's index, a few seconds old at most while MongoDB answers."""
        now = asyncio.get_running_loop().time()
        read_at, index = self._known.get(campaign.slug, (0.0, None))
        if index is not None and now - read_at < CACHE_SECONDS:
            return index
        if index is not None:
            self._known[campaign.slug] = now, index  # one caller reads, the others go on with what is known
        try:
            fresh = await self._store.index(campaign.slug)
        except PyMongoError:
            if index is None:
                raise
            return index
        self._known[campaign.slug] = now, fresh
        return fresh

    async def units_page(self, campaign: Campaign, region: str, cursor: str) -> dict[str, Any]:
        """A region's units by pages: {"items", "next"}. Raises NotFound for an unknown region."""
        if not (await self.of(campaign)).has_region(region):
            raise NotFound("UNKNOWN_REGION", "没有这个区县", field="region")
        found = await self._store.units_after(campaign.slug, region, cursor)
        prefix = len(f"{campaign.slug}:{region}:")
        return {"items": [{"code": d["code"], "name": d["name"], "initials": d["initials"]} for d in found],
                "next": found[-1]["place"][prefix:] if len(found) == UNITS_A_PAGE else None}

    async def import_csv(self, campaign: Campaign, kind: str, data: str, *, dry_run: bool) -> dict[str, Any]:
        """Take regions (code,name,kind,parent,order,population) or units (region,code,name) from CSV text.

        Returns {"rows", "errors": [{"row", "message"}], "imported"}: with any error nothing is imported.
        Raises InvalidBody for another kind or missing columns.
        """
        if kind not in ("regions", "units"):
            raise InvalidBody(field="kind")
        index = await self._store.index(campaign.slug)
        read: Any = _read_regions if kind == "regions" else _read_units
        records: list[Any]
        records, errors = await asyncio.to_thread(read, data, index)
        if not errors and not dry_run:
            put: Any = self._store.put_regions if kind == "regions" else self._store.put_units
            await put(campaign.slug, records)
            self._known.pop(campaign.slug, None)
        return {"rows": len(records) + len(errors), "errors": errors, "imported": 0 if errors or dry_run else len(records)}


def decode_csv(raw: bytes) -> str:
    """The text of a file as people save it: UTF-8 with or without BOM, else GB18030 as Excel on a Chinese Windows writes it."""
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("gb18030", errors="replace")


def initials(name: str) -> str:
    """Pinyin initials for the picker, such as xcq for 芗城区; other letters and digits stay."""
    return "".join(lazy_pinyin(name, style=Style.FIRST_LETTER)).lower()


def _rows(data: str, columns: tuple[str, ...]) -> list[tuple[int, dict[str, str]]]:
    reader = csv.DictReader(io.StringIO(data.removeprefix("\ufeff")))
    missing = [column for column in columns if column not in (reader.fieldnames or [])]
    if missing:
        raise InvalidBody("INVALID_BODY", f"表头缺少列：{'、'.join(missing)}", field="csv")
    return [(number, {name: (value or "").strip() for name, value in row.items() if name and isinstance(value, str | None)})
            for number, row in enumerate(reader, start=2)]


def _read_regions(data: str, index: PlaceIndex) -> tuple[list[Region], list[dict[str, Any]]]:
    regions: dict[str, Region] = {}
    errors: list[dict[str, Any]] = []
    for number, row in _rows(data, ("code", "name")):
        order, population = row.get("order", ""), row.get("population", "")
        problem = _problem(row, regions)
        if not problem and (order and not order.isdecimal() or population and not population.isdecimal()):
            problem = "排序和人口必须是整数"
        if problem:
            errors.append({"row": number, "message": problem})
            continue
        regions[row["code"]] = Region(row["code"], row["name"], initials(row["name"]), row.get("parent", ""), int(order or number),
                                      int(population) if population else None, row.get("kind") == "own")
    if len(regions | index.regions) > MAX_REGIONS:
        errors.append({"row": 0, "message": f"区县不能超过 {MAX_REGIONS} 个"})
    return list(regions.values()), errors


def _read_units(data: str, index: PlaceIndex) -> tuple[list[Unit], list[dict[str, Any]]]:
    units: dict[str, Unit] = {}
    errors: list[dict[str, Any]] = []
    for number, row in _rows(data, ("region", "code", "name")):
        problem = _problem(row, units)
        if not problem and row["region"] not in index.regions:
            problem = f"没有代码为 {row['region']} 的区县，请先导入区县"
        if problem:
            errors.append({"row": number, "message": problem})
            continue
        units[row["code"]] = Unit(row["code"], row["name"], initials(row["name"]), row["region"])
    if len(units | index.units) > MAX_UNITS:
        errors.append({"row": 0, "message": f"单位和学校不能超过 {MAX_UNITS} 个"})
    return list(units.values()), errors


def _problem(row: dict[str, str], taken: dict[str, Any]) -> str:
    if not CODE.fullmatch(row.get("code", "")):
        return "代码只能用字母、数字、短横线和下划线，最长 32 位"
    if row["code"] in taken:
        return f"代码 {row['code']} 重复"
    if not 0 < len(row.get("name", "")) <= 60:
        return "名称不能为空，最长 60 字"
    return ""
