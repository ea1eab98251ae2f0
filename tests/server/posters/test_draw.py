"""What a poster shows: a readable code, no boxes, nothing outside its box, and the flag untouched."""

from __future__ import annotations

import io

import pytest
import zxingcpp
from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTFont
from PIL import Image, ImageChops

from server.posters import fonts
from server.posters.draw import Painter, flag_picture
from server.posters.fonts import Face, Fonts, font_names, font_report, has_glyph
from server.posters.layers import Flag, Qr, Text, load_template
from server.posters.names import NOBODY
from tests.server.posters.world import ASSETS, LINK, job

# Names as people in China have them: simple, Extension A, and the characters added by 通用规范汉字表 (Extensions B, C, E).
RARE = ["㛃", "䶮", "𬭛", "䲟", "𫖮", "𬀩", "𫟹", "𬬻", "𬱖", "𪩘", "㟃", "㸌", "䴔", "龘", "堃", "喆", "𫍽", "𬘡", "𬸪", "𬤊"]
# What every font draws for nothing.
NO_FONT_HAS_IT = "\U000323af"


@pytest.fixture(scope="module")
def painter() -> Painter:
    return Painter(ASSETS, Fonts())


@pytest.fixture(scope="module")
def layers() -> dict[str, Text]:
    return {layer.text: layer for layer in load_template(ASSETS / "posters", "salute").layers if isinstance(layer, Text)}


def box(layer) -> tuple[int, int, int, int]:
    return layer.x, layer.y, layer.x + layer.w, layer.y + layer.h


def test_the_file_is_a_jpeg_of_the_right_size_without_metadata(painter):
    jpeg = painter.draw(job())
    picture = Image.open(io.BytesIO(jpeg))
    assert (picture.format, picture.size, picture.mode) == ("JPEG", (750, 1334), "RGB")
    assert 50_000 < len(jpeg) < 250_000
    assert not picture.getexif() and "comment" not in picture.info


@pytest.mark.parametrize("scale", [1.0, 0.5])
def test_the_code_leads_to_the_campaign(painter, scale):
    """Also at 375 pixels, the width of a phone's screen in CSS pixels."""
    picture = Image.open(io.BytesIO(painter.draw(job())))
    codes = zxingcpp.read_barcodes(picture.resize((int(750 * scale), int(1334 * scale)), Image.Resampling.BILINEAR))
    assert [code.text for code in codes] == [LINK]
    corners = [(p.x / scale, p.y / scale) for p in (codes[0].position.top_left, codes[0].position.bottom_right)]
    assert corners[1][0] - corners[0][0] >= 195  # the dark part; with its quiet zone it is over 250


def test_the_code_has_its_quiet_zone_and_level(painter):
    picture = Image.open(io.BytesIO(painter.draw(job())))
    code = next(layer for layer in load_template(ASSETS / "posters", "salute").layers if isinstance(layer, Qr))
    found = zxingcpp.read_barcodes(picture)[0]
    module = (found.position.top_right.x - found.position.top_left.x) / 29
    assert found.position.top_left.x - code.x >= 4 * module - 1
    assert "M" in str(getattr(found, "ec_level", "M"))


def test_nothing_touches_the_flag(painter):
    flag = next(layer for layer in load_template(ASSETS / "posters", "salute").layers if isinstance(layer, Flag))
    for name in ("张三", "阿卜杜热西提·买买提艾力江"):
        drawn = painter.picture(job(name=name)).crop(box(flag))
        assert ImageChops.difference(drawn, flag_picture(ASSETS / "flag.svg", flag.w)).getbbox() is None


@pytest.mark.parametrize("changes", [
    {}, {"name": "阿卜杜热西提·买买提艾力江"}, {"name": "龘" * 15}, {"ordinal": "1"}, {"ordinal": "99,999,999"},
    {"region": "漳州台商投资区管理委员会" * 3}])
def test_a_text_stays_in_its_box(painter, changes):
    """All that differs between two posters lies inside the boxes of the citizen's own texts."""
    base, drawn = painter.picture(job(name="", ordinal="", region="")), painter.picture(job(**changes))
    difference = ImageChops.difference(base, drawn)
    for layer in load_template(ASSETS / "posters", "salute").personal():
        difference.paste((0, 0, 0), box(layer))
    assert difference.getbbox() is None


@pytest.mark.parametrize("title", ["敬", "向国旗敬礼主题宣传教育实践活动漳州专场启动仪式"])
def test_a_campaigns_own_words_stay_in_their_box(painter, layers, title):
    layer = layers["{title}"]
    difference = ImageChops.difference(painter.picture(job(title=title)), painter.picture(job(title="")))
    left, top, right, bottom = difference.getbbox()
    outside = difference.copy()
    outside.paste((0, 0, 0), box(layer))
    # the sky's grain differs by a few steps from base to base
    assert max(high for _, high in outside.getextrema()) < 16
    assert right > left and bottom > top


def test_a_long_name_shrinks_first_and_is_cut_last(painter, layers):
    layer = layers["{name}"]
    short, size = painter.fit(layer, "张三", "")
    assert size == layer.size and len(short.glyphs) == 2
    line, size = painter.fit(layer, "阿卜杜热西提·买买提艾力江", "")
    assert layer.min_size <= size < layer.size and len(line.glyphs) == 13 and line.width <= layer.w
    line, size = painter.fit(layer, "龘" * 40, "")
    assert size == layer.min_size and line.glyphs[-1].character == "…" and line.width <= layer.w


def test_rare_characters_are_drawn_and_never_as_a_box(painter, layers):
    fonts = Fonts()
    for character in RARE:
        line, _ = painter.fit(layers["{name}"], f"王{character}", "")
        assert [glyph.character for glyph in line.glyphs] == ["王", character]
        assert line.glyphs[1].font.getmask(character).getbbox() is not None
        face = fonts.pick("serif", character)
        assert has_glyph(face, character)


def test_every_common_character_has_a_glyph():
    """GB 2312 whole: 6,763 characters."""
    rows = (bytes((high, low)) for high in range(0xB0, 0xF8) for low in range(0xA1, 0xFF))
    characters = "".join(row.decode("gb2312", "ignore") for row in rows)
    assert len(characters) == 6763
    assert Fonts().drawable("serif", characters) == Fonts().drawable("sans", characters) == characters


def test_each_glyph_comes_from_the_first_font_that_has_it(tmp_path):
    """A face without Chinese first: digits come from it, Chinese from the next."""
    chinese = Fonts().families["serif"][0]
    options = Options()
    options.drop_tables += ["GSUB", "GPOS"]
    with TTFont(chinese.path, fontNumber=chinese.number) as font:
        subsetter = Subsetter(options)
        subsetter.populate(text="0123456789")
        subsetter.subset(font)
        font.save(tmp_path / "digits.otf")
    digits = Face(str(tmp_path / "digits.otf"), 0)
    fonts = Fonts({"serif": [digits, chinese], "sans": []})
    assert (fonts.pick("serif", "8"), fonts.pick("serif", "旗")) == (digits, chinese)


def test_a_name_that_no_font_can_draw_becomes_nobody(painter):
    assert Fonts().pick("serif", NO_FONT_HAS_IT) is None
    unknown, nobody = (painter.picture(job(name=name)) for name in (f"王{NO_FONT_HAS_IT}", NOBODY))
    assert ImageChops.difference(unknown, nobody).getbbox() is None


def test_other_texts_leave_out_what_no_font_has(painter, layers):
    line, _ = painter.fit(layers["{title}"], f"敬{NO_FONT_HAS_IT}礼", "")
    assert [glyph.character for glyph in line.glyphs] == ["敬", "礼"]


def test_the_demo_mark_shows_on_demo_campaigns_alone(painter, layers):
    mark = layers["{demo}"]
    demo, real = (painter.picture(job(demo=word)).crop(box(mark)) for word in ("演示", ""))
    assert max(high for _, high in real.convert("RGB").getextrema()) < 120
    assert min(high for _, high in demo.convert("RGB").getextrema()) > 150


def test_the_report_is_empty_here_and_says_what_to_do_elsewhere(monkeypatch):
    assert font_report() == []
    assert font_names()
    monkeypatch.setattr(Fonts, "_find", staticmethod(lambda: {"serif": [], "sans": []}))
    assert len(font_report()) == 1 and "apt-get install fonts-noto-cjk" in font_report()[0]


def test_a_broken_font_file_is_named_and_draws_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(fonts, "_broken", {})  # this process remembers such files
    broken = tmp_path / "broken.ttf"
    broken.write_bytes(b"\x00\x01\x00\x00" + b"x" * 64)
    assert not has_glyph(Face(str(broken), 0), "旗")
