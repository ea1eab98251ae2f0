"""/openapi.json and /docs say what the URL table does, no more and no less."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
import tornado.web

import handlers
from handlers import docs
from handlers.openapi import document, request_shape, template, verbs_of
from handlers.openapi_terms import CITIZEN, TAGS
from handlers.openapi_words import WORDS

ROOT = Path(__file__).resolve().parents[2]
ROUTED = {(verb, template(pattern)) for pattern, handler in handlers.ROUTES for verb in verbs_of(handler)}


@pytest.fixture
def app() -> tornado.web.Application:
    return tornado.web.Application([("/openapi.json", docs.OpenApi), ("/docs", docs.Page)], base_url="http://127.0.0.1:8888")


def test_every_verb_has_words() -> None:
    assert sorted(ROUTED - set(WORDS)) == []


def test_every_word_has_its_verb() -> None:
    assert sorted(set(WORDS) - ROUTED) == []


def test_every_path_and_verb_is_in_the_document() -> None:
    paths = document(handlers.ROUTES)["paths"]
    assert {(verb, path) for path, item in paths.items() for verb in item} == ROUTED


def test_templates_have_no_regular_expression_left() -> None:
    for pattern, _ in handlers.ROUTES:
        path = template(pattern)
        assert re.fullmatch(r"/[A-Za-z0-9_./{}-]*", path), path
        assert len(re.findall(r"{", path)) == len(re.findall(r"\((?!\?)", pattern)), path


def test_operations_are_whole() -> None:
    described = document(handlers.ROUTES)
    schemas = described["components"]["schemas"]
    names = set()
    for path, item in described["paths"].items():
        for verb, words in item.items():
            where = f"{verb} {path}"
            names.add(words["operationId"])
            assert words["description"], f"{where} needs a docstring: its first line goes into the document"
            assert re.search(r"[\u4e00-\u9fff]", words["summary"]), where
            assert set(words["tags"]) <= set(TAGS), where
            assert any(int(status) < 400 for status in words["responses"]), where
            for name in re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(words)):
                assert name in schemas, f"{where}: {name}"
            if "requestBody" in words:
                assert verb in ("post", "put", "patch", "delete"), where
    assert len(names) == len(ROUTED), "operationIds must differ"


def test_bodies_come_from_the_handlers_own_code() -> None:
    shapes = {(verb, template(pattern)): request_shape(method, WORDS[verb, template(pattern)])
              for pattern, handler in handlers.ROUTES for verb, method in verbs_of(handler).items()}
    assert shapes["post", "/api/v1/session/miniprogram"] is not None
    found = shapes["post", "/api/v1/campaigns/{slug}/participations"]
    assert found is not None
    assert issubclass(found, msgspec.Struct)
    assert {"activity", "region", "unit", "receipt"} <= {field.encode_name for field in msgspec.structs.fields(found)}


def test_every_refusal_that_is_named_is_raised_somewhere() -> None:
    source = "".join(path.read_text("utf-8") for folder in ("server", "handlers") for path in (ROOT / folder).rglob("*.py")
                     if not path.name.startswith("openapi_"))
    named = {code for words in WORDS.values() for codes in words.refusals.values() for code in codes}
    assert sorted(code for code in named if f'"{code}"' not in source) == []


def test_who_of_the_staff_may_ask_is_said_as_the_code_has_it() -> None:
    paths = document(handlers.ROUTES)["paths"]
    assert paths["/api/v1/staff/accounts/{appid}/menus"]["post"]["x-roles"] == "编辑、管理员"
    assert paths["/api/v1/staff/accounts"]["get"]["x-roles"] == "所有工作人员"
    assert "x-roles" not in paths["/api/v1/campaigns"]["get"]
    assert any("X-CSRF-Token" in tag["description"] for tag in document(handlers.ROUTES)["tags"])


def test_citizens_verbs_name_both_ways_to_sign_in() -> None:
    words = document(handlers.ROUTES)["paths"]["/api/v1/campaigns/{slug}/participations"]["post"]
    assert words["security"] == [{name: []} for name in CITIZEN]
    for status in ("200", "201", "401", "403", "404", "409", "413", "422", "503"):
        assert status in words["responses"]


@pytest.mark.gen_test
async def test_the_document_is_served(http_server: Any, http_client: Any, base_url: str) -> None:
    answer = await http_client.fetch(base_url + "/openapi.json")
    body = json.loads(answer.body)
    assert body["openapi"].startswith("3.1")
    assert body["servers"] == [{"url": "http://127.0.0.1:8888"}]
    assert len(body["paths"]) == len({path for _, path in ROUTED})


@pytest.mark.gen_test
async def test_the_page_stands_alone(http_server: Any, http_client: Any, base_url: str) -> None:
    answer = await http_client.fetch(base_url + "/docs")
    html = answer.body.decode()
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert not re.search(r'<script|src=|<link|(?:href|action)="https?:|url\(|@import', html)  # addresses stand in examples, as text
    assert '<html lang="zh-CN">' in html
    for _, path in ROUTED:
        assert f"<code>{path}</code>" in html


def test_every_body_has_an_example_and_every_change_of_staff_names_the_csrf_header() -> None:
    for path, item in document(handlers.ROUTES)["paths"].items():
        for verb, words in item.items():
            if "requestBody" in words:
                assert words["requestBody"]["content"]["application/json"]["example"], f"{verb} {path}"
            named = [one["name"] for one in words["parameters"] if one["in"] == "header"]
            needs = verb != "get" and words.get("security") == [{"staffCookie": []}]
            assert named == (["X-CSRF-Token"] if needs else []), f"{verb} {path}"


def test_what_goes_on_to_the_platform_names_what_it_may_be_refused_with() -> None:
    paths = document(handlers.ROUTES)["paths"]
    asks = paths["/api/v1/staff/accounts/{appid}/menus/held"]["put"]["responses"]
    for status, code in (("403", "WECHAT_NOT_PERMITTED"), ("502", "WECHAT_REFUSED"), ("503", "WECHAT_QUOTA_SPENT"), ("503", "WECHAT_BUSY")):
        assert code in asks[status]["description"]
    assert "502" not in paths["/api/v1/staff/accounts/{appid}/menus"]["get"]["responses"]
