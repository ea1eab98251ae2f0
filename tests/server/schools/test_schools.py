"""Schools: links that lead to their own page, codes that are kept nowhere, and who may act for a school."""

from __future__ import annotations

import asyncio

import pytest

from server.errors import Conflict, NotFound
from server.schools.codes import SchoolCodes
from server.schools.record import (
    ACCESS_SECONDS,
    CodeExpired,
    CodeWrong,
    NotTeacher,
    SchoolTriedTooOften,
    TeacherNotFound,
    TeacherRevoked,
    TooManyTeachers,
    TriedTooOften,
    UnknownUnit,
)
from server.schools.service import TRIES_A_DAY
from tests.command_listener import LOOKING
from tests.server.schools.world import LI, OTHER, OUYANG, SCHOOL, SECRET, WANG, SchoolsWorld

pytestmark = pytest.mark.gen_test(timeout=60)


async def opened(stores, **changes) -> SchoolsWorld:
    return await SchoolsWorld(stores).opened(**changes)


class TestCodes:
    async def test_a_code_is_kept_nowhere_and_every_school_has_another(self, stores):
        world = await opened(stores)
        codes = {await world.code(unit) for unit in (SCHOOL, OTHER, "school-3")}
        assert len(codes) == 3
        kept = str(await stores.mongo["schools"].find(comment=LOOKING).to_list(None))
        assert all(code not in kept and code.replace("-", "").lower() not in kept.lower() for code in codes)

    async def test_two_processes_that_make_a_school_at_once_print_the_same_code(self, stores):
        world = await opened(stores)
        made = await asyncio.gather(*(world.process()[0].of(world.campaign, SCHOOL) for _ in range(8)))
        assert len({world.schools.code_of(school) for _, school in made}) == 1

    def test_a_code_is_read_as_people_type_it(self):
        codes = SchoolCodes(SECRET)
        code = codes.code("flag", SCHOOL, "salt")
        assert all(codes.is_right(typed, "flag", SCHOOL, "salt") for typed in (
            code, code.lower(), code.replace("-", ""), f" {code.replace('-', ' ')} ", code.replace("-", "—")))
        assert not any(codes.is_right(typed, "flag", SCHOOL, "salt") for typed in ("", code[:-1], code + "A", "中文", codes.code(
            "flag", OTHER, "salt"), codes.code("flag", SCHOOL, "another"), SchoolCodes(b"x" * 32).code("flag", SCHOOL, "salt")))

    async def test_a_new_code_ends_the_old_one_and_teachers_stay_unless_they_are_shut_out(self, stores):
        world = await opened(stores)
        old = await world.code()
        await world.teacher()
        await world.schools.rotate(world.campaign, SCHOOL, 1, world.now, shut_out=False)
        assert await world.code() != old
        with pytest.raises(CodeWrong):
            await world.schools.authorise(world.campaign, SCHOOL, LI, old, world.now)
        assert await world.schools.teacher(world.campaign, SCHOOL, WANG, world.now)
        await world.schools.rotate(world.campaign, SCHOOL, 2, world.now, shut_out=True)
        with pytest.raises(NotTeacher):
            await world.schools.teacher(world.campaign, SCHOOL, WANG, world.now)
        mark = (await world.schools.teachers(world.campaign, SCHOOL))[1][0].mark
        assert (await world.teacher()).mark == mark  # with the new code she is who she was, so her reports are still hers

    async def test_of_two_who_make_a_new_code_at_once_one_is_told(self, stores):
        world = await opened(stores)
        await world.code()
        answers = await asyncio.gather(*(world.schools.rotate(world.campaign, SCHOOL, 1, world.now, shut_out=False) for _ in range(2)),
                                       return_exceptions=True)
        assert [answer.code for answer in answers if isinstance(answer, Conflict)] == ["SCHOOL_CODE_CHANGED"]

    async def test_a_code_and_what_it_opened_end_a_month_after_the_campaign(self, stores):
        world = await opened(stores)
        await world.teacher()
        code, world.now = await world.code(), float(world.campaign.closes_at + ACCESS_SECONDS)
        with pytest.raises(CodeExpired):
            await world.schools.authorise(world.campaign, SCHOOL, LI, code, world.now)
        with pytest.raises(NotTeacher):
            await world.schools.teacher(world.campaign, SCHOOL, WANG, world.now)


class TestTries:
    async def test_a_teacher_has_ten_tries_a_day(self, stores):
        world = await opened(stores)
        for _ in range(TRIES_A_DAY):
            with pytest.raises(CodeWrong):
                await world.schools.authorise(world.campaign, SCHOOL, WANG, "AAAA-AAAA", world.now)
        with pytest.raises(TriedTooOften):
            await world.teacher()  # the right one too: a guess that hits is no better
        world.now += 86400
        assert await world.teacher()

    async def test_a_crowd_that_guesses_is_stopped_for_an_hour_and_who_was_let_in_goes_on(self, stores, monkeypatch):
        monkeypatch.setattr("server.schools.service.WRONG_AN_HOUR", 5)
        world = await opened(stores)
        await world.teacher()
        for stranger in range(100, 105):
            with pytest.raises(CodeWrong):
                await world.schools.authorise(world.campaign, SCHOOL, stranger, "AAAA-AAAA", world.now)
        with pytest.raises(SchoolTriedTooOften):
            await world.teacher(LI)
        assert await world.teacher()
        assert await world.teacher(LI, OTHER)  # another school is not stopped
        world.now += 3600
        assert await world.teacher(LI)


class TestTeachers:
    async def test_a_teacher_of_one_school_is_nobody_at_another(self, stores):
        world = await opened(stores)
        await world.teacher()
        for unit, refusal in ((OTHER, NotTeacher), ("nowhere", UnknownUnit)):
            with pytest.raises(refusal):
                await world.schools.teacher(world.campaign, unit, WANG, world.now)
        assert [unit.code for unit in await world.schools.schools_of(world.campaign, WANG, world.now)] == [SCHOOL]
        with pytest.raises(CodeWrong):  # one school's code opens no other
            await world.schools.authorise(world.campaign, OTHER, WANG, await world.code(SCHOOL), world.now)

    async def test_a_revoked_teacher_stays_out_until_there_is_a_new_code(self, stores):
        world = await opened(stores)
        wang = await world.teacher()
        await world.report(wang)
        await world.schools.revoke(world.campaign, SCHOOL, wang.mark, world.now)
        with pytest.raises(NotTeacher):
            await world.schools.teacher(world.campaign, SCHOOL, WANG, world.now)
        with pytest.raises(TeacherRevoked):
            await world.teacher()
        with pytest.raises(TeacherNotFound):
            await world.schools.revoke(world.campaign, SCHOOL, "0" * 16, world.now)
        assert await world.total() == 45  # what she reported stays
        await world.schools.rotate(world.campaign, SCHOOL, 1, world.now, shut_out=False)
        assert not (await world.teacher()).revoked_at

    async def test_a_school_has_room_for_its_teachers_and_no_more(self, stores, monkeypatch):
        monkeypatch.setattr("server.schools.service.MAX_TEACHERS", 2)
        world = await opened(stores)
        await world.teacher(WANG)
        await world.teacher(LI)
        with pytest.raises(TooManyTeachers):
            await world.teacher(OUYANG)
        assert await world.teacher(LI)

    async def test_whoever_is_out_of_force_takes_no_room(self, stores, monkeypatch):
        monkeypatch.setattr("server.schools.service.MAX_TEACHERS", 2)
        world = await opened(stores)
        wang = await world.teacher(WANG)
        await world.teacher(LI)
        await world.schools.revoke(world.campaign, SCHOOL, wang.mark, world.now)
        assert await world.teacher(OUYANG)
        await world.schools.rotate(world.campaign, SCHOOL, 1, world.now, shut_out=True)
        assert await world.teacher(WANG) and await world.teacher(LI)
        with pytest.raises(TooManyTeachers):  # neither does who was shut out come back into a full school
            await world.teacher(OUYANG)

    async def test_of_more_than_can_be_listed_the_newest_are(self, stores, monkeypatch):
        monkeypatch.setattr("server.schools.store.MAX_LISTED", 2)
        world = await opened(stores)
        for n, citizen in enumerate((WANG, LI, OUYANG)):
            await world.schools.authorise(world.campaign, SCHOOL, citizen, await world.code(), world.now + n)
        assert [one.citizen for one in (await world.schools.teachers(world.campaign, SCHOOL))[1]] == [LI, OUYANG]

    async def test_a_teacher_who_enters_the_code_twice_at_once_has_one_mark(self, stores):
        world = await opened(stores)
        code = await world.code()
        marks = {one.mark for one in await asyncio.gather(*(
            world.schools.authorise(world.campaign, SCHOOL, WANG, code, world.now) for _ in range(5)))}
        assert len(marks) == 1

    async def test_a_deletion_takes_the_teacher_and_leaves_the_figure(self, stores):
        world = await opened(stores)
        await world.report(await world.teacher())
        await world.schools.forget(WANG, world.now)
        with pytest.raises(NotTeacher):
            await world.schools.teacher(world.campaign, SCHOOL, WANG, world.now)
        assert await stores.mongo["school_teachers"].find(comment=LOOKING).to_list(None) == []
        kept = str(await stores.mongo["group_reports"].find(comment=LOOKING).to_list(None))
        assert "'citizen'" not in kept and await world.total() == 45
        assert (await world.groups.audit(world.campaign)) == (45, [])

    async def test_a_revoked_teacher_who_deletes_herself_stays_out_until_nobody_can_come_back(self, stores):
        world = await opened(stores)
        wang = await world.teacher()
        await world.report(wang)
        await world.schools.revoke(world.campaign, SCHOOL, wang.mark, world.now)
        for _ in range(2):  # an erasure may be repeated
            await world.schools.forget(WANG, world.now)
        with pytest.raises(TeacherRevoked):
            await world.teacher()
        assert wang.mark not in str(await stores.mongo["school_teachers"].find(comment=LOOKING).to_list(None))
        assert (await world.schools.teachers(world.campaign, SCHOOL))[1] == []
        await world.schools.rotate(world.campaign, SCHOOL, 1, world.now, shut_out=False)
        again = await world.teacher()
        assert again.mark != wang.mark and await world.schools.teachers(world.campaign, SCHOOL)
        await world.schools.forget_number(WANG)
        assert await stores.mongo["school_teachers"].find(comment=LOOKING).to_list(None) == []

    async def test_two_numbers_that_are_one_person_are_one_teacher(self, stores):
        world = await opened(stores)
        wang = await world.teacher(WANG)
        await world.report(wang)
        await world.teacher(LI, OTHER)
        for _ in range(2):  # may be repeated
            await world.schools.merge(WANG, LI)
        assert {unit.code for unit in await world.schools.schools_of(world.campaign, LI, world.now)} == {SCHOOL, OTHER}
        merged = await world.schools.teacher(world.campaign, SCHOOL, LI, world.now)
        assert (await world.report(merged, people=46, corrects=1)).is_new  # her report is still hers

    async def test_a_teacher_of_one_school_under_two_numbers_corrects_what_she_reported_under_either(self, stores):
        world = await opened(stores)
        wang, li = await world.teacher(WANG), await world.teacher(LI)
        await world.report(wang, "p3-1")
        await world.report(li, "p3-2")
        for _ in range(2):
            await world.schools.merge(WANG, LI)
        await world.teacher(LI)  # she enters the code once more
        merged = await world.schools.teacher(world.campaign, SCHOOL, LI, world.now)
        assert merged.mark == li.mark and len((await world.schools.teachers(world.campaign, SCHOOL))[1]) == 1
        for klass in ("p3-1", "p3-2"):
            assert (await world.report(merged, klass, people=46, corrects=1)).is_new

    @pytest.mark.parametrize(("revoked", "survivor"), [(WANG, LI), (WANG, WANG), (LI, LI)])
    async def test_who_was_revoked_under_one_number_is_so_under_both(self, stores, revoked, survivor):
        world = await opened(stores)
        teachers = {citizen: await world.teacher(citizen) for citizen in (WANG, LI)}
        await world.schools.revoke(world.campaign, SCHOOL, teachers[revoked].mark, world.now)
        for _ in range(2):
            await world.schools.merge(WANG + LI - survivor, survivor)
        with pytest.raises(NotTeacher):
            await world.schools.teacher(world.campaign, SCHOOL, survivor, world.now)
        with pytest.raises(TeacherRevoked):
            await world.teacher(survivor)
        await world.schools.forget(survivor, world.now)
        left = str(await stores.mongo["school_teachers"].find(comment=LOOKING).to_list(None))
        assert not any(teacher.mark in left for teacher in teachers.values()), "no report leads to her"

    async def test_who_has_the_newer_code_under_one_number_stays_when_older_ones_are_shut_out(self, stores):
        world = await opened(stores)
        await world.teacher(LI)
        await world.schools.rotate(world.campaign, SCHOOL, 1, world.now, shut_out=True)
        await world.teacher(WANG)
        await world.schools.merge(WANG, LI)
        assert (await world.schools.teacher(world.campaign, SCHOOL, LI, world.now)).turn == 2

    async def test_who_is_revoked_while_her_numbers_become_one_stays_revoked(self, stores, monkeypatch):
        world = await opened(stores)
        await world.teacher(WANG)
        li, find = await world.teacher(LI), world.schools._store._teachers.find_one

        async def then_she_is_revoked(served, *more, **how):
            found = await find(served, *more, **how)
            monkeypatch.setattr(world.schools._store._teachers, "find_one", find)
            await world.schools.revoke(world.campaign, SCHOOL, li.mark, world.now)
            return found

        monkeypatch.setattr(world.schools._store._teachers, "find_one", then_she_is_revoked)
        for _ in range(2):
            await world.schools.merge(WANG, LI)
        with pytest.raises(NotTeacher):
            await world.schools.teacher(world.campaign, SCHOOL, LI, world.now)


class TestLinks:
    async def test_a_schools_link_leads_to_the_page_with_the_school_filled_in(self, stores):
        world = await opened(stores)
        _, school = await world.schools.of(world.campaign, "school-3")
        assert world.schools.address_of(school) == f"http://wm.example/s/{school.link}"
        slug, unit = await world.process()[0].led(school.link)
        assert (slug, await world.schools.citizen_path(world.campaign, unit, "")) == ("flag", "/c/flag?ch=school&r=350605&u=school-3")
        assert await world.schools.citizen_path(world.campaign, unit, "p3-2") == "/c/flag?ch=class&r=350605&u=school-3&k=p3-2"
        with pytest.raises(NotFound):
            await world.schools.led("aaaaaaaaaa")

    async def test_a_list_of_schools_pages_by_place_and_is_searched(self, stores, monkeypatch):
        monkeypatch.setattr("server.schools.service.SCHOOLS_A_PAGE", 2)
        world = await opened(stores)
        first = await world.schools.page(world.campaign, "", "", "")
        second = await world.schools.page(world.campaign, "", "", first.next or "")
        assert [[unit.code for unit, _ in page.items] for page in (first, second)] == [["school-2", "school-1"], ["school-3"]]
        assert second.next is None
        for query, found in (("实验", [SCHOOL]), ("dyzx", [OTHER]), ("SCHOOL-3", ["school-3"]), ("没有", [])):
            assert [unit.code for unit, _ in (await world.schools.page(world.campaign, "", query, "")).items] == found
        assert [unit.code for unit, _ in (await world.schools.page(world.campaign, "350605", "", "")).items] == ["school-3"]
        with pytest.raises(NotFound):
            await world.schools.page(world.campaign, "999999", "", "")

    async def test_links_answer_from_memory_while_mongodb_is_away(self, stores, monkeypatch):
        world = await opened(stores)
        _, school = await world.schools.of(world.campaign, SCHOOL)
        await world.schools.led(school.link)
        monkeypatch.setattr(world.schools._store, "by_link", None)
        assert await world.schools.led(school.link) == ("flag", SCHOOL)
