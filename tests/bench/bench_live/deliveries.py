"""What the readers' records say of a stretch of time: was every tick delivered to all, and how late."""

from __future__ import annotations

import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tests.bench.bench_live.readers import KINDS, Records

SNAPSHOT, DELTA = KINDS[b"snapshot"], KINDS[b"delta"]


def percentile(figures: Sequence[float], share: float) -> float:
    """Of sorted figures."""
    return figures[min(len(figures) - 1, int(len(figures) * share))] if figures else 0.0


@dataclass
class Deliveries:
    """`wanted`: tick times reader, of readers that stood before the tick. `skipped`: a later snapshot said it instead. Delays in seconds
    after the first reader of all had the tick, sorted."""

    ticks: int
    wanted: int
    skipped: int
    lost: int
    delays: array.array[float]

    @property
    def line(self) -> str:
        p50, p99, most = (1000 * percentile(self.delays, share) for share in (0.5, 0.99, 1.0))
        return (f"{self.ticks} ticks, {self.wanted:,} deliveries, lost {self.lost}, skipped for a snapshot {self.skipped}; "
                f"p50 {p50:.0f} ms, p99 {p99:.0f} ms, longest {most:.0f} ms")


def deliveries(records: Sequence[Records], opened: Sequence[Mapping[int, float]], since: float, until: float, end: float) -> Deliveries:
    """Of the ticks that began from `since` to `until`, what came until `end`; a later process counts its frames from one again.

    `opened`: of each record's readers, since when their sockets stand; only what came after that counts.
    """
    records = [record.before(end) for record in records]
    firsts: dict[int, float] = {}
    for record, stands in zip(records, opened, strict=True):
        for at, number, reader, kind in zip(record.times, record.ids, record.readers, record.kinds, strict=True):
            if kind == DELTA and at >= stands.get(reader, float("inf")):
                firsts[number] = min(at, firsts.get(number, at))
    ticks = sorted(number for number, at in firsts.items() if since <= at < until)
    result = Deliveries(len(ticks), 0, 0, 0, array.array("d"))
    if not ticks:
        return result
    delays: list[float] = []
    for record, stands in zip(records, opened, strict=True):
        _of(record, stands, firsts, ticks, result, delays)
    result.delays = array.array("d", sorted(delays))
    return result


def _of(record: Records, stands: Mapping[int, float], firsts: Mapping[int, float], ticks: Sequence[int], result: Deliveries,
        delays: list[float]) -> None:
    wanted = set(ticks)
    got: dict[int, set[int]] = {reader: set() for reader in stands}
    told: dict[int, int] = {}  # the newest snapshot of each
    for at, number, reader, kind in zip(record.times, record.ids, record.readers, record.kinds, strict=True):
        if at < stands.get(reader, float("inf")):
            continue
        if kind == SNAPSHOT:
            told[reader] = max(number, told.get(reader, 0))
        elif kind == DELTA and number in wanted:
            got[reader].add(number)
            delays.append(at - firsts[number])
    for reader, since in stands.items():
        missed = [number for number in ticks if firsts[number] > since and number not in got[reader]]
        result.wanted += len(got[reader]) + len(missed)
        skipped = sum(number <= told.get(reader, 0) for number in missed)
        result.skipped += skipped
        result.lost += len(missed) - skipped
