"""Exports of rows of persons: two people, masks, no formula, a file that is whole or not there, and gone after a week."""

from __future__ import annotations

import asyncio
import csv
import io
import os
import re
import signal
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from server.errors import Conflict, Forbidden, InvalidBody
from server.places import PlaceIndex, Region, Unit
from server.reports import Export
from server.reports.exporting import LEASE_SECONDS
from server.reports.exports import CONSENT_SECONDS, KEPT_SECONDS, ExportNotReady, SecondPersonNeeded, masked_number
from server.staff import Member
from tests.command_listener import LOOKING
from tests.server.reports.world import CHANGTAI, XIANGCHENG, FiguresWorld, campaign, joined

pytestmark = [pytest.mark.gen_test(timeout=100), pytest.mark.timeout(150)]
BIANJI, SHENJI, GUANLI = Member("bianji", "editor", ""), Member("shenji", "auditor", ""), Member("guanli", "admin", "")


async def opened(stores, tmp_path, **changes) -> FiguresWorld:
    return await FiguresWorld(stores, tmp_path, campaign(**changes)).ready()


async def asked(world: FiguresWorld, format: Any = "csv", **wanted: Any) -> Export:
    reason = wanted.pop("reason", "核对学校名单")
    return await world.exports.ask(world.campaign, BIANJI, Export("", "", format, reason, "", world.now, **wanted))


async def made(world: FiguresWorld, format: Any = "csv", **wanted: Any) -> Export:
    export = await asked(world, format, **wanted)
    await world.exports.decide(export.id, SHENJI, True, world.now)
    await world.exporter().tick(world.now)
    return await world.exports.find(export.id)


async def rows_of(world: FiguresWorld, export: Export) -> list[list[str]]:
    data = await joined(world.exports.file(await world.exports.open(export.id, BIANJI, world.now)))
    assert data.startswith(b"\xef\xbb\xbf")
    return list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")))


class TestTwoPeople:
    async def test_nothing_is_made_before_a_second_person_consents(self, stores, tmp_path):
        world = await opened(stores, tmp_path)
        await world.took_part(range(3))
        export = await asked(world)
        await world.exporter().tick(world.now)
        assert (await world.exports.find(export.id)).state == "waiting"
        with pytest.raises(ExportNotReady):
            await world.exports.open(export.id, BIANJI, world.now)

    @pytest.mark.parametrize("member", [BIANJI, Member("bianji", "admin", ""), Member("bianji", "auditor", ""),
                                        Member("zhishou", "operator", "")])
    async def test_who_asked_cannot_consent_nor_can_another_role(self, stores, tmp_path, member):
        world = await opened(stores, tmp_path)
        export = await asked(world)
        with pytest.raises(SecondPersonNeeded):
            await world.exports.decide(export.id, member, True, world.now)
        assert (await world.exports.find(export.id)).state == "waiting"

    async def test_one_decision_stands(self, stores, tmp_path):
        world = await opened(stores, tmp_path)
        export = await asked(world)
        assert (await world.exports.decide(export.id, GUANLI, False, world.now)).state == "refused"
        with pytest.raises(Conflict) as refusal:
            await world.exports.decide(export.id, SHENJI, True, world.now)
        assert refusal.value.code == "EXPORT_DECIDED"
        assert await world.exporter().tick(world.now + KEPT_SECONDS * 2) == 0

    async def test_a_reason_is_needed_and_a_known_region(self, stores, tmp_path):
        world = await opened(stores, tmp_path)
        for wrong in ({"reason": " \n "}, {"reason": "长" * 201}, {"region": "nowhere"}, {"first_day": "20260230"}):
            with pytest.raises(InvalidBody):
                await asked(world, **wrong)

    async def test_without_consent_it_lapses_after_a_week(self, stores, tmp_path):
        world = await opened(stores, tmp_path)
        export = await asked(world)
        world.now += CONSENT_SECONDS + 1
        await world.exporter().tick(world.now)
        assert (await world.exports.find(export.id)).state == "lapsed"
        with pytest.raises(Conflict):
            await world.exports.decide(export.id, SHENJI, True, world.now)

    async def test_only_who_asked_admins_and_auditors_fetch_it(self, stores, tmp_path):
        world = await opened(stores, tmp_path)
        await world.took_part([1])
        export = await made(world)
        for member in (BIANJI, SHENJI, GUANLI):
            assert (await world.exports.open(export.id, member, world.now)).id == export.id
        with pytest.raises(Forbidden):
            await world.exports.open(export.id, Member("bierenn", "editor", ""), world.now)


class TestRows:
    async def test_rows_have_masked_numbers_and_nothing_that_leads_to_a_person(self, stores, tmp_path):
        world = await opened(stores, tmp_path)
        await world.took_part([1234567], activities=("salute", "heroes"))
        head, columns, *rows = await rows_of(world, await made(world))
        assert columns == ["市民编号（已遮盖）", "序号", "首次参与时间", "区县", "单位", "主题活动"]
        assert rows == [["****67", "1234568", "2026-10-01T08:00:00+08:00", "芗城区", "实验小学", name] for name in ("礼敬国旗", "致敬先烈")]

    @pytest.mark.parametrize(("citizen", "shown"), [(0, "****00"), (7, "****07"), (1234567, "****67"), (4_000_000_000, "****00")])
    async def test_a_masked_number_has_one_length(self, citizen, shown):
        assert masked_number(citizen) == shown

    async def test_the_first_line_says_who_asked_who_consented_when_and_why(self, stores, tmp_path):
        world = await opened(stores, tmp_path)
        await world.took_part([1])
        export = await made(world, reason="核对\n名单")
        [[line], *_] = await rows_of(world, export)
        for words in (export.id, "申请人 bianji", "同意人 shenji", "2026-10-02T12:00:00+08:00", "用途：核对 名单", "内部资料"):
            assert words in line

    async def test_voided_merged_and_deleted_people_are_in_no_row(self, stores, tmp_path):
        world = await opened(stores, tmp_path)
        await world.took_part(range(10, 16))
        for citizen, kind in ((11, "void"), (12, "merged"), (13, "deleted")):
            await world.amended(citizen, kind)
        _, _, *rows = await rows_of(world, await made(world))
        assert [row[0] for row in rows] == ["****10", "****14", "****15"]

    async def test_a_region_and_days_may_be_chosen(self, stores, tmp_path):
        world = await opened(stores, tmp_path)
        await world.took_part([1], "2026-10-01 10:00:00")
        await world.took_part([2], "2026-10-02 10:00:00")
        await world.took_part([3], "2026-10-02 10:00:00", region=CHANGTAI, unit="school-3")
        _, _, *rows = await rows_of(world, await made(world, region=XIANGCHENG, first_day="20261002", last_day="20261002"))
        assert [row[0] for row in rows] == ["****02"]

    @pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
    async def test_no_name_becomes_a_formula(self, stores, tmp_path, start):
        evil = start + "cmd|' /C calc'!A0"
        places = PlaceIndex({XIANGCHENG: Region(XIANGCHENG, evil, "x", "", 1)}, {"school-1": Unit("school-1", evil, "x", XIANGCHENG)})
        world = await FiguresWorld(stores, tmp_path, campaign(), places=places).ready()
        await world.took_part([1])
        _, _, *rows = await rows_of(world, await made(world, reason="=1+1"))
        assert rows[0][3:5] == ["'" + evil] * 2
        export = await made(world, "xlsx")
        book = openpyxl.load_workbook(io.BytesIO(await joined(world.exports.file(export))))
        cells = [cell for sheet in book.worksheets for row in sheet.iter_rows() for cell in row if cell.value is not None]
        assert not [cell for cell in cells if cell.data_type == "f"]
        assert sum(str(cell.value).startswith("'") for cell in cells) == 2

    async def test_more_rows_than_a_file_holds_are_refused_with_what_to_do(self, stores, tmp_path, monkeypatch):
        monkeypatch.setattr("server.reports.exporting.MAX_ROWS", 5)
        world = await opened(stores, tmp_path)
        await world.took_part(range(6))
        export = await made(world)
        assert export.state == "failed" and "分次导出" in export.problem
        assert await stores.mongo["export_parts"].find({}, comment=LOOKING).to_list(None) == []


def highest_kilobytes(pid: int) -> int:
    return int(re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())[1])


class TestMaking:
    async def test_it_tells_how_far_it_is(self, stores, tmp_path, monkeypatch):
        monkeypatch.setattr("server.reports.exporting.RENEW_SECONDS", 0.01)
        world = await opened(stores, tmp_path)
        await world.took_part(range(3000))
        export = await asked(world)
        await world.exports.decide(export.id, SHENJI, True, world.now)
        making, seen = asyncio.create_task(world.exporter().tick(world.now)), set()
        while not making.done():
            now = await world.exports.find(export.id)
            seen.add((now.rows_done, now.rows))
            await asyncio.sleep(0.005)
        await making
        end = await world.exports.find(export.id)
        assert (end.state, end.rows_done, end.rows) == ("ready", 3000, 3000)
        assert all(done <= rows for done, rows in seen if rows) and any(rows == 3000 for _, rows in seen)

    async def test_two_processes_make_one_file(self, stores, tmp_path):
        world = await opened(stores, tmp_path)
        await world.took_part(range(2000))
        export = await asked(world)
        await world.exports.decide(export.id, SHENJI, True, world.now)
        await asyncio.gather(world.exporter().tick(world.now), world.exporter().tick(world.now))
        export = await world.exports.find(export.id)
        parts = await stores.mongo["export_parts"].find({}, comment=LOOKING).to_list(None)
        assert (export.attempt, export.rows, len(parts)) == (1, 2000, export.parts)

    @pytest.mark.parametrize("format", ["csv", "xlsx"])
    async def test_a_killed_worker_leaves_it_to_the_next_try_and_no_file_behind(self, stores, tmp_path, format):
        world = await opened(stores, tmp_path)
        await world.took_part(range(500))
        export = await asked(world, format)
        await world.exports.decide(export.id, SHENJI, True, world.now)
        world.workers.on_start = lambda worker: os.kill(worker.pid, signal.SIGKILL)
        await world.exporter().tick(world.now)
        assert (await world.exports.find(export.id)).state == "making"
        world.workers.on_start = lambda worker: None
        world.now += LEASE_SECONDS + 1
        await world.exporter().tick(world.now)
        export = await world.exports.find(export.id)
        assert (export.state, export.rows, export.attempt) == ("ready", 500, 2)
        assert list((tmp_path / "spreadsheets").iterdir()) == []

    async def test_a_process_killed_between_parts_leaves_nothing_that_anybody_could_fetch(self, stores, tmp_path, monkeypatch):
        monkeypatch.setattr("server.reports.exporting.AT_ONCE", 1)
        world = await opened(stores, tmp_path)
        await world.took_part(range(500))
        export = await asked(world)
        await world.exports.decide(export.id, SHENJI, True, world.now)
        exporter = world.exporter()
        keep = exporter._store.parts.keep

        async def killed(*arguments):
            await keep(*arguments)
            raise ConnectionError("killed")

        monkeypatch.setattr(exporter._store.parts, "keep", killed)
        with pytest.raises(ConnectionError):
            await exporter.tick(world.now)
        with pytest.raises(ExportNotReady):
            await world.exports.open(export.id, BIANJI, world.now)
        world.now += LEASE_SECONDS + 1
        await world.exporter().tick(world.now)
        assert len(await rows_of(world, await world.exports.find(export.id))) == 502
        parts = await stores.mongo["export_parts"].find({}, comment=LOOKING).to_list(None)
        assert [part["_id"] for part in parts] == [f"{export.id}:2:0"]

    async def test_it_is_gone_after_a_week(self, stores, tmp_path):
        world = await opened(stores, tmp_path)
        await world.took_part([1])
        export = await made(world)
        world.now += KEPT_SECONDS
        with pytest.raises(ExportNotReady):
            await world.exports.open(export.id, BIANJI, world.now)
        await world.exporter().tick(world.now)
        assert (await world.exports.find(export.id)).state == "removed"
        assert await stores.mongo["export_parts"].find({}, comment=LOOKING).to_list(None) == []

    async def test_memory_does_not_grow_with_rows(self, stores, tmp_path):
        """The worker's highest memory for 2,000 and for 20,000 rows, as the kernel tells it."""
        world = await opened(stores, tmp_path)
        peaks = []
        for rows in (2_000, 20_000):
            await world.took_part(range(1, rows + 1) if not peaks else range(2_001, rows + 1))
            started: list[int] = []
            world.workers.on_start = lambda worker, started=started: started.append(worker.pid)
            export = await asked(world, "xlsx")
            await world.exports.decide(export.id, SHENJI, True, world.now)
            keep, peak = world.exports_kept.parts.keep, []
            exporter = world.exporter()

            async def looked(*arguments, keep=keep, peak=peak, started=started):
                peak.append(highest_kilobytes(started[0]))
                await keep(*arguments)

            exporter._store.parts.keep = looked  # type: ignore[method-assign]
            await exporter.tick(world.now)
            assert (await world.exports.find(export.id)).rows == rows
            peaks.append(max(peak))
        assert peaks[1] - peaks[0] < 16 * 1024, peaks
