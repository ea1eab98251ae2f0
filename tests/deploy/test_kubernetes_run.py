"""The commands of deploy/kubernetes, run here as the manifests give them: each role with its environment, secrets as files, asked by its
own probes; and nginx with this cluster's files before them. Ports are changed, addresses are loopback, and nothing is asked outside.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import re
import secrets
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from server import app
from server.embedded import Supervisor, free_port, mongodb_child, redis_child
from tests.deploy.kubernetes import PROGRAM, ROOT, built, environment, filled_in, of_kind, pod_of, port_number, probes, workloads
from tests.deploy.nginx import PROGRAM as NGINX
from tests.deploy.nginx import make_certificate, replaced

pytestmark = [pytest.mark.skipif(not PROGRAM, reason="kubectl is not installed"), pytest.mark.timeout(300)]

READY_SECONDS = 60
SECRETS = "/run/secrets/wenming"


def status_of(url: str) -> int:
    """0: nobody answers."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as refused:
        return refused.code
    except OSError:
        return 0


class Role:
    """One container of the city, as a process of this machine."""

    def __init__(self, name: str, objects: list[dict[str, Any]], folder: Path, stores: dict[str, str]) -> None:
        [container] = pod_of(workloads(objects)[name])["containers"]
        self.container, self.grace = container, pod_of(workloads(objects)[name])["terminationGracePeriodSeconds"]
        given = environment(objects, container)
        # The ports of its own pod, as ports of a machine that all share.
        self.ports = {int(given[key]): free_port() for key in ("WENMING_PORT", "WENMING_INTAKE_PORT", "WENMING_METRICS_PORT")}
        for key in ("WENMING_PORT", "WENMING_INTAKE_PORT", "WENMING_METRICS_PORT"):
            given[key] = str(self.ports[int(given[key])])
        own = folder / name
        files = own / "secrets"
        files.mkdir(parents=True)
        [secret] = [one for one in of_kind(objects, "Secret").values() if "secret-key" in one["data"]]
        for key in secret["data"]:
            (files / key).write_text(stores.get(key, "") + "\n")
        given = {key: value.replace(SECRETS, str(files)).replace("<status.podIP>", "127.0.0.1") for key, value in given.items()}
        # One Redis here; and an address of this machine, so that nobody outside is asked for its certificate.
        given |= {"WENMING_REDIS_CLUSTER": "false", "WENMING_PUBLIC_URL": "", "WENMING_DATA_DIR": str(own / "data")}
        clean = {key: value for key, value in os.environ.items() if not key.startswith("WENMING_")}
        self.log = own / "log"
        with self.log.open("ab") as log:
            self.process = subprocess.Popen([sys.executable, *container["command"][1:]], cwd=ROOT, env={**clean, **given},
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def port(self, name: str | int) -> int:
        return self.ports[port_number(self.container, name)]

    def passes(self, probe: dict[str, Any]) -> bool:
        """As the kubelet asks."""
        if "tcpSocket" in probe:
            try:
                socket.create_connection(("127.0.0.1", self.port(probe["tcpSocket"]["port"])), 3).close()
            except OSError:
                return False
            return True
        asked = probe["httpGet"]
        return status_of(f"http://127.0.0.1:{self.port(asked['port'])}{asked['path']}") == 200

    def wait(self) -> None:
        until = time.monotonic() + READY_SECONDS
        while not all(self.passes(probe) for probe in probes(self.container).values()):
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < until, self.log.read_text()
            time.sleep(0.1)

    def memory_bytes(self) -> int:
        found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{self.process.pid}/status").read_text())
        assert found
        return int(found[1]) * 1024

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(10)


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    return built(filled_in(tmp_path_factory.mktemp("kubernetes")) / "city")


class World:
    def __init__(self, city: list[dict[str, Any]], folder: Path) -> None:
        redis, redis_url = redis_child(folder / "redis", folder)
        mongodb, uri = mongodb_child(folder / "mongodb", folder)
        self.mongodb = Supervisor([mongodb])
        self.redis = Supervisor([redis])
        self.roles: dict[str, Role] = {}
        for store in (self.redis, self.mongodb):
            store.start()
        try:
            stores = {"secret-key": secrets.token_hex(32), "redis-url": redis_url, "mongodb-uri": uri, "official-secret": "0" * 32,
                      "official-token": "token", "official-aes-key": "a" * 43}
            # One after the other, since the first makes the indexes; on a new cluster the others wait in their startup probe.
            for name in app.ROLES:
                self.roles[name] = Role(name, city, folder, stores)
                self.roles[name].wait()
        except BaseException:
            self.end()
            raise

    def end(self) -> None:
        for role in self.roles.values():
            role.end()
        for store in (self.mongodb, self.redis):
            store.stop()


@pytest.fixture(scope="module")
def world(city: list[dict[str, Any]]) -> Iterator[World]:
    # Not pytest's folder: a socket's path has at most 108 bytes.
    with tempfile.TemporaryDirectory(prefix="wenming-test-") as name:
        made = World(city, Path(name))
        try:
            yield made
        finally:
            made.end()


def mebibytes(text: str) -> int:
    return int(text[:-2]) * {"Mi": 1, "Gi": 1024}[text[-2:]] * 1024 * 1024


@pytest.mark.skipif(not NGINX, reason="nginx is not installed")
def test_nginx_takes_this_clusters_files_and_leads_to_the_roles(world, city, tmp_path):
    [place] = [one["data"] for name, one in of_kind(city, "ConfigMap").items() if name.startswith("nginx-place")]
    [container] = pod_of(workloads(city)["nginx"])["containers"]
    mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    files = tmp_path / "etc"
    shutil.copytree(ROOT / "deploy" / "nginx", files, ignore=shutil.ignore_patterns("place"))
    assert mounts["place"] == "/etc/wenming/nginx/place" and mounts["tls"] == "/etc/wenming/nginx/tls"
    (files / "place").mkdir()
    ports = {number: free_port() for number in (8080, 8443, 8081)}
    for name, text in place.items():
        for number, port in ports.items() if name == "servers.conf" else ():
            text = replaced(text, f"listen {number}", f"listen 127.0.0.1:{port}")
        for role in ("web", "intake", "live") if name == "upstreams.conf" else ():
            [service] = of_kind(city, "Service")[role]["spec"]["ports"]
            text = replaced(text, f"server {role}:{service['port']} ", f"server 127.0.0.1:{world.roles[role].port(service['targetPort'])} ")
        if name == "place.conf":
            text = replaced(replaced(text, "/opt/wenming/assets", str(ROOT / "assets")), "/etc/wenming/nginx/pages", str(files / "pages"))
            text = replaced(text, "/var/lib/wenming-nginx", str(tmp_path))
        (files / "place" / name).write_text(text)
    make_certificate(files / "tls", ["h5.example.cn"])
    # The init container's own words, in the folder that it works in.
    [folders] = pod_of(workloads(city)["nginx"])["initContainers"]
    assert folders["workingDir"] == mounts["work"]
    subprocess.run(folders["command"], cwd=tmp_path, check=True, timeout=30)
    for log in ("access.log", "error.log", "requests.log"):  # not into the output of the tests
        (tmp_path / "logs" / log).unlink()
    user = " user root;" if os.geteuid() == 0 else ""
    command = [word.replace(mounts["work"], str(tmp_path)).replace("/etc/wenming/nginx", str(files)) for word in container["command"]]
    command[0], command[-1] = NGINX, command[-1] + user
    with (tmp_path / "logs" / "start.log").open("ab") as log:
        nginx = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        until = time.monotonic() + READY_SECONDS
        for probe in probes(container).values():
            while status_of(f"http://127.0.0.1:{ports[port_number(container, probe['httpGet']['port'])]}{probe['httpGet']['path']}") != 200:
                assert nginx.poll() is None and time.monotonic() < until, (tmp_path / "logs" / "start.log").read_text()
                time.sleep(0.1)
        trusted = ssl.create_default_context(cafile=str(files / "tls" / "fullchain.pem"))

        def ask(method: str, path: str, body: str | None = None) -> str:
            known = http.client.HTTPConnection("h5.example.cn", ports[8443])
            known.sock = trusted.wrap_socket(socket.create_connection(("127.0.0.1", ports[8443]), 10), server_hostname="h5.example.cn")
            with contextlib.closing(known):
                known.request(method, path, body, {"Content-Type": "application/json"})
                answer = known.getresponse()
                return f"{answer.status} {answer.read().decode()}"

        assert ask("GET", "/healthz") == '200 {"status":"alive"}'
        # The product's own word, of the intake: it came through.
        assert "TOKEN_MISSING" in ask("POST", "/api/v1/campaigns/salute-the-flag/participations", "{}")
        # Its own way out: what preStop says.
        end = container["lifecycle"]["preStop"]["exec"]["command"][-1].split("; ")[1].split()
        end = [word.replace(mounts["work"], str(tmp_path)).replace("/etc/wenming/nginx", str(files)) for word in end]
        subprocess.run([NGINX, *end[1:]], check=True, timeout=30, capture_output=True)
        assert nginx.wait(30) == 0
    finally:
        if nginx.poll() is None:
            nginx.kill()
        nginx.wait(10)


def test_the_places_files_are_those_of_deploy_nginx(city):
    """What a city edits begins as the files that the tests of nginx drive; hosts and ports of this cluster are the whole difference."""
    [place] = [one["data"] for name, one in of_kind(city, "ConfigMap").items() if name.startswith("nginx-place")]
    for name in ("place.conf", "limits.conf"):
        kept = (ROOT / "deploy" / "nginx" / "place" / name).read_text("utf-8")
        assert place[name] == kept, f"copy deploy/nginx/place/{name} to city/place"


def test_each_role_starts_stays_in_service_without_mongodb_and_ends_within_its_grace(world):
    for name, role in world.roles.items():
        resources = role.container["resources"]
        assert role.memory_bytes() < mebibytes(resources["requests"]["memory"]) <= mebibytes(resources["limits"]["memory"]), name
    world.mongodb.stop()
    web = world.roles["web"]
    until = time.monotonic() + READY_SECONDS
    while status_of(f"http://127.0.0.1:{web.port('web')}/readyz") != 503:
        assert time.monotonic() < until
        time.sleep(0.1)
    for name, role in world.roles.items():
        for kind, probe in probes(role.container).items():
            assert role.passes(probe), f"{name} leaves the service while MongoDB is away ({kind})"
    world.mongodb.start()
    for name, role in world.roles.items():
        role.process.send_signal(signal.SIGTERM)
        stopped = role.process.wait(role.grace)
        assert stopped == 0, f"{name}: {role.log.read_text()}"
