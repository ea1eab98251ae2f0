"""Bulletins: what they say, that they stay as they were made, that an hour has one."""

from __future__ import annotations

import asyncio
import io
from dataclasses import replace

import pytest
from msgspec import structs
from PIL import Image

from server.bulletins import bulletin as kept
from server.bulletins.bulletin import BulletinNotFound, BulletinSettings, PictureNotReady, SettingsChanged, check_settings
from server.bulletins.drawing import MAX_BYTES, WIDTH, picture
from server.bulletins.service import hour_id
from server.bulletins.snapshot import FiguresIncomplete, NothingCounted, RegionFigure
from server.bulletins.wire import MAX_ROWS, sheet_of
from server.errors import InvalidBody
from server.posters.draw import Painter
from server.posters.fonts import Fonts
from server.stores import PyMongoError
from tests.command_listener import LOOKING
from tests.server.bulletins.world import ROOT, TEN, BulletinWorld, Robots, at, campaign, figures

pytestmark = pytest.mark.gen_test(timeout=60)
CHEN = "chen"


@pytest.fixture
def world(io_loop, stores, tmp_path):
    async def made():
        return BulletinWorld(stores, tmp_path)

    return io_loop.run_sync(made)


# What one says


async def test_districts_add_up_to_the_total_and_stand_in_their_own_order(world):
    snapshot = await world.snapshots().take(world.campaign, TEN)
    assert [one.name for one in snapshot.regions] == ["龙文区", "长泰区", "不便选择"]
    assert sum(one.participants for one in snapshot.regions) == snapshot.participants == 1000


async def test_of_a_daily_campaign_today_and_all_days_each_add_up(world):
    world.campaigns = [campaign(period_rule="daily", opens_at=at("2026-09-30 00:00:00"))]
    world.shown = {"20261002": figures(200), "20261001": figures(1000)}
    world.written = [{"period": day, "totals": {"participants": 500, "voids": 1, "by_activity": {"salute": 500},
                                                "by_region": {"350602": 500}}} for day in ("20260930", "20261001")]
    snapshot = await world.snapshots().take(world.campaign, TEN)
    # Yesterday is read where it is still counted, and not once more from what was written.
    assert (snapshot.participants, snapshot.today, snapshot.today_times, snapshot.voids) == (1700, 200, 230, 1)
    assert sum(one.participants for one in snapshot.regions) == 1700 and sum(one.today for one in snapshot.regions) == 200
    assert [one.name for one in snapshot.regions] == ["芗城区", "龙文区", "长泰区", "不便选择"]
    assert "今日参与 200 人、230 人次" in (await world.process().make(world.campaign, CHEN, TEN))[0].text


async def test_people_whom_no_district_knows_are_shown_as_such(world):
    world.shown["all"] = replace(figures(), participants=1003)
    snapshot = await world.snapshots().take(world.campaign, TEN)
    assert (snapshot.regions[-1].name, snapshot.regions[-1].participants) == ("未注明", 3)


async def test_a_bulletin_says_everything_of_one_moment(world):
    world.campaigns = [campaign(demo=True)]
    minutes = ((at("2026-10-02 08:03:00"), 400), (at("2026-10-02 09:00:00"), 250), (at("2026-10-02 09:59:00"), 50), (TEN, 7))
    world.shown["all"] = figures(1_234_567, by_minute=minutes, voids=2, by_unit={"school-1": 5, "school-2": 0})
    world.groups = 480
    made, is_new = await world.process().make(world.campaign, CHEN, TEN + 5)
    assert is_new
    assert made.text.splitlines() == [
        "【演示数据】", "【一键战报】向国旗敬礼", "第 1 号　截至 2026年10月2日 10:00:05（北京时间）",
        "累计参与 1,234,567 人、1,234,597 人次。",
        "今日新增 707 人。", "近一小时（09:00–10:00）新增 300 人。", "最高一分钟：10月2日 08:03，400 人。", "参与学校（单位）1 个。",
        "集体上报 480 人，另计，不与人数、人次相加。", "—— 主题活动 ——", "礼敬国旗 1,234,567 人次", "致敬先烈 30 人次",
        "—— 各区县（按行政区划顺序） ——", "龙文区 987,644 人", "长泰区 246,913 人", "不便选择 10 人",
        "另：经核实作废 2 次，已从以上数字中扣除。"]


async def test_after_the_end_nothing_is_said_of_today(world):
    world.campaigns = [campaign(state="frozen")]
    text = (await world.process().make(world.campaign, CHEN, TEN))[0].text
    assert "活动状态：已截止" in text and "今日" not in text and "近一小时" not in text


async def test_group_reports_that_nobody_can_tell_are_not_called_none(world):
    world.groups = None
    assert "集体上报：暂时没有取得" in (await world.process().make(world.campaign, CHEN, TEN))[0].text


async def test_the_highest_minute_of_another_day_is_remembered(world):
    await world.watches.keep("flag", (900, at("2026-10-01 08:00:00")), 1000, TEN)
    await world.watches.keep("flag", (30, TEN), 1000, TEN)
    assert "最高一分钟：10月1日 08:00，900 人" in (await world.process().make(world.campaign, CHEN, TEN))[0].text


async def test_fewer_than_before_is_said_unless_a_void_explains_it(world):
    bulletins = world.process()
    await bulletins.make(world.campaign, CHEN, TEN)
    world.shown["all"] = figures(990)
    fewer, _ = await bulletins.make(world.campaign, CHEN, TEN + 60)
    assert "少于第 1 号战报" in fewer.text
    world.shown["all"] = figures(980, voids=10)
    voided, _ = await bulletins.make(world.campaign, CHEN, TEN + 120)
    assert "少于" not in voided.text and "作废 10 次" in voided.text


async def test_without_whole_figures_there_is_none(world):
    world.shown["all"] = figures(stale_shards=1)
    with pytest.raises(FiguresIncomplete):
        await world.process().make(world.campaign, CHEN, TEN)
    world.campaigns = [campaign(state="scheduled")]
    with pytest.raises(NothingCounted):
        await world.process().make(world.campaign, CHEN, TEN)
    assert await world.store.page("flag", "") == ([], None)


# It stays as it was made


async def test_text_and_picture_are_the_same_for_ever(world):
    bulletins = world.process()
    first, _ = await bulletins.make(world.campaign, CHEN, TEN)
    await bulletins.close()
    drawn = await bulletins.picture(world.campaign, 1)
    world.shown["all"], world.campaigns = figures(5000), [campaign(title="改了名称")]
    later = world.process()
    await later.make(world.campaign, CHEN, TEN + 600)
    await later.close()
    await later.tick(TEN + 7200)
    assert (await later.find(world.campaign, 1)).text == first.text and "向国旗敬礼" in first.text
    assert await later.picture(world.campaign, 1) == drawn
    with pytest.raises(BulletinNotFound):
        await later.find(world.campaign, 3)


async def test_two_taps_are_one_bulletin(world):
    bulletins, other = world.process(), world.process()
    first, _ = await bulletins.make(world.campaign, CHEN, TEN)
    again, is_new = await other.make(world.campaign, "lin", TEN + 3)
    assert (again.number, is_new) == (first.number, False)
    assert (await other.make(world.campaign, "lin", TEN + 30))[0].number == 2


async def test_two_taps_in_the_same_moment_are_one_bulletin_and_told_once(world):
    first, second = world.process(robots=True), world.process(robots=True)
    made = await asyncio.gather(*(one.make(world.campaign, CHEN, TEN, to_robots=True) for one in (first, second, first)))
    await asyncio.gather(first.close(), second.close())
    assert sorted((one.number, is_new, bool(one.text)) for one, is_new in made) == [(1, False, True), (1, False, True), (1, True, True)]
    assert len(world.robots.told) == 1


async def test_two_taps_at_once_are_one_bulletin_on_whichever_side_of_a_second_they_fall(world):
    first, second = world.process(), world.process()
    made = await asyncio.gather(first.make(world.campaign, CHEN, TEN + 4.9), second.make(world.campaign, "lin", TEN + 5.1))
    await asyncio.gather(first.close(), second.close())
    assert sorted((one.number, is_ours) for one, is_ours in made) == [(1, False), (1, True)]


async def test_a_second_tap_that_wants_the_robots_told_has_it_told_once(world):
    first, second = world.process(robots=True), world.process(robots=True)
    await first.make(world.campaign, CHEN, TEN)
    made = [await second.make(world.campaign, "lin", TEN + 1 + again, to_robots=True) for again in (0, 1)]
    await asyncio.gather(first.close(), second.close())
    assert [(one.number, is_ours) for one, is_ours in made] == [(1, True), (1, False)]
    assert len(world.robots.told) == 1 and (await first.find(world.campaign, 1)).telling == "told"


async def test_what_is_wanted_told_while_the_first_settles_is_told_by_the_job(world, monkeypatch):
    bulletins, settle = world.process(robots=True), world.store.settle

    async def and_wanted(bulletin_id):
        await world.store.want_telling(bulletin_id, TEN + 30)
        await settle(bulletin_id)

    with monkeypatch.context() as patched:
        patched.setattr(world.store, "settle", and_wanted)
        await bulletins.make(world.campaign, CHEN, TEN)
        await bulletins.close()
    assert world.robots.told == []
    await bulletins.tick(TEN + 31)
    assert len(world.robots.told) == 1


async def test_one_that_a_kill_left_without_its_number_is_not_given_out_for_a_new_one(world):
    bulletins = world.process()
    await bulletins._create(world.campaign, "flag:hand:1", "hand", CHEN, TEN, False)
    made, is_ours = await bulletins.make(world.campaign, CHEN, TEN + 600)
    assert (made.number, made.at, is_ours) == (2, TEN + 600, True)
    assert (await bulletins.find(world.campaign, 1)).text


async def test_a_bulletin_that_is_being_told_is_not_said_to_have_failed_by_whoever_looks_after_it(world, monkeypatch):
    """Two processes found it due; one is telling slow robots when the other comes to it."""
    second = world.process(robots=True)
    await second._create(world.campaign, "flag:hand:left", "hand", CHEN, TEN, True)
    [due] = await world.store.due(TEN + 31, 10)
    tell = Robots.tell

    async def slow(self, text, now, *, picture=None):
        await second._finish(due, TEN + 31)
        await second.tick(TEN + 62)
        await tell(self, text, now, picture=picture)

    monkeypatch.setattr(Robots, "tell", slow)
    first = world.process(robots=True)
    await first.tick(TEN + 31)
    assert (await first.find(world.campaign, 1)).telling == "told" and len(world.robots.told) == 1


async def test_a_store_that_fails_before_the_telling_does_not_cost_it(world, monkeypatch):
    bulletins = world.process(robots=True)
    await bulletins._create(world.campaign, "flag:hand:left", "hand", CHEN, TEN, True)
    with monkeypatch.context() as patched:
        async def away(bulletin_id):
            raise PyMongoError("away")

        patched.setattr(world.store, "picture", away)
        with pytest.raises(PyMongoError):
            await bulletins.tick(TEN + 31)
    await bulletins.tick(TEN + 400)
    assert (await bulletins.find(world.campaign, 1)).telling == "told"


async def test_numbers_have_no_gap_when_many_race(world):
    made = [(await world.process()._create(world.campaign, f"flag:hand:{n}", "hand", CHEN, TEN + n, False)).id for n in range(6)]
    found = await asyncio.gather(*(world.store.give_number(one, "flag") for one in made for _ in range(2)))
    assert sorted(set(found)) == [1, 2, 3, 4, 5, 6]


async def test_what_a_killed_process_left_is_finished_and_told_once(world):
    left = await world.process(robots=True)._create(world.campaign, "flag:hand:left", "hand", CHEN, TEN, True)
    assert left.number == 0 and await world.process().page(world.campaign, "") != ([], None)
    first, second = world.process(robots=True), world.process(robots=True)
    await asyncio.gather(first.tick(TEN + 31), second.tick(TEN + 31))
    await first.tick(TEN + 90)
    found = await first.find(world.campaign, 1)
    assert (found.picture, found.telling, found.due) == ("drawn", "told", None)
    assert world.robots.told == [(found.text, True)]
    assert (await world.notes()).count("战报第 1 号：1,000 人（chen 生成）") == 1


async def test_a_robot_that_fails_costs_the_telling_alone(world):
    world.robots.problem = TimeoutError()
    bulletins = world.process(robots=True)
    await bulletins.make(world.campaign, CHEN, TEN, to_robots=True)
    await bulletins.close()
    found = await bulletins.find(world.campaign, 1)
    assert (found.telling, found.picture, found.due) == ("failed", "drawn", None)


async def test_a_telling_that_a_kill_cut_off_has_failed_and_is_not_told_again(world, monkeypatch):
    async def killed(self, text, now, *, picture=None):
        raise asyncio.CancelledError

    with monkeypatch.context() as patched:
        patched.setattr(Robots, "tell", killed)
        bulletins = world.process(robots=True)
        await bulletins.make(world.campaign, CHEN, TEN, to_robots=True)
        await bulletins.close()
    bulletins = world.process(robots=True)
    outcomes = []
    for seconds in (60, 400):
        await bulletins.tick(TEN + seconds)
        outcomes.append((await bulletins.find(world.campaign, 1)).telling)
    assert (outcomes, world.robots.told, (await bulletins.find(world.campaign, 1)).due) == (["telling", "failed"], [], None)


async def test_without_robots_nothing_is_told(world):
    bulletins = world.process()
    made, _ = await bulletins.make(world.campaign, CHEN, TEN, to_robots=True)
    assert made.telling == "none"


async def test_a_picture_that_cannot_be_drawn_is_given_up_and_the_text_stays(world):
    world.drawers.lost = True
    bulletins = world.process()
    await bulletins.make(world.campaign, CHEN, TEN)
    await bulletins.close()
    with pytest.raises(PictureNotReady):
        await bulletins.picture(world.campaign, 1)
    for turn in range(1, 6):
        await bulletins.tick(TEN + 60 * turn)
    found = await bulletins.find(world.campaign, 1)
    assert (found.picture, found.due) == ("failed", None) and "1,000 人" in found.text


async def test_only_the_newest_are_kept_with_their_pictures(world, monkeypatch):
    monkeypatch.setattr(kept, "KEPT", 3)
    bulletins = world.process()
    for turn in range(5):
        await bulletins.make(world.campaign, CHEN, TEN + 60 * turn)
        await bulletins.close()
    found, following = await bulletins.page(world.campaign, "")
    assert ([one.number for one in found], following) == ([5, 4, 3], None)
    pictures = await world.stores.mongo["bulletin_pictures"].find({}, comment=LOOKING).to_list(None)
    assert sorted(one["_id"] for one in pictures) == sorted(one.id for one in found)


async def test_the_list_pages_by_key(world):
    bulletins = world.process()
    for turn in range(3):
        await bulletins.make(world.campaign, CHEN, TEN + 60 * turn)
    await bulletins.close()
    first, following = await world.store.page("flag", "", 2)
    rest, end = await world.store.page("flag", following, 2)
    assert ([one.number for one in first], [one.number for one in rest], end) == ([3, 2], [1], None)


# The full hour


async def test_two_processes_make_one_hour_once(world):
    await world.hourly()
    processes = [world.process() for _ in range(4)]
    made = await asyncio.gather(*(one.hours(TEN + 3) for one in processes))
    await asyncio.gather(*(one.hours(TEN + 60) for one in processes))
    found, _ = await world.store.page("flag", "")
    assert (sum(made), [(one.id, one.number, one.kind) for one in found]) == (1, [(hour_id("flag", TEN), 1, "hourly")])
    assert await world.notes() == ["整点战报第 1 号：1,000 人"]
    assert sum(await asyncio.gather(*(one.hours(TEN + 3603) for one in processes))) == 1


@pytest.mark.parametrize("why, changes, now", [
    ("it is paused", {"state": "paused"}, TEN + 3), ("it has ended", {"state": "frozen"}, TEN + 3),
    ("it is a draft", {"state": "draft"}, TEN + 3), ("it opens at this hour", {"opens_at": TEN}, TEN + 3),
    ("it closes at this hour", {"closes_at": TEN}, TEN + 3), ("it is a rehearsal", {"rehearsal": True}, TEN + 3),
    ("it is too early in the day", {}, at("2026-10-02 07:00:03")), ("it is too late in the day", {}, at("2026-10-02 23:00:03"))])
async def test_an_hour_has_none_where(world, why, changes, now):
    await world.hourly()
    world.campaigns = [campaign(**changes)]
    assert await world.process().hours(now) == 0, why
    assert (await world.store.page("flag", ""), await world.notes()) == (([], None), []), why


async def test_hours_are_off_until_they_are_switched_on_and_begin_with_the_next(world):
    bulletins = world.process()
    assert await bulletins.hours(TEN + 3) == 0
    wanted = await bulletins.keep_settings(world.campaign, BulletinSettings(hourly=True), TEN + 120)
    assert await bulletins.hours(TEN + 130) == 0
    assert await bulletins.hours(TEN + 3602) == 1
    with pytest.raises(SettingsChanged):
        await bulletins.keep_settings(world.campaign, BulletinSettings(hourly=False), TEN)
    assert (await bulletins.keep_settings(world.campaign, wanted, TEN + 9000)).since == TEN + 120


async def test_an_hour_waits_for_whole_figures_and_is_not_made_up_for_after_five_minutes(world):
    await world.hourly()
    world.shown["all"] = figures(stale_shards=1)
    bulletins, other = world.process(), world.process()
    assert await bulletins.hours(TEN + 3) == 0
    world.shown["all"] = figures()
    assert await bulletins.hours(TEN + 240) == 1
    for process in (bulletins, other, bulletins):
        assert await process.hours(TEN + 3600 + 301) == 0
    assert [text for text in await world.notes() if "没有生成" in text] == [
        "11:00 的整点战报没有生成（当时取不到完整数字，或系统不在运行），需要时请手动生成"]


@pytest.mark.parametrize("wrong", [{"first_hour": 24}, {"first_hour": 9, "last_hour": 8}, {"last_hour": 24}, {"milestones": [5, 1000]},
                                   {"milestones": [2000, 1000]}, {"milestones": [1000, 1000]}, {"milestones": list(range(100, 200))}])
def test_settings_that_cannot_be_are_refused(wrong):
    with pytest.raises(InvalidBody):
        check_settings(BulletinSettings(**wrong))


# The picture


async def test_a_real_child_draws_it_wide_and_small(world):
    bulletins = world.process(drawing=True)
    await bulletins.make(world.campaign, CHEN, TEN)
    await asyncio.wait(bulletins._completing, timeout=50)
    data = await bulletins.picture(world.campaign, 1)
    image = Image.open(io.BytesIO(data))
    assert (image.format, image.width) == ("PNG", WIDTH) and len(data) <= MAX_BYTES


def sheet(**changes):
    made = kept.Bulletin("x", "flag", "向国旗敬礼", "hand", CHEN, TEN, True, changes.pop("snapshot"), **changes)
    return sheet_of(made, 12, str(ROOT / "assets"))


async def test_the_largest_picture_is_small_enough_and_still_adds_up(world):
    snapshot = await world.snapshots().take(campaign(title="长" * 64), TEN)
    many = [RegionFigure(str(n), f"第{n}号很长很长的街道办事处名称", 123_456, 1) for n in range(300)]
    made = sheet(snapshot=structs.replace(snapshot, regions=many, daily=True, today_times=5),
                 milestones=["10月1日 08:00:00 突破 1万人"] * 9)
    rows = made.sections[1].rows
    assert len(rows) == MAX_ROWS and rows[-1][0] == "其余 241 个合计"
    assert sum(int(value.replace(",", "")) for _, value, _ in rows) == 300 * 123_456
    data = picture(Painter(ROOT / "assets", Fonts()), made)
    assert len(data) <= MAX_BYTES and Image.open(io.BytesIO(data)).width == WIDTH


async def test_a_demo_is_marked_and_braces_in_names_are_no_placeholders(world):
    snapshot = await world.snapshots().take(world.campaign, TEN)
    made = sheet(snapshot=structs.replace(snapshot, regions=[RegionFigure("1", "{name}区", 1)]))
    assert made.mark == "演示数据" and picture(Painter(ROOT / "assets", Fonts()), made)[:4] == b"\x89PNG"
