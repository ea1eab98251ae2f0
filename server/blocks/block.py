"""What a page is built from: blocks in the editor's order, and the skin that they wear.

A page's blocks lie in its theme (`{"skin": "paper", "blocks": [{"id": "b1", "kind": "text", "text": "…"}]}`), so that they are kept,
compared, corrected and published with it, and `server/media/references.py` finds the media that they show.
"""

from __future__ import annotations

import re
from typing import Any, Literal, get_args

import msgspec

from server.errors import InvalidBody
from server.media.medium import ID as MEDIUM_ID

Kind = Literal["cover", "text", "picture", "film", "entry", "wall", "signature"]
KINDS: dict[Kind, str] = {"cover": "封面", "text": "正文", "picture": "图片", "film": "视频", "entry": "活动入口", "wall": "寄语墙",
                          "signature": "落款"}
# The flag, the sky and the ground are drawn by the page; a skin changes what stands around the flag, never the flag.
SKINS: dict[str, str] = {"dawn": "黎明", "paper": "素白", "festive": "红金"}
# What each kind holds, and how much of it: a title is one line of a phone, a text three screens, a caption two lines.
PARTS: dict[Kind, dict[str, int]] = {
    "cover": {"title": 32, "text": 100, "media": 0}, "text": {"title": 32, "text": 2000}, "picture": {"media": 0, "caption": 60},
    "film": {"media": 0, "caption": 60}, "entry": {}, "wall": {"title": 32, "count": 0}, "signature": {"text": 100}}
PART_NAMES = {"title": "标题", "text": "文字", "media": "文件", "caption": "说明", "count": "条数"}
# These stand once on a page.
ONLY_ONE: tuple[Kind, ...] = ("cover", "entry", "wall", "signature")
# Nobody scrolls further on a phone, and a page of as many pictures is over its weight long before.
MAX_BLOCKS = 20
# A wall of words on the page is a glimpse; all of them stand on the wall's own list.
WALL_COUNTS = (3, 20)
DEFAULT_WALL = 6
BLOCK_ID = re.compile(r"[a-z][a-z0-9]{0,7}")
# Line ends stay; what else cannot be printed has no place on a page.
NOT_PRINTED = re.compile(r"[\x00-\x09\x0b-\x1f\x7f\u2028-\u202e\u2066-\u2069]")


class Block(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`media`: the id of a medium of the library; `count`: how many messages a wall shows. What a kind does not hold stays empty."""

    id: str
    kind: Kind
    title: str = ""
    text: str = ""
    media: str = ""
    caption: str = ""
    count: int = 0

    @property
    def name(self) -> str:
        return KINDS[self.kind]


def skin_of(theme: dict[str, Any]) -> str:
    """The page's skin; whatever is none is the first."""
    skin = str(theme.get("skin") or "")
    return skin if skin in SKINS else next(iter(SKINS))


def blocks_of(theme: dict[str, Any]) -> tuple[Block, ...]:
    """The page's blocks in their order; none: the page is the activity alone. Raises InvalidBody for what cannot be a page."""
    found = theme.get("blocks") or []
    if not isinstance(found, list | tuple):
        raise _wrong("页面内容要是一个列表")
    if len(found) > MAX_BLOCKS:
        raise _wrong(f"页面最多 {MAX_BLOCKS} 块，现在有 {len(found)} 块，请合并或删去一些")
    return tuple(_block(one, number) for number, one in enumerate(found, 1))


def check_page(theme: dict[str, Any]) -> None:
    """Whether this can be a page at all, an unfinished one too. Raises InvalidBody, saying which block and what to do."""
    if theme.get("skin") and theme["skin"] not in SKINS:
        raise _wrong("没有这个页面风格，请从" + "、".join(SKINS.values()) + "中选择")
    blocks = blocks_of(theme)
    if len({block.id for block in blocks}) < len(blocks):
        raise _wrong("两块内容用了同一个编号，请删去其中一块再添加")
    for kind in ONLY_ONE:
        if sum(block.kind == kind for block in blocks) > 1:
            raise _wrong(f"“{KINDS[kind]}”在一页里只能有一块")


def unfinished(blocks: tuple[Block, ...]) -> list[str]:
    """What a page still lacks before it may be published, in the order of the page."""
    lacks = [] if not blocks or any(block.kind == "entry" for block in blocks) else ["没有“活动入口”，市民无法参加"]
    for number, block in enumerate(blocks, 1):
        if block.kind in ("picture", "film") and not block.media:
            lacks.append(f"第 {number} 块（{block.name}）还没有选择文件")
        if block.kind == "text" and not block.text.strip():
            lacks.append(f"第 {number} 块（正文）还没有文字")
        if block.kind == "cover" and not (block.media or block.title.strip() or block.text.strip()):
            lacks.append(f"第 {number} 块（封面）还是空的")
    return lacks


def flat_page(theme: dict[str, Any]) -> dict[str, tuple[str, str]]:
    """Skin and blocks field by field: path to name and value in words. Every part of a block is there, empty ones too."""
    if "skin" not in theme and "blocks" not in theme:
        return {}
    found = {"theme.skin": ("页面风格", SKINS[skin_of(theme)])} if theme.get("skin") else {}
    blocks = blocks_of(theme)
    if blocks:
        found["theme.blocks"] = "页面内容及顺序", "、".join(f"{block.name}（{block.id}）" for block in blocks)
    for block in blocks:
        for part in PARTS[block.kind]:
            value = getattr(block, part)
            found[f"theme.blocks.{block.id}.{part}"] = f"{block.name}（{block.id}）的{PART_NAMES[part]}", str(value or "")
    return found


def with_parts(theme: dict[str, Any], changes: dict[str, dict[str, str]]) -> dict[str, Any]:
    """The theme with words and media of some blocks changed. Raises InvalidBody for a block or a part that is not there."""
    if not changes:
        return theme
    blocks = {block.id: block for block in blocks_of(theme)}
    for block_id, parts in changes.items():
        block = blocks.get(block_id)
        if block is None or not set(parts) <= set(PARTS[block.kind]) - {"count"}:
            raise _wrong(f"页面里没有编号为 {block_id[:8]} 的块，或它没有要改的部分；请刷新后再改")
        blocks[block_id] = msgspec.structs.replace(block, **parts)
    return theme | {"blocks": [plain(block) for block in blocks.values()]}


def plain(block: Block) -> dict[str, Any]:
    """As it is kept: what its kind holds and is not empty."""
    kept = {part: value for part in PARTS[block.kind] if (value := getattr(block, part))}
    return {"id": block.id, "kind": block.kind} | kept


def _block(given: Any, number: int) -> Block:
    try:
        block = msgspec.convert(given, Block)
    except (msgspec.ValidationError, TypeError) as error:
        kind = given.get("kind") if isinstance(given, dict) else None
        raise _wrong(f"第 {number} 块不是页面能用的内容" if kind in get_args(Kind)
                     else f"第 {number} 块的种类不对，可用的有：" + "、".join(KINDS.values())) from error
    where = f"第 {number} 块（{block.name}）"
    block = msgspec.structs.replace(block, text=block.text.replace("\r\n", "\n"))
    if not BLOCK_ID.fullmatch(block.id):
        raise _wrong(f"{where}的编号要以小写字母开头，只用小写字母和数字，最多 8 个")
    _check_parts(block, where)
    return block


def _check_parts(block: Block, where: str) -> None:
    for part, name in PART_NAMES.items():
        value = getattr(block, part)
        if value and part not in PARTS[block.kind]:
            raise _wrong(f"{where}不能有{name}")
        most = PARTS[block.kind].get(part, 0)
        if most and len(value) > most:
            raise _wrong(f"{where}的{name}最多 {most} 字，现在有 {len(value)} 字")
        if isinstance(value, str) and NOT_PRINTED.search(value):
            raise _wrong(f"{where}的{name}里有看不见的控制字符，请删去后重新输入")
    if block.media and not MEDIUM_ID.fullmatch(block.media):
        raise _wrong(f"{where}的文件要从媒体库里选择")
    if block.count and not WALL_COUNTS[0] <= block.count <= WALL_COUNTS[1]:
        raise _wrong(f"{where}显示 {WALL_COUNTS[0]} 至 {WALL_COUNTS[1]} 条")


def _wrong(message: str) -> InvalidBody:
    return InvalidBody("PAGE_WRONG", message, field="theme")
