"""Likeness: which texts are the same or nearly so, found by an index and not by reading a wall.

Owns: `likenesses`, `_id` the thing's token: one mark of the text as a reader sees it (server/words.py: skeleton), and six of its pairs of
neighbouring characters (MinHash in bands of two). Two texts that share a mark are candidates; whoever asks compares them in full. Marks
are keyed hashes: without the secret key they tell no text.
Invariants: bounded: so many candidates are looked at, the nearest are offered.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence

from server.seals import derive_key
from server.stores import Database
from server.words import skeleton

# Texts that share seven of ten pairs share a band with 98 %, those that share half with 82 %, strangers (a tenth) with 6 %.
BANDS, ROWS = 6, 2
FIELDS = ("same", *(f"band{n}" for n in range(BANDS)))
# Of each mark; together some 1,000, compared within 30 ms.
CANDIDATES = 150
# One sentence with a few words changed; of six characters, one.
NEAR = 0.4
PRIME = (1 << 61) - 1
_random = random.Random(20261001)  # fixed: marks of yesterday are compared with those of today
_FUNCTIONS = [(_random.randrange(1, PRIME), _random.randrange(PRIME)) for _ in range(BANDS * ROWS)]


def pairs(text: str) -> frozenset[str]:
    """The pairs of neighbouring characters that a reader sees."""
    seen = skeleton(text) or "".join(text.split())
    return frozenset(seen[n:n + 2] for n in range(max(1, len(seen) - 1)))


def likeness(first: frozenset[str], second: frozenset[str]) -> float:
    """0 to 1: how many of all pairs both have."""
    return len(first & second) / max(1, len(first | second))


class Likenesses:
    def __init__(self, mongo: Database, secret_key: bytes) -> None:
        self._likenesses = mongo["likenesses"]
        self._key = derive_key(secret_key, "likeness of texts")

    async def keep(self, kind: str, campaign: str, token: str, text: str) -> None:
        await self._likenesses.update_one({"_id": token}, {"$set": self._marks(kind, campaign, text)}, upsert=True)

    async def forget(self, tokens: Sequence[str]) -> None:
        if tokens:
            await self._likenesses.delete_many({"_id": {"$in": list(tokens)}})

    async def candidates(self, kind: str, campaign: str, text: str) -> list[str]:
        """Tokens of what may be near; the same text first."""
        found: dict[str, None] = {}
        for field, mark in self._marks(kind, campaign, text).items():
            some = await self._likenesses.find({field: mark}, {"_id": 1}).limit(CANDIDATES).to_list(None)
            found |= dict.fromkeys(document["_id"] for document in some)
        return list(found)

    def _marks(self, kind: str, campaign: str, text: str) -> dict[str, str]:
        own = pairs(text)
        numbers = [int.from_bytes(hashlib.blake2b(pair.encode(), key=self._key, digest_size=7).digest()) for pair in own]
        least = [min((a * number + b) % PRIME for number in numbers) for a, b in _FUNCTIONS]
        values = {"same": "".join(sorted(own)) if not skeleton(text) else skeleton(text)}
        values |= {f"band{n}": str(least[n * ROWS:(n + 1) * ROWS]) for n in range(BANDS)}
        return {field: self._mark(kind, campaign, field, value) for field, value in values.items()}

    def _mark(self, *parts: str) -> str:
        mac = hashlib.blake2b(key=self._key, digest_size=12)
        for part in parts:
            mac.update(len(part).to_bytes(4) + part.encode())
        return mac.hexdigest()
