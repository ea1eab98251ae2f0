"""Sessions of staff: opened, listed, ended.

Owns: `staff_sessions`. Invariants: a session is kept as a hash of its secret; it ends after a shift, and earlier where nobody uses it;
every request asks MongoDB, so that an end holds in every process at once.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from typing import Any

from server.clock import iso
from server.staff.tries import network_of
from server.stores import Database, Document

# Long enough for a shift, short enough for a screen left open.
SESSION_SECONDS = 8 * 3600
# A meeting or a lunch; whoever is at work asks something more often.
IDLE_SECONDS = 3600
# When it was used last is written at most so often: a page asks many times a minute.
SEEN_SECONDS = 60
# A desk, a phone and the wall; the oldest makes room for the next.
MAX_SESSIONS = 10
# 256 bits: a session cannot be guessed.
SESSION_BYTES = 32
ID_CHARACTERS = 16
# In this order: each browser also writes the names of those after it.
BROWSERS = (("MicroMessenger", "微信"), ("Edg/", "Edge"), ("OPR/", "Opera"), ("QQBrowser", "QQ 浏览器"), ("Firefox/", "Firefox"),
            ("Chrome/", "Chrome"), ("Safari/", "Safari"))
SYSTEMS = (("HarmonyOS", "鸿蒙"), ("Android", "Android"), ("iPhone", "iPhone"), ("iPad", "iPad"), ("Windows", "Windows"),
           ("Mac OS X", "macOS"), ("Linux", "Linux"))


@dataclass(frozen=True)
class Origin:
    """Where a request of staff comes from: its address, as far as it is known, and what the browser says of itself."""

    address: str = ""
    agent: str = ""

    @property
    def place(self) -> str:
        """The address shortened to what tells an office from a café and nobody's desk: 203.0.113.0/24."""
        return network_of(self.address, 48, 24) or ("本机" if self.address else "")

    @property
    def browser(self) -> str:
        """Family and system alone."""
        found = [next((name for mark, name in table if mark in self.agent), "") for table in (BROWSERS, SYSTEMS)]
        return " · ".join(filter(None, found)) or "其他"


class SessionStore:
    """The only code that touches `staff_sessions`."""

    def __init__(self, mongo: Database) -> None:
        self._sessions = mongo["staff_sessions"]

    async def open(self, name: str, origin: Origin, now: float) -> tuple[str, Document]:
        """A new session's secret and document; the oldest of a member who has too many end."""
        secret = secrets.token_urlsafe(SESSION_BYTES)
        session = {"_id": key_of(secret), "name": name, "csrf": secrets.token_hex(16), "opened_at": now,
                   "expires_at": now + SESSION_SECONDS, "seen_at": now, "authenticated_at": now,
                   "address": origin.place, "browser": origin.browser}
        await self._sessions.insert_one(session)
        for old in (await self.of(name, now))[MAX_SESSIONS:]:
            await self.close(old["_id"])
        return secret, session

    async def find(self, secret: str) -> Document | None:
        return await self._sessions.find_one({"_id": key_of(secret)})

    async def of(self, name: str, now: float) -> list[Document]:
        """A member's sessions that live, the newest first."""
        found = await self._sessions.find({"name": name}).limit(10 * MAX_SESSIONS).to_list(None)
        return sorted((one for one in found if lives(one, now)), key=lambda one: -one["opened_at"])

    async def seen(self, key: str, now: float) -> None:
        await self._sessions.update_one({"_id": key}, {"$max": {"seen_at": now}})

    async def authenticated(self, key: str, now: float) -> None:
        await self._sessions.update_one({"_id": key}, {"$max": {"authenticated_at": now}})

    async def close(self, key: str) -> None:
        await self._sessions.delete_one({"_id": key})

    async def close_of(self, name: str) -> None:
        await self._sessions.delete_many({"name": name})

    async def close_all(self) -> None:
        """After a restore: who had signed out or lost her role since the backup would be in again."""
        await self._sessions.delete_many({"expires_at": {"$gt": 0}})

    async def tidy(self, now: float) -> None:
        await self._sessions.delete_many({"expires_at": {"$lte": now}})


def key_of(secret: str) -> str:
    """How a secret is kept: it is random enough to need no slow hash."""
    return hashlib.sha256(secret.encode()).hexdigest()


def id_of(session: Document) -> str:
    """How a list names it: the beginning of a hash, which opens nothing."""
    return str(session["_id"][:ID_CHARACTERS])


def lives(session: Document, now: float) -> bool:
    return bool(session["expires_at"] > now and session.get("seen_at", 0.0) + IDLE_SECONDS > now)


def session_view(session: Document, own: str) -> dict[str, Any]:
    """As its owner and admins see it. `own`: the id of the one that asks."""
    return {"id": id_of(session), "opened_at": iso(session["opened_at"]), "seen_at": iso(session["seen_at"]),
            "expires_at": iso(session["expires_at"]), "address": session["address"], "browser": session["browser"],
            "current": id_of(session) == own}
