"""The whole deployment on one machine, from the files in deploy/: nginx, two web, two intake and two ledger processes, live, jobs, a Redis
Cluster of six, the document store. A city salutes through one address while a master is killed, every process replaced, a shard moved.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from server.embedded import mongodb_child
from tests.deploy.nginx import PROGRAM, Nginx
from tests.deploy.whole import Beside, Deployment, Rehearsal
from tests.redis_cluster import RedisCluster

pytestmark = [pytest.mark.skipif(not PROGRAM, reason="nginx is not installed"), pytest.mark.timeout(900)]


class Whole:
    """Everything that runs. The settings name servers[0] of the cluster, as a host's settings name one that is up."""

    def __init__(self, folder: Path) -> None:
        self.cluster = RedisCluster(folder / "redis")
        self.documents, uri = mongodb_child(folder / "mongodb", folder / "logs")
        self.deployment = Deployment(folder / "host", redis_url=self.cluster.url, cluster=True, mongodb_uri=uri,
                                     WENMING_DRAIN_SECONDS="0.5")
        self.nginx = Nginx(folder / "nginx", web=[self.deployment.web_port], intake=[self.deployment.intake_port],
                           live=[self.deployment.live_port], start=False)
        self.deployment.settings["WENMING_PUBLIC_URL"] = self.nginx.url

    def start(self) -> None:
        self.cluster.start()
        self.documents.start()
        self.deployment.start()
        self.nginx.start()

    def end(self) -> None:
        self.nginx.end()
        self.deployment.end()
        self.documents.stop()
        self.cluster.end()

    def rehearse(self, people: int, minutes: float) -> Rehearsal:
        return Rehearsal(self.deployment, people, minutes, "--through", self.nginx.url, "--posters", "0",
                         SSL_CERT_FILE=str(self.nginx.certificate))

    # What befalls it

    def lose_a_master(self) -> None:
        """kill -9, until its replica has taken over; it comes back as a replica."""
        victim = self.cluster.servers[1]
        replica = self.cluster.replica_of(victim)
        victim.kill()
        self.cluster.wait_failover(replica)
        victim.start()
        self.cluster.wait_ready()

    def move_a_shard(self) -> None:
        key = next(self._counters())
        before = self.cluster.master_of(key)
        after = self.cluster.move_slot(key, pause_seconds=0.01)
        assert after is not before and self.cluster.master_of(key) is after

    def _counters(self) -> Iterator[str]:
        """Keys of the rehearsal's shards."""
        for server in self.cluster.servers:
            with redis.Redis(port=server.port, decode_responses=True) as client:
                if client.info("replication")["role"] == "master":
                    yield from client.scan_iter("count:*rehearsal-*:meta", count=1000)

    def answers(self) -> Counter[str]:
        """What nginx answered salutes, by status."""
        time.sleep(1.5)  # its log is written within a second
        lines = map(json.loads, (self.nginx.folder / "logs" / "access.log").read_text("utf-8").splitlines())
        return Counter(line["status"] for line in lines if line["path"].endswith("/participations"))


@pytest.fixture
def whole(tmp_path: Path) -> Iterator[Whole]:
    made = Whole(tmp_path)
    try:
        made.start()
        yield made
    finally:
        made.end()


def told(report: dict[str, Any], whole: Whole) -> str:
    """Figures for people who run this by hand (-s)."""
    names = ("participants", "played_seconds", "drained_seconds", "accepted_per_second", "peak_second", "latency_ms", "wait_ms", "answers",
             "resent", "lost_before_receipts", "lost", "doubled", "shards")
    return json.dumps({name: report[name] for name in names} | {"nginx": whole.answers(), "gaps": report["audit"].get("gaps")})


@pytest.mark.parametrize(("people", "minutes"), [
    (10_000, 2), pytest.param(100_000, 4, marks=[pytest.mark.long, pytest.mark.timeout(1800)])])
def test_a_city_salutes_while_a_master_dies_every_process_is_replaced_and_a_shard_moves(whole: Whole, people: int, minutes: float) -> None:
    playing = whole.rehearse(people, minutes)
    there: list[bool] = []
    try:
        playing.wait_for_the_crowd()
        rolling = Beside(lambda: whole.deployment.roll(lambda: there.append(playing.is_playing)))
        rolling.start()
        whole.lose_a_master()
        whole.move_a_shard()
        rolling.join_or_raise(800)
        assert there == [True, True], "the crowd had gone before every process was replaced"
        report = playing.report(900)
    finally:
        playing.end()
    print(told(report, whole))
    assert report["ok"], (report["examples"], report["refused"], report["audit"]["findings"])
    assert report["audit"]["participants"] == {"cells": people, "totals": people, "documents": people}
    assert (report["lost"], report["doubled"], report["told_two_things"], report["participants"]) == (0, 0, 0, people)
    assert all(one.starts >= 2 for one in whole.deployment.processes)  # more where a store was away at the start
    # One address sent all of it, and nobody was held off for that.
    assert not whole.answers()["429"]
    done = whole.deployment.command("audit", report["campaign"], "--json")
    assert done.returncode == 0 and json.loads(done.stdout)["ok"], done.stderr
