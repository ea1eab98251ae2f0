"""What became of drafts, as documents: publications and mass sends are kept alike, found by draft, by the platform's name and by due time.

Invariants: one document a draft in each collection, so that two requests at once cannot begin twice; `due` stands as long as something
is to be looked at; what the platform tells is kept under the platform's own name first, so that a report that comes before we know that
name is not lost. `due` and `listed` begin with the AppID, so that each account is walked alone by one index.
"""

from __future__ import annotations

from typing import Any, Generic, TypeVar

import msgspec

from server.articles.article import MassSend, Publication, State
from server.stores import Database, Document, DuplicateKeyError, newest_page

Record = TypeVar("Record", Publication, MassSend)
# What a report may still change; a publication may be taken back later.
NOT_ENDED: tuple[State, ...] = ("submitting", "publishing", "published", "sending", "accepted", "uncertain")

ITEMS_A_PAGE = 20
# A job looks at so many at once; an account has a handful.
MOST_DUE = 50
# Of one month: the interface takes 100 calls a day.
MOST_OF_A_MONTH = 3100


class ReportStore:
    """The only code that touches `article_reports`: of both collections, each report under its collection and the platform's name."""

    def __init__(self, mongo: Database) -> None:
        self._reports = mongo["article_reports"]

    async def find(self, collection: str, appid: str, name: str) -> Document | None:
        found = await self._reports.find_one({"_id": f"{collection}:{appid}:{name}"})
        return None if found is None else dict(found["fields"])

    async def keep(self, collection: str, appid: str, name: str, fields: Document, now: float) -> None:
        await self._reports.update_one({"_id": f"{collection}:{appid}:{name}"}, {"$set": {"fields": fields, "at": now}}, upsert=True)

    async def forget(self, before: float) -> None:
        """What was reported is in the records themselves by then."""
        await self._reports.delete_many({"at": {"$lte": before}})


class RecordStore(Generic[Record]):
    """The only code that touches `publications` or `mass_sends`, whichever `collection` is."""

    def __init__(self, mongo: Database, collection: str, shape: type[Record]) -> None:
        self._records = mongo[collection]
        self.reports = ReportStore(mongo)
        self._collection = collection
        self._shape: type[Record] = shape

    async def add(self, record: Record, due: float) -> bool:
        """False where this draft has one."""
        fields: Document = msgspec.to_builtins(record)
        try:
            await self._records.insert_one({"_id": f"{record.appid}:{record.media_id}", **fields, "due": _at(record.appid, due),
                                            "listed": f"{_at(record.appid, record.at)}:{record.media_id}"})
        except DuplicateKeyError:
            return False
        return True

    async def find(self, appid: str, media_id: str) -> Record | None:
        found = await self._records.find_one({"_id": f"{appid}:{media_id}"})
        return None if found is None else msgspec.convert(found, self._shape)

    async def begun(self, appid: str, media_id: str) -> Record | None:
        """One that was not refused."""
        found = await self.find(appid, media_id)
        return None if found is None or found.state == "refused" else found

    async def begin(self, record: Record, due: float) -> bool:
        """Keep a new one, or anew one that was refused; False where one is begun."""
        return await self.add(record, due) or await self.again(record, due)

    async def page(self, appid: str, before: str) -> list[tuple[Record, str]]:
        """The newest first, each with its place; `before`: where the last page ended."""
        found, _ = await newest_page(self._records, f"{appid}:", before, ITEMS_A_PAGE)
        return [(msgspec.convert(d, self._shape), str(d["listed"]).removeprefix(f"{appid}:")) for d in found]

    async def since(self, appid: str, start: float) -> list[Record]:
        """Every one that was begun since."""
        found = await self._records.find({"listed": {"$gte": _at(appid, start), "$lt": f"{appid}:;"}}).limit(MOST_OF_A_MONTH).to_list(None)
        return [msgspec.convert(d, self._shape) for d in found]

    async def claim_due(self, appid: str, now: float, until: float) -> list[Record]:
        """What is to be looked at, by this caller alone until then."""
        found = await self._records.find({"due": {"$gt": f"{appid}:", "$lte": _at(appid, now)}}).sort(
            "due", 1).limit(MOST_DUE).to_list(None)
        claimed = []
        for document in found:
            changed = await self._records.update_one({"_id": document["_id"], "due": document["due"]},
                                                     {"$set": {"due": _at(appid, until)}})
            if changed.matched_count:
                claimed.append(msgspec.convert(document, self._shape))
        return claimed

    async def again(self, record: Record, due: float) -> bool:
        """Begin anew one that was refused, with what this record says; False where somebody else was faster."""
        fields: Document = msgspec.to_builtins(record)
        return await self.change(record, fields | {"listed": f"{_at(record.appid, record.at)}:{record.media_id}"}, due=due,
                                 only_in=("refused",))

    async def change(self, record: Record, fields: Document, *, due: float | None = None, only_in: tuple[State, ...] = ()) -> bool:
        """Set fields; `due` None: nothing more is to be looked at. `only_in`: False where it is in another state by now."""
        asked: Document = {"_id": f"{record.appid}:{record.media_id}"} | ({"state": {"$in": list(only_in)}} if only_in else {})
        update: Document = {"$set": fields | ({"due": _at(record.appid, due)} if due is not None else {})}
        if due is None:
            update["$unset"] = {"due": ""}
        return (await self._records.update_one(asked, update)).matched_count == 1

    async def name(self, record: Record, name: str, fields: Document, due: float) -> Document | None:
        """The platform's name of it is known; gives what was reported under that name before."""
        await self.change(record, fields | {"name": f"{record.appid}:{name}"}, due=due)
        return await self.reports.find(self._collection, record.appid, name)

    async def hold(self) -> int:
        """After a restore: what was being sent when the backup was taken has ended since, nobody here knows how; how many."""
        found = await self._records.find({"due": {"$gt": ""}}).sort("due", 1).limit(MOST_OF_A_MONTH).to_list(None)
        begun = [msgspec.convert(document, self._shape) for document in found if document["state"] in ("submitting", "sending")]
        return sum([await self.change(record, {"state": "uncertain"}, only_in=("submitting", "sending")) for record in begun])

    async def reported(self, appid: str, name: str, fields: Document, now: float) -> None:
        """The platform tells how it ended. Sends from the account's own pages are told too, and change nothing here."""
        await self.reports.keep(self._collection, appid, name, fields, now)
        found = await self._records.find_one({"name": f"{appid}:{name}"})
        if found is not None:
            await self.change(msgspec.convert(found, self._shape), fields, only_in=NOT_ENDED)


def _at(appid: str, seconds: float) -> str:
    return f"{appid}:{int(seconds * 1000):015d}"


def settled(fields: dict[str, Any], record: Record) -> Record:
    """The record with these fields."""
    known = {name: tuple(value) if isinstance(value, list) else value for name, value in fields.items() if name in record.__struct_fields__}
    changed: Record = msgspec.structs.replace(record, **known)
    return changed
