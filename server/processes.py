"""The processes of this product: where each one's metrics are read, and the figures of all of them together.

Owns: what Prometheus is told by http_sd (`/metrics/targets`) and staff see as one table (`/api/v1/staff/metrics`), made of the rows that
each process tells of itself (server/health/rows.py). Several processes may answer at one port (SO_REUSEPORT), and whoever reads /metrics
there gets any of them; so each takes a port of its own for its metrics where WENMING_METRICS_PORT says so.
Invariants: who fell silent without a farewell stays a target for some minutes, so that its alarm can ring, and is in no figure.

Failure policy: closed: Prometheus then keeps the list that it had.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from server.clock import iso
from server.dashboards import limit
from server.health.rows import RowStore
from server.metrics import METRICS, Metric
from server.quantiles import quantile


class Processes:
    """Reads the rows that processes tell (server/health/rows.py)."""

    def __init__(self, rows: RowStore) -> None:
        self._rows = rows

    async def targets(self, now: float) -> list[dict[str, Any]]:
        """What Prometheus' http_sd asks for. Raises RedisError."""
        rows = sorted(await self._rows.all(now), key=lambda row: row.at)
        roles = {row.address: ",".join(row.roles) for row in rows if row.address}
        return [{"targets": [address], "labels": {"roles": roles[address]}} for address in sorted(roles)]

    async def overview(self, now: float) -> dict[str, Any]:
        """Every metric with its words and what all processes together measured, some seconds old. Raises RedisError."""
        told = [row for row in await self._rows.all(now) if not row.is_silent(now)]
        items = [_view(metric, [one.figures[metric.name] for one in told if metric.name in one.figures]) for metric in METRICS]
        return {"items": items, "next": None, "as_of": iso(now),
                "processes": [{"roles": one.roles, "address": one.address} for one in told]}


def _view(metric: Metric, figures: Sequence[Sequence[float]]) -> dict[str, Any]:
    """One metric for people. Figures of another release, which has other series, are left out."""
    count = len(metric.buckets) + 3 if metric.kind == "histogram" else len(list(metric.series()))
    fitting = [values for values in figures if len(values) == count]
    how: dict[str, Callable[[Sequence[float]], float]] = {"sum": sum, "max": max, "min": min}
    joined = [float(how[metric.joined](column)) for column in zip(*fitting, strict=True)] if fitting else [0.0] * count
    view: dict[str, Any] = {
        "name": metric.name, "section": metric.section.title, "kind": metric.kind, "title": metric.title, "help": metric.help,
        "unit": metric.unit, "normal": metric.normal, "limit": limit(metric), "step": metric.alarm.step if metric.alarm else "",
        "series": [], "observed": None}
    if metric.kind == "histogram":
        counts = joined[2:]
        view["observed"] = {"count": int(joined[0]),
                            "p50": quantile(metric.buckets, counts, 0.5), "p99": quantile(metric.buckets, counts, 0.99)}
    else:
        view["series"] = [{"labels": dict(zip(metric.labels, values, strict=True)), "value": value}
                          for values, value in zip(metric.series(), joined, strict=True)]
    return view
