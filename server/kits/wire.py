"""What a kit's worker is told: the Order of server/spreadsheets/wire, a Head, codes by dozens, End. It answers as every worker does."""

from __future__ import annotations

import msgspec

from server.spreadsheets.wire import End


class Head(msgspec.Struct, frozen=True, tag=True):
    """What is the same for every page. `texts`: file name -> text; `guide`: headings and lines of the page for teachers."""

    assets: str
    title: str
    when: str
    organiser: str
    demo: bool
    texts: dict[str, str]
    guide: list[tuple[str, list[str]]]


class Code(msgspec.Struct, frozen=True):
    """One code, as a picture and as a page to print. `path`: its name in the ZIP without an ending; `place`: whose it is."""

    path: str
    place: str
    link: str


class Codes(msgspec.Struct, frozen=True, tag=True):
    codes: list[Code]


Given = Head | Codes | End
