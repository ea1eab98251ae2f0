"""Photos in MongoDB, but for their pictures."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

import msgspec

from server.messages import Ruling
from server.moderation.service import Waiting
from server.moderation.verdict import Overall, Piece, Verdict
from server.photos.photo import MAX_TRIES, Photo, place_key
from server.seals import Seal, SealBroken
from server.stores import Database, Document, DuplicateKeyError

logger = logging.getLogger(__name__)

ITEMS_A_PAGE = 30
# One person's: one for each campaign and day, of some years.
OF_ONE = 1000
# What a photo has only while a person may decide on it.
OPEN_FIELDS = ("queue", "by_machine", "moderation_due", "moderation_tries", "check_due")
# What people said of it.
REVIEW_FIELDS = ("decided", "decided_by", "decided_at", "reason", "second", "second_by")
# Somebody may ask why; then nobody needs to see it any more.
KEPT_SECONDS = 30 * 86400
# A caption's and a picture's verdict in one moment; a third is a person's.
TRIES = 4

# What to set of a photo and what to remove, as it is now; None where it is not to be changed any more.
Changes = tuple[Document, Sequence[str]] | None


class PhotoStore:
    """The only code that touches `photos`; each method one atomic step. `turn` rises with every change of what it is, by whomever, and is
    never set back: what was read is changed as it was read, or read anew.

    `changes` rises with every change here that may show on a wall, so that nobody in this process goes on with what was read before it.
    """

    def __init__(self, mongo: Database, seal: Seal) -> None:
        self._photos = mongo["photos"]
        self._seal = seal
        self.changes = 0

    async def create(self, photo: Photo, now: float) -> bool:
        """False where this citizen has a photo in this period that she did not withdraw wholly, or has sent too many."""
        fields: Document = {"campaign": photo.campaign, "citizen": photo.citizen, "token": photo.token, "state": "pending", "at": photo.at,
                            "width": photo.width, "height": photo.height, "own": int(photo.own), "machine": "waiting",
                            "picture": "waiting", "check_due": now, "queue": place_key(photo.campaign, photo.at, photo.token)}
        if photo.own:
            fields |= {"sealed": self._seal.close(photo.caption, photo.id), "moderation_due": now}
        else:
            fields["text"] = photo.caption
        try:
            await self._photos.insert_one({"_id": photo.id, **fields, "tries": 1, "turn": 0})
        except DuplicateKeyError:
            gone = {"_id": photo.id, "state": "withdrawn", "remove_at": {"$exists": False}, "tries": {"$lt": MAX_TRIES}}
            return (await self._photos.update_one(gone, {"$set": fields, "$inc": {"tries": 1, "turn": 1}})).matched_count == 1
        return True

    async def find(self, photo_id: str) -> Photo | None:
        found = await self._photos.find_one({"_id": photo_id})
        return self._photo(found) if found else None

    async def by_token(self, token: str) -> Photo | None:
        found = await self._photos.find_one({"token": token})
        return self._photo(found) if found else None

    async def of_citizen(self, citizen: int) -> list[Photo]:
        return [self._photo(d) for d in await self._photos.find({"citizen": citizen}).limit(OF_ONE).to_list(None)]

    async def page(self, field: str, after: str, end: str, newest_first: bool, limit: int = ITEMS_A_PAGE) -> list[Photo]:
        bounds = {"$gt": end, "$lt": after} if newest_first else {"$gt": after, "$lt": end}
        found = await self._photos.find({field: bounds}).sort(field, -1 if newest_first else 1).limit(limit).to_list(None)
        return [self._photo(document) for document in found]

    async def places(self, field: str, campaign: str, limit: int) -> list[str]:
        """The first places of a list, to know how long it is and since when."""
        found = await self._photos.find({field: {"$gt": f"{campaign}:", "$lt": f"{campaign};"}}, {field: 1}).sort(field, 1).limit(
            limit).to_list(None)
        return [document[field].partition(":")[2] for document in found]

    # What people decide

    async def decide(self, campaign: str, token: str, ruling: Ruling) -> bool:
        """A person's verdict on what waits, or on what machines turned down; False where it was decided or deleted meanwhile."""

        def step(found: Document) -> Changes:
            if found["campaign"] != campaign or "queue" not in found and "by_machine" not in found:
                return None
            if not ruling.approve:
                return _decided(found, ruling, "rejected"), OPEN_FIELDS
            fields = _decided(found, ruling, "approved")
            places = dict.fromkeys(("wall", "second") if ruling.second else ("wall",), fields["decided"])
            return fields | places, (*OPEN_FIELDS, "remove_at")

        return await self._change({"token": token}, step)

    async def take_down(self, campaign: str, token: str, ruling: Ruling) -> bool:
        """What is public is so no more; False where it is not, or was deleted."""

        def step(found: Document) -> Changes:
            is_public = found["campaign"] == campaign and "wall" in found
            return (_decided(found, ruling, "taken_down"), ("wall", "second")) if is_public else None

        return await self._change({"token": token}, step)

    async def reverse(self, campaign: str, token: str, ruling: Ruling) -> bool:
        """A second person took it down; False where it waits for none any more."""

        def step(found: Document) -> Changes:
            if found["campaign"] != campaign or "second" not in found:
                return None
            fields = _decided(found, ruling, "taken_down") | {"decided_by": found["decided_by"], "second_by": ruling.by}
            return fields, ("wall", "second")

        return await self._change({"token": token}, step)

    async def confirm(self, campaign: str, token: str, by: str) -> bool:
        """A second person let it stand; False where it waits for none."""

        def step(found: Document) -> Changes:
            return ({"second_by": by}, ("second",)) if found["campaign"] == campaign and "second" in found else None

        return await self._change({"token": token}, step)

    async def withdraw(self, photo: Photo, at: float) -> bool:
        """By her own wish; her words go with it. What is kept beside it is due to go. False where she sent another meanwhile."""

        def step(found: Document) -> Changes:
            gone = (*OPEN_FIELDS, *REVIEW_FIELDS, "wall", "sealed", "text", "verdicts", "caption_result", "picture_label")
            return ({"state": "withdrawn", "remove_at": int(at)}, gone) if found["token"] == photo.token else None

        return await self._change({"_id": photo.id}, step)

    async def _change(self, served: Document, step: Callable[[Document], Changes]) -> bool:
        """Change a photo as it is now, whoever else changes it in this moment."""
        for _ in range(TRIES):
            found = await self._photos.find_one(served)
            wanted = step(found) if found is not None else None
            if found is None or wanted is None:
                return False
            fields, gone = wanted
            done = await self._photos.update_one({"_id": found["_id"], "token": found["token"], "turn": found["turn"]},
                                                 {"$set": fields, "$unset": dict.fromkeys(gone, ""), "$inc": {"turn": 1}})
            if done.matched_count == 1:
                self.changes += 1
                return True
        return False

    async def due_to_go(self, now: float, limit: int) -> list[Photo]:
        """Turned down or taken off the wall so long ago that nobody needs to see them."""
        found = await self._photos.find({"remove_at": {"$gt": 0, "$lte": int(now)}}).limit(limit).to_list(None)
        return [self._photo(document) for document in found]

    async def close(self, photo: Photo, now: float) -> bool:
        """Nobody decides on it any more; False where somebody let it through in this moment."""

        def step(found: Document) -> Changes:
            is_due = found["token"] == photo.token and 0 < found.get("remove_at", 0) <= now
            return ({"remove_at": int(now)}, OPEN_FIELDS) if is_due else None

        return await self._change({"_id": photo.id}, step)

    async def emptied(self, photo: Photo) -> None:
        """Its picture is gone; its words and what was said of them go too."""
        gone = dict.fromkeys((*OPEN_FIELDS, "remove_at", "sealed", "text", "verdicts"), "")
        await self._photos.update_one({"_id": photo.id, "token": photo.token}, {"$unset": gone})

    # What machines are asked of captions (server.moderation.service.Texts)

    async def unjudged(self, now: float, limit: int) -> list[Waiting]:
        found = await self._photos.find({"moderation_due": {"$lte": now}}).sort("moderation_due", 1).limit(limit).to_list(None)
        return [self._waiting(document) for document in found]

    async def take(self, waiting: Waiting, until: float) -> bool:
        taken = await self._photos.update_one({"_id": waiting.id, "moderation_due": waiting.due},
                                              {"$set": {"moderation_due": until}, "$inc": {"moderation_tries": 1}})
        return taken.matched_count == 1

    async def judge_later(self, waiting: Waiting, until: float, due: float, known: Sequence[Verdict]) -> None:
        await self._photos.update_one({"_id": waiting.id, "moderation_due": until},
                                      {"$set": {"moderation_due": due, "verdicts": self._sealed_verdicts(waiting.id, known)}})

    async def judged(self, waiting: Waiting, until: float, result: Overall, verdicts: Sequence[Verdict], now: float) -> None:
        changes: Document = {"caption_result": result, "verdicts": self._sealed_verdicts(waiting.id, verdicts)}
        await self._settle({"_id": waiting.id, "moderation_due": until, "state": "pending"}, changes,
                           ("moderation_due", "moderation_tries"), now)

    # What the platform is asked of pictures

    async def unchecked(self, now: float, limit: int) -> list[Photo]:
        found = await self._photos.find({"check_due": {"$lte": now}}).sort("check_due", 1).limit(limit).to_list(None)
        return [self._photo(document) for document in found]

    async def take_check(self, photo: Photo, now: float, until: float) -> bool:
        """Whether this caller asks; nobody else does until then."""
        taken = await self._photos.update_one({"_id": photo.id, "token": photo.token, "check_due": {"$lte": now}},
                                              {"$set": {"check_due": until}})
        return taken.matched_count == 1

    async def asked(self, photo: Photo) -> None:
        """The platform has it; its verdict comes by itself."""
        await self._photos.update_one({"_id": photo.id, "token": photo.token}, {"$unset": {"check_due": ""}})

    async def checked(self, token: str, picture: str, label: str, now: float) -> None:
        """What became of its check. One that turns out to be risky is public no more."""
        await self._settle({"token": token}, {"picture": picture, "picture_label": label}, ("check_due",), now)

    async def _settle(self, served: Document, changes: Document, gone: tuple[str, ...], now: float) -> None:
        def step(found: Document) -> Changes:
            if found["state"] not in ("pending", "approved"):
                return None
            machine = machine_of({**found, **changes})
            fields: Document = {**changes, "machine": machine}
            place = (found.get("queue") or found.get("wall", "")).partition(":")[2]
            if machine == "block":
                fields |= {"state": "rejected", "decided_at": now, "remove_at": int(now) + KEPT_SECONDS,
                           "by_machine": f"{found['campaign']}:block:{place}"}
                return fields, (*gone, "queue", "wall", "second", "moderation_due", "moderation_tries")
            if machine != "waiting" and found["state"] == "pending":
                fields["by_machine"] = f"{found['campaign']}:{machine}:{place}"
            return fields, gone

        await self._change(served, step)

    # Citizens' numbers

    async def move(self, photo: Photo, survivor: int) -> bool:
        """Give it to another number of the same person; False where that has one in this period, or it changed meanwhile."""
        found = await self._photos.find_one({"_id": photo.id})
        if found is None:
            return True
        moved_id = f"{photo.id.rpartition(':')[0]}:{survivor}"
        moved: Document = {**found, "_id": moved_id, "citizen": survivor}
        if "sealed" in found:
            moved["sealed"] = self._seal.close(self._seal.open(bytes(found["sealed"]), photo.id), moved_id)
        if "verdicts" in found:
            moved["verdicts"] = self._sealed_verdicts(moved_id, self._verdicts(found))
        with suppress(DuplicateKeyError):
            await self._photos.insert_one(moved)
            if (await self._photos.delete_one({"_id": photo.id, "token": found["token"], "turn": found["turn"]})).deleted_count == 1:
                return True
            await self._photos.delete_one({"_id": moved_id})
        return False

    async def remove(self, photo: Photo) -> None:
        await self._photos.delete_one({"_id": photo.id, "token": photo.token})
        self.changes += 1

    # Within

    def _photo(self, document: Document) -> Photo:
        caption = document.get("text", "")
        verdicts: tuple[Verdict, ...] = ()
        try:
            if "sealed" in document:
                caption = self._seal.open(bytes(document["sealed"]), document["_id"])
            verdicts = self._verdicts(document)
        except SealBroken:
            logger.error("a photo of campaign %s was sealed with another WENMING_SECRET_KEY", document["campaign"])
        plain: dict[str, Any] = {name: document.get(name, "") for name in ("queue", "wall", "by_machine", "picture_label", *REVIEW_FIELDS)}
        plain |= {name: document.get(name, 0) for name in ("decided_at", "remove_at")}
        same: dict[str, Any] = {name: document[name] for name in ("campaign", "citizen", "token", "state", "at", "width", "height", "tries",
                                                                  "machine", "picture", "turn")}
        return Photo(id=document["_id"], caption=caption, own=bool(document["own"]), verdicts=verdicts, **same, **plain)

    def _waiting(self, document: Document) -> Waiting:
        waiting = Waiting(document["_id"], document["moderation_due"], document.get("moderation_tries", 0))
        photo = self._photo(document)
        if not photo.caption:
            return waiting
        piece = Piece(f"{photo.token}:message", "message", photo.citizen, photo.caption)
        return replace(waiting, pieces=(piece,), known=photo.verdicts)

    def _verdicts(self, document: Document) -> tuple[Verdict, ...]:
        if "verdicts" not in document:
            return ()
        return msgspec.json.decode(self._seal.open(bytes(document["verdicts"]), f"{document['_id']}:verdicts"), type=tuple[Verdict, ...])

    def _sealed_verdicts(self, photo_id: str, verdicts: Sequence[Verdict]) -> bytes:
        return self._seal.close(msgspec.json.encode(verdicts).decode(), f"{photo_id}:verdicts")


def _decided(photo: Document, ruling: Ruling, state: str) -> Document:
    """What is written down of a person's verdict. What is not public goes some time after it."""
    place = place_key(photo["campaign"], ruling.at, photo["token"])
    gone = {} if state == "approved" else {"remove_at": int(ruling.at) + KEPT_SECONDS}
    return {"state": state, "decided": place, "decided_by": ruling.by, "decided_at": ruling.at, "reason": ruling.reason, **gone}


def machine_of(document: Document) -> str:
    """The worst that machines said of caption and picture; `waiting` while one of them is not settled."""
    caption = document.get("caption_result") or ("waiting" if "sealed" in document else "")
    picture = document["picture"]
    if caption == "block" or picture == "risky":
        return "block"
    if "waiting" in (caption, picture):
        return "waiting"
    if "review" in (caption, picture):
        return "review"
    return "pass" if picture == "pass" and caption in ("", "pass") else "unchecked"
