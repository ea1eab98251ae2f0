"""What the counters say at one moment: of one shard, and of a campaign's period as the sum of its shards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class ShardFigures:
    """One shard's figures, all read in one call. Activities are keyed by their bit, minutes by minutes since 1970."""

    ready: bool
    birth: str
    epoch: int
    seq: int
    ordinal: int
    watermark: int
    voids: int
    participants: int
    by_bit: dict[int, int]
    by_region: dict[str, int]
    by_minute: dict[int, int]
    by_unit: dict[str, int]
    journal_entries: int
    as_of: int

    @property
    def backlog(self) -> int:
        """Changes that MongoDB does not have yet."""
        return max(0, self.seq - self.watermark)


@dataclass(frozen=True)
class Figures:
    """A period's figures. `by_minute`: (first second of the minute, new participants), oldest first, empty minutes left out."""

    participants: int = 0
    participations: int = 0
    by_activity: dict[str, int] = field(default_factory=dict)
    by_region: dict[str, int] = field(default_factory=dict)
    by_minute: tuple[tuple[int, int], ...] = ()
    by_unit: dict[str, int] = field(default_factory=dict)
    voids: int = 0
    backlog: int = 0
    as_of: float = 0.0
    stale_shards: int = 0
    period: str = "all"


def parse_shard(reply: Sequence[Any]) -> ShardFigures:
    """The answer of figures.lua as a record."""
    meta, totals, minutes, units, entries, run_id, now = reply
    numbers = [int(value or 0) for value in (meta[0], *meta[3:7])]
    by_bit: dict[int, int] = {}
    by_region: dict[str, int] = {}
    participants = 0
    for name, value in pairs(totals):
        if name == "p":
            participants = int(value)
        elif name.startswith("a:"):
            by_bit[int(name[2:])] = int(value)
        else:
            by_region[name[2:]] = int(value)
    return ShardFigures(
        ready=bool(meta[0]) and meta[2] not in (None, b"closed") and meta[1] == run_id,
        birth=(meta[7] or b"").decode(), epoch=numbers[0], seq=numbers[1], ordinal=numbers[2], watermark=numbers[3], voids=numbers[4],
        participants=participants, by_bit=by_bit, by_region=by_region,
        by_minute={int(name): int(value) for name, value in pairs(minutes) if int(value)},
        by_unit={name: int(value) for name, value in pairs(units)}, journal_entries=int(entries), as_of=int(now))


def pairs(flat: Sequence[bytes] | Mapping[bytes, bytes]) -> list[tuple[str, bytes]]:
    """Redis's name, value, name, value … (a map under RESP3) as tuples."""
    if isinstance(flat, Mapping):
        return [(name.decode(), value) for name, value in flat.items()]
    return [(flat[i].decode(), flat[i + 1]) for i in range(0, len(flat), 2)]


def total(shards: Sequence[ShardFigures], activities: Sequence[str], period: str, stale_shards: int = 0) -> Figures:
    """The sum over shards, every activity present."""
    by_region: dict[str, int] = {}
    by_minute: dict[int, int] = {}
    by_unit: dict[str, int] = {}
    by_activity = dict.fromkeys(activities, 0)
    for shard in shards:
        for source, target in ((shard.by_region, by_region), (shard.by_unit, by_unit)):
            for name, n in source.items():
                target[name] = target.get(name, 0) + n
        for minute, n in shard.by_minute.items():
            by_minute[minute] = by_minute.get(minute, 0) + n
        for bit, n in shard.by_bit.items():
            if bit < len(activities):
                by_activity[activities[bit]] += n
    return Figures(
        participants=sum(s.participants for s in shards), participations=sum(by_activity.values()),
        by_activity=by_activity, by_region=by_region, by_minute=tuple((m * 60, n) for m, n in sorted(by_minute.items())),
        by_unit=by_unit, voids=sum(s.voids for s in shards), backlog=sum(s.backlog for s in shards),
        as_of=float(max((s.as_of for s in shards), default=0)), stale_shards=stale_shards, period=period)
