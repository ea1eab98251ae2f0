"""The collections of notices and grants; each method one atomic step, or steps that may be repeated."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from zlib import crc32

import msgspec

from server.notices.notice import ENDED_BADLY, MAY_HAVE_ARRIVED, NAMED_CITIZENS, Batch, Errors, Notice, Progress, State
from server.stores import BulkWriteError, Database, Document, DuplicateKeyError

# A page of the embedded store: 30 ms.
PAGE = 1000
# A hundred times longer than the platform's answer, and a sender's claim, may take; what is older tells of messages that are not ours.
REPORTS_KEPT_SECONDS = 3600.0
# A spent grant remembers which events were counted; none comes later than a day (server/official/repeats.py).
SPENT_KEPT_SECONDS = 86_400.0
# Moving a notice to another number is two writes of milliseconds; who was killed between them holds it up so long.
MOVE_SECONDS = 60.0
# Events that a grant remembers. She would have to answer one question so often within a callback's age to be counted once too often.
HEARD_SLOTS = 16
DUPLICATE_KEY = 11000
BATCHES_A_PAGE = 30
# The embedded store writes each changed document down by itself: a thousand at once can pass a command's time limit.
HELD_AT_ONCE = 100
# Behind every place of the list: it begins with digits.
END_OF_LIST = ";"


class NoticeStore:
    """The only code that touches `notices`, `notice_batches` and `notice_reports`."""

    def __init__(self, mongo: Database) -> None:
        self._notices = mongo["notices"]
        self._batches = mongo["notice_batches"]
        self._reports = mongo["notice_reports"]

    async def create_batch(self, batch: Batch) -> bool:
        """False where its id is taken."""
        try:
            await self._batches.insert_one({"_id": batch.id, **msgspec.to_builtins(batch),
                                            "listed": f"{int(batch.created_at * 1000):015d}:{batch.id}"})
        except DuplicateKeyError:
            return False
        return True

    async def batch(self, batch_id: str) -> Batch | None:
        found = await self._batches.find_one({"_id": batch_id})
        return None if found is None else msgspec.convert(found, Batch)

    async def batches(self, before: str) -> tuple[list[Batch], str | None]:
        """The newest first, from where the last page ended; and where this one did."""
        found = await self._batches.find({"listed": {"$lt": before or END_OF_LIST}}).sort("listed", -1).limit(BATCHES_A_PAGE).to_list(None)
        return [msgspec.convert(one, Batch) for one in found], found[-1]["listed"] if len(found) == BATCHES_A_PAGE else None

    async def enqueue(self, batch_id: str, citizens: Sequence[int], now: float) -> int:
        """Keep one for each citizen who has none of this batch; how many are new."""
        new = 0
        for start in range(0, len(citizens), PAGE):
            made = [{"_id": _id(batch_id, citizen), "batch": batch_id, "citizen": citizen, "pos": _pos(batch_id, citizen),
                     "state": "queued", "due": now, "tries": 0} for citizen in citizens[start:start + PAGE]]
            try:
                new += len((await self._notices.insert_many(made, ordered=False)).inserted_ids)
            except BulkWriteError as error:
                if any(failure["code"] != DUPLICATE_KEY for failure in error.details["writeErrors"]):
                    raise
                new += len(made) - len(error.details["writeErrors"])
        return new

    async def due(self, now: float, limit: int) -> list[Notice]:
        """What is to be looked at, the longest waiting first."""
        found = await self._notices.find({"due": {"$lte": now}}).sort("due", 1).limit(limit).to_list(None)
        return [Notice(d["_id"], d["batch"], d["citizen"], d["state"], d["due"], d["tries"], d.get("tried_at", 0.0), d.get("name", ""))
                for d in found]

    async def claim(self, notice: Notice, now: float, until: float) -> bool:
        """Whether this caller sends it; nobody else looks at it until then."""
        changed = await self._notices.update_one({"_id": notice.id, "due": notice.due}, {
            "$set": {"due": until, "state": "sending", "tried_at": notice.tried_at or now}, "$inc": {"tries": 1}})
        return changed.matched_count == 1

    async def postpone(self, notice: Notice, due: float, *, arrived_perhaps: bool) -> None:
        """`notice` as it was before it was claimed; `arrived_perhaps`: nobody knows what became of this try."""
        known: Document = {} if arrived_perhaps else {"tried_at": notice.tried_at}
        await self._notices.update_one({"_id": notice.id}, {"$set": {"due": due, "state": "queued", **known}})

    async def settle(self, notice_id: str, state: State, *, errcode: int = 0, msg_id: str = "") -> None:
        """Nothing is to be done any more. Where the platform told of `msg_id` before, that stands."""
        fields: Document = {"state": state} | ({"errcode": errcode} if errcode else {}) | ({"msg_id": msg_id} if msg_id else {})
        await self._notices.update_one({"_id": notice_id}, {"$set": fields, "$unset": {"due": ""}})
        report = await self._reports.find_one({"_id": msg_id}) if msg_id else None
        if report is not None:
            await self._tell(msg_id, {"state": report["state"], "errcode": report["errcode"]})
            await self._reports.delete_one({"_id": msg_id})

    async def reported(self, msg_id: str, arrived: bool, errcode: int, now: float) -> None:
        """What the platform tells of one that was sent. It may be faster than the answer that names it, so what finds none is kept.

        It is looked for once more after that: of an answer and a report at once, the later one sees the other.
        """
        told: Document = {"state": "delivered" if arrived else "undelivered", "errcode": errcode}
        if await self._tell(msg_id, told):
            return
        await self._reports.update_one({"_id": msg_id}, {"$set": told | {"at": now}}, upsert=True)
        if await self._tell(msg_id, told):
            await self._reports.delete_one({"_id": msg_id})

    async def _tell(self, msg_id: str, told: Document) -> bool:
        return (await self._notices.update_one({"msg_id": msg_id}, {"$set": told})).matched_count > 0

    async def forget_reports(self, before: float) -> None:
        """Those of messages that are not ours: another system of the account sent them."""
        await self._reports.delete_many({"at": {"$lte": before}})

    async def counts(self, batch_id: str) -> Progress:
        """How many are in each state. Page by page: a city's two million take a minute of the embedded store, and hold up nobody else."""
        counted: Counter[str] = Counter()
        errors: dict[int, Errors] = {}
        after, end = f"{batch_id}:", f"{batch_id};"
        while True:
            found = await self._notices.find({"pos": {"$gt": after, "$lt": end}}, {"state": 1, "pos": 1, "errcode": 1, "citizen": 1}).sort(
                "pos", 1).limit(PAGE).to_list(None)
            counted.update(document["state"] for document in found)
            for document in found:
                if document["state"] in ENDED_BADLY:
                    told = errors.setdefault(int(document.get("errcode") or 0), Errors(int(document.get("errcode") or 0)))
                    told.count += 1
                    told.citizens += [document["citizen"]] if len(told.citizens) < NAMED_CITIZENS else []
            if len(found) < PAGE:
                return Progress(dict(counted), errors)
            after = found[-1]["pos"]

    async def hold(self) -> int:
        """After a restore: what waits here may have been sent since the backup, so a person has to judge; how many. May be repeated."""
        held = 0
        while found := await self._notices.find({"due": {"$gt": 0}}, {"due": 1}).sort("due", 1).limit(HELD_AT_ONCE).to_list(None):
            await self._notices.update_many({"_id": {"$in": [one["_id"] for one in found]}},
                                            {"$set": {"state": "uncertain"}, "$unset": {"due": ""}})
            held += len(found)
        return held

    # Merges and deletions

    async def merge(self, loser: int, survivor: int, now: float) -> None:
        """Two numbers are one person: of each batch she gets one. May be repeated; what is on its way is left to the next time."""
        for document in await self._notices.find({"citizen": loser}).limit(PAGE).to_list(None):
            await self.unite(document["batch"], loser, survivor, now)

    async def unite(self, batch_id: str, loser: int, survivor: int, now: float) -> bool:
        """Of a batch's two notices of one person the further one stays, as the survivor's; whether hers is another now. May be repeated."""
        lost = await self._notices.find_one({"_id": _id(batch_id, loser)})
        if lost is None:
            return False
        kept = await self._notices.find_one({"_id": _id(batch_id, survivor)})
        if lost["state"] == "sending":  # this is the one that she gets; it moves when it is settled
            return kept is not None and kept["state"] == "queued" and await self._remove(kept)
        if kept is not None and _rank(lost) <= _rank(kept):
            await self._remove(lost)
            return False
        if kept is None or await self._remove(kept):  # else somebody has just claimed it: the next time
            await self._move(lost, survivor, now)
        return True

    async def _move(self, lost: Document, survivor: int, now: float) -> None:
        """Kept under the survivor's number first: a kill in between leaves both, and the next time one of them goes."""
        if "due" in lost:  # nobody sends it meanwhile
            held = await self._notices.update_one({"_id": lost["_id"], "due": lost["due"]}, {"$set": {"due": now + MOVE_SECONDS}})
            if not held.matched_count:
                return
        moved = {**lost, "_id": _id(lost["batch"], survivor), "citizen": survivor, "pos": _pos(lost["batch"], survivor),
                 "name": lost.get("name") or lost["_id"]}
        with suppress(DuplicateKeyError):  # kept anew in this moment: the next time
            await self._notices.insert_one(moved)
            await self._remove(lost)

    async def _remove(self, notice: Document) -> bool:
        """False where it is in another state by now."""
        return (await self._notices.delete_one({"_id": notice["_id"], "state": notice["state"]})).deleted_count == 1

    async def remove_of(self, citizen: int, now: float) -> None:
        """Her deletion takes hers away, sent or not."""
        await self._notices.delete_many({"citizen": citizen})


class GrantStore:
    """The only code that touches `grants`."""

    def __init__(self, mongo: Database) -> None:
        self._grants = mongo["grants"]

    async def add(self, appid: str, template_id: str, citizen: int, event: str, *, count: int = 1) -> bool:
        """She allowed one more, as `event` told; an event that is told again counts once. Whether it counted."""
        grant, pos = _id(f"{appid}:{template_id}", citizen), _pos(f"{appid}:{template_id}", citizen)
        slot = str(crc32(event.encode()) % HEARD_SLOTS)
        change: Document = {"$inc": {"count": count}, "$set": {f"heard.{slot}": event, "pos": pos}, "$unset": {"spent_at": ""}}
        for _ in range(2):
            # The one step that decides. Every slot is there from the first: the embedded store finds no missing field to differ.
            if (await self._grants.update_one({"_id": grant, f"heard.{slot}": {"$ne": event}}, change)).matched_count:
                return True
            heard = {str(number): "" for number in range(HEARD_SLOTS)} | {slot: event}
            with suppress(DuplicateKeyError):  # it counted before, or another event was the first in this moment: once more
                await self._grants.insert_one({"_id": grant, "template": f"{appid}:{template_id}", "citizen": citizen, "pos": pos,
                                               "count": count, "heard": heard})
                return True
        return False

    async def clear(self, appid: str, template_id: str, citizen: int, now: float) -> None:
        """She allows none."""
        await self._grants.update_one({"_id": _id(f"{appid}:{template_id}", citizen)}, {
            "$set": {"count": 0, "spent_at": now}, "$unset": {"pos": ""}})

    async def take(self, appid: str, template_id: str, citizen: int, now: float) -> bool:
        """Spend one; False where there is none."""
        grant = _id(f"{appid}:{template_id}", citizen)
        taken = await self._grants.update_one({"_id": grant, "count": {"$gt": 0}}, {"$inc": {"count": -1}})
        # Whose last one it was is no holder any more.
        await self._grants.update_one({"_id": grant, "count": {"$lte": 0}}, {"$set": {"spent_at": now}, "$unset": {"pos": ""}})
        return taken.matched_count == 1

    async def give_back(self, appid: str, template_id: str, citizen: int) -> bool:
        """What was spent did not reach the platform. False where nothing is known of her any more."""
        given = await self._grants.update_one({"_id": _id(f"{appid}:{template_id}", citizen)}, {
            "$inc": {"count": 1}, "$set": {"pos": _pos(f"{appid}:{template_id}", citizen)}, "$unset": {"spent_at": ""}})
        return given.matched_count == 1

    async def count(self, appid: str, template_id: str, citizen: int) -> int:
        found = await self._grants.find_one({"_id": _id(f"{appid}:{template_id}", citizen)})
        return int(found["count"]) if found else 0

    async def holders(self, appid: str, template_id: str, after: str) -> tuple[list[int], str | None]:
        """Of one page, who allows at least one more; where the next page begins, None after the last."""
        template = f"{appid}:{template_id}"
        found = await self._grants.find({"pos": {"$gt": after or f"{template}:", "$lt": f"{template};"}}).sort("pos", 1).limit(
            PAGE).to_list(None)
        # Another template's name may begin with this one and a colon.
        holders = [document["citizen"] for document in found if document["count"] > 0 and document["template"] == template]
        return holders, found[-1]["pos"] if len(found) == PAGE else None

    async def forget_spent(self, before: float) -> None:
        await self._grants.delete_many({"spent_at": {"$lte": before}})

    async def merge(self, loser: int, survivor: int) -> None:
        """Two numbers are one person: what she allowed under either is the survivor's. May be repeated.

        What another process still adds meanwhile is left to the next time. One too many would be refused by the platform, and cleared.
        """
        for document in await self._grants.find({"citizen": loser}).limit(PAGE).to_list(None):
            appid, _, template_id = document["template"].partition(":")
            if document["count"] > 0:
                await self.add(appid, template_id, survivor, f"{loser} {document['count']}", count=document["count"])
            await self._grants.delete_one({"_id": document["_id"], "count": document["count"]})

    async def remove_of(self, citizen: int, now: float) -> None:
        await self._grants.delete_many({"citizen": citizen})


def _id(of: str, citizen: int) -> str:
    return f"{of}:{citizen}"


def _pos(of: str, citizen: int) -> str:
    """Sorts by number."""
    return f"{of}:{citizen:012d}"


def _rank(notice: Document) -> int:
    """How far it is: ended and did not arrive, waits, may have arrived."""
    if notice["state"] in MAY_HAVE_ARRIVED or notice["state"] == "queued" and notice.get("tried_at"):
        return 2
    return int(notice["state"] == "queued")
