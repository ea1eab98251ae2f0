"""Operations: alive, ready, which build, and the metrics."""

from __future__ import annotations

from handlers.base import ApiHandler
from handlers.peers import Peers
from server.errors import NotFound
from server.metrics import CONTENT_TYPE
from server.version import VERSION, commit


class TrustedHandler(ApiHandler):
    """Knows whether the caller is on this machine or in a trusted network."""

    def is_trusted(self) -> bool:
        """Whether details may be shown to the caller."""
        peers: Peers = self.settings["peers"]
        return peers.is_trusted(peers.client(self.request.remote_ip or "", self.request.headers))


class Live(ApiHandler):
    def get(self) -> None:
        """Alive: this process answers. Asks nobody."""
        self.reply({"status": "alive"})


class Ready(TrustedHandler):
    async def get(self) -> None:
        """Ready: both stores answer, and the process is not about to stop. What each store said is told to trusted callers only."""
        report = await self.services.readiness.report()
        answer: dict[str, object] = {"status": report.status}
        if self.is_trusted():
            answer["stores"] = report.stores
        self.reply(answer, 200 if report.ready else 503)


class Version(ApiHandler):
    def get(self) -> None:
        """Which build answers."""
        self.reply({"name": "wenming", "version": VERSION, "commit": commit()})


class Metrics(TrustedHandler):
    def get(self) -> None:
        """Everything measured, in Prometheus' text format, for trusted callers only."""
        if not self.is_trusted():
            raise NotFound()
        self.set_header("Content-Type", CONTENT_TYPE)
        self.finish(self.services.metrics.snapshot())
