"""What must outlive the loss of MongoDB of who is who: numbers given, hash -> number, merges, deletions.

Owns: reading it for the files outside MongoDB, and putting it back after a restore. No openid, sealed or not, leaves MongoDB this way: a
hash under the secret key finds a citizen's number again when she signs in, and says nothing to who lacks the key.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

from server.citizens.deletions import DeletionList, DeletionStore
from server.citizens.identities import IdentityStore
from server.citizens.merges import MergeStore
from server.citizens.numbers import NumberStore
from server.stores import Database, Document


class Outliving:
    def __init__(self, mongo: Database, secret_key: bytes, deletion_list: Path) -> None:
        self._numbers = NumberStore(mongo)
        self._identities = IdentityStore(mongo, secret_key)
        self._merges = MergeStore(mongo)
        self._deletions = DeletionStore(mongo)
        self._list = DeletionList(deletion_list)

    async def issued_bound(self) -> int:
        return await self._numbers.bound()

    def identities_since(self, moment: float) -> AsyncIterator[list[Document]]:
        return self._identities.pages_since(moment)

    def merges_since(self, moment: float) -> AsyncIterator[list[Document]]:
        return self._merges.pages_since(moment)

    def deletions_since(self, moment: float) -> AsyncIterator[list[Document]]:
        return self._deletions.pages_since(moment)

    # After a restore; each may be repeated

    async def go_on_after(self, number: int) -> None:
        await self._numbers.go_on_after(number)

    async def missing(self, keys: list[str]) -> list[str]:
        """The hashes that no number is known for; a thousand at most."""
        found = {identity["_id"] for identity in await self._identities.find_many(keys)} if keys else set()
        return [key for key in keys if key not in found]

    async def put_back_identity(self, key: str, citizen: int) -> bool:
        return await self._identities.put_back(key, citizen)

    async def put_back_merge(self, loser: int, survivor: int, now: float) -> None:
        await self._merges.record(loser, survivor, now)

    async def listed(self, path: Path) -> dict[int, float]:
        """The deletions that a list says, this host's or another's."""
        return await DeletionList(path).read()

    async def list_deletions(self, found: dict[int, float]) -> int:
        """Add to this host's list what it lacks; how many."""
        known = await self._list.read()
        missing = {citizen: moment for citizen, moment in found.items() if known.get(citizen, -1.0) < moment}
        for citizen, moment in missing.items():
            await self._list.append(citizen, moment)
        return len(missing)
