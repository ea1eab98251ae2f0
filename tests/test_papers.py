"""The papers say what is there: links lead somewhere, commands exist, both languages keep in step."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from server.version import VERSION

ROOT = Path(__file__).resolve().parents[1]
PAPERS = ("README.md", "README.zh-CN.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md", "PRIVACY.md")
TOP = ("server", "handlers", "h5", "assets", "tests", "deploy")


def text_of(name: str) -> str:
    return (ROOT / name).read_text("utf-8")


@pytest.mark.parametrize("name", PAPERS)
class TestEveryPaper:
    def test_its_links_lead_to_files(self, name):
        targets = re.findall(r"\]\(([^)#\s]+)", text_of(name))
        assert [target for target in targets if "://" not in target and not (ROOT / target).exists()] == []

    def test_the_files_that_it_names_exist(self, name):
        named = re.findall(rf"`((?:{'|'.join(TOP)})/[\w./-]*)`", text_of(name))
        assert [path for path in named if not (ROOT / path).exists() and path != "assets/h5"] == []

    def test_its_commands_exist(self, name):
        targets = set(re.findall(r"^([a-z0-9-]+):.*## ", text_of("Makefile"), re.M))
        assert set(re.findall(r"`make ([a-z0-9-]+)", text_of(name))) <= targets
        modules = re.findall(r"python -m (tests\.[\w.]+)", text_of(name))
        assert [module for module in modules if not (ROOT / (module.replace(".", "/") + ".py")).exists()] == []
        commands = re.findall(r"python -m server ([a-z-]+)", text_of(name))
        assert [word for word in commands if f'command("{word}"' not in text_of("server/commands.py")] == []

    def test_its_settings_exist(self, name):
        settings = {f"WENMING_{found.upper()}" for found in re.findall(r"^    (\w+): .*= setting\(", text_of("settings.py"), re.M)}
        named = set(re.findall(r"WENMING_(?!TEST_)[A-Z_]*[A-Z]\b", text_of(name)))
        assert named <= settings | {"WENMING_MINIPROGRAM", "WENMING_OFFICIAL"}


def test_both_readmes_keep_in_step():
    english, chinese = text_of("README.md"), text_of("README.zh-CN.md")
    for pattern in (r"^## ", r"^\| .* \|$", r"^\d+\. ", r"!\[[^]]*\]\(([^)]+)\)", r"`(python -m [^`]+)`", r"\]\((tests/[^)]+)\)",
                    r"WENMING_[A-Z_]*"):
        found = [re.findall(pattern, text, re.M) for text in (english, chinese)]
        assert len(found[0]) == len(found[1]), pattern
        if "(" in pattern or "WENMING" in pattern:
            assert found[0] == found[1], pattern
    figures = [re.findall(r"\d+\.\d+", text.partition("bench_page")[2].partition("## ")[0]) for text in (english, chinese)]
    assert figures[0] == figures[1] and figures[0]


def test_the_changelog_keeps_a_place_for_what_comes():
    assert "## Unreleased" in text_of("CHANGELOG.md") or f"## {VERSION}" in text_of("CHANGELOG.md")


def test_pictures_are_there_and_light():
    pictures = list((ROOT / "deploy" / "pictures").glob("*"))
    assert pictures and all(path.stat().st_size < 300_000 for path in pictures)
    named = text_of("README.md")
    assert [path.name for path in pictures if path.name not in named] == []
