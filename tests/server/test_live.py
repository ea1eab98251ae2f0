"""The live counters: one reading for everybody, frames, slow readers, outages."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from server.clock import iso
from server.counting.figures import Figures
from server.errors import InvalidBody, NotFound, StoreUnavailable, Unavailable
from server.live.view import changes, checked_period, moment, period_of, snapshot, text_frame, view_of
from server.switches import ALL_OFF
from tests.server.live_world import CAMPAIGN, FIGURES, NOW, OPENING, REGIONS, FakeReader, Source, nobody, staff, unframed, until

# --- views and frames ---

def view(figures: Figures, last: Any = None) -> Any:
    return view_of(figures, CAMPAIGN, "all", REGIONS, last, NOW)


def test_every_code_is_present() -> None:
    shown = view(Figures(as_of=NOW))
    assert shown.by_activity == {"salute": 0, "heroes": 0}
    assert shown.by_region == {"350602": 0, "350603": 0}


def test_nothing_falls_unless_voids_rise() -> None:
    first = view(FIGURES)
    lower = replace(FIGURES, participants=9, by_region={"350602": 8, "350603": 1}, by_minute=())
    shown = view(lower, first)
    assert (shown.participants, shown.by_region, shown.by_minute) == (10, {"350602": 10, "350603": 1}, {OPENING: 10})
    voided = view(replace(lower, voids=1), first)
    assert (voided.participants, voided.by_region, voided.by_minute) == (9, {"350602": 8, "350603": 1}, {})


def test_changes_are_absolute_and_only_what_changed() -> None:
    first = view(FIGURES)
    assert changes(first, view(replace(FIGURES, as_of=NOW + 5))) == {}
    second = view(replace(FIGURES, participants=11, by_region={"350602": 11}, by_minute=((OPENING, 10), (OPENING + 60, 1))))
    assert changes(first, second) == {"participants": 11, "by_region": {"350602": 11}, "by_minute": [[iso(OPENING + 60), 1]]}


def test_a_void_tells_emptied_minutes() -> None:
    changed = changes(view(FIGURES), view(replace(FIGURES, participants=9, voids=1, by_minute=())))
    assert changed["voids"] == 1
    assert changed["by_minute"] == [[iso(OPENING), 0]]


def test_the_snapshot_holds_the_newest_minutes() -> None:
    message = snapshot(view(replace(FIGURES, by_minute=tuple((OPENING + 60 * i, i) for i in range(200)))), 7, NOW)
    assert len(message["by_minute"]) == 120
    assert message["by_minute"][-1] == [iso(OPENING + 60 * 199), 199]
    assert {key: message[key] for key in ("type", "id", "participants", "participations", "voids", "stale_shards", "period")} == {
        "type": "snapshot", "id": 7, "participants": 10, "participations": 12, "voids": 0, "stale_shards": 0, "period": "all"}


@pytest.mark.parametrize("size", [1, 125, 126, 65535, 65536])
def test_frames_of_every_length(size: int) -> None:
    frame = text_frame({"a": "x" * (size - 8)}) if size > 8 else text_frame({})
    if len(frame) < 70000 and frame[1] != 127:
        unframed(frame)
    else:
        assert int.from_bytes(frame[2:10], "big") == len(frame) - 10


def test_periods() -> None:
    daily = replace(CAMPAIGN, period_rule="daily")
    assert period_of(CAMPAIGN, NOW) == "all"
    assert [period_of(daily, at) for at in (OPENING - 1, NOW, OPENING + 86400, OPENING + 99 * 86400)] == [
        "20261001", "20261001", "20261002", "20261007"]
    assert checked_period(None, daily, NOW) == "20261001"
    for campaign, period in (
            (daily, "all"), (daily, "20260930"), (daily, "20261008"), (daily, "2026100１"), (CAMPAIGN, "20261001")):
        with pytest.raises(InvalidBody) as refused:
            checked_period(period, campaign, NOW)
        assert refused.value.code == "UNKNOWN_PERIOD"


def test_moments() -> None:
    assert moment("2026-10-01T00:00:00+08:00", "from") == moment("2026-10-01T00:00:00 08:00", "from") == OPENING
    assert moment("2026-10-01T00:00:00", "from") == moment("2026-09-30T16:00:00Z", "from") == OPENING
    assert moment(None, "to") is None
    with pytest.raises(InvalidBody) as refused:
        moment("yesterday", "to")
    assert refused.value.field == "to"


# --- counters ---

@pytest.mark.gen_test
async def test_counters_answer_everything() -> None:
    source = Source()
    answer = await source.live().counters("salute-the-flag", None, NOW)
    assert answer == {
        "participants": 10, "participations": 12, "by_activity": {"salute": 10, "heroes": 2},
        "by_region": {"350602": 10, "350603": 0}, "by_minute": [[iso(OPENING), 10]], "group_reported": 0, "voids": 0,
        "stale_shards": 0, "period": "all", "as_of": iso(NOW), "server_time": iso(NOW), "switches": ALL_OFF}


@pytest.mark.gen_test
async def test_counters_choose_minutes() -> None:
    source = Source()
    source.figures = replace(FIGURES, by_minute=tuple((OPENING + 60 * i, i + 1) for i in range(300)))
    live = source.live()
    assert len((await live.counters("salute-the-flag", "all", NOW))["by_minute"]) == 120
    chosen = await live.counters("salute-the-flag", "all", NOW, iso(OPENING + 60), iso(OPENING + 180))
    assert [n for _, n in chosen["by_minute"]] == [2, 3]
    assert len((await live.counters("salute-the-flag", "all", NOW, iso(OPENING)))["by_minute"]) == 300


@pytest.mark.gen_test
async def test_all_minutes_are_read_only_where_some_may_be_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.live.service.COUNTERS_AGE_SECONDS", 0.0)
    source = Source()
    source.figures = replace(FIGURES, by_minute=tuple((OPENING + 60 * i, 1) for i in range(300)))
    live = source.live()

    async def minutes() -> int:
        return len((await live.counters("salute-the-flag", None, NOW, iso(OPENING)))["by_minute"])

    assert [await minutes(), await minutes()] == [300, 300]
    assert source.minutes == [1440, 120]
    source.figures = replace(source.figures, voids=1, by_minute=source.figures.by_minute[1:])
    assert await minutes() == 299
    assert source.minutes[2:] == [120, 1440]
    source.now += 3 * 3600  # nobody asked for three hours
    await minutes()
    assert source.minutes[4:] == [1440]


@pytest.mark.gen_test
async def test_one_read_for_any_crowd() -> None:
    source = Source()
    source.hold = asyncio.Event()
    live = source.live()
    crowd = [asyncio.create_task(live.counters("salute-the-flag", None, NOW)) for _ in range(100)]
    await until(lambda: source.reads)
    source.hold.set()
    assert {answer["participants"] for answer in await asyncio.gather(*crowd)} == {10}
    await live.counters("salute-the-flag", None, NOW)
    assert source.reads == 1


@pytest.mark.gen_test
async def test_counters_survive_an_outage_with_their_own_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.live.service.COUNTERS_AGE_SECONDS", 0.0)
    source = Source()
    live = source.live()
    await live.counters("salute-the-flag", None, NOW)
    source.problem = StoreUnavailable()
    source.campaigns_problem = StoreUnavailable()
    source.now += 60
    answer = await live.counters("salute-the-flag", None, source.now)
    assert (answer["participants"], answer["as_of"], answer["stale_shards"]) == (10, iso(NOW), 1)
    source.problem = source.campaigns_problem = None
    source.figures = replace(FIGURES, participants=11, as_of=source.now)
    answer = await live.counters("salute-the-flag", None, source.now)
    assert (answer["participants"], answer["as_of"], answer["stale_shards"]) == (11, iso(source.now), 0)


@pytest.mark.gen_test
async def test_nobody_waits_for_a_store_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.live.service.COUNTERS_AGE_SECONDS", 0.0)
    monkeypatch.setattr("server.live.service.PATIENCE_SECONDS", 0.02)
    source = Source()
    live = source.live()
    await live.counters("salute-the-flag", None, NOW)
    source.hold = asyncio.Event()
    async with asyncio.timeout(1):
        assert (await live.counters("salute-the-flag", None, NOW))["participants"] == 10
    source.hold.set()
    await live.close()


@pytest.mark.gen_test
async def test_counters_refuse_what_was_never_known() -> None:
    source = Source()
    with pytest.raises(NotFound):
        await source.live().counters("another", None, NOW)
    source.problem = TimeoutError()
    with pytest.raises(StoreUnavailable):
        await source.live().counters("salute-the-flag", None, NOW)


@pytest.mark.gen_test
async def test_zeros_of_shards_that_never_answered_are_not_shown() -> None:
    source = Source()
    source.figures = Figures(stale_shards=1)
    with pytest.raises(StoreUnavailable):
        await source.live().counters("salute-the-flag", None, NOW)
    source.figures = Figures()  # nobody has come yet
    assert (await source.live().counters("salute-the-flag", None, NOW))["as_of"] == iso(NOW)


@pytest.mark.gen_test
async def test_a_bug_in_reading_is_not_an_outage() -> None:
    source = Source()
    source.problem = ValueError("bug")
    with pytest.raises(ValueError, match="bug"):
        await source.live().counters("salute-the-flag", None, NOW)


# --- sockets ---

@pytest.mark.gen_test
async def test_snapshot_then_numbered_deltas_the_same_bytes_for_all() -> None:
    source = Source()
    live = source.live()
    first, second = FakeReader(), FakeReader()
    live.join("salute-the-flag", first)
    await until(lambda: first.frames)
    live.join("salute-the-flag", second)
    source.figures = replace(FIGURES, participants=11)
    await until(lambda: len(second.frames) == 2)
    start = first.messages[0]
    assert (start["type"], start["participants"]) == ("snapshot", 10)
    assert first.messages[1] == {"type": "delta", "id": start["id"] + 1, "as_of": iso(NOW), "participants": 11}
    assert first.frames[1] is second.frames[1]
    assert second.messages[0]["id"] == start["id"]
    await live.close()


@pytest.mark.gen_test
async def test_thousands_who_come_back_within_a_tick_get_one_snapshots_bytes() -> None:
    source = Source()
    live = source.live(tick_seconds=0.05)
    first = FakeReader()
    live.join("salute-the-flag", first)
    await until(lambda: first.frames)
    crowd = [FakeReader() for _ in range(50)]
    for reader in crowd:
        live.join("salute-the-flag", reader)
    assert all(reader.frames[0] is crowd[0].frames[0] for reader in crowd)
    source.figures = replace(FIGURES, participants=11)
    await until(lambda: len(first.frames) == 2)
    late = FakeReader()
    live.join("salute-the-flag", late)
    assert [message["participants"] for message in late.messages] == [11]
    assert late.messages[0]["id"] == first.messages[1]["id"]
    await live.close()


@pytest.mark.gen_test
async def test_a_quiet_campaign_sends_heartbeats_alone() -> None:
    source = Source()
    live = source.live(heartbeat_seconds=0.05)
    reader = FakeReader()
    live.join("salute-the-flag", reader)
    await until(lambda: len(reader.frames) >= 3)
    assert [message["type"] for message in reader.messages[:3]] == ["snapshot", "heartbeat", "heartbeat"]
    assert reader.messages[1]["id"] == reader.messages[0]["id"]
    reads = source.reads
    await until(lambda: source.reads >= reads + 3)
    assert len(reader.frames) < source.reads / 2
    await live.close()


@pytest.mark.gen_test
async def test_a_slow_reader_skips_to_the_newest() -> None:
    source = Source()
    live = source.live()
    slow, quick = FakeReader(), FakeReader()
    for reader in (slow, quick):
        live.join("salute-the-flag", reader)
    await until(lambda: slow.frames and quick.frames)
    slow.slow = True
    for participants in range(11, 16):
        source.figures = replace(FIGURES, participants=participants)
        await until(lambda n=participants: quick.messages[-1].get("participants") == n)
    assert len(slow.frames) == 1
    slow.slow = False
    await until(lambda: len(slow.frames) == 2)
    newest = slow.messages[-1]
    assert (newest["type"], newest["participants"], newest["id"]) == ("snapshot", 15, quick.messages[-1]["id"])
    source.figures = replace(FIGURES, participants=16)
    await until(lambda: len(slow.frames) == 3)
    assert slow.messages[-1]["type"] == "delta"
    await live.close()


@pytest.mark.gen_test
async def test_an_outage_is_told_at_once_and_figures_stay() -> None:
    source = Source()
    live = source.live()
    reader = FakeReader()
    live.join("salute-the-flag", reader)
    await until(lambda: reader.frames)
    source.problem = TimeoutError()
    await until(lambda: len(reader.frames) == 2)
    assert reader.messages[1] == {"type": "delta", "id": 2, "as_of": iso(NOW), "stale_shards": 1}
    source.problem = None
    await until(lambda: len(reader.frames) == 3)
    assert reader.messages[2]["stale_shards"] == 0
    await live.close()


@pytest.mark.gen_test
async def test_before_any_figures_there_is_only_a_heartbeat() -> None:
    source = Source()
    source.problem = StoreUnavailable()
    live = source.live(heartbeat_seconds=0.05)
    reader = FakeReader()
    live.join("salute-the-flag", reader)
    await until(lambda: reader.frames)
    assert (reader.messages[0]["type"], reader.messages[0]["as_of"]) == ("heartbeat", None)
    source.problem = None
    await until(lambda: reader.messages[-1]["type"] == "snapshot")
    await live.close()


@pytest.mark.gen_test
async def test_midnight_begins_a_new_snapshot() -> None:
    source = Source()
    source.campaign = replace(CAMPAIGN, period_rule="daily")
    live = source.live()
    reader = FakeReader()
    live.join("salute-the-flag", reader)
    await until(lambda: reader.frames)
    source.now = OPENING + 86400.0
    source.figures = Figures(participants=1, as_of=source.now)
    await until(lambda: len(reader.frames) == 2)
    assert [(m["type"], m["period"], m["participants"]) for m in reader.messages] == [
        ("snapshot", "20261001", 10), ("snapshot", "20261002", 1)]
    await live.close()


@pytest.mark.gen_test
async def test_a_switch_is_told_where_the_new_days_figures_cannot_be_read() -> None:
    source = Source()
    source.campaign = replace(CAMPAIGN, period_rule="daily")
    turned = dict(ALL_OFF)
    live = source.live(switches_of=lambda slug: dict(turned))
    reader = FakeReader()
    live.join("salute-the-flag", reader)
    await until(lambda: reader.frames)
    source.now, source.problem = OPENING + 86400.0, TimeoutError()
    reads = source.reads
    await until(lambda: source.reads >= reads + 2)
    turned["wall_frozen"] = True
    await until(lambda: len(reader.frames) == 2)
    assert reader.messages[1] == {"type": "delta", "id": 2, "as_of": iso(NOW), "switches": {**ALL_OFF, "wall_frozen": True}}
    source.problem = None
    await until(lambda: len(reader.frames) == 3)
    assert (reader.messages[2]["type"], reader.messages[2]["switches"]) == ("snapshot", {**ALL_OFF, "wall_frozen": True})
    await live.close()


@pytest.mark.gen_test
async def test_nothing_is_read_when_nobody_watches() -> None:
    source = Source()
    live = source.live()
    reader = FakeReader()
    live.join("salute-the-flag", reader)
    await until(lambda: reader.frames)
    live.leave("salute-the-flag", reader)
    live.leave("salute-the-flag", reader)
    await asyncio.sleep(0.05)
    reads = source.reads
    await asyncio.sleep(0.05)
    assert source.reads == reads
    live.join("salute-the-flag", reader)
    await until(lambda: len(reader.frames) == 2)
    assert reader.messages[1]["type"] == "snapshot"
    await live.close()


@pytest.mark.gen_test
async def test_a_full_process_refuses_but_staff() -> None:
    live = Source().live(max_sockets=1)
    await live.admit("salute-the-flag", nobody)
    live.join("salute-the-flag", FakeReader())
    with pytest.raises(Unavailable) as refused:
        await live.admit("salute-the-flag", nobody)
    assert (refused.value.status, refused.value.code) == (503, "LIVE_FULL")
    await live.admit("salute-the-flag", staff)
    for who in (staff, nobody):
        with pytest.raises(NotFound):
            await live.admit("another", who)
    await live.close()


@pytest.mark.gen_test
async def test_closing_ends_everybody_with_restarting() -> None:
    live = Source().live()
    readers = [FakeReader() for _ in range(40)]
    for reader in readers:
        live.join("salute-the-flag", reader)
    await live.close()
    assert {reader.code for reader in readers} == {1012}
    with pytest.raises(Unavailable):
        await live.admit("salute-the-flag", staff)


@pytest.mark.gen_test
async def test_a_bug_in_one_tick_does_not_end_the_wall(caplog: pytest.LogCaptureFixture) -> None:
    source = Source()
    live = source.live()
    reader = FakeReader()
    live.join("salute-the-flag", reader)
    await until(lambda: reader.frames)
    source.problem = ValueError("bug")
    await until(lambda: "tick of salute-the-flag failed" in caplog.text)
    source.problem = None
    source.figures = replace(FIGURES, participants=11)
    await until(lambda: len(reader.frames) == 2)
    await live.close()


@pytest.mark.gen_test
async def test_sending_lets_the_loop_go() -> None:
    source = Source()
    live = source.live()
    longest = 0.0

    class Costly(FakeReader):
        def send(self, frame: bytes) -> None:
            end = asyncio.get_running_loop().time() + 0.0002
            while asyncio.get_running_loop().time() < end:
                pass
            super().send(frame)

    readers = [Costly() for _ in range(400)]
    for reader in readers:
        live.join("salute-the-flag", reader)

    async def watch() -> None:
        nonlocal longest
        loop = asyncio.get_running_loop()
        while not all(reader.frames for reader in readers):
            began = loop.time()
            await asyncio.sleep(0)
            longest = max(longest, loop.time() - began)

    await asyncio.wait_for(watch(), 5)
    assert longest < 0.06, "80 ms of sending came in one piece"
    await live.close()
