"""The rules that a campaign's own poster is published by, and what deserves a second look.

Invariants: the flag has the law's 3:2 (国旗法), lies whole in the picture, and nothing is on it; the code is large enough to be read,
brings its own quiet zone, and nothing is over it; texts stay in their boxes. Every broken rule is told at once, in words for editors.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from server.posters.design import (
    HEIGHT,
    MAX_PHOTOS,
    WIDTH,
    WITH_FLAG,
    Design,
    DesignWrong,
    FlagItem,
    ImageItem,
    QrItem,
    ShapeItem,
    TextItem,
    channels,
    design_of,
    title_of,
)
from server.posters.layers import (
    CAMPAIGN_WORDS,
    CITIZEN_WORDS,
    LINE_HEIGHT,
    MIN_QR_PIXELS,
    SEVERAL_HEIGHT,
    Background,
    Box,
    Layer,
    Shape,
)

# A flag smaller than this shows no stars on a phone.
MIN_FLAG_PIXELS = 120
# A rounder corner than a twelfth would reach into the quiet zone of the largest code.
MAX_QR_ROUNDING = 12
# WCAG's bounds: text, and large text (24 px and more at the width of a phone).
LEAST_CONTRAST, LEAST_LARGE_CONTRAST, LARGE_PIXELS = 4.5, 3.0, 48


def check_theme(theme: Mapping[str, Any]) -> None:
    """Whether the poster of this theme may be published. Raises DesignWrong with every rule that is broken."""
    design = design_of(theme)
    if design is not None and (problems := list(problems_of(design))):
        raise DesignWrong(problems)


def problems_of(design: Design) -> Iterator[str]:
    """Every rule of publishing that the design breaks."""
    for item in design.shown:
        if min(item.x, item.y) < 0 or item.x + item.w > WIDTH or item.y + item.h > HEIGHT:
            yield f"{title_of(item)}超出了画面，请拖回 {WIDTH}×{HEIGHT} 以内"
        if isinstance(item, TextItem):
            yield from _text_problems(item)
    photos = [item for item in design.shown if isinstance(item, ImageItem)]
    if len(photos) > MAX_PHOTOS:
        yield f"图片最多 {MAX_PHOTOS} 张，现在 {len(photos)} 张"
    if any(not item.media for item in photos):
        yield "有图片图层还没有选图片，请从媒体库选一张或删去它"
    yield from _flag_problems(design)
    yield from _code_problems(design)


def _text_problems(item: TextItem) -> Iterator[str]:
    if unknown := [word for word in item.words if word not in CAMPAIGN_WORDS + CITIZEN_WORDS]:
        yield f"{title_of(item)}用了不认识的占位符 {{{unknown[0]}}}"
    if not item.text.strip():
        yield "有一个文字图层是空的，请填写或删去"
    least = math.ceil(item.size * (LINE_HEIGHT if item.lines == 1 else SEVERAL_HEIGHT * item.lines))
    if least > item.h:
        yield f"{title_of(item)}的框太矮：{item.lines} 行 {item.size} 号字至少要 {least} 高，现在 {item.h}"


def _flag_problems(design: Design) -> Iterator[str]:
    shown = design.shown
    flags = [item for item in shown if isinstance(item, FlagItem)]
    if len(flags) > 1:
        yield "一张海报只放一面国旗"
    for flag in flags:
        if flag.w * 2 != flag.h * 3:
            yield f"国旗长与高必须是 3∶2，{flag.w}×{flag.h} 变了形"
        if flag.w < MIN_FLAG_PIXELS:
            yield f"国旗太小，看不清五星，宽至少 {MIN_FLAG_PIXELS}"
        for at, other in enumerate(shown):
            if other is flag or not other.box.meets(flag.box):
                continue
            if at > shown.index(flag):
                yield f"{title_of(other)}盖住了国旗，国旗上面不能有任何东西"
            elif not (isinstance(other, ShapeItem) or isinstance(other, ImageItem) and _holds(other.box, flag.box)):
                yield f"{title_of(other)}被国旗压住，请移开；图片可以完整衬在国旗下面"


def _code_problems(design: Design) -> Iterator[str]:
    shown = design.shown
    codes = [item for item in shown if isinstance(item, QrItem)]
    if len(codes) != 1:
        yield "海报要有一个二维码，别人才能扫码参与" if not codes else "一张海报只放一个二维码，放两个微信都认不出"
    for code in codes:
        if code.w != code.h:
            yield f"二维码必须是正方形，现在 {code.w}×{code.h}"
        if min(code.w, code.h) < MIN_QR_PIXELS:
            yield f"二维码边长至少 {MIN_QR_PIXELS}，不然微信认不出，现在 {min(code.w, code.h)}"
        if code.radius > min(code.w, code.h) // MAX_QR_ROUNDING:
            yield f"二维码的圆角最多 {min(code.w, code.h) // MAX_QR_ROUNDING}，再大会切到留白"
        for other in shown[shown.index(code) + 1:]:
            if other.box.meets(code.box):
                yield f"{title_of(other)}盖住了二维码或它四周的留白，请移开"


def _holds(outer: Box, inner: Box) -> bool:
    return (outer.x <= inner.x and outer.y <= inner.y and outer.x + outer.w >= inner.x + inner.w
            and outer.y + outer.h >= inner.y + inner.h)


# What deserves a second look

def warnings_of(design: Design, scenery: list[Layer]) -> Iterator[str]:
    """What may be published, but should be looked at. `scenery`: what lies under everything."""
    texts = [item for item in design.shown if isinstance(item, TextItem)]
    if not any("ordinal" in item.words for item in texts):
        yield "没有“第几位”（{ordinal}），市民看不到自己的序号"
    if design.scene in WITH_FLAG and not any(isinstance(item, FlagItem) for item in design.shown):
        yield "没有国旗"
    for item in texts:
        behind = _behind(design, scenery, item)
        least = LEAST_LARGE_CONTRAST if item.size >= LARGE_PIXELS else LEAST_CONTRAST
        if behind is not None and (found := contrast(item.color, behind)) < least:
            yield f"{title_of(item)}与背景的对比只有 {found:.1f}，低于 {least}，老人和弱视的人看不清"


def _behind(design: Design, scenery: list[Layer], text: TextItem) -> str | None:
    """The colour behind the middle of a text; None behind a picture, whose colours nobody knows here."""
    middle = Box(x=text.x + text.w // 2, y=text.y + text.h // 2, w=1, h=1)
    seen = _scene_colour(scenery, middle)
    for item in design.shown:
        if item is text:
            break
        if isinstance(item, ImageItem | FlagItem | QrItem) and item.box.meets(middle):
            seen = None
        if isinstance(item, ShapeItem) and item.box.meets(middle) and (seen is not None or item.opacity == 100):
            seen = _mixed(seen or item.color, item.color, item.opacity / 100)
    return seen


def _scene_colour(scenery: list[Layer], middle: Box) -> str | None:
    seen: str | None = None
    for layer in scenery:
        if isinstance(layer, Background):
            seen = _at(layer.stops, (middle.y - layer.y) / max(1, layer.h - 1))
        elif isinstance(layer, Shape) and not layer.points and layer.meets(middle):
            seen = layer.color[:7]
    return seen


def _at(stops: list[tuple[float, str]], part: float) -> str:
    for (low, first), (high, second) in zip(stops, stops[1:], strict=False):
        if part <= high:
            return _mixed(first, second, max(0.0, (part - low) / (high - low)) if high > low else 1.0)
    return stops[-1][1]


def _mixed(first: str, second: str, part: float) -> str:
    return "#" + "".join(f"{round(a + (b - a) * part):02X}" for a, b in zip(channels(first), channels(second), strict=True))


def contrast(first: str, second: str) -> float:
    """WCAG's ratio of two colours, 1 to 21."""
    low, high = sorted((_luminance(first), _luminance(second)))
    return (high + 0.05) / (low + 0.05)


def _luminance(colour: str) -> float:
    red, green, blue = (value / 255 / 12.92 if value <= 10 else ((value / 255 + 0.055) / 1.055) ** 2.4 for value in channels(colour))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
