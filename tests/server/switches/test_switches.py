"""Switches: how they are turned, what each needs, who is first, and what a process knows that turned none."""

from __future__ import annotations

import asyncio

import pytest

from server.campaigns import Campaign, Preset
from server.errors import InvalidBody
from server.stores import PyMongoError
from server.switches import ALL_OFF, NAMES, Maintenance, Switches, SwitchStore, Wish, WordsStopped
from server.switches.service import board_view
from server.switches.switch import OF_CAMPAIGN, SwitchesChanged, UnknownSwitch

pytestmark = pytest.mark.gen_test(timeout=30)
NOW = 1_790_841_600.0
HOSTS = ("https://h5.example.cn", "https://h6.example.cn")
FLAG, MAY = "salute-the-flag", "may-fourth"
WHY = "按市里通知"


@pytest.fixture
def switches(stores):
    return Switches(SwitchStore(stores.mongo), HOSTS)


async def put(switches: Switches, name: str, on: bool = True, *, slug: str = FLAG, rev: int | None = None, **parts):
    seen = (await switches.board(slug)).rev if rev is None else rev
    return await switches.turn(slug, name, seen, Wish(on, parts.pop("reason", WHY), **parts), "xiaozhou", NOW)


def campaign(**changes) -> Campaign:
    return Campaign(FLAG, "向国旗敬礼", "open", 0, 1, (), **changes)


async def test_everything_is_off_at_first(switches):
    await switches.refresh()
    assert switches.public(FLAG) == ALL_OFF == {
        "slow_mode": False, "wall_frozen": False, "ticker_hidden": False, "messages_closed": False, "mourning": None}
    assert switches.base_url() == HOSTS[0]
    assert switches.maintenance(NOW) is None
    switches.admit(NOW)
    switches.admit_words(FLAG)


@pytest.mark.parametrize("name", ["slow_mode", "wall_frozen", "ticker_hidden", "messages_closed"])
async def test_a_switch_is_turned_on_and_back_and_says_who_and_why(switches, name):
    before, board = await put(switches, name)
    assert (before.on, board.flip(name).on, board.flip(name).by, board.flip(name).reason) == (False, True, "xiaozhou", WHY)
    assert switches.public(FLAG) == {**ALL_OFF, name: True}
    assert switches.public(MAY) == ALL_OFF, "other campaigns go on as they were"
    before, _ = await put(switches, name, on=False, reason="已处理")
    assert before.on
    assert switches.public(FLAG) == ALL_OFF
    assert (await switches.board(FLAG)).flip(name).reason == "已处理"


async def test_mourning_shows_the_words_until_it_is_over(switches):
    await put(switches, "mourning", text="  深切哀悼  ")
    assert switches.public(FLAG)["mourning"] == "深切哀悼"
    await put(switches, "mourning", on=False)
    assert switches.public(FLAG)["mourning"] is None


async def test_ranking_is_told_to_staff_alone(switches):
    await put(switches, "ranking", typed=FLAG)
    assert switches.of(FLAG).is_on("ranking")
    assert switches.public(FLAG) == ALL_OFF


async def test_another_process_learns_of_it(switches, stores):
    other = Switches(SwitchStore(stores.mongo), HOSTS)
    await put(switches, "slow_mode")
    await put(switches, "maintenance", slug="", text="换机器", typed="维护")
    assert other.public(FLAG) == ALL_OFF
    await other.refresh()
    assert other.public(FLAG)["slow_mode"]
    with pytest.raises(Maintenance):
        other.admit(NOW)
    await put(switches, "maintenance", on=False, slug="")
    await other.refresh()
    other.admit(NOW)


async def test_what_this_process_turns_is_not_undone_by_an_older_reading(switches, monkeypatch):
    read, go_on = asyncio.Event(), asyncio.Event()
    real = switches._store.all

    async def slow():
        found = await real()
        read.set()
        await go_on.wait()
        return found

    monkeypatch.setattr(switches._store, "all", slow)
    reading = asyncio.create_task(switches.refresh())
    await read.wait()
    await put(switches, "slow_mode")
    go_on.set()
    await reading
    assert switches.public(FLAG)["slow_mode"]


async def test_maintenance_is_known_beside_any_number_of_campaigns(switches, stores, monkeypatch):
    monkeypatch.setattr("server.switches.store.MOST_BOARDS", 2)
    for slug in (FLAG, MAY):
        await put(switches, "slow_mode", slug=slug)
    await put(switches, "maintenance", slug="", text="换机器", typed="维护")
    other = Switches(SwitchStore(stores.mongo), HOSTS)
    await other.refresh()
    assert other.maintenance(NOW).message == "换机器"


async def test_while_mongodb_is_away_they_stay_as_they_were(switches, monkeypatch):
    await put(switches, "slow_mode")

    async def away():
        raise PyMongoError("away")

    monkeypatch.setattr(switches._store, "all", away)
    with pytest.raises(PyMongoError):
        await switches.refresh()
    assert switches.public(FLAG)["slow_mode"]


async def test_of_two_operators_who_saw_the_same_one_is_first(switches):
    await put(switches, "slow_mode", rev=0)
    with pytest.raises(SwitchesChanged):
        await put(switches, "wall_frozen", rev=0)
    turns = await asyncio.gather(*[put(switches, "wall_frozen", rev=1) for _ in range(5)], return_exceptions=True)
    assert sum(isinstance(turn, SwitchesChanged) for turn in turns) == 4
    assert (await switches.board(FLAG)).rev == 2


@pytest.mark.parametrize(("name", "wish", "slug", "code", "field"), [
    ("slow_mode", Wish(True, "  "), FLAG, "SWITCH_REASON_MISSING", "reason"),
    ("slow_mode", Wish(True, "因" * 201), FLAG, "SWITCH_REASON_MISSING", "reason"),
    ("slow_mode", Wish(False, ""), FLAG, "SWITCH_REASON_MISSING", "reason"),
    ("mourning", Wish(True, WHY), FLAG, "SWITCH_TEXT_WRONG", "text"),
    ("mourning", Wish(True, WHY, "哀" * 121), FLAG, "SWITCH_TEXT_WRONG", "text"),
    ("mourning", Wish(True, WHY, "深切哀悼", until=NOW + 60), FLAG, "SWITCH_UNTIL_WRONG", "until"),
    ("ranking", Wish(True, WHY), FLAG, "CONFIRMATION_WRONG", "confirm"),
    ("ranking", Wish(True, WHY, typed=MAY), FLAG, "CONFIRMATION_WRONG", "confirm"),
    ("maintenance", Wish(True, WHY, "换机器"), "", "CONFIRMATION_WRONG", "confirm"),
    ("maintenance", Wish(True, WHY, "换机器", NOW - 1, "维护"), "", "SWITCH_UNTIL_WRONG", "until"),
    ("maintenance", Wish(True, WHY, "换机器", NOW + 8 * 86400, "维护"), "", "SWITCH_UNTIL_WRONG", "until"),
    ("public_host", Wish(True, WHY, "https://evil.example", typed="https://evil.example"), "", "UNKNOWN_HOST", "text"),
    ("public_host", Wish(True, WHY, HOSTS[1]), "", "CONFIRMATION_WRONG", "confirm"),
])
async def test_a_turn_that_lacks_something_is_refused_and_changes_nothing(switches, name, wish, slug, code, field):
    with pytest.raises(InvalidBody) as refused:
        await switches.turn(slug, name, 0, wish, "xiaozhou", NOW)
    assert (refused.value.code, refused.value.field) == (code, field)
    assert (await switches.board(slug)).rev == 0


@pytest.mark.parametrize(("name", "slug"), [("maintenance", FLAG), ("slow_mode", ""), ("nothing", FLAG), ("public_host", FLAG)])
async def test_there_is_no_such_switch_there(switches, name, slug):
    with pytest.raises(UnknownSwitch):
        await put(switches, name, slug=slug, text="换机器", typed="维护")


@pytest.mark.parametrize(("left", "seconds"), [(0, 30), (90, 90), (1, 5), (86400, 300)])
async def test_maintenance_says_when_to_come_back(switches, left, seconds):
    await put(switches, "maintenance", slug="", text="换机器", until=NOW + left if left else 0.0, typed="维护")
    closed = switches.maintenance(NOW)
    assert (closed.status, closed.code, closed.message, closed.retry_after_seconds) == (503, "MAINTENANCE", "换机器", seconds)


async def test_maintenance_that_lasts_longer_than_it_was_said_goes_on(switches):
    await put(switches, "maintenance", slug="", text="换机器", until=NOW + 60, typed="维护")
    late = switches.maintenance(NOW + 3600)
    assert (late.retry_after_seconds, late.until) == (30, 0.0)


async def test_new_links_lead_to_the_chosen_host_as_long_as_it_is_configured(switches, stores):
    await put(switches, "public_host", slug="", text=HOSTS[1], typed=HOSTS[1])
    assert switches.base_url() == HOSTS[1]
    without = Switches(SwitchStore(stores.mongo), HOSTS[:1])
    await without.refresh()
    assert without.base_url() == HOSTS[0]
    await put(switches, "public_host", on=False, slug="")
    assert switches.base_url() == HOSTS[0]


@pytest.mark.parametrize(("changes", "note"), [
    ({"presets": (Preset("prosper", "愿祖国繁荣昌盛"),)}, "现在请选择现成的寄语，自己写的暂时关闭，恢复后再写"),
    ({}, "留言暂时关闭，恢复后再写"), ({"kind": "photos"}, "照片暂时停止接收，恢复后再传")])
async def test_closed_words_are_said_on_the_form(switches, changes, note):
    assert switches.form(campaign(**changes)) == {}
    await put(switches, "messages_closed")
    assert switches.form(campaign(**changes)) == {"free_words": False, "free_words_note": note}
    for admit in (switches.admit_words, switches.admit_photo):
        with pytest.raises(WordsStopped):
            admit(FLAG)


async def test_a_campaign_of_the_same_code_begins_anew(switches):
    await put(switches, "slow_mode")
    await switches.remove(FLAG)
    await switches.refresh()
    assert switches.public(FLAG) == ALL_OFF


async def test_the_console_sees_every_switch_with_its_name(switches):
    _, board = await put(switches, "mourning", text="深切哀悼")
    shown = {one["name"]: one for one in board_view(board, FLAG)}
    assert tuple(shown) == OF_CAMPAIGN
    assert all(one["title"] == NAMES[name] for name, one in shown.items())
    assert shown["mourning"] == {"name": "mourning", "title": "哀悼", "on": True, "text": "深切哀悼", "until": None, "by": "xiaozhou",
                                 "since": "2026-10-01T16:00:00+08:00", "reason": WHY}
    assert shown["ranking"]["since"] is None
