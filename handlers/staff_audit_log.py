"""The audit log, for admins and auditors: read and taken away as a table. No verb changes it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from handlers.staff import StaffHandler
from server.audit_log import BOM, HEADER, Asked, csv_of, row_of
from server.clock import iso
from server.errors import InvalidBody

# What is exported is itself logged, with what was asked for.
FILTERS = ("who", "action", "subject", "since", "until")


def entry_view(entry: dict[str, Any]) -> dict[str, Any]:
    return {"seq": entry["seq"], "at": iso(entry["at"]), "hash": entry["hash"],
            **{name: entry[name] for name in ("who", "role", "action", "subject", "origin", "detail", "before", "after")}}


class AuditLogHandler(StaffHandler):
    def asked(self) -> Asked:
        """Raises InvalidBody."""
        who, action, subject = (self.get_query_argument(name, "") for name in FILTERS[:3])
        return Asked(who, action, subject, self._time("since"), self._time("until"))

    def _time(self, name: str) -> float | None:
        text = self.get_query_argument(name, "")
        try:
            return datetime.fromisoformat(text).astimezone().timestamp() if text else None
        except (ValueError, OverflowError) as error:
            raise InvalidBody(message=f"{name} 应为时间，例如 2026-10-01T08:00:00+08:00", field=name) from error


class Entries(AuditLogHandler):
    async def get(self) -> None:
        """Who did what to what, newest first."""
        await self.member("auditor")
        found, following = await self.services.staff.audit_log.page(self.asked(), self.get_query_argument("cursor", ""))
        self.reply({"items": list(map(entry_view, found)), "next": following})


class Table(AuditLogHandler):
    async def get(self) -> None:
        """The same as a file for Excel, newest first, at most 100,000 rows."""
        member, asked = await self.member("auditor", fresh=True), self.asked()
        given = {name: value for name in FILTERS if (value := self.get_query_argument(name, ""))}
        await self.log(member, "audit_log.export", "audit_log", asked=given)
        self.set_header("Content-Type", "text/csv; charset=UTF-8")
        self.set_header("Content-Disposition", 'attachment; filename="audit-log.csv"')
        self.set_header("Cache-Control", "no-store")
        self.write(BOM.encode() + csv_of([HEADER]))
        async for entries in self.services.staff.audit_log.all_of(asked):
            self.write(csv_of(map(row_of, entries)))
            await self.flush()
