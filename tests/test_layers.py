"""The house, kept by a test: the arrows handlers -> server -> stores, who may name what, sizes and names of files."""

from __future__ import annotations

import ast
import statistics
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
VERBS = {"get", "post", "put", "patch", "delete", "head", "options"}
# The composition root: reads the settings and wires handlers to services.
ROOT_FILES = {"server/app.py", "server/__main__.py", "server/commands.py"}
SHAPELESS_NAMES = {"utils.py", "common.py", "models.py", "managers.py", "helpers.py", "misc.py"}
MAX_LINES = 500
MAX_VERB_LINES, MAX_MEDIAN_VERB_LINES = 25, 10


def python_files(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


PRODUCT = [ROOT / "settings.py", *python_files("handlers", "server")]


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def imports(path: Path) -> Iterator[str]:
    """Every module that a file imports, anywhere in it. `from a import b` gives a.b: b may be a module."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name_of(path)}: relative imports hide the arrows"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def names(path: Path, *modules: str) -> set[str]:
    """Which of the modules a file imports."""
    return {found for found in imports(path) for module in modules if found == module or found.startswith(module + ".")}


def breakers(paths: list[Path], modules: tuple[str, ...], allowed: set[str]) -> dict[str, set[str]]:
    return {name_of(path): found for path in paths if name_of(path) not in allowed and (found := names(path, *modules))}


def in_sandbox(path: Path) -> bool:
    return name_of(path).startswith("server/sandbox/")


class TestArrows:
    def test_handlers_name_no_store(self):
        assert breakers(python_files("handlers"), ("redis", "motor", "pymongo", "bson"), set()) == {}

    def test_only_stores_names_motor(self):
        assert breakers(PRODUCT, ("motor",), {"server/stores.py"}) == {}

    def test_only_the_composition_root_names_handlers(self):
        assert breakers(python_files("server"), ("handlers",), {"server/app.py", "server/__main__.py"}) == {}

    def test_the_product_knows_no_http_handler(self):
        own = [path for path in python_files("server") if not in_sandbox(path)]
        assert breakers(own, ("tornado.web", "tornado.websocket", "tornado.httpserver"), {"server/app.py"}) == {}

    def test_settings_are_read_by_the_composition_root(self):
        assert breakers(PRODUCT, ("settings",), ROOT_FILES) == {}

    def test_settings_import_nothing_of_ours(self):
        assert names(ROOT / "settings.py", "server", "handlers") == set()

    def test_nobody_imports_the_sandbox(self):
        own = [path for path in PRODUCT if not in_sandbox(path)]
        assert breakers(own, ("server.sandbox",), set()) == {}

    def test_the_sandbox_imports_nothing_of_ours(self):
        for path in python_files("server/sandbox"):
            ours = {name for name in names(path, "server", "handlers", "settings") if not f"{name}.".startswith("server.sandbox.")}
            assert ours == set(), name_of(path)

    def test_no_process_is_started_by_the_loop(self):
        """uvloop runs Python in the forked copy of a process with threads, which can hang both; subprocess does not."""
        for path in PRODUCT:
            assert "create_subprocess" not in path.read_text("utf-8") and "subprocess_exec" not in path.read_text("utf-8"), name_of(path)

    def test_the_product_imports_no_test(self):
        assert breakers(PRODUCT, ("tests", "pytest"), set()) == {}


class TestSizes:
    @pytest.mark.parametrize("path", [*PRODUCT, *python_files("tests")], ids=name_of)
    def test_no_file_is_long(self, path):
        assert len(path.read_text("utf-8").splitlines()) <= MAX_LINES

    def test_verbs_are_short(self):
        verbs = {f"{name_of(path)}:{cls.name}.{verb.name}": (verb.end_lineno or 0) - verb.lineno + 1
                 for path in python_files("handlers") for cls in ast.walk(ast.parse(path.read_text("utf-8")))
                 if isinstance(cls, ast.ClassDef)
                 for verb in cls.body if isinstance(verb, ast.FunctionDef | ast.AsyncFunctionDef) and verb.name in VERBS}
        assert len(verbs) > 20
        assert {name: lines for name, lines in verbs.items() if lines > MAX_VERB_LINES} == {}
        assert statistics.median(verbs.values()) <= MAX_MEDIAN_VERB_LINES


class TestFiles:
    def test_names_say_what_is_inside(self):
        assert [name_of(path) for path in [*PRODUCT, *python_files("tests")] if path.name in SHAPELESS_NAMES] == []

    @pytest.mark.parametrize("path", [path for path in PRODUCT if path.read_text("utf-8").strip()], ids=name_of)
    def test_every_module_says_what_it_is(self, path):
        assert ast.get_docstring(ast.parse(path.read_text("utf-8")))

    def test_the_code_has_no_bare_except_and_nothing_unfinished(self):
        for path in PRODUCT:
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                assert not (isinstance(node, ast.ExceptHandler) and node.type is None), f"{name_of(path)}:{node.lineno}"
            assert "TODO" not in path.read_text("utf-8") and "FIXME" not in path.read_text("utf-8"), name_of(path)
