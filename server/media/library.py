"""The library 媒体库 as editors and pages see it: lists, folders and tags, who uses what, the recycle bin.

Other parts of the product say what they show: `use("campaign:flag", "活动 向国旗敬礼", ids)`. Both sides write before they look: who uses a
medium notes it and then looks whether it is in the bin, who deletes one puts it there and then looks whether it is used. So one of them
always sees the other.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Collection, Iterable
from typing import Any

import msgspec

from server.errors import InvalidBody, WenmingError
from server.media.files import MediaFiles
from server.media.medium import (
    BIN_SECONDS,
    ID,
    AltMissing,
    Details,
    Medium,
    MediumChanged,
    MediumInUse,
    MediumNotFound,
    check_details,
    medium_view,
)
from server.media.store import MAX_LABELS, MediaStore, Use
from server.stores import Document, PyMongoError

ITEMS_A_PAGE = 24
# Of a list that is filtered further, so many are looked at for one page; then the next request goes on.
LOOKED_AT = 480
# What one page of the product may show.
USES_OF_ONE = 100
# A page that is asked for often shows a change of its pictures after this; while MongoDB is away it shows what it knew.
FRESH_SECONDS = 5.0
MOST_KNOWN = 500
TIDIED_AT_ONCE = 50
# A new folder is there before the first picture is put into it.
LABEL_SECONDS = 86400


class Filter(msgspec.Struct, frozen=True):
    """Of one folder or tag (None: all), one kind, with this text in its name, alternative text or credit; or those in the bin."""

    folder: str | None = None
    tag: str = ""
    kind: str = ""
    text: str = ""
    binned: bool = False


class Library:
    def __init__(self, store: MediaStore, files: MediaFiles) -> None:
        self._store = store
        self._files = files
        self._known: OrderedDict[str, tuple[float, Medium | None]] = OrderedDict()
        files.showing = self._shows

    # Reading

    async def find(self, medium_id: str) -> Medium:
        """One of the library or of its bin. Raises MediumNotFound."""
        found = await self._store.find(medium_id)
        if found is None:
            raise MediumNotFound()
        return found

    async def page(self, wanted: Filter, cursor: str) -> tuple[list[Medium], str | None]:
        """The newest first, and where the next page begins. A filtered page may be short and still have a next."""
        found: list[Medium] = []
        looked_at, before = 0, cursor
        while looked_at < LOOKED_AT:
            some = await self._walk(wanted, before)
            for place, medium in some:
                before = place
                if _is_wanted(medium, wanted):
                    found.append(medium)
                if len(found) == ITEMS_A_PAGE:
                    return found, before
            if len(some) < ITEMS_A_PAGE:
                return found, None
            looked_at += len(some)
        return found, before

    async def _walk(self, wanted: Filter, before: str) -> list[tuple[str, Medium]]:
        if wanted.binned:
            return await self._store.page("bin", "", before, ITEMS_A_PAGE)
        if wanted.tag:
            return await self._store.tagged(wanted.tag, before, ITEMS_A_PAGE)
        if wanted.folder is not None:
            return await self._store.page("in_folder", f"{wanted.folder}:", before, ITEMS_A_PAGE)
        return await self._store.page("listed", "", before, ITEMS_A_PAGE)

    async def labels(self) -> dict[str, list[str]]:
        """The names of folders and of tags."""
        found: dict[str, list[str]] = {"folders": [], "tags": []}
        for label in await self._store.labels():
            kind, _, name = str(label["_id"]).partition(":")
            found[f"{kind}s"].append(name)
        return {kind: sorted(names) for kind, names in found.items()}

    async def views(self, ids: Collection[str]) -> dict[str, dict[str, Any]]:
        """What a public page needs of media that it shows, by id; one that is gone is left out. Five seconds old at most."""
        now = time.monotonic()
        wanted = [one for one in dict.fromkeys(ids) if ID.fullmatch(one)][:USES_OF_ONE]
        old = [one for one in wanted if now - self._known.get(one, (float("-inf"), None))[0] > FRESH_SECONDS]
        if old:
            await self._learn(old, now)
        known = [medium for one in wanted if (medium := self._known.get(one, (0.0, None))[1]) is not None]
        return {medium.id: medium_view(medium) for medium in known if not medium.binned_at}

    async def _learn(self, ids: list[str], now: float) -> None:
        try:
            found = await self._store.find_all(ids)
        except PyMongoError:
            if all(one not in self._known for one in ids):
                raise
            return
        for one in ids:
            self._known[one] = now, found.get(one)
            self._known.move_to_end(one)
        while len(self._known) > MOST_KNOWN:
            self._known.popitem(last=False)

    # Changing

    async def add(self, medium: Medium, now: float) -> bool:
        """False where it is there already."""
        await self.note_labels(medium, now)
        return await self._store.insert(medium)

    async def change(self, before: Medium, after: Medium, now: float) -> Medium:
        """Raises MediumChanged."""
        await self.note_labels(after, now)
        if not await self._store.change(before, after):
            raise MediumChanged()
        self._known.pop(before.id, None)
        return msgspec.structs.replace(after, rev=before.rev + 1)

    async def bin(self, medium_id: str, now: float) -> Medium:
        """Put one into the recycle bin. Raises MediumNotFound, MediumInUse, MediumChanged. May be repeated."""
        medium = await self.find(medium_id)
        if not medium.binned_at:
            self._refuse_used(await self._store.uses_of(medium_id))
            medium = await self.change(medium, msgspec.structs.replace(medium, binned_at=int(now)), now)
            if uses := await self._store.uses_of(medium_id):
                await self.change(medium, msgspec.structs.replace(medium, binned_at=0), now)
                self._refuse_used(uses)
        await self._files.hide(medium.files, now)
        return medium

    async def restore(self, medium_id: str, now: float) -> Medium:
        """Take one out of the bin. Raises MediumNotFound, MediumChanged, MediaBusy. May be repeated."""
        medium = await self.find(medium_id)
        if medium.binned_at:
            medium = await self.change(medium, msgspec.structs.replace(medium, binned_at=0), now)
        await self._files.show(medium.files)
        return medium

    async def note_labels(self, medium: Medium, now: float) -> None:
        """Raises InvalidBody where there are too many names."""
        wanted = [f"tag:{tag}" for tag in medium.tags] + ([f"folder:{medium.folder}"] if medium.folder else [])
        known = {str(label["_id"]) for label in await self._store.labels()} if wanted else set()
        new = [one for one in wanted if one not in known]
        if len(known) + len(new) > MAX_LABELS:
            raise InvalidBody("TOO_MANY_LABELS", "文件夹和标签太多，请先用已有的", field="folder")
        for one in new:
            kind, _, name = one.partition(":")
            await self._store.label(kind, name, now)

    def _refuse_used(self, uses: list[Use]) -> None:
        if uses:
            raise MediumInUse([use.label for use in uses])

    # Uses

    async def use(self, subject: str, label: str, ids: Collection[str], now: float) -> None:
        """The subject is about to show these as well. Raises InvalidBody where one is not there, AltMissing."""
        if len(ids) > USES_OF_ONE or not all(ID.fullmatch(one) for one in ids):
            raise InvalidBody("MEDIA_UNKNOWN", "引用了媒体库里没有的文件", field="media")
        if problem := (await self._problem(ids))[1]:
            raise problem
        for one in ids:
            await self._store.use(Use(one, subject, label, int(now)))
        gone, problem = await self._problem(ids)
        if problem:  # deleted in this very moment
            await self._store.stop_using(subject, gone)
            raise problem

    async def _problem(self, ids: Collection[str]) -> tuple[list[str], WenmingError | None]:
        """Which of these may not be shown, and why."""
        found = await self._store.find_all(ids) if ids else {}
        if missing := [one for one in ids if one not in found or found[one].binned_at]:
            return missing, InvalidBody("MEDIA_UNKNOWN", "引用了媒体库里没有的文件", field="media")
        silent = [one for one in ids if not found[one].may_be_used]
        return silent, AltMissing() if silent else None

    async def settle(self, subject: str, ids: Collection[str]) -> None:
        """The subject shows these and no others."""
        await self._store.stop_using(subject, [use.medium for use in await self._store.used_by(subject) if use.medium not in ids])

    async def uses(self, medium_id: str) -> list[Use]:
        """Who shows one. Raises MediumNotFound."""
        await self.find(medium_id)
        return await self._store.uses_of(medium_id)

    # The job

    async def tidy(self, now: float) -> int:
        """Remove what lay in the bin for its time, and names that nobody uses; how many media were removed."""
        old = await self._store.binned(now - BIN_SECONDS, TIDIED_AT_ONCE)
        removed = [medium for medium in old if await self._store.remove(medium)]
        for medium in removed:
            await self._files.hide(medium.files, now - BIN_SECONDS)  # so that its bytes go with it
        for label in await self._store.labels():
            if now - label["at"] > LABEL_SECONDS and not await self._is_named(label):
                await self._store.unlabel(label["_id"])
        return len(removed)

    async def _is_named(self, label: Document) -> bool:
        kind, _, name = str(label["_id"]).partition(":")
        found = self._store.tagged(name, "", 1) if kind == "tag" else self._store.page("in_folder", f"{name}:", "", 1)
        return bool(await found)

    async def _shows(self, name: str, media: Iterable[str]) -> bool:
        return any(name in medium.files and not medium.binned_at for medium in (await self._store.find_all(media)).values())


def with_details(medium: Medium, details: Details) -> Medium:
    """The medium as an editor describes it. Raises InvalidBody."""
    return msgspec.structs.replace(medium, **msgspec.structs.asdict(check_details(details)))


def _is_wanted(medium: Medium, wanted: Filter) -> bool:
    text = wanted.text.casefold()
    return ((not wanted.kind or medium.kind == wanted.kind) and (not wanted.tag or wanted.tag in medium.tags)
            and (wanted.folder is None or medium.folder == wanted.folder)
            and (not text or any(text in words.casefold() for words in (medium.name, medium.alt, medium.credit))))
