"""Health as staff see it: every part with its level, thresholds, meaning and steps, its history, and the processes that report."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from server.clock import iso
from server.errors import InvalidBody, NotFound
from server.health import runbook
from server.health.judge import LEASE_SECONDS
from server.health.look import OUTAGE
from server.health.parts import BY_CODE, LEVEL_NAMES, PARTS, RANKS, Part
from server.health.rows import RowStore
from server.health.store import STRETCHES, HealthStore, Judged, Now
from server.stores import Document

logger = logging.getLogger(__name__)

# A judgement that is older than two leases is nobody's any more.
STALE_SECONDS = 2 * LEASE_SECONDS
NOBODY_JUDGES = "没有进程在判断：任务（jobs）进程没有运行，或刚刚启动"
LEVEL_OF = {rank: level for level, rank in RANKS.items()}


class HealthUnknown(NotFound):
    code = "HEALTH_PART_NOT_FOUND"
    message = "没有这个部件，请刷新本页"


class Health:
    """`steps`: the file of the runbook."""

    def __init__(self, store: HealthStore, rows: RowStore, steps: Path) -> None:
        self._store = store
        self._rows = rows
        self._steps = runbook.read(steps)

    async def view(self, now: float) -> Document:
        """Every part; all of them unknown where nobody has judged lately. Raises PyMongoError."""
        judged = await self._store.now()
        is_stale = judged is None or now - judged.as_of > STALE_SECONDS
        return {"as_of": iso(judged.as_of) if judged else None, "is_stale": is_stale, "judged_by": judged.by if judged else "",
                "items": [self._part(part, judged, is_stale, now) for part in PARTS], "processes": await self._processes(now), "next": None}

    def _part(self, part: Part, judged: Now | None, is_stale: bool, now: float) -> Document:
        one = judged.parts.get(part.code) if judged is not None and not is_stale else None
        one = one or Judged(part.code, "unknown", judged.as_of if judged else now, note=NOBODY_JUDGES)
        steps = self._steps[part.code]
        return {"part": part.code, "name": part.zh, "name_en": part.en, "unit": part.unit, "level": one.level,
                "level_name": LEVEL_NAMES[one.level], "since": iso(one.since), "value": one.value, "note": one.note,  # type: ignore[index]
                "details": one.details, "yellow": part.yellow, "red": part.red, "falling": part.falling, "why": part.why,
                "means": part.means, "steps": steps.steps, "steps_en": steps.steps_en}

    async def _processes(self, now: float) -> list[dict[str, Any]]:
        """Fails open: without Redis nobody is named."""
        try:
            rows = await self._rows.all(now)
        except OUTAGE as error:
            logger.info("processes are not named: %s", type(error).__name__)
            return []
        return [{"process": row.process, "roles": row.roles, "at": iso(row.at), "started_at": iso(row.started_at),
                 "is_silent": row.is_silent(now), "answered": row.answered, "sockets": row.sockets} for row in rows]

    def first_step(self, part: str) -> str:
        """What the runbook says to do first about a part."""
        return next(iter(self._steps[part].steps), "")

    async def history(self, code: str, span: str, now: float) -> Document:
        """A part's curve: (time, worst value, worst level) of each stretch. Raises HealthUnknown, InvalidBody."""
        part = BY_CODE.get(code)
        if part is None:
            raise HealthUnknown()
        if span not in STRETCHES:
            raise InvalidBody(message="span 写 day 或 week", field="span")
        found = await self._store.history(code, span, now, falling=part.falling)
        return {"part": code, "span": span, "seconds": STRETCHES[span][1],
                "items": [[iso(at), value, LEVEL_OF[rank]] for at, value, rank in found], "next": None}
