"""From an upload to a medium: its bytes are looked at in a process of their own, made ready for phones and put into the library.

A medium's id is the hash of the bytes that came, so two editors with one picture get one medium; two files that show the same pixels (a
copy that another phone wrote anew) are one medium too, and what lies in the bin comes back. A server makes a medium under a lease in the
upload's document: others say that it is in work, and take over when it ends.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from server.errors import WenmingError
from server.media.files import MediaFiles
from server.media.library import Library, with_details
from server.media.medium import ID_CHARACTERS, AltMissing, Details, Medium, MediumChanged, MediumNotFound, Variant, check_details
from server.media.store import MediaStore
from server.media.uploads import Upload, Uploads
from server.media.wire import Answer, Job
from server.media.workshop import NotTaken, Workshop
from server.metrics import Metrics
from server.stores import PyMongoError

logger = logging.getLogger(__name__)

# Most pictures are done in two seconds, a long film takes half a minute; whoever is told that it goes on asks again.
PATIENCE_SECONDS = 15.0


class Media:
    """`library`, `uploads` and `files` are its parts, for who needs one of them alone."""

    def __init__(self, store: MediaStore, library: Library, uploads: Uploads, files: MediaFiles, workshop: Workshop,
                 metrics: Metrics) -> None:
        self.library = library
        self.uploads = uploads
        self.files = files
        self._store = store
        self._workshop = workshop
        self._metrics = metrics
        self._making: dict[str, asyncio.Task[tuple[Medium, bool]]] = {}

    async def make(self, upload_id: str, details: Details, by: str, now: float) -> tuple[Medium, bool] | None:
        """A medium of an upload that is whole, and whether it is new; None while it is still in work. May be repeated.

        Raises UploadNotFound, UploadGone, UploadIncomplete, InvalidBody (NotTaken with the reason), MediaBusy.
        """
        task = self._making.get(upload_id)
        if task is None:
            upload = await self.uploads.claim_making(upload_id, by, now)
            if upload is None:
                return None
            if upload.refusal:
                raise NotTaken(*upload.refusal)
            if upload.medium:
                return await self.library.find(upload.medium), False
            task = self._making[upload_id] = asyncio.create_task(self._make(upload, details, now))
            task.add_done_callback(lambda done: (self._making.pop(upload_id, None), done.cancelled() or done.exception()))
        await asyncio.wait({task}, timeout=PATIENCE_SECONDS)
        return task.result() if task.done() else None

    async def edit(self, medium_id: str, details: Details, rev: int, now: float) -> tuple[Medium, Medium]:
        """Describe a medium anew, before and after. Another focus gives other crops.

        Raises MediumNotFound, MediumChanged, InvalidBody, AltMissing for one that is shown.
        """
        before = await self.library.find(medium_id)
        if before.binned_at:
            raise MediumNotFound()
        if before.rev != rev:
            raise MediumChanged()
        after = with_details(before, details)
        if before.may_be_used and not after.may_be_used and await self.library.uses(medium_id):
            raise AltMissing()
        if before.kind == "image" and after.focus != before.focus:
            after = msgspec.structs.replace(after, variants={**before.variants, **await self._crops(after, now)})
        kept = await self.library.change(before, after, now)
        await self.files.show(kept.files - before.files)
        await self.files.hide(before.files - kept.files, now)
        return before, kept

    async def tidy(self, now: float) -> None:
        """Uploads that ended in the middle, media that lay in the bin for their time, bytes that nobody shows."""
        await self.uploads.tidy(now)
        await self.library.tidy(now)
        await self.files.tidy(now)

    async def close(self) -> None:
        """What is in work is given up; its upload stays, and any server may try again."""
        tasks = list(self._making.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _make(self, upload: Upload, details: Details, now: float) -> tuple[Medium, bool]:
        try:
            details = check_details(details if details.name.strip() else msgspec.structs.replace(details, name=upload.name))
            async with self._workshop.bench() as folder:
                medium, is_new = await self._made(upload, details, folder, now)
        except NotTaken as refused:
            self._metrics.record("media_made_total", "refused")
            await self.uploads.refused(upload, refused.code, refused.message)
            raise
        except (WenmingError, PyMongoError, OSError, asyncio.CancelledError):
            await self.uploads.let_go(upload)
            raise
        self._metrics.record("media_made_total", "made" if is_new else "known")
        await self.uploads.made(upload, medium.id)
        return medium, is_new

    async def _made(self, upload: Upload, details: Details, folder: Path, now: float) -> tuple[Medium, bool]:
        sha256 = await self._fetch(upload, folder / "original")
        known = await self._store.find(sha256[:ID_CHARACTERS])
        if known is not None:
            return await self.library.restore(known.id, now), False
        answer = await self._workshop.do(Job("look", str(folder / "original"), str(folder), upload.kind, details.focus))
        known = await self._store.same_pixels(answer.pixels) if answer.pixels else None
        if known is not None:
            return await self.library.restore(known.id, now), False
        return await self._add(upload, details, sha256, answer, now)

    async def _add(self, upload: Upload, details: Details, sha256: str, answer: Answer, now: float) -> tuple[Medium, bool]:
        medium_id = sha256[:ID_CHARACTERS]
        variants = await self.files.keep(answer.made, medium_id, now)
        medium = Medium(medium_id, upload.kind, details.name, details.alt, details.decorative, details.credit, details.folder, details.tags,
                        details.focus, sha256, answer.pixels, upload.length, answer.width, answer.height, answer.seconds, variants,
                        upload.by, int(now))
        is_new = await self.library.add(medium, now)
        await self.files.show(medium.files)
        return (medium if is_new else await self.library.find(medium_id)), is_new

    async def _crops(self, medium: Medium, now: float) -> dict[str, Variant]:
        async with self._workshop.bench() as folder:
            whole = folder / f"full.{medium.variants['full'].form}"
            await self.files.write_to(medium.variants["full"].file, whole)
            answer = await self._workshop.do(Job("crop", str(whole), str(folder), medium.kind, medium.focus))
            return await self.files.keep(answer.made, medium.id, now)

    async def _fetch(self, upload: Upload, path: Path) -> str:
        """The upload onto the disk, a part at a time; its hash."""
        digest = hashlib.sha256()
        with path.open("wb") as out:
            async for piece in self.uploads.pieces(upload):
                await asyncio.to_thread(_add_to, out, digest, piece)
        return digest.hexdigest()


def _add_to(out: BinaryIO, digest: Any, piece: bytes) -> None:
    out.write(piece)
    digest.update(piece)
