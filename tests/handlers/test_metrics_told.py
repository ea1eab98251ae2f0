"""The list of processes for Prometheus, for trusted callers alone, and the table of metrics for staff."""

from __future__ import annotations

import pytest

from server.metrics import METRICS
from tests.handlers.civic_app import CivicApp, error_of, json_of

pytestmark = pytest.mark.gen_test(timeout=60)


@pytest.fixture
def app(io_loop, stores, tmp_path):
    made = io_loop.run_sync(lambda: CivicApp(stores, tmp_path).open())
    reporter = made.services.watching.reporter
    reporter.address = "127.0.0.1:9464"
    io_loop.run_sync(lambda: reporter.tick(made.now, ("web", "intake")))
    yield made
    io_loop.run_sync(made.close)


async def test_prometheus_on_this_machine_gets_the_list(app):
    assert json_of(await app.ask("/metrics/targets")) == [{"targets": ["127.0.0.1:9464"], "labels": {"roles": "intake,web"}}]


async def test_nobody_else_does(app):
    answer = await app.ask("/metrics/targets", headers={"X-Forwarded-For": "203.0.113.9"})
    assert error_of(answer) == (404, "NOT_FOUND")


async def test_staff_see_every_metric_with_what_is_normal_and_who_measured(app):
    desk = await app.desk("operator")
    found = json_of(await desk.ask("/api/v1/staff/metrics"))
    assert [item["name"] for item in found["items"]] == [metric.name for metric in METRICS]
    assert all(item["title"] and item["section"] and item["normal"] for item in found["items"])
    assert found["processes"] == [{"roles": ["intake", "web"], "address": "127.0.0.1:9464"}]
