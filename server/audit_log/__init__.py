"""The audit log 审计日志: who did what to what, when, from where; only ever added to, and able to prove it.

Owns: `audit_log`, and the anchor file of the data folder. Invariants: entries are numbered 1, 2, 3 … without a gap, each
carries a keyed digest over itself and the digest before it, and none is ever changed or removed: there is no code that could.
Secrets and personal data are masked before an entry is made.

How two processes add at once: an entry's `_id` is its number, so that the one insert is the whole step. Whoever comes second is
refused by MongoDB as a duplicate, reads the end of the chain and takes the next number.

Failure policy: closed. What cannot be logged is answered with 503.
"""

from server.audit_log.chain import Anchor, AnchorFile, Report
from server.audit_log.export import BOM, HEADER, csv_of, row_of
from server.audit_log.service import Asked, AuditLog, AuditLogStore

__all__ = ["BOM", "HEADER", "Anchor", "AnchorFile", "Asked", "AuditLog", "AuditLogStore", "Report", "csv_of", "row_of"]
