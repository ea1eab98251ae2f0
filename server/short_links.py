"""Short links /s/{code}: what posters and printed codes lead to, and what can be pointed elsewhere later.

Owns: `short_links`, and `place_links`: those of a campaign's districts and schools, made for its kit (server/kits), thousands of them.
Invariants: a code that people still open, or that a campaign's posters carry, always answers; a campaign has one link of its own, and each
of its places one; targets are paths of this site. Who opens one is counted by server/visits (`link:code`, of places `places:slug`). Fails
open for reading: the last known target is used while MongoDB is away.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from pymongo import UpdateOne

from server.campaigns import OWN_PATH
from server.clock import day_of
from server.errors import Conflict, InvalidBody, NotFound
from server.stores import Database, DuplicateKeyError, PyMongoError

# Eight characters of base32: short enough for a small code, too many for a collision among a city's thousands.
CODE_CHARACTERS = 8
ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789"
# As many targets as one process remembers.
KNOWN_LINKS = 1000


# A city's posters of some years; the console lists them whole.
MAX_LINKS = 2000
MAX_NAME_CHARACTERS = 64
TRIES = 3
# What was opened within a month hangs somewhere.
IN_USE_SECONDS = 30 * 86400
WRITTEN_TOGETHER = 500


class Link(msgspec.Struct, frozen=True):
    """`name` is for the staff; a campaign's own link has none."""

    code: str
    path: str
    name: str


class Place(msgspec.Struct, frozen=True):
    """A district or school of a campaign, and the code that is printed for it."""

    code: str
    campaign: str
    place: str
    path: str


class Opened(msgspec.Struct, frozen=True):
    """Where a code leads; `campaign` and `place` of a place's, both empty for any other."""

    path: str
    campaign: str = ""
    place: str = ""


class LinkNotFound(NotFound):
    code = "LINK_NOT_FOUND"
    message = "这个链接不存在或已失效"


class ShortLinkStore:
    """The only code that touches `short_links` and `place_links`."""

    def __init__(self, mongo: Database) -> None:
        self._links = mongo["short_links"]
        self._places = mongo["place_links"]

    async def create_once(self, code: str, path: str) -> None:
        try:
            await self._links.insert_one({"_id": code, "path": path})
        except DuplicateKeyError:
            return  # made before; where it was pointed since then stays

    async def create(self, code: str, path: str, name: str) -> bool:
        """False where the code is taken."""
        try:
            await self._links.insert_one({"_id": code, "path": path, "name": name})
        except DuplicateKeyError:
            return False
        return True

    async def all(self) -> list[Link]:
        return [Link(d["_id"], d["path"], d.get("name", "")) for d in await self._links.find({}).limit(MAX_LINKS).to_list(None)]

    async def find(self, code: str) -> Opened | None:
        found = await self._links.find_one({"_id": code})
        if found is None:
            found = await self._places.find_one({"_id": code})
        return None if found is None else Opened(found["path"], found.get("campaign", ""), found.get("place", ""))

    async def named(self, code: str) -> Link | None:
        found = await self._links.find_one({"_id": code})
        return None if found is None else Link(found["_id"], found["path"], found.get("name", ""))

    async def point(self, code: str, path: str) -> bool:
        change = {"$set": {"path": path}}
        return bool((await self._links.update_one({"_id": code}, change)).matched_count
                    or (await self._places.update_one({"_id": code}, change)).matched_count)

    async def rename(self, code: str, name: str) -> bool:
        return (await self._links.update_one({"_id": code}, {"$set": {"name": name}})).matched_count == 1

    async def remove(self, code: str) -> bool:
        return (await self._links.delete_one({"_id": code})).deleted_count == 1

    async def remove_places(self, campaign: str) -> None:
        await self._places.delete_many({"campaign": campaign})

    async def put_places(self, places: Sequence[Place]) -> None:
        """Make those that are not there yet; where one was pointed since then stays."""
        await self._places.bulk_write([
            UpdateOne({"_id": one.code}, {"$setOnInsert": {"campaign": one.campaign, "place": one.place, "path": one.path}}, upsert=True)
            for one in places])


class ShortLinks:
    def __init__(self, store: ShortLinkStore, base_url: Callable[[], str]) -> None:
        self._store = store
        self._base_url = base_url
        self._known: dict[str, Opened] = {}
        self._made: set[str] = set()

    async def link_for(self, slug: str) -> str:
        """The campaign's own link in full; made at first use."""
        code = code_of(slug)
        if code not in self._made:
            await self._store.create_once(code, f"/c/{slug}?ch=poster")
            self._made.add(code)
        return self.address(code)

    def address(self, code: str) -> str:
        return f"{self._base_url()}/s/{code}"

    async def all(self) -> list[Link]:
        """Every link, by name."""
        return sorted(await self._store.all(), key=lambda link: (link.name, link.code))

    async def create(self, path: str, name: str) -> Link:
        """A new link to a page of this site, to be printed. Raises InvalidBody, Conflict TOO_MANY_LINKS."""
        _check_path(path)
        _check_name(name)
        if len(await self._store.all()) >= MAX_LINKS:
            raise Conflict("TOO_MANY_LINKS", f"短链接最多 {MAX_LINKS} 个")
        for _ in range(TRIES):
            link = Link("".join(secrets.choice(ALPHABET) for _ in range(CODE_CHARACTERS)), path, name.strip())
            if await self._store.create(link.code, link.path, link.name):
                return link
        raise Conflict("LINK_CODE_TAKEN", "短链接代码重复，请再试一次")

    async def target(self, code: str) -> str:
        """Where a code leads, as a path. Raises LinkNotFound."""
        return (await self.opened(code)).path

    async def opened(self, code: str) -> Opened:
        """Where a code leads, and whose it is. Raises LinkNotFound."""
        try:
            found = await self._store.find(code)
        except PyMongoError:
            found = self._known.get(code)
            if found is None:
                raise
        if found is None:
            raise LinkNotFound()
        if len(self._known) >= KNOWN_LINKS:
            self._known.clear()
        self._known[code] = found
        return found

    async def point(self, code: str, path: str) -> None:
        """Lead a code elsewhere on this site. Raises InvalidBody, LinkNotFound."""
        _check_path(path)
        if not await self._store.point(code, path):
            raise LinkNotFound()

    async def rename(self, code: str, name: str) -> None:
        """What the staff call it; what is printed does not change. Raises InvalidBody, LinkNotFound."""
        _check_name(name)
        link = await self._store.named(code)
        if link is not None and not link.name:
            raise Conflict("LINK_IS_POSTERS", "这是活动海报自带的短链接，按活动就认得出，不用另起名字")
        if link is None or not await self._store.rename(code, name.strip()):
            raise LinkNotFound()

    async def remove(self, code: str, days: Sequence[dict[str, Any]], now: float) -> Link:
        """Take a link away that nobody opens any more; `days`: its visits. Raises LinkNotFound, Conflict LINK_IN_USE."""
        link = await self._store.named(code)
        if link is None:
            raise LinkNotFound()
        if not link.name:
            raise Conflict("LINK_IN_USE", "这是活动海报上的二维码，市民存下的海报都靠它；不能删除，可以改指到别的页面")
        if opened := used_lately(days, now):
            raise Conflict("LINK_IN_USE", f"最近 30 天还被打开过 {opened} 次，印出去的码会失效；请改指到别的页面，30 天无人打开后再删")
        if not await self._store.remove(code):
            raise LinkNotFound()
        self._known.pop(code, None)
        return link

    async def remove_places(self, slug: str) -> None:
        """With a campaign that is gone for good."""
        await self._store.remove_places(slug)

    async def for_places(self, slug: str, places: Sequence[tuple[str, str]]) -> list[str]:
        """Addresses for a campaign's places, made at first use; a place is a kind (`region`, `unit`) and its path's query."""
        made = [Place(code_of(f"{slug} {place}"), slug, place, f"/c/{slug}?{query}") for place, query in places]
        for start in range(0, len(made), WRITTEN_TOGETHER):
            await self._store.put_places(made[start:start + WRITTEN_TOGETHER])
        return [self.address(one.code) for one in made]


def used_lately(days: Sequence[dict[str, Any]], now: float) -> int:
    """How often something was opened within the last month; `days` as server/visits gives them."""
    since = day_of(now - IN_USE_SECONDS)
    return sum(sum(one["channels"].values()) for one in days if one["day"] >= since)


def _check_path(path: str) -> None:
    if not OWN_PATH.fullmatch(path):
        raise InvalidBody("LINK_PATH_WRONG", "要填本站的地址，以一个 / 开头，如 /c/活动代码；不能是别的网站", field="path")


def _check_name(name: str) -> None:
    if not 0 < len(name.strip()) <= MAX_NAME_CHARACTERS:
        raise InvalidBody("LINK_NAME_WRONG", f"请写明挂在哪里，最多 {MAX_NAME_CHARACTERS} 字", field="name")


def code_of(slug: str) -> str:
    """The same campaign has the same code on every machine, so two processes that make it at once agree."""
    digest = hashlib.sha256(f"campaign {slug}".encode()).digest()
    return "".join(ALPHABET[byte % len(ALPHABET)] for byte in digest[:CODE_CHARACTERS])
