"""Which citizen number an account's user has: keyed hashes of openids and unionids, and the sealed openid.

Owns: the `identities` documents. One for each openid: `_id` hash of appid and openid, `citizen`, and until deletion
`appid`, `openid` (sealed, to send notices) and `seen_at` (first sight, or return after a deletion). One for each unionid:
the same without `appid` and `openid`.
Does not own: giving numbers (numbers.py), merged numbers (merges.py).
Invariants: a hash has one number: whoever inserts first wins, the loser reads the winner's. No document holds an openid
or a unionid that the database alone can read; a unionid is not kept at all. `erased` marks what a deletion emptied.
"""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator
from typing import Any

from server.citizens.changes import pages_since
from server.seals import Seal, derive_key
from server.stores import Database, Document, DuplicateKeyError

# 192 bits: two people never share a hash, and the text form needs no padding.
HASH_BYTES = 24
# One person has an openid in each of two accounts and a unionid; a chain of merges a few more.
IDENTITIES_OF_ONE = 100


class IdentityStore:
    """The only code that touches `identities`."""

    def __init__(self, mongo: Database, secret_key: bytes) -> None:
        self._identities = mongo["identities"]
        self._key = derive_key(secret_key, "identity hash")
        self._seal = Seal(secret_key, "openid at rest")

    def openid_key(self, appid: str, openid: str) -> str:
        return self._hash("openid", appid, openid)

    def unionid_key(self, unionid: str) -> str:
        return self._hash("unionid", unionid)

    def _hash(self, *parts: str) -> str:
        mac = hashlib.blake2b(key=self._key, digest_size=HASH_BYTES)
        for part in parts:
            raw = part.encode()
            mac.update(len(raw).to_bytes(4, "big") + raw)
        return urlsafe_b64encode(mac.digest()).decode("ascii")

    async def find(self, key: str) -> Document | None:
        return await self._identities.find_one({"_id": key})

    async def find_many(self, keys: list[str]) -> list[Document]:
        return await self._identities.find({"_id": {"$in": keys}}).limit(len(keys)).to_list(len(keys))

    async def claim_openid(self, key: str, citizen: int, appid: str, openid: str, now: float) -> bool:
        """Write the mapping with its sealed openid in one insert; False where somebody was first."""
        return await self._insert({"_id": key, "citizen": citizen, **self._sealed(key, appid, openid, now)})

    def pages_since(self, seen_at: float) -> AsyncIterator[list[Document]]:
        """Those taken into use at that time or later, by pages."""
        return pages_since(self._identities, seen_at, "seen_at")

    async def put_back(self, key: str, citizen: int) -> bool:
        """After a restore: a hash has its number again, empty as a deletion leaves it, until she signs in. False where it has one."""
        return await self._insert({"_id": key, "citizen": citizen, "erased": 1})

    async def claim_unionid(self, key: str, citizen: int, now: float) -> bool:
        return await self._insert({"_id": key, "citizen": citizen, "seen_at": now})

    async def restore_openid(self, key: str, appid: str, openid: str, now: float) -> bool:
        """Take an erased identity into use again; False where it is no longer there or was restored meanwhile."""
        return await self._restore(key, self._sealed(key, appid, openid, now))

    async def restore_unionid(self, key: str, now: float) -> bool:
        return await self._restore(key, {"seen_at": now})

    async def of(self, citizen: int) -> list[Document]:
        """Every identity that leads to the number."""
        return await self._identities.find({"citizen": citizen}).limit(IDENTITIES_OF_ONE).to_list(IDENTITIES_OF_ONE)

    def openid_in(self, identity: Document) -> str:
        """The openid of a document that has one. Raises SealBroken, as under another secret key."""
        return self._seal.open(bytes(identity["openid"]), identity["_id"])

    async def repoint(self, loser: int, survivor: int) -> None:
        """After a merge: the loser's identities lead to the survivor. Repeating it changes nothing."""
        await self._identities.update_many({"citizen": loser}, {"$set": {"citizen": survivor}})

    async def erase(self, citizen: int, deleted_at: float) -> None:
        """Empty the number's identities down to hash and number, but for those taken into use after `deleted_at`."""
        for identity in await self.of(citizen):
            if "erased" not in identity and identity["seen_at"] <= deleted_at:
                # `seen_at` beside `_id`: a sign-in between our read and this write keeps its openid.
                await self._identities.update_one(
                    {"_id": identity["_id"], "seen_at": identity["seen_at"]},
                    {"$set": {"erased": 1}, "$unset": {"openid": "", "appid": "", "seen_at": ""}})

    async def forget(self, citizen: int) -> bool:
        """Remove the number's erased hashes; False, and nothing removed, where one is in use again."""
        identities = await self.of(citizen)
        if any("erased" not in identity for identity in identities):
            return False
        for identity in identities:
            await self._identities.delete_one({"_id": identity["_id"], "erased": 1})
        return True

    async def _restore(self, key: str, fields: dict[str, Any]) -> bool:
        result = await self._identities.update_one({"_id": key, "erased": 1}, {"$set": fields, "$unset": {"erased": ""}})
        return result.matched_count == 1

    def _sealed(self, key: str, appid: str, openid: str, now: float) -> dict[str, Any]:
        return {"appid": appid, "openid": self._seal.close(openid, key), "seen_at": now}

    async def _insert(self, document: Document) -> bool:
        try:
            await self._identities.insert_one(document)
        except DuplicateKeyError:
            return False
        return True
