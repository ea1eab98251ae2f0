"""Statistical reports: what their figures are, that they stay as made, their numbers, and that nothing tells who did not take part."""

from __future__ import annotations

import asyncio
import io
import re

import openpyxl
import pytest
from msgspec import structs

from server.errors import Conflict, InvalidBody, NotFound
from server.places import PlaceIndex
from server.reports import ReportSettings
from server.reports.report import LEASE_SECONDS, ReportNotMade
from tests.command_listener import LOOKING
from tests.server.reports.world import CHANGTAI, PLACES, XIANGCHENG, FiguresWorld, OneGroup, at, campaign, joined

pytestmark = pytest.mark.gen_test(timeout=60)


async def opened(stores, tmp_path, groups=None, **changes) -> FiguresWorld:
    return await FiguresWorld(stores, tmp_path, campaign(**changes), groups).ready()


class TestFigures:
    async def test_a_day_begins_at_midnight_in_shanghai(self, stores, tmp_path):
        world = await opened(stores, tmp_path)
        await world.took_part([1], "2026-10-01 23:59:59")
        await world.took_part([2, 3], "2026-10-02 00:00:00")
        report = await world.made()
        assert await world.rows(report.number, "regions") == [["2026-10-01", XIANGCHENG, "芗城区", 1, 1, 0],
                                                              ["2026-10-02", XIANGCHENG, "芗城区", 2, 2, 0]]
        assert await world.rows(report.number, "hours") == [["2026-10-01", "23:00–24:00", 1, 1, 0], ["2026-10-02", "00:00–01:00", 2, 2, 0]]

    async def test_persons_times_and_groups_stand_apart_and_a_second_activity_has_the_place_of_the_first(self, stores, tmp_path):
        world = await opened(stores, tmp_path, OneGroup())
        await world.took_part([1, 2], activities=("salute", "heroes"))
        await world.took_part([3], region=CHANGTAI, unit="")
        report = await world.made()
        assert (report.persons, report.times, report.group_reported) == (3, 5, 40)
        assert await world.rows(report.number, "regions") == [["2026-10-01", XIANGCHENG, "芗城区", 2, 4, 40],
                                                              ["2026-10-01", CHANGTAI, "长泰区", 1, 1, 0]]
        assert await world.rows(report.number, "units") == [["2026-10-01", "芗城区", "school-1", "实验小学", 2, 4, 40]]
        assert await world.rows(report.number, "activities") == [["礼敬国旗", 3, 3, 40], ["致敬先烈", 2, 2, 0]]
        assert [table.columns[-3:] for table in report.tables if table.name != "channels"] == [["人数", "人次", "集体上报"]] * 4

    async def test_without_group_reports_their_column_says_0(self, stores, tmp_path):
        world = await opened(stores, tmp_path)
        await world.took_part([1])
        report = await world.made()
        assert report.group_reported == 0 and (await world.rows(report.number, "regions"))[0][-1] == 0

    async def test_voided_and_merged_do_not_count_and_a_deleted_one_stays_a_figure(self, stores, tmp_path):
        world = await opened(stores, tmp_path, shards=2)
        await world.took_part(range(1, 7))
        for citizen, kind in ((1, "void"), (2, "merged"), (3, "deleted")):
            await world.amended(citizen, kind)
        report = await world.made()
        assert (report.persons, report.times) == (4, 4)

    async def test_a_merge_that_rewrote_a_document_counts_once_where_the_earlier_one_was(self, stores, tmp_path):
        world = await opened(stores, tmp_path)
        await world.took_part([1], "2026-10-01 09:00:00", region=CHANGTAI, unit="school-3")
        await world.took_part([2], "2026-10-02 09:00:00")
        await world.amended(1, "merged")
        await world.moved(2, at("2026-10-01 09:00:00"), CHANGTAI, "school-3")
        report = await world.made()
        assert await world.rows(report.number, "units") == [["2026-10-01", "长泰区", "school-3", "中心小学", 1, 1, 0]]

    async def test_a_void_while_shards_are_read_is_in_the_figures(self, stores, tmp_path, monkeypatch):
        world = await opened(stores, tmp_path, shards=2)
        await world.took_part(range(10))
        maker = world.maker()
        begin, begun = maker._documents.begin, []

        async def interrupted(shard, as_of):
            begun.append(shard.number)
            if begun == [0, 1]:
                await world.amended(4, "void")  # in the shard that is read already
            return await begin(shard, as_of)

        monkeypatch.setattr(maker._documents, "begin", interrupted)
        report = await world.reports.ask(world.campaign, "bianji", world.now)
        await maker.tick(world.now)
        assert (await world.reports.find(report.number)).persons == 9 and begun == [0, 1, 0, 1]

    async def test_days_may_be_chosen(self, stores, tmp_path):
        world = await opened(stores, tmp_path)
        for day in range(1, 5):
            await world.took_part([day], f"2026-10-0{day} 10:00:00")
        report = await world.made(first_day="20261002", last_day="20261003")
        assert report.persons == 2 and [row[0] for row in await world.rows(report.number, "regions")] == ["2026-10-02", "2026-10-03"]

    @pytest.mark.parametrize(("first", "last", "field"), [("2026-10-01", "", "first_day"), ("20261301", "", "first_day"),
                                                          ("", "20260231", "last_day"), ("20261003", "20261002", "first_day")])
    async def test_what_are_no_days_is_refused(self, stores, tmp_path, first, last, field):
        world = await opened(stores, tmp_path)
        with pytest.raises(InvalidBody) as refusal:
            await world.reports.ask(world.campaign, "bianji", world.now, first_day=first, last_day=last)
        assert refusal.value.field == field

    async def test_a_daily_campaign_counts_each_day_and_says_so(self, stores, tmp_path):
        world = await opened(stores, tmp_path, period_rule="daily")
        await world.took_part([1, 2], "2026-10-01 10:00:00", period="20261001")
        await world.took_part([1], "2026-10-02 10:00:00", period="20261002")
        report = await world.made()
        assert report.persons == 3 and "跨日不去重" in report.notes[0]

    async def test_visits_stand_by_day_and_channel(self, stores, tmp_path):
        world = await opened(stores, tmp_path)
        for channel in ("poster", "poster", "share"):
            await world.visits.record("flag", channel, world.now)
        await world.visits.flush(["flag"], world.now)
        report = await world.made()
        assert await world.rows(report.number, "channels") == [["2026-10-02", "海报", 2], ["2026-10-02", "分享给朋友", 1]]

    async def test_what_the_ledger_has_not_written_is_waited_for(self, stores, tmp_path, monkeypatch):
        monkeypatch.setattr("server.reports.census.LEDGER_LOOKS", 2)
        monkeypatch.setattr("server.reports.census.LEDGER_SECONDS", 0.1)
        world = await opened(stores, tmp_path)
        await world.took_part([1])
        await world.took_part([2], written=False)
        report = await world.reports.ask(world.campaign, "bianji", world.now)
        await world.maker().tick(world.now)
        waiting = await world.reports.find(report.number)
        assert (waiting.state, waiting.attempt) == ("queued", 0)
        await world.took_part([3])
        world.now += 30
        await world.maker().tick(world.now)
        assert (await world.reports.find(report.number)).persons == 3

    async def test_too_many_schools_and_days_are_refused_with_what_to_do(self, stores, tmp_path, monkeypatch):
        monkeypatch.setattr("server.reports.tables.MAX_CELLS", 1)
        world = await opened(stores, tmp_path)
        await world.took_part([1])
        await world.took_part([2], unit="school-2")
        report = await world.made()
        assert report.state == "failed" and "分段选择日期" in report.problem


class TestFrozen:
    async def test_it_gives_the_same_figures_when_printed_again_after_more_people(self, stores, tmp_path):
        world = await opened(stores, tmp_path)
        await world.took_part(range(20))
        report = await world.made()
        page, book = await joined(world.reports.printed(report.number)), cells(await joined(world.reports.workbook(report.number)))
        await world.took_part(range(20, 50))
        await world.amended(1, "void")
        world.places.index = PlaceIndex({}, {})  # not even where a place is renamed or goes
        world.now += 3600
        assert await joined(world.reports.printed(report.number)) == page
        assert cells(await joined(world.reports.workbook(report.number))) == book
        world.places.index = PLACES
        later = await world.made()
        assert (report.persons, later.persons) == (20, 49) and later.number != report.number

    async def test_two_processes_make_it_once(self, stores, tmp_path):
        world = await opened(stores, tmp_path)
        await world.took_part(range(30))
        report = await world.reports.ask(world.campaign, "bianji", world.now)
        assert sum(await asyncio.gather(world.maker().tick(world.now), world.maker().tick(world.now))) == 1
        made = await world.reports.find(report.number)
        assert (made.persons, made.attempt) == (30, 1)

    async def test_a_kill_in_the_middle_leaves_it_to_the_next(self, stores, tmp_path, monkeypatch):
        world = await opened(stores, tmp_path)
        await world.took_part(range(30))
        report = await world.reports.ask(world.campaign, "bianji", world.now)
        maker, kept = world.maker(), []
        keep = maker._store.keep_table

        async def killed(report_id, attempt, table):
            if len(kept) == 3:
                raise ConnectionError("killed")
            kept.append(await keep(report_id, attempt, table))
            return kept[-1]

        monkeypatch.setattr(maker._store, "keep_table", killed)
        with pytest.raises(ConnectionError):
            await maker.tick(world.now)
        with pytest.raises(ReportNotMade):
            await world.reports.rows(report.number, "regions", 0)
        assert await world.maker().tick(world.now) == 0  # it may still be at it
        world.now += LEASE_SECONDS + 1
        assert await world.maker().tick(world.now) == 1
        made = await world.reports.find(report.number)
        assert (made.state, made.persons, made.attempt) == ("made", 30, 2)
        parts = await stores.mongo["report_parts"].find({}, comment=LOOKING).to_list(None)
        assert {part["_id"].split(":")[2] for part in parts} == {"2"}

    async def test_who_lost_the_lease_changes_nothing(self, stores, tmp_path, monkeypatch):
        world = await opened(stores, tmp_path)
        await world.took_part(range(5))
        report = await world.reports.ask(world.campaign, "bianji", world.now)
        slow = world.maker()
        count = slow._count

        async def late(*arguments):
            fields = await count(*arguments)
            world.now += LEASE_SECONDS + 1
            await world.took_part(range(5, 9))
            await world.maker().tick(world.now)
            return fields

        monkeypatch.setattr(slow, "_count", late)
        assert await slow.tick(world.now) == 0
        made = await world.reports.find(report.number)
        assert (made.persons, made.attempt) == (9, 2) and len(await world.rows(report.number, "regions")) == 1


class TestNumbers:
    async def test_many_at_once_get_numbers_without_gap_or_repeat(self, stores, tmp_path):
        world = await opened(stores, tmp_path)
        asked = await asyncio.gather(*(world.reports.ask(world.campaign, "bianji", world.now) for _ in range(12)))
        assert sorted(report.number for report in asked) == [f"flag-2026-{n:04d}" for n in range(1, 13)]

    async def test_a_kill_before_a_number_was_written_down_loses_none(self, stores, tmp_path, monkeypatch):
        world = await opened(stores, tmp_path)
        first = await world.reports.ask(world.campaign, "bianji", world.now)
        # Killed right after the line said that the next number is hers.
        lost = structs.replace(first, id="flag:lost", number="")
        await world.store.create(lost, world.now)
        await stores.mongo["report_numbers"].update_one({"_id": "flag-2026"}, {"$set": {"last": 2, "last_for": "flag:lost"}})
        third = await world.reports.ask(world.campaign, "bianji", world.now)
        assert third.number == "flag-2026-0003"
        assert await world.store.give_number("flag:lost", "flag-2026") == "flag-2026-0002"

    async def test_a_correction_has_a_new_number_and_both_name_each_other(self, stores, tmp_path):
        world = await opened(stores, tmp_path)
        await world.took_part(range(5))
        old = await world.made(first_day="20261001", last_day="20261001")
        await world.amended(1, "void")
        new = await world.made(corrects=old.number, reason="作废一条\n测试记录".replace("\n", ""))
        again = await world.reports.find(old.number)
        assert (new.number, new.corrects, new.persons, new.first_day) == ("flag-2026-0002", old.number, 4, "20261001")
        assert (again.persons, again.corrected_by) == (5, new.number)
        assert f"本表更正 {old.number}。原因：作废一条测试记录" in await joined(world.reports.printed(new.number))
        assert f"本表已由 {new.number} 更正" in await joined(world.reports.printed(old.number))
        with pytest.raises(Conflict) as refusal:
            await world.reports.ask(world.campaign, "bianji", world.now, corrects=old.number, reason="再改")
        assert refusal.value.code == "REPORT_CORRECTED"

    async def test_a_correction_needs_a_reason_and_a_report_that_is_made(self, stores, tmp_path):
        world = await opened(stores, tmp_path)
        report = await world.reports.ask(world.campaign, "bianji", world.now)
        with pytest.raises(InvalidBody):
            await world.reports.ask(world.campaign, "bianji", world.now, corrects=report.number)
        with pytest.raises(ReportNotMade):
            await world.reports.ask(world.campaign, "bianji", world.now, corrects=report.number, reason="错")
        with pytest.raises(NotFound):
            await world.reports.ask(world.campaign, "bianji", world.now, corrects="flag-2026-0099", reason="错")


class TestSchedule:
    async def test_one_is_made_each_day_at_its_time_however_many_processes_look(self, stores, tmp_path):
        world = await opened(stores, tmp_path)
        await world.took_part(range(3))
        await world.reports.keep_settings(world.campaign, ReportSettings(daily_at="18:00"))
        for moment in ("2026-10-02 17:59:59", "2026-10-02 18:00:00", "2026-10-02 18:00:05", "2026-10-02 23:59:00", "2026-10-03 18:00:00"):
            world.now = float(at(moment))
            await asyncio.gather(world.maker().tick(world.now), world.maker().tick(world.now))
        found, _ = await world.reports.page(world.campaign, "")
        assert [(report.kind, report.number, report.state) for report in found] == [
            ("daily", "flag-2026-0002", "made"), ("daily", "flag-2026-0001", "made")]

    @pytest.mark.parametrize("state", ["paused", "frozen", "draft"])
    async def test_only_open_campaigns_have_one(self, stores, tmp_path, state):
        world = await opened(stores, tmp_path, state=state)
        await world.reports.keep_settings(world.campaign, ReportSettings(daily_at="18:00"))
        await world.maker().tick(at("2026-10-02 20:00:00"))
        assert await world.reports.page(world.campaign, "") == ([], None)

    async def test_settings_are_checked_and_kept_as_they_were_seen(self, stores, tmp_path):
        world = await opened(stores, tmp_path)
        assert (await world.reports.settings(world.campaign)).organisation == "市文明办"
        kept = await world.reports.keep_settings(world.campaign, ReportSettings("未成年人科", "张", "李", "王", daily_at="07:30"))
        assert await world.reports.settings(world.campaign) == kept and kept.rev == 1
        with pytest.raises(Conflict):
            await world.reports.keep_settings(world.campaign, ReportSettings("别人", rev=0))
        for wrong in (ReportSettings(daily_at="7:30"), ReportSettings(daily_at="24:00"), ReportSettings("长" * 61), ReportSettings("a\nb")):
            with pytest.raises(InvalidBody):
                await world.reports.keep_settings(world.campaign, structs.replace(wrong, rev=1))


class TestWhoDidNotTakePart:
    async def test_schools_with_nobody_are_left_out_everywhere(self, stores, tmp_path):
        world = await opened(stores, tmp_path)
        await world.took_part([1])
        report = await world.made()
        assert [row[2] for row in await world.rows(report.number, "units")] == ["school-1"]
        page, book = await joined(world.reports.printed(report.number)), cells(await joined(world.reports.workbook(report.number)))
        for absent in ("第一中学", "中心小学", "长泰区", "参与率", "未参与", "排名"):
            assert absent not in page and absent not in str(book)

    async def test_only_the_campaign_s_settings_bring_them_into_the_staff_s_report(self, stores, tmp_path):
        world = await opened(stores, tmp_path)
        await world.took_part([1])
        await world.reports.keep_settings(world.campaign, ReportSettings(show_zero_units=True))
        report = await world.made()
        assert [row[2:] for row in await world.rows(report.number, "units")] == [
            ["school-2", "第一中学", 0, 0, 0], ["school-1", "实验小学", 1, 1, 0], ["school-3", "中心小学", 0, 0, 0]]

    async def test_rows_follow_the_places_and_never_the_figures(self, stores, tmp_path):
        world = await opened(stores, tmp_path)
        await world.took_part([1], unit="school-2")
        await world.took_part(range(2, 9), region=CHANGTAI, unit="school-3")
        await world.took_part(range(10, 14))
        report = await world.made()
        assert [row[2] for row in await world.rows(report.number, "units")] == ["school-2", "school-1", "school-3"]

    async def test_a_unit_sees_its_own_figures_alone(self, stores, tmp_path):
        world = await opened(stores, tmp_path)
        with pytest.raises(NotFound):
            await world.reports.unit_report(world.campaign, "school-1", "all", world.now)
        await world.took_part(range(3))
        await world.took_part([7], "2026-10-02 09:00:00")
        await world.took_part([9], unit="school-2")
        report = await world.made()
        own = await world.reports.unit_report(world.campaign, "school-1", "all", world.now)
        assert own["rows"] == [["2026-10-01", 3, 3, 0], ["2026-10-02", 1, 1, 0]] and own["number"] == report.number
        assert own["participants_now"] == 7 and "school-2" not in str(own) and "第一中学" not in str(own)
        day = await world.reports.unit_report(world.campaign, "school-1", "20261002", world.now)
        assert day["rows"] == [["2026-10-02", 1, 1, 0]]
        assert (await world.reports.unit_report(world.campaign, "school-3", "all", world.now))["rows"] == []
        with pytest.raises(NotFound) as refusal:
            await world.reports.unit_report(world.campaign, "school-9", "all", world.now)
        assert refusal.value.code == "UNKNOWN_UNIT"
        book = openpyxl.load_workbook(io.BytesIO(await joined(world.reports.unit_workbook(world.campaign, "school-1", "all", world.now))))
        assert [row[1].value for row in book.worksheets[0].iter_rows(min_row=4)] == [3, 1]


class TestPaper:
    async def test_the_page_is_for_a4_and_stands_alone(self, stores, tmp_path):
        world = await opened(stores, tmp_path, title="<b>敬礼</b>&")
        await world.reports.keep_settings(world.campaign, ReportSettings("市<i>文明办", "张三", "李四", "王五", "本次不含部队"))
        await world.took_part(range(1200))
        report = await world.made()
        page = await joined(world.reports.printed(report.number))
        assert "size:A4" in page and not re.search(r"<script|<b>敬礼|<i>文明|src=|https?://|javascript:", page)
        for words in (report.number, "市&lt;i&gt;文明办", "填表人：张三", "审核人：李四", "负责人：王五",
                      "截至时间：</b>2026年10月2日 12:00", "口径说明", "本次不含部队", "1,200"):
            assert words in page, words

    async def test_the_workbook_has_names_in_chinese_a_fixed_header_and_a4(self, stores, tmp_path):
        world = await opened(stores, tmp_path)
        await world.took_part(range(5))
        report = await world.made()
        book = openpyxl.load_workbook(io.BytesIO(await joined(world.reports.workbook(report.number))))
        assert book.sheetnames == ["说明", "区县每日", "单位每日", "按时段", "按主题活动", "访问渠道"]
        sheet = book["区县每日"]
        assert [cell.value for cell in sheet[1]] == ["日期", "区县代码", "区县", "人数", "人次", "集体上报"]
        assert sheet.freeze_panes == "A2" and sheet.page_setup.orientation == "landscape" and sheet.page_setup.paperSize == 9
        assert sheet.print_title_rows == "$1:$1"
        assert [cell.value for cell in sheet[2]] == ["2026-10-01", XIANGCHENG, "芗城区", 5, 5, 0]


def cells(data: bytes) -> dict[str, list[tuple]]:
    return {sheet.title: list(sheet.iter_rows(values_only=True)) for sheet in openpyxl.load_workbook(io.BytesIO(data)).worksheets}
