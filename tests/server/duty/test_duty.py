"""The duty log: entries that stay, handovers, and what comes from the audit log by itself."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from server.audit_log import AuditLog, AuditLogStore
from server.clock import day_of
from server.duty import DutyLog, DutyStore, Gathering
from server.duty.entry import (
    EntryNotFound,
    HandoverAcknowledged,
    NobodyToHandTo,
    NotYourHandover,
    PersonalDataSuspected,
    TextWrong,
    looks_personal,
)
from server.errors import InvalidBody
from server.staff import Member
from server.staff.member import Account
from tests.command_listener import LOOKING
from tests.server.bulletins.world import TEN, campaign

pytestmark = pytest.mark.gen_test(timeout=60)
CHEN, LIN, ADMIN = (Member(name, role, "") for name, role in (("chen", "operator"), ("lin", "operator"), ("zhang", "admin")))
FLAG = campaign()


def account(name: str, role: str = "operator", **changes) -> Account:
    return replace(Account(name, role, "", None), **changes)


class DutyWorld:
    def __init__(self, stores) -> None:
        self.stores, self.store = stores, DutyStore(stores.mongo)
        self.accounts = [account("chen"), account("lin"), account("zhang", "admin"), account("gone", disabled=True),
                         account("shenhe", "reviewer"), account("other", campaigns=("other",)), account("own", campaigns=("flag",))]
        self.duty = DutyLog(self.store, self._accounts)
        self.log = AuditLog(AuditLogStore(stores.mongo), b"k" * 32)
        self.campaigns = [FLAG, campaign(slug="vote", state="paused"), campaign(slug="old", state="archived")]

    def gathering(self) -> Gathering:
        """As one process has it."""
        return Gathering(DutyStore(self.stores.mongo), self.log.after, self.log.newest, self._all)

    async def texts(self, slug: str = "flag", day: str = "") -> list[str]:
        seen, _ = await self.duty.page(campaign(slug=slug), day, "")
        return [one.entry.text for one in reversed(seen)]

    async def _accounts(self):
        return self.accounts

    async def _all(self):
        return self.campaigns


@pytest.fixture
def world(io_loop, stores):
    async def made():
        return DutyWorld(stores)

    return io_loop.run_sync(made)


async def test_an_entry_is_corrected_by_another_and_never_changed(world):
    first = await world.duty.write(FLAG, CHEN, "incident", "  8 点 05 分页面打不开\r\n已重启  ", TEN)
    fixed = await world.duty.write(FLAG, LIN, "correction", "是 8 点 15 分", TEN + 60, corrects=first.id)
    seen, following = await world.duty.page(FLAG, "", "")
    assert [one.entry for one in seen] == [fixed, first] and following is None
    assert first.text == "8 点 05 分页面打不开\n已重启" and seen[1].corrections == (fixed,)
    with pytest.raises(EntryNotFound):
        await world.duty.write(campaign(slug="vote"), LIN, "correction", "不是这个活动的", TEN, corrects=first.id)
    # There is no way to change or remove one.
    assert [name for name in dir(world.store) if name.startswith(("set", "remove", "delete", "change", "update"))] == []


@pytest.mark.parametrize("text", ["", " \n ", "字" * 1001, "有\x07响铃"])
async def test_a_text_that_cannot_be_is_refused(world, text):
    with pytest.raises(TextWrong):
        await world.duty.write(FLAG, CHEN, "note", text, TEN)


@pytest.mark.parametrize("kind", ["switch", "milestone", "acknowledgement", "nothing"])
async def test_what_the_product_writes_nobody_writes_by_hand(world, kind):
    with pytest.raises(InvalidBody):
        await world.duty.write(FLAG, CHEN, kind, "冒充系统", TEN)


@pytest.mark.parametrize("text, is_personal", [
    ("请联系 13800001234", True), ("电话138-0000-1234有人接", True), ("+86 138 0000 1234", True),
    ("身份证 350602201001011234", True), ("openid oGZUI0wangwangwangwangwangwa", True),
    ("值班室 0596-2021234", False), ("参与 1234567890123 人次", False), ("8:05 至 8:15", False)])
async def test_what_may_be_a_persons_number_is_written_after_a_second_look_alone(world, text, is_personal):
    assert looks_personal(text) is is_personal
    if is_personal:
        with pytest.raises(PersonalDataSuspected):
            await world.duty.write(FLAG, CHEN, "note", text, TEN)
        assert await world.texts() == []
    assert (await world.duty.write(FLAG, CHEN, "note", text, TEN, sure=True)).text == text


async def test_a_handover_goes_to_somebody_who_may_watch_and_is_taken_over_once(world):
    assert await world.duty.people(FLAG, "chen") == ["lin", "zhang", "own"]
    for to in ("", "chen", "gone", "shenhe", "other", "nobody"):
        with pytest.raises(NobodyToHandTo):
            await world.duty.write(FLAG, CHEN, "handover", "未办：核对名单", TEN, to=to)
    handover = await world.duty.write(FLAG, CHEN, "handover", "未办：核对名单", TEN, to="lin")
    assert await world.duty.open_handovers(FLAG) == [handover]
    with pytest.raises(NotYourHandover):
        await world.duty.acknowledge(FLAG, CHEN, handover.id, TEN + 5)
    outcomes = await asyncio.gather(world.duty.acknowledge(FLAG, LIN, handover.id, TEN + 9),
                                    world.duty.acknowledge(FLAG, ADMIN, handover.id, TEN + 9), return_exceptions=True)
    assert sorted(isinstance(one, HandoverAcknowledged) for one in outcomes) == [False, True]
    assert await world.duty.open_handovers(FLAG) == []
    with pytest.raises(EntryNotFound):
        await world.duty.acknowledge(FLAG, LIN, "0" * 16, TEN)


async def test_a_day_is_that_of_shanghai_and_pages_by_key(world):
    midnight = TEN - 36_000
    for second in (-1, 0, 1):
        await world.duty.write(FLAG, CHEN, "note", f"第 {second} 秒", midnight + second)
    assert await world.texts(day="20261002") == ["第 0 秒", "第 1 秒"] and day_of(midnight) == "20261002"
    first, following = await world.store.page("flag", "20261002", "", 1)
    rest, _ = await world.store.page("flag", "20261002", following, 1)
    assert [first[0].text, rest[0].text] == ["第 1 秒", "第 0 秒"]
    with pytest.raises(InvalidBody):
        await world.duty.page(FLAG, "20261332", "")


async def test_switches_and_states_come_in_by_themselves_and_once(world):
    await world.log.record("chen", "operator", "campaign.state", "flag", {"before": "open", "after": "paused"}, TEN - 60)
    await world.gathering().tick(TEN)  # begins at the end of what is there
    off, on = {"on": False, "text": ""}, {"on": True, "text": "深切哀悼", "reason": "公祭日"}
    await world.log.record("chen", "operator", "switch.on", "flag:mourning", {"before": off, "after": on}, TEN + 1)
    await world.log.record("chen", "operator", "switch.off", "flag:mourning", {"before": on, "after": {**off, "reason": "结束"}}, TEN + 2)
    await world.log.record("chen", "operator", "campaign.state", "flag", {"before": "open", "after": "paused"}, TEN + 3)
    await world.log.record("bianji", "editor", "draft.edit", "flag", {}, TEN + 4)
    await world.log.record("zhang", "admin", "switch.on", "product:maintenance", {"before": off, "after": {**on, "text": "维护"}}, TEN + 5)
    processes = [world.gathering() for _ in range(3)]
    await asyncio.gather(*(one.tick(TEN + 6) for one in processes))
    await processes[0].tick(TEN + 8)
    maintenance = "打开开关“维护页”，文字：维护，原因：公祭日"
    assert await world.texts() == ["打开开关“哀悼”，文字：深切哀悼，原因：公祭日", "关闭开关“哀悼”，原因：结束",
                                   "活动状态：进行中 → 已暂停", maintenance]
    assert (await world.texts("vote"), await world.texts("old")) == ([maintenance], [])
    [entry, *_] = [one.entry for one in (await world.duty.page(FLAG, "", ""))[0]]
    assert (entry.author, entry.at, entry.kind) == ("zhang", TEN + 5, "switch")


async def test_a_reason_is_said_also_where_it_is_the_one_before_and_of_a_pause(world):
    await world.gathering().tick(TEN)
    on, off = {"on": True, "reason": "演练"}, {"on": False, "reason": "演练"}
    await world.log.record("chen", "operator", "switch.off", "flag:slow_mode", {"before": on, "after": off, "reason": "演练"}, TEN + 1)
    await world.log.record("chen", "operator", "campaign.take_down", "flag", {"state": "paused", "reason": "现场彩排"}, TEN + 2)
    await world.log.record("chen", "operator", "campaign.state", "flag",
                           {"before": "paused", "after": "open", "reason": "彩排结束"}, TEN + 3)
    await world.log.record("chen", "operator", "campaign.take_down", "flag", {"state": "frozen", "reason": "提前结束"}, TEN + 4)
    await world.gathering().tick(TEN + 5)
    assert await world.texts() == ["关闭开关“慢速模式”，原因：演练", "暂停活动，原因：现场彩排",
                                   "活动状态：已暂停 → 进行中，原因：彩排结束", "结束活动，原因：提前结束"]


async def test_a_switch_of_the_product_concerns_the_campaigns_that_ran_at_its_own_time(world):
    world.campaigns = [campaign(slug="product"), campaign(slug="ended", state="frozen", closes_at=int(TEN) + 60),
                       campaign(slug="later", opens_at=int(TEN) + 60),
                       campaign(slug="long-over", state="frozen", closes_at=int(TEN) - 3600)]
    await world.gathering().tick(TEN)
    off, on = {"on": False}, {"on": True}
    await world.log.record("zhang", "admin", "switch.on", "product:maintenance", {"before": off, "after": on}, TEN + 1)
    await world.log.record("chen", "operator", "switch.on", "product:slow_mode", {"before": off, "after": on}, TEN + 2)
    await world.gathering().tick(TEN + 7200)
    assert await world.texts("product") == ["打开开关“维护页”", "打开开关“慢速模式”"]
    assert (await world.texts("ended"), await world.texts("later"), await world.texts("long-over")) == (["打开开关“维护页”"], [], [])


async def test_the_press_at_a_ceremony_stands_in_the_log(world):
    await world.gathering().tick(TEN)
    await world.log.record("chen", "operator", "ceremony.open", "flag", {"before": "scheduled", "after": "open"}, TEN + 1)
    await world.gathering().tick(TEN + 2)
    assert await world.texts() == ["启动仪式，活动开始"]


async def test_a_killed_gathering_goes_on_where_it_was(world):
    gathering = world.gathering()
    await gathering.tick(TEN)
    for state in ("paused", "open"):
        await world.log.record("chen", "operator", "campaign.state", "flag", {"before": "open", "after": state}, TEN + 1)
    mark, keep = world.store.mark, DutyStore.keep_mark
    try:
        async def killed(self, seq):
            raise OSError("killed")

        DutyStore.keep_mark = killed
        with pytest.raises(OSError, match="killed"):
            await world.gathering().tick(TEN + 2)
    finally:
        DutyStore.keep_mark = keep
    assert await mark() == 0
    await world.gathering().tick(TEN + 3)
    assert len(await world.texts()) == 2


async def test_what_the_product_says_itself_stands_there_once(world):
    for _ in range(2):
        await world.duty.note("flag", "bulletin", "bulletin:1", "战报第 1 号", TEN)
    assert await world.texts() == ["战报第 1 号"]
    assert len(await world.stores.mongo["duty_log"].find({}, comment=LOOKING).to_list(None)) == 1


async def test_an_export_has_every_entry_with_what_it_is_about(world):
    first = await world.duty.write(FLAG, CHEN, "note", "=1+1", TEN)
    await world.duty.write(FLAG, LIN, "correction", "更正", TEN + 1, corrects=first.id)
    rows = [row async for page in world.duty.rows(FLAG, "") for row in page]
    assert rows == [("2026-10-02T10:00:01+08:00", "更正", "lin", "更正", "", first.id, rows[0][-1]),
                    ("2026-10-02T10:00:00+08:00", "记事", "chen", "=1+1", "", "", first.id)]
