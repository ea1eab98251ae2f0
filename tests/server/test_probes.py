"""What a process knows of itself: ages that grow while nothing happens, queues, how late the loop is."""

from __future__ import annotations

import asyncio
import socket
import time
from types import SimpleNamespace
from unittest import mock

import pytest

from server.app import METRICS_PORTS, metrics_door, own_port
from server.counting.admission import Admission
from server.counting.coalescer import Coalescer
from server.counting.shards import Item
from server.health.rows import Limits, Reporter, RowStore
from server.ledger import Lag, Stretch
from server.metrics import Metrics
from server.probes import LoopWatch, watch
from server.processes import Processes
from settings import load
from tests.server.civic_world import DURING

pytestmark = pytest.mark.gen_test(timeout=30)


class TestTheLagOfALedger:
    def test_it_is_the_age_of_the_oldest_change_that_is_not_written(self):
        lag = Lag()
        for seq, now in ((3, 10.0), (5, 11.0), (5, 12.0), (9, 13.0)):
            lag.see(seq, 0, now)
        assert lag.seconds(20.0) == 10
        lag.see(9, 3, 20.0)
        assert lag.seconds(20.0) == 9
        lag.see(9, 9, 20.0)
        assert lag.seconds(99.0) == 0

    def test_what_is_written_at_once_has_none(self):
        lag = Lag()
        lag.see(7, 7, 10.0)
        assert lag.seconds(99.0) == 0

    def test_an_outage_without_end_takes_no_memory_without_end(self, monkeypatch):
        monkeypatch.setattr("server.ledger.MOST_MOMENTS", 3)
        lag = Lag()
        for seq in range(1, 100):
            lag.see(seq, 0, float(seq))
        assert lag.seconds(100.0) == 99 and len(lag._seen) == 3
        lag.see(200, 99, 100.0)  # what was remembered is written, and newer ones are remembered again
        lag.see(300, 99, 101.0)
        assert lag.seconds(110.0) <= 10

    def test_a_clock_that_was_set_back_gives_no_age_below_nothing(self):
        lag = Lag()
        lag.see(3, 0, 10.0)
        assert lag.seconds(5.0) == 0

    def test_a_stretch_keeps_its_first_and_last(self):
        told = Stretch()
        told.add(5, 9, 5, 1.0)
        told.add(10, 12, 3, 2.0)
        assert (told.first, told.last, told.changes, told.steps, told.began) == (5, 12, 8, 2, 1.0)


async def test_a_queue_is_as_old_as_who_waits_longest_also_in_a_call():
    answered = asyncio.Event()

    async def accept(epoch, items):
        await answered.wait()

    shard = SimpleNamespace(id="flag:all:0", accept=accept)
    coalescer = Coalescer(shard, lambda: 1, mock.AsyncMock(), Admission(), max_waiting=10, deadline_seconds=1.0, metrics=Metrics())
    assert coalescer.aged_seconds() == 0
    coalescer.ask(Item(1, 0, "350602"), lambda *_: None, None)
    since = time.monotonic()
    await asyncio.sleep(0.05)
    assert 0 < coalescer.aged_seconds() <= time.monotonic() - since + 0.001
    answered.set()
    await coalescer.drain()
    assert coalescer.aged_seconds() == 0


def test_a_reading_asks_each_service():
    def account(role: str, seconds: float):
        return SimpleNamespace(account=SimpleNamespace(role=role), client=SimpleNamespace(token_held_seconds=lambda: seconds))

    metrics = Metrics()
    accounts = [account("official", 900), account("official", 300), account("official", 0), account("miniprogram", 0)]
    watch(metrics, SimpleNamespace(queued_seconds=lambda: 0.5), SimpleNamespace(lagged_seconds=lambda now: now - DURING),
          SimpleNamespace(waiting=7), accounts, lambda: DURING + 3)
    expected = {"queues_aged_seconds": [0.5], "ledgers_lagged_seconds": [3], "posters_waiting_count": [7], "tokens_held_seconds": [300, 0]}
    figures = metrics.figures()
    assert {name: figures[name] for name in expected} == expected


async def test_a_loop_that_was_held_is_seen(monkeypatch):
    monkeypatch.setattr("server.probes.BEAT_SECONDS", 0.01)
    metrics = Metrics()
    one = LoopWatch(metrics)
    one.start()
    await asyncio.sleep(0.03)
    time.sleep(0.2)  # noqa: ASYNC251 what is to be seen
    await asyncio.sleep(0.03)
    one.close()
    count, total, *_ = metrics.figures()["loops_delayed_seconds"]
    assert count >= 2 and total >= 0.15
    await asyncio.sleep(0.05)
    assert metrics.figures()["loops_delayed_seconds"][0] == count


def observed(stores, metrics: Metrics) -> SimpleNamespace:
    """Services as far as a process tells of itself."""
    rows = RowStore(stores.redis)
    return SimpleNamespace(metrics=metrics, watching=SimpleNamespace(
        processes=Processes(rows), reporter=Reporter(rows, metrics, Limits(100, 64), "ledger:1")))


class TestPorts:
    def test_each_process_gets_one_of_its_own_and_a_freed_one_is_used_again(self):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            first = probe.getsockname()[1]
        with own_port("127.0.0.1", first) as one, own_port("127.0.0.1", first) as other:
            freed = one.getsockname()[1]
            assert first <= freed < other.getsockname()[1] < first + METRICS_PORTS
            one.close()
            with own_port("127.0.0.1", first) as again:
                assert again.getsockname()[1] == freed

    def test_a_range_that_is_full_is_told(self, monkeypatch):
        monkeypatch.setattr("server.app.METRICS_PORTS", 1)
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            with pytest.raises(OSError, match="in use"):
                own_port("127.0.0.1", taken.getsockname()[1])

    async def test_a_process_without_a_web_port_is_scraped_at_its_own(self, stores, http_client):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            first = probe.getsockname()[1]
        metrics = Metrics()
        services = observed(stores, metrics)
        settings = load({"WENMING_METRICS_PORT": str(min(first, 65000))}, None)
        async with metrics_door(services, settings, frozenset({"ledger"})):
            await services.watching.reporter.tick(DURING, ["ledger"])
            (target,) = await services.watching.processes.targets(DURING)
            assert target["labels"] == {"roles": "ledger"}
            answer = await http_client.fetch(f"http://{target['targets'][0]}/metrics")
            assert b"wenming_build_info{" in answer.body
            foreign = await http_client.fetch(f"http://{target['targets'][0]}/metrics", raise_error=False,
                                              headers={"X-Forwarded-For": "203.0.113.9"})
            assert foreign.code == 404
        await services.watching.reporter.close()
        assert await services.watching.processes.targets(DURING) == []

    @pytest.mark.parametrize(("roles", "address"), [(("web",), "127.0.0.1:8888"), (("ledger", "jobs"), "")])
    async def test_without_the_setting_the_web_port_is_listed_and_nothing_else(self, stores, roles, address):
        metrics = Metrics()
        services = observed(stores, metrics)
        async with metrics_door(services, load({}, None), frozenset(roles)):
            assert services.watching.reporter.address == address

    async def test_a_machine_that_listens_everywhere_is_asked_by_its_name(self, stores):
        metrics = Metrics()
        services = observed(stores, metrics)
        async with metrics_door(services, load({"WENMING_HOST": "0.0.0.0"}, None), frozenset({"web"})):
            assert services.watching.reporter.address == f"{socket.gethostname()}:8888"


@pytest.mark.parametrize(("name", "value", "problem"), [
    ("LOG_FORMAT", "xml", "json or text"), ("METRICS_PORT", "65500", "65472"), ("METRICS_PORT", "-1", "65472"),
    ("EXPERIENCE_SHARE", "1.5", "between 0 and 1"), ("EXPERIENCE_SHARE", "nan", "between 0 and 1")])
def test_settings_that_cannot_be_are_told(name, value, problem):
    from settings import SettingsError

    with pytest.raises(SettingsError, match=problem):
        load({f"WENMING_{name}": value}, None)
