"""The duty log 值班日志 of a campaign: what people write while they watch, and what the product writes beside it.

`entry` keeps, `service` is what people ask for, `gathering` carries switches and states over from the audit log.
"""

from server.duty.entry import KIND_NAMES, DutyStore, Entry
from server.duty.gathering import Gathering
from server.duty.service import HEADER, DutyLog, Seen, checked_day

__all__ = ["HEADER", "KIND_NAMES", "DutyLog", "DutyStore", "Entry", "Gathering", "Seen", "checked_day"]
