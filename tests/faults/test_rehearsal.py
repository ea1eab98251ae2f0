"""A small rehearsal against the whole product: what it proves, what it reports, and that it does not praise what is broken."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
import urllib.request

import pytest
import redis
from pymongo import MongoClient

from tests.product import ROOT, Product

pytestmark = pytest.mark.timeout(170)
PEOPLE = 3000


@pytest.fixture
def product(tmp_path):
    made = Product(tmp_path / "data")
    made.start()
    yield made
    if made.process is not None:
        made.end()


def rehearse(product: Product, *words: str) -> tuple[int, dict]:
    out = product.folder.parent / "report"
    done = product.command("rehearse", "--participants", str(PEOPLE), "--minutes", "0.15", "--posters", "0.5%", "--out", str(out), *words)
    assert (out / "report.json").exists(), done.stderr
    assert "<svg" in (out / "report.html").read_text("utf-8")
    assert not list(out.glob("receipts*"))
    return done.returncode, json.loads((out / "report.json").read_text("utf-8"))


def test_a_week_without_harm_is_proved_and_a_lie_is_seen(product):
    status, report = rehearse(product)
    assert status == 0 and report["ok"], report["examples"] + report["audit"]["findings"]
    assert report["audit"]["participants"] == {"cells": PEOPLE, "totals": PEOPLE, "documents": PEOPLE}
    answers = report["answers"]
    # Exactly one first answer each; a second visit may overtake the first tap, so it counts whichever door the 201 came through.
    assert answers["salute 201"] + answers.get("again 201", 0) == PEOPLE
    assert answers["salute 200"] > PEOPLE / 20 and answers["again 200"] > PEOPLE / 20
    assert report["opened"]["page"] > 0 and report["opened"]["counters"] > 0 and report["opened"]["poster"] > 0
    assert report["highest"]["server_rss"] and report["highest"]["redis_rss"] and report["cpu_seconds"]["server"]
    assert report["redis"]["appendfsync"] == "always" and report["product"]["version"]
    assert (report["lost"], report["doubled"], report["told_two_things"], report["refused"]) == (0, 0, 0, {})

    # It is in no public list, and a cell that lies, which no code of ours makes, is seen by its proof.
    with urllib.request.urlopen(f"http://127.0.0.1:{product.web}/api/v1/campaigns", timeout=10) as answer:
        slugs = [item["slug"] for item in json.load(answer)["items"]]
    assert report["campaign"] not in slugs and "salute-the-flag" in slugs
    client = redis.Redis.from_url(product.run["redis_url"])
    [page, *_] = sorted(client.scan_iter(f"count:*{report['campaign']}*:page:*"))
    first = next(n for n in range(4096) if client.getrange(page, n * 14, n * 14 + 3) != b"\0\0\0\0")
    client.setrange(page, first * 14, b"\0\0\x7f\xff")
    done = product.command("audit", report["campaign"], "--json")
    assert done.returncode == 1 and json.loads(done.stdout)["findings"]


@pytest.mark.parametrize("kind", [pytest.param("redis", marks=pytest.mark.long), pytest.param("store", marks=pytest.mark.long), "server"])
def test_a_week_with_kills(product, kind):
    status, report = rehearse(product, "--kill", kind, "--every", "4s", "--posters", "0")
    assert report["killed_at"] and report["wait_ms"]["longest"] >= report["wait_ms"]["p50"]
    assert status == 0 and report["ok"], report["examples"] + report["audit"]["findings"]


@pytest.mark.parametrize("ask", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_week_leaves_no_open_campaign_and_no_receipts(product, ask):
    out = product.folder.parent / "report"
    words = [sys.executable, "-m", "server", "rehearse", "--participants", "20000", "--minutes", "5", "--out", str(out)]
    playing = subprocess.Popen(words, cwd=ROOT, env=product.environ, stderr=subprocess.PIPE, text=True)
    try:
        while not (out / "receipts").exists():
            assert playing.poll() is None, playing.stderr.read()
            time.sleep(0.1)
        time.sleep(1)
        playing.send_signal(ask)
        _, said = playing.communicate(timeout=30)
    finally:
        playing.kill()
        playing.communicate()
    assert playing.returncode == 130 and "已中断" in said and "Traceback" not in said
    assert not out.exists()
    with MongoClient(product.run["mongodb_uri"]) as client:
        assert [c["state"] for c in client.get_default_database("wenming")["campaigns"].find({"rehearsal": True})] == ["frozen"]


def test_nothing_to_kill_is_said_before_anybody_comes(product, monkeypatch):
    elsewhere = {"WENMING_REDIS_URL": product.run["redis_url"], "WENMING_MONGODB_URI": product.run["mongodb_uri"],
                 "WENMING_DATA_DIR": str(product.folder.parent / "elsewhere")}
    done = subprocess.run([sys.executable, "-m", "server", "rehearse", "--participants", "10", "--kill", "redis"], cwd=ROOT,
                          env=product.environ | elsewhere, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2 and "无从强制结束" in done.stderr and "Traceback" not in done.stderr


def test_without_a_product_it_says_so(tmp_path):
    lonely = Product(tmp_path / "data")
    done = lonely.command("rehearse", "--participants", "10")
    assert done.returncode == 2 and "make run" in done.stderr and "Traceback" not in done.stderr
