"""Every setting is explained once in deploy/env.example, in Chinese and in English, with the default that the code has."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest

from settings import PREFIX, Settings

ROOT = Path(__file__).resolve().parents[1]
CHINESE = re.compile(r"[一-鿿]")
FIELDS = {PREFIX + field.name.upper(): field for field in dataclasses.fields(Settings)}


def documented() -> dict[str, tuple[str, list[str]]]:
    """name -> (value, the comment lines above it)."""
    found, above = {}, []
    for line in (ROOT / "deploy" / "env.example").read_text("utf-8").splitlines():
        setting = re.fullmatch(r"#?(WENMING_[A-Z_0-9]+)=(.*)", line)
        if setting:
            assert setting[1] not in found, f"{setting[1]} is there twice"
            found[setting[1]] = setting[2], above
        above = [*above, line] if line.startswith("# ") else []
    return found


def test_the_file_and_the_code_name_the_same_settings():
    assert set(documented()) == set(FIELDS)


@pytest.mark.parametrize("name", FIELDS)
def test_it_has_a_chinese_and_an_english_line(name):
    above = documented()[name][1]
    assert [line for line in above if CHINESE.search(line)], "no Chinese line"
    assert [line for line in above if not CHINESE.search(line)], "no English line"


@pytest.mark.parametrize("name", FIELDS)
def test_it_shows_the_default(name):
    default = FIELDS[name].default
    shown = str(default).lower() if isinstance(default, bool) else str(default)
    assert documented()[name][0] == shown


@pytest.mark.parametrize("name", FIELDS)
def test_the_code_has_one_line_of_meaning(name):
    meaning = FIELDS[name].metadata["meaning"]
    assert meaning and "\n" not in meaning
