"""Schools, through the staff's interface: links, codes and letters, authorised teachers, group reports and their voids."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from typing import Any
from urllib.parse import urlencode

import msgspec

from handlers.codes_drawn import drawn
from handlers.staff import StaffHandler
from handlers.streams import StreamHandler
from server.campaigns import Campaign
from server.clock import iso
from server.errors import InvalidBody
from server.places import Unit
from server.reports.exports import masked_number
from server.schools import letters
from server.schools.classes import CLASS, GRADES, UnknownClass, class_name, class_order
from server.schools.record import KIND_NAMES, School, SchoolDay, Teacher
from server.schools.service import is_in_force

LETTERS_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'"
MAX_QUERY_CHARACTERS = 64


class RotationBody(msgspec.Struct):
    """`turn`: of the code that was seen; `shut_out`: teachers who came by older codes have to enter the new one."""

    turn: int
    shut_out: bool = False


class GroupVoidBody(msgspec.Struct):
    """Which class of which school on which day, such as 20261001, and why."""

    unit: str
    day: str
    klass: str = msgspec.field(name="class")
    reason: str = ""


def masked_teacher(teacher: Teacher, school: School) -> dict[str, Any]:
    return {"id": teacher.mark, "citizen": masked_number(teacher.citizen), "authorised_at": iso(teacher.authorised_at),
            "revoked_at": iso(teacher.revoked_at) if teacher.revoked_at else None, "in_force": is_in_force(teacher, school)}


def day_views(day: SchoolDay, name: str) -> list[dict[str, Any]]:
    """A row for each class of a school's day, voided ones too, each with its history."""
    return [{"unit": day.unit, "name": name, "region": day.region, "day": day.day, "class": code, "class_name": class_name(code),
             "people": one.people, "void": bool(one.void), "at": iso(one.at), "no": one.no, "history": [
                 {"no": entry.no, "kind": entry.kind, "kind_name": KIND_NAMES[entry.kind], "people": entry.people, "at": iso(entry.at),
                  "by": entry.by if entry.kind == "void" else "", "reason": entry.reason} for entry in day.log if entry.klass == code]}
            for code, one in sorted(day.classes.items(), key=lambda item: class_order(item[0]))]


class SchoolHandler(StaffHandler):
    def query(self) -> tuple[str, str, str]:
        """Region, part of a name, and cursor. Raises InvalidBody."""
        found = self.get_query_argument("region", ""), self.get_query_argument("q", ""), self.get_query_argument("cursor", "")
        if len(found[1]) > MAX_QUERY_CHARACTERS:
            raise InvalidBody("QUERY_TOO_LONG", f"搜索的字数请少于 {MAX_QUERY_CHARACTERS} 个", field="q")
        return found

    def school_view(self, campaign: Campaign, unit: Unit, school: School) -> dict[str, Any]:
        """Its links; its code stands on letters alone."""
        schools = self.services.schools
        return {"unit": unit.code, "name": unit.name, "region": unit.region, "url": schools.address_of(school),
                "teacher_url": schools.teacher_address(campaign.slug, unit.code),
                "class_mode_url": schools.class_mode_address(campaign.slug, unit.code), "turn": school.turn,
                "code_changed_at": iso(school.changed_at) if school.changed_at else None,
                "code_expires_at": iso(schools.expires_at(campaign))}


class Schools(SchoolHandler):
    async def get(self, slug: str) -> None:
        """The campaign's schools and other units with their links, by district and name."""
        await self.member(campaign=slug)
        campaign, (region, query, cursor) = await self.services.campaigns.get_any(slug), self.query()
        page = await self.services.schools.page(campaign, region, query, cursor)
        self.reply({"items": [self.school_view(campaign, unit, school) for unit, school in page.items], "next": page.next})


class OneSchool(SchoolHandler):
    async def get(self, slug: str, unit: str) -> None:
        """One school: her links with their QR codes, her teachers, her own figures."""
        await self.member(campaign=slug)
        campaign = await self.services.campaigns.get_any(slug)
        place, school = await self.services.schools.of(campaign, unit)
        _, teachers = await self.services.schools.teachers(campaign, unit)
        own = await self.services.school_figures.of(campaign, place, self.now())
        view = self.school_view(campaign, place, school)
        self.reply({**view, "picture": await drawn(view["url"]), "teacher_picture": await drawn(view["teacher_url"]),
                    "teachers": [masked_teacher(teacher, school) for teacher in teachers], "participants": own.participants,
                    "group_reported": own.group_people, "grades": GRADES,
                    "reports": [row for day in own.days for row in day_views(day, place.name)]})


class ClassLink(SchoolHandler):
    async def get(self, slug: str, unit: str, klass: str) -> None:
        """The link of a class with its QR code."""
        await self.member(campaign=slug)
        if not CLASS.fullmatch(klass):
            raise UnknownClass()
        _, school = await self.services.schools.of(await self.services.campaigns.get_any(slug), unit)
        url = self.services.schools.address_of(school, klass)
        self.reply({"class": klass, "class_name": class_name(klass), "url": url, "picture": await drawn(url)})


class SchoolCode(SchoolHandler):
    async def post(self, slug: str, unit: str) -> None:
        """A new code for a school; the old letter ends."""
        member, body = await self.member("editor", campaign=slug, fresh=True), self.body(RotationBody)
        campaign = await self.services.campaigns.get_any(slug)
        school = await self.services.schools.rotate(campaign, unit, body.turn, self.now(), shut_out=body.shut_out)
        await self.log(member, "school.code", f"{slug}:{unit}", turn=school.turn, shut_out=body.shut_out)
        self.reply(self.school_view(campaign, await self.services.schools.place(campaign, unit), school))


class OneTeacher(SchoolHandler):
    async def delete(self, slug: str, unit: str, teacher: str) -> None:
        """Shut a teacher out; her reports stay."""
        member = await self.member("editor", "operator", campaign=slug)
        await self.services.schools.revoke(await self.services.campaigns.get_any(slug), unit, teacher, self.now())
        await self.log(member, "school.teacher_revoke", f"{slug}:{unit}", teacher=teacher)
        self.done()


class Letters(StreamHandler, SchoolHandler):
    async def get(self, slug: str) -> None:
        """Letters to schools with their codes, an A4 page each, for printing."""
        member = await self.member("editor", campaign=slug)
        campaign = await self.services.campaigns.get_any(slug)
        units, following = await self._chosen(campaign)
        await self.log(member, "school.letters", slug, letters=len(units), first=units[0][0].code if units else "")
        self.set_header("Content-Security-Policy", LETTERS_POLICY)
        self.set_header("Referrer-Policy", "no-referrer")
        await self.send(self._letters(campaign, units, following), "text/html; charset=UTF-8")

    async def _chosen(self, campaign: Campaign) -> tuple[Sequence[tuple[Unit, School]], str]:
        """One school by `unit`, else those of a list, and the address of the next ones."""
        if unit := self.get_query_argument("unit", ""):
            return [await self.services.schools.of(campaign, unit)], ""
        region, query, cursor = self.query()
        found: list[tuple[Unit, School]] = []
        while len(found) < letters.LETTERS_AT_ONCE:
            page = await self.services.schools.page(campaign, region, query, cursor)
            found += page.items
            if page.next is None:
                return found, ""
            cursor = page.next
        return found, f"{self.request.path}?{urlencode({'region': region, 'q': query, 'cursor': cursor})}"

    async def _letters(self, campaign: Campaign, units: Sequence[tuple[Unit, School]], following: str) -> AsyncGenerator[str, None]:
        schools = self.services.schools
        yield letters.head(len(units))
        for unit, school in units:
            teacher, citizen = schools.teacher_address(campaign.slug, unit.code), schools.address_of(school)
            about = letters.Letter(unit.name, unit.code, schools.code_of(school), teacher, await drawn(teacher), citizen,
                                   await drawn(citizen), schools.class_mode_address(campaign.slug, unit.code))
            yield letters.letter(campaign, about, schools.expires_at(campaign))
        yield letters.foot(following)


class GroupReports(SchoolHandler):
    async def get(self, slug: str) -> None:
        """What teachers reported, the newest days first; with `unit` of one school."""
        await self.member(campaign=slug)
        campaign, unit = await self.services.campaigns.get_any(slug), self.get_query_argument("unit", "")
        if unit:
            await self.services.schools.place(campaign, unit)
            days, following = await self.services.group_reports.of_unit(campaign, unit, self.now()), None
        else:
            days, following = await self.services.group_reports.page(campaign, self.get_query_argument("cursor", ""))
        units = (await self.services.places.of(campaign)).units
        self.reply({"items": [row for day in days for row in day_views(day, units[day.unit].name if day.unit in units else day.unit)],
                    "next": following})


class GroupVoids(SchoolHandler):
    async def post(self, slug: str) -> None:
        """Take a class's report out of every figure, with a reason."""
        member, body = await self.member("operator", "editor", campaign=slug, fresh=True), self.body(GroupVoidBody)
        campaign = await self.services.campaigns.get_any(slug)
        stood = await self.services.group_reports.void(campaign, body.unit, body.day, body.klass, member.name, body.reason, self.now())
        await self.log(member, "group_report.void", f"{slug}:{body.unit}:{body.day}:{body.klass}", people=stood.people,
                       reason=body.reason.strip())
        self.reply({"voided": stood.people})
