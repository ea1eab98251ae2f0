"""What a page weighs on a phone before anybody scrolls, from the files that are really sent, and what to do where that is too much.

A browser loads a lazy picture before it is seen: what lies within a screen and a half below the first screen is counted as loaded at
once. Measures of texts are estimates of a phone of 360 x 780; bytes are those of the files.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from server.blocks.block import DEFAULT_WALL, KINDS, Block, blocks_of
from server.blocks.rendering import Media, Rendered, shown_variant

# What a phone may load at first, and its scripts alone, compressed: a page on slow 4G opens in a second and a half with these.
FIRST_VIEW_BYTES, SCRIPT_BYTES = 300_000, 40_000
# A picture of 750 dots that is well made has less.
GOOD_PICTURE_BYTES = 100_000
# Chromium fetches lazy pictures from 1,250 px below the screen on a fast line.
SCREEN_PX, AHEAD_PX = 780, 1250
WIDTH_PX, LINE_PX, LINE_CHARACTERS = 360, 29, 18
# The dawn with the flag, and the words of the activity under it.
ENTRY_PX, HEAD_PX, MESSAGE_PX, MARGIN_PX = 880, 48, 96, 32
SCRIPT = re.compile(r'(?:<script[^>]+src|id="main-script" href)="/static/([^"?]+\.js)')
KINDS_OF_PAGE = re.compile(r"data-kinds='([^']+)'")
STYLE = re.compile(rb"<style>.*?</style>", re.S)


class Row(msgspec.Struct, frozen=True):
    """`part`: html, css, js or a block's id. `at_once`: loaded before anybody scrolls. `advice` is empty where nothing is to be done."""

    part: str
    name: str
    bytes: int
    at_once: bool
    advice: str = ""


class Weight(msgspec.Struct, frozen=True):
    """`first_view` against `budget`; `later`: pictures that come with scrolling; `films`: what is loaded by those who play them."""

    rows: list[Row]
    first_view: int
    later: int
    films: int
    budget: int
    advice: list[str]

    @property
    def is_over(self) -> bool:
        return self.first_view > self.budget


class Shell(msgspec.Struct, frozen=True):
    """The built page with the scripts and styles that it fetches for a kind of campaign, as they are sent."""

    page: bytes
    scripts: int
    styles: int = 0


def read_shell(folder: Path, kind: str) -> Shell:
    """Blocking: call it in a thread. A folder that was not built weighs nothing."""
    try:
        page = (folder / "campaign.html").read_bytes()
        text = page.decode()
        known = KINDS_OF_PAGE.search(text)
        script, style = msgspec.json.decode(known[1], type=dict[str, tuple[str, str]]).get(kind, ("", "")) if known else ("", "")
        scripts = [*SCRIPT.findall(text), *([script.removeprefix("/static/")] if script else [])]
        return Shell(page, sum(_sent(folder / name) for name in dict.fromkeys(scripts)),
                     _sent(folder / style.removeprefix("/static/")) if style else 0)
    except FileNotFoundError:
        return Shell(b"", 0)


def _sent(path: Path) -> int:
    return len(gzip.compress(path.read_bytes(), 9))


def weigh(theme: dict[str, Any], made: Rendered, css: str, data: bytes, media: Media, shell: Shell) -> Weight:
    """Blocking by some milliseconds of compression. `data`: what the page is told of its campaign; `css`: styles of blocks and skin."""
    page = b"".join((shell.page, css.encode(), made.before.encode(), made.after.encode(), data))
    whole, bare = len(gzip.compress(page, 6)), len(gzip.compress(STYLE.sub(b"", page), 6))
    rows = [Row("html", "页面文字与结构（HTML）", bare, True), Row("css", "样式（CSS）", whole - bare + shell.styles, True),
            Row("js", "程序（JavaScript）", shell.scripts, True)]
    films = 0
    for block, top in _placed(blocks_of(theme), media):
        view = media.get(block.media)
        if view is None:
            continue
        picture = view["variants"].get("poster") if block.kind == "film" else shown_variant(view)
        films += view["variants"].get("video", {}).get("bytes", 0) if block.kind == "film" else 0
        if picture is not None:
            rows.append(_row(block, int(picture["bytes"]), at_once=block.kind == "film" or top < SCREEN_PX + AHEAD_PX))
    first = sum(row.bytes for row in rows if row.at_once)
    later = sum(row.bytes for row in rows if not row.at_once)
    return Weight(rows, first, later, films, FIRST_VIEW_BYTES, _advice(rows, first))


def said(size: int) -> str:
    """As people read it."""
    return f"{size / 1_000_000:.1f} MB" if size >= 1_000_000 else f"{max(1, round(size / 1000))} KB"


def _row(block: Block, size: int, *, at_once: bool) -> Row:
    advice = f"这张图有 {said(size)}，换成 {said(GOOD_PICTURE_BYTES)} 以内的：画面简单些、裁小些" if size > GOOD_PICTURE_BYTES else ""
    return Row(block.id, f"{KINDS[block.kind]}（{block.id}）" + ("的封面图" if block.kind == "film" else ""), size, at_once, advice)


def _advice(rows: list[Row], first: int) -> list[str]:
    advice = []
    if first > FIRST_VIEW_BYTES:
        heavy = sorted((row for row in rows if row.at_once and row.part not in ("html", "css", "js")), key=lambda row: -row.bytes)[:2]
        advice.append(f"打开就要下载 {said(first)}，比 {said(FIRST_VIEW_BYTES)} 多 {said(first - FIRST_VIEW_BYTES)}："
                      + ("先换小或移到下面去：" + "、".join(f"{row.name} {said(row.bytes)}" for row in heavy)
                         if heavy else "请告诉技术人员"))
    if (script := next(row.bytes for row in rows if row.part == "js")) > SCRIPT_BYTES:
        advice.append(f"程序有 {said(script)}，超过 {said(SCRIPT_BYTES)}，请告诉技术人员")
    return advice


def _placed(blocks: tuple[Block, ...], media: Media) -> list[tuple[Block, float]]:
    """Each block with how far from the top it begins. Where no entry stands among them, the activity comes first."""
    top = 0.0 if any(block.kind == "entry" for block in blocks) else float(ENTRY_PX)
    placed = []
    for block in blocks:
        placed.append((block, top))
        top += _height(block, media.get(block.media))
    return placed


def _height(block: Block, view: Mapping[str, Any] | None) -> float:
    if block.kind == "entry":
        return ENTRY_PX
    picture = WIDTH_PX * view["height"] / view["width"] if view and view["width"] else 0.0
    lines = sum(max(1, -(-len(line) // LINE_CHARACTERS)) for line in block.text.splitlines() if line.strip())
    messages = (block.count or DEFAULT_WALL) * MESSAGE_PX if block.kind == "wall" else 0
    return MARGIN_PX + picture + (HEAD_PX if block.title else 0) + lines * LINE_PX + messages + (LINE_PX if block.caption else 0)
