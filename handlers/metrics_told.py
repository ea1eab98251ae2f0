"""The metrics of all processes: the list that Prometheus reads, and the table for staff."""

from __future__ import annotations

from handlers.health import TrustedHandler
from handlers.staff import StaffHandler
from server.errors import NotFound


class Targets(TrustedHandler):
    async def get(self) -> None:
        """Where each process's metrics are read, as Prometheus' http_sd wants it, for trusted callers only."""
        if not self.is_trusted():
            raise NotFound()
        self.reply(await self.services.watching.processes.targets(self.now()))


class Table(StaffHandler):
    async def get(self) -> None:
        """Every metric, what is normal, and what all processes measured."""
        await self.member("operator", "auditor")
        self.reply(await self.services.watching.processes.overview(self.now()))
