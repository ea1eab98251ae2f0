"""What other tools are told of the metrics, made from the one table: Grafana's dashboard and Prometheus' alarms.

Owns: the shape of both files. They stand in deploy/, written by `python -m server metrics`; a test compares them with what is made here.
Does not own: names, words and thresholds, which stand in METRICS.
"""

from __future__ import annotations

import json
from itertools import groupby
from typing import Any

from server.metrics import METRICS, PREFIX, Alarm, Metric

JOB = "wenming"
# Grafana's names of units.
UNITS = {"seconds": "s", "bytes": "bytes", "participations": "short", "": "short"}
SOURCE = {"type": "prometheus", "uid": "${datasource}"}
CHOSEN = 'job=~"$job",instance=~"$instance"'
# Three panels beside each other on a grid of 24.
PANEL_WIDTH, PANEL_HEIGHT, ROW_WIDTH = 8, 7, 24
# What the client library says of the process itself: name, title, unit, and whether it counts up.
PROCESS = (("process_cpu_seconds_total", "CPU（核）", "short", True), ("process_resident_memory_bytes", "内存", "bytes", False),
           ("process_open_fds", "打开的文件", "short", False))
# Alarms that no metric of ours carries: name, expression, minutes, severity, what is wrong, what to do first.
BESIDE = (
    ("WenmingProcessGone", f'up{{job="{JOB}"}} == 0', 1, "critical", "一个进程不应答 /metrics",
     "看这个进程是否还在（systemctl status），其余进程仍在服务。"),
    ("WenmingAllGone", f'absent(up{{job="{JOB}"}})', 2, "critical", "Prometheus 找不到任何进程",
     "看 /metrics/targets 能否打开，以及 Redis 是否应答。"),
    ("WenmingManyBuilds", f"count(count by (version, commit) ({PREFIX}build_info)) > 1", 30, "warning", "进程运行着不同的版本",
     "上一次更新没有做完：逐个重启余下的进程。"),
    ("WenmingFilesNearlyOut", f"{PREFIX}process_open_fds / {PREFIX}process_max_fds > 0.8", 5, "warning", "打开的文件接近上限",
     "提高 LimitNOFILE，或增加进程。"),
)


def selector(labels: dict[str, str], beside: str = "") -> str:
    """Labels as PromQL picks them, "" for none."""
    parts = [*([beside] if beside else []), *(f'{name}="{value}"' for name, value in labels.items())]
    return f"{{{','.join(parts)}}}" if parts else ""


def share(metric: Metric, alarm: Alarm, window: str, beside: str = "") -> str:
    name = PREFIX + metric.name
    return f"sum(rate({name}{selector(alarm.labels, beside)}[{window}])) / sum(rate({name}{selector({}, beside)}[{window}]))"


def expression(metric: Metric) -> str:
    """When the metric's alarm rings, in PromQL."""
    alarm, name = metric.alarm, PREFIX + metric.name
    assert alarm is not None
    picked = name + selector(alarm.labels)
    measured = {
        "value": f"max by (instance) ({picked})",
        "rate": f"sum(rate({picked}[5m]))",
        "increase": f"sum(increase({picked}[5m]))",
        "p99": f"histogram_quantile(0.99, sum by (le, instance) (rate({name}_bucket{selector(alarm.labels)}[5m])))",
        "share": share(metric, alarm, "5m"),
    }[alarm.measure]
    return f"{measured} > {alarm.over:g}"


def limit(metric: Metric) -> str:
    """The same in words for people; "" without an alarm."""
    alarm = metric.alarm
    if alarm is None:
        return ""
    unit = {"seconds": " 秒", "bytes": " 字节"}.get(metric.unit, "")
    which = "、".join(alarm.labels.values())
    what = {"value": f"超过 {alarm.over:g}{unit}", "rate": f"每秒多于 {alarm.over:g}", "increase": f"5 分钟内多于 {alarm.over:g}",
            "p99": f"p99 超过 {alarm.over:g}{unit}", "share": f"占比超过 {alarm.over:.0%}"}[alarm.measure]
    lasting = f"，持续 {alarm.minutes} 分钟" if alarm.minutes else ""
    return f"{which + ' ' if which else ''}{what}{lasting}"


def camel(name: str) -> str:
    return "Wenming" + "".join(part.capitalize() for part in name.split("_"))


def alarms() -> str:
    """Prometheus' rule file, as YAML."""
    lines = ["# Made by `python -m server metrics --alarms` from METRICS in server/metrics.py; change it there.", "groups:"]
    groups = [("process-and-scraping", [_rule(*one) for one in BESIDE])]
    for section, metrics in groupby(METRICS, key=lambda metric: metric.section):
        groups.append((section.name, [_rule(camel(one.name), expression(one), one.alarm.minutes, one.alarm.severity,
                                            f"{one.title}：{limit(one)}", one.alarm.step, one.normal)
                                      for one in metrics if one.alarm is not None]))
    for name, rules in groups:
        if rules:
            lines += [f"  - name: {JOB}-{name}", "    rules:", *(line for rule in rules for line in rule)]
    return "\n".join(lines) + "\n"


def _rule(name: str, expr: str, minutes: int, severity: str, summary: str, step: str, normal: str = "") -> list[str]:
    quoted = {key: json.dumps(text, ensure_ascii=False) for key, text in
              {"expr": expr, "summary": summary, "step": step, "normal": normal}.items() if text}
    return [f"      - alert: {name}", f"        expr: {quoted['expr']}", *([f"        for: {minutes}m"] if minutes else []),
            "        labels:", f"          severity: {severity}", "        annotations:",
            *(f"          {key}: {text}" for key, text in quoted.items() if key != "expr")]


def dashboard() -> str:
    """Grafana's dashboard, as JSON: a row for each section, a panel for each metric."""
    panels: list[dict[str, Any]] = []
    y = 0
    for section, metrics in groupby(METRICS, key=lambda metric: metric.section):
        made = [panel for metric in metrics for panel in _panels(metric)]
        if section.name == "process":
            made += [_panel(title, unit, [(f"rate({PREFIX}{name}{selector({}, CHOSEN)}[$__rate_interval])" if counts
                                           else PREFIX + name + selector({}, CHOSEN), "{{instance}}")])
                     for name, title, unit, counts in PROCESS]
        panels.append({"type": "row", "title": section.title, "collapsed": False, "panels": [],
                       "gridPos": {"x": 0, "y": y, "w": ROW_WIDTH, "h": 1}})
        y += 1
        for n, panel in enumerate(made):
            x = n * PANEL_WIDTH % ROW_WIDTH
            panel["gridPos"] = {"x": x, "y": y, "w": PANEL_WIDTH, "h": PANEL_HEIGHT}
            panels.append(panel)
            if x + PANEL_WIDTH == ROW_WIDTH or n == len(made) - 1:
                y += PANEL_HEIGHT
    for number, panel in enumerate(panels, 1):
        panel["id"] = number
    return json.dumps({
        "uid": "wenming", "title": "文明 Wenming", "tags": ["wenming"], "timezone": "Asia/Shanghai", "schemaVersion": 39, "version": 1,
        "editable": True, "graphTooltip": 1, "refresh": "10s", "time": {"from": "now-1h", "to": "now"},
        "templating": {"list": [
            {"name": "datasource", "label": "数据源", "type": "datasource", "query": "prometheus"},
            _variable("job", "任务", f"label_values({PREFIX}build_info, job)"),
            _variable("instance", "进程", f'label_values({PREFIX}build_info{{job=~"$job"}}, instance)')]},
        "annotations": {"list": [{
            "name": "更新", "datasource": SOURCE, "enable": True, "iconColor": "blue", "titleFormat": "{{version}} {{commit}}",
            "expr": f"changes({PREFIX}process_start_time_seconds{selector({}, CHOSEN)}[1m]) > 0"}]},
        "panels": panels}, ensure_ascii=False, indent=1) + "\n"


def _variable(name: str, label: str, query: str) -> dict[str, Any]:
    return {"name": name, "label": label, "type": "query", "datasource": SOURCE, "query": query, "refresh": 2, "multi": True,
            "includeAll": True, "allValue": ".+", "current": {"text": "All", "value": "$__all"}, "sort": 1}


def _panels(metric: Metric) -> list[dict[str, Any]]:
    name, alarm = PREFIX + metric.name, metric.alarm
    unit, by = UNITS[metric.unit], ", ".join(metric.labels)
    grouped, legend = f" by ({by})" if by else "", " ".join(f"{{{{{label}}}}}" for label in metric.labels) or metric.title
    picked = selector({}, CHOSEN)
    if metric.kind == "histogram":
        rate = f"sum by (le) (rate({name}_bucket{picked}[$__rate_interval]))"
        targets = [(f"histogram_quantile({of}, {rate})", said) for of, said in ((0.5, "p50"), (0.99, "p99"))]
    elif metric.kind == "counter":
        unit, targets = "ops", [(f"sum{grouped} (rate({name}{picked}[$__rate_interval]))", legend)]
    elif metric.name == "build_info":
        unit, targets = "short", [(f"sum by (version, commit) ({name}{picked})", "{{version}} {{commit}}")]
    else:
        targets = [(f"{metric.joined}{grouped} ({name}{picked})", legend)]
    over = alarm.over if alarm and alarm.measure in ("value", "rate", "p99") and not alarm.labels else None
    made = [_panel(metric.title, unit, targets, over, f"{metric.normal}。{metric.help}", is_stacked=metric.kind == "counter" and bool(by))]
    if alarm and alarm.measure == "share":
        which = "、".join(alarm.labels.values())
        made.append(_panel(f"{metric.title}：{which} 的占比", "percentunit", [(share(metric, alarm, "$__rate_interval", CHOSEN), which)],
                           alarm.over, limit(metric)))
    return made


def _panel(title: str, unit: str, targets: list[tuple[str, str]], over: float | None = None, about: str = "", *,
           is_stacked: bool = False) -> dict[str, Any]:
    steps = [{"color": "green", "value": None}, *([{"color": "red", "value": over}] if over is not None else [])]
    return {
        "type": "timeseries", "title": title, "description": about, "datasource": SOURCE,
        "targets": [{"refId": chr(ord("A") + n), "datasource": SOURCE, "expr": expr, "legendFormat": said}
                    for n, (expr, said) in enumerate(targets)],
        "fieldConfig": {"defaults": {"unit": unit, "min": 0, "thresholds": {"mode": "absolute", "steps": steps}, "custom": {
            "fillOpacity": 10, "showPoints": "never", "stacking": {"mode": "normal" if is_stacked else "none"},
            "thresholdsStyle": {"mode": "off" if over is None else "line"}}}, "overrides": []},
        "options": {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi", "sort": "desc"}}}
