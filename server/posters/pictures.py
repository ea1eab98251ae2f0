"""Pictures of the media library for posters: which file is large enough for its place, and its bytes.

Failure policy: closed. A poster is not drawn with a hole in it because a store was away; one whose medium is gone is drawn without it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from server.media.files import MediaFiles
from server.media.library import Library

# What a worker is sent at once for one picture: a photograph of 2,560 pixels has a megabyte or two.
MAX_BYTES = 8 * 1024 * 1024


class LibraryPictures:
    def __init__(self, library: Library, files: MediaFiles) -> None:
        self._library = library
        self._files = files

    async def files_of(self, media: list[str], widths: Mapping[str, tuple[int, int]]) -> dict[str, str]:
        """Medium -> file, the smallest that fills its place sharply. What is gone, or no picture, is left out."""
        views = await self._library.views(media)
        found = {medium: _smallest(view["variants"], *widths[medium]) for medium, view in views.items() if view["kind"] == "image"}
        return {medium: file for medium, file in found.items() if file}

    async def read(self, file: str) -> bytes:
        """Raises FileNotFound, Unavailable."""
        name, _, form = file.partition(".")
        opened = await self._files.open(name, form)
        return b"".join([bytes(piece) async for piece in self._files.pieces(opened, 0, min(opened.bytes, MAX_BYTES))])


def _smallest(variants: dict[str, Any], width: int, height: int) -> str:
    whole = [variant for name, variant in variants.items() if name == "full" or name.startswith("w")]
    fitting = [variant for variant in whole if variant["width"] >= width and variant["height"] >= height]
    chosen = min(fitting, key=lambda one: int(one["width"])) if fitting else max(whole, key=lambda one: int(one["width"]), default=None)
    return str(chosen["url"]).removeprefix("/media/") if chosen else ""
