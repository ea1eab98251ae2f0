"""Blocks as HTML: written by the server into the page, so that they cost no script and are there without one.

Every text of an editor or a citizen is escaped here, once, and nothing else of theirs gets in: addresses of media come from the library.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import msgspec

from server.blocks.block import DEFAULT_WALL, Block, blocks_of, skin_of

# A phone's page is 430 px wide at most. 750 dots look sharp on every phone, and the larger files would double what a page weighs.
WIDEST_DOTS = 750
FULL_WIDTH, WITHIN_MARGINS = "(max-width: 430px) 100vw, 430px", "(max-width: 430px) calc(100vw - 44px), 386px"
WALL_TITLE = '<h2 class="b-title">寄语</h2>'
Media = Mapping[str, Mapping[str, Any]]


class Rendered(msgspec.Struct, frozen=True):
    """`before` and `after`: the blocks on both sides of the activity. `classes`: what the page's styles have to know."""

    before: str
    after: str
    classes: str
    pieces: dict[str, str]


def rendered(theme: dict[str, Any], media: Media, messages: Sequence[Mapping[str, Any]], organiser: str) -> Rendered:
    """`media`: views by id, as a public page gets them; `messages`: the newest approved ones."""
    blocks, skin = blocks_of(theme), skin_of(theme)
    at = next((number for number, block in enumerate(blocks) if block.kind == "entry"), 0)
    pieces = {block.id: _piece(block, media, messages, organiser, is_first=number == 0 and at > 0) for number, block in enumerate(blocks)}
    before, after = ("".join(pieces[block.id] for block in some) for some in (blocks[:at], blocks[at:]))
    has = {f"skin-{skin}": skin != "dawn", "built": bool(blocks), "led": bool(before),
           "titled": any(block.kind == "cover" and block.title.strip() for block in blocks[:at])}
    return Rendered(f'<div class="blocks blocks-before">{before}</div>' if before else "",
                    f'<div class="blocks blocks-after" id="blocks-after">{after}</div>' if after else "",
                    "".join(f" {name}" for name, is_so in has.items() if is_so), pieces)


def wall_count(theme: dict[str, Any]) -> int:
    """How many messages the page shows; 0 where it has no wall."""
    return next((block.count or DEFAULT_WALL for block in blocks_of(theme) if block.kind == "wall"), 0)


def shown_variant(view: Mapping[str, Any]) -> dict[str, Any] | None:
    """The largest form of a picture that a phone loads."""
    variants: dict[str, dict[str, Any]] = view["variants"]
    fit = [one for name, one in variants.items() if name.startswith("w") and one["width"] <= WIDEST_DOTS]
    return max(fit, key=lambda one: int(one["width"])) if fit else variants.get("full")


def _piece(block: Block, media: Media, messages: Sequence[Mapping[str, Any]], organiser: str, *, is_first: bool) -> str:
    view = media.get(block.media)
    title = f'<h2 class="b-title">{escape(block.title.strip())}</h2>' if block.title.strip() else ""
    match block.kind:
        case "cover":
            picture = _picture(view, FULL_WIDTH, is_first=is_first)
            return f'<section class="b b-cover">{picture}{title}{_paragraphs(block.text)}</section>'
        case "text":
            return f'<section class="b b-text">{title}{_paragraphs(block.text)}</section>'
        case "picture":
            return _figure(_picture(view, WITHIN_MARGINS, is_first=is_first), block.caption, "b-picture")
        case "film":
            return _figure(_film(view, block.caption), block.caption, "b-film")
        case "wall":
            return f'<section class="b b-wall">{title or WALL_TITLE}{_wall(messages[:block.count or DEFAULT_WALL])}</section>'
        case "signature":
            return f'<section class="b b-sign">{_paragraphs(block.text or organiser)}</section>'
    return ""


def _paragraphs(text: str) -> str:
    return "".join(f"<p>{escape(line.strip())}</p>" for line in text.splitlines() if line.strip())


def _figure(inner: str, caption: str, name: str) -> str:
    said = f"<figcaption>{escape(caption.strip())}</figcaption>" if caption.strip() else ""
    return f'<figure class="b {name}">{inner}{said}</figure>' if inner else ""


def _picture(view: Mapping[str, Any] | None, sizes: str, *, is_first: bool) -> str:
    """Its measures stand in it, so that nothing moves when it comes; only the first of a page is loaded before it is near."""
    chosen = shown_variant(view) if view and view["kind"] == "image" else None
    if view is None or chosen is None:
        return ""  # it is gone from the library, or no picture: the words stand alone
    forms = [one for name, one in view["variants"].items() if name.startswith("w") and one["width"] <= WIDEST_DOTS]
    srcset = ", ".join(f"{one['url']} {one['width']}w" for one in sorted(forms, key=lambda one: int(one["width"])))
    widths = f' srcset="{escape(srcset)}" sizes="{sizes}"' if len(forms) > 1 else ""
    lazy = "" if is_first else ' loading="lazy" decoding="async"'
    return (f'<img src="{escape(chosen["url"])}"{widths} width="{int(chosen["width"])}" height="{int(chosen["height"])}"'
            f' alt="{escape(view["alt"])}"{lazy}>')


def _film(view: Mapping[str, Any] | None, caption: str) -> str:
    """Nothing of a film is loaded before somebody plays it, and it begins without sound."""
    film = view["variants"].get("video") if view and view["kind"] == "video" else None
    if view is None or film is None:
        return ""
    poster = view["variants"].get("poster")
    shown = f' poster="{escape(poster["url"])}"' if poster else ""
    size = f' width="{int(view["width"])}" height="{int(view["height"])}"' if view["width"] and view["height"] else ""
    return (f'<video controls muted playsinline webkit-playsinline x5-playsinline preload="none"{shown}{size}'
            f' src="{escape(film["url"])}" aria-label="{escape(caption.strip() or "视频")}"></video>')


def _wall(messages: Sequence[Mapping[str, Any]]) -> str:
    said = "".join(f"<li><p>{escape(one['message'])}</p>" + (f"<span>{escape(one['name'])}</span>" if one.get("name") else "") + "</li>"
                   for one in messages)
    return f"<ul>{said}</ul>" if said else "<p>寄语审核通过后显示在这里。</p>"
