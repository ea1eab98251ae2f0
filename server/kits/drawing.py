"""Pages and codes of a kit, in black and white for any school's printer. Runs in the kit's worker alone.

Invariants: every page is A4 at 300 dpi and every code can be read from paper: at least four white modules around it, black on white. There
is no flag on them: printed paper is thrown away.
"""

from __future__ import annotations

import io
from functools import lru_cache
from typing import Any

import qrcode
import qrcode.constants
from PIL import Image

from server.kits.wire import Code, Head
from server.posters.draw import Painter
from server.posters.layers import Text
from server.posters.wire import Job

DPI = 300
# A4 at 300 dots an inch.
PAGE = (2480, 3508)
MARGIN = 240
QUIET_MODULES = 4
# Where the code begins on its page.
CODE_TOP = 980
# 12 cm on the page: read from a metre and a half. 8 cm in the picture.
PAGE_CODE_PIXELS, PICTURE_CODE_PIXELS = 1417, 944
CAPTION_PIXELS = 96
# Where the words of a point begin, so that its lines stand under each other.
INDENT = 64
BLACK, WHITE = "#000000", 255


def code_picture(painter: Painter, code: Code) -> bytes:
    """A PNG with the place's name under the code."""
    drawn = qr(code.link, PICTURE_CODE_PIXELS)
    image = Image.new("L", (drawn.width, drawn.height + CAPTION_PIXELS), WHITE)
    image.paste(drawn, (0, 0))
    painter.write(image, line(code.place, 24, drawn.height - 16, drawn.width - 48, CAPTION_PIXELS, 56, "center", font="sans"), {})
    out = io.BytesIO()
    image.convert("1", dither=Image.Dither.NONE).save(out, "PNG", dpi=(DPI, DPI))
    return out.getvalue()


def code_page(painter: Painter, head: Head, code: Code) -> bytes:
    """An A4 page: title, whose it is, the code, what to do."""
    image, width = sheet(painter, head.title, head.when, head.organiser, head.demo).copy(), PAGE[0] - 2 * MARGIN
    painter.write(image, line(code.place, MARGIN, 720, width, 190, 130, "center"), {})
    drawn = qr(code.link, PAGE_CODE_PIXELS)
    image.paste(drawn, ((PAGE[0] - drawn.width) // 2, CODE_TOP + (PAGE_CODE_PIXELS - drawn.height) // 2))
    painter.write(image, line(code.link, MARGIN, PAGE[1] - 230, width, 70, 44, "center", font="sans"), {})
    return pdf(image)


@lru_cache(maxsize=1)
def sheet(painter: Painter, title: str, when: str, organiser: str, demo: bool) -> Image.Image:
    """What every page of a kit has; drawn once."""
    image, width, below = Image.new("L", PAGE, WHITE), PAGE[0] - 2 * MARGIN, CODE_TOP + PAGE_CODE_PIXELS
    painter.write(image, line(title, MARGIN, 300, width, 260, 190, "center", bold=True), {})
    painter.write(image, line(when, MARGIN, 570, width, 110, 76, "center", font="sans"), {})
    painter.write(image, line("打开微信“扫一扫”，对准二维码", MARGIN, below + 60, width, 150, 110, "center", bold=True), {})
    painter.write(image, line("约一分钟，自愿参加，不填写姓名和电话", MARGIN, below + 230, width, 110, 76, "center", font="sans"), {})
    foot = "　".join(filter(None, (f"主办：{organiser}" if organiser else "", "演示" if demo else "")))
    painter.write(image, line(foot, MARGIN, PAGE[1] - 330, width, 90, 58, "center", font="sans"), {})
    return image


def guide_page(painter: Painter, head: Head) -> bytes:
    """The page for teachers."""
    image, width = Image.new("L", PAGE, WHITE), PAGE[0] - 2 * MARGIN
    painter.write(image, line(head.title, MARGIN, 220, width, 190, 130, "left", bold=True), {})
    painter.write(image, line("教师一页说明", MARGIN, 410, width, 110, 72, "left", font="sans"), {})
    y = 590
    for heading, lines in head.guide:
        painter.write(image, line(heading, MARGIN, y, width, 110, 74, "left", bold=True), {})
        y += 126
        for text in lines:
            layer = line(text, MARGIN + INDENT, y, width - INDENT, 0, 56, "left", font="sans", lines=3)
            painter.write(image, line("·", MARGIN + 20, y, INDENT, 76, 56, "left", font="sans"), {})
            taken = len(painter.wrapped(layer, layer.text)[0]) * 76
            layer.h = taken
            painter.write(image, layer, {})
            y += taken + 14
        y += 52
    foot = f"主办：{head.organiser}" if head.organiser else ""
    painter.write(image, line("　".join(filter(None, (foot, head.when))), MARGIN, PAGE[1] - 230, width, 70, 46, "left", font="sans"), {})
    return pdf(image)


def covers(painter: Painter, head: Head) -> dict[str, bytes]:
    """The pictures of an article: wide and square."""
    campaign = {"title": head.title, "demo": "演示" if head.demo else ""}
    return {"公众号封面/封面-900x383.jpg": painter.draw(Job("share-salute-wide", campaign, {}, "")),
            "公众号封面/封面-方形-1比1.jpg": painter.draw(Job("share-salute", campaign, {}, ""))}


def line(text: str, x: int, y: int, w: int, h: int, size: int, align: Any, *, font: Any = "serif", bold: bool = False,
         lines: int = 1) -> Text:
    # Braces in a school's name are no placeholders.
    return Text(x=x, y=y, w=w, h=h, text=text.replace("{", "（").replace("}", "）"), font=font, size=size, color=BLACK, align=align,
                bold=0.014 if bold else 0.0, lines=lines)


def qr(link: str, wanted_pixels: int) -> Image.Image:
    """A code of about that size, every module a whole number of dots."""
    code = qrcode.QRCode(error_correction=qrcode.constants.ERROR_CORRECT_Q, border=QUIET_MODULES)
    code.add_data(link)
    code.make(fit=True)
    rows = code.get_matrix()
    picture = Image.new("L", (len(rows), len(rows)), WHITE)
    picture.putdata([0 if dark else WHITE for row in rows for dark in row])
    return picture.resize((len(rows) * (wanted_pixels // len(rows)),) * 2, Image.Resampling.NEAREST)


def pdf(image: Image.Image) -> bytes:
    """One page; in black and white it is packed as a fax is, some 15 KB."""
    out = io.BytesIO()
    image.convert("1", dither=Image.Dither.NONE).save(out, "PDF", resolution=DPI, producer="Wenming", creator="Wenming")
    return out.getvalue()
