"""The media library through the staff's interface: from an upload to a medium, the list, the recycle bin; and its files for everybody."""

from __future__ import annotations

import asyncio
import contextlib
import re
from typing import Annotated, Any

import msgspec
import tornado.iostream
from msgspec import structs

from handlers.base import BaseHandler
from handlers.staff import StaffHandler
from server.clock import iso
from server.errors import InvalidBody, Refusal, WenmingError
from server.media import Medium
from server.media.files import File
from server.media.library import Filter
from server.media.medium import CONTENT_TYPES, KIND_NAMES, MAX_NAME_CHARACTERS, MIDDLE, Details, medium_view
from server.media.store import Use

CURSOR = re.compile(r"[0-9]{12}:[0-9a-f]{32}")
RANGE = re.compile(r"bytes=([0-9]{0,15})-([0-9]{0,15})")
# A year, the longest that HTTP speaks of: the bytes of an address never change.
CACHED = "public, max-age=31536000, immutable"
# Opened by itself a file is a document of nobody: no script, no form, nothing from elsewhere.
SENT_BYTES, SENT_SECONDS = 256 * 1024, 60  # 35 kbit/s; whoever is slower, or has gone without a word, is not waited for
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src 'self'; media-src 'self'; sandbox"

Point = Annotated[float, msgspec.Meta(ge=0, le=1)]


class DetailsBody(msgspec.Struct):
    """`focus`: the point that every crop keeps, from left and from top, 0 to 1."""

    name: str = ""
    alt: str = ""
    decorative: bool = False
    credit: str = ""
    folder: str = ""
    tags: list[str] = []
    focus: tuple[Point, Point] = MIDDLE

    def details(self) -> Details:
        return Details(self.name, self.alt, self.decorative, self.credit, self.folder, tuple(self.tags), self.focus)


class KeepBody(DetailsBody, kw_only=True):
    """`upload`: one that is whole."""

    upload: str


class EditBody(DetailsBody, kw_only=True):
    """`rev`: the revision that she saw."""

    rev: int


class RangeRefused(Refusal):
    status = 416
    code = "RANGE_NOT_SATISFIABLE"
    message = "请求的范围超出了文件"

    def __init__(self, size_bytes: int) -> None:
        super().__init__()
        self.size_bytes = size_bytes


def staff_medium_view(medium: Medium) -> dict[str, Any]:
    """A medium as staff see it: what pages get, and what editors say of it."""
    own = structs.asdict(medium)
    return {**medium_view(medium), **{name: own[name] for name in ("name", "alt", "folder", "tags", "focus", "bytes", "by", "rev")},
            "may_be_used": medium.may_be_used, "at": iso(medium.at), "binned_at": iso(medium.binned_at) if medium.binned_at else None}


def use_view(use: Use) -> dict[str, Any]:
    return {"subject": use.subject, "label": use.label, "at": iso(use.at)}


class Library(StaffHandler):
    async def get(self) -> None:
        """The library's media, the newest first, filtered as asked; a filtered page may be short and still have a next."""
        await self.member()
        cursor = self.get_query_argument("cursor", "")
        if cursor and not CURSOR.fullmatch(cursor):
            raise InvalidBody(message="cursor 要用上一页给出的 next", field="cursor")
        found, following = await self.services.media.library.page(self.filter(), cursor)
        self.reply({"items": list(map(staff_medium_view, found)), "next": following})

    async def post(self) -> None:
        """Make a medium of a whole upload: 201 a new one, 200 one that is there already, 202 still in work, ask again."""
        member, body = await self.member("editor"), self.body(KeepBody)
        made = await self.services.media.make(body.upload, body.details(), member.name, self.now())
        if made is None:
            self.reply({"state": "in_work"}, 202)
            return
        medium, is_new = made
        if is_new:
            await self.log(member, "media.add", medium.id, name=medium.name, kind=medium.kind, bytes=medium.bytes)
        self.reply(staff_medium_view(medium), 201 if is_new else 200)

    def filter(self) -> Filter:
        """Raises InvalidBody."""
        asked = {name: self.get_query_argument(name, "") for name in ("tag", "kind", "text")}
        folder = self.get_query_argument("folder", None)
        if asked["kind"] and asked["kind"] not in KIND_NAMES:
            raise InvalidBody(message=f"kind 只能是 {'、'.join(KIND_NAMES)}", field="kind")
        for name, value in {**asked, "folder": folder or ""}.items():
            if len(value) > MAX_NAME_CHARACTERS or not value.isprintable():
                raise InvalidBody(message=f"{name} 最多 {MAX_NAME_CHARACTERS} 字，不能换行", field=name)
        return Filter(folder, **asked, binned=self.get_query_argument("bin", "") in ("1", "true"))


class Labels(StaffHandler):
    async def get(self) -> None:
        """The names of the library's folders and tags."""
        await self.member()
        self.reply(await self.services.media.library.labels())


class One(StaffHandler):
    async def get(self, medium_id: str) -> None:
        """One medium, of the bin too."""
        await self.member()
        self.reply(staff_medium_view(await self.services.media.library.find(medium_id)))

    async def put(self, medium_id: str) -> None:
        """Name, describe, move or tag a medium; another focus makes its crops anew."""
        member, body = await self.member("editor"), self.body(EditBody)
        before, after = await self.services.media.edit(medium_id, body.details(), body.rev, self.now())
        await self.log(member, "media.edit", medium_id, before=described(before), after=described(after))
        self.reply(staff_medium_view(after))

    async def delete(self, medium_id: str) -> None:
        """Put a medium into the recycle bin, for 30 days; refused while anything shows it."""
        member = await self.member("editor")
        gone = await self.services.media.library.bin(medium_id, self.now())
        await self.log(member, "media.bin", medium_id, name=gone.name, kind=gone.kind)
        self.set_status(204)
        self.finish()


class Restoration(StaffHandler):
    async def post(self, medium_id: str) -> None:
        """Take a medium out of the recycle bin."""
        member = await self.member("editor")
        medium = await self.services.media.library.restore(medium_id, self.now())
        await self.log(member, "media.restore", medium_id, name=medium.name)
        self.reply(staff_medium_view(medium))


class Uses(StaffHandler):
    async def get(self, medium_id: str) -> None:
        """What shows a medium."""
        await self.member()
        self.reply({"items": list(map(use_view, await self.services.media.library.uses(medium_id))), "next": None})


class PublicFile(BaseHandler):
    """No session: an address is a hash of 128 bits, which nobody can guess who does not have the file."""

    async def get(self, name: str, form: str) -> None:
        """A file as it is shown, whole or a range of it."""
        await self._serve(name, form)

    async def head(self, name: str, form: str) -> None:
        """What a GET would say of it."""
        await self._serve(name, form)

    async def _serve(self, name: str, form: str) -> None:
        file = await self.services.media.files.open(name, form)
        tag = f'"{file.name}"'
        for header, value in (("ETag", tag), ("Cache-Control", CACHED), ("Accept-Ranges", "bytes"), ("Content-Security-Policy", POLICY),
                              ("Content-Type", CONTENT_TYPES[file.form]), ("Cross-Origin-Resource-Policy", "cross-origin"),
                              ("Access-Control-Allow-Origin", "*")):  # the same files stand on a CDN, and in the mini-program's pages
            self.set_header(header, value)
        if _names(self.request.headers.get("If-None-Match"), tag):
            self.set_status(304)
            self.finish()
            return
        await self._send(file, *self._range(file, tag))

    def _range(self, file: File, tag: str) -> tuple[int, int]:
        """The first byte and the one behind the last. Several ranges, and what is no range, are answered with the whole."""
        asked = RANGE.fullmatch(self.request.headers.get("Range", "").replace(" ", ""))
        if asked is None or self.request.headers.get("If-Range", tag) != tag:
            return 0, file.bytes
        first, last = asked.groups()
        if not first + last or (first and last and int(last) < int(first)):
            return 0, file.bytes
        start = int(first) if first else max(0, file.bytes - int(last))
        end = min(file.bytes, int(last) + 1) if first and last else file.bytes
        if start >= end:
            raise RangeRefused(file.bytes)
        self.set_status(206)
        self.set_header("Content-Range", f"bytes {start}-{end - 1}/{file.bytes}")
        return start, end

    async def _send(self, file: File, start: int, end: int) -> None:
        """A part at a time, as fast as it is taken; who cannot be given the first part gets an error instead."""
        self.set_header("Content-Length", str(end - start))
        if self.request.method == "HEAD":
            self.finish()
            return
        try:
            async with contextlib.aclosing(self.services.media.files.pieces(file, start, end)) as pieces:
                async for piece in pieces:
                    for at in range(0, len(piece), SENT_BYTES):
                        self.write(bytes(piece[at:at + SENT_BYTES]))
                        await asyncio.wait_for(self.flush(), SENT_SECONDS)
        except (tornado.iostream.StreamClosedError, TimeoutError):  # films are left all the time
            connection: Any = self.request.connection
            connection.close()
            return
        self.finish()

    def render_error(self, error: WenmingError) -> None:
        if isinstance(error, RangeRefused):
            self.set_header("Content-Range", f"bytes */{error.size_bytes}")
        self.set_header("Cache-Control", "no-store")
        super().render_error(error)


def described(medium: Medium) -> dict[str, Any]:
    """What editors say of it, for the audit log."""
    return {name: value for name, value in structs.asdict(medium).items() if name in DetailsBody.__struct_fields__}


def _names(header: str | None, tag: str) -> bool:
    """Whether an If-None-Match names it, weakly as that header compares."""
    return header is not None and (header.strip() == "*" or tag in [one.strip().removeprefix("W/") for one in header.split(",")])
