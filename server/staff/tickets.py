"""What is under way between two steps of a person: a sign-in that waits for its second factor, and a code that a phone scans.

Owns: `staff_tickets`. Invariants: a ticket is kept as a hash, lives for minutes and is used once.
"""

from __future__ import annotations

import secrets
from typing import Any

from server.staff.sessions import key_of
from server.stores import Database, Document, DuplicateKeyError

# Time to find the phone, unlock it and type.
TICKET_SECONDS = 5 * 60
TICKET_BYTES = 32
# A code on the screen that was mistyped is shown anew a few times; then the sign-in begins again.
MAX_CODES = 5
# Two digits to compare keep a person from approving what somebody else began; a wrong one spends the ticket.
NUMBERS = range(10, 100)


class TicketStore:
    def __init__(self, mongo: Database) -> None:
        self._tickets = mongo["staff_tickets"]

    async def open(self, kind: str, name: str, now: float, **more: Any) -> tuple[str, Document]:
        """A new ticket's secret and document. `kind`: sign_in, bind or approve."""
        while True:
            secret = secrets.token_urlsafe(TICKET_BYTES)
            ticket = {"_id": key_of(secret), "kind": kind, "name": name, "opened_at": now, "expires_at": now + TICKET_SECONDS, **more}
            try:
                await self._tickets.insert_one(ticket)
            except DuplicateKeyError:
                continue
            return secret, ticket

    async def find(self, secret: str, now: float, *kinds: str) -> Document | None:
        found = await self._tickets.find_one({"_id": key_of(secret)})
        return found if found and found["kind"] in kinds and found["expires_at"] > now else None

    async def take(self, secret: str, now: float, *kinds: str) -> Document | None:
        """The ticket, spent: who comes second gets None."""
        found = await self.find(secret, now, *kinds)
        taken: Document | None = await self._tickets.find_one_and_delete({"_id": found["_id"]}) if found else None
        return taken

    async def ask(self, key: str) -> bool:
        """Count a code that the sign-in shows to a phone; False past MAX_CODES."""
        return (await self._tickets.update_one({"_id": key, "asked": {"$lt": MAX_CODES}}, {"$inc": {"asked": 1}})).matched_count == 1

    async def approve(self, key: str) -> bool:
        """Note on a sign-in that the phone said yes."""
        return (await self._tickets.update_one({"_id": key}, {"$set": {"approved": 1}})).matched_count == 1

    async def drop(self, key: str) -> None:
        await self._tickets.delete_one({"_id": key})

    async def tidy(self, now: float) -> None:
        await self._tickets.delete_many({"expires_at": {"$lte": now}})


def new_number() -> str:
    return str(secrets.choice(NUMBERS))
