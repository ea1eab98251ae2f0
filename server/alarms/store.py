"""The collections of alarms; each method one atomic step. Raises PyMongoError."""

from __future__ import annotations

from msgspec import structs

from server.alarms.alarm import QUICK_TRIES, SELDOM_SECONDS, TELLING_SECONDS, Alarm, Silence
from server.stores import Database, Document, DuplicateKeyError

# A page of what was.
PAGE = 50
# Kept for a quarter of a year, as long as anybody asks what happened on the day.
KEPT_SECONDS = 92 * 86400


class AlarmStore:
    """The only code that touches these collections."""

    def __init__(self, mongo: Database) -> None:
        self._alarms = mongo["alarms"]
        self._log = mongo["alarm_log"]
        self._silences = mongo["alarm_silences"]

    async def open(self, parts: list[str]) -> dict[str, Alarm]:
        found = await self._alarms.find({"_id": {"$in": parts}}).to_list(None)
        return {document["_id"]: _alarm(document) for document in found}

    async def begin(self, alarm: Alarm) -> bool:
        """False where the part has an open one already."""
        try:
            await self._alarms.insert_one({"_id": alarm.part, "telling_until": 0.0, **_document(alarm)})
        except DuplicateKeyError:
            return False
        return True

    async def claim(self, alarm: Alarm, now: float) -> bool:
        """Take the telling of its next step: nobody else does meanwhile, and whoever dies over it is followed. False too where somebody
        acknowledged it since it was read, perhaps while a slow robot was told of another: the next turn decides anew."""
        until = now + (TELLING_SECONDS if alarm.tries < QUICK_TRIES else SELDOM_SECONDS)
        result = await self._alarms.update_one(
            {"_id": alarm.part, "id": alarm.id, "told_list": alarm.told_list, "telling_until": {"$lte": now},
             "acknowledged_at": alarm.acknowledged_at},
            {"$set": {"telling_until": until}, "$inc": {"tries": 1}})
        return result.matched_count == 1

    async def told(self, alarm: Alarm, to_list: int, now: float) -> None:
        """Lists up to this one have heard of it."""
        again = {"escalated_at": now} if alarm.rang_at else {"rang_at": now}
        await self._alarms.update_one({"_id": alarm.part, "id": alarm.id},
                                      {"$set": {"told_list": to_list, "telling_until": 0.0, "tries": 0, **again}})

    async def well(self, alarm: Alarm, since: float) -> None:
        await self._alarms.update_one({"_id": alarm.part, "id": alarm.id}, {"$set": {"well_since": since}})

    async def resolve(self, alarm: Alarm, now: float) -> bool:
        """Into the log, then out of the open ones; True for the one process that did. False too where somebody acknowledged it meanwhile:
        the next turn logs it with that."""
        ended = structs.replace(alarm, resolved_at=now)
        await self._log.update_one({"_id": alarm.id}, {"$set": {"listed": _listed(ended), **_document(ended)}}, upsert=True)
        seen = {"_id": alarm.part, "id": alarm.id, "acknowledged_at": alarm.acknowledged_at}
        return (await self._alarms.delete_one(seen)).deleted_count == 1

    async def acknowledge(self, part: str, alarm_id: str, who: str, now: float) -> bool:
        result = await self._alarms.update_one({"_id": part, "id": alarm_id, "acknowledged_at": {"$lte": 0}},
                                               {"$set": {"acknowledged_at": now, "acknowledged_by": who}})
        return result.matched_count == 1

    async def past(self, before: str) -> tuple[list[Alarm], str | None]:
        """Those that were resolved, the newest first, and where the next page begins."""
        found = await self._log.find({"listed": {"$lt": before}} if before else {"listed": {"$gt": ""}}).sort("listed", -1).limit(
            PAGE + 1).to_list(None)
        return [_alarm(document) for document in found[:PAGE]], found[PAGE - 1]["listed"] if len(found) > PAGE else None

    async def forget(self, now: float) -> None:
        await self._log.delete_many({"listed": {"$lt": f"{int((now - KEPT_SECONDS) * 1000):015d}"}})

    async def silences(self, parts: list[str]) -> dict[str, Silence]:
        found = await self._silences.find({"_id": {"$in": parts}}).to_list(None)
        return {d["_id"]: Silence(d["_id"], d["until"], d["reason"], d["by"], d["at"]) for d in found}

    async def silence(self, silence: Silence) -> None:
        fields = structs.asdict(silence)
        await self._silences.update_one({"_id": fields.pop("part")}, {"$set": fields}, upsert=True)

    async def unsilence(self, part: str) -> bool:
        return (await self._silences.delete_one({"_id": part})).deleted_count == 1


def _document(alarm: Alarm) -> Document:
    return structs.asdict(alarm)


def _alarm(document: Document) -> Alarm:
    return Alarm(**{name: document[name] for name in Alarm.__struct_fields__})


def _listed(alarm: Alarm) -> str:
    return f"{int(alarm.resolved_at * 1000):015d}:{alarm.id}"
