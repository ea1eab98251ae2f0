"""A campaign's blocks with what they show, for the page and for those who build it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, Protocol

import msgspec

from server.blocks.block import blocks_of, skin_of
from server.blocks.rendering import Media, Rendered, rendered, wall_count
from server.blocks.wall import WallGlimpse
from server.blocks.weight import Weight, read_shell, weigh
from server.campaigns import Campaign


class Views(Protocol):
    """What is needed of the media library."""

    async def views(self, ids: list[str]) -> dict[str, dict[str, Any]]: ...


class PageBlocks:
    """`skins` holds blocks.css and a file for each skin but the first; `built` the pages as they are sent."""

    def __init__(self, library: Views, wall: WallGlimpse, *, skins: Path, built: Path) -> None:
        self._library = library
        self._wall = wall
        self._built = built
        # Read once, at the start: some small files of the product.
        self._css = {path.stem: _packed(path.read_text("utf-8")) for path in sorted(skins.glob("*.css"))}

    async def of(self, campaign: Campaign, media: Media, now: float) -> Rendered:
        """The blocks as HTML. `media`: views of those that the campaign shows."""
        messages = await self._wall.newest(campaign, now) if wall_count(campaign.theme) else []
        return rendered(campaign.theme, media, messages, campaign.organiser.get("name", ""))

    def style(self, theme: dict[str, Any]) -> str:
        """What stands in the page's head for its blocks and its skin; nothing where it has neither."""
        names = (["blocks"] if theme.get("blocks") else []) + [skin_of(theme)]
        css = "".join(self._css.get(name, "") for name in names)
        return f"<style>{css}</style>" if css else ""

    async def media(self, theme: dict[str, Any]) -> dict[str, dict[str, Any]]:
        """Views of what the blocks show; what is gone from the library is left out."""
        ids = [block.media for block in blocks_of(theme) if block.media]
        return await self._library.views(ids) if ids else {}

    async def weight(self, campaign: Campaign, now: float) -> Weight:
        """What the page would weigh with this content."""
        media = await self.media(campaign.theme)
        made = await self.of(campaign, media, now)
        data = msgspec.json.encode({"theme": without_blocks(campaign.theme), "activities": campaign.activities, "share": campaign.share,
                                    "presets": campaign.presets, "organiser": campaign.organiser, "title": campaign.title})
        return await asyncio.to_thread(self._weigh, campaign, made, data, media)

    def _weigh(self, campaign: Campaign, made: Rendered, data: bytes, media: Media) -> Weight:
        theme = campaign.theme
        return weigh(theme, made, self.style(theme), data, media, read_shell(self._built, campaign.kind))


def without_blocks(theme: dict[str, Any]) -> dict[str, Any]:
    """What the page's script is told of a theme: blocks are in the HTML already."""
    return {name: value for name, value in theme.items() if name != "blocks"}


def _packed(css: str) -> str:
    """Without comments and line ends: it goes out with every page."""
    while "/*" in css:
        before, _, rest = css.partition("/*")
        css = before + rest.partition("*/")[2]
    return "".join(line.strip() for line in css.splitlines())
