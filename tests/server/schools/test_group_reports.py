"""Group reports: one a class and day whatever is raced or repeated, corrected and voided by rows, exact in every figure."""

from __future__ import annotations

import asyncio

import pytest
from pymongo.errors import AutoReconnect

from server.clock import day_bounds
from server.errors import Conflict, InvalidBody, WenmingError
from server.schools.classes import GRADES, check_class, class_name, class_order
from server.schools.record import MAX_PEOPLE, DayOutOfBounds, PeopleOutOfBounds, ReasonMissing, ReportNotStanding
from tests.server.schools.world import LI, MORNING, OTHER, SCHOOL, SchoolsWorld

pytestmark = pytest.mark.gen_test(timeout=60)
DAY_SECONDS = 86400


async def opened(stores, **changes) -> SchoolsWorld:
    return await SchoolsWorld(stores).opened(**changes)


async def refusal_of(asked) -> str:
    with pytest.raises(WenmingError) as refused:
        await asked
    return refused.value.code


class TestOneReport:
    async def test_a_class_is_reported_once_a_day_and_the_same_again_is_the_same_answer(self, stores):
        world = await opened(stores)
        wang = await world.teacher()
        first = await world.report(wang)
        again = await world.report(wang)
        assert (first.is_new, again.is_new) == (True, False)
        assert again.stands == first.stands
        assert await world.total() == 45

    async def test_two_teachers_of_one_class_at_once_are_one_row(self, stores):
        world = await opened(stores)
        teachers = [await world.teacher(number) for number in range(20, 30)]
        processes = [world.process()[1] for _ in range(2)]
        answers = await asyncio.gather(*(world.report(teacher, people=40 + n, groups=processes[n % 2])
                                         for n, teacher in enumerate(teachers)), return_exceptions=True)
        [taken] = [answer for answer in answers if not isinstance(answer, BaseException)]
        assert {answer.code for answer in answers if isinstance(answer, Conflict)} == {"CLASS_REPORTED"}
        assert len(answers) == 10 and sum(isinstance(answer, Conflict) for answer in answers) == 9
        assert [row.people for row in await world.rows()] == [taken.stands.people]
        assert await world.total() == taken.stands.people

    async def test_a_teacher_who_presses_ten_times_is_one_row(self, stores):
        world = await opened(stores)
        wang = await world.teacher()
        answers = await asyncio.gather(*(world.report(wang) for _ in range(10)))
        assert sum(answer.is_new for answer in answers) == 1
        assert {answer.stands.no for answer in answers} == {1}
        assert await world.total() == 45

    async def test_many_classes_of_a_school_at_once_all_count(self, stores):
        world = await opened(stores)
        teachers = [await world.teacher(number) for number in range(20, 32)]
        await asyncio.gather(*(world.report(teacher, f"p{n % 6 + 1}-{n // 6 + 1}", 30 + n) for n, teacher in enumerate(teachers)))
        assert await world.total() == sum(30 + n for n in range(12)) == sum(row.people for row in await world.rows())
        assert await world.groups.audit(world.campaign) == (sum(30 + n for n in range(12)), [])

    async def test_an_answer_that_was_lost_on_the_way_is_asked_for_again(self, stores, monkeypatch):
        world = await opened(stores)
        wang = await world.teacher()
        add = world.groups._store.add

        async def cut(*given):
            await add(*given)
            raise AutoReconnect("the line broke after it was written")

        monkeypatch.setattr(world.groups._store, "add", cut)
        with pytest.raises(AutoReconnect):
            await world.report(wang)
        monkeypatch.setattr(world.groups._store, "add", add)
        assert not (await world.report(wang)).is_new
        assert await world.total() == 45

    async def test_a_process_that_dies_before_it_writes_leaves_nothing(self, stores, monkeypatch):
        world = await opened(stores)
        wang = await world.teacher()
        add = world.groups._store.add

        async def killed(*given):
            raise asyncio.CancelledError

        monkeypatch.setattr(world.groups._store, "add", killed)
        with pytest.raises(asyncio.CancelledError):
            await world.report(wang)
        monkeypatch.setattr(world.groups._store, "add", add)
        assert await world.total() == 0
        assert (await world.report(wang)).is_new


class TestRules:
    @pytest.mark.parametrize("klass", ["", "p3", "p3-0", "p3-100", "p7-1", "p3-２", "张三", "p3-2 张三", "g-", "p3-02"])
    async def test_a_class_is_a_grade_and_a_number_and_no_name(self, stores, klass):
        world = await opened(stores)
        wang = await world.teacher()
        assert await refusal_of(world.report(wang, klass)) == "UNKNOWN_CLASS"

    @pytest.mark.parametrize("people", [0, -1, MAX_PEOPLE + 1, 1_000_000])
    async def test_a_number_of_people_is_that_of_a_class(self, stores, people):
        world = await opened(stores)
        with pytest.raises(PeopleOutOfBounds):
            await world.report(await world.teacher(), people=people)

    @pytest.mark.parametrize("day", ["", "20261006", "20260930", "20261002x", "2026-10-01", "20261003"])
    async def test_a_day_is_today_or_the_two_before_within_the_campaign(self, stores, day):
        world = await opened(stores)
        wang = await world.teacher()
        world.now = MORNING + DAY_SECONDS
        with pytest.raises(DayOutOfBounds):
            await world.report(wang, day=day)

    async def test_a_ceremony_of_friday_is_reported_on_sunday_at_the_latest(self, stores):
        world = await opened(stores)
        wang = await world.teacher()
        world.now = MORNING + 2 * DAY_SECONDS
        assert (await world.report(wang, day="20261001")).is_new
        world.now += DAY_SECONDS
        with pytest.raises(DayOutOfBounds):
            await world.report(wang, "p3-3", day="20261001")

    async def test_a_late_report_counts_on_its_day(self, stores):
        world = await opened(stores)
        wang = await world.teacher()
        world.now = MORNING + DAY_SECONDS
        await world.report(wang, day="20261001")
        [row] = await world.rows()
        assert row.second == day_bounds("20261001")[0] + 12 * 3600
        groups = world.process()[1]
        assert [await groups.figures.of("flag", period) for period in ("20261001", "20261002", "all")] == [45, 0, 45]

    async def test_nothing_is_taken_while_the_campaign_is_paused_or_after_its_end(self, stores):
        world = await opened(stores)
        wang = await world.teacher()
        world.campaign = await world.civic.campaigns.transition("flag", "paused", world.now, reason="天气原因")
        with pytest.raises(Conflict) as refused:
            await world.report(wang)
        assert (refused.value.code, "天气原因" in refused.value.message) == ("CAMPAIGN_PAUSED", True)
        world.campaign = await world.civic.campaigns.transition("flag", "frozen", world.now)
        assert await refusal_of(world.report(wang)) == "CAMPAIGN_ENDED"

    async def test_a_day_that_somebody_plays_with_is_closed(self, stores, monkeypatch):
        monkeypatch.setattr("server.schools.group_reports.MAX_ENTRIES_A_DAY", 3)
        world = await opened(stores)
        wang = await world.teacher()
        for number in (1, 2, 3):
            await world.report(wang, f"p1-{number}")
        assert await refusal_of(world.report(wang, "p1-4")) == "SCHOOL_DAY_FULL"

    def test_every_grade_has_classes_with_a_name_of_their_own(self):
        codes = [f"{grade}-{number}" for grade in GRADES for number in (1, 12)]
        assert len({class_name(check_class(code)) for code in codes}) == len(codes)
        assert sorted(codes, key=class_order) == codes
        assert [class_name(code) for code in ("p3-2", "j1-10", "g-4")] == ["三年级2班", "七年级10班", "第4组"]


class TestCorrections:
    async def test_the_same_teacher_corrects_on_the_same_day_by_a_new_row(self, stores):
        world = await opened(stores)
        wang = await world.teacher()
        await world.report(wang)
        taken = await world.report(wang, people=46, corrects=1)
        assert (taken.stands.no, await world.total()) == (2, 46)
        [day] = await world.groups.of_unit(world.campaign, SCHOOL, world.now)
        assert [(entry.kind, entry.people) for entry in day.log] == [("report", 45), ("correction", 46)]
        assert not (await world.report(wang, people=46, corrects=1)).is_new  # the same again

    async def test_another_number_without_saying_that_it_corrects_is_refused_with_what_to_do(self, stores):
        world = await opened(stores)
        wang = await world.teacher()
        await world.report(wang)
        with pytest.raises(Conflict) as refused:
            await world.report(wang, people=50)
        assert (refused.value.code, "45 人" in refused.value.message, "更正" in refused.value.message) == (
            "CLASS_REPORTED_BY_YOU", True, True)

    async def test_neither_another_teacher_nor_another_day_corrects(self, stores):
        world = await opened(stores)
        wang, li = await world.teacher(), await world.teacher(LI)
        await world.report(wang)
        assert await refusal_of(world.report(li, people=46, corrects=1)) == "CLASS_REPORTED"
        world.now += DAY_SECONDS
        assert await refusal_of(world.report(wang, people=46, corrects=1)) == "CORRECTION_LATE"
        assert await world.total() == 45

    async def test_of_two_corrections_at_once_one_stands_and_the_other_is_told(self, stores):
        world = await opened(stores)
        wang = await world.teacher()
        await world.report(wang)
        answers = await asyncio.gather(*(world.report(wang, people=people, corrects=1) for people in (46, 47)), return_exceptions=True)
        [stands] = [answer.stands.people for answer in answers if not isinstance(answer, BaseException)]
        assert [answer.code for answer in answers if isinstance(answer, Conflict)] == ["GROUP_REPORT_CHANGED"]
        assert await world.total() == stands
        assert (await world.groups.audit(world.campaign))[1] == []


class TestVoids:
    async def test_a_void_has_a_reason_and_the_class_may_be_reported_anew_by_anybody_of_the_school(self, stores):
        world = await opened(stores)
        wang, li = await world.teacher(), await world.teacher(LI)
        await world.report(wang)
        with pytest.raises(ReasonMissing):
            await world.groups.void(world.campaign, SCHOOL, "20261001", "p3-2", "zhiban", "  ", world.now)
        stood = await world.groups.void(world.campaign, SCHOOL, "20261001", "p3-2", "zhiban", "报错了班", world.now)
        assert (stood.people, await world.total(), await world.rows()) == (45, 0, [])
        with pytest.raises(ReportNotStanding):
            await world.groups.void(world.campaign, SCHOOL, "20261001", "p3-2", "zhiban", "报错了班", world.now)
        assert await refusal_of(world.report(wang, people=46, corrects=1)) == "GROUP_REPORT_CHANGED"
        assert (await world.report(li, people=44)).stands.no == 3
        assert await world.total() == 44

    async def test_two_voids_at_once_take_the_people_out_once(self, stores):
        world = await opened(stores)
        await world.report(await world.teacher())
        voids = [world.groups.void(world.campaign, SCHOOL, "20261001", "p3-2", name, "重复", world.now) for name in ("zhiban", "bianji")]
        answers = await asyncio.gather(*voids, return_exceptions=True)
        assert sorted(type(answer).__name__ for answer in answers) == ["ReportNotStanding", "Standing"]
        assert await world.total() == 0

    async def test_what_never_was_is_not_found(self, stores):
        world = await opened(stores)
        for unit, day, klass in ((SCHOOL, "20261001", "p3-2"), ("nowhere", "x", "p1-1")):
            with pytest.raises(ReportNotStanding):
                await world.groups.void(world.campaign, unit, day, klass, "zhiban", "重复", world.now)
        with pytest.raises(InvalidBody):
            await world.groups.void(world.campaign, SCHOOL, "20261001", "no class", "zhiban", "重复", world.now)


class TestFigures:
    async def test_a_figure_follows_by_the_few_days_that_changed(self, stores, monkeypatch):
        monkeypatch.setattr("server.schools.group_reports.FIGURE_SECONDS", 0.0)
        world = await opened(stores)
        wang, other = await world.teacher(), await world.teacher(LI, OTHER)
        figures = world.process()[1].figures
        assert await figures.of("flag", "all") == 0
        await world.report(wang)
        world.now += 60
        await world.report(other, people=30)
        world.now += 3600
        await world.report(wang, people=40, corrects=1)

        async def read() -> int | None:
            await figures.of("flag", "all")  # what was known; the reading goes on behind it
            await asyncio.gather(*(known.reading for known in figures._known.values() if known.reading))
            return await figures.of("flag", "all")

        assert await read() == 70
        assert [await figures.of_unit("flag", unit) for unit in (SCHOOL, OTHER, "school-3")] == [40, 30, 0]
        await world.groups.void(world.campaign, OTHER, "20261001", "p3-2", "zhiban", "重复", world.now)
        assert await read() == 40

    async def test_where_nothing_could_be_read_nothing_is_claimed_and_what_was_known_stays(self, stores, monkeypatch):
        monkeypatch.setattr("server.schools.group_reports.FIGURE_SECONDS", 0.0)
        world = await opened(stores)
        await world.report(await world.teacher())
        figures = world.process()[1].figures
        sums = figures._store.sums

        async def away(*given):
            raise AutoReconnect("MongoDB is away")
            yield []

        monkeypatch.setattr(figures._store, "sums", away)
        assert await figures.of("flag", "all") is None
        monkeypatch.setattr(figures._store, "sums", sums)
        assert await figures.of("flag", "all") == 45
        monkeypatch.setattr(figures._store, "sums", away)
        assert [await figures.of("flag", "all") for _ in range(3)] == [45, 45, 45]

    async def test_the_audit_finds_a_sum_that_its_rows_do_not_give(self, stores):
        world = await opened(stores)
        await world.report(await world.teacher())
        await stores.mongo["group_reports"].update_one({"_id": f"flag:{SCHOOL}:20261001"}, {"$inc": {"people": 1}})
        total, findings = await world.groups.audit(world.campaign)
        assert total == 45 and len(findings) == 1 and "sum up to 45, the record says 46" in findings[0]

    async def test_a_report_that_is_made_names_what_stood_at_its_moment(self, stores):
        world = await opened(stores)
        wang = await world.teacher()
        await world.report(wang)
        seen = world.now
        world.now += 600
        await world.report(wang, people=50, corrects=1)
        world.now += 600
        await world.groups.void(world.campaign, SCHOOL, "20261001", "p3-2", "zhiban", "重复", world.now)
        for moment, stood in ((seen - 1, []), (seen, [45]), (seen + 600, [50]), (world.now, [])):
            assert [row.people async for page in world.groups.reported(world.campaign, moment) for row in page] == stood

    async def test_pages_of_school_days_leave_none_out(self, stores, monkeypatch):
        monkeypatch.setattr("server.schools.store.DAYS_A_PAGE", 2)
        monkeypatch.setattr("server.schools.store.SUMS_A_PAGE", 2)
        world = await opened(stores)
        for number, unit in enumerate((SCHOOL, OTHER, "school-3")):
            teacher = await world.teacher(40 + number, unit)
            for day in ("20261001", "20261002"):
                world.now = day_bounds(day)[0] + 9 * 3600
                await world.report(teacher, people=10, day=day)
        seen, cursor = [], ""
        while True:
            days, following = await world.groups.page(world.campaign, cursor)
            seen += [(day.day, day.unit) for day in days]
            if following is None:
                break
            cursor = following
        assert seen == sorted(seen, reverse=True) and len(set(seen)) == 6
        assert await world.total() == 60 == sum(row.people for row in await world.rows())
