"""Two releases side by side, as in a rolling release and after going back: each reads what the other writes, and neither undoes it.

The next release is not here to be asked, so this one is given what it will write: fields that nobody knows, in everything that is
stored. The release before is run from the history, where the clone has one.
"""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import tarfile
import urllib.error
import urllib.request
from io import BytesIO
from pathlib import Path
from typing import Any

import msgspec
import pytest
from pymongo import MongoClient

from handlers import ROUTES
from server.counting.receipts import Receipt, Receipts
from server.embedded import find_redis_server, mongodb_child
from tests.deploy.whole import Deployment, Rehearsal
from tests.product import ROOT, Product
from tests.redis_cluster import RedisServer

pytestmark = pytest.mark.timeout(600)
UNKNOWN = "from_the_next_release"
SLUG = "salute-the-flag"
# An earlier state that the history holds; whoever makes a release names the one before it.
BEFORE = "4b581cf2464f8fb3c8f7612bd135926525e2fa52"


class Desk:
    """Somebody who asks the product, signed in once `enter` was called."""

    def __init__(self, product: Product) -> None:
        self._base, self._cookies = f"http://127.0.0.1:{product.web}", ""

    def ask(self, path: str, body: Any = None, *, port: int = 0, **headers: str) -> tuple[int, Any]:
        base = f"http://127.0.0.1:{port}" if port else self._base
        asked = urllib.request.Request(base + path, data=None if body is None else json.dumps(body).encode(),
                                       headers={"Cookie": self._cookies, "Origin": self._base, **headers})
        try:
            with urllib.request.urlopen(asked, timeout=30) as answer:
                self._cookies = self._cookies or "; ".join(one.split(";")[0] for one in answer.headers.get_all("Set-Cookie", []))
                text = answer.read()
                return answer.status, json.loads(text) if text[:1] == b"{" else text
        except urllib.error.HTTPError as refused:
            return refused.code, refused.read()

    def enter(self, name: str, password: str) -> None:
        status, _ = self.ask("/api/v1/staff/session", {"name": name, "password": password})
        assert status in (200, 201)


def readable() -> list[str]:
    """Every address that is read without naming more than a campaign."""
    found = []
    for route in ROUTES:
        pattern = route[0] if isinstance(route, tuple) else route.matcher.regex.pattern
        path = re.sub(r"\((?:\?P<\w+>)?[^()]*\)", SLUG, str(pattern).rstrip("$"), count=1)
        if "campaigns" in path or SLUG not in path:
            found.append(path)
    return [path for path in found if re.fullmatch(r"[A-Za-z0-9_./-]+", path) and not path.startswith(("/live", "/metrics"))]


@pytest.fixture
def product(tmp_path: Path):
    made = Product(tmp_path / "data")
    made.start()
    yield made
    made.end()


def test_what_the_next_release_adds_to_documents_breaks_nothing_and_stays(product: Product) -> None:
    tokens = product.tokens(6)
    salute = {"activity": "salute", "region": "350602"}
    desk = Desk(product)
    for token in tokens[:3]:
        assert desk.ask(f"/api/v1/campaigns/{SLUG}/participations", salute, Authorization=f"Bearer {token}")[0] == 201
    with MongoClient(product.run["mongodb_uri"]) as client:
        base = client.get_default_database("wenming")
        names = [name for name in base.list_collection_names() if not name.startswith("system.")]
        for name in names:
            base[name].update_many({}, {"$set": {UNKNOWN: {"a": 1}}})
        marked = {name: base[name].count_documents({UNKNOWN: {"$exists": True}}) for name in names}
        assert marked["campaigns"] >= 2 and marked["participations"] and marked["shards"] and marked["staff"], marked
        # Nothing that a process remembers: both it and its stores are new to what is there.
        assert product.stop() == 0
        product.start()
    for token, port in ((tokens[0], product.web), (tokens[3], product.web), (tokens[4], product.intake), (tokens[5], product.intake)):
        status, said = desk.ask(f"/api/v1/campaigns/{SLUG}/participations", salute, port=port, Authorization=f"Bearer {token}")
        assert status == (200 if token == tokens[0] else 201), said
    name, password = product.command("staff", "reset", "admin").stdout.split()
    desk.enter(name, password)
    told = {path: desk.ask(path)[0] for path in readable()}
    assert not [path for path, status in told.items() if status >= 500], told
    assert sum(status == 200 for status in told.values()) > 40, told
    audit = product.audit()
    assert audit["ok"] and audit["participants"]["totals"] == 6, audit
    with MongoClient(product.run["mongodb_uri"]) as client:  # whoever changed a document left what she did not know
        assert client.get_default_database("wenming")["campaigns"].count_documents({UNKNOWN: {"$exists": True}}) == marked["campaigns"]
    assert "Traceback" not in product.log(), product.log()


def test_a_receipt_with_more_in_it_is_a_receipt() -> None:
    receipts, mine = Receipts(b"k" * 32), Receipt("flag", "all", 7, 1, 1_700_000_000, 1, "350602", "")
    longer = msgspec.msgpack.encode([*msgspec.structs.astuple(mine), {"more": 1}])
    signed = base64.urlsafe_b64encode(longer + receipts._mac(longer)).decode().rstrip("=")
    assert receipts.read(receipts.sign(mine)) == receipts.read(signed) == mine


@pytest.mark.long
def test_processes_of_this_release_and_of_the_one_before_count_one_crowd(tmp_path: Path) -> None:
    before = tmp_path / "before"
    archive = subprocess.run(["git", "archive", BEFORE], cwd=ROOT, capture_output=True, timeout=60, check=False)
    if archive.returncode:
        pytest.skip("this clone has no history: git fetch --unshallow")
    with tarfile.open(fileobj=BytesIO(archive.stdout)) as files:
        files.extractall(before, filter="data")
    os.symlink(ROOT / "assets" / "h5", before / "assets" / "h5")  # built pages are not in the history
    redis = RedisServer(tmp_path / "redis", find_redis_server(), "always", cluster=False)
    documents, uri = mongodb_child(tmp_path / "mongodb", tmp_path / "logs")
    deployment = Deployment(tmp_path / "host", redis_url=f"redis://127.0.0.1:{redis.port}", mongodb_uri=uri)
    deployment.roles = (("intake", 2), ("ledger", 2), ("web", 2))
    playing = None
    try:
        redis.start()
        documents.start()
        deployment.start(before)
        playing = Rehearsal(deployment, 4000, 2, "--posters", "0")
        playing.wait_for_the_crowd()
        for number in (0, 2, 4):  # one of each role is of this release from here on
            deployment.processes[number].root = ROOT
            deployment.processes[number].restart()
        assert playing.is_playing, "the crowd had gone before both releases were there"
        deployment.processes[0].root = before  # and one goes back
        deployment.processes[0].restart()
        report = playing.report(300)
        assert report["ok"], (report["examples"], report["refused"], report["audit"]["findings"])
        assert report["audit"]["participants"] == {"cells": 4000, "totals": 4000, "documents": 4000}
        for root in (ROOT, before):
            done = deployment.command("audit", report["campaign"], "--json", root=root)
            assert done.returncode == 0 and json.loads(done.stdout)["ok"], done.stderr
    finally:
        if playing is not None:
            playing.end()
        deployment.end()
        documents.stop()
        redis.end()
