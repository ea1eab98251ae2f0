"""The OpenAPI document as one HTML page: Chinese first, no scripts, nothing from elsewhere."""

from __future__ import annotations

import json
import re
from html import escape
from itertools import groupby
from typing import Any

from server.dashboards import limit
from server.metrics import METRICS, PREFIX, Metric

STYLE = """
:root{color-scheme:light dark;--ink:#1c2430;--soft:#5b6675;--line:#dfe4ea;--paper:#fff;--panel:#f5f7f9;--mark:#1f5fa8}
@media(prefers-color-scheme:dark){:root{--ink:#e6eaf0;--soft:#9aa6b5;--line:#2c3644;--paper:#12171e;--panel:#1a212b;--mark:#7fb4ee}}
*{box-sizing:border-box}body{margin:0;background:var(--paper);color:var(--ink);
font:16px/1.65 system-ui,"PingFang SC","Microsoft YaHei","Noto Sans CJK SC",sans-serif}
main{max-width:60rem;margin:0 auto;padding:2rem 1.25rem 5rem}h1{font-size:1.6rem;margin:0}
h2{font-size:1.2rem;margin:2.5rem 0 .25rem;padding-top:.5rem}p{margin:.25rem 0;color:var(--soft)}
nav a{margin-right:1rem}a{color:var(--mark)}details{border:1px solid var(--line);
border-radius:8px;margin:.6rem 0;background:var(--panel)}
summary{cursor:pointer;padding:.65rem .9rem;display:flex;gap:.75rem;flex-wrap:wrap;align-items:baseline}
summary b{font:600 .8rem/1.6 ui-monospace,monospace;min-width:4.2em;color:var(--mark)}code{font-family:ui-monospace,monospace;
font-size:.92em;overflow-wrap:anywhere}section{padding:.2rem .9rem .9rem;background:var(--paper);border-radius:0 0 8px 8px}
table{border-collapse:collapse;width:100%;margin:.5rem 0;font-size:.94rem}th,td{text-align:left;vertical-align:top;
border-bottom:1px solid var(--line);padding:.35rem .6rem .35rem 0}th{color:var(--soft);font-weight:500;white-space:nowrap}
pre{overflow-x:auto;margin:.4rem 0;font:13px/1.6 ui-monospace,monospace}
"""


def page(document: dict[str, Any]) -> str:
    """The whole page."""
    info, tags, schemas = document["info"], document["tags"], document["components"]["schemas"]
    operations = [(path, verb, words) for path, item in document["paths"].items() for verb, words in item.items()]
    parts = []
    for tag in tags:
        inside = "".join(_operation(path, verb, words, schemas) for path, verb, words in operations
                         if tag["name"] in words["tags"])
        if inside:
            parts.append(f'<h2 id="{escape(tag["name"])}">{escape(tag["name"])}</h2><p>{escape(tag["description"])}</p>{inside}')
    links = "".join(f'<a href="#{escape(tag["name"])}">{escape(tag["name"])}</a>' for tag in tags)
    return (f'<!doctype html><html lang="zh-CN"><head><meta charset="utf-8"><title>接口文档 · {escape(info["title"])}</title>'
            f'<meta name="viewport" content="width=device-width,initial-scale=1"><style>{STYLE}</style></head><body><main>'
            f'<h1>{escape(info["title"])} 接口文档</h1><p>版本 {escape(info["version"])} · {escape(info["description"])} '
            f'机器可读：<a href="/openapi.json">/openapi.json</a></p><nav>{links}<a href="#metrics">指标</a></nav>{"".join(parts)}'
            f'{metrics_part()}</main></body></html>')


def metrics_part() -> str:
    """Every metric, from its one table."""
    parts = ['<h2 id="metrics">指标</h2><p>/metrics 的每一项：是什么、正常时怎样、什么时候报警。'
             'Grafana 面板与 Prometheus 报警规则在 deploy/grafana、deploy/prometheus，由同一张表生成。</p>']
    for section, metrics in groupby(METRICS, key=lambda metric: metric.section):
        parts.append(f"<details><summary><b>{escape(section.title)}</b></summary><section><table>"
                     f"{''.join(map(_metric, metrics))}</table></section></details>")
    return "".join(parts)


def _metric(metric: Metric) -> str:
    labels = "".join(f"<br><code>{escape(name)}</code>：{escape('、'.join(values))}" for name, values in metric.labels.items())
    alarm = f"<br>报警：{escape(limit(metric))}。{escape(metric.alarm.step)}" if metric.alarm else ""
    return (f"<tr><th><code>{PREFIX}{escape(metric.name)}</code></th><td>{escape(metric.title)}。"
            f"正常：{escape(metric.normal)}{labels}{alarm}<br><small>{escape(metric.help)}</small></td></tr>")


def _operation(path: str, verb: str, words: dict[str, Any], schemas: dict[str, Any]) -> str:
    rows = [("说明", escape(words["description"]))]
    if words.get("security"):
        rows.append(("身份", "、".join(f"<code>{escape(name)}</code>" for one in words["security"] for name in one)))
    if words.get("x-roles"):
        rows.append(("角色", escape(words["x-roles"])))
    for parameter in words["parameters"]:
        place = {"path": "路径", "header": "请求头"}.get(parameter["in"], "查询")
        rows.append((f"{place} <code>{escape(parameter['name'])}</code>", escape(parameter.get("description", ""))))
    if "requestBody" in words:
        body = words["requestBody"]["content"]["application/json"]
        rows.append(("请求", _shape(body["schema"], schemas)))
        rows.append(("例子", f"<pre>{escape(json.dumps(body['example'], ensure_ascii=False, indent=2))}</pre>"))
    for status, answer in sorted(words["responses"].items()):
        text = escape(answer["description"])
        for media, content in answer.get("content", {}).items():
            if int(status) < 400:
                text += _shape(content["schema"], schemas) if media == "application/json" else f" <code>{escape(media)}</code>"
        rows.append((f"<code>{escape(status)}</code>", text))
    table = "".join(f"<tr><th>{name}</th><td>{text}</td></tr>" for name, text in rows if text)
    return (f"<details><summary><b>{verb.upper()}</b><code>{escape(path)}</code><span>{escape(words['summary'])}</span></summary>"
            f"<section><table>{table}</table></section></details>")


def _shape(schema: dict[str, Any], schemas: dict[str, Any]) -> str:
    return f"<pre>{escape(_outline(schema, schemas, 0))}</pre>"


def _outline(schema: dict[str, Any], schemas: dict[str, Any], depth: int) -> str:
    """A JSON schema as a short outline: {"ordinal": integer, …}."""
    if name := re.sub(r".*/", "", schema.get("$ref", "")):
        return _outline(schemas[name], schemas, depth)
    if choices := schema.get("anyOf"):
        return " | ".join(_outline(choice, schemas, depth) for choice in choices)
    if properties := schema.get("properties"):
        needed, pad = set(schema.get("required", ())), "  " * (depth + 1)
        lines = [f'{pad}"{name}"{"" if name in needed else "?"}: {_outline(value, schemas, depth + 1)}'
                 for name, value in properties.items()]
        return "{\n" + ",\n".join(lines) + "\n" + "  " * depth + "}"
    if schema.get("type") == "array":
        inner = schema.get("prefixItems") or [schema.get("items") or {}]
        return "[" + ", ".join(_outline(one, schemas, depth) for one in inner) + ("" if "prefixItems" in schema else ", …") + "]"
    if isinstance(extra := schema.get("additionalProperties"), dict):
        return "{…: " + _outline(extra, schemas, depth) + "}"
    return " | ".join(repr(value) for value in schema["enum"]) if "enum" in schema else str(schema.get("type", "any"))
