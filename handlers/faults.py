"""What is wrong with a body, in words that name the field and its rule: the one place that reads msgspec's findings.

Owns: no state. A finding says where (`$.steps[0].name`) and what (`Expected `str` of length <= 32`); the shape itself says what would do,
such as the choices of a field or the names that are known.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import msgspec
from msgspec import inspect

from server.errors import InvalidBody

# A hint of known names that is longer is read by nobody.
MAX_NAMED = 24
MAX_SHOWN_CHARACTERS = 40
# The largest whole number that JavaScript holds exactly; past 2^63, 19 digits, BSON has none.
MOST = 2**53
_MANY_DIGITS = re.compile(rb"[0-9]{16}")

TYPES = {
    "object": "对象 {…}", "array": "列表 […]", "str": "文字", "int": "整数", "float": "数字", "bool": "true 或 false", "null": "null",
    "datetime": "时间，例如 2026-10-01T08:00:00+08:00",
}
UNITS = {"str": "字", "array": "项", "object": "项"}

_STEP = re.compile(r"\.([^.\[]+)|\[(\d+|\.\.\.)\]")
_UNKNOWN = re.compile(r"Object contains unknown field `(.*)`")
_MISSING = re.compile(r"Object missing required field `(.*)`")
_LENGTH = re.compile(r"Expected `(\w+)` of length (>=|<=)? ?(\d+)")
_BOUND = re.compile(r"Expected `\w+` (>=|<=|>|<) (.+)")
_CHOICE = re.compile(r"Invalid enum value (.+)")
_TYPE = re.compile(r"Expected `(.+)`, got `(\w+)`")


def fault(error: msgspec.ValidationError, shape: Any) -> InvalidBody:
    """What to tell whoever sent it: the field, and the rule that it broke."""
    finding, _, where = str(error).partition(" - at ")
    path = where.rpartition("`$")[2].rstrip("`")
    steps = [name or number for name, number in _STEP.findall(path)]
    named = _MISSING.fullmatch(finding) or _UNKNOWN.fullmatch(finding)
    if named:
        steps.append(named[1])
    field = ".".join(step for step in steps if step != "...")[:2 * MAX_SHOWN_CHARACTERS]
    words = _words(finding, list(_at(_information(shape), steps[:-1] if named else steps)))
    return InvalidBody(message=f"{field or '正文'} {words}", field=field or None)


def unreadable(error: Exception, body: bytes) -> InvalidBody:
    """What is no JSON at all."""
    if not body.strip():
        return InvalidBody(message="请求没有正文，应为 JSON 对象 {…} (empty body, a JSON object is needed)")
    if isinstance(error, UnicodeDecodeError) or "utf-8" in str(error).lower():
        return InvalidBody(message="正文不是 UTF-8 编码 (not UTF-8)")
    if isinstance(error, RecursionError):
        return InvalidBody(message="正文的嵌套太深 (nested too deeply)")
    if "truncated" in str(error):
        return InvalidBody(message="正文不是完整的 JSON，末尾缺了引号或括号 (JSON ends too early)")
    return InvalidBody(message=f"正文不是有效的 JSON，请检查逗号和引号 (not JSON: {str(error)[:2 * MAX_SHOWN_CHARACTERS]})")


def too_large_number(body: bytes) -> InvalidBody | None:
    """The finding where a whole number, at any depth and under any name, is one that no store takes and no browser holds exactly.

    Nearly no body has a run of so many digits; only one that has is read for it.
    """
    if not _MANY_DIGITS.search(body):
        return None
    for steps, number in _numbers(msgspec.json.decode(body), ()):
        if abs(number) > MOST:
            field = ".".join(steps)[:2 * MAX_SHOWN_CHARACTERS]
            return InvalidBody(message=f"{field or '正文'} 的数字太大，应在 -{MOST} 至 {MOST} 之间 (number too large)", field=field or None)
    return None


def _numbers(value: Any, steps: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], int]]:
    if isinstance(value, int) and not isinstance(value, bool):
        yield steps, value
    elif isinstance(value, (dict, list)):
        for name, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _numbers(inner, (*steps, str(name)))


def _words(finding: str, kinds: list[inspect.Type]) -> str:
    if _MISSING.fullmatch(finding):
        return "必须填写 (required)"
    if _UNKNOWN.fullmatch(finding):
        known = [field.encode_name for kind in kinds if isinstance(kind, inspect.StructType) for field in kind.fields]
        return f"是不认识的字段，可以填写的有：{_listed(known)} (unknown field)"
    if found := _LENGTH.fullmatch(finding):
        unit = UNITS.get(found[1], "项")
        return {">=": f"至少 {found[3]} {unit} (too short)", "<=": f"最多 {found[3]} {unit} (too long)"}.get(
            found[2] or "", f"应为 {found[3]} {unit} (wrong length)")
    if found := _BOUND.fullmatch(finding):
        words = {">=": "不能小于", "<=": "不能大于", ">": "要大于", "<": "要小于"}[found[1]]
        return f"{words} {found[2]} (must be {found[1]} {found[2]})"
    if found := _CHOICE.fullmatch(finding):
        return f"只能是 {_listed(_choices(kinds))} 之一，收到的是 {found[1][:MAX_SHOWN_CHARACTERS]} (not one of these)"
    if "matching regex" in finding:
        return f"的写法不对：{_written(kinds)} (wrong pattern)"
    if "timezone" in finding:
        return "要写明时区，例如 2026-10-01T08:00:00+08:00 (a zone is needed)"
    if "RFC3339" in finding:
        return "应为时间，例如 2026-10-01T08:00:00+08:00 (not a time)"
    if found := _TYPE.fullmatch(finding):
        if (choices := _choices(kinds)) and found[2] not in ("null", "object", "array"):
            return f"只能是 {_listed(choices)} 之一 (not one of these)"
        wanted = " 或 ".join(TYPES.get(one, one) for one in found[1].split(" | "))
        return f"应为{wanted}，收到的是{TYPES.get(found[2], found[2]).partition('，')[0]} (wrong type)"
    return f"的格式不对：{finding[:2 * MAX_SHOWN_CHARACTERS]}"


def _listed(names: list[str]) -> str:
    return "、".join(names[:MAX_NAMED]) + ("…" if len(names) > MAX_NAMED else "")


@lru_cache(maxsize=256)  # a shape a route, and some to spare
def _information(shape: Any) -> inspect.Type:
    return inspect.type_info(shape)


def _at(kind: inspect.Type, steps: list[str]) -> Iterator[inspect.Type]:
    """What may stand at a place of a shape; a union is each of its kinds."""
    if isinstance(kind, inspect.Metadata):
        yield from _at(kind.type, steps)
    elif isinstance(kind, inspect.UnionType):
        for one in kind.types:
            yield from _at(one, steps)
    elif not steps:
        yield kind
    elif isinstance(kind, inspect.StructType):
        for field in kind.fields:
            if field.encode_name == steps[0]:
                yield from _at(field.type, steps[1:])
    elif isinstance(kind, inspect.DictType):
        yield from _at(kind.value_type, steps[1:])
    elif isinstance(kind, (inspect.ListType, inspect.VarTupleType, inspect.SetType, inspect.FrozenSetType)):
        yield from _at(kind.item_type, steps[1:])
    elif isinstance(kind, inspect.TupleType) and steps[0].isdecimal() and int(steps[0]) < len(kind.item_types):
        yield from _at(kind.item_types[int(steps[0])], steps[1:])


def _choices(kinds: list[inspect.Type]) -> list[str]:
    return [str(value) for kind in kinds if isinstance(kind, inspect.LiteralType) for value in kind.values]


def _written(kinds: list[inspect.Type]) -> str:
    return next((f"须符合 {kind.pattern}" for kind in kinds if isinstance(kind, inspect.StrType) and kind.pattern), "请对照接口文档")
