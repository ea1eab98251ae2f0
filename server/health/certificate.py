"""How many days the certificate of the public host is still good.

Invariants: one bounded connection an hour, to the host that citizens use, and nothing is sent over it.
Failure policy: open: who cannot be reached from here leaves the part unknown; one that is refused is red.
"""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

# A certificate changes each few weeks; one that could not be looked at is tried again sooner.
EVERY_SECONDS, AGAIN_SECONDS = 3600, 300
# A handshake takes half a second over a bad line.
CONNECT_SECONDS = 5.0
DAY_SECONDS = 86400


@dataclass(frozen=True)
class Found:
    """`days` None: not known, `problem` says why; `refused`: browsers refuse it too."""

    days: float | None
    problem: str = ""
    refused: bool = False


class Certificate:
    """`context`: what is trusted; the system's authorities where it is None."""

    def __init__(self, public_url: str, context: ssl.SSLContext | None = None) -> None:
        url = urlsplit(public_url)
        self._host = url.hostname or ""
        self._port = url.port or 443
        self._applies = url.scheme == "https"
        self._context = context
        self._found = Found(None, "还没有查看")
        self._again_at = float("-inf")

    async def look(self, now: float) -> Found:
        """What is known, looked at again where that is due."""
        if not self._applies:
            return Found(None, "公网地址不是 https，没有证书可查")
        if now >= self._again_at:
            self._found = await self._ask(now)
            self._again_at = now + (AGAIN_SECONDS if self._found.days is None else EVERY_SECONDS)
        return self._found

    async def _ask(self, now: float) -> Found:
        context = self._context or ssl.create_default_context()
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                _, writer = await asyncio.open_connection(self._host, self._port, ssl=context, server_hostname=self._host)
        except ssl.SSLCertVerificationError as error:
            return Found(None, f"证书不被信任：{error.verify_message}", refused=True)
        except (OSError, TimeoutError) as error:
            return Found(None, f"从这里连不上公网域名（{type(error).__name__}）")
        told: dict[str, Any] = writer.get_extra_info("peercert") or {}
        writer.transport.abort()
        if "notAfter" not in told:
            return Found(None, "证书里没有到期日")
        return Found(round((ssl.cert_time_to_seconds(told["notAfter"]) - now) / DAY_SECONDS, 1))
