"""The plan beside a small rehearsal: what both say of bytes and documents. Times are the machine's and are compared by nobody here."""

from __future__ import annotations

import json
import time

import bson
import pytest
from pymongo import MongoClient

from server.clock import shanghai
from server.counting.cells import CELLS_PER_PAGE
from server.plan import Asked, figures, plan
from tests.bench.bench_plan.doors import Connection, counters
from tests.bench.bench_rehearsed import LEAST_PEOPLE, for_plan, made_on
from tests.product import Product

pytestmark = pytest.mark.timeout(170)
PEOPLE, SLUG = 5000, "salute-the-flag"
# A page of cells is a string of its own, for which Redis takes the next size of its allocator.
PAGE_IN_REDIS = 65_536


@pytest.fixture
def product(tmp_path):
    made = Product(tmp_path / "data")
    made.start()
    yield made
    if made.process is not None:
        made.end()


def test_bytes_and_documents_of_a_rehearsal_are_those_of_the_plan(product):
    out = product.folder.parent / "report"
    done = product.command("rehearse", "--participants", str(PEOPLE), "--minutes", "0.2", "--posters", "0", "--out", str(out))
    assert done.returncode == 0, done.stderr
    report = json.loads((out / "report.json").read_text("utf-8"))
    assert for_plan({**report, "participants": LEAST_PEOPLE}).keys() >= {"rehearsed_people", "rehearsed_per_second", "process_mb"}
    assert made_on(report) == shanghai(int(time.time())).date()
    sheet = plan(Asked(PEOPLE), figures.read())
    # Whole pages are kept, so that a small campaign has up to two of them more than its people fill.
    pages = report["memory"]["array"] / PAGE_IN_REDIS
    assert -(-PEOPLE // CELLS_PER_PAGE) <= pages < PEOPLE / CELLS_PER_PAGE + 2.1
    assert sheet.figures("array_bytes") == pytest.approx(PAGE_IN_REDIS / CELLS_PER_PAGE, rel=0.01)
    if report["highest"]["backlog"] > 500:  # else a single entry's room outweighs
        each = report["highest"]["journal_bytes"] / report["highest"]["backlog"]
        assert sheet.figures("journal_bytes") / 3 < each < sheet.figures("journal_bytes") * 10
    with MongoClient(product.run["mongodb_uri"]) as client:
        stored = client.get_default_database("wenming")["participations"]
        documents = list(stored.find({"campaign": report["campaign"]}))
    assert len(documents) == sheet["documents"] == report["audit"]["participants"]["documents"]
    sizes = [len(bson.encode(document)) for document in documents]
    assert sum(sizes) / PEOPLE == pytest.approx(sheet.figures("document_bytes"), rel=0.1)
    keys = [len(document["_id"]) + len(document["pos"]) for document in documents]
    assert sum(keys) / PEOPLE == pytest.approx(sheet.figures("keys_bytes"), rel=0.2)


def test_a_salute_and_a_page_weigh_on_the_wire_what_the_plan_says(product):
    [token], planned = product.tokens(1), figures.read()
    door, web = Connection(product.intake), Connection(product.web)
    try:
        body = json.dumps({"activity": "salute", "region": "350602"}).encode()
        status, _, sent, received = door.ask("POST", f"/api/v1/campaigns/{SLUG}/participations", token, body)
        assert status == 201
        assert sent == pytest.approx(planned("salute_in_bytes"), rel=0.05)
        assert received == pytest.approx(planned("salute_out_bytes"), rel=0.05)
        assert web.ask("GET", f"/c/{SLUG}")[3] == pytest.approx(planned("html_bytes"), rel=0.1)
        assert counters(web)["counters_bytes"] == pytest.approx(planned("counters_bytes"), rel=0.02)
    finally:
        door.close()
        web.close()
