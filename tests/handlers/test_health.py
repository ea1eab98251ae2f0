"""Alive, ready, version and metrics, and who may see details."""

from __future__ import annotations

import asyncio
import json
from types import SimpleNamespace
from typing import Any

import pytest
import tornado.web

from handlers import health
from handlers.peers import Peers
from server.errors import StoreUnavailable
from server.metrics import Metrics
from server.readiness import PROBE_SECONDS, Readiness
from server.stores import RedisError
from server.version import VERSION

FOREIGN = {"X-Forwarded-For": "203.0.113.9"}


class Probes:
    """Two stores that answer, fail or hang as told."""

    def __init__(self) -> None:
        self.problem: Exception | None = None
        self.hang = False
        self.asked = 0

    async def redis(self) -> None:
        self.asked += 1

    async def mongodb(self) -> None:
        if self.hang:
            await asyncio.sleep(60)
        if self.problem:
            raise self.problem


@pytest.fixture
def probes() -> Probes:
    return Probes()


@pytest.fixture
def app(probes: Probes) -> tornado.web.Application:
    services = SimpleNamespace(readiness=Readiness({"redis": probes.redis, "mongodb": probes.mongodb}), metrics=Metrics())
    return tornado.web.Application(
        [("/healthz", health.Live), ("/readyz", health.Ready), ("/version", health.Version), ("/metrics", health.Metrics)],
        services=services, peers=Peers("10.1.0.0/16"))


@pytest.fixture
def ask(http_server: Any, http_client: Any, base_url: str) -> Any:
    async def one(path: str, **headers: str) -> tuple[int, Any, Any]:
        answer = await http_client.fetch(base_url + path, headers=headers, raise_error=False)
        text = answer.body.decode()
        return answer.code, json.loads(text) if text.startswith("{") else text, answer.headers
    return one


@pytest.mark.gen_test
async def test_alive_asks_nobody(ask: Any, probes: Probes) -> None:
    assert (await ask("/healthz"))[:2] == (200, {"status": "alive"})
    assert probes.asked == 0


@pytest.mark.gen_test
async def test_ready_tells_details_to_this_machine_alone(ask: Any) -> None:
    status, body, _ = await ask("/readyz")
    assert (status, body["status"], body["stores"]["redis"]["ok"]) == (200, "ready", True)
    assert (await ask("/readyz", **FOREIGN))[:2] == (200, {"status": "ready"})


@pytest.mark.parametrize("problem", [StoreUnavailable(), RedisError("down"), ConnectionRefusedError(), None])
@pytest.mark.gen_test(timeout=10)
async def test_not_ready_when_a_store_fails_or_hangs(ask: Any, probes: Probes, problem: Exception | None) -> None:
    probes.problem, probes.hang = problem, problem is None
    began = asyncio.get_running_loop().time()
    status, body, _ = await ask("/readyz")
    assert (status, body["status"]) == (503, "not ready")
    assert not body["stores"]["mongodb"]["ok"]
    assert body["stores"]["redis"]["ok"]
    assert asyncio.get_running_loop().time() - began < PROBE_SECONDS + 1
    assert (await ask("/readyz", **FOREIGN))[:2] == (503, {"status": "not ready"})


@pytest.mark.gen_test
async def test_many_askers_are_one_probe(ask: Any, probes: Probes) -> None:
    await asyncio.gather(*(ask("/readyz") for _ in range(20)))
    assert probes.asked == 1


@pytest.mark.gen_test
async def test_version(ask: Any) -> None:
    status, body, _ = await ask("/version")
    assert (status, body["name"], body["version"]) == (200, "wenming", VERSION)
    assert set(body) == {"name", "version", "commit"}


@pytest.mark.gen_test
async def test_metrics_are_for_trusted_callers(ask: Any) -> None:
    status, body, headers = await ask("/metrics")
    assert status == 200
    assert headers["Content-Type"].startswith("text/plain; version=0.0.4")
    assert "wenming_sockets_connected_count 0.0" in body
    for refused in (FOREIGN, {"X-Forwarded-For": "127.0.0.1, 203.0.113.9"}, {"X-Forwarded-For": "nonsense"},
                    {"X-Real-Ip": "127.0.0.1"}, {"Forwarded": "for=127.0.0.1"}):
        status, body, _ = await ask("/metrics", **refused)
        assert (status, body["error"]["code"]) == (404, "NOT_FOUND"), refused
    assert (await ask("/metrics", **{"X-Forwarded-For": "203.0.113.9, 10.1.2.3"}))[0] == 404
    assert (await ask("/metrics", **{"X-Forwarded-For": "10.1.2.3"}))[0] == 200


def test_the_forwarded_address_is_believed_from_trusted_peers_alone() -> None:
    peers = Peers("10.1.0.0/16, fd00::/8")
    for peer, header, client in (
            ("203.0.113.9", "127.0.0.1", "203.0.113.9"),  # a stranger may write what she likes
            ("127.0.0.1", "203.0.113.9", "203.0.113.9"),
            ("::1", "203.0.113.9, 10.1.9.9", "203.0.113.9"),
            ("::ffff:127.0.0.1", "198.51.100.7", "198.51.100.7"),
            ("10.1.2.3", "127.0.0.1, 198.51.100.7", "198.51.100.7"),
            ("10.1.2.3", "10.1.5.5", "10.1.5.5"),
            ("127.0.0.1", "", "127.0.0.1")):
        assert str(peers.client(peer, {"X-Forwarded-For": header} if header else {})) == client
    assert peers.client("127.0.0.1", {"X-Forwarded-For": "1.2.3.4, nonsense"}) is None
    assert peers.client("", {}) is None
    assert not peers.is_trusted(None)
    trusted = [peers.is_trusted(peers.client(text, {})) for text in ("fd00::1", "::1", "127.9.9.9", "10.2.0.1")]
    assert trusted == [True, True, True, False]
