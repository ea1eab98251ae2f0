"""Health and alarms through the staff's interface: who reads, who acts, what stands in the audit log, and what is never shown."""

from __future__ import annotations

import time

import pytest

from server.clock import iso
from server.health import PARTS
from tests.handlers.civic_app import CivicApp, error_of, json_of
from tests.handlers.test_staff import logged
from tests.robot_world import Platform
from tests.server.health.watch_world import WatchWorld

pytestmark = pytest.mark.gen_test(timeout=90)
HEALTH, ALARMS, CHANNELS = "/api/v1/staff/health", "/api/v1/staff/alarms", "/api/v1/staff/alarm-channels"


@pytest.fixture
def app(io_loop, stores, tmp_path):
    async def opened():
        app, world = await CivicApp(stores, tmp_path).open(), WatchWorld(stores, tmp_path, Platform(tmp_path))
        app.now = world.now = time.time()
        app.world_of_health, app.services.watching = world, world.process("first")
        await world.opened(4)
        return app

    app = io_loop.run_sync(opened)
    yield app
    io_loop.run_sync(lambda: app.world_of_health.close(app.services.watching))
    app.world_of_health.platform.close()
    io_loop.run_sync(app.close)


async def turns(app: CivicApp, seconds: float) -> None:
    await app.world_of_health.turns(seconds, app.services.watching)
    app.now = app.world_of_health.now


async def poisoned(app: CivicApp) -> str:
    """A change that MongoDB refused has rung; the alarm's id."""
    await app.world_of_health.counted.documents.note_poison("flag:all:0", 999, [999], "too large", app.now)
    await turns(app, 10)
    [alarm] = json_of(await (await app.desk("auditor")).ask(HEALTH))["alarms"]
    return alarm["id"]


async def test_every_tile_has_its_thresholds_meaning_and_steps(app):
    await turns(app, 10)
    view = json_of(await (await app.desk("auditor")).ask(HEALTH))
    assert [item["part"] for item in view["items"]] == [part.code for part in PARTS]
    shards = view["items"][0]
    assert (shards["level"], shards["level_name"], shards["value"], shards["red"]) == ("green", "正常", 0, 1)
    assert len(shards["steps"]) == len(shards["steps_en"]) == 3 and shards["why"] and shards["means"]
    assert view["processes"][0]["process"] == "first" and not view["is_stale"]


async def test_a_channel_is_shown_without_its_address_and_says_what_a_test_came_to(app, stores):
    desk = await app.desk("operator")
    answer = await desk.ask(HEALTH)
    [channel] = json_of(answer)["channels"]
    assert (channel["kind_name"], channel["name"], channel["host"], channel["list"]) == ("飞书", "第 1 组", "localhost", 1)
    assert b"https://localhost" not in answer.body and b"/feishu" not in answer.body
    tested = await desk.ask(f"{CHANNELS}/{channel['id']}/test", {})
    assert json_of(tested) == {"told": True, "problem": ""} and app.world_of_health.platform.titles() == ["测试消息"]
    app.world_of_health.platform.answers["/feishu"] = {"code": 19024}
    assert json_of(await desk.ask(f"{CHANNELS}/{channel['id']}/test", {})) == {"told": False, "problem": "平台拒绝（19024）"}
    assert json_of(await desk.ask(HEALTH))["channels"][0]["failures"] == 1
    assert error_of(await desk.ask(f"{CHANNELS}/{'0' * 12}/test", {})) == (404, "ALARM_CHANNEL_NOT_FOUND")
    assert [action for _, action, _ in await logged(stores)] == ["alarm.test", "alarm.test"]


async def test_an_alarm_is_acknowledged_once_by_name_and_logged(app, stores):
    seen, desk = await poisoned(app), await app.desk("operator")
    taken = json_of(await desk.ask(f"{ALARMS}/poison/acknowledgement", {"id": seen}))
    assert (taken["part"], taken["acknowledged_by"]) == ("poison", "the-operator")
    assert error_of(await desk.ask(f"{ALARMS}/poison/acknowledgement", {"id": seen})) == (409, "ALARM_ACKNOWLEDGED")
    assert error_of(await desk.ask(f"{ALARMS}/poison/acknowledgement", {"id": "f" * 12})) == (404, "ALARM_NOT_FOUND")
    assert error_of(await desk.ask(f"{ALARMS}/shards/acknowledgement", {"id": seen})) == (404, "ALARM_NOT_FOUND")
    assert ("alarm.acknowledge", "poison") in [(action, subject) for _, action, subject in await logged(stores)]


async def test_a_silence_has_a_reason_and_an_end_and_is_logged(app, stores):
    desk = await app.desk("operator")
    path = f"{ALARMS}/redis/silence"
    kept = json_of(await desk.ask(path, {"until": iso(app.now + 3600), "reason": "换机器"}, method="PUT"))
    assert (kept["reason"], kept["by"]) == ("换机器", "the-operator")
    assert json_of(await desk.ask(HEALTH))["silences"] == [kept]
    for body, code in (({"until": iso(app.now + 3600), "reason": " "}, "SILENCE_WRONG"),
                       ({"until": iso(app.now - 1), "reason": "晚了"}, "SILENCE_WRONG"),
                       ({"until": "2026-10-01T08:00:00", "reason": "没有时区"}, "INVALID_BODY"), ({"reason": "没有期限"}, "INVALID_BODY")):
        assert error_of(await desk.ask(path, body, method="PUT")) == (422, code)
    assert error_of(await desk.ask(f"{ALARMS}/nothing/silence", {"until": iso(app.now + 60), "reason": "没有"}, method="PUT")) == (
        404, "HEALTH_PART_NOT_FOUND")
    assert (await desk.ask(path, method="DELETE")).code == 204
    assert error_of(await desk.ask(path, method="DELETE")) == (404, "SILENCE_NOT_FOUND")
    assert [action for _, action, _ in await logged(stores)] == ["alarm.silence", "alarm.unsilence"]


async def test_a_curve_and_what_it_may_be_asked(app):
    await turns(app, 10)
    desk = await app.desk("auditor")
    curve = json_of(await desk.ask(f"{HEALTH}/shards"))
    assert curve["seconds"] == 60 and curve["items"][-1][1:] == [0, "green"]
    assert json_of(await desk.ask(f"{HEALTH}/shards?span=week"))["seconds"] == 900
    assert error_of(await desk.ask(f"{HEALTH}/nothing")) == (404, "HEALTH_PART_NOT_FOUND")
    assert error_of(await desk.ask(f"{HEALTH}/shards?span=year")) == (422, "INVALID_BODY")


async def test_an_alarm_that_is_over_stands_in_the_past_ones(app, stores):
    seen = await poisoned(app)
    await stores.mongo["poison"].update_one({"_id": "flag:all:0:0000000999"}, {"$set": {"settled": True}})
    await turns(app, 30)
    desk = await app.desk("operator")
    assert json_of(await desk.ask(HEALTH))["alarms"] == []
    [past] = json_of(await desk.ask(ALARMS))["items"]
    assert past["id"] == seen and past["resolved_at"] > past["rang_at"] and past["name"] == "写不进的变更"
