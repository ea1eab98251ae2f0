"""A poster template: JSON layers, drawn from first to last.

Owns: the layer kinds, the words that a text may name, and the rules of a template.
Does not own: pixels (`draw.py`). A template lies in `assets/posters/<name>.json`; every length is in pixels.
Invariants: every layer lies inside the poster; nothing is drawn over or onto the national flag (国旗法), which
keeps its 3:2; a QR code has at least 200 pixels, alone and apart; text stays in its own box.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import msgspec

# The same for every citizen of a campaign, so layers of these alone are drawn once.
CAMPAIGN_WORDS = ("title", "activities", "organiser", "subtitle", "demo")
CITIZEN_WORDS = ("name", "lead", "ordinal", "date", "time", "region")
# WeChat recognises a code on a 750-pixel image down to about this size.
MIN_QR_PIXELS = 200
# A whole poster of 750 x 1334 is 3 MB in memory; four times that is the largest that a worker takes.
MAX_SIDE_PIXELS = 3000
# A line of Noto Serif SC reaches 0.9 of its size above the baseline and 0.2 below.
LINE_HEIGHT = 1.15
# Lines of a text that has several stand this far apart.
SEVERAL_HEIGHT = 1.3
TEMPLATE_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
_COLOUR = re.compile(r"#[0-9A-Fa-f]{6}([0-9A-Fa-f]{2})?")
_WORD = re.compile(r"\{([a-z_]*)\}")


class TemplateError(Exception):
    """A template cannot be drawn; `problems` says why, a line each."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class Box(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    x: int
    y: int
    w: int
    h: int

    def meets(self, other: Box) -> bool:
        """Whether the boxes share a pixel."""
        across = self.x < other.x + other.w and other.x < self.x + self.w
        return across and self.y < other.y + other.h and other.y < self.y + self.h


class Glow(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A round light: centre, radii, colour and strength 0 to 1 in the middle."""

    x: int
    y: int
    rx: int
    ry: int
    color: str
    strength: float


class Background(Box, tag_field="kind", tag="background"):
    """A vertical gradient: `stops` are (part of the height, colour), from top to bottom; then the glows."""

    stops: list[tuple[float, str]]
    glows: list[Glow] = []


class Shape(Box, tag_field="kind", tag="shape"):
    """A filled polygon of points relative to the box, `smooth` as a curve closed along its bottom; no points: the round box."""

    color: str
    points: list[tuple[float, float]] = []
    smooth: bool = False
    radius: int = 0


class Picture(Box, tag_field="kind", tag="image"):
    """A picture file beside the template, scaled to the box."""

    file: str


class Photo(Box, tag_field="kind", tag="photo"):
    """A picture that comes with the job, cut around its middle to fill the box; `radius` rounds it."""

    file: str
    radius: int = 0


class Text(Box, tag_field="kind", tag="text"):
    """Lines in a box, one unless `lines` says more: `{words}` filled in, shrunk to `min_size`, then cut with … where it is too long.

    `suffix` follows on the same baseline in `suffix_size`. A text whose words are all empty is not drawn.
    """

    text: str
    font: Literal["serif", "sans"]
    size: int
    color: str
    align: Literal["left", "center", "right"] = "left"
    min_size: int = 0
    bold: float = 0.0
    tracking: int = 0
    suffix: str = ""
    suffix_size: int = 0
    border: str = ""
    lines: int = 1

    def words(self) -> list[str]:
        return _WORD.findall(self.text + self.suffix)

    def fill(self, values: dict[str, str]) -> tuple[str, str]:
        """Text and suffix with the words filled in; two empty texts where it says nothing."""
        named = self.words()
        if named and not any(values.get(word) for word in named):
            return "", ""
        text, suffix = (_WORD.sub(lambda m: values.get(m[1], ""), part) for part in (self.text, self.suffix))
        return text.strip(), suffix


class Flag(Box, tag_field="kind", tag="flag"):
    """The national flag in the law's geometry, from assets/flag.svg."""


class Qr(Box, tag_field="kind", tag="qr"):
    """The code that leads to the campaign, on white, with its quiet zone inside the box."""

    radius: int = 0


Layer = Background | Shape | Picture | Photo | Text | Flag | Qr


class Template(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A whole poster. `quality` is the JPEG's."""

    width: int
    height: int
    quality: int
    layers: list[Layer]

    def fixed(self) -> list[Layer]:
        """Layers that are the same for every citizen."""
        return [layer for layer in self.layers if not _is_personal(layer)]

    def personal(self) -> list[Text]:
        """Texts that name the citizen's own words; they are drawn last."""
        return [layer for layer in self.layers if _is_personal(layer) and isinstance(layer, Text)]


def load_template(folder: Path, name: str) -> Template:
    """The template `name` of the folder. Raises TemplateError with every problem."""
    if not TEMPLATE_NAME.fullmatch(name):
        raise TemplateError([f"{name!r} is no name of a template"])
    try:
        template = msgspec.json.decode((folder / f"{name}.json").read_bytes(), type=Template)
    except (OSError, msgspec.MsgspecError) as error:
        raise TemplateError([f"{name}: {error}"]) from error
    problems = [f"{name}: {problem}" for problem in _problems(template, folder)]
    if problems:
        raise TemplateError(problems)
    return template


def _is_personal(layer: Layer) -> bool:
    return isinstance(layer, Text) and any(word in CITIZEN_WORDS for word in layer.words())


def _problems(template: Template, folder: Path) -> Iterator[str]:
    if not (0 < template.width <= MAX_SIDE_PIXELS and 0 < template.height <= MAX_SIDE_PIXELS):
        yield f"a side must have 1 to {MAX_SIDE_PIXELS} pixels"
    if not 60 <= template.quality <= 95:
        yield "quality must be 60 to 95"
    for at, layer in enumerate(template.layers):
        where = f"layer {at} ({type(layer).__name__.lower()})"
        inside = layer.x + layer.w <= template.width and layer.y + layer.h <= template.height
        if min(layer.x, layer.y) < 0 or min(layer.w, layer.h) <= 0 or not inside:
            yield f"{where} is not inside the poster"
        for problem in _layer_problems(layer, folder):
            yield f"{where} {problem}"
    yield from _arrangement(template)


def _layer_problems(layer: Layer, folder: Path) -> Iterator[str]:
    for colour in _colours(layer):
        if not _COLOUR.fullmatch(colour):
            yield f"has the colour {colour!r}, not #RRGGBB or #RRGGBBAA"
    if isinstance(layer, Flag) and layer.w * 2 != layer.h * 3:
        yield "is not 3:2"
    if isinstance(layer, Qr) and min(layer.w, layer.h) < MIN_QR_PIXELS:
        yield f"is under {MIN_QR_PIXELS} pixels"
    parts = [part for part, _ in layer.stops] if isinstance(layer, Background) else [0.0, 1.0]
    if len(parts) < 2 or parts != sorted(parts):
        yield "needs two stops or more, from top to bottom"
    if isinstance(layer, Shape) and 0 < len(layer.points) < 3:
        yield "needs three points or more"
    if isinstance(layer, Picture) and (Path(layer.file).name != layer.file or not (folder / layer.file).is_file()):
        yield f"names {layer.file!r}, which is not beside the template"
    if isinstance(layer, Photo):
        yield "is a photo, which only a campaign's own design has"
    if isinstance(layer, Text):
        for word in layer.words():
            if word not in CAMPAIGN_WORDS + CITIZEN_WORDS:
                yield f"names the unknown word {{{word}}}"
        if not 0 < layer.size * LINE_HEIGHT <= layer.h or layer.min_size > layer.size or layer.suffix_size > layer.size:
            yield f"needs sizes up to its height divided by {LINE_HEIGHT}"


def _colours(layer: Layer) -> list[str]:
    if isinstance(layer, Background):
        return [colour for _, colour in layer.stops] + [glow.color for glow in layer.glows]
    if isinstance(layer, Text):
        return [layer.color] + ([layer.border] if layer.border else [])
    return [layer.color] if isinstance(layer, Shape) else []


def _arrangement(template: Template) -> Iterator[str]:
    """The rules between layers: backgrounds below, nothing on the flag, nothing over the code."""
    codes = [layer for layer in template.layers if isinstance(layer, Qr)]
    flags = [at for at, layer in enumerate(template.layers) if isinstance(layer, Flag)]
    if len(codes) > 1:
        yield "two QR codes in one picture keep WeChat from reading either"
    for at in flags:
        flag = template.layers[at]
        for later, other in enumerate(template.layers):
            touches = later != at and not isinstance(other, Background) and other.meets(flag)
            if touches and (later > at or _is_personal(other)):
                yield f"layer {later} lies over the flag"
            elif touches and isinstance(other, Text | Qr | Picture | Photo):
                yield f"layer {later} lies under the flag"
    for code in codes:
        after = template.layers[template.layers.index(code) + 1:]
        if any(other.meets(code) for other in after):
            yield "something lies over the QR code"
