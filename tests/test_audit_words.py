"""Whatever is written into the audit log has a name there that people can read."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

from server.releases.record import Verdict

ROOT = Path(__file__).resolve().parents[1]
NAMES = ROOT / "h5" / "src" / "console" / "pages" / "audit-log" / "actions.ts"
ACTION = re.compile(r"[a-z_]+\.[a-z_]+")
# There are more; a search that finds fewer is blind.
LEAST = 100


def texts(argument: ast.expr) -> Iterator[str]:
    """What an argument may be: a text, one of two, or a verdict's."""
    match argument:
        case ast.Constant(value=str(text)):
            yield text
        case ast.IfExp(body=first, orelse=second):
            yield from texts(first)
            yield from texts(second)
        case ast.JoinedStr(values=[ast.Constant(value="review."), _]):
            yield from (f"review.{verdict}" for verdict in get_args(Verdict))


def logged() -> set[str]:
    """Every action that the product writes down."""
    found = set()
    for path in (*(ROOT / "handlers").rglob("*.py"), *(ROOT / "server").rglob("*.py")):
        for call in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(call, ast.Call) and getattr(call.func, "attr", getattr(call.func, "id", "")) in ("log", "record", "_record"):
                found |= {text for argument in call.args for text in texts(argument) if ACTION.fullmatch(text)}
    return found


def named(part: str) -> list[set[str]]:
    """The things, or what is done with them, that have a name: in Chinese, and in English."""
    return [set(re.findall(r"(\w+): '", block)) for block in re.findall(rf"{part}: \{{(.*?)\}}", NAMES.read_text("utf-8"), re.S)]


def test_every_action_has_its_name_in_both_languages() -> None:
    actions, things, acts = logged(), named("things"), named("acts")
    assert len(actions) >= LEAST and len(things) == len(acts) == 2
    nameless = {action for action in actions for which in range(2)
                if not (action.split(".")[0] in things[which] and action.split(".")[1] in acts[which])}
    assert nameless == set()
