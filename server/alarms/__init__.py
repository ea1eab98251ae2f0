"""Alarms 告警: who is told when a part of the product fails, once, and again when it is well.

Owns: the rules (for how long a part must be red), the open alarms with their acknowledgement and escalation (`alarms`, one document a
part), what became of them (`alarm_log`), silences (`alarm_silences`). alarm.py (records, rules, words), store.py (their collections),
service.py.
Does not own: what is red (server/health), how a group is told (server/robots.py).
Invariants: a part has one open alarm at most, whatever is judged by how many processes; each step of it (rings, escalates, is resolved) is
told once, by whoever claimed it; unknown resolves nothing; a silenced part rings when its silence ends, if it is still red.

Failure policy: open: an alarm that nobody took is told again at the next turns, a bounded number of times; without MongoDB alarms are told
all the same, once for each outage, by a mark in Redis, and without that too, once by each process.
"""

from __future__ import annotations

from server.alarms.alarm import RULES, Alarm, Rule, Silence
from server.alarms.service import Alarms
from server.alarms.store import AlarmStore

__all__ = ["RULES", "Alarm", "AlarmStore", "Alarms", "Rule", "Silence"]
