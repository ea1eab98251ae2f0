"""Schools, teachers and group reports in MongoDB. Each method is one step that is done whole or not at all."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import msgspec

from server.schools.record import Entry, School, SchoolDay, Standing, Teacher
from server.stores import Database, Document, DuplicateKeyError

# A school day of sixty classes is some 15 KB.
DAYS_A_PAGE = 100
# What the poller reads of each is 100 bytes.
SUMS_A_PAGE = 1000
SUM_FIELDS = dict.fromkeys(("unit", "day", "people", "changed"), 1)
# A teacher has one school, a research officer a handful.
MAX_SCHOOLS_OF_ONE = 50
# Nobody could type the codes of more; a deletion leaves none out.
MOST_EMPTIED = 1000
# The largest campus has some two hundred classes; so many may be in force at a time.
MAX_TEACHERS = 300
# With those who were revoked or shut out by a new code: ten changes of everybody. Older ones are not read any more.
MAX_LISTED = 3000


@dataclass(frozen=True)
class DaySum:
    """What the figures need of a school's day."""

    unit: str
    day: str
    people: int
    changed: str


class SchoolStore:
    """The only code that touches `schools` and `school_teachers`."""

    def __init__(self, mongo: Database) -> None:
        self._schools = mongo["schools"]
        self._teachers = mongo["school_teachers"]

    async def find(self, campaign: str, unit: str) -> School | None:
        return _school(await self._schools.find_one({"_id": f"{campaign}:{unit}"}))

    async def find_many(self, campaign: str, units: list[str]) -> dict[str, School]:
        ids = [f"{campaign}:{unit}" for unit in units]
        found = await self._schools.find({"_id": {"$in": ids}}).limit(len(ids) or 1).to_list(None)
        return {school.unit: school for school in map(_school, found) if school is not None}

    async def create(self, school: School) -> School:
        """The school as it is kept: the winner's of two who make it at once."""
        try:
            await self._schools.insert_one({"_id": f"{school.campaign}:{school.unit}", **msgspec.to_builtins(school)})
        except DuplicateKeyError:
            kept = await self.find(school.campaign, school.unit)
            assert kept is not None  # schools are never removed
            return kept
        return school

    async def rotate(self, school: School, salt: str, from_turn: int, now: float) -> bool:
        """A new code in place of the one that was seen; False where somebody else was first."""
        done = await self._schools.update_one(
            {"_id": f"{school.campaign}:{school.unit}", "turn": school.turn},
            {"$set": {"salt": salt, "turn": school.turn + 1, "from_turn": from_turn, "changed_at": now}})
        return done.modified_count == 1

    async def by_link(self, link: str) -> School | None:
        return _school(await self._schools.find_one({"link": link}))

    async def teacher(self, campaign: str, unit: str, citizen: int) -> Teacher | None:
        return _teacher(await self._teachers.find_one({"_id": f"{campaign}:{unit}:{citizen}"}))

    async def authorise(self, teacher: Teacher) -> None:
        """Hers from now on, in place of an older authorisation; her reports keep their mark."""
        fields = {name: value for name, value in msgspec.to_builtins(teacher).items() if name not in ("mark", "also")}
        await self._teachers.update_one(
            {"_id": f"{teacher.campaign}:{teacher.unit}:{teacher.citizen}"},
            {"$set": {**fields, "listed": f"{teacher.campaign}:{teacher.unit}:{int(teacher.authorised_at):012d}:{teacher.mark}"},
             "$setOnInsert": {"mark": teacher.mark}}, upsert=True)

    async def teachers(self, campaign: str, unit: str) -> list[Teacher]:
        """Everybody who ever had the school's code, the oldest first; the newest where they are too many."""
        stretch = {"$gt": f"{campaign}:{unit}:", "$lt": f"{campaign}:{unit};"}
        found = await self._teachers.find({"listed": stretch}).sort("listed", -1).limit(MAX_LISTED).to_list(None)
        return [teacher for teacher in map(_teacher, reversed(found)) if teacher is not None]

    async def of_citizen(self, citizen: int) -> list[Teacher]:
        found = await self._teachers.find({"citizen": citizen}).limit(MAX_SCHOOLS_OF_ONE).to_list(None)
        return [teacher for teacher in map(_teacher, found) if teacher is not None]

    async def revoke(self, teacher: Teacher, now: float) -> bool:
        done = await self._teachers.update_one(
            {"_id": f"{teacher.campaign}:{teacher.unit}:{teacher.citizen}", "revoked_at": 0.0}, {"$set": {"revoked_at": now}})
        return done.modified_count == 1

    async def merge(self, loser: int, survivor: int) -> None:
        """Two numbers are one person: what she may under either, but for what she was shut out of under one; her reports are hers under
        both. May be repeated; what staff change in this moment is left to the next time."""
        for lost in await self._teachers.find({"citizen": loser}).limit(MOST_EMPTIED).to_list(None):
            kept_id = f"{lost['campaign']}:{lost['unit']}:{survivor}"
            kept = await self._teachers.find_one({"_id": kept_id})
            if kept is None:
                with suppress(DuplicateKeyError):
                    await self._teachers.insert_one({**lost, "_id": kept_id, "citizen": survivor})
                    await self._teachers.delete_one(_as_seen(lost))
                continue
            done = await self._teachers.update_one(_as_seen(kept), _joined(kept, lost))
            if done.matched_count == 1:
                await self._teachers.delete_one(_as_seen(lost))

    async def empty_of(self, citizen: int, mark: str) -> None:
        """Remove where she may. Where she was revoked only that stays, in no list, under a mark that no report carries. May be repeated."""
        for found in await self._teachers.find({"citizen": citizen}).limit(MOST_EMPTIED).to_list(None):
            if found["revoked_at"]:
                await self._teachers.update_one({"_id": found["_id"]}, {"$set": {"mark": mark, "authorised_at": 0.0},
                                                                        "$unset": {"listed": "", "also": ""}})
            else:
                await self._teachers.delete_one({"_id": found["_id"], "revoked_at": found["revoked_at"]})

    async def remove_of(self, citizen: int) -> None:
        await self._teachers.delete_many({"citizen": citizen})


class GroupReportStore:
    """The only code that touches `group_reports`: a school's day in one document, so that its sum and its rows change together."""

    def __init__(self, mongo: Database) -> None:
        self._days = mongo["group_reports"]

    async def find(self, campaign: str, unit: str, day: str) -> SchoolDay | None:
        return _day(await self._days.find_one({"_id": f"{campaign}:{unit}:{day}"}))

    async def add(self, about: SchoolDay, entry: Entry, before: Standing | None) -> bool:
        """Put a row on top of what stands for its class, and change the sum with it; False where that has changed meanwhile."""
        place = f"classes.{entry.klass}"
        stands = Standing(entry.no, entry.people, entry.at, entry.by, int(entry.kind == "void"))
        where = f"{about.unit}:{about.day}"
        try:
            done = await self._days.update_one(
                {"_id": f"{about.campaign}:{where}", f"{place}.no": before.no if before else {"$exists": False}},
                {"$set": {place: msgspec.to_builtins(stands), f"rows.{entry.klass}-{entry.no}": msgspec.to_builtins(entry),
                          "changed": f"{about.campaign}:{int(entry.at * 1000):015d}:{where}"},
                 "$setOnInsert": {"campaign": about.campaign, "unit": about.unit, "region": about.region, "day": about.day,
                                  "pos": f"{about.campaign}:{about.day}:{about.unit}"},
                 "$inc": {"people": entry.people - (before.people if before else 0)}}, upsert=before is None)
        except DuplicateKeyError:
            return False  # the class has a report, or the day was begun by another class in this moment
        return done.matched_count == 1 or done.upserted_id is not None

    async def of_unit(self, campaign: str, unit: str, days: list[str]) -> list[SchoolDay]:
        ids = [f"{campaign}:{unit}:{day}" for day in days]
        found = await self._days.find({"_id": {"$in": ids}}).limit(len(ids) or 1).to_list(None)
        return sorted((day for day in map(_day, found) if day is not None), key=lambda one: one.day, reverse=True)

    async def page(self, campaign: str, before: str) -> tuple[list[SchoolDay], str | None]:
        """Newest days first; `before` is a cursor of the last page."""
        stretch = {"$gt": f"{campaign}:", "$lt": f"{campaign}:{before}" if before else f"{campaign};"}
        found = await self._days.find({"pos": stretch}).sort("pos", -1).limit(DAYS_A_PAGE).to_list(None)
        days = [day for day in map(_day, found) if day is not None]
        return days, f"{days[-1].day}:{days[-1].unit}" if len(days) == DAYS_A_PAGE else None

    async def all(self, campaign: str) -> AsyncIterator[list[SchoolDay]]:
        """Every day of every school, the oldest first."""
        last = f"{campaign}:"
        while True:
            found = await self._days.find({"pos": {"$gt": last, "$lt": f"{campaign};"}}).sort("pos", 1).limit(DAYS_A_PAGE).to_list(None)
            if found:
                yield [day for day in map(_day, found) if day is not None]
            if len(found) < DAYS_A_PAGE:
                return
            last = found[-1]["pos"]

    async def sums(self, campaign: str, since: str) -> AsyncIterator[list[DaySum]]:
        """The sums of the days that changed after `since`, a value of `changed`, or of all."""
        last = since or f"{campaign}:"
        while True:
            found = await self._days.find({"changed": {"$gt": last, "$lt": f"{campaign};"}}, SUM_FIELDS).sort("changed", 1).limit(
                SUMS_A_PAGE).to_list(None)
            if found:
                yield [DaySum(d["unit"], d["day"], int(d["people"]), d["changed"]) for d in found]
            if len(found) < SUMS_A_PAGE:
                return
            last = found[-1]["changed"]


def _as_seen(teacher: Document) -> Document:
    return {"_id": teacher["_id"], "turn": teacher["turn"], "revoked_at": teacher["revoked_at"]}


def _joined(kept: Document, lost: Document) -> Document:
    """What makes of one record the record of both: the newer code decides, and of one code that she was revoked."""
    first = max((kept, lost), key=lambda one: (one["turn"], one["revoked_at"] > 0))
    marks = dict.fromkeys((kept["mark"], *kept.get("also", ()), lost["mark"], *lost.get("also", ())))
    fields = {name: first[name] for name in ("turn", "authorised_at", "revoked_at", "listed") if name in first}
    change: Document = {"$set": {**fields, "also": list(marks)[1:]}}
    return change if "listed" in first else change | {"$unset": {"listed": ""}}


def _school(found: Document | None) -> School | None:
    return None if found is None else msgspec.convert(found, School)


def _teacher(found: Document | None) -> Teacher | None:
    return None if found is None else msgspec.convert(found, Teacher)


def _day(found: Document | None) -> SchoolDay | None:
    return None if found is None else msgspec.convert(_whole(found), SchoolDay)


def _whole(found: Document) -> dict[str, Any]:
    # A sum that $inc brought to a number may come back as one with a fraction of 0 from other stores.
    return {**found, "people": int(found["people"])}
