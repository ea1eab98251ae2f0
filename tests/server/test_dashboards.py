"""What Grafana and Prometheus are told comes from the table, and names nothing else."""

from __future__ import annotations

import json
import re
from itertools import groupby
from pathlib import Path

import pytest
import yaml

from handlers.docs_page import metrics_part
from server.dashboards import PROCESS, alarms, dashboard, limit
from server.metrics import METRICS, PREFIX, Metrics

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
DASHBOARD, ALARMS = DEPLOY / "grafana" / "wenming.json", DEPLOY / "prometheus" / "alarms.yml"
SCRAPES = DEPLOY / "prometheus" / "prometheus.yml"
CHINESE = re.compile(r"[一-鿿]")
PANELS = json.loads(dashboard())["panels"]
GROUPS = yaml.safe_load(alarms())["groups"]
RULES = [rule for group in GROUPS for rule in group["rules"]]
# Every name that Prometheus can read from a process, with what it adds to histograms.
KNOWN = set(re.findall(r"^(wenming_\w+)", Metrics().snapshot().decode(), re.M))


def expressions() -> list[str]:
    return [target["expr"] for panel in PANELS for target in panel.get("targets", ())] + [rule["expr"] for rule in RULES]


@pytest.mark.parametrize(("path", "made"), [(DASHBOARD, dashboard), (ALARMS, alarms)])
def test_the_committed_file_is_what_the_table_gives(path, made):
    assert path.read_text("utf-8") == made(), "execute: .venv/bin/python -m server metrics --write"


def test_everything_that_is_named_is_measured():
    assert {name for text in expressions() for name in re.findall(r"wenming_\w+", text)} - KNOWN == set()
    told = (path for path in DEPLOY.rglob("*") if path.is_file() and path.suffix in (".yml", ".yaml", ".json", ".conf", ".md", ".rules"))
    named = {name for path in told for name in re.findall(rf"\b{PREFIX}[a-z]+_[a-z_]+\b", path.read_text("utf-8"))}
    assert {name for name in named if not name.startswith(("wenming_citizen", "wenming_staff"))} - KNOWN == set()


def test_labels_that_are_picked_exist_with_those_values():
    ours = {metric.name: metric for metric in METRICS}
    for text in expressions():
        for name, picked in re.findall(r"wenming_(\w+)\{([^}]*)\}", text):
            metric = ours.get(name.removesuffix("_bucket")) or ours.get(name)
            for label, value in re.findall(r'(\w+)="([^"$]+)"', picked):
                assert metric and value in metric.labels[label], text


def test_parentheses_close():
    for text in expressions():
        assert text.count("(") == text.count(")") and text.count("{") == text.count("}"), text


def test_each_metric_has_a_panel_in_the_row_of_its_section():
    rows: dict[str, list[str]] = {}
    for panel in PANELS:
        if panel["type"] == "row":
            row = rows.setdefault(panel["title"], [])
        else:
            row.append(panel["title"])
    assert list(rows) == [section.title for section, _ in groupby(METRICS, key=lambda metric: metric.section)]
    for metric in METRICS:
        assert metric.title in rows[metric.section.title], metric.name
    assert {title for _, title, _, _ in PROCESS} <= set(rows["进程"])


def test_panels_do_not_lie_on_each_other_and_have_units_and_the_chosen_source():
    taken: set[tuple[int, int]] = set()
    for panel in PANELS:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert at["x"] + at["w"] <= 24 and not cells & taken, panel["title"]
        taken |= cells
        if panel["type"] != "row":
            assert panel["datasource"]["uid"] == "${datasource}"
            assert panel["fieldConfig"]["defaults"]["unit"] in ("s", "bytes", "short", "ops", "percentunit")
    assert len({panel["id"] for panel in PANELS}) == len(PANELS)
    variables = {one["name"]: one["type"] for one in json.loads(dashboard())["templating"]["list"]}
    assert variables == {"datasource": "datasource", "job": "query", "instance": "query"}


def test_times_are_in_seconds_and_thresholds_are_those_of_the_alarms():
    by_title = {panel["title"]: panel for panel in PANELS}
    for metric in METRICS:
        panel = by_title[metric.title]["fieldConfig"]["defaults"]
        assert (panel["unit"] == "s") == (metric.unit == "seconds"), metric.name
        if metric.alarm and metric.alarm.measure in ("value", "p99") and not metric.alarm.labels:
            assert panel["thresholds"]["steps"][-1]["value"] == metric.alarm.over, metric.name


def test_each_alarm_says_in_chinese_what_is_wrong_and_what_to_do_first():
    assert len({rule["alert"] for rule in RULES}) == len(RULES)
    assert len({group["name"] for group in GROUPS}) == len(GROUPS)
    assert sum(metric.alarm is not None for metric in METRICS) + 4 == len(RULES)
    for rule in RULES:
        assert rule["labels"]["severity"] in ("warning", "critical")
        assert CHINESE.search(rule["annotations"]["summary"]) and CHINESE.search(rule["annotations"]["step"])
        assert re.fullmatch(r"\d+m", rule.get("for", "0m"))


def test_the_scrape_configuration_asks_for_the_list_of_processes_and_reads_the_rules():
    configuration = yaml.safe_load(SCRAPES.read_text("utf-8"))
    (job,) = configuration["scrape_configs"]
    assert job["job_name"] == "wenming" and job["http_sd_configs"][0]["url"].endswith("/metrics/targets")
    assert all((SCRAPES.parent / name).exists() for name in configuration["rule_files"])


def test_the_page_in_the_documents_tells_of_every_metric():
    page = metrics_part()
    for metric in METRICS:
        assert f"<code>{PREFIX}{metric.name}</code>" in page and metric.title in page
        assert limit(metric) in page
