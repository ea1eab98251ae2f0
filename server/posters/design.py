"""A campaign's own poster 海报设计: what its editors arrange, kept in the theme of its content under `poster_design`.

Owns: the form of a design, its bounds, its words in lists of differences, and the way from and to a drawable template.
Does not own: the rules that it is published by (`design_rules.py`), pixels (`draw.py`). It lies in the content, so that revisions, review,
restoring, differences and clones cover it. Invariants: a design has no word for turning, cutting or colouring the flag; citizens' own words
are drawn last, whatever the order says, so a layer can never hide somebody's number.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec

from server.errors import InvalidBody
from server.posters.layers import (
    CITIZEN_WORDS,
    Background,
    Box,
    Flag,
    Layer,
    Photo,
    Qr,
    Shape,
    Template,
    Text,
)

# Where a design lies in a theme.
FIELD = "poster_design"
# The size that WeChat shows whole on a phone, and that every poster of ours has.
WIDTH, HEIGHT = 750, 1334
# Whose landscape stands in where a scene has none of its own.
LANDSCAPE = "salute"
QUALITY = 85
# More than any poster needs; together with the texts a design stays under 16 KB of the content's 64.
MAX_LAYERS, MAX_PHOTOS, MAX_TEXT_CHARACTERS = 30, 6, 80
MAX_BYTES = 16 * 1024
# Solemn and warm, and neither the flag's red nor the stars' gold, which are the flag's own.
PALETTE = {
    "#FFFFFF": "白", "#FFF6E3": "月白", "#F8E3B4": "麦色", "#E6ECF8": "霜白", "#B9C6E0": "雾蓝", "#8FA1C6": "远山蓝",
    "#22406F": "晨蓝", "#0B1A3A": "夜蓝", "#170F33": "墨紫", "#7A4A2B": "檀棕", "#1F4D3A": "松绿", "#1C2430": "墨",
}
# Built-in templates that lend their landscape, one for each kind of campaign, and two colours without any.
SCENES = {"salute": "晨曦", "pledge": "霞光", "quiz": "晴空", "messages": "暮色", "photos": "海天", "vote": "秋晚", "plain": "双色渐变"}
# What a begun campaign without a flag ceremony need not be reminded of.
WITH_FLAG = ("salute", "plain")
KINDS = {"text": "文字", "image": "图片", "qr": "二维码", "shape": "色块", "flag": "国旗"}
FIELDS = {"x": "左边距离", "y": "上边距离", "w": "宽", "h": "高", "size": "字号", "text": "文字", "tracking": "字距", "lines": "行数",
          "radius": "圆角", "opacity": "不透明度", "id": "编号", "media": "图片", "scene": "背景", "font": "字体", "align": "对齐",
          "hidden": "显示状态", "bold": "加粗", "top": "上面颜色", "bottom": "下面颜色"}
ID = r"^[a-z][a-z0-9]{0,15}$"
_WORD = re.compile(r"\{([^{}]*)\}")

Length = Annotated[int, msgspec.Meta(ge=-HEIGHT, le=HEIGHT)]
Size = Annotated[int, msgspec.Meta(ge=1, le=HEIGHT)]
Switch = Annotated[int, msgspec.Meta(ge=0, le=1)]
Colour = Literal["#FFFFFF", "#FFF6E3", "#F8E3B4", "#E6ECF8", "#B9C6E0", "#8FA1C6", "#22406F", "#0B1A3A", "#170F33", "#7A4A2B", "#1F4D3A",
                 "#1C2430"]


class Item(msgspec.Struct, forbid_unknown_fields=True, kw_only=True, frozen=True, tag_field="kind"):
    """One layer of a design. `hidden` ones stay in the list and are not drawn. Whole numbers alone, as every store gives them back."""

    id: Annotated[str, msgspec.Meta(pattern=ID)]
    x: Length
    y: Length
    w: Size
    h: Size
    hidden: Switch = 0

    @property
    def box(self) -> Box:
        return Box(x=self.x, y=self.y, w=self.w, h=self.h)


class TextItem(Item, tag="text", frozen=True, kw_only=True):
    """`lines`: how many the text may break into; 1 keeps it on one line and makes it smaller instead."""

    text: Annotated[str, msgspec.Meta(max_length=MAX_TEXT_CHARACTERS)]
    size: Annotated[int, msgspec.Meta(ge=16, le=200)] = 32
    color: Colour = "#FFF6E3"
    font: Literal["serif", "sans"] = "serif"
    align: Literal["left", "center", "right"] = "left"
    bold: Switch = 0
    tracking: Annotated[int, msgspec.Meta(ge=0, le=40)] = 0
    lines: Annotated[int, msgspec.Meta(ge=1, le=6)] = 1

    @property
    def words(self) -> list[str]:
        return _WORD.findall(self.text)

    @property
    def is_personal(self) -> bool:
        return any(word in CITIZEN_WORDS for word in self.words)


class ImageItem(Item, tag="image", frozen=True, kw_only=True):
    """A picture of the media library, which fills its box; `media` makes the library know that it is used."""

    media: Annotated[str, msgspec.Meta(max_length=32)]
    radius: Annotated[int, msgspec.Meta(ge=0, le=375)] = 0


class QrItem(Item, tag="qr", frozen=True, kw_only=True):
    radius: Annotated[int, msgspec.Meta(ge=0, le=60)] = 0


class ShapeItem(Item, tag="shape", frozen=True, kw_only=True):
    """A rectangle, round at `radius`; `opacity` in per cent."""

    color: Colour = "#0B1A3A"
    radius: Annotated[int, msgspec.Meta(ge=0, le=667)] = 0
    opacity: Annotated[int, msgspec.Meta(ge=5, le=100)] = 100


class FlagItem(Item, tag="flag", frozen=True, kw_only=True):
    """The national flag, drawn from the one file that holds its geometry. It has a place and a width and nothing else."""


AnyItem = TextItem | ImageItem | QrItem | ShapeItem | FlagItem


class Design(msgspec.Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """`scene`: what lies under everything; `top` and `bottom` are the colours of a plain one. Layers from the lowest to the highest."""

    scene: Literal["salute", "pledge", "quiz", "messages", "photos", "vote", "plain"] = "salute"
    top: Colour = "#0B1A3A"
    bottom: Colour = "#22406F"
    layers: Annotated[list[AnyItem], msgspec.Meta(max_length=MAX_LAYERS)] = []

    @property
    def shown(self) -> list[AnyItem]:
        """In the order in which they are drawn: citizens' own words last."""
        seen = [item for item in self.layers if not item.hidden]
        return [item for item in seen if not is_personal(item)] + [item for item in seen if is_personal(item)]


class DesignWrong(InvalidBody):
    """`problems`: every rule that is broken, in words for editors."""

    code = "POSTER_DESIGN_WRONG"

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        super().__init__(message="海报设计：" + "；".join(problems[:4]) + ("……" if len(problems) > 4 else ""), field="theme")


def is_personal(item: AnyItem) -> bool:
    return isinstance(item, TextItem) and item.is_personal


def title_of(item: AnyItem) -> str:
    """What an editor knows a layer by."""
    return f"文字“{item.text[:12]}”" if isinstance(item, TextItem) else KINDS[tag_of(item)]


def tag_of(item: AnyItem) -> str:
    return str(item.__struct_config__.tag)


def read_design(value: Any) -> Design:
    """A design as it lies in a theme. Raises DesignWrong where it is none."""
    if not isinstance(value, dict):
        raise DesignWrong(["设计要有场景和图层，请在“海报”页重新编排"])
    try:
        design = msgspec.convert(value, Design)
    except msgspec.ValidationError as error:
        raise DesignWrong([_in_words(str(error))]) from error
    if len({item.id for item in design.layers}) < len(design.layers):
        raise DesignWrong(["两个图层用了同一个编号，请删去一个重新添加"])
    if len(msgspec.json.encode(design)) > MAX_BYTES:
        raise DesignWrong([f"设计超过 {MAX_BYTES // 1024} KB，请删去一些图层"])
    return design


def design_of(theme: Mapping[str, Any]) -> Design | None:
    """The design of a theme; None where the campaign uses a built-in template. Raises DesignWrong."""
    return read_design(theme[FIELD]) if theme.get(FIELD) else None


def _in_words(problem: str) -> str:
    """What msgspec says, for editors: which layer, and what it may be."""
    reason, _, place = problem.partition(" - at `$")
    at = re.search(r"layers\[(\d+|\.\.\.)\]", place)
    which = f"第 {int(at[1]) + 1} 层" if at and at[1].isdigit() else "图层" if at else "设计"
    field = place.rstrip("`").rpartition(".")[2] if "." in place.replace("...", "") else ""
    if "unknown field" in reason:
        name = reason.partition("unknown field `")[2].rstrip("`")
        return f"{which}有不认识的属性 {name}：图层不能旋转、翻转、裁切或变色"
    if "Invalid enum value" in reason and field in ("color", "top", "bottom"):
        return f"{which}的颜色不在调色板里，可用：" + "、".join(PALETTE.values())
    if field == "layers" or "length <=" in reason and not at:
        return f"图层最多 {MAX_LAYERS} 个"
    if field == "kind":
        return f"{which}的类型不认识，只有" + "、".join(KINDS.values())
    return f"{which}的{FIELDS.get(field, field or '内容')}{_bound(reason)}"


def _bound(reason: str) -> str:
    bound = re.search(r"(length )?(<=|>=) (-?\d+)", reason)
    if bound:
        return ("最多" if bound[2] == "<=" else "至少") + f" {bound[3]}" + (" 字" if bound[1] else "")
    if "Expected `int`" in reason:
        return "要是整数"
    return "不对：以小写字母开头，只有小写字母和数字" if "regex" in reason else "缺少或不在可选的范围里"


# Differences in words

def in_words(value: Any) -> dict[str, tuple[str, str]]:
    """A design by parts, for lists of differences: path -> (name, value). What cannot be read is shown as it is."""
    try:
        design = read_design(value)
    except DesignWrong as error:
        return {f"theme.{FIELD}": ("海报设计", error.message)}
    scene = SCENES[design.scene] + (f"（{PALETTE[design.top]} 到 {PALETTE[design.bottom]}）" if design.scene == "plain" else "")
    found = {f"theme.{FIELD}": ("海报背景与图层顺序", f"{scene}；" + "、".join(item.id for item in design.layers))}
    for item in design.layers:
        name = f"海报图层 {item.id}（{KINDS[tag_of(item)]}）"
        found[f"theme.{FIELD}.{item.id}"] = name, _look(item)
        if isinstance(item, TextItem):
            found[f"theme.{FIELD}.{item.id}.text"] = f"{name}的文字", item.text
    return found


def _look(item: AnyItem) -> str:
    words = [f"左 {item.x} 上 {item.y} 宽 {item.w} 高 {item.h}"]
    if isinstance(item, TextItem):
        words += [f"{item.size} 号", PALETTE[item.color], {"left": "居左", "center": "居中", "right": "居右"}[item.align],
                  f"最多 {item.lines} 行", *(["加粗"] if item.bold else []), {"serif": "宋体", "sans": "黑体"}[item.font]]
    elif isinstance(item, ShapeItem):
        words += [PALETTE[item.color], f"不透明 {item.opacity}%"]
    elif isinstance(item, ImageItem):
        words += [f"媒体 {item.media[:8]}"]
    return "，".join([*words, *(["隐藏"] if item.hidden else [])])


# To and from templates

def scenery_of(template: Template) -> list[Layer]:
    """What of a built-in template is landscape: everything up to its last drawn outline. The rest can be moved."""
    drawn = [isinstance(layer, Background) or isinstance(layer, Shape) and bool(layer.points) for layer in template.layers]
    last = max((at for at, is_landscape in enumerate(drawn) if is_landscape), default=-1)
    return template.layers[:last + 1]


def landscape_name(design: Design) -> str:
    """The built-in template whose landscape lies under a design."""
    return LANDSCAPE if design.scene == "plain" else design.scene


def ground_of(design: Design, landscape: Template) -> list[Layer]:
    """What lies under everything. `landscape`: the template that `landscape_name` tells."""
    if design.scene != "plain":
        return scenery_of(landscape)
    return [Background(x=0, y=0, w=WIDTH, h=HEIGHT, stops=[(0.0, design.top), (1.0, design.bottom)])]


def template_of(design: Design, landscape: Template, photos: Mapping[str, str]) -> Template:
    """What is drawn. `photos`: medium -> file of a picture; one that is gone is left out."""
    drawn = [layer for item in design.shown if (layer := _layer(item, photos)) is not None]
    return Template(width=WIDTH, height=HEIGHT, quality=QUALITY, layers=[*ground_of(design, landscape), *drawn])


def _layer(item: AnyItem, photos: Mapping[str, str]) -> Layer | None:
    place: dict[str, Any] = {"x": item.x, "y": item.y, "w": item.w, "h": item.h}
    if isinstance(item, TextItem):
        return Text(**place, text=item.text, font=item.font, size=item.size, color=item.color, align=item.align,
                    bold=0.014 if item.bold else 0.0, tracking=item.tracking, lines=item.lines)
    if isinstance(item, ImageItem):
        return Photo(**place, file=photos[item.media], radius=item.radius) if item.media in photos else None
    if isinstance(item, ShapeItem):
        return Shape(**place, color=f"{item.color}{round(item.opacity * 2.55):02X}", radius=item.radius)
    return Qr(**place, radius=item.radius) if isinstance(item, QrItem) else Flag(**place)


def begun_from(template: Template, scene: str = LANDSCAPE) -> Design:
    """A built-in template, by its scene, as a design to begin with; its colours become those of the palette that are nearest."""
    layers: list[AnyItem] = []
    for layer in template.layers[len(scenery_of(template)):]:
        place: dict[str, Any] = {"id": f"l{len(layers) + 1}", "x": layer.x, "y": layer.y, "w": layer.w, "h": layer.h}
        if isinstance(layer, Text):
            layers.append(TextItem(**place, text=layer.text + layer.suffix, size=layer.size, color=nearest(layer.color), font=layer.font,
                                   align=layer.align, bold=int(layer.bold > 0), tracking=layer.tracking))
        elif isinstance(layer, Shape):
            layers.append(ShapeItem(**place, color=nearest(layer.color), radius=layer.radius))
        elif isinstance(layer, Qr):
            layers.append(QrItem(**place, radius=layer.radius))
        elif isinstance(layer, Flag):
            layers.append(FlagItem(**place))
    return msgspec.convert({"scene": scene, "layers": msgspec.to_builtins(layers)}, Design)


def look_of(template: Template) -> list[tuple[float, str]]:
    """The colours of a landscape from top to bottom, as (part of the height, colour), for a board that draws no outlines."""
    sky = next(layer for layer in template.layers if isinstance(layer, Background))
    land = next((layer for layer in scenery_of(template) if isinstance(layer, Shape) and not layer.points and layer.w == WIDTH), None)
    if land is None:
        return sky.stops
    horizon = land.y / HEIGHT
    above = [(at, colour) for at, colour in sky.stops if at < horizon]
    return [*above, (horizon, above[-1][1]), (horizon, land.color), (1.0, land.color)]


def nearest(colour: str) -> Colour:
    """The colour of the palette that looks most like this one."""
    wanted = channels(colour)
    found = min(PALETTE, key=lambda one: sum((a - b) ** 2 for a, b in zip(wanted, channels(one), strict=True)))
    colour_of_palette: Colour = msgspec.convert(found, Colour)
    return colour_of_palette


def channels(colour: str) -> tuple[int, int, int]:
    """Red, green and blue of #RRGGBB."""
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)
