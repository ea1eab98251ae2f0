"""The page of a rehearsal."""

from __future__ import annotations

import pytest

from server.rehearsal.report import _round_up, chart, page, summary

REPORT = {
    "ok": False, "campaign": "rehearsal-1790811120", "shards": 1, "machine": {"cores": 2, "python": "3.11"}, "participants": 2_198_200,
    "plan": {"participants": 2_198_200, "duplicates": 0.2, "connections": 256, "kill": "redis", "seed": 1},
    "killed_at": [4.0, 8.0, 12.0], "wait_ms": {"p50": 20.0, "p99": 1200.0, "longest": 3400.0},
    "redis": {"version": "7.0.15", "appendfsync": "always"}, "product": {"version": "0.1.0", "commit": "0123456789abcdef"},
    "played_seconds": 360.0,
    "drained_seconds": 30.0, "accepted_per_second": 7000.5, "peak_second": 14000, "latency_ms": {"p50": 20.0, "p99": 100.0},
    "lost_before_receipts": 5, "lost": 1, "doubled": 0, "examples": ["#7: <b>told</b> 12"], "refused": {"salute 422 x": 2},
    "audit": {"ok": False, "findings": ["a cell without its document"]}, "answers": {"salute 201": 2_198_200},
    "memory": {"array_per_participant": 16.06}, "highest": {"server_rss": 200 << 20, "redis_rss": 100 << 20},
    "server_cpu_us_per_answer": 90.0, "posters_per_core_second": 110.0,
    "curve": [{"accepted": 10, "busy": 0, "unanswered": 0, "p50": 1.0, "p99": 2.0}] * 700,
    "samples": [{"backlog": 5, "server_rss": 1, "redis_rss": 1, "journal_bytes": 1, "redis_bytes": 1}] * 3}


def test_it_says_what_failed_and_shows_every_finding_as_text():
    shown = page(REPORT)
    assert "未通过" in shown and "5 → 1" in shown and "强制结束 redis 3 次" in shown and "2,198,200" in shown
    assert "&lt;b&gt;told&lt;/b&gt;" in shown and "<b>told</b>" not in shown
    assert "2026-10-01 07:32" in shown and "敬礼 salute · 201 首次计入" in shown and "一致 agrees</td><td>否" in shown
    assert "1.2 / 3.4 s" in shown and "Redis 7.0.15（appendfsync always）" in shown and "0123456789 " in shown
    assert "a cell without its document" in shown and "2 × salute 422 x" in shown
    assert shown.count("<svg") == 4 and "http" not in shown.replace("http-equiv", "")
    assert "未通过 FAILED" in summary(REPORT) and "通过 ok" in summary(REPORT | {"ok": True})


def test_a_rehearsal_of_nothing_still_has_a_page():
    assert "<svg" in page(REPORT | {"curve": [], "samples": [], "ok": True})


def test_a_second_in_which_nothing_could_be_measured_is_a_gap():
    assert chart([("a", "#000", [1, 2, None, None, 3, 4])]).count("<polyline") == 2


def test_what_was_killed_is_marked_on_every_curve():
    assert chart([("a", "#000", [1, 2, 3, 4])], [1.0, 2.0]).count("stroke-dasharray") == 2
    assert "强制结束 killed" in page(REPORT) and "强制结束 killed" not in page(REPORT | {"killed_at": []})


def test_a_play_of_few_people_says_what_its_figures_are_worth():
    few = REPORT["plan"] | {"participants": 300}
    assert "fixed costs" in page(REPORT | {"plan": few}) and "fixed costs" not in page(REPORT)


def test_a_curve_of_an_hour_stays_small():
    assert len(chart([("a", "#000", list(range(3600)))])) < 20_000


@pytest.mark.parametrize(("value", "top"), [(0, 1), (0.3, 1), (7, 8), (99, 100), (101, 200), (14_880, 20_000), (2_100_000, 2_500_000)])
def test_scales_end_at_a_number_that_reads_well(value, top):
    assert _round_up(value) == top
