"""From layers to a JPEG. Runs in the drawing program alone, never in a process that serves requests.

Owns: pixels and line fitting. Does not own: the template's rules (`layers.py`), names (`names.py`), fonts.
Invariants: what is the same for a whole campaign is drawn once and copied; a text never leaves its box and
never shows a box for a missing glyph; the flag's shapes come from assets/flag.svg and nowhere else.
"""

from __future__ import annotations

import io
import math
import re
import xml.etree.ElementTree as ElementTree
from collections import OrderedDict
from functools import lru_cache
from pathlib import Path

import msgspec
import qrcode
import qrcode.constants
from PIL import Image, ImageChops, ImageDraw, ImageFont, ImageOps

from server.posters.design import DesignWrong, landscape_name, read_design, template_of
from server.posters.fonts import Fonts, sized
from server.posters.layers import (
    SEVERAL_HEIGHT,
    Background,
    Flag,
    Layer,
    Photo,
    Picture,
    Qr,
    Shape,
    Template,
    TemplateError,
    Text,
    load_template,
)
from server.posters.names import NOBODY
from server.posters.wire import Job

Point = tuple[float, float]
# A campaign has one base of 3 MB; eight of them are more than run at once.
BASES_KEPT = 8
# Edges are drawn four times finer and averaged.
FINER = 4
# The flag is drawn finer still, because its geometry is law: at 16 a star of 17 pixels is right to a percent.
FLAG_FINER = 16
# JPEG turns an even gradient into bands; noise of this strength hides them and costs few bytes.
GRAIN = 1.0
# A QR code needs four white modules around it.
QUIET_MODULES = 4
# The part of a line's size that lies above its baseline in Chinese fonts.
ASCENT = 0.88
# Long lines shrink to this part of their size where the template names no least size.
LEAST_PART = 0.6
# Pillow's radial gradient is 255 in the corners, so this in the middle of an edge, where a glow must be gone.
EDGE_VALUE = 255 / math.sqrt(2)
SVG = "{http://www.w3.org/2000/svg}"
# What a phone saves from a chat without a murmur; photographs are packed tighter until they fit.
MAX_JPEG_BYTES = 400 * 1024
TIGHTER = (75, 65, 60)
# No line begins with one of these.
NO_LINE_START = "，。；：！？、）》」』”’…·,.;:!?)"


class Glyph(msgspec.Struct):
    """One character on a line: where its origin is, counted from the line's start."""

    character: str
    font: ImageFont.FreeTypeFont
    x: float


class Line(msgspec.Struct):
    glyphs: list[Glyph]
    width: float


class PicturesMissing(Exception):
    """The background of this design is not here: it is composed once its pictures come with the job."""


class Painter:
    """Draws posters; keeps templates and campaign bases."""

    def __init__(self, assets: Path, fonts: Fonts) -> None:
        self._assets = assets
        self._fonts = fonts
        self._template = lru_cache(maxsize=BASES_KEPT)(self._load)
        self._base = lru_cache(maxsize=BASES_KEPT)(self._compose)
        self._own = lru_cache(maxsize=BASES_KEPT)(self._designed)
        self._own_bases: OrderedDict[tuple[str, ...], Image.Image] = OrderedDict()

    def draw(self, job: Job) -> bytes:
        """The poster as JPEG bytes. Raises TemplateError."""
        image = self.picture(job)
        for quality in (self._template_of(job).quality, *TIGHTER):
            out = io.BytesIO()
            # 4:4:4, because 4:2:0 smears the flag's red over its edges.
            image.save(out, "JPEG", quality=quality, subsampling=0)
            if out.tell() <= MAX_JPEG_BYTES:
                return out.getvalue()
        raise ValueError(f"the poster has {out.tell()} bytes, more than {MAX_JPEG_BYTES}")

    def picture(self, job: Job) -> Image.Image:
        """The poster before it is packed."""
        template = self._template_of(job)
        campaign = tuple(sorted(job.campaign.items()))
        base = self._own_base(job, template, campaign) if job.design else self._base(job.template, campaign, job.link)
        image = base.copy()
        values = job.campaign | job.citizen
        if not self._fonts.can_draw("serif", values.get("name", "").replace("·", "")):
            values["name"] = NOBODY
        for layer in template.personal():
            self._text(image, layer, values)
        return image

    def _load(self, name: str) -> Template:
        return load_template(self._assets / "posters", name)

    def _template_of(self, job: Job) -> Template:
        return self._own(job.design, tuple(sorted(job.photos.items()))) if job.design else self._template(job.template)

    def _designed(self, design: str, photos: tuple[tuple[str, str], ...]) -> Template:
        try:
            found = read_design(msgspec.json.decode(design))
            return template_of(found, self._template(landscape_name(found)), dict(photos))
        except DesignWrong as error:
            raise TemplateError(error.problems) from error

    def _compose(self, name: str, campaign: tuple[tuple[str, str], ...], link: str) -> Image.Image:
        return self._composed(self._template(name), campaign, link, {})

    def _composed(self, template: Template, campaign: tuple[tuple[str, str], ...], link: str, pictures: dict[str, bytes]) -> Image.Image:
        image = Image.new("RGB", (template.width, template.height))
        for layer in template.fixed():
            self._fixed(image, layer, dict(campaign), link, pictures)
        return image

    def _own_base(self, job: Job, template: Template, campaign: tuple[tuple[str, str], ...]) -> Image.Image:
        """The background of a design, composed once. Raises PicturesMissing where that needs pictures that are not with the job."""
        key = (job.design, str(sorted(job.photos.items())), str(campaign), job.link)
        base = self._own_bases.pop(key, None)
        if base is None:
            if any(isinstance(layer, Photo) and layer.file not in job.pictures for layer in template.layers):
                raise PicturesMissing()
            base = self._composed(template, campaign, job.link, job.pictures)
        self._own_bases[key] = base
        while len(self._own_bases) > BASES_KEPT:
            self._own_bases.popitem(last=False)
        return base

    def _fixed(self, image: Image.Image, layer: Layer, values: dict[str, str], link: str, pictures: dict[str, bytes]) -> None:
        if isinstance(layer, Background):
            image.paste(_sky(layer), (layer.x, layer.y))
        elif isinstance(layer, Shape):
            _shape(image, layer)
        elif isinstance(layer, Picture):
            with Image.open(self._assets / "posters" / layer.file) as picture:
                image.paste(picture.convert("RGB").resize((layer.w, layer.h), Image.Resampling.LANCZOS), (layer.x, layer.y))
        elif isinstance(layer, Photo):
            _photo(image, layer, pictures[layer.file])
        elif isinstance(layer, Flag):
            image.paste(flag_picture(self._assets / "flag.svg", layer.w), (layer.x, layer.y))
        elif isinstance(layer, Qr):
            _code(image, layer, link)
        else:
            self._text(image, layer, values)

    def write(self, image: Image.Image, layer: Text, values: dict[str, str]) -> None:
        """One text onto a picture of any kind, such as a page to print."""
        self._text(image, layer, values)

    def _text(self, image: Image.Image, layer: Text, values: dict[str, str]) -> None:
        text, suffix = layer.fill(values)
        if not text + suffix:
            return
        draw = ImageDraw.Draw(image)
        if layer.border:
            corners = (layer.x, layer.y, layer.x + layer.w - 1, layer.y + layer.h - 1)
            draw.rounded_rectangle(corners, layer.h // 2, outline=layer.border, width=2)
        if layer.lines > 1:
            self._several(draw, layer, text + suffix)
            return
        line, size = self.fit(layer, text, suffix)
        self._place(draw, layer, line, layer.y + round((layer.h - size) / 2 + ASCENT * size))

    def _place(self, draw: ImageDraw.ImageDraw, layer: Text, line: Line, baseline: int) -> None:
        room = layer.w - math.ceil(line.width)
        left = layer.x + {"left": 0, "center": room // 2, "right": room}[layer.align]
        for glyph in line.glyphs:
            draw.text((left + glyph.x, baseline), glyph.character, layer.color, glyph.font, "ls",
                      stroke_width=layer.bold * glyph.font.size, stroke_fill=layer.color)

    def _several(self, draw: ImageDraw.ImageDraw, layer: Text, text: str) -> None:
        lines, size = self.wrapped(layer, text)
        step = round(size * SEVERAL_HEIGHT)
        top = layer.y + (layer.h - step * len(lines)) // 2
        for number, line in enumerate(lines):
            self._place(draw, layer, line, top + number * step + round((step - size) / 2 + ASCENT * size))

    def wrapped(self, layer: Text, text: str) -> tuple[list[Line], int]:
        """The text in at most so many lines as the layer has: as large as it says, else smaller, else cut with an ellipsis."""
        text = self._fonts.drawable(layer.font, text)
        least = layer.min_size or round(layer.size * LEAST_PART)
        for size in range(layer.size, least - 1, -1):
            lines = self._broken(layer, text, size)
            if len(lines) <= layer.lines:
                break
        kept = lines[:layer.lines]
        if len(lines) > layer.lines:
            last = kept[-1]
            while last and self._line(layer, last + "…", "", size).width > layer.w:
                last = last[:-1]
            kept[-1] = last + "…"
        return [self._line(layer, line, "", size) for line in kept], size

    def _broken(self, layer: Text, text: str, size: int) -> list[str]:
        """Broken where a line is full; closing marks stay with the character before them."""
        lines, line = [], ""
        for character in text:
            if line and self._line(layer, line + character, "", size).width > layer.w:
                carried = line[-1] if character in NO_LINE_START and len(line) > 1 else ""
                lines.append(line[:len(line) - len(carried)])
                line = carried
            line += character
        return [*lines, line]

    def fit(self, layer: Text, text: str, suffix: str) -> tuple[Line, int]:
        """The line and its size: as the layer says, else smaller, else cut with an ellipsis."""
        text, suffix = self._fonts.drawable(layer.font, text), self._fonts.drawable(layer.font, suffix)
        least = layer.min_size or round(layer.size * LEAST_PART)
        for size in range(layer.size, least - 1, -1):
            line = self._line(layer, text, suffix, size)
            if line.width <= layer.w:
                return line, size
        while text and line.width > layer.w:
            text = text[:-1]
            line = self._line(layer, text + "…", suffix, least)
        return line, least

    def _line(self, layer: Text, text: str, suffix: str, size: int) -> Line:
        glyphs: list[Glyph] = []
        margin = layer.bold * size
        x = margin
        suffix_size = round((layer.suffix_size or layer.size) * size / layer.size)
        for character, points in [(c, size) for c in text] + [(c, suffix_size) for c in suffix]:
            face = self._fonts.pick(layer.font, character)
            if face is None:  # a space without a glyph, or an ellipsis that no font has
                x += points / 4
                continue
            font = sized(face, points)
            glyphs.append(Glyph(character, font, x))
            x += font.getlength(character) + layer.tracking
        return Line(glyphs, x + margin - (layer.tracking if glyphs else 0))


def _photo(image: Image.Image, layer: Photo, data: bytes) -> None:
    """A picture that fills the box, cut around its middle."""
    with Image.open(io.BytesIO(data), formats=("JPEG", "PNG")) as opened:
        picture = ImageOps.fit(opened.convert("RGBA"), (layer.w, layer.h), Image.Resampling.LANCZOS)
    mask = picture.getchannel("A")
    if layer.radius:
        finer = Image.new("L", (layer.w * FINER, layer.h * FINER))
        ImageDraw.Draw(finer).rounded_rectangle((0, 0, finer.width - 1, finer.height - 1), layer.radius * FINER, fill=255)
        mask = ImageChops.multiply(mask, finer.reduce(FINER))
    image.paste(picture.convert("RGB"), (layer.x, layer.y), mask)


def _sky(layer: Background) -> Image.Image:
    column = Image.new("RGB", (1, layer.h))
    for y in range(layer.h):
        column.putpixel((0, y), _between(layer.stops, y / max(1, layer.h - 1)))
    sky = column.resize((layer.w, layer.h), Image.Resampling.NEAREST)
    for glow in layer.glows:
        light = ImageChops.invert(Image.radial_gradient("L")).resize((glow.rx * 2, glow.ry * 2), Image.Resampling.BICUBIC)
        mask = light.point([round(max(0.0, 1 - (255 - v) / EDGE_VALUE) ** 2 * glow.strength * 255) for v in range(256)])
        sky.paste(glow.color, (glow.x - layer.x - glow.rx, glow.y - layer.y - glow.ry), mask)
    grain = Image.effect_noise((layer.w, layer.h), GRAIN).convert("RGB")
    return ImageChops.add(sky, grain, scale=1, offset=-128)


def _between(stops: list[tuple[float, str]], at: float) -> tuple[int, int, int]:
    colours = [(part, _rgb(colour)) for part, colour in stops]
    for (low, first), (high, second) in zip(colours, colours[1:], strict=False):
        if at <= high:
            part = max(0.0, (at - low) / (high - low)) if high > low else 1.0
            red, green, blue = (round(a + (b - a) * part) for a, b in zip(first, second, strict=True))
            return red, green, blue
    return colours[-1][1]


def _rgb(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _shape(image: Image.Image, layer: Shape) -> None:
    mask = Image.new("L", (layer.w * FINER, layer.h * FINER))
    draw = ImageDraw.Draw(mask)
    opacity = int(layer.color[7:9] or "FF", 16)
    if layer.points:
        points = _curve(layer.points, layer.h) if layer.smooth else layer.points
        draw.polygon([(x * FINER, y * FINER) for x, y in points], fill=opacity)
    else:
        draw.rounded_rectangle((0, 0, mask.width - 1, mask.height - 1), layer.radius * FINER, fill=opacity)
    image.paste(layer.color[:7], (layer.x, layer.y), mask.reduce(FINER))


def _curve(points: list[Point], bottom: float) -> list[Point]:
    """A Catmull-Rom curve through the points, closed by straight lines along the bottom."""
    out: list[Point] = []
    ends = [points[0], *points, points[-1]]
    for a, b, c, d in zip(ends, ends[1:], ends[2:], ends[3:], strict=False):
        for step in range(8):
            t = step / 8
            out.append((_spline(a[0], b[0], c[0], d[0], t), _spline(a[1], b[1], c[1], d[1], t)))
    return [*out, points[-1], (points[-1][0], bottom), (points[0][0], bottom)]


def _spline(a: float, b: float, c: float, d: float, t: float) -> float:
    return b + t * ((c - a) + t * ((2 * a - 5 * b + 4 * c - d) + t * (3 * b - 3 * c + d - a))) / 2


@lru_cache(maxsize=4)
def flag_picture(svg: Path, width: int) -> Image.Image:
    """The flag `width` pixels wide, from the one file that holds its geometry. Raises OSError where it is missing."""
    root = ElementTree.fromstring(svg.read_bytes())
    columns, rows = (int(part) for part in root.attrib["viewBox"].split()[2:])
    scale = width * FLAG_FINER / columns
    field = root.find(f"{SVG}rect")
    if field is None:
        raise OSError(f"{svg} has no field")
    picture = Image.new("RGB", (width, width * rows // columns), field.attrib["fill"])
    # every star lies in the quarter next to the pole
    finer = Image.new("L", (picture.width // 2 * FLAG_FINER, picture.height // 2 * FLAG_FINER))
    draw = ImageDraw.Draw(finer)
    stars = list(root.iter(f"{SVG}polygon"))
    for star in stars:
        # Pillow counts from the middle of a pixel, the law from its corner
        numbers = [float(part) * scale - 0.5 for part in re.split(r"[ ,]+", star.attrib["points"].strip())]
        draw.polygon(list(zip(numbers[::2], numbers[1::2], strict=True)), fill=255)
    picture.paste(stars[0].attrib["fill"], (0, 0), finer.reduce(FLAG_FINER))
    return picture


def _code(image: Image.Image, layer: Qr, link: str) -> None:
    code = qrcode.QRCode(error_correction=qrcode.constants.ERROR_CORRECT_M, border=QUIET_MODULES)
    code.add_data(link)
    code.make(fit=True)
    rows = code.get_matrix()
    module = min(layer.w, layer.h) // len(rows)
    if module < 1:
        raise ValueError("the link is too long for a code of this size")
    _shape(image, Shape(x=layer.x, y=layer.y, w=layer.w, h=layer.h, color="#FFFFFF", radius=layer.radius))
    # the white box is the quiet zone, so its round corners stay
    inner = [row[QUIET_MODULES:-QUIET_MODULES] for row in rows[QUIET_MODULES:-QUIET_MODULES]]
    picture = Image.new("L", (len(inner), len(inner)), 255)
    picture.putdata([0 if dark else 255 for row in inner for dark in row])
    picture = picture.resize((len(inner) * module,) * 2, Image.Resampling.NEAREST)
    image.paste(picture.convert("RGB"), (layer.x + (layer.w - picture.width) // 2, layer.y + (layer.h - picture.height) // 2))
