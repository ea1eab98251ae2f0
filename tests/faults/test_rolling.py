"""Fault row 25: every process of a deployment is replaced while a week's crowd salutes; nobody's salute is lost."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from server.embedded import find_redis_server, mongodb_child
from tests.deploy.whole import Deployment, Rehearsal
from tests.redis_cluster import RedisServer

pytestmark = pytest.mark.timeout(420)
PEOPLE = 10_000
# Replacing all takes half a minute, and several times that on two busy cores.
MINUTES = 2


@pytest.fixture
def deployment(tmp_path: Path) -> Iterator[Deployment]:
    redis = RedisServer(tmp_path / "redis", find_redis_server(), "always", cluster=False)
    documents, uri = mongodb_child(tmp_path / "mongodb", tmp_path / "logs")
    made = Deployment(tmp_path / "host", redis_url=f"redis://127.0.0.1:{redis.port}", mongodb_uri=uri, WENMING_DRAIN_SECONDS="0.5")
    try:
        redis.start()
        documents.start()
        made.start()
        yield made
    finally:
        made.end()
        documents.stop()
        redis.end()


def test_replacing_every_process_in_a_peak_loses_no_salute(deployment: Deployment) -> None:
    playing = Rehearsal(deployment, PEOPLE, MINUTES, "--posters", "0")
    try:
        playing.wait_for_the_crowd()
        there: list[bool] = []
        deployment.roll(lambda: there.append(playing.is_playing))
        assert there == [True, True], "the crowd had gone before every process was replaced"
        report = playing.report(200)
    finally:
        playing.end()
    assert report["ok"], (report["examples"], report["refused"], report["audit"]["findings"])
    assert report["audit"]["participants"] == {"cells": PEOPLE, "totals": PEOPLE, "documents": PEOPLE}
    assert (report["lost_before_receipts"], report["lost"], report["doubled"], report["told_two_things"]) == (0, 0, 0, 0)
    assert all(one.starts == 2 for one in deployment.processes)
    done = deployment.command("audit", report["campaign"], "--json")
    assert done.returncode == 0 and json.loads(done.stdout)["ok"], done.stderr
    print(f"salutes that had to be sent a second time: {report['resent']} of {PEOPLE}; answers: {report['answers']}")
