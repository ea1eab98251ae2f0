"""Schools 学校: each unit's own link and code, and who may report for her and see her figures.

Owns: `schools` and `school_teachers`, and how often codes are tried. Does not own: the units (server/places.py), the reports
(group_reports.py). Invariants: a code is kept nowhere (codes.py); whoever is authorised for a school is so by her code of then, until the
staff revokes her, shuts out all of an older code, or the campaign is a month over; nobody learns anything of another school.

Failure policy: closed: without MongoDB or Redis nobody is authorised. A school's link answers while MongoDB is away if this process has led
there before.
"""

from __future__ import annotations

import secrets
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlencode

from msgspec import structs

from server import keys
from server.campaigns import Campaign
from server.clock import day_of
from server.errors import Conflict, NotFound
from server.metrics import Metrics
from server.places import PlaceIndex, Places, Unit
from server.schools.classes import check_class
from server.schools.codes import SchoolCodes, new_salt
from server.schools.record import (
    ACCESS_SECONDS,
    CodeExpired,
    CodeWrong,
    NotTeacher,
    School,
    SchoolTriedTooOften,
    Teacher,
    TeacherNotFound,
    TeacherRevoked,
    TooManyTeachers,
    TriedTooOften,
    UnknownUnit,
)
from server.schools.store import MAX_TEACHERS, SchoolStore
from server.stores import RedisClient

# A teacher enters her code once; ten leave room for a bad print and a tired evening.
TRIES_A_DAY = 10
# A school of a hundred teachers mistypes some; a thousand times this would still not find a code in a campaign.
WRONG_AN_HOUR = 60
HOUR_SECONDS = 3600
MARK_BYTES = 8
# Links that this process has led from: all schools of a city with room.
KNOWN_LINKS = 20_000
SCHOOLS_A_PAGE = 50


@dataclass(frozen=True)
class SchoolPage:
    """Units with their link and code; `next`: the cursor of the next page."""

    items: list[tuple[Unit, School]]
    next: str | None


class Schools:
    def __init__(self, store: SchoolStore, places: Places, redis: RedisClient, secret_key: bytes,
                 base_url: Callable[[], str], metrics: Metrics) -> None:
        self._store = store
        self._places = places
        self._redis = redis
        self._codes = SchoolCodes(secret_key)
        self._base_url = base_url
        self._metrics = metrics
        self._links: dict[str, tuple[str, str]] = {}

    # What stands on letters and behind links

    async def page(self, campaign: Campaign, region: str, query: str, cursor: str) -> SchoolPage:
        """A page of the campaign's units, by district and name; each gets its code at first sight. Raises NotFound for a strange region."""
        index = await self._places.of(campaign)
        if region and not index.has_region(region):
            raise NotFound("UNKNOWN_REGION", "没有这个区县", field="region")
        units = listed(index, region, query, cursor, SCHOOLS_A_PAGE + 1)
        shown = units[:SCHOOLS_A_PAGE]
        kept = await self.kept(campaign, [unit.code for unit in shown])
        return SchoolPage([(unit, kept[unit.code]) for unit in shown],
                          index.place_of(shown[-1]) if len(units) > SCHOOLS_A_PAGE else None)

    async def kept(self, campaign: Campaign, units: list[str]) -> dict[str, School]:
        """The schools' records, made where there are none yet."""
        found = await self._store.find_many(campaign.slug, units)
        for unit in units:
            if unit not in found:
                link = self._codes.link(campaign.slug, unit)
                found[unit] = await self._store.create(School(campaign.slug, unit, new_salt(), link, 1, 0, 0.0))
        return found

    async def of(self, campaign: Campaign, unit: str) -> tuple[Unit, School]:
        """Raises UnknownUnit."""
        place = await self.place(campaign, unit)
        return place, (await self.kept(campaign, [unit]))[unit]

    async def place(self, campaign: Campaign, unit: str) -> Unit:
        """Raises UnknownUnit."""
        found = (await self._places.of(campaign)).units.get(unit)
        if found is None:
            raise UnknownUnit()
        return found

    def code_of(self, school: School) -> str:
        return self._codes.code(school.campaign, school.unit, school.salt)

    def address_of(self, school: School, klass: str = "") -> str:
        """What a school's citizens open, or a class's."""
        return f"{self._base_url()}/s/{school.link}" + (f"/{klass}" if klass else "")

    def teacher_address(self, campaign: str, unit: str) -> str:
        return f"{self._base_url()}/teacher/{campaign}?u={unit}"

    def class_mode_address(self, campaign: str, unit: str) -> str:
        return f"{self._base_url()}/class/{campaign}?u={unit}"

    @staticmethod
    def expires_at(campaign: Campaign) -> float:
        """When codes and teachers' access end."""
        return float(campaign.closes_at + ACCESS_SECONDS)

    async def led(self, link: str) -> tuple[str, str]:
        """The campaign and the unit that a school's link is of. Raises NotFound."""
        known = self._links.get(link)
        if known is None:
            school = await self._store.by_link(link)
            if school is None:
                raise NotFound("LINK_NOT_FOUND", "这个链接不存在或已失效")
            if len(self._links) >= KNOWN_LINKS:
                self._links.clear()
            known = self._links[link] = school.campaign, school.unit
        return known

    async def citizen_path(self, campaign: Campaign, unit: str, klass: str) -> str:
        """The campaign's page with the school filled in, as a class's or school's link leads to it. Raises UnknownUnit, UnknownClass."""
        place = await self.place(campaign, unit)
        query = {"ch": "class" if klass else "school", "r": place.region, "u": unit} | ({"k": check_class(klass)} if klass else {})
        return f"/c/{campaign.slug}?{urlencode(query)}"

    async def rotate(self, campaign: Campaign, unit: str, turn: int, now: float, *, shut_out: bool) -> School:
        """A new code in place of the one that was seen, by its turn; `shut_out`: teachers of older codes go too.

        Raises UnknownUnit, Conflict SCHOOL_CODE_CHANGED.
        """
        _, school = await self.of(campaign, unit)
        salt, from_turn = new_salt(), school.turn + 1 if shut_out else school.from_turn
        if school.turn != turn or not await self._store.rotate(school, salt, from_turn, now):
            raise Conflict("SCHOOL_CODE_CHANGED", "这所学校的授权码刚刚被别人更换，请刷新后再看")
        return structs.replace(school, salt=salt, turn=turn + 1, from_turn=from_turn, changed_at=now)

    # Teachers

    async def authorise(self, campaign: Campaign, unit: str, citizen: int, typed: str, now: float) -> Teacher:
        """She has the school's code. Raises UnknownUnit, CodeWrong, CodeExpired, TriedTooOften, TeacherRevoked, TooManyTeachers."""
        _, school = await self.of(campaign, unit)
        if (already := await self._standing(school, campaign, citizen, now)) is not None:
            return already
        await self._check_code(school, citizen, typed, now)
        if now >= self.expires_at(campaign):
            raise CodeExpired()
        before = await self._store.teacher(campaign.slug, unit, citizen)
        if before is not None and before.revoked_at and before.turn == school.turn:
            raise TeacherRevoked()
        in_force = sum(is_in_force(teacher, school) for teacher in await self._store.teachers(campaign.slug, unit))
        if in_force >= MAX_TEACHERS:  # she is none of them, or she would stand
            raise TooManyTeachers()
        await self._store.authorise(Teacher(campaign.slug, unit, citizen, secrets.token_hex(MARK_BYTES), school.turn, now))
        found = await self._store.teacher(campaign.slug, unit, citizen)  # two of her presses at once have one mark
        assert found is not None
        return found

    async def teacher(self, campaign: Campaign, unit: str, citizen: int, now: float) -> Teacher:
        """Raises UnknownUnit, NotTeacher."""
        _, school = await self.of(campaign, unit)
        found = await self._standing(school, campaign, citizen, now)
        if found is None:
            raise NotTeacher()
        return found

    async def schools_of(self, campaign: Campaign, citizen: int, now: float) -> list[Unit]:
        """Where she is authorised."""
        found = []
        for teacher in await self._store.of_citizen(citizen):
            unit = (await self._places.of(campaign)).units.get(teacher.unit) if teacher.campaign == campaign.slug else None
            if unit is not None and await self._standing((await self.kept(campaign, [unit.code]))[unit.code], campaign, citizen, now):
                found.append(unit)
        return found

    async def teachers(self, campaign: Campaign, unit: str) -> tuple[School, list[Teacher]]:
        """Everybody who had the school's code. Raises UnknownUnit."""
        _, school = await self.of(campaign, unit)
        return school, await self._store.teachers(campaign.slug, unit)

    async def revoke(self, campaign: Campaign, unit: str, mark: str, now: float) -> Teacher:
        """Shut one teacher out; her reports stay. Raises UnknownUnit, TeacherNotFound."""
        _, teachers = await self.teachers(campaign, unit)
        found = next((teacher for teacher in teachers if teacher.mark == mark), None)
        if found is None:
            raise TeacherNotFound()
        await self._store.revoke(found, now)
        return found

    async def forget(self, citizen: int, now: float) -> None:
        """What a deletion removes here: the reports stay as figures that lead to nobody.

        That she was revoked stays under her number while she could come back to it, so that an old code opens nothing anew.
        """
        await self._store.empty_of(citizen, secrets.token_hex(MARK_BYTES))

    async def forget_number(self, citizen: int) -> None:
        """Nobody can come back to this number any more."""
        await self._store.remove_of(citizen)

    async def merge(self, loser: int, survivor: int) -> None:
        await self._store.merge(loser, survivor)

    async def _standing(self, school: School, campaign: Campaign, citizen: int, now: float) -> Teacher | None:
        teacher = await self._store.teacher(school.campaign, school.unit, citizen)
        return teacher if teacher is not None and is_in_force(teacher, school) and now < self.expires_at(campaign) else None

    async def _check_code(self, school: School, citizen: int, typed: str, now: float) -> None:
        """Raises CodeWrong, TriedTooOften, SchoolTriedTooOften. Her tries are counted before the code is looked at, so none is free."""
        hers, all_wrong = keys.school_tries(citizen, day_of(now)), keys.school_wrong(school.campaign, school.unit, int(now // HOUR_SECONDS))
        tries = await self._redis.incr(hers)
        await self._redis.expire(hers, keys.SCHOOL_TRIES_SECONDS)
        if tries > TRIES_A_DAY:
            self._metrics.record("school_codes_tried_total", "refused")
            raise TriedTooOften()
        if int(await self._redis.get(all_wrong) or 0) >= WRONG_AN_HOUR:
            self._metrics.record("school_codes_tried_total", "refused")
            raise SchoolTriedTooOften()
        if not self._codes.is_right(typed, school.campaign, school.unit, school.salt):
            await self._redis.incr(all_wrong)
            await self._redis.expire(all_wrong, keys.SCHOOL_TRIES_SECONDS)
            self._metrics.record("school_codes_tried_total", "wrong")
            raise CodeWrong()
        self._metrics.record("school_codes_tried_total", "right")


def is_in_force(teacher: Teacher, school: School) -> bool:
    return not teacher.revoked_at and teacher.turn >= school.from_turn


def listed(index: PlaceIndex, region: str, query: str, after: str, most: int) -> list[Unit]:
    """The first units after a cursor that are asked for by district and by a part of name, code or initials."""
    wanted, found = query.strip().lower(), list[Unit]()
    for _, unit in index.in_order[bisect_right(index.in_order, after, key=lambda one: one[0]):]:
        if (not region or unit.region == region) and (
                not wanted or wanted in unit.name.lower() or wanted in unit.initials or wanted == unit.code.lower()):
            found.append(unit)
            if len(found) == most:
                break
    return found
