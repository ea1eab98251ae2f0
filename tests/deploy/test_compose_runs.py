"""What compose.yaml starts, started here: its own commands, files, settings and health checks, in its order, and a salute through nginx.

Another program in the place of a container's: the embedded document store for MongoDB, this machine's Redis and nginx. Not run here: the
containers themselves, mongod and mongosh (their scripts are, in test_compose_scripts.py), Prometheus, Grafana.
"""

from __future__ import annotations

import json
import signal
import subprocess
import urllib.request
from collections.abc import Iterator

import pytest

from server.embedded import Supervisor, mongodb_child
from tests.deploy.containers import PATIENCE_SECONDS, ROOT, STORES, Containers
from tests.deploy.front import eventually
from tests.deploy.nginx import PROGRAM

# Fourteen programs start; the scripts and files by themselves are tried in each `make test` (test_compose.py, test_compose_scripts.py).
pytestmark = [pytest.mark.long, pytest.mark.timeout(600),
              pytest.mark.skipif(not all(STORES.values()), reason="redis-server and redis-cli are not on PATH (Debian: redis-server)"),
              pytest.mark.skipif(not PROGRAM, reason="nginx is not installed")]
REDIS = [f"redis-{n}" for n in range(1, 7)]
# One of each role, and a second web; that two of a role share the work is tests/faults' matter.
PRODUCT = ["web-1", "web-2", "intake-1", "live-1", "ledger-1", "jobs-1"]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Containers]:
    world = Containers(tmp_path_factory.mktemp("compose"))
    child, mongodb_uri = mongodb_child(world.folder / "mongodb", world.folder)
    supervisor = Supervisor([child])
    supervisor.start()
    try:
        # Put there by people, so it stays: the embedded store's address. And one Redis by its address instead of Docker's name for all.
        own = world.folder / "secrets" / "app"
        own.mkdir(parents=True)
        (own / "mongodb_uri").write_text(mongodb_uri)
        world.service("secrets")["command"][1] = f"--redis={world.own('redis-1')}:6379"
        world.once("secrets")
        for name in REDIS:
            world.start(name)
        world.wait_well(*REDIS)
        world.once("redis-cluster")
        world.said = world.once("seed")  # type: ignore[attr-defined]
        for name in PRODUCT:
            world.start(name)
        world.wait_well(*PRODUCT)
        for name in ("nginx", "sandbox"):
            world.start(name)
            world.wait_well(name)
        yield world
    finally:
        world.end()
        supervisor.stop()


def participants(world: Containers) -> int:
    return json.loads(read(f"http://{world.own('nginx')}:8080/api/v1/campaigns/salute-the-flag/counters"))["participants"]


def smoke(world: Containers) -> subprocess.CompletedProcess[str]:
    own = world.own("nginx")
    return subprocess.run([str(ROOT / "deploy" / "scripts" / "smoke.sh"), f"http://{own}:8080", f"http://{own}:8890"], capture_output=True,
                          text=True, env=world.here.environ({"PATIENCE_SECONDS": PATIENCE_SECONDS}), timeout=300, check=False)


def read(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=20) as answer:
        body: bytes = answer.read()
        return body


def test_a_salute_goes_in_through_nginx_and_down_to_the_documents(running: Containers):
    told = smoke(running)
    assert told.returncode == 0, told.stdout + told.stderr
    assert "通过 (ok)" in told.stdout


def test_starting_everything_that_runs_once_again_changes_nothing(running: Containers):
    secrets = {path: path.read_bytes() for path in (running.folder / "secrets").rglob("*") if path.is_file()}
    assert running.once("secrets") == ""
    assert {path: path.read_bytes() for path in (running.folder / "secrets").rglob("*") if path.is_file()} == secrets
    assert running.once("redis-cluster").strip() == "the cluster of 6 is there"
    assert "admin" in running.said  # type: ignore[attr-defined]
    assert "已经有了" in running.once("seed")


def test_the_counters_lie_on_all_three_masters(running: Containers):
    """Four shards of each master, as the product decides where it is told of a cluster; so the cluster is known as one."""
    password = (running.folder / "secrets" / "redis" / "password").read_text()
    for name in REDIS[:3]:
        keys = subprocess.run(["redis-cli", "-h", running.own(name), "dbsize"], capture_output=True, text=True, timeout=20, check=True,
                              env=running.here.environ({"REDISCLI_AUTH": password})).stdout
        assert int(keys.split()[-1]) > 0


def test_prometheus_is_told_of_every_process(running: Containers):
    """At the address that prometheus.yml names."""
    text = running.here.text((ROOT / "deploy" / "compose" / "prometheus.yml").read_text())
    urls = [line.split("url: ")[1] for line in text.splitlines() if "url: " in line]
    assert len(urls) == 2
    for url in urls:
        targets = [target for group in json.loads(read(url)) for target in group["targets"]]
        assert {f"{running.own(name)}:9464" for name in PRODUCT} <= set(targets)
    for name in PRODUCT:
        assert b"wenming_build_info" in read(f"http://{running.own(name)}:9464/metrics")


def test_the_audit_of_the_campaign_is_clean(running: Containers):
    words, environ = running.command("jobs-1")
    told = subprocess.run([*words[:3], "audit", "salute-the-flag", "--json"], cwd=ROOT, env=environ, capture_output=True, text=True,
                          timeout=120, check=False)
    assert told.returncode == 0, told.stdout + told.stderr
    assert json.loads(told.stdout)["ok"] is True


def test_a_redis_without_its_password_says_nothing(running: Containers):
    told = subprocess.run(["redis-cli", "-h", running.own("redis-1"), "get", "x"], capture_output=True, text=True, timeout=20, check=False)
    assert "NOAUTH" in told.stdout


def test_a_killed_process_is_unwell_and_a_started_one_well_again(running: Containers):
    for name in ("web-2", "ledger-1"):
        running.kill(name)
        assert running.health(name).returncode == 1, name
        running.start(name)
        running.wait_well(name)


def test_a_paused_process_is_unwell(running: Containers):
    running.processes["redis-6"].send_signal(signal.SIGSTOP)
    try:
        # As Docker does, which ends a check by its time limit.
        with pytest.raises(subprocess.TimeoutExpired):
            running.health("redis-6")
    finally:
        running.processes["redis-6"].send_signal(signal.SIGCONT)
    running.wait_well("redis-6")


def test_everything_comes_back_after_all_six_servers_were_stopped(running: Containers):
    """`docker compose down` and `up`: each server finds the others at the addresses that it had, and nothing is lost."""
    before = participants(running)
    for name in REDIS:
        assert running.stop(name) == 0
    for name in REDIS:
        running.start(name)
    running.wait_well(*REDIS)
    assert "the cluster of 6 is there" in running.once("redis-cluster")
    running.wait_well(*PRODUCT)
    told = smoke(running)
    assert told.returncode == 0, told.stdout + told.stderr
    # Nothing is lost, and the one of the smoke test is counted once; nginx may answer with what it had a second ago.
    eventually(lambda: participants(running) == before + 1, "one participant more")


@pytest.mark.parametrize("name", [*PRODUCT, "sandbox"])
def test_it_stops_by_itself_when_it_is_asked_to(running: Containers, name: str):
    assert running.stop(name) == 0


def test_the_smoke_test_says_what_does_not_work(running: Containers):
    """Everything behind nginx was stopped above."""
    told = smoke(running)
    assert told.returncode == 1
    assert "没有通过 (NOT ok)" in told.stderr


def test_it_wrote_below_its_own_folder(running: Containers):
    assert (running.folder / "web-1" / "data" / "logs" / "server.log").is_file()
    assert (running.folder / "ledger-1" / "data" / "archive" / "salute-the-flag").is_dir()
