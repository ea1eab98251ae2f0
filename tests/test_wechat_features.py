"""The table of what is there of WeChat names tests that exist."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.wechat_features import FEATURES, report

ROOT = Path(__file__).parent.parent


def names_in(path: str) -> set[str]:
    """`Class::test` and `test` of a file."""
    found: set[str] = set()
    for node in ast.parse((ROOT / path).read_text("utf-8")).body:
        inner = node.body if isinstance(node, ast.ClassDef) else [node]
        prefix = f"{node.name}::" if isinstance(node, ast.ClassDef) else ""
        found |= {prefix + one.name for one in inner if isinstance(one, (ast.FunctionDef, ast.AsyncFunctionDef))}
    return found


@pytest.mark.parametrize("feature", [feature for feature, test in FEATURES.items() if test])
def test_a_row_names_a_test_that_exists(feature):
    path, _, name = FEATURES[feature].partition("::")
    assert name in names_in(path)


def test_the_report_says_what_is_not_there():
    assert all(feature in report() for feature in FEATURES)
    assert report().count("not there yet") == sum(not test for test in FEATURES.values())
