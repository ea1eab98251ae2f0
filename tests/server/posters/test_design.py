"""A campaign's own poster: what its form takes, each rule of publishing, what is warned of, and how it is drawn."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
import zxingcpp
from PIL import Image

from server.campaign_types import CAMPAIGN_TYPES
from server.campaigns import check
from server.errors import InvalidBody
from server.posters.design import (
    PALETTE,
    Design,
    DesignWrong,
    TextItem,
    begun_from,
    ground_of,
    in_words,
    landscape_name,
    look_of,
    read_design,
    template_of,
)
from server.posters.design_rules import check_theme, contrast, problems_of, warnings_of
from server.posters.draw import MAX_JPEG_BYTES, Painter, PicturesMissing, flag_picture
from server.posters.fonts import Fonts
from server.posters.layers import Flag, Text, load_template
from server.releases.content import Content, diff, tidy
from tests.server.posters.world import ASSETS, CAMPAIGN, LINK, job

SALUTE = load_template(ASSETS / "posters", "salute")
FLAG = {"kind": "flag", "id": "flag", "x": 100, "y": 100, "w": 300, "h": 200}
CODE = {"kind": "qr", "id": "code", "x": 44, "y": 1000, "w": 264, "h": 264}
PHOTO = {"kind": "image", "id": "photo", "x": 90, "y": 90, "w": 320, "h": 220, "media": "a" * 32}
ORDINAL = {"kind": "text", "id": "ordinal", "x": 100, "y": 600, "w": 500, "h": 120, "text": "第 {ordinal} 位", "size": 80}


def text(**changes):
    return {"kind": "text", "id": "words", "x": 100, "y": 400, "w": 300, "h": 60, "text": "{title}", "size": 40} | changes


def shape(**changes):
    return {"kind": "shape", "id": "box", "x": 0, "y": 0, "w": 100, "h": 100} | changes


def design(*layers, **changes) -> dict:
    return {"scene": "plain", "layers": list(layers)} | changes


def told(*layers) -> str:
    return "；".join(problems_of(read_design(design(*layers))))


class TestForm:
    def test_the_built_in_poster_is_a_design_to_begin_with_that_breaks_no_rule(self):
        begun = begun_from(SALUTE)
        assert list(problems_of(begun)) == [] and list(warnings_of(begun, ground_of(begun, SALUTE))) == []
        assert read_design(msgspec.to_builtins(begun)) == begun
        assert sum(isinstance(layer, Flag) for layer in template_of(begun, SALUTE, {}).layers) == 1

    @pytest.mark.parametrize("kind", list(CAMPAIGN_TYPES))
    def test_each_kind_begins_from_its_own_poster_over_its_own_landscape(self, kind):
        name = CAMPAIGN_TYPES[kind].poster
        template = load_template(ASSETS / "posters", name)
        begun = begun_from(template, name)
        assert begun.scene == landscape_name(begun) == name and ground_of(begun, template)[0] == template.layers[0]
        assert list(problems_of(begun)) == [] and list(warnings_of(begun, ground_of(begun, template))) == []
        own = {layer.text for layer in template.layers if isinstance(layer, Text) and "{" not in layer.text}
        assert own <= {item.text for item in begun.layers if isinstance(item, TextItem)}
        look = look_of(template)
        assert look[0] == template.layers[0].stops[0] and look[-1][0] == 1 and [at for at, _ in look] == sorted(at for at, _ in look)

    @pytest.mark.parametrize(("value", "words"), [
        ([], "要有场景和图层"), ({"music": 1}, "不认识的属性 music"), (design(scene="beach"), "设计的背景缺少或不在可选的范围里"),
        (design(FLAG | {"rotate": 180}), "第 1 层有不认识的属性 rotate：图层不能旋转"),
        (design(FLAG | {"color": "#00FF00"}), "不认识的属性 color"), (design(CODE | {"crop": 1}), "不认识的属性 crop"),
        (design(text(color="#DE2910")), "颜色不在调色板里"), (design(text(x=1.5)), "左边距离要是整数"), (design(text(w=0)), "宽至少 1"),
        (design(text(text="字" * 81)), "文字最多 80 字"), (design(text(size=900)), "字号最多 200"),
        (design({"kind": "video", "id": "a"}), "类型不认识"),
        (design(text(id="A b")), "编号不对"), (design(text(), text()), "同一个编号"),
        (design(*(text(id=f"t{n}") for n in range(31))), "图层最多 30 个"),
    ])
    def test_what_is_no_design_is_refused_with_the_rule(self, value, words):
        with pytest.raises(DesignWrong) as refused:
            read_design(value)
        assert words in refused.value.message and refused.value.code == "POSTER_DESIGN_WRONG" and refused.value.status == 422

    def test_a_draft_keeps_one_that_breaks_rules_and_none_that_has_no_form(self):
        tidy(Content(theme={"poster_design": design(FLAG | {"h": 220})}))
        with pytest.raises(DesignWrong):
            tidy(Content(theme={"poster_design": design(FLAG | {"rotate": 90})}))


class TestRules:
    @pytest.mark.parametrize(("layers", "words"), [
        ([FLAG | {"h": 220}, CODE], "长与高必须是 3∶2"), ([FLAG | {"w": 90, "h": 60}, CODE], "国旗太小"),
        ([FLAG, CODE, text(y=150)], "盖住了国旗"), ([FLAG, CODE, text(y=150, text="{name}")], "盖住了国旗"),
        ([FLAG, CODE, shape(w=750, h=1334, opacity=5)], "盖住了国旗"), ([text(y=150), FLAG, CODE], "被国旗压住"),
        ([PHOTO | {"x": 120, "y": 120}, FLAG, CODE], "图片被国旗压住"), ([FLAG, FLAG | {"id": "b", "y": 500}, CODE], "只放一面国旗"),
        ([FLAG | {"x": 600}, CODE], "国旗超出了画面"), ([FLAG], "要有一个二维码"), ([CODE, CODE | {"id": "b", "x": 400}], "只放一个二维码"),
        ([CODE | {"w": 150, "h": 150}], "边长至少 200"), ([CODE | {"h": 300}], "必须是正方形"), ([CODE, text(y=1100)], "盖住了二维码"),
        ([CODE, shape(y=990, x=40, opacity=5)], "盖住了二维码"), ([text(y=1100, text="{ordinal}"), CODE], "盖住了二维码"),
        ([CODE | {"radius": 40}], "再大会切到留白"), ([CODE, text(x=600)], "超出了画面"), ([CODE, text(x=-1)], "超出了画面"),
        ([CODE, text(text="{openid}")], "不认识的占位符 {openid}"), ([CODE, text(text=" ")], "是空的"),
        ([CODE, text(size=60)], "框太矮"), ([CODE, text(lines=2)], "框太矮"),
        ([CODE, {"kind": "image", "id": "p", "x": 0, "y": 0, "w": 9, "h": 9, "media": ""}], "还没有选图片"),
        ([CODE, *({"kind": "image", "id": f"p{n}", "x": 0, "y": 0, "w": 9, "h": 9, "media": "a" * 32} for n in range(7))], "图片最多 6 张"),
    ])
    def test_each_is_told_in_words(self, layers, words):
        assert words in told(*layers)

    def test_what_is_hidden_breaks_none(self):
        assert told(FLAG, CODE, text(y=150, hidden=1), shape(y=1100, hidden=1)) == ""

    def test_a_picture_or_shape_may_lie_whole_under_the_flag(self):
        assert told(PHOTO, shape(x=120, y=120), FLAG, CODE) == ""

    def test_no_campaign_can_be_made_public_with_a_broken_one(self):
        check(replace(CAMPAIGN, theme={"poster_design": design(FLAG, CODE)}))
        with pytest.raises(InvalidBody) as refused:
            check(replace(CAMPAIGN, theme={"poster_design": design(FLAG, CODE, text(y=150))}))
        assert refused.value.code == "POSTER_DESIGN_WRONG" and "盖住了国旗" in refused.value.message
        check_theme({"subtitle": "同升一面旗"})

    def test_what_should_be_looked_at_is_warned_of(self):
        found = read_design(design(CODE, text(color="#22406F"), top="#22406F", bottom="#22406F"))
        warned = "；".join(warnings_of(found, ground_of(found, SALUTE)))
        assert "没有国旗" in warned and "{ordinal}" in warned and "对比只有 1.0" in warned
        below = read_design(design(FLAG, CODE, ORDINAL, shape(x=90, y=390, w=400, h=100, color="#FFFFFF"), text(color="#1C2430")))
        assert list(warnings_of(below, ground_of(below, SALUTE))) == []
        assert round(contrast("#000000", "#FFFFFF")) == 21 and all(contrast(one, one) == 1 for one in PALETTE)


class TestDifferences:
    def test_are_told_layer_by_layer_in_words(self):
        before = Content(theme={"poster_design": design(FLAG, CODE, text())})
        after = Content(theme={"poster_design": design(FLAG, CODE | {"x": 60}, text(text="{ordinal} 位"))})
        changes = {change.field: (change.name, change.before, change.after) for change in diff(before, after)}
        assert changes["theme.poster_design.words.text"] == ("海报图层 words（文字）的文字", "{title}", "{ordinal} 位")
        assert changes["theme.poster_design.code"][1:] == ("左 44 上 1000 宽 264 高 264", "左 60 上 1000 宽 264 高 264")
        assert len(changes) == 2
        assert in_words({"nonsense": 1})["theme.poster_design"][0] == "海报设计"


@pytest.fixture(scope="module")
def painter() -> Painter:
    return Painter(ASSETS, Fonts())


def drawn(painter: Painter, made: dict, **changes) -> Image.Image:
    asked = msgspec.structs.replace(job(), design=msgspec.json.encode(made).decode(), **changes)
    return Image.open(io.BytesIO(painter.draw(asked)))


def photo(colour: str, size: tuple[int, int] = (800, 600)) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, colour).save(out, "JPEG")
    return out.getvalue()


class TestDrawing:
    def test_the_code_leads_to_the_campaign_and_the_flag_is_the_law_s(self, painter):
        picture = drawn(painter, design(FLAG, CODE, ORDINAL))
        assert picture.size == (750, 1334)
        assert [code.text for code in zxingcpp.read_barcodes(picture)] == [LINK]
        assert [code.text for code in zxingcpp.read_barcodes(picture.resize((375, 667)))] == [LINK]
        flag = flag_picture(ASSETS / "flag.svg", 300)
        for point in ((10, 10), (50, 50), (100, 20), (250, 150)):
            ours, law = picture.getpixel((100 + point[0], 100 + point[1])), flag.getpixel(point)
            assert max(abs(a - b) for a, b in zip(ours, law, strict=True)) < 24

    def test_a_text_breaks_into_the_lines_it_may_have(self, painter):
        layer = next(one for one in template_of(read_design(design(CODE, text(text="同升一面旗，共敬一个礼，祝福我们的祖国", w=300, h=170,
                                                                              lines=3))), SALUTE, {}).layers if getattr(one, "text", ""))
        lines, size = painter.wrapped(layer, layer.text)
        assert len(lines) == 3 and size == 40 and all(line.width <= 300 for line in lines)
        assert "".join(glyph.character for line in lines for glyph in line.glyphs) == layer.text
        assert not any(line.glyphs[0].character in "，。" for line in lines)

    def test_a_picture_of_the_library_fills_its_box_once_it_comes_with_the_job(self, painter):
        made = design({"kind": "image", "id": "p", "x": 400, "y": 600, "w": 300, "h": 300, "media": "a" * 32}, CODE)
        photos = {"a" * 32: "photo.jpg"}
        with pytest.raises(PicturesMissing):
            drawn(painter, made, photos=photos)
        picture = drawn(painter, made, photos=photos, pictures={"photo.jpg": photo("#3366AA")})
        assert max(abs(a - b) for a, b in zip(picture.getpixel((550, 750)), (0x33, 0x66, 0xAA), strict=True)) < 8
        again = drawn(painter, made, photos=photos)  # the background is kept: the pictures are not needed again
        assert again.getpixel((550, 750)) == picture.getpixel((550, 750))
        assert drawn(painter, made).getpixel((550, 750)) != picture.getpixel((550, 750))  # gone from the library

    def test_a_changed_design_is_drawn_anew(self, painter):
        first, second = (drawn(painter, design(CODE, shape(color=colour))).getpixel((50, 50)) for colour in ("#FFFFFF", "#1F4D3A"))
        assert first > (240, 240, 240) > second

    def test_a_noisy_photograph_is_packed_until_it_fits(self, painter):
        out = io.BytesIO()
        Image.effect_noise((750, 1334), 60).convert("RGB").save(out, "JPEG", quality=95)
        made = design({"kind": "image", "id": "p", "x": 0, "y": 0, "w": 750, "h": 1334, "media": "b" * 32}, CODE)
        asked = msgspec.structs.replace(job(), design=msgspec.json.encode(made).decode(), photos={"b" * 32: "n.jpg"},
                                        pictures={"n.jpg": out.getvalue()})
        try:
            assert len(painter.draw(asked)) <= MAX_JPEG_BYTES
        except ValueError as error:
            assert "more than" in str(error)  # refused, never sent larger


def test_a_whole_design_stays_small():
    assert len(msgspec.json.encode(begun_from(SALUTE))) < 4096 and isinstance(begun_from(SALUTE), Design) and Path(ASSETS).is_dir()
