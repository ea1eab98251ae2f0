"""What the tiles say: silence is unknown, thresholds hold at their number, and a curve keeps the worst of each stretch."""

from __future__ import annotations

import asyncio
import re
import ssl
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from tornado.web import Application

from server.counting.figures import ShardFigures
from server.health import PARTS, Row
from server.health.certificate import Certificate
from server.health.look import Seen, ShardSeen
from server.health.parts import BY_CODE, Reading
from server.health.rows import EVERY_SECONDS, NAMED_SECONDS, Limits, Reporter, RowStore
from server.metrics import STORE_SECONDS, Metrics
from server.readiness import Answer
from tests.robot_world import Platform, listening
from tests.server.health.watch_world import RUNBOOK, WatchWorld

pytestmark = [pytest.mark.gen_test(timeout=120), pytest.mark.timeout(150)]
NOW = 1_790_812_800.0


@pytest.fixture
def world(io_loop, stores, tmp_path):
    async def made() -> WatchWorld:
        return WatchWorld(stores, tmp_path, Platform(tmp_path))

    world = io_loop.run_sync(made)
    yield world
    io_loop.run_sync(world.close)
    world.platform.close()


def row(name: str, at: float = NOW, roles: tuple[str, ...] = ("web", "intake", "ledger", "jobs"), **changes) -> Row:
    return Row(name, roles, at, at - 60, **changes)


def served(**at: int) -> tuple[int, ...]:
    """So many requests at each bucket's number, such as b0=90."""
    return tuple(at.get(f"b{n}", 0) for n in range(len(STORE_SECONDS) + 1))


def shard(backlog: int = 0, **changes) -> ShardSeen:
    figures = ShardFigures(True, "b", 1, 1000, 1000, 1000 - backlog, 0, 1000, {}, {}, {}, {}, 0, int(NOW))
    return ShardSeen("flag:all:0", "127.0.0.1:6379", 1, figures, **changes)


def level(part: str, seen: Seen) -> str:
    return BY_CODE[part].level(BY_CODE[part].read(seen))


# parts

def test_what_was_not_heard_of_is_unknown_and_never_green():
    nothing = Seen(NOW)
    assert {part.code: level(part.code, nothing) for part in PARTS} == dict.fromkeys(BY_CODE, "unknown")


@pytest.mark.parametrize("part", [part for part in PARTS if part.red is not None], ids=lambda part: part.code)
def test_a_threshold_holds_at_its_number(part):
    step = -0.01 if part.falling else 0.01
    assert part.level(Reading(part.red)) == "red"
    assert part.level(Reading(part.red - step)) == ("yellow" if part.yellow is not None else "green")
    if part.yellow is not None:
        assert part.level(Reading(part.yellow)) == "yellow" and part.level(Reading(part.yellow - step)) == "green"
        assert part.yellow > part.red if part.falling else part.yellow < part.red


def test_every_part_has_its_section_with_three_steps_in_both_languages_and_no_section_is_nobodys():
    text = RUNBOOK.read_text("utf-8")
    anchors = re.findall(r'<a id="([a-z0-9_]+)"></a>\n## (.+)', text)
    assert anchors == [(part.code, f"{part.zh} {part.en}") for part in PARTS]
    for part in PARTS:
        section = text.partition(f'<a id="{part.code}"></a>')[2].partition("<a id=")[0]
        assert re.findall(r"^(\d)\. ", section, re.M) == ["1", "2", "3", "1", "2", "3"], part.code
        assert part.means in section and part.why in section, f"{part.code}: the runbook says something else than the table"


def test_the_settings_and_commands_that_the_runbook_names_exist():
    text, root = RUNBOOK.read_text("utf-8"), Path(RUNBOOK).parents[1]
    names = re.findall(r"^    (\w+): .*= setting\(", (root / "settings.py").read_text("utf-8"), re.M)
    settings = {f"WENMING_{name.upper()}" for name in names}
    assert set(re.findall(r"WENMING_[A-Z_]*[A-Z]", text)) <= settings
    commands = (root / "server" / "commands.py").read_text("utf-8")
    assert [word for word in re.findall(r"python -m server ([a-z-]+)", text) if f'command("{word}"' not in commands] == []


def test_requests_of_all_processes_are_one_figure():
    seen = Seen(NOW, rows=[row("a", served=served(b0=98), answered=98), row("b", served=served(b10=2), answered=2)])
    assert level("p50", seen) == "green" and level("p99", seen) == "yellow"
    assert BY_CODE["p99"].read(seen).note == "最近一分钟 100 个请求"


def test_two_failures_are_chance_and_three_in_a_hundred_are_not():
    assert level("errors", Seen(NOW, rows=[row("a", answered=100, failed=2)])) == "green"
    assert level("errors", Seen(NOW, rows=[row("a", answered=100, failed=3)])) == "red"
    assert level("unavailable", Seen(NOW, rows=[row("a", answered=100, unavailable=3)])) == "yellow"


def test_a_ledger_that_is_behind_is_told_in_changes_seconds_and_by_its_watermark():
    seen = Seen(NOW, shards=[shard(600, lag_seconds=20.0, still_seconds=70.0, journal_bytes=3_000_000)], max_changes=1000)
    codes = ("ledger_changes", "ledger_seconds", "watermark", "journal", "journal_memory")
    found = {code: BY_CODE[code].read(seen).value for code in codes}
    assert found == {"ledger_changes": 600, "ledger_seconds": 20, "watermark": 70, "journal": 60, "journal_memory": 3}
    assert (level("ledger_seconds", seen), level("watermark", seen), level("journal", seen)) == ("yellow", "red", "red")
    assert BY_CODE["watermark"].read(seen).details == ("flag:all:0：水位 400，已计 1000",)


def test_one_shard_that_does_not_answer_leaves_the_backlog_unknown_and_is_named_first():
    seen = Seen(NOW, shards=[shard(), ShardSeen("flag:all:1", "10.0.0.2:6379", 3, None)])
    assert level("shards", seen) == "red" and level("ledger_changes", seen) == "unknown"
    assert BY_CODE["shards"].read(seen).details[0] == "flag:all:1：没有应答，第 3 纪元，10.0.0.2:6379"


def test_a_process_that_fell_silent_and_a_role_that_nobody_has():
    seen = Seen(NOW, rows=[row("a", roles=("web",)), row("b", NOW - 60, roles=("ledger",)), row("c", roles=("jobs", "intake"))])
    assert level("processes", seen) == "yellow" and BY_CODE["processes"].read(seen).details[0].startswith("b（ledger）：60 秒前")
    assert level("roles", seen) == "red" and BY_CODE["roles"].read(seen).note == "没有进程担任：台账"


def test_a_token_that_is_not_renewed_and_one_that_wechat_refuses():
    assert level("token", Seen(NOW, tokens={"公众号": (300.0, "")})) == "green"
    assert level("token", Seen(NOW, tokens={"公众号": (7000.0, "")})) == "yellow"
    assert level("token", Seen(NOW, tokens={"公众号": (None, "")})) == "unknown"
    assert level("token", Seen(NOW, tokens={"公众号": (300.0, "40164")})) == "red"


def test_shut_endpoints_without_redis_are_unknown():
    shut = {"公众号": ["cgi-bin/message/custom/send"]}
    assert level("quotas", Seen(NOW, shut=shut, stores={"redis": Answer(True, 0.4)})) == "yellow"
    assert level("quotas", Seen(NOW, shut={"公众号": []}, stores={"redis": Answer(False, 1000.0, "TimeoutError")})) == "unknown"


def test_channels_that_fail():
    good, bad = SimpleNamespace(failures=0), SimpleNamespace(failures=2)
    assert level("channels", Seen(NOW, robots={"a": good, "b": bad}, robots_total=2)) == "yellow"
    assert level("channels", Seen(NOW, robots={"a": bad}, robots_total=1)) == "red"
    assert level("channels", Seen(NOW, robots={}, robots_total=0)) == "unknown"


# rows

async def test_a_row_tells_of_the_last_minute_and_a_clean_stop_is_no_silence(stores):
    metrics, rows = Metrics(), RowStore(stores.redis)
    reporter = Reporter(rows, metrics, Limits(100, 64), "host:1:a")
    metrics.hold("queues_aged_seconds", 0.25)
    metrics.hold("posters_waiting_count", 3)
    metrics.record("requests_answered_total", "2xx", amount=1000)
    await reporter.tick(NOW, ["web"])
    metrics.record("requests_answered_total", "2xx", amount=7)
    metrics.record("requests_answered_total", "5xx", amount=3)
    metrics.record("requests_refused_total", "busy", amount=2)
    metrics.hold("sockets_connected_count", 42)
    await reporter.tick(NOW + EVERY_SECONDS, ["web"])
    [told] = await rows.all(NOW + EVERY_SECONDS)
    assert (told.answered, told.failed, told.unavailable, told.queue_age_ms, told.sockets, told.posters_waiting) == (10, 1, 2, 250.0, 42, 3)
    for turn in range(2, 16):
        await reporter.tick(NOW + turn * EVERY_SECONDS, ["web"])
    assert (await rows.all(NOW + 15 * EVERY_SECONDS))[0].answered == 0, "a minute ago is over"
    assert 0 < await stores.redis.ttl("processes") <= 900
    await reporter.close()
    assert await rows.all(NOW) == []


async def test_a_row_of_long_ago_and_one_that_is_nonsense_go(stores):
    rows = RowStore(stores.redis)
    await rows.put(row("old", NOW - NAMED_SECONDS - 1))
    await rows.put(row("new"))
    await stores.redis.hset("processes", "odd", b"{")
    assert [one.process for one in await rows.all(NOW)] == ["new"]
    assert await stores.redis.hkeys("processes") == [b"new"]


# judgement

async def test_nobody_judging_leaves_everything_unknown(world):
    process = world.process("first")
    view = await process.health.view(world.now)
    assert {one["level"] for one in view["items"]} == {"unknown"} and view["is_stale"] and "jobs" in view["items"][0]["note"]
    await world.opened()
    await world.turns(10, process)
    assert (await world.parts(process))["mongodb"].level == "green"
    view = await process.health.view(world.now + 31)
    assert {one["level"] for one in view["items"]} == {"unknown"} and view["is_stale"]
    await process.close()


async def test_a_level_remembers_since_when_and_the_next_judge_goes_on(world):
    await world.opened()
    first, second = world.process("first"), world.process("second")
    await world.turns(10, first)
    since = (await world.parts(first))["mongodb"].since
    await first.close()  # a clean stop hands the judging over
    await world.turns(5, second)
    assert (await world.parts(second))["mongodb"].since == since
    assert (await second.health.view(world.now))["judged_by"] == "second"
    await second.close()


async def test_a_curve_keeps_the_worst_of_each_minute_and_forgets_what_is_old(world):
    world.now = world.now // 900 * 900  # so that a minute and a quarter begin here
    process = world.process("first")
    await world.opened()
    await world.turns(60, process)
    await world.counted.documents.note_poison("flag:all:0", 999, [999], "too large", world.now)
    await world.turns(30, process)
    await world.stores.mongo["poison"].update_one({"_id": "flag:all:0:0000000999"}, {"$set": {"settled": True}})
    await world.turns(90, process)
    day = (await process.health.history("poison", "day", world.now))["items"]
    assert [(value, level) for _, value, level in day] == [(0, "green"), (1, "red"), (0, "green"), (0, "green")]
    week = (await process.health.history("poison", "week", world.now))["items"]
    assert [(value, level) for _, value, level in week] == [(1, "red")]
    await process.judge._store.tidy(world.now + 86400 + 120)
    assert (await process.health.history("poison", "day", world.now))["items"][:1] != day[:1]
    assert (await process.health.history("poison", "week", world.now))["items"] == week
    await process.close()


async def test_a_lag_is_as_old_as_the_oldest_change_that_mongodb_lacks(world):
    process = world.process("first")
    await world.opened()
    await world.turns(10, process)
    await world.counted.salute(100)
    await world.turns(40, process)
    seen = await world.parts(process)
    assert seen["ledger_changes"].value == 1 and seen["ledger_seconds"].value == 35 and seen["ledger_seconds"].level == "yellow"
    assert seen["watermark"].level == "yellow"
    await world.counted.carry_all()
    await world.turns(5, process)
    seen = await world.parts(process)
    assert (seen["ledger_seconds"].value, seen["watermark"].value, seen["agreement"].level) == (0, 0, "green")
    await process.close()


async def test_a_ledger_that_is_behind_is_no_disagreement(world):
    process = world.process("first")
    await world.opened()
    for citizen in range(100, 130):
        await world.counted.salute(citizen, "heroes")
        await world.turns(5, process)
        assert (await world.parts(process))["agreement"].level == "green"
    await world.counted.carry_all()
    await world.turns(10, process)
    assert (await world.parts(process))["agreement"].level == "green"
    await process.close()


async def test_voids_and_merges_are_no_disagreement(world):
    process = world.process("first")
    await world.opened()
    await world.turns(10, process)
    current = world.counted.campaigns.current
    await world.counted.amendments.void(current, "all", 3)
    await world.counted.salute(40, "heroes")
    await world.counted.carry_all()
    await world.counted.amendments.merge(40, 5)
    await world.counted.carry_all()
    for _ in range(6):
        await world.turns(5, process)
        assert (await world.parts(process))["agreement"].level == "green"
    await process.close()


async def test_totals_that_do_not_add_up_are_seen_even_while_the_ledger_is_behind(world):
    process = world.process("first")
    await world.opened()
    await world.turns(10, process)
    await world.counted.salute(200)
    shard = world.counted.counting.period(world.counted.campaigns.current, "all").handles[0].shard
    await world.stores.redis.hincrby(shard.keys[1], "p", 1)
    await world.turns(15, process)
    agreement = (await world.parts(process))["agreement"]
    assert (agreement.level, agreement.value) == ("red", 1) and "各区县相加" in agreement.details[0]
    await process.close()


async def test_a_recovery_is_told_for_an_hour(world):
    process = world.process("first")
    await world.opened()
    await world.turns(10, process)
    await world.stores.mongo["shards"].update_one({"_id": "flag:all:0"}, {"$inc": {"epoch": 1}})
    await world.turns(10, process)
    assert (await world.parts(process))["epochs"].level == "yellow"
    world.now += 3600
    await world.turns(10, process)
    assert (await world.parts(process))["epochs"].level == "green"
    await process.close()


# the certificate

@pytest.mark.parametrize("days, expected", [(30, "green"), (14, "yellow"), (3, "red")])
async def test_a_certificate_is_read_from_a_real_handshake(tmp_path, days, expected):
    server, port, authorities = listening(tmp_path, Application([]), days=days)
    found = await Certificate(f"https://localhost:{port}", ssl.create_default_context(cafile=authorities)).look(time.time())
    assert found.days == pytest.approx(days, abs=0.1) and level("certificate", Seen(NOW, certificate=found)) == expected
    server.stop()


async def test_one_that_browsers_refuse_is_red_and_a_host_that_cannot_be_reached_unknown(tmp_path):
    server, port, _ = listening(tmp_path, Application([]))
    refused = await Certificate(f"https://localhost:{port}").look(NOW)
    assert level("certificate", Seen(NOW, certificate=refused)) == "red" and "不被信任" in refused.problem
    server.stop()
    await asyncio.sleep(0)
    gone = await Certificate(f"https://localhost:{port}").look(NOW)
    assert level("certificate", Seen(NOW, certificate=gone)) == "unknown" and "连不上" in gone.problem
    assert (await Certificate("http://127.0.0.1:8888").look(NOW)).days is None
