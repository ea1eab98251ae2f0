"""deploy/level-3.md names only what exists, gives each requirement one of four states, and says everything in both languages."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAPER = (ROOT / "deploy" / "level-3.md").read_text("utf-8")
STATES = {"满足 met", "部分 partly", "由运维负责 operator", "不满足 not met"}
HEADER = "| 要求 requirement | 怎样做到 how | 在哪里 where | 状态 state |"
AREAS = ("安全通信网络", "安全区域边界", "身份鉴别", "访问控制", "安全审计", "入侵防范", "恶意代码防范", "可信验证", "数据完整性",
         "数据保密性", "数据备份恢复", "剩余信息保护", "个人信息保护", "安全管理中心", "移动互联", "云计算", "测评前要准备的材料")
ROWS = [[cell.strip() for cell in line.strip("|").split("|")] for line in PAPER.splitlines()
        if line.startswith("|") and line != HEADER and not line.startswith("| ---")]
CHINESE, ENGLISH = re.compile(r"[\u4e00-\u9fff]"), re.compile(r"[a-z]{2,}")


def outside_code(text: str) -> str:
    return re.sub(r"`[^`]*`", "", text)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0][:30])
class TestEveryRow:
    def test_it_has_one_of_the_four_states(self, row):
        assert len(row) == 4 and row[3] in STATES

    def test_it_says_where(self, row):
        assert re.search(r"`[^`]+`", row[2]) or row[3] in ("由运维负责 operator", "不满足 not met")

    def test_it_is_chinese_first_and_then_english(self, row):
        for cell in row[:2]:
            first, _, second = cell.partition("<br>")
            assert CHINESE.search(first) and ENGLISH.search(outside_code(second)) and not CHINESE.search(outside_code(second))


def test_every_area_is_there_and_has_a_table():
    headings = re.findall(r"^##+ (.*)$", PAPER, re.M)
    assert [area for area in AREAS if not any(area in heading for heading in headings)] == []
    assert all(ENGLISH.search(heading) for heading in headings)
    assert PAPER.count(HEADER) >= 15 and len(ROWS) >= 40


def test_all_states_are_used():
    assert {row[3] for row in ROWS} == STATES


def test_the_files_that_it_names_exist():
    named = re.findall(r"`((?:(?:server|handlers|tests|deploy|h5|assets)/|\.github/)[\w./@-]*|[A-Za-z]+\.(?:md|py|txt))(?:::\w+)?`", PAPER)
    assert len(named) > 40
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_the_tests_that_it_names_exist():
    named = re.findall(r"`(tests/[\w./]+)::(\w+)`", PAPER)
    assert len(named) > 10
    assert [name for path, name in named if not re.search(rf"^ *(?:async )?def {name}\(", (ROOT / path).read_text("utf-8"), re.M)] == []


def test_the_settings_that_it_names_exist():
    source = (ROOT / "settings.py").read_text("utf-8")
    known = {f"WENMING_{found.upper()}" for found in re.findall(r"^    (\w+): .*= setting\(", source, re.M)}
    named = set(re.findall(r"WENMING_[A-Z_]*[A-Z]", PAPER))
    assert named and {name.removesuffix("_FILE") for name in named} <= known


def test_the_commands_that_it_names_exist():
    source = (ROOT / "server" / "commands.py").read_text("utf-8")
    words = re.findall(r"python -m server ([a-z-]+)", PAPER)
    assert words and [word for word in words if f'command("{word}"' not in source] == []
    flags = re.findall(r"python -m server [a-z-]+ (--[a-z-]+)", PAPER)
    assert [flag for flag in flags if f'"{flag}"' not in source] == []
    targets = set(re.findall(r"^([a-z0-9-]+):.*## ", (ROOT / "Makefile").read_text("utf-8"), re.M))
    assert set(re.findall(r"`make ([a-z0-9-]+)", PAPER)) <= targets
