"""The campaign's part of the runbook: every step names something that exists, in both languages, and every alarm has its three steps."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from server.commands import _parser
from server.dashboards import alarms
from server.health import runbook
from server.health.parts import PARTS
from server.plan import asked, figures, plan
from server.switches.switch import NAMES

ROOT = Path(__file__).resolve().parents[2]
RUNBOOK = ROOT / "deploy" / "runbook.md"
TEXT = RUNBOOK.read_text("utf-8")
CAMPAIGN = TEXT[TEXT.index('<a id="campaign-week">'):]
SECTIONS = dict(re.findall(r'<a id="(campaign-[a-z]+)"></a>\n(.+?)(?=\n<a id=|\Z)', CAMPAIGN, re.S))
MOMENTS = ("week", "day", "morning", "peak", "evening", "domain", "certificate", "release")
STEP = re.compile(r"^(\d)\. (.+)$", re.M)
CHINESE = re.compile(r"[一-鿿]")
# What belongs to the system: the program, and the words behind it.
SYSTEM = {"certbot renew", "systemctl reload nginx", "systemctl stop"}


def pages() -> dict[str, tuple[str, str]]:
    """Each page of the console: its title in Chinese and in English."""
    table = (ROOT / "h5/src/console/pages/index.ts").read_text("utf-8")
    found = re.findall(r"path: '(/[a-z-]+)', .*title: \{ zh: '([^']+)', en: '([^']+)'", table)
    return {f"/console{path}": (zh, en) for path, zh, en in found}


def steps(anchor: str) -> tuple[list[str], list[str]]:
    found = [text for _, text in STEP.findall(SECTIONS[anchor])]
    return [one for one in found if CHINESE.search(one)], [one for one in found if not CHINESE.search(one)]


def test_every_moment_of_a_campaign_has_its_section_and_both_languages_say_the_same_steps():
    assert [name.removeprefix("campaign-") for name in SECTIONS] == [*MOMENTS, "alarms"]
    for moment in MOMENTS:
        zh, en = steps(f"campaign-{moment}")
        assert len(zh) == len(en) >= 4, moment
        numbers = [int(number) for number, _ in STEP.findall(SECTIONS[f"campaign-{moment}"])]
        assert numbers == [*range(1, len(zh) + 1)] * 2, moment
        for one, other in zip(zh, en, strict=True):  # the same commands, pages and sections
            of = [{name.replace("活动代码", "CAMPAIGN") for name in re.findall(r"`([^`]+)`", text)} for text in (one, other)]
            assert of[0] == of[1], one
            assert set(re.findall(r"\]\(#([\w-]+)\)", one)) == set(re.findall(r"\]\(#([\w-]+)\)", other)), one


@pytest.mark.parametrize("moment", MOMENTS)
def test_every_step_names_a_command_a_page_a_setting_or_a_section(moment):
    for text in sum(steps(f"campaign-{moment}"), []):
        assert re.search(r"`[^`]+`|\]\(#[\w-]+\)", text), text


def test_what_the_steps_name_exists():
    fields = re.findall(r"^    (\w+): .*= setting\(", (ROOT / "settings.py").read_text("utf-8"), re.M)
    settings = {f"WENMING_{name.upper()}" for name in fields}
    targets = set(re.findall(r"^([a-z0-9-]+):.*## ", (ROOT / "Makefile").read_text("utf-8"), re.M))
    routes, known = (ROOT / "handlers/__init__.py").read_text("utf-8"), pages()
    table = CAMPAIGN.index('<a id="campaign-alarms">')
    named = set(re.findall(r"`([^`]+)`", CAMPAIGN[:table]))
    for name in named:
        if name.startswith("python -m server "):
            words = shlex.split(name)[3:]
            options = _parser().parse_args(words)
            if words[0] == "plan":
                assert asked.read(options).participants
        elif name.startswith("--"):
            assert asked.read(_parser().parse_args(["plan", "--participants", "1", *shlex.split(name)])).cdn
        elif name.startswith("/console/"):
            assert name in known, name
        elif name.startswith("/"):
            assert f'"{name}"' in routes or name in routes, name
        elif name.startswith("make "):
            assert name.removeprefix("make ") in targets, name
        elif name.startswith("WENMING_"):
            assert name in settings, name
        else:
            assert name in SYSTEM, name
    assert len(named) > 25


def test_pages_and_switches_are_called_what_the_console_calls_them():
    known = pages()
    for quoted, path in re.findall(r"“([^”]+)”（`(/console/[a-z-]+)`）", CAMPAIGN):
        assert quoted in (known[path][0], *(NAMES.values() if path.endswith("operations") else ()), "暂停活动"), quoted
    english = (ROOT / "h5/src/console/pages/operations/words.ts").read_text("utf-8")
    for quoted, path in re.findall(r'"([^"]+)" \(`(/console/[a-z-]+)`\)', CAMPAIGN):
        assert quoted == known[path][1] or path.endswith("operations") and f"'{quoted}'" in english, quoted
    titles = {name for pair in known.values() for name in pair}
    for quoted in re.findall(r"“([^”]+)”", CAMPAIGN):
        assert quoted in titles | set(NAMES.values()) | {"暂停活动", "已停止访问该网页"}, quoted


def test_links_to_parts_have_the_names_of_the_tiles():
    names = {part.code: part for part in PARTS}
    for text, anchor in re.findall(r"\[([^]]+)\]\(#([\w-]+)\)", CAMPAIGN):
        if anchor in names and CHINESE.search(text):
            assert text in (names[anchor].zh, f"{names[anchor].zh} {names[anchor].en}"), text


def test_links_lead_to_sections():
    anchors = set(re.findall(r'<a id="([\w-]+)"></a>', TEXT))
    assert set(re.findall(r"\]\(#([\w-]+)\)", TEXT)) <= anchors


def test_the_console_finds_the_parts_as_before_and_nothing_of_the_campaign_runs_into_them():
    found = runbook.read(RUNBOOK)
    parts = {anchor: section for anchor, section in found.items() if not anchor.startswith("campaign-")}
    assert all(len(section.steps) == len(section.steps_en) == 3 for section in parts.values())
    assert len(found["campaign-week"].steps) == 8


def test_every_alarm_of_prometheus_leads_to_a_section_with_its_first_three_steps():
    rows = dict(re.findall(r"^\| `(\w+)` \| \[[^]]+\]\(#([\w-]+)\) \|$", SECTIONS["campaign-alarms"], re.M))
    assert list(rows) == re.findall(r"- alert: (\w+)", alarms())
    found = runbook.read(RUNBOOK)
    for alarm, anchor in rows.items():
        assert len(found[anchor].steps) >= 3 and len(found[anchor].steps_en) >= 3, alarm


def test_the_paper_on_growing_says_what_the_plan_says_and_names_commands_that_exist():
    paper = (ROOT / "deploy" / "growing.md").read_text("utf-8")
    for peak, column in ((0.01, 3), (0.1, 4)):
        sheet = plan(asked.Asked(100_000_000, peak_minute=peak, cdn=True), figures.read())
        told = [re.split(r" *\| *", row)[column] for row in re.findall(r"^\| [1-6] \|.*$", paper, re.M)]
        keys = ("webs", "out_mbit", "poster_cores", "wanted_per_second", "masters", "intakes")
        for key, text in zip(keys, told, strict=True):
            assert float(text.replace(",", "")) == pytest.approx(sheet[key], rel=0.001, abs=0.5), key
    for module in re.findall(r"python -m (tests\.[\w.]+)", paper):
        assert (ROOT / (module.replace(".", "/") + ".py")).exists()
    for target in re.findall(r"`make ([a-z-]+)", paper):
        assert f"\n{target}:" in (ROOT / "Makefile").read_text("utf-8")
