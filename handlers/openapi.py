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

from handlers.openapi_examples import example
from handlers.openapi_shapes import Error
from handlers.openapi_terms import AUTHORITIES, STAFF, TAGS, Words
from handlers.openapi_words import WORDS
from server.version import VERSION

VERBS = ("get", "post", "put", "patch", "delete")
REF = "#/components/schemas/{name}"

# The patterns of ROUTES, in the order in which they are tried, as names of path parameters.
PARAMETERS = (
    (r"([a-z0-9][a-z0-9-]{0,31})", "{slug}"),
    (r"(\d{15}:[0-9a-f]{32})", "{id}"),
    (r"([0-9a-f]{8}-[0-9a-f]{8}-[0-9a-f]{8})", "{rid}"),
    (r"([0-9a-f]{16})", "{id}"),
    (r"([a-z0-9][a-z0-9-]{0,31}-[0-9]{4}-[0-9]{4,6})", "{number}"),
    (r"([A-Za-z0-9][A-Za-z0-9_-]{0,31})", "{unit}"),
    (r"([a-z][1-6]?-[0-9]{1,2})", "{class}"),
    (r"([a-z][a-z0-9_]{1,23})", "{part}"),
    (r"([0-9a-f]{12})", "{id}"),
    (r"([a-z2-9]{10})", "{link}"),
    (r"([a-z]{1,16})", "{table}"),
    (r"([a-z]{1,12})", "{kind}"),
    (r"([a-z_]{3,20})", "{switch}"),
    (r"([a-z][a-z0-9_.-]{1,31})", "{name}"),
    (r"([A-Za-z0-9_-]{43})", "{ticket}"),
    (r"([0-9]{1,8})", "{number}"),
    (r"([0-9a-f]{32})", "{id}"),
    (r"([0-9a-f]{64})", "{address}"),
    (r"(jpg|png|mp4|mp3)", "{form}"),
    (r"(zip|html)", "{form}"),
    (r"(csv|txt)", "{form}"),
    (r"([0-9]{1,9})", "{tag}"),
    (r"([0-9]{1,10})", "{citizen}"),
    (r"(official|miniprogram)", "{role}"),
    (r"([A-Za-z0-9_-]{1,32})", "{appid}"),
    (r"([A-Za-z0-9_-]{1,64})", "{scene}"),
    (r"([A-Za-z0-9_-]{1,128})", "{media_id}"),
    (r"([A-Za-z0-9_~-]{1,32})", "{scene}"),
    (r"([A-Za-z0-9]{1,16})", "{code}"),
    (r"([A-Za-z0-9]{1,64})", "{code}"),
    (r"(?:/.*)?", ""),
    (r"(.*)", "{path}"),
)
_ROLES = re.compile(r"self\.member\(([^)]*)\)")
ROLE_NAMES = {"editor": "编辑", "reviewer": "审核员", "operator": "值守", "auditor": "审计"}
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


def roles_of(method: Any) -> str:
    """Who of the staff may ask, in words for people; "" for what is not for staff."""
    found = _ROLES.search(inspect.getsource(method))
    if not found:
        return ""
    roles = [ROLE_NAMES[role] for role in re.findall(r'"(\w+)"', found[1]) if role in ROLE_NAMES]
    if roles:
        return "、".join(roles) + "、管理员"
    return "管理员" if '"admin"' in found[1] else "所有工作人员"


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
    roles = roles_of(method)
    found: dict[str, Any] = {
        **({"x-roles": roles} if roles else {}),
        "operationId": f"{verb}_{handler.__module__.rpartition('.')[2]}_{handler.__name__}",
        "tags": [words.tag], "summary": words.text,
        "description": (method.__doc__ or handler.__doc__ or "").strip().partition("\n")[0],
        "parameters": [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
                       for name in re.findall(r"{(\w+)}", path)]
        + [{"name": name, "in": "query", "description": text, "schema": {"type": "string"}}
           for name, text in words.query.items()],
        "responses": {},
    }
    if words.needs == STAFF and verb != "get":
        found["parameters"].append({"name": "X-CSRF-Token", "in": "header", "required": True, "schema": {"type": "string"},
                                    "description": "登录应答（POST /api/v1/staff/session）里的 csrf"})
    if words.needs:
        found["security"] = [{name: []} for name in words.needs]
    if (shape := request_shape(method, words)) is not None:
        content = {"schema": schema_of[shape], "example": example(verb, path, shape)}
        found["requestBody"] = {"required": True, "content": {"application/json": content}}
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
