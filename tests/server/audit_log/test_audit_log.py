"""The audit log: a chain that several processes add to at once, that proves itself, and that holds nobody's secrets."""

from __future__ import annotations

import asyncio
import json

import pytest

from server.audit_log import Anchor, AnchorFile, Asked, AuditLog, AuditLogStore, csv_of, row_of
from server.audit_log import service as auditing
from server.audit_log.masking import cleaned, masked
from server.errors import InvalidBody
from tests.command_listener import LOOKING

pytestmark = pytest.mark.gen_test(timeout=60)
NOW = 1_790_000_000.0
SECRET = b"k" * 32


@pytest.fixture
def anchor(tmp_path) -> AnchorFile:
    return AnchorFile(tmp_path / "data" / "audit-log.anchor")


@pytest.fixture
def log(io_loop, stores, anchor) -> AuditLog:
    return AuditLog(AuditLogStore(stores.mongo), SECRET, anchor)


async def entered(log: AuditLog, count: int, **more) -> None:
    for n in range(count):
        fields = {"who": "bianji", "role": "editor", "action": "campaign.update", "subject": "flag", "detail": {"n": n}} | more
        await log.record(**fields, now=NOW + n)


async def entries(stores) -> list[dict]:
    return sorted(await stores.mongo["audit_log"].find({}, comment=LOOKING).to_list(None), key=lambda entry: entry["seq"])


class TestChain:
    async def test_entries_follow_each_other(self, log, stores):
        await entered(log, 5)
        found = await entries(stores)
        assert [entry["seq"] for entry in found] == [1, 2, 3, 4, 5]
        assert [entry["prev"] for entry in found] == ["", *(entry["hash"] for entry in found[:-1])]
        report = await log.check()
        assert report.ok and report.entries == 5 and report.end == Anchor(5, found[-1]["hash"])

    async def test_several_processes_at_once_make_one_chain(self, log, stores):
        processes = [AuditLog(AuditLogStore(stores.mongo), SECRET) for _ in range(4)]
        await asyncio.gather(*(one.record(f"member{n}", "editor", "message.approve", str(i), {}, NOW + i)
                               for n, one in enumerate(processes) for i in range(15)))
        found = await entries(stores)
        assert [entry["seq"] for entry in found] == list(range(1, 61))
        assert {(entry["who"], entry["subject"]) for entry in found} == {(f"member{n}", str(i)) for n in range(4) for i in range(15)}
        assert (await log.check()).ok

    async def test_order_and_time_agree_where_clocks_do_not(self, log, stores):
        for now in (NOW, NOW - 5, NOW + 1):
            await log.record("bianji", "editor", "a", "b", {}, now)
        assert [entry["at"] for entry in await entries(stores)] == [NOW, NOW, NOW + 1]

    async def test_everything_that_may_stand_in_an_entry_is_the_same_when_it_is_read_back(self, log):
        await log.record("bianji", "editor", "menu.keep", "1", {
            "before": {"on": True, "share": 0.1, "deep.er": {"$x": [None, "旗", 2**70]}}, "after": {"on": False, "tuple": (1, 2)},
            "text": "引号\"与\\", "big": 2**52, "none": None, "emoji": "🇨🇳"}, NOW)
        assert (await log.check()).ok

    @pytest.mark.parametrize("field", ["who", "action", "subject", "at", "detail", "before", "origin", "hash", "by_who"])
    async def test_a_change_is_found(self, log, stores, field):
        await entered(log, 3)
        await stores.mongo["audit_log"].update_one({"_id": 2}, {"$set": {field: "changed"}})
        report = await log.check()
        assert not report.ok and "第 2 条被改动" in report.problems[0]

    @pytest.mark.parametrize(("gone", "line"), [((1,), "第 1 至 1 条缺失"), ((2, 3), "第 2 至 3 条缺失")])
    async def test_a_hole_is_found(self, log, stores, gone, line):
        await entered(log, 4)
        await stores.mongo["audit_log"].delete_many({"_id": {"$in": list(gone)}})
        report = await log.check()
        assert not report.ok and line in report.problems[0]

    async def test_an_end_that_was_cut_off_is_found_by_the_anchor_outside(self, log, stores, anchor):
        await entered(log, 4)
        await log.keep_anchor(NOW)
        await stores.mongo["audit_log"].delete_many({"_id": {"$in": [3, 4]}})
        for _ in range(2):
            report = await log.check()
            assert not report.ok and "第 3 至 4 条缺失" in report.problems[0]
            await log.keep_anchor(NOW + 60)  # which must not take the shorter chain for the truth
        assert anchor.read().seq == 4

    async def test_an_end_that_was_written_anew_is_found(self, log, stores):
        await entered(log, 3)
        await log.keep_anchor(NOW)
        await stores.mongo["audit_log"].delete_many({"_id": 3})
        other = AuditLog(AuditLogStore(stores.mongo), SECRET)
        await entered(other, 2, subject="something else")
        await log.keep_anchor(NOW + 60)
        report = await log.check()
        assert report.problems == ["第 3 条与留存的校验值不同 (differs from what was noted of it)"]

    async def test_what_an_auditor_wrote_down_is_an_anchor_too(self, log, stores):
        await entered(log, 3)
        noted = Anchor.read(str((await log.check()).end))
        await entered(log, 2)
        assert (await log.check([noted])).ok
        await stores.mongo["audit_log"].delete_many({"_id": {"$in": [3, 4, 5]}})
        assert not (await log.check([noted])).ok

    async def test_a_note_counts_beside_the_data_folders_of_the_same_place(self, log):
        await entered(log, 3)
        await log.keep_anchor(NOW)
        end = (await log.check()).end
        for noted in ([Anchor(end.seq, end.hash[::-1])], [end, Anchor(end.seq, end.hash[::-1])]):
            assert (await log.check(noted)).problems == ["第 3 条与留存的校验值不同 (differs from what was noted of it)"]

    async def test_without_the_key_nobody_adds_what_holds(self, log, stores):
        await entered(log, 2)
        await entered(AuditLog(AuditLogStore(stores.mongo), b"x" * 32), 1)
        assert (await log.check()).problems == ["第 3 条被改动 (changed)"]

    async def test_the_anchor_goes_on_with_the_log(self, log, anchor):
        assert anchor.read() is None
        await log.keep_anchor(NOW)
        for count in (1, 3):
            await entered(log, count)
            await log.keep_anchor(NOW)
        assert anchor.read() == (await log.check()).end and (anchor.path.stat().st_mode & 0o777) == 0o600

    async def test_a_spoilt_anchor_is_said(self, log, anchor):
        anchor.write(Anchor(1, "0" * 64))
        anchor.path.write_text("nonsense", "ascii")
        assert "损坏" in (await log.check()).problems[0]


class TestWhatIsKept:
    @pytest.mark.parametrize(("text", "kept"), [
        ("打 13812345678 找我", "打 138****5678 找我"), ("身份证 350602199001011234", "身份证 3506****4"), ("0596-0000000", "0596-0000000"),
        ("oGZUI0wangwangwangwangwangwa 来了", "o*** 来了"), ("1790000000000", "1790000000000"), ("x" * 400, "x" * 300 + "…")])
    def test_personal_data_in_a_text_is_masked(self, text, kept):
        assert masked(text) == kept

    def test_what_is_secret_by_its_name_is_masked_at_any_depth(self):
        public = {"telephone": "0596-0000000", "secret": ""}
        assert cleaned({"password": "x", "deep": [{"openid": "y", "phone": "z", "title": "旗"}], **public}) == {
            "password": "***", "deep": [{"openid": "***", "phone": "***", "title": "旗"}], **public}

    def test_an_entry_is_bounded(self):
        endless: dict = {}
        endless["deeper"] = endless
        assert len(json.dumps(cleaned({"list": ["x" * 9000] * 9000, "endless": endless}))) < 20_000

    async def test_of_two_states_what_differs_is_kept(self, log, stores):
        await log.record("bianji", "editor", "campaign.update", "flag", {
            "before": {"title": "旧", "slug": "flag", "gone": 1}, "after": {"title": "新", "slug": "flag", "new": 2}}, NOW)
        (entry,) = await entries(stores)
        assert (entry["before"], entry["after"], entry["detail"]) == ({"title": "旧", "gone": 1}, {"title": "新", "new": 2}, {})


class TestRefusals:
    async def test_a_flood_is_counted_and_not_written(self, log, stores):
        written = [await log.refused("shenhe", "reviewer", "ROLE_REFUSED", "GET /x", NOW) for _ in range(500)]
        assert sum(written) == auditing.REFUSALS_AT_ONCE
        assert await log.refused("bianji", "editor", "CSRF_REFUSED", "POST /x", NOW), "one member's flood hides nobody else's"
        assert await log.refused("shenhe", "reviewer", "ROLE_REFUSED", "GET /x", NOW + auditing.REFUSAL_SECONDS)
        last = (await entries(stores))[-1]
        assert (last["action"], last["detail"]) == ("refused.role_refused", {"unlogged": 480})


class TestReading:
    @pytest.fixture
    def filled(self, io_loop, log):
        async def fill() -> None:
            for n in range(40):
                await log.record(("bianji", "shenhe")[n % 2], "editor", ("message.approve", "message.reject")[n % 4 // 2],
                                 ("flag", "flag:x")[n % 8 // 4], {"n": n}, NOW + n)
        io_loop.run_sync(fill)

    async def whole(self, log, asked: Asked, limit: int = 7) -> list[int]:
        found, cursor = [], ""
        while cursor is not None:
            page, cursor = await log.page(asked, cursor, limit)
            assert len(page) <= limit
            found += [entry["detail"]["n"] for entry in page]
        return found

    @pytest.mark.parametrize(("asked", "wanted"), [
        (Asked(), range(40)), (Asked(who="bianji"), range(0, 40, 2)),
        (Asked(action="message.approve"), [n for n in range(40) if n % 4 < 2]),
        (Asked(subject="flag"), [n for n in range(40) if n % 8 < 4]), (Asked(since=NOW + 10, until=NOW + 20), range(10, 20)),
        (Asked(who="shenhe", since=NOW + 10), range(11, 40, 2)),
        (Asked("bianji", "message.reject", "flag", NOW, NOW + 30), [n for n in range(30) if n % 8 == 2]), (Asked(who="nobody"), [])])
    async def test_pages_hold_each_once_newest_first(self, log, filled, asked, wanted):
        assert await self.whole(log, asked) == sorted(wanted, reverse=True)

    async def test_a_page_looks_at_so_many_and_says_where_to_go_on(self, log, filled, monkeypatch):
        monkeypatch.setattr(auditing, "MAX_LOOKED_AT", 10)
        monkeypatch.setattr(auditing, "BATCH", 5)
        found, cursor = await log.page(Asked("bianji", "message.reject"), "", 50)
        assert len(found) == 5 and cursor
        assert await self.whole(log, Asked("bianji", "message.reject"), 50) == [n for n in range(38, -1, -2) if n % 4 == 2]

    @pytest.mark.parametrize("cursor", ["x", "1:2", "9" * 24, "\x00", "1790000000000;0000000001"])
    async def test_a_cursor_that_is_none_is_refused(self, log, cursor):
        with pytest.raises(InvalidBody):
            await log.page(Asked(), cursor)

    async def test_as_a_table_no_cell_is_a_formula(self, log):
        await log.record("bianji", "editor", "link.create", "=HYPERLINK(\"//evil\")", {"name": "+1"}, NOW)
        (entry,), _ = await log.page(Asked())
        table = csv_of([row_of(entry)]).decode()
        assert "'=HYPERLINK" in table and table.endswith("\r\n") and entry["hash"] in table
