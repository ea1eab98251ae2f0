"""Reporting places: regions 区县 and the units 单位/学校 under them, imported per campaign.

Owns: the `regions` and `units` documents. Invariants: codes are unique in a campaign; nothing of a file with a faulty
row is imported, and an import that was cut short by a kill is made whole by a job, or by repeating it; a code that people may already have
counted under is never removed nor moved to another region by an import, only added or renamed.

Failure policy: reading fails open with the last known index; writing fails closed.
"""

from __future__ import annotations

import asyncio
import csv
import io
import logging
import re
import secrets
import time
import unicodedata
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

from pymongo import UpdateOne
from pypinyin import Style, lazy_pinyin, load_phrases_dict

from server.campaigns import Campaign
from server.errors import InvalidBody, NotFound
from server.stores import Database, Document, PyMongoError

# An index is read anew when its campaign says that the places changed, and this often for an import whose end nobody heard.
CACHE_SECONDS = 600.0
# 2,000 units take some 50 ms. A salute needs the index and does not wait longer for a MongoDB that hangs.
PATIENCE_SECONDS = 1.0
# A city has about 2,000 schools and offices; an order more is a wrong file.
MAX_UNITS = 20_000
MAX_REGIONS = 300
UNITS_A_PAGE = 100
IMPORT_BATCH = 500
# Documents of an import that is on its way, in a document of some 400 KB.
STAGED_TOGETHER = 2000
# Imports that a kill left and that are made whole in one turn.
LEFT_AT_ONCE = 20
# The columns that a file must have.
COLUMNS = {"regions": ("code", "name"), "units": ("region", "code", "name")}
CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}")
# Ten digits hold the population of the Earth and fit into MongoDB's numbers.
COUNT = re.compile(r"[0-9]{0,10}")
MAX_NAME_CHARACTERS = 60
# After a failed reading the next one comes this much later.
RETRY_SECONDS = 5.0

INITIALS = re.compile(r"[a-z0-9]{0,60}")
# Place names that a dictionary of words reads wrongly. What is not here, a file's own column `initials` says.
load_phrases_dict({"长泰": [["cháng"], ["tài"]], "长桥": [["cháng"], ["qiáo"]]})

logger = logging.getLogger(__name__)


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

    @cached_property
    def in_order(self) -> list[tuple[str, Unit]]:
        """The units by their district's order and then by sound, each with its place. Sorted once: a city's twenty thousand take 50 ms."""
        return sorted(((self.place_of(unit), unit) for unit in self.units.values()), key=lambda one: one[0])

    def place_of(self, unit: Unit) -> str:
        region = self.regions.get(unit.region)
        return f"{region.order if region else 0:06d}:{unit.region}:{unit.initials}:{unit.code}"

    def views(self) -> list[dict[str, Any]]:
        """The regions as the public view shows them, in their order."""
        return [{name: value for name, value in asdict(region).items() if name != "population"}
                for region in sorted(self.regions.values(), key=lambda r: (r.order, r.code))]


@dataclass(frozen=True)
class Staged:
    """An import that is wholly in MongoDB (`is_whole`) or on its way there, before any place of it is."""

    id: str
    campaign: str
    into: str
    parts: int
    is_whole: bool


class PlaceStore:
    """The only code that touches `regions`, `units` and `place_imports`: what is imported is first put aside, then written, so that
    whoever dies in between leaves all of it or nothing to the next."""

    def __init__(self, mongo: Database) -> None:
        self._regions = mongo["regions"]
        self._units = mongo["units"]
        self._imports = mongo["place_imports"]

    async def index(self, campaign: str) -> PlaceIndex:
        regions = await self._regions.find({"campaign": campaign}).limit(MAX_REGIONS).to_list(None)
        units = await self._units.find({"campaign": campaign}).limit(MAX_UNITS).to_list(None)
        # The embedded store gives a truth value that was updated back as 1 or 0.
        return PlaceIndex({d["code"]: Region(**{n: d[n] for n in Region.__dataclass_fields__} | {"own": bool(d["own"])}) for d in regions},
                          {d["code"]: Unit(**{n: d[n] for n in Unit.__dataclass_fields__}) for d in units})

    async def put_regions(self, campaign: str, regions: list[Region]) -> None:
        await self._put("regions", campaign, [asdict(region) for region in regions])

    async def put_units(self, campaign: str, units: list[Unit]) -> None:
        """`place` is campaign:region:initials:code, so that a region's units are paged by one index in the order of their sound."""
        await self._put("units", campaign,
                        [{**asdict(unit), "place": f"{campaign}:{unit.region}:{unit.initials}:{unit.code}"} for unit in units])

    async def _put(self, into: str, campaign: str, documents: list[Document]) -> None:
        parts = [documents[start:start + STAGED_TOGETHER] for start in range(0, len(documents), STAGED_TOGETHER)]
        staged = Staged(secrets.token_hex(8), campaign, into, len(parts), True)
        await self._imports.insert_one({"_id": staged.id, "campaign": campaign, "into": into, "parts": len(parts), "whole": 0, "open": 1})
        for number, part in enumerate(parts):
            await self._imports.insert_one({"_id": f"{staged.id}:{number}", "places": part})
        await self._imports.update_one({"_id": staged.id}, {"$set": {"whole": 1}})
        await self.finish(staged)

    async def left(self) -> list[Staged]:
        """The imports that are not finished."""
        found = await self._imports.find({"open": 1}).limit(LEFT_AT_ONCE).to_list(None)
        return [Staged(d["_id"], d["campaign"], d["into"], d["parts"], bool(d["whole"])) for d in found]

    async def finish(self, staged: Staged) -> None:
        """Write the places of an import that is whole, and forget it; may be repeated, and by two at once."""
        ids = [f"{staged.id}:{number}" for number in range(staged.parts)]
        for part_id in ids if staged.is_whole else []:
            part = await self._imports.find_one({"_id": part_id})
            if part is None:
                return  # another has finished it
            await self._write(self._regions if staged.into == "regions" else self._units, staged.campaign, part["places"])
        await self._imports.delete_one({"_id": staged.id})
        await self._imports.delete_many({"_id": {"$in": ids}})

    async def _write(self, collection: Any, campaign: str, documents: list[Document]) -> None:
        for start in range(0, len(documents), IMPORT_BATCH):
            await collection.bulk_write([
                UpdateOne({"_id": f"{campaign}:{d['code']}"}, {"$set": {**d, "campaign": campaign}}, upsert=True)
                for d in documents[start:start + IMPORT_BATCH]])

    async def remove(self, campaign: str) -> None:
        await self._regions.delete_many({"campaign": campaign})
        await self._units.delete_many({"campaign": campaign})

    async def units_after(self, campaign: str, region: str, after: str) -> list[Document]:
        """A page of a region's units after a cursor."""
        start, end = f"{campaign}:{region}:{after}", f"{campaign}:{region};"
        return await self._units.find({"place": {"$gt": start, "$lt": end}}).sort("place", 1).limit(UNITS_A_PAGE).to_list(None)


class Places:
    """`touch(slug)` makes every process read a campaign's places anew."""

    def __init__(self, store: PlaceStore, touch: Callable[[str], Awaitable[None]]) -> None:
        self._store = store
        self._touch = touch
        self._known: dict[str, tuple[float, int, PlaceIndex]] = {}
        self._reading: dict[tuple[str, int], asyncio.Task[PlaceIndex]] = {}
        self._left: set[str] = set()

    def at_hand(self, campaign: Campaign) -> PlaceIndex | None:
        """The campaign's index without waiting, as of its revision; None where `of` must be asked."""
        known = self._known.get(campaign.slug)
        if known is None or known[1] < campaign.rev or time.monotonic() - known[0] >= CACHE_SECONDS:
            return None
        return known[2]

    async def of(self, campaign: Campaign) -> PlaceIndex:
        """The campaign's index, as of the campaign's revision while MongoDB answers."""
        now = time.monotonic()
        read_at, rev, index = self._known.get(campaign.slug, (0.0, -1, None))
        if index is None:
            return await self._read(campaign, now)
        if rev >= campaign.rev and now - read_at < CACHE_SECONDS:
            return index
        # One caller reads, the others go on with what is known, and the next try comes soon where this one fails.
        self._known[campaign.slug] = now - CACHE_SECONDS + RETRY_SECONDS, campaign.rev, index
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                return await self._read(campaign, now)
        except (PyMongoError, TimeoutError) as error:
            logger.warning("the places of %s are served as last known: %s", campaign.slug, type(error).__name__)
            return index

    async def _read(self, campaign: Campaign, now: float) -> PlaceIndex:
        """Read once, however many wait for it: the first people of a process come all at the same moment."""
        key = campaign.slug, campaign.rev
        reading = self._reading.get(key)
        if reading is None:
            reading = self._reading[key] = asyncio.create_task(self._store.index(campaign.slug))
            reading.add_done_callback(lambda done: (self._reading.pop(key, None), done.cancelled() or done.exception()))
        fresh = await asyncio.shield(reading)
        self._known[campaign.slug] = now, campaign.rev, fresh
        return fresh

    async def units_page(self, campaign: Campaign, region: str, cursor: str) -> dict[str, Any]:
        """A region's units by pages: {"items", "next"}. Raises NotFound for an unknown region."""
        if not (await self.of(campaign)).has_region(region):
            raise NotFound("UNKNOWN_REGION", "没有这个区县", field="region")
        found = await self._store.units_after(campaign.slug, region, cursor)
        prefix = len(f"{campaign.slug}:{region}:")
        return {"items": [{"code": d["code"], "name": d["name"], "initials": d["initials"]} for d in found],
                "next": found[-1]["place"][prefix:] if len(found) == UNITS_A_PAGE else None}

    async def copy(self, source: Campaign, target: Campaign) -> None:
        """Give a campaign the regions and units of another one."""
        index = await self._store.index(source.slug)
        await self._store.put_regions(target.slug, list(index.regions.values()))
        await self._store.put_units(target.slug, list(index.units.values()))
        self._known.pop(target.slug, None)
        await self._touch(target.slug)

    async def remove(self, slug: str) -> None:
        """Drop the places of a campaign that is gone for good."""
        await self._store.remove(slug)
        self._known.pop(slug, None)

    async def import_csv(self, campaign: Campaign, kind: str, data: str | bytes, *, dry_run: bool) -> dict[str, Any]:
        """Take regions (code,name,kind,parent,order,population) or units (region,code,name) from CSV: a text, or a file as it is.

        A column `initials` is used where it is filled, for names that pinyin reads wrongly.

        Returns {"rows", "errors": [{"row", "message"}], "imported"}: with any error nothing is imported.
        Raises InvalidBody for another kind, missing columns, or a file that is no CSV.
        """
        if kind not in COLUMNS:
            raise InvalidBody(message=f"kind 只能是 {'、'.join(COLUMNS)}", field="kind")
        done = await self.import_rows(campaign, kind, await asyncio.to_thread(lambda: _rows(decode_csv(data), COLUMNS[kind])),
                                      dry_run=dry_run)
        return {**done, "errors": [{"row": error["row"], "message": error["message"]} for error in done["errors"]]}

    async def import_rows(self, campaign: Campaign, kind: str, rows: list[tuple[int, dict[str, str]]], *, dry_run: bool) -> dict[str, Any]:
        """The same from rows with their numbers. An error also names the `column` that it is about, by our own name, or none.

        Raises InvalidBody for another kind.
        """
        if kind not in COLUMNS:
            raise InvalidBody(message=f"kind 只能是 {'、'.join(COLUMNS)}", field="kind")
        index = await self._store.index(campaign.slug)
        read: Any = _read_regions if kind == "regions" else _read_units
        records: list[Any]
        records, errors = await asyncio.to_thread(lambda: read(rows, index, campaign.state != "draft"))
        if not errors and not dry_run:
            put: Any = self._store.put_regions if kind == "regions" else self._store.put_units
            await put(campaign.slug, records)
            self._known.pop(campaign.slug, None)
            await self._touch(campaign.slug)
        return {"rows": len(records) + len(errors), "errors": errors, "imported": 0 if errors or dry_run else len(records)}

    async def finish_imports(self, now: float) -> int:
        """Make whole what a killed process left: an import that was there at the last turn too. Returns how many."""
        left, before = await self._store.left(), self._left
        for staged in left:
            if staged.id in before:
                await self._store.finish(staged)
                self._known.pop(staged.campaign, None)
                await self._touch(staged.campaign)
        self._left = {staged.id for staged in left} - before
        return len(before & {staged.id for staged in left})


def decode_csv(raw: str | bytes) -> str:
    """The text of a file as people save it: UTF-8 with or without BOM, else GB18030 as Excel on a Chinese Windows writes it."""
    if isinstance(raw, str):
        return raw.removeprefix("\ufeff")
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise InvalidBody("INVALID_BODY", "文件的编码无法识别，请另存为 UTF-8 编码的 CSV", field="csv")


def initials(name: str) -> str:
    """Pinyin initials for the picker, such as xcq for 芗城区; letters and digits stay, other signs go."""
    letters = "".join(lazy_pinyin(name, style=Style.FIRST_LETTER)).lower()
    return "".join(letter for letter in letters if letter.isascii() and letter.isalnum())[:MAX_NAME_CHARACTERS]


def _rows(data: str, columns: tuple[str, ...]) -> list[tuple[int, dict[str, str]]]:
    # Lines end as the file has them: \n, \r\n, or the \r of old spreadsheets.
    reader = csv.DictReader(io.StringIO(data, newline=""), strict=True)
    try:
        missing = [column for column in columns if column not in (reader.fieldnames or [])]
        if missing:
            raise InvalidBody("INVALID_BODY", f"表头缺少列：{'、'.join(missing)}", field="csv")
        return [(reader.line_num, {name: (value or "").strip() for name, value in row.items() if name and isinstance(value, str | None)})
                for row in reader]
    except csv.Error as error:
        raise InvalidBody("INVALID_BODY", f"第 {reader.line_num} 行不是有效的 CSV，请检查引号", field="csv") from error


def _read_regions(rows: list[tuple[int, dict[str, str]]], index: PlaceIndex, fixed: bool) -> tuple[list[Region], list[dict[str, Any]]]:
    regions: dict[str, Region] = {}
    errors: list[dict[str, Any]] = []
    for number, row in rows:
        order, population = row.get("order", ""), row.get("population", "")
        column, problem = _problem(row, regions)
        if not problem and not (COUNT.fullmatch(order) and COUNT.fullmatch(population)):
            column, problem = "population" if COUNT.fullmatch(order) else "order", "排序和人口必须是不超过十位的整数"
        if not problem and (parent := row.get("parent", "")) and not CODE.fullmatch(parent):
            column, problem = "parent", "上级代码只能用字母、数字、短横线和下划线，最长 32 位"
        if not problem and row.get("kind", "") not in ("", "region", "own"):
            column, problem = "kind", "类别只能是 region（行政区）或 own（自设）"
        if problem:
            errors.append({"row": number, "column": column, "message": problem})
            continue
        regions[row["code"]] = Region(row["code"], row["name"], row.get("initials") or initials(row["name"]), row.get("parent", ""),
                                      int(order or number), int(population) if population else None, row.get("kind") == "own")
    if len(regions | index.regions) > MAX_REGIONS:
        errors.append({"row": 0, "column": "", "message": f"区县不能超过 {MAX_REGIONS} 个"})
    return list(regions.values()), errors


def _read_units(rows: list[tuple[int, dict[str, str]]], index: PlaceIndex, fixed: bool) -> tuple[list[Unit], list[dict[str, Any]]]:
    units: dict[str, Unit] = {}
    errors: list[dict[str, Any]] = []
    for number, row in rows:
        column, problem = _problem(row, units)
        if not problem and row["region"] not in index.regions:
            column, problem = "region", f"没有代码为 {row['region']} 的区县，请先导入区县"
        if not problem and fixed and (known := index.units.get(row["code"])) and known.region != row["region"]:
            column, problem = "region", f"{row['code']} 已属于 {known.region}，活动发布后不能改到 {row['region']}"
        if problem:
            errors.append({"row": number, "column": column, "message": problem})
            continue
        units[row["code"]] = Unit(row["code"], row["name"], row.get("initials") or initials(row["name"]), row["region"])
    if len(units | index.units) > MAX_UNITS:
        errors.append({"row": 0, "column": "", "message": f"单位和学校不能超过 {MAX_UNITS} 个"})
    return list(units.values()), errors


def _problem(row: dict[str, str], taken: dict[str, Any]) -> tuple[str, str]:
    """The column that is wrong and what is wrong with it, or two empty texts."""
    if not CODE.fullmatch(row.get("code", "")):
        return "code", "代码只能用字母、数字、短横线和下划线，最长 32 位"
    if row["code"] in taken:
        return "code", f"代码 {row['code']} 重复"
    name = row.get("name", "")
    if not 0 < len(name) <= MAX_NAME_CHARACTERS or any(unicodedata.category(character) in ("Cc", "Cf", "Cs") for character in name):
        return "name", f"名称不能为空，不能有控制字符，最长 {MAX_NAME_CHARACTERS} 字"
    if not INITIALS.fullmatch(row.get("initials", "")):
        return "initials", "首字母只能用小写字母和数字"
    return "", ""
