"""The table of metrics: names, closed label values, every series from the start."""

from __future__ import annotations

import re
from itertools import product
from pathlib import Path

import pytest

from server.metrics import COMMIT, METRICS, PREFIX, Metrics
from server.version import VERSION

ROOT = Path(__file__).resolve().parents[2]
UNITS = {"counter": ("total",), "gauge": ("count", "seconds", "bytes"), "histogram": ("seconds", "participations", "bytes", "count")}
CALL = re.compile(r"\.(record|observe|hold|series|buckets)\(\s*\"([a-z_]+)\"")
CHINESE = re.compile(r"[一-鿿]")
KINDS = {"record": "counter", "observe": "histogram", "hold": "gauge", "series": "counter", "buckets": "histogram"}


def test_names_are_unique_and_say_their_unit() -> None:
    assert len({metric.name for metric in METRICS}) == len(METRICS)
    for metric in METRICS:
        if metric.name == "build_info":  # as everybody calls it
            continue
        assert re.fullmatch(r"[a-z]+(_[a-z]+){2,}", metric.name), f"{metric.name} is not <noun>_<verb>_<unit>"
        assert metric.name.rpartition("_")[2] in UNITS[metric.kind], metric.name
        assert metric.help.endswith("."), metric.name
        assert bool(metric.buckets) == (metric.kind == "histogram"), metric.name


def test_people_read_what_each_one_is_and_what_is_normal() -> None:
    for metric in METRICS:
        assert metric.section.title and metric.section.name, f"{metric.name} stands below no section"
        assert CHINESE.search(metric.title), f"{metric.name} needs a title in Chinese"
        assert metric.normal, f"{metric.name} does not say what is normal"
        if metric.alarm:
            assert CHINESE.search(metric.alarm.step), metric.name
            assert (metric.alarm.measure == "p99") == (metric.kind == "histogram"), metric.name
            assert all(value in metric.labels[label] for label, value in metric.alarm.labels.items()), metric.name


def test_a_probe_is_asked_whenever_somebody_reads() -> None:
    metrics = Metrics()
    metrics.probes.append(lambda: metrics.hold("queues_aged_seconds", 1.5))
    assert metrics.figures()["queues_aged_seconds"] == [1.5]
    assert "wenming_queues_aged_seconds 1.5" in metrics.snapshot().decode()


def test_which_build_runs_is_told_by_labels() -> None:
    assert f'wenming_build_info{{commit="{COMMIT}",version="{VERSION}"}} 1.0' in Metrics().snapshot().decode()


def test_labels_are_few_and_closed() -> None:
    for metric in METRICS:
        series = 1
        for values in metric.labels.values():
            assert values
            assert len(set(values)) == len(values)
            series *= len(values)
        assert series <= 20, f"{metric.name} has {series} series"


def test_every_series_is_there_from_the_start() -> None:
    text = Metrics().snapshot().decode()
    for metric in METRICS:
        assert f"# HELP {PREFIX}{metric.name} " in text
        for values in product(*metric.labels.values()):
            labels = ",".join(f'{name}="{value}"' for name, value in zip(metric.labels, values, strict=True))
            name = PREFIX + metric.name + ("_count" if metric.kind == "histogram" else "")
            if metric.name == "build_info":
                continue
            assert f"{name}{{{labels}}} 0.0" in text if labels else f"\n{name} 0.0" in text, (metric.name, values)
    assert f"{PREFIX}process_resident_memory_bytes" in text


def test_recording_shows() -> None:
    metrics = Metrics()
    metrics.record("frames_built_total", "delta", amount=2)
    metrics.hold("sockets_connected_count", 3)
    metrics.observe("figures_read_seconds", 0.004)
    text = metrics.snapshot().decode()
    assert 'wenming_frames_built_total{type="delta"} 2.0' in text
    assert "wenming_sockets_connected_count 3.0" in text
    assert 'wenming_figures_read_seconds_bucket{le="0.005"} 1.0' in text


def test_what_is_not_in_the_table_is_refused() -> None:
    metrics = Metrics()
    for name, values in (("unknown_total", ()), ("frames_built_total", ("other",)), ("frames_built_total", ())):
        with pytest.raises((KeyError, ValueError)):  # no such key, or Prometheus' own word for missing labels
            metrics.record(name, *values)


def test_two_registries_do_not_share_anything() -> None:
    one, two = Metrics(), Metrics()
    one.record("frames_sent_total")
    assert "wenming_frames_sent_total 0.0" in two.snapshot().decode()


def test_the_source_records_what_the_table_names() -> None:
    kinds = {metric.name: metric.kind for metric in METRICS}
    found = {(name, KINDS[how]) for folder in ("server", "handlers") for path in (ROOT / folder).rglob("*.py")
             for how, name in CALL.findall(path.read_text("utf-8"))}
    for name, kind in found:
        assert kinds.get(name) == kind, f"{name} is recorded as a {kind}"
    assert {name for name, _ in found} == set(kinds) - {"build_info"}, "a metric that nobody records says 0 for ever"
