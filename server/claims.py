"""Claims: what only one process may do at a time, such as publishing a menu, has one owner until it ends or its lease does.

Owns: `claims`, one document a thing that is being done. Does not own: what is done, and what is kept of it.
Invariants: a thing has one owner at a time; an owner that died is followed by the next who asks once its lease is over; an owner that
lost its lease hears so before its next step.

Failure policy: closed: without MongoDB nothing is begun.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from server.errors import WenmingError
from server.stores import Database, DuplicateKeyError

# Longer than any one call of the platform with its tries and the renewal of a token, and short enough to wait for after a kill.
LEASE_SECONDS = 90.0
LOOK_AGAIN_SECONDS = 0.2
# A call of the platform takes a second or two, an upload a few more; who asks for the same meanwhile gets what came of it.
WAIT_FOR_SAME_SECONDS = 10.0


class Claim:
    """One that is held. `busy` is raised where it was lost."""

    def __init__(self, claims: Claims, what: str, owner: str, now: float, busy: WenmingError) -> None:
        self._claims = claims
        self._what = what
        self._owner = owner
        self._busy = busy
        self._began = asyncio.get_running_loop().time() - now

    async def extend(self) -> None:
        """Before each further step: a whole lease from here on. Raises `busy` where somebody else has it by now."""
        now = asyncio.get_running_loop().time() - self._began
        if not await self._claims.extend(self._what, self._owner, now + LEASE_SECONDS):
            raise self._busy


class Claims:
    """The only code that touches `claims`."""

    def __init__(self, mongo: Database) -> None:
        self._claims = mongo["claims"]

    @asynccontextmanager
    async def held(self, what: str, now: float, busy: WenmingError, *, lease_seconds: float = LEASE_SECONDS,
                   wait_seconds: float = 0.0) -> AsyncIterator[Claim]:
        """Hold it for the block. Raises `busy` where somebody else has it, and still has it after `wait_seconds`."""
        owner, loop = secrets.token_hex(8), asyncio.get_running_loop()
        began = loop.time()
        while not await self._take(what, owner, now + loop.time() - began, lease_seconds):
            if loop.time() - began >= wait_seconds:
                raise busy
            await asyncio.sleep(LOOK_AGAIN_SECONDS)
        try:
            yield Claim(self, what, owner, now + loop.time() - began, busy)
        finally:
            await self.leave(what, owner)

    async def keep(self, what: str, owner: str, now: float, lease_seconds: float) -> bool:
        """Take it, or hold it for longer; False while somebody else has it. For what goes on as long as the process."""
        return await self.extend(what, owner, now + lease_seconds) or await self._take(what, owner, now, lease_seconds)

    async def leave(self, what: str, owner: str) -> None:
        """A clean stop hands over at once."""
        await self._claims.delete_one({"_id": what, "owner": owner})

    async def extend(self, what: str, owner: str, until: float) -> bool:
        """False where it is somebody else's by now."""
        return (await self._claims.update_one({"_id": what, "owner": owner}, {"$set": {"until": until}})).matched_count == 1

    async def forget(self, now: float) -> None:
        """Those of killed processes that nobody asked for again."""
        await self._claims.delete_many({"until": {"$lte": now}})

    async def _take(self, what: str, owner: str, now: float, lease_seconds: float) -> bool:
        held = {"owner": owner, "until": now + lease_seconds}
        try:
            await self._claims.insert_one({"_id": what, **held})
        except DuplicateKeyError:
            return (await self._claims.update_one({"_id": what, "until": {"$lte": now}}, {"$set": held})).matched_count == 1
        return True
