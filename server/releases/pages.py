"""The page that a draft would make: what of its blocks is missing, what it weighs, and which media a draft holds on to.

Invariants: what stands in a draft cannot be deleted from the library, no more than what is public; a draft that names what is gone can
still be saved, and says so here.
"""

from __future__ import annotations

from typing import Any

from server.blocks.block import blocks_of, unfinished
from server.blocks.service import PageBlocks
from server.campaigns import Campaign
from server.errors import WenmingError
from server.media.library import Library
from server.media.references import media_ids
from server.releases.content import Content, applied

# Key, title, state and advice of a check, as readiness.py keeps them.
Check = tuple[str, str, str, str]
# What each kind of block can show, and how it is called.
SHOWS = {"cover": ("image", "图片"), "picture": ("image", "图片"), "film": ("video", "视频")}


class DraftPages:
    """`blocks` and `library` are None where nothing of a page is to be looked at, as in a test of other things."""

    def __init__(self, blocks: PageBlocks | None, library: Library | None) -> None:
        self._blocks = blocks
        self._library = library

    async def items(self, content: Content, campaign: Campaign, now: float) -> list[Check]:
        """The checks of the page, in the order in which an editor would go through them."""
        lacks = unfinished(blocks_of(content.theme))
        items = [("page", "页面内容", "error" if lacks else "ok", "；".join(lacks))]
        if self._blocks is None or not content.theme.get("blocks"):
            return items
        wrong = self._wrong(content.theme, await self._blocks.media(content.theme))
        weight = await self._blocks.weight(applied(content, campaign), now)
        return [*items, ("media", "图片和视频", "error" if wrong else "ok", "；".join(wrong)),
                ("weight", "页面大小", "warning" if weight.advice else "ok", "；".join(weight.advice))]

    def _wrong(self, theme: dict[str, Any], media: dict[str, dict[str, Any]]) -> list[str]:
        wrong = []
        for number, block in enumerate(blocks_of(theme), 1):
            if not block.media:
                continue
            where, view, (kind, word) = f"第 {number} 块（{block.name}）", media.get(block.media), SHOWS[block.kind]
            if view is None:
                wrong.append(f"{where}的文件已不在媒体库，请另选")
            elif view["kind"] != kind:
                wrong.append(f"{where}要选一个{word}")
            elif kind == "image" and not (view["alt"] or view["decorative"]):
                wrong.append(f"{where}的图片没有替代文字，请在媒体库里填写，或标明仅作装饰")
        return wrong

    # What a draft shows

    async def hold(self, slug: str, title: str, before: dict[str, Any], after: dict[str, Any], now: float) -> None:
        """The draft shows other media now than before. What is gone already cannot be held."""
        ids = media_ids(after)
        if self._library is None or set(ids) == set(media_ids(before)):
            return
        known = await self._library.views(ids)
        usable = [one for one in ids if one in known and (known[one]["kind"] != "image" or known[one]["alt"] or known[one]["decorative"])]
        await self._hold(slug, title, usable, now)

    async def let_go(self, slug: str, theme: dict[str, Any]) -> None:
        """There is no draft any more."""
        if self._library is not None and media_ids(theme):
            await self._library.settle(_subject(slug), [])

    async def _hold(self, slug: str, title: str, ids: list[str], now: float) -> None:
        assert self._library is not None
        for one in ids:
            try:
                await self._library.use(_subject(slug), f"活动“{title}”的草稿", [one], now)
            except WenmingError:
                continue  # deleted in this very moment: the checks say so
        await self._library.settle(_subject(slug), ids)


def _subject(slug: str) -> str:
    return f"draft:{slug}"
