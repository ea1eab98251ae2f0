"""Health 运行状态 of the product: what each process tells of itself, what one of them sees of the stores, and what that means.

Owns: the table of parts with their thresholds (parts.py), the rows of processes (rows.py), the look at stores, shards and accounts
(look.py), the comparison of counters and documents (census.py), the certificate of the public host (certificate.py), the judgement and its
history (judge.py, store.py), the steps of the runbook (runbook.py), and the view of the staff (service.py).
Does not own: who is told (server/alarms), the figures themselves.
Invariants: what was not heard of is unknown, never green; one process judges at a time, and whoever dies is followed within a lease; rows,
history and details are bounded; a look changes nothing and spends no quota of the platform.

Failure policy: open: a store that is away makes its part red and what came from it unknown; nothing of counting waits for a look.
"""

from __future__ import annotations

from server.health.judge import Judge
from server.health.look import Look
from server.health.parts import BY_CODE, PARTS, Level, Part
from server.health.rows import Reporter, Row, RowStore
from server.health.service import Health, HealthUnknown
from server.health.store import HealthStore

__all__ = ["BY_CODE", "PARTS", "Health", "HealthStore", "HealthUnknown", "Judge", "Level", "Look", "Part", "Reporter", "Row", "RowStore"]
