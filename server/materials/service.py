"""What editors ask of materials: hand one on, look at them, take one away."""

from __future__ import annotations

import contextlib
import json
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec

from server.claims import WAIT_FOR_SAME_SECONDS, Claims
from server.materials.incoming import Incoming, Uploads
from server.materials.material import (
    CONTENT_TYPES,
    MAX_KEPT,
    TEMPORARY_SECONDS,
    Described,
    Kind,
    Material,
    MaterialBusy,
    MaterialNotFound,
    MaterialStays,
    MaterialWrong,
    TooManyMaterials,
    check,
    check_size,
    format_of,
    formats,
)
from server.stores import Database, Document, newest_page
from server.wechat.answers import text_of
from server.wechat.client import Client
from server.wechat.errors import MediaRefused, MediaUnknown, NotPermitted, WeChatError
from server.wechat.transport import Upload

logger = logging.getLogger(__name__)

ITEMS_A_PAGE = 20
# A picture of an article has no media_id of the platform's; it is found by what it is.
PICTURE_ID_CHARACTERS = 40
# An upload may take a minute, once more where the token was renewed in between, with the questions before it.
UPLOAD_LEASE_SECONDS = 240.0


class MaterialStore:
    """The only code that touches `materials`."""

    def __init__(self, mongo: Database) -> None:
        self._materials = mongo["materials"]
        self.claims = Claims(mongo)

    async def keep(self, material: Material) -> None:
        listed = f"{material.appid}:{material.kind}:{int(material.at * 1000):015d}:{material.media_id}"
        fields = msgspec.to_builtins(material) | {"listed": listed}
        if not material.expires_at:
            fields["same"] = _same(material.appid, material.kind, material.sha256)
        await self._materials.update_one({"_id": f"{material.appid}:{material.media_id}"}, {"$set": fields}, upsert=True)

    async def find(self, appid: str, media_id: str) -> Material | None:
        return _material(await self._materials.find_one({"_id": f"{appid}:{media_id}"}))

    async def same(self, appid: str, kind: str, sha256: str) -> Material | None:
        """A permanent one of the same bytes."""
        return _material(await self._materials.find_one({"same": _same(appid, kind, sha256)}))

    async def page(self, appid: str, kind: str, before: str) -> list[tuple[Material, str]]:
        """The newest first, each with its place in the list; `before` is the place that the last page ended at."""
        prefix = f"{appid}:{kind}:"
        found, _ = await newest_page(self._materials, prefix, before, ITEMS_A_PAGE)
        return [(msgspec.convert(d, Material), str(d["listed"]).removeprefix(prefix)) for d in found]

    async def remove(self, appid: str, media_id: str) -> None:
        await self._materials.delete_one({"_id": f"{appid}:{media_id}"})

    async def remove_expired(self, now: float) -> None:
        await self._materials.delete_many({"expires_at": {"$gt": 0.0, "$lte": now}})


# Decodes a file of this ending in a process of its own. Raises InvalidBody where it does not open to its end, Unavailable.
Opens = Callable[[Path, str], Awaitable[None]]


class Materials:
    """The materials of one account. What does not open here is not handed on: the platform would take it, and phones show nothing."""

    def __init__(self, store: MaterialStore, client: Client, uploads: Uploads, opens: Opens) -> None:
        self._opens = opens
        self._store = store
        self._client = client
        self._uploads = uploads

    async def begin(self, kind: Kind, described: Described, size_bytes: int, *, permanent: bool) -> Incoming:
        """Make room for a file of that size, before any of it is read. Raises InvalidBody, MaterialTooLarge, Unavailable."""
        formats(kind, permanent=permanent)
        check(kind, described, permanent=permanent)
        check_size(kind, size_bytes)
        return await self._uploads.begin(size_bytes)

    async def keep(self, incoming: Incoming, kind: Kind, described: Described, by: str, now: float, *,
                   permanent: bool) -> tuple[Material, bool]:
        """Hand a file on to the platform, and whether it is new: the same bytes are uploaded once where they last.

        The file is gone afterwards, whatever happens. Raises InvalidBody, MaterialTooLarge, MaterialBusy, TooManyMaterials, WeChatError.
        """
        try:
            await incoming.end()
            form = format_of(incoming.head)
            if form not in formats(kind, permanent=permanent):
                raise MaterialWrong(message=f"文件内容不是 {'、'.join(formats(kind, permanent=permanent))}", field="kind")
            await self._opens(incoming.path, form)
            if not permanent:
                return await self._hand_on(incoming, kind, form, described, by, now, permanent=False), True
            same = f"material:{_same(self._client.appid, kind, incoming.sha256)}"
            async with self._store.claims.held(same, now, MaterialBusy(), lease_seconds=UPLOAD_LEASE_SECONDS,
                                               wait_seconds=WAIT_FOR_SAME_SECONDS):  # two editors with one picture
                known = await self._store.same(self._client.appid, kind, incoming.sha256)
                if known is not None and await self._is_there(known):
                    return known, False
                await self._check_room(kind)
                return await self._hand_on(incoming, kind, form, described, by, now, permanent=True), True
        finally:
            await incoming.discard()

    async def page(self, kind: Kind, cursor: str, now: float) -> tuple[list[Material], str | None]:
        """A page, the newest first, without those that have expired; and where the next one begins."""
        found = await self._store.page(self._client.appid, kind, cursor)
        return ([material for material, _ in found if not 0 < material.expires_at <= now],
                found[-1][1] if len(found) == ITEMS_A_PAGE else None)

    async def find(self, media_id: str) -> Material:
        """Raises MaterialNotFound."""
        found = await self._store.find(self._client.appid, media_id)
        if found is None:
            raise MaterialNotFound()
        return found

    async def known(self, media_id: str) -> Material | None:
        """One that was handed on here; None for any other, also where the platform has it."""
        return await self._store.find(self._client.appid, media_id)

    async def is_held(self, media_id: str) -> bool:
        """Whether the platform has a permanent one of this name, from wherever it came; an account that may keep none has none.

        Raises WeChatError where it does not say.
        """
        try:
            return await self._client.has("cgi-bin/material/get_material", {"media_id": media_id})
        except (MediaUnknown, MediaRefused, NotPermitted):
            return False

    async def delete(self, media_id: str) -> Material:
        """Take a permanent one away from the platform and from here; gives what it was. May be repeated after any failure.

        Raises MaterialNotFound, MaterialStays, WeChatError.
        """
        material = await self.find(media_id)
        if material.expires_at or material.kind == "picture":
            raise MaterialStays()
        with contextlib.suppress(MediaUnknown):  # somebody was faster, here or on the platform's own pages
            await self._client.call("post", "cgi-bin/material/del_material", {"media_id": media_id}, may_repeat=True)
        await self._store.remove(self._client.appid, media_id)
        return material

    async def tidy(self, now: float) -> None:
        """Forget temporary ones that the platform has forgotten."""
        await self._store.remove_expired(now)
        await self._store.claims.forget(now)

    async def _is_there(self, known: Material) -> bool:
        """Whether the platform still has it: it can be deleted on the platform's own pages. A picture of an article stays for ever."""
        if known.kind == "picture":
            return True
        try:
            await self._client.download("cgi-bin/material/get_material", {"media_id": known.media_id})
        except MediaUnknown:
            await self._store.remove(known.appid, known.media_id)
            return False
        except WeChatError as error:  # also a video, which comes as an address, and a file too long to be read: they are there
            logger.info("whether a material is still there was not told: %s", error.code)
        return True

    async def _check_room(self, kind: Kind) -> None:
        if kind not in MAX_KEPT:
            return
        name, most = MAX_KEPT[kind]
        if int((await self._client.call("get", "cgi-bin/material/get_materialcount")).get(name, 0)) >= most:
            raise TooManyMaterials(message=f"微信只保存 {most} 个这类素材，请先删除不用的")

    async def _hand_on(self, incoming: Incoming, kind: Kind, form: str, described: Described, by: str, now: float, *,
                       permanent: bool) -> Material:
        """Not repeated here: an upload that got no answer may have arrived, and costs a place of the library at worst."""
        fields = {"description": json.dumps({"title": described.title.strip(), "introduction": described.introduction.strip()},
                                            ensure_ascii=False)} if kind == "video" and permanent else {}
        # The platform also looks at the name's end, so it is made from the content.
        upload = Upload(incoming.path, f"{incoming.sha256[:16]}.{form}", CONTENT_TYPES[form], fields=fields)
        if kind == "picture":
            answer = await self._client.call("post", "cgi-bin/media/uploadimg", upload)
            media_id, url = f"picture-{incoming.sha256[:PICTURE_ID_CHARACTERS]}", text_of(answer, "url")
        else:
            path = "cgi-bin/material/add_material" if permanent else "cgi-bin/media/upload"
            answer = await self._client.call("post", path, upload, type=kind)
            # A temporary thumb is answered under a name of its own.
            media_id, url = text_of(answer, "media_id", "thumb_media_id"), str(answer.get("url") or "")
        material = Material(self._client.appid, media_id, kind, described.name.strip(), incoming.size_bytes, incoming.sha256, by, now, url,
                            described.title.strip() if permanent else "", 0.0 if permanent else now + TEMPORARY_SECONDS)
        await self._store.keep(material)
        return material


def _same(appid: str, kind: str, sha256: str) -> str:
    return f"{appid}:{kind}:{sha256}"


def _material(document: Document | None) -> Material | None:
    return None if document is None else msgspec.convert(document, Material)
