"""Deletion in the running product: nothing of the person is left, searched for byte by byte; totals and audit stand."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from pathlib import Path

import pymongo
import pytest
import redis

from tests.product import Product

pytestmark = pytest.mark.timeout(180)
BASE = "/api/v1/campaigns/salute-the-flag"


def ask(method: str, url: str, body: object = None, token: str = "") -> tuple[int, bytes]:
    """Status and body of a request."""
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=15) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def everything_kept(product: Product) -> dict[str, bytes]:
    """Every byte that the product keeps: its files, every document, every Redis value. Not the simulated WeChat's own memory."""
    kept = {}
    for path in product.folder.rglob("*"):
        if path.is_file() and "sandbox" not in path.relative_to(product.folder).as_posix():
            kept[str(path)] = path.read_bytes()
    with pymongo.MongoClient(product.run["mongodb_uri"]) as client:
        database = client.get_default_database()
        for name in database.list_collection_names():
            kept[f"mongodb {name}"] = repr(list(database[name].find())).encode()
    store = redis.Redis.from_url(product.run["redis_url"])
    for key in store.scan_iter():
        kept[f"redis {key!r}"] = key + (store.dump(key) or b"")
    store.close()
    return kept


@pytest.fixture
def product(tmp_path: Path):
    made = Product(tmp_path / "data", WENMING_LOG_LEVEL="DEBUG")
    made.start()
    yield made
    if made.process is not None and made.process.poll() is None:
        made.kill()


def test_nothing_of_the_person_is_left_and_totals_and_audit_stand(product: Product) -> None:
    web, sandbox = f"http://127.0.0.1:{product.web}", f"http://127.0.0.1:{product.sandbox}"
    citizen = json.loads(ask("POST", f"{sandbox}/sandbox/citizens", {"nickname": "王小红独一无二"})[1])
    openid, unionid = citizen["openid"], citizen["unionid"]
    for text in ("敬礼", "我的"):
        while not json.loads(ask("POST", f"{sandbox}/sandbox/messages", {"openid": openid, "text": text})[1])["reply"]:
            time.sleep(0.5)  # the counters of a product that has just started may not be open yet
    code = json.loads(ask("POST", f"{sandbox}/sandbox/login", {"openid": openid})[1])["code"]
    token = json.loads(ask("POST", f"{web}/api/v1/session/miniprogram", {"code": code})[1])["token"]
    status, body = ask("POST", f"{web}{BASE}/participations", {"activity": "salute", "region": "350602"}, token)
    assert status == 201
    assert ask("POST", f"{web}{BASE}/messages", {"preset": "salute"}, token)[0] == 201
    (public,) = json.loads(ask("GET", f"{web}{BASE}/messages")[1])["items"]
    report = {"kind": "message", "id": public["id"], "reason": "other", "words": "举报时写下的独特的话"}
    assert ask("POST", f"{web}{BASE}/complaints", report, token)[0] == 201
    assert ask("GET", f"{web}{BASE}/posters/me.jpg", token=token)[0] == 200
    code = json.loads(ask("POST", f"{sandbox}/sandbox/phone-code", {"openid": openid})[1])["code"]
    assert ask("POST", f"{web}/api/v1/citizens/me/phone", {"code": code}, token)[0] == 201

    assert ask("DELETE", f"{web}/api/v1/citizens/me", token=token)[0] == 204
    status, body = ask("POST", f"{web}{BASE}/participations", {"activity": "salute", "region": "350602"}, token)
    assert (status, json.loads(body)["error"]["code"]) == (401, "TOKEN_INVALID")
    assert ask("GET", f"{web}{BASE}/posters/me.jpg", token=token)[0] == 401
    time.sleep(12)  # deletion looks again after 5 s, for what other processes took meanwhile; its job comes each 5 s

    kept = everything_kept(product)
    assert any("redis" in name for name in kept) and any("server.log" in name for name in kept)
    for secret in (openid, unionid, "王小红独一无二", "举报时写下的独特的话", token):
        found = [name for name, data in kept.items() if secret.encode() in data]
        assert found == [], f"{secret} is still in {found}"
    assert b"salute-the-flag:all:" not in kept.get("mongodb messages", b"")
    assert kept["mongodb phones"] == b"[]"
    assert json.loads(ask("GET", f"{web}{BASE}/counters")[1])["participants"] == 1
    report = product.audit()
    assert report["ok"] and report["participants"]["documents"] == 1
