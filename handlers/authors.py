"""From where a citizen's request comes, for the source record of what she writes or sends (server/reviewing/records.py)."""

from __future__ import annotations

from handlers.base import ApiHandler
from handlers.peers import Peers
from server.messages import Author


def author_of(handler: ApiHandler) -> Author:
    """The address as a trusted proxy tells it, the browser, the number of the request."""
    peers: Peers | None = handler.settings.get("peers")
    address = peers.client(handler.request.remote_ip or "", handler.request.headers) if peers else None
    return Author(str(address or ""), handler.request.headers.get("User-Agent", ""), handler.request_id)
