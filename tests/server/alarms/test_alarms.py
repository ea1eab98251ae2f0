"""Alarms from a real outage to a phone: they ring once, climb while nobody answers, keep silent when told to, and say when it is over."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from msgspec import structs

from server.alarms import RULES
from server.alarms.alarm import MAX_SILENCE_SECONDS, QUICK_TRIES, SELDOM_SECONDS, AlarmAcknowledged, AlarmNotFound, SilenceWrong
from server.health import PARTS, HealthUnknown
from server.stores import PyMongoError
from tests.people import LI, WANG
from tests.robot_world import Platform
from tests.server.health.watch_world import Redises, WatchWorld

pytestmark = [pytest.mark.gen_test(timeout=120), pytest.mark.timeout(150)]


@pytest.fixture
def platform(io_loop, tmp_path):
    async def made() -> Platform:
        return Platform(tmp_path)

    platform = io_loop.run_sync(made)
    yield platform
    platform.close()


@pytest.fixture
def redises():
    # Not pytest's folder: a socket's path has at most 108 bytes.
    with tempfile.TemporaryDirectory(prefix="wm-") as folder:
        made = Redises(Path(folder))
        made.start()
        yield made
        made.stop()


async def poisoned(world: WatchWorld) -> None:
    """MongoDB refused a change of 王小红's shard."""
    await world.counted.documents.note_poison("flag:all:0", 999, [999, "somebody"], "document too large", world.now)


async def settled(world: WatchWorld) -> None:
    await world.stores.mongo["poison"].update_one({"_id": "flag:all:0:0000000999"}, {"$set": {"settled": True}})


async def test_a_stopped_redis_rings_once_and_is_said_to_be_well_again(stores, tmp_path, platform, redises):
    own = redises.stores(stores)
    world = WatchWorld(own, tmp_path, platform)
    await world.opened()
    process = world.process("first")
    await world.turns(20, process)
    assert (await world.parts(process))["shards"].level == "green" and platform.titles() == []
    redises.stop()
    await world.turns(10, process)
    seen = await world.parts(process)
    assert (seen["shards"].level, seen["shards"].value, seen["redis"].level) == ("red", 2, "red")
    assert seen["p99"].level == seen["processes"].level == "unknown", "nobody can tell, so it is not green"
    assert platform.titles() == [], "a restart is mended within seconds"
    await world.turns(80, process)
    assert sorted(platform.titles()) == ["【故障】Redis 应答 Redis", "【故障】未就绪分片 Shards not ready"]
    text = platform.bodies("/feishu")[0]["card"]["elements"][0]["content"]
    assert "先做：" in text and "http://wm.example/console/health" in text
    redises.start()
    for citizen in range(2):
        await world.counted.salute_until_taken(citizen)
    await world.turns(60, process)
    assert (await world.parts(process))["shards"].level == "green"
    assert sorted(platform.titles()[2:]) == ["【恢复】Redis 应答 Redis", "【恢复】未就绪分片 Shards not ready"]
    past, _ = await process.alarms.past("")
    assert {alarm.part for alarm in past} == {"shards", "redis"} and all(alarm.resolved_at > alarm.rang_at > 0 for alarm in past)
    await world.close(process)
    await own.redis.aclose()
    await own.counting.aclose()


async def test_two_processes_that_judge_ring_once_and_one_follows_the_other(stores, tmp_path, platform):
    world = WatchWorld(stores, tmp_path, platform)
    await world.opened()
    first, second = world.process("first"), world.process("second")
    await world.turns(10, first, second)
    assert (await world.stores.mongo["claims"].find_one({"_id": "health"}))["owner"] == "first"
    await poisoned(world)
    await world.turns(30, first, second)
    assert platform.titles() == ["【故障】写不进的变更 Poison entries"]
    await world.turns(30, second)  # the first one was killed: its lease runs out
    assert (await world.stores.mongo["claims"].find_one({"_id": "health"}))["owner"] == "second"
    await settled(world)
    await world.turns(40, second, first)
    assert platform.titles()[1:] == ["【恢复】写不进的变更 Poison entries"]
    await world.close(first, second)


async def test_both_at_the_same_moment_open_one_alarm(stores, tmp_path, platform):
    world = WatchWorld(stores, tmp_path, platform)
    await world.opened()
    first, second = world.process("first"), world.process("second")
    await poisoned(world)
    await world.turns(5, first)
    judged = first.judge._parts
    # Both believe that the judging is theirs, as after a pause of one of them.
    await first.alarms.act(judged, world.now)
    await second.alarms.act(judged, world.now)
    assert len(await first.alarms.open_alarms()) == 1 and len(platform.titles()) == 1
    await world.close(first, second)


async def test_a_total_that_was_changed_by_hand_rings_also_while_people_salute(stores, tmp_path, platform):
    world = WatchWorld(stores, tmp_path, platform)
    await world.opened()
    process = world.process("first")
    await world.turns(20, process)
    agreement = (await world.parts(process))["agreement"]
    assert (agreement.level, agreement.value) == ("green", 0)
    shard = world.counted.counting.period(world.counted.campaigns.current, "all").handles[0].shard
    await stores.redis.hincrby(shard.keys[1], "p", 3)
    await stores.redis.hincrby(shard.keys[1], "r:350602", 3)
    for citizen in range(20, 26):
        await world.counted.salute(citizen)
        await world.turns(5, process)
        await world.counted.carry_all()
    await world.turns(20, process)
    agreement = (await world.parts(process))["agreement"]
    assert (agreement.level, agreement.value) == ("red", 3) and "flag:all:0" in agreement.details[0]
    assert platform.titles() == ["【故障】账实差异 Counters against ledger"]
    await world.close(process)


async def test_an_alarm_that_nobody_acknowledges_climbs_list_by_list(stores, tmp_path, platform):
    world = WatchWorld(stores, tmp_path, platform, lists=3)
    await world.opened()
    process = world.process("first")
    await poisoned(world)
    await world.turns(10, process)
    assert (len(platform.titles()), len(platform.bodies("/list-2"))) == (1, 0)
    await world.turns(RULES["poison"].escalate_seconds + 30, process, every=30)
    assert platform.titles("/list-2") == ["【升级】写不进的变更 Poison entries"] and platform.titles("/list-3") == []
    [alarm] = await process.alarms.open_alarms()
    assert alarm.told_list == 2
    acknowledged = await process.alarms.acknowledge("poison", alarm.id, WANG.name, world.now)
    assert acknowledged.acknowledged_by == WANG.name
    assert platform.titles()[-1] == "【已确认】写不进的变更 Poison entries" and WANG.name in str(platform.bodies("/list-2")[-1])
    with pytest.raises(AlarmAcknowledged):
        await process.alarms.acknowledge("poison", alarm.id, LI.name, world.now)
    await world.turns(2 * RULES["poison"].escalate_seconds, process, every=60)
    assert platform.titles("/list-3") == []
    await settled(world)
    await world.turns(40, process)
    assert platform.titles("/list-2")[-1] == "【恢复】写不进的变更 Poison entries" and platform.titles("/list-3") == []
    with pytest.raises(AlarmNotFound):
        await process.alarms.acknowledge("poison", alarm.id, LI.name, world.now)
    await world.close(process)


async def test_who_acknowledged_while_a_slow_robot_was_told_wakes_nobody_further(stores, tmp_path, platform, monkeypatch):
    world = WatchWorld(stores, tmp_path, platform, lists=2)
    await world.opened()
    process = world.process("first")
    await poisoned(world)
    await world.turns(10, process)
    store, read = process.alarms._store, process.alarms._store.open

    async def and_acknowledged(parts):
        found = await read(parts)
        await store.acknowledge("poison", found["poison"].id, WANG.name, world.now)
        return found

    with monkeypatch.context() as patched:
        patched.setattr(store, "open", and_acknowledged)
        await process.alarms.act(process.judge._parts, world.now + RULES["poison"].escalate_seconds + 30)
    assert platform.titles("/list-2") == []
    await world.close(process)


async def test_a_silenced_part_rings_when_its_silence_ends_if_it_is_still_red(stores, tmp_path, platform):
    world = WatchWorld(stores, tmp_path, platform)
    await world.opened()
    process = world.process("first")
    await process.alarms.silence("poison", world.now + 300, "正在处理已知的一条", WANG.name, world.now)
    await poisoned(world)
    await world.turns(200, process, every=40)
    assert platform.titles() == [] and len(await process.alarms.open_alarms()) == 1, "the page shows it all the same"
    assert [silence.reason for silence in await process.alarms.silences(world.now)] == ["正在处理已知的一条"]
    await world.turns(200, process, every=40)
    assert platform.titles() == ["【故障】写不进的变更 Poison entries"]
    await world.close(process)


async def test_a_silence_ended_early_and_one_that_may_not_be(stores, tmp_path, platform):
    world = WatchWorld(stores, tmp_path, platform)
    process = world.process("first")
    for until, reason in ((world.now + MAX_SILENCE_SECONDS + 1, "太久"), (world.now, "已过"), (world.now + 60, " ")):
        with pytest.raises(SilenceWrong):
            await process.alarms.silence("poison", until, reason, WANG.name, world.now)
    with pytest.raises(HealthUnknown):
        await process.alarms.silence("nothing", world.now + 60, "没有", WANG.name, world.now)
    await process.alarms.silence("poison", world.now + 60, "维护", WANG.name, world.now)
    await process.alarms.unsilence("poison")
    with pytest.raises(HealthUnknown):
        await process.alarms.unsilence("poison")
    assert await process.alarms.silences(world.now) == []
    await world.close(process)


async def test_an_alarm_that_no_robot_took_is_told_later_and_the_next_list_hears_of_it_meanwhile(stores, tmp_path, platform):
    world = WatchWorld(stores, tmp_path, platform)
    await world.opened()
    process = world.process("first")
    platform.answers["/feishu"] = {"code": 19021}
    await poisoned(world)
    await world.turns(60, process)
    [alarm] = await process.alarms.open_alarms()
    assert alarm.rang_at == 0 and len(platform.titles()) == 1, "tried again after a minute, not at every turn"
    platform.answers["/feishu"] = {"code": 0}
    await world.turns(70, process)
    assert (await process.alarms.open_alarms())[0].rang_at > 0 and len(platform.titles()) == 2
    reached = WatchWorld(stores, tmp_path / "other", platform, lists=2)
    platform.answers["/feishu"] = {"code": 19021}
    other = reached.process("second")
    await settled(world)
    await world.turns(40, process)
    await poisoned(world)
    await stores.mongo["poison"].update_one({"_id": "flag:all:0:0000000999"}, {"$set": {"settled": False}})
    await process.close()
    reached.now = world.now + 60
    await reached.turns(20, other)
    assert "【故障】写不进的变更 Poison entries" in platform.titles("/list-2")
    await reached.close(other)
    await world.counted.close()


async def test_without_mongodb_an_alarm_is_told_once_and_its_end_too(stores, tmp_path, platform, monkeypatch):
    world = WatchWorld(stores, tmp_path, platform)
    await world.opened()
    first, second = world.process("first"), world.process("second")
    await world.turns(10, first, second)

    async def away(*_, **__):
        raise PyMongoError("away")

    with monkeypatch.context() as patched:
        for name in ("keep", "now", "tidy"):
            patched.setattr(f"server.health.store.HealthStore.{name}", away)
        patched.setattr("server.claims.Claims.keep", away)
        for name in ("open", "silences"):
            patched.setattr(f"server.alarms.store.AlarmStore.{name}", away)
        patched.setattr("server.counting.epochs.EpochStore.of_campaign", away)
        for process in (first, second):
            patched.setitem(process.judge._look._readiness._probes, "mongodb", away)
        await world.turns(60, first, second)
        assert platform.titles() == ["【故障】MongoDB 应答 MongoDB"]
    await world.turns(60, first, second)
    assert platform.titles() == ["【故障】MongoDB 应答 MongoDB", "【恢复】MongoDB 应答 MongoDB"]
    await world.close(first, second)


def cut_off(patched, *names: str) -> None:
    async def away(*_, **__):
        raise PyMongoError("away")

    for name in names:
        patched.setattr(f"server.alarms.store.AlarmStore.{name}", away)


async def test_a_ring_that_mongodb_could_not_note_is_not_repeated(stores, tmp_path, platform, monkeypatch):
    world = WatchWorld(stores, tmp_path, platform)
    await world.opened()
    process = world.process("first")
    await poisoned(world)
    with monkeypatch.context() as patched:
        cut_off(patched, "told")  # it goes away between the ring and the note
        await world.turns(10, process)
        assert platform.titles() == ["【故障】写不进的变更 Poison entries"]
    await world.turns(200, process, every=40)
    assert len(platform.titles()) == 1
    [alarm] = await process.alarms.open_alarms()
    assert (alarm.rang_at > 0, alarm.told_list) == (True, 1)
    await settled(world)
    await world.turns(40, process)
    assert platform.titles()[1:] == ["【恢复】写不进的变更 Poison entries"]
    await world.close(process)


async def test_what_was_told_or_silenced_does_not_ring_again_because_mongodb_went_away(stores, tmp_path, platform, monkeypatch):
    world = WatchWorld(stores, tmp_path, platform)
    await world.opened()
    first, second = world.process("first"), world.process("second")
    await first.alarms.silence("p50", world.now + 7200, "换机器", WANG.name, world.now)
    await poisoned(world)
    await world.turns(10, first, second)
    judged = first.judge._parts | {"p50": structs.replace(first.judge._parts["p50"], level="red", since=world.now - 600)}
    with monkeypatch.context() as patched:
        cut_off(patched, "open", "silences")
        for process in (first, second):
            await process.alarms.act(judged if process is first else first.judge._parts, world.now)
        well = {part: structs.replace(one, level="green", since=world.now - 60) for part, one in judged.items()}
        await first.alarms.act(well, world.now)
    assert platform.titles() == ["【故障】写不进的变更 Poison entries"], "its end is told by whoever keeps it"
    await settled(world)
    await world.turns(40, first, second)
    assert platform.titles()[1:] == ["【恢复】写不进的变更 Poison entries"]
    await world.close(first, second)


async def test_an_alarm_that_no_robot_takes_for_an_hour_is_not_given_up(stores, tmp_path, platform):
    world = WatchWorld(stores, tmp_path, platform)
    await world.opened()
    process = world.process("first")
    platform.answers["/feishu"] = {"code": 19021}
    await poisoned(world)
    await world.turns(10, process)
    await stores.mongo["alarms"].update_one({"_id": "poison"}, {"$set": {"tries": QUICK_TRIES + 1}})
    await world.turns(120, process, every=60)
    tried = len(platform.titles())
    await world.turns(SELDOM_SECONDS / 2, process, every=60)
    assert len(platform.titles()) == tried, "not each minute any more"
    platform.answers["/feishu"] = {"code": 0}
    await world.turns(SELDOM_SECONDS, process, every=60)
    assert (await process.alarms.open_alarms())[0].rang_at > 0
    await world.close(process)


async def test_who_acknowledged_in_the_last_moment_stands_in_the_log(stores, tmp_path, platform):
    world = WatchWorld(stores, tmp_path, platform)
    await world.opened()
    process = world.process("first")
    await poisoned(world)
    await world.turns(10, process)
    [seen] = await process.alarms.open_alarms()
    await process.alarms.acknowledge("poison", seen.id, WANG.name, world.now)
    assert not await process.alarms._store.resolve(seen, world.now), "this process had read it before"
    await settled(world)
    await world.turns(40, process)
    [alarm], _ = await process.alarms.past("")
    assert alarm.acknowledged_by == WANG.name
    await world.close(process)


def test_every_part_has_a_rule():
    assert set(RULES) == {part.code for part in PARTS}
