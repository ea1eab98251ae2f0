"""A file on its way into the library: the rules of the tus protocol 1.0.0 over documents of 1 MB. [tus.io/protocols/resumable-upload]

Owns: `media_uploads`, one document for each upload, and its parts in `media_parts`, `_id` upload:part.
Invariants: what lies before `offset` is acknowledged and never changes; what lies behind it counts for nothing, so a piece with a wrong
checksum or a dead connection leaves nothing behind. Each PATCH that begins raises `epoch`; whoever has an older one can neither write a
part nor move the offset. So of several at once the one that began last wins, nobody waits for a lock of the dead, and any server may take
the next part. An upload lives for a day after its last piece. At most 1 MB of a request is in memory.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import logging
import secrets
from collections.abc import AsyncIterator
from typing import Any

import msgspec
from pymongo import ReturnDocument

from server.errors import BodyTooLarge, Conflict, InvalidBody, NotFound, Refusal, WenmingError
from server.media.medium import KIND_NAMES, MAX_BYTES, MAX_NAME_CHARACTERS, MEGABYTE, Kind, MediaBusy
from server.stores import Collection, Database, Document, DuplicateKeyError, PyMongoError

logger = logging.getLogger(__name__)

PART_BYTES = MEGABYTE
# A day: an editor whose evening ended goes on in the morning.
UPLOAD_SECONDS = 86400
# A shoot's pictures dragged in at once; each may be 500 MB of disk.
UPLOADS_OF_ONE = 50
# Each holds 1 MB and what is on its way to the store.
RECEIVED_AT_ONCE = 8
# How long one server has for making a medium of it; then another may try.
MAKING_SECONDS = 300
PARTS_A_DELETE = 64
TIDIED_AT_ONCE = 50
# sha1 is the protocol's, sha256 ours.
CHECKSUMS = ("sha1", "sha256")
MAX_METADATA_CHARACTERS = 4096


class UploadNotFound(NotFound):
    code = "UPLOAD_NOT_FOUND"
    message = "没有这次上传"


class UploadGone(Refusal):
    status = 410
    code = "UPLOAD_EXPIRED"
    message = "这次上传已过期，请重新上传"


class OffsetDiffers(Conflict):
    code = "UPLOAD_OFFSET_DIFFERS"
    message = "上传位置与服务器不一致，将从服务器已有的位置继续"


class UploadOvertaken(Conflict):
    code = "UPLOAD_OVERTAKEN"
    message = "这个文件正在另一处继续上传"


class ChecksumDiffers(Refusal):
    status = 460
    code = "UPLOAD_CHECKSUM_DIFFERS"
    message = "这一段在传输中损坏，请重传这一段"


class UploadTooLarge(BodyTooLarge):
    code = "UPLOAD_TOO_LARGE"


class UploadIncomplete(Conflict):
    code = "UPLOAD_INCOMPLETE"
    message = "文件还没有传完"


class TooManyUploads(Conflict):
    code = "TOO_MANY_UPLOADS"
    message = "没有传完的文件太多，请先继续或取消它们"


class Upload(msgspec.Struct, frozen=True):
    """`open`: whose it is, while it is neither a medium nor refused. `medium`: what became of it; `refusal`: the code and words."""

    id: str
    length: int
    offset: int
    kind: Kind
    name: str
    by: str
    expires_at: int
    open: str
    epoch: int = 0
    making_until: float = 0.0
    medium: str = ""
    refusal: tuple[str, str] | None = None

    @property
    def is_whole(self) -> bool:
        return self.offset == self.length


class UploadStore:
    """The only code that touches `media_uploads` and the parts of uploads."""

    def __init__(self, mongo: Database) -> None:
        self._uploads = mongo["media_uploads"]
        self._parts = mongo["media_parts"]

    async def create(self, upload: Upload) -> None:
        fields: Document = msgspec.to_builtins(upload)
        await self._uploads.insert_one({"_id": fields.pop("id"), **fields})

    async def find(self, upload_id: str) -> Upload | None:
        return _upload(await self._uploads.find_one({"_id": upload_id}))

    async def open_of(self, name: str, limit: int) -> list[Upload]:
        found = await self._uploads.find({"open": name}).limit(limit).to_list(None)
        return [upload for document in found if (upload := _upload(document)) is not None]

    async def claim(self, upload_id: str, offset: int, expires_at: int) -> Upload | None:
        """A PATCH begins at this offset; None where the upload stands elsewhere."""
        taken: Document | None = await self._uploads.find_one_and_update(
            {"_id": upload_id, "offset": offset},
            {"$inc": {"epoch": 1}, "$set": {"expires_at": expires_at}}, return_document=ReturnDocument.AFTER)
        return _upload(taken)

    async def write_part(self, upload_id: str, part: int, data: bytes, epoch: int) -> bool:
        """False where somebody who began later wrote it."""
        try:
            await self._parts.update_one({"_id": part_id(upload_id, part), "epoch": {"$lte": epoch}},
                                         {"$set": {"data": data, "epoch": epoch}}, upsert=True)
        except DuplicateKeyError:
            return False
        return True

    async def read_part(self, upload_id: str, part: int) -> bytes:
        return await read_part(self._parts, upload_id, part)

    async def advance(self, upload_id: str, epoch: int, offset: int) -> bool:
        return (await self._uploads.update_one({"_id": upload_id, "epoch": epoch}, {"$set": {"offset": offset}})).matched_count == 1

    async def claim_making(self, upload_id: str, now: float, until: float) -> Upload | None:
        """Nobody else makes a medium of it until then. None where somebody does, or did."""
        taken: Document | None = await self._uploads.find_one_and_update(
            {"_id": upload_id, "medium": "", "making_until": {"$lte": now}}, {"$set": {"making_until": until}},
            return_document=ReturnDocument.AFTER)
        return _upload(taken)

    async def settle(self, upload_id: str, fields: Document) -> None:
        await self._uploads.update_one({"_id": upload_id}, {"$set": {"making_until": 0.0, **fields}})

    async def remove(self, upload: Upload) -> None:
        """The parts first: one that is known may be removed again."""
        await self.remove_parts(upload)
        await self._uploads.delete_one({"_id": upload.id})

    async def remove_parts(self, upload: Upload) -> None:
        await remove_parts(self._parts, upload.id, upload.length)

    async def expired(self, now: float, limit: int) -> list[Upload]:
        found = await self._uploads.find({"expires_at": {"$lte": now}}).sort("expires_at", 1).limit(limit).to_list(None)
        return [upload for document in found if (upload := _upload(document)) is not None]


class Receiving:
    """One PATCH: takes the bytes as they come, 1 MB in memory at most. `add` never raises: `end` tells what went wrong."""

    def __init__(self, uploads: Uploads, store: UploadStore, upload: Upload, checksum: tuple[str, bytes] | None) -> None:
        self.upload = upload
        self._uploads: Uploads | None = uploads
        self._store = store
        self._digest = hashlib.new(checksum[0], usedforsecurity=False) if checksum else None
        self._wanted = checksum[1] if checksum else b""
        self._written = upload.offset  # what lies before it is in parts; acknowledged, or about to be
        self._piece = bytearray()
        self._failure: WenmingError | PyMongoError | None = None
        # Whoever leaves in the middle does so while a part may be on its way to the store.
        self._lock = asyncio.Lock()

    async def add(self, data: bytes) -> None:
        """The next bytes, as they came."""
        async with self._lock:
            if self._failure is not None or self._uploads is None:
                return
            if self._digest is not None:
                self._digest.update(data)  # 64 KB at most: 50 microseconds
            try:
                await self._take(memoryview(data))
            except (WenmingError, PyMongoError) as error:
                self._failure = error

    async def end(self) -> Upload:
        """It is all there. The upload as it stands now. Raises ChecksumDiffers, UploadOvertaken, and what the stores raise."""
        async with self._lock:
            if self._failure is None and self._digest is not None and self._digest.digest() != self._wanted:
                self._failure = ChecksumDiffers()
            if self._failure is not None:
                raise self._failure
            await self._finish()
            return msgspec.structs.replace(self.upload, offset=self._written)

    async def leave(self) -> None:
        """Over, in whatever way; what came is kept, but for a piece that can no longer be checked. May be called again.

        Raises nothing: a client that has gone asks where the upload stands, and goes on from there.
        """
        uploads, self._uploads = self._uploads, None
        if uploads is None:
            return
        try:
            async with self._lock:
                if self._failure is None and self._digest is None:
                    await self._finish()
        except (WenmingError, PyMongoError) as error:
            logger.info("the end of a piece of upload %s was not kept: %s", self.upload.id, type(error).__name__)
        finally:
            uploads.under_way -= 1

    async def _take(self, data: memoryview) -> None:
        while data:
            room = PART_BYTES - self._written % PART_BYTES - len(self._piece)
            self._piece += data[:room]
            data = data[room:]
            if len(self._piece) + self._written % PART_BYTES == PART_BYTES:
                await self._write()

    async def _finish(self) -> None:
        if self._piece:
            await self._write()
        if self._digest is not None:
            await self._advance()

    async def _write(self) -> None:
        """The part as far as it is known now: it may have been begun by a PATCH before."""
        part, begun = divmod(self._written, PART_BYTES)
        data = bytes(self._piece)
        self._piece.clear()
        if begun:
            data = (await self._store.read_part(self.upload.id, part))[:begun] + data
        if not await self._store.write_part(self.upload.id, part, data, self.upload.epoch):
            raise UploadOvertaken()
        self._written = part * PART_BYTES + len(data)
        if self._digest is None:
            await self._advance()

    async def _advance(self) -> None:
        if not await self._store.advance(self.upload.id, self.upload.epoch, self._written):
            raise UploadOvertaken()


class Uploads:
    def __init__(self, store: UploadStore) -> None:
        self._store = store
        self.under_way = 0

    async def create(self, length: int, metadata: dict[str, str], by: str, now: float) -> Upload:
        """Raises InvalidBody, UploadTooLarge, TooManyUploads."""
        kind = kind_of(metadata.get("filetype", ""))
        if length < 1:
            raise InvalidBody("MEDIA_EMPTY", "文件是空的")
        if length > MAX_BYTES[kind]:
            raise UploadTooLarge(message=f"{KIND_NAMES[kind]}不能超过 {MAX_BYTES[kind] // MEGABYTE} MB")
        if len(await self.open_of(by, now)) >= UPLOADS_OF_ONE:
            raise TooManyUploads()
        name = "".join(c for c in metadata.get("filename", "") if c.isprintable()).strip()[:MAX_NAME_CHARACTERS]
        upload = Upload(secrets.token_hex(16), length, 0, kind, name or KIND_NAMES[kind], by, int(now) + UPLOAD_SECONDS, by)
        await self._store.create(upload)
        return upload

    async def open_of(self, by: str, now: float) -> list[Upload]:
        """Somebody's uploads that can go on."""
        return [one for one in await self._store.open_of(by, UPLOADS_OF_ONE) if one.expires_at > now]

    async def find(self, upload_id: str, by: str, now: float) -> Upload:
        """Raises UploadNotFound, also for another member's, and UploadGone."""
        upload = await self._store.find(upload_id)
        if upload is None or upload.by != by:
            raise UploadNotFound()
        if upload.expires_at <= now:
            raise UploadGone()
        return upload

    async def receive(self, upload_id: str, offset: int, length: int, checksum: tuple[str, bytes] | None, by: str, now: float) -> Receiving:
        """A PATCH of `length` bytes begins. Raises UploadNotFound, UploadGone, OffsetDiffers, UploadTooLarge, MediaBusy."""
        upload = await self.find(upload_id, by, now)
        if upload.offset != offset:
            raise OffsetDiffers()
        if offset + length > upload.length:
            raise UploadTooLarge(message="这一段超出了文件的长度")
        if self.under_way >= RECEIVED_AT_ONCE:
            raise MediaBusy()
        self.under_way += 1
        try:
            claimed = await self._store.claim(upload_id, offset, int(now) + UPLOAD_SECONDS)
            if claimed is None:
                raise OffsetDiffers()
        except BaseException:
            self.under_way -= 1
            raise
        return Receiving(self, self._store, claimed, checksum)

    async def end(self, upload_id: str, by: str, now: float) -> Upload:
        """Give it up. Raises UploadNotFound, UploadGone, and Conflict while a medium is made of it."""
        upload = await self.find(upload_id, by, now)
        if upload.making_until > now:
            raise Conflict("UPLOAD_IN_WORK", "正在处理这个文件，不能取消")
        await self._store.remove(upload)
        return upload

    async def claim_making(self, upload_id: str, by: str, now: float) -> Upload | None:
        """The whole upload, for who makes a medium of it; None where somebody does. Raises UploadNotFound, UploadGone, UploadIncomplete."""
        upload = await self.find(upload_id, by, now)
        if not upload.is_whole:
            raise UploadIncomplete()
        if upload.medium or upload.refusal:
            return upload
        return await self._store.claim_making(upload_id, now, now + MAKING_SECONDS)

    async def made(self, upload: Upload, medium: str) -> None:
        """It is a medium now; what is asked again is told so until the upload expires."""
        await self._store.settle(upload.id, {"medium": medium, "open": ""})
        await self._store.remove_parts(upload)

    async def refused(self, upload: Upload, code: str, message: str) -> None:
        await self._store.settle(upload.id, {"refusal": [code, message], "open": ""})
        await self._store.remove_parts(upload)

    async def let_go(self, upload: Upload) -> None:
        """No medium could be made of it just now."""
        await self._store.settle(upload.id, {})

    async def pieces(self, upload: Upload) -> AsyncIterator[bytes]:
        """The whole file, a part at a time."""
        for part in range(parts_of(upload.length)):
            yield await self._store.read_part(upload.id, part)

    async def tidy(self, now: float) -> int:
        """Remove what has expired; how many."""
        expired = await self._store.expired(now, TIDIED_AT_ONCE)
        for upload in expired:
            await self._store.remove(upload)
        return len(expired)


def part_id(name: str, part: int) -> str:
    return f"{name}:{part}"


def parts_of(size_bytes: int) -> int:
    return -(-size_bytes // PART_BYTES)


async def read_part(parts: Collection, name: str, part: int) -> bytes:
    """Empty where it is not there."""
    found = await parts.find_one({"_id": part_id(name, part)})
    return b"" if found is None else bytes(found["data"])


async def remove_parts(parts: Collection, name: str, size_bytes: int) -> None:
    ids = [part_id(name, part) for part in range(parts_of(size_bytes))]
    for start in range(0, len(ids), PARTS_A_DELETE):
        await parts.delete_many({"_id": {"$in": ids[start:start + PARTS_A_DELETE]}})


def kind_of(content_type: str) -> Kind:
    """What somebody says that a file is; what it really is shows at the end. Raises InvalidBody."""
    main = content_type.partition("/")[0]
    if main not in MAX_BYTES:
        raise InvalidBody("MEDIA_TYPE_UNKNOWN", "只能上传图片、视频（MP4）和音频（MP3）", field="filetype")
    return main


def metadata_of(header: str) -> dict[str, str]:
    """Upload-Metadata: keys, each with a value in Base64 or none, comma-separated. Raises InvalidBody."""
    found: dict[str, str] = {}
    if len(header) > MAX_METADATA_CHARACTERS:
        raise InvalidBody("UPLOAD_METADATA_WRONG", "上传信息过长")
    for pair in filter(None, (part.strip() for part in header.split(","))):
        key, _, value = pair.partition(" ")
        try:
            found[key] = base64.b64decode(value.strip(), validate=True).decode("utf-8")
        except (binascii.Error, UnicodeDecodeError, ValueError) as error:
            raise InvalidBody("UPLOAD_METADATA_WRONG", "上传信息的格式不对") from error
    return found


def checksum_of(header: str | None) -> tuple[str, bytes] | None:
    """Upload-Checksum: algorithm and Base64. Raises Refusal 400, as the protocol has it, for one that is not known."""
    if header is None:
        return None
    algorithm, _, value = header.strip().partition(" ")
    try:
        digest = base64.b64decode(value.strip(), validate=True)
    except (binascii.Error, ValueError):
        digest = b""
    if algorithm not in CHECKSUMS or len(digest) != hashlib.new(algorithm, usedforsecurity=False).digest_size:
        raise Refusal("UPLOAD_CHECKSUM_UNKNOWN", "不认识这种校验值")
    return algorithm, digest


def _upload(document: Document | None) -> Upload | None:
    if document is None:
        return None
    fields: dict[str, Any] = {"id": document["_id"], **document}
    return msgspec.convert(fields, Upload, strict=False)
