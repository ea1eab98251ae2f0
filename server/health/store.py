"""What MongoDB keeps of health: the newest judgement, and a bounded history of each part.

Owns: `health_now` (one document) and `health_history` (one document a minute for a day, one a quarter of an hour for a week).
Invariants: a stretch of history keeps the worst that was seen in it; nothing is kept longer than its span.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from server.stores import Database

Span = Literal["day", "week"]
# Stretch and life of each span: 1,440 points of a minute, 672 of a quarter of an hour.
STRETCHES: dict[Span, tuple[str, int, int]] = {"day": ("minute", 60, 86400), "week": ("quarter", 900, 7 * 86400)}
MAX_POINTS = 1440


class Judged(msgspec.Struct, frozen=True):
    """One part as it was judged last. `since`: when its level began, in seconds since 1970."""

    part: str
    level: str
    since: float
    value: float | None = None
    note: str = ""
    details: tuple[str, ...] = ()


class Now(msgspec.Struct, frozen=True):
    """The newest judgement; `epochs` and `raises` are for whoever judges next."""

    as_of: float
    by: str
    parts: dict[str, Judged]
    epochs: dict[str, int] = {}
    raises: list[float] = []


class HealthStore:
    """The only code that touches these collections. Raises PyMongoError."""

    def __init__(self, mongo: Database) -> None:
        self._now = mongo["health_now"]
        self._history = mongo["health_history"]

    async def keep(self, judged: Now, ranks: Mapping[str, int]) -> None:
        """The newest judgement, and its part of the history. `ranks`: part to how bad it is."""
        fields = {"as_of": judged.as_of, "json": msgspec.json.encode(judged).decode()}  # as text: a shard's name would be a path
        await self._now.update_one({"_id": "now"}, {"$set": fields}, upsert=True)
        # Flat names: an upsert of the embedded store takes a path with a dot for a name.
        worst: dict[str, Any] = {f"rank_{part}": rank for part, rank in ranks.items()}
        falling = {f"low_{part}": one.value for part, one in judged.parts.items() if one.value is not None}
        rising = {f"high_{part}": one.value for part, one in judged.parts.items() if one.value is not None}
        for name, seconds, _ in STRETCHES.values():
            start = int(judged.as_of // seconds * seconds)
            pos = _position(name, start)
            update: dict[str, Any] = {"$setOnInsert": {"pos": pos, "at": start}, "$max": worst | rising}
            await self._history.update_one({"_id": pos}, update | ({"$min": falling} if falling else {}), upsert=True)

    async def now(self) -> Now | None:
        found = await self._now.find_one({"_id": "now"})
        return msgspec.json.decode(found["json"], type=Now) if found else None

    async def history(self, part: str, span: Span, now: float, *, falling: bool) -> list[tuple[int, float | None, int]]:
        """(first second, worst value, worst rank) of each stretch of the span that anything is known of, oldest first."""
        name, seconds, life = STRETCHES[span]
        value, rank = f"{'low' if falling else 'high'}_{part}", f"rank_{part}"
        found = await self._history.find(
            {"pos": {"$gte": _position(name, int(now) - life), "$lt": f"{name};"}},
            {"at": 1, value: 1, rank: 1}).sort("pos", 1).limit(MAX_POINTS + 1).to_list(None)
        return [(d["at"], d.get(value), d[rank]) for d in found if rank in d]

    async def tidy(self, now: float) -> None:
        for name, _, life in STRETCHES.values():
            await self._history.delete_many({"pos": {"$gte": f"{name}:", "$lt": _position(name, int(now) - life)}})


def _position(name: str, second: int) -> str:
    return f"{name}:{second:010d}"
