"""What is wrong with a body is said with its field and its rule, on every route that takes one."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import pytest
from msgspec import inspect

import handlers
from handlers.base import decode_body
from handlers.openapi import request_shape, template, verbs_of
from handlers.openapi_examples import _value, example
from handlers.openapi_words import WORDS
from server.errors import BodyTooLarge, InvalidBody
from tests.handlers.civic_app import CivicApp
from tests.test_error_shape import addresses

ROOT = Path(__file__).resolve().parents[2]
BARE = InvalidBody.message
CHINESE = re.compile(r"[一-鿿]")
BODIES = {(verb, template(pattern)): shape for pattern, handler in handlers.ROUTES for verb, method in verbs_of(handler).items()
          if (shape := request_shape(method, WORDS.get((verb, template(pattern))))) is not None}


class Word(msgspec.Struct, forbid_unknown_fields=True):
    text: Annotated[str, msgspec.Meta(min_length=2, max_length=4)]
    kind: Literal["block", "review"] = "block"


class Shape(msgspec.Struct):
    number: Annotated[int, msgspec.Meta(ge=1, le=7)]
    words: Annotated[list[Word], msgspec.Meta(max_length=2)] = []
    by_name: dict[str, int] = {}
    at: Annotated[datetime, msgspec.Meta(tz=True)] | None = None
    code: Annotated[str, msgspec.Meta(pattern="^[a-z]+$")] = "a"
    pair: tuple[float, float] = (0.5, 0.5)
    level: Literal[1, 2] | None = None


def refusal(body: Any, shape: Any = Shape) -> InvalidBody:
    with pytest.raises(InvalidBody) as raised:
        decode_body(body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode(), shape)
    return raised.value


class TestOneFinding:
    @pytest.mark.parametrize(("body", "field", "words"), [
        ({}, "number", "必须填写"), ({"number": "x"}, "number", "应为整数，收到的是文字"), ({"number": 0}, "number", "不能小于 1"),
        ({"number": 8}, "number", "不能大于 7"), ({"number": None}, "number", "收到的是null"),
        ({"number": 1, "words": [{"text": "长长长长长"}]}, "words.0.text", "最多 4 字"),
        ({"number": 1, "words": [{"text": "长"}]}, "words.0.text", "至少 2 字"),
        ({"number": 1, "words": [{"text": "国旗", "kind": "perhaps"}]}, "words.0.kind", "只能是 block、review 之一，收到的是 'perhaps'"),
        ({"number": 1, "words": [{"text": "国旗", "kind": 7}]}, "words.0.kind", "block、review"),
        ({"number": 1, "words": [{"text": "国旗", "id": 7}]}, "words.0.id", "可以填写的有：text、kind"),
        ({"number": 1, "words": [{}]}, "words.0.text", "必须填写"), ({"number": 1, "words": [{"text": "国旗"}] * 3}, "words", "最多 2 项"),
        ({"number": 1, "by_name": {"甲": "x"}}, "by_name", "应为整数"), ({"number": 1, "at": "2026-10-01T08:00:00"}, "at", "时区"),
        ({"number": 1, "at": "明天"}, "at", "2026-10-01T08:00:00+08:00"), ({"number": 1, "at": 7}, "at", "应为时间"),
        ({"number": 1, "code": "7"}, "code", "^[a-z]+$"), ({"number": 1, "pair": [1]}, "pair", "应为 2 项"),
        ({"number": 1, "level": 3}, "level", "只能是 1、2 之一"), ([], None, "正文 应为对象")])
    def test_it_names_the_field_and_the_rule(self, body, field, words):
        found = refusal(body)
        assert found.field == field and words in found.message

    @pytest.mark.parametrize(("body", "words"), [
        (b"", "没有正文"), (b"  ", "没有正文"), (b"{", "不是完整的 JSON"), (b"{a: 1}", "不是有效的 JSON"), (b'{"number": 1,}', "JSON"),
        (b'{"code": "\xff"}', "UTF-8"), (b'{"x":' * 1300 + b"1" + b"}" * 1300, "嵌套太深")])
    def test_what_is_no_json_is_told_apart(self, body, words):
        assert words in refusal(body).message

    def test_one_that_is_too_large_says_how_large_it_may_be(self):
        with pytest.raises(BodyTooLarge) as raised:
            decode_body(b" " * 9000, Shape)
        assert "8 KB" in raised.value.message


def wrong_bodies(shape: Any, right: dict[str, Any]) -> list[tuple[str, Any]]:
    """Bodies that differ from a right one in one place: each field of a wrong type, each needed one left out."""
    made: list[tuple[str, Any]] = []
    kind = inspect.type_info(shape)
    assert isinstance(kind, (inspect.StructType, inspect.DataclassType))
    for field in kind.fields:
        if isinstance(field.type, inspect.AnyType):
            continue
        wrong: Any = [[7]] if not isinstance(field.type, (inspect.ListType, inspect.VarTupleType)) else 7
        made.append((field.encode_name, {**copy.deepcopy(right), field.encode_name: wrong}))
        if field.required:
            made.append((field.encode_name, {name: value for name, value in right.items() if name != field.encode_name}))
    if isinstance(kind, inspect.StructType) and kind.forbid_unknown_fields:
        made.append(("surprise", {**right, "surprise": 1}))
    return made


def bodies_with(number: int, kind: inspect.Type, right: dict[str, Any] | None = None, depth: int = 0) -> Iterator[Any]:
    """Values of a kind with this number in one of the places that take a whole number, or anything."""
    if isinstance(kind, inspect.Metadata):
        yield from bodies_with(number, kind.type, None, depth)
    elif isinstance(kind, inspect.UnionType):
        for one in kind.types:
            yield from bodies_with(number, one, None, depth)
    elif isinstance(kind, inspect.IntType):
        yield number
    elif isinstance(kind, inspect.AnyType):
        yield {"a": [number]}
    elif isinstance(kind, (inspect.StructType, inspect.DataclassType)) and depth < 4:
        rest = _value(kind, "", 0) if right is None else right
        for field in kind.fields:
            for inner in bodies_with(number, field.type, None, depth + 1):
                yield {**copy.deepcopy(rest), field.encode_name: inner}
    elif isinstance(kind, inspect.DictType):
        yield from ({"a": inner} for inner in bodies_with(number, kind.value_type, None, depth))
    elif isinstance(kind, (inspect.ListType, inspect.VarTupleType)):
        yield from ([inner] for inner in bodies_with(number, kind.item_type, None, depth))


class TestNumbersThatNoStoreTakes:
    @pytest.mark.parametrize("number", [2**63, 2**70, -2**63 - 1, 2**53 + 1])
    @pytest.mark.parametrize(("verb", "path"), BODIES)
    def test_no_body_takes_one_in_any_place(self, verb, path, number):
        shape = BODIES[verb, path]
        for body in bodies_with(number, inspect.type_info(shape), example(verb, path, shape)):
            assert refusal(body, shape).field, f"{verb} {path} {body}"

    def test_they_are_found_in_what_nobody_asked_for_and_at_any_depth(self):
        assert refusal({"number": 1, "more": [{"deep": 2**63}]}).field == "more.0.deep"
        assert "太大" in refusal({"number": 1, "by_name": {"甲": 2**63}}).message
        assert refusal(b'{"number": 1, "more": 1' + b"0" * 5000 + b"}").message
        assert refusal(b'{"number": 1, "more": ' + b"[" * 900 + b"1" * 20 + b"]" * 900 + b"}").message

    def test_digits_in_words_and_what_a_browser_holds_are_taken(self):
        taken = decode_body(json.dumps({"number": 1, "by_name": {"9" * 30: 2**53, "b": -2**53}}).encode(), Shape)
        assert sorted(taken.by_name.values()) == [-2**53, 2**53]


@pytest.mark.gen_test(timeout=120)
async def test_no_staff_route_answers_such_a_number_with_a_500(io_loop, stores, tmp_path):
    app = await CivicApp(stores, tmp_path).open()
    desk, told = await app.desk("admin"), {}
    for pattern, handler in handlers.ROUTES:
        path = template(pattern)
        for verb in verbs_of(handler) if path.startswith("/api/v1/staff/") else ():
            shape = BODIES.get((verb, path))
            for body in bodies_with(2**63, inspect.type_info(shape), example(verb, path, shape)) if shape else ():
                told[verb, path, str(body)] = (await desk.ask(addresses(pattern)[0], body, method=verb.upper())).code
    await app.close()
    assert len(told) > 30 and {what: code for what, code in told.items() if not 400 <= code < 500} == {}


class TestEveryRoute:
    @pytest.mark.parametrize(("verb", "path"), BODIES)
    def test_the_example_of_the_document_is_taken(self, verb, path):
        shape = BODIES[verb, path]
        decode_body(msgspec.json.encode(example(verb, path, shape)), shape, 1 << 20)

    @pytest.mark.parametrize(("verb", "path"), BODIES)
    def test_a_wrong_body_is_refused_with_field_and_rule(self, verb, path):
        shape = BODIES[verb, path]
        for field, body in wrong_bodies(shape, example(verb, path, shape)):
            found = refusal(body, shape)
            assert found.field and found.field.split(".")[0] == field, f"{verb} {path} {body}: {found.field}"
            assert CHINESE.search(found.message) and BARE not in found.message and field in found.message, found.message


def test_no_refusal_of_a_body_is_without_its_rule():
    bare = [f"{path.relative_to(ROOT)}:{n}" for folder in ("server", "handlers") for path in (ROOT / folder).rglob("*.py")
            for n, line in enumerate(path.read_text("utf-8").splitlines(), 1) if re.search(r"InvalidBody\((field=[^)]*)?\)", line)]
    assert bare == [], "say which rule was broken"
