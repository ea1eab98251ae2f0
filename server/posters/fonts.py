"""Which fonts draw posters, and which of them has a glyph.

Owns: finding fonts (the OFL fonts of the PyPI package pylopdf-fonts-zh-cn, then the system's), their
coverage, and the doctor's report. Does not own: layout.
Invariant: `Fonts.pick` gives a font only for a character that its cmap holds, so no box is ever drawn.
"""

from __future__ import annotations

import importlib.util
import shutil
import struct
import subprocess
from functools import cache, lru_cache
from pathlib import Path
from typing import NamedTuple

from fontTools.ttLib import TTFont, TTLibError
from PIL import ImageFont

# Noto Serif SC and Noto Sans SC under the SIL Open Font License, 17 MB, pinned in requirements.txt.
PACKAGE = "pylopdf_fonts_zh_cn"
PACKAGE_FILES = {"serif": "NotoSerifSC-Regular.otf", "sans": "NotoSansSC-Regular.otf"}
# Where Debian and other systems keep fonts for Chinese, best first; index 2 of Noto's collections is Simplified Chinese.
SYSTEM_FILES: dict[str, tuple[tuple[str, int], ...]] = {
    "serif": (
        ("/usr/share/fonts/opentype/noto/NotoSerifCJK-Regular.ttc", 2),
        ("/usr/share/fonts/opentype/source-han-serif/SourceHanSerifSC-Regular.otf", 0),
        ("/usr/share/fonts/truetype/lxgw-wenkai/LXGWWenKai-Regular.ttf", 0),
    ),
    "sans": (
        ("/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc", 2),
        ("/usr/share/fonts/opentype/source-han-sans/SourceHanSansSC-Regular.otf", 0),
        ("/usr/share/fonts/truetype/wqy/wqy-zenhei.ttc", 0),
        ("/usr/share/fonts/truetype/wqy/wqy-microhei.ttc", 0),
    ),
}
# Ideographs that modern names need: simple, Extension A, Extension E (通用规范汉字表), and the dot.
PROBE = "漳州向国旗敬礼㛃䶮𬭛·0123456789,"
# fc-list answers in 50 ms; a cold cache over thousands of fonts takes seconds.
FC_LIST_SECONDS = 10
# One Unicode plane has 65,536 code points; posters need the first four planes (Han lives in 0, 2 and 3).
_BITS_BYTES = 4 * 65536 // 8
INSTALL = "install pylopdf-fonts-zh-cn into .venv (make run does), or as root: apt-get install fonts-noto-cjk"


class Face(NamedTuple):
    """A font file, and the number of a face in a collection."""

    path: str
    number: int


@lru_cache(maxsize=64)
def _coverage(face: Face) -> bytes:
    """The face's characters as a bit each; empty for a file that is no usable font."""
    bits = bytearray(_BITS_BYTES)
    try:
        with open(face.path, "rb") as file, TTFont(file, fontNumber=face.number, lazy=True) as font:
            for point, glyph in (font.getBestCmap() or {}).items():
                if point < _BITS_BYTES * 8 and glyph != ".notdef":
                    bits[point >> 3] |= 1 << (point & 7)
    except (TTLibError, OSError, ValueError, LookupError, AssertionError, struct.error) as error:  # what fontTools raises
        _broken[face] = str(error)  # such a file draws nothing, and the report names it
        return b""
    return bytes(bits)


_broken: dict[Face, str] = {}


def has_glyph(face: Face, character: str) -> bool:
    """Whether the face can draw the character."""
    bits, point = _coverage(face), ord(character)
    return bool(bits) and point < _BITS_BYTES * 8 and bool(bits[point >> 3] & (1 << (point & 7)))


@cache
def _package_folder() -> Path | None:
    spec = importlib.util.find_spec(PACKAGE)
    return Path(next(iter(spec.submodule_search_locations))) if spec and spec.submodule_search_locations else None


def _installed(family: str) -> list[Face]:
    """The family's own faces, best first."""
    folder = _package_folder()
    own = [Face(str(folder / PACKAGE_FILES[family]), 0)] if folder else []
    listed = own + [Face(path, index) for path, index in SYSTEM_FILES[family]]
    return [face for face in listed if Path(face.path).is_file()]


@cache
def _listed_by_fontconfig() -> tuple[Face, ...]:
    """Every other font of the system that claims Chinese; empty without fontconfig. Fails open: fewer rare glyphs."""
    program = shutil.which("fc-list")
    if not program:
        return ()
    try:
        answer = subprocess.run([program, ":lang=zh-cn", "--format", "%{file}|%{index}\n"], stdin=subprocess.DEVNULL,
                                capture_output=True, text=True, timeout=FC_LIST_SECONDS, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return ()
    rows = (line.rpartition("|") for line in answer.splitlines())
    faces = sorted({Face(path, int(index)) for path, _, index in rows if index.isdigit() and int(index) < 0x10000})
    return tuple(face for face in faces if Path(face.path).suffix.lower() in (".ttf", ".otf", ".ttc"))


class Fonts:
    """The faces that this machine has, asked glyph by glyph: the family first, the other family, then anything."""

    def __init__(self, faces: dict[str, list[Face]] | None = None) -> None:
        """`faces`: family -> faces in order; found on this machine when not given."""
        self._faces = faces if faces is not None else self._find()

    @staticmethod
    def _find() -> dict[str, list[Face]]:
        serif, sans, others = _installed("serif"), _installed("sans"), list(_listed_by_fontconfig())
        return {"serif": list(dict.fromkeys(serif + sans + others)), "sans": list(dict.fromkeys(sans + serif + others))}

    @property
    def families(self) -> dict[str, list[Face]]:
        return self._faces

    def pick(self, family: str, character: str) -> Face | None:
        """The first face with this glyph, or None: then the character must not be drawn."""
        return next((face for face in self._faces[family] if has_glyph(face, character)), None)

    def can_draw(self, family: str, text: str) -> bool:
        return all(character == " " or self.pick(family, character) for character in text)

    def drawable(self, family: str, text: str) -> str:
        """The text without the characters that no font has."""
        return "".join(c for c in text if c == " " or self.pick(family, c))


@lru_cache(maxsize=128)
def sized(face: Face, size: int) -> ImageFont.FreeTypeFont:
    """The face at a size in pixels. Basic layout: Chinese needs no shaping, and it is the same on every machine."""
    return ImageFont.truetype(face.path, size, index=face.number, layout_engine=ImageFont.Layout.BASIC)


def font_report() -> list[str]:
    """What is wrong with the fonts and what to do about it, a line each; empty when posters can be drawn well."""
    fonts = Fonts()
    if not any(fonts.families.values()):
        return [f"no Chinese font was found, posters cannot be drawn: {INSTALL}"]
    missing = "".join(c for c in PROBE if fonts.pick("serif", c) is None)
    problems = [f"no installed font can draw {missing}: {INSTALL}"] if missing else []
    return problems + [f"the font {face.path} cannot be read ({why}): install it again" for face, why in _broken.items()]


def font_names() -> list[str]:
    """The files in use, serif first, for people to read."""
    return [face.path for face in Fonts().families["serif"]]
