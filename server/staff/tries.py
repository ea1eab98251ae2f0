"""Lock-out: how often a password or code may be tried, by the name that was given and by the address that it came from.

Owns: `staff_tries`. Invariants: a try is taken before anything is looked at, so that many at once are no more than allowed; each
further run of failures makes a pause twice as long; a name that does not exist is treated as one that does.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
from dataclasses import dataclass

from pymongo import ReturnDocument

from server.staff.member import AccountLocked
from server.stores import Database, Document, DuplicateKeyError

# Five is more than a tired person needs. An address may be a whole office behind one router.
FAILURES_BEFORE_LOCK, FAILURES_OF_ADDRESS = 5, 30
# A minute, two, four … up to four hours: the first pause forgives, and a program gets no more than some dozens of tries a day.
LOCK_SECONDS, MOST_LOCK_SECONDS = 60, 4 * 3600
# A day without a failure, and what went before is forgotten.
FORGET_SECONDS = 86400
# Names that do not exist and addresses share so many documents, so that a flood of them cannot fill MongoDB. To fill the places of names
# takes five tries each, which is hours of hashing; by then the first are forgotten.
NAME_PLACES, ADDRESS_PLACES = 1 << 16, 1 << 20


@dataclass(frozen=True)
class Try:
    """Which try it is, counted from 1, of how many."""

    key: str
    number: int
    limit: int

    @property
    def is_last(self) -> bool:
        return self.number == self.limit


class Tries:
    def __init__(self, mongo: Database, key: bytes) -> None:
        self._tries = mongo["staff_tries"]
        self._key = key

    def of_name(self, name: str, *, exists: bool) -> str:
        return f"name:{name}" if exists else f"nobody:{self._place(name, NAME_PLACES)}"

    def of_address(self, address: str) -> str:
        """Empty for this machine itself and where the address is not known: then names alone are counted."""
        network = network_of(address, 64)
        return f"address:{self._place(network, ADDRESS_PLACES)}" if network else ""

    async def claim(self, key: str, limit: int, now: float) -> Try:
        """Take one of the tries. Raises AccountLocked."""
        for _ in range(3):  # once more after the first failure was entered, by us or by somebody at the same time
            taken: Document | None = await self._tries.find_one_and_update(
                {"_id": key, "locked_until": {"$lte": now}}, {"$inc": {"failures": 1}, "$set": {"forget_at": now + FORGET_SECONDS}},
                return_document=ReturnDocument.AFTER)
            if taken is not None:
                return await self._taken(taken, limit, now)
            if (found := await self._tries.find_one({"_id": key})) is not None:
                raise AccountLocked(retry_after_seconds=max(1, int(found["locked_until"] - now) + 1))
            await self._enter(key, now)
        raise AccountLocked(retry_after_seconds=LOCK_SECONDS)

    async def forgive(self, *keys: str) -> None:
        for key in filter(None, keys):
            await self._tries.delete_one({"_id": key})

    async def locked_until(self, name: str, now: float) -> float | None:
        found = await self._tries.find_one({"_id": self.of_name(name, exists=True)})
        return found["locked_until"] if found and found["locked_until"] > now else None

    async def tidy(self, now: float) -> None:
        await self._tries.delete_many({"forget_at": {"$lte": now}})

    async def _taken(self, taken: Document, limit: int, now: float) -> Try:
        number = int(taken["failures"])
        if number < limit:
            return Try(taken["_id"], number, limit)
        pause = min(LOCK_SECONDS * 2 ** min(int(taken["locks"]), 16), MOST_LOCK_SECONDS)
        # Whoever comes past the last one, or after a process that ended between the two steps, sets the pause too.
        change = {"$set": {"failures": 0, "locked_until": float(int(now) + pause), "forget_at": now + pause + FORGET_SECONDS}}
        await self._tries.update_one({"_id": taken["_id"]}, change | ({"$inc": {"locks": 1}} if number == limit else {}))
        if number > limit:
            raise AccountLocked(retry_after_seconds=pause)
        return Try(taken["_id"], number, limit)

    async def _enter(self, key: str, now: float) -> None:
        try:
            await self._tries.insert_one({"_id": key, "failures": 0, "locks": 0, "locked_until": 0.0, "forget_at": now + FORGET_SECONDS})
        except DuplicateKeyError:
            return  # somebody else did, and theirs will do

    def _place(self, text: str, places: int) -> int:
        return int.from_bytes(hmac.new(self._key, text.encode(), hashlib.sha256).digest()[:8]) % places


def network_of(address: str, v6_bits: int, v4_bits: int = 32) -> str:
    """The network that an address stands for; empty for none and for this machine."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return ""
    if found.is_loopback:
        return ""
    return str(ipaddress.ip_network((found, v4_bits if found.version == 4 else v6_bits), strict=False))
