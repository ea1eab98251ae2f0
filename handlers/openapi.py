"""The OpenAPI document, made from the URL table, the handlers' own code and the words in `handlers/openapi_words.py`.

What a machine can know comes from the code: paths and verbs from ROUTES, the request body from the
`self.body(Shape)` of the verb, schemas from msgspec. What only people know comes from WORDS. A test holds
the two together: no verb without words, no words without a verb.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterable
from typing import Any

import msgspec
import tornado.web

from handlers.openapi_shapes import Error
from handlers.openapi_words import AUTHORITIES, TAGS, WORDS, Words
from server.version import VERSION

VERBS = ("get", "post", "put", "patch", "delete")
REF = "#/components/schemas/{name}"

# The patterns of ROUTES, in the order in which they are tried, as names of path parameters.
PARAMETERS = (
    (r"([a-z0-9][a-z0-9-]{0,31})", "{slug}"),
    (r"(\d{15}:[0-9a-f]{32})", "{id}"),
    (r"([A-Za-z0-9]{1,16})", "{code}"),
    (r"([A-Za-z0-9]{1,64})", "{code}"),
    (r"(?:/.*)?", ""),
    (r"(.*)", "{path}"),
)
_BODY = re.compile(r"(?:self\.body\(|decode_body\(self\.request\.body,)\s*([A-Za-z_][A-Za-z0-9_.]*)\s*[,)]")


def template(pattern: str) -> str:
    """A route's regular expression as an OpenAPI path: /c/([a-z0-9]…) becomes /c/{slug}."""
    for regex, name in PARAMETERS:
        pattern = pattern.replace(regex, name)
    return pattern.replace("\\", "").rstrip("$")


def verbs_of(handler: type[Any]) -> dict[str, Any]:
    """The verbs that a handler answers, with their methods."""
    refused = tornado.web.RequestHandler._unimplemented_method
    found = {verb: getattr(handler, verb, refused) for verb in VERBS}
    return {verb: method for verb, method in found.items() if method is not refused}


def request_shape(method: Any, words: Words | None) -> type[Any] | None:
    """The Struct that a verb reads its JSON body into, found in its own code; WORDS names it where the code is elsewhere."""
    found = _BODY.search(inspect.getsource(method))
    if not found:
        return words.body if words else None
    value: Any = sys.modules[method.__module__]
    for part in found[1].split("."):
        value = getattr(value, part)
    return value if isinstance(value, type) else None


def document(routes: Iterable[tuple[str, type[Any]]], base_url: str = "") -> dict[str, Any]:
    """The whole OpenAPI 3.1 document."""
    operations = [(template(pattern), verb, handler, method)
                  for pattern, handler in routes for verb, method in verbs_of(handler).items()]
    shapes: dict[Any, None] = {Error: None}
    for path, verb, _, method in operations:
        words = WORDS.get((verb, path))
        found = [request_shape(method, words), *(answer.shape for answer in (words.answers.values() if words else ()))]
        shapes.update(dict.fromkeys(shape for shape in found if shape is not None))
    schemas, components = msgspec.json.schema_components(list(shapes), ref_template=REF)
    schema_of = dict(zip(shapes, schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for path, verb, handler, method in operations:
        words = WORDS.get((verb, path))
        if words is not None:
            paths.setdefault(path, {})[verb] = _operation(path, verb, handler, method, words, schema_of)
    return {
        "openapi": "3.1.0",
        "info": {"title": "文明 Wenming", "version": VERSION,
                 "description": "城市微信公众号后台：活动参与、计数、消息与页面。"
                                "时间一律为 ISO 8601 东八区；错误一律为 error.code、error.message。"},
        **({"servers": [{"url": base_url}]} if base_url else {}),
        "tags": [{"name": name, "description": text} for name, text in TAGS.items()],
        "paths": paths,
        "components": {"schemas": components, "securitySchemes": AUTHORITIES},
    }


def _operation(path: str, verb: str, handler: type[Any], method: Any, words: Words, schema_of: dict[Any, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {
        "operationId": f"{verb}_{handler.__module__.rpartition('.')[2]}_{handler.__name__}",
        "tags": [words.tag], "summary": words.text,
        "description": (method.__doc__ or handler.__doc__ or "").strip().partition("\n")[0],
        "parameters": [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
                       for name in re.findall(r"{(\w+)}", path)]
        + [{"name": name, "in": "query", "description": text, "schema": {"type": "string"}}
           for name, text in words.query.items()],
        "responses": {},
    }
    if words.needs:
        found["security"] = [{name: []} for name in words.needs]
    if (shape := request_shape(method, words)) is not None:
        found["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema_of[shape]}}}
    for status, answer in words.answers.items():
        response: dict[str, Any] = {"description": answer.text}
        if answer.shape is not None:
            response["content"] = {"application/json": {"schema": schema_of[answer.shape]}}
        elif answer.media:
            response["content"] = {answer.media: {"schema": {"type": "string"}}}
        found["responses"][str(status)] = response
    for status, codes in words.refusals.items():
        found["responses"][str(status)] = {
            "description": " · ".join(codes), "content": {"application/json": {"schema": schema_of[Error]}}}
    return found
