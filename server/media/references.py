"""How a theme refers to media, and who is told: any value under `media`, or under a name that ends with `_media`, is the id of one, or a
list of ids, wherever it stands: `{"cover_media": "…", "blocks": [{"kind": "picture", "media": "…"}]}`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

from server.clock import Clock
from server.errors import InvalidBody
from server.media.library import USES_OF_ONE, Library
from server.media.medium import ID

# Blocks in columns in sections; deeper is nobody's page.
MAX_DEPTH = 8


class ShownMedia(Protocol):
    """What a campaign needs of the library."""

    async def use(self, slug: str, title: str, theme: Any) -> None: ...
    async def settle(self, slug: str, theme: Any) -> None: ...


class NoMedia:
    """Where there is no library: a theme that names one of its media is wrong."""

    async def use(self, slug: str, title: str, theme: Any) -> None:
        if media_ids(theme):
            raise InvalidBody("MEDIA_UNKNOWN", "引用了媒体库里没有的文件", field="theme")

    async def settle(self, slug: str, theme: Any) -> None:
        """Nothing is kept."""


class CampaignMedia:
    def __init__(self, library: Library, clock: Clock) -> None:
        self._library = library
        self._clock = clock

    async def use(self, slug: str, title: str, theme: Any) -> None:
        """The campaign is about to show these as well. Raises InvalidBody, AltMissing."""
        await self._library.use(_subject(slug), f"活动“{title}”", media_ids(theme), self._clock())

    async def settle(self, slug: str, theme: Any) -> None:
        """It shows these and no others."""
        await self._library.settle(_subject(slug), media_ids(theme))


def media_ids(theme: Any) -> list[str]:
    """The media that a theme names, each once. Raises InvalidBody where a name is none, or there are too many."""
    found = list(dict.fromkeys(_walk(theme, MAX_DEPTH)))
    if len(found) > USES_OF_ONE or not all(ID.fullmatch(one) for one in found):
        raise InvalidBody("MEDIA_UNKNOWN", "引用了媒体库里没有的文件", field="theme")
    return found


def _walk(value: Any, depth: int) -> Iterator[str]:
    if depth < 0:
        raise InvalidBody(message=f"页面内容的嵌套最多 {MAX_DEPTH} 层", field="theme")
    if isinstance(value, dict):
        for name, inner in value.items():
            if name == "media" or str(name).endswith("_media"):
                yield from (str(one) for one in (inner if isinstance(inner, list) else [inner]) if one not in ("", None))
            else:
                yield from _walk(inner, depth - 1)
    elif isinstance(value, list):
        for inner in value:
            yield from _walk(inner, depth - 1)


def _subject(slug: str) -> str:
    return f"campaign:{slug}"
