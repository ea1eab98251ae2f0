"""Every route of the URL table refuses bad input in the one shape, and never with a 500.

Nothing is left out: a route whose address cannot be made from SAMPLES fails here until a sample is added.
"""

from __future__ import annotations

import json
import re

import pytest

from handlers import ROUTES
from tests.app_world import SLUG

pytestmark = [pytest.mark.gen_test(timeout=120), pytest.mark.timeout(150)]

# What stands for each group of a route's pattern: one that may exist and one that does not.
SAMPLES = {
    r"([a-z0-9][a-z0-9-]{0,31})": (SLUG, "no-such-campaign"),
    r"([a-z][a-z0-9_.-]{1,31})": ("admin", "nobody"),
    r"([A-Za-z0-9_-]{43})": ("t" * 43, "-" * 43),
    r"([0-9]{1,8})": ("1", "99999999"),
    r"([0-9]{1,9})": ("2", "999999999"),
    r"([0-9]{1,10})": ("1", "9999999999"),
    r"([A-Za-z0-9]{1,64})": ("abc123", "zzz"),
    r"([A-Za-z0-9]{1,16})": ("abc123", "zzz"),
    r"(\d{15}:[0-9a-f]{32})": ("000000000000001:" + "0" * 32, "999999999999999:" + "f" * 32),
    r"([0-9a-f]{8}-[0-9a-f]{8}-[0-9a-f]{8})": ("61725984-6126f6f9-040f19c4", "00000000-00000000-00000000"),
    r"([0-9a-f]{16})": ("0" * 16, "f" * 16),
    r"([a-z0-9][a-z0-9-]{0,31}-[0-9]{4}-[0-9]{4,6})": (f"{SLUG}-2026-0001", "nothing-2026-9999"),
    r"([A-Za-z0-9][A-Za-z0-9_-]{0,31})": ("school-1", "nowhere"),
    r"([a-z][1-6]?-[0-9]{1,2})": ("p3-2", "z6-0"),
    r"([a-z2-9]{10})": ("abcdefghij", "zzzzzzzzzz"),
    r"([a-z]{1,16})": ("units", "nothing"),
    r"([a-z]{1,12})": ("message", "nothing"),
    r"([a-z_]{3,20})": ("slow_mode", "nothing"),
    r"([0-9a-f]{32})": ("0" * 32, "f" * 32),
    r"([a-z][a-z0-9_]{1,23})": ("shards", "nothing"),
    r"([0-9a-f]{12})": ("0" * 12, "f" * 12),
    r"(zip|html)": ("zip", "html"),
    r"(csv|txt)": ("csv", "txt"),
    r"([0-9a-f]{64})": ("0" * 64, "f" * 64),
    r"(jpg|png|mp4|mp3)": ("jpg", "mp4"),
    r"([A-Za-z0-9_-]{1,64})": ("school-1", "nobody"),
    r"([A-Za-z0-9_-]{1,128})": ("picture-1", "nothing"),
    r"([A-Za-z0-9_-]{1,32})": ("wxsandboxminiprog", "wxnobody"),
    r"(official|miniprogram)": ("official", "miniprogram"),
    r"([A-Za-z0-9_~-]{1,32})": ("school~1", "no~body"),
    r"(?:/.*)?": ("", "/somewhere"),
    r"(.*)": ("flag.svg", "../settings.py"),
}
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")
BODIES = {
    "nothing": b"",
    "no JSON": b"not json {",
    "no UTF-8": b'{"activity": "\xff\xfe"}',
    "a list": b"[]",
    "a number": b"1",
    "unknown fields": b'{"unknown": 1}',
    "wrong types": json.dumps(dict.fromkeys(("activity", "region", "unit", "receipt", "code", "preset", "name", "message", "password",
                                             "state", "kind", "csv", "approve", "citizen", "reason", "slug", "title"), [1])).encode(),
    "deep": b"[" * 4000 + b"]" * 4000,
    "deep in a field": b'{"a":' * 1300 + b"1" + b"}" * 1300,
    "entities": b'<!DOCTYPE x [<!ENTITY a "b">]><xml><MsgType>&a;</MsgType></xml>',
    "too much": b'{"activity": "' + b"a" * 9000 + b'"}',
}
HEADERS: dict[str, dict[str, str]] = {
    "nobody": {},
    "a bad token": {"Authorization": "Bearer nonsense"},
    "a broken token and cookies": {"Authorization": "nonsense", "Cookie": "wenming_citizen=\"; wenming_staff=x; ="},
}
QUERIES = ("", "?cursor=%00%ff&region=%27&period=../..&from=x&to=y&next=//evil.example&code=&state=&url=javascript:1&signature=0&nonce=0",
           "?" + "&".join(f"{name}=%C2%B2" for name in ("cursor", "rev", "number", "width", "timestamp", "limit", "after", "day")))
CHINESE = re.compile(r"[一-鿿]")


def addresses(pattern: str) -> list[str]:
    """Addresses that the pattern serves: with samples that may exist, and with some that do not."""
    made = []
    for which in (0, 1):
        path = pattern
        for group, samples in SAMPLES.items():
            path = path.replace(group, samples[which])
        path = path.replace("\\.", ".")
        assert re.fullmatch(pattern, path), f"add a sample for {pattern}"
        made.append(path)
    return list(dict.fromkeys(made))


def check(response, what: str) -> None:
    """A refusal has the one shape; success and redirects have their own."""
    assert response.code != 599, f"{what}: no answer: {response.error}"
    assert response.code < 500 or response.code == 503, f"{what}: {response.code} {response.body[:300]!r}"
    if response.code < 400 or response.effective_url is None or response.request.method == "HEAD":
        return
    assert response.headers["Content-Type"].startswith("application/json"), f"{what}: {response.headers['Content-Type']}"
    body = json.loads(response.body)
    assert set(body) == {"error"}, what
    assert {"code", "message", "request_id"} <= set(body["error"]) <= {"code", "message", "request_id", "field"}, what
    assert re.fullmatch(r"[A-Z][A-Z_]+", body["error"]["code"]), f"{what}: {body}"
    assert CHINESE.search(body["error"]["message"]), f"{what}: {body}"
    assert re.fullmatch(r"[0-9a-f]{16}", body["error"]["request_id"]), f"{what}: {body}"
    if response.code == 503:
        assert int(response.headers["Retry-After"]) > 0, what


@pytest.mark.parametrize("pattern", [pattern for pattern, *_ in ROUTES])
async def test_a_route_refuses_in_one_shape(app, pattern):
    for path in addresses(pattern):
        for method in METHODS:
            bodies = BODIES if method in ("POST", "PUT", "PATCH") else {"nothing": None}
            for named, body in bodies.items():
                check(await app.fetch(path, method, body), f"{method} {path} with {named}")
        for who, headers in HEADERS.items():
            for query in QUERIES:
                check(await app.fetch(path + query, **headers), f"GET {path}{query} as {who}")
                check(await app.fetch(path + query, "POST", b"{}", **headers), f"POST {path}{query} as {who}")


async def test_no_route_is_a_404_in_the_same_shape(app):
    for path in ("/nothing", "/api/v1/nothing", "/api/v1/campaigns/UPPER", "/c/", "/.env", "/static/../settings.py", "/%00"):
        response = await app.fetch(path)
        assert response.code == 404, path
        check(response, path)
