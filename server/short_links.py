"""Short links /s/{code}: what posters and printed codes lead to, and what can be pointed elsewhere later.

Owns: `short_links`. Invariants: a code once given always answers; a campaign has one link of its own; targets are
paths of this site. Fails open for reading: the last known target is used while MongoDB is away.
"""

from __future__ import annotations

import hashlib

from server.campaigns import OWN_PATH
from server.errors import InvalidBody, NotFound
from server.stores import Database, DuplicateKeyError, PyMongoError

# Eight characters of base32: short enough for a small code, too many for a collision among a city's thousands.
CODE_CHARACTERS = 8
ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789"
# As many targets as one process remembers.
KNOWN_LINKS = 1000


class ShortLinkStore:
    """The only code that touches `short_links`."""

    def __init__(self, mongo: Database) -> None:
        self._links = mongo["short_links"]

    async def create_once(self, code: str, path: str) -> None:
        try:
            await self._links.insert_one({"_id": code, "path": path})
        except DuplicateKeyError:
            return  # made before; where it was pointed since then stays

    async def find(self, code: str) -> str | None:
        found = await self._links.find_one({"_id": code})
        return found["path"] if found else None

    async def point(self, code: str, path: str) -> bool:
        return (await self._links.update_one({"_id": code}, {"$set": {"path": path}})).matched_count == 1


class ShortLinks:
    def __init__(self, store: ShortLinkStore, base_url: str) -> None:
        self._store = store
        self._base_url = base_url
        self._known: dict[str, str] = {}
        self._made: set[str] = set()

    async def link_for(self, slug: str) -> str:
        """The campaign's own link in full; made at first use."""
        code = code_of(slug)
        if code not in self._made:
            await self._store.create_once(code, f"/c/{slug}?ch=poster")
            self._made.add(code)
        return f"{self._base_url}/s/{code}"

    async def target(self, code: str) -> str:
        """Where a code leads, as a path. Raises NotFound."""
        try:
            path = await self._store.find(code)
        except PyMongoError:
            path = self._known.get(code)
            if path is None:
                raise
        if path is None:
            raise NotFound("LINK_NOT_FOUND", "这个链接不存在或已失效")
        if len(self._known) >= KNOWN_LINKS:
            self._known.clear()
        self._known[code] = path
        return path

    async def point(self, code: str, path: str) -> None:
        """Lead a code elsewhere on this site. Raises InvalidBody, NotFound."""
        if not OWN_PATH.fullmatch(path):
            raise InvalidBody(field="path")
        if not await self._store.point(code, path):
            raise NotFound("LINK_NOT_FOUND", "这个链接不存在或已失效")


def code_of(slug: str) -> str:
    """The same campaign has the same code on every machine, so two processes that make it at once agree."""
    digest = hashlib.sha256(f"campaign {slug}".encode()).digest()
    return "".join(ALPHABET[byte % len(ALPHABET)] for byte in digest[:CODE_CHARACTERS])
