"""Exports of rows of persons, through the staff's interface: one member asks, a second consents, whoever asked fetches the file."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import structs

from handlers.staff import StaffHandler
from handlers.streams import CSV, XLSX, StreamHandler
from server.clock import iso
from server.reports import Export
from server.reports.exports import KEPT_SECONDS, STATE_NAMES, Format


class ExportBody(msgspec.Struct, forbid_unknown_fields=True):
    """What is wanted and what for; days such as 20261001, both within."""

    reason: str
    format: Format = "xlsx"
    region: str = ""
    first_day: str = ""
    last_day: str = ""


class ConsentBody(msgspec.Struct, forbid_unknown_fields=True):
    consent: bool


def export_view(export: Export) -> dict[str, Any]:
    found = {name: value for name, value in structs.asdict(export).items() if name not in ("due", "attempt", "parts")}
    times = {name: iso(found[name]) if found[name] else None for name in ("asked_at", "decided_at", "ready_at")}
    return {**found, **times, "state_name": STATE_NAMES[export.state], "file_name": export.file_name,
            "kept_until": iso(export.ready_at + KEPT_SECONDS) if export.ready_at else None}


class List(StaffHandler):
    async def get(self, slug: str) -> None:
        """A campaign's exports, newest first."""
        await self.member("editor", "operator", "auditor", campaign=slug)
        campaign = await self.services.campaigns.get_any(slug)
        found, following = await self.services.exports.page(campaign, self.get_query_argument("cursor", ""))
        self.reply({"items": list(map(export_view, found)), "next": following})

    async def post(self, slug: str) -> None:
        """Ask for rows with a reason; nothing is made before a second person consents."""
        member, body = await self.member("editor", "operator", "auditor", campaign=slug), self.body(ExportBody)
        campaign = await self.services.campaigns.get_any(slug)
        export = await self.services.exports.ask(campaign, member, Export(
            "", slug, body.format, body.reason, member.name, self.now(), body.region, body.first_day, body.last_day))
        await self.log(member, "export.ask", export.id, campaign=slug, reason=export.reason, format=export.format, region=export.region,
                       first_day=export.first_day, last_day=export.last_day)
        self.reply(export_view(export), 201)


class One(StaffHandler):
    async def get(self, export_id: str) -> None:
        """How far an export is: rows done of rows."""
        await self.member("editor", "operator", "auditor")
        self.reply(export_view(await self.services.exports.find(export_id)))


class Consent(StaffHandler):
    async def put(self, export_id: str) -> None:
        """A second person's word: an admin's or auditor's who did not ask herself."""
        member, consents = await self.member("auditor", fresh=True), self.body(ConsentBody).consent
        export = await self.services.exports.decide(export_id, member, consents, self.now())
        await self.log(member, "export.consent" if consents else "export.refuse", export_id, asked_by=export.asked_by)
        self.reply(export_view(export))


class File(StreamHandler):
    async def get(self, export_id: str) -> None:
        """The file, for who asked for it, admins and auditors; each time is in the audit log."""
        member = await self.member("editor", "operator", "auditor")
        export = await self.services.exports.open(export_id, member, self.now())
        await self.log(member, "export.download", export_id, rows=export.rows)
        await self.send(self.services.exports.file(export), XLSX if export.format == "xlsx" else CSV, export.file_name)
