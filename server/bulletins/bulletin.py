"""A bulletin 战报: the figures of one moment as text and picture for the work group.

Owns: `bulletins` (`_id` campaign:hand:number, the least that it can have, or campaign:hour:2026100108), `bulletin_pictures`,
`bulletin_numbers`, `bulletin_settings`.
Invariants: the insert of the figures is the one step by which a bulletin exists, so an hour never has two; a number is given once and
without gaps; text and picture are kept once and never written again; it is told to the robots at most once; a campaign keeps its newest
KEPT bulletins.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

from server.bulletins.snapshot import Snapshot
from server.errors import Conflict, InvalidBody, NotFound
from server.number_lines import NumberLines
from server.stores import Database, Document, DuplicateKeyError, newest_page, replace_seen

Kind = Literal["hand", "hourly"]
# `none`: nobody wanted it told. Between `wanted` and what came of it stands `telling`; where a kill leaves that, the job takes it for
# `failed` later, and nobody is told twice.
Telling = Literal["none", "wanted", "telling", "told", "failed"]
PictureState = Literal["waiting", "drawn", "failed"]

# Three weeks of hours, or more than anybody makes by hand; 250 MB at most where every picture is as large as it may be.
KEPT = 500
ITEMS_A_PAGE = 20
# Removed at once: each bulletin that is made makes one too many.
REMOVED_AT_ONCE = 50
MAX_MILESTONES, LEAST_MILESTONE, LARGEST_MILESTONE = 50, 100, 100_000_000


class BulletinNotFound(NotFound):
    code = "BULLETIN_NOT_FOUND"
    message = "没有这份战报，可能已超出保留的份数"


class PictureNotReady(Conflict):
    code = "BULLETIN_PICTURE_NOT_READY"
    message = "图片还没有画好，请稍等几秒；文字可以先复制"


class SettingsChanged(Conflict):
    code = "BULLETIN_SETTINGS_CHANGED"
    message = "设置刚被别人改过，请刷新后再改"


class BulletinSettings(msgspec.Struct, frozen=True):
    """`hourly`: one is made at each full hour from `first_hour` to `last_hour` of the day, both within; `to_robots`: and told to the
    robots. `milestones`: own ones, or none for those of the rule. `since`: hours before it are not made."""

    hourly: bool = False
    first_hour: int = 8
    last_hour: int = 22
    to_robots: bool = True
    milestones: list[int] = []
    since: float = 0.0
    rev: int = 0


class Bulletin(msgspec.Struct, frozen=True):
    """`milestones`: their lines. `note`: what has to be said of the figures. `due`: there as long as something is to be done."""

    id: str
    campaign: str
    title: str
    kind: Kind
    by: str
    at: float
    demo: bool
    snapshot: Snapshot
    milestones: list[str] = []
    note: str = ""
    number: int = 0
    text: str = ""
    picture: PictureState = "waiting"
    picture_bytes: int = 0
    picture_tries: int = 0
    telling: Telling = "none"
    due: float | None = None


def check_settings(settings: BulletinSettings) -> None:
    """Raises InvalidBody, naming the field."""
    if not 0 <= settings.first_hour <= 23:
        raise InvalidBody("INVALID_BODY", "每天第一份的时间为 0 至 23 点", field="first_hour")
    if not settings.first_hour <= settings.last_hour <= 23:
        raise InvalidBody("INVALID_BODY", "每天最后一份的时间不能早于第一份，最晚 23 点", field="last_hour")
    table = settings.milestones
    if len(table) > MAX_MILESTONES or table != sorted(set(table)) or any(
            not LEAST_MILESTONE <= value <= LARGEST_MILESTONE for value in table):
        raise InvalidBody("INVALID_BODY", f"里程碑最多 {MAX_MILESTONES} 个，从小到大不重复，每个至少 {LEAST_MILESTONE}、最多一亿",
                          field="milestones")


class BulletinStore:
    """The only code that touches these collections; each method one atomic step but for `give_number` and `trim`, which may be
    repeated."""

    def __init__(self, mongo: Database) -> None:
        self._bulletins = mongo["bulletins"]
        self._pictures = mongo["bulletin_pictures"]
        self._numbers = NumberLines(mongo["bulletin_numbers"], self._bulletins, lambda line, last: {
            "number": last, "numbered": numbered(line, last)})
        self._settings = mongo["bulletin_settings"]

    # Settings

    async def settings(self, campaign: str) -> BulletinSettings:
        found = await self._settings.find_one({"_id": campaign})
        return BulletinSettings() if found is None else msgspec.convert(found, BulletinSettings, strict=False)

    async def keep_settings(self, campaign: str, settings: BulletinSettings) -> bool:
        """False where another change was first: `rev` is what was seen."""
        return await replace_seen(self._settings, campaign, msgspec.to_builtins(settings), settings.rev)

    # Bulletins

    async def create(self, bulletin: Bulletin) -> bool:
        """False where there is one of its id: the hour has its bulletin."""
        fields = {name: value for name, value in msgspec.to_builtins(bulletin).items() if name != "id"}
        try:
            await self._bulletins.insert_one({**fields, "_id": bulletin.id,
                                              "listed": f"{bulletin.campaign}:{int(bulletin.at * 1000):015d}:{bulletin.id}"})
        except DuplicateKeyError:
            return False
        return True

    async def give_number(self, bulletin_id: str, campaign: str) -> int:
        """The bulletin's number, now and ever after. Raises BulletinNotFound, Conflict BULLETINS_CONTENDED."""
        return int(await self._numbers.give(bulletin_id, campaign, gone=BulletinNotFound, contended=lambda: Conflict(
            "BULLETINS_CONTENDED", "同时生成的战报太多，请稍后再试")))

    async def last_number(self, campaign: str) -> int:
        return await self._numbers.last(campaign)

    async def keep_text(self, bulletin_id: str, text: str) -> None:
        """Once: what is kept stays."""
        await self._bulletins.update_one({"_id": bulletin_id, "text": ""}, {"$set": {"text": text}})

    async def keep_picture(self, bulletin_id: str, data: bytes) -> None:
        """Once: what was drawn first stays."""
        try:
            await self._pictures.insert_one({"_id": bulletin_id, "data": data})
        except DuplicateKeyError:
            kept = await self._pictures.find_one({"_id": bulletin_id})
            data = bytes(kept["data"]) if kept else data
        await self._bulletins.update_one({"_id": bulletin_id}, {"$set": {"picture": "drawn", "picture_bytes": len(data)}})

    async def picture_tried(self, bulletin_id: str, most: int) -> None:
        """It could not be drawn; after `most` tries it is left."""
        await self._bulletins.update_one({"_id": bulletin_id}, {"$inc": {"picture_tries": 1}})
        found = await self._bulletins.find_one({"_id": bulletin_id})
        if found is not None and found["picture_tries"] >= most:
            await self._bulletins.update_one({"_id": bulletin_id, "picture": "waiting"}, {"$set": {"picture": "failed"}})

    async def put_off(self, bulletin_id: str, due: float) -> None:
        """But where another is telling it: that has its own time, past which it counts as cut off."""
        await self._bulletins.update_one({"_id": bulletin_id, "telling": {"$ne": "telling"}}, {"$set": {"due": due}})

    async def want_telling(self, bulletin_id: str, due: float) -> bool:
        """It shall be told after all; False where somebody wanted that before."""
        return (await self._bulletins.update_one({"_id": bulletin_id, "telling": "none"},
                                                 {"$set": {"telling": "wanted", "due": due}})).matched_count == 1

    async def begin_telling(self, bulletin_id: str, until: float) -> bool:
        """Whether this caller tells it, as the only one ever; it is due again where nothing is known of it `until` then."""
        return (await self._bulletins.update_one({"_id": bulletin_id, "telling": "wanted"},
                                                 {"$set": {"telling": "telling", "due": until}})).matched_count == 1

    async def told(self, bulletin_id: str, well: bool) -> None:
        await self._bulletins.update_one({"_id": bulletin_id, "telling": "telling"}, {"$set": {"telling": "told" if well else "failed"}})

    async def settle(self, bulletin_id: str) -> None:
        """Nothing is left to do, but where another is telling it, or somebody has just wanted it told."""
        await self._bulletins.update_one({"_id": bulletin_id, "telling": {"$in": ["none", "told", "failed"]}}, {"$unset": {"due": ""}})

    async def trim(self, campaign: str, newest: int) -> int:
        """Remove those that are older than the newest KEPT, pictures first; how many."""
        stretch = {"$gte": numbered(campaign, 1), "$lte": numbered(campaign, max(0, newest - KEPT))}
        old = [d["_id"] for d in await self._bulletins.find({"numbered": stretch}).limit(REMOVED_AT_ONCE).to_list(None)]
        if old:
            await self._pictures.delete_many({"_id": {"$in": old}})
            await self._bulletins.delete_many({"_id": {"$in": old}})
        return len(old)

    async def one(self, bulletin_id: str) -> Bulletin | None:
        found = await self._bulletins.find_one({"_id": bulletin_id})
        return None if found is None else _bulletin(found)

    async def find(self, campaign: str, number: int) -> Bulletin | None:
        found = await self._bulletins.find_one({"numbered": numbered(campaign, number)})
        return None if found is None else _bulletin(found)

    async def picture(self, bulletin_id: str) -> bytes | None:
        found = await self._pictures.find_one({"_id": bulletin_id})
        return None if found is None else bytes(found["data"])

    async def page(self, campaign: str, before: str, most: int = ITEMS_A_PAGE) -> tuple[list[Bulletin], str | None]:
        """A campaign's bulletins, newest first, and where the next page begins."""
        found, following = await newest_page(self._bulletins, f"{campaign}:", before, most)
        return list(map(_bulletin, found)), following

    async def due(self, now: float, limit: int) -> Sequence[Bulletin]:
        found = await self._bulletins.find({"due": {"$lte": now}}).sort("due", 1).limit(limit).to_list(None)
        return list(map(_bulletin, found))


def numbered(campaign: str, number: int) -> str:
    return f"{campaign}:{number:08d}"


def _bulletin(document: Document) -> Bulletin:
    # The embedded store gives a truth value that was updated back as 1 or 0.
    return msgspec.convert({**document, "id": document["_id"]}, Bulletin, strict=False)
