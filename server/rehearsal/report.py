"""The report as a page of its own: one file, no script, no outside address; curves as SVG. Chinese first, English second."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Any

from server.clock import shanghai

WIDTH, HEIGHT, LEFT, BOTTOM = 960, 220, 64, 24
# A curve of an hour has 3,600 seconds; past this many points neighbours are joined by their maximum.
MOST_POINTS = 480
STYLE = """
body { margin: 0; background: #f6f4ef; color: #1d2433; font: 16px/1.6 -apple-system, 'PingFang SC', 'Noto Sans SC', 'Noto Sans CJK SC',
  sans-serif }
main { max-width: 1040px; margin: 0 auto; padding: 32px 24px 64px }
h1 { font-size: 30px; margin: 0 } h2 { font-size: 18px; margin: 36px 0 8px }
.verdict { display: inline-block; margin: 12px 0 4px; padding: 4px 14px; border-radius: 6px; font-weight: 600; color: #fff }
.ok { background: #1d7a4c } .bad { background: #b3261e }
.sub { color: #5b6475 } .cards { display: grid; grid-template-columns: repeat(auto-fill, minmax(150px, 1fr)); gap: 12px; margin-top: 20px }
.card { background: #fff; border: 1px solid #e3dfd5; border-radius: 8px; padding: 12px 16px }
.card b { display: block; font-size: 22px; font-weight: 600; font-variant-numeric: tabular-nums; line-height: 1.3 }
.card span { color: #5b6475; font-size: 14px }
.plot { overflow-x: auto; background: #fff; border: 1px solid #e3dfd5; border-radius: 8px }
.plot::before { content: '左右滑动看全图 scroll sideways'; display: none; position: sticky; left: 0; padding: 6px 12px 0; color: #5b6475;
  font-size: 14px; width: max-content } @media (max-width: 720px) { .plot::before { display: block } }
svg { width: 100%; min-width: 720px; height: auto; display: block }
svg text { font-size: 12px; fill: #5b6475 } .key { font-size: 14px; color: #5b6475; margin: 4px 0 0 }
.key i { display: inline-block; width: 12px; height: 12px; border-radius: 2px; margin: 0 6px 0 14px }
table { border-collapse: collapse; width: 100%; background: #fff; border: 1px solid #e3dfd5 } td, th { padding: 6px 12px; text-align: left;
border-bottom: 1px solid #eee9dd } td:last-child { font-variant-numeric: tabular-nums; text-align: right } pre { white-space: pre-wrap }
"""
BLUE, RED, GOLD, GREEN = "#2c5aa0", "#b3261e", "#c98a1b", "#1d7a4c"
MEGABYTE = 1 << 20
# Below this the processor time of a product that does nothing outweighs that of the answers.
SMALL_PLAY = 50_000

# None: nothing could be measured then; the line has a gap there.
Series = tuple[str, str, Sequence[float | None]]

# What a phone asked, and how each answer is to be read.
ASKED = {"salute": "敬礼 salute", "again": "带回执再来 again, with her receipt", "page": "打开页面 page", "counters": "看人数 counters",
         "poster": "取海报 poster"}
SAID = {"200": "已计过，原样答复 as before", "201": "首次计入 counted", "202": "稍候 in the making", "503": "请稍后再试 told to wait",
        "599": "无应答 no answer"}
AUDITED = {"ok": "一致 agrees", "shards": "分片 shards", "participants": "参与者 participants", "cells": "阵列 cells",
           "totals": "合计 totals",
           "documents": "账目 documents", "pending": "待入账 pending", "gaps": "空号 ordinals never given", "conflicts": "冲突 conflicts",
           "poison": "写不进账目 refused by MongoDB"}


def summary(report: dict[str, Any]) -> str:
    """The report in one line."""
    return (f"\n{'通过 ok' if report['ok'] else '未通过 FAILED'}  {report['participants']} 人 participants  "
            f"{report['accepted_per_second']:g}/s  p99 {report['latency_ms']['p99']:g} ms  "
            f"丢失 lost {report['lost_before_receipts']} → {report['lost']}  重复 doubled {report['doubled']}  "
            f"每人 {report['memory']['array_per_participant']:g} B")


def page(report: dict[str, Any]) -> str:
    """The report's HTML."""
    plan, latency, highest = report["plan"], report["latency_ms"], report["highest"]
    verdict = "通过：无一丢失，无一重复 (nobody lost, nobody doubled)" if report["ok"] else "未通过，见下 (failed, see below)"
    cards = [
        (f"{report['participants']:,}", "参与者 participants"), (f"{report['accepted_per_second']:,.0f}", "平均每秒受理 accepted a second"),
        (f"{report['peak_second']:,}", "最高一秒 best second"),
        (f"{latency['p50']:g} / {latency['p99']:g} ms", "应答时间：一半的人 / 99 % 的人 p50 / p99"),
        (f"{_seconds(report['wait_ms']['p99'])} / {_seconds(report['wait_ms']['longest'])} s",
         "从点到计入，含被请稍候：99 % 的人 / 最久 from tap to counted: p99 / longest"),
        (f"{report['lost_before_receipts']} → {report['lost']}", "丢失：补交回执前 → 后 lost before → after receipts"),
        (f"{report['doubled']}", "序号重复 doubled ordinals"),
        (f"{report['memory']['array_per_participant']:g} B", "每人内存 array bytes each"),
        (f"{highest['server_rss'] / MEGABYTE:.0f} / {highest['redis_rss'] / MEGABYTE:.0f} MB", "最高内存：服务 / Redis highest RSS"),
        (f"{report['server_cpu_us_per_answer']:g} µs", "每次应答的服务器 CPU server CPU each"),
        (f"{report['posters_per_core_second']:g}", "每核每秒海报 posters a core second"),
        (f"{report['drained_seconds']:g} s", "高峰后入账 drained after the peak"), (f"{len(report['killed_at'])}", "强制结束次数 kills"),
    ]
    curve, samples = report["curve"], report["samples"]
    charts = [
        ("每秒 per second", [("受理 accepted", BLUE, [c["accepted"] for c in curve]), ("503", GOLD, [c["busy"] for c in curve]),
                          ("无应答 no answer", RED, [c["unanswered"] for c in curve])]),
        ("应答时间，毫秒 answer time, ms", [("p50", GREEN, [c["p50"] or None for c in curve]),
                                   ("p99", BLUE, [c["p99"] or None for c in curve])]),
        ("待入账的变更 changes not yet in MongoDB", [("待入账 backlog", GOLD, _measured(samples, "backlog"))]),
        ("内存，MB memory", [("服务 server", BLUE, _megabytes(samples, "server_rss")), ("Redis", RED, _megabytes(samples, "redis_rss")),
                          ("日志流 journal", GOLD, _megabytes(samples, "journal_bytes"))])]
    answers = "".join(f"<tr><td>{_answer(name)}</td><td>{n:,}</td></tr>" for name, n in report["answers"].items())
    audited = "".join(f"<tr><td>{AUDITED.get(name, name)}</td><td>{_audited(value)}</td></tr>" for name, value in report["audit"].items()
                      if name != "findings")
    findings = "\n".join([*report["examples"], *(str(finding) for finding in report["audit"]["findings"]),
                          *(f"{n} × {what}" for what, n in report["refused"].items())])
    circumstances = (f"{plan['participants']:,} 人", f"重发 {plan['duplicates']:.0%}", f"{plan['connections']} 条连接",
                     f"{report['shards']} 个分片", f"{report['machine']['cores']} 核", f"Python {report['machine']['python']}",
                     f"Redis {report['redis']['version']}（appendfsync {report['redis']['appendfsync']}）",
                     f"用时 {report['played_seconds']:g} 秒")
    return f"""<!doctype html><html lang="zh-CN"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>演练报告 {html.escape(report['campaign'])}</title><style>{STYLE}</style><main>
<h1>演练报告 <small class="sub">Rehearsal</small></h1>
<div class="verdict {'ok' if report['ok'] else 'bad'}">{verdict}</div>
<div class="sub">{'，'.join(circumstances)}{_killing(report)}</div>
<div class="sub">{_made_at(report['campaign'])} · {html.escape(report['campaign'])} ·
Wenming {report['product']['version']} {report['product']['commit'][:10]} · seed {plan['seed']}</div>{_small(plan)}
<div class="cards">{''.join(f'<div class="card"><b>{value}</b><span>{name}</span></div>' for value, name in cards)}</div>
{''.join(f'<h2>{title}</h2>{chart(series, report["killed_at"])}' for title, series in charts)}
<h2>应答 answers</h2><table>{answers}</table>
<h2>核对 audit</h2><table>{audited}</table>
{f'<h2>发现 findings</h2><pre>{html.escape(findings)}</pre>' if findings else ''}
</main></html>
"""


def _killing(report: dict[str, Any]) -> str:
    return f"，其间强制结束 {report['plan']['kill']} {len(report['killed_at'])} 次" if report["killed_at"] else ""


def _seconds(milliseconds: float) -> str:
    return f"{milliseconds / 1000:.3g}"


def _small(plan: dict[str, Any]) -> str:
    """A word where the figures by processor say little."""
    if plan["participants"] >= SMALL_PLAY:
        return ""
    return ('<div class="sub">人数少：每次应答的 CPU、海报速度和平均每秒主要是固定开销，不代表本机的能力 '
            "(few people: fixed costs outweigh in the figures by processor)</div>")


def _made_at(campaign: str) -> str:
    """When it began, which the campaign's name says."""
    second = campaign.rpartition("-")[2]
    return shanghai(int(second)).strftime("%Y-%m-%d %H:%M") if second.isdigit() else ""


def _answer(name: str) -> str:
    asked, _, status = name.partition(" ")
    said = SAID.get(status, "") if asked in ("salute", "again") or status not in ("200", "201") else ""
    return f"{ASKED.get(asked, html.escape(asked))} · {html.escape(status)} {said}"


def _audited(value: Any) -> str:
    if isinstance(value, bool):
        return "是 yes" if value else "否 no"
    if isinstance(value, dict):
        return "，".join(f"{AUDITED.get(name, name)} {_audited(n)}" for name, n in value.items())
    return f"{value:,}" if isinstance(value, int) else html.escape(str(value))


def _measured(samples: Sequence[dict[str, Any]], name: str) -> list[float | None]:
    """None while Redis did not answer."""
    return [sample[name] if sample["redis_bytes"] else None for sample in samples]


def _megabytes(samples: Sequence[dict[str, Any]], name: str) -> list[float | None]:
    return [sample[name] / MEGABYTE or None for sample in samples]


def chart(series: Sequence[Series], killed_at: Sequence[float] = ()) -> str:
    """One SVG with a line for each series, all on one scale, time from left to right; a dashed mark where something was killed."""
    top = _round_up(max((value or 0 for _, _, values in series for value in values), default=0))
    length = max(len(values) for _, _, values in series)
    lines = "".join(f'<polyline fill="none" stroke="{colour}" stroke-width="1.6" points="{points}"/>'
                    for _, colour, values in series for points in _pieces(values, top))
    grid = "".join(
        f'<line x1="{LEFT}" x2="{WIDTH - 8}" y1="{y:.0f}" y2="{y:.0f}" stroke="#eee9dd"/>'
        f'<text x="{LEFT - 8}" y="{y + 4:.0f}" text-anchor="end">{_figure(top * part)}</text>'
        for part in (0, 0.25, 0.5, 0.75, 1) for y in [HEIGHT - BOTTOM - part * (HEIGHT - BOTTOM - 12)])
    times = "".join(f'<text x="{LEFT + part * (WIDTH - LEFT - 8):.0f}" y="{HEIGHT - 6}" text-anchor="{anchor}">{length * part:.0f} s</text>'
                    for part, anchor in ((0, "start"), (0.5, "middle"), (1, "end")))
    marks = "".join(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="12" y2="{HEIGHT - BOTTOM}" stroke="{RED}" stroke-dasharray="2 4" opacity=".6"/>'
                    for second in killed_at for x in [LEFT + min(1.0, second / max(1, length - 1)) * (WIDTH - LEFT - 8)])
    key = "".join(f'<i style="background:{colour}"></i>{name}' for name, colour, _ in series)
    return (f'<div class="plot"><svg viewBox="0 0 {WIDTH} {HEIGHT}">{grid}{marks}{lines}{times}</svg></div>'
            f'<div class="key">{key}{_killed_key(killed_at)}</div>')


def _killed_key(killed_at: Sequence[float]) -> str:
    return f'<i style="background:{RED};width:2px"></i>强制结束 killed' if killed_at else ""


def _figure(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:g}"


def _pieces(values: Sequence[float | None], top: float) -> list[str]:
    """The points of each stretch without a gap."""
    step = max(1, -(-len(values) // MOST_POINTS))
    joined = [max((v for v in values[n:n + step] if v is not None), default=None) for n in range(0, len(values), step)]
    across, up = (WIDTH - LEFT - 8) / max(1, len(joined) - 1), (HEIGHT - BOTTOM - 12) / top
    pieces: list[list[str]] = [[]]
    for n, value in enumerate(joined):
        if value is not None:
            pieces[-1].append(f"{LEFT + n * across:.1f},{HEIGHT - BOTTOM - value * up:.1f}")
        elif pieces[-1]:
            pieces.append([])
    return [" ".join(piece) for piece in pieces if piece]


def _round_up(value: float) -> float:
    """The next number that reads well on a scale."""
    if value <= 0:
        return 1.0
    power = 10.0 ** (len(str(int(value))) - 1)
    return next(n * power for n in (1, 2, 2.5, 4, 5, 8, 10, 20) if n * power >= value)
