"""The list of processes: each with its own address, nobody who went, and the figures of all together."""

from __future__ import annotations

from unittest import mock

import pytest
from redis.exceptions import ConnectionError as RedisGone

from server import keys
from server.health.rows import NAMED_SECONDS, SILENT_SECONDS, Limits, Reporter, RowStore
from server.metrics import METRICS, Metrics
from server.processes import Processes
from server.quantiles import quantile
from tests.server.civic_world import DURING

pytestmark = pytest.mark.gen_test(timeout=30)


@pytest.fixture
def process(stores):
    def made(owner: str, address: str) -> Reporter:
        found = Reporter(RowStore(stores.redis), Metrics(), Limits(100, 64), owner)
        found.address = address
        return found

    return made


@pytest.fixture
def processes(stores):
    return Processes(RowStore(stores.redis))


def figure(view: dict, name: str) -> dict:
    return next(one for one in view["items"] if one["name"] == name)


async def test_prometheus_is_told_where_each_one_s_metrics_are(process, processes):
    for owner, address, *roles in (("a", "10.0.0.2:9464", "web", "intake"), ("b", "10.0.0.2:9465", "ledger"), ("c", "", "jobs")):
        await process(owner, address).tick(DURING, roles)
    assert await processes.targets(DURING) == [
        {"targets": ["10.0.0.2:9464"], "labels": {"roles": "intake,web"}}, {"targets": ["10.0.0.2:9465"], "labels": {"roles": "ledger"}}]


async def test_who_leaves_is_listed_no_more_and_who_was_killed_until_somebody_was_told(process, processes, stores):
    one, other = process("a", "10.0.0.2:9464"), process("b", "10.0.0.2:9465")
    await one.tick(DURING, ["web"])
    await other.tick(DURING, ["web"])
    await one.close()
    assert [target["targets"] for target in await processes.targets(DURING)] == [["10.0.0.2:9465"]]
    later = DURING + SILENT_SECONDS + 1
    assert len(await processes.targets(later)) == 1 and (await processes.overview(later))["processes"] == []
    assert await processes.targets(DURING + NAMED_SECONDS + 1) == []
    assert await stores.redis.hlen(keys.PROCESSES) == 0


async def test_two_at_one_address_are_warned_of_once(process, processes, caplog):
    one, other = process("a", "10.0.0.2:8888"), process("b", "10.0.0.2:8888")
    await one.tick(DURING, ["web"])
    assert "WENMING_METRICS_PORT" not in caplog.text
    for _ in range(3):
        await other.tick(DURING, ["web"])
    assert caplog.text.count("WENMING_METRICS_PORT") == 1
    assert len(await processes.targets(DURING)) == 1


async def test_figures_of_all_are_one_table(process, processes):
    one, other = process("a", "x:1"), process("b", "x:2")
    for each, count in ((one, 3), (other, 4)):
        each._metrics.record("frames_built_total", "delta", amount=count)
        each._metrics.hold("queues_aged_seconds", count)
        each._metrics.hold("sockets_connected_count", count)
        each._metrics.hold("journals_waiting_count", 5)
        for _ in range(50):
            each._metrics.observe("figures_read_seconds", 0.002 * count)
        await each.tick(DURING, ["web"])
    view = await processes.overview(DURING)
    assert [item["name"] for item in view["items"]] == [metric.name for metric in METRICS] and len(view["processes"]) == 2
    built = {series["labels"]["type"]: series["value"] for series in figure(view, "frames_built_total")["series"]}
    assert built == {"snapshot": 0, "delta": 7, "heartbeat": 0}
    values = [figure(view, name)["series"][0]["value"] for name in
              ("queues_aged_seconds", "sockets_connected_count", "journals_waiting_count")]
    assert values == [4, 7, 5]
    observed = figure(view, "figures_read_seconds")["observed"]
    assert observed["count"] == 100 and 0.005 <= observed["p50"] <= 0.01 and 0.005 < observed["p99"] <= 0.01
    assert "超过 1 秒，持续 1 分钟" in figure(view, "queues_aged_seconds")["limit"]


async def test_another_release_with_other_series_is_passed_over(process, processes, stores):
    one = process("a", "x:1")
    one._metrics.hold("sockets_connected_count", 2)
    await one.tick(DURING, ["web"])
    await stores.redis.hset(keys.PROCESSES, "b", b'{"of": "another release"}')
    await stores.redis.hset(keys.PROCESSES, "c", b'{"process": "c", "address": "x:3", "roles": [], "at": %d, "started_at": 0, '
                            b'"figures": {"sockets_connected_count": [1, 2], "unknown_total": [1]}}' % DURING)
    view = await processes.overview(DURING)
    assert figure(view, "sockets_connected_count")["series"][0]["value"] == 2 and len(view["processes"]) == 2


async def test_without_redis_nobody_is_listed_and_a_stop_goes_on(process, processes):
    one = process("a", "x:1")
    await one.tick(DURING, ["web"])
    gone = mock.AsyncMock(side_effect=RedisGone())
    for rows in (one._rows, processes._rows):
        rows._redis = mock.Mock(hgetall=gone, hdel=gone)
    await one.close()
    with pytest.raises(RedisGone):
        await processes.targets(DURING)


@pytest.mark.parametrize(("counts", "share", "where"), [
    ((0, 0, 0), 0.5, None), ((10, 0, 0), 0.5, 0.5), ((0, 10, 0), 0.5, 1.5), ((5, 5, 0), 0.75, 1.5), ((50, 50, 0), 0.99, 1.98),
    ((0, 0, 10), 0.5, 2), ((10, 10, 0), 0.5, 1)])
def test_a_quantile_lies_in_its_bucket(counts, share, where):
    assert quantile((1, 2), counts, share) == (where if where is None else pytest.approx(where))
