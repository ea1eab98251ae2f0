"""What MongoDB keeps of the library: media, their tags as entries of an index, the names of folders and tags, and who uses what."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from server.media.medium import Medium
from server.stores import Database, Document, DuplicateKeyError

# Folders and tags together: what a person finds her way in.
MAX_LABELS = 1000
# What one medium can be used by before its page says "and more".
USES_READ = 200


class Use(msgspec.Struct, frozen=True):
    """`subject`: what uses it, for programs, such as campaign:flag; `label`: the same for people."""

    medium: str
    subject: str
    label: str
    at: int


class MediaStore:
    """The only code that touches `media`, `media_tags`, `media_labels` and `media_uses`."""

    def __init__(self, mongo: Database) -> None:
        self._media = mongo["media"]
        self._tags = mongo["media_tags"]
        self._labels = mongo["media_labels"]
        self._uses = mongo["media_uses"]

    # Media

    async def insert(self, medium: Medium) -> bool:
        """False where it is there already."""
        try:
            await self._media.insert_one({"_id": medium.id, **_fields(medium), **places_of(medium)})
        except DuplicateKeyError:
            return False
        await self.tag(medium, ())
        return True

    async def find(self, medium_id: str) -> Medium | None:
        return _medium(await self._media.find_one({"_id": medium_id}))

    async def find_all(self, ids: Iterable[str]) -> dict[str, Medium]:
        found = await self._media.find({"_id": {"$in": list(ids)}}).to_list(None)
        return {str(document["_id"]): medium for document in found if (medium := _medium(document)) is not None}

    async def same_pixels(self, pixels: str) -> Medium | None:
        return _medium(await self._media.find_one({"pixels": pixels}))

    async def change(self, before: Medium, after: Medium) -> bool:
        """False where somebody else changed it since. What is in the bin stands in no list."""
        fields = {**_fields(after), "rev": before.rev + 1}
        places = places_of(after)
        update: Document = {"$set": {**fields, **places}}
        if gone := {name: "" for name in ("listed", "in_folder", "bin") if name not in places}:
            update["$unset"] = gone
        if not (await self._media.update_one({"_id": before.id, "rev": before.rev}, update)).matched_count:
            return False
        await self.tag(after, before.tags)
        return True

    async def remove(self, medium: Medium) -> bool:
        return (await self._media.delete_one({"_id": medium.id, "rev": medium.rev})).deleted_count == 1

    async def page(self, field: str, prefix: str, before: str, limit: int) -> list[tuple[str, Medium]]:
        """The newest first, each with its place in this list; `before` is the place where the last page ended."""
        asked = {field: {"$gt": prefix, "$lt": prefix + (before or ";")}}
        found = await self._media.find(asked).sort(field, -1).limit(limit).to_list(None)
        return [(str(d[field]).removeprefix(prefix), medium) for d in found if (medium := _medium(d)) is not None]

    async def tagged(self, tag: str, before: str, limit: int) -> list[tuple[str, Medium]]:
        asked = {"pos": {"$gt": f"{tag}:", "$lt": f"{tag}:{before or ';'}"}}
        found = await self._tags.find(asked).sort("pos", -1).limit(limit).to_list(None)
        media = await self.find_all(d["medium"] for d in found) if found else {}
        return [(str(d["pos"]).removeprefix(f"{tag}:"), media[d["medium"]]) for d in found if d["medium"] in media]

    async def tag(self, medium: Medium, before: Iterable[str]) -> None:
        """Its entries under its tags, and no others; of one in the bin none."""
        wanted = () if medium.binned_at else medium.tags
        gone = [f"{tag}:{medium.id}" for tag in {*before, *medium.tags} if tag not in wanted]
        if gone:
            await self._tags.delete_many({"_id": {"$in": gone}})
        for tag in wanted:
            entry = {"pos": f"{tag}:{_listed(medium)}", "medium": medium.id}
            await self._tags.update_one({"_id": f"{tag}:{medium.id}"}, {"$set": entry}, upsert=True)

    async def binned(self, until: float, limit: int) -> list[Medium]:
        """Those that lie in the bin since then or longer."""
        found = await self._media.find({"bin": {"$lt": f"{int(until):012d};"}}).sort("bin", 1).limit(limit).to_list(None)
        return [medium for document in found if (medium := _medium(document)) is not None]

    # Folders and tags

    async def label(self, kind: str, name: str, now: float) -> None:
        await self._labels.update_one({"_id": f"{kind}:{name}"}, {"$setOnInsert": {"at": int(now)}}, upsert=True)

    async def labels(self) -> list[Document]:
        return await self._labels.find({}).limit(MAX_LABELS).to_list(MAX_LABELS)

    async def unlabel(self, label_id: str) -> None:
        await self._labels.delete_one({"_id": label_id})

    # Uses

    async def use(self, use: Use) -> None:
        fields: dict[str, Any] = msgspec.to_builtins(use)
        await self._uses.update_one({"_id": f"{use.medium}|{use.subject}"}, {"$set": fields}, upsert=True)

    async def stop_using(self, subject: str, media: Iterable[str]) -> None:
        await self._uses.delete_many({"_id": {"$in": [f"{medium}|{subject}" for medium in media]}})

    async def uses_of(self, medium_id: str) -> list[Use]:
        return msgspec.convert(await self._uses.find({"medium": medium_id}).limit(USES_READ).to_list(None), list[Use], strict=False)

    async def used_by(self, subject: str) -> list[Use]:
        return msgspec.convert(await self._uses.find({"subject": subject}).limit(USES_READ).to_list(None), list[Use], strict=False)


def places_of(medium: Medium) -> Document:
    """Where it stands in the lists: each is one field of an index, which ends with time and id."""
    if medium.binned_at:
        return {"bin": f"{medium.binned_at:012d}:{medium.id}"}
    return {"listed": _listed(medium), "in_folder": f"{medium.folder}:{_listed(medium)}"}


def _listed(medium: Medium) -> str:
    return f"{medium.at:012d}:{medium.id}"


def _fields(medium: Medium) -> Document:
    fields: Document = msgspec.to_builtins(medium)
    del fields["id"]
    return fields


def _medium(document: Document | None) -> Medium | None:
    return None if document is None else msgspec.convert({"id": document["_id"], **document}, Medium, strict=False)
