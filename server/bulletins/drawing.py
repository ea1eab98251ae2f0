"""The picture of a bulletin: 1080 pixels wide, read on a phone in a chat, in the order of the text. Runs in the bulletin's worker alone.

Invariants: every figure is drawn as it was told, nothing is computed but places and the heights of bars; no text leaves its box; there is
no flag on it, since pictures in chats are cropped and covered; rows keep the order in which they came.
"""

from __future__ import annotations

import io
from typing import Any

from msgspec import structs
from PIL import Image, ImageDraw

from server.bulletins.wire import Fact, Section, Sheet
from server.posters.draw import Painter
from server.posters.layers import Text

# A chat shows it about 360 points wide, so three of these are one point: nothing is smaller than 30.
WIDTH, MARGIN = 1080, 60
INNER = WIDTH - 2 * MARGIN
# Past the longest picture: 60 rows in one column, 13 activities, six milestones.
MAX_HEIGHT = 8000
MAX_BYTES = 500 * 1024
# A picture of few colours: with 64 of them its letters are still smooth.
COLOURS = (64, 32, 16)
NAVY, INK, SOFT, LINE, PALE, WHITE = "#13294b", "#1d2733", "#5b6878", "#d8dfe8", "#f2f5f9", "#ffffff"
ON_NAVY, MARK, ACCENT = "#c8d5e8", "#f2b866", "#2f6db5"
GAP = 28
BARS_A_DAY, BARS_HEIGHT = 144, 150


class Page:
    """A sheet that grows downwards; `y` is where the next thing begins."""

    def __init__(self, painter: Painter) -> None:
        self._painter = painter
        self.image = Image.new("RGB", (WIDTH, MAX_HEIGHT), WHITE)
        self.draw = ImageDraw.Draw(self.image)
        self.y = 0

    def text(self, text: str, x: int, y: int, w: int, h: int, size: int, colour: str, align: Any = "left", *, font: Any = "sans",
             bold: bool = False, suffix: str = "", suffix_size: int = 0) -> None:
        # Braces in a name are no placeholders.
        self._painter.write(self.image, Text(
            x=x, y=y, w=w, h=h, text=safe(text), font=font, size=size, color=colour, align=align, bold=0.012 if bold else 0.0,
            suffix=safe(suffix), suffix_size=suffix_size), {})

    def paragraph(self, text: str, size: int, colour: str, *, lines: int = 3, font: Any = "sans", bold: bool = False,
                  even: bool = False) -> None:
        """A text of some lines over the whole width, or lines of one length where it is to be `even`; `y` moves below it."""
        layer = Text(x=MARGIN, y=self.y, w=INNER, h=0, text=safe(text), font=font, size=size, color=colour, lines=lines,
                     bold=0.012 if bold else 0.0)
        wrapped, at = self._painter.wrapped(layer, layer.text)
        for width in range(INNER // 2, INNER, size // 2) if even and len(wrapped) > 1 else ():
            narrow = structs.replace(layer, w=width)
            tried, tried_at = self._painter.wrapped(narrow, layer.text)
            if (len(tried), tried_at) == (len(wrapped), at) and tried[-1].glyphs[-1].character != "…":
                layer, wrapped = narrow, tried
                break
        layer.h = round(len(wrapped) * at * 1.35)
        self._painter.write(self.image, layer, {})
        self.y += layer.h

    def rule(self, colour: str = LINE) -> None:
        self.draw.line((MARGIN, self.y, WIDTH - MARGIN, self.y), colour, 2)


def picture(painter: Painter, sheet: Sheet) -> bytes:
    """The PNG. Raises ValueError for one that cannot be packed small enough."""
    page = Page(painter)
    head(page, sheet)
    total(page, sheet)
    facts(page, sheet.facts)
    bars(page, sheet)
    for section in sheet.sections:
        rows(page, section)
    foot(page, sheet)
    image = page.image.crop((0, 0, WIDTH, min(page.y, MAX_HEIGHT)))
    for colours in COLOURS:
        out = io.BytesIO()
        image.quantize(colours, dither=Image.Dither.NONE).save(out, "PNG", optimize=True)
        if out.tell() <= MAX_BYTES:
            return out.getvalue()
    raise ValueError(f"the picture has {out.tell()} bytes, more than {MAX_BYTES}")


def head(page: Page, sheet: Sheet) -> None:
    """The band's height follows the title, so it is drawn first for nothing but its height."""
    for _ in range(2):
        page.draw.rectangle((0, 0, WIDTH, page.y), NAVY)
        page.y = 52
        page.text(sheet.head, MARGIN, page.y, 640, 46, 34, ON_NAVY)
        marks = [mark for mark in (sheet.state, sheet.mark) if mark]
        for number, mark in enumerate(reversed(marks)):
            x = WIDTH - MARGIN - 180 * (number + 1) - 16 * number
            page.draw.rounded_rectangle((x, page.y - 6, x + 180, page.y + 52), 8, outline=MARK, width=3)
            page.text(mark, x + 6, page.y, 168, 46, 34, MARK, "center")
        page.y += 76
        page.paragraph(sheet.title, 62, WHITE, lines=2, font="serif", bold=True, even=True)
        page.y += 12
        page.text(sheet.as_of, MARGIN, page.y, INNER, 46, 34, ON_NAVY)
        page.y += 78


def total(page: Page, sheet: Sheet) -> None:
    fact = sheet.total
    page.y += 44
    page.text(fact.name, MARGIN, page.y, INNER, 50, 38, SOFT)
    page.y += 54
    page.text(fact.value, MARGIN, page.y, INNER, 168, 146, NAVY, font="serif", bold=True, suffix=f" {fact.unit}", suffix_size=52)
    page.y += 176
    page.text(fact.below, MARGIN, page.y, INNER, 52, 40, INK)
    page.y += 52 + GAP


def facts(page: Page, given: list[Fact]) -> None:
    width, height = (INNER - GAP) // 2, 196
    for number, fact in enumerate(given):
        x, y = MARGIN + (number % 2) * (width + GAP), page.y + (number // 2) * (height + GAP)
        page.draw.rounded_rectangle((x, y, x + width, y + height), 12, PALE)
        page.text(fact.name, x + 28, y + 20, width - 56, 44, 33, SOFT)
        page.text(fact.value, x + 28, y + 64, width - 56, 72, 60, NAVY, font="serif", bold=True, suffix=f" {fact.unit}", suffix_size=33)
        page.text(fact.below, x + 28, y + 138, width - 56, 42, 32, SOFT)
    page.y += (len(given) + 1) // 2 * (height + GAP)


def bars(page: Page, sheet: Sheet) -> None:
    """Who came when today; left out where nobody did."""
    highest = max(sheet.bars, default=0)
    if not highest:
        return
    page.y += 12
    page.text(sheet.bars_title, MARGIN, page.y, INNER, 46, 33, SOFT)
    page.y += 58
    step, base = INNER / BARS_A_DAY, page.y + BARS_HEIGHT
    for number, n in enumerate(sheet.bars[:BARS_A_DAY]):
        if n:
            left = MARGIN + number * step
            page.draw.rectangle((round(left), base - max(3, round(BARS_HEIGHT * n / highest)), round(left + step) - 2, base),
                                NAVY if n == highest else ACCENT)
    page.draw.line((MARGIN, base, WIDTH - MARGIN, base), SOFT, 2)
    for hour in range(0, 25, 6):
        x = MARGIN + round(INNER * hour / 24)
        page.draw.line((x, base, x, base + 8), SOFT, 2)
        side: Any = "left" if hour == 0 else "right" if hour == 24 else "center"
        page.text(f"{hour:02d}:00", {"left": x, "right": x - 120, "center": x - 60}[side], base + 12, 120, 40, 30, SOFT, side)
    page.y = base + 64


def rows(page: Page, section: Section) -> None:
    """Two columns where every row is short, one where it has a second figure or a long name."""
    page.y += 34
    page.draw.rectangle((MARGIN, page.y + 6, MARGIN + 8, page.y + 50), NAVY)
    page.text(section.title, MARGIN + 26, page.y, 420, 56, 42, NAVY, font="serif", bold=True)
    page.text(section.note, MARGIN + 440, page.y + 8, INNER - 440, 44, 31, SOFT, "right")
    page.y += 76
    columns = 2 if len(section.rows) > 2 and all(len(name) <= 9 and value and not more for name, value, more in section.rows) else 1
    width = (INNER - (columns - 1) * 56) // columns
    for number, (name, value, more) in enumerate(section.rows):
        column = number % columns
        x = MARGIN + column * (width + 56)
        if column == 0 and number:
            page.y += 74
        page.draw.line((x, page.y + 70, x + width, page.y + 70), LINE, 2)
        if not value:
            page.text(name, x, page.y + 6, width, 60, 38, INK)
            continue
        right = 230 if columns == 2 else 250
        page.text(name, x, page.y + 6, width - right - (300 if more else 0) - 12, 60, 39, INK)
        if more:
            page.text(more, x + width - right - 300, page.y + 6, 290, 60, 33, SOFT, "right")
        page.text(value, x + width - right, page.y + 6, right, 60, 42, NAVY, "right", font="serif", bold=True)
    page.y += 74


def foot(page: Page, sheet: Sheet) -> None:
    page.y += 34
    for line in sheet.lines:
        page.paragraph(line, 36, INK)
        page.y += 8
    page.y += 22
    page.rule()
    page.y += 24
    page.text(sheet.foot, MARGIN, page.y, INNER, 44, 30, SOFT, "center")
    page.y += 78


def safe(text: str) -> str:
    return text.replace("{", "（").replace("}", "）")
